//! The most frequent values and how often they occur: exact up to a cap, the heavy hitters beyond it.
//!
//! Up to [`Frequent::CAP`] values (and 1 MiB of their bytes) every count is exact. Beyond, the rarest are dropped as in
//! Misra and Gries (1982), in bulk: of n rows at most n / 1024 occurrences of a value go missing, as long as values are
//! shorter than 256 bytes on average. Each entry keeps its occurrences since it was last taken in, so its count never
//! exceeds the true one and is exact for a value that was never dropped; `missed` bounds what came before.
//! Exact summaries merge exactly in any order; beyond the cap merge in file order to get the same bytes.

use super::codec::{Reader, put_varint};
use super::hash::{hash_bytes, hash_u64};
use super::index::HashIndex;
use crate::error::Result;

const VERSION: u8 = 1;
/// Most bytes of values kept.
const CAP_BYTES: usize = 1 << 20;
/// Entries that a purge keeps, and that a stored summary has at most if it is not exact.
const KEPT: usize = 1024;

/// Counts values: all of eight bytes, or all byte strings.
#[derive(Clone, Debug)]
pub struct Frequent {
    is_bytes: bool,
    is_exact: bool,
    /// What a value that has no entry may have occurred at most.
    error: u64,
    /// Rows whose value is longer than `LONGEST`; they have no entry.
    n_too_long: u64,
    /// Ascending by hash whenever the index is not built.
    entries: Vec<Entry>,
    arena: Vec<u8>,
    index: HashIndex,
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
        let index = HashIndex::default();
        Self { is_bytes, is_exact: true, error: 0, n_too_long: 0, entries: Vec::new(), arena: Vec::new(), index }
    }

    /// Add `count` occurrences of `value`, whose hash is `hash_u64(value)`; whether it got a new entry.
    #[inline]
    pub fn update_fixed(&mut self, hash: u64, value: u64, count: u64) -> bool {
        self.thaw();
        let entries = &self.entries;
        match self.index.find(hash, |at| entries[at].value == value) {
            Ok(at) => {
                self.entries[at].count = self.entries[at].count.saturating_add(count);
                false
            }
            Err(slot) => {
                self.append(Entry::new(hash, count, self.error, value), slot);
                true
            }
        }
    }

    /// Add `count` occurrences of `value`, whose hash is `hash_bytes(value)`; whether it got a new entry.
    #[inline]
    pub fn update_bytes(&mut self, hash: u64, value: &[u8], count: u64) -> bool {
        self.thaw();
        let (entries, arena) = (&self.entries, &self.arena);
        let slot = match self.index.find(hash, |at| &arena[entries[at].range()] == value) {
            Ok(at) => {
                self.entries[at].count = self.entries[at].count.saturating_add(count);
                return false;
            }
            Err(slot) => slot,
        };
        if value.len() > Self::LONGEST {
            self.is_exact = false;
            self.n_too_long = self.n_too_long.saturating_add(count);
            return false;
        }
        let place = (self.arena.len() as u64) << 32 | value.len() as u64;
        self.arena.extend_from_slice(value);
        self.append(Entry::new(hash, count, self.error, place), slot);
        true
    }

    #[inline]
    fn thaw(&mut self) {
        if !self.index.is_built() {
            self.index = HashIndex::of(self.entries.iter().map(|entry| entry.hash), 0);
        }
    }

    #[inline]
    fn append(&mut self, entry: Entry, slot: usize) {
        self.entries.push(entry);
        if self.index.has_room() && self.entries.len() <= self.limit() && self.arena.len() <= CAP_BYTES {
            self.index.append_at(slot, entry.hash);
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
        let mut n = 0;
        if self.entries.len() > self.limit() || self.arena.len() > CAP_BYTES {
            self.is_exact = false;
            self.purge(KEPT.min(self.entries.len() / 2));
            n = self.limit();
        }
        self.index = HashIndex::of(self.entries.iter().map(|entry| entry.hash), n);
    }

    /// Drop the rarest until at most `kept` entries and half the bytes remain.
    fn purge(&mut self, kept: usize) {
        let mut scores: Vec<u64> = self.entries.iter().map(|entry| entry.score(self.error)).collect();
        if kept >= scores.len() {
            return;
        }
        let cut = *scores.select_nth_unstable_by(kept, |a, b| b.cmp(a)).1;
        let error = self.error;
        self.entries.retain(|entry| entry.score(error) > cut);
        self.error = self.error.saturating_add(cut);
        self.pack();
        if self.arena.len() > CAP_BYTES / 2 {
            self.purge(self.entries.len() / 2);
        }
    }

    /// Rewrite the arena without the bytes that no entry points to.
    fn pack(&mut self) {
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
        if !self.is_exact && self.entries.len() > KEPT {
            self.purge(KEPT);
        }
        let mut entries = std::mem::take(&mut self.entries);
        entries.sort_unstable_by(|a, b| (a.hash, self.bytes_of(a)).cmp(&(b.hash, self.bytes_of(b))));
        self.entries = entries;
        self.index = HashIndex::default();
        self.pack();
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
                (Some(a), Some(b)) => (a.hash, self.bytes_of(a)).cmp(&(b.hash, other.bytes_of(b))),
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
        self.error
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
        let mut hashes: Vec<u64> = self.entries.iter().map(|entry| entry.hash).collect();
        if self.index.is_built() {
            hashes.sort_unstable();
        }
        hashes.dedup();
        hashes
    }

    /// Bytes of the summary; equal exact counts have equal bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// Read what `encode` wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("frequent values", bytes);
        let frequent = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(frequent)
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        if self.index.is_built() {
            let mut frozen = self.clone();
            frozen.freeze();
            return frozen.write(out);
        }
        out.extend([VERSION, u8::from(self.is_bytes), u8::from(self.is_exact)]);
        put_varint(out, self.error);
        put_varint(out, self.n_too_long);
        put_varint(out, self.entries.len() as u64);
        for entry in &self.entries {
            put_varint(out, entry.count);
            if !self.is_exact {
                put_varint(out, entry.missed);
            }
            if self.is_bytes {
                put_varint(out, self.bytes_of(entry).len() as u64);
            } else {
                out.extend(entry.value.to_le_bytes());
            }
        }
        // Entries stand in the order of the arena only if frozen by `pack`, as they are here.
        out.extend_from_slice(&self.arena);
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.version(VERSION)?;
        let mut frequent = Self::new(reader.bool()?);
        frequent.is_exact = reader.bool()?;
        frequent.error = reader.varint()?;
        frequent.n_too_long = reader.varint()?;
        let n = reader.count(2)?;
        if n > Self::CAP {
            return Err(reader.corrupt("there are too many values", Self::CAP, n));
        }
        frequent.entries.reserve_exact(n);
        let mut end = 0_u64;
        for _ in 0..n {
            let count = reader.varint()?;
            let missed = if frequent.is_exact { 0 } else { reader.varint()? };
            let mut entry = Entry::new(0, count, missed, 0);
            if frequent.is_bytes {
                let length = reader.varint()?.min(u64::from(u32::MAX));
                entry.value = end << 32 | length;
                end = (end + length).min(u64::from(u32::MAX));
            } else {
                entry.value = reader.u64()?;
            }
            frequent.entries.push(entry);
        }
        frequent.arena = reader.take(end as usize)?.to_vec();
        frequent.hash_entries(reader)?;
        Ok(frequent)
    }

    /// Hash the values of entries just read, and check that they ascend.
    fn hash_entries(&mut self, reader: &Reader<'_>) -> Result<()> {
        for entry in &mut self.entries {
            let value = self.arena.get(entry.range());
            entry.hash = match (self.is_bytes, value) {
                (false, _) => hash_u64(entry.value),
                (true, Some(value)) => hash_bytes(value),
                (true, None) => return Err(reader.corrupt("a value is out of range", self.arena.len(), entry.value)),
            };
        }
        let ascends = self.entries.is_sorted_by(|a, b| (a.hash, self.bytes_of(a)) < (b.hash, self.bytes_of(b)));
        if ascends { Ok(()) } else { Err(reader.corrupt("the values do not ascend", "ascending hashes", "others")) }
    }
}
