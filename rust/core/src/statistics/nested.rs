//! Lists, maps, structs, dictionaries and runs taken apart: the values that count, and only those.
//!
//! Items of a null list, members of a null struct and values of a dictionary that no row uses are no values.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, StructArray};
use arrow_buffer::{ArrowNativeType, NullBuffer};
use arrow_schema::{DataType, Field};

use super::kind::Kind;
use super::lengths::Level;
use crate::error::Result;

/// An array in a layout that the lanes read: dictionaries only of text and bytes, no runs, nothing that they would have
/// to convert.
pub(super) fn plain(array: &ArrayRef, kind: Kind) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Dictionary(_, values) => {
            if kind.is_bytes() && !matches!(**values, DataType::FixedSizeBinary(_) | DataType::Dictionary(..)) {
                return Ok(Arc::clone(array));
            }
            let dictionary = array.as_any_dictionary();
            plain(&arrow_select::take::take(dictionary.values(), dictionary.keys(), None)?, kind)
        }
        DataType::RunEndEncoded(_, values) => plain(&arrow_cast::cast(array, values.data_type())?, kind),
        DataType::Interval(_) => Ok(arrow_cast::cast(array, &DataType::Utf8)?),
        _ => Ok(Arc::clone(array)),
    }
}

/// The values of the rows of a dictionary; other arrays as they are.
pub(super) fn without_dictionary(array: &ArrayRef) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Dictionary(_, values) => Ok(arrow_cast::cast(array, values)?),
        _ => Ok(Arc::clone(array)),
    }
}

/// Lists of any layout, or maps.
pub(super) struct Lists {
    nulls: Option<NullBuffer>,
    /// First item of each list, and behind the last one's.
    offsets: Vec<usize>,
    items: ArrayRef,
    /// Items of every list, where that is fixed.
    width: Option<u64>,
}

