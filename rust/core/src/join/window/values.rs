//! The values that are aggregated, column by column, and those of one group in order of time.

use std::borrow::Cow;
use std::cell::OnceCell;

use arrow_array::{Array, ArrayRef};
use arrow_buffer::{NullBuffer, ScalarBuffer};
use arrow_schema::DataType;
use rayon::prelude::*;

use super::super::keys::{self, Bytes, KeyPlan, RowKeys};
use super::super::partition::CHUNK;
use super::super::table::{Table, plain, position};
use super::super::times::integers;
use super::distinct::Distinct;
use super::exact::{ExactSums, are_whole};
use super::functions::{Function, is_bytes, is_whole_number, value_type};
use crate::error::Result;

/// A column of the right table.
pub(super) struct Column {
    nulls: Option<NullBuffer>,
    kind: Kind,
    /// For the count of different values.
    keys: Option<RowKeys>,
    /// Whether it holds floats one by one, so that a value can be given as well as its row.
    is_plain_float: bool,
}

enum Kind {
    /// Whole numbers, and whether they are unsigned.
    Whole(ScalarBuffer<i64>, bool),
    Float(ScalarBuffer<f64>),
    Decimal(Vec<i128>, i8),
    Bytes(Bytes),
    /// Something that is only counted or handed on.
    Other,
}

impl Column {
    /// The column called `name`, made ready for `functions`.
    pub(super) fn read(table: &Table, name: &str, functions: &[Function]) -> Result<Self> {
        let array = table.column(position(table.schema(), name, "right")?)?;
        let nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0);
        let is_distinct =
            |function: &Function| matches!(function, Function::CountDistinct | Function::ApproxCountDistinct);
        let has_values = !value_type(array.data_type()).is_null();
        let keys = if has_values && functions.iter().any(is_distinct) {
            let by = [name.to_owned()];
            Some(KeyPlan::new(table.schema(), &by, table.schema(), &by)?.right(table)?)
        } else {
            None
        };
        let needs_values = |function: &Function| {
            let by_place =
                matches!(function, Function::First | Function::Last | Function::FirstK(_) | Function::LastK(_));
            !by_place && !function.is_count()
        };
        let kind = if functions.iter().any(needs_values) { Kind::of(&array)? } else { Kind::Other };
        Ok(Self { nulls, kind, keys, is_plain_float: array.data_type().is_floating() })
    }
}

impl Column {
    pub(super) fn is_decimal(&self) -> bool {
        matches!(self.kind, Kind::Decimal(..))
    }

    pub(super) fn is_float(&self) -> bool {
        matches!(self.kind, Kind::Float(_))
    }

    /// Whether it holds floats one by one.
    pub(super) fn is_plain_float(&self) -> bool {
        self.is_float() && self.is_plain_float
    }

    pub(super) fn has_nulls(&self) -> bool {
        self.nulls.is_some()
    }

    /// Its values, if they are floats one by one and none is null.
    pub(super) fn plain_floats(&self) -> Option<&[f64]> {
        let Kind::Float(values) = &self.kind else { return None };
        (self.is_plain_float && self.nulls.is_none()).then_some(values)
    }

    /// Whether sums of its values are those of whole numbers.
    pub(super) fn has_whole_sums(&self) -> bool {
        let Kind::Float(values) = &self.kind else { return true };
        values.par_chunks(CHUNK).all(are_whole)
    }
}

impl Kind {
    fn of(array: &ArrayRef) -> Result<Self> {
        let data_type = value_type(array.data_type());
        Ok(match data_type {
            DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) => {
                Self::Decimal(keys::own_decimals(array)?, *scale)
            }
            data_type if data_type.is_floating() => Self::Float(keys::floats(array)?),
            data_type if is_bytes(data_type) => Self::Bytes(Bytes::of(array)?),
            data_type if is_whole_number(data_type) => {
                Self::Whole(keys::plain_integers(array)?, data_type.is_unsigned_integer())
            }
            data_type if data_type.is_temporal() => Self::Whole(integers(&plain(array)?), false),
            _ => Self::Other,
        })
    }
}

