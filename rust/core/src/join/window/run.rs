//! Windows of all left rows of a bucket: the ends of each window are found by two positions that only move forward.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::types::{
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
};
use arrow_array::{
    Array, ArrayRef, Decimal128Array, Float64Array, Int64Array, ListArray, PrimitiveArray, UInt32Array, UInt64Array,
};
use arrow_buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, TimeUnit};
use rayon::prelude::*;

use super::super::groups::{AHEAD, Arranged};
use super::super::left::{LeftIndex, LeftRow};
use super::super::monitor::Monitor;
use super::super::partition::{Side, each_bucket};
use super::super::report::SideReport;
use super::super::search::Outcome;
use super::super::table::{NONE, Table, position, to_indices};
use super::super::times::{Instant, Unit};
use super::super::visible::Minima;
use super::evaluate::{Cells, Evaluator, Ranges, evaluate, evaluate_nested};
use super::functions::{Aggregate, Aggregates, Function};
use super::values::{Column, GroupValues};
use crate::error::Result;

/// What is computed of one column by one function: which aggregates, of which windows.
struct Task {
    column: Option<usize>,
    function: Function,
    aggregates: Vec<usize>,
    /// The same aggregates, those of windows that end together in one list, the shortest window first.
    nested: Vec<Vec<usize>>,
}

/// Everything that does not change from bucket to bucket.
struct Plan<'a> {
    aggregates: &'a Aggregates,
    columns: Vec<Column>,
    tasks: Vec<Task>,
    /// The kind of each result.
    empty: Vec<Cells>,
    /// Length and offset of each window in units of the times.
    windows: Vec<(Option<i128>, i128)>,
    only_known: bool,
}

/// Results of one bucket: the left rows, and a cell of each for every aggregate.
#[derive(Default)]
struct Part {
    rows: Vec<u32>,
    cells: Vec<Cells>,
}

/// Compute all aggregates of one right table.
#[allow(clippy::too_many_arguments)] // All parts of one search, each from another room.
pub(in crate::join) fn run<T: Instant>(
    left: &LeftIndex<T>,
    table: &Table,
    right: &Side<T>,
    arranged: &Arranged<T>,
    aggregates: &Aggregates,
    only_known: bool,
    unit: Unit,
    monitor: &Monitor,
) -> Result<(Vec<ArrayRef>, SideReport)> {
    let plan = Plan::new(table, aggregates, only_known, unit)?;
    let work = |(mut parts, mut report): (Vec<Part>, SideReport), bucket: usize| {
        monitor.advance(left.bucket(bucket).rows.len())?;
        parts.push(plan.bucket(left, right, arranged, bucket, &mut report)?);
        Ok((parts, report))
    };
    let (parts, report) = each_bucket(left.n_buckets(), work, |(mut parts, mut report), (more, other)| {
        parts.extend(more);
        report.merge(&other);
        (parts, report)
    })?;
    let n_rows = left.side.n_rows();
    let results =
        aggregates.columns.par_iter().enumerate().map(|(at, aggregate)| gather(&parts, at, aggregate, table, n_rows));
    Ok((results.collect::<Result<_>>()?, report.with_nulls(n_rows)))
}

impl<'a> Plan<'a> {
    fn new(table: &Table, aggregates: &'a Aggregates, only_known: bool, unit: Unit) -> Result<Self> {
        let mut names: Vec<&str> = Vec::new();
        let mut tasks: Vec<Task> = Vec::new();
        for (at, aggregate) in aggregates.columns.iter().enumerate() {
            let column = aggregate.column.as_deref().map(|name| {
                names.iter().position(|known| *known == name).unwrap_or_else(|| {
                    names.push(name);
                    names.len() - 1
                })
            });
            let known = tasks.iter_mut().find(|task| task.column == column && task.function == aggregate.function);
            if let Some(task) = known {
                task.aggregates.push(at);
            } else {
                let (function, nested) = (aggregate.function, Vec::new());
                tasks.push(Task { column, function, aggregates: vec![at], nested });
            }
        }
        for task in &mut tasks {
            task.nested = aggregates.nested(&task.aggregates);
        }
        let functions = |at: usize| -> Vec<Function> {
            tasks.iter().filter(|task| task.column == Some(at)).map(|task| task.function).collect()
        };
        let columns = names
            .iter()
            .enumerate()
            .map(|(at, name)| Column::read(table, name, &functions(at)))
            .collect::<Result<Vec<_>>>()?;
        let empty = aggregates.columns.iter().map(|aggregate| {
            let column =
                names.iter().position(|name| Some(*name) == aggregate.column.as_deref()).map(|at| &columns[at]);
            let (is_decimal, is_float, is_plain) = column.map_or((false, false, false), Column::kinds);
            Cells::of(aggregate.function, is_decimal, is_float, is_plain)
        });
        let ns = i128::from(unit.ns);
        let windows = aggregates.windows.iter();
        Ok(Self {
            aggregates,
            empty: empty.collect(),
            windows: windows
                .map(|window| (window.length_ns.map(|length| length / ns), window.offset_ns / ns))
                .collect(),
            columns,
            tasks,
            only_known,
        })
    }

