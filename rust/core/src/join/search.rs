//! The heart of the as-of join: rows in buckets of their key's hash, groups of one key in order of time, one search a row.
//!
//! A bucket and its tables fit the second-level cache, so that a search costs no cache misses; buckets run in parallel.
//! Rows of a group that already ascend in time are not sorted. Long groups are searched from where the row before ended.

use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;

use super::keys::RowKeys;
use super::times::Times;

/// Stands for no match.
pub(super) const NONE: u32 = u32::MAX;
/// Rows of both sides that a bucket should hold.
const BUCKET_ROWS: usize = 1 << 14;
const MOST_BUCKET_BITS: u32 = 10;
/// Rows that one task moves to their buckets, or searches.
const CHUNK: usize = 1 << 16;
/// Rows from which a sort or the searches of one bucket are worth several threads.
const WORTH_THREADS: usize = 1 << 18;
/// Groups longer than this are searched from the last position, those longer than `OUT_OF_CACHE` in order of time.
const LONG: usize = 512;
const OUT_OF_CACHE: usize = 1 << 16;

/// One side of the join.
pub(super) struct Side<'a> {
    pub(super) keys: RowKeys<'a>,
    pub(super) times: Times<'a>,
}

/// In which direction of time a match lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// The latest right row that is not newer than the left one.
    #[default]
    Backward,
    /// The earliest right row that is not older than the left one.
    Forward,
}

/// Which right row a left row takes.
#[derive(Clone, Copy)]
pub(super) struct Rule {
    pub(super) strategy: Strategy,
    pub(super) allow_exact_matches: bool,
    /// Greatest distance in units of the times.
    pub(super) tolerance: u64,
}

#[derive(Clone, Copy)]
struct Entry {
    hash: u64,
    time: i64,
    row: u32,
}

/// The right row of each left row, or `NONE`.
pub(super) fn search(left: &Side<'_>, right: &Side<'_>, rule: Rule) -> Vec<u32> {
    let matches: Vec<AtomicU32> = left.times.values.iter().map(|_| AtomicU32::new(NONE)).collect();
    let n_rows = left.times.values.len() + right.times.values.len();
    let bits = (n_rows / BUCKET_ROWS).next_power_of_two().ilog2().min(MOST_BUCKET_BITS);
    let (ours, theirs) = rayon::join(|| Buckets::of(left, bits), || Buckets::of(right, bits));
    let bucket = |bucket: usize| {
        let groups = Groups::of(left, ours.rows(bucket), right, theirs.rows(bucket));
        groups.search(ours.rows(bucket), rule, &matches);
    };
    match bits {
        0 => bucket(0),
        _ => (0..1_usize << bits).into_par_iter().with_max_len(1).for_each(bucket),
    }
    matches.into_iter().map(AtomicU32::into_inner).collect()
}

/// Rows with a key and a time by bucket, in order of position.
struct Buckets {
    /// Of each chunk of rows: its rows by bucket, and where each bucket starts.
    chunks: Vec<(Vec<Entry>, Vec<usize>)>,
}

impl Buckets {
    fn of(side: &Side<'_>, bits: u32) -> Self {
        let n_rows = side.times.values.len();
        let chunk = |start: usize| Self::chunk(side, start..(start + CHUNK).min(n_rows), bits);
        let starts: Vec<usize> = (0..n_rows).step_by(CHUNK).collect();
        Self { chunks: starts.into_par_iter().map(chunk).collect() }
    }

    fn chunk(side: &Side<'_>, range: std::ops::Range<usize>, bits: u32) -> (Vec<Entry>, Vec<usize>) {
        let (hashes, times) = (side.keys.hashes(range.clone()), &side.times.values[range.clone()]);
        let (key_nulls, time_nulls) = (side.keys.nulls(), side.times.nulls);
        let has = |row: usize| {
            key_nulls.is_none_or(|nulls| nulls.is_valid(row)) && time_nulls.is_none_or(|nulls| nulls.is_valid(row))
        };
        let bucket_of = |hash: u64| (hash >> 32 >> (32 - bits)) as usize;
        let mut starts = vec![0; (1 << bits) + 1];
        for &hash in &hashes {
            starts[bucket_of(hash) + 1] += 1;
        }
        for bucket in 1..starts.len() {
            starts[bucket] += starts[bucket - 1];
        }
        let mut ends = starts.clone();
        let mut rows = vec![Entry { hash: 0, time: 0, row: NONE }; range.len()];
        for ((row, &hash), &time) in range.zip(&hashes).zip(times) {
            let end = &mut ends[bucket_of(hash)];
            rows[*end] = Entry { hash, time, row: if has(row) { row as u32 } else { NONE } };
            *end += 1;
        }
        (rows, starts)
    }

