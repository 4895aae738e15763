//! Weights of rows: read and checked, and added up for each column.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal256Type, Float64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Schema};

use super::column::ColumnStatistics;
use super::digits::{self, Digits};
use super::kind::{Kind, innermost};
use super::nested::{Lists, without_dictionary};
use super::runs::for_each_bytes;
use crate::error::{Error, Result};
use crate::nearest::nearest;

/// The weights of the rows so far.
#[derive(Default)]
pub(super) struct Weights {
    pub(super) total: f64,
}

/// The position of the column of weights.
pub(super) fn column(schema: &Schema, name: &str) -> Result<usize> {
    let Some((at, field)) = schema.column_with_name(name) else {
        let nearest = nearest(name, schema.fields().iter().map(|field| field.name().as_str()));
        return Err(Error::ColumnNotFound { name: name.into(), place: "the frame".into(), nearest });
    };
    let (depth, values) = innermost(field.data_type());
    if values.is_numeric() && depth <= 1 {
        return Ok(at);
    }
    let hint = "a column of numbers".into();
    Err(Error::UnsupportedType { column: name.into(), found: format!("{} as a weight", field.data_type()), hint })
}

impl Weights {
    /// The weights in a column; each must be a finite number from 0.
    pub(super) fn read(&mut self, array: &ArrayRef, name: &str, first_row: u64) -> Result<Vec<f64>> {
        let singles = single(array, name, first_row)?;
        let floats = arrow_cast::cast(&singles, &DataType::Float64)?;
        let floats = floats.as_primitive::<Float64Type>();
        let is_bad =
            |row: &usize| floats.is_null(*row) || !(floats.value(*row).is_finite() && floats.value(*row) >= 0.0);
        if let Some(row) = (0..floats.len()).find(is_bad) {
            let found = if floats.is_null(row) { "null".into() } else { floats.value(row).to_string() };
            let row = first_row + row as u64 + 1;
            return Err(Error::InvalidArgument(format!(
                "the weight '{name}' of row {row} is {found}; every row needs a finite weight of 0 or more"
            )));
        }
        self.total += floats.values().iter().sum::<f64>();
        if self.total.is_infinite() {
            return Err(Error::InvalidArgument(format!(
                "the weights '{name}' add up to more than a float holds; divide them by some number"
            )));
        }
        Ok(floats.values().to_vec())
    }
}

/// The values of lists of one value each, which is how TFDV has its scalars.
fn single(array: &ArrayRef, name: &str, first_row: u64) -> Result<ArrayRef> {
    if innermost(array.data_type()).0 == 0 {
        return Ok(Arc::clone(array));
    }
    let lists = Lists::of(array)?;
    match lists.first_not_single() {
        None => Ok(lists.values()),
        Some(row) => {
            let row = first_row + row as u64 + 1;
            Err(Error::InvalidArgument(format!(
                "the weight '{name}' of row {row} is missing or is not one number; every row needs one weight"
            )))
        }
    }
}

impl ColumnStatistics {
    /// Add the weights of rows that are null and of those that are not.
    pub(super) fn weigh_presence(&mut self, array: &ArrayRef, weights: &[f64]) {
        let Some(weighted) = &mut self.weighted else { return };
        let nulls = array.logical_nulls();
        for (row, weight) in weights.iter().enumerate() {
            let is_null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
            *(if is_null { &mut weighted.missing } else { &mut weighted.present }) += weight;
        }
    }

    /// Add values, with the weight of each.
    pub(super) fn weigh(&mut self, array: &ArrayRef, weights: &[f64]) -> Result<()> {
        if self.levels.is_empty() {
            self.weigh_presence(array, weights);
        }
        let (kind, scale) = (self.kind, self.unit());
        let Some(weighted) = &mut self.weighted else { return Ok(()) };
        let nulls = array.logical_nulls();
        let valid = |row: &usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(*row));
        let rows = (0..array.len()).filter(valid);
        weighted.values += rows.clone().map(|row| weights[row]).sum::<f64>();
        if kind.is_bytes() {
            let plain = &without_dictionary(array)?;
            let mut rows = rows;
            for_each_bytes(plain, |value| {
                let weight = rows.next().map_or(0.0, |row| weights[row]);
                weighted.length += value.len() as f64 * weight;
                weighted.count(value, weight);
            });
        } else if kind == Kind::Decimal {
            let numbers = arrow_cast::cast(array, &DataType::Decimal256(76, self.scale))?;
            let numbers = numbers.as_primitive::<Decimal256Type>();
            for row in rows {
                weighted.add_number(digits::float(numbers.value(row)) / scale, weights[row]);
                weighted.count(Digits::of(numbers.value(row)).as_bytes(), weights[row]);
            }
        } else if kind.is_numeric() {
            weigh_numbers(array, kind, rows, weights, weighted)?;
        }
        Ok(())
    }
}

fn weigh_numbers(
    array: &ArrayRef,
    kind: Kind,
    rows: impl Iterator<Item = usize>,
    weights: &[f64],
    weighted: &mut super::weighted::Weighted,
) -> Result<()> {
    let (whole, real) = (integers(array, kind)?, floats(array, kind)?);
    for row in rows {
        let weight = weights[row];
        if let Some(whole) = &whole {
            let bits = whole[row];
            weighted.add_number(if kind == Kind::UInt { bits as f64 } else { bits as i64 as f64 }, weight);
            weighted.count(&bits.to_le_bytes(), weight);
        } else if let Some(real) = &real {
            weighted.add_number(real[row], weight);
            if !real[row].is_nan() {
                weighted.count(&(real[row] + 0.0).to_bits().to_le_bytes(), weight);
            }
        }
    }
    Ok(())
}

fn floats(array: &ArrayRef, kind: Kind) -> Result<Option<Vec<f64>>> {
    if kind != Kind::Float {
        return Ok(None);
    }
    let cast = arrow_cast::cast(array, &DataType::Float64)?;
    Ok(Some(cast.as_primitive::<Float64Type>().values().to_vec()))
}

/// Integers and times as the eight bytes by which they are counted.
fn integers(array: &ArrayRef, kind: Kind) -> Result<Option<Vec<u64>>> {
    if kind == Kind::Float {
        return Ok(None);
    }
    let array = match array.data_type() {
        DataType::Date64 => &arrow_cast::cast(array, &DataType::Date32)?,
        _ => array,
    };
    if kind == Kind::UInt {
        let cast = arrow_cast::cast(array, &DataType::UInt64)?;
        return Ok(Some(cast.as_primitive::<arrow_array::types::UInt64Type>().values().to_vec()));
    }
    // Thirty-two bits of a time or date widen through the plain integer.
    let array = match array.data_type() {
        DataType::Date32 | DataType::Time32(_) => &arrow_cast::cast(array, &DataType::Int32)?,
        _ => array,
    };
    let cast = arrow_cast::cast(array, &DataType::Int64)?;
    Ok(Some(cast.as_primitive::<arrow_array::types::Int64Type>().values().iter().map(|&value| value as u64).collect()))
}
