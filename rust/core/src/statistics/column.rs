//! What is known about one column: counts, bounds, moments, distribution, distinct and frequent values.

use arrow_schema::DataType;

use super::scalar::{Bound, Scalar};
use crate::error::{Error, Result};
use crate::sketch::{BitHistogram, Distinct, Frequent, FrequentValue, Moments};

/// What the values of a column are, whatever their width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The names say it.
pub enum Kind {
    Null,
    Bool,
    Int,
    UInt,
    Float,
    Decimal,
    String,
    Binary,
    Date,
    Time,
    Timestamp,
    List,
    Struct,
}

impl Kind {
    /// All kinds; the position is the code in stored statistics.
    pub(crate) const ALL: [(Self, &'static str); 13] = [
        (Self::Null, "null"),
        (Self::Bool, "bool"),
        (Self::Int, "int"),
        (Self::UInt, "uint"),
        (Self::Float, "float"),
        (Self::Decimal, "decimal"),
        (Self::String, "string"),
        (Self::Binary, "binary"),
        (Self::Date, "date"),
        (Self::Time, "time"),
        (Self::Timestamp, "timestamp"),
        (Self::List, "list"),
        (Self::Struct, "struct"),
    ];

    /// The kind of an Arrow type: durations are `Int`, maps `Struct`, dictionaries what their values are. `None` if
    /// there are no statistics of the type.
    pub fn of(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Bool,
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::Duration(_) => Self::Int,
            DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => Self::UInt,
            DataType::Float16 | DataType::Float32 | DataType::Float64 => Self::Float,
            DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) => Self::Decimal,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::String,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
                Self::Binary
            }
            DataType::Date32 | DataType::Date64 => Self::Date,
            DataType::Time32(_) | DataType::Time64(_) => Self::Time,
            DataType::Timestamp(..) => Self::Timestamp,
            DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => Self::List,
            DataType::Struct(_) | DataType::Map(..) => Self::Struct,
            DataType::Dictionary(_, values) => return Self::of(values),
            _ => return None,
        })
    }

    /// The name in dicts and messages.
    pub fn as_str(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// Whether values are numbers or count a unit of time.
    pub fn is_numeric(self) -> bool {
        !matches!(self, Self::Null | Self::String | Self::Binary | Self::List | Self::Struct)
    }

    /// Whether values are text or bytes.
    pub fn is_bytes(self) -> bool {
        matches!(self, Self::String | Self::Binary)
    }

    /// Whether distinct and frequent values are counted.
    pub(crate) fn is_counted(self) -> bool {
        self.is_numeric() || self.is_bytes()
    }
}

/// Lengths of the values that are not null: bytes of text, items of lists.
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
}

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
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) arrow_type: String,
    /// Digits after the point; 0 but for decimals.
    pub(super) scale: i8,
    pub(super) n_null: u64,
    pub(super) min: Option<Bound>,
    pub(super) max: Option<Bound>,
    /// Numeric kinds only; of decimals without the point.
    pub(super) moments: Moments,
    pub(super) bits: BitHistogram,
    /// Text, bytes and lists only.
    pub(super) lengths: Lengths,
    /// All but lists and structs. Minus zero counts as zero, NaN is left out.
    pub(super) distinct: Distinct,
    pub(super) frequent: Frequent,
}

