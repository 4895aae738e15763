//! Tables across the boundary: Arrow C streams in capsules, zero copy, both ways.

use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use arrow_array::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use arrow_array::{RecordBatch, RecordBatchIterator, RecordBatchReader, StructArray};
use arrow_schema::{ArrowError, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use lakebed_core::Error;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};

use crate::enter::{lock, to_python};

/// A stream of record batches that came from Python, or goes there. It can be read once.
#[pyclass(frozen, module = "lakebed._core")]
pub(crate) struct ArrowStream {
    reader: Mutex<Option<Box<dyn RecordBatchReader + Send>>>,
}

impl ArrowStream {
    /// The stream that a reader gives.
    pub(crate) fn from_reader(reader: Box<dyn RecordBatchReader + Send>) -> Self {
        Self { reader: Mutex::new(Some(reader)) }
    }
}

#[pymethods]
impl ArrowStream {
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // The protocol lets a producer give its own types where it cannot give the requested ones.
        drop(requested_schema);
        let taken = lock(&self.reader).take();
        let reader =
            taken.ok_or_else(|| PyValueError::new_err("this Arrow stream was read already; make a new one"))?;
        PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(reader), c"arrow_array_stream")
    }
}

/// The stream of any object that speaks Arrow: `__arrow_c_stream__`, else `__arrow_c_array__`.
pub(crate) struct Input(pub(crate) Box<dyn RecordBatchReader + Send>);

impl<'a, 'py> FromPyObject<'a, 'py> for Input {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if object.hasattr("__arrow_c_stream__")? {
            let capsule = object.call_method0("__arrow_c_stream__")?;
            let capsule = capsule.cast::<PyCapsule>()?;
            let pointer = capsule.pointer_checked(Some(c"arrow_array_stream"))?.cast::<FFI_ArrowArrayStream>();
            // SAFETY: a capsule of that name holds a valid stream; `from_raw` moves it out and marks it as released.
            let reader = unsafe { RecordBatchStreamReader::from_raw(pointer.as_ptr()) };
            return Ok(Self(Box::new(reader.map_err(|error| unreadable(object.py(), &error))?)));
        }
        if object.hasattr("__arrow_c_array__")? {
            let pair = object.call_method0("__arrow_c_array__")?;
            let batch = import_batch(&pair).map_err(|error| unreadable(object.py(), &error))?;
            let schema = batch.schema();
            return Ok(Self(Box::new(RecordBatchIterator::new([Ok(batch)], schema))));
        }
        Err(no_table(&object.get_type().name()?.to_string()))
    }
}

fn no_table(found: &str) -> PyErr {
    PyTypeError::new_err(format!(
        "expected a table that speaks Arrow (polars, pyarrow, pandas >= 2.2, duckdb ...), found {found}; \
         pass for instance a polars.DataFrame"
    ))
}

/// Rows between two looks at Ctrl-C, and between two reports of the progress.
const WATCHED_ROWS: usize = 1 << 18;

/// A stream that lets Ctrl-C end it, and tells somebody how many rows it has given.
pub(crate) struct Watched {
    reader: Box<dyn RecordBatchReader + Send>,
    /// The rest of a batch that is larger than one step.
    rest: Option<RecordBatch>,
    progress: Option<Py<PyAny>>,
    n_rows: u64,
    /// What Python raised: it has no place in an Arrow error.
    raised: Arc<Mutex<Option<PyErr>>>,
}

impl Watched {
    /// Watch `input`; what Python raises meanwhile is put into `raised`.
    pub(crate) fn new(input: Input, progress: Option<Py<PyAny>>, raised: &Arc<Mutex<Option<PyErr>>>) -> Self {
        Self { reader: input.0, rest: None, progress, n_rows: 0, raised: Arc::clone(raised) }
    }

    fn look(&self) -> Result<(), ArrowError> {
        let outcome = Python::attach(|py| {
            py.check_signals()?;
            self.progress.as_ref().map(|progress| progress.call1(py, (self.n_rows,))).transpose()
        });
        outcome.map(|_| ()).map_err(|error| {
            let text = error.to_string();
            *self.raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            ArrowError::ExternalError(text.into())
        })
    }
}

impl Iterator for Watched {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Err(error) = self.look() {
            return Some(Err(error));
        }
        let batch = match self.rest.take() {
            Some(batch) => batch,
            None => match self.reader.next()? {
                Ok(batch) => batch,
                error => return Some(error),
            },
        };
        let n_rows = batch.num_rows().min(WATCHED_ROWS);
        if n_rows < batch.num_rows() {
            self.rest = Some(batch.slice(n_rows, batch.num_rows() - n_rows));
        }
        self.n_rows += n_rows as u64;
        Some(Ok(batch.slice(0, n_rows)))
    }
}

impl RecordBatchReader for Watched {
    fn schema(&self) -> SchemaRef {
        self.reader.schema()
    }
}

/// The schema of any object that speaks Arrow: `__arrow_c_schema__`.
pub(crate) fn import_schema(object: &Bound<'_, PyAny>) -> PyResult<Schema> {
    let capsule = object.call_method0("__arrow_c_schema__")?;
    let capsule = capsule.cast::<PyCapsule>()?;
    let pointer = capsule.pointer_checked(Some(c"arrow_schema"))?.cast::<FFI_ArrowSchema>();
    // SAFETY: a capsule of that name holds a valid schema, which is only read while the capsule lives.
    let schema = Schema::try_from(unsafe { pointer.as_ref() });
    schema.map_err(|error| unreadable(object.py(), &error))
}

/// All rows of a stream as one batch.
pub(crate) fn read_one(input: Input) -> lakebed_core::Result<RecordBatch> {
    let schema = input.0.schema();
    let batches = input.0.collect::<Result<Vec<_>, _>>()?;
    Ok(concat_batches(&schema, &batches)?)
}

/// A schema as an Arrow C schema capsule.
pub(crate) fn export_schema<'py>(py: Python<'py>, schema: &Schema) -> PyResult<Bound<'py, PyCapsule>> {
    PyCapsule::new_with_value(
        py,
        FFI_ArrowSchema::try_from(schema).map_err(|error| unreadable(py, &error))?,
        c"arrow_schema",
    )
}

fn import_batch(pair: &Bound<'_, PyAny>) -> Result<RecordBatch, ArrowError> {
    let failed = |e: PyErr| ArrowError::CDataInterface(e.to_string());
    let pair = pair.cast::<PyTuple>().map_err(|e| failed(e.into()))?;
    let (schema, array) = (pair.get_item(0).map_err(failed)?, pair.get_item(1).map_err(failed)?);
    let schema = schema.cast::<PyCapsule>().map_err(|e| failed(e.into()))?;
    let array = array.cast::<PyCapsule>().map_err(|e| failed(e.into()))?;
    let schema = schema.pointer_checked(Some(c"arrow_schema")).map_err(failed)?.cast::<FFI_ArrowSchema>();
    let array = array.pointer_checked(Some(c"arrow_array")).map_err(failed)?.cast::<FFI_ArrowArray>();
    // SAFETY: capsules of those names hold a valid schema and array; the array is moved out and marked as released.
    let data = unsafe { from_ffi(FFI_ArrowArray::from_raw(array.as_ptr()), schema.as_ref()) }?;
    Ok(RecordBatch::from(StructArray::from(data)))
}

fn unreadable(py: Python<'_>, error: &ArrowError) -> PyErr {
    let (column, hint) = ("of the frame".into(), "a plain type such as int64, float64, string or timestamp".into());
    to_python(py, &Error::UnsupportedType { column, found: error.to_string(), hint })
}
