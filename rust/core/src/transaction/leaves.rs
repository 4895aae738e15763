//! The manifest of a table as leaves of growing size, so that an append rewrites little however many files there are.
//!
//! A leaf of a level and seven neighbours before it of at most that level become one, as in a log-structured merge tree.
//! Of the seven leaves before any leaf one is of a higher level, so N files lie in at most 7 log8(N) + 7 leaves. Leaves of
//! more than [`LEAF_FILES`] are nodes: they list smaller ones, which stay as they are. Row order is kept.

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::format::manifest::{self, Bound, DataFile, FileZones, Zone};
use crate::format::names;
use crate::format::pack::{Class, ObjectRef, PackWriter};
use crate::format::project::Projection;
use crate::format::schema::TableSchema;
use crate::log::commit::Leaf;
use crate::log::nodes;
use crate::log::objects::Objects;
use crate::statistics::{self, Scalar, TableStatistics};
use crate::threads;

/// Leaves of one level that become one of the next.
const FAN: usize = 8;
/// Files of a leaf that is no node: some hundred kilobytes.
const LEAF_FILES: u64 = 4096;
/// Leaves of a table beyond which a compaction puts them under one node.
const MOST_LEAVES: usize = 64;

/// A leaf with its content in memory.
pub(super) struct LeafContent {
    pub(super) files: Vec<DataFile>,
    pub(super) zones: Vec<FileZones>,
    /// Under the present columns of the table.
    pub(super) statistics: TableStatistics,
}

/// Where the objects of a table are read and written.
pub(super) struct Manifest<'a> {
    pub(super) objects: &'a Objects,
    pub(super) pack: &'a mut PackWriter,
    /// The present columns first, then earlier ones.
    pub(super) schemas: Vec<TableSchema>,
}

