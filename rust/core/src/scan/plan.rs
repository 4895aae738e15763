//! The files that a scan reads, checked at their first use in a process.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use super::predicate::Predicate;
use super::select;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::format::manifest::DataFile;
use crate::log::objects::Objects;
use crate::log::snapshot::Table;
use crate::nearest::nearest;

/// When the bytes of data files are checked against their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verify {
    /// At the first use in a process.
    #[default]
    First,
    /// At each use.
    Always,
    /// Not at all.
    Never,
}

/// Files that were found whole in this process.
#[derive(Default)]
pub struct Verified(Mutex<HashSet<String>>);

/// A data file that a scan reads.
#[derive(Debug, Clone)]
pub struct PlannedFile {
    /// Name in the store.
    pub name: String,
    /// Identity and counts.
    pub file: DataFile,
}

/// Files of `table` that may hold a row for which `predicate` is true, in row order. Reads metadata only.
pub fn plan(table: &Table, predicate: Option<&Predicate>) -> Result<Vec<PlannedFile>> {
    let kept: Vec<DataFile> = match predicate {
        None => table.files()?,
        Some(predicate) => {
            check_columns(table, predicate)?;
            select::files_where(table, predicate)?
        }
    };
    kept.into_iter().map(|file| Ok(PlannedFile { name: table.file_name(&file)?, file })).collect()
}

/// Count `files` as read, and check their bytes as `verify` says.
pub fn open(objects: &Objects, files: &[PlannedFile], verify: Verify, verified: &Verified) -> Result<()> {
    for planned in files {
        objects.counters.data_files.fetch_add(1, Ordering::Relaxed);
        objects.counters.data_bytes.fetch_add(planned.file.size_bytes, Ordering::Relaxed);
        let known = || verified.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&planned.name);
        if verify == Verify::Never || (verify == Verify::First && known()) {
            continue;
        }
        check_file(objects, planned)?;
        verified.0.lock().unwrap_or_else(PoisonError::into_inner).insert(planned.name.clone());
    }
    Ok(())
}

/// Compare the bytes of a data file with the hash that is its name.
pub fn check_file(objects: &Objects, planned: &PlannedFile) -> Result<()> {
    let mut hasher = blake3::Hasher::new_keyed(&objects.key);
    match objects.store.local_path(&planned.name) {
        Some(path) => {
            let read = File::open(&path).and_then(|mut file| io::copy(&mut file, &mut hasher));
            read.map_err(|source| match source.kind() {
                io::ErrorKind::NotFound => missing(&planned.name),
                _ => Error::Io { action: "read".into(), path, source },
            })?;
        }
        None => {
            hasher.update(&objects.store.get(&planned.name)?.ok_or_else(|| missing(&planned.name))?);
        }
    }
    let found = Digest(*hasher.finalize().as_bytes());
    // The name, not the manifest, holds the hash of today's bytes: a purge may have replaced the file.
    let expected = planned.name.rsplit('/').next().and_then(|file| file.strip_suffix(".parquet")).unwrap_or_default();
    if found.to_hex() == expected {
        return Ok(());
    }
    Err(Error::Corruption {
        path: planned.name.clone(),
        problem: "the hash of the data file does not match".into(),
        expected: expected.into(),
        found: found.to_hex(),
    })
}

fn check_columns(table: &Table, predicate: &Predicate) -> Result<()> {
    for name in predicate.columns() {
        if table.version.schema.field(name).is_none() {
            let known = table.version.schema.fields.iter().map(|field| field.name.as_str());
            let nearest = nearest(name, known);
            return Err(Error::ColumnNotFound { name: name.into(), place: format!("table '{}'", table.name), nearest });
        }
    }
    Ok(())
}

fn missing(name: &str) -> Error {
    Error::Corruption {
        path: name.into(),
        problem: "the data file is missing".into(),
        expected: "a file".into(),
        found: "nothing".into(),
    }
}
