//! The right rows of one bucket by key, each group in order of (time, created, position).
//!
//! Rows that come in runs of one key, as a table ordered by (key, time) gives them, are used where they lie: nothing is
//! moved and nothing sorted. Other rows are gathered by key, and only groups whose times do not ascend are sorted.

use std::borrow::Cow;
use std::sync::atomic::Ordering;

use arrow_buffer::NullBuffer;
use rayon::prelude::*;

use super::keys::Coding;
use super::left::{LeftBucket, LeftIndex};
use super::monitor::Monitor;
use super::order::sort_group;
use super::partition::{Buckets, CHUNK, Side, Spare};
use super::prefetch::prefetch;
use super::scatter::Scattered;
use super::times::Instant;
use crate::error::Result;

/// Pairs of neighbours that are looked at to guess whether rows come in runs, and runs shorter than this are not used.
const SAMPLE: usize = 1024;
const SHORTEST_RUN: usize = 8;
/// How many groups ahead memory is asked for.
pub(super) const AHEAD: usize = 4;

/// A right table ready to be grouped bucket by bucket.
pub(super) enum Arranged<T: Instant> {
    Buckets(Buckets<T>),
    /// Runs by bucket, in order of position.
    Runs(Vec<Vec<Run>>),
    Scattered(Scattered<T>),
}

/// Neighbouring rows of one key.
#[derive(Clone, Copy)]
pub(super) struct Run {
    code: u64,
    start: u32,
    end: u32,
    /// Whether they are in order of (time, created).
    ascends: bool,
}

impl<T: Instant> Arranged<T> {
    /// `values` are those of the rows, for who needs them and not the positions of the rows.
    pub(super) fn of(
        side: &Side<T>,
        left: &LeftIndex<T>,
        is_ordered: bool,
        values: Option<&[f64]>,
        monitor: &Monitor,
    ) -> Result<Self> {
        if side.is_whole()
            && (is_ordered || come_in_runs(side))
            && let Some(runs) = runs(side, left.coding, monitor)?
        {
            let mut buckets = vec![Vec::new(); left.bits.n_buckets()];
            for run in runs.into_iter().filter(|run| left.coding.is_in(run.code)) {
                buckets[left.bits.bucket(run.code)].push(run);
            }
            return Ok(Self::Runs(buckets));
        }
        if let Some(is_present) = &left.is_present {
            return Ok(Self::Scattered(Scattered::of(side, left, is_present, values, monitor)?));
        }
        Ok(Self::Buckets(Buckets::of(side, left.coding, left.bits, &left.spare, monitor)?))
    }

    /// Keep the memory for the next table.
    pub(super) fn recycle(self, spare: &Spare<T>) {
        if let Self::Buckets(buckets) = self {
            buckets.recycle(spare);
        }
    }

    /// The groups of one bucket.
    pub(super) fn groups<'a>(&'a self, left: &LeftIndex<T>, right: &'a Side<T>, bucket: usize) -> Groups<'a, T> {
        let ours = left.bucket(bucket);
        match self {
            Self::Buckets(buckets) => Groups::of_rows(ours, &left.side, right, buckets, bucket),
            Self::Runs(runs) => Groups::of_runs(ours, &left.side, right, &runs[bucket]),
            Self::Scattered(scattered) => Groups::of_places(ours.n_groups(), right, scattered, bucket),
        }
    }
}

/// A guess from a few pairs of neighbours; a wrong one costs time only.
fn come_in_runs<T: Instant>(side: &Side<T>) -> bool {
    let n_rows = side.n_rows();
    if n_rows < SAMPLE {
        return false;
    }
    let step = (n_rows - 1) / SAMPLE;
    let same = (0..SAMPLE).filter(|&i| {
        let row = (1 + i * step) as u32;
        side.keys.same(row, &side.keys, row - 1)
    });
    same.count() >= SAMPLE - SAMPLE / SHORTEST_RUN
}

/// The runs of a table; none if they turn out to be short.
fn runs<T: Instant>(side: &Side<T>, coding: Coding, monitor: &Monitor) -> Result<Option<Vec<Run>>> {
    let starts: Vec<usize> = (0..side.n_rows()).step_by(CHUNK).collect();
    let chunk = |start: usize| {
        let range = start..(start + CHUNK).min(side.n_rows());
        monitor.advance(range.len())?;
        Ok(runs_of_chunk(side, coding, range))
    };
    let chunks: Vec<Vec<Run>> = starts.into_par_iter().map(chunk).collect::<Result<_>>()?;
    let mut runs: Vec<Run> = Vec::with_capacity(chunks.iter().map(Vec::len).sum());
    for chunk in chunks {
        let mut chunk = chunk.into_iter();
        if let (Some(last), Some(first)) = (runs.last_mut(), chunk.as_slice().first())
            && side.keys.same(first.start, &side.keys, last.start)
        {
            last.ascends &= first.ascends && side.follows(first.start as usize);
            last.end = first.end;
            chunk.next();
        }
        runs.extend(chunk);
    }
    Ok((runs.len() * SHORTEST_RUN / 2 <= side.n_rows()).then_some(runs))
}

