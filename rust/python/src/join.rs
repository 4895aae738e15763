//! Joins in time: rows as of a time, and aggregates over windows before it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use arrow_array::{RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use lakebed_core::join::{
    self as core, Aggregate, Aggregates, AsofOptions, Function, JoinedStream, Limits, Monitor, Reader, Reports,
    SideReport, Strategy, Window,
};
use lakebed_core::{Error, Result};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::enter::{enter_watched, lock};
use crate::stream::{ArrowStream, Input};

/// Shares of the matches, by age, of which a report tells the age.
const SHARES: [f64; 9] = [0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0];

/// Names and limits of one right table, as `lakebed.join` makes them.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
#[allow(clippy::struct_excessive_bools)] // Each is an option of its own.
pub(crate) struct Options {
    on_left: String,
    on_right: String,
    by_left: Vec<String>,
    by_right: Vec<String>,
    tolerance_ns: Option<i128>,
    tolerance_is_inclusive: bool,
    allow_exact_matches: bool,
    direction: String,
    created: Option<String>,
    only_known: bool,
    skip_nulls: Vec<String>,
    skip_all_nulls: bool,
    columns: Option<Vec<(String, String)>>,
    suffix: String,
    aggregates: Option<AggregateOptions>,
    is_ordered: bool,
}

/// Windows as (length, offset), and columns as (source, function, its parameter, window, name).
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct AggregateOptions {
    windows: Vec<(Option<i128>, i128)>,
    closed_left: bool,
    closed_right: bool,
    columns: Vec<(Option<String>, String, f64, usize, String)>,
}

impl AggregateOptions {
    fn into_core(self) -> Result<Aggregates> {
        let windows = self.windows.into_iter().map(|(length_ns, offset_ns)| Window { length_ns, offset_ns });
        let columns = self.columns.into_iter().map(|(column, function, parameter, window, name)| {
            Ok(Aggregate { column, function: Function::named(&function, parameter)?, window, name })
        });
        let (closed_left, closed_right) = (self.closed_left, self.closed_right);
        Ok(Aggregates {
            windows: windows.collect(),
            closed_left,
            closed_right,
            columns: columns.collect::<Result<_>>()?,
        })
    }
}

impl Options {
    fn into_core(self) -> Result<AsofOptions> {
        Ok(AsofOptions {
            on_left: self.on_left,
            on_right: self.on_right,
            by_left: self.by_left,
            by_right: self.by_right,
            tolerance_ns: self.tolerance_ns,
            tolerance_is_inclusive: self.tolerance_is_inclusive,
            allow_exact_matches: self.allow_exact_matches,
            strategy: strategy(&self.direction),
            created: self.created,
            only_known: self.only_known,
            skip_nulls: self.skip_nulls,
            skip_all_nulls: self.skip_all_nulls,
            columns: self.columns,
            suffix: self.suffix,
            aggregates: self.aggregates.map(AggregateOptions::into_core).transpose()?,
            is_ordered: self.is_ordered,
        })
    }
}

fn strategy(direction: &str) -> Strategy {
    match direction {
        "forward" => Strategy::Forward,
        "nearest" => Strategy::Nearest,
        _ => Strategy::Backward,
    }
}

/// A table that is given as one object that speaks Arrow, or as a list of them: parts of it, in order.
pub(crate) struct Parts(Input);

impl<'a, 'py> FromPyObject<'a, 'py> for Parts {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let Ok(list) = object.cast::<PyList>() else { return Ok(Self(object.extract()?)) };
        let parts = list.iter().map(|part| Ok(part.extract::<Input>()?.0)).collect::<PyResult<Vec<_>>>()?;
        let Some(schema) = parts.first().map(RecordBatchReader::schema) else {
            return Err(PyValueError::new_err("a table of no parts has no columns"));
        };
        Ok(Self(Input(Box::new(RecordBatchIterator::new(parts.into_iter().flatten(), schema)))))
    }
}

/// To each left row the columns of every right table, in the order of the left rows; and a report on each table.
#[pyfunction]
pub(crate) fn asof_join(
    py: Python<'_>,
    left: Parts,
    rights: Vec<(Parts, Options)>,
    in_chunks: bool,
    memory_limit: Option<usize>,
    spill_folder: Option<PathBuf>,
    progress: Option<Py<PyAny>>,
) -> PyResult<(ArrowStream, JoinCounts)> {
    let monitor = Arc::new(Monitor::default());
    let limits = memory_limit.map(|memory_bytes| Limits { memory_bytes, folder: spill_folder });
    let work = || {
        let rights = rights.into_iter().map(|(right, options)| Ok((right.0.0, options.into_core()?)));
        core::join_streams(left.0.0, rights.collect::<Result<_>>()?, limits.as_ref(), in_chunks, &monitor)
    };
    let joined = enter_watched(py, work, || monitor.stop(), |py| tell(py, progress.as_ref(), &monitor))?;
    tell(py, progress.as_ref(), &monitor)?;
    Ok(handed_over(joined, monitor, progress))
}

