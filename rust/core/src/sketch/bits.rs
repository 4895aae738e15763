//! A histogram of numbers by the leading bits of their `f64` form: sign, exponent and as many mantissa bits as fit.
//!
//! The bits of a float, read as an integer, ascend with the float; a cell holds the floats that share all bits above
//! `shift`. `shift` is the least that leaves at most [`BitHistogram::CAP`] occupied cells. So the state depends only on
//! the values seen, and merges are exact in any order. Cells are narrow where values are dense on a logarithmic scale,
//! and as fine as needed for values that hug one number (timestamps), with no regard to lone outliers. Columns of at
//! most 512 different values have one cell a value.
//!
//! Error: a value is known to lie within its cell. With mantissa bits b = 52 - shift, a cell spans at most 2^-b of its
//! value; 512 cells over 16 octaves leave b >= 4, hence at most 6.3 % of the value, over one octave b >= 8.

use super::BLOCK;
use super::codec::{Reader, put_signed, put_varint};
use super::rice::{put_rice, rice};
use super::vector::vectorised;
use crate::error::Result;

const VERSION: u8 = 1;

/// A non-empty cell: `count` values, none below `low` or above `high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// Least float of the cell.
    pub low: f64,
    /// Greatest float of the cell.
    pub high: f64,
    /// Values in the cell; above zero.
    pub count: u64,
}

/// Histogram over the finite values that it has seen; minus zero counts as zero.
#[derive(Clone, Debug, Default)]
pub struct BitHistogram {
    /// Low bits that a cell ignores, at most 63.
    shift: u32,
    /// Occupied cells and their counts, ascending, without those in the table.
    cells: Vec<(i64, u64)>,
    table: Option<Table>,
}

impl BitHistogram {
    /// Most occupied cells.
    pub const CAP: usize = 512;
    /// Most cells over which two histograms are compared.
    pub const SHARED: usize = 128;

    /// Add the finite ones among `values`.
    pub fn update(&mut self, values: &[f64]) {
        for block in values.chunks(BLOCK) {
            if block.iter().all(|value| value.is_finite()) {
                let mut keys = [0; BLOCK];
                keys_of(block, &mut keys);
                self.update_keys(&keys[..block.len()]);
            } else {
                self.update_block(block.iter().filter(|value| value.is_finite()).map(|&value| (key_of(value), 1)));
            }
        }
    }

    /// Add at most a block of finite values, by their keys.
    pub(crate) fn update_keys(&mut self, keys: &[i64]) {
        let (mut table, shift) = (self.open(), self.shift);
        table.add_keys(keys, shift);
        self.close(table);
    }

    /// Of finite values by their keys, which ascend, each with how often it occurs.
    pub(crate) fn of_counted(keys: Vec<(i64, u64)>) -> Self {
        let mut histogram = Self { cells: coarsen(keys, 0), ..Self::default() };
        histogram.fit();
        histogram
    }

    /// Add finite values with how often each occurs.
    pub fn update_counted(&mut self, values: &[(f64, u64)]) {
        for block in values.chunks(BLOCK) {
            let finite = block.iter().filter(|(value, count)| value.is_finite() && *count > 0);
            self.update_block(finite.map(|&(value, count)| (key_of(value), count)));
        }
    }

    #[inline]
    fn update_block(&mut self, block: impl Iterator<Item = (i64, u64)>) {
        let (mut table, shift) = (self.open(), self.shift);
        for (key, count) in block {
            table.add_near(key >> shift, count);
        }
        self.close(table);
    }

    fn open(&mut self) -> Table {
        self.table.take().unwrap_or_else(|| Table::of(std::mem::take(&mut self.cells)))
    }

    fn close(&mut self, mut table: Table) {
        if table.n_cells() > Self::CAP {
            self.cells = table.drain();
            self.fit();
            table.fill(std::mem::take(&mut self.cells));
        }
        self.table = Some(table);
    }

    /// Drop what only updates need. Done by `merge`; do it before reading cells or keeping a summary in memory.
    pub fn freeze(&mut self) {
        if let Some(mut table) = self.table.take() {
            self.cells = table.drain();
        }
    }

    /// Add what `other` has seen.
    pub fn merge(&mut self, other: &Self) {
        self.freeze();
        let theirs = other.frozen();
        let shift = self.shift.max(other.shift);
        let mut ours = coarsen(std::mem::take(&mut self.cells), shift - self.shift);
        ours.extend(coarsen(theirs, shift - other.shift));
        ours.sort_by_key(|&(cell, _)| cell); // Two ascending runs: the sort merges them.
        self.shift = shift;
        self.cells = coarsen(ours, 0);
        self.fit();
    }

