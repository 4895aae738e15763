//! Joins in time: for each row of one table, the row of another that was valid at its time.
//!
//! Works on Arrow record batches in any order and keeps the order of the left one. It knows neither files nor features.

mod times;
mod keys;
mod search;
mod asof;

pub use asof::{AsofOptions, asof_indices, asof_join};
pub use search::Strategy;
