//! Data files: plain Parquet, written, hashed and summarised in one pass over the batches.
//!
//! The bytes depend on the rows and the schema only, never on how the caller cut the rows into batches or which layout of
//! strings it used. Arrow's own schema is left out of the file: the table's schema says what its columns are. Where files
//! end is decided by the rows, see [`super::boundary`]; several files are encoded side by side.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use arrow_select::coalesce::BatchCoalescer;
use arrow_select::concat::concat_batches;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use rayon::prelude::*;
use roaring::RoaringBitmap;

use super::arrange::{Arrangement, RUN_ROWS};
use super::boundary::Boundary;
use super::encoding;
use super::names;
use super::row_ids::RowIds;
use super::schema::TableSchema;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::object::{ObjectStore, Upload};
use crate::statistics::{Collector, TableStatistics, WORTH_THREADS};
use crate::threads;

/// Rows that are encoded at once. Blocks start at the same rows of a file however the caller's batches fall.
pub const BLOCK_ROWS: usize = 65_536;
/// Rows in which the end of a file is looked for at once.
const PIECE_ROWS: usize = 8192;
/// Files for each thread that wait before all of them are written.
const WAITING: usize = 2;
/// Files whose statistics are kept as they were made.
const OPEN_STATISTICS: usize = 32;
/// Names of the columns of moved rows that come before those of the table.
const ORIGIN_COLUMNS: usize = 2;

/// A data file that was written but belongs to no commit yet.
#[derive(Debug, Clone)]
pub struct WrittenFile {
    /// Keyed hash of the bytes.
    pub id: Digest,
    /// Name in the store.
    pub name: String,
    /// Rows.
    pub n_rows: u64,
    /// Bytes.
    pub size_bytes: u64,
    /// Statistics of the rows.
    pub statistics: KeptStatistics,
    /// Number of the schema that the file has.
    pub schema_id: u32,
    /// Bucket of all rows.
    pub bucket: Option<u32>,
    /// Ids of rows that were elsewhere before; new rows have none yet.
    pub row_ids: Option<RowIds>,
    /// Rows that were deleted since by the same transaction.
    pub deletions: RoaringBitmap,
}

/// Statistics of a file that waits for its commit. Those of many files are kept packed, so that a write of any number of
/// rows needs little memory.
#[derive(Debug, Clone)]
pub enum KeptStatistics {
    /// As they were made.
    Open(Box<TableStatistics>),
    /// Encoded and compressed.
    Packed(Vec<u8>),
}

impl KeptStatistics {
    /// The statistics.
    pub fn get(&self) -> Result<Cow<'_, TableStatistics>> {
        match self {
            Self::Open(statistics) => Ok(Cow::Borrowed(statistics)),
            Self::Packed(bytes) => {
                let raw = zstd::stream::decode_all(bytes.as_slice());
                let raw = raw.map_err(|e| Error::InvalidArgument(format!("statistics cannot be unpacked: {e}")))?;
                Ok(Cow::Owned(TableStatistics::decode(&raw)?))
            }
        }
    }

    fn pack(&mut self) -> Result<()> {
        if let Self::Open(statistics) = self {
            let packed = zstd::bulk::compress(&statistics.encode(), 1);
            let packed = packed.map_err(|e| Error::InvalidArgument(format!("statistics cannot be packed: {e}")))?;
            *self = Self::Packed(packed);
        }
        Ok(())
    }
}

/// Where the files of a table go.
pub struct Target<'a> {
    /// Store of the warehouse.
    pub store: &'a dyn ObjectStore,
    /// Key of the warehouse.
    pub key: &'a [u8; 32],
    /// Folder of the table.
    pub table_id: &'a str,
    /// Columns of the table.
    pub schema: &'a TableSchema,
    /// Order of the rows.
    pub arrangement: Arrangement,
    /// Name of the table in errors.
    pub place: &'a str,
}

type Batches<'a> = &'a mut dyn Iterator<Item = Result<RecordBatch, ArrowError>>;

/// Write all `batches` as one or more data files. No rows make no file.
pub fn write_data_files(target: &Target<'_>, batches: Batches<'_>) -> Result<Vec<WrittenFile>> {
    let physical = target.schema.to_physical();
    let conform = |batch: RecordBatch| target.schema.conform(&batch, &physical, target.place);
    write_conformed(target, &mut batches.map(|batch| conform(batch?)), &physical, false)
}

