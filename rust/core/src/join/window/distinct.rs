//! How many different values a range holds: those whose last equal one lies before the range.

use std::collections::HashMap;

use super::super::keys::RowKeys;

const BLOCK: usize = 1024;

/// For each value of a group the position of the equal one before it.
pub(super) struct Distinct {
    /// Position + 1; 0 where there is none.
    before: Vec<u32>,
    /// The same, sorted block by block.
    sorted: Vec<u32>,
    /// How many values are the first of their kind, up to each position.
    firsts: Vec<u32>,
}

impl Distinct {
    /// Of the values in `rows`, in this order.
    pub(super) fn of(values: &RowKeys, rows: &[u32]) -> Self {
        let mut last: HashMap<u64, Vec<(u32, u32)>> = HashMap::with_capacity(rows.len());
        let mut before = Vec::with_capacity(rows.len());
        for (at, &row) in rows.iter().enumerate() {
            let hash = values.hash(row as usize);
            let known = last.entry(hash).or_default();
            if let Some((_, position)) = known.iter_mut().find(|(other, _)| values.same(row, values, *other)) {
                before.push(*position + 1);
                *position = at as u32;
            } else {
                before.push(0);
                known.push((row, at as u32));
            }
        }
        let mut sorted = if rows.len() > 2 * BLOCK { before.clone() } else { Vec::new() };
        sorted.chunks_mut(BLOCK).for_each(<[u32]>::sort_unstable);
        let mut firsts = vec![0; rows.len() + 1];
        for (at, &before) in before.iter().enumerate() {
            firsts[at + 1] = firsts[at] + u32::from(before == 0);
        }
        Self { before, sorted, firsts }
    }

    /// Different values in `start..end`.
    pub(super) fn count(&self, start: usize, end: usize) -> i64 {
        if start == 0 {
            return i64::from(self.firsts[end]);
        }
        let limit = start as u32;
        let walk = |start: usize, end: usize| self.before[start..end].iter().filter(|&&before| before <= limit).count();
        if self.sorted.is_empty() || end - start <= 2 * BLOCK {
            return walk(start, end) as i64;
        }
        let (first, last) = (start.div_ceil(BLOCK), end / BLOCK);
        let blocks = (first..last)
            .map(|block| self.sorted[block * BLOCK..(block + 1) * BLOCK].partition_point(|&before| before <= limit));
        (walk(start, first * BLOCK) + blocks.sum::<usize>() + walk(last * BLOCK, end)) as i64
    }
}
