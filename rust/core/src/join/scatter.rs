//! Right rows put beside those of their key in one go: where the left keys are few integers that lie close together, each of
//! them has a place that is known from the key alone. Each row is read twice and written once.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rayon::prelude::*;

use super::left::LeftIndex;
use super::monitor::Monitor;
use super::order::sort_group;
use super::partition::{CHUNK, Side};
use super::prefetch::prefetch_one;
use super::times::Instant;
use crate::error::Result;
use crate::threads;

/// Rows that are worth a thread of their own.
const PART_ROWS: usize = 4 * CHUNK;

/// Rows by code, those of one code in order of (time, created, position); rows of codes that no left row has are left out.
pub(super) struct Scattered<T: Instant> {
    /// Where the rows of each code start, and the end.
    pub(super) starts: Vec<u32>,
    pub(super) times: Vec<T>,
    /// Empty where it does not matter.
    pub(super) created: Vec<T>,
    pub(super) rows: Vec<u32>,
    /// In the place of all these: the time and a value of each row, side by side, so that both are one write.
    pub(super) pairs: Vec<(T::Slot, AtomicU64)>,
}

impl<T: Instant> Scattered<T> {
    /// Scatter `side`; `is_present` tells of each code whether left rows have it. Where its rows ascend, `values` of them are
    /// put beside their times in the place of their positions, since who asks for those would only read the values there.
    pub(super) fn of(
        side: &Side<T>,
        left: &LeftIndex<T>,
        is_present: &[bool],
        values: Option<&[f64]>,
        monitor: &Monitor,
    ) -> Result<Self> {
        let parts = parts_of(side.n_rows());
        let count = |range: &Range<usize>| {
            let mut counts = vec![0_u32; is_present.len()];
            each_row(side, left, is_present, range.clone(), &|| Ok(()), |code, _| counts[code] += 1)?;
            Ok(counts)
        };
        let mut counts: Vec<Vec<u32>> = parts.par_iter().map(count).collect::<Result<_>>()?;
        let starts = to_positions(&mut counts);
        let n_members = starts.last().map_or(0, |&end| end as usize);
        let mut scattered =
            Self { starts, times: Vec::new(), created: Vec::new(), rows: Vec::new(), pairs: Vec::new() };
        if let Some(values) = values.filter(|_| side.created.is_none() && side.ascends()) {
            let pairs: Vec<(T::Slot, AtomicU64)> = (0..n_members).map(|_| Default::default()).collect();
            let (given, placed): (&[T], &[(T::Slot, AtomicU64)]) = (&side.times.values, &pairs);
            let ask = |at: usize| prefetch_one(&placed[at]);
            place_rows(side, left, is_present, counts, monitor, ask, |at, row| {
                let (time, value) = &placed[at];
                given[row].put(time);
                value.store(values[row].to_bits(), Ordering::Relaxed);
            })?;
            scattered.pairs = pairs;
            return Ok(scattered);
        }
        let times: Vec<T::Slot> = (0..n_members).map(|_| T::Slot::default()).collect();
        let rows: Vec<AtomicU32> = (0..n_members).map(|_| AtomicU32::default()).collect();
        // Slices: what is written may not be the place of what is read.
        let (given, placed, placed_rows): (&[T], &[T::Slot], &[AtomicU32]) = (&side.times.values, &times, &rows);
        let ask = |at: usize| {
            prefetch_one(&placed[at]);
            prefetch_one(&placed_rows[at]);
        };
        place_rows(side, left, is_present, counts, monitor, ask, |at, row| {
            given[row].put(&placed[at]);
            placed_rows[at].store(row as u32, Ordering::Relaxed);
        })?;
        scattered.times = times.into_iter().map(T::from_slot).collect();
        scattered.rows = rows.into_iter().map(AtomicU32::into_inner).collect();
        if side.created.is_some() {
            scattered.created = scattered.rows.par_iter().map(|&row| side.created(row as usize)).collect();
        }
        scattered.sort();
        Ok(scattered)
    }

