//! The most frequent values and how often they occur: exact up to a cap, the heavy hitters beyond it.
//!
//! Up to [`Frequent::CAP`] values (and 1 MiB of their bytes) every count is exact. Beyond, the rarest are dropped as in
//! Misra and Gries (1982), in bulk, and a sieve keeps new ones out that do not recur within a stretch of rows. Of n rows at
//! most n / 256 occurrences of a value go missing by drops and n / 745 by the sieve, about a third of that if values are
//! spread evenly, as long as they are shorter than 256 bytes on average. Each entry keeps its occurrences since it was last
//! taken in, so its count never exceeds the true one and is exact for a value that was never dropped; `missed` bounds what
//! came before.
//! Exact summaries merge exactly in any order; beyond the cap merge in file order to get the same bytes.

mod encoded;
mod updates;

use super::hash::{hash_bytes, hash_u64};
use super::index::HashIndex;
use super::recent::Recent;
use super::sieve::Sieve;

/// Most bytes of values kept.
const CAP_BYTES: usize = 1 << 20;
/// Entries that a purge keeps.
const KEPT: usize = 1024;
/// A summary that is kept and not exact gives up counts as long as so many times as many occurrences go with them.
const TRIMMED: u64 = 256;
/// Entries that it has at least, however rare their values: examples of what there is.
const EXAMPLES: usize = 32;

/// Counts values: all of eight bytes, or all byte strings.
#[derive(Clone, Debug)]
pub struct Frequent {
    is_bytes: bool,
    is_exact: bool,
    /// What a value that has no entry may have occurred at most.
    error: u64,
    /// Rows whose value is longer than `LONGEST`; they have no entry.
    n_too_long: u64,
    /// Ascending by value whenever the index is not built.
    entries: Vec<Entry>,
    arena: Vec<u8>,
    index: HashIndex,
    /// Keeps rare values out, once some were dropped.
    sieve: Option<Sieve>,
    /// Entries of the texts that came last; none once entries moved.
    recent: Option<Box<Recent>>,
    /// Hashes of all values, when the first of them were dropped.
    last_exact: Vec<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry {
    hash: u64,
    count: u64,
    missed: u64,
    /// The value itself, or where it stands in the arena: start in the upper, length in the lower half.
    value: u64,
}

impl Entry {
    fn new(hash: u64, count: u64, missed: u64, value: u64) -> Self {
        Self { hash, count, missed, value }
    }

    fn range(&self) -> std::ops::Range<usize> {
        let start = (self.value >> 32) as usize;
        start..start + (self.value as u32) as usize
    }

    /// What Misra and Gries would have left of the count.
    fn score(&self, error: u64) -> u64 {
        self.count.saturating_add(self.missed).saturating_sub(error)
    }
}

/// A value with its count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FrequentValue<'a> {
    /// Eight bytes, as given to `update_fixed`.
    Fixed(u64),
    /// Bytes, as given to `update_bytes`.
    Bytes(&'a [u8]),
}

impl Frequent {
    /// Distinct values up to which counts are exact.
    pub const CAP: usize = 4096;
    /// Longest value, in bytes, that gets an entry. Longer ones are only counted, and the summary is not exact.
    pub const LONGEST: usize = 1024;

    /// A summary of values of eight bytes.
    pub fn of_fixed() -> Self {
        Self::new(false)
    }

    /// A summary of byte strings.
    pub fn of_bytes() -> Self {
        Self::new(true)
    }

    fn new(is_bytes: bool) -> Self {
        let (entries, arena, index, last_exact) = Default::default();
        Self {
            is_bytes,
            is_exact: true,
            error: 0,
            n_too_long: 0,
            entries,
            arena,
            index,
            sieve: None,
            recent: None,
            last_exact,
        }
    }

    /// Add `count` occurrences of `value`, whose hash is `hash_u64(value)`; whether it may be new.
    #[inline]
    pub fn update_fixed(&mut self, hash: u64, value: u64, count: u64) -> bool {
        self.thaw();
        let entries = &self.entries;
        if self.may_have(hash)
            && let Ok(at) = self.index.find(hash, |at| entries[at].value == value)
        {
            self.count_up(at, count);
            return false;
        }
        if let Some(missed) = self.admit(hash, count) {
            self.append(Entry::new(hash, count, missed, value));
        }
        self.pass(count);
        true
    }

