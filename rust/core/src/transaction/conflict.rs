//! What to do when the branch moved during a transaction: stand on the new head, or say which two changes collide.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use super::stage::{Committed, Mode, Removed, StagedTable, Transaction};
use crate::error::{Error, Result};
use crate::format::names;
use crate::log::keys;
use crate::log::refs::{self, RefEntry};
use crate::log::snapshot::{Snapshot, Table};
use crate::object::{ObjectStore, copy_hashed};

/// Commits that are looked at to find the one that collides; behind them the newest is named.
const BLAMED_COMMITS: u64 = 1000;

/// Move the transaction onto the branch's present head. Where a commit since its base has its idempotency key, that commit
/// is the transaction, and nothing moves.
pub(super) fn rebase(transaction: &mut Transaction) -> Result<()> {
    let objects = Arc::clone(transaction.base.objects());
    let branch = transaction.base.branch().to_owned();
    let head = refs::head(objects.store.as_ref(), &branch)?.ok_or_else(|| Error::VersionNotFound {
        name: branch.clone(),
        found: "the branch is gone".into(),
        nearest: Vec::new(),
    })?;
    if let Some(key) = &transaction.key
        && let Some(entry) = keys::find(&objects, &branch, head.sequence, key)?
    {
        transaction.applied = Committed::of(entry);
        return Ok(());
    }
    if let Some(entry) = earlier_try(transaction, head.sequence)? {
        transaction.applied = Committed::of(entry);
        return Ok(());
    }
    check_fences(transaction, &head)?;
    let head = Snapshot::open(objects, &branch, head.sequence, head.commit)?;
    rebase_payloads(transaction, &head)?;
    let moved = Moved { base: &transaction.base, head: &head };
    for (name, removed) in &mut transaction.removed {
        moved.rebase_removed(name, removed)?;
    }
    let base_sequence = transaction.base.commit().map_or(0, |commit| commit.sequence);
    for (name, staged) in &mut transaction.tables {
        moved.rebase_table(name, staged, &transaction.removed, base_sequence)?;
    }
    transaction.base = head;
    Ok(())
}

/// Files of a transaction that is older than a removal's grace may have been removed as garbage: it has to begin anew. The
/// removal goes by the same clock and the same limit, so that what passes here is not removed later either.
fn check_fences(transaction: &Transaction, head: &RefEntry) -> Result<()> {
    let store = transaction.base.objects().store.as_ref();
    let mut cutoff_us = None;
    for sequence in transaction.base.ref_sequence() + 1..=head.sequence {
        let fence = refs::entry(store, &head.name, sequence)?.and_then(|entry| entry.fence);
        cutoff_us = cutoff_us.max(fence.map(|fence| fence.cutoff_us));
    }
    let Some(cutoff_us) = cutoff_us else { return Ok(()) };
    for name in transaction.written_files() {
        if store.modified_us(&name)?.is_none_or(|modified| modified < cutoff_us) {
            return Err(Error::ExpiredTransaction { branch: head.name.clone(), path: name });
        }
    }
    Ok(())
}

