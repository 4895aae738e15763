//! From a snapshot and a predicate to the data files that may hold matching rows.

pub mod predicate;
pub mod prune;
pub mod select;
pub mod plan;
pub mod source;
pub mod buckets;
pub mod live;
pub mod reader;
pub mod exact;
