//! Times of several tables, brought to one unit so that they compare as instants.
//!
//! 64 bits hold them wherever the finest unit can hold them all; else 128 bits do, so that no instant is rounded or
//! pushed to the end of a range.

use std::sync::atomic::{AtomicI64, Ordering};

use arrow_array::{Array, ArrayRef};
use arrow_buffer::{ArrowNativeType, NullBuffer, ScalarBuffer};
use arrow_schema::{DataType, SchemaRef, TimeUnit};

use super::table::{Table, plain};
use crate::error::{Error, Result};
use crate::nearest::nearest;

pub(super) const NS_PER_DAY: i64 = 86_400_000_000_000;

/// A whole number of units since 1970.
pub(super) trait Instant: ArrowNativeType + Ord + std::hash::Hash {
    const MIN: Self;
    fn scaled(values: &ScalarBuffer<i64>, factor: i64) -> ScalarBuffer<Self>;
    /// Units between two instants.
    fn distance(self, other: Self) -> u128;
    /// So many units earlier; none where that is before the first instant that there is.
    fn before(self, units: u128) -> Option<Self>;
    /// A place that one of several threads writes.
    type Slot: Default + Send + Sync;
    fn put(self, slot: &Self::Slot);
    fn get(slot: &Self::Slot) -> Self;
    fn from_slot(slot: Self::Slot) -> Self;
}

impl Instant for i64 {
    const MIN: Self = i64::MIN;

    fn scaled(values: &ScalarBuffer<i64>, factor: i64) -> ScalarBuffer<Self> {
        if factor == 1 {
            return values.clone();
        }
        // Only what lies below a null can overflow: `Unit::common` looked at all of them.
        values.iter().map(|value| value.wrapping_mul(factor)).collect()
    }

    #[inline]
    fn distance(self, other: Self) -> u128 {
        u128::from(self.abs_diff(other))
    }

    #[inline]
    fn before(self, units: u128) -> Option<Self> {
        self.checked_sub_unsigned(u64::try_from(units).ok()?)
    }

    type Slot = AtomicI64;

    #[inline]
    fn put(self, slot: &AtomicI64) {
        slot.store(self, Ordering::Relaxed);
    }

    #[inline]
    fn get(slot: &AtomicI64) -> Self {
        slot.load(Ordering::Relaxed)
    }

    fn from_slot(slot: AtomicI64) -> Self {
        slot.into_inner()
    }
}

impl Instant for i128 {
    const MIN: Self = i128::MIN;

    fn scaled(values: &ScalarBuffer<i64>, factor: i64) -> ScalarBuffer<Self> {
        values.iter().map(|&value| i128::from(value) * i128::from(factor)).collect()
    }

    #[inline]
    fn distance(self, other: Self) -> u128 {
        self.abs_diff(other)
    }

    #[inline]
    fn before(self, units: u128) -> Option<Self> {
        self.checked_sub_unsigned(units)
    }

    type Slot = [AtomicI64; 2];

    fn put(self, slot: &[AtomicI64; 2]) {
        slot[0].store((self >> 64) as i64, Ordering::Relaxed);
        slot[1].store(self as i64, Ordering::Relaxed);
    }

    fn get([high, low]: &[AtomicI64; 2]) -> Self {
        i128::from(high.load(Ordering::Relaxed)) << 64 | i128::from(low.load(Ordering::Relaxed) as u64)
    }

    fn from_slot([high, low]: [AtomicI64; 2]) -> Self {
        i128::from(high.into_inner()) << 64 | i128::from(low.into_inner() as u64)
    }
}

/// The times of one table's rows in a unit that all tables share.
#[derive(Clone)]
pub(super) struct Times<T: Instant> {
    pub(super) values: ScalarBuffer<T>,
    pub(super) nulls: Option<NullBuffer>,
}

/// A time column as it is stored.
#[derive(Clone)]
pub(super) struct TimeColumn {
    values: ScalarBuffer<i64>,
    nulls: Option<NullBuffer>,
    ns: i64,
}

/// What all times of a join are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// Nanoseconds.
    pub(super) ns: i64,
    /// Whether the times need 128 bits.
    pub(super) is_wide: bool,
}

impl TimeColumn {
    /// The column called `name`.
    pub(super) fn read(table: &Table, name: &str, side: &str) -> Result<Self> {
        let position = find(table.schema(), name, side)?;
        let array = plain(&table.column(position)?)?;
        let ns = ns_of(array.data_type()).unwrap_or(1);
        let nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0);
        Ok(Self { values: integers(&array), nulls, ns })
    }

    /// In another unit, which must be as fine.
    pub(super) fn to<T: Instant>(&self, unit: Unit) -> Times<T> {
        Times { values: T::scaled(&self.values, self.ns / unit.ns), nulls: self.nulls.clone() }
    }

    fn overflows(&self, ns: i64) -> bool {
        let factor = self.ns / ns;
        let fits = |value: &i64| value.checked_mul(factor).is_some();
        factor != 1 && !(self.values.iter().min().is_none_or(fits) && self.values.iter().max().is_none_or(fits))
    }
}

