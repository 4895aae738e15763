//! Ranks of numbers within a stated error, however the numbers are spread: a KLL sketch behind a sampler.
//!
//! Karnin, Lang and Liberty (2016, arXiv:1603.05346): levels of ever heavier items; a level that is too full is sorted
//! and every other item moves up with twice the weight. Below the levels stands a sampler: of every 2^s values in a row
//! one counts for all, with 2^s at most 1.6e-5 of the values seen, which adds a standard deviation of 0.2 % of rank and
//! makes long columns cheap. Sampled values come into the levels in blocks of up to 2048, in order but for neighbours, of which every
//! sixteenth counts for those around it: that adds less than 0.1 % at 20,000 values, and ever less at more. The choices come from a generator with a fixed seed, so equal sequences give equal bytes.
//!
//! Error: the rank of a value is off by at most [`Quantiles::RANK_ERROR`] of the number of values with 99 % confidence,
//! in any order of merges. Works on integers that ascend with the values.

use super::codec::{Reader, put_signed, put_varint};
use super::hash::hash_u64;
use super::rice::{put_rice, rice};
use super::runs::{BASE, Range, merged, sort_by, thinned};
use crate::error::Result;

const VERSION: u8 = 1;
/// Items of the top level; lower ones shrink by a third each.
const K: usize = 384;
const LEAST_CAPACITY: usize = 8;
/// Values from which on every eighth, and every sixteenth, of an ordered block moves up at once.
const THIN_FROM: [(u64, u32); 2] = [(16_384, 4), (4096, 3)];
/// Values that a block must have for that.
const THIN_LEAST: usize = 512;
/// Values for each of which the sampler's blocks may grow by one: 1 / 1.6e-5.
const SAMPLE_EVERY: u64 = 62_500;
const MOST_LEVELS: usize = 64;
/// Most low bits that are dropped.
const MOST_LOW: u32 = 62;
/// What items that dropped bits make equal weigh together at most: one of so many values.
const TOGETHER: u64 = 192;

/// Summary of the ranks of the integers that it has seen.
#[derive(Clone, Debug, Default)]
pub struct Quantiles {
    n: u64,
    /// Numbers drawn so far.
    draws: u64,
    /// Values of a block of the sampler, as a power of two.
    shift: u32,
    /// Values of the block seen so far, which of them counts, and that one (or the last one before it).
    seen: u64,
    wanted: u64,
    chosen: i64,
    /// Sampled values on their way into level `shift`.
    base: Vec<i64>,
    /// Where the last block of them lay.
    range: Option<Range>,
    /// Ascending items of weight 2^level.
    levels: Vec<Vec<i64>>,
}

impl Quantiles {
    /// Largest error of a rank, as a share of the number of values, with 99 % confidence.
    pub const RANK_ERROR: f64 = 0.007;

    /// Add values.
    pub fn update(&mut self, values: &[i64]) {
        let mut rest = values;
        while !rest.is_empty() {
            if self.seen == 0 {
                self.start_block();
            }
            let width = 1_usize << self.shift;
            if self.seen == 0 && rest.len() >= width {
                // Up to where the base is full or the blocks may grow.
                let until_growth = (SAMPLE_EVERY << (self.shift + 1)).saturating_sub(self.n) as usize / width;
                let blocks = (rest.len() / width).min(BASE - self.base.len()).min(until_growth.max(1));
                let (now, later) = rest.split_at(blocks * width);
                self.sample(now, width);
                rest = later;
            } else {
                let (now, later) = rest.split_at((width - self.seen as usize).min(rest.len()));
                self.sample_part(now, width as u64);
                rest = later;
            }
            if self.base.len() >= BASE {
                self.flush();
            }
        }
    }

    /// Widen the blocks if enough values have come; the base holds values of one weight only.
    fn start_block(&mut self) {
        let shift = (self.n / SAMPLE_EVERY).max(1).ilog2();
        if shift > self.shift {
            self.flush();
            self.shift = shift;
        }
    }

    fn sample(&mut self, blocks: &[i64], width: usize) {
        if width == 1 {
            if let (true, Some(full)) = (self.base.is_empty(), blocks.first_chunk::<BASE>()) {
                self.n += BASE as u64;
                return self.add_base(full);
            }
            self.base.extend_from_slice(blocks);
        } else {
            for block in blocks.chunks_exact(width) {
                let at = self.draw() as usize & (width - 1);
                self.base.push(block[at]);
            }
        }
        self.n += blocks.len() as u64;
    }

