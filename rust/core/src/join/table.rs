//! A table in memory: record batches of one schema. Columns that decide the join become one array; the others stay as
//! they are, and only the rows that are wanted are copied out of them.

use arrow_array::{Array, ArrayRef, RecordBatch, UInt32Array, make_array, new_empty_array, new_null_array};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, NullBuffer};
use arrow_data::ArrayData;
use arrow_schema::{DataType, SchemaRef};
use arrow_select::concat::concat;
use arrow_select::interleave::interleave;
use arrow_select::take::take;

use crate::error::{Error, Result};
use crate::nearest::nearest;

/// Stands for no row.
pub(super) const NONE: u32 = u32::MAX;

/// Record batches of one schema.
#[derive(Clone, Debug)]
pub struct Table {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    n_rows: usize,
}

impl Table {
    /// The rows of `batches`, in their order. All of them must have the columns of `schema`.
    pub fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        let batches: Vec<RecordBatch> = batches.into_iter().filter(|batch| batch.num_rows() > 0).collect();
        let n_rows = batches.iter().map(RecordBatch::num_rows).sum();
        Self { schema, batches, n_rows }
    }

    /// Columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Rows in all batches.
    pub fn num_rows(&self) -> usize {
        self.n_rows
    }

    /// The batches, none of them empty.
    pub fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    /// Fails if row numbers do not fit 32 bits.
    pub(super) fn check_size(&self, side: &str) -> Result<()> {
        if self.n_rows < NONE as usize {
            return Ok(());
        }
        Err(Error::InvalidArgument(format!(
            "the {side} table of a join in memory has {} rows, at most {} are supported; set memory_limit or split it \
             by key",
            self.n_rows,
            NONE - 1
        )))
    }

    /// A column as one array.
    pub(super) fn column(&self, position: usize) -> Result<ArrayRef> {
        let chunks = self.chunks(position);
        match chunks.as_slice() {
            [] => Ok(new_empty_array(self.schema.field(position).data_type())),
            [chunk] => Ok(ArrayRef::clone(chunk)),
            _ => Ok(concat(&chunks.iter().map(AsRef::as_ref).collect::<Vec<_>>())?),
        }
    }

    /// Rows `rows` of a column, null where there is none.
    pub(super) fn take(&self, position: usize, rows: &Rows) -> Result<ArrayRef> {
        let chunks = self.chunks(position);
        let data_type = self.schema.field(position).data_type();
        if chunks.is_empty() {
            return Ok(new_null_array(data_type, rows.indices.len()));
        }
        // A run-end encoded value may have no null of its own to give.
        if matches!(data_type, DataType::RunEndEncoded(..) | DataType::Union(..)) && rows.indices.null_count() > 0 {
            return take_encoded(&chunks, data_type, rows);
        }
        match chunks.as_slice() {
            [chunk] => match take_plain(chunk, &rows.indices)? {
                Some(taken) => Ok(taken),
                None => Ok(take(chunk, &rows.indices, None)?),
            },
            _ => match rows.interleave_plain(&chunks)? {
                Some(taken) => Ok(taken),
                None => rows.interleave(&chunks, data_type),
            },
        }
    }

    /// The table of some rows.
    pub(super) fn only(&self, rows: &UInt32Array) -> Result<Self> {
        let rows = self.rows(rows.clone());
        let columns = (0..self.schema.fields().len()).map(|at| self.take(at, &rows)).collect::<Result<Vec<_>>>()?;
        Ok(Self::new(
            SchemaRef::clone(&self.schema),
            vec![RecordBatch::try_new(SchemaRef::clone(&self.schema), columns)?],
        ))
    }

    fn chunks(&self, position: usize) -> Vec<&ArrayRef> {
        self.batches.iter().map(|batch| batch.column(position)).collect()
    }

    /// Row numbers ready for `take`.
    pub(super) fn rows(&self, indices: UInt32Array) -> Rows {
        let mut places = Vec::new();
        if self.batches.len() > 1 {
            let mut ends = Vec::with_capacity(self.batches.len());
            let mut end = 0_usize;
            for batch in &self.batches {
                end += batch.num_rows();
                ends.push(end);
            }
            let mut chunk = 0;
            places = indices
                .iter()
                .map(|row| {
                    let Some(row) = row else { return (ends.len(), 0) };
                    let row = row as usize;
                    let start = |chunk: usize| if chunk == 0 { 0 } else { ends[chunk - 1] };
                    if row < start(chunk) || row >= ends[chunk] {
                        chunk = ends.partition_point(|&end| end <= row);
                    }
                    (chunk, row - start(chunk))
                })
                .collect();
        }
        Rows { indices, places }
    }
}

/// Row numbers of a table, null for no row; and where they lie if the table has several batches.
pub(super) struct Rows {
    pub(super) indices: UInt32Array,
    places: Vec<(usize, usize)>,
}

