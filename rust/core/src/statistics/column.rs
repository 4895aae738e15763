//! What is known about one column: counts, bounds, moments, distribution, distinct and frequent values.
//!
//! A column is the values behind one path. A list column is its innermost values, with a [`Level`] for each list around
//! them; the members of a struct are columns of their own, which count the structs that are not null as their rows.

use std::borrow::Cow;

use arrow_schema::DataType;

use super::content::Content;
use super::digits::{self, Digits};
use super::kind::{Kind, innermost, type_name, unit_of, width_of};
use super::lengths::{Lengths, Level};
use super::scalar::Bound;
use super::weighted::Weighted;
use crate::error::{Error, Result};
use crate::sketch::{
    BitHistogram, Distinct, Frequent, FrequentValue, MisraGries, Moments, Quantiles, WholeSum, key_of, sort_counted,
    value_of,
};

/// Number of distinct values that are neither null nor NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DistinctCount {
    /// Exact or estimated.
    pub count: u64,
    /// Which of both.
    pub exact: bool,
    /// Relative standard error; 0 if exact.
    pub relative_error: f64,
}

/// Statistics of one column.
#[derive(Clone, Debug)]
pub struct ColumnStatistics {
    pub(super) path: Vec<String>,
    pub(super) kind: Kind,
    pub(super) arrow_type: String,
    /// Digits after the point; 0 but for decimals.
    pub(super) scale: i8,
    pub(super) content: Content,
    /// Rows, or structs around a member.
    pub(super) n_rows: u64,
    /// Lists around the values, the outermost first.
    pub(super) levels: Vec<Level>,
    /// Values of each row, null ones too; only of lists in lists.
    pub(super) per_row: Level,
    /// Values that are null, inside of lists where there are any.
    pub(super) n_null: u64,
    pub(super) min: Option<Bound>,
    pub(super) max: Option<Bound>,
    /// Numeric kinds only; of decimals without the point.
    pub(super) moments: Moments,
    /// Histogram, quantiles and distinct values follow from the frequent values while these are exact, and are empty
    /// then once the column is settled.
    pub(super) bits: BitHistogram,
    pub(super) quantiles: Quantiles,
    /// Bytes and characters; text and bytes only.
    pub(super) lengths: Lengths,
    pub(super) characters: Lengths,
    pub(super) n_invalid_utf8: u64,
    /// All but structs. Minus zero counts as zero, NaN is left out.
    pub(super) distinct: Distinct,
    pub(super) frequent: Frequent,
    pub(super) weighted: Option<Box<Weighted>>,
    /// Counts as TFDV has them, of text and bytes if asked for. Never stored.
    pub(super) as_tfdv: Option<Box<MisraGries>>,
}

impl ColumnStatistics {
    pub(crate) fn new(path: Vec<String>, data_type: &DataType, content: Content) -> Result<Self> {
        let Some(kind) = Kind::of(data_type) else {
            return Err(Error::UnsupportedType {
                column: path.join("."),
                found: data_type.to_string(),
                hint: "a number, text, time, list or struct".into(),
            });
        };
        let (depth, plain) = innermost(data_type);
        let scale = match plain {
            DataType::Decimal32(_, scale)
            | DataType::Decimal64(_, scale)
            | DataType::Decimal128(_, scale)
            | DataType::Decimal256(_, scale) => *scale,
            _ => 0,
        };
        let mut column = Self::empty(path, kind, type_name(data_type), scale);
        column.content = content;
        column.levels = vec![Level::default(); depth];
        Ok(column)
    }

    pub(super) fn empty(path: Vec<String>, kind: Kind, arrow_type: String, scale: i8) -> Self {
        let by_bytes = kind.is_bytes() || kind == Kind::Decimal;
        Self {
            path,
            kind,
            arrow_type,
            scale,
            content: Content::ALL,
            n_rows: 0,
            levels: Vec::new(),
            per_row: Level::default(),
            n_null: 0,
            min: None,
            max: None,
            moments: Moments::default(),
            bits: BitHistogram::default(),
            quantiles: Quantiles::default(),
            lengths: Lengths::default(),
            characters: Lengths::default(),
            n_invalid_utf8: 0,
            distinct: Distinct::default(),
            frequent: if by_bytes { Frequent::of_bytes() } else { Frequent::of_fixed() },
            weighted: None,
            as_tfdv: None,
        }
    }

    /// Names from the column of the table to the member of a struct.
    pub fn path(&self) -> &[String] {
        &self.path
    }

