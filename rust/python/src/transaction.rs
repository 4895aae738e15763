//! Changes that become visible together.

use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lakebed_core::Error;
use lakebed_core::transaction::{self as core, Mode};
use pyo3::prelude::*;

use crate::enter::enter;
use crate::statistics::TableStatistics;
use crate::stream::Input;

/// A transaction on one branch.
#[pyclass(frozen, module = "lakebed._core")]
pub(crate) struct Transaction {
    inner: Mutex<core::Transaction>,
}

impl Transaction {
    pub(crate) fn new(inner: core::Transaction) -> Self {
        Self { inner: Mutex::new(inner) }
    }

    fn lock(&self) -> MutexGuard<'_, core::Transaction> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Transaction {
    #[pyo3(signature = (name, frame, *, overwrite = false))]
    fn write(&self, py: Python<'_>, name: &str, frame: Input, overwrite: bool) -> PyResult<u64> {
        let mode = if overwrite { Mode::Overwrite } else { Mode::Append };
        let mut frame = frame;
        enter(py, || self.lock().write(name, mode, frame.0.as_mut()))
    }

    fn set_schema(&self, py: Python<'_>, name: &str, payload: Vec<u8>) -> PyResult<()> {
        enter(py, || self.lock().set_schema(name, payload))
    }

    fn put_raw_file(&self, py: Python<'_>, path: &str) -> PyResult<(String, u64)> {
        enter(py, || {
            let open = |source| Error::Io { action: "open".into(), path: path.into(), source };
            let (hash, size_bytes) = self.lock().put_raw(&mut File::open(path).map_err(open)?)?;
            Ok((hash.to_hex(), size_bytes))
        })
    }

    fn put_raw_bytes(&self, py: Python<'_>, data: &[u8]) -> PyResult<(String, u64)> {
        enter(py, || {
            let mut data = data;
            let (hash, size_bytes) = self.lock().put_raw(&mut data)?;
            Ok((hash.to_hex(), size_bytes))
        })
    }

    fn set_lake(&self, py: Python<'_>, path: &str, pointer: Vec<u8>) -> PyResult<()> {
        enter(py, || self.lock().set_lake(path, pointer))
    }

    fn staged_tables(&self) -> Vec<String> {
        self.lock().staged_tables()
    }

    fn staged_statistics(&self, py: Python<'_>, name: &str) -> PyResult<Option<TableStatistics>> {
        enter(py, || Ok(self.lock().staged_statistics(name)?.map(|inner| TableStatistics { inner })))
    }

    fn base_schema_payload(&self, py: Python<'_>, name: &str) -> PyResult<Option<Vec<u8>>> {
        enter(py, || self.lock().schema_payload(name))
    }

    fn refresh(&self, py: Python<'_>) -> PyResult<()> {
        enter(py, || self.lock().refresh())
    }

    fn try_commit(&self, py: Python<'_>, operation: &[u8]) -> PyResult<Option<(String, u64, i64)>> {
        enter(py, || {
            let committed = self.lock().try_commit(operation)?;
            Ok(committed.map(|done| (done.commit.id, done.ref_sequence, done.time_us)))
        })
    }
}

/// Every class of this module may be used from any thread.
const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Transaction>();
    shared::<Arc<lakebed_core::log::snapshot::Snapshot>>();
};