impl Rows {
    /// Rows of arrays of fixed width without nulls; none for other arrays.
    fn interleave_plain(&self, chunks: &[&ArrayRef]) -> Result<Option<ArrayRef>> {
        fn gathered<N: ArrowNativeType>(chunks: &[&ArrayRef], places: &[(usize, usize)]) -> Buffer {
            let data: Vec<ArrayData> = chunks.iter().map(Array::to_data).collect();
            let slices: Vec<&[N]> = data.iter().map(|data| &data.buffer::<N>(0)[..data.len()]).collect();
            // A row without a match lies beyond all chunks.
            let value = |&(chunk, row): &(usize, usize)| slices.get(chunk)?.get(row).copied();
            let taken: Vec<N> = places.iter().map(|place| value(place).unwrap_or_default()).collect();
            Buffer::from_vec(taken)
        }
        if chunks.iter().any(|chunk| chunk.null_count() > 0) {
            return Ok(None);
        }
        let buffer = match chunks[0].data_type().primitive_width() {
            Some(4) => gathered::<u32>(chunks, &self.places),
            Some(8) => gathered::<u64>(chunks, &self.places),
            _ => return Ok(None),
        };
        let data = ArrayData::builder(chunks[0].data_type().clone()).len(self.places.len()).add_buffer(buffer);
        Ok(Some(make_array(data.nulls(self.indices.nulls().cloned()).build()?)))
    }

    fn interleave(&self, chunks: &[&ArrayRef], data_type: &DataType) -> Result<ArrayRef> {
        let nothing = new_null_array(data_type, 1);
        let mut arrays: Vec<&dyn Array> = chunks.iter().map(AsRef::as_ref).collect();
        arrays.push(&nothing);
        Ok(interleave(&arrays, &self.places)?)
    }
}

/// Rows of an array of fixed width without nulls; none for other arrays. Twice as fast as the general way.
fn take_plain(array: &ArrayRef, indices: &UInt32Array) -> Result<Option<ArrayRef>> {
    fn gathered<N: ArrowNativeType>(array: &ArrayRef, indices: &UInt32Array) -> Buffer {
        let data = array.to_data();
        let values = &data.buffer::<N>(0)[..data.len()];
        // A row without a match has a number that lies beyond all rows.
        let taken: Vec<N> =
            indices.values().iter().map(|&row| values.get(row as usize).copied().unwrap_or_default()).collect();
        Buffer::from_vec(taken)
    }
    if array.null_count() > 0 || indices.is_empty() {
        return Ok(None);
    }
    let buffer = match array.data_type().primitive_width() {
        Some(4) => gathered::<u32>(array, indices),
        Some(8) => gathered::<u64>(array, indices),
        _ => return Ok(None),
    };
    let data = ArrayData::builder(array.data_type().clone()).len(indices.len()).add_buffer(buffer);
    Ok(Some(make_array(data.nulls(indices.nulls().cloned()).build()?)))
}

fn take_encoded(chunks: &[&ArrayRef], data_type: &DataType, rows: &Rows) -> Result<ArrayRef> {
    let whole = concat(&chunks.iter().map(AsRef::as_ref).collect::<Vec<_>>())?;
    let DataType::RunEndEncoded(_, values) = data_type else {
        // A union has no null: a row without a match takes the first row that there is, and is told apart by others.
        return Ok(take(&whole, &rows.indices, None)?);
    };
    let plain = arrow_cast::cast(&whole, values.data_type())?;
    Ok(arrow_cast::cast(&take(&plain, &rows.indices, None)?, data_type)?)
}

/// The position of a column, or an error that names the nearest ones.
pub(super) fn position(schema: &SchemaRef, name: &str, side: &str) -> Result<usize> {
    schema.index_of(name).map_err(|_| Error::ColumnNotFound {
        name: name.into(),
        place: format!("the {side} table of the join"),
        nearest: nearest(name, schema.fields().iter().map(|field| field.name().as_str())),
    })
}

/// Row numbers with nulls in the place of `NONE`.
pub(super) fn to_indices(rows: Vec<u32>) -> UInt32Array {
    let valid = NullBuffer::new(BooleanBuffer::collect_bool(rows.len(), |at| rows[at] != NONE));
    UInt32Array::new(rows.into(), Some(valid).filter(|valid| valid.null_count() > 0))
}

/// An array without dictionaries and runs around its values.
pub(super) fn plain(array: &ArrayRef) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Dictionary(_, values) => plain(&arrow_cast::cast(array, values)?),
        DataType::RunEndEncoded(_, values) => plain(&arrow_cast::cast(array, values.data_type())?),
        _ => Ok(ArrayRef::clone(array)),
    }
}
