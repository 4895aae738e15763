//! The data files that may hold rows of some keys, where rows with the same hash share files.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_schema::{FieldRef, Schema};

use super::source::{FileSet, Source};
use crate::error::{Error, Result};
use crate::format::arrange::Arrangement;
use crate::format::schema::ColumnField;
use crate::log::snapshot::Table;

/// Those of `files` that may hold a row whose key is one of `keys`, which has at least the columns by which the rows of
/// `table` are put into buckets. Files that were not written in its present layout stay: their buckets tell something else.
pub fn with_keys(mut files: FileSet, table: &Table, keys: &RecordBatch) -> Result<FileSet> {
    let Some(layout) = table.version.layout.as_ref().filter(|layout| layout.n_buckets > 0) else { return Ok(files) };
    let schema = &table.version.schema;
    let fields: Option<Vec<&ColumnField>> = layout.bucket_by.iter().map(|id| schema.field_by_id(*id)).collect();
    let Some(fields) = fields else { return Ok(files) };
    let (mut types, mut columns): (Vec<FieldRef>, Vec<ArrayRef>) = (Vec::new(), Vec::new());
    for field in &fields {
        let values = keys.column_by_name(&field.name).ok_or_else(|| Error::ColumnNotFound {
            name: field.name.clone(),
            place: "the keys of a scan".into(),
            nearest: Vec::new(),
        })?;
        let kind = field.to_arrow(true);
        columns.push(cast(values, kind.data_type())?);
        types.push(Arc::new(kind.with_nullable(true)));
    }
    let arrangement = Arrangement {
        sort_by: Vec::new(),
        bucket_by: (0..columns.len()).collect(),
        n_buckets: layout.n_buckets,
        first_bucket: layout.first_bucket,
    };
    let batch = RecordBatch::try_new(Arc::new(Schema::new(types)), columns)?;
    let wanted: HashSet<u32> = arrangement.buckets(&batch)?.into_iter().collect();
    let known = layout.first_bucket..layout.first_bucket + layout.n_buckets;
    // A value that was retyped since has another hash.
    let is_as_written = |source: &Source| {
        fields.iter().all(|field| source.schema.field_by_id(field.id).is_some_and(|then| then.kind == field.kind))
    };
    files.sources.retain(|source| match source.file().bucket {
        Some(bucket) if known.contains(&bucket) && is_as_written(source) => wanted.contains(&bucket),
        _ => true,
    });
    Ok(files)
}
