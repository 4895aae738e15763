//! The point-in-time join: to each left row the right row of its key that was the newest at its time.
//!
//! Every left row comes out once, in its place. Rows with a null key or a null time match nothing. Of right rows with
//! equal key and time the one created last wins, then the last one by position. Rows created after the left row's time
//! can be made invisible, which no as-of join on one time can express. A null in a right column stays null unless its
//! column is to give its last value that is not. Times compare as instants, whatever their units and zones; a naive one
//! does not compare with a zoned one.

use arrow_array::{RecordBatch, RecordBatchOptions, UInt32Array};

use super::monitor::Monitor;
use super::options::{AsofOptions, Output};
use super::pass;
use super::report::SideReport;
use super::table::Table;
use super::times::{TimeColumn, Unit};
use super::window::Aggregates;
use crate::error::Result;

/// A joined table, and what was found at each right table.
#[derive(Debug)]
pub struct Joined {
    /// The left columns, then those of the right tables in their order; one row for each left row, in order.
    pub batch: RecordBatch,
    /// Reports in the order of the right tables.
    pub reports: Vec<SideReport>,
    /// Length of the unit in which ages are counted, in nanoseconds.
    pub unit_ns: i64,
}

/// Join any number of right tables to the left one in one pass over its rows.
///
/// Tables may be in any order. O(n + m) plus the sort of those groups that are not in order of time.
pub fn join(left: &Table, rights: &[(Table, AsofOptions)], monitor: &Monitor) -> Result<Joined> {
    left.check_size("left")?;
    let mut output = Output::new(left.schema());
    for (right, options) in rights {
        right.check_size("right")?;
        options.check(left.schema(), right.schema())?;
        output.add(right.schema(), options)?;
    }
    let unit = common_unit(left, rights)?;
    let mut columns = (0..left.schema().fields().len()).map(|at| left.column(at)).collect::<Result<Vec<_>>>()?;
    let mut reports = Vec::new();
    for (found, (right, options)) in pass::run(left, rights, unit, false, monitor)?.into_iter().zip(rights) {
        columns.extend(found.columns(right, options)?);
        reports.push(found.report);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(left.num_rows()));
    let batch = RecordBatch::try_new_with_options(output.schema(), columns, &options)?;
    Ok(Joined { batch, reports, unit_ns: unit.ns })
}

/// The unit of all times of a join.
fn common_unit(left: &Table, rights: &[(Table, AsofOptions)]) -> Result<Unit> {
    let mut columns: Vec<(&Table, &str, &str)> = Vec::new();
    let mut durations = Vec::new();
    for (right, options) in rights {
        columns.push((left, options.on_left.as_str(), "left"));
        columns.push((right, options.on_right.as_str(), "right"));
        columns.extend(options.created.as_ref().map(|created| (right, created.as_str(), "right")));
        durations.extend(options.aggregates.iter().flat_map(Aggregates::durations_ns));
    }
    let types: Vec<_> = columns.iter().map(|(table, name, side)| (table.schema(), *name, *side)).collect();
    let mut unit = Unit::of_types(&types, &durations)?;
    for (table, name, side) in columns {
        if unit.is_finer_than(table.schema(), name, side)? {
            unit.widen(&TimeColumn::read(table, name, side)?);
        }
    }
    Ok(unit)
}

/// The right row of each left row; null where nothing matches.
pub fn asof_indices(left: &RecordBatch, right: &RecordBatch, options: &AsofOptions) -> Result<UInt32Array> {
    let (left, right) =
        (Table::new(left.schema(), vec![left.clone()]), Table::new(right.schema(), vec![right.clone()]));
    for (table, side) in [(&left, "left"), (&right, "right")] {
        table.check_size(side)?;
    }
    options.check(left.schema(), right.schema())?;
    let rights = [(right, options.clone())];
    let found = pass::run(&left, &rights, common_unit(&left, &rights)?, false, &Monitor::default())?;
    let first = found.into_iter().next().and_then(|found| found.matches.into_iter().next());
    Ok(first.unwrap_or_else(|| UInt32Array::new_null(left.num_rows())))
}

/// The left table with the columns of one right table.
pub fn asof_join(left: &RecordBatch, right: &RecordBatch, options: &AsofOptions) -> Result<RecordBatch> {
    let left = Table::new(left.schema(), vec![left.clone()]);
    let right = Table::new(right.schema(), vec![right.clone()]);
    Ok(join(&left, &[(right, options.clone())], &Monitor::default())?.batch)
}
