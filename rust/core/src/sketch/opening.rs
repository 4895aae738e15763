//! The first values of a column of eight bytes: whether too many of them differ is known before they are counted one by one.
//!
//! Each value sets one bit by its hash, so there are at least as many values as bits. Of those that are too many to be
//! counted exactly only the few that may have come more than once are looked at.

use super::distinct::Distinct;

/// Values that wait at most.
const MOST: usize = 8192;
const BITS: usize = 1 << 16;

/// Values that wait for what their hashes tell.
#[derive(Default)]
pub(crate) struct Opening {
    values: Vec<u64>,
    hashes: Vec<u64>,
    /// One bit for the hash of each value, and for the hash of each that came again or shares its bit with another.
    seen: Vec<u64>,
    again: Vec<u64>,
    is_over: bool,
}

/// What is known of the values so far.
pub(crate) enum Outlook {
    /// They may be few or many.
    Open,
    /// More values differ than can be counted exactly.
    Many,
    /// They recur, or enough came.
    Few,
}

impl Opening {
    /// Whether the next values may wait.
    pub(crate) fn is_open(&self) -> bool {
        !self.is_over
    }

    /// Let values wait.
    pub(crate) fn add(&mut self, values: &[u64], hashes: &[u64]) {
        self.values.extend_from_slice(values);
        self.hashes.extend_from_slice(hashes);
        self.seen.resize(BITS / 64, 0);
        self.again.resize(BITS / 64, 0);
        for &hash in hashes {
            let (word, bit) = (word_of(hash), bit_of(hash));
            let before = self.seen[word];
            self.again[word] |= before & bit;
            self.seen[word] = before | bit;
        }
    }

    /// Whether the values are going to be many, as far as these tell.
    pub(crate) fn outlook(&self) -> Outlook {
        let n = self.values.len();
        let n_seen: u32 = self.seen.iter().map(|word| word.count_ones()).sum();
        if n_seen as usize > Distinct::CAP {
            Outlook::Many
        } else if n >= MOST || 2 * n_seen as usize <= n {
            Outlook::Few
        } else {
            Outlook::Open
        }
    }

    /// No value waits any more, and none will.
    pub(crate) fn end(&mut self) -> Self {
        std::mem::replace(self, Self { is_over: true, ..Self::default() })
    }

    /// The values that wait.
    pub(crate) fn values(&self) -> &[u64] {
        &self.values
    }

    pub(crate) fn into_hashes(self) -> Vec<u64> {
        self.hashes
    }

    /// Values that may have come more than once, as often as they came, with their hashes.
    pub(super) fn recurring(&self) -> Vec<(u64, u64)> {
        let mut recurring = vec![(0, 0); self.values.len() + 1];
        let mut n = 0;
        for (&value, &hash) in self.values.iter().zip(&self.hashes) {
            recurring[n] = (value, hash);
            n += usize::from(self.recurs(hash));
        }
        recurring.truncate(n);
        recurring
    }

    /// Values that came once, with their hashes; not all of them.
    pub(super) fn single(&self) -> impl Iterator<Item = (u64, u64)> {
        let all = self.values.iter().copied().zip(self.hashes.iter().copied());
        all.filter(|(_, hash)| !self.recurs(*hash))
    }

    fn recurs(&self, hash: u64) -> bool {
        self.again[word_of(hash)] & bit_of(hash) != 0
    }
}

#[inline]
fn word_of(hash: u64) -> usize {
    (hash >> 54) as usize % (BITS / 64)
}

#[inline]
fn bit_of(hash: u64) -> u64 {
    1 << (hash >> 48 & 63)
}
