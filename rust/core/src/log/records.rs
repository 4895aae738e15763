//! The record log: executions, artifacts and contexts as append-only entries in one order.
//!
//! The core knows the order and the durability of entries; what stands in them is the affair of `lakebed.metadata`.

use crate::error::{Error, Result};
use crate::format::envelope::{self, Kind};
use crate::format::names;
use crate::object::ObjectStore;

const HINT: &str = "cache/head-records";

/// Number of the newest entry; 0 where there is none.
pub fn head(store: &dyn ObjectStore) -> Result<u64> {
    let exists = |sequence: u64| store.size(&names::record(sequence)).map(|size| size.is_some());
    let mut known = match hint(store)? {
        hint if hint > 0 && exists(hint)? => hint,
        _ => listed_head(store)?,
    };
    while exists(known + 1)? {
        known += 1;
    }
    Ok(known)
}

/// Bodies of all entries after number `after`, in order.
pub fn read(store: &dyn ObjectStore, after: u64) -> Result<Vec<(u64, Vec<u8>)>> {
    let mut entries = Vec::new();
    for sequence in after + 1.. {
        let name = names::record(sequence);
        let Some(bytes) = store.get(&name)? else {
            // A hint alone proves nothing: only an entry behind the gap does.
            let head = if hint(store)? > sequence { listed_head(store)? } else { 0 };
            if head < sequence {
                break;
            }
            return Err(Error::Corruption {
                path: name,
                problem: "an entry of the record log is missing".into(),
                expected: format!("entries up to {head}"),
                found: format!("none with number {sequence}"),
            });
        };
        entries.push((sequence, envelope::open(Kind::Record, &bytes, &name)?.to_vec()));
    }
    Ok(entries)
}

/// Write entry `sequence` unless it exists; `true` means that it is ours and durable. Bodies name their writer, so that
/// equal bytes are this very entry, whose answer was lost.
pub fn append(store: &dyn ObjectStore, sequence: u64, body: &[u8]) -> Result<bool> {
    let name = names::record(sequence);
    let sealed = envelope::seal(Kind::Record, body);
    let unknown = |cause: Error| Error::OutcomeUnknown { commit: name.clone(), cause: cause.to_string() };
    match store.put_if_absent(&[], &name, &sealed) {
        Ok(true) => {}
        // An earlier try of these very bytes may have put them although its answer was lost.
        Ok(false) if store.get(&name)?.is_some_and(|found| found == sealed) => {}
        Ok(false) => return Ok(false),
        Err(cause) => match store.get(&name) {
            Ok(Some(found)) if found == sealed => {}
            Ok(Some(_)) => return Ok(false),
            Ok(None) if !matches!(cause, Error::OutcomeUnknown { .. }) => return Err(cause),
            _ => return Err(unknown(cause)),
        },
    }
    // Its bytes were on disk before it had its name.
    store.sync_names(std::slice::from_ref(&name)).map_err(unknown)?;
    let _ = store.put_cache(HINT, sequence.to_string().as_bytes());
    Ok(true)
}

/// Check the frame and the hash of the entry in file `name`.
pub fn check(store: &dyn ObjectStore, name: &str) -> Result<()> {
    match store.get(name)? {
        Some(bytes) => envelope::open(Kind::Record, &bytes, name).map(|_| ()),
        None => Ok(()),
    }
}

fn listed_head(store: &dyn ObjectStore) -> Result<u64> {
    Ok(store.list("records")?.last().and_then(|name| names::record_sequence(name)).unwrap_or(0))
}

/// Number of an entry that was the newest once; 0 where that is not known.
fn hint(store: &dyn ObjectStore) -> Result<u64> {
    Ok(store.get(HINT)?.and_then(|bytes| std::str::from_utf8(&bytes).ok()?.parse().ok()).unwrap_or(0))
}
