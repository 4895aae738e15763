//! `lakebed-core`: the columnar core of Lakebed.
//!
//! Pure Rust; it knows nothing of Python, SQL, protobuf or users. Modules stand in the order in which they may use
//! each other: a module uses only those above it.

pub mod error;
pub mod nearest;
pub mod digest;
pub mod random;
pub mod threads;
pub mod sketch;
pub mod statistics;
pub mod csv;
pub mod tfrecord;
mod spill;
pub mod join;
pub mod object;
pub mod format;
pub mod log;
pub mod scan;
pub mod transaction;
pub mod maintenance;
pub mod repository;

pub use digest::Digest;
pub use error::{Error, Result};
