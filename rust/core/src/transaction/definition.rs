//! What a table is beside its rows and present columns: earlier columns, layout, what people say about it.

use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::format::schema::{ColumnField, ColumnType, TableSchema};
use crate::log::commit::{Layout, Notes};
use crate::log::snapshot::Table;

/// What a table is beside its rows and present columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Definition {
    pub(super) past_schemas: Vec<TableSchema>,
    pub(super) layout: Option<Layout>,
    pub(super) notes: Notes,
}

impl Definition {
    pub(super) fn of(table: &Table) -> Self {
        let version = &table.version;
        let (past_schemas, layout) = (version.past_schemas.clone(), version.layout.clone());
        Self { past_schemas, layout, notes: table.notes.clone() }
    }

    /// What is left of it where all rows are replaced.
    pub(super) fn of_replaced(&self, schema: &TableSchema, place: &str) -> Result<Self> {
        let mut kept = Self { past_schemas: Vec::new(), ..self.clone() };
        kept.keep_columns(schema, place)?;
        Ok(kept)
    }

    /// Forget what is said of columns that are gone. A layout by such a column is an error.
    pub(super) fn keep_columns(&mut self, schema: &TableSchema, place: &str) -> Result<()> {
        let ids = all_ids(&schema.fields);
        self.notes.columns.retain(|id, _| ids.contains(id));
        self.notes.defaults.clone_from(&schema.defaults);
        if let Some(layout) = &self.layout {
            let mut used = layout.sort_by.iter().chain(&layout.bucket_by);
            if used.any(|id| schema.field_by_id(*id).is_none()) {
                let problem = "a column by which rows are sorted or bucketed would be gone".into();
                return Err(Error::Layout { place: place.into(), problem });
            }
        }
        Ok(())
    }
}

fn all_ids(fields: &[ColumnField]) -> BTreeSet<i32> {
    let mut ids = BTreeSet::new();
    for field in fields {
        ids.insert(field.id);
        match &field.kind {
            ColumnType::Struct { fields } => ids.extend(all_ids(fields)),
            ColumnType::List { item } => ids.extend(all_ids(std::slice::from_ref(item))),
            _ => {}
        }
    }
    ids
}
