//! What one right table of a join is asked for, checked against the columns of both tables, and the columns that come out.

use std::sync::Arc;

use arrow_schema::{Field, Metadata, Schema, SchemaRef};

use super::keys::KeyPlan;
use super::search::{Rule, Strategy};
use super::times::{self, Unit};
use super::window::Aggregates;
use crate::error::{Error, Result};

/// How one right table is joined to the left one in time.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools)] // Each is an option of its own that a user names.
pub struct AsofOptions {
    /// Time column of the left table: a date or a timestamp.
    pub on_left: String,
    /// Time column of the right table.
    pub on_right: String,
    /// Key columns of the left table; may be none.
    pub by_left: Vec<String>,
    /// Key columns of the right table, as many, in the same order.
    pub by_right: Vec<String>,
    /// Greatest distance in time of a match, in nanoseconds; `None` for any distance.
    pub tolerance_ns: Option<i128>,
    /// Whether a row at exactly that distance matches.
    pub tolerance_is_inclusive: bool,
    /// Whether a right row at the very time of the left one matches.
    pub allow_exact_matches: bool,
    /// Where in time to look.
    pub strategy: Strategy,
    /// Column of the right table that tells when a row was created; of equal times the row created last wins.
    pub created: Option<String>,
    /// Whether rows created after the left row's time are invisible.
    pub only_known: bool,
    /// Right columns that give their last value that is not null.
    pub skip_nulls: Vec<String>,
    /// Whether all right columns do.
    pub skip_all_nulls: bool,
    /// Right columns to give, each with its new name; `None` for all but keys and time.
    pub columns: Option<Vec<(String, String)>>,
    /// Added to the name of a right column that is taken.
    pub suffix: String,
    /// Aggregates over windows that end at the left row's time, in the place of a match.
    pub aggregates: Option<Aggregates>,
    /// Whether the right rows are said to be in order of their keys, so that there is no need to guess. It is not believed.
    pub is_ordered: bool,
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
            tolerance_is_inclusive: true,
            allow_exact_matches: true,
            strategy: Strategy::Backward,
            created: None,
            only_known: false,
            skip_nulls: Vec::new(),
            skip_all_nulls: false,
            columns: None,
            suffix: "_right".into(),
            aggregates: None,
            is_ordered: false,
        }
    }

    pub(super) fn rule(&self, unit: Unit) -> Rule {
        let ns = i128::from(unit.ns);
        let tolerance = match self.tolerance_ns {
            None => u128::MAX,
            Some(tolerance) if self.tolerance_is_inclusive => (tolerance / ns).unsigned_abs(),
            Some(tolerance) => ((tolerance - 1) / ns).unsigned_abs(),
        };
        Rule {
            strategy: self.strategy,
            allow_exact_matches: self.allow_exact_matches,
            tolerance,
            only_known: self.only_known,
        }
    }

    /// Check what the two schemas and the options alone can tell to be wrong.
    pub(super) fn check(&self, left: &SchemaRef, right: &SchemaRef) -> Result<KeyPlan> {
        check_once(left, self.by_left.iter().chain([&self.on_left]), "left")?;
        let named = self.by_right.iter().chain([&self.on_right]).chain(&self.created);
        check_once(right, named.chain(&self.skip_nulls), "right")?;
        times::check_pair(left, &self.on_left, right, &self.on_right)?;
        if let Some(created) = &self.created {
            times::check_pair(left, &self.on_left, right, created)?;
        }
        if self.only_known && self.created.is_none() {
            return Err(Error::InvalidArgument(
                "to see only what was known, a join needs the column that tells when".into(),
            ));
        }
        if let Some(tolerance) = self.tolerance_ns.filter(|&tolerance| tolerance < 0) {
            return Err(Error::InvalidArgument(format!(
                "the tolerance of an as-of join must not be negative, found {tolerance} ns"
            )));
        }
        KeyPlan::new(left, &self.by_left, right, &self.by_right)
    }

    /// Positions of the right columns to give, and the names that they get.
    fn payload(&self, right: &SchemaRef) -> Result<Vec<(usize, String)>> {
        if let Some(columns) = &self.columns {
            let find =
                |(name, new): &(String, String)| Ok((super::table::position(right, name, "right")?, new.clone()));
            return columns.iter().map(find).collect();
        }
        let is_given = |name: &String| *name != self.on_right && !self.by_right.contains(name);
        let columns = right.fields().iter().enumerate().filter(|(_, field)| is_given(field.name()));
        Ok(columns.map(|(position, field)| (position, field.name().clone())).collect())
    }

    /// How many columns the right table gives.
    pub(super) fn n_columns(&self, right: &SchemaRef) -> Result<usize> {
        match &self.aggregates {
            Some(aggregates) => Ok(aggregates.columns.len()),
            None => Ok(self.payload(right)?.len()),
        }
    }

    /// Right columns by the search that finds their rows: all at once, and one search for each that skips nulls.
    pub(super) fn searches(&self, right: &SchemaRef) -> Result<Vec<Search>> {
        let mut plain = Search { skips_nulls_of: None, columns: Vec::new() };
        let mut searches = Vec::new();
        for name in &self.skip_nulls {
            super::table::position(right, name, "right")?;
        }
        for (order, (position, name)) in self.payload(right)?.into_iter().enumerate() {
            let column = (order, position, name);
            if self.skip_all_nulls || self.skip_nulls.contains(right.field(position).name()) {
                searches.push(Search { skips_nulls_of: Some(position), columns: vec![column] });
            } else {
                plain.columns.push(column);
            }
        }
        searches.insert(0, plain);
        Ok(searches)
    }
}

