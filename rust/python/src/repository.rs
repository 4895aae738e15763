//! An open warehouse.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use lakebed_core::Digest;
use lakebed_core::maintenance::verify::Report;
use lakebed_core::repository::{self as core, OpenOptions};
use lakebed_core::scan::plan::Verify;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::enter::enter;
use crate::files::FileSet;
use crate::snapshot::{Snapshot, Table};
use crate::transaction::Transaction;

/// An open warehouse.
#[pyclass(frozen, module = "lakebed._core")]
pub(crate) struct Repository {
    pub(crate) inner: core::Repository,
}

/// Number checked, and (path, problem, expected, found) of what is wrong.
type Checked = (u64, Vec<(String, String, String, String)>);

/// Names of files and their bytes.
type Listed = Vec<(String, u64)>;

#[pymethods]
impl Repository {
    #[staticmethod]
    #[pyo3(signature = (location, *, read_only = false, verify = "first"))]
    fn open(py: Python<'_>, location: &str, read_only: bool, verify: &str) -> PyResult<Self> {
        let verify = match verify {
            "first" => Verify::First,
            "always" => Verify::Always,
            "never" => Verify::Never,
            other => {
                return Err(PyValueError::new_err(format!("verify is 'first', 'always' or 'never', not '{other}'")));
            }
        };
        enter(py, || Ok(Self { inner: core::Repository::open(location, OpenOptions { read_only, verify })? }))
    }

    #[getter]
    fn location(&self) -> &str {
        self.inner.location()
    }

    #[getter]
    fn id(&self) -> &str {
        self.inner.id()
    }

    #[getter]
    fn read_only(&self) -> bool {
        self.inner.is_read_only()
    }

    fn head(&self, py: Python<'_>, branch: &str) -> PyResult<Snapshot> {
        enter(py, || Ok(Snapshot { inner: Arc::new(self.inner.head(branch)?) }))
    }

    fn resolve(&self, py: Python<'_>, name: &str) -> PyResult<Snapshot> {
        enter(py, || Ok(Snapshot { inner: Arc::new(self.inner.resolve(name)?) }))
    }

    fn at_time(&self, py: Python<'_>, branch: &str, time_us: i64) -> PyResult<Snapshot> {
        enter(py, || Ok(Snapshot { inner: Arc::new(self.inner.at_time(branch, time_us)?) }))
    }

    fn at_sequence(&self, py: Python<'_>, branch: &str, sequence: u64) -> PyResult<Snapshot> {
        enter(py, || Ok(Snapshot { inner: Arc::new(self.inner.at_sequence(branch, sequence)?) }))
    }

    fn history<'py>(&self, py: Python<'py>, branch: &str) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let rows = enter(py, || self.inner.history(branch))?;
        let row = |row: lakebed_core::log::history::HistoryRow| {
            let dict = PyDict::new(py);
            dict.set_item("branch", row.branch)?;
            dict.set_item("sequence", row.sequence)?;
            dict.set_item("commit", row.commit.id)?;
            dict.set_item("parent", row.parent)?;
            dict.set_item("time_us", row.time_us)?;
            dict.set_item("operation", row.operation)?;
            Ok(dict)
        };
        rows.into_iter().map(row).collect()
    }

    fn branches(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        enter(py, || self.inner.branches())
    }

    fn tags(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        enter(py, || self.inner.tags())
    }

    fn create_tag(&self, py: Python<'_>, name: &str, snapshot: &Snapshot) -> PyResult<()> {
        enter(py, || self.inner.create_tag(name, &snapshot.inner))
    }

    fn create_branch(&self, py: Python<'_>, name: &str, snapshot: &Snapshot) -> PyResult<()> {
        enter(py, || self.inner.create_branch(name, &snapshot.inner))
    }

    fn begin(&self, py: Python<'_>, branch: &str) -> PyResult<Transaction> {
        enter(py, || Ok(Transaction::new(self.inner.begin(branch)?)))
    }

    fn open_files(&self, py: Python<'_>, files: &FileSet) -> PyResult<()> {
        enter(py, || {
            let planned: Vec<_> = files.inner.sources.iter().map(|source| source.planned.clone()).collect();
            self.inner.open_files(&planned)
        })
    }

    fn records_head(&self, py: Python<'_>) -> PyResult<u64> {
        enter(py, || self.inner.records_head())
    }

    fn read_records<'py>(&self, py: Python<'py>, after: u64) -> PyResult<Vec<(u64, Bound<'py, PyBytes>)>> {
        let entries = enter(py, || self.inner.read_records(after))?;
        Ok(entries.into_iter().map(|(sequence, body)| (sequence, PyBytes::new(py, &body))).collect())
    }

    fn append_record(&self, py: Python<'_>, sequence: u64, body: &[u8]) -> PyResult<bool> {
        enter(py, || self.inner.append_record(sequence, body))
    }

    /// The report, files that no version refers to, and files that were moved aside.
    fn verify(&self, py: Python<'_>, recompute: bool, repair: bool) -> PyResult<(Checked, Listed, Vec<String>)> {
        enter(py, || {
            let mut report = self.inner.verify(recompute)?;
            let moved = if repair { self.inner.quarantine(&report)? } else { Vec::new() };
            let unreferenced = std::mem::take(&mut report.unreferenced);
            Ok((checked(report), unreferenced, moved))
        })
    }

    fn gc(&self, py: Python<'_>, grace_us: i64, dry_run: bool) -> PyResult<(Listed, u64)> {
        enter(py, || {
            let removed = self.inner.gc(grace_us, dry_run)?;
            Ok((removed.files, removed.n_kept))
        })
    }

    fn verify_snapshot(&self, py: Python<'_>, snapshot: &Snapshot) -> PyResult<Checked> {
        enter(py, || Ok(checked(self.inner.verify_snapshot(&snapshot.inner)?)))
    }

    fn verify_table(&self, py: Python<'_>, table: &Table) -> PyResult<Checked> {
        enter(py, || Ok(checked(self.inner.verify_table(&table.inner)?)))
    }

    fn verify_raw(&self, py: Python<'_>, hash: &str) -> PyResult<Checked> {
        enter(py, || Ok(checked(self.inner.verify_raw(&hash.parse::<Digest>()?)?)))
    }

    #[staticmethod]
    fn raw_name(py: Python<'_>, hash: &str) -> PyResult<String> {
        enter(py, || Ok(lakebed_core::format::names::lake_object(&hash.parse()?)))
    }

    fn local_path(&self, name: &str) -> Option<String> {
        self.inner.objects().store.local_path(name).map(|path| path.display().to_string())
    }

    fn read<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let bytes = enter(py, || self.inner.objects().store.get(name))?;
        Ok(bytes.map(|bytes| PyBytes::new(py, &bytes)))
    }

    fn counters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counters = &self.inner.objects().counters;
        let dict = PyDict::new(py);
        dict.set_item("metadata_bytes", counters.metadata_bytes.load(Ordering::Relaxed))?;
        dict.set_item("data_bytes", counters.data_bytes.load(Ordering::Relaxed))?;
        dict.set_item("data_files", counters.data_files.load(Ordering::Relaxed))?;
        Ok(dict)
    }
}

fn checked(report: Report) -> Checked {
    let problems = report.problems.into_iter().map(|x| (x.path, x.problem, x.expected, x.found)).collect();
    (report.n_checked, problems)
}
