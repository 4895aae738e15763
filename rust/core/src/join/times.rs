//! Event times of two tables, brought to one unit so that they compare as instants.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date64Type, Int64Type, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, TimeUnit};

use crate::error::{Error, Result};
use crate::nearest::nearest;

pub(super) const NS_PER_DAY: i64 = 86_400_000_000_000;

/// The times of one table's rows.
pub(super) struct Times<'a> {
    pub(super) values: Cow<'a, [i64]>,
    pub(super) nulls: Option<&'a NullBuffer>,
}

/// Times of both tables in the finer of the two units, and that unit in nanoseconds. A time that the finer unit cannot
/// hold becomes its least or greatest one.
pub(super) fn pair<'a>(
    left: &'a RecordBatch,
    on_left: &str,
    right: &'a RecordBatch,
    on_right: &str,
) -> Result<(Times<'a>, Times<'a>, i64)> {
    let (left, ours) = find(left, on_left, "left")?;
    let (right, theirs) = find(right, on_right, "right")?;
    if is_zoned(left) != is_zoned(right) {
        return Err(Error::SchemaMismatch {
            place: "time columns of the join".into(),
            problem: format!(
                "'{on_left}' of the left table is {}, '{on_right}' of the right table is {}: one has a time zone, the \
                 other has none",
                left.data_type(),
                right.data_type()
            ),
            hint: "assume a time zone for the naive one first (assume_timezone)".into(),
        });
    }
    let ns = ours.min(theirs);
    Ok((times(left, ours / ns), times(right, theirs / ns), ns))
}

/// The column and the length of its unit.
fn find<'a>(table: &'a RecordBatch, name: &str, side: &str) -> Result<(&'a ArrayRef, i64)> {
    let Some(column) = table.column_by_name(name) else {
        let candidates = nearest(name, table.schema_ref().fields().iter().map(|field| field.name().as_str()));
        return Err(Error::TimeColumn {
            problem: format!("time column '{name}' not found in the {side} table of the join"),
            hint: match candidates.first() {
                Some(candidate) => format!("did you mean '{candidate}'?"),
                None => "name a column that is a date or a timestamp".into(),
            },
        });
    };
    match column.data_type() {
        DataType::Date32 => Ok((column, NS_PER_DAY)),
        DataType::Date64 => Ok((column, ns_per(TimeUnit::Millisecond))),
        DataType::Timestamp(unit, _) => Ok((column, ns_per(*unit))),
        other => Err(Error::TimeColumn {
            problem: format!("time column '{name}' of the {side} table has the type {other}, which is no instant"),
            hint: "cast it to a date or a timestamp first".into(),
        }),
    }
}

fn is_zoned(array: &ArrayRef) -> bool {
    matches!(array.data_type(), DataType::Timestamp(_, Some(_)))
}

fn times(array: &ArrayRef, factor: i64) -> Times<'_> {
    let values = if let DataType::Date32 = array.data_type() {
        let days = array.as_primitive::<arrow_array::types::Date32Type>().values();
        days.iter().map(|&day| i64::from(day).saturating_mul(factor)).collect::<Vec<_>>().into()
    } else if factor == 1 {
        i64_values(array)
    } else {
        i64_values(array).iter().map(|value| value.saturating_mul(factor)).collect::<Vec<_>>().into()
    };
    Times { values, nulls: array.nulls().filter(|nulls| nulls.null_count() > 0) }
}

/// The values of a column of 64-bit integers or times, as they are.
pub(super) fn i64_values(array: &ArrayRef) -> Cow<'_, [i64]> {
    Cow::Borrowed(match array.data_type() {
        DataType::Int64 => array.as_primitive::<Int64Type>().values(),
        DataType::UInt64 => {
            let values = array.as_primitive::<UInt64Type>().values();
            return values.iter().map(|&value| value as i64).collect::<Vec<_>>().into();
        }
        DataType::Date64 => array.as_primitive::<Date64Type>().values(),
        DataType::Time64(TimeUnit::Microsecond) => array.as_primitive::<Time64MicrosecondType>().values(),
        DataType::Time64(_) => array.as_primitive::<Time64NanosecondType>().values(),
        DataType::Timestamp(TimeUnit::Second, _) => array.as_primitive::<TimestampSecondType>().values(),
        DataType::Timestamp(TimeUnit::Millisecond, _) => array.as_primitive::<TimestampMillisecondType>().values(),
        DataType::Timestamp(TimeUnit::Microsecond, _) => array.as_primitive::<TimestampMicrosecondType>().values(),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => array.as_primitive::<TimestampNanosecondType>().values(),
        _ => &[],
    })
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
