//! The history of a branch as one packed, rebuildable index, so that listing or finding an old version walks no commits.

use serde::{Deserialize, Serialize};

use super::commit::Commit;
use super::ids;
use super::objects::Objects;
use super::refs;
use crate::error::{Error, Result};
use crate::format::envelope::{self, Kind};
use crate::format::names;
use crate::format::pack::ObjectRef;

/// New rows after which the stored index is written again.
const REWRITE_ROWS: usize = 16;

/// One commit of a branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// The branch on which it was committed.
    pub branch: String,
    /// Number of that branch's entry.
    pub sequence: u64,
    /// The commit.
    pub commit: ObjectRef,
    /// Its first parent, none for the first commit.
    pub parent: Option<String>,
    /// Microseconds since 1970 UTC.
    pub time_us: i64,
    /// What was done (JSON).
    pub operation: String,
    /// Keyed hash of the idempotency key with which it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Commits of `branch`, oldest first, with those that it shares with the branch from which it began.
pub fn load(objects: &Objects, branch: &str) -> Result<Vec<HistoryRow>> {
    load_until(objects, branch, u64::MAX)
}

/// The same up to entry `last` of `branch`. Each branch has its own numbers, so each is cut by itself.
fn load_until(objects: &Objects, branch: &str, last: u64) -> Result<Vec<HistoryRow>> {
    let mut own = load_own(objects, branch)?;
    own.retain(|row| row.sequence <= last);
    let first = refs::entry(objects.store.as_ref(), branch, 0)?;
    let Some(origin) = first.and_then(|entry| entry.origin) else { return Ok(own) };
    let mut rows = load_until(objects, &origin.branch, origin.sequence)?;
    // Entry 0 names the commit that the origin ends with.
    rows.extend(own.into_iter().filter(|row| row.sequence > 0));
    Ok(rows)
}

fn load_own(objects: &Objects, branch: &str) -> Result<Vec<HistoryRow>> {
    let Some(head) = refs::head(objects.store.as_ref(), branch)? else { return Ok(Vec::new()) };
    let mut rows = indexed(objects, branch, head.sequence)?;
    let known = rows.last().map_or(0, |row| row.sequence + 1);
    let n_stored = rows.len();
    for sequence in known..=head.sequence {
        let entry = refs::entry(objects.store.as_ref(), branch, sequence)?.ok_or_else(|| missing(branch, sequence))?;
        if let Some(row) = row(objects, entry)? {
            rows.push(row);
        }
    }
    if objects.writes_caches
        && rows.len() >= n_stored + REWRITE_ROWS
        && let Ok(body) = serde_json::to_vec(&rows)
    {
        let _ = objects.store.put_cache(&names::history(branch), &envelope::seal(Kind::History, &body));
        let commits: Vec<(&str, u64)> = rows.iter().map(|row| (row.commit.id.as_str(), row.sequence)).collect();
        ids::write(objects, branch, &commits);
    }
    Ok(rows)
}

/// The entry of `branch`, or of the one from which it began, with the newest commit not after `time_us`, by binary search;
/// `None` where all are later.
pub fn entry_at(objects: &Objects, branch: &str, time_us: i64) -> Result<Option<refs::RefEntry>> {
    entry_until(objects, branch, time_us, u64::MAX - 1)
}

fn entry_until(objects: &Objects, branch: &str, time_us: i64, last: u64) -> Result<Option<refs::RefEntry>> {
    let store = objects.store.as_ref();
    let Some(head) = refs::head(store, branch)? else { return Ok(None) };
    let (mut low, mut high) = (0, head.sequence.min(last) + 1);
    let mut found = None;
    while low < high {
        let middle = low + (high - low) / 2;
        let entry = refs::entry(store, branch, middle)?.ok_or_else(|| missing(branch, middle))?;
        if entry.time_us <= time_us {
            found = Some(entry);
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if found.is_some() {
        return Ok(found);
    }
    match refs::entry(store, branch, 0)?.and_then(|first| first.origin) {
        Some(origin) => entry_until(objects, &origin.branch, time_us, origin.sequence),
        None => Ok(None),
    }
}

/// The rows of the stored index up to entry `last`; none where it is not that of this branch.
pub(super) fn indexed(objects: &Objects, branch: &str, last: u64) -> Result<Vec<HistoryRow>> {
    let mut rows = stored(objects, branch).unwrap_or_default();
    rows.retain(|row| row.sequence <= last);
    // An index that was left over from another copy of the warehouse does not end with what the branch has there.
    if let Some(last) = rows.last() {
        let entry = refs::entry(objects.store.as_ref(), branch, last.sequence)?;
        if entry.and_then(|entry| entry.commit).as_ref() != Some(&last.commit) {
            rows.clear();
        }
    }
    Ok(rows)
}

/// Compare the stored index, if there is one, with the branch's entries.
pub fn check(objects: &Objects, branch: &str) -> Result<()> {
    let (store, name) = (objects.store.as_ref(), names::history(branch));
    let corrupt = |problem: &str, expected: String, found: String| Error::Corruption {
        path: name.clone(),
        problem: problem.into(),
        expected,
        found,
    };
    let Some(bytes) = store.get(&name)? else { return Ok(()) };
    let rows: Vec<HistoryRow> = serde_json::from_slice(envelope::open(Kind::History, &bytes, &name)?)
        .map_err(|e| corrupt("it is not a history", "a list of commits".into(), e.to_string()))?;
    for row in rows {
        let commit = refs::entry(store, branch, row.sequence)?.and_then(|entry| entry.commit);
        if commit.as_ref() != Some(&row.commit) {
            let found = commit.map_or_else(|| "none".into(), |commit| commit.id);
            return Err(corrupt("a row is not what the branch's entry names", row.commit.id, found));
        }
    }
    Ok(())
}

/// The stored index; anything wrong with it means that it is built anew.
fn stored(objects: &Objects, branch: &str) -> Option<Vec<HistoryRow>> {
    let name = names::history(branch);
    let bytes = objects.store.get(&name).ok()??;
    serde_json::from_slice(envelope::open(Kind::History, &bytes, &name).ok()?).ok()
}

/// The row of an entry; none for the one before the first commit, and for a fence, which names no new commit.
fn row(objects: &Objects, entry: refs::RefEntry) -> Result<Option<HistoryRow>> {
    let refs::RefEntry { name: branch, sequence, commit: Some(reference), key, fence: None, .. } = entry else {
        return Ok(None);
    };
    let commit: Commit = objects.get_json(&reference)?;
    let operation = String::from_utf8_lossy(&objects.get(&commit.operation)?).into_owned();
    let parent = commit.parents.first().map(|parent| parent.id.clone());
    Ok(Some(HistoryRow { branch, sequence, commit: reference, parent, time_us: commit.time_us, operation, key }))
}

fn missing(branch: &str, sequence: u64) -> Error {
    Error::Corruption {
        path: names::branch_entry(branch, sequence),
        problem: "an entry of the branch is missing".into(),
        expected: format!("entry {sequence}"),
        found: "nothing".into(),
    }
}