/// The entry of this transaction that an earlier try put, although it was told that nobody knows.
fn earlier_try(transaction: &Transaction, last: u64) -> Result<Option<RefEntry>> {
    let base = &transaction.base;
    if !transaction.is_uncertain {
        return Ok(None);
    }
    for sequence in base.ref_sequence() + 1..=last {
        let entry = refs::entry(base.objects().store.as_ref(), base.branch(), sequence)?;
        if let Some(entry) = entry.filter(|entry| entry.writer == transaction.writer) {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

/// Expectations and raw files that this transaction sets have to be what they were.
fn rebase_payloads(transaction: &Transaction, head: &Snapshot) -> Result<()> {
    let moved = Moved { base: &transaction.base, head };
    for name in transaction.schemas.keys() {
        let Some(known) = transaction.name_in_base(name) else { continue };
        let id = |snapshot: &Snapshot| Ok(snapshot.schemas()?.get(known).map(|payload| payload.id.clone()));
        if id(&transaction.base)? != id(head)? {
            return Err(moved.conflict(name, "change of the schema", |_| "change of the schema", id)?);
        }
    }
    for name in transaction.features.keys() {
        let id = |snapshot: &Snapshot| Ok(snapshot.features()?.get(name).map(|payload| payload.id.clone()));
        if id(&transaction.base)? != id(head)? {
            return Err(moved.conflict(name, "change of the features", |_| "change of the features", id)?);
        }
    }
    for path in transaction.lake.keys() {
        let id = |snapshot: &Snapshot| Ok(snapshot.lake()?.get(path).map(|payload| payload.id.clone()));
        if id(&transaction.base)? != id(head)? {
            return Err(moved.conflict(path, "put", |_| "put", id)?);
        }
    }
    Ok(())
}

/// The version on which a transaction stood, and the one on which it is going to stand.
struct Moved<'a> {
    base: &'a Snapshot,
    head: &'a Snapshot,
}

impl Moved<'_> {
    fn rebase_removed(&self, name: &str, removed: &mut Removed) -> Result<()> {
        let now = table(self.head, name)?;
        match now {
            Some(now) if now.reference == removed.before.reference => Ok(()),
            // Another name does not care for the rows; whether it holds is decided where the staged table is.
            Some(now) if removed.renamed_to.is_some() && now.version.table_id == removed.before.version.table_id => {
                removed.before = now;
                Ok(())
            }
            _ if removed.renamed_to.is_some() => Err(self.table_conflict(name, "rename")?),
            _ => Err(self.table_conflict(name, "drop")?),
        }
    }

    fn rebase_table(
        &self,
        name: &str,
        staged: &mut StagedTable,
        removed: &BTreeMap<String, Removed>,
        base_sequence: u64,
    ) -> Result<()> {
        let ours = describe_staged(name, staged);
        let source = staged.before.as_ref().map_or(name, |before| before.name.as_str()).to_owned();
        if source != name && !removed.contains_key(name) && self.head.tables()?.contains_key(name) {
            return Err(self.table_conflict(name, ours)?);
        }
        // A table that is dropped and made anew has its own check as a dropped one.
        let is_made_anew = staged.before.is_none() && removed.contains_key(name);
        let now = if is_made_anew { None } else { table(self.head, &source)? };
        let appends = staged.mode == Mode::Append;
        match (&staged.before, now) {
            (None, None) => Ok(()),
            (Some(before), Some(now)) if before.reference == now.reference => Ok(()),
            (Some(before), Some(now))
                if appends
                    && now.version.table_id == before.version.table_id
                    && stands_on(staged, before, &now, base_sequence)? =>
            {
                staged.stand_on(now);
                Ok(())
            }
            (None, Some(now)) if appends && !staged.is_new && staged.is_like(&now) => {
                move_files(staged, &now.version.table_id, self.head)?;
                staged.stand_on(now);
                Ok(())
            }
            _ => Err(self.table_conflict(&source, ours)?),
        }
    }

    fn table_conflict(&self, name: &str, ours: &str) -> Result<Error> {
        let id = |snapshot: &Snapshot| Ok(snapshot.tables()?.get(name).map(|table| table.id.clone()));
        let describe =
            |(before, after): (&Snapshot, &Snapshot)| describe_change(before, after, name).unwrap_or("change");
        self.conflict(name, ours, describe, id)
    }

    /// The error that names both changes: ours, and the first commit since the base that changed what `id` tells.
    fn conflict(
        &self,
        name: &str,
        ours: &str,
        describe: impl Fn((&Snapshot, &Snapshot)) -> &'static str,
        id: impl Fn(&Snapshot) -> Result<Option<String>>,
    ) -> Result<Error> {
        let known = id(self.base)?;
        let (objects, branch) = (self.head.objects(), self.head.branch());
        let (first, last) = (self.base.ref_sequence() + 1, self.head.ref_sequence());
        let mut before = Snapshot::open(Arc::clone(objects), branch, first - 1, self.base.reference().cloned())?;
        for sequence in first..=last.min(first + BLAMED_COMMITS) {
            let Some(entry) = refs::entry(objects.store.as_ref(), branch, sequence)? else { break };
            let after = Snapshot::open(Arc::clone(objects), branch, sequence, entry.commit)?;
            if id(&after)? != known {
                return Ok(self.error(name, ours, describe((&before, &after)), &after));
            }
            before = after;
        }
        Ok(self.error(name, ours, describe((self.base, self.head)), self.head))
    }

    fn error(&self, name: &str, ours: &str, theirs: &str, commit: &Snapshot) -> Error {
        Error::WriteConflict {
            branch: self.head.branch().into(),
            table: name.into(),
            ours: ours.into(),
            theirs: format!("{theirs} ({})", commit.describe()),
        }
    }
}

fn describe_staged(name: &str, staged: &StagedTable) -> &'static str {
    match (&staged.before, staged.mode) {
        (_, Mode::Overwrite) => "overwrite",
        (None, Mode::Append) => "creation",
        (Some(before), Mode::Append) if staged.redefines(before) => "change of columns",
        (Some(_), Mode::Append) if !staged.changes.compactions.is_empty() => "compaction",
        (Some(_), Mode::Append) if staged.changes.reads_absence => "merge",
        (Some(_), Mode::Append) if !staged.changes.is_empty() => "change of rows",
        (Some(before), Mode::Append) if before.name != name && staged.files.is_empty() => "rename",
        (Some(_), Mode::Append) => "append",
    }
}

