//! Which files of a table are worth writing again: small ones that stand side by side, and those that lost many rows.
//!
//! A plan is groups of files, each of which one commit replaces; whoever stops in between has the groups that are done.
//! All files of a table with a layout are one group, so that its rows are in order over all of them.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::format::boundary::Boundary;
use crate::log::snapshot::Table;
use crate::scan::source::{FileSet, Source};

/// What is worth it.
#[derive(Debug, Clone, Copy)]
pub struct CompactionOptions {
    /// All files, whatever they are: folds every deletion and earlier schema, and puts all rows in the order of the layout.
    pub full: bool,
    /// Share of a file's rows that must be gone.
    pub deleted_fraction: f64,
    /// Rows of a group, unless one file has more.
    pub group_rows: u64,
}

impl Default for CompactionOptions {
    fn default() -> Self {
        Self { full: false, deleted_fraction: 0.1, group_rows: 1 << 22 }
    }
}

/// Groups of files of `table` that are worth writing again, in row order. Reads metadata only.
pub fn plan(table: &Table, options: CompactionOptions) -> Result<Vec<FileSet>> {
    let files = FileSet::with_dead_files(table, None)?;
    let min_rows = Boundary::new(&files.schema.to_physical()).min_rows() as u64;
    if options.full && has_layout(table) {
        return Ok(if files.sources.is_empty() { Vec::new() } else { vec![files] });
    }
    // Files of different buckets never become one.
    let mut runs: BTreeMap<Option<u32>, Run> = BTreeMap::new();
    let mut groups: Vec<Vec<Source>> = Vec::new();
    for source in &files.sources {
        let file = source.file();
        let is_sparse =
            file.n_deleted() as f64 > 0.0 && file.n_deleted() as f64 >= options.deleted_fraction * file.n_rows as f64;
        let is_old = source.schema.id != files.schema.id;
        let is_wanted = options.full || is_sparse || file.n_live() < min_rows;
        let run = runs.entry(file.bucket).or_default();
        if !is_wanted || run.n_rows + file.n_live() > options.group_rows {
            run.end(&mut groups);
        }
        if is_wanted {
            run.n_rows += file.n_live();
            run.is_changed |= is_sparse || (options.full && is_old);
            run.sources.push(source.clone());
        }
    }
    for run in runs.values_mut() {
        run.end(&mut groups);
    }
    Ok(groups.into_iter().map(|sources| FileSet { sources, ..files.clone() }).collect())
}

fn has_layout(table: &Table) -> bool {
    table.version.layout.as_ref().is_some_and(|layout| !layout.is_none())
}

/// Files of a group that is not full yet.
#[derive(Default)]
struct Run {
    sources: Vec<Source>,
    n_rows: u64,
    /// Whether writing even one of the files alone brings something.
    is_changed: bool,
}

impl Run {
    fn end(&mut self, groups: &mut Vec<Vec<Source>>) {
        let run = std::mem::take(self);
        if run.sources.len() > 1 || run.is_changed {
            groups.push(run.sources);
        }
    }
}
