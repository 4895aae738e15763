//! Point-in-time join.

use lakebed_core::join::{self as core, AsofOptions, Strategy};
use lakebed_core::threads;
use pyo3::prelude::*;

use crate::enter::enter;
use crate::stream::{ArrowStream, Input, read_one};

/// Names and limits of a join, as `lakebed.join` makes them.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Options {
    on_left: String,
    on_right: String,
    by_left: Vec<String>,
    by_right: Vec<String>,
    tolerance_ns: Option<i128>,
    allow_exact_matches: bool,
    forward: bool,
    suffix: String,
}

/// To each left row the nearest right row in time, in the order of the left rows.
#[pyfunction]
pub(crate) fn asof_join(py: Python<'_>, left: Input, right: Input, options: Options) -> PyResult<ArrowStream> {
    let asof = AsofOptions {
        on_left: options.on_left,
        on_right: options.on_right,
        by_left: options.by_left,
        by_right: options.by_right,
        tolerance_ns: options.tolerance_ns,
        allow_exact_matches: options.allow_exact_matches,
        strategy: if options.forward { Strategy::Forward } else { Strategy::Backward },
    };
    enter(py, || {
        let (left, right) = (read_one(left)?, read_one(right)?);
        let joined = threads::install(|| core::asof_join(&left, &right, &asof, &options.suffix))?;
        Ok(ArrowStream::from_batches(&joined.schema(), vec![joined]))
    })
}