/// Events whose values are aggregated.
#[derive(Clone, Copy)]
pub(super) struct Events<'a> {
    pub(super) rows: &'a [u32],
    /// In the place of `rows`, the values of the one column that there is.
    pub(super) values: &'a [f64],
    /// Whether they are those of several short groups, one after the other.
    pub(super) are_several: bool,
}

/// The values of one column in one group, or in several, that are not null, in order of time. What a function needs is made
/// when it is asked for the first time.
pub(super) struct GroupValues<'a> {
    column: &'a Column,
    /// How many values stand before each position of the group; empty where there are no nulls.
    ranks: Vec<u32>,
    /// Rows of the values.
    pub(super) rows: Cow<'a, [u32]>,
    /// Whether no block of them is worth a fold of its own, since each range lies in one of several short groups.
    pub(super) are_several: bool,
    floats: OnceCell<Cow<'a, [f64]>>,
    wholes: OnceCell<Vec<i128>>,
    exact: OnceCell<Option<ExactSums>>,
    distinct: OnceCell<Distinct>,
}

impl<'a> GroupValues<'a> {
    pub(super) fn of(column: &'a Column, events: Events<'a>) -> Self {
        let (mut ranks, mut rows) = (Vec::new(), Cow::Borrowed(events.rows));
        if let Some(nulls) = &column.nulls {
            let mut valid = Vec::new();
            ranks.push(0);
            for &row in events.rows {
                if nulls.is_valid(row as usize) {
                    valid.push(row);
                }
                ranks.push(valid.len() as u32);
            }
            rows = Cow::Owned(valid);
        }
        let given = (!events.values.is_empty()).then_some(Cow::Borrowed(events.values));
        let floats = given.map_or_else(OnceCell::new, OnceCell::from);
        let (wholes, exact, distinct) = Default::default();
        Self { column, ranks, rows, are_several: events.are_several, floats, wholes, exact, distinct }
    }

    pub(super) fn len(&self) -> usize {
        self.floats.get().map_or(self.rows.len(), |floats| floats.len())
    }

    /// From positions in the group to positions among the values.
    #[inline]
    pub(super) fn range(&self, start: usize, end: usize) -> (usize, usize) {
        if self.ranks.is_empty() { (start, end) } else { (self.ranks[start] as usize, self.ranks[end] as usize) }
    }

    pub(super) fn is_float(&self) -> bool {
        self.column.is_float()
    }

    pub(super) fn is_unsigned(&self) -> bool {
        matches!(self.column.kind, Kind::Whole(_, true))
    }

    /// Power of ten by which whole numbers are too large.
    pub(super) fn scale(&self) -> f64 {
        match self.column.kind {
            Kind::Decimal(_, scale) => 10_f64.powi(scale.into()),
            _ => 1.0,
        }
    }

    fn whole(&self, row: u32) -> i128 {
        match &self.column.kind {
            Kind::Whole(values, true) => i128::from(values[row as usize] as u64),
            Kind::Whole(values, false) => i128::from(values[row as usize]),
            Kind::Decimal(values, _) => values[row as usize],
            _ => 0,
        }
    }

    /// The values as floats.
    pub(super) fn floats(&self) -> &[f64] {
        self.floats.get_or_init(|| match &self.column.kind {
            Kind::Float(values) => {
                let values: &[f64] = values;
                self.rows.iter().map(|&row| values[row as usize]).collect()
            }
            _ => self.rows.iter().map(|&row| self.whole(row) as f64 / self.scale()).collect(),
        })
    }

    /// Sums of floats, where they can be exact.
    pub(super) fn exact_sums(&self) -> Option<&ExactSums> {
        self.exact.get_or_init(|| ExactSums::of(self.floats())).as_ref()
    }

    /// Whether the values are floats that are given as they are.
    pub(super) fn is_plain_float(&self) -> bool {
        self.column.is_plain_float
    }

    /// The values as floats less the first one, exactly: what measures their spread loses no digits.
    pub(super) fn shifted(&self) -> Vec<f64> {
        if self.is_float() {
            return self.floats().to_vec();
        }
        let first = self.rows.first().map_or(0, |&row| self.whole(row));
        let shifted = self.rows.iter().map(|&row| Some(self.whole(row).checked_sub(first)? as f64 / self.scale()));
        shifted.collect::<Option<_>>().unwrap_or_else(|| self.floats().to_vec())
    }