    /// Put the rows of each code in order, stretch by stretch of codes in parallel.
    fn sort(&mut self) {
        let n_stretches = (threads::count() * 8).min(self.starts.len() - 1).max(1);
        let n_codes = (self.starts.len() - 1).div_ceil(n_stretches);
        let mut stretches = Vec::with_capacity(n_stretches);
        let (mut times, mut created, mut rows) =
            (self.times.as_mut_slice(), self.created.as_mut_slice(), self.rows.as_mut_slice());
        for first in (0..self.starts.len() - 1).step_by(n_codes) {
            let starts = &self.starts[first..(first + n_codes + 1).min(self.starts.len())];
            let n_rows = (starts[starts.len() - 1] - starts[0]) as usize;
            let (its_times, other_times) = times.split_at_mut(n_rows);
            let (its_created, other_created) = created.split_at_mut(n_rows.min(created.len()));
            let (its_rows, other_rows) = rows.split_at_mut(n_rows);
            (times, created, rows) = (other_times, other_created, other_rows);
            stretches.push((starts, its_times, its_created, its_rows));
        }
        stretches.into_par_iter().for_each(|(starts, times, created, rows)| {
            for ends in starts.windows(2) {
                let range = (ends[0] - starts[0]) as usize..(ends[1] - starts[0]) as usize;
                let created = if created.is_empty() { &mut [] } else { &mut created[range.clone()] };
                sort_group(&mut times[range.clone()], created, &mut rows[range]);
            }
        });
    }
}

/// As many parts of all rows as there are threads that each have enough to do; one at least.
fn parts_of(n_rows: usize) -> Vec<Range<usize>> {
    let n_parts = (n_rows / PART_ROWS).clamp(1, threads::count());
    let size = n_rows.div_ceil(n_parts).max(1);
    (0..n_parts).map(|part| (part * size).min(n_rows)..((part + 1) * size).min(n_rows)).collect()
}

/// From counts of each code in each part to the position of its first row, and where each code starts.
fn to_positions(counts: &mut [Vec<u32>]) -> Vec<u32> {
    let n_codes = counts.first().map_or(0, Vec::len);
    let mut starts = Vec::with_capacity(n_codes + 1);
    let mut position = 0;
    for code in 0..n_codes {
        starts.push(position);
        for part in counts.iter_mut() {
            position += std::mem::replace(&mut part[code], position);
        }
    }
    starts.push(position);
    starts
}

/// Rows whose places are asked for before the first of them is written: writes wait for each other.
const ASKED: usize = 32;

/// Put each row into its place by `put`, which is given the place and the row, after `ask` was given the place; `counts` are
/// the first places of each code in each part.
#[inline]
fn place_rows<T: Instant>(
    side: &Side<T>,
    left: &LeftIndex<T>,
    is_present: &[bool],
    counts: Vec<Vec<u32>>,
    monitor: &Monitor,
    ask: impl Fn(usize) + Sync,
    put: impl Fn(usize, usize) + Sync,
) -> Result<()> {
    parts_of(side.n_rows()).into_par_iter().zip(counts).try_for_each(|(range, mut positions)| {
        let positions: &mut [u32] = &mut positions;
        let (mut asked, mut n_asked) = ([(0, 0); ASKED], 0_usize);
        let put_all = |asked: &[(u32, u32)]| {
            for &(at, row) in asked {
                put(at as usize, row as usize);
            }
        };
        each_row(side, left, is_present, range, &|| monitor.advance(CHUNK), |code, row| {
            let at = positions[code];
            positions[code] += 1;
            ask(at as usize);
            asked[n_asked % ASKED] = (at, row as u32);
            n_asked += 1;
            if n_asked.is_multiple_of(ASKED) {
                put_all(&asked);
            }
        })?;
        put_all(&asked[..n_asked % ASKED]);
        Ok(())
    })
}

/// Hand on the code and the position of each row that has what a match needs.
#[inline]
fn each_row<T: Instant>(
    side: &Side<T>,
    left: &LeftIndex<T>,
    is_present: &[bool],
    range: Range<usize>,
    advance: &dyn Fn() -> Result<()>,
    mut work: impl FnMut(usize, usize),
) -> Result<()> {
    let (is_whole, coding) = (side.is_whole(), left.coding);
    let Some(keys) = side.keys.fixed() else { return Ok(()) };
    for start in range.clone().step_by(CHUNK) {
        advance()?;
        let rows = start..(start + CHUNK).min(range.end);
        for (row, &key) in rows.clone().zip(&keys[rows]) {
            let code = coding.place(key);
            if is_present.get(code).is_some_and(|&is_present| is_present) && (is_whole || side.has(row)) {
                work(code, row);
            }
        }
    }
    Ok(())
}
