//! Tells rare values from frequent ones for a few operations each, without keeping them.
//!
//! Values without an entry are counted in buckets by hash for a stretch of rows. One whose bucket fills up may be frequent
//! and gets an entry; the others occurred no more often than the fullest bucket says, which is the error that a stretch
//! adds. Of values that are all different it is about a thousandth of the rows.

use super::BLOCK;

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
    /// Whether no bucket filled up in this stretch, as far as `count_all` saw.
    is_calm: bool,
}

impl Sieve {
    pub(super) fn new() -> Self {
        Self { known: vec![0; KNOWN / 64], buckets: vec![0; BUCKETS], left: STRETCH, is_calm: true }
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
        let bucket = &mut self.buckets[bucket_of(hash)];
        let before = u64::from(*bucket);
        if before.saturating_add(count) >= FULL {
            return Some(before);
        }
        *bucket += count as u8;
        None
    }

    /// Count values as `may_know` and `count` would, unless one of them should get an entry: then `None`, and nothing is counted.
    /// `find` gives the entries of values that have one; they are put into `found`, of which as many are filled as is returned.
    pub(super) fn count_all(
        &mut self,
        hashes: &[u64],
        find: impl Fn(usize) -> Option<usize>,
        found: &mut [u16; BLOCK],
    ) -> Option<usize> {
        if !self.is_calm {
            return None;
        }
        let buckets = self.buckets.first_chunk_mut::<BUCKETS>()?;
        let known = self.known.first_chunk::<{ KNOWN / 64 }>()?;
        let (mut may_be_known, mut n, mut is_full) = ([0_u16; BLOCK], 0, false);
        for (at, &hash) in hashes.iter().enumerate() {
            // Without branches: nobody foresees which values are known.
            let bit = bit_of(hash);
            let is_known = (known[bit / 64] >> (bit % 64) & 1) as u8;
            may_be_known[n % BLOCK] = at as u16;
            n += usize::from(is_known);
            let bucket = &mut buckets[bucket_of(hash)];
            *bucket = bucket.wrapping_add(1 - is_known);
            is_full |= *bucket >= FULL as u8;
        }
        let (mut n_found, mut n_not) = (0, 0);
        for at in 0..n {
            let place = may_be_known[at];
            if let Some(entry) = find(usize::from(place)) {
                found[n_found] = entry as u16;
                n_found += 1;
            } else {
                let bucket = &mut buckets[bucket_of(hashes[usize::from(place)])];
                *bucket = bucket.wrapping_add(1);
                is_full |= *bucket >= FULL as u8;
                may_be_known[n_not] = place;
                n_not += 1;
            }
        }
        if !is_full {
            return Some(n_found);
        }
        self.is_calm = false;
        let unknown = hashes.iter().filter(|&&hash| known[bit_of(hash) / 64] >> (bit_of(hash) % 64) & 1 == 0);
        for &hash in unknown.chain(may_be_known[..n_not].iter().map(|&place| &hashes[usize::from(place)])) {
            let bucket = &mut buckets[bucket_of(hash)];
            *bucket = bucket.wrapping_sub(1);
        }
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
        (self.left, self.is_calm) = (STRETCH, true);
        fullest
    }
}

#[inline]
fn bucket_of(hash: u64) -> usize {
    (hash >> 8) as usize % BUCKETS
}

#[inline]
fn bit_of(hash: u64) -> usize {
    (hash >> 24) as usize % KNOWN
}