    fn sample_part(&mut self, part: &[i64], width: u64) {
        if self.seen == 0 {
            self.wanted = self.draw() & (width - 1);
        }
        for &value in part {
            if self.seen <= self.wanted {
                self.chosen = value;
            }
            self.seen += 1;
        }
        self.n += part.len() as u64;
        if self.seen == width {
            self.base.push(self.chosen);
            self.seen = 0;
        }
    }

    /// Add ascending values with how often each occurs, without any error.
    pub fn update_counted(&mut self, values: &[(i64, u64)]) {
        let mut levels: Vec<Vec<i64>> = Vec::new();
        for &(value, count) in values {
            self.n = self.n.saturating_add(count);
            let mut bits = count;
            while bits > 0 {
                let level = bits.trailing_zeros() as usize;
                if levels.len() <= level {
                    levels.resize(level + 1, Vec::new());
                }
                levels[level].push(value);
                bits &= bits - 1;
            }
        }
        for (level, items) in levels.iter().enumerate().filter(|(_, items)| !items.is_empty()) {
            self.add_items(level as u32, items);
        }
        self.compress();
    }

    fn level(&mut self, level: usize) -> &mut Vec<i64> {
        if self.levels.len() <= level {
            self.levels.resize(level + 1, Vec::new());
        }
        &mut self.levels[level]
    }

    /// Move the base into its level.
    fn flush(&mut self) {
        if self.base.is_empty() {
            return;
        }
        let mut base = std::mem::take(&mut self.base);
        self.add_base(&base);
        base.clear();
        self.base = base;
    }

    /// Add sampled values, as many as the base holds at most, to their levels.
    fn add_base(&mut self, base: &[i64]) {
        let reach = THIN_FROM.iter().find(|(from, _)| *from <= self.n).map(|(_, reach)| *reach);
        let mut rest = base;
        if let (THIN_LEAST.., Some(reach)) = (base.len(), reach) {
            let n_rest = base.len() & ((1 << reach) - 1);
            let first = self.draw() as usize & ((1 << reach) - 1);
            let thin = thinned(&base[n_rest..], reach, first, &mut self.range);
            self.add_items(self.shift + reach, &thin);
            rest = &base[..n_rest];
        }
        if !rest.is_empty() {
            let mut rest = rest.to_vec();
            sort_by(&mut rest, |&value| value);
            self.add_items(self.shift, &rest);
        }
        self.compress();
    }

    /// Add ascending items to a level.
    fn add_items(&mut self, level: u32, items: &[i64]) {
        let ours = self.level(level as usize);
        *ours = merged(ours, items);
    }

    /// Count an unfinished block, and drop what only updates need. Done by `merge`; do it before reading or keeping.
    pub fn freeze(&mut self) {
        if self.seen > 0 {
            let (value, count) = (self.chosen, std::mem::take(&mut self.seen));
            self.n -= count; // It was counted when it came.
            self.update_counted(&[(value, count)]);
        }
        self.flush();
        self.base = Vec::new();
        self.compress();
    }

    /// Add what `other` has seen.
    pub fn merge(&mut self, other: &Self) {
        self.freeze();
        if other.seen > 0 || !other.base.is_empty() {
            let mut other = other.clone();
            other.freeze();
            return self.merge(&other);
        }
        for (level, items) in other.levels.iter().enumerate() {
            let ours = self.level(level);
            *ours = merged(ours, items);
        }
        self.n = self.n.saturating_add(other.n);
        self.draws = self.draws.wrapping_add(other.draws);
        self.shift = self.shift.max(other.shift);
        self.compress();
    }

    fn overfull(&self) -> bool {
        let n_levels = self.levels.len();
        self.levels.iter().map(Vec::len).sum::<usize>() > (0..n_levels).map(|level| capacity(level, n_levels)).sum()
    }

