//! Statistics of tables: what is known about each column without reading it again.
//!
//! [`Collector`] makes them in one pass over record batches, [`TableStatistics`] merges, stores and answers. The
//! statistics depend on the rows and their order only, never on the number of threads nor on where batches end (but for
//! the frequent values of dictionary columns with more than 4096 values, which see one batch's values in dictionary
//! order). They describe; they do not judge: schemas and anomalies are another matter.

mod digits;
mod scalar;
mod kind;
mod content;
mod lengths;
mod weighted;
mod column;
mod figures;
mod encode;
mod values;
mod decimals;
mod texts;
mod runs;
mod nested;
mod weights;
mod collect;
mod drift;
mod agree;

use std::collections::HashMap;

use rayon::prelude::*;

use crate::error::Result;

pub use collect::{Collector, with_statistics_of, without_statistics};
pub(crate) use collect::{ColumnUpdate, WORTH_THREADS};
pub use column::{ColumnStatistics, DistinctCount};
pub use content::Content;
pub use drift::{ColumnDrift, Difference, drift};
pub use figures::Bin;
pub use kind::Kind;
pub use lengths::{Lengths, Level};
pub use scalar::{Bound, Scalar};
pub use weighted::Weighted;

/// Statistics of the rows of one table or file.
#[derive(Clone, Debug, Default)]
pub struct TableStatistics {
    /// Rows that were seen, whatever they hold.
    pub n_rows: u64,
    /// How many of them are gone: where there are any, all but the number of rows are bounds.
    pub n_deleted: u64,
    /// Weight of all rows, if weights were given.
    pub weight: Option<f64>,
    /// One entry a column, in the order of the schema; the members of a struct follow it.
    pub columns: Vec<ColumnStatistics>,
}

impl TableStatistics {
    /// Add what `other` has seen, as if its rows had followed.
    ///
    /// Columns are matched by path; one that is absent on either side counts as null there, a member of an absent or null
    /// struct as nothing. Columns only in `other` come last. Fails, and changes nothing, if a column has another type of
    /// values in `other`.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        let theirs: HashMap<&[String], &ColumnStatistics> = other.columns.iter().map(|c| (c.path(), c)).collect();
        for column in &self.columns {
            if let Some(twin) = theirs.get(column.path()) {
                column.check_mergeable(twin)?;
            }
        }
        let ours: HashMap<Vec<String>, u64> =
            self.columns.iter().map(|column| (column.path.clone(), column.n_values())).collect();
        for column in &mut self.columns {
            match theirs.get(column.path()) {
                Some(twin) => column.merge_unchecked(twin),
                None => column.add_null_rows(
                    other.rows_around(column.path(), |path| theirs.get(path).map_or(0, |parent| parent.n_values())),
                ),
            }
        }
        for twin in other.columns.iter().filter(|column| !ours.contains_key(column.path())) {
            let mut column = twin.clone();
            let parent = |path: &[String]| ours.get(path).copied().unwrap_or(0);
            column.add_null_rows(Self::rows(self.n_rows, column.path(), parent));
            self.columns.push(column);
        }
        self.n_rows = self.n_rows.saturating_add(other.n_rows);
        self.n_deleted = self.n_deleted.saturating_add(other.n_deleted);
        self.weight = self.weight.zip(other.weight).map(|(ours, theirs)| ours + theirs);
        Ok(())
    }

    /// Merge parts in their order, columns in parallel: the same as one `merge` after the other. `None` without parts.
    pub fn merge_all(mut parts: Vec<Self>) -> Result<Option<Self>> {
        if parts.is_empty() {
            return Ok(None);
        }
        let later = parts.split_off(1);
        let Some(mut merged) = parts.pop() else { return Ok(None) };
        let same_columns = |part: &Self| {
            part.columns.len() == merged.columns.len()
                && part.columns.iter().zip(&merged.columns).all(|(ours, theirs)| ours.path() == theirs.path())
        };
        if !later.iter().all(same_columns) {
            later.iter().try_for_each(|part| merged.merge(part))?;
            return Ok(Some(merged));
        }
        let columns = merged.columns.par_iter_mut().enumerate().with_max_len(1);
        columns.try_for_each(|(at, column)| column.merge_each(later.iter().map(|part| &part.columns[at])))?;
        for part in &later {
            merged.n_rows = merged.n_rows.saturating_add(part.n_rows);
            merged.n_deleted = merged.n_deleted.saturating_add(part.n_deleted);
            merged.weight = merged.weight.zip(part.weight).map(|(ours, theirs)| ours + theirs);
        }
        Ok(Some(merged))
    }

    /// Rows that are still there; exact.
    pub fn n_live(&self) -> u64 {
        self.n_rows.saturating_sub(self.n_deleted)
    }

    /// The members of the struct column called `name`, as those of one called `new_name`, in their order.
    pub fn members(&self, name: &str, new_name: &str) -> Vec<ColumnStatistics> {
        let is_member = |column: &&ColumnStatistics| column.path.len() > 1 && column.path[0] == name;
        let renamed = |column: &ColumnStatistics| {
            let mut column = column.clone();
            column.path[0] = new_name.into();
            column
        };
        self.columns.iter().filter(is_member).map(renamed).collect()
    }

    fn rows_around(&self, path: &[String], parent: impl Fn(&[String]) -> u64) -> u64 {
        Self::rows(self.n_rows, path, parent)
    }

    /// Rows of an absent column: those of the table, or the values of the struct around a member.
    fn rows(table: u64, path: &[String], parent: impl Fn(&[String]) -> u64) -> u64 {
        match path.split_last() {
            Some((_, around)) if !around.is_empty() => parent(around),
            _ => table,
        }
    }

    /// The statistics of the column called `name`; a member of a struct is called by its path with dots.
    pub fn column(&self, name: &str) -> Option<&ColumnStatistics> {
        self.columns.iter().find(|column| column.name() == name)
    }
}