impl Manifest<'_> {
    /// An object of this commit or an earlier one.
    pub(super) fn get(&self, object: &ObjectRef) -> Result<Vec<u8>> {
        self.pack.get(object).unwrap_or_else(|| self.objects.get(object))
    }

    pub(super) fn files(&self, leaf: &Leaf) -> Result<Vec<DataFile>> {
        manifest::decode_leaf(&self.get(&leaf.files)?, &names::pack(&leaf.files.pack))
    }

    pub(super) fn zones(&self, leaf: &Leaf) -> Result<Vec<FileZones>> {
        manifest::decode_zones(&self.get(&leaf.zones)?, &names::pack(&leaf.zones.pack))
    }

    /// Stored statistics, which are under the columns of schema `id`, under the present ones.
    pub(super) fn statistics(&self, summary: &ObjectRef, id: u32) -> Result<TableStatistics> {
        self.project(TableStatistics::decode(&self.get(summary)?)?, id)
    }

    /// Statistics under the present columns.
    pub(super) fn project(&self, statistics: TableStatistics, id: u32) -> Result<TableStatistics> {
        project(&self.schemas, statistics, id)
    }

    /// Add `content` behind `leaves`.
    pub(super) fn push(&mut self, leaves: &mut Vec<Leaf>, content: LeafContent) -> Result<()> {
        let mut content = content;
        let mut level = level(content.files.len() as u64);
        while let Some(start) = full_run(leaves, level) {
            let n_files: u64 = leaves[start..].iter().map(|leaf| leaf.n_files).sum();
            if n_files + content.files.len() as u64 > LEAF_FILES {
                return self.push_node(leaves, content);
            }
            let mut parts = self.read_all(&leaves[start..])?;
            leaves.truncate(start);
            parts.push(content);
            content = LeafContent::join_all(parts)?;
            level = self::level(content.files.len() as u64);
        }
        leaves.push(self.write(&content)?);
        Ok(())
    }

    /// Add `content` as a leaf, and put the last leaves under nodes as long as there are enough of a level.
    fn push_node(&mut self, leaves: &mut Vec<Leaf>, content: LeafContent) -> Result<()> {
        let last = self.write(&content)?;
        let mut level = level(last.n_files);
        leaves.push(last);
        while let Some(start) = full_run(&leaves[..leaves.len() - 1], level) {
            let run: Vec<Leaf> = leaves.drain(start..).collect();
            let node = self.node(&run)?;
            level = self::level(node.n_files);
            leaves.push(node);
        }
        Ok(())
    }

    /// A node over leaves, and over those of other nodes.
    fn node(&mut self, run: &[Leaf]) -> Result<Leaf> {
        let (mut children, mut zones) = (Vec::new(), Vec::new());
        let mut statistics = Vec::with_capacity(run.len());
        for leaf in run {
            if leaf.is_node {
                children.extend(self.children(leaf)?);
                zones.extend(self.zones(leaf)?);
            } else {
                zones.push(manifest::merge_zones(&self.zones(leaf)?));
                children.push(leaf.clone());
            }
            statistics.push(self.statistics(&leaf.summary, leaf.schema_id)?);
        }
        let statistics = threads::install(|| TableStatistics::merge_all(statistics))?.unwrap_or_default();
        let summary = self.pack.add(Class::Payload, &statistics.encode())?;
        let zones = self.pack.add(Class::Payload, &manifest::encode_zones(&zones))?;
        let schema_id = self.schemas[0].id;
        let node = Leaf { is_node: true, zones, summary, schema_id, ..run[0].clone() };
        self.rewrite_node(&node, &children)
    }

    /// The node with changed leaves of the same files: zones and summary stay.
    pub(super) fn rewrite_node(&mut self, node: &Leaf, children: &[Leaf]) -> Result<Leaf> {
        let files = self.pack.add(Class::Structure, &nodes::encode_node(children)?)?;
        let sum = |count: fn(&Leaf) -> u64| children.iter().map(count).sum();
        Ok(Leaf {
            files,
            n_files: sum(|leaf| leaf.n_files),
            n_rows: sum(|leaf| leaf.n_rows),
            n_deleted: sum(|leaf| leaf.n_deleted),
            size_bytes: sum(|leaf| leaf.size_bytes),
            first_row_id: children.iter().map(|leaf| leaf.first_row_id).min().unwrap_or(0),
            last_row_id: children.iter().map(|leaf| leaf.last_row_id).max().unwrap_or(0),
            ..node.clone()
        })
    }

    /// The leaves that a node lists.
    pub(super) fn children(&self, node: &Leaf) -> Result<Vec<Leaf>> {
        nodes::decode_node(&self.get(&node.files)?, &names::pack(&node.files.pack))
    }

    /// Many leaves under one node, few as they are.
    pub(super) fn regrouped(&mut self, leaves: Vec<Leaf>) -> Result<Vec<Leaf>> {
        if leaves.len() <= MOST_LEAVES { Ok(leaves) } else { Ok(vec![self.node(&leaves)?]) }
    }

    /// The content of some leaves: what is stored one after the other, what it says side by side.
    fn read_all(&self, leaves: &[Leaf]) -> Result<Vec<LeafContent>> {
        let stored = |leaf: &Leaf| Ok((self.files(leaf)?, self.zones(leaf)?, self.get(&leaf.summary)?, leaf.schema_id));
        let stored = leaves.iter().map(stored).collect::<Result<Vec<_>>>()?;
        let schemas = &self.schemas;
        let decoded = |(files, zones, summary, id): (_, _, Vec<u8>, u32)| {
            let statistics = project(schemas, TableStatistics::decode(&summary)?, id)?;
            Ok(LeafContent { files, zones, statistics })
        };
        threads::install(|| stored.into_par_iter().with_max_len(1).map(decoded).collect())
    }

    pub(super) fn write(&mut self, content: &LeafContent) -> Result<Leaf> {
        let (summary, schema_id) = match content.files.as_slice() {
            [only] => (only.summary.clone(), only.schema_id),
            _ => (self.pack.add(Class::Payload, &content.statistics.encode())?, self.schemas[0].id),
        };
        let zones = self.pack.add(Class::Payload, &manifest::encode_zones(&content.zones))?;
        let files = self.pack.add(Class::Structure, &manifest::encode_leaf(&content.files)?)?;
        Ok(counted(&content.files, files, zones, summary, schema_id))
    }

    /// The leaf with changed entries of the same files: zones and summary stay.
    pub(super) fn rewrite(&mut self, leaf: &Leaf, files: &[DataFile]) -> Result<Leaf> {
        let stored = self.pack.add(Class::Structure, &manifest::encode_leaf(files)?)?;
        Ok(counted(files, stored, leaf.zones.clone(), leaf.summary.clone(), leaf.schema_id))
    }
}