    /// Halve the lowest level that is too full until all items together fit.
    fn compress(&mut self) {
        while self.overfull() && self.levels.len() < MOST_LEVELS {
            let n_levels = self.levels.len();
            let full = |level: &usize| self.levels[*level].len() > capacity(*level, n_levels).max(1);
            let Some(level) = (0..n_levels).find(full) else { return };
            let items = std::mem::take(&mut self.levels[level]);
            let bits = self.draw();
            // An odd item stays below: the first or the last one.
            let (kept, pairs) = match items.len() % 2 {
                0 => (None, &items[..]),
                _ if bits & 2 == 0 => (items.first().copied(), &items[1..]),
                _ => (items.last().copied(), &items[..items.len() - 1]),
            };
            let promoted: Vec<i64> = pairs.iter().skip((bits & 1) as usize).step_by(2).copied().collect();
            self.levels[level] = kept.into_iter().collect();
            let above = self.level(level + 1);
            *above = merged(above, &promoted);
        }
    }

    fn draw(&mut self) -> u64 {
        self.draws = self.draws.wrapping_add(1);
        hash_u64(self.draws)
    }

    /// Values seen.
    pub fn count(&self) -> u64 {
        self.n
    }

    /// Items in ascending order with what each of them counts for; the weights add up to `count`.
    pub fn items(&self) -> Vec<(i64, u64)> {
        let mut frozen = self.clone();
        frozen.freeze();
        let weighted = |(level, items): (usize, &Vec<i64>)| items.iter().map(move |&item| (item, 1 << level)).collect();
        let mut all: Vec<(i64, u64)> =
            frozen.levels.iter().enumerate().flat_map(|x| -> Vec<_> { weighted(x) }).collect();
        all.sort_by_key(|item| item.0); // Ascending runs: the sort merges them.
        all
    }

