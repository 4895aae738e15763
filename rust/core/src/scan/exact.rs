//! Statistics of the rows that are there, where stored ones are bounds since rows were deleted.
//!
//! Only files that lost rows are read; what is stored of the others is merged with what is found, in row order.

use super::reader::{self, ReadOptions};
use super::source::{FileSet, Source};
use crate::error::Result;
use crate::log::commit::Leaf;
use crate::log::nodes;
use crate::log::snapshot::Table;
use crate::statistics::{Collector, TableStatistics};

/// Exact statistics of `table`; the data files in `files` that lost rows are read.
pub fn statistics(table: &Table, files: &FileSet) -> Result<TableStatistics> {
    let mut merged = Collector::new(&table.version.schema.to_physical())?.finish();
    for leaf in &table.version.leaves {
        if leaf.n_deleted == 0 {
            merged.merge(&table.leaf_statistics(leaf)?)?;
        } else if leaf.is_node {
            nodes::read_node(table.objects(), leaf)?
                .iter()
                .try_for_each(|leaf| add_leaf(table, files, leaf, &mut merged))?;
        } else {
            add_leaf(table, files, leaf, &mut merged)?;
        }
    }
    Ok(merged)
}

/// The files of `table` that lost rows.
pub fn touched(table: &Table) -> Result<FileSet> {
    let mut files = FileSet::of_table(table, None)?;
    files.sources.retain(|source| source.file().n_deleted() > 0);
    Ok(files)
}

fn add_leaf(table: &Table, files: &FileSet, leaf: &Leaf, merged: &mut TableStatistics) -> Result<()> {
    if leaf.n_deleted == 0 {
        return merged.merge(&table.leaf_statistics(leaf)?);
    }
    for file in table.files_of(leaf)? {
        let is_same = |source: &&Source| source.file() == &file;
        match files.sources.iter().find(is_same) {
            None if file.n_deleted() > 0 => {}
            None => merged.merge(&table.file_statistics(&file)?)?,
            Some(source) => merged.merge(&of_rows(table, files, source)?)?,
        }
    }
    Ok(())
}

fn of_rows(table: &Table, files: &FileSet, source: &Source) -> Result<TableStatistics> {
    let one = FileSet { sources: vec![source.clone()], ..files.clone() };
    let mut collector = Collector::new(&table.version.schema.to_physical())?;
    for batch in reader::read(&one, &ReadOptions::default(), &table.name)? {
        collector.update(&batch?)?;
    }
    Ok(collector.finish())
}