/// Statistics under the columns of schema `id` under the first ones.
fn project(schemas: &[TableSchema], statistics: TableStatistics, id: u32) -> Result<TableStatistics> {
    let from = schemas.iter().find(|schema| schema.id == id).unwrap_or(&schemas[0]);
    Projection { from, to: &schemas[0] }.statistics(statistics)
}

fn counted(files: &[DataFile], stored: ObjectRef, zones: ObjectRef, summary: ObjectRef, schema_id: u32) -> Leaf {
    Leaf {
        is_node: false,
        files: stored,
        zones,
        summary,
        schema_id,
        n_files: files.len() as u64,
        n_rows: files.iter().map(|file| file.n_rows).sum(),
        n_deleted: files.iter().map(DataFile::n_deleted).sum(),
        first_row_id: files.iter().map(|file| file.first_row_id).min().unwrap_or(0),
        last_row_id: files.iter().map(|file| file.last_row_id).max().unwrap_or(0),
        size_bytes: files.iter().map(|file| file.size_bytes).sum(),
    }
}

/// Where the run of `FAN - 1` last leaves of at most this level starts, if there is one: the new leaf makes it `FAN`.
fn full_run(leaves: &[Leaf], wanted: u32) -> Option<usize> {
    let start = leaves.len().checked_sub(FAN - 1)?;
    leaves[start..].iter().all(|leaf| level(leaf.n_files) <= wanted).then_some(start)
}

fn level(n_files: u64) -> u32 {
    n_files.max(1).ilog2() / FAN.ilog2()
}

impl LeafContent {
    /// All parts as one, in their order.
    pub(super) fn join_all(parts: Vec<Self>) -> Result<Self> {
        let (mut files, mut zones, mut statistics) = (Vec::new(), Vec::new(), Vec::with_capacity(parts.len()));
        for part in parts {
            files.extend(part.files);
            zones.extend(part.zones);
            statistics.push(part.statistics);
        }
        let statistics = threads::install(|| TableStatistics::merge_all(statistics))?.unwrap_or_default();
        Ok(Self { files, zones, statistics })
    }

    pub(super) fn join(mut self, next: Self) -> Result<Self> {
        self.files.extend(next.files);
        self.zones.extend(next.zones);
        self.statistics.merge(&next.statistics)?;
        Ok(self)
    }
}

/// Zones of a file, by field id, from its statistics.
pub(crate) fn zones(table: &TableStatistics, schema: &TableSchema) -> Result<FileZones> {
    let mut zones = FileZones::new();
    // Members of structs are columns of the statistics, but not of the table.
    for column in table.columns.iter().filter(|column| column.path().len() == 1) {
        let field = schema.field(&column.path()[0]).ok_or_else(|| Error::Corruption {
            path: column.name(),
            problem: "statistics name a column that the table has not".into(),
            expected: "a column of the table".into(),
            found: column.name(),
        })?;
        // Bounds of a list's items are no bounds of the list.
        let bounds = if column.levels().is_empty() { (column.min(), column.max()) } else { (None, None) };
        let (min, max) = (bounds.0.and_then(bound), bounds.1.and_then(bound));
        let has_nan = column.moments().n_nan > 0;
        zones.insert(field.id, Zone { n_null: column.n_null(), has_nan, min, max });
    }
    Ok(zones)
}

fn bound(bound: &statistics::Bound) -> Option<Bound> {
    match &bound.value {
        Scalar::Int(value) => Some(Bound::Int(i128::from(*value))),
        Scalar::UInt(value) => Some(Bound::Int(i128::from(*value))),
        Scalar::Float(value) => Some(Bound::Float(*value)),
        Scalar::String(value) => Some(Bound::Text(value.clone())),
        // Decimals and bytes have no literal in a predicate yet.
        Scalar::Decimal { .. } | Scalar::Binary(_) => None,
    }
}
