//! The as-of join: to each left row the latest right row of its key that is not newer (or the next that is not older).
//!
//! Every left row comes out once, in its place. Rows with a null key or a null time match nothing. Of right rows with
//! equal key and time the last one by position wins. A null in a right column stays null: nothing is filled forward.
//! Times compare as instants, whatever their units and zones; a naive one does not compare with a zoned one.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions, UInt32Array};
use arrow_buffer::NullBuffer;
use arrow_schema::{Field, Schema};

use super::search::{NONE, Rule, Side, Strategy, search};
use super::{keys, times};
use crate::error::{Error, Result};

/// How two tables are joined in time.
#[derive(Clone, Debug)]
pub struct AsofOptions {
    /// Time column of the left table: a date or a timestamp.
    pub on_left: String,
    /// Time column of the right table.
    pub on_right: String,
    /// Key columns of the left table; may be none.
    pub by_left: Vec<String>,
    /// Key columns of the right table, as many, in the same order.
    pub by_right: Vec<String>,
    /// Greatest distance in time of a match, inclusive, in nanoseconds; `None` for any distance.
    pub tolerance_ns: Option<i128>,
    /// Whether a right row at the very time of the left one matches.
    pub allow_exact_matches: bool,
    /// Where in time to look.
    pub strategy: Strategy,
}

impl AsofOptions {
    /// A backward join on the time column `on` and the keys `by` of both tables, exact matches included, without
    /// tolerance.
    pub fn new(on: &str, by: &[&str]) -> Self {
        let by: Vec<String> = by.iter().map(|&name| name.into()).collect();
        Self {
            on_left: on.into(),
            on_right: on.into(),
            by_left: by.clone(),
            by_right: by,
            tolerance_ns: None,
            allow_exact_matches: true,
            strategy: Strategy::Backward,
        }
    }
}

/// The right row of each left row; null where nothing matches.
///
/// Both tables may be in any order. O(n + m) plus the sort of those groups that are not in order of time.
pub fn asof_indices(left: &RecordBatch, right: &RecordBatch, options: &AsofOptions) -> Result<UInt32Array> {
    for (table, side) in [(left, "left"), (right, "right")] {
        if table.num_rows() >= NONE as usize {
            return Err(Error::InvalidArgument(format!(
                "the {side} table of an as-of join has {} rows, at most {} are supported; split it by key",
                table.num_rows(),
                NONE - 1
            )));
        }
    }
    let (left_times, right_times, ns) = times::pair(left, &options.on_left, right, &options.on_right)?;
    let (left_keys, right_keys) = keys::pair(left, &options.by_left, right, &options.by_right)?;
    let rule = Rule {
        strategy: options.strategy,
        allow_exact_matches: options.allow_exact_matches,
        tolerance: tolerance(options.tolerance_ns, ns)?,
    };
    let matches =
        search(&Side { keys: left_keys, times: left_times }, &Side { keys: right_keys, times: right_times }, rule);
    let valid: NullBuffer = matches.iter().map(|&row| row != NONE).collect::<Vec<_>>().into();
    Ok(UInt32Array::new(matches.into(), Some(valid).filter(|valid| valid.null_count() > 0)))
}

/// The tolerance in units of `ns` nanoseconds; distances are whole units.
fn tolerance(tolerance_ns: Option<i128>, ns: i64) -> Result<u64> {
    match tolerance_ns {
        None => Ok(u64::MAX),
        Some(tolerance @ 0..) => Ok(u64::try_from(tolerance / i128::from(ns)).unwrap_or(u64::MAX)),
        Some(tolerance) => Err(Error::InvalidArgument(format!(
            "the tolerance of an as-of join must not be negative, found {tolerance} ns"
        ))),
    }
}

/// The columns of the left table, then those of the right one but its keys and time, null where nothing matches.
///
/// A right column whose name the left table has gets `suffix`.
pub fn asof_join(left: &RecordBatch, right: &RecordBatch, options: &AsofOptions, suffix: &str) -> Result<RecordBatch> {
    let indices = asof_indices(left, right, options)?;
    let mut fields: Vec<Arc<Field>> = left.schema_ref().fields().iter().cloned().collect();
    let mut columns = left.columns().to_vec();
    for (field, column) in right.schema_ref().fields().iter().zip(right.columns()) {
        let name = field.name();
        if *name == options.on_right || options.by_right.contains(name) {
            continue;
        }
        let clashes = left.schema_ref().index_of(name).is_ok();
        let name = if clashes { format!("{name}{suffix}") } else { name.clone() };
        if fields.iter().any(|field| *field.name() == name) {
            return Err(Error::InvalidColumns {
                place: "the as-of join".into(),
                problem: format!("both tables have a column '{name}'"),
            });
        }
        fields.push(Arc::new(field.as_ref().clone().with_name(name).with_nullable(true)));
        columns.push(arrow_select::take::take(column, &indices, None)?);
    }
    let schema = Schema::new_with_metadata(fields, left.schema_ref().metadata().clone());
    let options = RecordBatchOptions::new().with_row_count(Some(left.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::new(schema), columns, &options)?)
}
