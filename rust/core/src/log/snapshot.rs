//! One version of the warehouse, which never changes: every read starts here.

use std::sync::{Arc, OnceLock};

use rayon::prelude::*;
use roaring::RoaringBitmap;

use super::commit::{Commit, Leaf, Notes, Payloads, TableVersion, Tables};
use super::nodes;
use super::objects::Objects;
use crate::error::{Error, Result};
use crate::format::deletions::decode_deletions;
use crate::format::manifest::{self, DataFile, FileZones, LeafEntries};
use crate::format::names;
use crate::format::pack::ObjectRef;
use crate::format::project::Projection;
use crate::format::row_ids::RowIds;
use crate::format::zones::{self, ZoneColumn};
use crate::nearest::nearest;
use crate::object::ObjectStore;
use crate::statistics::TableStatistics;
use crate::threads;

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
    /// What people say about it.
    pub notes: Notes,
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

    /// Definitions of entities and feature views, by name.
    pub fn features(&self) -> Result<Payloads> {
        self.objects.get_or_default(self.commit().and_then(|commit| commit.root.features.as_ref()))
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
        let mut version: TableVersion = objects.get_json(reference)?;
        let notes: Notes = objects.get_or_default(version.notes.as_ref())?;
        version.schema.defaults.clone_from(&notes.defaults);
        Ok(Self { objects: Arc::clone(objects), name: name.into(), reference: reference.clone(), version, notes })
    }

    /// Objects of the warehouse.
    pub fn objects(&self) -> &Arc<Objects> {
        &self.objects
    }

    /// Stored statistics of one file, of all its rows, under the present columns.
    pub fn file_statistics(&self, file: &DataFile) -> Result<TableStatistics> {
        self.projected(&file.summary, file.schema_id)
    }

    /// Stored statistics of one leaf under the present columns.
    pub fn leaf_statistics(&self, leaf: &Leaf) -> Result<TableStatistics> {
        let mut statistics = self.projected(&leaf.summary, leaf.schema_id)?;
        statistics.n_deleted = leaf.n_deleted;
        Ok(statistics)
    }

    fn projected(&self, summary: &ObjectRef, schema_id: u32) -> Result<TableStatistics> {
        let from = self.version.schema_by_id(schema_id)?;
        let stored = TableStatistics::decode(&self.objects.get(summary)?)?;
        Projection { from, to: &self.version.schema }.statistics(stored)
    }

    /// Positions of a file's rows that are gone.
    pub fn deletions(&self, file: &DataFile) -> Result<RoaringBitmap> {
        deletions(&self.objects, file)
    }

    /// Row ids of a file.
    pub fn row_ids(&self, file: &DataFile) -> Result<RowIds> {
        row_ids(&self.objects, file)
    }

    /// Parts of the manifest in row order, without nodes.
    pub fn leaves(&self) -> Result<Vec<Leaf>> {
        nodes::flatten(&self.objects, &self.version.leaves)
    }

    /// Store in which its files lie.
    pub fn store(&self) -> &dyn ObjectStore {
        self.objects.store.as_ref()
    }

    /// Data files in row order.
    pub fn files(&self) -> Result<Vec<DataFile>> {
        let mut files = Vec::new();
        for leaf in self.leaves()? {
            files.extend(self.files_of(&leaf)?);
        }
        Ok(files)
    }

    /// Data files of one leaf.
    pub fn files_of(&self, leaf: &Leaf) -> Result<Vec<DataFile>> {
        manifest::decode_leaf(&self.objects.get(&leaf.files)?, &names::pack(&leaf.files.pack))
    }

    /// Data files with their zones, in row order.
    pub fn files_and_zones(&self) -> Result<Vec<(DataFile, FileZones)>> {
        let mut pairs = Vec::new();
        for leaf in self.leaves()? {
            let files = self.files_of(&leaf)?;
            let zones = manifest::decode_zones(&self.objects.get(&leaf.zones)?, &names::pack(&leaf.zones.pack))?;
            if zones.len() != files.len() {
                return Err(self.wrong_zones(&leaf, files.len(), zones.len()));
            }
            for (file, zones) in files.into_iter().zip(zones) {
                let zones = self.current_zones(&file, zones)?;
                pairs.push((file, zones));
            }
        }
        Ok(pairs)
    }

    /// Zones of columns `wanted` of the files of a leaf, or of the leaves of a node; read, or kept from an earlier time.
    pub fn zone_columns(&self, leaf: &Leaf, wanted: &[i32], n_expected: usize) -> Result<Vec<Arc<ZoneColumn>>> {
        let (id, kept) = (&leaf.zones.id, &self.objects.kept);
        let known: Option<Vec<Arc<ZoneColumn>>> = wanted.iter().map(|field_id| kept.get(id, *field_id)).collect();
        let columns = if let Some(columns) = known {
            columns
        } else {
            let place = names::pack(&leaf.zones.pack);
            let columns = zones::decode_columns(&self.objects.get(&leaf.zones)?, wanted, &place)?;
            let keep = |(field_id, column): (&i32, ZoneColumn)| {
                let size_bytes = column.size_bytes();
                kept.put(id, *field_id, column, size_bytes)
            };
            wanted.iter().zip(columns).map(keep).collect()
        };
        match columns.iter().find(|column| column.len() != n_expected) {
            Some(column) => Err(self.wrong_zones(leaf, n_expected, column.len())),
            None => Ok(columns),
        }
    }

    /// Data files of one leaf, not decoded yet; read, or kept from an earlier time.
    pub fn entries(&self, leaf: &Leaf) -> Result<Arc<LeafEntries>> {
        if let Some(entries) = self.objects.kept.get(&leaf.files.id, 0) {
            return Ok(entries);
        }
        let entries = LeafEntries::new(self.objects.get(&leaf.files)?, &names::pack(&leaf.files.pack))?;
        let size_bytes = entries.size_bytes();
        Ok(self.objects.kept.put(&leaf.files.id, 0, entries, size_bytes))
    }

    fn wrong_zones(&self, leaf: &Leaf, expected: usize, found: usize) -> Error {
        Error::Corruption {
            path: names::pack(&leaf.zones.pack),
            problem: format!("table '{}' has not one zone for each file", self.name),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }

    fn current_zones(&self, file: &DataFile, zones: FileZones) -> Result<FileZones> {
        let from = self.version.schema_by_id(file.schema_id)?;
        Ok(Projection { from, to: &self.version.schema }.zones(zones))
    }

    /// Statistics of all rows, merged from what is stored; no data file is read. Where rows were deleted, the number of rows
    /// is exact and the rest are bounds.
    pub fn statistics(&self) -> Result<TableStatistics> {
        let part = |leaf: &Leaf| self.leaf_statistics(leaf);
        let leaves = &self.version.leaves;
        let merged = if leaves.len() < 2 {
            leaves.first().map(part).transpose()?
        } else {
            threads::install(|| {
                let parts = leaves.par_iter().map(part).collect::<Result<Vec<_>>>()?;
                TableStatistics::merge_all(parts)
            })?
        };
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

/// Positions of a file's rows that are gone.
pub fn deletions(objects: &Objects, file: &DataFile) -> Result<RoaringBitmap> {
    let Some(deletions) = &file.deletions else { return Ok(RoaringBitmap::new()) };
    let bytes = objects.get(&deletions.positions)?;
    decode_deletions(&bytes, file.n_rows, deletions.n_rows, &names::pack(&deletions.positions.pack))
}

/// Row ids of a file.
pub fn row_ids(objects: &Objects, file: &DataFile) -> Result<RowIds> {
    match &file.row_ids {
        None => Ok(RowIds::implicit(file.first_row_id, file.n_rows)),
        Some(object) => RowIds::decode(&objects.get(object)?, file.n_rows),
    }
}
