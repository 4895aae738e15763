//! What somebody who waits for a join may do meanwhile: see how far it is, and stop it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::{Error, Result};

/// Progress of one join, and the wish to stop it. Shared by the thread that works and the one that waits.
#[derive(Debug, Default)]
pub struct Monitor {
    stopped: AtomicBool,
    done: AtomicU64,
    expected: AtomicU64,
}

impl Monitor {
    /// Ask the work to stop; it ends soon with [`Error::Interrupted`].
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Units of work done and expected so far: rows that were moved to their bucket or searched.
    pub fn progress(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.expected.load(Ordering::Relaxed))
    }

    /// There are `units` more to do.
    pub(super) fn add_expected(&self, units: usize) {
        self.expected.fetch_add(units as u64, Ordering::Relaxed);
    }

    /// So many more are done; fails if the work is to stop.
    pub(super) fn advance(&self, units: usize) -> Result<()> {
        self.done.fetch_add(units as u64, Ordering::Relaxed);
        if self.stopped.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        Ok(())
    }
}
