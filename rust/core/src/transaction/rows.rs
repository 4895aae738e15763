//! Changes of rows that a table has: deleted by their ids, or written anew under the ids that they had.
//!
//! Which rows those are is for the caller to find out, from the files as this transaction sees them: what it wrote and
//! took away before is part of that view.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{Array, RecordBatchReader};
use arrow_schema::Schema;
use roaring::{RoaringBitmap, RoaringTreemap};

use super::changes::{Compaction, STAGED_ROW_IDS, lost_rows};
use super::stage::{Mode, StagedTable, Transaction};
use crate::error::{Error, Result};
use crate::format::arrange::{self, Arrangement};
use crate::format::data_file::{Target, WrittenFile};
use crate::format::manifest::DataFile;
use crate::format::pack::ObjectRef;
use crate::format::row_ids::RowIds;
use crate::format::schema::TableSchema;
use crate::format::table_writer;
use crate::log::objects::Objects;
use crate::scan::plan::PlannedFile;
use crate::scan::predicate::Predicate;
use crate::scan::reader::{self, ReadOptions};
use crate::scan::source::{FileSet, Source};

impl Transaction {
    /// The files of table `name` as this transaction sees them. Where nothing is staged, files that hold no row for which
    /// `predicate` is true are left out.
    pub fn files(&self, name: &str, predicate: Option<&Predicate>) -> Result<FileSet> {
        match self.tables.get(name) {
            None => FileSet::of_table(&self.known_table(name)?, predicate),
            Some(staged) => staged.files(self.base.objects()),
        }
    }

    /// Delete the rows of table `name` whose ids `ids` has in its first column. Returns their number.
    pub fn delete_rows(&mut self, name: &str, ids: &mut dyn RecordBatchReader) -> Result<u64> {
        let mut wanted = RoaringTreemap::new();
        let place = format!("table '{name}'");
        for batch in ids {
            let batch = batch?;
            let column = batch.columns().first().and_then(|column| column.as_primitive_opt::<UInt64Type>());
            let Some(column) = column.filter(|column| column.null_count() == 0) else {
                let hint = "give ids as uint64 without nulls".into();
                return Err(Error::SchemaMismatch { place, problem: "there is no column of row ids".into(), hint });
            };
            wanted.extend(column.values().iter().copied());
        }
        if !wanted.is_empty() {
            self.staged(name)?.remove(wanted.clone(), &place)?;
        }
        Ok(wanted.len())
    }

    /// Put `rows` in the place of those whose ids stand in their first column; the second one, of sequences, is 0, the rest
    /// are columns of the table. Returns the number of rows.
    pub fn update_rows(&mut self, name: &str, rows: &mut dyn RecordBatchReader) -> Result<u64> {
        let place = format!("table '{name}'");
        table_writer::check_origins(&rows.schema(), &place)?;
        let objects = Arc::clone(self.base.objects());
        let staged = self.staged(name)?;
        let written = table_writer::write_moved_rows(&staged.target(&objects, &place)?, rows)?;
        let mut moved = RoaringTreemap::new();
        let ids = written.iter().filter_map(|file| file.row_ids.as_ref()).flat_map(RowIds::iter);
        moved.extend(ids.map(|row| row.id));
        let n_rows: u64 = written.iter().map(|file| file.n_rows).sum();
        if moved.len() != n_rows {
            return Err(Error::InvalidArgument(format!("{place}: a row was updated twice; give each row once")));
        }
        staged.remove(moved, &place)?;
        staged.files.extend(written);
        Ok(n_rows)
    }

    /// Refuse a frame whose columns do not fit those of table `name`; it may lack some.
    pub fn check_frame(&self, name: &str, frame: &Schema) -> Result<()> {
        let place = format!("table '{name}'");
        match self.tables.get(name) {
            Some(staged) => staged.schema.check_columns(frame, &place),
            None => self.known_table(name)?.version.schema.check_columns(frame, &place),
        }
    }

    /// Say that what is staged for table `name` depends on which rows it does not have.
    pub fn depend_on_absence(&mut self, name: &str) -> Result<()> {
        self.staged(name)?.changes.reads_absence = true;
        Ok(())
    }

    /// Write the rows of some neighbouring files of table `name` anew, in as few files as they need. `false` where these are
    /// the files that there are, and nothing is staged.
    pub fn compact_files(&mut self, name: &str, group: &FileSet) -> Result<bool> {
        let place = format!("table '{name}'");
        let objects = Arc::clone(self.base.objects());
        let staged = self.staged(name)?;
        if !staged.files.is_empty() || !staged.changes.removed.is_empty() {
            return Err(Error::InvalidArgument(format!(
                "{place} has other changes in this transaction; commit them first"
            )));
        }
        let options = ReadOptions { columns: None, row_ids: true };
        let schema = Arc::new(staged.schema.clone());
        let group = FileSet { schema, ..group.clone() };
        let mut rows = reader::read(&group, &options, &place)?;
        let files = table_writer::write_moved_rows(&staged.target(&objects, &place)?, &mut rows)?;
        let replaced: Vec<DataFile> = group.sources.into_iter().map(|source| source.planned.file).collect();
        let is_same = |(old, new): (&DataFile, &WrittenFile)| {
            old.deletions.is_none() && (old.id, old.bucket, old.schema_id) == (new.id, new.bucket, new.schema_id)
        };
        if replaced.len() == files.len() && replaced.iter().zip(&files).all(is_same) {
            return Ok(false);
        }
        staged.changes.compactions.push(Compaction { replaced, files });
        let holds = match &staged.before {
            Some(before) => staged.changes.holds_on(before, u64::MAX, before)?,
            None => false,
        };
        if !holds {
            staged.changes.compactions.pop();
            return Err(Error::InvalidArgument(format!("{place} has not all these files any more; plan again")));
        }
        Ok(true)
    }

