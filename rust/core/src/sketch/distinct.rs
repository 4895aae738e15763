//! The number of distinct values: exact up to a cap, estimated beyond it.
//!
//! Works on hashes: up to [`Distinct::CAP`] of them are kept (two of the 4096 collide once in 10^12 columns, integers
//! and floats never), beyond that only `HyperLogLog` registers: 16384 of them, 4096 in what is encoded.
//! The state depends on the set of hashes and the number of registers alone, so that merges are exact in any order.

use super::codec::{Reader, put_varint};
use super::hash::hash_u64;
use super::hll::Hll;
use super::index::HashIndex;
use super::rice::{put_rice, rice};
use crate::error::Result;

const VERSION: u8 = 1;

/// Counts the distinct hashes that it has seen.
#[derive(Clone, Debug)]
pub struct Distinct {
    state: State,
    /// Whether only as many registers are kept as are stored.
    is_small: bool,
}

#[derive(Clone, Debug)]
enum State {
    /// In ascending order whenever the index is not built.
    Exact {
        hashes: Vec<u64>,
        index: HashIndex,
    },
    Estimated(Hll),
}

impl Default for Distinct {
    fn default() -> Self {
        Self::of_sorted(Vec::new())
    }
}

impl Distinct {
    /// Distinct values up to which the count is exact.
    pub const CAP: usize = 4096;

    /// Add the hash of one value.
    #[inline]
    pub fn insert(&mut self, hash: u64) {
        match &mut self.state {
            State::Estimated(hll) => hll.insert(hash),
            State::Exact { hashes, index } => {
                if !index.is_built() {
                    *index = HashIndex::of(hashes.iter().copied(), 0);
                }
                if let Err(slot) = index.find(hash, |at| hashes[at] == hash) {
                    self.insert_new(hash, slot);
                }
            }
        }
    }

    /// Add values of eight bytes.
    pub(crate) fn insert_fixed(&mut self, values: &[u64]) {
        let mut rest = values;
        while let (State::Exact { .. }, Some((&first, later))) = (&self.state, rest.split_first()) {
            self.insert(hash_u64(first));
            rest = later;
        }
        if let State::Estimated(hll) = &mut self.state {
            hll.insert_fixed(rest);
        }
    }

    /// Add the hashes of values.
    pub(crate) fn insert_all(&mut self, hashes: &[u64]) {
        match &mut self.state {
            State::Estimated(hll) => hll.insert_all(hashes),
            State::Exact { .. } => hashes.iter().for_each(|&hash| self.insert(hash)),
        }
    }

    fn insert_new(&mut self, hash: u64, slot: usize) {
        let State::Exact { hashes, index } = &mut self.state else { return };
        hashes.push(hash);
        if hashes.len() > Self::CAP {
            self.state = State::Estimated(registers_of(hashes, self.is_small));
        } else if index.has_room() {
            index.append_at(slot, hash);
        } else {
            *index = HashIndex::of(hashes.iter().copied(), 0);
        }
    }

    /// Add what `other` has seen.
    pub fn merge(&mut self, other: &Self) {
        self.freeze();
        match (&mut self.state, &other.state) {
            (State::Estimated(ours), State::Estimated(theirs)) => ours.merge(theirs),
            (State::Estimated(ours), State::Exact { hashes, .. }) => ours.insert_all(hashes),
            (State::Exact { hashes, .. }, State::Estimated(theirs)) => {
                let mut registers = theirs.clone();
                registers.insert_all(hashes);
                self.state = State::Estimated(registers);
            }
            (State::Exact { hashes: ours, .. }, State::Exact { hashes: theirs, index }) => {
                let union = if index.is_built() { union(ours, &sorted(theirs)) } else { union(ours, theirs) };
                self.state = Self::of_sorted(union).state;
            }
        }
    }

    /// An empty one that never keeps more accuracy than is encoded.
    pub(crate) fn small() -> Self {
        Self { is_small: true, ..Self::default() }
    }

    /// Add hashes to an empty summary; all of them differ.
    pub(crate) fn fill(&mut self, mut hashes: Vec<u64>) {
        self.state = if hashes.len() > Self::CAP {
            State::Estimated(registers_of(&hashes, self.is_small))
        } else {
            hashes.sort_unstable();
            State::Exact { hashes, index: HashIndex::default() }
        };
    }

