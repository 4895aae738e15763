//! Lengths of values: bytes or characters of text, items of lists.

use crate::error::Result;
use crate::sketch::{BitHistogram, Reader, put_varint};

/// Lengths of the values that are not null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lengths {
    /// Values.
    pub n: u64,
    /// Least length; 0 if there is no value.
    pub min: u64,
    /// Greatest length; 0 if there is no value.
    pub max: u64,
    /// Sum of the lengths.
    pub total: u64,
}

impl Lengths {
    /// Mean length; 0 if there is no value.
    pub fn mean(&self) -> f64 {
        if self.n == 0 { 0.0 } else { self.total as f64 / self.n as f64 }
    }

    /// Of values with these lengths.
    pub(super) fn of(lengths: impl ExactSizeIterator<Item = u64>) -> Self {
        let n = lengths.len() as u64;
        let (mut min, mut max, mut total) = (u64::MAX, 0, 0_u64);
        for length in lengths {
            (min, max, total) = (min.min(length), max.max(length), total + length);
        }
        Self { n, min: if n == 0 { 0 } else { min }, max, total }
    }

    pub(crate) fn add(&mut self, length: u64, count: u64) {
        self.merge(&Self { n: count, min: length, max: length, total: length.saturating_mul(count) });
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.min = match (self.n, other.n) {
            (_, 0) => self.min,
            (0, _) => other.min,
            _ => self.min.min(other.min),
        };
        self.max = self.max.max(other.max);
        self.n = self.n.saturating_add(other.n);
        self.total = self.total.saturating_add(other.total);
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for field in [self.n, self.min, self.max, self.total] {
            put_varint(out, field);
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        Ok(Self { n: reader.varint()?, min: reader.varint()?, max: reader.varint()?, total: reader.varint()? })
    }
}

/// The lists of one nesting level of a column, or the maps.
#[derive(Clone, Debug, Default)]
pub struct Level {
    /// Lists that are null.
    pub n_null: u64,
    /// Items of those that are not.
    pub lengths: Lengths,
    /// Histogram of these numbers of items.
    pub(super) histogram: BitHistogram,
}

impl Level {
    /// Numbers of items and how many lists have them, ascending: (low, high, count). One number a row up to 512
    /// different ones.
    pub fn bins(&self) -> Vec<(f64, f64, u64)> {
        self.histogram.cells(true).iter().map(|cell| (cell.low, cell.high, cell.count)).collect()
    }

    pub(super) fn add(&mut self, lengths: &[u64]) {
        let mut floats = Vec::with_capacity(lengths.len());
        for &length in lengths {
            self.lengths.add(length, 1);
            floats.push(length as f64);
        }
        self.histogram.update(&floats);
    }

    pub(super) fn add_equal(&mut self, length: u64, count: u64) {
        if count > 0 {
            self.lengths.add(length, count);
            self.histogram.update_counted(&[(length as f64, count)]);
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.n_null = self.n_null.saturating_add(other.n_null);
        self.lengths.merge(&other.lengths);
        self.histogram.merge(&other.histogram);
    }

    pub(super) fn freeze(&mut self) {
        self.histogram.freeze();
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        put_varint(out, self.n_null);
        self.lengths.write(out);
        self.histogram.write(out);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let (n_null, lengths) = (reader.varint()?, Lengths::read(reader)?);
        Ok(Self { n_null, lengths, histogram: BitHistogram::read(reader)? })
    }
}