    fn rows(&self, bucket: usize) -> impl Iterator<Item = Entry> + Clone {
        let rows = self.chunks.iter().flat_map(move |(rows, starts)| &rows[starts[bucket]..starts[bucket + 1]]);
        rows.copied().filter(|row| row.row != NONE)
    }
}

/// Right rows of one bucket by key, in order of (time, position).
struct Groups {
    /// The group of each left row of the bucket.
    of_left: Vec<u32>,
    starts: Vec<usize>,
    times: Vec<i64>,
    rows: Vec<u32>,
}

impl Groups {
    fn of(
        left: &Side<'_>,
        ours: impl Iterator<Item = Entry>,
        right: &Side<'_>,
        theirs: impl Iterator<Item = Entry> + Clone,
    ) -> Self {
        let mut heads = KeyTable::new(left);
        let of_left: Vec<u32> = ours.map(|row| heads.find_or_add(row)).collect();
        let groups: Vec<u32> = theirs.clone().map(|row| heads.find(row, &right.keys).unwrap_or(NONE)).collect();
        let mut starts = vec![0_usize; heads.heads.len() + 1];
        for &group in groups.iter().filter(|&&group| group != NONE) {
            starts[group as usize + 1] += 1;
        }
        for group in 1..starts.len() {
            starts[group] += starts[group - 1];
        }
        let mut ends = starts.clone();
        let n_members = ends[heads.heads.len()];
        let (mut times, mut rows) = (vec![0; n_members], vec![0; n_members]);
        for (group, row) in groups.into_iter().zip(theirs).filter(|(group, _)| *group != NONE) {
            let end = &mut ends[group as usize];
            times[*end] = row.time;
            rows[*end] = row.row;
            *end += 1;
        }
        let mut groups = Self { of_left, starts, times, rows };
        groups.sort();
        groups
    }

    /// Rows of a group stand in order of position; only groups whose times do not ascend need work.
    fn sort(&mut self) {
        for ends in self.starts.windows(2) {
            let (times, rows) = (&mut self.times[ends[0]..ends[1]], &mut self.rows[ends[0]..ends[1]]);
            if times.is_sorted() {
                continue;
            }
            let mut pairs: Vec<(i64, u32)> = times.iter().copied().zip(rows.iter().copied()).collect();
            if pairs.len() > WORTH_THREADS {
                pairs.par_sort_unstable();
            } else {
                pairs.sort_unstable();
            }
            for ((time, row), pair) in times.iter_mut().zip(rows).zip(pairs) {
                (*time, *row) = pair;
            }
        }
    }

    fn search(&self, left: impl Iterator<Item = Entry>, rule: Rule, matches: &[AtomicU32]) {
        let longest = self.starts.windows(2).map(|ends| ends[1] - ends[0]).max().unwrap_or(0);
        let mut rows: Vec<(u32, i64, u32)> =
            self.of_left.iter().zip(left).map(|(&group, row)| (group, row.time, row.row)).collect();
        if longest > OUT_OF_CACHE && !rows.is_sorted_by_key(|&(_, time, _)| time) {
            if rows.len() > WORTH_THREADS { rows.par_sort_unstable() } else { rows.sort_unstable() }
        }
        if rows.len() > WORTH_THREADS {
            rows.par_chunks(CHUNK).for_each(|rows| self.search_rows(rows, longest, rule, matches));
        } else {
            self.search_rows(&rows, longest, rule, matches);
        }
    }

