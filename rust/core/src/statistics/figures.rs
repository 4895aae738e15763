//! Figures that follow from the summaries of a column: frequent values, histograms, quantiles.

use super::column::ColumnStatistics;
use super::digits::Digits;
use super::kind::Kind;
use super::scalar::Scalar;
use crate::sketch::{Cell, FrequentValue, Quantiles};

/// A cell of a histogram: least and greatest value, and how many lie between. A share of a cell need not be whole.
pub type Bin = (f64, f64, f64);

/// Cells with more than this share of all values are divided by the quantiles.
const COARSE: f64 = 1.0 / 400.0;

impl ColumnStatistics {
    /// The `limit` most frequent values by (count, value), descending; counts never exceed the true ones, but for those of
    /// TFDV.
    pub fn top_values(&self, limit: usize) -> Vec<(Scalar, u64)> {
        let mut entries: Vec<(FrequentValue<'_>, u64)> = match self.as_tfdv.as_ref().filter(|counts| counts.is_over()) {
            Some(counts) => {
                counts.counts().into_iter().map(|(value, n)| (FrequentValue::Bytes(value), n as u64)).collect()
            }
            None => self.frequent.entries().map(|(value, count, _)| (value, count)).collect(),
        };
        let limit = limit.min(entries.len());
        // Only values that tie with the last one wanted have to be ordered by value among more than `limit`.
        if limit > 0 && limit < entries.len() {
            let last = entries.select_nth_unstable_by_key(limit - 1, |entry| std::cmp::Reverse(entry.1)).1.1;
            entries.retain(|entry| entry.1 >= last);
        }
        let mut values: Vec<(Scalar, u64)> =
            entries.into_iter().map(|(value, count)| (self.scalar(value), count)).collect();
        values.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| b.0.compare(&a.0)));
        values.truncate(limit);
        values
    }

    /// Whether all distinct values are known with their exact counts.
    pub fn top_values_exact(&self) -> bool {
        self.content.top_values && self.frequent.is_exact()
    }

    /// What a count of a frequent value may lack at most, and what a value that is not among them may occur at most; 0
    /// if exact.
    pub fn top_values_error(&self) -> u64 {
        self.frequent.entries().map(|(_, _, missed)| missed).max().unwrap_or(0).max(self.frequent.error())
    }

    /// The `limit` heaviest values by (weight, value), descending, if weights were given; too heavy for TFDV.
    pub fn weighted_top_values(&self, limit: usize) -> Vec<(Scalar, f64)> {
        let Some(weighted) = &self.weighted else { return Vec::new() };
        let is_bytes = self.kind.is_bytes() || self.kind == Kind::Decimal;
        let value = |key: &[u8]| match key.try_into() {
            Ok(fixed) if !is_bytes => self.scalar(FrequentValue::Fixed(u64::from_le_bytes(fixed))),
            _ => self.scalar(FrequentValue::Bytes(key)),
        };
        let over = weighted.as_tfdv.as_ref().filter(|counts| counts.is_over());
        let mut values: Vec<(Scalar, f64)> = match over {
            Some(counts) => counts.counts().into_iter().map(|(key, weight)| (value(key), weight)).collect(),
            None => weighted.counts().map(|(key, weight)| (value(key), weight)).collect(),
        };
        values.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| b.0.compare(&a.0)));
        values.truncate(limit);
        values
    }

    /// Weighted mean of the finite values, in the column's unit; `None` without weights or values.
    pub fn weighted_mean(&self) -> Option<f64> {
        self.weighted.as_ref().filter(|weighted| weighted.finite > 0.0).map(|weighted| weighted.mean)
    }

    /// Weighted population variance of the finite values.
    pub fn weighted_variance(&self) -> Option<f64> {
        self.weighted.as_ref().and_then(|weighted| weighted.variance())
    }

    pub(super) fn scalar(&self, value: FrequentValue<'_>) -> Scalar {
        match (value, self.kind) {
            (FrequentValue::Fixed(bits), Kind::UInt) => Scalar::UInt(bits),
            (FrequentValue::Fixed(bits), Kind::Float) => Scalar::Float(f64::from_bits(bits)),
            (FrequentValue::Fixed(bits), _) => Scalar::Int(bits as i64),
            (FrequentValue::Bytes(bytes), Kind::Decimal) => {
                Scalar::Decimal { value: Digits::read(bytes), scale: self.scale }
            }
            (FrequentValue::Bytes(bytes), Kind::Binary) => Scalar::Binary(bytes.into()),
            // Text that is not UTF-8 stays bytes.
            (FrequentValue::Bytes(bytes), _) => match std::str::from_utf8(bytes) {
                Ok(text) => Scalar::String(text.into()),
                Err(_) => Scalar::Binary(bytes.into()),
            },
        }
    }

    /// The cells of the bit histogram of the finite values, ascending; other columns have the same cells or coarser ones.
    pub fn cells(&self) -> Vec<Cell> {
        let integral = self.kind != Kind::Float && self.scale <= 0;
        self.histogram().cells(integral)
    }

    /// The histogram of the finite values in as fine cells as are known, ascending. One cell a value where all values
    /// are counted. Otherwise counts of cells are exact, but for those of the parts of heavy cells.
    pub fn bins(&self) -> Vec<Bin> {
        if !self.content.quantiles || !self.kind.is_numeric() {
            return Vec::new();
        }
        if self.is_counted_exactly() {
            let mut values = self.counted_numbers();
            values.sort_unstable_by_key(|&(_, key, _)| key);
            return values.into_iter().map(|(value, _, count)| (value, value, count as f64)).collect();
        }
        let cells = self.cells();
        let total: f64 = cells.iter().map(|cell| cell.count as f64).sum();
        let items = self.items();
        let mut bins = Vec::with_capacity(cells.len());
        let mut from = 0;
        for cell in cells {
            from += items[from..].partition_point(|item| item.0 < cell.low);
            let n = items[from..].partition_point(|item| item.0 <= cell.high);
            if n > 1 && cell.count as f64 > COARSE * total {
                divide(cell, &items[from..from + n], COARSE * total, &mut bins);
            } else {
                bins.push((cell.low, cell.high, cell.count as f64));
            }
            from += n;
        }
        self.draw_in(&mut bins);
        bins
    }

    /// Items of the quantiles as floats with what they count for, ascending.
    fn items(&self) -> Vec<(f64, f64)> {
        self.quantiles.items().into_iter().map(|(key, weight)| (self.float_of(key), weight as f64)).collect()
    }

    /// The cells lie between the least and the greatest value and reach both, where these are finite: cells are wider,
    /// and items that have lost low bits lie beside the values that they stand for.
    fn draw_in(&self, bins: &mut [Bin]) {
        let (min, max) = (self.moments.min / self.unit(), self.moments.max / self.unit());
        let (least, greatest) =
            (if min.is_finite() { min } else { f64::NEG_INFINITY }, if max.is_finite() { max } else { f64::INFINITY });
        for bin in bins.iter_mut() {
            (bin.0, bin.1) = (bin.0.max(least).min(greatest), bin.1.max(least).min(greatest));
        }
        if let Some(first) = bins.first_mut().filter(|_| min.is_finite()) {
            first.0 = min;
        }
        if let Some(last) = bins.last_mut().filter(|_| max.is_finite()) {
            last.1 = max;
        }
    }

    /// The quantiles of the finite values at `n` + 1 evenly spaced ranks: of m values in order, i / n is the one numbered
    /// ceil(i m / n). Exact while all values are counted; else the rank is off by `rank_error` at most. Empty without
    /// values.
    pub fn quantiles(&self, n: u32) -> Vec<f64> {
        quantiles_of(&self.bins(), n)
    }

    /// The weighted quantiles at `n` + 1 evenly spaced ranks, if weights were given.
    pub fn weighted_quantiles(&self, n: u32) -> Vec<f64> {
        self.weighted.as_ref().map_or_else(Vec::new, |weighted| quantiles_of(&weighted.bins(), n))
    }

    /// Largest error of the rank of a quantile as a share of the number of values, with 99 % confidence; 0 if exact.
    pub fn rank_error(&self) -> f64 {
        if self.is_counted_exactly() { 0.0 } else { Quantiles::RANK_ERROR }
    }
}

