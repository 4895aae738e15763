//! The left rows of a join by key: made once, used for every right table that shares their keys.

use std::sync::Arc;

use rayon::prelude::*;

use super::keys::{Coding, RowKeys};
use super::monitor::Monitor;
use super::partition::{Bits, Buckets, Entry, Side, Spare};
use super::times::Instant;
use crate::error::Result;

/// Keys and times of the left rows, as they are.
pub(super) struct LeftSide<T: Instant> {
    pub(super) side: Arc<Side<T>>,
    pub(super) coding: Coding,
    /// Whether they are in order of time.
    pub(super) ascends: bool,
}

impl<T: Instant> LeftSide<T> {
    pub(super) fn of(side: Side<T>) -> Self {
        Self { coding: Coding::of(&side.keys), ascends: side.ascends(), side: Arc::new(side) }
    }
}

/// The left rows in buckets, each with its group: the rows of one key.
pub(super) struct LeftIndex<T: Instant> {
    pub(super) side: Arc<Side<T>>,
    pub(super) coding: Coding,
    pub(super) bits: Bits,
    /// Memory for the buckets of right tables.
    pub(super) spare: Spare<T>,
    /// Of each dense code whether a row has it; none where codes are too many for each to have a place in the cache.
    pub(super) is_present: Option<Vec<bool>>,
    /// Whether the rows of each group are in order of time.
    pub(super) ascends: bool,
    buckets: Vec<LeftBucket<T>>,
}

/// Codes from which right rows go into buckets first.
const MOST_PLACES: usize = 1 << 15;

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
    /// Index `left`, in buckets of which the right rows of one table fit the cache too.
    pub(super) fn of(left: &LeftSide<T>, most_right_rows: usize, monitor: &Monitor) -> Result<Self> {
        let (side, coding) = (Arc::clone(&left.side), left.coding);
        monitor.add_expected(side.n_rows());
        let bits = Bits::of(side.n_rows() + most_right_rows, coding);
        let spare = Spare::default();
        let entries = Buckets::of(&side, coding, bits, &spare, monitor)?;
        let bucket = |bucket: usize| LeftBucket::of(&side, coding, bits, &entries, bucket);
        let buckets: Vec<LeftBucket<T>> = (0..bits.n_buckets()).into_par_iter().with_max_len(1).map(bucket).collect();
        entries.recycle(&spare);
        let n_places: usize = buckets.iter().map(LeftBucket::n_groups).sum();
        let has_places = matches!(coding, Coding::Dense { .. }) && n_places <= MOST_PLACES;
        let is_present = || buckets.iter().flat_map(|bucket| bucket.starts.windows(2).map(|ends| ends[0] < ends[1]));
        let is_present = has_places.then(|| is_present().collect());
        Ok(Self { side, coding, bits, spare, is_present, ascends: left.ascends, buckets })
    }

    pub(super) fn n_buckets(&self) -> usize {
        self.buckets.len()
    }

    pub(super) fn bucket(&self, bucket: usize) -> &LeftBucket<T> {
        &self.buckets[bucket]
    }
}

impl<T: Instant> LeftBucket<T> {
    fn of(side: &Side<T>, coding: Coding, bits: Bits, entries: &Buckets<T>, bucket: usize) -> Self {
        let mut table = KeyTable::new(&side.keys, coding, bits);
        let mut groups = Vec::with_capacity(entries.n_rows(bucket));
        let mut starts = vec![0_u32; table.n_groups() + 1];
        for entry in entries.slices(bucket).flatten() {
            let group = table.find_or_add(*entry, &side.keys);
            starts.resize(table.n_groups() + 1, 0);
            starts[group as usize + 1] += 1;
            groups.push(group);
        }
        for group in 1..starts.len() {
            starts[group] += starts[group - 1];
        }
        let mut ends = starts.clone();
        let mut rows = vec![LeftRow::default(); groups.len()];
        for (entry, group) in entries.slices(bucket).flatten().zip(groups) {
            let end = &mut ends[group as usize];
            rows[*end as usize] = LeftRow { time: entry.time, row: entry.row };
            *end += 1;
        }
        Self { rows, starts, table }
    }

    pub(super) fn n_groups(&self) -> usize {
        self.table.n_groups()
    }