impl Unit {
    /// The finest unit of `columns`, made finer until it divides each of `durations_ns`.
    fn common<'a>(columns: impl Iterator<Item = &'a TimeColumn> + Clone, durations_ns: &[i128]) -> Self {
        let mut ns = columns.clone().map(|column| column.ns).min().unwrap_or(1);
        for finer in [1_000_000_000, 1_000_000, 1_000, 1] {
            if durations_ns.iter().any(|duration| duration % i128::from(ns) != 0) {
                ns = ns.min(finer);
            }
        }
        Self { ns, is_wide: columns.into_iter().any(|column| column.overflows(ns)) }
    }

    /// The same for columns of which only the types are known yet; `widen` has to see all values.
    pub(super) fn of_types(schema_columns: &[(&SchemaRef, &str, &str)], durations_ns: &[i128]) -> Result<Self> {
        let mut columns = Vec::new();
        for (schema, name, side) in schema_columns {
            let data_type = schema.field(find(schema, name, side)?).data_type();
            let values = ScalarBuffer::from(Vec::<i64>::new());
            columns.push(TimeColumn { values, nulls: None, ns: ns_of(data_type).unwrap_or(1) });
        }
        Ok(Self::common(columns.iter(), durations_ns))
    }

    /// Whether the values of a column have to be looked at: those in the very unit fit it.
    pub(super) fn is_finer_than(self, schema: &SchemaRef, name: &str, side: &str) -> Result<bool> {
        let data_type = schema.field(find(schema, name, side)?).data_type();
        Ok(ns_of(data_type).unwrap_or(1) != self.ns)
    }

    /// Make room for the values of a column.
    pub(super) fn widen(&mut self, column: &TimeColumn) {
        self.is_wide |= column.overflows(self.ns);
    }
}

/// Fails unless both columns are times, with a zone both or without one both.
pub(super) fn check_pair(left: &SchemaRef, on_left: &str, right: &SchemaRef, on_right: &str) -> Result<()> {
    let ours = left.field(find(left, on_left, "left")?).data_type();
    let theirs = right.field(find(right, on_right, "right")?).data_type();
    if is_zoned(ours) == is_zoned(theirs) {
        return Ok(());
    }
    Err(Error::SchemaMismatch {
        place: "time columns of the join".into(),
        problem: format!(
            "'{on_left}' of the left table is {ours}, '{on_right}' of the right table is {theirs}: one has a time \
             zone, the other has none"
        ),
        hint: "assume a time zone for the naive one first (assume_timezone)".into(),
    })
}

/// The position of a time column.
fn find(schema: &SchemaRef, name: &str, side: &str) -> Result<usize> {
    let Ok(position) = schema.index_of(name) else {
        let candidates = nearest(name, schema.fields().iter().map(|field| field.name().as_str()));
        return Err(Error::TimeColumn {
            problem: format!("time column '{name}' not found in the {side} table of the join"),
            hint: match candidates.first() {
                Some(candidate) => format!("did you mean '{candidate}'?"),
                None => "name a column that is a date or a timestamp".into(),
            },
        });
    };
    let found = schema.field(position).data_type();
    if ns_of(found).is_none() {
        return Err(Error::TimeColumn {
            problem: format!("time column '{name}' of the {side} table has the type {found}, which is no instant"),
            hint: "cast it to a date or a timestamp first".into(),
        });
    }
    Ok(position)
}

fn is_zoned(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_zoned(values),
        DataType::RunEndEncoded(_, values) => is_zoned(values.data_type()),
        other => matches!(other, DataType::Timestamp(_, Some(_))),
    }
}

/// Nanoseconds in one unit of a type of times.
fn ns_of(data_type: &DataType) -> Option<i64> {
    match data_type {
        DataType::Dictionary(_, values) => ns_of(values),
        DataType::RunEndEncoded(_, values) => ns_of(values.data_type()),
        DataType::Date32 => Some(NS_PER_DAY),
        DataType::Date64 => Some(ns_per(TimeUnit::Millisecond)),
        DataType::Timestamp(unit, _) => Some(ns_per(*unit)),
        _ => None,
    }
}

/// The values of a column of plain integers or times as 64 bits; those of unsigned 64 bits keep their bits.
pub(super) fn integers(array: &ArrayRef) -> ScalarBuffer<i64> {
    fn widened<N: ArrowNativeType + Into<i64>>(array: &ArrayRef) -> ScalarBuffer<i64> {
        let data = array.to_data();
        data.buffer::<N>(0)[..data.len()].iter().map(|&value| value.into()).collect()
    }
    match array.data_type().primitive_width() {
        Some(1) if array.data_type().is_unsigned_integer() => widened::<u8>(array),
        Some(1) => widened::<i8>(array),
        Some(2) if array.data_type().is_unsigned_integer() => widened::<u16>(array),
        Some(2) => widened::<i16>(array),
        Some(4) if array.data_type().is_unsigned_integer() => widened::<u32>(array),
        Some(4) => widened::<i32>(array),
        Some(8) => {
            let data = array.to_data();
            ScalarBuffer::new(data.buffers()[0].clone(), data.offset(), data.len())
        }
        _ => ScalarBuffer::from(vec![0; array.len()]),
    }
}

/// Nanoseconds in one unit.
pub(super) fn ns_per(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}
