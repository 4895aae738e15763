//! Keys of rows, made comparable between two tables: equal values have equal keys, whatever their widths and units.
//!
//! A row with a null in any key column matches nothing, and neither does a value that the other side cannot hold.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Float64Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BinaryViewArray, FixedSizeBinaryArray, LargeBinaryArray, LargeStringArray,
    StringArray, StringViewArray,
};
use arrow_buffer::{NullBuffer, ScalarBuffer, i256};
use arrow_schema::{DataType, SchemaRef};

use super::classes::{self, Class, Common};
use super::table::{Table, plain};
use super::times::integers;
use crate::error::{Error, Result};
use crate::sketch::{hash_bytes, hash_u64};

/// Which columns are the keys of two tables, and what they become.
#[derive(Clone)]
pub(super) struct KeyPlan {
    left: Vec<KeyColumn>,
    right: Vec<KeyColumn>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct KeyColumn {
    position: usize,
    class: Class,
    common: Common,
}

impl KeyPlan {
    /// `by_left[i]` is to equal `by_right[i]`.
    pub(super) fn new(left: &SchemaRef, by_left: &[String], right: &SchemaRef, by_right: &[String]) -> Result<Self> {
        if by_left.len() != by_right.len() {
            return Err(Error::InvalidArgument(format!(
                "a join needs as many keys on the left as on the right, found {} and {}",
                by_left.len(),
                by_right.len()
            )));
        }
        let ours = classes::fields(left, by_left, "left")?;
        let theirs = classes::fields(right, by_right, "right")?;
        let mut plan = Self { left: Vec::new(), right: Vec::new() };
        for (position, other) in ours.into_iter().zip(theirs) {
            let (class, other_class, common) = classes::pair(left.field(position), right.field(other))?;
            plan.left.push(KeyColumn { position, class, common });
            plan.right.push(KeyColumn { position: other, class: other_class, common });
        }
        Ok(plan)
    }

    /// Whether the left keys are those of `other`, so that what was made of them serves both.
    pub(super) fn has_left_keys_of(&self, other: &Self) -> bool {
        self.left == other.left
    }

    pub(super) fn left(&self, table: &Table) -> Result<RowKeys> {
        RowKeys::read(table, &self.left)
    }

    pub(super) fn right(&self, table: &Table) -> Result<RowKeys> {
        RowKeys::read(table, &self.right)
    }
}

/// The keys of one table's rows.
pub(super) struct RowKeys {
    columns: Vec<Values>,
    nulls: Option<NullBuffer>,
}

enum Values {
    Fixed(ScalarBuffer<i64>),
    Bytes(Bytes),
}

impl RowKeys {
    fn read(table: &Table, columns: &[KeyColumn]) -> Result<Self> {
        let mut keys = Self { columns: Vec::new(), nulls: None };
        for column in columns {
            keys.push(&table.column(column.position)?, column.class, column.common)?;
        }
        Ok(keys)
    }

    fn push(&mut self, array: &ArrayRef, class: Class, common: Common) -> Result<()> {
        self.add_nulls(array.logical_nulls().as_ref());
        match common {
            Common::Nothing => {
                self.add_nulls(Some(&NullBuffer::new_null(array.len())));
                self.push_fixed(ScalarBuffer::from(vec![0; array.len()]));
            }
            Common::Bytes => self.columns.push(Values::Bytes(Bytes::of(array)?)),
            Common::Float => self.push_fixed(floats(array)?.iter().map(|&value| float_bits(value)).collect()),
            Common::IntegerOfFloat { signed } if class == Class::Float => {
                let values: Vec<Option<i64>> = floats(array)?.iter().map(|&value| exact(value, signed)).collect();
                self.push_some(&values);
            }
            Common::Decimal { scale } => self.push_decimals(&decimals(array, class, scale)?),
            Common::WideDecimal { scale } => self.push_wide_decimals(&wide_decimals(array, class, scale)?),
            Common::Integer { mixed } => {
                let values = plain_integers(array)?;
                if mixed && class == (Class::Integer { signed: false }) {
                    self.add_nulls(Some(&values.iter().map(|&value| value >= 0).collect::<Vec<bool>>().into()));
                }
                self.push_fixed(values);
            }
            Common::IntegerOfFloat { .. } => self.push_fixed(plain_integers(array)?),
            Common::Ticks { ns } => {
                let (values, factor) = (plain_integers(array)?, class.ns() / ns);
                if factor == 1 {
                    self.push_fixed(values);
                } else {
                    self.push_some(&values.iter().map(|value| value.checked_mul(factor)).collect::<Vec<_>>());
                }
            }
        }
        Ok(())
    }

