//! The order in which rows are written: bucket by bucket, sorted within each, as the layout of the table says.
//!
//! Rows are arranged in runs of at most [`RUN_ROWS`], so that memory is bounded; every file is sorted in itself, and holds
//! rows of one bucket. The bucket of a row is the XXH3-64 hash of its key columns modulo their number, over the text or the
//! bytes of each value, of numbers and times as eight little-endian bytes, with one byte before it: 0 null, 1 value.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, UInt32Array, UInt64Array};
use arrow_cast::cast;
use arrow_ord::sort::{SortColumn, SortOptions, lexsort_to_indices};
use arrow_schema::DataType;
use arrow_select::take::take_record_batch;
use xxhash_rust::xxh3::Xxh3Default;

use super::schema::{ColumnType, TableSchema};
use crate::error::{Error, Result};

/// Rows that are sorted together.
pub const RUN_ROWS: usize = 1 << 22;

/// A layout as positions of columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arrangement {
    /// Rows ascend by these, nulls last.
    pub sort_by: Vec<usize>,
    /// Rows of one bucket stand together.
    pub bucket_by: Vec<usize>,
    /// Number of buckets; 0 for none.
    pub n_buckets: u32,
}

impl Arrangement {
    /// Whether rows stay as they come.
    pub fn is_none(&self) -> bool {
        self.sort_by.is_empty() && self.n_buckets == 0
    }

    /// The rows of `batch` in order, one part a bucket.
    pub fn arrange(&self, batch: &RecordBatch) -> Result<Vec<(Option<u32>, RecordBatch)>> {
        let mut keys: Vec<SortColumn> = Vec::new();
        let mut buckets = None;
        if self.n_buckets > 0 {
            let hashes = key_hashes(batch, &self.bucket_by)?;
            let of_rows: ArrayRef = Arc::new(UInt32Array::from_iter_values(
                hashes.iter().map(|hash| (hash % u64::from(self.n_buckets)) as u32),
            ));
            keys.push(SortColumn { values: Arc::clone(&of_rows), options: None });
            buckets = Some(of_rows);
        }
        let options = Some(SortOptions { descending: false, nulls_first: false });
        keys.extend(self.sort_by.iter().map(|&at| SortColumn { values: Arc::clone(batch.column(at)), options }));
        // The order of equal rows is that in which they came.
        let came: ArrayRef = Arc::new(UInt32Array::from_iter_values(0..batch.num_rows() as u32));
        keys.push(SortColumn { values: came, options: None });
        let order = lexsort_to_indices(&keys, None)?;
        let sorted = take_record_batch(batch, &order)?;
        let Some(buckets) = buckets else { return Ok(vec![(None, sorted)]) };
        let buckets = arrow_select::take::take(&buckets, &order, None)?;
        let buckets = buckets.as_primitive::<arrow_array::types::UInt32Type>().values();
        let mut parts = Vec::new();
        let mut start = 0;
        for part in buckets.chunk_by(|a, b| a == b) {
            parts.push((part.first().copied(), sorted.slice(start, part.len())));
            start += part.len();
        }
        Ok(parts)
    }
}

/// Whether rows can be sorted by a column of this type, and put into buckets.
pub fn is_orderable(kind: &ColumnType) -> bool {
    !matches!(kind, ColumnType::List { .. } | ColumnType::Struct { .. })
}

/// The hash of the key of each row.
pub fn key_hashes(batch: &RecordBatch, columns: &[usize]) -> Result<Vec<u64>> {
    let mut hashers = vec![Xxh3Default::new(); batch.num_rows()];
    for &at in columns {
        let column = batch.column(at);
        let as_bytes = normalised(column)?;
        for (row, hasher) in hashers.iter_mut().enumerate() {
            hasher.update(&[u8::from(column.is_valid(row))]);
            if column.is_valid(row) {
                match &as_bytes {
                    Normal::Bytes(array) => hasher.update(array.as_binary::<i64>().value(row)),
                    Normal::Words(array) => hasher.update(&array.value(row).to_le_bytes()),
                }
            }
        }
    }
    Ok(hashers.into_iter().map(|hasher| hasher.digest()).collect())
}

enum Normal {
    Bytes(ArrayRef),
    Words(UInt64Array),
}

fn normalised(column: &ArrayRef) -> Result<Normal> {
    let words = |array: &ArrayRef| {
        let signed = array.as_primitive::<Int64Type>();
        Normal::Words(signed.unary::<_, UInt64Type>(|value| value as u64))
    };
    Ok(match column.data_type() {
        DataType::Utf8View | DataType::Utf8 => {
            Normal::Bytes(cast(&cast(column, &DataType::LargeUtf8)?, &DataType::LargeBinary)?)
        }
        DataType::BinaryView | DataType::Binary | DataType::LargeUtf8 | DataType::LargeBinary => {
            Normal::Bytes(cast(column, &DataType::LargeBinary)?)
        }
        DataType::UInt64 => Normal::Words(column.as_primitive::<UInt64Type>().clone()),
        DataType::Float32 | DataType::Float64 => {
            let floats = cast(column, &DataType::Float64)?;
            let floats = floats.as_primitive::<arrow_array::types::Float64Type>();
            // Zeros are equal whatever their sign.
            Normal::Words(floats.unary::<_, UInt64Type>(|value| (value + 0.0).to_bits()))
        }
        DataType::Decimal128(..) => Normal::Bytes(cast(&cast(column, &DataType::LargeUtf8)?, &DataType::LargeBinary)?),
        DataType::Date32 | DataType::Time32(_) => words(&cast(&cast(column, &DataType::Int32)?, &DataType::Int64)?),
        _ => words(&cast(column, &DataType::Int64)?),
    })
}

/// Positions of the columns of a layout.
pub fn positions(ids: &[i32], schema: &TableSchema, place: &str) -> Result<Vec<usize>> {
    let position = |id: &i32| {
        let at = schema.fields.iter().position(|field| field.id == *id);
        at.ok_or_else(|| Error::Layout { place: place.into(), problem: format!("field {id} is gone") })
    };
    ids.iter().map(position).collect()
}
