//! Changes that become visible together.

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};

use lakebed_core::Error;
use lakebed_core::transaction::{self as core, Mode};
use pyo3::prelude::*;

use crate::enter::enter;
use crate::files::FileSet;
use crate::snapshot::parse_predicate;
use crate::statistics::TableStatistics;
use crate::stream::{Input, Watched, import_schema};

/// Id, branch, number of the entry and time in microseconds of a commit.
type Done = (String, String, u64, i64);

/// A transaction on one branch.
#[pyclass(frozen, module = "lakebed._core")]
pub(crate) struct Transaction {
    inner: Mutex<core::Transaction>,
    /// The thread that is inside of the transaction: it may call back into Python, which may call here again.
    owner: Mutex<Option<ThreadId>>,
}

impl Transaction {
    pub(crate) fn new(inner: core::Transaction) -> Self {
        Self { inner: Mutex::new(inner), owner: Mutex::new(None) }
    }

    /// Run `work` on the transaction. Other threads wait; the same one would wait for ever, so it is refused.
    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&mut core::Transaction) -> lakebed_core::Result<T>,
    ) -> lakebed_core::Result<T> {
        let owner = || self.owner.lock().unwrap_or_else(PoisonError::into_inner);
        if *owner() == Some(thread::current().id()) {
            let problem = "the transaction is in use: a progress callback or a stream of batches cannot use the \
                           transaction that is reading it; do so after the write";
            return Err(Error::InvalidArgument(problem.into()));
        }
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        *owner() = Some(thread::current().id());
        let outcome = work(&mut inner);
        *owner() = None;
        outcome
    }
}

fn done(committed: &core::Committed) -> Done {
    let core::Committed { commit, branch, ref_sequence, time_us } = committed;
    (commit.id.clone(), branch.clone(), *ref_sequence, *time_us)
}

#[pymethods]
impl Transaction {
    #[pyo3(signature = (name, frame, *, overwrite = false, progress = None))]
    fn write(
        &self,
        py: Python<'_>,
        name: &str,
        frame: Input,
        overwrite: bool,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<u64> {
        let mode = if overwrite { Mode::Overwrite } else { Mode::Append };
        let raised = Arc::default();
        let mut frame = Watched::new(frame, progress, &raised);
        let written = enter(py, || self.with(|inner| inner.write(name, mode, &mut frame)));
        match raised.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(error),
            None => written,
        }
    }

    fn create(&self, py: Python<'_>, name: &str, schema: &Bound<'_, PyAny>) -> PyResult<()> {
        let schema = import_schema(schema)?;
        enter(py, || self.with(|inner| inner.create(name, &schema)))
    }

    fn drop_table(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        enter(py, || self.with(|inner| inner.drop_table(name)))
    }

    fn rename(&self, py: Python<'_>, name: &str, to: &str) -> PyResult<()> {
        enter(py, || self.with(|inner| inner.rename(name, to)))
    }

    fn set_key(&self, py: Python<'_>, key: &str) -> PyResult<Option<Done>> {
        enter(py, || {
            self.with(|inner| {
                inner.set_key(key)?;
                Ok(inner.applied().map(done))
            })
        })
    }

    fn base(&self, py: Python<'_>) -> PyResult<(String, u64)> {
        enter(py, || self.with(|inner| Ok((inner.base().branch().to_owned(), inner.base().ref_sequence()))))
    }

    fn has_table(&self, py: Python<'_>, name: &str) -> PyResult<bool> {
        enter(py, || self.with(|inner| inner.has_table(name)))
    }

    #[pyo3(signature = (name, predicate = None))]
    fn files(&self, py: Python<'_>, name: &str, predicate: Option<&str>) -> PyResult<FileSet> {
        let predicate = parse_predicate(py, predicate)?;
        let inner = enter(py, || self.with(|inner| inner.files(name, predicate.as_ref())))?;
        Ok(FileSet { inner, place: format!("table '{name}'") })
    }

    fn delete_rows(&self, py: Python<'_>, name: &str, ids: Input) -> PyResult<u64> {
        let mut ids = ids;
        enter(py, || self.with(|inner| inner.delete_rows(name, ids.0.as_mut())))
    }

    fn update_rows(&self, py: Python<'_>, name: &str, rows: Input) -> PyResult<u64> {
        let mut rows = rows;
        enter(py, || self.with(|inner| inner.update_rows(name, rows.0.as_mut())))
    }

    fn check_frame(&self, py: Python<'_>, name: &str, frame: Input) -> PyResult<()> {
        let schema = frame.0.schema();
        enter(py, || self.with(|inner| inner.check_frame(name, &schema)))
    }

    fn depend_on_absence(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        enter(py, || self.with(|inner| inner.depend_on_absence(name)))
    }

    fn compact_files(&self, py: Python<'_>, name: &str, files: &FileSet) -> PyResult<bool> {
        enter(py, || self.with(|inner| inner.compact_files(name, &files.inner)))
    }

    fn set_schema(&self, py: Python<'_>, name: &str, payload: Vec<u8>) -> PyResult<()> {
        enter(py, || self.with(|inner| inner.set_schema(name, payload)))
    }

    fn set_feature(&self, py: Python<'_>, name: &str, definition: Vec<u8>) -> PyResult<()> {
        enter(py, || self.with(|inner| inner.set_feature(name, definition)))
    }

    fn put_raw_file(&self, py: Python<'_>, path: &str) -> PyResult<(String, u64)> {
        enter(py, || {
            let open = |source| Error::Io { action: "open".into(), path: path.into(), source };
            let mut file = File::open(path).map_err(open)?;
            let (hash, size_bytes) = self.with(|inner| inner.put_raw(&mut file))?;
            Ok((hash.to_hex(), size_bytes))
        })
    }

    fn put_raw_bytes(&self, py: Python<'_>, data: &[u8]) -> PyResult<(String, u64)> {
        enter(py, || {
            let mut data = data;
            let (hash, size_bytes) = self.with(|inner| inner.put_raw(&mut data))?;
            Ok((hash.to_hex(), size_bytes))
        })
    }

    fn set_lake(&self, py: Python<'_>, path: &str, pointer: Vec<u8>) -> PyResult<()> {
        enter(py, || self.with(|inner| inner.set_lake(path, pointer)))
    }

    fn staged_tables(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        enter(py, || self.with(|inner| Ok(inner.staged_tables())))
    }

    fn staged_statistics(&self, py: Python<'_>, name: &str) -> PyResult<Option<TableStatistics>> {
        let found = enter(py, || self.with(|inner| inner.staged_statistics(name)))?;
        Ok(found.map(|inner| TableStatistics { inner }))
    }

    fn base_schema_payload(&self, py: Python<'_>, name: &str) -> PyResult<Option<Vec<u8>>> {
        enter(py, || self.with(|inner| inner.schema_payload(name)))
    }

    fn refresh(&self, py: Python<'_>) -> PyResult<Option<Done>> {
        enter(py, || {
            self.with(|inner| {
                inner.refresh()?;
                Ok(inner.applied().map(done))
            })
        })
    }

    fn try_commit(&self, py: Python<'_>, operation: &[u8]) -> PyResult<Option<Done>> {
        enter(py, || self.with(|inner| Ok(inner.try_commit(operation)?.as_ref().map(done))))
    }
}

/// Every class of this module may be used from any thread.
const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Transaction>();
    shared::<Arc<lakebed_core::log::snapshot::Snapshot>>();
};