    /// What is staged for a table that there is.
    pub(super) fn staged(&mut self, name: &str) -> Result<&mut StagedTable> {
        if !self.tables.contains_key(name) {
            let staged = StagedTable::of(self.known_table(name)?, Mode::Append);
            self.tables.insert(name.into(), staged);
        }
        self.tables.get_mut(name).ok_or_else(|| lost_rows(name))
    }
}

impl StagedTable {
    /// All files that were written.
    pub(super) fn written(&self) -> impl Iterator<Item = &WrittenFile> {
        self.files.iter().chain(self.changes.compactions.iter().flat_map(|compaction| &compaction.files))
    }

    /// Where new files go.
    pub(super) fn target<'a>(&'a self, objects: &'a Objects, place: &'a str) -> Result<Target<'a>> {
        Ok(Target {
            store: objects.store.as_ref(),
            key: &objects.key,
            table_id: &self.table_id,
            schema: &self.schema,
            arrangement: self.arrangement(place)?,
            place,
        })
    }

    fn arrangement(&self, place: &str) -> Result<Arrangement> {
        let Some(layout) = &self.definition.layout else { return Ok(Arrangement::default()) };
        Ok(Arrangement {
            sort_by: arrange::positions(&layout.sort_by, &self.schema, place)?,
            bucket_by: arrange::positions(&layout.bucket_by, &self.schema, place)?,
            n_buckets: layout.n_buckets,
            first_bucket: layout.first_bucket,
        })
    }

    /// Take rows away, wherever they are by now.
    fn remove(&mut self, mut ids: RoaringTreemap, place: &str) -> Result<()> {
        let mut offset = STAGED_ROW_IDS;
        for file in &mut self.files {
            let row_ids = staged_row_ids(file, &mut offset);
            let found: Vec<_> =
                row_ids.find(&ids).filter(|row| !file.deletions.contains(row.position as u32)).collect();
            file.deletions.extend(found.iter().map(|row| row.position as u32));
            for row in found {
                ids.remove(row.id);
            }
        }
        let is_lost =
            ids.max().is_some_and(|last| last >= STAGED_ROW_IDS) || ids.intersection_len(&self.changes.removed) > 0;
        let has_base = self.before.is_some() && self.mode == Mode::Append;
        if is_lost || (!has_base && !ids.is_empty()) {
            return Err(lost_rows(place));
        }
        self.changes.removed |= ids;
        Ok(())
    }

    fn files(&self, objects: &Arc<Objects>) -> Result<FileSet> {
        let mut sources = Vec::new();
        if let Some(before) = self.before.as_ref().filter(|_| self.mode == Mode::Append) {
            for mut source in FileSet::of_table(before, None)?.sources {
                let (first, last) = (source.file().first_row_id, source.file().last_row_id);
                if self.changes.removed.range_cardinality(first..=last) > 0 {
                    let row_ids = source.row_ids(objects)?;
                    let gone = crate::log::snapshot::deletions(objects, source.file())?;
                    let removed = row_ids.find(&self.changes.removed).map(|row| row.position as u32);
                    source.removed = removed.filter(|position| !gone.contains(*position)).collect::<RoaringBitmap>();
                }
                sources.push(source);
            }
        }
        let mut offset = STAGED_ROW_IDS;
        for file in &self.files {
            let row_ids = staged_row_ids(file, &mut offset);
            sources.push(self.staged_source(file, row_ids));
        }
        Ok(FileSet { objects: Arc::clone(objects), schema: Arc::new(self.schema.clone()), sources })
    }

    fn staged_source(&self, written: &WrittenFile, row_ids: RowIds) -> Source {
        let mut schemas = std::iter::once(&self.schema).chain(&self.definition.past_schemas);
        let schema: &TableSchema = schemas.find(|schema| schema.id == written.schema_id).unwrap_or(&self.schema);
        let file = DataFile {
            id: written.id,
            n_rows: written.n_rows,
            size_bytes: written.size_bytes,
            first_row_id: row_ids.first(),
            last_row_id: row_ids.last(),
            sequence: 0,
            schema_id: written.schema_id,
            bucket: written.bucket,
            summary: ObjectRef { id: String::new(), pack: String::new() },
            deletions: None,
            row_ids: None,
        };
        let planned = PlannedFile { name: written.name.clone(), file };
        Source { planned, schema: Arc::new(schema.clone()), removed: written.deletions.clone(), row_ids: Some(row_ids) }
    }
}

/// Ids of the rows of a staged file; new rows count on from `offset`.
fn staged_row_ids(file: &WrittenFile, offset: &mut u64) -> RowIds {
    if let Some(row_ids) = &file.row_ids {
        return row_ids.clone();
    }
    *offset += file.n_rows;
    RowIds::implicit(*offset - file.n_rows, file.n_rows)
}
