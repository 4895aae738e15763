//! Compare stored bytes with the hashes that name them, and say where they differ.

use std::fs::File;

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::format::names;
use crate::format::pack::ObjectRef;
use crate::log::objects::Objects;
use crate::log::snapshot::{Snapshot, Table};
use crate::scan::plan::{self, PlannedFile};

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
}

/// What was looked at, and what was wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Objects and files that were read and hashed.
    pub n_checked: u64,
    /// Those that are damaged or missing.
    pub problems: Vec<Problem>,
}

impl Report {
    /// Count one look; damage becomes a problem, and there is no value then.
    fn take<T>(&mut self, outcome: Result<T>) -> Result<Option<T>> {
        self.n_checked += 1;
        match outcome {
            Ok(value) => Ok(Some(value)),
            Err(Error::Corruption { path, problem, expected, found }) => {
                self.problems.push(Problem { path, problem, expected, found });
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }
}

/// Check everything that a snapshot reaches: objects, data files and raw files.
pub fn verify_snapshot(snapshot: &Snapshot) -> Result<Report> {
    let mut report = Report::default();
    let objects = snapshot.objects();
    if let Some(tables) = report.take(snapshot.tables())? {
        for (name, reference) in tables {
            if let Some(table) = report.take(Table::open(objects, name, reference))? {
                let part = verify_table(objects, &table)?;
                report.n_checked += part.n_checked;
                report.problems.extend(part.problems);
            }
        }
    }
    for pointer in report.take(snapshot.schemas())?.unwrap_or_default().values() {
        report.take(read(objects, pointer))?;
    }
    for pointer in report.take(snapshot.lake())?.unwrap_or_default().values() {
        if let Some(Some(bytes)) = report.take(read(objects, pointer))? {
            let hash = lake_hash(&bytes)?;
            report.take(check_raw(objects, &hash))?;
        }
    }
    if let Some(commit) = snapshot.commit() {
        report.take(read(objects, &commit.operation))?;
    }
    Ok(report)
}

/// Check the manifest, the stored statistics and the data files of one table.
pub fn verify_table(objects: &Objects, table: &Table) -> Result<Report> {
    let mut report = Report::default();
    for leaf in &table.version.leaves {
        for object in [&leaf.zones, &leaf.summary] {
            report.take(read(objects, object))?;
        }
    }
    for file in report.take(table.files())?.unwrap_or_default() {
        report.take(read(objects, &file.summary))?;
        if objects.purge.resolve(&file.id.to_hex()).is_some() {
            let name = table.file_name(&file)?;
            report.take(plan::check_file(objects, &PlannedFile { name, file }))?;
        }
    }
    Ok(report)
}

/// Check one raw file of the lake.
pub fn verify_raw(objects: &Objects, hash: &Digest) -> Result<Report> {
    let mut report = Report::default();
    report.take(check_raw(objects, hash))?;
    Ok(report)
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

/// The hash in a pointer of the lake, which is JSON with a member `hash`.
fn lake_hash(pointer: &[u8]) -> Result<Digest> {
    let value: serde_json::Value =
        serde_json::from_slice(pointer).map_err(|e| Error::InvalidArgument(e.to_string()))?;
    value["hash"].as_str().unwrap_or_default().parse()
}
