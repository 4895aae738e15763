//! Files that Polars does not read, or does not check: `TFRecord`, and the widths of CSV rows.

use std::sync::{Mutex, PoisonError};

use arrow_array::RecordBatchIterator;
use lakebed_core::csv::{CsvWidths as CoreWidths, Misfit};
use lakebed_core::tfrecord::TfRecordReader as CoreReader;
use pyo3::prelude::*;

use crate::enter::enter;
use crate::stream::ArrowStream;

/// Reads a `TFRecord` file of `tf.Example` that is pushed piece by piece.
#[pyclass(frozen, module = "lakebed._core")]
pub(crate) struct TfRecordReader {
    inner: Mutex<CoreReader>,
}

#[pymethods]
impl TfRecordReader {
    #[new]
    fn new(place: &str) -> Self {
        Self { inner: Mutex::new(CoreReader::new(place)) }
    }

    fn push(&self, py: Python<'_>, data: &[u8]) -> PyResult<usize> {
        enter(py, || {
            let mut reader = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            reader.push(data)?;
            Ok(reader.n_rows())
        })
    }

    fn take(&self, py: Python<'_>) -> PyResult<ArrowStream> {
        enter(py, || {
            let batch = self.inner.lock().unwrap_or_else(PoisonError::into_inner).take()?;
            let schema = batch.schema();
            Ok(ArrowStream::from_reader(Box::new(RecordBatchIterator::new([Ok(batch)], schema))))
        })
    }

    fn finish(&self, py: Python<'_>) -> PyResult<()> {
        enter(py, || self.inner.lock().unwrap_or_else(PoisonError::into_inner).finish())
    }
}

/// Counts the fields of the rows of a CSV file that is pushed piece by piece.
#[pyclass(frozen, module = "lakebed._core")]
pub(crate) struct CsvWidths {
    inner: Mutex<CoreWidths>,
}

#[pymethods]
impl CsvWidths {
    #[new]
    fn new(width: u64, separator: u8, quote: Option<u8>) -> Self {
        Self { inner: Mutex::new(CoreWidths::new(width, separator, quote)) }
    }

    fn push(&self, py: Python<'_>, data: &[u8]) -> Option<(u64, u64, u64)> {
        let found = py.detach(|| self.inner.lock().unwrap_or_else(PoisonError::into_inner).push(data));
        found.map(place)
    }

    fn unclosed(&self) -> Option<(u64, u64)> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).unclosed()
    }

    fn finish(&self) -> Option<(u64, u64, u64)> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).finish().map(place)
    }
}

/// Row, line and number of fields.
fn place(misfit: Misfit) -> (u64, u64, u64) {
    (misfit.row, misfit.line, misfit.found)
}
