//! Aggregates over windows that end at the time of each left row: what was known of an entity when it was looked at.
//!
//! A window is [t - offset - length, t - offset) unless its ends are told to count otherwise; a lifetime has no start.
//! Nulls do not count. Integers and decimals are summed exactly; floats with a relative error of the result of at most
//! 2^-52, plus n x 2^-104 times the sum of the absolute values in the window: nothing outside of a window touches it.

mod functions;
mod fold;
mod exact;
mod distinct;
mod sketches;
mod values;
mod evaluate;
mod run;

pub use functions::{Aggregate, Aggregates, Function, Window};

pub(super) use run::Plan;
