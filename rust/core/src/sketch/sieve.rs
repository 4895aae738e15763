//! Tells rare values from frequent ones for a few operations each, without keeping them.
//!
//! Values without an entry are counted in buckets by hash for a stretch of rows. One whose bucket fills up may be frequent
//! and gets an entry; the others occurred no more often than the fullest bucket says, which is the error that a stretch
//! adds. Of values that are all different it is about a thousandth of the rows.

const BUCKETS: usize = 8192;
const KNOWN: usize = 1 << 16;
/// Rows of a stretch.
const STRETCH: u64 = 8192;
/// Occurrences in a bucket at which a value gets an entry.
const FULL: u64 = 12;

#[derive(Clone, Debug)]
pub(super) struct Sieve {
    /// One bit for the hash of each value that has an entry, and by chance for some others.
    known: Vec<u64>,
    buckets: Vec<u8>,
    left: u64,
}

impl Sieve {
    pub(super) fn new() -> Self {
        Self { known: vec![0; KNOWN / 64], buckets: vec![0; BUCKETS], left: STRETCH }
    }

    /// Forget which values have entries.
    pub(super) fn forget(&mut self) {
        self.known.fill(0);
    }

    /// Note that the value of this hash has an entry.
    pub(super) fn learn(&mut self, hash: u64) {
        let bit = bit_of(hash);
        self.known[bit / 64] |= 1 << (bit % 64);
    }

    /// Whether the value of this hash may have an entry.
    #[inline]
    pub(super) fn may_know(&self, hash: u64) -> bool {
        let bit = bit_of(hash);
        self.known[bit / 64] >> (bit % 64) & 1 == 1
    }

    /// Count a value without an entry; gives what came of it before at most, if it should get one.
    #[inline]
    pub(super) fn count(&mut self, hash: u64, count: u64) -> Option<u64> {
        let bucket = &mut self.buckets[(hash >> 8) as usize % BUCKETS];
        let before = u64::from(*bucket);
        if before.saturating_add(count) >= FULL {
            return Some(before);
        }
        *bucket += count as u8;
        None
    }

    /// Rows until the stretch ends; at least one.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// Let rows pass, no more than are left unless they are of one value; gives the error of a stretch that ends.
    #[inline]
    pub(super) fn pass(&mut self, count: u64) -> u64 {
        self.left = self.left.saturating_sub(count);
        if self.left > 0 { 0 } else { self.close() }
    }

    /// What a value without an entry may have occurred in this stretch at most.
    pub(super) fn fullest(&self) -> u64 {
        self.buckets.iter().copied().max().map_or(0, u64::from)
    }

    /// End the stretch; gives `fullest`.
    #[cold]
    pub(super) fn close(&mut self) -> u64 {
        let fullest = self.fullest();
        self.buckets.fill(0);
        self.left = STRETCH;
        fullest
    }
}

#[inline]
fn bit_of(hash: u64) -> usize {
    (hash >> 24) as usize % KNOWN
}
