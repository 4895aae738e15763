//! Care for a warehouse: what its versions refer to, whether that is what was written, removing what none refers to, and
//! writing files together.

pub mod compaction;
pub mod reach;
mod recomputed;
pub mod verify;
pub mod gc;
