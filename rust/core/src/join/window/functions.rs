//! What is asked of windows: functions, windows, and the columns that come of them.

use arrow_schema::{DataType, Field, SchemaRef, TimeUnit};

use super::super::table::position;
use crate::error::{Error, Result};

/// What is computed of the events in a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Function {
    /// Values that are not null; events, without a column.
    Count,
    /// Their sum: int64 or uint64 of integers, a decimal of decimals, float64 of floats, a duration of durations.
    Sum,
    /// Their mean.
    Mean,
    /// The least one, NaN aside if there is another.
    Min,
    /// The greatest one, NaN aside if there is another.
    Max,
    /// Their variance, or its root.
    Variance {
        /// Divisor n instead of n - 1.
        population: bool,
        /// The root.
        deviation: bool,
    },
    /// The oldest one.
    First,
    /// The newest one.
    Last,
    /// Up to k of the newest ones, oldest first.
    LastK(u32),
    /// Up to k of the oldest ones, oldest first.
    FirstK(u32),
    /// How many different ones there are. NaN equals NaN.
    CountDistinct,
    /// The same from sketches in bounded memory: exact up to 4096 of them, beyond that with a relative standard error of
    /// 0.81 %.
    ApproxCountDistinct,
    /// The value at a share of all by rank: the smallest one that at least this share does not exceed.
    Quantile(f64),
    /// The same from sketches in bounded memory: exact up to 1024 values, beyond that of a rank that is off by at most
    /// 0.7 % of the number of values with 99 % confidence.
    ApproxQuantile(f64),
}

/// Where in time the events of a left row lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Nanoseconds; `None` for all that came before.
    pub length_ns: Option<i128>,
    /// Nanoseconds from the end of the window to the left row.
    pub offset_ns: i128,
}

impl Window {
    /// Length and offset in units of so many nanoseconds, which divide both.
    pub(super) fn in_units(&self, ns: i64) -> Result<(Option<u128>, u128)> {
        let units = |duration: i128| {
            let problem = || format!("length and offset of a window are not negative, but {self:?} is asked for");
            u128::try_from(duration / i128::from(ns)).map_err(|_| Error::InvalidArgument(problem()))
        };
        Ok((self.length_ns.map(units).transpose()?, units(self.offset_ns)?))
    }
}

/// One column of the result.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// Column of the right table; `None` to count events.
    pub column: Option<String>,
    /// What is computed of it.
    pub function: Function,
    /// Position of the window.
    pub window: usize,
    /// Name of the result.
    pub name: String,
}

/// What is computed of one right table.
#[derive(Clone, Debug)]
pub struct Aggregates {
    /// The windows.
    pub windows: Vec<Window>,
    /// Whether an event at the start of a window counts.
    pub closed_left: bool,
    /// Whether an event at its end counts.
    pub closed_right: bool,
    /// The columns of the result.
    pub columns: Vec<Aggregate>,
}

impl Aggregates {
    pub(in crate::join) fn durations_ns(&self) -> impl Iterator<Item = i128> + '_ {
        self.windows.iter().flat_map(|window| [window.offset_ns, window.length_ns.unwrap_or(0)])
    }

    /// Some of the columns, those of windows that end together in one list, the shortest window first.
    pub(super) fn nested(&self, columns: &[usize]) -> Vec<Vec<usize>> {
        let window = |at: usize| self.windows[self.columns[at].window];
        let mut nested: Vec<Vec<usize>> = Vec::new();
        for &at in columns {
            match nested.iter_mut().find(|others| window(others[0]).offset_ns == window(at).offset_ns) {
                Some(others) => others.push(at),
                None => nested.push(vec![at]),
            }
        }
        for columns in &mut nested {
            columns.sort_by_key(|&at| window(at).length_ns.unwrap_or(i128::MAX));
        }
        nested
    }

    /// The columns of the result.
    pub(in crate::join) fn fields(&self, right: &SchemaRef) -> Result<Vec<Field>> {
        self.columns.iter().map(|aggregate| aggregate.field(right)).collect()
    }
}

impl Aggregate {
    pub(super) fn field(&self, right: &SchemaRef) -> Result<Field> {
        let Some(name) = &self.column else {
            if self.function != Function::Count {
                let problem = format!("{} needs a column; only a count does without one", self.function.name());
                return Err(Error::InvalidArgument(problem));
            }
            return Ok(Field::new(&self.name, DataType::Int64, false));
        };
        let field = right.field(position(right, name, "right")?);
        let found = value_type(field.data_type());
        let data_type = self.function.result(found).ok_or_else(|| Error::UnsupportedType {
            column: name.clone(),
            found: field.data_type().to_string(),
            hint: format!("{} to compute the {} of it", self.function.wants(), self.function.name()),
        })?;
        Ok(match self.function {
            function if function.is_count() => Field::new(&self.name, data_type, false),
            Function::Min | Function::Max | Function::First | Function::Last => {
                field.clone().with_name(&self.name).with_nullable(true)
            }
            Function::LastK(_) | Function::FirstK(_) => {
                let item = Field::new("item", field.data_type().clone(), true);
                Field::new(&self.name, DataType::List(item.into()), true)
            }
            _ => Field::new(&self.name, data_type, true),
        })
    }
}