    /// Raise `shift` by the least that brings the cells under the cap.
    fn fit(&mut self) {
        self.fit_under(Self::CAP);
    }

    fn fit_under(&mut self, cap: usize) {
        if self.cells.len() <= cap {
            return;
        }
        // Two neighbours stay apart while their highest differing bit is kept.
        let mut apart = [0_usize; 65];
        for pair in self.cells.windows(2) {
            apart[64 - (pair[0].0 ^ pair[1].0).leading_zeros() as usize] += 1;
        }
        let mut occupied = self.cells.len();
        let mut more = 0;
        while occupied > cap && more < 64 {
            more += 1;
            occupied -= apart[more];
        }
        self.shift += more as u32;
        self.cells = coarsen(std::mem::take(&mut self.cells), more as u32);
    }

    fn frozen(&self) -> Vec<(i64, u64)> {
        self.table.as_ref().map_or_else(|| self.cells.clone(), |table| table.clone().drain())
    }

    /// Number of values.
    pub fn count(&self) -> u64 {
        self.frozen().iter().fold(0, |sum, &(_, count)| sum.saturating_add(count))
    }

    /// The non-empty cells in ascending order. With `integral`, bounds are drawn in to the next integer: for
    /// histograms of integers only.
    pub fn cells(&self, integral: bool) -> Vec<Cell> {
        let bounds = |cell: i64| {
            let low = cell << self.shift;
            let (low, high) = (value_of(low), value_of(low | !(-1_i64 << self.shift)));
            if integral { (low.ceil(), high.floor().max(low.ceil())) } else { (low, high) }
        };
        let cell = |(cell, count)| {
            let (low, high) = bounds(cell);
            Cell { low, high, count }
        };
        self.frozen().into_iter().map(cell).collect()
    }

    /// Counts of two histograms over the cells that both share: (low, high, count of `a`, count of `b`), ascending. At
    /// most [`BitHistogram::SHARED`] cells, so that counts of few values do not differ by chance alone in all of them.
    pub fn shared(a: &Self, b: &Self, integral: bool) -> Vec<(f64, f64, u64, u64)> {
        let (ours, theirs) = (a.frozen(), b.frozen());
        let mut both = Self { shift: a.shift.max(b.shift), cells: Vec::new(), table: None };
        both.cells = coarsen(ours.clone(), both.shift - a.shift);
        both.cells.extend(coarsen(theirs.clone(), both.shift - b.shift));
        both.cells.sort_by_key(|&(cell, _)| cell);
        both.cells = coarsen(std::mem::take(&mut both.cells), 0);
        both.fit_under(Self::SHARED);
        let (ours, theirs) = (coarsen(ours, both.shift - a.shift), coarsen(theirs, both.shift - b.shift));
        let count = |cells: &[(i64, u64)], cell: i64| match cells.binary_search_by_key(&cell, |&(cell, _)| cell) {
            Ok(at) => cells[at].1,
            Err(_) => 0,
        };
        let bounds = both.cells(integral);
        let counts = both.cells.iter().map(|&(cell, _)| (count(&ours, cell), count(&theirs, cell)));
        bounds.iter().zip(counts).map(|(cell, (a, b))| (cell.low, cell.high, a, b)).collect()
    }

    /// Bytes of the summary: equal values, in any order, have equal bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// Read what `encode` wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("bit histogram", bytes);
        let histogram = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(histogram)
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let cells = self.frozen();
        out.extend([VERSION, self.shift as u8]);
        put_varint(out, cells.len() as u64);
        put_signed(out, cells.first().map_or(0, |cell| cell.0));
        put_rice(out, cells.windows(2).map(|pair| pair[1].0.wrapping_sub(pair[0].0) as u64 - 1));
        put_rice(out, cells.iter().map(|cell| cell.1 - 1));
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.version(VERSION)?;
        let (shift, n) = (u32::from(reader.u8()?), reader.varint()?);
        if shift > 63 || n > Self::CAP as u64 {
            return Err(reader.corrupt("the shift or the number of cells is too large", Self::CAP, n));
        }
        let first = reader.signed()?;
        let steps = rice(reader, (n as usize).saturating_sub(1))?;
        let counts = rice(reader, n as usize)?;
        let mut cells = Vec::with_capacity(counts.len());
        let mut at = Some(first);
        for (position, count) in counts.into_iter().enumerate() {
            if position > 0 {
                let step = steps[position - 1];
                at = at.and_then(|at| at.checked_add_unsigned(step)?.checked_add(1));
            }
            let (Some(cell), Some(count)) = (at.filter(|at| (at << shift) >> shift == *at), count.checked_add(1))
            else {
                return Err(reader.corrupt("a cell is out of range", "64 bits", position));
            };
            cells.push((cell, count));
        }
        Ok(Self { shift, cells, table: None })
    }
}

