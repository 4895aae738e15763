//! Branches and tags. A branch is a row of numbered entries, each written by one put-if-absent; the newest is its head.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::format::envelope::{self, Kind};
use crate::format::names;
use crate::format::pack::ObjectRef;
use crate::object::ObjectStore;

/// The branch that a new warehouse has.
pub const MAIN: &str = "main";

/// One entry of a branch, or a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefEntry {
    /// Branch or tag.
    pub name: String,
    /// Number of the entry, from 0; 0 for a tag.
    pub sequence: u64,
    /// The commit; none before the first one.
    pub commit: Option<ObjectRef>,
    /// Random id of the transaction that wrote the entry: tells a lost answer from a lost race.
    pub writer: String,
    /// Time of the commit, or of the branch's creation.
    pub time_us: i64,
    /// Keyed hash of the idempotency key with which the commit was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Set on an entry that names the same commit as the one before it, because files were removed then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fence: Option<Fence>,
    /// Where a branch began: set on entry 0 of every branch but the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// What a transaction has to know that began before files were removed and is committed after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// Files that nothing referred to and that were older than this, by the store's clock, may be gone.
    pub cutoff_us: i64,
}

/// The entry of another branch from which a branch began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The other branch.
    pub branch: String,
    /// Number of its entry.
    pub sequence: u64,
}

/// How a put-if-absent of an entry ended.
pub enum Put {
    /// This entry, which is ours, is durable. An earlier attempt of the same writer may have put it.
    Done(RefEntry),
    /// Somebody else has that number.
    Taken,
}

/// The newest entry of `branch`, or `None` where there is no such branch.
pub fn head(store: &dyn ObjectStore, branch: &str) -> Result<Option<RefEntry>> {
    match hinted_sequence(store, branch)? {
        Some(sequence) => gallop(store, branch, sequence),
        None => listed_head(store, branch),
    }
}

/// Entry `sequence` of `branch`.
pub fn entry(store: &dyn ObjectStore, branch: &str, sequence: u64) -> Result<Option<RefEntry>> {
    read(store, Kind::Ref, &names::branch_entry(branch, sequence), branch, sequence)
}

/// The tag called `name`.
pub fn tag(store: &dyn ObjectStore, name: &str) -> Result<Option<RefEntry>> {
    read(store, Kind::Tag, &names::tag(name), name, 0)
}

/// Names of all branches.
pub fn branches(store: &dyn ObjectStore) -> Result<Vec<String>> {
    let mut branches: Vec<String> = store
        .list("refs/heads")?
        .iter()
        .filter_map(|name| name.strip_prefix("refs/heads/")?.split_once('/').map(|(branch, _)| branch.to_owned()))
        .collect();
    branches.dedup();
    Ok(branches)
}

/// Names that branches may have: those of all branches, perhaps with some that were never made. Entries are not listed.
pub fn branch_names(store: &dyn ObjectStore) -> Result<Vec<String>> {
    store.folders("refs/heads")
}

/// Names of all tags.
pub fn tags(store: &dyn ObjectStore) -> Result<Vec<String>> {
    let listed = store.list("refs/tags")?;
    Ok(listed.iter().filter_map(|name| name.strip_prefix("refs/tags/").map(str::to_owned)).collect())
}

/// Make the files `needed` durable, then write entry `entry.sequence` of its branch unless somebody did; `Done` means that
/// it is durable.
pub fn put_entry(store: &dyn ObjectStore, needed: &[String], entry: &RefEntry) -> Result<Put> {
    put(store, Kind::Ref, (needed, &names::branch_entry(&entry.name, entry.sequence)), entry)
}

/// Write a tag unless it exists.
pub fn put_tag(store: &dyn ObjectStore, entry: &RefEntry) -> Result<Put> {
    put(store, Kind::Tag, (&[], &names::tag(&entry.name)), entry)
}