    /// Whole numbers that floats could not hold as distances from the first one; none where they can, or 128 bits cannot.
    pub(super) fn far_apart(&self) -> Option<Vec<i128>> {
        if self.is_float() {
            return None;
        }
        let wholes: Vec<i128> = self.rows.iter().map(|&row| self.whole(row)).collect();
        let (least, most) = (wholes.iter().min()?, wholes.iter().max()?);
        most.checked_sub(*least).filter(|range| *range >= 1 << f64::MANTISSA_DIGITS)?;
        Some(wholes)
    }

    /// The same sums, and where they wrapped.
    pub(super) fn whole_sums(&self) -> WholeSums<'_> {
        let sums = self.sums();
        let mut wraps = Vec::new();
        // 64 bits would have to be summed 2^64 times.
        if matches!(self.column.kind, Kind::Decimal(..)) {
            let mut n_wraps = 0;
            wraps.push(n_wraps);
            wraps.extend(self.rows.iter().zip(sums).map(|(&row, sum)| {
                let value = self.whole(row);
                n_wraps += i64::from(sum.overflowing_add(value).1) * value.signum() as i64;
                n_wraps
            }));
        }
        WholeSums { sums, wraps }
    }

    /// Sums of the whole numbers before each position. Sums of 128 bits wrap and their differences are exact.
    pub(super) fn sums(&self) -> &[i128] {
        self.wholes.get_or_init(|| {
            let mut sum = 0_i128;
            let sums = self.rows.iter().map(|&row| {
                sum = sum.wrapping_add(self.whole(row));
                sum
            });
            std::iter::once(0).chain(sums.collect::<Vec<_>>()).collect()
        })
    }

    /// Whether value `a` is smaller than value `b`; NaN is larger than all.
    pub(super) fn is_less(&self, a: usize, b: usize) -> bool {
        let (a, b) = (self.rows[a] as usize, self.rows[b] as usize);
        match &self.column.kind {
            Kind::Whole(values, true) => (values[a] as u64) < (values[b] as u64),
            Kind::Whole(values, false) => values[a] < values[b],
            Kind::Float(values) => values[a] < values[b] || (values[b].is_nan() && !values[a].is_nan()),
            Kind::Decimal(values, _) => values[a] < values[b],
            Kind::Bytes(values) => values.get(a) < values.get(b),
            Kind::Other => false,
        }
    }

    /// Whether value `a` is larger than value `b`; NaN is smaller than all.
    pub(super) fn is_more(&self, a: usize, b: usize) -> bool {
        match &self.column.kind {
            Kind::Float(values) => {
                let (a, b) = (values[self.rows[a] as usize], values[self.rows[b] as usize]);
                a > b || (b.is_nan() && !a.is_nan())
            }
            _ => self.is_less(b, a),
        }
    }

    pub(super) fn keys(&self) -> Option<&RowKeys> {
        self.column.keys.as_ref()
    }

    pub(super) fn n_distinct(&self, start: usize, end: usize) -> i64 {
        match &self.column.keys {
            Some(keys) => self.distinct.get_or_init(|| Distinct::of(keys, &self.rows)).count(start, end),
            None => 0,
        }
    }
}

/// Sums of whole numbers in ranges.
pub(super) struct WholeSums<'a> {
    sums: &'a [i128],
    /// How often the sum before each position left 128 bits, upwards less downwards; empty where it cannot.
    wraps: Vec<i64>,
}

impl WholeSums<'_> {
    /// The sum of a range; none where 128 bits cannot hold it.
    pub(super) fn sum(&self, start: usize, end: usize) -> Option<i128> {
        let (sum, is_wrapped) = self.sums[end].overflowing_sub(self.sums[start]);
        if self.wraps.is_empty() {
            return Some(sum);
        }
        let last = i64::from(is_wrapped) * if self.sums[end] < 0 { -1 } else { 1 };
        (self.wraps[end] - self.wraps[start] + last == 0).then_some(sum)
    }
}
