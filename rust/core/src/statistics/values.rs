//! Values of one column on their way into its statistics: gathered into blocks, then summed and counted.

use super::column::ColumnStatistics;
use super::scalar::{Bound, Scalar};
use crate::sketch::{BLOCK, hash_bytes, hash_u64};

/// A value of a numeric lane: every numeric column is widened to one of these.
pub(super) trait Number: Copy + Default {
    /// Add one block of values to the statistics.
    fn add(block: &[Self], statistics: &mut ColumnStatistics);
}

/// Values that wait for their block to fill up, so that the statistics do not depend on where batches end.
pub(super) struct Block<T> {
    values: Vec<T>,
}

impl<T: Number> Block<T> {
    pub(super) fn new() -> Self {
        Self { values: Vec::new() }
    }

    /// Add values, widened by `widen`.
    #[inline]
    pub(super) fn extend<U: Copy>(&mut self, mut rest: &[U], widen: impl Fn(U) -> T, into: &mut ColumnStatistics) {
        while !rest.is_empty() {
            let (now, later) = rest.split_at((BLOCK - self.values.len()).min(rest.len()));
            self.values.extend(now.iter().map(|&value| widen(value)));
            if self.values.len() == BLOCK {
                self.flush(into);
            }
            rest = later;
        }
    }

    /// Add what waits.
    pub(super) fn flush(&mut self, into: &mut ColumnStatistics) {
        if !self.values.is_empty() {
            T::add(&self.values, into);
            self.values.clear();
        }
    }
}

impl Number for f64 {
    fn add(block: &[Self], statistics: &mut ColumnStatistics) {
        statistics.moments.update_floats(block);
        statistics.bits.update(block);
        count_fixed(block.iter().filter(|value| !value.is_nan()).map(|value| (value + 0.0).to_bits()), statistics);
    }
}

impl Number for i64 {
    fn add(block: &[Self], statistics: &mut ColumnStatistics) {
        statistics.moments.update_integers(block);
        add_integers(block, |value| value as f64, Scalar::Int, statistics);
        count_fixed(block.iter().map(|&value| value as u64), statistics);
    }
}

impl Number for u64 {
    fn add(block: &[Self], statistics: &mut ColumnStatistics) {
        statistics.moments.update_integers(block);
        add_integers(block, |value| value as f64, Scalar::UInt, statistics);
        count_fixed(block.iter().copied(), statistics);
    }
}

impl Number for i128 {
    fn add(block: &[Self], statistics: &mut ColumnStatistics) {
        let scale = statistics.scale;
        let unit = 10_f64.powi(i32::from(scale));
        statistics.moments.update_integers(block);
        let scalar = |value| Scalar::Decimal { value, scale };
        add_integers(block, |value| value as f64 / unit, scalar, statistics);
        for value in block {
            let bytes = value.to_le_bytes();
            count_bytes(hash_bytes(&bytes), &bytes, 1, statistics);
        }
    }
}

/// Histogram and bounds of one block.
fn add_integers<T: Copy + Ord + Default>(
    block: &[T],
    float: impl Fn(T) -> f64,
    scalar: impl Fn(T) -> Scalar,
    statistics: &mut ColumnStatistics,
) {
    let mut floats = [0.0; BLOCK];
    for (place, &value) in floats.iter_mut().zip(block) {
        *place = float(value);
    }
    statistics.bits.update(&floats[..block.len()]);
    let min = block.iter().copied().min().map(|value| Bound::exact(scalar(value)));
    let max = block.iter().copied().max().map(|value| Bound::exact(scalar(value)));
    statistics.add_bounds(min, max);
}

/// Count values of eight bytes. The distinct ones are those of the frequent ones while these are exact.
fn count_fixed(values: impl Iterator<Item = u64>, statistics: &mut ColumnStatistics) {
    for value in values {
        let hash = hash_u64(value);
        if statistics.frequent.update_fixed(hash, value, 1) || !statistics.frequent.is_exact() {
            statistics.distinct.insert(hash);
        }
    }
}

/// Count a byte string; whether it may be one not seen before.
fn count_bytes(hash: u64, value: &[u8], count: u64, statistics: &mut ColumnStatistics) -> bool {
    let may_be_new = statistics.frequent.update_bytes(hash, value, count) || !statistics.frequent.is_exact();
    if may_be_new {
        statistics.distinct.insert(hash);
    }
    may_be_new
}

/// Least and greatest of the byte strings seen.
#[derive(Default)]
pub(super) struct Extremes {
    least: Option<(u64, Vec<u8>)>,
    greatest: Option<(u64, Vec<u8>)>,
}

impl Extremes {
    /// Add `count` rows that hold `value`.
    #[inline]
    pub(super) fn add(&mut self, value: &[u8], count: u64, into: &mut ColumnStatistics) {
        into.lengths.add(value.len() as u64, count);
        if count_bytes(hash_bytes(value), value, count, into) {
            self.widen(value);
        }
    }

    #[inline]
    fn widen(&mut self, value: &[u8]) {
        let prefix = prefix_of(value);
        if self.least.as_ref().is_none_or(|(least, all)| prefix < *least || prefix == *least && value < all.as_slice())
        {
            self.least = Some((prefix, value.to_vec()));
        }
        if self.greatest.as_ref().is_none_or(|(most, all)| prefix > *most || prefix == *most && value > all.as_slice())
        {
            self.greatest = Some((prefix, value.to_vec()));
        }
    }

    /// Write the bounds down, cut to their longest length.
    pub(super) fn flush(&mut self, scalar: impl Fn(Vec<u8>) -> Scalar, into: &mut ColumnStatistics) {
        let min = self.least.take().map(|(_, value)| Bound::lower(scalar(value)));
        let max = self.greatest.take().map(|(_, value)| Bound::upper(scalar(value)));
        into.add_bounds(min, max);
    }
}

/// The first eight bytes as a number that orders as they do; shorter strings are padded with zeros.
#[inline]
fn prefix_of(value: &[u8]) -> u64 {
    if let Some(first) = value.first_chunk::<8>() {
        return u64::from_be_bytes(*first);
    }
    value.iter().rev().fold(0, |prefix, &byte| prefix >> 8 | u64::from(byte) << 56)
}
