//! Compare stored bytes with the hashes that name them, and what metadata says with what there is; say where they differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::sync::Arc;

use super::reach::{lake_hash, missing, unreferenced, wrong};
use super::recomputed;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::format::manifest::{self, DataFile};
use crate::format::names;
use crate::format::pack::ObjectRef;
use crate::log::commit::Leaf;
use crate::log::history;
use crate::log::ids;
use crate::log::nodes;
use crate::log::objects::Objects;
use crate::log::records;
use crate::log::refs::{self, RefEntry};
use crate::log::snapshot::{Snapshot, Table};
use crate::scan::plan::{self, PlannedFile};
use crate::statistics::TableStatistics;

/// A stored file that is not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Name in the store.
    pub path: String,
    /// What is wrong.
    pub problem: String,
    /// Hash or state that was recorded.
    pub expected: String,
    /// Hash or state that is there.
    pub found: String,
    /// Whether no part of the file can be used.
    pub is_whole: bool,
}

/// What was looked at, and what was wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Objects and files that were read and hashed.
    pub n_checked: u64,
    /// Those that are damaged or missing.
    pub problems: Vec<Problem>,
    /// Name and bytes of files that no version refers to: what writers left that were cut off.
    pub unreferenced: Vec<(String, u64)>,
}

impl Report {
    /// Count one look; damage becomes a problem, and there is no value then.
    fn take<T>(&mut self, outcome: Result<T>, is_whole: bool) -> Result<Option<T>> {
        self.n_checked += 1;
        match outcome {
            Ok(value) => Ok(Some(value)),
            Err(Error::Corruption { path, problem, expected, found }) => {
                self.problems.push(Problem { path, problem, expected, found, is_whole });
                Ok(None)
            }
            Err(Error::FormatVersion { path, found, supported }) => {
                let problem = "it has another format version".into();
                let (expected, found) = (supported.to_string(), found.to_string());
                self.problems.push(Problem { path, problem, expected, found, is_whole });
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }
}

/// Versions share most of what they refer to: each object and file is looked at once.
struct Walk<'a> {
    objects: &'a Arc<Objects>,
    /// Whether statistics are compared with the data, too.
    recompute: bool,
    report: Report,
    /// Ids of objects and names of files that were looked at.
    seen: BTreeSet<String>,
    /// Data files whose bytes are those that were written.
    sound: BTreeSet<String>,
    /// Packs that were looked at, and whether they can be read.
    packs: BTreeMap<String, bool>,
}

/// Check everything that any version refers to, the records and the caches, and list what no version refers to.
pub fn verify_warehouse(objects: &Arc<Objects>, recompute: bool) -> Result<Report> {
    let mut walk = Walk::new(objects, recompute);
    let store = objects.store.as_ref();
    for branch in refs::branches(store)? {
        walk.branch(&branch)?;
    }
    for name in refs::tags(store)? {
        if let Some(Some(entry)) = walk.report.take(refs::tag(store, &name), true)? {
            walk.commit(&entry)?;
        }
    }
    walk.records()?;
    // Where something is damaged nobody knows what it refers to.
    if walk.report.problems.is_empty() {
        walk.report.unreferenced = unreferenced(objects, i64::MAX)?.files;
    }
    Ok(walk.report)
}

/// Check everything that a snapshot reaches: objects, data files and raw files.
pub fn verify_snapshot(snapshot: &Snapshot) -> Result<Report> {
    let mut walk = Walk::new(snapshot.objects(), false);
    walk.snapshot(snapshot)?;
    Ok(walk.report)
}

/// Check the manifest, the stored statistics and the data files of one table.
pub fn verify_table(objects: &Arc<Objects>, table: &Table) -> Result<Report> {
    let mut walk = Walk::new(objects, false);
    walk.table(table)?;
    Ok(walk.report)
}

/// Check one raw file of the lake.
pub fn verify_raw(objects: &Objects, hash: &Digest) -> Result<Report> {
    let mut report = Report::default();
    report.take(check_raw(objects, hash), true)?;
    Ok(report)
}

impl<'a> Walk<'a> {
    fn new(objects: &'a Arc<Objects>, recompute: bool) -> Self {
        objects.forget_pack();
        Self {
            objects,
            recompute,
            report: Report::default(),
            seen: BTreeSet::new(),
            sound: BTreeSet::new(),
            packs: BTreeMap::new(),
        }
    }