vectorised! { fn keys_of(values: &[f64], keys: &mut [i64; BLOCK]) -> () = keys_each }

/// `key_of` of at most a block of values.
#[inline(always)]
#[allow(clippy::inline_always)] // As `vectorised` asks.
fn keys_each(values: &[f64], keys: &mut [i64; BLOCK]) {
    for (key, &value) in keys.iter_mut().zip(values) {
        *key = key_of(value);
    }
}

/// An integer that ascends with the value.
#[inline]
pub(crate) fn key_of(value: f64) -> i64 {
    let bits = (value + 0.0).to_bits() as i64; // Adding zero turns minus zero into zero.
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// The float of a key; beyond the finite ones, the outermost.
pub(crate) fn value_of(key: i64) -> f64 {
    let key = key.clamp(key_of(f64::MIN), key_of(f64::MAX));
    f64::from_bits((key ^ (((key >> 63) as u64) >> 1) as i64) as u64)
}

/// Drop `more` low bits of ascending cells and add up those that become one.
fn coarsen(mut cells: Vec<(i64, u64)>, more: u32) -> Vec<(i64, u64)> {
    for cell in &mut cells {
        cell.0 >>= more.min(63);
    }
    cells.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 = kept.1.saturating_add(next.1);
        }
        same
    });
    cells
}

/// Cells that lie close to the first one of their sign, counted by position: first the negative ones, then the others.
#[derive(Clone, Debug, Default)]
struct Near {
    bases: [i64; 2],
    counts: Vec<u64>,
    is_started: [bool; 2],
    /// Cells that are not empty.
    len: usize,
}

/// Cells of each sign that lie near.
const NEAR: usize = 2048;
/// The position of what does not lie near, which has a count too.
const FAR: usize = 2 * NEAR;

impl Near {
    /// Count a cell if it lies near.
    #[inline]
    fn add(&mut self, cell: i64, count: u64) -> bool {
        let sign = usize::from(cell >= 0);
        if !self.is_started[sign] {
            self.start(cell);
        }
        let at = cell.wrapping_sub(self.bases[sign]) as u64;
        if at >= NEAR as u64 {
            return false;
        }
        let place = &mut self.counts[at as usize + NEAR * sign];
        self.len += usize::from(*place == 0);
        *place = place.saturating_add(count);
        true
    }

    /// Let near be where this cell is.
    #[cold]
    fn start(&mut self, cell: i64) {
        let sign = usize::from(cell >= 0);
        self.bases[sign] = cell.saturating_sub(NEAR as i64 / 2);
        self.is_started[sign] = true;
        self.counts.resize(FAR + 1, 0);
    }

    fn drain_into(&mut self, cells: &mut Vec<(i64, u64)>) {
        if self.len > 0 {
            let bases = self.bases;
            let filled = self.counts.iter_mut().enumerate().filter(|(_, count)| **count > 0);
            cells.extend(filled.map(|(at, count)| (bases[at / NEAR] + (at % NEAR) as i64, std::mem::take(count))));
        }
        (self.len, self.is_started) = (0, [false; 2]);
    }
}

vectorised! { fn find_places(keys: &[i64], shift: u32, near: (&[i64; 2], &[bool; 2]), places: &mut [u16; BLOCK]) -> () = places_each }

/// Positions of keys near these cells.
#[inline(always)]
#[allow(clippy::inline_always)] // As `vectorised` asks.
fn places_each(keys: &[i64], shift: u32, (bases, is_started): (&[i64; 2], &[bool; 2]), places: &mut [u16; BLOCK]) {
    let sign = usize::from(is_started[1]);
    if is_started[1 - sign] {
        for (place, &key) in places.iter_mut().zip(keys) {
            let cell = key >> shift;
            let (base, start) = if cell < 0 { (bases[0], 0) } else { (bases[1], NEAR) };
            let at = cell.wrapping_sub(base) as u64;
            *place = if at < NEAR as u64 { at as u16 + start as u16 } else { FAR as u16 };
        }
    } else {
        let (base, start) = (bases[sign], (NEAR * sign) as u16);
        for (place, &key) in places.iter_mut().zip(keys) {
            let at = (key >> shift).wrapping_sub(base) as u64;
            *place = if at < NEAR as u64 { at as u16 + start } else { FAR as u16 };
        }
    }
}

