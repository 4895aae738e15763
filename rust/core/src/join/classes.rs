//! What key columns of two tables become so that equal values are equal: which types compare, and in which form.
//!
//! Numbers compare by value, whatever their widths: integers, floats and decimals meet where both can hold a value
//! exactly. Text in any layout compares by its bytes, so two normal forms of one text differ. Times of different units
//! compare as instants.

use arrow_schema::{DataType, Field, SchemaRef};

use super::times::{NS_PER_DAY, ns_per};
use crate::error::{Error, Result};

/// What a key column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    Null,
    Bool,
    Integer { signed: bool },
    Float,
    Decimal { scale: i8, wide: bool },
    Text,
    Binary,
    Date { ns: i64 },
    Time { ns: i64 },
    Duration { ns: i64 },
    Timestamp { ns: i64, zoned: bool },
}

/// What both sides of a key become.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Common {
    /// One side has only nulls: nothing matches.
    Nothing,
    /// 64-bit integers; `mixed` if only one side is unsigned, so that only what both can hold can match.
    Integer {
        mixed: bool,
    },
    /// Bits of a float, one for all NaN and one for both zeros.
    Float,
    /// 64-bit integers; floats that are none match nothing.
    IntegerOfFloat {
        signed: bool,
    },
    /// 128-bit integers of this scale.
    Decimal {
        scale: i8,
    },
    /// 256-bit integers of this scale.
    WideDecimal {
        scale: i8,
    },
    Bytes,
    /// Whole units of so many nanoseconds.
    Ticks {
        ns: i64,
    },
}

impl Class {
    fn of(column: &str, data_type: &DataType) -> Result<Self> {
        Ok(match data_type {
            DataType::Dictionary(_, values) => return Self::of(column, values),
            DataType::RunEndEncoded(_, values) => return Self::of(column, values.data_type()),
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Bool,
            data_type if data_type.is_signed_integer() => Self::Integer { signed: true },
            data_type if data_type.is_unsigned_integer() => Self::Integer { signed: false },
            data_type if data_type.is_floating() => Self::Float,
            DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) => {
                Self::Decimal { scale: *scale, wide: false }
            }
            DataType::Decimal256(_, scale) => Self::Decimal { scale: *scale, wide: true },
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
                Self::Binary
            }
            DataType::Date32 => Self::Date { ns: NS_PER_DAY },
            DataType::Date64 => Self::Date { ns: 1_000_000 },
            DataType::Time32(unit) | DataType::Time64(unit) => Self::Time { ns: ns_per(*unit) },
            DataType::Duration(unit) => Self::Duration { ns: ns_per(*unit) },
            DataType::Timestamp(unit, zone) => Self::Timestamp { ns: ns_per(*unit), zoned: zone.is_some() },
            other => {
                return Err(Error::UnsupportedType {
                    column: column.into(),
                    found: other.to_string(),
                    hint: "a number, a boolean, text, bytes or a time to use it as a key".into(),
                });
            }
        })
    }

    fn common(self, other: Self) -> Option<Common> {
        match (self, other) {
            (Self::Null, _) | (_, Self::Null) => Some(Common::Nothing),
            (Self::Bool, Self::Bool) => Some(Common::Integer { mixed: false }),
            (Self::Integer { signed: ours }, Self::Integer { signed: theirs }) => {
                Some(Common::Integer { mixed: ours != theirs })
            }
            (Self::Float, Self::Float) => Some(Common::Float),
            (Self::Integer { signed }, Self::Float) | (Self::Float, Self::Integer { signed }) => {
                Some(Common::IntegerOfFloat { signed })
            }
            (Self::Decimal { scale: ours, wide }, Self::Decimal { scale: theirs, wide: other_wide }) => {
                Some(Common::decimal(ours.max(theirs), wide || other_wide))
            }
            (Self::Decimal { scale, wide }, Self::Integer { .. })
            | (Self::Integer { .. }, Self::Decimal { scale, wide }) => Some(Common::decimal(scale.max(0), wide)),
            (Self::Text, Self::Text) | (Self::Binary, Self::Binary) => Some(Common::Bytes),
            (Self::Time { ns: ours }, Self::Time { ns: theirs })
            | (Self::Duration { ns: ours }, Self::Duration { ns: theirs }) => {
                Some(Common::Ticks { ns: ours.min(theirs) })
            }
            _ => match (self.instant()?, other.instant()?) {
                ((ours, a), (theirs, b)) if a == b => Some(Common::Ticks { ns: ours.min(theirs) }),
                _ => None,
            },
        }
    }

    /// Unit and whether there is a zone, of dates and timestamps.
    fn instant(self) -> Option<(i64, bool)> {
        match self {
            Self::Date { ns } => Some((ns, false)),
            Self::Timestamp { ns, zoned } => Some((ns, zoned)),
            _ => None,
        }
    }

    /// Nanoseconds in one unit; 1 for what is no time.
    pub(super) fn ns(self) -> i64 {
        match self {
            Self::Date { ns } | Self::Time { ns } | Self::Duration { ns } | Self::Timestamp { ns, .. } => ns,
            _ => 1,
        }
    }
}

impl Common {
    fn decimal(scale: i8, wide: bool) -> Self {
        if wide { Self::WideDecimal { scale } } else { Self::Decimal { scale } }
    }
}

/// The classes of two key columns and what they become.
pub(super) fn pair(left: &Field, right: &Field) -> Result<(Class, Class, Common)> {
    let ours = Class::of(left.name(), left.data_type())?;
    let theirs = Class::of(right.name(), right.data_type())?;
    let common = ours.common(theirs).ok_or_else(|| mismatch(left, right, ours, theirs))?;
    Ok((ours, theirs, common))
}

fn mismatch(left: &Field, right: &Field, ours: Class, theirs: Class) -> Error {
    let is_about_zones = ours.instant().zip(theirs.instant()).is_some_and(|((_, a), (_, b))| a != b);
    Error::SchemaMismatch {
        place: "key of the join".into(),
        problem: format!(
            "column '{}' of the left table is {}, column '{}' of the right table is {}",
            left.name(),
            left.data_type(),
            right.name(),
            right.data_type()
        ),
        hint: if is_about_zones {
            "assume a time zone for the naive one first".into()
        } else {
            "cast one of them to the type of the other".into()
        },
    }
}

/// The fields of the keys, as many on both sides.
pub(super) fn fields(schema: &SchemaRef, names: &[String], side: &str) -> Result<Vec<usize>> {
    names.iter().map(|name| super::table::position(schema, name, side)).collect()
}
