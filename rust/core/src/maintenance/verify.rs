//! Compare stored bytes with the hashes that name them, and say where they differ.

use std::fs::File;

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::format::names;
use crate::log::objects::Objects;
use crate::log::snapshot::{Snapshot, Table};
use crate::scan::plan;

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
    fn add(&mut self, outcome: Result<()>) -> Result<()> {
        self.n_checked += 1;
        match outcome {
            Ok(()) => Ok(()),
            Err(Error::Corruption { path, problem, expected, found }) => {
                self.problems.push(Problem { path, problem, expected, found });
                Ok(())
            }
            Err(other) => Err(other),
        }
    }
}

/// Check everything that a snapshot reaches: objects, data files and raw files.
pub fn verify_snapshot(snapshot: &Snapshot) -> Result<Report> {
    let mut report = Report::default();
    let objects = snapshot.objects();
    for name in snapshot.tables()?.keys() {
        let part = verify_table(objects, &snapshot.table(name)?)?;
        report.n_checked += part.n_checked;
        report.problems.extend(part.problems);
    }
    for pointer in snapshot.schemas()?.values() {
        report.add(objects.get(pointer).map(|_| ()))?;
    }
    for pointer in snapshot.lake()?.values() {
        report.add(objects.get(pointer).and_then(|bytes| {
            let hash = lake_hash(&bytes)?;
            check_raw(objects, &hash)
        }))?;
    }
    Ok(report)
}

/// Check the manifest, the stored statistics and the data files of one table.
pub fn verify_table(objects: &Objects, table: &Table) -> Result<Report> {
    let mut report = Report::default();
    for leaf in &table.version.leaves {
        for object in [&leaf.files, &leaf.zones, &leaf.summary] {
            report.add(objects.get(object).map(|_| ()))?;
        }
    }
    for planned in plan::plan(table, None)? {
        report.add(plan::check_file(objects, &planned))?;
        report.add(objects.get(&planned.file.summary).map(|_| ()))?;
    }
    Ok(report)
}

/// Check one raw file of the lake.
pub fn verify_raw(objects: &Objects, hash: &Digest) -> Result<Report> {
    let mut report = Report::default();
    report.add(check_raw(objects, hash))?;
    Ok(report)
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
