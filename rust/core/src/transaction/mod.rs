//! One `commit()` ends every write: stage, build the pack, sync, put the ref entry; rebase and try again if it is taken.

mod leaves;
mod changes;
mod definition;
mod stage;
mod rows;
mod evolve;
mod rebuild;
mod build;
mod conflict;
mod commit;

pub(crate) use leaves::zones;
pub use stage::{Committed, Mode, Transaction};
