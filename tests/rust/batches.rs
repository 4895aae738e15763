//! Small tables for the tests of the store: made, committed and read back by hand.

use std::fs::{self, File};
use std::io::{Seek, Write};
use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow_cast::cast;
use arrow_schema::{Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use lakebed_core::Result;
use lakebed_core::log::snapshot::Table;
use lakebed_core::random::random_hex;
use lakebed_core::repository::Repository;
use lakebed_core::scan::reader::{self, ReadOptions};
use lakebed_core::scan::source::FileSet;
use lakebed_core::transaction::{Committed, Mode, Transaction};

/// What a test returns: any error fails it.
pub(crate) type Outcome<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// One batch whose columns may all be null.
pub(crate) fn batch(columns: Vec<(&str, ArrayRef)>) -> Outcome<RecordBatch> {
    Ok(RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))?)
}

/// One batch with the integers as column `x`.
pub(crate) fn ints(values: impl IntoIterator<Item = i64>) -> Outcome<RecordBatch> {
    batch(vec![("x", Arc::new(Int64Array::from_iter_values(values)))])
}

/// Batches of one schema as a stream.
pub(crate) fn stream(batches: &[RecordBatch]) -> impl RecordBatchReader + use<> {
    let schema = batches.first().map_or_else(|| Arc::new(Schema::empty()), RecordBatch::schema);
    let owned: Vec<_> = batches.iter().cloned().map(Ok).collect();
    RecordBatchIterator::new(owned, schema)
}

/// Write `rows` to one table of `main` and commit.
pub(crate) fn write(repository: &Repository, table: &str, mode: Mode, rows: &RecordBatch) -> Result<Committed> {
    write_to(repository, "main", table, mode, rows)
}

/// Write `rows` to one table of `branch` and commit.
pub(crate) fn write_to(
    repository: &Repository,
    branch: &str,
    table: &str,
    mode: Mode,
    rows: &RecordBatch,
) -> Result<Committed> {
    let mut transaction = repository.begin(branch)?;
    transaction.write(table, mode, &mut stream(std::slice::from_ref(rows)))?;
    finish(&mut transaction)
}

/// Commit, on newer heads where others were faster.
pub(crate) fn finish(transaction: &mut Transaction) -> Result<Committed> {
    loop {
        if let Some(done) = transaction.try_commit(br#"{"kind":"write"}"#)? {
            return Ok(done);
        }
    }
}

/// All rows of a table in row order, in the table's own Arrow types; its files are checked.
pub(crate) fn rows(repository: &Repository, table: &Table) -> Outcome<RecordBatch> {
    let schema: SchemaRef = Arc::new(table.version.schema.to_arrow());
    repository.open_files(&repository.plan(table, None)?)?;
    let reader = reader::read(&FileSet::of_table(table, None)?, &ReadOptions::default(), &table.name)?;
    let mut parts = Vec::new();
    for part in reader {
        let part = part?;
        let columns = part.columns().iter().zip(schema.fields()).map(|(column, field)| cast(column, field.data_type()));
        parts.push(RecordBatch::try_new(Arc::clone(&schema), columns.collect::<Result<_, _>>()?)?);
    }
    Ok(concat_batches(&schema, &parts)?)
}

/// Column `x` of a table of integers.
pub(crate) fn values(repository: &Repository, table: &Table) -> Outcome<Vec<i64>> {
    let rows = rows(repository, table)?;
    let column = rows.column_by_name("x").ok_or("no column x")?;
    let column = column.as_any().downcast_ref::<Int64Array>().ok_or("x holds no int64")?;
    Ok(column.iter().flatten().collect())
}

/// A file with these bytes that is gone when it is closed.
pub(crate) fn nameless_file(bytes: &[u8]) -> Outcome<File> {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
    let path = folder.join(format!("lakebed-test-{}", random_hex()?));
    let mut file = File::options().read(true).write(true).create_new(true).open(&path)?;
    fs::remove_file(&path)?;
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

/// A new folder of the temporary directory, removed when dropped.
pub(crate) struct Folder(pub(crate) std::path::PathBuf);

impl Folder {
    pub(crate) fn new() -> Outcome<Self> {
        let path = std::env::temp_dir().join(format!("lakebed-test-{}", random_hex()?));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    /// The path below it, as text.
    pub(crate) fn join(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
