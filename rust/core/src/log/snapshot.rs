//! One version of the warehouse, which never changes: every read starts here.

use std::sync::{Arc, OnceLock};

use super::commit::{Commit, Payloads, TableVersion, Tables};
use super::objects::Objects;
use crate::error::{Error, Result};
use crate::format::manifest::{self, DataFile, FileZones};
use crate::format::names;
use crate::format::pack::ObjectRef;
use crate::nearest::nearest;
use crate::object::ObjectStore;
use crate::statistics::TableStatistics;

/// The warehouse at one commit.
pub struct Snapshot {
    objects: Arc<Objects>,
    branch: String,
    /// The number of the branch's entry from which this snapshot came.
    ref_sequence: u64,
    commit: Option<(ObjectRef, Commit)>,
    tables: OnceLock<Tables>,
}

/// One table of a snapshot.
#[derive(Clone)]
pub struct Table {
    objects: Arc<Objects>,
    /// Name at this version.
    pub name: String,
    /// Id of the table version: equal ids are equal tables.
    pub reference: ObjectRef,
    /// Schema and manifest.
    pub version: TableVersion,
}

impl Snapshot {
    /// The version that `reference` names; `None` is the empty warehouse before its first commit.
    pub fn open(objects: Arc<Objects>, branch: &str, ref_sequence: u64, reference: Option<ObjectRef>) -> Result<Self> {
        let commit = match reference {
            Some(reference) => {
                let commit = objects.get_json(&reference)?;
                Some((reference, commit))
            }
            None => None,
        };
        Ok(Self { objects, branch: branch.into(), ref_sequence, commit, tables: OnceLock::new() })
    }

    /// Objects of the warehouse.
    pub fn objects(&self) -> &Arc<Objects> {
        &self.objects
    }

    /// The branch through which the version was found.
    pub fn branch(&self) -> &str {
        &self.branch
    }

    /// Number of the branch's entry.
    pub fn ref_sequence(&self) -> u64 {
        self.ref_sequence
    }

    /// The commit; none in an empty warehouse.
    pub fn commit(&self) -> Option<&Commit> {
        self.commit.as_ref().map(|(_, commit)| commit)
    }

    /// Where the commit lies; none in an empty warehouse.
    pub fn reference(&self) -> Option<&ObjectRef> {
        self.commit.as_ref().map(|(reference, _)| reference)
    }

    /// How errors name this version.
    pub fn describe(&self) -> String {
        match self.reference() {
            Some(reference) => format!("commit {}", &reference.id[..12]),
            None => "the empty warehouse".into(),
        }
    }

    /// Versions of all tables by name.
    pub fn tables(&self) -> Result<&Tables> {
        if let Some(tables) = self.tables.get() {
            return Ok(tables);
        }
        let root = self.commit().and_then(|commit| commit.root.tables.as_ref());
        let tables = self.objects.get_or_default(root)?;
        Ok(self.tables.get_or_init(|| tables))
    }

    /// The table called `name`.
    pub fn table(&self, name: &str) -> Result<Table> {
        let tables = self.tables()?;
        let Some(reference) = tables.get(name) else {
            let nearest = nearest(name, tables.keys().map(String::as_str));
            return Err(Error::TableNotFound { name: name.into(), version: self.describe(), nearest });
        };
        Table::open(&self.objects, name, reference)
    }

    /// Expectations of all tables, by table name.
    pub fn schemas(&self) -> Result<Payloads> {
        self.objects.get_or_default(self.commit().and_then(|commit| commit.root.schemas.as_ref()))
    }

    /// Raw files of the lake, by path.
    pub fn lake(&self) -> Result<Payloads> {
        self.objects.get_or_default(self.commit().and_then(|commit| commit.root.lake.as_ref()))
    }

    /// What the commit did, as it was written.
    pub fn operation(&self) -> Result<Vec<u8>> {
        self.commit().map_or_else(|| Ok(b"{}".to_vec()), |commit| self.objects.get(&commit.operation))
    }
}

impl Table {
    /// Read one table version.
    pub fn open(objects: &Arc<Objects>, name: &str, reference: &ObjectRef) -> Result<Self> {
        let version = objects.get_json(reference)?;
        Ok(Self { objects: Arc::clone(objects), name: name.into(), reference: reference.clone(), version })
    }

    /// Store in which its files lie.
    pub fn store(&self) -> &dyn ObjectStore {
        self.objects.store.as_ref()
    }

    /// Data files in row order.
    pub fn files(&self) -> Result<Vec<DataFile>> {
        let mut files = Vec::new();
        for leaf in &self.version.leaves {
            files.extend(manifest::decode_leaf(&self.objects.get(&leaf.files)?, &names::pack(&leaf.files.pack))?);
        }
        Ok(files)
    }

    /// Data files with their zones, in row order.
    pub fn files_and_zones(&self) -> Result<Vec<(DataFile, FileZones)>> {
        let mut zones = Vec::new();
        for leaf in &self.version.leaves {
            zones.extend(manifest::decode_zones(&self.objects.get(&leaf.zones)?, &names::pack(&leaf.zones.pack))?);
        }
        let files = self.files()?;
        if files.len() != zones.len() {
            return Err(Error::Corruption {
                path: names::pack(&self.reference.pack),
                problem: format!("table '{}' has not one zone for each file", self.name),
                expected: files.len().to_string(),
                found: zones.len().to_string(),
            });
        }
        Ok(files.into_iter().zip(zones).collect())
    }

    /// Statistics of all rows, merged from what is stored; no data file is read.
    pub fn statistics(&self) -> Result<TableStatistics> {
        let mut merged: Option<TableStatistics> = None;
        for leaf in &self.version.leaves {
            let part = TableStatistics::decode(&self.objects.get(&leaf.summary)?)?;
            match merged.as_mut() {
                Some(merged) => merged.merge(&part)?,
                None => merged = Some(part),
            }
        }
        match merged {
            Some(merged) => Ok(merged),
            None => Ok(crate::statistics::Collector::new(&self.version.schema.to_physical())?.finish()),
        }
    }

    /// The name of a data file of this table in the store, today's one if it was replaced by a purge.
    pub fn file_name(&self, file: &DataFile) -> Result<String> {
        let id = file.id.to_hex();
        let gone = || Error::Corruption {
            path: names::data_file(&self.version.table_id, &file.id),
            problem: "the data file was erased by a purge".into(),
            expected: id.clone(),
            found: "nothing".into(),
        };
        let id = self.objects.purge.resolve(&id).ok_or_else(gone)?;
        Ok(names::data_file(&self.version.table_id, &id.parse()?))
    }
}
