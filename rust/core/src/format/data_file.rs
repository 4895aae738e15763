//! Data files: plain Parquet, written, hashed and summarised in one pass over the batches.
//!
//! The bytes depend on the rows and the schema only, never on how the caller cut the rows into batches or which layout of
//! strings it used. Arrow's own schema is left out of the file: the table's schema says what its columns are.

use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, Schema};
use arrow_select::coalesce::BatchCoalescer;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};

use super::names;
use super::schema::TableSchema;
use crate::digest::Digest;
use crate::error::Result;
use crate::object::{ObjectStore, Upload};
use crate::statistics::{Collector, TableStatistics, WORTH_THREADS};
use crate::threads;

/// Rows that are encoded at once. Blocks start at the same rows of a file however the caller's batches fall.
pub const BLOCK_ROWS: usize = 65_536;
/// Rows of a row group: large enough to compress well, small enough for several threads to read one file.
const ROW_GROUP_ROWS: usize = 4 * BLOCK_ROWS;
/// Rows after which a new file begins.
const FILE_ROWS: usize = 16 * ROW_GROUP_ROWS;
/// Bytes after which a new file begins, so that wide rows do not make files that no memory holds.
const FILE_BYTES: usize = 512 << 20;

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
    pub statistics: TableStatistics,
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
    /// Name of the table in errors.
    pub place: &'a str,
}

/// Write all `batches` as one or more data files. No rows make no file.
pub fn write_data_files(
    target: &Target<'_>,
    batches: &mut dyn Iterator<Item = Result<RecordBatch, ArrowError>>,
) -> Result<Vec<WrittenFile>> {
    let physical = target.schema.to_physical();
    let mut blocks = BatchCoalescer::new(Arc::clone(&physical), BLOCK_ROWS);
    let mut writer = FilesWriter { target, physical: Arc::clone(&physical), open: None, written: Vec::new() };
    for batch in batches {
        blocks.push_batch(target.schema.conform(&batch?, &physical, target.place)?)?;
        while let Some(block) = blocks.next_completed_batch() {
            writer.write(&block)?;
        }
    }
    blocks.finish_buffered_batch()?;
    while let Some(block) = blocks.next_completed_batch() {
        writer.write(&block)?;
    }
    writer.finish()
}

struct FilesWriter<'a> {
    target: &'a Target<'a>,
    physical: Arc<Schema>,
    open: Option<OpenFile>,
    written: Vec<WrittenFile>,
}

struct OpenFile {
    parquet: ArrowWriter<HashingUpload>,
    collector: Collector,
    n_rows: usize,
}

impl FilesWriter<'_> {
    fn write(&mut self, block: &RecordBatch) -> Result<()> {
        let mut file = match self.open.take() {
            Some(file) => file,
            None => self.start()?,
        };
        let OpenFile { parquet, collector, .. } = &mut file;
        // Waking another thread costs more than a small block.
        let (summarised, encoded) = if block.num_rows() * block.num_columns() < WORTH_THREADS {
            (collector.update(block), parquet.write(block))
        } else {
            threads::install(|| rayon::join(|| collector.update(block), || parquet.write(block)))
        };
        summarised?;
        encoded?;
        file.n_rows += block.num_rows();
        if file.n_rows >= FILE_ROWS || file.parquet.bytes_written() + file.parquet.in_progress_size() >= FILE_BYTES {
            self.close(file)?;
        } else {
            self.open = Some(file);
        }
        Ok(())
    }

    fn start(&self) -> Result<OpenFile> {
        let upload = HashingUpload {
            upload: self.target.store.stage()?,
            hasher: blake3::Hasher::new_keyed(self.target.key),
            size_bytes: 0,
        };
        let options = ArrowWriterOptions::new().with_properties(properties()?).with_skip_arrow_metadata(true);
        let parquet = ArrowWriter::try_new_with_options(upload, Arc::clone(&self.physical), options)?;
        Ok(OpenFile { parquet, collector: Collector::new(&self.physical)?, n_rows: 0 })
    }

    fn close(&mut self, file: OpenFile) -> Result<()> {
        let upload = file.parquet.into_inner()?;
        let id = Digest(*upload.hasher.finalize().as_bytes());
        let name = names::data_file(self.target.table_id, &id);
        upload.upload.publish(&name)?;
        let collector = file.collector;
        let statistics = if file.n_rows * self.physical.fields().len() < WORTH_THREADS {
            collector.finish()
        } else {
            threads::install(|| collector.finish())
        };
        self.written.push(WrittenFile {
            id,
            name,
            n_rows: file.n_rows as u64,
            size_bytes: upload.size_bytes,
            statistics,
        });
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<WrittenFile>> {
        if let Some(file) = self.open.take() {
            self.close(file)?;
        }
        Ok(self.written)
    }
}

fn properties() -> Result<WriterProperties> {
    Ok(WriterProperties::builder()
        .set_created_by("lakebed".into())
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .build())
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