fn runs_of_chunk<T: Instant>(side: &Side<T>, coding: Coding, range: std::ops::Range<usize>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let times = &side.times.values;
    let mut start = range.start;
    while start < range.end {
        let end = side.keys.run_end(start..range.end);
        let ascends = match &side.created {
            None => times[start..end].is_sorted(),
            Some(_) => (start + 1..end).all(|row| side.follows(row)),
        };
        let code = coding.code(&side.keys, start);
        runs.push(Run { code, start: start as u32, end: end as u32, ascends });
        start = end;
    }
    runs
}

/// Right rows of one bucket by key.
pub(super) struct Groups<'a, T: Instant> {
    right: &'a Side<T>,
    spans: Vec<Span>,
    times: Cow<'a, [T]>,
    created: Cow<'a, [T]>,
    rows: Cow<'a, [u32]>,
    /// In the place of `rows`.
    values: Vec<f64>,
}

#[derive(Clone, Copy, Default)]
struct Span {
    start: u32,
    end: u32,
    /// Whether the positions are those of the table, not those of the gathered rows.
    is_in_place: bool,
}

/// The right rows of one key, in order.
#[derive(Clone, Copy)]
pub(super) struct Group<'a, T> {
    pub(super) times: &'a [T],
    /// Empty where it does not matter.
    pub(super) created: &'a [T],
    /// Those that were given to `Arranged::of`, if they are there; then the positions in the table are not.
    pub(super) values: &'a [f64],
    rows: &'a [u32],
    first: u32,
}

impl<T> Group<'_, T> {
    /// The positions in the table of all rows of the group.
    pub(super) fn rows(&self) -> Cow<'_, [u32]> {
        if self.rows.is_empty() { (0..self.times.len()).map(|at| self.row(at)).collect() } else { self.rows.into() }
    }

    /// The position in the table of a row of the group.
    #[inline]
    pub(super) fn row(&self, at: usize) -> u32 {
        self.rows.get(at).copied().unwrap_or(self.first.wrapping_add(at as u32))
    }
}

impl<'a, T: Instant> Groups<'a, T> {
    fn len(&self) -> usize {
        self.spans.len()
    }