    fn push_fixed(&mut self, values: ScalarBuffer<i64>) {
        self.columns.push(Values::Fixed(values));
    }

    /// Where there is none, nothing matches.
    fn push_some(&mut self, values: &[Option<i64>]) {
        self.add_nulls(Some(&values.iter().map(Option::is_some).collect::<Vec<bool>>().into()));
        self.push_fixed(values.iter().map(|value| value.unwrap_or_default()).collect());
    }

    fn push_decimals(&mut self, values: &[Option<i128>]) {
        self.push_some(&values.iter().map(|value| value.map(|value| value as i64)).collect::<Vec<_>>());
        self.push_fixed(values.iter().map(|value| (value.unwrap_or_default() >> 64) as i64).collect());
    }

    fn push_wide_decimals(&mut self, values: &[Option<i256>]) {
        let parts: Vec<(Option<i128>, i128)> = values
            .iter()
            .map(|value| {
                let (low, high) = value.unwrap_or_default().to_parts();
                (value.is_some().then_some(low as i128), high)
            })
            .collect();
        self.push_decimals(&parts.iter().map(|part| part.0).collect::<Vec<_>>());
        self.push_decimals(&parts.iter().map(|part| Some(part.1)).collect::<Vec<_>>());
    }

    fn add_nulls(&mut self, nulls: Option<&NullBuffer>) {
        self.nulls = NullBuffer::union(self.nulls.as_ref(), nulls).filter(|nulls| nulls.null_count() > 0);
    }

    /// Hashes of the keys of a range of rows.
    pub(super) fn hashes(&self, rows: Range<usize>) -> Vec<u64> {
        if let [Values::Fixed(values)] = self.columns.as_slice() {
            return values[rows].iter().map(|&value| hash_u64(value as u64)).collect();
        }
        let mut hashes = vec![0; rows.len()];
        for column in &self.columns {
            let pairs = hashes.iter_mut().zip(rows.clone());
            match column {
                Values::Fixed(values) => {
                    pairs.for_each(|(hash, row)| *hash = combine(*hash, hash_u64(values[row] as u64)));
                }
                Values::Bytes(values) => {
                    pairs.for_each(|(hash, row)| *hash = combine(*hash, hash_bytes(values.get(row))));
                }
            }
        }
        hashes
    }

    /// The hash of the key of one row.
    pub(super) fn hash(&self, row: usize) -> u64 {
        match self.columns.as_slice() {
            [Values::Fixed(values)] => hash_u64(values[row] as u64),
            columns => columns.iter().fold(0, |hash, column| match column {
                Values::Fixed(values) => combine(hash, hash_u64(values[row] as u64)),
                Values::Bytes(values) => combine(hash, hash_bytes(values.get(row))),
            }),
        }
    }

    /// The values of a key of one column of fixed width.
    pub(super) fn fixed(&self) -> Option<&[i64]> {
        if let [Values::Fixed(values)] = self.columns.as_slice() { Some(values) } else { None }
    }

    /// Rows with a null key.
    pub(super) fn nulls(&self) -> Option<&NullBuffer> {
        self.nulls.as_ref()
    }

