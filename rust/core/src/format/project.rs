//! From the columns of a data file, as they were when it was written, to the columns that its table has now.
//!
//! Fields are matched by id at every depth. What a file lacks is the column's default or null; what the table lost is left
//! out. Stored statistics and zones are brought over the same way.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, LargeListArray, RecordBatch, RecordBatchOptions, StructArray};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, Schema};

use super::defaults::filled;
use super::manifest::{FileZones, Zone};
use super::schema::{ColumnField, ColumnType, TableSchema, Unit};
use crate::error::{Error, Result};
use crate::statistics::{Collector, ColumnStatistics, TableStatistics};

/// Rows of a constant column that are summarised at a time.
const BLOCK_ROWS: usize = 65_536;

/// How the fields of a file become those of a table.
#[derive(Debug, Clone, Copy)]
pub struct Projection<'a> {
    /// The schema with which the file was written.
    pub from: &'a TableSchema,
    /// The schema of the table now.
    pub to: &'a TableSchema,
}

impl Projection<'_> {
    /// Whether a reader that matches columns by name and inserts nulls for missing ones reads such a file right.
    pub fn is_by_name(&self) -> bool {
        self.from.id == self.to.id
            || self.to.fields.iter().all(|field| match self.from.field_by_id(field.id) {
                Some(old) => old.name == field.name && old.kind == field.kind,
                None => self.from.field(&field.name).is_none() && !self.to.defaults.contains_key(&field.id),
            })
    }

    /// The batch with columns `fields` of the table, of which `batch` holds those that the file has, by their old names.
    pub fn batch(&self, batch: &RecordBatch, fields: &[ColumnField], target: &Arc<Schema>) -> Result<RecordBatch> {
        let columns = fields
            .iter()
            .zip(target.fields())
            .map(|(field, target)| match self.from.field_by_id(field.id) {
                Some(old) => match batch.column_by_name(&old.name) {
                    Some(column) => convert(column, old, field, target.data_type()),
                    None => Err(missing(&old.name)),
                },
                None => filled(self.to.defaults.get(&field.id), target.data_type(), batch.num_rows()),
            })
            .collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(target), columns, &options)?)
    }

    /// Statistics of a file or leaf under the table's columns.
    pub fn statistics(&self, statistics: TableStatistics) -> Result<TableStatistics> {
        if self.from.fields == self.to.fields {
            return Ok(statistics);
        }
        let (n_rows, n_deleted) = (statistics.n_rows, statistics.n_deleted);
        let column = |field: &ColumnField| {
            let kind = field.kind.to_arrow(true);
            let Some(old) = self.from.field_by_id(field.id) else {
                return constant(field, self.to.defaults.get(&field.id), &kind, n_rows);
            };
            let members = statistics.members(&old.name, &field.name);
            let stored = statistics.column(&old.name).ok_or_else(|| missing(&old.name))?;
            let retyped = stored.retyped(&field.name, &kind).ok_or_else(|| Error::SchemaMismatch {
                place: format!("statistics of column '{}'", field.name),
                problem: format!("those of {} are none of {}", old.kind, field.kind),
                hint: "write the table again".into(),
            })?;
            Ok(std::iter::once(retyped).chain(members).collect())
        };
        let columns: Vec<Vec<ColumnStatistics>> = self.to.fields.iter().map(column).collect::<Result<_>>()?;
        let columns = columns.into_iter().flatten().collect();
        Ok(TableStatistics { n_rows, n_deleted, weight: None, columns })
    }

    /// Whether stored statistics hold under the new types, so that no file has to be written again.
    pub fn keeps_statistics(&self) -> bool {
        self.to.fields.iter().all(|field| match self.from.field_by_id(field.id) {
            Some(old) if old.kind != field.kind => {
                let stored = ColumnStatistics::of_nulls(&old.name, &old.kind.to_arrow(true), 0);
                // Rounded values may lie beyond the stored bounds.
                let rounds = old.kind == ColumnType::Float64 && field.kind == ColumnType::Float32;
                !rounds && stored.is_ok_and(|stored| stored.retyped(&field.name, &field.kind.to_arrow(true)).is_some())
            }
            _ => true,
        })
    }

    /// Zones of a file in the units of the table's columns.
    pub fn zones(&self, zones: FileZones) -> FileZones {
        let keep = |(id, zone): (i32, Zone)| {
            self.bounds_hold(id).map(|hold| (id, if hold { zone } else { Zone { min: None, max: None, ..zone } }))
        };
        zones.into_iter().filter_map(keep).collect()
    }

    /// Whether bounds of column `id` in a file hold for the table's column; none where one of them has no such column.
    pub fn bounds_hold(&self, id: i32) -> Option<bool> {
        let (old, new) = (self.from.field_by_id(id)?, self.to.field_by_id(id)?);
        Some(self.from.id == self.to.id || unit(&old.kind) == unit(&new.kind))
    }
}

