//! Both sides in order of time: one walk over both, with the newest right row of each key in a table that is small enough
//! for the cache. Nothing is moved, sorted or searched.
//!
//! Stretches of time are walked in parallel, each as if nothing were before it; left rows that find nothing in theirs are
//! looked up in what the stretches before it leave.

use std::ops::Range;

use arrow_buffer::NullBuffer;
use rayon::prelude::*;

use super::left::LeftSide;
use super::monitor::Monitor;
use super::partition::{CHUNK, Side};
use super::report::SideReport;
use super::search::Rule;
use super::table::NONE;
use super::times::Instant;
use crate::error::Result;
use crate::threads;

/// Keys that may each have a place in the table.
const MOST_PLACES: usize = 1 << 20;
/// Rows of both sides that are worth a stretch, beside some for each key.
const STRETCH_ROWS: usize = 4 * CHUNK;
const ROWS_PER_PLACE: usize = 8;

/// A left and a right side whose rows are in order of time.
pub(super) struct Merge<'a, T: Instant> {
    left: &'a Side<T>,
    right: &'a Side<T>,
    left_keys: &'a [i64],
    right_keys: &'a [i64],
    first_key: i64,
    n_places: usize,
    rule: Rule,
}

/// The newest right row of a key.
#[derive(Clone, Copy)]
struct Newest<T> {
    time: T,
    row: u32,
    /// Whether a row of the key and time stands before it.
    is_tie: bool,
}

/// What a walk over one stretch leaves.
struct Stretch<T> {
    newest: Vec<Newest<T>>,
    /// Left rows that found nothing in it.
    pending: Vec<usize>,
    report: SideReport,
}

/// Left and right rows of one stretch.
type Span = (Range<usize>, Range<usize>);

impl<'a, T: Instant> Merge<'a, T> {
    /// None where the sides are not in order, or where there are too many keys, or keys that are no integers.
    pub(super) fn of(left: &'a LeftSide<T>, right: &'a Side<T>, rule: Rule) -> Option<Self> {
        let (first_key, range) = left.coding.span()?;
        let n_places = usize::try_from(range).ok()?.checked_add(1).filter(|&n_places| n_places <= MOST_PLACES)?;
        let (left_keys, right_keys) = (left.side.keys.fixed()?, right.keys.fixed()?);
        let fits = left.ascends && rule.takes_newest() && right.ascends();
        fits.then_some(Self { left: &left.side, right, left_keys, right_keys, first_key, n_places, rule })
    }

    /// Rows of both sides.
    pub(super) fn n_rows(&self) -> usize {
        self.left.n_rows() + self.right.n_rows()
    }

    /// The right row of each left row, of those right rows only that are `valid`.
    pub(super) fn run(&self, valid: Option<&NullBuffer>, monitor: &Monitor) -> Result<(Vec<u32>, SideReport)> {
        let mut found = vec![NONE; self.left.n_rows()];
        let spans = self.spans();
        let n_seen = spans.last().map_or(0, |(_, rights)| rights.end);
        let mut parts = Vec::with_capacity(spans.len());
        let mut rest = found.as_mut_slice();
        for span in spans {
            let (part, others) = rest.split_at_mut(span.0.len());
            rest = others;
            parts.push((span, part));
        }
        let stretches: Vec<(Range<usize>, Stretch<T>)> = parts
            .into_par_iter()
            .map(|((rows, rights), part)| Ok((rows.clone(), self.walk(rows, rights, valid, part, monitor)?)))
            .collect::<Result<_>>()?;
        let (mut newest, mut report) = (vec![Newest::NONE; self.n_places], SideReport::default());
        let mut lost = Vec::new();
        for (_, stretch) in stretches {
            report.merge(&stretch.report);
            self.look_up(&newest, &stretch.pending, &mut found, &mut lost, &mut report);
            for (ours, theirs) in newest.iter_mut().zip(stretch.newest) {
                if theirs.row != NONE {
                    *ours = theirs;
                }
            }
        }
        self.count_lost(&mut newest, &lost, n_seen, valid, &mut report);
        monitor.advance(self.right.n_rows() - n_seen)?;
        Ok((found, report.with_nulls(self.left.n_rows())))
    }

    /// Stretches of about as many rows of both sides. Right rows of one time are never torn apart; those that are too late
    /// for all left rows are in none.
    fn spans(&self) -> Vec<Span> {
        let n_left = self.left.n_rows();
        let early = |row: usize| {
            let time = self.left.times.values[row];
            self.right.times.values.partition_point(|&other| self.is_early(other, time))
        };
        let n_rows = self.n_rows();
        let n_spans = (n_rows / (STRETCH_ROWS + ROWS_PER_PLACE * self.n_places)).clamp(1, threads::count());
        let mut spans: Vec<Span> = Vec::with_capacity(n_spans);
        let (mut start, mut seen) = (0, 0);
        for span in 1..=n_spans {
            let (mut end, mut high) = (start, n_left);
            let most = span * n_rows / n_spans;
            while end < high && span < n_spans {
                let middle = end + (high - end) / 2;
                if middle + early(middle) < most { end = middle + 1 } else { high = middle }
            }
            end = if span == n_spans { n_left } else { end };
            let until = if end < n_left { early(end) } else { n_left.checked_sub(1).map_or(0, early) };
            spans.push((start..end, seen..until.max(seen)));
            (start, seen) = (end, until.max(seen));
        }
        spans
    }