    /// Every entry of a branch: numbered without gaps, each commit on top of the one before.
    fn branch(&mut self, branch: &str) -> Result<()> {
        let store = self.objects.store.as_ref();
        // The newest entry may be the damaged one: then the listing tells how many there are.
        let listed = store.list(&names::branch_folder(branch))?;
        let last = listed.iter().find_map(|name| names::branch_sequence(name)).unwrap_or(0);
        let mut before: Option<RefEntry> = None;
        for sequence in 0..=last {
            let entry = refs::entry(store, branch, sequence);
            let entry = entry.and_then(|entry| entry.ok_or_else(|| missing(branch, sequence)));
            let Some(entry) = self.report.take(entry, true)? else {
                before = None;
                continue;
            };
            let snapshot = self.commit(&entry)?;
            if let (Some(snapshot), Some(before)) = (&snapshot, &before) {
                self.report.take(check_parent(snapshot, &entry, before), false)?;
            }
            before = Some(entry);
        }
        self.report.take(history::check(self.objects, branch), true)?;
        self.report.take(ids::check(self.objects, branch), true)?;
        Ok(())
    }

    fn commit(&mut self, entry: &RefEntry) -> Result<Option<Snapshot>> {
        let Some(reference) = &entry.commit else { return Ok(None) };
        if !self.pack(reference)? {
            return Ok(None);
        }
        let opened = Snapshot::open(Arc::clone(self.objects), &entry.name, entry.sequence, Some(reference.clone()));
        let Some(snapshot) = self.report.take(opened, false)? else { return Ok(None) };
        if self.seen.insert(reference.id.clone()) {
            self.snapshot(&snapshot)?;
        }
        Ok(Some(snapshot))
    }

    fn snapshot(&mut self, snapshot: &Snapshot) -> Result<()> {
        let Some(commit) = snapshot.commit() else { return Ok(()) };
        self.object(&commit.operation)?;
        if let Some(tables) = self.report.take(snapshot.tables(), false)? {
            for (name, reference) in tables {
                if self.seen.insert(reference.id.clone())
                    && let Some(table) = self.report.take(Table::open(self.objects, name, reference), false)?
                {
                    self.table(&table)?;
                }
            }
        }
        for payload in self.report.take(snapshot.schemas(), false)?.unwrap_or_default().values() {
            self.object(payload)?;
        }
        for payload in self.report.take(snapshot.features(), false)?.unwrap_or_default().values() {
            self.object(payload)?;
        }
        for pointer in self.report.take(snapshot.lake(), false)?.unwrap_or_default().values() {
            if let Some(bytes) = self.object(pointer)? {
                let hash = lake_hash(&bytes)?;
                self.report.take(check_raw(self.objects, &hash), true)?;
            }
        }
        Ok(())
    }

    fn table(&mut self, table: &Table) -> Result<()> {
        if let Some(notes) = &table.version.notes {
            self.object(notes)?;
        }
        for leaf in &table.version.leaves {
            self.leaf(table, leaf)?;
        }
        let next = table.version.next_row_id;
        let end = table.version.leaves.iter().map(|leaf| leaf.last_row_id.saturating_add(1)).max().unwrap_or(0);
        let checked = if end > next { Err(wrong(table, "row ids are given twice", end, next)) } else { Ok(()) };
        self.report.take(checked, false)?;
        if self.recompute {
            self.report.take(check_row_ids(table), false)?;
        }
        Ok(())
    }

    /// The leaves of a node, and that it counts them right.
    fn node(&mut self, table: &Table, node: &Leaf) -> Result<()> {
        let Some(bytes) = self.object(&node.files)? else { return Ok(()) };
        let decoded = nodes::decode_node(&bytes, &names::pack(&node.files.pack));
        let Some(leaves) = self.report.take(decoded, false)? else { return Ok(()) };
        let sum = |count: fn(&Leaf) -> u64| leaves.iter().map(count).sum::<u64>();
        let found = [sum(|x| x.n_files), sum(|x| x.n_rows), sum(|x| x.n_deleted), sum(|x| x.size_bytes)];
        let expected = [node.n_files, node.n_rows, node.n_deleted, node.size_bytes];
        let show =
            |[files, rows, gone, bytes]: [u64; 4]| format!("{files} files, {rows} rows, {gone} gone, {bytes} bytes");
        let problem = "a node counts other files than its leaves";
        let checked = if found == expected { Ok(()) } else { Err(wrong(table, problem, show(expected), show(found))) };
        self.report.take(checked, false)?;
        self.object(&node.zones)?;
        self.object(&node.summary)?;
        leaves.iter().try_for_each(|leaf| self.leaf(table, leaf))
    }

