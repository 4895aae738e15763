//! Python bindings of `lakebed-core`: convert, release the interpreter lock, call the core, convert back. No logic.

mod enter;
mod stream;
mod join;
mod statistics;
mod formats;
mod files;
mod snapshot;
mod transaction;
mod evolution;
mod repository;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _core {
    #[pymodule_export]
    use super::evolution::{
        add_column, drop_column, rename_column, reorder_columns, retype_column, set_layout, set_note, set_nullable,
    };
    #[pymodule_export]
    use super::files::{FileSet, LiveRows};
    #[pymodule_export]
    use super::formats::{CsvWidths, TfRecordReader};
    #[pymodule_export]
    use super::join::{JoinCounts, asof_join};
    #[pymodule_export]
    use super::repository::Repository;
    #[pymodule_export]
    use super::snapshot::{Snapshot, Table};
    #[pymodule_export]
    use super::statistics::{StatisticsCollector, TableStatistics};
    #[pymodule_export]
    use super::stream::ArrowStream;
    #[pymodule_export]
    use super::transaction::Transaction;

    use super::{Bound, PyModule, PyModuleMethods, PyResult};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