impl Lists {
    pub(super) fn of(array: &ArrayRef) -> Result<Self> {
        let offsets = |offsets: &[i32]| offsets.iter().map(|&at| at.as_usize()).collect();
        let nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0);
        Ok(match array.data_type() {
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                Self { nulls, offsets: offsets(list.value_offsets()), items: Arc::clone(list.values()), width: None }
            }
            DataType::Map(..) => {
                let map = array.as_map();
                let items: ArrayRef = Arc::new(map.entries().clone());
                Self { nulls, offsets: offsets(map.value_offsets()), items, width: None }
            }
            DataType::LargeList(_) => {
                let list = array.as_list::<i64>();
                let offsets = list.value_offsets().iter().map(|&at| at.as_usize()).collect();
                Self { nulls, offsets, items: Arc::clone(list.values()), width: None }
            }
            DataType::FixedSizeList(_, width) => {
                let offsets = (0..=array.len()).map(|row| row * *width as usize).collect();
                let items = Arc::clone(array.as_fixed_size_list().values());
                Self { nulls, offsets, items, width: Some(*width as u64) }
            }
            DataType::ListView(item) | DataType::LargeListView(item) => {
                let plain = DataType::LargeList(Arc::new(Field::clone(item)));
                return Self::of(&arrow_cast::cast(array, &plain)?);
            }
            DataType::Dictionary(..) => return Self::of(&plain(array, Kind::Struct)?),
            DataType::RunEndEncoded(_, values) => return Self::of(&arrow_cast::cast(array, values.data_type())?),
            _ => Self { nulls, offsets: vec![0], items: array.slice(0, 0), width: None },
        })
    }

    pub(super) fn n_null(&self) -> usize {
        self.nulls.as_ref().map_or(0, NullBuffer::null_count)
    }

    fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    fn is_valid(&self, row: usize) -> bool {
        self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row))
    }

    fn length(&self, row: usize) -> usize {
        self.offsets[row + 1] - self.offsets[row]
    }

    /// The first row that does not hold exactly one item.
    pub(super) fn first_not_single(&self) -> Option<usize> {
        (0..self.len()).find(|&row| !self.is_valid(row) || self.length(row) != 1)
    }

    /// All items from the first list's first to the last one's last.
    pub(super) fn values(&self) -> ArrayRef {
        let (start, end) = (self.offsets[0], self.offsets[self.len()]);
        self.items.slice(start, end - start)
    }

    /// Add the lengths of the lists that are not null to those of their level.
    pub(super) fn measure(&self, level: &mut Level) {
        if let Some(width) = self.width {
            return level.add_equal(width, (self.len() - self.n_null()) as u64);
        }
        let lengths: Vec<u64> =
            (0..self.len()).filter(|&row| self.is_valid(row)).map(|row| self.length(row) as u64).collect();
        level.add(&lengths);
    }

    /// The items of all lists that are not null in as few pieces as possible, with the rows that they belong to.
    pub(super) fn items(&self) -> Vec<(ArrayRef, Range<usize>)> {
        let piece = |rows: Range<usize>| {
            let (start, end) = (self.offsets[rows.start], self.offsets[rows.end]);
            (end > start).then(|| (self.items.slice(start, end - start), rows))
        };
        match &self.nulls {
            // Null lists are mostly empty; then they divide nothing.
            Some(nulls) if (0..self.len()).any(|row| nulls.is_null(row) && self.length(row) > 0) => {
                nulls.valid_slices().filter_map(|(start, end)| piece(start..end)).collect()
            }
            _ => piece(0..self.len()).into_iter().collect(),
        }
    }

    /// Innermost values of each row that is not null, for lists in `depth` lists.
    pub(super) fn values_per_row(&self, depth: usize) -> Result<Vec<u64>> {
        let rows = (0..self.len()).filter(|&row| self.is_valid(row));
        if depth <= 1 {
            return Ok(rows.map(|row| self.length(row) as u64).collect());
        }
        let inner = Self::of(&self.items)?;
        let below = inner.values_per_row(depth - 1)?;
        // Null lists below have no place in `below`.
        let mut sums = vec![0_u64; inner.len() + 1];
        let mut counts = below.into_iter();
        for item in 0..inner.len() {
            let count = if inner.is_valid(item) { counts.next().unwrap_or(0) } else { 0 };
            sums[item + 1] = sums[item] + count;
        }
        Ok(rows.map(|row| sums[self.offsets[row + 1]] - sums[self.offsets[row]]).collect())
    }

    /// The weight of each item of these rows.
    pub(super) fn spread(&self, weights: &[f64], rows: Range<usize>) -> Vec<f64> {
        rows.flat_map(|row| std::iter::repeat_n(weights[row], self.length(row))).collect()
    }
}

/// The structs of an array that are not null.
pub(super) struct Present<'a> {
    structs: &'a StructArray,
    filter: Option<BooleanArray>,
    weights: Option<Cow<'a, [f64]>>,
}

impl<'a> Present<'a> {
    pub(super) fn of(structs: &'a StructArray, weights: Option<&'a [f64]>) -> Self {
        let Some(nulls) = structs.nulls().filter(|nulls| nulls.null_count() > 0) else {
            return Self { structs, filter: None, weights: weights.map(Cow::Borrowed) };
        };
        let kept =
            weights.map(|weights| weights.iter().zip(nulls).filter(|(_, valid)| *valid).map(|(&w, _)| w).collect());
        let filter = BooleanArray::new(nulls.inner().clone(), None);
        Self { structs, filter: Some(filter), weights: kept }
    }

    pub(super) fn columns(&self) -> Result<Vec<ArrayRef>> {
        let columns = self.structs.columns();
        let Some(filter) = &self.filter else { return Ok(columns.to_vec()) };
        Ok(columns
            .iter()
            .map(|column| arrow_select::filter::filter(column, filter))
            .collect::<std::result::Result<_, _>>()?)
    }

    pub(super) fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }
}
