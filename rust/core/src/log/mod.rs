//! The history of a warehouse: commits, the refs that name them, the record log and the purge map.

pub mod purge;
pub mod kept;
pub mod objects;
pub mod commit;
pub mod nodes;
pub mod refs;
pub mod ids;
pub mod history;
pub mod keys;
pub mod records;
pub mod snapshot;