vectorised! { fn occupied(counts: &[u64]) -> usize = occupied_each }

#[inline(always)]
#[allow(clippy::inline_always)] // As `vectorised` asks.
fn occupied_each(counts: &[u64]) -> usize {
    counts.iter().map(|&count| u64::from(count > 0)).sum::<u64>() as usize
}

/// Cells and their counts: most by position near the first one of their sign, the others by open addressing, where count
/// 0 marks a free slot. There is room for the cap and one block more.
#[derive(Clone, Debug)]
struct Table {
    slots: Vec<(i64, u64)>,
    len: usize,
    near: Near,
}

impl Table {
    fn of(cells: Vec<(i64, u64)>) -> Self {
        let mut table = Self { slots: Vec::new(), len: 0, near: Near::default() };
        table.fill(cells);
        table
    }

    fn fill(&mut self, cells: Vec<(i64, u64)>) {
        let room = (2 * cells.len()).next_power_of_two().max(64);
        self.slots.clear();
        self.slots.resize(room, (0, 0));
        self.len = 0;
        let heaviest = |negative: bool| cells.iter().filter(|cell| (cell.0 < 0) == negative).max_by_key(|cell| cell.1);
        for &(cell, _) in [true, false].into_iter().filter_map(heaviest) {
            self.near.start(cell);
        }
        for (cell, count) in cells {
            self.add_near(cell, count);
        }
    }

    fn n_cells(&self) -> usize {
        self.len + self.near.len
    }

    /// Count a cell wherever it belongs.
    #[inline]
    fn add_near(&mut self, cell: i64, count: u64) {
        if !self.near.add(cell, count) {
            self.add(cell, count);
        }
    }

    /// Count at most a block of keys.
    fn add_keys(&mut self, keys: &[i64], shift: u32) {
        let Some(&first) = keys.first() else { return };
        if self.near.is_started == [false; 2] {
            self.near.start(first >> shift);
        }
        let mut places = [0; BLOCK];
        find_places(keys, shift, (&self.near.bases, &self.near.is_started), &mut places);
        let Some(counts) = self.near.counts.first_chunk_mut::<{ FAR + 1 }>() else { return };
        // Without a branch: of a histogram's outer cells nobody foresees when they come.
        let places = &places[..keys.len()];
        for &place in places {
            counts[usize::from(place).min(FAR)] += 1;
        }
        let n_far = std::mem::take(&mut counts[FAR]);
        self.near.len = occupied(&counts[..FAR]);
        if n_far > 0 {
            let far = keys.iter().zip(places).filter(|(_, place)| usize::from(**place) == FAR);
            far.for_each(|(&key, _)| self.add_near(key >> shift, 1));
        }
    }

    #[inline]
    fn add(&mut self, cell: i64, count: u64) {
        let mask = self.slots.len() - 1;
        let mut at = ((cell as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize & mask;
        loop {
            let slot = &mut self.slots[at];
            if slot.1 == 0 {
                *slot = (cell, count);
                self.len += 1;
                if self.len * 2 > self.slots.len() {
                    self.grow();
                }
                return;
            }
            if slot.0 == cell {
                slot.1 = slot.1.saturating_add(count);
                return;
            }
            at = (at + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let room = 2 * self.slots.len();
        let cells = std::mem::replace(&mut self.slots, vec![(0, 0); room]);
        self.len = 0;
        for (cell, count) in cells.into_iter().filter(|slot| slot.1 > 0) {
            self.add(cell, count);
        }
    }

    /// All cells in ascending order; the table is empty afterwards.
    fn drain(&mut self) -> Vec<(i64, u64)> {
        let mut cells: Vec<_> = self.slots.iter().copied().filter(|slot| slot.1 > 0).collect();
        self.near.drain_into(&mut cells);
        cells.sort_unstable_by_key(|&(cell, _)| cell);
        // A cell that was counted before its surroundings were near stands twice.
        let cells = coarsen(cells, 0);
        self.slots.clear();
        self.len = 0;
        cells
    }
}
