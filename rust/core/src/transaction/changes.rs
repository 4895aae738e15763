//! Which rows of a table a transaction takes away or moves, by their ids: so the change holds on any later version that
//! still has those rows as they were, whichever files they lie in by then.

use std::collections::{BTreeMap, BTreeSet};

use roaring::{RoaringBitmap, RoaringTreemap};

use super::leaves::{LeafContent, Manifest};
use crate::error::{Error, Result};
use crate::format::data_file::WrittenFile;
use crate::format::deletions::encode_deletions;
use crate::format::manifest::{DataFile, Deletions};
use crate::format::pack::{Class, ObjectRef};
use crate::log::commit::Leaf;
use crate::log::nodes;
use crate::log::objects::Objects;
use crate::log::snapshot::{self, Table};

/// Ids of rows that the transaction itself wrote and that have no id yet begin here.
pub(super) const STAGED_ROW_IDS: u64 = 1 << 62;

/// Changes of rows that the table had before the transaction.
#[derive(Default)]
pub(super) struct RowChanges {
    /// Rows that are deleted, or that stand in a staged file now.
    pub(super) removed: RoaringTreemap,
    /// Whether the change depends on which rows there are not: then rows that others add are a conflict.
    pub(super) reads_absence: bool,
    /// Whether the change depends on all rows: then every other change of rows is a conflict.
    pub(super) pins_rows: bool,
    /// Files that give way to others with the same rows.
    pub(super) compactions: Vec<Compaction>,
}

/// Neighbouring files that become others with the same rows, in the same place.
pub(super) struct Compaction {
    /// The entries as they were when the rows were read.
    pub(super) replaced: Vec<DataFile>,
    /// What stands in their place.
    pub(super) files: Vec<WrittenFile>,
}