    #[inline]
    fn is_early(&self, right: T, left: T) -> bool {
        if self.rule.allow_exact_matches { right <= left } else { right < left }
    }

    #[inline]
    fn place(&self, key: i64) -> usize {
        // A key below the first one wraps to a place beyond all.
        key.wrapping_sub(self.first_key) as u64 as usize
    }

    #[inline]
    fn put(&self, newest: &mut [Newest<T>], row: usize, valid: Option<&NullBuffer>) {
        let place = self.place(self.right_keys[row]);
        let Some(last) = newest.get_mut(place) else { return };
        if self.right.keys.nulls().is_some_and(|nulls| nulls.is_null(row))
            || valid.is_some_and(|valid| valid.is_null(row))
        {
            return;
        }
        let time = self.right.times.values[row];
        *last = Newest { time, row: row as u32, is_tie: last.row != NONE && last.time == time };
    }

    fn walk(
        &self,
        rows: Range<usize>,
        rights: Range<usize>,
        valid: Option<&NullBuffer>,
        found: &mut [u32],
        monitor: &Monitor,
    ) -> Result<Stretch<T>> {
        let mut newest = vec![Newest::NONE; self.n_places];
        let (mut pending, mut report) = (Vec::new(), SideReport::default());
        let mut next = rights.start;
        let first = rows.start;
        for start in rows.clone().step_by(CHUNK) {
            let chunk = start..(start + CHUNK).min(rows.end);
            monitor.advance(chunk.len())?;
            let (mut n_null, mut n_expired, mut n_ties, mut n_matched) = (0, 0, 0, 0);
            let ages = chunk.clone().filter_map(|row| {
                let time = self.left.times.values[row];
                while next < rights.end && self.is_early(self.right.times.values[next], time) {
                    self.put(&mut newest, next, valid);
                    next += 1;
                }
                if self.left.keys.nulls().is_some_and(|nulls| nulls.is_null(row)) {
                    n_null += 1;
                    return None;
                }
                let last = newest[self.place(self.left_keys[row])];
                if last.row == NONE {
                    pending.push(row);
                    return None;
                }
                let age = last.time.distance(time);
                if age > self.rule.tolerance {
                    n_expired += 1;
                    return None;
                }
                n_ties += u64::from(last.is_tie);
                n_matched += 1;
                found[row - first] = last.row;
                Some(age)
            });
            report.ages.add_all(ages);
            report.n_rows += chunk.len() as u64 - n_null;
            report.n_expired += n_expired;
            report.n_ties += n_ties;
            report.n_matched += n_matched;
        }
        for row in next..rights.end {
            self.put(&mut newest, row, valid);
        }
        monitor.advance(rights.len())?;
        Ok(Stretch { newest, pending, report })
    }

    /// What the stretches before it gave to the rows that found nothing in theirs.
    fn look_up(
        &self,
        newest: &[Newest<T>],
        pending: &[usize],
        found: &mut [u32],
        lost: &mut Vec<usize>,
        report: &mut SideReport,
    ) {
        for &row in pending {
            let last = newest[self.place(self.left_keys[row])];
            if last.row == NONE {
                lost.push(row);
                continue;
            }
            let age = last.time.distance(self.left.times.values[row]);
            if age > self.rule.tolerance {
                report.n_expired += 1;
                continue;
            }
            found[row] = last.row;
            report.ages.add(age);
            report.n_ties += u64::from(last.is_tie);
            report.n_matched += 1;
        }
    }

    /// Tell rows with later right rows of their key from those without any; the first `n_seen` rows are in `newest`.
    fn count_lost(
        &self,
        newest: &mut [Newest<T>],
        lost: &[usize],
        n_seen: usize,
        valid: Option<&NullBuffer>,
        report: &mut SideReport,
    ) {
        if lost.is_empty() {
            return;
        }
        for row in n_seen..self.right.n_rows() {
            self.put(newest, row, valid);
        }
        for &row in lost {
            if newest[self.place(self.left_keys[row])].row == NONE {
                report.n_unknown_key += 1;
            } else {
                report.n_future_only += 1;
            }
        }
    }
}

impl<T: Instant> Newest<T> {
    const NONE: Self = Self { time: T::MIN, row: NONE, is_tie: false };
}
