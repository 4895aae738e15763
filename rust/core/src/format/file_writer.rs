//! One open data file: blocks of rows in, Parquet, hash and statistics out, columns side by side.

use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnWriter, ArrowLeafColumn, ArrowRowGroupWriterFactory, ArrowWriterOptions, compute_leaves,
};
use parquet::file::writer::SerializedFileWriter;
use rayon::prelude::*;
use roaring::RoaringBitmap;

use super::data_file::{BLOCK_ROWS, KeptStatistics, Target, WrittenFile};
use super::encoding::{self, ROW_GROUP_ROWS};
use super::names;
use crate::digest::Digest;
use crate::error::Result;
use crate::object::Upload;
use crate::statistics::{Collector, ColumnUpdate, WORTH_THREADS};
use crate::threads;

// A row group ends where a block does.
const _: () = assert!(ROW_GROUP_ROWS.is_multiple_of(BLOCK_ROWS));

/// A data file that is being written.
pub(super) struct FileWriter {
    parquet: SerializedFileWriter<HashingUpload>,
    row_groups: ArrowRowGroupWriterFactory,
    columns: Vec<ArrowColumnWriter>,
    n_grouped: usize,
    collector: Collector,
    n_rows: usize,
    n_columns: usize,
}

impl FileWriter {
    /// A file whose first rows are `sample`.
    pub(super) fn start(target: &Target<'_>, physical: &Arc<Schema>, sample: &RecordBatch) -> Result<Self> {
        let upload = HashingUpload {
            upload: target.store.stage()?,
            hasher: blake3::Hasher::new_keyed(target.key),
            size_bytes: 0,
        };
        let options =
            ArrowWriterOptions::new().with_properties(encoding::properties(sample)?).with_skip_arrow_metadata(true);
        let parquet = ArrowWriter::try_new_with_options(upload, Arc::clone(physical), options)?;
        let (parquet, row_groups) = parquet.into_serialized_writer()?;
        let collector = Collector::new(physical)?;
        let n_columns = physical.fields().len();
        Ok(Self { parquet, row_groups, columns: Vec::new(), n_grouped: 0, collector, n_rows: 0, n_columns })
    }

    /// Add a block: all of a file's have [`BLOCK_ROWS`] rows but the last.
    /// Its columns side by side if `spread` says that there are threads for it.
    pub(super) fn write(&mut self, block: &RecordBatch, spread: bool) -> Result<()> {
        if self.columns.is_empty() {
            self.columns = self.row_groups.create_column_writers(self.parquet.flushed_row_groups().len())?;
        }
        let Self { columns, collector, .. } = self;
        let jobs = jobs(columns, collector.by_column(block)?, block)?;
        if spread && !is_small(block.num_rows(), block.num_columns()) {
            threads::install(|| jobs.into_par_iter().with_max_len(1).try_for_each(Job::run))?;
        } else {
            jobs.into_iter().try_for_each(Job::run)?;
        }
        self.n_rows += block.num_rows();
        self.n_grouped += block.num_rows();
        if self.n_grouped >= ROW_GROUP_ROWS {
            self.close_row_group(spread)?;
        }
        Ok(())
    }

    fn close_row_group(&mut self, spread: bool) -> Result<()> {
        let columns = std::mem::take(&mut self.columns);
        if columns.is_empty() {
            return Ok(());
        }
        let chunks = if !spread || is_small(self.n_grouped, self.n_columns) {
            columns.into_iter().map(ArrowColumnWriter::close).collect::<Result<Vec<_>, _>>()?
        } else {
            let close =
                || columns.into_par_iter().with_max_len(1).map(ArrowColumnWriter::close).collect::<Result<_, _>>();
            threads::install(close)?
        };
        let mut row_group = self.parquet.next_row_group()?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut row_group)?;
        }
        row_group.close()?;
        self.n_grouped = 0;
        Ok(())
    }

    /// Publish the file under the name of its bytes.
    pub(super) fn close(mut self, target: &Target<'_>, spread: bool) -> Result<WrittenFile> {
        self.close_row_group(spread)?;
        let upload = self.parquet.into_inner()?;
        let id = Digest(*upload.hasher.finalize().as_bytes());
        let name = names::data_file(target.table_id, &id);
        upload.upload.publish(&name)?;
        let collector = self.collector;
        let statistics = if spread && !is_small(self.n_rows, self.n_columns) {
            threads::install(|| collector.finish())
        } else {
            collector.finish_on(false)
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

/// Whether waking another thread costs more than the work.
fn is_small(n_rows: usize, n_columns: usize) -> bool {
    n_rows * n_columns < WORTH_THREADS
}

/// One column of a block: summarised and encoded by one thread while its values are in the cache.
struct Job<'a> {
    update: Option<ColumnUpdate<'a>>,
    leaves: Vec<(&'a mut ArrowColumnWriter, ArrowLeafColumn)>,
}

impl Job<'_> {
    fn run(self) -> Result<()> {
        if let Some(update) = self.update {
            update.run()?;
        }
        Ok(self.leaves.into_iter().try_for_each(|(column, leaf)| column.write(&leaf))?)
    }
}

fn jobs<'a>(
    columns: &'a mut [ArrowColumnWriter],
    updates: Vec<ColumnUpdate<'a>>,
    block: &'a RecordBatch,
) -> Result<Vec<Job<'a>>> {
    let (mut columns, mut updates) = (columns.iter_mut(), updates.into_iter());
    let mut jobs = Vec::with_capacity(block.num_columns());
    for (field, array) in block.schema_ref().fields().iter().zip(block.columns()) {
        let leaves = compute_leaves(field, array)?.into_iter();
        // The leaves first, so that no column is taken when they end.
        let leaves = leaves.zip(columns.by_ref()).map(|(leaf, column)| (column, leaf)).collect();
        jobs.push(Job { update: updates.next(), leaves });
    }
    Ok(jobs)
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