fn unit(kind: &ColumnType) -> Option<Unit> {
    match kind {
        ColumnType::Time { unit } | ColumnType::Timestamp { unit, .. } => Some(*unit),
        _ => None,
    }
}

fn constant(
    field: &ColumnField,
    default: Option<&String>,
    kind: &DataType,
    n_rows: u64,
) -> Result<Vec<ColumnStatistics>> {
    if default.is_none() {
        let schema = Schema::new(vec![Field::new(&field.name, kind.clone(), true)]);
        let mut columns = Collector::new(&schema)?.finish().columns;
        // Members of structs that are null everywhere have no rows.
        if let Some(first) = columns.first_mut() {
            *first = ColumnStatistics::of_nulls(&field.name, kind, n_rows)?;
        }
        return Ok(columns);
    }
    let schema = Arc::new(Schema::new(vec![field.to_arrow(true)]));
    let mut collector = Collector::new(&schema)?;
    let block = filled(default, kind, BLOCK_ROWS.min(n_rows as usize))?;
    let mut left = n_rows as usize;
    while left > 0 {
        let n = left.min(block.len());
        collector.update(&RecordBatch::try_new(Arc::clone(&schema), vec![block.slice(0, n)])?)?;
        left -= n;
    }
    Ok(collector.finish().columns)
}

fn convert(column: &ArrayRef, from: &ColumnField, to: &ColumnField, target: &DataType) -> Result<ArrayRef> {
    if from.kind != to.kind {
        match (&from.kind, &to.kind, target) {
            (ColumnType::Struct { fields: olds }, ColumnType::Struct { fields }, DataType::Struct(targets)) => {
                let array = column.as_struct();
                let members = fields.iter().zip(targets).map(|(field, target)| {
                    let position = olds.iter().position(|old| old.id == field.id);
                    match position {
                        Some(at) => convert(array.column(at), &olds[at], field, target.data_type()),
                        None => filled(None, target.data_type(), array.len()),
                    }
                });
                let members = members.collect::<Result<Vec<_>>>()?;
                return Ok(Arc::new(StructArray::try_new(targets.clone(), members, array.nulls().cloned())?));
            }
            (ColumnType::List { item: old }, ColumnType::List { item }, DataType::LargeList(target)) => {
                let array = column.as_list::<i64>();
                let values = convert(array.values(), old, item, target.data_type())?;
                let (target, offsets) = (Arc::clone(target), array.offsets().clone());
                return Ok(Arc::new(LargeListArray::try_new(target, offsets, values, array.nulls().cloned())?));
            }
            _ => {}
        }
    }
    if column.data_type() == target {
        return Ok(Arc::clone(column));
    }
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    Ok(cast_with_options(column, target, &strict)?)
}

fn missing(column: &str) -> Error {
    Error::Corruption {
        path: "a data file".into(),
        problem: format!("it lacks column '{column}'"),
        expected: "the columns of the schema with which it was written".into(),
        found: "fewer".into(),
    }
}
