//! Statistics of a table: collect, merge, encode, and a dict of plain values.

use lakebed_core::statistics as core;
use lakebed_core::threads;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use crate::enter::enter;
use crate::stream::Input;

/// Most frequent values that are given out.
const TOP_VALUES: usize = 1000;

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

    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let columns = self.inner.columns.iter().map(|column| column_dict(py, column)).collect::<PyResult<Vec<_>>>()?;
        let dict = PyDict::new(py);
        dict.set_item("n_rows", self.inner.n_live())?;
        dict.set_item("n_deleted", self.inner.n_deleted)?;
        dict.set_item("columns", PyList::new(py, columns)?)?;
        Ok(dict)
    }
}

/// One pass over all batches of `frame`.
#[pyfunction]
pub(crate) fn collect_statistics(py: Python<'_>, frame: Input) -> PyResult<TableStatistics> {
    enter(py, || {
        let mut collector = core::Collector::new(&frame.0.schema())?;
        for batch in frame.0 {
            let batch = batch?;
            threads::install(|| collector.update(&batch))?;
        }
        Ok(TableStatistics { inner: threads::install(|| collector.finish()) })
    })
}

fn column_dict<'py>(py: Python<'py>, column: &core::ColumnStatistics) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("name", column.name())?;
    dict.set_item("type", column.kind().as_str())?;
    dict.set_item("arrow_type", column.arrow_type())?;
    dict.set_item("n_null", column.n_null())?;
    for (name, bound) in [("min", column.min()), ("max", column.max())] {
        dict.set_item(name, bound.map(|bound| scalar(py, &bound.value)).transpose()?)?;
        dict.set_item(format!("{name}_exact"), bound.is_none_or(|bound| bound.exact))?;
    }
    dict.set_item("distinct", column.distinct().map(|count| distinct_dict(py, &count)).transpose()?)?;
    dict.set_item("top_values", top_values_dict(py, column)?)?;
    dict.set_item("length", column.length().map(|lengths| lengths_dict(py, &lengths)).transpose()?)?;
    dict.set_item("value_count", column.value_count().map(|lengths| lengths_dict(py, &lengths)).transpose()?)?;
    set_numbers(&dict, column)?;
    Ok(dict)
}

fn set_numbers(dict: &Bound<'_, PyDict>, column: &core::ColumnStatistics) -> PyResult<()> {
    let moments = column.moments();
    dict.set_item("n_nan", moments.n_nan)?;
    dict.set_item("n_positive_inf", moments.n_positive_inf)?;
    dict.set_item("n_negative_inf", moments.n_negative_inf)?;
    dict.set_item("n_zero", moments.n_zero)?;
    dict.set_item("n_negative", moments.n_negative)?;
    dict.set_item("sum", column.sum())?;
    dict.set_item("mean", column.mean())?;
    dict.set_item("variance", column.variance())?;
    dict.set_item("quantiles", column.quantiles())?;
    dict.set_item("bins", column.bins())
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
    Ok(dict)
}

fn lengths_dict<'py>(py: Python<'py>, lengths: &core::Lengths) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("min", lengths.min)?;
    dict.set_item("max", lengths.max)?;
    dict.set_item("mean", lengths.mean())?;
    dict.set_item("total", lengths.total)?;
    Ok(dict)
}

/// A Python scalar; a decimal as a float, which is what statistics of it are.
fn scalar<'py>(py: Python<'py>, value: &core::Scalar) -> PyResult<Bound<'py, PyAny>> {
    match value {
        core::Scalar::Int(value) => value.into_bound_py_any(py),
        core::Scalar::UInt(value) => value.into_bound_py_any(py),
        core::Scalar::Float(value) => value.into_bound_py_any(py),
        core::Scalar::Decimal { value, scale } => (*value as f64 / 10f64.powi(i32::from(*scale))).into_bound_py_any(py),
        core::Scalar::String(value) => value.into_bound_py_any(py),
        core::Scalar::Binary(value) => PyBytes::new(py, value).into_bound_py_any(py),
    }
}
