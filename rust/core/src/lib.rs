//! `lakebed-core`: the columnar core of Lakebed.
//!
//! Pure Rust; it knows nothing of Python, SQL, protobuf or users. Modules stand in the order in which they may use
//! each other: a module uses only those above it.

pub mod error;
pub mod digest;

pub use error::{Error, Result};