    pub(super) fn get(&self, group: usize) -> Group<'_, T> {
        self.slice(self.spans[group])
    }

    /// The rows of groups `first..=last` as one, if they lie one after the other.
    pub(super) fn joined(&self, first: usize, last: usize) -> Option<Group<'_, T>> {
        let spans = &self.spans[first..=last];
        let is_joined = spans.windows(2).all(|pair| pair[0].end == pair[1].start)
            && spans.iter().all(|span| span.is_in_place == spans[0].is_in_place);
        is_joined.then(|| self.slice(Span { end: spans[last - first].end, ..spans[0] }))
    }

    fn slice(&self, span: Span) -> Group<'_, T> {
        let range = span.start as usize..span.end as usize;
        let (times, created): (&[T], &[T]) = if span.is_in_place {
            (&self.right.times.values, self.right.created.as_ref().map_or(&[], |created| &created.values))
        } else {
            (&self.times, &self.created)
        };
        let created = if created.is_empty() { &[] } else { &created[range.clone()] };
        let rows = if span.is_in_place || self.rows.is_empty() { &[] } else { &self.rows[range.clone()] };
        let values = if self.values.is_empty() { &[] } else { &self.values[range.clone()] };
        Group { times: &times[range], created, values, rows, first: span.start }
    }

    /// Ask the memory for the rows of a group that is searched soon: they may lie far from those of the last one.
    #[inline]
    pub(super) fn prefetch(&self, group: usize) {
        // Values were put beside their times just now.
        if group < self.len() && self.values.is_empty() {
            let group = self.get(group);
            prefetch(group.times);
            prefetch(group.rows);
        }
    }

    /// The same groups without the rows for which `valid` does not hold.
    pub(super) fn only(&self, valid: &NullBuffer) -> Self {
        let (mut spans, mut times, mut created, mut rows) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for group in 0..self.len() {
            let (group, start) = (self.get(group), rows.len() as u32);
            for (at, &time) in group.times.iter().enumerate() {
                let row = group.row(at);
                if valid.is_valid(row as usize) {
                    times.push(time);
                    rows.push(row);
                    created.extend(group.created.get(at));
                }
            }
            spans.push(Span { start, end: rows.len() as u32, is_in_place: false });
        }
        let (times, created, rows) = (times.into(), created.into(), rows.into());
        Self { right: self.right, spans, times, created, rows, values: Vec::new() }
    }

    fn of_places(n_groups: usize, right: &'a Side<T>, scattered: &'a Scattered<T>, bucket: usize) -> Self {
        let starts = &scattered.starts[bucket * n_groups..=(bucket + 1) * n_groups];
        let (first, end) = (starts[0] as usize, starts[n_groups] as usize);
        let base = if scattered.pairs.is_empty() { 0 } else { starts[0] };
        let span = |ends: &[u32]| Span { start: ends[0] - base, end: ends[1] - base, is_in_place: false };
        let spans = starts.windows(2).map(span).collect();
        if !scattered.pairs.is_empty() {
            let pairs = &scattered.pairs[first..end];
            return Self {
                right,
                spans,
                times: pairs.iter().map(|(time, _)| T::get(time)).collect(),
                created: Cow::default(),
                rows: Cow::default(),
                values: pairs.iter().map(|(_, value)| f64::from_bits(value.load(Ordering::Relaxed))).collect(),
            };
        }
        Self {
            right,
            spans,
            times: Cow::Borrowed(&scattered.times),
            created: Cow::Borrowed(&scattered.created),
            rows: Cow::Borrowed(&scattered.rows),
            values: Vec::new(),
        }
    }

    fn of_rows(ours: &LeftBucket<T>, left: &Side<T>, right: &'a Side<T>, buckets: &Buckets<T>, bucket: usize) -> Self {
        let mut finder = ours.finder(&left.keys, &right.keys);
        let mut groups = Vec::with_capacity(buckets.n_rows(bucket));
        // One more than there are: rows without a group count there.
        let mut starts = vec![0_u32; ours.n_groups() + 2];
        let nowhere = ours.n_groups() as u32;
        for slice in buckets.slices(bucket) {
            for entry in slice {
                let group = finder.find(entry.code, entry.row).unwrap_or(nowhere);
                starts[group as usize + 1] += 1;
                groups.push(group);
            }
        }
        for group in 1..starts.len() {
            starts[group] += starts[group - 1];
        }
        let mut ends = starts.clone();
        let (mut times, mut rows) = (vec![T::default(); groups.len()], vec![0; groups.len()]);
        let mut group = groups.into_iter();
        for slice in buckets.slices(bucket) {
            for (entry, group) in slice.iter().zip(group.by_ref()) {
                let end = &mut ends[group as usize];
                times[*end as usize] = entry.time;
                rows[*end as usize] = entry.row;
                *end += 1;
            }
        }
        starts.pop();
        let n_members = starts[ours.n_groups()] as usize;
        times.truncate(n_members);
        rows.truncate(n_members);
        let spans = starts.windows(2).map(|ends| Span { start: ends[0], end: ends[1], is_in_place: false }).collect();
        Self::sorted(right, spans, times, rows)
    }

    fn of_runs(ours: &LeftBucket<T>, left: &Side<T>, right: &'a Side<T>, runs: &[Run]) -> Self {
        let mut finder = ours.finder(&left.keys, &right.keys);
        let mut spans = vec![Span::default(); ours.n_groups()];
        let mut found: Vec<(u32, Run)> =
            runs.iter().filter_map(|run| Some((finder.find(run.code, run.start)?, *run))).collect();
        found.sort_by_key(|(group, _)| *group);
        let (mut times, mut rows) = (Vec::new(), Vec::new());
        for runs in found.chunk_by(|a, b| a.0 == b.0) {
            let span = match runs {
                [(_, run)] if run.ascends => Span { start: run.start, end: run.end, is_in_place: true },
                _ => {
                    let start = rows.len() as u32;
                    for (_, run) in runs {
                        times.extend_from_slice(&right.times.values[run.start as usize..run.end as usize]);
                        rows.extend(run.start..run.end);
                    }
                    Span { start, end: rows.len() as u32, is_in_place: false }
                }
            };
            spans[runs[0].0 as usize] = span;
        }
        Self::sorted(right, spans, times, rows)
    }

    fn sorted(right: &'a Side<T>, spans: Vec<Span>, mut times: Vec<T>, mut rows: Vec<u32>) -> Self {
        let mut created: Vec<T> = Vec::new();
        if right.created.is_some() {
            created = rows.iter().map(|&row| right.created(row as usize)).collect();
        }
        for span in spans.iter().filter(|span| !span.is_in_place) {
            let range = span.start as usize..span.end as usize;
            let created = if created.is_empty() { &mut [] } else { &mut created[range.clone()] };
            sort_group(&mut times[range.clone()], created, &mut rows[range]);
        }
        Self { right, spans, times: times.into(), created: created.into(), rows: rows.into(), values: Vec::new() }
    }
}