    /// The left rows of each group; there may be none.
    pub(super) fn groups(&self) -> impl Iterator<Item = &[LeftRow<T>]> {
        self.starts.windows(2).map(|ends| &self.rows[ends[0] as usize..ends[1] as usize])
    }

    /// Finds groups of right rows.
    pub(super) fn finder<'a>(&'a self, left: &'a RowKeys, right: &'a RowKeys) -> Finder<'a, T> {
        Finder { table: &self.table, starts: &self.starts, left, right, last: None }
    }
}

/// The groups of one bucket: the first left row of each key.
struct KeyTable<T> {
    /// Where a code is dense, how its group is read from it: bits before it, and all bits but those of it.
    dense: Option<(u32, u32)>,
    code_is_key: bool,
    /// Upper half of the hash, and group + 1; open addressing, 0 is free. At most a quarter full, so that most searches end
    /// at the first slot.
    slots: Vec<u64>,
    heads: Vec<Entry<T>>,
}

const UPPER: u64 = 0xffff_ffff_0000_0000;

impl<T: Instant> KeyTable<T> {
    fn new(keys: &RowKeys, coding: Coding, bits: Bits) -> Self {
        let dense = match coding {
            Coding::Hash => None,
            Coding::Dense { bits: all, .. } => Some((bits.get(), u64::BITS - (all - bits.get()))),
        };
        let slots = if dense.is_some() { Vec::new() } else { vec![0; 64] };
        Self { dense, code_is_key: keys.hash_is_key(), slots, heads: Vec::new() }
    }

    fn n_groups(&self) -> usize {
        self.dense.map_or(self.heads.len(), |(_, others)| 1 << (u64::BITS - others))
    }

    /// The group of a dense code.
    #[inline]
    fn dense_group((before, others): (u32, u32), code: u64) -> u32 {
        (code << before).checked_shr(others).unwrap_or(0) as u32
    }

    #[inline]
    fn probe(&self, code: u64, row: u32, keys: &RowKeys, left: &RowKeys) -> Result<u32, usize> {
        let mask = self.slots.len() - 1;
        let mut at = code as usize & mask;
        loop {
            let slot = self.slots[at & mask];
            if slot == 0 {
                return Err(at & mask);
            }
            if (slot ^ code) & UPPER == 0 {
                let group = slot as u32 - 1;
                let head = self.heads[group as usize];
                if head.code == code && (self.code_is_key || keys.same(row, left, head.row)) {
                    return Ok(group);
                }
            }
            at += 1;
        }
    }

    #[inline]
    fn find_or_add(&mut self, entry: Entry<T>, left: &RowKeys) -> u32 {
        if let Some(dense) = self.dense {
            return Self::dense_group(dense, entry.code);
        }
        let slot = match self.probe(entry.code, entry.row, left, left) {
            Ok(group) => return group,
            Err(slot) => slot,
        };
        self.heads.push(entry);
        let group = self.heads.len() as u32;
        self.slots[slot] = (entry.code & UPPER) | u64::from(group);
        if self.heads.len() * 4 > self.slots.len() {
            self.grow();
        }
        group - 1
    }

    fn grow(&mut self) {
        let mask = self.slots.len() * 2 - 1;
        self.slots = vec![0; mask + 1];
        for (group, head) in self.heads.iter().enumerate() {
            let mut at = head.code as usize & mask;
            while self.slots[at] != 0 {
                at = (at + 1) & mask;
            }
            self.slots[at] = (head.code & UPPER) | (group as u64 + 1);
        }
    }
}

/// Finds the group of right rows, one after the other.
pub(super) struct Finder<'a, T> {
    table: &'a KeyTable<T>,
    starts: &'a [u32],
    left: &'a RowKeys,
    right: &'a RowKeys,
    /// The group found last: tables are often in order of their key.
    last: Option<(u64, u32)>,
}

impl<T: Instant> Finder<'_, T> {
    #[inline]
    pub(super) fn find(&mut self, code: u64, row: u32) -> Option<u32> {
        if let Some(dense) = self.table.dense {
            let group = KeyTable::<T>::dense_group(dense, code);
            return (self.starts[group as usize] < self.starts[group as usize + 1]).then_some(group);
        }
        if let Some((last, group)) = self.last
            && last == code
            && self.table.code_is_key
        {
            return Some(group);
        }
        let group = self.table.probe(code, row, self.right, self.left).ok()?;
        self.last = Some((code, group));
        Some(group)
    }
}