    fn leaf(&mut self, table: &Table, leaf: &Leaf) -> Result<()> {
        if leaf.is_node {
            return self.node(table, leaf);
        }
        let place = |object: &ObjectRef| names::pack(&object.pack);
        let Some(bytes) = self.object(&leaf.files)? else { return Ok(()) };
        let Some(files) = self.report.take(manifest::decode_leaf(&bytes, &place(&leaf.files)), false)? else {
            return Ok(());
        };
        self.report.take(check_counts(table, leaf, &files), false)?;
        self.report.take(check_order(table, &files), false)?;
        let zones = match self.object(&leaf.zones)? {
            Some(bytes) => self.report.take(manifest::decode_zones(&bytes, &place(&leaf.zones)), false)?,
            None => None,
        };
        let summary = self.object(&leaf.summary)?;
        let mut merged: Option<TableStatistics> = None;
        for (position, file) in files.iter().enumerate() {
            let stored = self.file(table, file)?;
            let Some(stored) = stored.filter(|_| self.recompute) else { continue };
            if let Some(zones) = zones.as_ref().map(|zones| zones.get(position)) {
                self.report.take(recomputed::check_zones(table, file, &stored, zones), false)?;
            }
            match merged.as_mut() {
                Some(merged) => merged.merge(&stored)?,
                None => merged = Some(stored),
            }
        }
        // Summaries of files that were written with other columns are brought under those of the leaf first.
        let is_uniform = files.len() > 1 && files.iter().all(|file| file.schema_id == leaf.schema_id);
        if let (Some(merged), Some(summary), true) = (merged, summary, self.recompute && is_uniform) {
            self.report.take(recomputed::check_merge(table, &merged, &summary), false)?;
        }
        Ok(())
    }

    /// Check one data file; gives its stored statistics.
    fn file(&mut self, table: &Table, file: &DataFile) -> Result<Option<TableStatistics>> {
        let stored = match read(self.objects, &file.summary) {
            Ok(Some(bytes)) => self.report.take(TableStatistics::decode(&bytes), false)?,
            Ok(None) => None,
            Err(error) => self.report.take(Err(error), false)?,
        };
        for object in file.deletions.iter().map(|deletions| &deletions.positions).chain(&file.row_ids) {
            self.pack(object)?;
        }
        if let Some(deletions) = &file.deletions
            && self.seen.insert(format!("{} of {}", deletions.positions.id, file.n_rows))
        {
            self.report.take(table.deletions(file), false)?;
        }
        if let Some(row_ids) = &file.row_ids
            && self.seen.insert(format!("{} of {}", row_ids.id, file.n_rows))
        {
            self.report.take(table.row_ids(file), false)?;
        }
        if self.objects.purge.resolve(&file.id.to_hex()).is_none() {
            return Ok(stored);
        }
        let name = table.file_name(file)?;
        let planned = PlannedFile { name, file: file.clone() };
        if self.seen.insert(planned.name.clone())
            && self.report.take(plan::check_file(self.objects, &planned), true)?.is_some()
        {
            self.sound.insert(planned.name.clone());
        }
        // What different leaves say of one file is compared for each.
        let claim = format!("{} {} {}", planned.name, file.n_rows, file.summary.id);
        if let Some(stored) = stored.as_ref().filter(|_| self.recompute)
            && self.sound.contains(&planned.name)
            && self.seen.insert(claim)
        {
            self.report.take(recomputed::check_file(table, &planned, stored), false)?;
        }
        Ok(stored)
    }

