//! The left rows of a join by key: made once, used for every right table that shares their keys.

use rayon::prelude::*;

use super::keys::RowKeys;
use super::monitor::Monitor;
use super::partition::{Bits, Buckets, Entry, Side};
use super::table::NONE;
use super::times::Instant;
use crate::error::Result;

/// The left rows in buckets, each with its group: the rows of one key.
pub(super) struct LeftIndex<T: Instant> {
    pub(super) side: Side<T>,
    pub(super) bits: Bits,
    buckets: Vec<LeftBucket<T>>,
}

/// The rows of one bucket by group, those of a group in order of position.
pub(super) struct LeftBucket<T> {
    pub(super) rows: Vec<LeftRow<T>>,
    /// Where each group starts, and the end.
    pub(super) starts: Vec<u32>,
    table: KeyTable<T>,
}

/// A left row in its bucket.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LeftRow<T> {
    pub(super) time: T,
    pub(super) row: u32,
}

impl<T: Instant> LeftIndex<T> {
    /// Index `side`, in buckets of which the right rows of one table fit the cache too.
    pub(super) fn of(side: Side<T>, most_right_rows: usize, monitor: &Monitor) -> Result<Self> {
        let bits = Bits::of(side.n_rows() + most_right_rows);
        let entries = Buckets::of(&side, bits, monitor)?;
        let bucket = |bucket: usize| LeftBucket::of(&side, &entries, bucket);
        let buckets = (0..bits.n_buckets()).into_par_iter().with_max_len(1).map(bucket).collect();
        Ok(Self { side, bits, buckets })
    }

    pub(super) fn n_buckets(&self) -> usize {
        self.buckets.len()
    }

    pub(super) fn bucket(&self, bucket: usize) -> &LeftBucket<T> {
        &self.buckets[bucket]
    }
}

impl<T: Instant> LeftBucket<T> {
    fn of(side: &Side<T>, entries: &Buckets<T>, bucket: usize) -> Self {
        let mut table = KeyTable::new(&side.keys);
        let mut groups = Vec::with_capacity(entries.n_rows(bucket));
        let mut starts = vec![0_u32];
        for entry in entries.slices(bucket).flatten().filter(|entry| entry.row != NONE) {
            let group = table.find_or_add(*entry, &side.keys);
            starts.resize(table.heads.len() + 1, 0);
            starts[group as usize + 1] += 1;
            groups.push(group);
        }
        for group in 1..starts.len() {
            starts[group] += starts[group - 1];
        }
        let mut ends = starts.clone();
        let mut rows = vec![LeftRow::default(); groups.len()];
        let present = entries.slices(bucket).flatten().filter(|entry| entry.row != NONE);
        for (entry, group) in present.zip(groups) {
            let end = &mut ends[group as usize];
            rows[*end as usize] = LeftRow { time: entry.time, row: entry.row };
            *end += 1;
        }
        Self { rows, starts, table }
    }

    pub(super) fn n_groups(&self) -> usize {
        self.table.heads.len()
    }

    /// The left rows of each group.
    pub(super) fn groups(&self) -> impl Iterator<Item = &[LeftRow<T>]> {
        self.starts.windows(2).map(|ends| &self.rows[ends[0] as usize..ends[1] as usize])
    }

    /// Finds groups of right rows.
    pub(super) fn finder<'a>(&'a self, left: &'a RowKeys, right: &'a RowKeys) -> Finder<'a, T> {
        Finder { table: &self.table, left, right, last: None }
    }
}

/// The groups of one bucket: the first left row of each key.
struct KeyTable<T> {
    hash_is_key: bool,
    /// Upper half of the hash, and group + 1; open addressing, 0 is free. At most a quarter full, so that most searches end
    /// at the first slot.
    slots: Vec<u64>,
    heads: Vec<Entry<T>>,
}

const UPPER: u64 = 0xffff_ffff_0000_0000;

impl<T: Instant> KeyTable<T> {
    fn new(keys: &RowKeys) -> Self {
        Self { hash_is_key: keys.hash_is_key(), slots: vec![0; 64], heads: Vec::new() }
    }

    #[inline]
    fn probe(&self, hash: u64, row: u32, keys: &RowKeys, left: &RowKeys) -> Result<u32, usize> {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at & mask];
            if slot == 0 {
                return Err(at & mask);
            }
            if (slot ^ hash) & UPPER == 0 {
                let group = slot as u32 - 1;
                let head = self.heads[group as usize];
                if head.hash == hash && (self.hash_is_key || keys.same(row, left, head.row)) {
                    return Ok(group);
                }
            }
            at += 1;
        }
    }

    #[inline]
    fn find_or_add(&mut self, entry: Entry<T>, left: &RowKeys) -> u32 {
        let slot = match self.probe(entry.hash, entry.row, left, left) {
            Ok(group) => return group,
            Err(slot) => slot,
        };
        self.heads.push(entry);
        let group = self.heads.len() as u32;
        self.slots[slot] = (entry.hash & UPPER) | u64::from(group);
        if self.heads.len() * 4 > self.slots.len() {
            self.grow();
        }
        group - 1
    }

    fn grow(&mut self) {
        let mask = self.slots.len() * 2 - 1;
        self.slots = vec![0; mask + 1];
        for (group, head) in self.heads.iter().enumerate() {
            let mut at = head.hash as usize & mask;
            while self.slots[at] != 0 {
                at = (at + 1) & mask;
            }
            self.slots[at] = (head.hash & UPPER) | (group as u64 + 1);
        }
    }
}

/// Finds the group of right rows, one after the other.
pub(super) struct Finder<'a, T> {
    table: &'a KeyTable<T>,
    left: &'a RowKeys,
    right: &'a RowKeys,
    /// The group found last: tables are often in order of their key.
    last: Option<(u64, u32)>,
}

impl<T: Instant> Finder<'_, T> {
    #[inline]
    pub(super) fn find(&mut self, hash: u64, row: u32) -> Option<u32> {
        if let Some((last, group)) = self.last
            && last == hash
            && self.table.hash_is_key
        {
            return Some(group);
        }
        let group = self.table.probe(hash, row, self.right, self.left).ok()?;
        self.last = Some((hash, group));
        Some(group)
    }
}