impl RowChanges {
    pub(super) fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.compactions.is_empty()
    }

    /// Whether the change, which was made on `base`, holds on `head`, a later version of the table.
    pub(super) fn holds_on(&self, base: &Table, base_sequence: u64, head: &Table) -> Result<bool> {
        if self.pins_rows && head.version.leaves != base.version.leaves {
            return Ok(false);
        }
        if self.reads_absence && head.version.next_row_id != base.version.next_row_id {
            return Ok(false);
        }
        if !self.removed.is_empty() {
            let mut found = Found { known: base_sequence, ..Found::default() };
            for leaf in nodes::flatten(head.objects(), &head.version.leaves)? {
                if is_near(&self.removed, leaf.first_row_id, leaf.last_row_id) {
                    let mut files = head.files_of(&leaf)?;
                    found.take(head.objects(), &self.removed, &mut files, None)?;
                }
            }
            if found.is_newer || found.n_rows != self.removed.len() {
                return Ok(false);
            }
        }
        let mut missing: BTreeSet<Key> =
            self.compactions.iter().flat_map(|compaction| &compaction.replaced).map(key).collect();
        if missing.is_empty() {
            return Ok(true);
        }
        for leaf in head.leaves()? {
            if self.may_replace(&leaf) {
                head.files_of(&leaf)?.iter().for_each(|file| {
                    missing.remove(&key(file));
                });
            }
        }
        Ok(missing.is_empty())
    }

    /// Whether a leaf may have a file that is compacted.
    fn may_replace(&self, leaf: &Leaf) -> bool {
        let mut replaced = self.compactions.iter().flat_map(|compaction| &compaction.replaced);
        replaced.any(|file| file.first_row_id >= leaf.first_row_id && file.last_row_id <= leaf.last_row_id)
    }

    /// The leaves without the rows that go, and with compacted files in their new form.
    pub(super) fn apply(&self, leaves: &[Leaf], sequence: u64, manifest: &mut Manifest<'_>) -> Result<Vec<Leaf>> {
        let mut changed = if self.removed.is_empty() { leaves.to_vec() } else { self.without_rows(leaves, manifest)? };
        if !self.compactions.is_empty() {
            changed = self.compact(&changed, sequence, manifest)?;
        }
        // A leaf without rows is of no use to anybody.
        changed.retain(|leaf| leaf.n_deleted < leaf.n_rows);
        Ok(changed)
    }

    fn without_rows(&self, leaves: &[Leaf], manifest: &mut Manifest<'_>) -> Result<Vec<Leaf>> {
        let mut changed = Vec::with_capacity(leaves.len());
        for leaf in leaves {
            if !is_near(&self.removed, leaf.first_row_id, leaf.last_row_id) {
                changed.push(leaf.clone());
            } else if leaf.is_node {
                let children = manifest.children(leaf)?;
                let others = self.without_rows(&children, manifest)?;
                let is_same = children == others;
                changed.push(if is_same { leaf.clone() } else { manifest.rewrite_node(leaf, &others)? });
            } else {
                let mut files = manifest.files(leaf)?;
                let mut found = Found::default();
                found.take(manifest.objects, &self.removed, &mut files, Some(manifest))?;
                changed.push(if found.n_rows == 0 { leaf.clone() } else { manifest.rewrite(leaf, &files)? });
            }
        }
        Ok(changed)
    }

    fn compact(&self, leaves: &[Leaf], sequence: u64, manifest: &mut Manifest<'_>) -> Result<Vec<Leaf>> {
        let leaves = self.spread(leaves, manifest)?;
        let leaves = leaves.as_slice();
        let mut owners: BTreeMap<Key, usize> = BTreeMap::new();
        for (number, compaction) in self.compactions.iter().enumerate() {
            owners.extend(compaction.replaced.iter().map(|file| (key(file), number)));
        }
        let mut entries: Vec<Option<Vec<(DataFile, LeafPart)>>> = Vec::new();
        for compaction in &self.compactions {
            entries.push(Some(self.entries(compaction, leaves, sequence, manifest)?));
        }
        let mut compacted: Vec<Leaf> = Vec::new();
        let mut open: Option<LeafContent> = None;
        for leaf in leaves {
            let files = if self.may_replace(leaf) { manifest.files(leaf)? } else { Vec::new() };
            if files.iter().all(|file| !owners.contains_key(&key(file))) {
                if let Some(content) = open.take() {
                    compacted.push(manifest.write(&content)?);
                }
                compacted.push(leaf.clone());
                continue;
            }
            for (file, zones) in files.into_iter().zip(manifest.zones(leaf)?) {
                let parts = if let Some(number) = owners.get(&key(&file)) {
                    entries[*number].take().unwrap_or_default()
                } else {
                    let statistics = manifest.statistics(&file.summary, file.schema_id)?;
                    vec![(file, LeafPart { zones, statistics })]
                };
                for (file, part) in parts {
                    let LeafPart { zones, statistics } = part;
                    let content = LeafContent { files: vec![file], zones: vec![zones], statistics };
                    open = Some(match open.take() {
                        Some(before) => before.join(content)?,
                        None => content,
                    });
                }
            }
        }
        if let Some(content) = open {
            compacted.push(manifest.write(&content)?);
        }
        manifest.regrouped(compacted)
    }

    /// The leaves, with those of a node that has compacted files in its place.
    fn spread(&self, leaves: &[Leaf], manifest: &Manifest<'_>) -> Result<Vec<Leaf>> {
        let mut spread = Vec::with_capacity(leaves.len());
        for leaf in leaves {
            if leaf.is_node && self.may_replace(leaf) {
                spread.extend(manifest.children(leaf)?);
            } else {
                spread.push(leaf.clone());
            }
        }
        Ok(spread)
    }

    /// Entries of the new files, without rows that others deleted meanwhile.
    fn entries(
        &self,
        compaction: &Compaction,
        leaves: &[Leaf],
        sequence: u64,
        manifest: &mut Manifest<'_>,
    ) -> Result<Vec<(DataFile, LeafPart)>> {
        let planned: BTreeMap<Key, &DataFile> = compaction.replaced.iter().map(|file| (key(file), file)).collect();
        let mut gone = RoaringTreemap::new();
        for leaf in leaves.iter().filter(|leaf| self.may_replace(leaf)) {
            for file in manifest.files(leaf)? {
                let Some(before) = planned.get(&key(&file)) else { continue };
                if before.deletions == file.deletions {
                    continue;
                }
                let new = stored_deletions(&file, manifest)? - snapshot::deletions(manifest.objects, before)?;
                let row_ids = snapshot::row_ids(manifest.objects, &file)?;
                gone.extend(row_ids.iter().filter(|row| new.contains(row.position as u32)).map(|row| row.id));
            }
        }
        let mut entries = Vec::new();
        for file in &compaction.files {
            let mut file = file.clone();
            if let Some(row_ids) = &file.row_ids {
                file.deletions.extend(row_ids.find(&gone).map(|row| row.position as u32));
            }
            entries.push(entry(&file, 0, sequence, None, manifest)?);
        }
        Ok(entries)
    }
}