    /// Bytes of the summary.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// Read what `encode` wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("quantiles", bytes);
        let quantiles = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(quantiles)
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        if self.seen > 0 || !self.base.is_empty() {
            let mut frozen = self.clone();
            frozen.freeze();
            return frozen.write(out);
        }
        out.push(VERSION);
        put_varint(out, self.draws);
        put_varint(out, u64::from(self.shift));
        put_varint(out, self.levels.len() as u64);
        self.levels.iter().for_each(|items| put_varint(out, items.len() as u64));
        let low = self.common_zeros();
        let least = self.levels.iter().filter_map(|items| items.first()).min().copied().unwrap_or(0);
        out.push(low as u8);
        put_signed(out, least);
        for items in &self.levels {
            let before = std::iter::once(least).chain(items.iter().copied());
            put_rice(
                out,
                items.iter().zip(before).map(|(item, before)| (item >> low).wrapping_sub(before >> low) as u64),
            );
        }
        self.write_low(low, out);
    }

    /// Items that have other than zeros in their `low` lowest bits: how far apart they stand, and these bits where they
    /// are not those of the one before.
    fn write_low(&self, low: u32, out: &mut Vec<u8>) {
        let mask = (1_i64 << low) - 1;
        let (mut places, mut bits, mut next, mut last) = (Vec::new(), Vec::new(), 0, 0);
        for (at, item) in self.levels.iter().flatten().enumerate().filter(|(_, item)| *item & mask != 0) {
            let here = item & mask;
            places.push((at as u64 - next) << 1 | u64::from(here == last));
            if here != last {
                bits.push(here as u64);
            }
            (next, last) = (at as u64 + 1, here);
        }
        put_varint(out, places.len() as u64);
        put_rice(out, places.iter().copied());
        put_rice(out, bits.iter().copied());
    }

    /// How many low bits are zero in nearly all items: as many as make the bytes few.
    fn common_zeros(&self) -> u32 {
        let mut new = [0_i64; 65];
        let mut all = [0_i64; 65];
        for items in &self.levels {
            let mut last = None;
            for &item in items {
                let zeros = item.trailing_zeros() as usize;
                all[zeros] += 1;
                new[zeros] += i64::from(last != Some(item));
                last = Some(item);
            }
        }
        let n: i64 = all.iter().sum();
        let saved = |low: u32| {
            let odd: i64 = all[..low as usize].iter().sum();
            let different: i64 = new[..low as usize].iter().sum();
            n * i64::from(low) - 3 * odd - different * i64::from(low + 1)
        };
        (0..=MOST_LOW).max_by_key(|&low| (saved(low), std::cmp::Reverse(low))).unwrap_or(0)
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.version(VERSION)?;
        let (draws, shift) = (reader.varint()?, reader.varint()?);
        let n_levels = reader.count(1)?;
        if n_levels > MOST_LEVELS || shift > 40 {
            return Err(reader.corrupt("there are too many levels", MOST_LEVELS, n_levels.max(shift as usize)));
        }
        let lengths = (0..n_levels).map(|_| reader.varint()).collect::<Result<Vec<u64>>>()?;
        let (low, least) = (u32::from(reader.u8()?), reader.signed()?);
        let most = 8 * reader.rest().len() as u64;
        if low > MOST_LOW || lengths.iter().any(|&length| length > most) {
            return Err(reader.corrupt("there are too many items or low bits", most, low));
        }
        let mut quantiles = Self { draws, shift: shift as u32, ..Self::default() };
        for (level, &n) in lengths.iter().enumerate() {
            let mut high = least >> low;
            let mut items = Vec::with_capacity(n as usize);
            for step in rice(reader, n as usize)? {
                let next = high.checked_add_unsigned(step).filter(|high| (high << low) >> low == *high);
                high = next.ok_or_else(|| reader.corrupt("an item is out of range", "64 bits", step))?;
                items.push(high << low);
            }
            quantiles.n = quantiles.n.saturating_add(n.saturating_mul(1 << level));
            quantiles.levels.push(items);
        }
        quantiles.read_low(low, reader)?;
        Ok(quantiles)
    }

    fn read_low(&mut self, low: u32, reader: &mut Reader<'_>) -> Result<()> {
        let n_items: usize = self.levels.iter().map(Vec::len).sum();
        let n = reader.varint()?;
        if n > n_items as u64 {
            return Err(reader.corrupt("there are more low bits than items", n_items, n));
        }
        let places = rice(reader, n as usize)?;
        let mut bits = rice(reader, places.iter().filter(|place| **place & 1 == 0).count())?.into_iter();
        let mut items = self.levels.iter_mut().flatten();
        let mut here = 0;
        for place in places {
            if place & 1 == 0 {
                here = bits.next().unwrap_or(0) as i64;
            }
            match items.nth((place >> 1) as usize) {
                Some(item) if here >> low == 0 => *item |= here,
                _ => return Err(reader.corrupt("low bits belong to no item", n_items, place)),
            }
        }
        if self.levels.iter().all(|items| items.is_sorted()) {
            return Ok(());
        }
        Err(reader.corrupt("items do not ascend", "ascending items", "others"))
    }

    /// Drop low bits of the items as far as ranks hardly change, for a summary of a fifth of the size, which is what is
    /// stored. Items that occur more than once stay as they are, so that common values do.
    pub fn shrink(&mut self) {
        self.freeze();
        let items = self.items();
        let is_common = |at: usize| {
            let same = |other: Option<&(i64, u64)>| other.is_some_and(|other| other.0 == items[at].0);
            same(items.get(at + 1)) || at > 0 && same(items.get(at - 1))
        };
        let rare: Vec<(i64, u64)> = (0..items.len()).filter(|&at| !is_common(at)).map(|at| items[at]).collect();
        let common: Vec<i64> =
            items.chunk_by(|a, b| a.0 == b.0).filter(|same| same.len() > 1).map(|same| same[0].0).collect();
        let low = lowest_bits(&rare, self.n / TOGETHER);
        for items in &mut self.levels {
            for item in items.iter_mut().filter(|item| common.binary_search(item).is_err()) {
                *item &= -1 << low;
            }
            items.sort_unstable();
        }
    }
}

/// How many low bits ascending items can lose if those that become equal may weigh `most` together.
fn lowest_bits(items: &[(i64, u64)], most: u64) -> u32 {
    let (mut low, mut first, mut weight) = (MOST_LOW, 0, 0);
    for (at, item) in items.iter().enumerate() {
        weight += item.1;
        // The least that ends here and is too heavy.
        while first < at && weight - items[first].1 > most {
            weight -= items[first].1;
            first += 1;
        }
        // One item alone may weigh anything.
        let start = first.min(at.saturating_sub(1));
        if weight > most && start < at {
            low = low.min(63 - (items[start].0 ^ item.0).leading_zeros().min(63));
        }
    }
    low
}

/// Items that a level holds before it is halved.
fn capacity(level: usize, n_levels: usize) -> usize {
    let mut capacity = K;
    for _ in level + 1..n_levels {
        capacity = capacity * 2 / 3;
        if capacity <= LEAST_CAPACITY {
            return LEAST_CAPACITY;
        }
    }
    capacity
}
