//! Versions of the warehouse and of its tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use lakebed_core::log::snapshot as core;
use lakebed_core::maintenance::compaction::{self, CompactionOptions};
use lakebed_core::scan::predicate::Predicate;
use lakebed_core::scan::{buckets, exact};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyDict};

use crate::enter::{enter, to_python};
use crate::files::FileSet;
use crate::statistics::TableStatistics;
use crate::stream::{Input, export_schema, read_one};

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

    fn features<'py>(&self, py: Python<'py>) -> PyResult<BTreeMap<String, Bound<'py, PyBytes>>> {
        let found = enter(py, || {
            let mut found = Vec::new();
            for (name, payload) in self.inner.features()? {
                found.push((name, self.inner.objects().get(&payload)?));
            }
            Ok(found)
        })?;
        Ok(found.into_iter().map(|(name, bytes)| (name, PyBytes::new(py, &bytes))).collect())
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

    #[getter]
    fn zones(&self) -> Vec<&str> {
        self.inner.version.schema.zones()
    }

    fn statistics(&self, py: Python<'_>) -> PyResult<TableStatistics> {
        enter(py, || Ok(TableStatistics { inner: self.inner.statistics()? }))
    }

    fn touched(&self, py: Python<'_>) -> PyResult<FileSet> {
        let inner = enter(py, || exact::touched(&self.inner))?;
        Ok(FileSet { inner, place: format!("table '{}'", self.inner.name) })
    }

    fn exact_statistics(&self, py: Python<'_>, touched: &FileSet) -> PyResult<TableStatistics> {
        enter(py, || Ok(TableStatistics { inner: exact::statistics(&self.inner, &touched.inner)? }))
    }

    #[pyo3(signature = (predicate = None, keys = None))]
    fn files(&self, py: Python<'_>, predicate: Option<&str>, keys: Option<Input>) -> PyResult<FileSet> {
        let predicate = parse_predicate(py, predicate)?;
        let keys = keys.map(|keys| enter(py, || read_one(keys))).transpose()?;
        let inner = enter(py, || {
            let files = lakebed_core::scan::source::FileSet::of_table(&self.inner, predicate.as_ref())?;
            keys.map_or(Ok(files.clone()), |keys| buckets::with_keys(files, &self.inner, &keys))
        })?;
        Ok(FileSet { inner, place: format!("table '{}'", self.inner.name) })
    }

    #[pyo3(signature = (*, full = false, deleted_fraction = 0.1))]
    fn compaction(&self, py: Python<'_>, full: bool, deleted_fraction: f64) -> PyResult<Vec<FileSet>> {
        let options = CompactionOptions { full, deleted_fraction, ..CompactionOptions::default() };
        let groups = enter(py, || compaction::plan(&self.inner, options))?;
        let place = format!("table '{}'", self.inner.name);
        Ok(groups.into_iter().map(|inner| FileSet { inner, place: place.clone() }).collect())
    }

    #[getter]
    fn n_deleted(&self) -> u64 {
        self.inner.version.n_deleted()
    }

    #[getter]
    fn layout<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let Some(layout) = self.inner.version.layout.as_ref().filter(|layout| !layout.is_none()) else {
            return Ok(None);
        };
        let schema = &self.inner.version.schema;
        let names = |ids: &[i32]| ids.iter().filter_map(|id| Some(schema.field_by_id(*id)?.name.clone())).collect();
        let (sort_by, bucket_by): (Vec<String>, Vec<String>) = (names(&layout.sort_by), names(&layout.bucket_by));
        let dict = PyDict::new(py);
        dict.set_item("sort_by", sort_by)?;
        dict.set_item("bucket_by", bucket_by)?;
        dict.set_item("n_buckets", layout.n_buckets)?;
        Ok(Some(dict))
    }

    #[pyo3(signature = (path = Vec::new()))]
    fn note(&self, py: Python<'_>, path: Vec<String>) -> PyResult<(String, Vec<String>, Vec<String>)> {
        let place = format!("table '{}'", self.inner.name);
        let (version, notes) = (&self.inner.version, &self.inner.notes);
        let note = match path.as_slice() {
            [] => notes.table.clone(),
            path => {
                let id = enter(py, || Ok(version.schema.field_at(path, &place)?.id))?;
                notes.columns.get(&id).cloned().unwrap_or_default()
            }
        };
        Ok((note.comment, note.owners, note.tags))
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
