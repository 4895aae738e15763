//! Data files that a read goes through.

use lakebed_core::scan::live;
use lakebed_core::scan::reader::{self, ReadOptions};
use lakebed_core::scan::source as core;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule};

use crate::enter::enter;
use crate::stream::{ArrowStream, export_schema};

/// Data files in row order, and the columns that their rows are to have.
#[pyclass(frozen, module = "lakebed._core")]
pub(crate) struct FileSet {
    pub(crate) inner: core::FileSet,
    pub(crate) place: String,
}

/// Name, rows that are there, bytes, id of the first row where the others follow, sequence, whether it is Parquet of the
/// table's columns under their names, rows that are gone, bucket.
type Planned = (String, u64, u64, Option<u64>, u64, bool, u64, Option<u32>);

#[pymethods]
impl FileSet {
    fn __len__(&self) -> usize {
        self.inner.sources.len()
    }

    #[getter]
    fn n_rows(&self) -> u64 {
        self.inner.n_live()
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        export_schema(py, &self.inner.schema.to_arrow())
    }

    #[getter]
    fn zones(&self) -> Vec<&str> {
        self.inner.schema.zones()
    }

    fn plan(&self) -> Vec<Planned> {
        let row = |source: &core::Source| {
            let (file, live) = (source.file(), source.n_live());
            let is_by_name = source.is_by_name(&self.inner.schema);
            let first = source.first_row_id();
            let gone = file.n_rows - live;
            (source.planned.name.clone(), live, file.size_bytes, first, file.sequence, is_by_name, gone, file.bucket)
        };
        self.inner.sources.iter().map(row).collect()
    }

    #[pyo3(signature = (start, stop, *, columns = None, row_ids = false))]
    fn read(
        &self,
        py: Python<'_>,
        start: usize,
        stop: usize,
        columns: Option<Vec<String>>,
        row_ids: bool,
    ) -> PyResult<ArrowStream> {
        enter(py, || {
            let sources = self.inner.sources.get(start..stop).unwrap_or_default().to_vec();
            let part = core::FileSet { sources, ..self.inner.clone() };
            let rows = reader::read(&part, &ReadOptions { columns, row_ids }, &self.place)?;
            Ok(ArrowStream::from_reader(Box::new(rows)))
        })
    }

    fn live_rows(&self, start: usize, stop: usize) -> LiveRows {
        LiveRows { inner: live::LiveRows::new(&self.inner, start, stop) }
    }
}

/// Which rows of data files are still there.
#[pyclass(frozen, module = "lakebed._core")]
pub(crate) struct LiveRows {
    inner: live::LiveRows,
}

#[pymethods]
impl LiveRows {
    /// The mask as bits, the least significant first, as Arrow has them.
    fn mask<'py>(&self, py: Python<'py>, first: u64, n_rows: usize) -> PyResult<Bound<'py, PyBytes>> {
        let mask = enter(py, || self.inner.mask(first, n_rows))?;
        Ok(PyBytes::new(py, mask.inner().as_slice()))
    }
}