    /// Whether rows of equal hash have equal keys for certain: one integer is hashed one to one, no key needs no hash.
    pub(super) fn hash_is_key(&self) -> bool {
        matches!(self.columns.as_slice(), [] | [Values::Fixed(_)])
    }

    /// Whether the key of `row` equals that of `other_row` of `other`, which must come from the same plan.
    pub(super) fn same(&self, row: u32, other: &Self, other_row: u32) -> bool {
        let (row, other_row) = (row as usize, other_row as usize);
        self.columns.iter().zip(&other.columns).all(|columns| match columns {
            (Values::Fixed(ours), Values::Fixed(theirs)) => ours[row] == theirs[other_row],
            (Values::Bytes(ours), Values::Bytes(theirs)) => ours.get(row) == theirs.get(other_row),
            _ => false,
        })
    }

    /// Where the rows with the key of the first row of a range end.
    pub(super) fn run_end(&self, rows: Range<usize>) -> usize {
        /// Keys that are compared at once, without a branch for each.
        const BLOCK: usize = 16;
        if let [Values::Fixed(values)] = self.columns.as_slice() {
            let (key, values) = (values[rows.start], &values[rows.clone()]);
            let is_same = |block: &&[i64]| block.iter().fold(0, |differing, value| differing | (value ^ key)) == 0;
            let n_same = values.chunks_exact(BLOCK).take_while(is_same).count() * BLOCK;
            return rows.start + n_same + values[n_same..].iter().take_while(|&&value| value == key).count();
        }
        let differs = |&row: &usize| !self.same(row as u32, self, row as u32 - 1);
        (rows.start + 1..rows.end).find(differs).unwrap_or(rows.end)
    }
}

/// What the rows of one key have in common, as 64 bits whose upper ones choose a bucket.
#[derive(Clone, Copy)]
pub(super) enum Coding {
    /// A hash of the key.
    Hash,
    /// The key itself, for integers that lie close together on the left side: its distance from the first one, with its
    /// `bits` mixed so that neighbours go into different buckets. There is no table to search then.
    Dense { first: i64, range: u64, bits: u32 },
}

/// Codes that a left key may have for each left row.
const CODES_PER_ROW: u64 = 4;
const LEAST_CODES: u64 = 1 << 10;
const MOST_CODES: u64 = 1 << 31;
/// Odd, so that products by it are a permutation; 2^32 over the golden ratio spreads neighbours.
const MIXER: u64 = 0x9e37_79b1;
/// The code of a key that no left row has; the lowest bits of others are 0.
const NOWHERE: u64 = u64::MAX;

impl Coding {
    /// The best one for the keys of the left table.
    pub(super) fn of(left: &RowKeys) -> Self {
        let [Values::Fixed(values)] = left.columns.as_slice() else { return Self::Hash };
        let n_rows = values.len() as u64 - left.nulls.as_ref().map_or(0, |nulls| nulls.null_count() as u64);
        let valid = |row: usize| left.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        let (first, last) = if left.nulls.is_none() {
            (values.iter().min().copied(), values.iter().max().copied())
        } else {
            let keys = || values.iter().enumerate().filter(|(row, _)| valid(*row)).map(|(_, key)| *key);
            (keys().min(), keys().max())
        };
        let (Some(first), Some(last)) = (first, last) else { return Self::Hash };
        let range = last.abs_diff(first);
        if range >= (n_rows * CODES_PER_ROW).clamp(LEAST_CODES, MOST_CODES) {
            return Self::Hash;
        }
        Self::Dense { first, range, bits: range.checked_ilog2().map_or(1, |bits| bits + 1) }
    }

    /// The first of the integers that left keys are, where they lie close together, and the distance of the last one from it.
    pub(super) fn span(self) -> Option<(i64, u64)> {
        if let Self::Dense { first, range, .. } = self { Some((first, range)) } else { None }
    }

