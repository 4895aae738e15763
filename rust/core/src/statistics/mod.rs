//! Statistics of tables: what is known about each column without reading it again.
//!
//! [`Collector`] makes them in one pass over record batches, [`TableStatistics`] merges, stores and answers. The
//! statistics depend on the rows and their order only, never on the number of threads nor on where batches end (but for
//! the frequent values of dictionary columns with more than 4096 values, which see one batch's values in dictionary
//! order). They describe; they do not judge: schemas and anomalies are another matter.

mod scalar;
mod column;
mod encode;
mod values;
mod collect;

use std::collections::HashMap;

use crate::error::Result;

pub use collect::Collector;
pub(crate) use collect::WORTH_THREADS;
pub use column::{ColumnStatistics, DistinctCount, Kind, Lengths};
pub use scalar::{Bound, Scalar};

/// Statistics of the rows of one table or file.
#[derive(Clone, Debug, Default)]
pub struct TableStatistics {
    /// Rows that were seen, whatever they hold.
    pub n_rows: u64,
    /// How many of them are gone: where there are any, all but the number of rows are bounds.
    pub n_deleted: u64,
    /// One entry a column, in the order of the schema.
    pub columns: Vec<ColumnStatistics>,
}

impl TableStatistics {
    /// Add what `other` has seen, as if its rows had followed.
    ///
    /// Columns are matched by name; one that is absent on either side counts as null there. Columns only in `other` come
    /// last. Fails, and changes nothing, if a column has another type of values in `other`.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        let theirs: HashMap<&str, &ColumnStatistics> = other.columns.iter().map(|c| (c.name(), c)).collect();
        for column in &self.columns {
            if let Some(twin) = theirs.get(column.name()) {
                column.check_mergeable(twin)?;
            }
        }
        for column in &mut self.columns {
            match theirs.get(column.name()) {
                Some(twin) => column.merge_unchecked(twin),
                None => column.add_nulls(other.n_rows),
            }
        }
        let n_known = self.columns.len();
        for twin in &other.columns {
            if !self.columns[..n_known].iter().any(|column| column.name() == twin.name()) {
                let mut column = twin.clone();
                column.add_nulls(self.n_rows);
                self.columns.push(column);
            }
        }
        self.n_rows = self.n_rows.saturating_add(other.n_rows);
        self.n_deleted = self.n_deleted.saturating_add(other.n_deleted);
        Ok(())
    }

    /// Rows that are still there; exact.
    pub fn n_live(&self) -> u64 {
        self.n_rows.saturating_sub(self.n_deleted)
    }

    /// The statistics of the column called `name`.
    pub fn column(&self, name: &str) -> Option<&ColumnStatistics> {
        self.columns.iter().find(|column| column.name() == name)
    }
}
