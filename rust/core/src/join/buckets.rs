//! Streams of batches cut into spilled buckets by the hash of their keys, so that rows that may meet lie together and one
//! bucket fits into memory.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array, UInt64Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use arrow_select::take::take;

use super::keys::RowKeys;
use super::monitor::Monitor;
use super::table::Table;
use crate::error::Result;
use crate::spill::{Block, SpillFile, conform_batch, spill_schema};

/// Buckets of one table. Bits of the hash that buckets in memory and hash tables do not use choose among them.
pub(super) const N_BUCKETS: usize = 64;
const SHIFT: u32 = 40;
/// Rows that are cut into buckets at once.
const CHUNK_ROWS: usize = 1 << 18;
/// Name of the column that holds the position of a left row; no user's column is looked up by name beside it.
const ROW: &str = "\0row";

/// A table in a spill file.
pub(super) struct Spilled {
    pub(super) schema: SchemaRef,
    pub(super) buckets: Vec<Vec<Block>>,
}

impl Spilled {
    pub(super) fn new(schema: &SchemaRef) -> Self {
        Self { schema: spill_schema(schema), buckets: vec![Vec::new(); N_BUCKETS] }
    }

    /// Cut a batch into buckets; `keys` reads its keys.
    pub(super) fn push(
        &mut self,
        file: &SpillFile,
        batch: &RecordBatch,
        keys: impl Fn(&Table) -> Result<RowKeys>,
        monitor: &Monitor,
    ) -> Result<()> {
        for start in (0..batch.num_rows()).step_by(CHUNK_ROWS) {
            let chunk = batch.slice(start, CHUNK_ROWS.min(batch.num_rows() - start));
            monitor.read(chunk.num_rows())?;
            let hashes = keys(&Table::new(chunk.schema(), vec![chunk.clone()]))?.hashes(0..chunk.num_rows());
            let (starts, order) = order_by_bucket(&hashes);
            let sorted = take_all(&conform_batch(&chunk, &self.schema)?, &order)?;
            for (bucket, ends) in starts.windows(2).enumerate().filter(|(_, ends)| ends[0] < ends[1]) {
                self.buckets[bucket].push(file.write(&sorted.slice(ends[0], ends[1] - ends[0]))?);
            }
        }
        Ok(())
    }
}

/// Where each bucket starts, and the rows by bucket, in order of position.
fn order_by_bucket(hashes: &[u64]) -> (Vec<usize>, UInt32Array) {
    let bucket = |hash: u64| (hash >> SHIFT) as usize % N_BUCKETS;
    let mut starts = vec![0_usize; N_BUCKETS + 1];
    for &hash in hashes {
        starts[bucket(hash) + 1] += 1;
    }
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    let mut ends = starts.clone();
    let mut order = vec![0_u32; hashes.len()];
    for (row, &hash) in hashes.iter().enumerate() {
        let end = &mut ends[bucket(hash)];
        order[*end] = row as u32;
        *end += 1;
    }
    (starts, order.into())
}

fn take_all(batch: &RecordBatch, rows: &UInt32Array) -> Result<RecordBatch> {
    let columns =
        batch.columns().iter().map(|column| Ok(take(column, rows, None)?)).collect::<Result<Vec<ArrayRef>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    Ok(RecordBatch::try_new_with_options(batch.schema(), columns, &options)?)
}

/// The columns of a left batch that decide its matches, and the position of each row.
pub(super) fn with_rows(batch: &RecordBatch, columns: &[usize], first_row: u64) -> Result<RecordBatch> {
    let mut fields: Vec<Arc<Field>> =
        columns.iter().map(|&at| Arc::new(batch.schema_ref().field(at).clone().with_nullable(true))).collect();
    fields.push(Arc::new(Field::new(ROW, DataType::UInt64, false)));
    let mut arrays: Vec<ArrayRef> = columns.iter().map(|&at| ArrayRef::clone(batch.column(at))).collect();
    let rows = UInt64Array::from_iter_values(first_row..first_row + batch.num_rows() as u64);
    arrays.push(Arc::new(rows));
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
}

/// Bytes of the values of a batch.
pub(super) fn size_of(batch: &RecordBatch) -> usize {
    let size =
        |column: &ArrayRef| column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size());
    batch.columns().iter().map(size).sum()
}