/// What a leaf holds of a file beside its entry.
pub(super) struct LeafPart {
    pub(super) zones: crate::format::manifest::FileZones,
    pub(super) statistics: crate::statistics::TableStatistics,
}

/// The entry of a new file whose new rows get ids from `first_row_id` on; its statistics may be stored already.
pub(super) fn entry(
    file: &WrittenFile,
    first_row_id: u64,
    sequence: u64,
    stored_summary: Option<&ObjectRef>,
    manifest: &mut Manifest<'_>,
) -> Result<(DataFile, LeafPart)> {
    let summary = match stored_summary {
        Some(stored) => stored.clone(),
        None => file.statistics.add_to(manifest.pack)?,
    };
    let statistics = file.statistics.get()?;
    let (first, last, row_ids) = match &file.row_ids {
        None => (first_row_id, first_row_id + file.n_rows - 1, None),
        Some(row_ids) => {
            let object = manifest.pack.add(Class::Payload, &row_ids.encode())?;
            (row_ids.first(), row_ids.last(), Some(object))
        }
    };
    let deletions = if file.deletions.is_empty() { None } else { Some(stored(&file.deletions, manifest)?) };
    let own = manifest.schemas.iter().find(|schema| schema.id == file.schema_id).unwrap_or(&manifest.schemas[0]);
    let zones = super::leaves::zones(&statistics, own)?;
    let statistics = manifest.project(statistics.into_owned(), file.schema_id)?;
    let entry = DataFile {
        id: file.id,
        n_rows: file.n_rows,
        size_bytes: file.size_bytes,
        first_row_id: first,
        last_row_id: last,
        sequence,
        schema_id: file.schema_id,
        bucket: file.bucket,
        summary,
        deletions,
        row_ids,
    };
    Ok((entry, LeafPart { zones, statistics }))
}

type Key = (crate::Digest, u64, u64, u64);

/// What makes an entry of a file that file, whatever rows it has lost.
fn key(file: &DataFile) -> Key {
    (file.id, file.first_row_id, file.last_row_id, file.sequence)
}

fn stored(positions: &RoaringBitmap, manifest: &mut Manifest<'_>) -> Result<Deletions> {
    let object = manifest.pack.add(Class::Payload, &encode_deletions(positions)?)?;
    Ok(Deletions { n_rows: positions.len(), positions: object })
}

/// Positions that are gone, which this commit may have written.
fn stored_deletions(file: &DataFile, manifest: &Manifest<'_>) -> Result<RoaringBitmap> {
    let Some(deletions) = &file.deletions else { return Ok(RoaringBitmap::new()) };
    let bytes = manifest.get(&deletions.positions)?;
    crate::format::deletions::decode_deletions(&bytes, file.n_rows, deletions.n_rows, &deletions.positions.pack)
}

fn is_near(wanted: &RoaringTreemap, first: u64, last: u64) -> bool {
    wanted.range_cardinality(first..=last) > 0
}

/// What was found of the rows that are to go.
#[derive(Default)]
struct Found {
    /// Rows that are there.
    n_rows: u64,
    /// Sequence of the newest commit that was known when the rows were chosen.
    known: u64,
    /// Whether one of them was written after it.
    is_newer: bool,
}

impl Found {
    /// Look for rows in files that are there; with a manifest, delete them.
    fn take(
        &mut self,
        objects: &Objects,
        wanted: &RoaringTreemap,
        files: &mut [DataFile],
        mut manifest: Option<&mut Manifest<'_>>,
    ) -> Result<()> {
        for file in files.iter_mut().filter(|file| is_near(wanted, file.first_row_id, file.last_row_id)) {
            let gone = snapshot::deletions(objects, file)?;
            let row_ids = snapshot::row_ids(objects, file)?;
            let mut found = RoaringBitmap::new();
            for row in row_ids.find(wanted).filter(|row| !gone.contains(row.position as u32)) {
                found.insert(row.position as u32);
                self.is_newer |= (if row.sequence == 0 { file.sequence } else { row.sequence }) > self.known;
            }
            self.n_rows += found.len();
            if let Some(manifest) = manifest.as_deref_mut().filter(|_| !found.is_empty()) {
                file.deletions = Some(stored(&(gone | found), manifest)?);
            }
        }
        Ok(())
    }
}

/// An error for rows that should be there and are not.
pub(super) fn lost_rows(place: &str) -> Error {
    Error::InvalidArgument(format!("{place} has not all rows that are to be changed; begin another transaction"))
}
