//! Decoded parts of manifests, kept in memory within a budget.
//!
//! A part is known by the id of its object, which is a hash of its content: what is kept never grows stale.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that the parts of one handle may have: zones of six columns and the identities of 1,000,000 files.
const BUDGET_BYTES: usize = 256 << 20;
/// What a part costs besides its own bytes.
const SLOT_BYTES: usize = 256;

/// Parts of manifests, those that were used last.
pub struct Kept {
    budget_bytes: usize,
    slots: Mutex<Slots>,
}

#[derive(Default)]
struct Slots {
    parts: HashMap<Key, Slot>,
    size_bytes: usize,
    /// Counts uses.
    clock: u64,
}

/// Id of the object, kind of the part, and which of that kind.
type Key = (String, TypeId, i32);

struct Slot {
    part: Arc<dyn Any + Send + Sync>,
    size_bytes: usize,
    last_use: u64,
}

impl Default for Kept {
    fn default() -> Self {
        Self::new(BUDGET_BYTES)
    }
}

impl Kept {
    fn new(budget_bytes: usize) -> Self {
        Self { budget_bytes, slots: Mutex::default() }
    }

    /// Part number `part` of object `id`, if it is kept.
    pub fn get<T: Any + Send + Sync>(&self, id: &str, part: i32) -> Option<Arc<T>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.clock += 1;
        let now = slots.clock;
        let slot = slots.parts.get_mut(&(id.to_owned(), TypeId::of::<T>(), part))?;
        slot.last_use = now;
        Arc::clone(&slot.part).downcast().ok()
    }

    /// Keep a part of `size_bytes`, and let go of those that were not used for longest where the budget is spent.
    pub fn put<T: Any + Send + Sync>(&self, id: &str, part: i32, value: T, size_bytes: usize) -> Arc<T> {
        let (value, size_bytes) = (Arc::new(value), size_bytes + SLOT_BYTES);
        // One part that fills the budget would let go of all others.
        if size_bytes > self.budget_bytes / 4 {
            return value;
        }
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.clock += 1;
        let slot = Slot { part: Arc::clone(&value) as _, size_bytes, last_use: slots.clock };
        slots.size_bytes += size_bytes;
        if let Some(before) = slots.parts.insert((id.to_owned(), TypeId::of::<T>(), part), slot) {
            slots.size_bytes -= before.size_bytes;
        }
        if slots.size_bytes > self.budget_bytes {
            slots.shrink(self.budget_bytes / 4 * 3);
        }
        value
    }
}

impl Slots {
    /// Let go of a part of all at a time, so that the search for the oldest pays.
    fn shrink(&mut self, size_bytes: usize) {
        let mut uses: Vec<(u64, usize)> = self.parts.values().map(|slot| (slot.last_use, slot.size_bytes)).collect();
        uses.sort_unstable();
        let mut left = self.size_bytes;
        let mut oldest_kept = 0;
        for (last_use, bytes) in uses {
            if left <= size_bytes {
                break;
            }
            left -= bytes;
            oldest_kept = last_use + 1;
        }
        self.parts.retain(|_, slot| slot.last_use >= oldest_kept);
        self.size_bytes = left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_last_stays_within_the_budget() {
        let kept = Kept::new(100_000);
        for part in 0..1_000 {
            kept.put("a", part, part, 1_000);
            assert_eq!(kept.get::<i32>("a", 0).as_deref(), Some(&0), "it is used all the time");
            assert!(kept.slots.lock().unwrap_or_else(PoisonError::into_inner).size_bytes <= 100_000);
        }
        assert_eq!(kept.get::<i32>("a", 999).as_deref(), Some(&999));
        assert_eq!(kept.get::<i32>("a", 1), None);
        let slots = kept.slots.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(slots.size_bytes, slots.parts.values().map(|slot| slot.size_bytes).sum::<usize>());
        assert!(slots.parts.len() > 50);
    }

    #[test]
    fn parts_of_one_object_differ_by_number_and_kind() {
        let kept = Kept::new(100_000);
        kept.put("a", 1, 5_i32, 4);
        kept.put("a", 1, "text", 4);
        kept.put("a", 1, 6_i32, 4);
        assert_eq!(
            (kept.get::<i32>("a", 1).as_deref(), kept.get::<&str>("a", 1).as_deref()),
            (Some(&6), Some(&"text"))
        );
        assert_eq!((kept.get::<i32>("a", 2), kept.get::<i32>("b", 1)), (None, None));
        assert_eq!(kept.slots.lock().unwrap_or_else(PoisonError::into_inner).size_bytes, 2 * (4 + SLOT_BYTES));
    }

    #[test]
    fn a_part_that_is_too_large_is_given_and_not_kept() {
        let kept = Kept::new(100_000);
        kept.put("a", 1, 5_i32, 4);
        assert_eq!(*kept.put("b", 1, 6_i32, 90_000), 6);
        assert_eq!((kept.get::<i32>("a", 1).as_deref(), kept.get::<i32>("b", 1)), (Some(&5), None));
    }
}
