//! Windows of all left rows of a bucket: the ends of each window are found by two positions that only move forward.

use std::borrow::Cow;
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

use super::super::groups::{AHEAD, Arranged, Group, Groups};
use super::super::left::{LeftIndex, LeftRow};
use super::super::monitor::Monitor;
use super::super::partition::{Side, each_bucket};
use super::super::report::SideReport;
use super::super::search::Outcome;
use super::super::table::{NONE, Table, position, to_indices};
use super::super::times::{Instant, Unit};
use super::super::visible::Minima;
use super::evaluate::{Cells, Evaluator, Ranges, evaluate, evaluate_nested};
use super::functions::{Aggregate, Aggregates, Function, value_type};
use super::values::{Column, Events, GroupValues};
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
pub(in crate::join) struct Plan<'a> {
    aggregates: &'a Aggregates,
    columns: Vec<Column>,
    tasks: Vec<Task>,
    /// The kind of each result.
    empty: Vec<Cells>,
    /// Length and offset of each window in units of the times.
    windows: Vec<(Option<u128>, u128)>,
    only_known: bool,
    /// Whether several groups give the same together as each by itself.
    joins_groups: bool,
}

/// Results of one bucket: the left rows, how many events each window of theirs has, and a cell of each for every aggregate.
#[derive(Default)]
struct Part {
    rows: Vec<u32>,
    counts: Vec<Vec<u32>>,
    cells: Vec<Cells>,
}

/// Groups that wait to be evaluated together: their events lie one after the other.
struct Waiting {
    first: usize,
    last: usize,
    n_events: usize,
    n_labels: usize,
}

/// Events of a group up to which it is worth being evaluated with others, and events of all of those.
const SHORT: usize = 256;
const MOST_TOGETHER: usize = 1024;