    fn bucket<T: Instant>(
        &self,
        left: &LeftIndex<T>,
        right: &Side<T>,
        arranged: &Arranged<T>,
        bucket: usize,
        report: &mut SideReport,
    ) -> Result<Part> {
        let ours = left.bucket(bucket);
        let groups = arranged.groups(left, right, bucket);
        let mut part = Part { rows: Vec::with_capacity(ours.rows.len()), cells: self.empty.clone() };
        part.cells.iter_mut().for_each(|cells| cells.reserve(ours.rows.len()));
        let (mut sorted, mut labels): (Vec<LeftRow<T>>, Vec<T>) = Default::default();
        let mut ranges: Vec<Ranges> = vec![Vec::new(); self.windows.len()];
        for (group, members) in ours.groups().enumerate().filter(|(_, members)| !members.is_empty()) {
            groups.prefetch(group + AHEAD);
            sorted.clear();
            sorted.extend_from_slice(members);
            sorted.sort_unstable();
            part.rows.extend(sorted.iter().map(|row| row.row));
            labels.clear();
            labels.extend(sorted.iter().map(|row| row.time));
            let group = groups.get(group);
            if self.only_known {
                // What was known differs from left row to left row.
                let minima = Minima::of(group.created);
                for &label in &labels {
                    let reach = self.reach(group.times, label).filter(|&at| group.created[at] <= label);
                    let (times, rows): (Vec<T>, Vec<u32>) = reach.map(|at| (group.times[at], group.row(at))).unzip();
                    let nothing = |label: T| {
                        let before = group.times.partition_point(|&time| time <= label);
                        outcome(group.times, label, minima.last(before, label).is_some())
                    };
                    self.group(&times, &rows, &[label], nothing, &mut ranges, &mut part.cells, report)?;
                }
            } else {
                let nothing = |label: T| outcome(group.times, label, true);
                self.group(group.times, &group.rows(), &labels, nothing, &mut ranges, &mut part.cells, report)?;
            }
        }
        Ok(part)
    }

    /// Positions of the events that the windows of a left row reach.
    fn reach<T: Instant>(&self, times: &[T], label: T) -> Range<usize> {
        let last = label.before(self.windows.iter().map(|&(_, offset)| offset).min().unwrap_or(0));
        let end = times.partition_point(|&time| time <= last);
        let lengths = self.windows.iter().map(|&(length, offset)| Some(length?.saturating_add(offset)));
        let longest: Option<i128> = lengths.max_by_key(|length| length.unwrap_or(i128::MAX)).flatten();
        let start = longest.map_or(0, |longest| times.partition_point(|&time| time < label.before(longest)));
        start.min(end)..end
    }

    /// All aggregates of the left rows at `labels`, which ascend, over events at `times` in `rows`. `nothing` tells what
    /// there is for a left row that has none of them in a window; `ranges` is memory only.
    #[allow(clippy::too_many_arguments)] // One group: its events, its left rows, and where results go.
    fn group<T: Instant>(
        &self,
        times: &[T],
        rows: &[u32],
        labels: &[T],
        nothing: impl Fn(T) -> Outcome,
        ranges: &mut [Ranges],
        cells: &mut [Cells],
        report: &mut SideReport,
    ) -> Result<()> {
        self.find_ranges(times, labels, ranges);
        Self::count(times, labels, ranges, nothing, report);
        let values: Vec<GroupValues<'_>> = self.columns.iter().map(|column| GroupValues::of(column, rows)).collect();
        for task in &self.tasks {
            let Some(column) = task.column else {
                for &at in &task.aggregates {
                    let ranges = &ranges[self.aggregates.columns[at].window];
                    cells[at].push_counts(ranges.iter().copied());
                }
                continue;
            };
            let n_ranges = labels.len() * task.aggregates.len();
            let evaluator = Evaluator::of(task.function, &values[column], n_ranges);
            let are_folds = task.nested.iter().all(|nested| {
                let ranges: Vec<&Ranges> =
                    nested.iter().map(|&at| &ranges[self.aggregates.columns[at].window]).collect();
                evaluate_nested(&values[column], &evaluator, nested, &ranges, cells)
            });
            if are_folds {
                continue;
            }
            for &at in &task.aggregates {
                let aggregate = &self.aggregates.columns[at];
                evaluate(&values[column], &evaluator, aggregate, &ranges[aggregate.window], &mut cells[at])?;
            }
        }
        Ok(())
    }