    fn search_rows(&self, left: &[(u32, i64, u32)], longest: usize, rule: Rule, matches: &[AtomicU32]) {
        let mut hints = if longest > LONG { vec![0_usize; self.starts.len()] } else { Vec::new() };
        for &(group, time, row) in left {
            let start = self.starts[group as usize];
            let times = &self.times[start..self.starts[group as usize + 1]];
            let mut whole = 0;
            let hint = hints.get_mut(group as usize).unwrap_or(&mut whole);
            if let Some(at) = rule.pick(times, time, hint) {
                matches[row as usize].store(self.rows[start + at], Ordering::Relaxed);
            }
        }
    }
}

impl Rule {
    /// The position among ascending `times` that a row at `time` takes. `hint` is where the last search ended.
    #[inline]
    fn pick(self, times: &[i64], time: i64, hint: &mut usize) -> Option<usize> {
        // Whether rows at the very time count as before it.
        let inclusive = (self.strategy == Strategy::Backward) == self.allow_exact_matches;
        let before =
            if inclusive { count_below(times, hint, |t| t <= time) } else { count_below(times, hint, |t| t < time) };
        let at = match self.strategy {
            Strategy::Backward => before.checked_sub(1)?,
            Strategy::Forward => {
                let next = *times.get(before)?;
                before + times[before..].iter().take_while(|&&t| t == next).count() - 1
            }
        };
        (times[at].abs_diff(time) <= self.tolerance).then_some(at)
    }
}

/// How many of the ascending `times` are `below`, which holds for the first ones only.
#[inline]
fn count_below(times: &[i64], hint: &mut usize, below: impl Fn(i64) -> bool) -> usize {
    let count = if times.len() <= LONG {
        times.partition_point(|&time| below(time))
    } else {
        count_from(times, (*hint).min(times.len()), below)
    };
    *hint = count;
    count
}

/// The same, by steps of doubling length from `hint`.
fn count_from(times: &[i64], hint: usize, below: impl Fn(i64) -> bool) -> usize {
    let (mut low, mut high, mut step) = (hint, hint, 1);
    while low > 0 && !below(times[low - 1]) {
        high = low - 1;
        low = low.saturating_sub(step);
        step *= 2;
    }
    if low == hint {
        while high < times.len() && below(times[high]) {
            low = high + 1;
            high = (high + step).min(times.len());
            step *= 2;
        }
    }
    low + times[low..high].partition_point(|&time| below(time))
}

/// The groups of one bucket: the first left row of each key.
struct KeyTable<'a, 'b> {
    side: &'a Side<'b>,
    hash_is_key: bool,
    /// Group + 1 by hash, open addressing; 0 is free.
    slots: Vec<u32>,
    heads: Vec<Entry>,
    /// The group found last: stored tables are often in order of their key.
    last: Option<(u64, u32)>,
}

impl<'a, 'b> KeyTable<'a, 'b> {
    fn new(side: &'a Side<'b>) -> Self {
        Self { side, hash_is_key: side.keys.hash_is_key(), slots: vec![0; 64], heads: Vec::new(), last: None }
    }

    #[inline]
    fn probe(&self, row: Entry, keys: &RowKeys<'_>) -> Result<u32, usize> {
        let mask = self.slots.len() - 1;
        let mut at = row.hash as usize & mask;
        loop {
            let Some(group) = self.slots[at & mask].checked_sub(1) else { return Err(at & mask) };
            let head = &self.heads[group as usize];
            if head.hash == row.hash && (self.hash_is_key || keys.same(row.row, &self.side.keys, head.row)) {
                return Ok(group);
            }
            at += 1;
        }
    }

    #[inline]
    fn find(&mut self, row: Entry, keys: &RowKeys<'_>) -> Option<u32> {
        if let Some((hash, group)) = self.last
            && hash == row.hash
            && self.hash_is_key
        {
            return Some(group);
        }
        let group = self.probe(row, keys).ok()?;
        self.last = Some((row.hash, group));
        Some(group)
    }

    #[inline]
    fn find_or_add(&mut self, row: Entry) -> u32 {
        let slot = match self.probe(row, &self.side.keys) {
            Ok(group) => return group,
            Err(slot) => slot,
        };
        self.heads.push(row);
        let group = self.heads.len() as u32;
        self.slots[slot] = group;
        if self.heads.len() * 2 > self.slots.len() {
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
            self.slots[at] = group as u32 + 1;
        }
    }
}
