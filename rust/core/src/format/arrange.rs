//! The order in which rows are written: bucket by bucket, sorted within each, as the layout of the table says.
//!
//! The bucket of a row is the XXH3-64 hash of its key columns modulo their number, over the text or the bytes of each
//! value, of numbers and times as eight little-endian bytes, with one byte before it: 0 null, 1 value.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, UInt32Array, UInt64Array};
use arrow_cast::cast;
use arrow_ord::sort::{SortColumn, SortOptions, lexsort_to_indices};
use arrow_schema::{DataType, Field, FieldRef, Schema};
use arrow_select::take::take_record_batch;
use xxhash_rust::xxh3::Xxh3Default;

use super::schema::{ColumnType, TableSchema};
use crate::error::{Error, Result};

/// Nulls come last.
pub const ASCENDING: SortOptions = SortOptions { descending: false, nulls_first: false };
/// Name of the column of buckets; no column of a table is looked up by name beside it.
const BUCKET: &str = "\0bucket";

/// A layout as positions of columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arrangement {
    /// Rows ascend by these, nulls last.
    pub sort_by: Vec<usize>,
    /// Rows of one bucket stand together.
    pub bucket_by: Vec<usize>,
    /// Number of buckets; 0 for none.
    pub n_buckets: u32,
    /// Number of the first one.
    pub first_bucket: u32,
}

impl Arrangement {
    /// Whether rows stay as they come.
    pub fn is_none(&self) -> bool {
        self.sort_by.is_empty() && self.n_buckets == 0
    }

    /// The rows with their bucket as one more column behind the others, if there are buckets.
    pub fn with_buckets(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        if self.n_buckets == 0 {
            return Ok(batch.clone());
        }
        let buckets = UInt32Array::from(self.buckets(batch)?);
        let mut fields: Vec<FieldRef> = batch.schema_ref().fields().iter().cloned().collect();
        fields.push(Arc::new(Field::new(BUCKET, DataType::UInt32, false)));
        let columns = batch.columns().iter().cloned().chain([Arc::new(buckets) as ArrayRef]).collect();
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
    }

    /// The bucket of each row; there must be buckets.
    pub fn buckets(&self, batch: &RecordBatch) -> Result<Vec<u32>> {
        let bucket = |hash: u64| self.first_bucket + (hash % u64::from(self.n_buckets)) as u32;
        Ok(key_hashes(batch, &self.bucket_by)?.into_iter().map(bucket).collect())
    }

    /// Columns by which rows with their buckets are sorted, in the order of their weight.
    pub fn keys(&self, batch: &RecordBatch) -> Vec<ArrayRef> {
        let bucket = (self.n_buckets > 0).then(|| batch.num_columns() - 1);
        bucket.into_iter().chain(self.sort_by.iter().copied()).map(|at| Arc::clone(batch.column(at))).collect()
    }

    /// Rows with their buckets, in order; equal rows stay in that in which they came.
    pub fn sorted(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let column = |values: ArrayRef| SortColumn { values, options: Some(ASCENDING) };
        let came: ArrayRef = Arc::new(UInt32Array::from_iter_values(0..batch.num_rows() as u32));
        let keys: Vec<SortColumn> = self.keys(batch).into_iter().chain([came]).map(column).collect();
        Ok(take_record_batch(batch, &lexsort_to_indices(&keys, None)?)?)
    }

    /// Sorted rows bucket by bucket, without the column that tells it.
    pub fn parts(&self, batch: &RecordBatch) -> Result<Vec<(Option<u32>, RecordBatch)>> {
        if self.n_buckets == 0 {
            return Ok(vec![(None, batch.clone())]);
        }
        let n_columns = batch.num_columns() - 1;
        let rows = batch.project(&(0..n_columns).collect::<Vec<_>>())?;
        let buckets = batch.column(n_columns).as_primitive::<UInt32Type>().values();
        let mut start = 0;
        let part = |part: &[u32]| {
            start += part.len();
            (part.first().copied(), rows.slice(start - part.len(), part.len()))
        };
        Ok(buckets.chunk_by(|a, b| a == b).map(part).collect())
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
