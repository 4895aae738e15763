//! Statistics of tables: collect, merge, encode, compare, and a dict of plain values.

use std::sync::{Mutex, PoisonError};

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use lakebed_core::sketch::WholeSum;
use lakebed_core::statistics as core;
use lakebed_core::{Error, threads};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyInt, PyList, PyType};

use crate::enter::enter;
use crate::stream::Input;

/// Most frequent values that are given out.
const TOP_VALUES: usize = 1000;
/// Quantiles at every hundredth.
const QUANTILES: u32 = 100;

/// Statistics of every column of a table.
#[pyclass(frozen, module = "lakebed._core")]
pub(crate) struct TableStatistics {
    pub(crate) inner: core::TableStatistics,
}

#[pymethods]
impl TableStatistics {
    #[staticmethod]
    fn decode(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        enter(py, || Ok(Self { inner: core::TableStatistics::decode(data)? }))
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = enter(py, || Ok(self.inner.encode()))?;
        Ok(PyBytes::new(py, &bytes))
    }

    fn merge(&self, py: Python<'_>, other: &Self) -> PyResult<Self> {
        enter(py, || {
            let mut merged = self.inner.clone();
            merged.merge(&other.inner)?;
            Ok(Self { inner: merged })
        })
    }

    #[getter]
    fn n_rows(&self) -> u64 {
        self.inner.n_live()
    }

    #[getter]
    fn n_deleted(&self) -> u64 {
        self.inner.n_deleted
    }

    #[getter]
    fn columns(&self) -> Vec<Vec<String>> {
        self.inner.columns.iter().map(|column| column.path().to_vec()).collect()
    }

    /// Kind and Arrow type of every column, by its path with dots.
    #[getter]
    fn types(&self) -> Vec<(String, (&'static str, String))> {
        let pair = |column: &core::ColumnStatistics| (column.kind().as_str(), column.arrow_type().to_string());
        self.inner.columns.iter().map(|column| (column.name(), pair(column))).collect()
    }

    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let columns = self.inner.columns.iter().map(|column| column_dict(py, column)).collect::<PyResult<Vec<_>>>()?;
        let dict = PyDict::new(py);
        dict.set_item("n_rows", self.inner.n_live())?;
        dict.set_item("n_deleted", self.inner.n_deleted)?;
        dict.set_item("weight", self.inner.weight)?;
        dict.set_item("columns", PyList::new(py, columns)?)?;
        Ok(dict)
    }

    /// How far each column moved from `before` to these statistics.
    fn drift_from<'py>(&self, py: Python<'py>, before: &Self, limit: usize) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let found = enter(py, || Ok(core::drift(&before.inner, &self.inner, limit)))?;
        found.iter().map(|column| drift_dict(py, column)).collect()
    }
}

/// Takes in tables of one schema, one after the other, and gives their statistics.
#[pyclass(frozen, module = "lakebed._core")]
pub(crate) struct StatisticsCollector {
    content: core::Content,
    weight: Option<String>,
    binary_is_text: bool,
    as_tfdv: bool,
    inner: Mutex<Option<core::Collector>>,
}

/// Rows that are added between two looks at signals.
const PIECE_ROWS: usize = 1 << 22;

#[pymethods]
impl StatisticsCollector {
    #[new]
    #[pyo3(signature = (content = None, weight = None, *, binary_is_text = false, as_tfdv = false))]
    fn new(
        py: Python<'_>,
        content: Option<Vec<String>>,
        weight: Option<String>,
        binary_is_text: bool,
        as_tfdv: bool,
    ) -> PyResult<Self> {
        enter(py, || {
            let content = content.map_or(Ok(core::Content::ALL), |names| core::Content::of(&names))?;
            Ok(Self { content, weight, binary_is_text, as_tfdv, inner: Mutex::new(None) })
        })
    }

    fn update(&self, py: Python<'_>, frame: Input) -> PyResult<u64> {
        let mut batches = frame.0;
        let schema = batches.schema();
        enter(py, || self.start(&schema))?;
        let mut n_rows = 0;
        while let Some(batch) = enter(py, || Ok(batches.next().transpose()?))? {
            // Pieces, so that Ctrl-C is heard in a batch of any length.
            for start in (0..batch.num_rows()).step_by(PIECE_ROWS) {
                let piece = batch.slice(start, PIECE_ROWS.min(batch.num_rows() - start));
                n_rows += enter(py, || self.add(&piece))?;
                py.check_signals()?;
            }
        }
        Ok(n_rows)
    }

