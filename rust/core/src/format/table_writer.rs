//! Rows in, data files out: what comes is brought into the columns of the table and into the order of its layout.

use std::fs;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, DataType, Field, Schema};

use super::cutter;
use super::data_file::{Target, WrittenFile};
use super::external_sort::{SortLimits, Sorter};
use super::names;
use crate::error::{Error, Result};

/// Names of the columns of moved rows that come before those of the table.
const ORIGIN_COLUMNS: usize = 2;

type Batches<'a> = &'a mut dyn Iterator<Item = Result<RecordBatch, ArrowError>>;

/// Write all `batches` as one or more data files. No rows make no file.
pub fn write_data_files(target: &Target<'_>, batches: Batches<'_>) -> Result<Vec<WrittenFile>> {
    let physical = target.schema.to_physical();
    let conform = |batch: RecordBatch| target.schema.conform(&batch, &physical, target.place);
    write_conformed(target, &mut batches.map(|batch| conform(batch?)), false)
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
    write_conformed(target, &mut batches.map(|batch| conform(batch?)), true)
}

fn write_conformed(
    target: &Target<'_>,
    batches: &mut dyn Iterator<Item = Result<RecordBatch>>,
    is_moved: bool,
) -> Result<Vec<WrittenFile>> {
    let physical = target.schema.to_physical();
    cutter::cut(target, &physical, is_moved, |cutter| {
        if target.arrangement.is_none() {
            for batch in batches {
                cutter.push(&batch?)?;
            }
            return Ok(());
        }
        // The disk of the warehouse has room for its rows, which that of the system's temporary files may not have.
        let staging = target.store.local_path(names::STAGING).filter(|folder| fs::create_dir_all(folder).is_ok());
        let limits = SortLimits::default();
        let sorter = Sorter { arrangement: &target.arrangement, folder: staging.as_deref(), limits };
        sorter.sort(batches, &mut |bucket, rows| cutter.push_sorted(bucket, &rows))
    })
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