    /// The codes of a range of rows.
    pub(super) fn codes(self, keys: &RowKeys, rows: Range<usize>) -> Vec<u64> {
        match (self, keys.columns.as_slice()) {
            (Self::Dense { .. }, [Values::Fixed(values)]) => values[rows].iter().map(|&key| self.dense(key)).collect(),
            _ => keys.hashes(rows),
        }
    }

    /// The code of one row.
    pub(super) fn code(self, keys: &RowKeys, row: usize) -> u64 {
        match (self, keys.columns.as_slice()) {
            (Self::Dense { .. }, [Values::Fixed(values)]) => self.dense(values[row]),
            _ => keys.hash(row),
        }
    }

    #[inline]
    fn dense(self, key: i64) -> u64 {
        let Self::Dense { first, range, bits } = self else { return NOWHERE };
        // A key below the first one wraps to a distance beyond all.
        let distance = key.wrapping_sub(first) as u64;
        if distance > range { NOWHERE } else { distance.wrapping_mul(MIXER) << (u64::BITS - bits) }
    }

    /// The place of a key among all that a left row may have; beyond all of them for others.
    #[inline]
    pub(super) fn place(self, key: i64) -> usize {
        let Self::Dense { bits, .. } = self else { return usize::MAX };
        let code = self.dense(key);
        if code == NOWHERE { usize::MAX } else { (code >> (u64::BITS - bits)) as usize }
    }

    /// Whether some left row may have the key.
    #[inline]
    pub(super) fn is_in(self, code: u64) -> bool {
        matches!(self, Self::Hash) || code != NOWHERE
    }
}

fn combine(hash: u64, next: u64) -> u64 {
    (hash.rotate_left(25) ^ next).wrapping_mul(0x9fb2_1c65_1e98_df25)
}

pub(super) fn plain_integers(array: &ArrayRef) -> Result<ScalarBuffer<i64>> {
    let array = plain(array)?;
    Ok(match array.data_type() {
        DataType::Boolean => array.as_boolean().values().iter().map(i64::from).collect(),
        _ => integers(&array),
    })
}

pub(super) fn floats(array: &ArrayRef) -> Result<ScalarBuffer<f64>> {
    let array = arrow_cast::cast(&plain(array)?, &DataType::Float64)?;
    Ok(array.as_primitive::<Float64Type>().values().clone())
}

/// One pattern for all NaN, and for both zeros.
fn float_bits(value: f64) -> i64 {
    let canonical = if value.is_nan() { f64::NAN } else { value + 0.0 };
    canonical.to_bits() as i64
}

/// The integer that a float is, if there is one and the other side can hold it; unsigned ones keep their bits.
fn exact(value: f64, signed: bool) -> Option<i64> {
    const END: f64 = 9_223_372_036_854_775_808.0;
    if value.fract() != 0.0 {
        return None;
    }
    if signed {
        return (-END..END).contains(&value).then_some(value as i64);
    }
    (0.0..2.0 * END).contains(&value).then_some(value as u64 as i64)
}

/// Values of decimals and integers at a scale, as far as 128 bits hold them.
fn decimals(array: &ArrayRef, class: Class, scale: i8) -> Result<Vec<Option<i128>>> {
    let array = plain(array)?;
    let (values, own_scale): (Vec<i128>, i8) = match (array.data_type(), class) {
        (DataType::Decimal32(_, own), _) => {
            (array.as_primitive::<Decimal32Type>().values().iter().map(|&v| v.into()).collect(), *own)
        }
        (DataType::Decimal64(_, own), _) => {
            (array.as_primitive::<Decimal64Type>().values().iter().map(|&v| v.into()).collect(), *own)
        }
        (DataType::Decimal128(_, own), _) => (array.as_primitive::<Decimal128Type>().values().to_vec(), *own),
        (_, Class::Integer { signed: false }) => {
            (integers(&array).iter().map(|&value| i128::from(value as u64)).collect(), 0)
        }
        _ => (integers(&array).iter().map(|&value| value.into()).collect(), 0),
    };
    let factor = 10_i128.checked_pow(scale.abs_diff(own_scale).into());
    Ok(values.into_iter().map(|value| if value == 0 { Some(0) } else { value.checked_mul(factor?) }).collect())
}

/// Values of decimals at their own scale.
pub(super) fn own_decimals(array: &ArrayRef) -> Result<Vec<i128>> {
    let array = plain(array)?;
    let (DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale)) =
        array.data_type()
    else {
        return Ok(vec![0; array.len()]);
    };
    let values = decimals(&array, Class::Decimal { scale: *scale, wide: false }, *scale)?;
    Ok(values.into_iter().map(Option::unwrap_or_default).collect())
}

