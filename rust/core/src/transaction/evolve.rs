//! Changes of what a table is: its columns, its layout and what people say about it. Data files stay as they are, unless a
//! change of type makes their stored statistics wrong.

use std::collections::BTreeSet;

use arrow_array::{Array, RecordBatch};
use arrow_cast::{CastOptions, cast_with_options};

use super::definition::Definition;
use super::stage::{Mode, StagedTable, Transaction};
use crate::error::{Error, Result};
use crate::format::arrange::is_orderable;
use crate::format::evolve::{Evolution, contradiction};
use crate::format::project::Projection;
use crate::format::schema::{ColumnField, ColumnType, TableSchema};
use crate::log::commit::{Layout, Note};
use crate::log::snapshot::Table;
use crate::scan::reader::{self, ReadOptions};
use crate::scan::source::FileSet;
use crate::statistics::TableStatistics;

/// Most buckets of a table.
const MOST_BUCKETS: u32 = 65_536;
/// So that the last bucket is no special number.
const LAST_FIRST_BUCKET: u32 = u32::MAX - 2 * MOST_BUCKETS;

impl Transaction {
    /// Change the columns of table `name`.
    pub fn evolve(&mut self, name: &str, change: &Evolution) -> Result<()> {
        let place = format!("table '{name}'");
        let files = self.files(name, None)?;
        let staged = self.staged(name)?;
        let next = staged.schema.evolved(change, &place)?;
        if next.fields == staged.schema.fields {
            return Ok(());
        }
        check_rows(&files, change, &next, &place)?;
        let rewrites = !Projection { from: &staged.schema, to: &next }.keeps_statistics() && files.n_live() > 0;
        if rewrites && (!staged.files.is_empty() || !staged.changes.is_empty()) {
            let problem = "this change of type writes its files again; commit the other changes of it first".into();
            return Err(contradiction(&place, problem));
        }
        staged.changes.pins_rows |= depends_on_rows(change) || rewrites;
        staged.evolve(next, &place)?;
        if rewrites { self.rewrite(name, files) } else { Ok(()) }
    }

    /// Say in which order rows are written from now on, and which share files; none for as they come.
    pub fn set_layout(&mut self, name: &str, sort_by: &[String], bucket_by: &[String], n_buckets: u32) -> Result<()> {
        let place = format!("table '{name}'");
        let staged = self.staged(name)?;
        let ids = |names: &[String]| -> Result<Vec<i32>> {
            let distinct: BTreeSet<&String> = names.iter().collect();
            if distinct.len() != names.len() {
                let problem = "a column is named twice".into();
                return Err(Error::Layout { place: place.clone(), problem });
            }
            names.iter().map(|name| orderable(&staged.schema, name, &place)).collect()
        };
        let mut layout = Layout { sort_by: ids(sort_by)?, bucket_by: ids(bucket_by)?, n_buckets, first_bucket: 0 };
        if bucket_by.is_empty() != (n_buckets == 0) || n_buckets > MOST_BUCKETS {
            let problem = format!("{n_buckets} buckets by {} columns; give 1 to {MOST_BUCKETS}", bucket_by.len());
            return Err(Error::Layout { place, problem });
        }
        if let Some(old) = &staged.definition.layout {
            let is_same = (&old.bucket_by, old.n_buckets) == (&layout.bucket_by, n_buckets);
            layout.first_bucket = if is_same { old.first_bucket } else { old.first_bucket + old.n_buckets };
            if layout.first_bucket > LAST_FIRST_BUCKET {
                let problem = "its rows were put into other buckets too many times".into();
                return Err(Error::Layout { place, problem });
            }
        }
        staged.definition.layout = (layout != Layout::default()).then_some(layout);
        Ok(())
    }

    /// Say what table `name`, or the field at `path`, is.
    pub fn set_note(&mut self, name: &str, path: &[String], note: Note) -> Result<()> {
        let place = format!("table '{name}'");
        let staged = self.staged(name)?;
        if path.is_empty() {
            staged.definition.notes.table = note;
            return Ok(());
        }
        let id = staged.schema.field_at(path, &place)?.id;
        if note == Note::default() {
            staged.definition.notes.columns.remove(&id);
        } else {
            staged.definition.notes.columns.insert(id, note);
        }
        Ok(())
    }

    /// Write all rows again, under the new types.
    fn rewrite(&mut self, name: &str, files: FileSet) -> Result<()> {
        self.compact_files(name, &files)?;
        Ok(())
    }
}

impl StagedTable {
    /// What is staged for a table of the base: nothing yet.
    pub(super) fn of(before: Table, mode: Mode) -> Self {
        Self {
            table_id: before.version.table_id.clone(),
            schema: before.version.schema.clone(),
            definition: Definition::of(&before),
            before: Some(before),
            ..Self::new(mode)
        }
    }

    fn evolve(&mut self, next: TableSchema, place: &str) -> Result<()> {
        let mut definition = self.definition.clone();
        definition.keep_columns(&next, place)?;
        definition.past_schemas.push(std::mem::replace(&mut self.schema, next));
        self.definition = definition;
        Ok(())
    }

    /// Statistics of the rows that are written, under the columns that the table then has.
    pub(super) fn statistics(&self) -> Result<TableStatistics> {
        let mut merged = crate::statistics::Collector::new(&self.schema.to_physical())?.finish();
        for file in &self.files {
            let mut schemas = std::iter::once(&self.schema).chain(&self.definition.past_schemas);
            let from = schemas.find(|schema| schema.id == file.schema_id).unwrap_or(&self.schema);
            let mut part = Projection { from, to: &self.schema }.statistics(file.statistics.get()?.into_owned())?;
            part.n_deleted = file.deletions.len();
            merged.merge(&part)?;
        }
        Ok(merged)
    }

