//! Keys of rows, made comparable between two tables: equal values have equal keys, whatever their widths and units.
//!
//! Integers of any width compare by value, text in any layout by its bytes, times of different units by their instant.
//! A row with a null in any key column matches nothing, and neither does a value that the other side cannot hold.

use std::borrow::Cow;
use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_buffer::{ArrowNativeType, NullBuffer};
use arrow_schema::DataType;

use super::times::ns_per;
use crate::error::{Error, Result};
use crate::nearest::nearest;
use crate::sketch::{hash_bytes, hash_u64};

/// The keys of one table's rows.
pub(super) struct RowKeys<'a> {
    columns: Vec<KeyColumn<'a>>,
    nulls: Option<NullBuffer>,
}

enum KeyColumn<'a> {
    Fixed(Cow<'a, [i64]>),
    Bytes(Vec<&'a [u8]>),
}

/// What a key column compares with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Bool,
    Integer { signed: bool },
    Decimal { scale: i8 },
    Text,
    Binary,
    Date { ns: i64 },
    Time { ns: i64 },
    Timestamp { ns: i64, zoned: bool },
}

impl Class {
    fn of(column: &str, data_type: &DataType) -> Result<Self> {
        Ok(match data_type {
            DataType::Dictionary(_, values) => return Self::of(column, values),
            DataType::Boolean => Self::Bool,
            data_type if data_type.is_signed_integer() => Self::Integer { signed: true },
            data_type if data_type.is_unsigned_integer() => Self::Integer { signed: false },
            DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) => {
                Self::Decimal { scale: *scale }
            }
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
                Self::Binary
            }
            DataType::Date32 => Self::Date { ns: super::times::NS_PER_DAY },
            DataType::Date64 => Self::Date { ns: 1_000_000 },
            DataType::Time32(unit) | DataType::Time64(unit) => Self::Time { ns: ns_per(*unit) },
            DataType::Timestamp(unit, zone) => Self::Timestamp { ns: ns_per(*unit), zoned: zone.is_some() },
            other => {
                return Err(Error::UnsupportedType {
                    column: column.into(),
                    found: other.to_string(),
                    hint: "an integer, a boolean, text or a time to use it as a key".into(),
                });
            }
        })
    }

    /// What both sides become, as the length of a unit; `None` if they cannot be compared.
    fn with(self, other: Self) -> Option<i64> {
        match (self, other) {
            (Self::Integer { .. }, Self::Integer { .. }) => Some(1),
            (Self::Date { ns: ours }, Self::Date { ns: theirs })
            | (Self::Time { ns: ours }, Self::Time { ns: theirs }) => Some(ours.min(theirs)),
            (Self::Timestamp { ns: ours, zoned: a }, Self::Timestamp { ns: theirs, zoned: b }) if a == b => {
                Some(ours.min(theirs))
            }
            (ours, theirs) => (ours == theirs).then_some(1),
        }
    }

    fn ns(self) -> i64 {
        match self {
            Self::Date { ns } | Self::Time { ns } | Self::Timestamp { ns, .. } => ns,
            _ => 1,
        }
    }
}

/// The keys of both tables, where `by_left[i]` is to equal `by_right[i]`.
pub(super) fn pair<'a>(
    left: &'a RecordBatch,
    by_left: &[String],
    right: &'a RecordBatch,
    by_right: &[String],
) -> Result<(RowKeys<'a>, RowKeys<'a>)> {
    if by_left.len() != by_right.len() {
        return Err(Error::InvalidArgument(format!(
            "a join needs as many keys on the left as on the right, found {} and {}",
            by_left.len(),
            by_right.len()
        )));
    }
    let mut ours = RowKeys { columns: Vec::new(), nulls: None };
    let mut theirs = RowKeys { columns: Vec::new(), nulls: None };
    for (name_left, name_right) in by_left.iter().zip(by_right) {
        let (column_left, column_right) = (find(left, name_left, "left")?, find(right, name_right, "right")?);
        let class_left = Class::of(name_left, column_left.data_type())?;
        let class_right = Class::of(name_right, column_right.data_type())?;
        let Some(ns) = class_left.with(class_right) else {
            return Err(mismatch(name_left, column_left, name_right, column_right));
        };
        // Of an unsigned and a signed column, only what both can hold is kept.
        let is_mixed = class_left != class_right;
        ours.push(column_left, class_left, class_left.ns() / ns, is_mixed)?;
        theirs.push(column_right, class_right, class_right.ns() / ns, is_mixed)?;
    }
    Ok((ours, theirs))
}