fn wide_decimals(array: &ArrayRef, class: Class, scale: i8) -> Result<Vec<Option<i256>>> {
    let array = plain(array)?;
    let (values, own_scale): (Vec<i256>, i8) = match (array.data_type(), class) {
        (DataType::Decimal256(_, own), _) => (array.as_primitive::<Decimal256Type>().values().to_vec(), *own),
        (_, Class::Decimal { scale: own, .. }) => {
            (decimals(&array, class, own)?.into_iter().map(|v| i256::from_i128(v.unwrap_or_default())).collect(), own)
        }
        _ => (decimals(&array, class, 0)?.into_iter().map(|v| i256::from_i128(v.unwrap_or_default())).collect(), 0),
    };
    let factor = i256::from_i128(10).checked_pow(u32::from(scale.abs_diff(own_scale)));
    Ok(values
        .into_iter()
        .map(|value| if value == i256::ZERO { Some(value) } else { value.checked_mul(factor?) })
        .collect())
}

/// A column of text or bytes in any layout.
pub(super) enum Bytes {
    Text(StringArray),
    LargeText(LargeStringArray),
    TextView(StringViewArray),
    Binary(BinaryArray),
    LargeBinary(LargeBinaryArray),
    BinaryView(BinaryViewArray),
    Fixed(FixedSizeBinaryArray),
    Dictionary(Vec<u32>, Box<Bytes>),
}

impl Bytes {
    pub(super) fn of(array: &ArrayRef) -> Result<Self> {
        Ok(match array.data_type() {
            DataType::Dictionary(..) => {
                let dictionary = array.as_any_dictionary();
                if dictionary.values().is_empty() {
                    return Ok(Self::Text(StringArray::from(vec![""; array.len()])));
                }
                let codes = dictionary.normalized_keys().into_iter().map(|code| code as u32).collect();
                Self::Dictionary(codes, Box::new(Self::of(dictionary.values())?))
            }
            DataType::RunEndEncoded(..) => return Self::of(&plain(array)?),
            DataType::Utf8 => Self::Text(array.as_string().clone()),
            DataType::LargeUtf8 => Self::LargeText(array.as_string().clone()),
            DataType::Utf8View => Self::TextView(array.as_string_view().clone()),
            DataType::Binary => Self::Binary(array.as_binary().clone()),
            DataType::LargeBinary => Self::LargeBinary(array.as_binary().clone()),
            DataType::BinaryView => Self::BinaryView(array.as_binary_view().clone()),
            _ => Self::Fixed(array.as_fixed_size_binary().clone()),
        })
    }

    pub(super) fn get(&self, row: usize) -> &[u8] {
        match self {
            Self::Text(values) => values.value(row).as_bytes(),
            Self::LargeText(values) => values.value(row).as_bytes(),
            Self::TextView(values) => values.value(row).as_bytes(),
            Self::Binary(values) => values.value(row),
            Self::LargeBinary(values) => values.value(row),
            Self::BinaryView(values) => values.value(row),
            Self::Fixed(values) => values.value(row),
            Self::Dictionary(codes, values) => values.get(codes[row] as usize),
        }
    }
}