    /// Add `count` occurrences of `value`, whose hash is `hash_bytes(value)`; whether it may be new.
    #[inline]
    pub fn update_bytes(&mut self, hash: u64, value: &[u8], count: u64) -> bool {
        self.thaw();
        let (entries, arena) = (&self.entries, &self.arena);
        if self.may_have(hash)
            && let Ok(at) = self.index.find(hash, |at| &arena[entries[at].range()] == value)
        {
            self.count_up(at, count);
            return false;
        }
        if value.len() > Self::LONGEST {
            self.leave_exactness();
            self.n_too_long = self.n_too_long.saturating_add(count);
            return true;
        }
        if let Some(missed) = self.admit(hash, count) {
            let place = (self.arena.len() as u64) << 32 | value.len() as u64;
            self.arena.extend_from_slice(value);
            self.append(Entry::new(hash, count, missed, place));
        }
        self.pass(count);
        true
    }

    #[inline]
    fn may_have(&self, hash: u64) -> bool {
        self.sieve.as_ref().is_none_or(|sieve| sieve.may_know(hash))
    }

    #[inline]
    fn count_up(&mut self, at: usize, count: u64) {
        self.entries[at].count = self.entries[at].count.saturating_add(count);
        self.pass(count);
    }

    /// What a value without an entry may have occurred before, if it gets one.
    #[inline]
    fn admit(&mut self, hash: u64, count: u64) -> Option<u64> {
        match &mut self.sieve {
            Some(sieve) => sieve.count(hash, count).map(|before| self.error.saturating_add(before)),
            None => Some(self.error),
        }
    }

    #[inline]
    fn pass(&mut self, count: u64) {
        if let Some(sieve) = &mut self.sieve {
            self.error = self.error.saturating_add(sieve.pass(count));
        }
    }

    #[inline]
    fn thaw(&mut self) {
        if !self.index.is_built() {
            let arena = &self.arena;
            let is_bytes = self.is_bytes;
            for entry in &mut self.entries {
                entry.hash = if is_bytes { hash_bytes(&arena[entry.range()]) } else { hash_u64(entry.value) };
            }
            self.index = HashIndex::of(self.entries.iter().map(|entry| entry.hash), 0);
        }
    }

    #[inline]
    fn append(&mut self, entry: Entry) {
        self.entries.push(entry);
        if self.index.has_room() && self.entries.len() <= self.limit() && self.arena.len() <= CAP_BYTES {
            self.index.append(entry.hash);
            if let Some(sieve) = &mut self.sieve {
                sieve.learn(entry.hash);
            }
        } else {
            self.make_room();
        }
    }

    /// Most entries: fewer once the rarest are dropped, so that those at work stay in the cache.
    fn limit(&self) -> usize {
        if self.is_exact { Self::CAP } else { 2 * KEPT }
    }

    #[cold]
    fn make_room(&mut self) {
        let mut n = (8 * self.entries.len()).min(self.limit());
        if self.entries.len() > self.limit() || self.arena.len() > CAP_BYTES {
            self.leave_exactness();
            self.purge(KEPT.min(self.entries.len() / 2));
            n = self.limit();
            self.keep_rare_out();
        }
        self.build_index(n);
    }

    /// Let new values pass the sieve first.
    fn keep_rare_out(&mut self) {
        let sieve = self.sieve.get_or_insert_with(Sieve::new);
        sieve.forget();
        self.entries.iter().for_each(|entry| sieve.learn(entry.hash));
    }

    /// An index with room for `n` entries.
    fn build_index(&mut self, n: usize) {
        self.entries.reserve((n + 1).saturating_sub(self.entries.len()));
        self.index = HashIndex::of(self.entries.iter().map(|entry| entry.hash), n);
        self.recent = None;
    }