/// The result as a stream, which can be stopped and tells how far it is where there is work left.
fn handed_over(joined: JoinedStream, monitor: Arc<Monitor>, progress: Option<Py<PyAny>>) -> (ArrowStream, JoinCounts) {
    let raised = Raised::default();
    let counts = JoinCounts {
        reports: joined.reports,
        unit_ns: joined.unit_ns,
        spilled_bytes: joined.spilled_bytes,
        raised: Arc::clone(&raised),
    };
    let reader: Reader = if joined.goes_on {
        Box::new(WatchedJoin { reader: joined.reader, monitor, progress, raised })
    } else {
        joined.reader
    };
    (ArrowStream::from_reader(reader), counts)
}

/// The rest of a join that goes on while its result is read: each chunk can be stopped, and tells how far it is.
struct WatchedJoin {
    reader: Reader,
    monitor: Arc<Monitor>,
    progress: Option<Py<PyAny>>,
    /// What Python is to raise: it has no place in an Arrow error.
    raised: Raised,
}

type Raised = Arc<Mutex<Option<PyErr>>>;

impl Iterator for WatchedJoin {
    type Item = std::result::Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let Self { reader, monitor, progress, raised } = self;
        let work = || reader.next().transpose().map_err(into_core);
        let chunk = Python::attach(|py| {
            let chunk = enter_watched(py, work, || monitor.stop(), |py| tell(py, progress.as_ref(), monitor))?;
            tell(py, progress.as_ref(), monitor)?;
            Ok(chunk)
        });
        let failed = |error: PyErr| {
            let text = error.to_string();
            *lock(raised) = Some(error);
            ArrowError::ExternalError(text.into())
        };
        chunk.map_err(failed).transpose()
    }
}

impl RecordBatchReader for WatchedJoin {
    fn schema(&self) -> SchemaRef {
        self.reader.schema()
    }
}

/// The failure of the core that a stream gives as one of Arrow.
fn into_core(error: ArrowError) -> Error {
    match error {
        ArrowError::ExternalError(inner) => {
            inner.downcast::<Error>().map_or_else(|inner| ArrowError::ExternalError(inner).into(), |inner| *inner)
        }
        error => error.into(),
    }
}

/// What a join has found so far: all of it once its stream has come to its end.
#[pyclass(frozen, module = "lakebed._core")]
pub(crate) struct JoinCounts {
    reports: Reports,
    unit_ns: i64,
    #[pyo3(get)]
    spilled_bytes: u64,
    raised: Raised,
}

#[pymethods]
impl JoinCounts {
    fn raised(&self) -> Option<PyErr> {
        lock(&self.raised).take()
    }

    fn sides(&self, py: Python<'_>) -> PyResult<Vec<Py<PyDict>>> {
        self.reports.get().iter().map(|report| to_dict(py, report, self.unit_ns)).collect()
    }
}

fn tell(py: Python<'_>, progress: Option<&Py<PyAny>>, monitor: &Monitor) -> PyResult<()> {
    progress.map_or(Ok(()), |progress| progress.call1(py, monitor.progress()).map(drop))
}

fn to_dict(py: Python<'_>, report: &SideReport, unit_ns: i64) -> PyResult<Py<PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("n_rows", report.n_rows)?;
    dict.set_item("n_matched", report.n_matched)?;
    dict.set_item("n_expired", report.n_expired)?;
    dict.set_item("n_future_only", report.n_future_only)?;
    dict.set_item("n_not_yet_known", report.n_not_yet_known)?;
    dict.set_item("n_unknown_key", report.n_unknown_key)?;
    dict.set_item("n_null", report.n_null)?;
    dict.set_item("n_ties", report.n_ties)?;
    let age = |share: f64| report.ages.quantile(share).map(|age| age.saturating_mul(unit_ns.unsigned_abs().into()));
    let ages: Vec<(f64, Option<u128>)> = SHARES.iter().map(|&share| (share, age(share))).collect();
    dict.set_item("ages_ns", ages)?;
    Ok(dict.unbind())
}
