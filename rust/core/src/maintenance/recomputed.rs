//! Statistics of a data file computed again from its rows, and compared with those that were stored while it was written.
//! Another build may have made these: what is exact has to be the same, sketches may differ within their errors.

use std::fs::File;

use bytes::Bytes;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::reader::ChunkReader;

use super::reach::wrong;
use crate::error::{Error, Result};
use crate::format::data_file::BLOCK_ROWS;
use crate::format::manifest::{DataFile, FileZones};
use crate::log::snapshot::Table;
use crate::scan::plan::PlannedFile;
use crate::statistics::{Collector, TableStatistics};
use crate::transaction::zones;

/// Compare rows and statistics of a data file with what the manifest says.
pub(super) fn check_file(table: &Table, planned: &PlannedFile, stored: &TableStatistics) -> Result<()> {
    let store = table.store();
    let found = match store.local_path(&planned.name) {
        Some(path) => {
            let file = File::open(&path).map_err(|source| Error::Io { action: "open".into(), path, source })?;
            compute(table, &planned.file, file)?
        }
        None => compute(table, &planned.file, Bytes::from(store.get(&planned.name)?.unwrap_or_default()))?,
    };
    let corrupt = |problem: &str, expected: String, found: String| Error::Corruption {
        path: planned.name.clone(),
        problem: problem.into(),
        expected,
        found,
    };
    if found.n_rows != planned.file.n_rows {
        let (expected, found) = (planned.file.n_rows.to_string(), found.n_rows.to_string());
        return Err(corrupt("it has another number of rows than its manifest says", expected, found));
    }
    let Some((column, figure)) = stored.difference(&found) else { return Ok(()) };
    let expected = format!("the {figure} stored of '{column}'");
    Err(corrupt("its statistics are not those of its rows", expected, "another".into()))
}

/// Compare the zones of a file with its statistics.
pub(super) fn check_zones(
    table: &Table,
    file: &DataFile,
    stored: &TableStatistics,
    found: Option<&FileZones>,
) -> Result<()> {
    let expected = zones(stored, table.version.schema_by_id(file.schema_id)?)?;
    if found == Some(&expected) {
        return Ok(());
    }
    let problem = format!("zones of file {} are not those of its statistics", file.id.to_hex());
    Err(wrong(table, &problem, format!("{} columns", expected.len()), "others"))
}

/// Compare the stored statistics of a leaf with those of its files, one merged after another.
pub(super) fn check_merge(table: &Table, merged: &TableStatistics, stored: &[u8]) -> Result<()> {
    let Some((column, figure)) = TableStatistics::decode(stored)?.difference(merged) else { return Ok(()) };
    let problem = "the statistics of a leaf are not those of its files";
    Err(wrong(table, problem, format!("the {figure} of '{column}'"), "another"))
}

fn compute(table: &Table, entry: &DataFile, file: impl ChunkReader + 'static) -> Result<TableStatistics> {
    let schema = table.version.schema_by_id(entry.schema_id)?;
    let physical = schema.to_physical();
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    // Blocks as they were written: floating-point sums are made in that order.
    let batches =
        ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)?.with_batch_size(BLOCK_ROWS).build()?;
    let mut collector = Collector::new(&physical)?;
    for batch in batches {
        collector.update(&schema.conform(&batch?, &physical, &table.name)?)?;
    }
    Ok(collector.finish())
}