    fn leave_exactness(&mut self) {
        if std::mem::take(&mut self.is_exact) {
            self.last_exact = self.entries.iter().map(|entry| entry.hash).collect();
        }
    }

    /// Hashes of the values that were counted when the summary became inexact by an update; empty if asked again.
    pub(crate) fn take_last_exact(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.last_exact)
    }

    /// Drop the rarest until at most `kept` entries and half the bytes remain.
    fn purge(&mut self, kept: usize) {
        let mut scores: Vec<u64> = self.entries.iter().map(|entry| entry.score(self.error)).collect();
        if kept >= scores.len() {
            return;
        }
        self.drop_up_to(*scores.select_nth_unstable_by(kept, |a, b| b.cmp(a)).1);
        if self.arena.len() > CAP_BYTES / 2 {
            self.purge(self.entries.len() / 2);
        }
    }

    /// Drop the entries whose score is no higher, but for some examples.
    fn drop_up_to(&mut self, cut: u64) {
        let error = self.error;
        let is_above = |entry: &Entry| entry.score(error) > cut;
        let mut n_examples = EXAMPLES.saturating_sub(self.entries.iter().filter(|entry| is_above(entry)).count());
        self.entries.retain(|entry| {
            let is_example = !is_above(entry) && n_examples > 0;
            n_examples -= usize::from(is_example);
            is_example || is_above(entry)
        });
        self.error = self.error.saturating_add(cut);
        self.pack();
    }

    /// Rewrite the arena without the bytes that no entry points to.
    fn pack(&mut self) {
        self.recent = None;
        if self.is_bytes {
            let old = std::mem::take(&mut self.arena);
            for entry in &mut self.entries {
                let range = entry.range();
                entry.value = (self.arena.len() as u64) << 32 | range.len() as u64;
                self.arena.extend_from_slice(&old[range]);
            }
        }
    }

    /// Sort for storing and drop what only updates need. Done by `merge`; do it before keeping a summary in memory.
    pub fn freeze(&mut self) {
        (self.last_exact, self.recent) = (Vec::new(), None);
        if let Some(mut sieve) = self.sieve.take() {
            self.error = self.error.saturating_add(sieve.close());
        }
        if self.index.is_built() {
            let mut entries = std::mem::take(&mut self.entries);
            entries.sort_unstable_by(|a, b| self.order(a).cmp(&self.order(b)));
            self.entries = entries;
            self.index = HashIndex::default();
            self.pack();
        }
        self.trim();
    }

    /// Drop values that are hardly more frequent than ones without an entry may be. Done twice, it does nothing.
    fn trim(&mut self) {
        if self.is_exact || self.entries.len() <= EXAMPLES {
            return;
        }
        let score = |entry: &Entry| entry.score(self.error);
        let lost = |cut: u64| self.entries.iter().fold(0_u64, |sum, entry| sum.saturating_add(score(entry).min(cut)));
        // The largest cut that pays: it pays for all below, since what is lost grows ever slower.
        let (mut cut, mut too_much) = (0, lost(u64::MAX) / TRIMMED + 1);
        while cut + 1 < too_much {
            let middle = cut + (too_much - cut) / 2;
            *(if lost(middle) >= TRIMMED.saturating_mul(middle) { &mut cut } else { &mut too_much }) = middle;
        }
        let mut best: Vec<(u64, u64, usize)> =
            self.entries.iter().enumerate().map(|(at, entry)| (score(entry), entry.count, at)).collect();
        best.sort_unstable_by_key(|&(score, count, at)| (std::cmp::Reverse((score, count)), at));
        let n_kept = best.partition_point(|entry| entry.0 > cut).max(EXAMPLES);
        if n_kept >= best.len() {
            return;
        }
        let mut kept: Vec<usize> = best[..n_kept].iter().map(|entry| entry.2).collect();
        kept.sort_unstable();
        self.entries = kept.into_iter().map(|at| self.entries[at]).collect();
        self.error = self.error.saturating_add(cut);
        self.pack();
    }

