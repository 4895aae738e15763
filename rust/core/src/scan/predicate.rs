//! Predicates as the core sees them: comparisons of a column with a literal, joined by and, or, not.
//!
//! They prune files and nothing else: whoever reads the rows applies the filter again.

use serde_json::Value;

use crate::error::{Error, Result};
use crate::format::manifest::Bound;

/// A condition on a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate {
    /// All hold.
    And(Vec<Predicate>),
    /// At least one holds.
    Or(Vec<Predicate>),
    /// Does not hold.
    Not(Box<Predicate>),
    /// Column, operator, literal.
    Compare(String, Operator, Bound),
    /// Column is one of these.
    In(String, Vec<Bound>),
    /// Column is null (`true`) or is not (`false`).
    IsNull(String, bool),
    /// Something that zones say nothing about.
    Unknown,
}

/// How a column is compared with a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // The names say it.
pub enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Predicate {
    /// Read the list form from JSON text.
    pub fn from_text(text: &str) -> Result<Self> {
        let value = serde_json::from_str(text).map_err(|_| invalid(&Value::String(text.into())))?;
        Self::from_json(&value)
    }

    /// Read the list form, for instance `["and", [">=", "month", 2], ["is_null", "tailnum"]]`.
    pub fn from_json(value: &Value) -> Result<Self> {
        let items = value.as_array().ok_or_else(|| invalid(value))?;
        let (name, arguments) = items.split_first().ok_or_else(|| invalid(value))?;
        let name = name.as_str().ok_or_else(|| invalid(value))?;
        let all = || arguments.iter().map(Self::from_json).collect::<Result<Vec<_>>>();
        match (name, arguments) {
            ("and", _) => Ok(Self::And(all()?)),
            ("or", _) => Ok(Self::Or(all()?)),
            ("not", [inner]) => Ok(Self::Not(Box::new(Self::from_json(inner)?))),
            ("is_null", [column]) => Ok(Self::IsNull(text(column)?, true)),
            ("is_not_null", [column]) => Ok(Self::IsNull(text(column)?, false)),
            ("unknown", []) => Ok(Self::Unknown),
            ("in", [column, Value::Array(literals)]) => {
                Ok(Self::In(text(column)?, literals.iter().map(literal).collect::<Result<_>>()?))
            }
            (_, [column, value]) => {
                let operator = Operator::from_symbol(name).ok_or_else(|| invalid(&Value::Array(items.clone())))?;
                Ok(Self::Compare(text(column)?, operator, literal(value)?))
            }
            _ => Err(invalid(value)),
        }
    }

    /// Names of all columns, each once, in order of their first use.
    pub fn columns(&self) -> Vec<&str> {
        let mut columns = Vec::new();
        self.collect_columns(&mut columns);
        columns
    }

    fn collect_columns<'a>(&'a self, columns: &mut Vec<&'a str>) {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.collect_columns(columns)),
            Self::Not(inner) => inner.collect_columns(columns),
            Self::Unknown => {}
            Self::Compare(column, ..) | Self::In(column, _) | Self::IsNull(column, _) => {
                if !columns.contains(&column.as_str()) {
                    columns.push(column);
                }
            }
        }
    }
}

impl Operator {
    fn from_symbol(symbol: &str) -> Option<Self> {
        Some(match symbol {
            "=" => Self::Equal,
            "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    /// The operator that holds exactly where this one does not, nulls apart.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
        }
    }
}

fn text(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).ok_or_else(|| invalid(value))
}

fn literal(value: &Value) -> Result<Bound> {
    match value {
        Value::Bool(flag) => Ok(Bound::Int(i128::from(*flag))),
        Value::String(text) => Ok(Bound::Text(text.clone())),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(integer), ..) => Ok(Bound::Int(i128::from(integer))),
            (_, Some(integer), _) => Ok(Bound::Int(i128::from(integer))),
            (.., Some(float)) => Ok(Bound::Float(float)),
            _ => Err(invalid(value)),
        },
        _ => Err(invalid(value)),
    }
}

fn invalid(value: &Value) -> Error {
    Error::InvalidArgument(format!(
        "the predicate {value} cannot be read; use a list such as [\">=\", column, literal], joined by \"and\", \"or\", \"not\""
    ))
}