    /// The path with dots between its names.
    pub fn name(&self) -> String {
        self.path.join(".")
    }

    /// What the values are; of lists, the innermost ones.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Which groups of figures were computed.
    pub fn content(&self) -> Content {
        self.content
    }

    /// The Arrow type as `DataType` prints it for debugging; the widest one after a merge.
    pub fn arrow_type(&self) -> &str {
        &self.arrow_type
    }

    /// Rows; of members of structs, the structs that are not null.
    pub fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// Rows that are null.
    pub fn n_null(&self) -> u64 {
        self.levels.first().map_or(self.n_null, |level| level.n_null)
    }

    /// Values that are null: rows, or items of the innermost lists.
    pub fn n_null_values(&self) -> u64 {
        self.n_null
    }

    /// Values that are not null.
    pub fn n_values(&self) -> u64 {
        let all = self.levels.last().map_or(self.n_rows, |level| level.lengths.total);
        all.saturating_sub(self.n_null)
    }

    /// Lists around the values, the outermost first.
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// Innermost values of the rows that are not null, null values too: of lists in lists, all of a row together.
    pub fn values_per_row(&self) -> Option<&Level> {
        if self.levels.len() > 1 { Some(&self.per_row) } else { self.levels.first() }
    }

    /// Counts of NaN, infinities, zeros and negative values, with least and greatest value as floats; of decimals
    /// without the point. All zero for kinds that are not numeric.
    pub fn moments(&self) -> &Moments {
        &self.moments
    }

    /// Least value that is neither null nor NaN, or a bound below it. `None` if there is none, and for structs.
    pub fn min(&self) -> Option<&Bound> {
        self.min.as_ref()
    }

    /// Greatest value that is neither null nor NaN, or a bound above it.
    pub fn max(&self) -> Option<&Bound> {
        self.max.as_ref()
    }

    /// Both bounds.
    pub fn min_max(&self) -> Option<(&Bound, &Bound)> {
        self.min.as_ref().zip(self.max.as_ref())
    }

    /// Exact sum of integers, booleans, durations and decimals, of these without the point, however large. `None` for other
    /// kinds.
    pub fn sum(&self) -> Option<WholeSum> {
        let is_whole = matches!(self.kind, Kind::Bool | Kind::Int | Kind::UInt | Kind::Duration | Kind::Decimal);
        if is_whole && self.content.moments { self.moments.sum } else { None }
    }

    /// Digits behind the point of decimals; 0 for other kinds.
    pub fn scale(&self) -> i8 {
        self.scale
    }

    /// Mean of the finite values, in the column's unit. `None` without values, and for kinds that are not numeric.
    pub fn mean(&self) -> Option<f64> {
        (self.moments.n_finite > 0).then(|| self.moments.mean / self.unit())
    }

    /// Population variance of the finite values.
    pub fn variance(&self) -> Option<f64> {
        self.moments.variance().map(|variance| variance / self.unit() / self.unit())
    }

    /// What moments of decimals must be divided by.
    pub(super) fn unit(&self) -> f64 {
        10_f64.powi(i32::from(self.scale))
    }

    /// Number of distinct values that are neither null nor NaN. `None` for structs, and if it was not asked for.
    pub fn distinct(&self) -> Option<DistinctCount> {
        if self.is_counted_exactly() && self.content.distinct {
            let count = self.frequent.len() as u64;
            return Some(DistinctCount { count, exact: true, relative_error: 0.0 });
        }
        (self.kind.is_counted() && self.content.distinct).then(|| DistinctCount {
            // There are no more distinct values than values, whatever the estimate.
            count: self.distinct.count().min(self.n_values().saturating_sub(self.moments.n_nan)),
            exact: self.distinct.is_exact(),
            relative_error: self.distinct.relative_error(),
        })
    }

    /// Bytes of the values of text and binary columns.
    pub fn length(&self) -> Option<Lengths> {
        self.kind.is_bytes().then_some(self.lengths)
    }

    /// Characters of the values of text columns.
    pub fn characters(&self) -> Option<Lengths> {
        (self.kind == Kind::String).then_some(self.characters)
    }

    /// Values of text and binary columns that are not UTF-8.
    pub fn n_invalid_utf8(&self) -> u64 {
        self.n_invalid_utf8
    }

    /// Items of the outermost lists.
    pub fn value_count(&self) -> Option<Lengths> {
        self.levels.first().map(|level| level.lengths)
    }

