//! The commit itself: objects, sync, one put-if-absent; or a rebase where somebody was faster.

use std::sync::Arc;

use super::stage::{Committed, Transaction};
use super::{build, conflict};
use crate::error::{Error, Result};
use crate::format::names;
use crate::format::pack::{ObjectRef, PackWriter};
use crate::log::history;
use crate::log::refs::{self, Put, RefEntry};

/// Commits after which the writer brings the packed history up to date; half-way between the larger leaf merges.
const INDEX_EVERY: u64 = 64;

impl Transaction {
    /// Commit with `operation` (JSON) as its description. `None` means that the branch had moved: the transaction stands on
    /// the new head now, and the caller decides again whether to commit. A real conflict is an error.
    pub fn try_commit(&mut self, operation: &[u8]) -> Result<Option<Committed>> {
        if self.is_committed {
            return Err(Error::InvalidArgument("the transaction was committed already; begin another one".into()));
        }
        if self.applied.is_some() {
            return self.acknowledge_applied();
        }
        let changes = [self.schemas.is_empty(), self.features.is_empty(), self.lake.is_empty()];
        if self.tables.is_empty() && self.removed.is_empty() && changes.iter().all(|&is_empty| is_empty) {
            return Err(Error::InvalidArgument("nothing to commit: the transaction changed nothing".into()));
        }
        let objects = Arc::clone(self.base.objects());
        let store = objects.store.as_ref();
        let time_us = self.base.commit().map_or(0, |parent| parent.time_us + 1).max(store.now_us());
        let mut pack = PackWriter::new(objects.key)?;
        let commit = build::build(self, &mut pack, operation, time_us)?;
        let name = pack.name();
        let mut upload = store.stage()?;
        pack.write_to(&mut upload).map_err(|source| write_failed(&name, source))?;
        upload.publish(&name)?;
        let mut names = self.written_files();
        names.push(name);
        // All that the commit names is on disk before the one step that makes it visible, and the entry that it follows.
        objects.settle(&names::branch_entry(self.base.branch(), self.base.ref_sequence()))?;
        let committed = self.put_entry(&names, commit, time_us)?;
        if committed.is_some() {
            objects.note_pack(pack);
        }
        Ok(committed)
    }

    /// Stand on the branch's present head, if it moved. A real conflict is an error.
    pub fn refresh(&mut self) -> Result<()> {
        if self.applied.is_some() {
            return Ok(());
        }
        let store = Arc::clone(&self.base.objects().store);
        match refs::head(store.as_ref(), self.base.branch())? {
            Some(head) if head.sequence != self.base.ref_sequence() => conflict::rebase(self),
            _ => Ok(()),
        }
    }

    /// The commit that is this very change, once it is on disk: whoever put it may have been told that nobody knows.
    fn acknowledge_applied(&mut self) -> Result<Option<Committed>> {
        let Some(applied) = self.applied.clone() else { return Ok(None) };
        let settled = self.base.objects().settle(&names::branch_entry(&applied.branch, applied.ref_sequence));
        let unknown =
            |cause: Error| Error::OutcomeUnknown { commit: applied.commit.id.clone(), cause: cause.to_string() };
        settled.map_err(unknown)?;
        self.is_committed = true;
        Ok(Some(applied))
    }

    fn put_entry(&mut self, needed: &[String], commit: ObjectRef, time_us: i64) -> Result<Option<Committed>> {
        let objects = Arc::clone(self.base.objects());
        let store = objects.store.as_ref();
        let entry = RefEntry {
            name: self.base.branch().into(),
            sequence: self.base.ref_sequence() + 1,
            commit: Some(commit.clone()),
            writer: self.writer.clone(),
            time_us,
            key: self.key.clone(),
            fence: None,
            origin: None,
        };
        let put = refs::put_entry(store, needed, &entry);
        self.is_uncertain |= matches!(put, Err(Error::OutcomeUnknown { .. }));
        match put? {
            Put::Done(entry) => {
                self.is_committed = true;
                objects.note_durable(&names::branch_entry(&entry.name, entry.sequence));
                refs::hint(store, &entry.name, entry.sequence);
                if entry.sequence % INDEX_EVERY == INDEX_EVERY / 2 {
                    // Only a cache: a failure costs later readers time.
                    let _ = history::load(&objects, &entry.name);
                }
                let commit = entry.commit.unwrap_or(commit);
                let (branch, ref_sequence, time_us) = (entry.name, entry.sequence, entry.time_us);
                Ok(Some(Committed { commit, branch, ref_sequence, time_us }))
            }
            Put::Taken => {
                conflict::rebase(self)?;
                // What took the number may be this very change, made by an earlier try.
                self.acknowledge_applied()
            }
        }
    }
}

fn write_failed(name: &str, source: std::io::Error) -> Error {
    Error::Io { action: "write".into(), path: name.into(), source }
}