/// Write rows that have ids already: the first two columns are the id and the sequence of the commit that wrote the row, 0
/// for the one to come.
pub fn write_moved_rows(target: &Target<'_>, batches: Batches<'_>) -> Result<Vec<WrittenFile>> {
    let physical = target.schema.to_physical();
    let mut fields: Vec<Arc<Field>> = physical.fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new("_row_id", DataType::UInt64, false)));
    fields.push(Arc::new(Field::new("_sequence", DataType::UInt64, false)));
    let wide = Arc::new(Schema::new(fields));
    let conform = |batch: RecordBatch| {
        let origins = batch.columns()[..ORIGIN_COLUMNS].to_vec();
        let own: Vec<usize> = (ORIGIN_COLUMNS..batch.num_columns()).collect();
        let rows = target.schema.conform(&batch.project(&own)?, &physical, target.place)?;
        let mut columns = rows.columns().to_vec();
        columns.extend(origins);
        Ok(RecordBatch::try_new(Arc::clone(&wide), columns)?)
    };
    write_conformed(target, &mut batches.map(|batch| conform(batch?)), &wide, true)
}

fn write_conformed(
    target: &Target<'_>,
    batches: &mut dyn Iterator<Item = Result<RecordBatch>>,
    schema: &Arc<Schema>,
    is_moved: bool,
) -> Result<Vec<WrittenFile>> {
    let physical = target.schema.to_physical();
    let mut cutter = Cutter {
        target,
        boundary: Boundary::new(&physical),
        n_columns: physical.fields().len(),
        physical,
        is_moved,
        open: Pending::default(),
        waiting: Vec::new(),
        written: Vec::new(),
    };
    if target.arrangement.is_none() {
        for batch in batches {
            cutter.push(batch?)?;
        }
        return cutter.finish();
    }
    let (mut run, mut n_rows) = (Vec::new(), 0);
    for batch in batches {
        let batch = batch?;
        n_rows += batch.num_rows();
        run.push(batch);
        if n_rows >= RUN_ROWS {
            cutter.push_run(&concat_batches(schema, &run)?)?;
            (run, n_rows) = (Vec::new(), 0);
        }
    }
    cutter.push_run(&concat_batches(schema, &run)?)?;
    cutter.finish()
}

/// Cuts rows into files and lets them be written when there are enough for all threads.
struct Cutter<'a> {
    target: &'a Target<'a>,
    physical: Arc<Schema>,
    n_columns: usize,
    is_moved: bool,
    boundary: Boundary,
    open: Pending,
    waiting: Vec<Pending>,
    written: Vec<WrittenFile>,
}

/// The rows of one file.
#[derive(Default)]
struct Pending {
    batches: Vec<RecordBatch>,
    bucket: Option<u32>,
}

impl Cutter<'_> {
    /// Rows that were arranged: files end where the bucket does, and at the end of the run.
    fn push_run(&mut self, run: &RecordBatch) -> Result<()> {
        for (bucket, rows) in self.target.arrangement.arrange(run)? {
            self.open.bucket = bucket;
            self.push(rows)?;
            self.close()?;
        }
        Ok(())
    }

    fn push(&mut self, batch: RecordBatch) -> Result<()> {
        let n_rows = batch.num_rows();
        // Pieces, so that what is left behind the end of a file is not looked at again and again.
        (0..n_rows).step_by(PIECE_ROWS).try_for_each(|at| self.push_piece(batch.slice(at, PIECE_ROWS.min(n_rows - at))))
    }

    fn push_piece(&mut self, piece: RecordBatch) -> Result<()> {
        let mut rest = piece;
        while rest.num_rows() > 0 {
            let (taken, is_end) = self.boundary.take(&rest, self.n_columns);
            self.open.batches.push(rest.slice(0, taken));
            rest = rest.slice(taken, rest.num_rows() - taken);
            if is_end {
                self.close()?;
            }
        }
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        self.boundary.restart();
        let bucket = self.open.bucket;
        let file = std::mem::take(&mut self.open);
        self.open.bucket = bucket;
        if file.batches.iter().all(|batch| batch.num_rows() == 0) {
            return Ok(());
        }
        self.waiting.push(file);
        if self.waiting.len() >= WAITING * threads::count() {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        if let [only] = waiting.as_slice() {
            let file = self.write(only)?;
            self.written.push(file);
            return Ok(());
        }
        let this = &*self;
        let files: Vec<Result<WrittenFile>> =
            threads::install(|| waiting.par_iter().with_max_len(1).map(|file| this.write(file)).collect());
        self.written.extend(files.into_iter().collect::<Result<Vec<_>>>()?);
        let n_packed = self.written.len().saturating_sub(OPEN_STATISTICS);
        self.written[..n_packed].iter_mut().try_for_each(|file| file.statistics.pack())
    }

    fn finish(mut self) -> Result<Vec<WrittenFile>> {
        self.close()?;
        self.flush()?;
        Ok(self.written)
    }

    fn write(&self, pending: &Pending) -> Result<WrittenFile> {
        let mut file: Option<OpenFile> = None;
        let mut write = |block: RecordBatch| match file.as_mut() {
            Some(file) => file.write(&block),
            None => file.insert(OpenFile::start(self.target, &self.physical, &block)?).write(&block),
        };
        let mut blocks = BatchCoalescer::new(Arc::clone(&self.physical), BLOCK_ROWS);
        let mut row_ids = self.is_moved.then(RowIds::default);
        for batch in &pending.batches {
            if let Some(row_ids) = row_ids.as_mut() {
                add_origins(row_ids, batch, self.n_columns);
            }
            blocks.push_batch(without_origins(batch, &self.physical)?)?;
            while let Some(block) = blocks.next_completed_batch() {
                write(block)?;
            }
        }
        blocks.finish_buffered_batch()?;
        while let Some(block) = blocks.next_completed_batch() {
            write(block)?;
        }
        let file = match file {
            Some(file) => file,
            None => OpenFile::start(self.target, &self.physical, &RecordBatch::new_empty(Arc::clone(&self.physical)))?,
        };
        let mut written = file.close(self.target)?;
        (written.bucket, written.row_ids) = (pending.bucket, row_ids);
        Ok(written)
    }
}