    /// Positions of the events in each window of each left row. Windows with one offset end at one position.
    fn find_ranges<T: Instant>(&self, times: &[T], labels: &[T], ranges: &mut [Ranges]) {
        for (at, &(length, offset)) in self.windows.iter().enumerate() {
            let (known, others) = ranges.split_at_mut(at);
            let ranges = &mut others[0];
            ranges.clear();
            match self.windows[..at].iter().position(|window| window.1 == offset) {
                Some(same) => ranges.extend(known[same].iter().map(|range| (0, range.1))),
                None => self.find_ends(offset, times, labels, ranges),
            }
            let Some(length) = length else { continue };
            let mut seek = Seek::of(times, labels.len());
            for (range, label) in ranges.iter_mut().zip(labels) {
                let first = label.before(offset.saturating_add(length));
                range.0 = seek.next(first, !self.aggregates.closed_left).min(range.1);
            }
        }
    }

    fn find_ends<T: Instant>(&self, offset: i128, times: &[T], labels: &[T], ranges: &mut Ranges) {
        let mut seek = Seek::of(times, labels.len());
        ranges.extend(labels.iter().map(|label| (0, seek.next(label.before(offset), self.aggregates.closed_right))));
    }

    fn count<T: Instant>(
        times: &[T],
        labels: &[T],
        ranges: &[Ranges],
        nothing: impl Fn(T) -> Outcome,
        report: &mut SideReport,
    ) {
        report.n_rows += labels.len() as u64;
        let mut others = Vec::new();
        report.ages.add_all(labels.iter().enumerate().filter_map(|(at, &label)| {
            let ends = ranges.iter().map(|ranges| ranges[at]).filter(|(start, end)| start < end).map(|range| range.1);
            let Some(newest) = ends.max() else {
                others.push(label);
                return None;
            };
            Some(times[newest - 1].distance(label))
        }));
        report.n_matched += (labels.len() - others.len()) as u64;
        for label in others {
            report.count(nothing(label));
        }
    }
}

/// Finds positions in ascending times, each not before the last one: by a walk, or by searches where there are many times
/// for each. Searches do not wait for each other, and take no branch that a processor could guess wrong.
struct Seek<'a, T> {
    times: &'a [T],
    at: usize,
    is_walk: bool,
}

/// Times for each position that is looked for from which searches are faster.
const WORTH_SEARCH: usize = 4;

impl<'a, T: Instant> Seek<'a, T> {
    fn of(times: &'a [T], n_positions: usize) -> Self {
        Self { times, at: 0, is_walk: times.len() / WORTH_SEARCH < n_positions }
    }

    /// The position of the first time after `limit`, or of the first one that is not before it.
    #[inline]
    fn next(&mut self, limit: T, is_after: bool) -> usize {
        if is_after { self.first_not(|time| time <= limit) } else { self.first_not(|time| time < limit) }
    }

    #[inline]
    fn first_not(&mut self, is_before: impl Fn(T) -> bool) -> usize {
        if !self.is_walk {
            return self.times.partition_point(|&time| is_before(time));
        }
        while self.times.get(self.at).is_some_and(|&time| is_before(time)) {
            self.at += 1;
        }
        self.at
    }
}

/// What the events of its key are to a left row that has none in a window.
fn outcome<T: Instant>(times: &[T], label: T, is_known: bool) -> Outcome {
    let Some(&first) = times.first() else { return Outcome(0) };
    let is_earlier = first <= label;
    let known = if is_earlier && is_known { Outcome::KNOWN } else { 0 };
    Outcome(Outcome::KEY | known | if is_earlier { Outcome::TIME } else { 0 })
}

