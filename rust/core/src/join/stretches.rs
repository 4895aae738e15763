//! Windows over a bucket of events that is larger than the limit on memory: the left rows in order of time, stretch by
//! stretch, each with the events only that its windows reach. What has to fit is the events of one window.

use std::ops::Range;

use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, UInt32Array};
use arrow_schema::SchemaRef;
use arrow_select::concat::concat;
use arrow_select::filter::filter_record_batch;
use arrow_select::take::take;

use super::monitor::Monitor;
use super::options::AsofOptions;
use super::pass;
use super::report::SideReport;
use super::search::{Outcome, Strategy};

use super::table::Table;
use super::times::{TimeColumn, Times, Unit};
use super::window::{Aggregate, Aggregates, Function};
use crate::error::Result;
use crate::spill::{Block, SpillFile};

/// Times of events that are kept to tell how many of them lie where.
const SAMPLE: usize = 1 << 16;

/// Spilled events, and what is asked of them.
pub(super) struct Events<'a> {
    pub(super) file: &'a SpillFile,
    /// In pieces that fit the limit.
    pub(super) pieces: &'a [Vec<Block>],
    pub(super) schema: &'a SchemaRef,
    pub(super) options: &'a AsofOptions,
    pub(super) unit: Unit,
    pub(super) most_bytes: usize,
}

/// Where in time events lie.
struct Sample {
    /// Some of the times, in order, and how many events each of them stands for.
    times: Vec<i128>,
    stride: usize,
    /// First and last time of each block.
    blocks: Vec<(Block, Option<(i128, i128)>)>,
    row_bytes: usize,
}

