//! Values that a column has in rows that do not hold it: null, or a default that was given when the column was added.
//!
//! A default is kept as text, which Arrow's casts read back as the same value; bytes are kept in hexadecimal, times with a
//! zone as the number of their units since 1970 UTC.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, BinaryArray, StringArray, UInt32Array, new_null_array};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::DataType;
use arrow_select::take::take;

use crate::error::{Error, Result};

/// `n` times the default of a column, or null where there is none.
pub fn filled(default: Option<&String>, kind: &DataType, n: usize) -> Result<ArrayRef> {
    match default {
        None => Ok(new_null_array(kind, n)),
        Some(text) => Ok(take(&value(text, kind)?, &UInt32Array::from(vec![0; n]), None)?),
    }
}

/// The text of a default: the one value of `array`, which must not be null, as a value of `kind`.
pub fn to_text(array: &ArrayRef, kind: &DataType) -> Result<String> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let typed = cast_with_options(array, kind, &strict)?;
    let text = if is_binary(kind) {
        let bytes = cast_with_options(&typed, &DataType::Binary, &strict)?;
        crate::digest::hex(bytes.as_binary::<i32>().value(0))
    } else if let DataType::Timestamp(_, Some(_)) = kind {
        cast_with_options(&typed, &DataType::Int64, &strict)?.as_primitive::<Int64Type>().value(0).to_string()
    } else {
        cast_with_options(&typed, &DataType::Utf8, &strict)?.as_string::<i32>().value(0).to_owned()
    };
    // What cannot be read back the same is refused now, not by whoever reads the table later.
    if value(&text, kind)?.to_data() == typed.to_data() {
        return Ok(text);
    }
    Err(Error::InvalidArgument(format!(
        "a default of type {kind} cannot be kept; add the column and update it instead"
    )))
}

fn value(text: &str, kind: &DataType) -> Result<ArrayRef> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let raw: ArrayRef = if is_binary(kind) {
        Arc::new(BinaryArray::from_vec(vec![&unhex(text)?]))
    } else {
        Arc::new(StringArray::from(vec![text]))
    };
    // A zone is no part of the text: instants are kept as numbers in the unit of the type.
    let raw = match kind {
        DataType::Timestamp(_, Some(_)) => cast_with_options(&raw, &DataType::Int64, &strict)?,
        _ => raw,
    };
    Ok(cast_with_options(&raw, kind, &strict)?)
}

fn is_binary(kind: &DataType) -> bool {
    matches!(kind, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
}

fn unhex(text: &str) -> Result<Vec<u8>> {
    let damaged = || Error::InvalidArgument(format!("the default {text:?} is not hexadecimal"));
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8).ok_or_else(damaged);
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Ok(digit(pair[0])? << 4 | digit(*pair.get(1).ok_or_else(damaged)?)?)).collect()
}