    /// The figures by weight, if weights were given.
    pub fn weighted(&self) -> Option<&Weighted> {
        self.weighted.as_deref()
    }

    /// The statistics of a column of `n` nulls.
    pub fn of_nulls(name: &str, data_type: &DataType, n: u64) -> Result<Self> {
        let mut column = Self::new(vec![name.into()], data_type, Content::ALL)?;
        column.add_null_rows(n);
        Ok(column)
    }

    /// The same values under another name, in a type that holds them in the same unit; `None` if it does not.
    pub fn retyped(&self, name: &str, data_type: &DataType) -> Option<Self> {
        let target = Self::new(vec![name.into()], data_type, self.content).ok()?;
        self.check_mergeable(&target).ok()?;
        let is_same_kind = self.kind == target.kind;
        is_same_kind.then(|| Self { path: target.path, arrow_type: target.arrow_type, ..self.clone() })
    }

    /// Count rows that are null.
    pub(super) fn add_null_rows(&mut self, n: u64) {
        self.n_rows = self.n_rows.saturating_add(n);
        let nulls = self.levels.first_mut().map_or(&mut self.n_null, |level| &mut level.n_null);
        *nulls = nulls.saturating_add(n);
    }

    /// Whether the counts of all values are known, of which everything else follows.
    pub(super) fn is_counted_exactly(&self) -> bool {
        self.kind.is_counted() && self.content.top_values && self.frequent.is_exact()
    }

    /// The integer that stands for a value of the column in its quantiles.
    pub(super) fn key(&self, value: FrequentValue<'_>) -> i64 {
        match (value, self.kind) {
            (FrequentValue::Fixed(bits), Kind::Float) => key_of(f64::from_bits(bits)),
            (FrequentValue::Fixed(bits), Kind::UInt) => (bits ^ (1 << 63)) as i64,
            (FrequentValue::Fixed(bits), _) => bits as i64,
            (FrequentValue::Bytes(_), _) => key_of(self.float(value)),
        }
    }

    /// The float of such an integer.
    pub(super) fn float_of(&self, key: i64) -> f64 {
        match self.kind {
            Kind::Float | Kind::Decimal => value_of(key),
            Kind::UInt => (key as u64 ^ (1 << 63)) as f64,
            _ => key as f64,
        }
    }

    /// A value as a float, of decimals with the point.
    pub(super) fn float(&self, value: FrequentValue<'_>) -> f64 {
        match (value, self.kind) {
            (FrequentValue::Fixed(bits), Kind::Float) => f64::from_bits(bits),
            (FrequentValue::Fixed(bits), Kind::UInt) => bits as f64,
            (FrequentValue::Fixed(bits), _) => bits as i64 as f64,
            (FrequentValue::Bytes(bytes), _) => digits::float(Digits::read(bytes)) / self.unit(),
        }
    }

    /// Finite values as floats with their keys and counts, from exact counts.
    pub(super) fn counted_numbers(&self) -> Vec<(f64, i64, u64)> {
        let number = |(value, count, _)| (self.float(value), self.key(value), count);
        self.frequent.entries().map(number).filter(|(float, _, _)| float.is_finite()).collect()
    }

    /// Whether `other` describes values that can be compared with ours.
    pub(super) fn check_mergeable(&self, other: &Self) -> Result<()> {
        let is_null = |column: &Self| column.kind == Kind::Null && column.levels.is_empty();
        let unit = |column: &Self| if column.kind.has_unit() { unit_of(&column.arrow_type) } else { ("", false) };
        let same_type = self.kind == other.kind && unit(self) == unit(other) && self.scale == other.scale;
        let same_levels = self.levels.len() == other.levels.len() && self.content == other.content;
        if same_type && same_levels || is_null(self) || is_null(other) {
            return Ok(());
        }
        Err(Error::SchemaMismatch {
            place: format!("statistics of column '{}'", self.name()),
            problem: format!("{} cannot be merged with {}", self.arrow_type, other.arrow_type),
            hint: "cast the column to one type".into(),
        })
    }

