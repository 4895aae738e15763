//! Statistics of a data file computed again from its rows, and compared with those that were stored while it was written.

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
use crate::statistics::{Collector, ColumnStatistics, TableStatistics};
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
    if found.encode() == stored.encode() {
        return Ok(());
    }
    let alone = |column: &ColumnStatistics| {
        TableStatistics { n_rows: 0, n_deleted: 0, weight: None, columns: vec![column.clone()] }.encode()
    };
    let differing = found.columns.iter().zip(&stored.columns).find(|(found, stored)| alone(found) != alone(stored));
    let column = differing.map_or_else(|| "its columns".into(), |(_, stored)| stored.name());
    Err(corrupt("its statistics are not those of its rows", format!("those stored of '{column}'"), "others".into()))
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

/// Compare the stored statistics of a leaf with those of its files, one merged after another. A leaf may have been merged in
/// other groups: what is exact has to be the same, means up to rounding; sketches may differ within their errors.
pub(super) fn check_merge(table: &Table, merged: &TableStatistics, stored: &[u8]) -> Result<()> {
    let stored = TableStatistics::decode(stored)?;
    let is_same = |(a, b): (&ColumnStatistics, &ColumnStatistics)| a.name() == b.name() && is_same_column(a, b);
    let same_columns = stored.columns.len() == merged.columns.len();
    if stored.n_rows == merged.n_rows && same_columns && stored.columns.iter().zip(&merged.columns).all(is_same) {
        return Ok(());
    }
    let problem = "the statistics of a leaf are not those of its files";
    Err(wrong(table, problem, format!("{} rows", merged.n_rows), format!("{} rows or other figures", stored.n_rows)))
}

fn is_same_column(a: &ColumnStatistics, b: &ColumnStatistics) -> bool {
    let exact = |column: &ColumnStatistics| {
        let moments = column.moments();
        let counts = [moments.n_finite, moments.n_nan, moments.n_positive_inf, moments.n_negative_inf, moments.n_zero];
        (counts, moments.n_negative, moments.sum, column.n_null(), column.n_null_values())
    };
    let (mean, scale) = (a.moments().mean, a.moments().min.abs().max(a.moments().max.abs()));
    let is_near = (mean - b.moments().mean).abs() <= scale * 1e-9 || a.moments().n_finite == 0;
    exact(a) == exact(b) && a.min() == b.min() && a.max() == b.max() && (is_near || !scale.is_finite())
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
