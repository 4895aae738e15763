//! Removing files that no version refers to, and moving damaged ones aside.
//!
//! Beside writers that run: a fence is put into each branch as an entry of its own before anything is removed, so that a
//! transaction that began earlier loses its race for that number and looks whether its files are older than the limit. A
//! file whose content somebody writes again at the very same moment is caught by the order: it is moved aside first, looked
//! at, and put back if it is new.

use super::reach::{Unreferenced, unreferenced};
use super::verify::Report;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::format::names;
use crate::log::objects::Objects;
use crate::log::refs::{self, Fence, Put, RefEntry};
use crate::random::random_hex;

/// Where files stand between their folder and their end.
const TRASH: &str = "trash";
const QUARANTINE: &str = "quarantine";
/// Other commits that may come first before a fence is given up.
const MAX_ATTEMPTS: usize = 100;

/// Remove the files that nothing refers to and that are older than `grace_us`; with `dry_run`, only tell which.
pub fn gc(objects: &Objects, grace_us: i64, dry_run: bool) -> Result<Unreferenced> {
    if grace_us < 0 {
        return Err(Error::InvalidArgument(format!("a grace of {grace_us} us is negative; give 0 or more")));
    }
    if !dry_run {
        put_back(objects)?;
    }
    // Without garbage there is no fence: a warehouse that is clean stays as it is.
    let clock_us = now_us(objects)?;
    let found = unreferenced(objects, clock_us - grace_us)?;
    if dry_run || found.files.is_empty() {
        return Ok(found);
    }
    let cutoff_us = clock_us - grace_us;
    for branch in refs::branches(objects.store.as_ref())? {
        put_fence(objects, &branch, cutoff_us)?;
    }
    let mut removed = unreferenced(objects, cutoff_us)?;
    let mut files = Vec::with_capacity(removed.files.len());
    for (name, size_bytes) in removed.files {
        if remove(objects, &name, cutoff_us)? {
            files.push((name, size_bytes));
        } else {
            removed.n_kept += 1;
        }
    }
    Ok(Unreferenced { files, n_kept: removed.n_kept })
}

/// Move the damaged files of `report` aside; gives their new names.
pub fn quarantine(objects: &Objects, report: &Report) -> Result<Vec<String>> {
    let mut moved = Vec::new();
    for problem in report.problems.iter().filter(|problem| problem.is_whole) {
        let aside = format!("{QUARANTINE}/{}", problem.path);
        if objects.store.rename(&problem.path, &aside)? {
            moved.push(aside);
        }
    }
    let mut touched = moved.clone();
    touched.extend(moved.iter().filter_map(|aside| aside.split_once('/').map(|(_, name)| name.to_owned())));
    objects.store.sync_names(&touched)?;
    Ok(moved)
}

/// Remove one file, unless it was written again since it was found.
fn remove(objects: &Objects, name: &str, cutoff_us: i64) -> Result<bool> {
    let store = objects.store.as_ref();
    let aside = format!("{TRASH}/{name}");
    if !store.rename(name, &aside)? {
        return Ok(false);
    }
    if store.modified_us(&aside)?.is_some_and(|modified| modified < cutoff_us) {
        store.delete(&aside)?;
        return Ok(true);
    }
    restore(objects, name, &aside)?;
    Ok(false)
}

/// Put back what a removal that was cut off has left aside: it may have been new.
fn put_back(objects: &Objects) -> Result<()> {
    for aside in objects.store.list(TRASH)? {
        if let Some((_, name)) = aside.split_once('/') {
            restore(objects, name, &aside)?;
        }
    }
    Ok(())
}

fn restore(objects: &Objects, name: &str, aside: &str) -> Result<()> {
    let store = objects.store.as_ref();
    // A name says what the bytes are, so another whole file of that name is the same one.
    if is_whole(objects, name)? {
        store.sync(&[name.to_owned()])?;
        return store.delete(aside);
    }
    store.rename(aside, name)?;
    store.sync(&[name.to_owned()])?;
    store.sync_names(&[aside.to_owned()])
}

/// Whether there is a file `name` whose bytes are what its name says; never of files whose names say nothing of them.
fn is_whole(objects: &Objects, name: &str) -> Result<bool> {
    let stem = name.rsplit('/').next().unwrap_or_default().trim_end_matches(".parquet");
    let (Ok(id), Some(bytes)) = (stem.parse::<Digest>(), objects.store.get(name)?) else { return Ok(false) };
    let found = if name.starts_with("lake/") { Digest::of(&bytes) } else { Digest::keyed(&objects.key, &bytes) };
    Ok(found == id)
}

/// Add an entry that names the same commit, so that whoever stands on an older one has to look.
fn put_fence(objects: &Objects, branch: &str, cutoff_us: i64) -> Result<()> {
    let store = objects.store.as_ref();
    for _ in 0..MAX_ATTEMPTS {
        let Some(head) = refs::head(store, branch)? else { return Ok(()) };
        let head_sequence = head.sequence;
        let entry = RefEntry {
            sequence: head.sequence + 1,
            writer: random_hex()?,
            key: None,
            fence: Some(Fence { cutoff_us }),
            origin: None,
            ..head
        };
        // What stands below the fence is on disk first, whoever put it.
        objects.settle(&names::branch_entry(branch, head_sequence))?;
        if let Put::Done(entry) = refs::put_entry(store, &[], &entry)? {
            refs::hint(store, branch, entry.sequence);
            return Ok(());
        }
    }
    Err(Error::InvalidArgument(format!("{MAX_ATTEMPTS} commits to branch '{branch}' came first; try gc again later")))
}

/// Now, by the clock of the store.
fn now_us(objects: &Objects) -> Result<i64> {
    let name = "cache/clock";
    objects.store.put_cache(name, b"")?;
    let now = objects.store.modified_us(name)?;
    objects.store.delete(name)?;
    now.ok_or_else(|| Error::InvalidArgument("the store tells no times; gc cannot know what is old".into()))
}