    /// Merge columns in their order.
    pub(super) fn merge_each<'a>(&mut self, others: impl Iterator<Item = &'a Self>) -> Result<()> {
        for other in others {
            self.check_mergeable(other)?;
            self.merge_unchecked(other);
        }
        Ok(())
    }

    pub(super) fn merge_unchecked(&mut self, other: &Self) {
        if other.kind == Kind::Null && other.levels.is_empty() {
            return self.add_null_rows(other.n_rows);
        }
        if self.kind == Kind::Null && self.levels.is_empty() {
            let n_rows = self.n_rows;
            *self = other.clone();
            return self.add_null_rows(n_rows);
        }
        self.n_rows = self.n_rows.saturating_add(other.n_rows);
        self.n_null = self.n_null.saturating_add(other.n_null);
        for (ours, theirs) in self.levels.iter_mut().zip(&other.levels) {
            ours.merge(theirs);
        }
        self.per_row.merge(&other.per_row);
        if width_of(&other.arrow_type) > width_of(&self.arrow_type) {
            self.arrow_type.clone_from(&other.arrow_type);
        }
        self.add_bounds(other.min.clone(), other.max.clone());
        self.moments.merge(&other.moments);
        self.lengths.merge(&other.lengths);
        self.characters.merge(&other.characters);
        self.n_invalid_utf8 = self.n_invalid_utf8.saturating_add(other.n_invalid_utf8);
        self.merge_counts(other);
        if let (Some(ours), Some(theirs)) = (&mut self.weighted, &other.weighted) {
            ours.merge(theirs);
        }
        if let (Some(ours), Some(theirs)) = (&mut self.as_tfdv, &other.as_tfdv) {
            ours.merge(theirs);
        }
    }

    /// Merge frequent values, and what does not follow from them any more.
    fn merge_counts(&mut self, other: &Self) {
        let before = self.is_counted_exactly().then(|| self.frequent.clone());
        self.frequent.merge(&other.frequent);
        if self.is_counted_exactly() {
            return;
        }
        if let Some(before) = before {
            let merged = std::mem::replace(&mut self.frequent, before);
            (self.bits, self.quantiles, self.distinct) = self.counted();
            self.frequent = merged;
        }
        if other.is_counted_exactly() {
            let (bits, quantiles, distinct) = other.counted();
            self.merge_sketches(&bits, &quantiles, &distinct);
        } else {
            self.merge_sketches(&other.bits, &other.quantiles, &other.distinct);
        }
    }

    fn merge_sketches(&mut self, bits: &BitHistogram, quantiles: &Quantiles, distinct: &Distinct) {
        self.bits.merge(bits);
        self.quantiles.merge(quantiles);
        self.distinct.merge(distinct);
    }

    /// Histogram, quantiles and distinct values, made of exact counts.
    fn counted(&self) -> (BitHistogram, Quantiles, Distinct) {
        let (bits, quantiles) = self.counted_distribution();
        (bits, quantiles, self.counted_hashes())
    }

    fn counted_hashes(&self) -> Distinct {
        Distinct::of_sorted(if self.content.distinct { self.frequent.hashes() } else { Vec::new() })
    }

    /// The distinct values' hashes, wherever they follow from.
    pub(super) fn distinct_hashes(&self) -> Cow<'_, Distinct> {
        if self.is_counted_exactly() { Cow::Owned(self.counted_hashes()) } else { Cow::Borrowed(&self.distinct) }
    }

    /// Histogram and quantiles, made of exact counts.
    pub(super) fn counted_distribution(&self) -> (BitHistogram, Quantiles) {
        let mut quantiles = Quantiles::default();
        if !self.kind.is_numeric() || !self.content.quantiles {
            return (BitHistogram::default(), quantiles);
        }
        let mut keys = Vec::with_capacity(self.frequent.len());
        let is_one = |&(value, count, _): &(FrequentValue<'_>, u64, u64)| count > 0 && self.float(value).is_finite();
        let finite = self.frequent.entries().filter(is_one);
        keys.extend(finite.map(|(value, count, _)| (self.key(value), count)));
        sort_counted(&mut keys);
        quantiles.update_counted(&keys);
        for (key, _) in &mut keys {
            *key = key_of(self.float_of(*key));
        }
        (BitHistogram::of_counted(keys), quantiles)
    }

    /// The histogram, wherever it follows from.
    pub(super) fn histogram(&self) -> Cow<'_, BitHistogram> {
        if self.is_counted_exactly() { Cow::Owned(self.counted_distribution().0) } else { Cow::Borrowed(&self.bits) }
    }

    pub(super) fn add_bounds(&mut self, min: Option<Bound>, max: Option<Bound>) {
        self.min = [self.min.take(), min].into_iter().flatten().reduce(Bound::min);
        self.max = [self.max.take(), max].into_iter().flatten().reduce(Bound::max);
    }
}
