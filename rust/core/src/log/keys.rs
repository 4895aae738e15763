//! Idempotency keys: which commit of a branch was made with one, so that a retried commit is not made twice.
//!
//! Entries hold a keyed hash of the key, never the key. A handle keeps the hashes that it has seen, so that each entry is
//! read once however many keyed commits are made through it.

use std::sync::PoisonError;

use super::history;
use super::objects::Objects;
use super::refs::{self, RefEntry};
use crate::digest::hex;
use crate::error::{Error, Result};

/// Longest key, in bytes.
const KEY_BYTES: usize = 1024;
/// Tells these hashes from ids of objects.
const DOMAIN: &[u8] = b"lakebed idempotency key\0";

/// The hash under which `key` is kept.
pub fn hash(warehouse_key: &[u8; 32], key: &str) -> Result<String> {
    if key.is_empty() || key.len() > KEY_BYTES {
        let rule = format!("a text of 1 to {KEY_BYTES} bytes");
        return Err(Error::InvalidName { what: "idempotency key".into(), name: key.into(), rule });
    }
    let mut hasher = blake3::Hasher::new_keyed(warehouse_key);
    hasher.update(DOMAIN).update(key.as_bytes());
    Ok(hex(hasher.finalize().as_bytes()))
}

/// The entry of `branch` up to number `last`, or of the branch from which it began, whose commit has the key of that hash.
pub fn find(objects: &Objects, branch: &str, last: u64, hash: &str) -> Result<Option<RefEntry>> {
    let store = objects.store.as_ref();
    if let Some(sequence) = find_own(objects, branch, last, hash)? {
        return refs::entry(store, branch, sequence);
    }
    match refs::entry(store, branch, 0)?.and_then(|first| first.origin) {
        Some(origin) => find(objects, &origin.branch, origin.sequence, hash),
        None => Ok(None),
    }
}

fn find_own(objects: &Objects, branch: &str, last: u64, hash: &str) -> Result<Option<u64>> {
    let mut all = objects.seen_keys.lock().unwrap_or_else(PoisonError::into_inner);
    let seen = all.entry(branch.to_owned()).or_default();
    if seen.next == 0 {
        for row in history::indexed(objects, branch, last)? {
            seen.next = row.sequence + 1;
            seen.sequences.extend(row.key.map(|key| (key, row.sequence)));
        }
    }
    for sequence in seen.next..=last {
        let key = refs::entry(objects.store.as_ref(), branch, sequence)?.and_then(|entry| entry.key);
        seen.sequences.extend(key.map(|key| (key, sequence)));
        seen.next = sequence + 1;
    }
    Ok(seen.sequences.get(hash).copied().filter(|sequence| *sequence <= last))
}
