//! The manifest of a table as leaves of growing size, so that an append rewrites little however many files there are.
//!
//! A leaf of a level and seven neighbours before it of at most that level become one, as in a log-structured merge tree.
//! Of the seven leaves before any leaf one is of a higher level, so N files lie in at most 7 log8(N) + 7 leaves. Row order
//! is kept.

use crate::error::{Error, Result};
use crate::format::manifest::{self, Bound, DataFile, FileZones, Zone};
use crate::format::names;
use crate::format::pack::{Class, ObjectRef, PackWriter};
use crate::format::schema::TableSchema;
use crate::log::commit::Leaf;
use crate::log::objects::Objects;
use crate::statistics::{self, Scalar, TableStatistics};

/// Leaves of one level that become one of the next.
const FAN: usize = 8;

/// A leaf with its content in memory.
pub(super) struct LeafContent {
    pub(super) files: Vec<DataFile>,
    pub(super) zones: Vec<FileZones>,
    pub(super) statistics: TableStatistics,
}

/// Add `content` behind `leaves`.
pub(super) fn push(
    leaves: &mut Vec<Leaf>,
    content: LeafContent,
    objects: &Objects,
    pack: &mut PackWriter,
) -> Result<()> {
    let mut content = content;
    let mut level = level(content.files.len() as u64);
    while let Some(start) = full_run(leaves, level) {
        let mut merged: Option<LeafContent> = None;
        for leaf in leaves.drain(start..) {
            let part = read(&leaf, objects)?;
            merged = Some(match merged {
                Some(before) => before.join(part)?,
                None => part,
            });
        }
        content = match merged {
            Some(before) => before.join(content)?,
            None => content,
        };
        level = self::level(content.files.len() as u64);
    }
    leaves.push(write(&content, pack)?);
    Ok(())
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
    fn join(mut self, next: Self) -> Result<Self> {
        self.files.extend(next.files);
        self.zones.extend(next.zones);
        self.statistics.merge(&next.statistics)?;
        Ok(self)
    }
}

fn read(leaf: &Leaf, objects: &Objects) -> Result<LeafContent> {
    let place = |object: &ObjectRef| names::pack(&object.pack);
    Ok(LeafContent {
        files: manifest::decode_leaf(&objects.get(&leaf.files)?, &place(&leaf.files))?,
        zones: manifest::decode_zones(&objects.get(&leaf.zones)?, &place(&leaf.zones))?,
        statistics: TableStatistics::decode(&objects.get(&leaf.summary)?)?,
    })
}

fn write(content: &LeafContent, pack: &mut PackWriter) -> Result<Leaf> {
    let summary = match content.files.as_slice() {
        [only] => only.summary.clone(),
        _ => pack.add(Class::Payload, &content.statistics.encode())?,
    };
    Ok(Leaf {
        files: pack.add(Class::Structure, &manifest::encode_leaf(&content.files)?)?,
        zones: pack.add(Class::Payload, &manifest::encode_zones(&content.zones))?,
        summary,
        n_files: content.files.len() as u64,
        n_rows: content.files.iter().map(|file| file.n_rows).sum(),
        size_bytes: content.files.iter().map(|file| file.size_bytes).sum(),
    })
}

/// Zones of a file, by field id, from its statistics.
pub(crate) fn zones(table: &TableStatistics, schema: &TableSchema) -> Result<FileZones> {
    let mut zones = FileZones::new();
    for column in &table.columns {
        let field = schema.field(column.name()).ok_or_else(|| Error::Corruption {
            path: column.name().into(),
            problem: "statistics name a column that the table has not".into(),
            expected: "a column of the table".into(),
            found: column.name().into(),
        })?;
        let (min, max) = (column.min().and_then(bound), column.max().and_then(bound));
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
