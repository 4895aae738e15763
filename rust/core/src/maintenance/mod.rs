//! Care for a warehouse: what its versions refer to, whether that is what was written, and removing what none refers to.

pub mod reach;
mod recomputed;
pub mod verify;
pub mod gc;