/// Divide a heavy cell at the items in it, so that the parts weigh `most` or are one value.
fn divide(cell: Cell, items: &[(f64, f64)], most: f64, bins: &mut Vec<Bin>) {
    let weight: f64 = items.iter().map(|item| item.1).sum();
    let scale = cell.count as f64 / weight;
    let (mut low, mut count) = (cell.low, 0.0);
    let mut at = 0;
    while at < items.len() {
        let value = items[at].0;
        let same = items[at..].partition_point(|item| item.0 <= value);
        let here: f64 = items[at..at + same].iter().map(|item| item.1).sum::<f64>() * scale;
        at += same;
        if here > most {
            // So many equal items are one value, not an interval.
            if count > 0.0 {
                bins.push((low, value, count));
            }
            bins.push((value, value, here));
            (low, count) = (value, 0.0);
            continue;
        }
        count += here;
        if count >= most || at == items.len() {
            bins.push((low, if at == items.len() { cell.high } else { value }, count));
            (low, count) = (value, 0.0);
        }
    }
}

fn quantiles_of(bins: &[Bin], n: u32) -> Vec<f64> {
    let total: f64 = bins.iter().map(|bin| bin.2).sum();
    let (Some(first), Some(last)) = (bins.first(), bins.last()) else { return Vec::new() };
    if total <= 0.0 {
        return Vec::new();
    }
    let whole = bins.iter().all(|bin| bin.2.fract() == 0.0);
    let mut quantiles = Vec::with_capacity(n as usize + 1);
    let (mut at, mut before) = (0, 0.0);
    for i in 0..=n {
        let exact = f64::from(i) * total / f64::from(n);
        let rank = if whole { exact.ceil().max(1.0) } else { exact };
        while rank > before + bins[at].2 && at + 1 < bins.len() {
            before += bins[at].2;
            at += 1;
        }
        let (low, high, count) = bins[at];
        let inside = if whole { rank - before - 0.5 } else { rank - before };
        quantiles.push(low + (high - low) * (inside / count).clamp(0.0, 1.0));
    }
    quantiles[0] = first.0;
    quantiles[n as usize] = last.1;
    quantiles
}
