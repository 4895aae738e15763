//! Whether two summaries can be of the same rows, whoever made them and in whatever groups they were merged.
//!
//! What is promised to be exact has to be equal: counts, nulls, extremes, lengths, sums, the histogram in the cells that
//! both have, distinct hashes or their registers, and all counts of values as long as these are exact. Means and variances
//! may differ by rounding, frequent values and quantiles by the errors that their sketches state.

use std::collections::BTreeMap;

use super::TableStatistics;
use super::column::ColumnStatistics;
use super::lengths::Level;
use crate::sketch::{BitHistogram, Frequent, FrequentValue};

/// What rounding may change of a mean, as a share of the greatest value.
const ROUNDING: f64 = 1e-9;
/// Hundredths between the ranks of two estimates of one quantile: three times what both may be off by with 99 %
/// confidence.
const RANKS: usize = 3;

/// What is compared, and by what it is called.
type Check = (&'static str, fn(&ColumnStatistics, &ColumnStatistics) -> bool);

const CHECKS: [Check; 14] = [
    ("kind", |a, b| a.kind == b.kind && a.scale == b.scale && a.content == b.content),
    ("number of rows", |a, b| a.n_rows == b.n_rows),
    ("nulls", |a, b| a.n_null == b.n_null),
    ("lists", |a, b| a.levels.len() == b.levels.len() && levels(a).zip(levels(b)).all(|(a, b)| is_same_level(a, b))),
    ("least value", |a, b| a.min == b.min),
    ("greatest value", |a, b| a.max == b.max),
    ("lengths", |a, b| (a.lengths, a.characters, a.n_invalid_utf8) == (b.lengths, b.characters, b.n_invalid_utf8)),
    ("counts of numbers", |a, b| counts(a) == counts(b)),
    ("sum", |a, b| a.moments().sum == b.moments().sum),
    ("mean", |a, b| is_near_mean(a, b)),
    ("frequent values", |a, b| are_frequent(&a.frequent, &b.frequent)),
    ("distinct values", |a, b| are_same_distinct(a, b)),
    ("histogram", |a, b| is_same_histogram(&a.histogram(), &b.histogram())),
    ("quantiles", |a, b| are_near_quantiles(a, b)),
];

impl TableStatistics {
    /// The first column in which the summaries cannot be of the same rows, and the figure that tells. `None` if they can.
    pub fn difference(&self, other: &Self) -> Option<(String, &'static str)> {
        if self.n_rows != other.n_rows {
            return Some(("all columns".into(), "number of rows"));
        }
        if self.columns.len() != other.columns.len() {
            return Some(("all columns".into(), "number of columns"));
        }
        self.columns.iter().zip(&other.columns).find_map(|(a, b)| {
            let differs = |check: &&Check| a.path != b.path || !check.1(a, b);
            CHECKS.iter().find(differs).map(|check| (b.name(), check.0))
        })
    }
}

fn levels(column: &ColumnStatistics) -> impl Iterator<Item = &Level> {
    column.levels.iter().chain([&column.per_row])
}

fn is_same_level(a: &Level, b: &Level) -> bool {
    a.n_null == b.n_null && a.lengths == b.lengths && is_same_histogram(&a.histogram, &b.histogram)
}

fn is_same_histogram(a: &BitHistogram, b: &BitHistogram) -> bool {
    BitHistogram::shared(a, b, false).iter().all(|cell| cell.2 == cell.3)
}

fn counts(column: &ColumnStatistics) -> [u64; 6] {
    let moments = column.moments();
    let infinite = [moments.n_positive_inf, moments.n_negative_inf];
    [moments.n_finite, moments.n_nan, infinite[0], infinite[1], moments.n_zero, moments.n_negative]
}

/// Mean and variance.
fn is_near_mean(a: &ColumnStatistics, b: &ColumnStatistics) -> bool {
    let (ours, theirs) = (a.moments(), b.moments());
    let scale = ours.min.abs().max(ours.max.abs());
    if ours.n_finite == 0 || !scale.is_finite() || !ours.m2.is_finite() || !theirs.m2.is_finite() {
        return true;
    }
    let noise = ours.n_finite as f64 * (scale * ROUNDING).powi(2);
    let spread = ours.m2.max(theirs.m2) * ROUNDING.sqrt();
    (ours.mean - theirs.mean).abs() <= scale * ROUNDING && (ours.m2 - theirs.m2).abs() <= spread + noise
}

/// Whether the true count of every value can be the same: each lies between what is counted and that with what may be
/// missing.
fn are_frequent(a: &Frequent, b: &Frequent) -> bool {
    let mut ranges: BTreeMap<FrequentValue<'_>, [(u64, u64); 2]> = BTreeMap::new();
    for (side, counts) in [a, b].into_iter().enumerate() {
        for (value, count, missed) in counts.entries() {
            let range = ranges.entry(value).or_insert([(0, a.error()), (0, b.error())]);
            range[side] = (count, count.saturating_add(missed));
        }
    }
    let is_possible = |[ours, theirs]: &[(u64, u64); 2]| ours.0 <= theirs.1 && theirs.0 <= ours.1;
    a.n_too_long() == b.n_too_long() && ranges.values().all(is_possible)
}

/// The format says which registers a set of values has, so that they are exact as well.
fn are_same_distinct(a: &ColumnStatistics, b: &ColumnStatistics) -> bool {
    !a.content.distinct || a.distinct_hashes().agrees(&b.distinct_hashes())
}

fn are_near_quantiles(a: &ColumnStatistics, b: &ColumnStatistics) -> bool {
    if !a.kind.is_numeric() {
        return true;
    }
    let (ours, theirs) = (a.quantiles(100), b.quantiles(100));
    // Stored quantiles have lost low bits.
    let slack = ours.first().zip(ours.last()).map_or(0.0, |(least, greatest)| (greatest - least).abs() * 1e-6);
    // Beside infinities the least and the greatest finite value are not known.
    let is_near = |(rank, value): (usize, &f64)| {
        let low = rank.checked_sub(RANKS).map_or(f64::NEG_INFINITY, |rank| ours[rank]);
        let high = ours.get(rank + RANKS).copied().unwrap_or(f64::INFINITY);
        low - slack <= *value && *value <= high + slack
    };
    ours.len() == theirs.len() && theirs.iter().enumerate().all(is_near)
}
