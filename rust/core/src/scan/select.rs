//! The data files that a condition needs: node by node and leaf by leaf, column by column, and of those that pass alone
//! the identities.

use std::sync::Arc;

use rayon::prelude::*;

use super::predicate::Predicate;
use super::prune::Block;
use crate::error::{Error, Result};
use crate::format::manifest::DataFile;
use crate::format::names;
use crate::format::project::Projection;
use crate::format::zones::ZoneColumn;
use crate::log::commit::Leaf;
use crate::log::nodes;
use crate::log::snapshot::Table;
use crate::threads;

/// Leaves that are worth waking other threads.
const WORTH_THREADS: usize = 8;

/// Data files of `table` whose zones, and those of all above them, allow a row that matches, in row order.
pub fn files_where(table: &Table, predicate: &Predicate) -> Result<Vec<DataFile>> {
    Select::new(table, predicate).files()
}

struct Select<'a> {
    table: &'a Table,
    predicate: &'a Predicate,
    names: Vec<&'a str>,
    /// Their field ids.
    wanted: Vec<i32>,
    /// Whether bounds that are stored hold for the present columns, whatever file they are of.
    bounds_hold: bool,
}

impl<'a> Select<'a> {
    fn new(table: &'a Table, predicate: &'a Predicate) -> Self {
        let to = &table.version.schema;
        let known = predicate.columns().into_iter().filter_map(|name| Some((name, to.field(name)?.id)));
        let (names, wanted): (Vec<&str>, Vec<i32>) = known.unzip();
        let hold = |from| wanted.iter().all(|id| Projection { from, to }.bounds_hold(*id) != Some(false));
        let bounds_hold = table.version.past_schemas.iter().all(hold);
        Self { table, predicate, names, wanted, bounds_hold }
    }

    fn files(&self) -> Result<Vec<DataFile>> {
        let mut leaves: Vec<Leaf> = Vec::new();
        for leaf in &self.table.version.leaves {
            if leaf.is_node {
                let children = nodes::read_node(self.table.objects(), leaf)?;
                let n_rows = children.iter().map(|child| child.n_rows).collect();
                let kept = self.passing(leaf, children.len(), Some(n_rows))?;
                leaves.extend(kept.into_iter().map(|at| children[at].clone()));
            } else {
                leaves.push(leaf.clone());
            }
        }
        let of_leaf = |leaf: &Leaf| self.files_of(leaf);
        let parts: Vec<Result<Vec<DataFile>>> = if leaves.len() < WORTH_THREADS {
            leaves.iter().map(of_leaf).collect()
        } else {
            threads::install(|| leaves.par_iter().map(of_leaf).collect())
        };
        let mut files = Vec::new();
        for part in parts {
            files.extend(part?);
        }
        Ok(files)
    }

    /// Positions of the `n` parts of a leaf or node that pass.
    fn passing(&self, leaf: &Leaf, n: usize, n_rows: Option<Vec<u64>>) -> Result<Vec<usize>> {
        if !self.bounds_hold {
            return Ok((0..n).collect());
        }
        let columns = self.table.zone_columns(leaf, &self.wanted, n)?;
        Ok(self.positions(&Block { n_files: n, columns: self.named(columns), n_rows }))
    }

    /// Data files of a leaf that pass: first by their zones alone, since identities are as large as those.
    fn files_of(&self, leaf: &Leaf) -> Result<Vec<DataFile>> {
        let n_files = leaf.n_files as usize;
        let passing = self.passing(leaf, n_files, None)?;
        if passing.is_empty() {
            return Ok(Vec::new());
        }
        let entries = self.table.entries(leaf)?;
        let lost = || Error::Corruption {
            path: names::pack(&leaf.files.pack),
            problem: format!("a leaf of table '{}' has not as many files as it says", self.table.name),
            expected: n_files.to_string(),
            found: entries.len().to_string(),
        };
        if entries.len() != n_files {
            return Err(lost());
        }
        let mut files = Vec::with_capacity(passing.len());
        for &at in &passing {
            files.push(entries.get(at)?.ok_or_else(lost)?);
        }
        let columns = self.present_columns(leaf, &passing, &files)?;
        let n_rows = Some(files.iter().map(|file| file.n_rows).collect());
        let kept = self.positions(&Block { n_files: files.len(), columns: self.named(columns), n_rows });
        Ok(kept.into_iter().map(|at| files[at].clone()).collect())
    }

    /// Zones of `files`, which stand at `positions` of a leaf, in the units of the present columns.
    fn present_columns(&self, leaf: &Leaf, positions: &[usize], files: &[DataFile]) -> Result<Vec<Arc<ZoneColumn>>> {
        let version = &self.table.version;
        let froms = files.iter().map(|file| version.schema_by_id(file.schema_id)).collect::<Result<Vec<_>>>()?;
        let columns = self.table.zone_columns(leaf, &self.wanted, leaf.n_files as usize)?;
        let present = |(id, column): (&i32, Arc<ZoneColumn>)| {
            let hold = |n: usize| Projection { from: froms[n], to: &version.schema }.bounds_hold(*id);
            Arc::new(column.take(positions, hold))
        };
        Ok(self.wanted.iter().zip(columns).map(present).collect())
    }

    fn named(&self, columns: Vec<Arc<ZoneColumn>>) -> Vec<(&'a str, Arc<ZoneColumn>)> {
        self.names.iter().copied().zip(columns).collect()
    }

    fn positions(&self, block: &Block<'_>) -> Vec<usize> {
        let passes = block.may_match(self.predicate);
        passes.into_iter().enumerate().filter_map(|(at, passes)| passes.then_some(at)).collect()
    }
}