/// The column of one aggregate in the order of the left rows. Rows that are in no bucket have no events.
fn gather(parts: &[Part], at: usize, aggregate: &Aggregate, table: &Table, n_rows: usize) -> Result<ArrayRef> {
    let source = aggregate.column.as_deref().map(|name| position(table.schema(), name, "right")).transpose()?;
    let field = aggregate.field(table.schema())?;
    let Some(kind) = parts.first().map(|part| &part.cells[at]) else {
        return Ok(arrow_array::new_null_array(field.data_type(), n_rows));
    };
    Ok(match kind {
        Cells::Counts(_) => Arc::new(Int64Array::from(scattered(parts, n_rows, 0, |part| part.cells[at].counts()))),
        Cells::Wholes(_) => wholes(scattered(parts, n_rows, None, |part| part.cells[at].wholes()), field.data_type()),
        Cells::Wides(_) => {
            let all = scattered(parts, n_rows, None, |part| part.cells[at].wides());
            let scale = if let DataType::Decimal128(_, scale) = field.data_type() { *scale } else { 0 };
            Arc::new(Decimal128Array::from(all).with_precision_and_scale(38, scale)?)
        }
        Cells::Floats(..) => {
            let values = scattered(parts, n_rows, 0.0, |part| part.cells[at].floats().0);
            let valid = scattered(parts, n_rows, false, |part| part.cells[at].floats().1);
            let nulls = NullBuffer::new(BooleanBuffer::collect_bool(n_rows, |row| valid[row]));
            let nulls = Some(nulls).filter(|nulls| nulls.null_count() > 0);
            let values: ArrayRef = Arc::new(Float64Array::new(values.into(), nulls));
            if field.data_type() == values.data_type() { values } else { cast(&values, field.data_type())? }
        }
        Cells::Rows(_) => {
            let rows = to_indices(scattered(parts, n_rows, NONE, |part| part.cells[at].rows()));
            table.take(source.unwrap_or(0), &table.rows(rows))?
        }
        Cells::Lists(..) => lists(parts, at, source.unwrap_or(0), table, n_rows)?,
    })
}

/// The cells of all parts in the order of the left rows.
fn scattered<V: Copy>(parts: &[Part], n_rows: usize, nothing: V, cells: impl Fn(&Part) -> &[V]) -> Vec<V> {
    let mut all = vec![nothing; n_rows];
    for part in parts {
        part.rows.iter().zip(cells(part)).for_each(|(&row, &cell)| all[row as usize] = cell);
    }
    all
}

fn wholes(values: Vec<Option<i64>>, data_type: &DataType) -> ArrayRef {
    let nulls = NullBuffer::from(values.iter().map(Option::is_some).collect::<Vec<bool>>());
    let nulls = Some(nulls).filter(|nulls| nulls.null_count() > 0);
    let values: ScalarBuffer<i64> = values.into_iter().map(Option::unwrap_or_default).collect();
    match data_type {
        DataType::UInt64 => Arc::new(UInt64Array::new(ScalarBuffer::from(values.into_inner()), nulls)),
        DataType::Duration(TimeUnit::Second) => Arc::new(PrimitiveArray::<DurationSecondType>::new(values, nulls)),
        DataType::Duration(TimeUnit::Millisecond) => {
            Arc::new(PrimitiveArray::<DurationMillisecondType>::new(values, nulls))
        }
        DataType::Duration(TimeUnit::Microsecond) => {
            Arc::new(PrimitiveArray::<DurationMicrosecondType>::new(values, nulls))
        }
        DataType::Duration(TimeUnit::Nanosecond) => {
            Arc::new(PrimitiveArray::<DurationNanosecondType>::new(values, nulls))
        }
        _ => Arc::new(Int64Array::new(values, nulls)),
    }
}

fn lists(parts: &[Part], at: usize, source: usize, table: &Table, n_rows: usize) -> Result<ArrayRef> {
    let mut members: Vec<&[u32]> = vec![&[]; n_rows];
    for part in parts {
        let (ends, rows) = part.cells[at].lists();
        let mut start = 0;
        for (&row, &end) in part.rows.iter().zip(ends) {
            members[row as usize] = &rows[start as usize..end as usize];
            start = end;
        }
    }
    let offsets = OffsetBuffer::from_lengths(members.iter().map(|rows| rows.len()));
    let rows: Vec<u32> = members.concat();
    let values = table.take(source, &table.rows(UInt32Array::from(rows)))?;
    let item = Field::new("item", values.data_type().clone(), true);
    Ok(Arc::new(ListArray::try_new(item.into(), offsets, values, None)?))
}