/// What a commit did to table `name`, from what there was before and after it.
fn describe_change(before: &Snapshot, after: &Snapshot, name: &str) -> Result<&'static str> {
    Ok(match (table(before, name)?, table(after, name)?) {
        (None, _) => "creation",
        (Some(old), None) => {
            let is_kept = |new: Result<Table>| new.is_ok_and(|new| new.version.table_id == old.version.table_id);
            let is_renamed = after.tables()?.keys().any(|other| is_kept(after.table(other)));
            if is_renamed { "rename" } else { "drop" }
        }
        (Some(old), Some(new)) if old.version.table_id != new.version.table_id => "drop and creation",
        (Some(old), Some(new)) if old.version.schema != new.version.schema || old.notes != new.notes => {
            "change of columns"
        }
        (Some(old), Some(new)) => {
            let added = new.version.next_row_id.wrapping_sub(old.version.next_row_id);
            let is_append = new.version.n_rows().wrapping_sub(old.version.n_rows()) == added;
            let is_kept =
                old.version.leaves.iter().any(|leaf| new.version.leaves.iter().any(|kept| kept.zones == leaf.zones));
            match (is_append, is_kept || new.version.n_deleted() > 0) {
                (true, _) => "append",
                (false, true) => "change of rows",
                (false, false) => "overwrite",
            }
        }
    })
}

fn table(snapshot: &Snapshot, name: &str) -> Result<Option<Table>> {
    if snapshot.tables()?.contains_key(name) { snapshot.table(name).map(Some) } else { Ok(None) }
}

/// Whether what is staged holds on `now`, which somebody else made of the table meanwhile.
fn stands_on(staged: &StagedTable, before: &Table, now: &Table, base_sequence: u64) -> Result<bool> {
    // Another name alone holds whatever columns the table has by now.
    if staged.files.is_empty() && staged.changes.is_empty() && !staged.redefines(before) {
        return Ok(true);
    }
    let is_same_definition = now.version.schema == before.version.schema
        && now.version.layout == before.version.layout
        && now.notes == before.notes;
    // Who changes columns, layout or notes does it on what they were; who only brings rows can live with new ones.
    let redefines = staged.redefines(before);
    let fits = is_same_definition || !redefines && (now.version.schema == staged.schema || staged.fits(now)?);
    Ok(fits && staged.changes.holds_on(before, base_sequence, now)?)
}

/// Two transactions created the same table: the later one's files move into the folder of the earlier one's.
fn move_files(staged: &mut StagedTable, table_id: &str, head: &Snapshot) -> Result<()> {
    let store = head.objects().store.as_ref();
    for file in &mut staged.files {
        let name = names::data_file(table_id, &file.id);
        let mut reader = StoredFile { store, name: &file.name, offset: 0 };
        let (upload, _, _) = copy_hashed(store.stage()?, &mut reader)?;
        upload.publish(&name)?;
        file.name = name;
    }
    staged.table_id = table_id.into();
    Ok(())
}

/// A stored object as a stream, so that no file has to fit into memory.
struct StoredFile<'a> {
    store: &'a dyn ObjectStore,
    name: &'a str,
    offset: u64,
}

impl Read for StoredFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let found = self.store.get_range(self.name, self.offset, buffer.len() as u64).map_err(io::Error::other)?;
        let bytes = found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, self.name.to_owned()))?;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        self.offset += bytes.len() as u64;
        Ok(bytes.len())
    }
}
