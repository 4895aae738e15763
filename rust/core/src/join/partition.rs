//! Rows in buckets of their key's hash. A bucket and its tables fit the second-level cache, so that a search in them costs
//! no cache misses; buckets are worked on in parallel.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::keys::{Coding, RowKeys};
use super::monitor::Monitor;
use super::table::NONE;
use super::times::{Instant, Times};
use crate::error::Result;
use crate::threads;

/// Rows of both sides that a bucket should hold.
const BUCKET_ROWS: usize = 1 << 14;
const MOST_BUCKET_BITS: u32 = 10;
/// Rows that one task moves to their buckets.
pub(super) const CHUNK: usize = 1 << 16;

/// Keys and times of one table's rows.
pub(super) struct Side<T: Instant> {
    pub(super) keys: RowKeys,
    pub(super) times: Times<T>,
    /// When each row became known.
    pub(super) created: Option<Times<T>>,
    /// Whether rows of which that is unknown are left out; else they count as the oldest.
    pub(super) needs_created: bool,
}

impl<T: Instant> Side<T> {
    pub(super) fn n_rows(&self) -> usize {
        self.times.values.len()
    }

    /// Whether the row has what a match needs.
    #[inline]
    pub(super) fn has(&self, row: usize) -> bool {
        self.keys.nulls().is_none_or(|nulls| nulls.is_valid(row))
            && self.times.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row))
            && !(self.needs_created && self.created_nulls().is_some_and(|nulls| nulls.is_null(row)))
    }

    /// Whether every row has it.
    pub(super) fn is_whole(&self) -> bool {
        self.keys.nulls().is_none() && self.times.nulls.is_none() && self.created_nulls().is_none()
    }

    /// Whether every row has a time, and they are in order of (time, created).
    pub(super) fn ascends(&self) -> bool {
        if self.times.nulls.is_some() {
            return false;
        }
        let starts: Vec<usize> = (0..self.n_rows()).step_by(CHUNK).collect();
        starts.into_par_iter().all(|start| {
            let rows = start.saturating_sub(1)..(start + CHUNK).min(self.n_rows());
            self.times.values[rows.clone()].is_sorted()
                && (self.created.is_none() || rows.skip(1).all(|row| self.follows(row)))
        })
    }

    /// Whether a row stands in order of (time, created) after the one before it.
    #[inline]
    pub(super) fn follows(&self, row: usize) -> bool {
        (self.times.values[row - 1], self.created(row - 1)) <= (self.times.values[row], self.created(row))
    }

    /// When the row became known; the first instant if that is unknown or of no matter.
    #[inline]
    pub(super) fn created(&self, row: usize) -> T {
        match &self.created {
            Some(created) if created.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) => created.values[row],
            _ => T::MIN,
        }
    }

    fn created_nulls(&self) -> Option<&arrow_buffer::NullBuffer> {
        self.created.as_ref().and_then(|created| created.nulls.as_ref())
    }
}

/// A row on its way to its match. Packed: there are as many of them as rows.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(super) struct Entry<T> {
    pub(super) code: u64,
    pub(super) time: T,
    pub(super) row: u32,
}

/// How many buckets there are, and which one a code belongs to.
#[derive(Clone, Copy)]
pub(super) struct Bits(u32);

impl Bits {
    pub(super) fn of(n_rows: usize, coding: Coding) -> Self {
        let bits = (n_rows / BUCKET_ROWS).next_power_of_two().ilog2().min(MOST_BUCKET_BITS);
        Self(if let Coding::Dense { bits: most, .. } = coding { bits.min(most) } else { bits })
    }

    pub(super) fn get(self) -> u32 {
        self.0
    }

    pub(super) fn n_buckets(self) -> usize {
        1 << self.0
    }

    #[inline]
    pub(super) fn bucket(self, code: u64) -> usize {
        (code >> 32 >> (32 - self.0)) as usize
    }
}

