//! Rows of data files as Arrow batches: rows that are gone left out, columns as the table has them now.
//!
//! Row groups are decoded side by side, a few ahead of who takes them, and come in row order. Memory is bounded by those few.

use std::collections::VecDeque;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use arrow_array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, RecordBatchReader, UInt64Array};
use arrow_buffer::BooleanBufferBuilder;
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema, SchemaRef};
use arrow_select::filter::filter_record_batch;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::reader::ChunkReader;
use roaring::RoaringBitmap;

use super::live::append_live;
use super::source::{FileSet, Source};
use crate::error::{Error, Result};
use crate::format::project::Projection;
use crate::format::row_ids::RowIds;
use crate::format::schema::{ColumnField, TableSchema};
use crate::log::objects::Objects;
use crate::nearest::nearest;
use crate::threads;

/// Name of the column of row ids.
pub const ROW_ID: &str = "_row_id";
/// Name of the column of sequences of the commits that wrote the rows.
pub const SEQUENCE: &str = "_sequence";
/// Row groups that are decoded ahead: at least, and at most.
const AHEAD: (usize, usize) = (4, 16);

/// What to read.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// Columns in the wanted order; none for all.
    pub columns: Option<Vec<String>>,
    /// Whether row ids and sequences come first, as columns of their own.
    pub row_ids: bool,
}

/// Batches of rows, in row order.
pub struct RowReader {
    shared: Arc<Shared>,
    sources: std::vec::IntoIter<Source>,
    groups: VecDeque<Group>,
    /// Row groups that are being decoded, in row order.
    decoding: VecDeque<Receiver<Decoded>>,
    ready: VecDeque<RecordBatch>,
    /// Set when nobody takes any more rows.
    ended: Arc<AtomicBool>,
}

/// The rows of a row group, or the panic of who decoded them.
type Decoded = thread::Result<Result<Vec<RecordBatch>>>;

/// What all row groups are read with.
struct Shared {
    objects: Arc<Objects>,
    schema: Arc<TableSchema>,
    fields: Vec<ColumnField>,
    /// Columns of the table.
    target: SchemaRef,
    /// With row ids.
    output: SchemaRef,
    row_ids: bool,
}

/// One row group.
struct Group {
    source: Arc<Opened>,
    number: usize,
    /// Position of its first row in the file.
    start: u64,
    n_rows: u64,
}

/// A file with what is needed to read any part of it.
struct Opened {
    source: Source,
    input: Input,
    metadata: ArrowReaderMetadata,
    deletions: RoaringBitmap,
    row_ids: Option<RowIds>,
}

enum Input {
    File(std::path::PathBuf),
    Bytes(Bytes),
}

/// Read the rows of `files`.
pub fn read(files: &FileSet, options: &ReadOptions, place: &str) -> Result<RowReader> {
    let fields = match &options.columns {
        None => files.schema.fields.clone(),
        Some(names) => names.iter().map(|name| find(&files.schema, name, place)).collect::<Result<_>>()?,
    };
    let target = Arc::new(Schema::new(fields.iter().map(|field| field.to_arrow(true)).collect::<Fields>()));
    let mut columns: Vec<Arc<Field>> = Vec::new();
    if options.row_ids {
        for name in [ROW_ID, SEQUENCE] {
            if files.schema.field(name).is_some() {
                let problem = format!("'{name}' is the name of a column of the table and that of row ids");
                return Err(Error::InvalidColumns { place: place.into(), problem });
            }
            columns.push(Arc::new(Field::new(name, DataType::UInt64, false)));
        }
    }
    columns.extend(target.fields().iter().cloned());
    let shared = Shared {
        objects: Arc::clone(&files.objects),
        schema: Arc::clone(&files.schema),
        fields,
        target,
        output: Arc::new(Schema::new(columns)),
        row_ids: options.row_ids,
    };
    let live: Vec<Source> = files.sources.iter().filter(|source| source.n_live() > 0).cloned().collect();
    Ok(RowReader {
        shared: Arc::new(shared),
        sources: live.into_iter(),
        groups: VecDeque::new(),
        decoding: VecDeque::new(),
        ready: VecDeque::new(),
        ended: Arc::new(AtomicBool::new(false)),
    })
}

