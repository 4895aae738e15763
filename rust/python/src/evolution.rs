//! Changes of what a table is: columns, layout and notes.

use arrow_array::{Array, ArrayRef};
use arrow_schema::Field;
use lakebed_core::format::defaults;
use lakebed_core::format::evolve::Evolution;
use lakebed_core::log::commit::Note;
use pyo3::prelude::*;

use crate::enter::enter;
use crate::stream::{Input, read_one};
use crate::transaction::Transaction;

/// The first column of `frame` has the type; its one row, where it has one, the default.
#[pyfunction]
pub(crate) fn add_column(
    transaction: &Transaction,
    py: Python<'_>,
    name: &str,
    path: Vec<String>,
    frame: Input,
) -> PyResult<()> {
    enter(py, || {
        let (field, value) = read_field(frame)?;
        let default = value.map(|value| defaults::to_text(&value, field.data_type())).transpose()?;
        transaction.with(|inner| inner.evolve(name, &Evolution::Add { path, field, default }))
    })
}

/// Drop a field.
#[pyfunction]
pub(crate) fn drop_column(transaction: &Transaction, py: Python<'_>, name: &str, path: Vec<String>) -> PyResult<()> {
    enter(py, || transaction.with(|inner| inner.evolve(name, &Evolution::Drop { path })))
}

/// Give a field another name.
#[pyfunction]
pub(crate) fn rename_column(
    transaction: &Transaction,
    py: Python<'_>,
    name: &str,
    path: Vec<String>,
    to: String,
) -> PyResult<()> {
    enter(py, || transaction.with(|inner| inner.evolve(name, &Evolution::Rename { path, to })))
}

/// Put the columns into another order.
#[pyfunction]
pub(crate) fn reorder_columns(
    transaction: &Transaction,
    py: Python<'_>,
    name: &str,
    columns: Vec<String>,
) -> PyResult<()> {
    enter(py, || transaction.with(|inner| inner.evolve(name, &Evolution::Reorder { columns })))
}

/// Give a field the type of the first column of `frame`.
#[pyfunction]
#[pyo3(signature = (transaction, name, path, frame, *, narrowing = false))]
pub(crate) fn retype_column(
    transaction: &Transaction,
    py: Python<'_>,
    name: &str,
    path: Vec<String>,
    frame: Input,
    narrowing: bool,
) -> PyResult<()> {
    enter(py, || {
        let (field, _) = read_field(frame)?;
        transaction.with(|inner| inner.evolve(name, &Evolution::Retype { path, field, narrowing }))
    })
}

/// Allow or forbid nulls.
#[pyfunction]
pub(crate) fn set_nullable(
    transaction: &Transaction,
    py: Python<'_>,
    name: &str,
    path: Vec<String>,
    nullable: bool,
) -> PyResult<()> {
    enter(py, || transaction.with(|inner| inner.evolve(name, &Evolution::SetNullable { path, nullable })))
}

/// Say how rows are laid out in files.
#[pyfunction]
pub(crate) fn set_layout(
    transaction: &Transaction,
    py: Python<'_>,
    name: &str,
    sort_by: Vec<String>,
    bucket_by: Vec<String>,
    n_buckets: u32,
) -> PyResult<()> {
    enter(py, || transaction.with(|inner| inner.set_layout(name, &sort_by, &bucket_by, n_buckets)))
}

/// Say what a table or a field is.
#[pyfunction]
pub(crate) fn set_note(
    transaction: &Transaction,
    py: Python<'_>,
    name: &str,
    path: Vec<String>,
    comment: String,
    owners: Vec<String>,
    tags: Vec<String>,
) -> PyResult<()> {
    enter(py, || transaction.with(|inner| inner.set_note(name, &path, Note { comment, owners, tags })))
}

fn read_field(frame: Input) -> lakebed_core::Result<(Field, Option<ArrayRef>)> {
    let batch = read_one(frame)?;
    let field = batch.schema().field(0).clone();
    let value = (batch.num_rows() == 1 && batch.column(0).null_count() == 0).then(|| batch.column(0).clone());
    Ok((field, value))
}
