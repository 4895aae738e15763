//! What a join found, counted while it runs: how many rows matched, why others did not, and how old the matches are.

use super::search::Outcome;

/// Mantissa bits of the histogram of ages: values below 2^BITS are exact, others within 1 / 2^BITS.
const BITS: u32 = 7;
const CELLS: usize = (64 - BITS as usize + 1) << BITS;

/// What became of the left rows at one right table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SideReport {
    /// Left rows.
    pub n_rows: u64,
    /// Rows that found a right row, or at least one event in some window.
    pub n_matched: u64,
    /// Rows whose nearest right row lay outside of the tolerance.
    pub n_expired: u64,
    /// Rows of whose key there were right rows, but all on the other side of their time.
    pub n_future_only: u64,
    /// Rows that would have found a right row if it had been known in time.
    pub n_not_yet_known: u64,
    /// Rows of whose key there was no right row.
    pub n_unknown_key: u64,
    /// Rows with a null key or time.
    pub n_null: u64,
    /// Matched rows for which several right rows of the same key and time were candidates.
    pub n_ties: u64,
    /// Distances in time of the matches.
    pub ages: Ages,
}

impl SideReport {
    /// Count one left row.
    #[inline]
    pub(super) fn count(&mut self, outcome: Outcome) {
        if outcome.has(Outcome::MATCH) {
            self.n_matched += 1;
            self.n_ties += u64::from(outcome.has(Outcome::TIE));
        } else if outcome.has(Outcome::KNOWN) {
            self.n_expired += 1;
        } else if outcome.has(Outcome::TIME) {
            self.n_not_yet_known += 1;
        } else if outcome.has(Outcome::KEY) {
            self.n_future_only += 1;
        } else {
            self.n_unknown_key += 1;
        }
    }

    /// Of `n_rows` rows those that were in no bucket have a null key or time.
    pub(super) fn with_nulls(mut self, n_rows: usize) -> Self {
        self.n_null = n_rows as u64 - self.n_rows;
        self.n_rows = n_rows as u64;
        self
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.n_rows += other.n_rows;
        self.n_matched += other.n_matched;
        self.n_expired += other.n_expired;
        self.n_future_only += other.n_future_only;
        self.n_not_yet_known += other.n_not_yet_known;
        self.n_unknown_key += other.n_unknown_key;
        self.n_null += other.n_null;
        self.n_ties += other.n_ties;
        self.ages.merge(&other.ages);
    }
}

pub(super) fn merged(mut report: SideReport, other: SideReport) -> SideReport {
    report.merge(&other);
    report
}

/// A histogram of distances in time: exact counts in cells of relative width 1/128, exact minimum and maximum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ages {
    counts: Vec<u64>,
    n: u64,
    min: u128,
    max: u128,
}

impl Ages {
    pub(super) fn add(&mut self, age: u128) {
        self.add_all(std::iter::once(age));
    }

    /// Add ages as they are found.
    #[inline]
    pub(super) fn add_all(&mut self, ages: impl Iterator<Item = u128>) {
        if self.counts.is_empty() {
            self.counts = vec![0; CELLS];
            (self.min, self.max) = (u128::MAX, 0);
        }
        let (counts, mut n, mut min, mut max) = (self.counts.as_mut_slice(), 0, self.min, self.max);
        for age in ages {
            if let Some(count) = counts.get_mut(cell(u64::try_from(age).unwrap_or(u64::MAX))) {
                *count += 1;
            }
            (n, min, max) = (n + 1, min.min(age), max.max(age));
        }
        (self.n, self.min, self.max) = (self.n + n, min, max);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        if other.n == 0 {
            return;
        }
        if self.n == 0 {
            *self = other.clone();
            return;
        }
        for (ours, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *ours += theirs;
        }
        self.n += other.n;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// The age of the row at this share of all matches by age, in units of the join, within 1/128 of its value.
    pub fn quantile(&self, share: f64) -> Option<u128> {
        if self.n == 0 {
            return None;
        }
        let rank = ((share * self.n as f64).ceil() as u64).clamp(1, self.n);
        if rank == 1 {
            return Some(self.min);
        }
        if rank == self.n {
            return Some(self.max);
        }
        let mut seen = 0;
        let found = self.counts.iter().position(|&count| {
            seen += count;
            seen >= rank
        });
        Some(u128::from(middle(found?)).clamp(self.min, self.max))
    }
}

#[inline]
fn cell(age: u64) -> usize {
    if age < 1 << BITS {
        return age as usize;
    }
    let exponent = age.ilog2();
    let mantissa = (age >> (exponent - BITS)) as usize & ((1 << BITS) - 1);
    (((exponent - BITS + 1) as usize) << BITS) + mantissa
}

fn middle(cell: usize) -> u64 {
    if cell < 1 << BITS {
        return cell as u64;
    }
    let shift = (cell >> BITS) as u32 - 1;
    let low = ((1 << BITS) + (cell as u64 & ((1 << BITS) - 1))) << shift;
    low + ((1_u64 << shift) >> 1)
}

#[cfg(test)]
mod tests {
    use super::{Ages, cell, middle};

    #[test]
    fn cells_are_in_order_and_narrow() {
        for age in
            (0..5000).chain((12..64).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit, (1 << bit) + (1 << (bit - 3))]))
        {
            let middle = middle(cell(age));
            assert!(middle.abs_diff(age) as f64 <= age as f64 / 128.0, "{age} {middle}");
            assert!(age == 0 || cell(age) >= cell(age - 1));
        }
    }

    #[test]
    fn merged_halves_are_the_whole() {
        let mut parts = [Ages::default(), Ages::default()];
        let mut whole = Ages::default();
        for age in 0..1000_u128 {
            parts[usize::from(age % 3 == 0)].add(age * age);
            whole.add(age * age);
        }
        let [mut merged, other] = parts;
        merged.merge(&other);
        merged.merge(&Ages::default());
        assert_eq!(merged, whole);
        assert_eq!((merged.quantile(0.0), merged.quantile(1.0)), (Some(0), Some(998_001)));
        let median = merged.quantile(0.5).unwrap_or_default() as f64;
        assert!((median / 249_001.0 - 1.0).abs() < 0.01, "{median}");
    }
}
