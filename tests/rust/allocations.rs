//! The allocator of the test binary: it notes the largest block that a thread asks for, so that tests can tell whether a
//! decoder allocates for what its input only claims.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, watched.
pub(crate) struct Watched;

fn note(size: usize) {
    // Fails only while a thread ends.
    let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(size)));
}

// SAFETY: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: the caller's promises are those of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size);
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Run `action` and tell the largest block that this thread asked for meanwhile, in bytes.
pub(crate) fn largest_during<T>(action: impl FnOnce() -> T) -> (T, usize) {
    let before = LARGEST.replace(0);
    let value = action();
    let largest = LARGEST.replace(before);
    (value, largest)
}

#[test]
fn a_large_block_is_noticed() {
    let (length, largest) = largest_during(|| Vec::<u8>::with_capacity(1 << 20).capacity());
    assert!(largest >= length && largest < 1 << 22, "{largest}");
}