impl Events<'_> {
    /// The aggregates of each row of `left`, and what was found.
    pub(super) fn aggregate(
        &self,
        left: &Table,
        aggregates: &Aggregates,
        monitor: &Monitor,
    ) -> Result<(Vec<ArrayRef>, SideReport)> {
        let times = TimeColumn::read(left, &self.options.on_left, "left")?.to::<i128>(self.unit);
        let mut is_matched = vec![false; left.num_rows()];
        let mut report = SideReport::default();
        let sample = self.sample()?;
        let mut columns: Vec<Option<ArrayRef>> = vec![None; aggregates.columns.len()];
        // A lifetime reaches all that came before it, other windows must not wait for that.
        for is_lifetime in [false, true] {
            let is_asked =
                |at: &usize| aggregates.windows[aggregates.columns[*at].window].length_ns.is_none() == is_lifetime;
            let asked: Vec<usize> = (0..aggregates.columns.len()).filter(is_asked).collect();
            let part = with_counts(aggregates, &asked);
            let Some(reach) = self.reach(&part) else { continue };
            let found = self.by_stretches(left, &times, &sample, &part, reach, &mut report, monitor)?;
            for (at, column) in found.iter().enumerate() {
                match asked.get(at) {
                    Some(&at) => columns[at] = Some(ArrayRef::clone(column)),
                    None => note_events(column, &mut is_matched),
                }
            }
        }
        let outcomes = self.outcomes(left, monitor)?;
        let keys = self.options.check(left.schema(), self.schema)?.left(left)?;
        let is_valid = |nulls: Option<&arrow_buffer::NullBuffer>, row| nulls.is_none_or(|nulls| nulls.is_valid(row));
        for row in 0..left.num_rows() {
            if is_valid(keys.nulls(), row) && is_valid(times.nulls.as_ref(), row) {
                report.n_rows += 1;
                let all = Outcome::KEY | Outcome::TIME | Outcome::KNOWN | Outcome::MATCH;
                report.count(Outcome(if is_matched[row] { all } else { outcomes[row] & !Outcome::MATCH }));
            }
        }
        Ok((columns.into_iter().flatten().collect(), report.with_nulls(left.num_rows())))
    }

    /// How far back in time windows reach; none without windows.
    fn reach(&self, aggregates: &Aggregates) -> Option<i128> {
        let used = aggregates.columns.iter().map(|column| aggregates.windows[column.window]);
        let reach = used.map(|window| match window.length_ns {
            Some(length) => length.saturating_add(window.offset_ns) / i128::from(self.unit.ns),
            None => i128::MAX,
        });
        reach.max()
    }

    #[allow(clippy::too_many_arguments)] // All that one kind of windows needs.
    fn by_stretches(
        &self,
        left: &Table,
        times: &Times<i128>,
        sample: &Sample,
        aggregates: &Aggregates,
        reach: i128,
        report: &mut SideReport,
        monitor: &Monitor,
    ) -> Result<Vec<ArrayRef>> {
        let order = in_order(times);
        let n_timed = order.len() - times.nulls.as_ref().map_or(0, arrow_buffer::NullBuffer::null_count);
        let mut stretches = sample.stretches(&order[..n_timed], times, reach, self.most_bytes);
        // Rows without a time have no events.
        stretches.extend((n_timed < order.len()).then_some(n_timed..order.len()));
        let mut found: Vec<Vec<ArrayRef>> = Vec::new();
        for stretch in stretches {
            let span = (stretch.start < n_timed).then(|| {
                let time = |at: usize| times.values[order[at] as usize];
                (time(stretch.start).saturating_sub(reach), time(stretch.end - 1))
            });
            let rows = &order[stretch];
            let events = self.read(sample, span)?;
            let options = AsofOptions { aggregates: Some(aggregates.clone()), ..self.options.clone() };
            let part = left.only(&UInt32Array::from(rows.to_vec()))?;
            for part in pass::run(&part, &[(events, options)], self.unit, false, monitor)? {
                report.ages.merge(&part.report.ages);
                found.push(part.aggregates);
            }
        }
        let mut places = vec![0_u32; order.len()];
        for (place, &row) in order.iter().enumerate() {
            places[row as usize] = place as u32;
        }
        let places = UInt32Array::from(places);
        let whole = |at: usize| {
            let parts: Vec<&dyn Array> = found.iter().map(|part| part[at].as_ref()).collect();
            Ok(take(&concat(&parts)?, &places, None)?)
        };
        (0..aggregates.columns.len()).map(whole).collect()
    }

    fn sample(&self) -> Result<Sample> {
        let blocks = || self.pieces.iter().flatten();
        let n_rows: usize = blocks().map(|block| block.n_rows).sum();
        let stride = n_rows.div_ceil(SAMPLE).max(1);
        let row_bytes = blocks().map(Block::size_bytes).sum::<usize>() / n_rows.max(1) + 1;
        let mut sample = Sample { times: Vec::new(), stride, blocks: Vec::new(), row_bytes };
        let mut seen = 0_usize;
        for &block in blocks() {
            let times = self.times(&self.file.read(block)?)?;
            let valid = || (0..times.values.len()).filter(|&row| times.nulls.as_ref().is_none_or(|n| n.is_valid(row)));
            for row in valid() {
                if seen.is_multiple_of(stride) {
                    sample.times.push(times.values[row]);
                }
                seen += 1;
            }
            let ends = valid().map(|row| times.values[row]).fold(None, |ends: Option<(i128, i128)>, time| {
                Some(ends.map_or((time, time), |(first, last)| (first.min(time), last.max(time))))
            });
            sample.blocks.push((block, ends));
        }
        sample.times.sort_unstable();
        Ok(sample)
    }

    fn times(&self, batch: &RecordBatch) -> Result<Times<i128>> {
        let table = Table::new(batch.schema(), vec![batch.clone()]);
        Ok(TimeColumn::read(&table, &self.options.on_right, "right")?.to::<i128>(self.unit))
    }

    /// The events of a span of time, in order of position.
    fn read(&self, sample: &Sample, span: Option<(i128, i128)>) -> Result<Table> {
        let mut batches = Vec::new();
        let (first, last) = span.unwrap_or((i128::MAX, i128::MIN));
        let overlaps = |ends: &Option<(i128, i128)>| ends.is_some_and(|(from, to)| from <= last && first <= to);
        for (block, _) in sample.blocks.iter().filter(|(_, ends)| overlaps(ends)) {
            let batch = self.file.read(*block)?;
            let times = self.times(&batch)?;
            let is_inside: BooleanArray = times.values.iter().map(|time| Some((first..=last).contains(time))).collect();
            batches.push(filter_record_batch(&batch, &is_inside)?);
        }
        Ok(Table::new(SchemaRef::clone(self.schema), batches))
    }

    /// What the events of its key were to each left row, whatever their age.
    fn outcomes(&self, left: &Table, monitor: &Monitor) -> Result<Vec<u8>> {
        let options = AsofOptions {
            aggregates: None,
            columns: Some(Vec::new()),
            tolerance_ns: None,
            allow_exact_matches: true,
            strategy: Strategy::Backward,
            ..self.options.clone()
        };
        let mut outcomes = vec![0; left.num_rows()];
        for piece in self.pieces {
            let batches = piece.iter().map(|block| self.file.read(*block)).collect::<Result<_>>()?;
            let table = Table::new(SchemaRef::clone(self.schema), batches);
            for found in pass::run(left, &[(table, options.clone())], self.unit, true, monitor)? {
                outcomes.iter_mut().zip(found.outcomes).for_each(|(ours, more)| *ours |= more);
            }
        }
        Ok(outcomes)
    }
}

