//! Sorting of the right rows of one key.

use rayon::prelude::*;

use super::times::Instant;

/// Rows from which a sort is worth several threads.
pub(super) const WORTH_THREADS: usize = 1 << 18;

/// Rows of a group stand in order of position; only groups that are not in order need work. `created` may be empty.
pub(super) fn sort_group<T: Instant>(times: &mut [T], created: &mut [T], rows: &mut [u32]) {
    if !created.is_empty() {
        return sort_by_created(times, created, rows);
    }
    if !times.is_sorted() {
        let mut pairs: Vec<(T, u32)> = times.iter().copied().zip(rows.iter().copied()).collect();
        sort(&mut pairs);
        for ((time, row), pair) in times.iter_mut().zip(rows).zip(pairs) {
            (*time, *row) = pair;
        }
    }
}

fn sort_by_created<T: Instant>(times: &mut [T], created: &mut [T], rows: &mut [u32]) {
    if (1..times.len()).all(|at| (times[at - 1], created[at - 1]) <= (times[at], created[at])) {
        return;
    }
    let mut all: Vec<(T, T, u32)> = (0..times.len()).map(|at| (times[at], created[at], rows[at])).collect();
    sort(&mut all);
    for (at, entry) in all.into_iter().enumerate() {
        (times[at], created[at], rows[at]) = entry;
    }
}

/// Sort what has no equals: every entry ends with its row.
pub(super) fn sort<E: Ord + Send>(entries: &mut [E]) {
    if entries.len() > WORTH_THREADS { entries.par_sort_unstable() } else { entries.sort_unstable() }
}
