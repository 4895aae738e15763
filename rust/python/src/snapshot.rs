//! Versions of the warehouse and of its tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use lakebed_core::log::snapshot as core;
use lakebed_core::scan::predicate::Predicate;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule};

use crate::enter::{enter, to_python};
use crate::statistics::TableStatistics;
use crate::stream::export_schema;

/// The warehouse at one commit.
#[pyclass(frozen, module = "lakebed._core")]
pub(crate) struct Snapshot {
    pub(crate) inner: Arc<core::Snapshot>,
}

/// One table of a snapshot.
#[pyclass(frozen, module = "lakebed._core")]
pub(crate) struct Table {
    pub(crate) inner: core::Table,
}

#[pymethods]
impl Snapshot {
    #[getter]
    fn commit(&self) -> Option<&str> {
        self.inner.reference().map(|reference| reference.id.as_str())
    }

    #[getter]
    fn branch(&self) -> &str {
        self.inner.branch()
    }

    #[getter]
    fn sequence(&self) -> u64 {
        self.inner.ref_sequence()
    }

    #[getter]
    fn time_us(&self) -> Option<i64> {
        self.inner.commit().map(|commit| commit.time_us)
    }

    #[getter]
    fn parents(&self) -> Vec<String> {
        self.inner.commit().map_or_else(Vec::new, |commit| commit.parents.iter().map(|x| x.id.clone()).collect())
    }

    fn tables(&self, py: Python<'_>) -> PyResult<BTreeMap<String, String>> {
        enter(py, || Ok(self.inner.tables()?.iter().map(|(name, table)| (name.clone(), table.id.clone())).collect()))
    }

    fn table(&self, py: Python<'_>, name: &str) -> PyResult<Table> {
        enter(py, || Ok(Table { inner: self.inner.table(name)? }))
    }

    fn schemas(&self, py: Python<'_>) -> PyResult<BTreeMap<String, String>> {
        enter(py, || Ok(self.inner.schemas()?.into_iter().map(|(name, payload)| (name, payload.id)).collect()))
    }

    fn schema_payload<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let bytes = enter(py, || {
            let payloads = self.inner.schemas()?;
            payloads.get(name).map(|payload| self.inner.objects().get(payload)).transpose()
        })?;
        Ok(bytes.map(|bytes| PyBytes::new(py, &bytes)))
    }

    fn lake(&self, py: Python<'_>) -> PyResult<BTreeMap<String, String>> {
        enter(py, || Ok(self.inner.lake()?.into_iter().map(|(path, payload)| (path, payload.id)).collect()))
    }

    fn lake_pointer<'py>(&self, py: Python<'py>, path: &str) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let bytes = enter(py, || {
            let payloads = self.inner.lake()?;
            payloads.get(path).map(|payload| self.inner.objects().get(payload)).transpose()
        })?;
        Ok(bytes.map(|bytes| PyBytes::new(py, &bytes)))
    }

    fn operation<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = enter(py, || self.inner.operation())?;
        Ok(PyBytes::new(py, &bytes))
    }
}

#[pymethods]
impl Table {
    #[getter]
    fn name(&self) -> &str {
        &self.inner.name
    }

    #[getter]
    fn version(&self) -> &str {
        &self.inner.reference.id
    }

    #[getter]
    fn table_id(&self) -> &str {
        &self.inner.version.table_id
    }

    #[getter]
    fn n_rows(&self) -> u64 {
        self.inner.version.n_rows()
    }

    #[getter]
    fn n_files(&self) -> u64 {
        self.inner.version.n_files()
    }

    #[getter]
    fn size_bytes(&self) -> u64 {
        self.inner.version.size_bytes()
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        export_schema(py, &self.inner.version.schema.to_arrow())
    }

    fn statistics(&self, py: Python<'_>) -> PyResult<TableStatistics> {
        enter(py, || Ok(TableStatistics { inner: self.inner.statistics()? }))
    }

    #[pyo3(signature = (predicate = None))]
    fn plan(&self, py: Python<'_>, predicate: Option<&str>) -> PyResult<Vec<(String, u64, u64, u64)>> {
        let predicate = parse_predicate(py, predicate)?;
        enter(py, || {
            let files = lakebed_core::scan::plan::plan(&self.inner, predicate.as_ref())?;
            let row = |x: lakebed_core::scan::plan::PlannedFile| {
                (x.name, x.file.n_rows, x.file.size_bytes, x.file.first_row_id)
            };
            Ok(files.into_iter().map(row).collect())
        })
    }
}

pub(crate) fn parse_predicate(py: Python<'_>, text: Option<&str>) -> PyResult<Option<Predicate>> {
    text.map(Predicate::from_text).transpose().map_err(|error| to_python(py, &error))
}