    /// Whether columns, layout or notes are changed.
    pub(super) fn redefines(&self, before: &Table) -> bool {
        self.schema != before.version.schema || self.definition != Definition::of(before)
    }

    /// Whether a table that somebody else created is what this transaction would create.
    pub(super) fn is_like(&self, other: &Table) -> bool {
        let says_nothing = self.definition == Definition::default();
        other.version.schema == self.schema && (says_nothing || self.definition == Definition::of(other))
    }

    /// Stand on a later version of the table, with its columns, layout and notes unless they are what is changed.
    pub(super) fn stand_on(&mut self, now: Table) {
        if self.before.as_ref().is_none_or(|before| !self.redefines(before)) {
            self.schema = now.version.schema.clone();
            self.definition = Definition::of(&now);
        }
        self.before = Some(now);
    }

    /// Whether files with the columns of `self` can stand in `head`, which has other columns by now.
    pub(super) fn fits(&self, head: &Table) -> Result<bool> {
        let now = &head.version.schema;
        let Some(own) = head.version.past_schemas.iter().find(|schema| schema.id == self.schema.id) else {
            return Ok(false);
        };
        let projection = Projection { from: &self.schema, to: now };
        if own.fields != self.schema.fields || !projection.keeps_statistics() {
            return Ok(false);
        }
        for file in &self.files {
            let statistics = projection.statistics(file.statistics.get()?.into_owned())?;
            let nulls = |field: &ColumnField| statistics.column(&field.name).is_some_and(|column| column.n_null() > 0);
            if now.fields.iter().any(|field| !field.nullable && nulls(field)) {
                return Ok(false);
            }
        }
        // A narrower type may not hold what was written meanwhile.
        let widens = |field: &ColumnField| {
            now.field_by_id(field.id).is_none_or(|new| new.kind.accepts(&field.kind) || is_nested(&new.kind))
        };
        Ok(self.schema.fields.iter().all(widens))
    }
}

fn is_nested(kind: &ColumnType) -> bool {
    matches!(kind, ColumnType::List { .. } | ColumnType::Struct { .. })
}

fn orderable(schema: &TableSchema, name: &str, place: &str) -> Result<i32> {
    let layout = |problem: String| Error::Layout { place: place.into(), problem };
    let field = schema.field(name).ok_or_else(|| layout(format!("there is no column '{name}'")))?;
    if is_orderable(&field.kind) {
        return Ok(field.id);
    }
    Err(layout(format!("column '{name}' is {}, which has no order", field.kind)))
}

/// Whether other rows could make the change impossible.
fn depends_on_rows(change: &Evolution) -> bool {
    match change {
        Evolution::Add { field, default, .. } => !field.is_nullable() && default.is_none(),
        Evolution::SetNullable { nullable, .. } => !nullable,
        Evolution::Retype { narrowing, .. } => *narrowing,
        Evolution::Drop { .. } | Evolution::Rename { .. } | Evolution::Reorder { .. } => false,
    }
}

/// Refuse a change that the rows contradict.
fn check_rows(files: &FileSet, change: &Evolution, next: &TableSchema, place: &str) -> Result<()> {
    if files.n_live() == 0 {
        return Ok(());
    }
    match change {
        Evolution::Add { path, field, default } if !field.is_nullable() && default.is_none() => {
            let problem = format!(
                "column '{}' may not be null, but the rows that are there have no value for it; give a default",
                path.join(".")
            );
            Err(contradiction(place, problem))
        }
        Evolution::SetNullable { path, nullable: false } => check_column(files, next, &path[0], place, &mut |batch| {
            let n_null = nulls_at(batch.column(0), &path[1..]);
            if n_null == 0 {
                return Ok(());
            }
            Err(contradiction(place, format!("column '{}' is null in {n_null} rows or more", path.join("."))))
        }),
        Evolution::Retype { path, narrowing: true, .. } => {
            let target = next.field(&path[0]).map(|field| field.kind.to_arrow(true));
            check_column(files, next, &path[0], place, &mut |batch| {
                let strict = CastOptions { safe: false, ..CastOptions::default() };
                let Some(target) = &target else { return Ok(()) };
                match cast_with_options(batch.column(0), target, &strict) {
                    Ok(_) => Ok(()),
                    Err(found) => Err(contradiction(place, format!("column '{}': {found}", path.join(".")))),
                }
            })
        }
        _ => Ok(()),
    }
}

fn check_column(
    files: &FileSet,
    next: &TableSchema,
    column: &str,
    place: &str,
    check: &mut dyn FnMut(&RecordBatch) -> Result<()>,
) -> Result<()> {
    debug_assert!(next.field(column).is_some());
    let options = ReadOptions { columns: Some(vec![column.into()]), row_ids: false };
    for batch in reader::read(files, &options, place)? {
        check(&batch?)?;
    }
    Ok(())
}

/// Nulls of a nested field in rows where what holds it is not null.
fn nulls_at(column: &arrow_array::ArrayRef, path: &[String]) -> usize {
    use arrow_array::cast::AsArray;
    let Some((name, rest)) = path.split_first() else { return column.null_count() };
    if let Some(array) = column.as_struct_opt() {
        let Some(member) = array.column_by_name(name) else { return 0 };
        let both = arrow_buffer::NullBuffer::union(array.nulls(), member.nulls());
        let outer = array.null_count();
        return if rest.is_empty() {
            both.map_or(0, |nulls| nulls.null_count()) - outer
        } else {
            nulls_at(member, rest)
        };
    }
    match column.as_list_opt::<i64>() {
        Some(array) => nulls_at(array.values(), if name == "item" { rest } else { path }),
        None => 0,
    }
}