fn find(schema: &TableSchema, name: &str, place: &str) -> Result<ColumnField> {
    schema.field(name).cloned().ok_or_else(|| {
        let nearest = nearest(name, schema.fields.iter().map(|field| field.name.as_str()));
        Error::ColumnNotFound { name: name.into(), place: place.into(), nearest }
    })
}

impl RowReader {
    /// The rows of the next row group; none after the last.
    fn next_group(&mut self) -> Result<Option<Vec<RecordBatch>>> {
        let ahead = (2 * threads::count()).clamp(AHEAD.0, AHEAD.1);
        while self.decoding.len() < ahead {
            let Some(group) = self.take_group()? else { break };
            self.decoding.push_back(self.begin(group));
        }
        let Some(next) = self.decoding.pop_front() else { return Ok(None) };
        match next.recv() {
            Ok(Ok(batches)) => batches.map(Some),
            Ok(Err(panic)) => resume_unwind(panic),
            // Only a task that was never run is dropped without a word.
            Err(_) => unreachable!("a row group is decoded or its panic is sent"),
        }
    }

    fn take_group(&mut self) -> Result<Option<Group>> {
        while self.groups.is_empty() {
            let Some(source) = self.sources.next() else { return Ok(None) };
            self.groups.extend(self.shared.open(source)?);
        }
        Ok(self.groups.pop_front())
    }

    /// Begin to decode a row group on the threads of the pool; where there are none, do it at once.
    fn begin(&self, group: Group) -> Receiver<Decoded> {
        let (shared, ended) = (Arc::clone(&self.shared), Arc::clone(&self.ended));
        let (sender, receiver) = sync_channel(1);
        let decode = move || {
            let decoded = catch_unwind(AssertUnwindSafe(|| {
                if ended.load(Ordering::Relaxed) { Ok(Vec::new()) } else { shared.decode(&group) }
            }));
            // Nobody listens when the reader was dropped.
            drop(sender.send(decoded));
        };
        if let Err(decode) = threads::spawn(decode) {
            decode();
        }
        receiver
    }
}

impl Drop for RowReader {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

impl Iterator for RowReader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Some(Ok(batch));
            }
            match self.next_group() {
                Ok(Some(batches)) => self.ready.extend(batches.into_iter().filter(|batch| batch.num_rows() > 0)),
                Ok(None) => return None,
                Err(error) => {
                    self.groups.clear();
                    self.decoding.clear();
                    self.sources = Vec::new().into_iter();
                    return Some(Err(ArrowError::from_external_error(Box::new(error))));
                }
            }
        }
    }
}

impl RecordBatchReader for RowReader {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.shared.output)
    }
}

impl Shared {
    fn open(&self, source: Source) -> Result<Vec<Group>> {
        let name = &source.planned.name;
        let store = self.objects.store.as_ref();
        let input = match store.local_path(name) {
            Some(path) => Input::File(path),
            None => Input::Bytes(Bytes::from(store.get(name)?.ok_or_else(|| missing(name))?)),
        };
        let options = ArrowReaderOptions::new().with_schema(source.schema.to_physical());
        let metadata = match &input {
            Input::File(path) => ArrowReaderMetadata::load(&open_file(path, name)?, options)?,
            Input::Bytes(bytes) => ArrowReaderMetadata::load(bytes, options)?,
        };
        let deletions = source.deletions(&self.objects)?;
        let row_ids = if self.row_ids { Some(source.row_ids(&self.objects)?) } else { None };
        let opened = Arc::new(Opened { source, input, metadata, deletions, row_ids });
        let mut start = 0;
        let groups = opened.metadata.metadata().row_groups().iter().enumerate();
        let groups = groups.map(|(number, group)| {
            let n_rows = group.num_rows().unsigned_abs();
            start += n_rows;
            Group { source: Arc::clone(&opened), number, start: start - n_rows, n_rows }
        });
        Ok(groups.collect())
    }

