//! How far two columns of one table lie apart, and which values or ranges make the difference.
//!
//! Text, bytes, booleans and counted numbers are compared value by value; other numbers, and any column of which a side
//! has too many values to count, over the cells that both histograms share. Text beyond the cap is compared by its
//! frequent values, with all others as one.

use std::collections::HashMap;

use super::column::ColumnStatistics;
use super::scalar::Scalar;
use super::{Kind, TableStatistics};
use crate::sketch::BitHistogram;

/// Values of one kind, or one range of numbers, on both sides.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The value; least of a range; `None` for all values that are not among the frequent ones.
    pub low: Option<Scalar>,
    /// The same value, or the greatest of the range.
    pub high: Option<Scalar>,
    /// How many there were before.
    pub before: f64,
    /// How many there are after.
    pub after: f64,
}

/// Distances of the distributions of one column. Null counts as a value of its own in none of them.
#[derive(Clone, Debug)]
pub struct ColumnDrift {
    /// Path of the column.
    pub path: Vec<String>,
    /// Values on each side that are not null.
    pub n: (u64, u64),
    /// Values on each side that are compared: of numbers without those that are not counted in any cell.
    pub totals: (f64, f64),
    /// Rows on each side that are null, and all rows.
    pub nulls: ((u64, u64), (u64, u64)),
    /// Largest difference of shares.
    pub infinity_norm: f64,
    /// Jensen-Shannon divergence with logarithms to base 2.
    pub jensen_shannon: f64,
    /// Largest difference of counts by the sum of all counts.
    pub normalized_abs_difference: f64,
    /// Largest difference of the cumulative shares, of numbers (Kolmogorov-Smirnov).
    pub cumulative: Option<f64>,
    /// Whether both sides count all of their values.
    pub exact: bool,
    /// What differs most, by difference of shares, descending.
    pub differences: Vec<Difference>,
}

/// Compare the columns that both tables have, in the order of `after`; at most `limit` differences of each.
pub fn drift(before: &TableStatistics, after: &TableStatistics, limit: usize) -> Vec<ColumnDrift> {
    let earlier: HashMap<&[String], &ColumnStatistics> = before.columns.iter().map(|c| (c.path(), c)).collect();
    let pair = |column: &ColumnStatistics| {
        let twin = earlier.get(column.path()).filter(|twin| twin.kind() == column.kind())?;
        compare(twin, column, limit)
    };
    after.columns.iter().filter_map(pair).collect()
}

fn compare(before: &ColumnStatistics, after: &ColumnStatistics, limit: usize) -> Option<ColumnDrift> {
    if !before.kind().is_counted() {
        return None;
    }
    let exact = before.is_counted_exactly() && after.is_counted_exactly();
    let is_wide = after.kind().is_numeric() && !matches!(after.kind(), Kind::Bool);
    let few = |column: &ColumnStatistics| column.frequent.len() <= 64;
    let by_value = !is_wide || exact && few(before) && few(after);
    let mut cells = if by_value { values(before, after) } else { ranges(before, after) };
    let (n_before, n_after): (f64, f64) = (cells.iter().map(|c| c.before).sum(), cells.iter().map(|c| c.after).sum());
    let share = |count: f64, total: f64| if total > 0.0 { count / total } else { 0.0 };
    let shares = |cell: &Difference| (share(cell.before, n_before), share(cell.after, n_after));
    let distance = |cell: &Difference| {
        let (p, q) = shares(cell);
        (p - q).abs()
    };
    let cumulative = is_wide.then(|| {
        let steps = cells.iter().map(|cell| shares(cell).1 - shares(cell).0);
        steps
            .scan(0.0, |sum: &mut f64, step| {
                *sum += step;
                Some(sum.abs())
            })
            .fold(0.0, f64::max)
    });
    let total = n_before + n_after;
    let normalized = cells.iter().map(|cell| share((cell.before - cell.after).abs(), total)).fold(0.0, f64::max);
    let found = ColumnDrift {
        path: after.path().to_vec(),
        n: (before.n_values(), after.n_values()),
        totals: (n_before, n_after),
        nulls: ((before.n_null(), before.n_rows()), (after.n_null(), after.n_rows())),
        infinity_norm: cells.iter().map(distance).fold(0.0, f64::max),
        jensen_shannon: cells.iter().map(|cell| jensen_shannon(shares(cell))).sum::<f64>().clamp(0.0, 1.0),
        normalized_abs_difference: normalized,
        cumulative,
        exact,
        differences: Vec::new(),
    };
    cells.retain(|cell| distance(cell) > 0.0);
    cells.sort_by(|a, b| distance(b).total_cmp(&distance(a)));
    cells.truncate(limit);
    Some(ColumnDrift { differences: cells, ..found })
}

