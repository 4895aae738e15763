//! Memory asked for before it is used, where the processor cannot guess what comes next.

const LINE: usize = 64;
const MOST_LINES: usize = 16;

/// Ask for the first lines of what is used soon.
#[inline]
pub(super) fn prefetch<V>(values: &[V]) {
    for line in values.chunks(LINE / size_of::<V>()).take(MOST_LINES) {
        prefetch_one(&line[0]);
    }
}

/// Ask for the line of one value.
#[inline]
pub(super) fn prefetch_one<V>(value: &V) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing, and the address is that of a value.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(std::ptr::from_ref(value).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}