impl Function {
    /// The function of a name; `parameter` is k or the share.
    pub fn named(name: &str, parameter: f64) -> Result<Self> {
        let variance = |population, deviation| Self::Variance { population, deviation };
        Ok(match name {
            "count" => Self::Count,
            "sum" => Self::Sum,
            "mean" => Self::Mean,
            "min" => Self::Min,
            "max" => Self::Max,
            "variance" => variance(false, false),
            "variance_population" => variance(true, false),
            "stddev" => variance(false, true),
            "stddev_population" => variance(true, true),
            "first" => Self::First,
            "last" => Self::Last,
            "first_k" => Self::FirstK(parameter as u32),
            "last_k" => Self::LastK(parameter as u32),
            "count_distinct" => Self::CountDistinct,
            "approx_count_distinct" => Self::ApproxCountDistinct,
            "quantile" if (0.0..=1.0).contains(&parameter) => Self::Quantile(parameter),
            "approx_quantile" if (0.0..=1.0).contains(&parameter) => Self::ApproxQuantile(parameter),
            _ => return Err(Error::InvalidArgument(format!("'{name}' of {parameter} is no aggregate"))),
        })
    }

    /// What errors call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Min => "minimum",
            Self::Max => "maximum",
            Self::Variance { deviation: false, .. } => "variance",
            Self::Variance { .. } => "standard deviation",
            Self::First | Self::FirstK(_) => "first values",
            Self::Last | Self::LastK(_) => "last values",
            Self::CountDistinct | Self::ApproxCountDistinct => "number of distinct values",
            Self::Quantile(_) | Self::ApproxQuantile(_) => "quantile",
        }
    }

    /// Whether it counts, so that it is 0 where there is nothing.
    pub(super) fn is_count(self) -> bool {
        matches!(self, Self::Count | Self::CountDistinct | Self::ApproxCountDistinct)
    }

    /// Whether rows decide its result, not values alone.
    pub(super) fn is_of_rows(self) -> bool {
        let is_place = matches!(self, Self::First | Self::Last | Self::FirstK(_) | Self::LastK(_));
        is_place || matches!(self, Self::CountDistinct | Self::ApproxCountDistinct)
    }

    fn wants(self) -> &'static str {
        match self {
            Self::Min | Self::Max => "a number, a boolean, text, bytes or a time",
            _ => "a number",
        }
    }

    /// The type of its result; none for types that it does not take.
    fn result(self, found: &DataType) -> Option<DataType> {
        let is_number = found.is_numeric() || matches!(found, DataType::Boolean | DataType::Duration(_));
        match self {
            Self::Count => Some(DataType::Int64),
            // Columns that nobody ever filled have no other type; what would keep their type keeps it.
            Self::CountDistinct | Self::ApproxCountDistinct if found.is_null() => Some(DataType::Int64),
            Self::Sum | Self::Min | Self::Max if found.is_null() => Some(DataType::Null),
            Self::CountDistinct | Self::ApproxCountDistinct => has_equality(found).then_some(DataType::Int64),
            Self::First | Self::Last | Self::FirstK(_) | Self::LastK(_) => Some(found.clone()),
            Self::Min | Self::Max => has_order(found).then(|| found.clone()),
            Self::Sum => match found {
                DataType::Boolean => Some(DataType::Int64),
                DataType::Duration(unit) => Some(DataType::Duration(*unit)),
                DataType::Decimal256(..) => None,
                DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) => {
                    Some(DataType::Decimal128(38, *scale))
                }
                found if found.is_floating() => Some(DataType::Float64),
                found if found.is_unsigned_integer() => Some(DataType::UInt64),
                found if found.is_integer() => Some(DataType::Int64),
                _ => None,
            },
            _ if found.is_null() => Some(DataType::Float64),
            _ => (is_number && !matches!(found, DataType::Decimal256(..))).then_some(DataType::Float64),
        }
    }
}

/// The type of the values of a column, without dictionaries and runs around them.
pub(super) fn value_type(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => value_type(values),
        DataType::RunEndEncoded(_, values) => value_type(values.data_type()),
        other => other,
    }
}

/// Durations are summed as whole units.
pub(super) fn is_whole_number(data_type: &DataType) -> bool {
    data_type.is_integer()
        || matches!(data_type, DataType::Boolean)
        || matches!(
            data_type,
            DataType::Duration(TimeUnit::Second | TimeUnit::Millisecond | TimeUnit::Microsecond | TimeUnit::Nanosecond)
        )
}

fn has_equality(data_type: &DataType) -> bool {
    has_order(data_type) || matches!(data_type, DataType::Decimal256(..))
}

fn has_order(data_type: &DataType) -> bool {
    data_type.is_temporal() && !matches!(data_type, DataType::Interval(_))
        || data_type.is_numeric() && !matches!(data_type, DataType::Decimal256(..))
        || is_bytes(data_type)
        || matches!(data_type, DataType::Boolean)
}

pub(super) fn is_bytes(data_type: &DataType) -> bool {
    data_type.is_string() || data_type.is_binary() || matches!(data_type, DataType::FixedSizeBinary(_))
}