impl<'a> Plan<'a> {
    pub(in crate::join) fn new(
        table: &Table,
        aggregates: &'a Aggregates,
        only_known: bool,
        unit: Unit,
    ) -> Result<Self> {
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
            let position = names.iter().position(|name| Some(*name) == aggregate.column.as_deref());
            Cells::of(aggregate.function, position.map(|at| &columns[at]))
        });
        Ok(Self {
            aggregates,
            empty: empty.collect(),
            windows: aggregates.windows.iter().map(|window| window.in_units(unit.ns)).collect::<Result<_>>()?,
            joins_groups: !only_known && join_groups(&tasks, &columns),
            columns,
            tasks,
            only_known,
        })
    }

    /// The values of the one column that is read, if they are all that is needed of the rows.
    pub(in crate::join) fn only_values(&self) -> Option<&[f64]> {
        let [column] = self.columns.as_slice() else { return None };
        let is_enough = !self.only_known && !self.tasks.iter().any(|task| task.function.is_of_rows());
        column.plain_floats().filter(|_| is_enough)
    }

    /// Compute all aggregates of one right table.
    pub(in crate::join) fn run<T: Instant>(
        &self,
        left: &LeftIndex<T>,
        table: &Table,
        right: &Side<T>,
        arranged: &Arranged<T>,
        monitor: &Monitor,
    ) -> Result<(Vec<ArrayRef>, SideReport)> {
        let work = |(mut parts, mut report): (Vec<Part>, SideReport), bucket: usize| {
            monitor.advance(left.bucket(bucket).rows.len())?;
            parts.push(self.bucket(left, right, arranged, bucket, &mut report)?);
            Ok((parts, report))
        };
        let (parts, report) = each_bucket(left.n_buckets(), work, |(mut parts, mut report), (more, other)| {
            parts.extend(more);
            report.merge(&other);
            (parts, report)
        })?;
        let n_rows = left.side.n_rows();
        let places = places_of(&parts, n_rows);
        let counts = |window: usize| in_order(&parts, &places, 0, |part| &part.counts[window]);
        let counts: Vec<Counts> =
            (0..self.windows.len()).into_par_iter().map(|window| Counts::of(counts(window))).collect();
        let aggregates = self.aggregates.columns.par_iter().enumerate();
        let results =
            aggregates.map(|(at, aggregate)| gather(&parts, &places, at, aggregate, &counts[aggregate.window], table));
        Ok((results.collect::<Result<_>>()?, report.with_nulls(n_rows)))
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
        let mut part = self.part(ours.rows.len());
        let (mut sorted, mut labels): (Vec<LeftRow<T>>, Vec<T>) = Default::default();
        let mut ranges: Vec<Ranges> = vec![Vec::new(); self.windows.len()];
        let mut waiting: Option<Waiting> = None;
        for (at, members) in ours.groups().enumerate().filter(|(_, members)| !members.is_empty()) {
            groups.prefetch(at + AHEAD);
            let mut members = members;
            if !left.ascends {
                sorted.clear();
                sorted.extend_from_slice(members);
                sorted.sort_unstable();
                members = &sorted;
            }
            part.rows.extend(members.iter().map(|row| row.row));
            labels.clear();
            labels.extend(members.iter().map(|row| row.time));
            let group = groups.get(at);
            if self.only_known {
                self.known_events(&group, &labels, &mut ranges, &mut part, report)?;
                continue;
            }
            if let Some(others) = waiting.take_if(|others| !self.can_join(others, &groups, at)) {
                self.evaluate_all(&groups, &others, &mut ranges, &mut part)?;
            }
            let joined = waiting.get_or_insert(Waiting { first: at, last: at, n_events: 0, n_labels: 0 });
            self.find_ranges(group.times, &labels, joined.n_events, &mut ranges);
            let nothing = |label: T| outcome(group.times, label, true);
            Self::count(group.times, &labels, (joined.n_labels, joined.n_events), &ranges, nothing, report);
            joined.last = at;
            joined.n_events += group.times.len();
            joined.n_labels += labels.len();
        }
        if let Some(others) = waiting {
            self.evaluate_all(&groups, &others, &mut ranges, &mut part)?;
        }
        Ok(part)
    }

    /// A place for the results of so many left rows.
    fn part(&self, n_rows: usize) -> Part {
        let mut cells = self.empty.clone();
        for cells in &mut cells {
            cells.reserve(n_rows);
        }
        let counts = self.windows.iter().map(|_| Vec::with_capacity(n_rows)).collect();
        Part { rows: Vec::with_capacity(n_rows), counts, cells }
    }

    fn can_join<T: Instant>(&self, others: &Waiting, groups: &Groups<'_, T>, next: usize) -> bool {
        let n_events = groups.get(next).times.len();
        self.joins_groups
            && n_events.max(groups.get(others.first).times.len()) <= SHORT
            && others.n_events + n_events <= MOST_TOGETHER
            && groups.joined(others.last, next).is_some()
    }

    /// All aggregates of the groups that wait, over what was found of them in `ranges`.
    fn evaluate_all<T: Instant>(
        &self,
        groups: &Groups<'_, T>,
        waiting: &Waiting,
        ranges: &mut [Ranges],
        part: &mut Part,
    ) -> Result<()> {
        if let Some(group) = groups.joined(waiting.first, waiting.last) {
            let rows = if group.values.is_empty() { group.rows() } else { Cow::default() };
            let are_several = waiting.first < waiting.last;
            self.evaluate(Events { rows: &rows, values: group.values, are_several }, ranges, part)?;
        }
        ranges.iter_mut().for_each(Vec::clear);
        Ok(())
    }

    /// What was known differs from left row to left row.
    fn known_events<T: Instant>(
        &self,
        group: &Group<'_, T>,
        labels: &[T],
        ranges: &mut [Ranges],
        part: &mut Part,
        report: &mut SideReport,
    ) -> Result<()> {
        let minima = Minima::of(group.created);
        for &label in labels {
            let reach = self.reach(group.times, label).filter(|&at| group.created[at] <= label);
            let (times, rows): (Vec<T>, Vec<u32>) = reach.map(|at| (group.times[at], group.row(at))).unzip();
            let nothing = |label: T| {
                let before = group.times.partition_point(|&time| time <= label);
                outcome(group.times, label, minima.last(before, label).is_some())
            };
            self.find_ranges(&times, &[label], 0, ranges);
            Self::count(&times, &[label], (0, 0), ranges, nothing, report);
            self.evaluate(Events { rows: &rows, values: &[], are_several: false }, ranges, part)?;
            ranges.iter_mut().for_each(Vec::clear);
        }
        Ok(())
    }

    /// Positions of the events that the windows of a left row reach.
    fn reach<T: Instant>(&self, times: &[T], label: T) -> Range<usize> {
        let last = label.before(self.windows.iter().map(|&(_, offset)| offset).min().unwrap_or(0));
        let end = last.map_or(0, |last| times.partition_point(|&time| time <= last));
        let lengths = self.windows.iter().map(|&(length, offset)| Some(length?.saturating_add(offset)));
        let longest: Option<u128> = lengths.max_by_key(|length| length.unwrap_or(u128::MAX)).flatten();
        let first = longest.and_then(|longest| label.before(longest));
        let start = first.map_or(0, |first| times.partition_point(|&time| time < first));
        start.min(end)..end
    }

    /// All aggregates over some of the `events`, for the left rows that have `ranges` of them.
    fn evaluate(&self, events: Events<'_>, ranges: &[Ranges], part: &mut Part) -> Result<()> {
        for (counts, ranges) in part.counts.iter_mut().zip(ranges) {
            counts.extend(ranges.iter().map(|(start, end)| (end - start) as u32));
        }
        let values: Vec<GroupValues<'_>> = self.columns.iter().map(|column| GroupValues::of(column, events)).collect();
        let cells = &mut part.cells;
        for task in &self.tasks {
            let Some(column) = task.column.filter(|_| !matches!(self.empty[task.aggregates[0]], Cells::Events)) else {
                continue;
            };
            let n_ranges = ranges.first().map_or(0, Vec::len) * task.aggregates.len();
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

    /// Add the positions of the events in each window of each left row; the first event is at `base`. Windows with one offset
    /// end at one position.
    fn find_ranges<T: Instant>(&self, times: &[T], labels: &[T], base: usize, ranges: &mut [Ranges]) {
        for (at, &(length, offset)) in self.windows.iter().enumerate() {
            let (known, others) = ranges.split_at_mut(at);
            let ranges = &mut others[0];
            let first = ranges.len();
            if let Some(same) = self.windows[..at].iter().position(|window| window.1 == offset) {
                ranges.extend(known[same][first..].iter().map(|range| (base, range.1)));
            } else {
                let mut seek = Seek::of(times, labels.len());
                let is_after = self.aggregates.closed_right;
                ranges.extend(labels.iter().map(|label| (base, base + seek.next(label.before(offset), is_after))));
            }
            let Some(length) = length else { continue };
            let mut seek = Seek::of(times, labels.len());
            let reach = offset.saturating_add(length);
            for (range, label) in ranges[first..].iter_mut().zip(labels) {
                let start = base + seek.next(label.before(reach), !self.aggregates.closed_left);
                range.0 = start.min(range.1);
            }
        }
    }

    /// Count what was found for `labels`, of which the first one and the first of the `times` are the given ones of `ranges`.
    fn count<T: Instant>(
        times: &[T],
        labels: &[T],
        (first, base): (usize, usize),
        ranges: &[Ranges],
        nothing: impl Fn(T) -> Outcome,
        report: &mut SideReport,
    ) {
        report.n_rows += labels.len() as u64;
        let mut others = Vec::new();
        report.ages.add_all(labels.iter().enumerate().filter_map(|(at, &label)| {
            let ends = ranges.iter().map(|ranges| ranges[first + at]);
            let Some(newest) = ends.filter(|(start, end)| start < end).map(|range| range.1).max() else {
                others.push(label);
                return None;
            };
            Some(times[newest - base - 1].distance(label))
        }));
        report.n_matched += (labels.len() - others.len()) as u64;
        for label in others {
            report.count(nothing(label));
        }
    }
}

/// Whether the functions give the same for a group whether it stands alone or among others.
fn join_groups(tasks: &[Task], columns: &[Column]) -> bool {
    tasks.iter().all(|task| match (task.function, task.column) {
        // Measured from the first value of a group.
        (Function::Variance { .. }, _) => false,
        // Others than whole numbers are summed as the values of the group allow it.
        (Function::Sum | Function::Mean, Some(column)) => columns[column].has_whole_sums(),
        _ => true,
    })
}

/// How many events each left row has in a window, and null where there is none.
struct Counts {
    counts: Vec<u32>,
    nulls: Option<NullBuffer>,
}

impl Counts {
    fn of(counts: Vec<u32>) -> Self {
        let nulls = NullBuffer::new(BooleanBuffer::collect_bool(counts.len(), |row| counts[row] > 0));
        Self { counts, nulls: Some(nulls).filter(|nulls| nulls.null_count() > 0) }
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

    /// The position of the first time after `limit`, or of the first one that is not before it. All times are after a
    /// limit that is before the first instant.
    #[inline]
    fn next(&mut self, limit: Option<T>, is_after: bool) -> usize {
        let Some(limit) = limit else { return 0 };
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
fn gather(
    parts: &[Part],
    places: &[u32],
    at: usize,
    aggregate: &Aggregate,
    counts: &Counts,
    table: &Table,
) -> Result<ArrayRef> {
    let n_rows = places.len();
    let source = aggregate.column.as_deref().map(|name| position(table.schema(), name, "right")).transpose()?;
    let field = aggregate.field(table.schema())?;
    let kind = parts.first().map(|part| &part.cells[at]).filter(|_| !value_type(field.data_type()).is_null());
    let Some(kind) = kind else { return Ok(arrow_array::new_null_array(field.data_type(), n_rows)) };
    Ok(match kind {
        Cells::Events => Arc::new(Int64Array::from_iter_values(counts.counts.iter().map(|&count| i64::from(count)))),
        Cells::Counts(_) => Arc::new(Int64Array::from(in_order(parts, places, 0, |part| part.cells[at].counts()))),
        Cells::Wholes(_) => wholes(in_order(parts, places, None, |part| part.cells[at].wholes()), field.data_type()),
        Cells::Wides(_) => {
            let all = in_order(parts, places, None, |part| part.cells[at].wides());
            let scale = if let DataType::Decimal128(_, scale) = field.data_type() { *scale } else { 0 };
            Arc::new(Decimal128Array::from(all).with_precision_and_scale(38, scale)?)
        }
        Cells::Present(_) => {
            let values = in_order(parts, places, 0.0, |part| part.cells[at].floats().0);
            let values: ArrayRef = Arc::new(Float64Array::new(values.into(), counts.nulls.clone()));
            if field.data_type() == values.data_type() { values } else { cast(&values, field.data_type())? }
        }
        Cells::Floats(..) => {
            let values = in_order(parts, places, 0.0, |part| part.cells[at].floats().0);
            let valid = in_order(parts, places, false, |part| part.cells[at].floats().1);
            let nulls = NullBuffer::new(BooleanBuffer::collect_bool(n_rows, |row| valid[row]));
            let nulls = Some(nulls).filter(|nulls| nulls.null_count() > 0);
            let values: ArrayRef = Arc::new(Float64Array::new(values.into(), nulls));
            if field.data_type() == values.data_type() { values } else { cast(&values, field.data_type())? }
        }
        Cells::Rows(_) => {
            let rows = to_indices(in_order(parts, places, NONE, |part| part.cells[at].rows()));
            table.take(source.unwrap_or(0), &table.rows(rows))?
        }
        Cells::Lists(..) => lists(parts, at, source.unwrap_or(0), table, n_rows)?,
    })
}

/// Where the results of each left row stand in all parts, one after the other; beyond them for rows that are in no bucket.
fn places_of(parts: &[Part], n_rows: usize) -> Vec<u32> {
    let mut places = vec![NONE; n_rows];
    for (place, &row) in parts.iter().flat_map(|part| &part.rows).enumerate() {
        places[row as usize] = place as u32;
    }
    places
}

/// The cells of all parts in the order of the left rows.
fn in_order<V: Copy>(parts: &[Part], places: &[u32], nothing: V, cells: impl Fn(&Part) -> &[V]) -> Vec<V> {
    let all = parts.iter().map(cells).collect::<Vec<_>>().concat();
    places.iter().map(|&place| all.get(place as usize).copied().unwrap_or(nothing)).collect()
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
