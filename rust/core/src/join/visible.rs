//! The nearest row that was known at a time: a search for the next value that is small enough, in either direction.
//!
//! Rows of a key stand in order of their event time, so the moments at which they became known have no order. A tree of
//! minima (fan 16) skips what became known too late: O(log n) a search, also where a late backfill hides all of a history.

const FAN: usize = 16;

/// Minima of blocks of values, of blocks of those, and so on.
pub(super) struct Minima<'a, T> {
    values: &'a [T],
    levels: Vec<Vec<T>>,
}

impl<'a, T: Copy + Ord> Minima<'a, T> {
    pub(super) fn of(values: &'a [T]) -> Self {
        let mut levels: Vec<Vec<T>> = Vec::new();
        let mut below = values;
        while below.len() > FAN {
            let level = below.chunks(FAN).map(|block| block.iter().copied().min().unwrap_or(block[0])).collect();
            levels.push(level);
            below = &levels[levels.len() - 1];
        }
        Self { values, levels }
    }

    fn level(&self, level: usize) -> &[T] {
        if level == 0 { self.values } else { &self.levels[level - 1] }
    }

    /// The last position before `end` whose value is at most `limit`.
    pub(super) fn last(&self, end: usize, limit: T) -> Option<usize> {
        self.last_at(0, end, limit)
    }

    fn last_at(&self, level: usize, mut end: usize, limit: T) -> Option<usize> {
        let values = self.level(level);
        while end > 0 {
            if end.is_multiple_of(FAN) && level < self.levels.len() {
                // Whole blocks only: the next one that holds a match ends the search.
                end = (self.last_at(level + 1, end / FAN, limit)? + 1) * FAN;
                let start = end - FAN;
                let block = &values[start..end.min(values.len())];
                return block.iter().rposition(|&value| value <= limit).map(|at| start + at);
            }
            end -= 1;
            if values[end] <= limit {
                return Some(end);
            }
        }
        None
    }

    /// The first position from `start` on whose value is at most `limit`.
    pub(super) fn first(&self, start: usize, limit: T) -> Option<usize> {
        self.first_at(0, start, limit)
    }

    fn first_at(&self, level: usize, mut start: usize, limit: T) -> Option<usize> {
        let values = self.level(level);
        while start < values.len() {
            if start.is_multiple_of(FAN) && level < self.levels.len() {
                start = self.first_at(level + 1, start / FAN, limit)? * FAN;
                let block = &values[start..(start + FAN).min(values.len())];
                return block.iter().position(|&value| value <= limit).map(|at| start + at);
            }
            if values[start] <= limit {
                return Some(start);
            }
            start += 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::Minima;

    #[test]
    fn searches_equal_a_walk() {
        let noise = |i: u64| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as i64 % 1000;
        for n in [0, 1, 15, 16, 17, 255, 256, 257, 5000] {
            let values: Vec<i64> = (0..n).map(noise).collect();
            let minima = Minima::of(&values);
            for i in 0..200 {
                let (at, limit) =
                    ((noise(i + 77) as usize * 7919) % (values.len() + 1), noise(i * 31) / (1 + i as i64 % 60));
                let last = values[..at].iter().rposition(|&value| value <= limit);
                let first = values[at..].iter().position(|&value| value <= limit).map(|found| at + found);
                assert_eq!((minima.last(at, limit), minima.first(at, limit)), (last, first), "{n} {at} {limit}");
            }
        }
    }
}
