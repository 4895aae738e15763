//! The data files that a read goes through, each with the columns it has, the rows it lost and the ids of its rows.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::plan::{self, PlannedFile};
use super::predicate::Predicate;
use crate::error::Result;
use crate::format::manifest::DataFile;
use crate::format::project::Projection;
use crate::format::row_ids::RowIds;
use crate::format::schema::TableSchema;
use crate::log::objects::Objects;
use crate::log::snapshot::{self, Table};

/// Data files in row order, and the columns that their rows are to have.
#[derive(Clone)]
pub struct FileSet {
    /// Objects of the warehouse.
    pub objects: Arc<Objects>,
    /// Columns of the rows.
    pub schema: Arc<TableSchema>,
    /// The files.
    pub sources: Vec<Source>,
}

/// One data file to be read.
#[derive(Clone)]
pub struct Source {
    /// Name in the store, identity and counts.
    pub planned: PlannedFile,
    /// Columns of the file.
    pub schema: Arc<TableSchema>,
    /// Positions of rows that are gone, beside those that the file's entry names.
    pub removed: RoaringBitmap,
    /// Row ids of a file that belongs to no commit yet; else its entry tells them.
    pub row_ids: Option<RowIds>,
}

impl FileSet {
    /// The files of `table` that may hold a row for which `predicate` is true. Reads metadata only.
    pub fn of_table(table: &Table, predicate: Option<&Predicate>) -> Result<Self> {
        let mut files = Self::with_dead_files(table, predicate)?;
        files.sources.retain(|source| source.n_live() > 0);
        Ok(files)
    }

    /// The same, with files of which all rows are gone.
    pub fn with_dead_files(table: &Table, predicate: Option<&Predicate>) -> Result<Self> {
        let mut schemas: Vec<Arc<TableSchema>> = Vec::new();
        let mut sources = Vec::new();
        for planned in plan::plan(table, predicate)? {
            let id = planned.file.schema_id;
            let known = schemas.iter().find(|schema| schema.id == id).map(Arc::clone);
            let schema = if let Some(schema) = known {
                schema
            } else {
                schemas.push(Arc::new(table.version.schema_by_id(id)?.clone()));
                Arc::clone(&schemas[schemas.len() - 1])
            };
            sources.push(Source { planned, schema, removed: RoaringBitmap::new(), row_ids: None });
        }
        Ok(Self { objects: Arc::clone(table.objects()), schema: Arc::new(table.version.schema.clone()), sources })
    }

    /// Rows that are still there.
    pub fn n_live(&self) -> u64 {
        self.sources.iter().map(Source::n_live).sum()
    }
}

impl Source {
    /// Identity and counts.
    pub fn file(&self) -> &DataFile {
        &self.planned.file
    }

    /// Rows that are still there.
    pub fn n_live(&self) -> u64 {
        self.file().n_live().saturating_sub(self.removed.len())
    }

    /// Whether a Parquet reader that matches columns by name gives all rows of this file under the columns `schema`, those
    /// that are gone, too.
    pub fn is_by_name(&self, schema: &TableSchema) -> bool {
        Projection { from: &self.schema, to: schema }.is_by_name()
    }

    /// The id of the first row, where the others follow.
    pub fn first_row_id(&self) -> Option<u64> {
        (self.file().row_ids.is_none() && self.row_ids.is_none()).then_some(self.file().first_row_id)
    }

    /// Positions of all rows that are gone.
    pub fn deletions(&self, objects: &Objects) -> Result<RoaringBitmap> {
        Ok(snapshot::deletions(objects, self.file())? | &self.removed)
    }

    /// Ids of all rows.
    pub fn row_ids(&self, objects: &Objects) -> Result<RowIds> {
        match &self.row_ids {
            Some(row_ids) => Ok(row_ids.clone()),
            None => snapshot::row_ids(objects, self.file()),
        }
    }
}
