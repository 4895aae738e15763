//! The version of a table that follows from what is staged: its leaves without the rows that go, and the new files behind.

use std::collections::HashMap;

use super::changes::{self, LeafPart, STAGED_ROW_IDS};
use super::leaves::{LeafContent, Manifest};
use super::stage::{Mode, StagedTable};
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::format::data_file::WrittenFile;
use crate::format::pack::{Class, ObjectRef, PackWriter};
use crate::format::row_ids::RowIds;
use crate::log::commit::{Notes, TableVersion};
use crate::log::objects::Objects;
use crate::log::snapshot::Table;

/// Files whose statistics are merged together.
const MERGED_AT_ONCE: usize = 32;
/// Files of the replaced version beyond which nobody looks whether a new file is one of them.
const LOOKED_AT: u64 = 100_000;

/// The version of a staged table, on top of the version on which it stands.
pub(super) fn table_version(
    staged: &StagedTable,
    sequence: u64,
    objects: &Objects,
    pack: &mut PackWriter,
) -> Result<TableVersion> {
    let before = staged.before.as_ref();
    let mut schemas = vec![staged.schema.clone()];
    schemas.extend(staged.definition.past_schemas.iter().cloned());
    let mut manifest = Manifest { objects, pack, schemas };
    let first_row_id = before.map_or(0, |table| table.version.next_row_id);
    let mut next_row_id = first_row_id;
    let mut leaves = match before.filter(|_| staged.mode == Mode::Append) {
        None => Vec::new(),
        Some(table) if staged.changes.is_empty() => table.version.leaves.clone(),
        Some(table) => staged.changes.apply(&table.version.leaves, sequence, &mut manifest)?,
    };
    let known = known_summaries(staged)?;
    let mut parts: Vec<LeafContent> = Vec::new();
    for file in &staged.files {
        let first = next_row_id;
        if file.row_ids.is_none() {
            next_row_id += file.n_rows;
        }
        // All of its rows were taken back.
        if file.deletions.len() == file.n_rows {
            continue;
        }
        let stored = known.get(&(file.id, file.schema_id));
        let file = with_real_ids(file, first_row_id);
        let (entry, part) = changes::entry(&file, first, sequence, stored, &mut manifest)?;
        let LeafPart { zones, statistics } = part;
        let new = LeafContent { files: vec![entry], zones: vec![zones], statistics };
        parts.push(new);
        if parts.len() == MERGED_AT_ONCE {
            parts = vec![LeafContent::join_all(parts)?];
        }
    }
    if !parts.is_empty() {
        manifest.push(&mut leaves, LeafContent::join_all(parts)?)?;
    }
    Ok(TableVersion {
        table_id: staged.table_id.clone(),
        schema: staged.schema.clone(),
        past_schemas: staged.definition.past_schemas.clone(),
        layout: staged.definition.layout.clone(),
        notes: notes(&staged.definition.notes, before, pack)?,
        leaves,
        next_row_id,
    })
}

/// Rows that this transaction wrote and then moved get the ids that their first file gives them.
fn with_real_ids(file: &WrittenFile, first_row_id: u64) -> WrittenFile {
    let mut file = file.clone();
    if let Some(row_ids) = &file.row_ids
        && row_ids.last() >= STAGED_ROW_IDS
    {
        let mut real = RowIds::default();
        for row in row_ids.iter() {
            let id = row.id.checked_sub(STAGED_ROW_IDS).map_or(row.id, |offset| first_row_id + offset);
            real.push(id, row.sequence);
        }
        file.row_ids = Some(real);
    }
    file
}

/// Statistics of files that an overwrite writes again as they were: they are stored already.
fn known_summaries(staged: &StagedTable) -> Result<HashMap<(Digest, u32), ObjectRef>> {
    match &staged.before {
        Some(table) if staged.mode == Mode::Overwrite && table.version.n_files() <= LOOKED_AT => {
            let files = table.files()?.into_iter();
            Ok(files.map(|file| ((file.id, file.schema_id), file.summary)).collect())
        }
        _ => Ok(HashMap::new()),
    }
}

fn notes(notes: &Notes, before: Option<&Table>, pack: &mut PackWriter) -> Result<Option<ObjectRef>> {
    if *notes == Notes::default() {
        return Ok(None);
    }
    if let Some(table) = before.filter(|table| table.notes == *notes) {
        return Ok(table.version.notes.clone());
    }
    let bytes = serde_json::to_vec(notes).map_err(|e| Error::InvalidArgument(e.to_string()))?;
    pack.add(Class::Payload, &bytes).map(Some)
}