fn without_origins(batch: &RecordBatch, physical: &Arc<Schema>) -> Result<RecordBatch> {
    let columns = batch.columns()[..physical.fields().len()].to_vec();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(physical), columns, &options)?)
}

fn add_origins(row_ids: &mut RowIds, batch: &RecordBatch, n_columns: usize) {
    let [ids, sequences] = [0, 1].map(|at| batch.column(n_columns + at).as_primitive::<UInt64Type>());
    ids.values().iter().zip(sequences.values()).for_each(|(id, sequence)| row_ids.push(*id, *sequence));
}

struct OpenFile {
    parquet: ArrowWriter<HashingUpload>,
    collector: Collector,
    n_rows: usize,
    n_columns: usize,
}

impl OpenFile {
    /// A file whose first rows are `sample`.
    fn start(target: &Target<'_>, physical: &Arc<Schema>, sample: &RecordBatch) -> Result<Self> {
        let upload = HashingUpload {
            upload: target.store.stage()?,
            hasher: blake3::Hasher::new_keyed(target.key),
            size_bytes: 0,
        };
        let options =
            ArrowWriterOptions::new().with_properties(encoding::properties(sample)?).with_skip_arrow_metadata(true);
        let parquet = ArrowWriter::try_new_with_options(upload, Arc::clone(physical), options)?;
        let n_columns = physical.fields().len();
        Ok(Self { parquet, collector: Collector::new(physical)?, n_rows: 0, n_columns })
    }

    fn write(&mut self, block: &RecordBatch) -> Result<()> {
        let Self { parquet, collector, .. } = self;
        // Waking another thread costs more than a small block.
        let (summarised, encoded) = if block.num_rows() * block.num_columns() < WORTH_THREADS {
            (collector.update(block), parquet.write(block))
        } else {
            threads::install(|| rayon::join(|| collector.update(block), || parquet.write(block)))
        };
        summarised?;
        encoded?;
        self.n_rows += block.num_rows();
        Ok(())
    }

    fn close(self, target: &Target<'_>) -> Result<WrittenFile> {
        let upload = self.parquet.into_inner()?;
        let id = Digest(*upload.hasher.finalize().as_bytes());
        let name = names::data_file(target.table_id, &id);
        upload.upload.publish(&name)?;
        let collector = self.collector;
        let statistics = if self.n_rows * self.n_columns < WORTH_THREADS {
            collector.finish()
        } else {
            threads::install(|| collector.finish())
        };
        Ok(WrittenFile {
            id,
            name,
            n_rows: self.n_rows as u64,
            size_bytes: upload.size_bytes,
            statistics: KeptStatistics::Open(Box::new(statistics)),
            schema_id: target.schema.id,
            bucket: None,
            row_ids: None,
            deletions: RoaringBitmap::new(),
        })
    }
}

/// Refuse a frame of moved rows whose first columns are not ids and sequences.
pub fn check_origins(schema: &Schema, place: &str) -> Result<()> {
    let is_origin = |at: usize| schema.fields().get(at).is_some_and(|field| *field.data_type() == DataType::UInt64);
    if is_origin(0) && is_origin(1) {
        return Ok(());
    }
    let problem = "moved rows begin with their id and sequence".into();
    Err(Error::SchemaMismatch { place: place.into(), problem, hint: "give both as uint64".into() })
}

/// Counts and hashes what goes to the store.
struct HashingUpload {
    upload: Box<dyn Upload>,
    hasher: blake3::Hasher,
    size_bytes: u64,
}

impl Write for HashingUpload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.upload.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.size_bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.upload.flush()
    }
}