fn find<'a>(table: &'a RecordBatch, name: &str, side: &str) -> Result<&'a ArrayRef> {
    table.column_by_name(name).ok_or_else(|| Error::ColumnNotFound {
        name: name.into(),
        place: format!("the {side} table of the join"),
        nearest: nearest(name, table.schema_ref().fields().iter().map(|field| field.name().as_str())),
    })
}

fn mismatch(name_left: &str, left: &ArrayRef, name_right: &str, right: &ArrayRef) -> Error {
    let is_zoned = |array: &ArrayRef| matches!(array.data_type(), DataType::Timestamp(_, Some(_)));
    let hint = if is_zoned(left) == is_zoned(right) {
        "cast one of them to the type of the other"
    } else {
        "assume a time zone for the naive one first"
    };
    Error::SchemaMismatch {
        place: "key of the join".into(),
        problem: format!(
            "column '{name_left}' of the left table is {}, column '{name_right}' of the right table is {}",
            left.data_type(),
            right.data_type()
        ),
        hint: hint.into(),
    }
}

impl<'a> RowKeys<'a> {
    fn push(&mut self, array: &'a ArrayRef, class: Class, factor: i64, is_mixed: bool) -> Result<()> {
        self.add_nulls(array.logical_nulls().as_ref());
        match class {
            Class::Text | Class::Binary => self.columns.push(KeyColumn::Bytes(slices_of(array)?)),
            Class::Decimal { .. } => {
                let values = wide_values_of(array)?;
                self.push_fixed(Cow::Owned(values.iter().map(|&value| value as i64).collect()));
                self.push_fixed(Cow::Owned(values.iter().map(|&value| (value >> 64) as i64).collect()));
            }
            _ => {
                let mut values = values_of(array)?;
                let is_lossy = is_mixed && class == Class::Integer { signed: false };
                if factor != 1 || is_lossy {
                    let fits = |value: &i64| value.checked_mul(factor).is_some() && !(is_lossy && *value < 0);
                    self.add_nulls(Some(&values.iter().map(fits).collect::<Vec<bool>>().into()));
                    values = values.iter().map(|value| value.wrapping_mul(factor)).collect::<Vec<_>>().into();
                }
                self.push_fixed(values);
            }
        }
        Ok(())
    }

    fn push_fixed(&mut self, values: Cow<'a, [i64]>) {
        self.columns.push(KeyColumn::Fixed(values));
    }

    /// Hashes of the keys of a range of rows.
    pub(super) fn hashes(&self, rows: Range<usize>) -> Vec<u64> {
        if let [KeyColumn::Fixed(values)] = self.columns.as_slice() {
            return values[rows].iter().map(|&value| hash_u64(value as u64)).collect();
        }
        let mut hashes = vec![0; rows.len()];
        for column in &self.columns {
            let pairs = hashes.iter_mut().zip(rows.clone());
            match column {
                KeyColumn::Fixed(values) => {
                    pairs.for_each(|(hash, row)| *hash = combine(*hash, hash_u64(values[row] as u64)));
                }
                KeyColumn::Bytes(values) => {
                    pairs.for_each(|(hash, row)| *hash = combine(*hash, hash_bytes(values[row])));
                }
            }
        }
        hashes
    }

    fn add_nulls(&mut self, nulls: Option<&NullBuffer>) {
        self.nulls = NullBuffer::union(self.nulls.as_ref(), nulls).filter(|nulls| nulls.null_count() > 0);
    }

    /// Rows with a null key.
    pub(super) fn nulls(&self) -> Option<&NullBuffer> {
        self.nulls.as_ref()
    }

    /// Whether rows of equal hash have equal keys for certain: one integer is hashed one to one, no key needs no hash.
    pub(super) fn hash_is_key(&self) -> bool {
        matches!(self.columns.as_slice(), [] | [KeyColumn::Fixed(_)])
    }

