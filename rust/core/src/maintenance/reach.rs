//! What the versions of a warehouse refer to: packs, data files and raw files, of all entries of all branches and all tags.
//!
//! Versions share most of what they refer to, so each object is read once. Every object that a version refers to lies in
//! the pack of a commit of its history, and every commit is an entry of a branch that is never removed.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::format::manifest;
use crate::format::names;
use crate::format::pack::ObjectRef;
use crate::log::commit::{Commit, Leaf, Payloads, TableVersion, Tables};
use crate::log::nodes;
use crate::log::objects::Objects;
use crate::log::refs;
use crate::log::snapshot::Table;

/// Folders in which files may be garbage.
const FOLDERS: [&str; 4] = ["packs", "tables", "lake", "staging"];

/// Names of files that versions refer to.
#[derive(Debug, Default)]
pub struct Reached {
    /// Packs, data files and raw files.
    pub files: BTreeSet<String>,
}

/// Files that no version refers to, or that were removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unreferenced {
    /// Name and bytes of each file, in byte order.
    pub files: Vec<(String, u64)>,
    /// Files that are referred to, or too new.
    pub n_kept: u64,
}

/// Files that no version refers to and that are older than `cutoff_us`, by the store's clock.
pub fn unreferenced(objects: &Objects, cutoff_us: i64) -> Result<Unreferenced> {
    // Listed before the versions are walked: what a commit adds in between is referred to or not listed.
    let store = objects.store.as_ref();
    let mut listed = Vec::new();
    for folder in FOLDERS {
        listed.extend(store.list(folder)?);
    }
    let reached = reach(objects)?;
    let mut found = Unreferenced::default();
    for name in listed {
        let is_old = store.modified_us(&name)?.is_some_and(|modified| modified < cutoff_us);
        if reached.files.contains(&name) || !is_old {
            found.n_kept += 1;
        } else if let Some(size_bytes) = store.size(&name)? {
            found.files.push((name, size_bytes));
        }
    }
    found.files.sort();
    Ok(found)
}

struct Walk<'a> {
    objects: &'a Objects,
    seen: BTreeSet<String>,
    reached: Reached,
}

/// Everything that any version refers to. Damage is an error: what cannot be read may refer to anything.
pub fn reach(objects: &Objects) -> Result<Reached> {
    let mut walk = Walk { objects, seen: BTreeSet::new(), reached: Reached::default() };
    let store = objects.store.as_ref();
    for branch in refs::branches(store)? {
        let Some(head) = refs::head(store, &branch)? else { continue };
        for sequence in 0..=head.sequence {
            let entry = refs::entry(store, &branch, sequence)?.ok_or_else(|| missing(&branch, sequence))?;
            walk.commit(entry.commit.as_ref())?;
        }
    }
    for tag in refs::tags(store)? {
        walk.commit(refs::tag(store, &tag)?.and_then(|entry| entry.commit).as_ref())?;
    }
    Ok(walk.reached)
}

impl Walk<'_> {
    /// Whether an object is met for the first time; its pack is referred to.
    fn is_new(&mut self, object: &ObjectRef) -> bool {
        self.reached.files.insert(names::pack(&object.pack));
        self.seen.insert(object.id.clone())
    }

    fn commit(&mut self, reference: Option<&ObjectRef>) -> Result<()> {
        let Some(reference) = reference else { return Ok(()) };
        if !self.is_new(reference) {
            return Ok(());
        }
        let commit: Commit = self.objects.get_json(reference)?;
        self.is_new(&commit.operation);
        if let Some(tables) = commit.root.tables.filter(|tables| self.is_new(tables)) {
            let tables: Tables = self.objects.get_json(&tables)?;
            tables.values().try_for_each(|table| self.table(table))?;
        }
        for payloads in [commit.root.schemas, commit.root.features].into_iter().flatten() {
            if self.is_new(&payloads) {
                let payloads: Payloads = self.objects.get_json(&payloads)?;
                for payload in payloads.values() {
                    self.is_new(payload);
                }
            }
        }
        if let Some(lake) = commit.root.lake.filter(|lake| self.is_new(lake)) {
            let lake: Payloads = self.objects.get_json(&lake)?;
            lake.values().try_for_each(|pointer| self.pointer(pointer))?;
        }
        Ok(())
    }

    fn table(&mut self, reference: &ObjectRef) -> Result<()> {
        if !self.is_new(reference) {
            return Ok(());
        }
        let version: TableVersion = self.objects.get_json(reference)?;
        if let Some(notes) = &version.notes {
            self.is_new(notes);
        }
        version.leaves.iter().try_for_each(|leaf| self.leaf(&version.table_id, leaf))
    }

    fn leaf(&mut self, table_id: &str, leaf: &Leaf) -> Result<()> {
        self.is_new(&leaf.zones);
        self.is_new(&leaf.summary);
        self.is_new(&leaf.files);
        // Tables with the same rows share a leaf, but each has its files in its own folder.
        if !self.seen.insert(format!("{table_id}/{}", leaf.files.id)) {
            return Ok(());
        }
        if leaf.is_node {
            let leaves = nodes::read_node(self.objects, leaf)?;
            return leaves.iter().try_for_each(|leaf| self.leaf(table_id, leaf));
        }
        for file in manifest::decode_leaf(&self.objects.get(&leaf.files)?, &names::pack(&leaf.files.pack))? {
            self.is_new(&file.summary);
            for object in file.deletions.iter().map(|deletions| &deletions.positions).chain(&file.row_ids) {
                self.is_new(object);
            }
            self.data_file(table_id, &file.id)?;
        }
        Ok(())
    }

    fn data_file(&mut self, table_id: &str, id: &Digest) -> Result<()> {
        if let Some(id) = self.objects.purge.resolve(&id.to_hex()) {
            self.reached.files.insert(names::data_file(table_id, &id.parse()?));
        }
        Ok(())
    }

    fn pointer(&mut self, pointer: &ObjectRef) -> Result<()> {
        if self.is_new(pointer) && self.objects.purge.resolve(&pointer.id).is_some() {
            let hash = lake_hash(&self.objects.get(pointer)?)?;
            self.reached.files.insert(names::lake_object(&hash));
        }
        Ok(())
    }
}

/// The hash in a pointer of the lake, which is JSON with a member `hash`.
pub(super) fn lake_hash(pointer: &[u8]) -> Result<Digest> {
    let value: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(pointer).map_err(|e| Error::InvalidArgument(e.to_string()))?;
    value.get("hash").and_then(serde_json::Value::as_str).unwrap_or_default().parse()
}

pub(super) fn missing(branch: &str, sequence: u64) -> Error {
    Error::Corruption {
        path: names::branch_entry(branch, sequence),
        problem: "an entry of the branch is missing".into(),
        expected: format!("entry {sequence}"),
        found: "nothing".into(),
    }
}

/// A table whose metadata contradict themselves or its files.
pub(super) fn wrong(table: &Table, problem: &str, expected: impl ToString, found: impl ToString) -> Error {
    Error::Corruption {
        path: names::pack(&table.reference.pack),
        problem: format!("table '{}': {problem}", table.name),
        expected: expected.to_string(),
        found: found.to_string(),
    }
}
