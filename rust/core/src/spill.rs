//! Record batches in a temporary file, each written as an Arrow IPC stream of its own and found again by its place.
//!
//! Where the system allows it the file has no name from the start, so that it vanishes with the process however that ends.
//! Elsewhere it is removed with the last user, and what a killed process left is removed by the next one that spills.

use std::fs::{self, File, OpenOptions};
use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};

use crate::error::{Error, Result};
use crate::random::random_hex;

const PREFIX: &str = "lakebed-spill-";

/// A temporary file of record batches.
pub(crate) struct SpillFile {
    file: Mutex<(File, u64)>,
    path: PathBuf,
    has_name: bool,
}

/// Where a batch lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    offset: u64,
    len: usize,
    pub(crate) n_rows: usize,
}

impl Block {
    pub(crate) fn size_bytes(&self) -> usize {
        self.len
    }
}

impl SpillFile {
    /// A new file in `folder`, or in the system's folder of temporary files.
    pub(crate) fn create(folder: Option<&Path>) -> Result<Self> {
        let folder = folder.map_or_else(std::env::temp_dir, Path::to_path_buf);
        remove_abandoned(&folder);
        let path = folder.join(format!("{PREFIX}{}-{}", std::process::id(), random_hex()?));
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path);
        let file = file.map_err(|source| failed("create", &path, source))?;
        // An open file without a name is as good as any, where the system knows such a thing.
        let has_name = !(cfg!(unix) && fs::remove_file(&path).is_ok());
        Ok(Self { file: Mutex::new((file, 0)), path, has_name })
    }

    /// Bytes written so far.
    pub(crate) fn len(&self) -> u64 {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    pub(crate) fn write(&self, batch: &RecordBatch) -> Result<Block> {
        let mut bytes = Vec::new();
        let mut writer = StreamWriter::try_new(&mut bytes, batch.schema_ref())?;
        writer.write(batch)?;
        writer.finish()?;
        drop(writer);
        let mut guard = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, end) = &mut *guard;
        let offset = *end;
        let written = file.seek(SeekFrom::Start(offset)).and_then(|_| file.write_all(&bytes));
        written.map_err(|source| failed("write", &self.path, source))?;
        *end += bytes.len() as u64;
        Ok(Block { offset, len: bytes.len(), n_rows: batch.num_rows() })
    }

    pub(crate) fn read(&self, block: Block) -> Result<RecordBatch> {
        let mut bytes = vec![0; block.len];
        {
            let mut guard = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            let file = &mut guard.0;
            let read = file.seek(SeekFrom::Start(block.offset)).and_then(|_| file.read_exact(&mut bytes));
            read.map_err(|source| failed("read", &self.path, source))?;
        }
        let mut reader = StreamReader::try_new(Cursor::new(bytes), None)?;
        match reader.next() {
            Some(batch) => Ok(batch?),
            None => Ok(RecordBatch::new_empty(reader.schema())),
        }
    }
}

impl Drop for SpillFile {
    fn drop(&mut self) {
        if self.has_name {
            // A file that stays is removed by the next process that spills.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn failed(action: &str, path: &Path, source: std::io::Error) -> Error {
    Error::Io { action: action.into(), path: path.into(), source }
}

/// Remove the files of processes that are gone. Whatever cannot be removed, or told, stays.
fn remove_abandoned(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        let process: Option<u32> = rest.split('-').next().and_then(|digits| digits.parse().ok());
        if process.is_some_and(|process| !is_alive(process)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether a process may be running; where that cannot be told it may.
fn is_alive(process: u32) -> bool {
    let table = Path::new("/proc");
    !table.join("self").exists() || table.join(process.to_string()).exists()
}

/// The type in which values are spilled: a view carries all bytes that its buffers hold, other layouts only their own.
fn spill_type(data_type: &DataType) -> DataType {
    let field = |field: &Field| field.clone().with_data_type(spill_type(field.data_type()));
    match data_type {
        DataType::Utf8View => DataType::LargeUtf8,
        DataType::BinaryView => DataType::LargeBinary,
        DataType::List(item) => DataType::List(field(item).into()),
        DataType::LargeList(item) => DataType::LargeList(field(item).into()),
        DataType::FixedSizeList(item, n) => DataType::FixedSizeList(field(item).into(), *n),
        DataType::Struct(fields) => {
            DataType::Struct(fields.iter().map(|member| field(member)).collect::<Vec<_>>().into())
        }
        other => other.clone(),
    }
}

/// The columns of `schema` as they are spilled.
pub(crate) fn spill_schema(schema: &SchemaRef) -> SchemaRef {
    let fields: Fields = schema
        .fields()
        .iter()
        .map(|field| field.as_ref().clone().with_data_type(spill_type(field.data_type())))
        .collect();
    Schema::new_with_metadata(fields, schema.metadata().clone()).into()
}

/// An array in the type of a field.
pub(crate) fn conform(array: &ArrayRef, field: &Field) -> Result<ArrayRef> {
    if array.data_type() == field.data_type() {
        return Ok(ArrayRef::clone(array));
    }
    Ok(arrow_cast::cast(array, field.data_type())?)
}

/// A batch in the types of another schema of as many columns.
pub(crate) fn conform_batch(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(array, field)| conform(array, field));
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(SchemaRef::clone(schema), columns.collect::<Result<_>>()?, &options)?)
}

/// Bytes of the values of an array, of no others that its buffers hold.
pub(crate) fn values_bytes(array: &ArrayRef) -> usize {
    match array.data_type() {
        DataType::Utf8View => 16 * array.len() + array.as_string_view().lengths().map(|n| n as usize).sum::<usize>(),
        DataType::BinaryView => 16 * array.len() + array.as_binary_view().lengths().map(|n| n as usize).sum::<usize>(),
        DataType::Struct(_) => array.as_struct().columns().iter().map(values_bytes).sum(),
        DataType::LargeList(_) => {
            let lists = array.as_list::<i64>();
            let (offsets, values) = (lists.value_offsets(), lists.values());
            let (start, end) = (offsets[0] as usize, offsets[lists.len()] as usize);
            8 * lists.len() + values_bytes(&values.slice(start, end - start))
        }
        _ => array.to_data().get_slice_memory_size().unwrap_or_else(|_| array.get_array_memory_size()),
    }
}
