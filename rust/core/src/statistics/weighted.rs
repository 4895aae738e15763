//! The figures of a column when each row counts as much as its weight says. Computed on demand, never stored.
//!
//! Sums of weights are doubles in row order; merge in file order for the same digits. The histogram has the cells of
//! `BitHistogram`: at most 4096 of them, one a value while there are fewer values. Counts of values are kept for 65,536
//! of them; beyond that the lightest are dropped as in Misra and Gries, and `error` bounds what is missing.

use std::collections::HashMap;

use crate::sketch::{MisraGries, key_of, value_of};

const CELLS: usize = 4096;
const VALUES: usize = 65_536;

/// Weighted figures of one column.
#[derive(Clone, Debug, Default)]
pub struct Weighted {
    /// Weight of the rows that are not null.
    pub present: f64,
    /// Weight of the rows that are null.
    pub missing: f64,
    /// Weight of all values: a list counts its row's weight for every item.
    pub values: f64,
    /// Weight of the finite numbers.
    pub finite: f64,
    /// Weight of NaN.
    pub nan: f64,
    /// Weight of plus infinity.
    pub positive_inf: f64,
    /// Weight of minus infinity.
    pub negative_inf: f64,
    /// Weight of zeros.
    pub zero: f64,
    /// Weighted mean of the finite numbers.
    pub mean: f64,
    /// Weighted sum of their squared deviations from it.
    pub m2: f64,
    /// Weighted sum of the lengths of text and bytes.
    pub length: f64,
    shift: u32,
    cells: HashMap<i64, f64>,
    values_by_key: HashMap<Vec<u8>, f64>,
    error: f64,
    /// Weights of text as TFDV has them, if asked for.
    pub(super) as_tfdv: Option<Box<MisraGries>>,
}

impl Weighted {
    /// Add a number; West (1979).
    pub(super) fn add_number(&mut self, value: f64, weight: f64) {
        self.zero += if value == 0.0 { weight } else { 0.0 };
        if !value.is_finite() {
            *(if value.is_nan() {
                &mut self.nan
            } else if value > 0.0 {
                &mut self.positive_inf
            } else {
                &mut self.negative_inf
            }) += weight;
            return;
        }
        if weight <= 0.0 {
            return;
        }
        self.finite += weight;
        let delta = value - self.mean;
        self.mean += delta * weight / self.finite;
        self.m2 += weight * delta * (value - self.mean);
        *self.cells.entry(key_of(value) >> self.shift).or_default() += weight;
        self.fit();
    }

    /// Count a value by its bytes.
    pub(super) fn count(&mut self, key: &[u8], weight: f64) {
        if let Some(counts) = &mut self.as_tfdv {
            // It has weights in 32 bits.
            counts.add(key, f64::from(weight as f32));
        }
        if let Some(total) = self.values_by_key.get_mut(key) {
            *total += weight;
            return;
        }
        self.values_by_key.insert(key.to_vec(), weight);
        self.purge();
    }

    fn purge(&mut self) {
        if self.values_by_key.len() <= VALUES {
            return;
        }
        let mut weights: Vec<f64> = self.values_by_key.values().copied().collect();
        let cut = *weights.select_nth_unstable_by(VALUES / 2, |a, b| b.total_cmp(a)).1;
        self.values_by_key.retain(|_, weight| *weight > cut);
        self.error += cut;
    }

    fn fit(&mut self) {
        while self.cells.len() > CELLS {
            self.shift += 1;
            let mut cells: Vec<(i64, f64)> = self.cells.drain().collect();
            cells.sort_unstable_by_key(|cell| cell.0);
            for (cell, weight) in cells {
                *self.cells.entry(cell >> 1).or_default() += weight;
            }
        }
    }

    /// Add what `other` has seen.
    pub(super) fn merge(&mut self, other: &Self) {
        let total = self.finite + other.finite;
        if total > 0.0 {
            let delta = other.mean - self.mean;
            self.m2 += other.m2 + delta * delta * self.finite * (other.finite / total);
            self.mean += delta * (other.finite / total);
        }
        for (ours, theirs) in self.sums().into_iter().zip(other.clone().sums()) {
            *ours += *theirs;
        }
        let shift = self.shift.max(other.shift);
        for (from, cells) in [(self.shift, self.cells.drain().collect::<Vec<_>>()), (other.shift, other.sorted())] {
            let mut cells = cells;
            cells.sort_unstable_by_key(|cell| cell.0);
            for (cell, weight) in cells {
                *self.cells.entry(cell >> (shift - from)).or_default() += weight;
            }
        }
        self.shift = shift;
        self.fit();
        for (key, weight) in &other.values_by_key {
            *self.values_by_key.entry(key.clone()).or_default() += weight;
        }
        self.error += other.error;
        self.purge();
        if let (Some(ours), Some(theirs)) = (&mut self.as_tfdv, &other.as_tfdv) {
            ours.merge(theirs);
        }
    }

    fn sums(&mut self) -> [&mut f64; 9] {
        [
            &mut self.present,
            &mut self.missing,
            &mut self.values,
            &mut self.finite,
            &mut self.nan,
            &mut self.positive_inf,
            &mut self.negative_inf,
            &mut self.zero,
            &mut self.length,
        ]
    }

    fn sorted(&self) -> Vec<(i64, f64)> {
        let mut cells: Vec<(i64, f64)> = self.cells.iter().map(|(&cell, &weight)| (cell, weight)).collect();
        cells.sort_unstable_by_key(|cell| cell.0);
        cells
    }

    /// Population variance of the finite numbers; `None` without any.
    pub fn variance(&self) -> Option<f64> {
        (self.finite > 0.0).then(|| (self.m2 / self.finite).max(0.0))
    }

    /// The non-empty cells as (low, high, weight), ascending.
    pub fn bins(&self) -> Vec<(f64, f64, f64)> {
        let bounds = |cell: i64| {
            let low = cell << self.shift;
            (value_of(low), value_of(low | !(-1_i64 << self.shift)))
        };
        self.sorted().into_iter().map(|(cell, weight)| (bounds(cell).0, bounds(cell).1, weight)).collect()
    }

    /// Values by their bytes with their weights, in no particular order.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&[u8], f64)> {
        self.values_by_key.iter().map(|(key, &weight)| (key.as_slice(), weight))
    }

    /// What the weight of a value may lack at most; 0 if all are exact.
    pub fn error(&self) -> f64 {
        self.error
    }
}