    fn finish(&self, py: Python<'_>) -> PyResult<TableStatistics> {
        enter(py, || {
            let taken = self.inner.lock().unwrap_or_else(PoisonError::into_inner).take();
            let problem = || Error::InvalidArgument("no table was given; give one, with or without rows".into());
            let collector = taken.ok_or_else(problem)?;
            Ok(TableStatistics { inner: threads::install(|| collector.finish()) })
        })
    }
}

impl StatisticsCollector {
    fn start(&self, schema: &Schema) -> lakebed_core::Result<()> {
        let mut slot = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.is_none() {
            let made = core::Collector::of(schema, self.content, self.weight.as_deref(), self.binary_is_text)?;
            *slot = Some(if self.as_tfdv { made.as_tfdv() } else { made });
        }
        Ok(())
    }

    fn add(&self, batch: &RecordBatch) -> lakebed_core::Result<u64> {
        let mut slot = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_mut().map_or(Ok(()), |collector| threads::install(|| collector.update(batch)))?;
        Ok(batch.num_rows() as u64)
    }
}

fn column_dict<'py>(py: Python<'py>, column: &core::ColumnStatistics) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("path", column.path())?;
    dict.set_item("name", column.name())?;
    dict.set_item("type", if column.levels().is_empty() { column.kind().as_str() } else { "list" })?;
    dict.set_item("item_type", column.kind().as_str())?;
    dict.set_item("arrow_type", column.arrow_type())?;
    dict.set_item("content", column.content().names())?;
    dict.set_item("n_rows", column.n_rows())?;
    dict.set_item("n_null", column.n_null())?;
    dict.set_item("n_null_values", column.n_null_values())?;
    dict.set_item("n_values", column.n_values())?;
    dict.set_item("levels", column.levels().iter().map(|level| level_dict(py, level)).collect::<PyResult<Vec<_>>>()?)?;
    dict.set_item("value_count", column.value_count().map(|lengths| lengths_dict(py, &lengths)).transpose()?)?;
    dict.set_item("values_per_row", column.values_per_row().map(|level| level_dict(py, level)).transpose()?)?;
    set_values(py, &dict, column)?;
    set_numbers(&dict, column)?;
    dict.set_item("weighted", column.weighted().map(|found| weighted_dict(py, column, found)).transpose()?)?;
    Ok(dict)
}

fn set_values(py: Python<'_>, dict: &Bound<'_, PyDict>, column: &core::ColumnStatistics) -> PyResult<()> {
    for (name, bound) in [("min", column.min()), ("max", column.max())] {
        dict.set_item(name, bound.map(|bound| scalar(py, &bound.value)).transpose()?)?;
        dict.set_item(format!("{name}_exact"), bound.is_none_or(|bound| bound.exact))?;
    }
    dict.set_item("distinct", column.distinct().map(|count| distinct_dict(py, &count)).transpose()?)?;
    dict.set_item("top_values", top_values_dict(py, column)?)?;
    dict.set_item("length", column.length().map(|lengths| lengths_dict(py, &lengths)).transpose()?)?;
    dict.set_item("characters", column.characters().map(|lengths| lengths_dict(py, &lengths)).transpose()?)?;
    dict.set_item("n_invalid_utf8", column.n_invalid_utf8())
}

fn set_numbers(dict: &Bound<'_, PyDict>, column: &core::ColumnStatistics) -> PyResult<()> {
    let moments = column.moments();
    dict.set_item("n_nan", moments.n_nan)?;
    dict.set_item("n_positive_inf", moments.n_positive_inf)?;
    dict.set_item("n_negative_inf", moments.n_negative_inf)?;
    dict.set_item("n_zero", moments.n_zero)?;
    dict.set_item("n_negative", moments.n_negative)?;
    dict.set_item("sum", column.sum().map(|sum| whole_number(dict.py(), column, sum)).transpose()?)?;
    dict.set_item("mean", column.mean())?;
    dict.set_item("variance", column.variance())?;
    dict.set_item("quantiles", column.quantiles(QUANTILES))?;
    dict.set_item("rank_error", column.rank_error())?;
    dict.set_item("bins", column.bins())
}

fn whole_number<'py>(py: Python<'py>, column: &core::ColumnStatistics, sum: WholeSum) -> PyResult<Bound<'py, PyAny>> {
    match (column.kind(), sum.to_i128()) {
        (core::Kind::Decimal, _) => decimal(py, &sum.to_string(), column.scale()),
        (_, Some(short)) => short.into_bound_py_any(py),
        (_, None) => py.get_type::<PyInt>().call1((sum.to_string(),)),
    }
}

fn distinct_dict<'py>(py: Python<'py>, count: &core::DistinctCount) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("count", count.count)?;
    dict.set_item("exact", count.exact)?;
    dict.set_item("relative_error", count.relative_error)?;
    Ok(dict)
}