impl Sample {
    /// Stretches of the ordered rows, each with as many events in its windows as fit `most_bytes`, or as one row needs.
    fn stretches(&self, order: &[u32], times: &Times<i128>, reach: i128, most_bytes: usize) -> Vec<Range<usize>> {
        let below = |limit: i128| self.times.partition_point(|&time| time < limit);
        let n_events = |first: i128, last: i128| {
            (below(last.saturating_add(1)) - below(first.saturating_sub(reach))) * self.stride
        };
        let time = |at: usize| times.values[order[at] as usize];
        let most_of_one = (0..order.len()).map(|at| n_events(time(at), time(at))).max().unwrap_or(0);
        // A stretch of hardly more than one window would read the same events again and again.
        let most = (most_bytes / self.row_bytes).max(2 * most_of_one);
        let mut stretches = Vec::new();
        let mut start = 0;
        for at in 1..order.len() {
            if n_events(time(start), time(at)) > most {
                stretches.push(start..at);
                start = at;
            }
        }
        if start < order.len() {
            stretches.push(start..order.len());
        }
        stretches
    }
}

/// Some of the columns, and the number of events in each window that they use.
fn with_counts(aggregates: &Aggregates, asked: &[usize]) -> Aggregates {
    let mut columns: Vec<Aggregate> = asked.iter().map(|&at| aggregates.columns[at].clone()).collect();
    let mut windows: Vec<usize> = columns.iter().map(|column| column.window).collect();
    windows.sort_unstable();
    windows.dedup();
    let count = |window| Aggregate { column: None, function: Function::Count, window, name: String::new() };
    columns.extend(windows.into_iter().map(count));
    Aggregates { columns, ..aggregates.clone() }
}

/// Rows in order of time, those without one last.
fn in_order(times: &Times<i128>) -> Vec<u32> {
    let key = |row: &u32| {
        let is_null = times.nulls.as_ref().is_some_and(|nulls| nulls.is_null(*row as usize));
        (is_null, if is_null { i128::MIN } else { times.values[*row as usize] }, *row)
    };
    let mut order: Vec<u32> = (0..times.values.len() as u32).collect();
    order.sort_unstable_by_key(key);
    order
}

fn note_events(counts: &ArrayRef, is_matched: &mut [bool]) {
    use arrow_array::cast::AsArray;
    let counts = counts.as_primitive::<arrow_array::types::Int64Type>();
    is_matched.iter_mut().zip(counts.values()).for_each(|(is_matched, &count)| *is_matched |= count > 0);
}
