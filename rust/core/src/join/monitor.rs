//! What somebody who waits for a join may do meanwhile: see how far it is, and stop it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::{Error, Result};

/// Progress of one join, and the wish to stop it. Shared by the thread that works and the one that waits, and by all chunks of
/// a join of a stream.
#[derive(Debug, Default)]
pub struct Monitor {
    stopped: Arc<AtomicBool>,
    done: AtomicU64,
    expected: AtomicU64,
}

impl Monitor {
    /// Ask the work to stop; it ends soon with [`Error::Interrupted`].
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Units of work done and expected so far: rows that were read, moved to their bucket or searched.
    pub fn progress(&self) -> (u64, u64) {
        let expected = self.expected.load(Ordering::Relaxed);
        (self.done.load(Ordering::Relaxed).min(expected), expected)
    }

    /// One for a part of the work, which can be stopped like this but whose steps do not count.
    pub(super) fn quiet(&self) -> Self {
        Self { stopped: Arc::clone(&self.stopped), ..Self::default() }
    }

    /// All that is expected is done, though some rows may have been looked at twice, or not at all.
    pub(super) fn settle(&self) {
        self.done.store(self.expected.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// There are `units` more to do.
    pub(super) fn add_expected(&self, units: usize) {
        self.expected.fetch_add(units as u64, Ordering::Relaxed);
    }

    /// So many rows of a stream were read, of which nobody knew before; fails if the work is to stop.
    pub(super) fn read(&self, n_rows: usize) -> Result<()> {
        self.add_expected(n_rows);
        self.advance(n_rows)
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