impl ColumnStatistics {
    pub(crate) fn new(name: &str, data_type: &DataType) -> Result<Self> {
        let Some(kind) = Kind::of(data_type) else {
            return Err(Error::UnsupportedType {
                column: name.into(),
                found: data_type.to_string(),
                hint: "a number, text, time or list".into(),
            });
        };
        let plain = if let DataType::Dictionary(_, values) = data_type { values } else { data_type };
        let scale = match plain {
            DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) => *scale,
            _ => 0,
        };
        Ok(Self::empty(name.into(), kind, type_name(data_type), scale))
    }

    pub(super) fn empty(name: String, kind: Kind, arrow_type: String, scale: i8) -> Self {
        let by_bytes = kind.is_bytes() || kind == Kind::Decimal;
        Self {
            name,
            kind,
            arrow_type,
            scale,
            n_null: 0,
            min: None,
            max: None,
            moments: Moments::default(),
            bits: BitHistogram::default(),
            lengths: Lengths::default(),
            distinct: Distinct::default(),
            frequent: if by_bytes { Frequent::of_bytes() } else { Frequent::of_fixed() },
        }
    }

    /// Name of the column.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the values are.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The Arrow type as `DataType` prints it for debugging; the widest one after a merge.
    pub fn arrow_type(&self) -> &str {
        &self.arrow_type
    }

    /// Rows that are null.
    pub fn n_null(&self) -> u64 {
        self.n_null
    }

    /// Counts of NaN, infinities, zeros and negative values, with least and greatest value as floats; of decimals
    /// without the point. All zero for kinds that are not numeric.
    pub fn moments(&self) -> &Moments {
        &self.moments
    }

    /// Least value that is neither null nor NaN, or a bound below it. `None` if there is none, and for lists and structs.
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

    /// Exact sum of integers and booleans. `None` for other kinds, and beyond 128 bits.
    pub fn sum(&self) -> Option<i128> {
        if matches!(self.kind, Kind::Bool | Kind::Int | Kind::UInt) { self.moments.sum } else { None }
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
    fn unit(&self) -> f64 {
        10_f64.powi(i32::from(self.scale))
    }

    /// Number of distinct values that are neither null nor NaN. `None` for lists and structs.
    pub fn distinct(&self) -> Option<DistinctCount> {
        self.kind.is_counted().then(|| DistinctCount {
            count: self.distinct.count(),
            exact: self.distinct.is_exact(),
            relative_error: self.distinct.relative_error(),
        })
    }

    /// The `limit` most frequent values by (count, value), descending; counts never exceed the true ones.
    pub fn top_values(&self, limit: usize) -> Vec<(Scalar, u64)> {
        let mut entries: Vec<(FrequentValue<'_>, u64)> =
            self.frequent.entries().map(|(value, count, _)| (value, count)).collect();
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
        self.frequent.is_exact()
    }

    fn scalar(&self, value: FrequentValue<'_>) -> Scalar {
        match (value, self.kind) {
            (FrequentValue::Fixed(bits), Kind::UInt) => Scalar::UInt(bits),
            (FrequentValue::Fixed(bits), Kind::Float) => Scalar::Float(f64::from_bits(bits)),
            (FrequentValue::Fixed(bits), _) => Scalar::Int(bits as i64),
            (FrequentValue::Bytes(bytes), Kind::Decimal) => {
                let value = bytes.try_into().map_or(0, i128::from_le_bytes);
                Scalar::Decimal { value, scale: self.scale }
            }
            (FrequentValue::Bytes(bytes), Kind::Binary) => Scalar::Binary(bytes.into()),
            (FrequentValue::Bytes(bytes), _) => Scalar::String(String::from_utf8_lossy(bytes).into_owned()),
        }
    }

    /// The non-empty cells of the histogram of the finite values, ascending, as (low, high, count).
    pub fn bins(&self) -> Vec<(f64, f64, u64)> {
        let integral = self.kind != Kind::Float && self.scale <= 0;
        let mut bins: Vec<_> = self.bits.cells(integral).iter().map(|c| (c.low, c.high, c.count)).collect();
        let (min, max) = (self.moments.min / self.unit(), self.moments.max / self.unit());
        if let Some(first) = bins.first_mut().filter(|first| min > first.0 && min <= first.1) {
            first.0 = min;
        }
        if let Some(last) = bins.last_mut().filter(|last| max < last.1 && max >= last.0) {
            last.1 = max;
        }
        bins
    }

    /// The 0 %, 1 %, .. 100 % quantiles of the finite values: of n values in order, p % is the one numbered
    /// ceil(p n / 100). Exact up to 2048 distinct values, else interpolated within a bin. Empty without values.
    pub fn quantiles(&self) -> Vec<f64> {
        let bins = self.bins();
        let total: u128 = bins.iter().map(|bin| u128::from(bin.2)).sum();
        let (Some(first), Some(last)) = (bins.first(), bins.last()) else { return Vec::new() };
        let mut quantiles = Vec::with_capacity(101);
        let (mut at, mut before) = (0, 0_u128);
        for percent in 0..=100_u128 {
            let rank = (percent * total).div_ceil(100).max(1);
            while rank > before + u128::from(bins[at].2) {
                before += u128::from(bins[at].2);
                at += 1;
            }
            let (low, high, count) = bins[at];
            quantiles.push(low + (high - low) * (((rank - before) as f64 - 0.5) / count as f64));
        }
        quantiles[0] = first.0;
        quantiles[100] = last.1;
        quantiles
    }

    /// Bytes of the values of text and binary columns.
    pub fn length(&self) -> Option<Lengths> {
        self.kind.is_bytes().then_some(self.lengths)
    }

    /// Items of the values of list columns.
    pub fn value_count(&self) -> Option<Lengths> {
        (self.kind == Kind::List).then_some(self.lengths)
    }

    /// The statistics of a column of `n` nulls.
    pub fn of_nulls(name: &str, data_type: &DataType, n: u64) -> Result<Self> {
        let mut column = Self::new(name, data_type)?;
        column.add_nulls(n);
        Ok(column)
    }

    /// The same values under another name, in a type that holds them in the same unit; `None` if it does not.
    pub fn retyped(&self, name: &str, data_type: &DataType) -> Option<Self> {
        let target = Self::new(name, data_type).ok()?;
        let same_kind = self.kind == target.kind && self.unit_of_type() == target.unit_of_type();
        if !same_kind || self.scale != target.scale {
            return None;
        }
        Some(Self { name: target.name, arrow_type: target.arrow_type, ..self.clone() })
    }

    pub(super) fn add_nulls(&mut self, n: u64) {
        self.n_null = self.n_null.saturating_add(n);
    }

    /// Whether `other` describes values that can be compared with ours.
    pub(super) fn check_mergeable(&self, other: &Self) -> Result<()> {
        let same_kind = self.kind == other.kind && self.unit_of_type() == other.unit_of_type();
        if same_kind && self.scale == other.scale || self.kind == Kind::Null || other.kind == Kind::Null {
            return Ok(());
        }
        Err(Error::SchemaMismatch {
            place: format!("statistics of column '{}'", self.name),
            problem: format!("{} cannot be merged with {}", self.arrow_type, other.arrow_type),
            hint: "cast the column to one type".into(),
        })
    }

    /// The part of the type that decides what a number means: the unit, and whether there is a time zone.
    fn unit_of_type(&self) -> (&str, bool) {
        let is_temporal = matches!(self.kind, Kind::Time | Kind::Timestamp) || self.arrow_type.starts_with("Duration");
        let unit = self.arrow_type.split(',').next().unwrap_or_default();
        (if is_temporal { unit } else { "" }, is_temporal && self.arrow_type.contains("Some("))
    }

    pub(super) fn merge_unchecked(&mut self, other: &Self) {
        if self.kind == Kind::Null && other.kind != Kind::Null {
            let n_null = self.n_null;
            *self = other.clone();
            self.add_nulls(n_null);
            return;
        }
        self.add_nulls(other.n_null);
        if other.kind == Kind::Null {
            return;
        }
        if width_of(&other.arrow_type) > width_of(&self.arrow_type) {
            self.arrow_type.clone_from(&other.arrow_type);
        }
        self.add_bounds(other.min.clone(), other.max.clone());
        self.moments.merge(&other.moments);
        self.bits.merge(&other.bits);
        self.lengths.merge(&other.lengths);
        self.frequent.merge(&other.frequent);
        self.distinct.merge(&other.distinct);
    }

    pub(super) fn add_bounds(&mut self, min: Option<Bound>, max: Option<Bound>) {
        self.min = [self.min.take(), min].into_iter().flatten().reduce(Bound::min);
        self.max = [self.max.take(), max].into_iter().flatten().reduce(Bound::max);
    }
}

/// The name that is stored: only that of the outermost type, since fields are written out differently by each library.
fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::List(_) => "List".into(),
        DataType::LargeList(_) => "LargeList".into(),
        DataType::FixedSizeList(_, length) => format!("FixedSizeList({length})"),
        DataType::Struct(_) => "Struct".into(),
        DataType::Map(..) => "Map".into(),
        plain => format!("{plain:?}"),
    }
}

/// Orders types of one kind: by the digits of the name, then by name.
fn width_of(arrow_type: &str) -> (u32, &str) {
    let digits = arrow_type.bytes().skip_while(|b| !b.is_ascii_digit()).take_while(u8::is_ascii_digit);
    (digits.take(4).fold(0, |width, digit| width * 10 + u32::from(digit - b'0')), arrow_type)
}