    fn of_registers(registers: Hll) -> Self {
        Self { state: State::Estimated(registers), is_small: false }
    }

    /// The summary of hashes that ascend strictly; in any order if they are beyond the cap.
    pub(crate) fn of_sorted(hashes: Vec<u64>) -> Self {
        if hashes.len() > Self::CAP {
            return Self::of_registers(registers_of(&hashes, false));
        }
        Self { state: State::Exact { hashes, index: HashIndex::default() }, is_small: false }
    }

    /// Drop what only updates need. Done by `merge`; do it before keeping a summary in memory.
    pub fn freeze(&mut self) {
        if let State::Exact { hashes, index } = &mut self.state
            && index.is_built()
        {
            hashes.sort_unstable();
            *index = HashIndex::default();
        }
    }

    /// Distinct values, exact if `is_exact`.
    pub fn count(&self) -> u64 {
        match &self.state {
            State::Exact { hashes, .. } => hashes.len() as u64,
            State::Estimated(hll) => (hll.estimate().round() as u64).max(Self::CAP as u64 + 1),
        }
    }

    /// Whether the count is exact.
    pub fn is_exact(&self) -> bool {
        matches!(self.state, State::Exact { .. })
    }

    /// Relative standard error of the count: 0 if exact.
    pub fn relative_error(&self) -> f64 {
        match &self.state {
            State::Estimated(hll) => hll.relative_error(),
            State::Exact { .. } => 0.0,
        }
    }

    /// Give up the accuracy that is not encoded.
    pub fn shrink(&mut self) {
        if let State::Estimated(hll) = &mut self.state {
            hll.shrink();
        }
    }

    /// Whether both can be of one set of hashes: as far as both know it, they are the same.
    pub(crate) fn agrees(&self, other: &Self) -> bool {
        let registers = |distinct: &Self| match &distinct.state {
            State::Estimated(hll) => Self::of_registers(hll.clone()).encode(),
            State::Exact { hashes, .. } => Self::of_registers(registers_of(hashes, true)).encode(),
        };
        let are_exact = self.is_exact() && other.is_exact();
        if are_exact { self.encode() == other.encode() } else { registers(self) == registers(other) }
    }

    /// Bytes of the summary: equal sets of hashes have equal bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// Read what `encode` wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("distinct counts", bytes);
        let distinct = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(distinct)
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        out.push(u8::from(self.is_exact()));
        match &self.state {
            State::Estimated(hll) => hll.write(out),
            State::Exact { hashes, .. } => {
                put_varint(out, hashes.len() as u64);
                let hashes = sorted(hashes);
                let before = std::iter::once(0).chain(hashes.iter().copied());
                put_rice(out, hashes.iter().zip(before).map(|(hash, before)| hash - before));
            }
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.version(VERSION)?;
        if !reader.bool()? {
            return Ok(Self::of_registers(Hll::read(reader)?));
        }
        let n = reader.varint()?;
        if n > Self::CAP as u64 {
            return Err(reader.corrupt("there are too many hashes", Self::CAP, n));
        }
        let mut hashes = rice(reader, n as usize)?;
        for at in 1..hashes.len() {
            match hashes[at - 1].checked_add(hashes[at]).filter(|hash| *hash > hashes[at - 1]) {
                Some(hash) => hashes[at] = hash,
                None => return Err(reader.corrupt("the hashes do not ascend", "ascending hashes", hashes[at])),
            }
        }
        Ok(Self::of_sorted(hashes))
    }
}

fn registers_of(hashes: &[u64], is_small: bool) -> Hll {
    let mut registers = Hll::new(is_small);
    registers.insert_all(hashes);
    registers
}

fn sorted(hashes: &[u64]) -> Vec<u64> {
    let mut hashes = hashes.to_vec();
    hashes.sort_unstable();
    hashes
}

/// Union of two strictly ascending sequences.
fn union(ours: &[u64], theirs: &[u64]) -> Vec<u64> {
    let mut union = Vec::with_capacity(ours.len() + theirs.len());
    let (mut i, mut j) = (0, 0);
    while i < ours.len() && j < theirs.len() {
        let (left, right) = (ours[i], theirs[j]);
        union.push(left.min(right));
        i += usize::from(left <= right);
        j += usize::from(right <= left);
    }
    union.extend_from_slice(&ours[i..]);
    union.extend_from_slice(&theirs[j..]);
    union
}