    fn decode(&self, group: &Group) -> Result<Vec<RecordBatch>> {
        let opened = group.source.as_ref();
        let end = group.start + group.n_rows;
        let gone = opened.deletions.range_cardinality(group.start as u32..end as u32);
        if gone == group.n_rows {
            return Ok(Vec::new());
        }
        let batches = match &opened.input {
            Input::File(path) => self.columns(group, open_file(path, &opened.source.planned.name)?)?,
            Input::Bytes(bytes) => self.columns(group, bytes.clone())?,
        };
        let mut start = group.start;
        let mut decoded = Vec::with_capacity(batches.len());
        for batch in batches {
            let n_rows = batch.num_rows() as u64;
            decoded.push(self.finish(opened, &batch, start)?);
            start += n_rows;
        }
        Ok(decoded)
    }

    /// The columns that the file has, of all rows.
    fn columns(&self, group: &Group, input: impl ChunkReader + 'static) -> Result<Vec<RecordBatch>> {
        let opened = group.source.as_ref();
        let parquet = opened.metadata.parquet_schema();
        let roots = parquet.root_schema().get_fields();
        let wanted = self.fields.iter().filter_map(|field| opened.source.schema.field_by_id(field.id));
        let roots: Vec<usize> =
            wanted.filter_map(|old| roots.iter().position(|root| root.name() == old.name)).collect();
        if roots.is_empty() {
            let options = RecordBatchOptions::new().with_row_count(Some(group.n_rows as usize));
            return Ok(vec![RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options)?]);
        }
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(input, opened.metadata.clone())
            .with_row_groups(vec![group.number])
            .with_projection(ProjectionMask::roots(parquet, roots))
            .with_batch_size(group.n_rows as usize)
            .build()?;
        Ok(reader.collect::<Result<_, _>>()?)
    }

    /// The rows that are there, under the columns that the table has now.
    fn finish(&self, opened: &Opened, batch: &RecordBatch, start: u64) -> Result<RecordBatch> {
        let n_rows = batch.num_rows();
        let mut kept = BooleanBufferBuilder::new(n_rows);
        let n_gone = append_live(&mut kept, &opened.deletions, start, start + n_rows as u64);
        let kept = BooleanArray::new(kept.finish(), None);
        let live = if n_gone == 0 { batch.clone() } else { filter_record_batch(batch, &kept)? };
        let projection = Projection { from: &opened.source.schema, to: &self.schema };
        let live = projection.batch(&live, &self.fields, &self.target)?;
        let Some(row_ids) = &opened.row_ids else { return Ok(live) };
        let (mut ids, mut sequences) = (Vec::with_capacity(n_rows), Vec::with_capacity(n_rows));
        for (origin, kept) in row_ids.from(start).zip(kept.values()) {
            if kept {
                ids.push(origin.id);
                let own = opened.source.file().sequence;
                sequences.push(if origin.sequence == 0 { own } else { origin.sequence });
            }
        }
        let mut columns: Vec<ArrayRef> = vec![Arc::new(UInt64Array::from(ids)), Arc::new(UInt64Array::from(sequences))];
        columns.extend(live.columns().iter().cloned());
        Ok(RecordBatch::try_new(Arc::clone(&self.output), columns)?)
    }
}

fn open_file(path: &std::path::Path, name: &str) -> Result<File> {
    File::open(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => missing(name),
        _ => Error::Io { action: "read".into(), path: path.into(), source },
    })
}

fn missing(name: &str) -> Error {
    Error::Corruption {
        path: name.into(),
        problem: "the data file is missing".into(),
        expected: "a file".into(),
        found: "nothing".into(),
    }
}