/// Right columns that come from the same row.
#[derive(Clone, Debug)]
pub(super) struct Search {
    /// The column whose nulls do not count as values.
    pub(super) skips_nulls_of: Option<usize>,
    /// Order among the columns to give, position in the right table, new name.
    pub(super) columns: Vec<(usize, usize, String)>,
}

/// Fails where a name does not tell one column.
fn check_once<'a>(schema: &SchemaRef, names: impl Iterator<Item = &'a String>, side: &str) -> Result<()> {
    for name in names {
        if schema.fields().iter().filter(|field| field.name() == name).count() > 1 {
            return Err(Error::InvalidColumns {
                place: format!("the {side} table of the join"),
                problem: format!("more than one column is called '{name}'"),
            });
        }
    }
    Ok(())
}

/// The schema of the result: names are given here, each once.
pub(super) struct Output {
    fields: Vec<Arc<Field>>,
    metadata: Metadata,
}

impl Output {
    pub(super) fn new(left: &SchemaRef) -> Self {
        Self { fields: left.fields().iter().cloned().collect(), metadata: left.metadata().clone() }
    }

    pub(super) fn add(&mut self, right: &SchemaRef, options: &AsofOptions) -> Result<()> {
        if let Some(aggregates) = &options.aggregates {
            for field in aggregates.fields(right)? {
                self.push(field, &options.suffix)?;
            }
            return Ok(());
        }
        for (position, name) in options.payload(right)? {
            self.push(right.field(position).clone().with_name(name).with_nullable(true), &options.suffix)?;
        }
        Ok(())
    }

    fn push(&mut self, field: Field, suffix: &str) -> Result<()> {
        let is_taken = |name: &str| self.fields.iter().any(|field| field.name() == name);
        let name = if is_taken(field.name()) { format!("{}{suffix}", field.name()) } else { field.name().clone() };
        if is_taken(&name) {
            return Err(Error::InvalidColumns {
                place: "the as-of join".into(),
                problem: format!("more than one column would be called '{name}'"),
            });
        }
        self.fields.push(Arc::new(field.with_name(name)));
        Ok(())
    }

    pub(super) fn schema(self) -> SchemaRef {
        Arc::new(Schema::new_with_metadata(self.fields, self.metadata))
    }
}