/// Remember where the head of `branch` is. Only a hint: a lost or wrong one costs a listing, never an answer.
pub fn hint(store: &dyn ObjectStore, branch: &str, sequence: u64) {
    let _ = store.put_cache(&names::head_hint(branch), sequence.to_string().as_bytes());
}

fn put(store: &dyn ObjectStore, kind: Kind, (needed, name): (&[String], &str), entry: &RefEntry) -> Result<Put> {
    let body = serde_json::to_vec(entry).map_err(|e| Error::InvalidArgument(e.to_string()))?;
    let found = || read(store, kind, name, &entry.name, entry.sequence);
    // The answer may be lost although the entry was written: then it carries our writer id.
    let ours = match store.put_if_absent(needed, name, &envelope::seal(kind, &body)) {
        Ok(true) => entry.clone(),
        Ok(false) => match found()? {
            Some(found) if found.writer == entry.writer => found,
            _ => return Ok(Put::Taken),
        },
        Err(cause) => match found() {
            Ok(Some(found)) if found.writer == entry.writer => found,
            // The number is somebody else's, so that ours cannot come later.
            Ok(Some(_)) => return Ok(Put::Taken),
            Ok(None) if !matches!(cause, Error::OutcomeUnknown { .. }) => return Err(cause),
            _ => return Err(unknown(entry, &cause)),
        },
    };
    // Its bytes were on disk before it had its name.
    store.sync_names(&[name.to_owned()]).map_err(|cause| unknown(&ours, &cause))?;
    Ok(Put::Done(ours))
}

fn unknown(entry: &RefEntry, cause: &Error) -> Error {
    let commit = entry.commit.as_ref().map_or_else(|| "(none)".into(), |commit| commit.id.clone());
    Error::OutcomeUnknown { commit, cause: cause.to_string() }
}

fn read(store: &dyn ObjectStore, kind: Kind, path: &str, name: &str, sequence: u64) -> Result<Option<RefEntry>> {
    let Some(bytes) = store.get(path)? else { return Ok(None) };
    let corrupt = |expected: String, found: String| Error::Corruption {
        path: path.into(),
        problem: "it is not the ref that its name says".into(),
        expected,
        found,
    };
    let entry: RefEntry = serde_json::from_slice(envelope::open(kind, &bytes, path)?)
        .map_err(|e| corrupt("a ref entry".into(), e.to_string()))?;
    if entry.name != name || entry.sequence != sequence {
        return Err(corrupt(format!("{name} {sequence}"), format!("{} {}", entry.name, entry.sequence)));
    }
    Ok(Some(entry))
}

fn hinted_sequence(store: &dyn ObjectStore, branch: &str) -> Result<Option<u64>> {
    let Some(bytes) = store.get(&names::head_hint(branch))? else { return Ok(None) };
    let hinted: Option<u64> = std::str::from_utf8(&bytes).ok().and_then(|text| text.parse().ok());
    let Some(sequence) = hinted else { return Ok(None) };
    let exists = store.size(&names::branch_entry(branch, sequence))?.is_some();
    Ok(exists.then_some(sequence))
}

/// The last of an unbroken row of entries that starts with `first`, in a logarithmic number of looks.
fn gallop(store: &dyn ObjectStore, branch: &str, first: u64) -> Result<Option<RefEntry>> {
    let exists = |sequence: u64| Ok::<_, Error>(store.size(&names::branch_entry(branch, sequence))?.is_some());
    let (mut known, mut step) = (first, 1);
    while exists(known + step)? {
        known += step;
        step *= 2;
    }
    while step > 1 {
        step /= 2;
        if exists(known + step)? {
            known += step;
        }
    }
    entry(store, branch, known)
}

fn listed_head(store: &dyn ObjectStore, branch: &str) -> Result<Option<RefEntry>> {
    let listed = store.list(&names::branch_folder(branch))?;
    match listed.iter().find_map(|name| names::branch_sequence(name)) {
        Some(sequence) => entry(store, branch, sequence),
        None => Ok(None),
    }
}
