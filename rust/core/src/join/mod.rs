//! Joins in time: to each left row what was known of its keys at its time, as a row or as aggregates over windows.

mod monitor;
mod table;
mod times;
mod classes;
mod keys;
mod partition;
mod left;
mod order;
mod prefetch;
mod scatter;
mod groups;
mod visible;
mod search;
mod report;
mod merge;
mod window;
mod options;
mod pass;
mod asof;
mod stream;
mod buckets;
mod pieces;
mod stretches;
mod external;

pub use asof::{Joined, asof_indices, asof_join, join};
pub use external::{Limits, join_streams};
pub use monitor::Monitor;
pub use options::AsofOptions;
pub use report::{Ages, SideReport};
pub use search::Strategy;
pub use stream::{JoinedStream, Reader, Reports};
pub use table::Table;
pub use window::{Aggregate, Aggregates, Function, Window};