    /// Values of eight bytes as unsigned integers, others byte by byte.
    fn order(&self, entry: &Entry) -> (u64, &[u8]) {
        if self.is_bytes { (0, &self.arena[entry.range()]) } else { (entry.value, &[]) }
    }

    fn bytes_of(&self, entry: &Entry) -> &[u8] {
        if self.is_bytes { &self.arena[entry.range()] } else { &[] }
    }

    /// Add what `other` has seen, as if its values had followed. Both must be of the same kind of values.
    pub fn merge(&mut self, other: &Self) {
        self.freeze();
        if other.index.is_built() {
            let mut other = other.clone();
            other.freeze();
            self.merge_frozen(&other);
        } else {
            self.merge_frozen(other);
        }
    }

    fn merge_frozen(&mut self, other: &Self) {
        let mut union = Self::new(self.is_bytes);
        union.entries.reserve(self.entries.len() + other.entries.len());
        union.is_exact = self.is_exact && other.is_exact;
        union.error = self.error.saturating_add(other.error);
        union.n_too_long = self.n_too_long.saturating_add(other.n_too_long);
        let (mut ours, mut theirs) = (self.entries.iter().peekable(), other.entries.iter().peekable());
        loop {
            let order = match (ours.peek(), theirs.peek()) {
                (None, None) => break,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(a), Some(b)) => self.order(a).cmp(&other.order(b)),
            };
            let a = if order.is_le() { ours.next() } else { None };
            let b = if order.is_ge() { theirs.next() } else { None };
            union.push_sum(self, a, other, b);
        }
        *self = union;
        if self.entries.len() > Self::CAP || self.arena.len() > CAP_BYTES {
            self.is_exact = false;
        }
        if !self.is_exact && self.entries.len() > KEPT {
            self.purge(KEPT);
        }
        self.trim();
    }

    fn push_sum(&mut self, ours: &Self, a: Option<&Entry>, theirs: &Self, b: Option<&Entry>) {
        let (Some((entry, bytes)), count, missed) = (
            a.map(|a| (a, ours.bytes_of(a))).or(b.map(|b| (b, theirs.bytes_of(b)))),
            a.map_or(0, |a| a.count).saturating_add(b.map_or(0, |b| b.count)),
            a.map_or(ours.error, |a| a.missed).saturating_add(b.map_or(theirs.error, |b| b.missed)),
        ) else {
            return;
        };
        let place = (self.arena.len() as u64) << 32 | bytes.len() as u64;
        let value = if self.is_bytes { place } else { entry.value };
        self.arena.extend_from_slice(bytes);
        self.entries.push(Entry::new(entry.hash, count, missed, value));
    }

    /// Whether the values are byte strings.
    pub(crate) fn is_bytes(&self) -> bool {
        self.is_bytes
    }

    /// Number of values that have an entry.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether all values have an entry and all counts are exact.
    pub fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// What a value without an entry may have occurred at most, unless it is longer than `LONGEST`; 0 if exact.
    pub fn error(&self) -> u64 {
        self.error.saturating_add(self.sieve.as_ref().map_or(0, Sieve::fullest))
    }

    /// Rows whose value is longer than `LONGEST`.
    pub fn n_too_long(&self) -> u64 {
        self.n_too_long
    }

    /// All entries in no particular order: the value, its count, and what of it may be missing at most.
    pub fn entries(&self) -> impl Iterator<Item = (FrequentValue<'_>, u64, u64)> {
        let value = |entry: &Entry| {
            if self.is_bytes { FrequentValue::Bytes(self.bytes_of(entry)) } else { FrequentValue::Fixed(entry.value) }
        };
        self.entries.iter().map(move |entry| (value(entry), entry.count, entry.missed))
    }

    /// Hashes of all entries, ascending and without repetition.
    pub(crate) fn hashes(&self) -> Vec<u64> {
        let hash = |entry: &Entry| if self.is_bytes { hash_bytes(self.bytes_of(entry)) } else { hash_u64(entry.value) };
        let mut hashes: Vec<u64> = self.entries.iter().map(hash).collect();
        hashes.sort_unstable();
        hashes.dedup();
        hashes
    }
}
