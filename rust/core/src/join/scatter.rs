//! Right rows put beside those of their key in one go: where the left keys are few integers that lie close together, each of
//! them has a place that is known from the key alone. Each row is read twice and written once.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;

use super::left::LeftIndex;
use super::monitor::Monitor;
use super::order::sort_group;
use super::partition::{CHUNK, Side};
use super::times::Instant;
use crate::error::Result;
use crate::threads;

/// Rows that are worth a thread of their own.
const PART_ROWS: usize = 4 * CHUNK;

/// Rows by code, those of one code in order of (time, created, position); rows of codes that no left row has are left out.
pub(super) struct Scattered<T> {
    /// Where the rows of each code start, and the end.
    pub(super) starts: Vec<u32>,
    pub(super) times: Vec<T>,
    /// Empty where it does not matter.
    pub(super) created: Vec<T>,
    pub(super) rows: Vec<u32>,
}

impl<T: Instant> Scattered<T> {
    /// Scatter `side`; `is_present` tells of each code whether left rows have it.
    pub(super) fn of(side: &Side<T>, left: &LeftIndex<T>, is_present: &[bool], monitor: &Monitor) -> Result<Self> {
        let parts = parts_of(side.n_rows());
        let count = |range: &Range<usize>| {
            let mut counts = vec![0_u32; is_present.len()];
            each_row(side, left, is_present, range.clone(), &|| Ok(()), |code, _| counts[code] += 1)?;
            Ok(counts)
        };
        let mut counts: Vec<Vec<u32>> = parts.par_iter().map(count).collect::<Result<_>>()?;
        let starts = to_positions(&mut counts);
        let n_members = starts.last().map_or(0, |&end| end as usize);
        let times: Vec<T::Slot> = (0..n_members).map(|_| T::Slot::default()).collect();
        let rows: Vec<AtomicU32> = (0..n_members).map(|_| AtomicU32::default()).collect();
        parts.into_par_iter().zip(counts).try_for_each(|(range, mut positions)| {
            let advance = || monitor.advance(CHUNK);
            // Slices: what is written may not be the place of what is read.
            let (given, positions): (&[T], &mut [u32]) = (&side.times.values, &mut positions);
            let (times, rows): (&[T::Slot], &[AtomicU32]) = (&times, &rows);
            each_row(side, left, is_present, range, &advance, |code, row| {
                let at = positions[code] as usize;
                positions[code] += 1;
                given[row].put(&times[at]);
                rows[at].store(row as u32, Ordering::Relaxed);
            })
        })?;
        let times = times.into_iter().map(T::from_slot).collect();
        let rows: Vec<u32> = rows.into_iter().map(AtomicU32::into_inner).collect();
        let mut scattered = Self { starts, times, created: Vec::new(), rows };
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