/// Memory of buckets that are done with: what the system gives anew has to be cleared page by page.
pub(super) type Spare<T> = Mutex<Vec<Vec<Entry<T>>>>;

/// Rows with a key and a time by bucket, in order of position; those whose key no left row can have are left out.
pub(super) struct Buckets<T> {
    /// Of each chunk of rows: its rows by bucket, and where each bucket starts.
    chunks: Vec<(Vec<Entry<T>>, Vec<u32>)>,
}

impl<T: Instant> Buckets<T> {
    pub(super) fn of(side: &Side<T>, coding: Coding, bits: Bits, spare: &Spare<T>, monitor: &Monitor) -> Result<Self> {
        let chunk = |start: usize| {
            let range = start..(start + CHUNK).min(side.n_rows());
            monitor.advance(range.len())?;
            let rows = spare.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
            Ok(Self::chunk(side, range, coding, bits, rows))
        };
        let starts: Vec<usize> = (0..side.n_rows()).step_by(CHUNK).collect();
        Ok(Self { chunks: starts.into_par_iter().map(chunk).collect::<Result<_>>()? })
    }

    fn chunk(
        side: &Side<T>,
        range: std::ops::Range<usize>,
        coding: Coding,
        bits: Bits,
        mut rows: Vec<Entry<T>>,
    ) -> (Vec<Entry<T>>, Vec<u32>) {
        let (codes, times) = (coding.codes(&side.keys, range.clone()), &side.times.values[range.clone()]);
        let is_whole = side.is_whole();
        let is_in = |row: usize, code: u64| coding.is_in(code) && (is_whole || side.has(row));
        let mut starts = vec![0_u32; bits.n_buckets() + 1];
        for (row, &code) in range.clone().zip(&codes) {
            starts[bits.bucket(code) + 1] += u32::from(is_in(row, code));
        }
        for bucket in 1..starts.len() {
            starts[bucket] += starts[bucket - 1];
        }
        let mut ends = starts.clone();
        // What is in reused memory is overwritten.
        rows.resize(range.len(), Entry { code: 0, time: T::default(), row: NONE });
        for ((row, &code), &time) in range.zip(&codes).zip(times) {
            if is_in(row, code) {
                let end = &mut ends[bits.bucket(code)];
                rows[*end as usize] = Entry { code, time, row: row as u32 };
                *end += 1;
            }
        }
        (rows, starts)
    }

    /// Keep the memory for the next table.
    pub(super) fn recycle(self, spare: &Spare<T>) {
        spare.lock().unwrap_or_else(PoisonError::into_inner).extend(self.chunks.into_iter().map(|(rows, _)| rows));
    }

    /// The rows of a bucket, chunk by chunk.
    pub(super) fn slices(&self, bucket: usize) -> impl Iterator<Item = &[Entry<T>]> {
        self.chunks.iter().map(move |(rows, starts)| &rows[starts[bucket] as usize..starts[bucket + 1] as usize])
    }

    /// How many rows a bucket has.
    pub(super) fn n_rows(&self, bucket: usize) -> usize {
        self.chunks.iter().map(|(_, starts)| (starts[bucket + 1] - starts[bucket]) as usize).sum()
    }
}

/// Work on every bucket, in parallel, and merge what each thread found.
pub(super) fn each_bucket<R: Default + Send>(
    n_buckets: usize,
    work: impl Fn(R, usize) -> Result<R> + Sync + Send,
    merge: impl Fn(R, R) -> R + Sync + Send,
) -> Result<R> {
    if n_buckets == 1 {
        return work(R::default(), 0);
    }
    (0..n_buckets)
        .into_par_iter()
        // What a thread has found so far goes with it from bucket to bucket.
        .with_max_len(n_buckets.div_ceil(8 * threads::count()))
        .try_fold(R::default, work)
        .try_reduce(R::default, |a, b| Ok(merge(a, b)))
}