    /// Whether the key of `row` equals that of `other_row` of `other`, which must come from the same `pair`.
    pub(super) fn same(&self, row: u32, other: &Self, other_row: u32) -> bool {
        self.columns.iter().zip(&other.columns).all(|columns| match columns {
            (KeyColumn::Fixed(ours), KeyColumn::Fixed(theirs)) => ours[row as usize] == theirs[other_row as usize],
            (KeyColumn::Bytes(ours), KeyColumn::Bytes(theirs)) => ours[row as usize] == theirs[other_row as usize],
            _ => false,
        })
    }
}

fn combine(hash: u64, next: u64) -> u64 {
    (hash.rotate_left(25) ^ next).wrapping_mul(0x9fb2_1c65_1e98_df25)
}

/// The 64-bit values of a column of integers, booleans or times.
fn values_of(array: &ArrayRef) -> Result<Cow<'_, [i64]>> {
    fn widened<T: ArrowNativeType + Into<i64>>(array: &ArrayRef) -> Cow<'_, [i64]> {
        let data = array.to_data();
        data.buffer::<T>(0)[..data.len()].iter().map(|&value| value.into()).collect::<Vec<i64>>().into()
    }
    Ok(match array.data_type() {
        DataType::Dictionary(..) => Cow::Owned(values_of(&decoded(array)?)?.into_owned()),
        DataType::Boolean => array.as_boolean().values().iter().map(i64::from).collect::<Vec<i64>>().into(),
        DataType::Int8 => widened::<i8>(array),
        DataType::UInt8 => widened::<u8>(array),
        DataType::Int16 => widened::<i16>(array),
        DataType::UInt16 => widened::<u16>(array),
        DataType::Int32 | DataType::Date32 | DataType::Time32(_) => widened::<i32>(array),
        DataType::UInt32 => widened::<u32>(array),
        _ => super::times::i64_values(array),
    })
}

fn wide_values_of(array: &ArrayRef) -> Result<Vec<i128>> {
    let data =
        if let DataType::Dictionary(..) = array.data_type() { decoded(array)?.to_data() } else { array.to_data() };
    let n = data.len();
    Ok(match data.data_type() {
        DataType::Decimal32(..) => data.buffer::<i32>(0)[..n].iter().map(|&value| value.into()).collect(),
        DataType::Decimal64(..) => data.buffer::<i64>(0)[..n].iter().map(|&value| value.into()).collect(),
        _ => data.buffer::<i128>(0)[..n].to_vec(),
    })
}

fn decoded(array: &ArrayRef) -> Result<ArrayRef> {
    let dictionary = array.as_any_dictionary();
    Ok(arrow_select::take::take(dictionary.values(), dictionary.keys(), None)?)
}

/// The bytes of each row of a column of text or bytes; empty where it is null.
fn slices_of(array: &ArrayRef) -> Result<Vec<&[u8]>> {
    let slices: Vec<&[u8]> = match array.data_type() {
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let values = slices_of(dictionary.values())?;
            if values.is_empty() {
                return Ok(vec![&[]; array.len()]);
            }
            let keys = dictionary.normalized_keys();
            return Ok(keys.into_iter().map(|key| values.get(key).copied().unwrap_or_default()).collect());
        }
        DataType::Utf8 => array.as_string::<i32>().iter().map(|v| v.unwrap_or_default().as_bytes()).collect(),
        DataType::LargeUtf8 => array.as_string::<i64>().iter().map(|v| v.unwrap_or_default().as_bytes()).collect(),
        DataType::Utf8View => array.as_string_view().iter().map(|v| v.unwrap_or_default().as_bytes()).collect(),
        DataType::Binary => array.as_binary::<i32>().iter().map(Option::unwrap_or_default).collect(),
        DataType::LargeBinary => array.as_binary::<i64>().iter().map(Option::unwrap_or_default).collect(),
        DataType::BinaryView => array.as_binary_view().iter().map(Option::unwrap_or_default).collect(),
        _ => array.as_fixed_size_binary().iter().map(Option::unwrap_or_default).collect(),
    };
    Ok(slices)
}
