//! Joins of a left stream with right tables in memory, chunk by chunk: memory is bound by the right tables, however long the
//! stream is.

use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};

use super::asof::join;
use super::monitor::Monitor;
use super::options::AsofOptions;
use super::report::SideReport;
use super::table::Table;
use crate::error::Result;
use crate::threads;

/// Left rows that are joined at once at least. More for large right tables, since each chunk passes over all of them.
const CHUNK_ROWS: usize = 1 << 20;

/// A stream of batches of one table.
pub type Reader = Box<dyn RecordBatchReader + Send>;

/// What was found at each right table, for the left rows that were joined so far.
#[derive(Clone, Debug, Default)]
pub struct Reports(Arc<Mutex<Vec<SideReport>>>);

impl Reports {
    pub(super) fn new(reports: Vec<SideReport>) -> Self {
        Self(Arc::new(Mutex::new(reports)))
    }

    /// One report for each right table, in their order.
    pub fn get(&self) -> Vec<SideReport> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, more: &[SideReport]) {
        let mut reports = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reports.iter_mut().zip(more).for_each(|(report, more)| report.merge(more));
    }
}

/// A joined table as a stream, and what was found at each right table.
pub struct JoinedStream {
    /// The left columns, then those of the right tables; one row for each left row, in order.
    pub reader: Reader,
    /// Of all left rows, once the reader has come to its end.
    pub reports: Reports,
    /// Length of the unit in which ages are counted, in nanoseconds.
    pub unit_ns: i64,
    /// Bytes that were written to temporary files.
    pub spilled_bytes: u64,
    /// Whether there is work left, which is done while the reader is read.
    pub goes_on: bool,
}

/// Join the first chunk of `left` at once, and each later one when it is asked for.
pub(super) fn join_chunks(
    left: Reader,
    rights: Vec<(Reader, AsofOptions)>,
    monitor: &Arc<Monitor>,
) -> Result<JoinedStream> {
    let mut tables = Vec::with_capacity(rights.len());
    for (right, options) in rights {
        let schema = right.schema();
        let mut batches = Vec::new();
        for batch in right {
            let batch = batch?;
            monitor.read(batch.num_rows())?;
            batches.push(batch);
        }
        tables.push((Table::new(schema, batches), options));
    }
    let most = tables.iter().map(|(table, _)| table.num_rows()).max().unwrap_or(0);
    let mut chunks =
        Chunks { left, rights: tables, chunk_rows: CHUNK_ROWS.max(most / 2), monitor: Arc::clone(monitor) };
    let (first, _) = chunks.read()?;
    let joined = threads::install(|| join(&first, &chunks.rights, monitor))?;
    monitor.settle();
    let reports = Reports::new(joined.reports);
    let (schema, unit_ns) = (joined.batch.schema(), joined.unit_ns);
    let reader = ChunkReader { schema, chunks, first: Some(joined.batch), reports: reports.clone() };
    Ok(JoinedStream { reader: Box::new(reader), reports, unit_ns, spilled_bytes: 0, goes_on: true })
}

/// The left stream, and what it is joined with.
struct Chunks {
    left: Reader,
    rights: Vec<(Table, AsofOptions)>,
    chunk_rows: usize,
    monitor: Arc<Monitor>,
}

impl Chunks {
    /// The next rows, and whether there were any batches of them.
    fn read(&mut self) -> Result<(Table, bool)> {
        let (mut batches, mut n_rows): (Vec<RecordBatch>, usize) = (Vec::new(), 0);
        for batch in self.left.by_ref() {
            let batch = batch?;
            self.monitor.read(batch.num_rows())?;
            n_rows += batch.num_rows();
            batches.push(batch);
            if n_rows >= self.chunk_rows {
                break;
            }
        }
        let has_some = !batches.is_empty();
        Ok((Table::new(self.left.schema(), batches), has_some))
    }
}

/// Gives the result chunk by chunk.
struct ChunkReader {
    schema: SchemaRef,
    chunks: Chunks,
    first: Option<RecordBatch>,
    reports: Reports,
}

impl ChunkReader {
    fn chunk(&mut self) -> Result<Option<RecordBatch>> {
        let (left, has_some) = self.chunks.read()?;
        if !has_some {
            return Ok(None);
        }
        let joined = threads::install(|| join(&left, &self.chunks.rights, &self.chunks.monitor))?;
        self.chunks.monitor.settle();
        self.reports.add(&joined.reports);
        Ok(Some(joined.batch))
    }
}

impl Iterator for ChunkReader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(first) = self.first.take() {
            return Some(Ok(first));
        }
        self.chunk().map_err(|error| ArrowError::ExternalError(Box::new(error))).transpose()
    }
}

impl RecordBatchReader for ChunkReader {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