    /// Number and frame of every record.
    fn records(&mut self) -> Result<()> {
        let store = self.objects.store.as_ref();
        for (position, name) in store.list("records")?.into_iter().enumerate() {
            let number = position as u64 + 1;
            let checked = match names::record_sequence(&name) {
                Some(found) if found != number => Err(Error::Corruption {
                    path: names::record(number),
                    problem: "an entry of the record log is missing".into(),
                    expected: format!("number {number}"),
                    found: format!("number {found}"),
                }),
                _ => records::check(store, &name),
            };
            if self.report.take(checked, true)?.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// An object at its first meeting, checked against its id; none where it is damaged, erased by a purge or known.
    fn object(&mut self, object: &ObjectRef) -> Result<Option<Vec<u8>>> {
        // Equal objects of two commits are stored twice: each is looked at.
        if !self.seen.insert(format!("{}/{}", object.pack, object.id)) || !self.pack(object)? {
            return Ok(None);
        }
        Ok(self.report.take(read(self.objects, object), false)?.flatten())
    }

    /// Whether the directory of an object's pack can be read.
    fn pack(&mut self, object: &ObjectRef) -> Result<bool> {
        if let Some(known) = self.packs.get(&object.pack) {
            return Ok(*known);
        }
        let is_readable = self.report.take(self.objects.pack(&object.pack), true)?.is_some();
        self.packs.insert(object.pack.clone(), is_readable);
        Ok(is_readable)
    }
}

/// A commit follows the one that the entry before names, in number and in time; a fence names that one again.
fn check_parent(snapshot: &Snapshot, entry: &RefEntry, before: &RefEntry) -> Result<()> {
    let corrupt = |problem: &str, expected: String, found: String| {
        let path = names::branch_entry(&entry.name, entry.sequence);
        Err(Error::Corruption { path, problem: problem.into(), expected, found })
    };
    let id = |reference: Option<&ObjectRef>| reference.map_or_else(|| "none".into(), |reference| reference.id.clone());
    let Some(commit) = snapshot.commit() else { return Ok(()) };
    let (follows, stands_on) = match &entry.fence {
        Some(_) => (entry.commit.as_ref(), before.commit.as_ref()),
        None => (commit.parents.first(), before.commit.as_ref()),
    };
    if follows != stands_on {
        return corrupt("its commit does not follow the one before", id(stands_on), id(follows));
    }
    if entry.time_us < before.time_us {
        return corrupt("its time runs backwards", before.time_us.to_string(), entry.time_us.to_string());
    }
    Ok(())
}

/// Files, rows and bytes of a leaf are those of its files.
fn check_counts(table: &Table, leaf: &Leaf, files: &[DataFile]) -> Result<()> {
    let sum = |count: fn(&DataFile) -> u64| files.iter().map(count).sum::<u64>();
    let found = [files.len() as u64, sum(|file| file.n_rows), sum(DataFile::n_deleted), sum(|file| file.size_bytes)];
    let expected = [leaf.n_files, leaf.n_rows, leaf.n_deleted, leaf.size_bytes];
    if found == expected {
        return Ok(());
    }
    let show = |[files, rows, gone, bytes]: [u64; 4]| format!("{files} files, {rows} rows, {gone} gone, {bytes} bytes");
    Err(wrong(table, "a leaf counts other files than it has", show(expected), show(found)))
}

/// New rows have ascending ids: files whose ids simply follow do not overlap.
fn check_order(table: &Table, files: &[DataFile]) -> Result<()> {
    let mut end = 0;
    for file in files.iter().filter(|file| file.row_ids.is_none()) {
        if file.first_row_id < end {
            return Err(wrong(table, "row ids overlap", end, file.first_row_id));
        }
        end = file.first_row_id.saturating_add(file.n_rows);
    }
    Ok(())
}

/// No two rows that are there have one id.
fn check_row_ids(table: &Table) -> Result<()> {
    let mut known: Vec<(u64, u64)> = Vec::new();
    for file in table.files()? {
        let gone = table.deletions(&file)?;
        for (position, id, length) in table.row_ids(&file)?.runs() {
            let (mut next, end) = (position, position.saturating_add(length));
            let mut holes = gone.iter();
            holes.advance_to(position.min(u64::from(u32::MAX)) as u32);
            let holes = holes.map(u64::from).filter(|hole| *hole >= position).take_while(|hole| *hole < end);
            for hole in holes.chain([end]) {
                if hole > next {
                    known.push((id.saturating_add(next - position), id.saturating_add(hole - position)));
                }
                next = hole.saturating_add(1);
            }
        }
    }
    known.sort_unstable();
    match known.windows(2).find(|pair| pair[1].0 < pair[0].1) {
        Some(pair) => Err(wrong(table, "row ids overlap", "each once", format!("{} twice", pair[1].0))),
        None => Ok(()),
    }
}

/// Read an object; `None` where a purge record says that it was erased.
fn read(objects: &Objects, object: &ObjectRef) -> Result<Option<Vec<u8>>> {
    if objects.purge.resolve(&object.id).is_none() {
        return Ok(None);
    }
    objects.get(object).map(Some)
}

fn check_raw(objects: &Objects, hash: &Digest) -> Result<()> {
    let name = names::lake_object(hash);
    let corrupt = |problem: &str, found: String| Error::Corruption {
        path: name.clone(),
        problem: problem.into(),
        expected: hash.to_hex(),
        found,
    };
    let found = match objects.store.local_path(&name) {
        Some(path) => match File::open(&path) {
            Ok(mut file) => {
                Digest::of_reader(&mut file).map_err(|source| Error::Io { action: "read".into(), path, source })?.0
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err(corrupt("the raw file is missing", "nothing".into()));
            }
            Err(source) => return Err(Error::Io { action: "open".into(), path, source }),
        },
        None => match objects.store.get(&name)? {
            Some(bytes) => Digest::of(&bytes),
            None => return Err(corrupt("the raw file is missing", "nothing".into())),
        },
    };
    if found == *hash { Ok(()) } else { Err(corrupt("the hash of the raw file does not match", found.to_hex())) }
}