fn top_values_dict<'py>(py: Python<'py>, column: &core::ColumnStatistics) -> PyResult<Bound<'py, PyDict>> {
    let top = column.top_values(TOP_VALUES);
    let values = top.iter().map(|(value, count)| Ok((scalar(py, value)?, *count))).collect::<PyResult<Vec<_>>>()?;
    let dict = PyDict::new(py);
    dict.set_item("values", values)?;
    dict.set_item("exact", column.top_values_exact())?;
    dict.set_item("error", column.top_values_error())?;
    Ok(dict)
}

fn level_dict<'py>(py: Python<'py>, level: &core::Level) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("n_null", level.n_null)?;
    dict.set_item("value_count", lengths_dict(py, &level.lengths)?)?;
    dict.set_item("bins", level.bins())?;
    Ok(dict)
}

fn lengths_dict<'py>(py: Python<'py>, lengths: &core::Lengths) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("n", lengths.n)?;
    dict.set_item("min", lengths.min)?;
    dict.set_item("max", lengths.max)?;
    dict.set_item("mean", lengths.mean())?;
    dict.set_item("total", lengths.total)?;
    Ok(dict)
}

fn weighted_dict<'py>(
    py: Python<'py>,
    column: &core::ColumnStatistics,
    weighted: &core::Weighted,
) -> PyResult<Bound<'py, PyDict>> {
    let top = column.weighted_top_values(TOP_VALUES);
    let values = top.iter().map(|(value, weight)| Ok((scalar(py, value)?, *weight))).collect::<PyResult<Vec<_>>>()?;
    let dict = PyDict::new(py);
    set_weights(&dict, weighted)?;
    dict.set_item("mean", column.weighted_mean())?;
    dict.set_item("variance", column.weighted_variance())?;
    dict.set_item("quantiles", column.weighted_quantiles(QUANTILES))?;
    dict.set_item("bins", weighted.bins())?;
    dict.set_item("top_values", values)?;
    dict.set_item("error", weighted.error())?;
    Ok(dict)
}

fn set_weights(dict: &Bound<'_, PyDict>, weighted: &core::Weighted) -> PyResult<()> {
    dict.set_item("present", weighted.present)?;
    dict.set_item("missing", weighted.missing)?;
    dict.set_item("values", weighted.values)?;
    dict.set_item("nan", weighted.nan)?;
    dict.set_item("positive_inf", weighted.positive_inf)?;
    dict.set_item("negative_inf", weighted.negative_inf)?;
    dict.set_item("zero", weighted.zero)?;
    dict.set_item("length", weighted.length)
}

fn drift_dict<'py>(py: Python<'py>, column: &core::ColumnDrift) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("path", &column.path)?;
    dict.set_item("n", column.n)?;
    dict.set_item("totals", column.totals)?;
    dict.set_item("nulls", column.nulls)?;
    dict.set_item("infinity_norm", column.infinity_norm)?;
    dict.set_item("jensen_shannon_divergence", column.jensen_shannon)?;
    dict.set_item("normalized_abs_difference", column.normalized_abs_difference)?;
    dict.set_item("cumulative", column.cumulative)?;
    dict.set_item("exact", column.exact)?;
    let explained = column.differences.iter().map(|found| {
        let low = found.low.as_ref().map(|value| scalar(py, value)).transpose()?;
        let high = found.high.as_ref().map(|value| scalar(py, value)).transpose()?;
        Ok((low, high, found.before, found.after))
    });
    dict.set_item("differences", explained.collect::<PyResult<Vec<_>>>()?)?;
    Ok(dict)
}

/// A `decimal.Decimal` of these digits: made of text, so that no context rounds it.
fn decimal<'py>(py: Python<'py>, digits: &str, scale: i8) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CLASS.import(py, "decimal", "Decimal")?.call1((format!("{digits}E{}", -i16::from(scale)),))
}

/// A Python scalar.
fn scalar<'py>(py: Python<'py>, value: &core::Scalar) -> PyResult<Bound<'py, PyAny>> {
    match value {
        core::Scalar::Int(value) => value.into_bound_py_any(py),
        core::Scalar::UInt(value) => value.into_bound_py_any(py),
        core::Scalar::Float(value) => value.into_bound_py_any(py),
        core::Scalar::Decimal { value, scale } => decimal(py, &value.to_string(), *scale),
        core::Scalar::String(value) => value.into_bound_py_any(py),
        core::Scalar::Binary(value) => PyBytes::new(py, value).into_bound_py_any(py),
    }
}