/// What one cell adds to the divergence.
fn jensen_shannon((p, q): (f64, f64)) -> f64 {
    let side = |share: f64| if share > 0.0 { 0.5 * share * (2.0 * share / (p + q)).log2() } else { 0.0 };
    side(p) + side(q)
}

/// Counts by value; values that a side does not know stand together.
fn values(before: &ColumnStatistics, after: &ColumnStatistics) -> Vec<Difference> {
    let mut cells: HashMap<Vec<u8>, Difference> = HashMap::new();
    for (column, is_after) in [(before, false), (after, true)] {
        for (value, count, _) in column.frequent.entries() {
            let scalar = column.scalar(value);
            let cell = cells.entry(format!("{:?}", scalar.shortest()).into_bytes()).or_insert_with(|| Difference {
                low: Some(scalar.clone()),
                high: Some(scalar),
                before: 0.0,
                after: 0.0,
            });
            *(if is_after { &mut cell.after } else { &mut cell.before }) += count as f64;
        }
    }
    let mut cells: Vec<Difference> = cells.into_values().collect();
    cells.sort_by(|a, b| match (&a.low, &b.low) {
        (Some(a), Some(b)) => a.compare(b),
        _ => std::cmp::Ordering::Equal,
    });
    let (known_before, known_after): (f64, f64) =
        (cells.iter().map(|c| c.before).sum(), cells.iter().map(|c| c.after).sum());
    let rest_before = (counted(before) - known_before).max(0.0);
    let rest_after = (counted(after) - known_after).max(0.0);
    if rest_before + rest_after > 0.0 {
        cells.push(Difference { low: None, high: None, before: rest_before, after: rest_after });
    }
    cells
}

/// Values that take part: NaN is a value of its own, in no count.
fn counted(column: &ColumnStatistics) -> f64 {
    column.n_values() as f64
}

/// Counts by the cells that both histograms share, with NaN and the infinities in cells of their own.
fn ranges(before: &ColumnStatistics, after: &ColumnStatistics) -> Vec<Difference> {
    let integral = after.kind() != Kind::Float && after.scale <= 0;
    let mut cells: Vec<Difference> = BitHistogram::shared(&before.histogram(), &after.histogram(), integral)
        .into_iter()
        .map(|(low, high, n_before, n_after)| Difference {
            low: Some(Scalar::Float(low)),
            high: Some(Scalar::Float(high)),
            before: n_before as f64,
            after: n_after as f64,
        })
        .collect();
    let (m, n) = (before.moments(), after.moments());
    for (value, n_before, n_after) in [
        (f64::NEG_INFINITY, m.n_negative_inf, n.n_negative_inf),
        (f64::INFINITY, m.n_positive_inf, n.n_positive_inf),
        (f64::NAN, m.n_nan, n.n_nan),
    ] {
        if n_before + n_after > 0 {
            let (low, high) = (Some(Scalar::Float(value)), Some(Scalar::Float(value)));
            let cell = Difference { low, high, before: n_before as f64, after: n_after as f64 };
            cells.insert(if value < 0.0 { 0 } else { cells.len() }, cell);
        }
    }
    cells
}
