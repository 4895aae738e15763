//! Values of one column on their way into its statistics: gathered into blocks, then summed and counted.
//!
//! As long as all values are counted, histogram and quantiles follow from the counts. Before the counts get too many to
//! be exact they spill: what was counted goes into both summaries, and from then on every value does.

use std::cell::RefCell;

use super::column::ColumnStatistics;
use super::scalar::{Bound, Scalar};
use crate::sketch::{
    BLOCK, BitHistogram, Frequent, FrequentValue, Opening, Outlook, hash_all, hash_u64, key_of, sort_counted,
    vectorised,
};

thread_local! {
    /// Room for a block of values as they are counted, of keys and of hashes: to clear it each time would cost time.
    static COUNTED: RefCell<Box<[u64; BLOCK]>> = RefCell::new(Box::new([0; BLOCK]));
    static KEYS: RefCell<Box<[i64; BLOCK]>> = RefCell::new(Box::new([0; BLOCK]));
    static HASHES: RefCell<Box<[u64; BLOCK]>> = RefCell::new(Box::new([0; BLOCK]));
}

/// A value of a numeric lane: every numeric column is widened to one of these.
pub(super) trait Number: Copy + Default {
    /// Add one block of values to the statistics; `window` may hold back counts until the next block or `flush`.
    fn add(block: &[Self], window: &mut Window, statistics: &mut ColumnStatistics);

    /// Add at most a block of values as they are counted to histogram and quantiles.
    fn distribute(_counted: &[u64], _statistics: &mut ColumnStatistics) {}
}

/// Values that wait for their block to fill up, so that the statistics do not depend on where batches end.
pub(super) struct Block<T> {
    values: Vec<T>,
    window: Window,
}

impl<T: Number> Block<T> {
    pub(super) fn new() -> Self {
        Self { values: Vec::new(), window: Window::default() }
    }

    /// Add values, widened by `widen`.
    #[inline]
    pub(super) fn extend<U: Copy>(&mut self, mut rest: &[U], widen: impl Fn(U) -> T, into: &mut ColumnStatistics) {
        while !rest.is_empty() {
            let (now, later) = rest.split_at((BLOCK - self.values.len()).min(rest.len()));
            self.values.extend(now.iter().map(|&value| widen(value)));
            if self.values.len() == BLOCK {
                self.add(into);
            }
            rest = later;
        }
    }

    /// Add values as they are: whole blocks where they lie.
    #[inline]
    pub(super) fn extend_same(&mut self, values: &[T], into: &mut ColumnStatistics) {
        let start = (BLOCK - self.values.len()) % BLOCK;
        let (first, rest) = values.split_at(start.min(values.len()));
        self.extend(first, |value| value, into);
        let mut blocks = rest.chunks_exact(BLOCK);
        for block in &mut blocks {
            T::add(block, &mut self.window, into);
        }
        self.extend(blocks.remainder(), |value| value, into);
    }

    fn add(&mut self, into: &mut ColumnStatistics) {
        T::add(&self.values, &mut self.window, into);
        self.values.clear();
    }

    /// Add what waits.
    pub(super) fn flush(&mut self, into: &mut ColumnStatistics) {
        if !self.values.is_empty() {
            self.add(into);
        }
        self.window.close::<T>(into);
        self.window.flush(into);
    }
}

/// Counts of integers that lie close to each other, so that each of them is hashed once and not at every row.
#[derive(Default)]
pub(super) struct Window {
    /// Whether histogram and quantiles get every value.
    spilled: bool,
    /// Least integer of the window; its counts are empty until it is in use.
    least: i64,
    counts: Vec<u64>,
    /// Values that it holds.
    n: u64,
    /// Whether it had to move on before its values recurred: then counting each one as it comes costs less.
    in_vain: bool,
    /// The first values that it does not hold.
    opening: Opening,
}

impl Window {
    const LEN: u64 = 4096;

    fn holds(&self, value: i64) -> bool {
        value >= self.least && value.abs_diff(self.least) < Self::LEN
    }

    /// Count the values of a block with these bounds, unless they are too far from each other.
    fn count(&mut self, block: &[i64], min: i64, max: i64, statistics: &mut ColumnStatistics) -> bool {
        let is_in = !self.counts.is_empty() && self.holds(min) && self.holds(max);
        if !is_in && (self.in_vain || max.abs_diff(min) >= Self::LEN / 2) {
            return false;
        }
        if !is_in {
            let n = self.n;
            self.in_vain = 2 * self.flush(statistics) as u64 > n;
            // In the middle, since later blocks may reach farther on both sides.
            self.least = min.saturating_sub(((Self::LEN - max.abs_diff(min)) / 2) as i64);
            self.counts.resize(Self::LEN as usize, 0);
        }
        self.n += block.len() as u64;
        let counts = &mut self.counts[..Self::LEN as usize];
        let first = (min.wrapping_sub(self.least) as u64 % Self::LEN) as usize;
        if let (Some(near), true) = (counts[first..].first_chunk_mut::<FEW>(), max.abs_diff(min) < FEW as u64) {
            near.iter_mut().zip(count_few(block, min)).for_each(|(place, count)| *place += count);
        } else {
            for &value in block {
                counts[(value.wrapping_sub(self.least) as u64 % Self::LEN) as usize] += 1;
            }
        }
        true
    }

    /// Count what it holds; gives the number of different values.
    fn flush(&mut self, statistics: &mut ColumnStatistics) -> usize {
        if self.counts.is_empty() {
            return 0;
        }
        self.close::<i64>(statistics);
        self.n = 0;
        let held = |(offset, count): (usize, &mut u64)| (self.least.wrapping_add(offset as i64), std::mem::take(count));
        let counts: Vec<(i64, u64)> =
            self.counts.iter_mut().enumerate().filter(|(_, count)| **count > 0).map(held).collect();
        self.spill(statistics, counts.len());
        for &(value, count) in &counts {
            count_fixed(value as u64, count, statistics);
        }
        if self.spilled {
            let floats: Vec<(f64, u64)> = counts.iter().map(|&(value, count)| (value as f64, count)).collect();
            statistics.bits.update_counted(&floats);
            statistics.quantiles.update_counted(&counts);
        }
        counts.len()
    }

    pub(super) fn is_spilled(&self) -> bool {
        self.spilled
    }

    /// Count values, at most a block: of the first ones wait to see whether more differ than can be counted exactly.
    fn add<T: Number>(&mut self, values: &[u64], statistics: &mut ColumnStatistics) {
        let content = statistics.content;
        let is_first = statistics.frequent.len() == 0 && !self.spilled && content.top_values;
        if !self.opening.is_open() || !is_first {
            return self.add_now::<T>(values, statistics);
        }
        let outlook = HASHES.with_borrow_mut(|hashes| {
            hash_all(values, hashes);
            self.opening.add(values, &hashes[..values.len()]);
            self.opening.outlook()
        });
        match outlook {
            Outlook::Open => {}
            Outlook::Few => self.close::<T>(statistics),
            Outlook::Many => {
                let opening = self.opening.end();
                statistics.frequent.open(&opening);
                self.spilled = content.quantiles;
                if content.quantiles {
                    distribute_first::<T>(opening.values(), statistics);
                }
                if content.distinct {
                    statistics.distinct.fill(opening.into_hashes());
                }
            }
        }
    }

    /// Count the values that wait.
    fn close<T: Number>(&mut self, statistics: &mut ColumnStatistics) {
        let opening = self.opening.end();
        opening.values().chunks(BLOCK).for_each(|values| self.add_now::<T>(values, statistics));
    }

    fn add_now<T: Number>(&mut self, values: &[u64], statistics: &mut ColumnStatistics) {
        self.spill(statistics, values.len());
        if self.spilled {
            T::distribute(values, statistics);
        }
        count_all(values, statistics);
    }

    /// Let histogram and quantiles get every value if `n` more values may be too many to be counted.
    pub(super) fn spill(&mut self, statistics: &mut ColumnStatistics, n: usize) {
        let content = statistics.content;
        let fits =
            content.top_values && statistics.frequent.is_exact() && statistics.frequent.len() + n <= Frequent::CAP;
        if self.spilled || fits || !content.quantiles {
            return;
        }
        self.spilled = true;
        if statistics.is_counted_exactly() {
            (statistics.bits, statistics.quantiles) = statistics.counted_distribution();
        }
    }
}

/// Integers of a block of which each is looked for: to count up the same place again and again has to wait for itself.
const FEW: usize = 4;

vectorised! { fn count_few(block: &[i64], min: i64) -> [u64; FEW] = count_each }

#[inline(always)]
#[allow(clippy::inline_always)] // As `vectorised` asks.
fn count_each(block: &[i64], min: i64) -> [u64; FEW] {
    let mut counts = [0; FEW];
    for (count, offset) in counts.iter_mut().zip(0..) {
        let wanted = min.wrapping_add(offset);
        *count = block.iter().map(|&value| u64::from(value == wanted)).sum();
    }
    counts
}

vectorised! { fn ends_of(block: &[i64]) -> (i64, i64) = ends_each }

/// Least and greatest integer of a block, which is not empty.
#[inline(always)]
#[allow(clippy::inline_always)] // As `vectorised` asks.
fn ends_each(block: &[i64]) -> (i64, i64) {
    block.iter().fold((i64::MAX, i64::MIN), |(min, max), &value| (min.min(value), max.max(value)))
}

vectorised! { fn integer_keys(counted: &[u64], keys: &mut [i64; BLOCK]) -> () = integer_keys_each }

/// `key_of` of a block of integers as floats.
#[inline(always)]
#[allow(clippy::inline_always)] // As `vectorised` asks.
fn integer_keys_each(counted: &[u64], keys: &mut [i64; BLOCK]) {
    for (key, &bits) in keys.iter_mut().zip(counted) {
        *key = key_of(bits as i64 as f64);
    }
}

vectorised! { fn forms_of(block: &[f64], counted: &mut [u64; BLOCK]) -> bool = forms_each }

/// The bits of a block of floats as they are counted; whether none is NaN.
#[inline(always)]
#[allow(clippy::inline_always)] // As `vectorised` asks.
fn forms_each(block: &[f64], counted: &mut [u64; BLOCK]) -> bool {
    let mut all = true;
    for (bits, &value) in counted.iter_mut().zip(block) {
        // Adding zero turns minus zero into zero.
        *bits = (value + 0.0).to_bits();
        // Without a way out in the middle, so that vectors do it.
        all &= !value.is_nan();
    }
    all
}

vectorised! { fn float_keys(counted: &[u64], keys: &mut [i64; BLOCK]) -> bool = float_keys_each }

/// The keys of a block of floats; whether all are finite.
#[inline(always)]
#[allow(clippy::inline_always)] // As `vectorised` asks.
fn float_keys_each(counted: &[u64], keys: &mut [i64; BLOCK]) -> bool {
    let mut all = true;
    for (key, &bits) in keys.iter_mut().zip(counted) {
        let value = f64::from_bits(bits);
        *key = key_of(value);
        all &= value.is_finite();
    }
    all
}

/// Add the first values to histogram and quantiles, which are empty.
fn distribute_first<T: Number>(values: &[u64], statistics: &mut ColumnStatistics) {
    let (first, rest) = values.split_at(BLOCK.min(values.len()));
    let is_finite = |value: &u64| statistics.float(FrequentValue::Fixed(*value)).is_finite();
    let key = |&value: &u64| (statistics.key(FrequentValue::Fixed(value)), 1);
    // In order they tell how fine the histogram is going to be at most.
    let mut keys: Vec<(i64, u64)> = first.iter().filter(|value| is_finite(value)).map(key).collect();
    sort_counted(&mut keys);
    statistics.quantiles.update_counted(&keys);
    for (key, _) in &mut keys {
        *key = key_of(statistics.float_of(*key));
    }
    statistics.bits = BitHistogram::of_counted(keys);
    rest.chunks(BLOCK).for_each(|values| T::distribute(values, statistics));
}

impl Number for f64 {
    fn add(block: &[Self], window: &mut Window, statistics: &mut ColumnStatistics) {
        let content = statistics.content;
        if content.moments {
            statistics.moments.update_floats(block);
        }
        if !content.distinct && !content.top_values && !content.quantiles {
            return;
        }
        COUNTED.with_borrow_mut(|counted| {
            let mut n = block.len();
            if !forms_of(block, counted) {
                n = 0;
                for &value in block.iter().filter(|value| !value.is_nan()) {
                    counted[n] = (value + 0.0).to_bits();
                    n += 1;
                }
            }
            window.add::<Self>(&counted[..n], statistics);
        });
    }

    fn distribute(counted: &[u64], statistics: &mut ColumnStatistics) {
        KEYS.with_borrow_mut(|keys| {
            let mut n = counted.len();
            if !float_keys(counted, keys) {
                n = 0;
                for value in counted.iter().map(|&bits| f64::from_bits(bits)).filter(|value| value.is_finite()) {
                    keys[n] = key_of(value);
                    n += 1;
                }
            }
            statistics.bits.update_keys(&keys[..n]);
            statistics.quantiles.update(&keys[..n]);
        });
    }
}

impl Number for i64 {
    fn add(block: &[Self], window: &mut Window, statistics: &mut ColumnStatistics) {
        if statistics.content.moments {
            statistics.moments.update_integers(block);
        }
        let content = statistics.content;
        let is_distinct_alone = !content.moments && !content.top_values && !content.quantiles;
        if !is_distinct_alone {
            let (min, max) = ends_of(block);
            statistics.add_bounds(Some(Bound::exact(Scalar::Int(min))), Some(Bound::exact(Scalar::Int(max))));
            if window.count(block, min, max, statistics) {
                return;
            }
        }
        COUNTED.with_borrow_mut(|counted| {
            for (place, &value) in counted.iter_mut().zip(block) {
                *place = value as u64;
            }
            if is_distinct_alone {
                count_all(&counted[..block.len()], statistics);
            } else {
                window.add::<Self>(&counted[..block.len()], statistics);
            }
        });
    }

    fn distribute(counted: &[u64], statistics: &mut ColumnStatistics) {
        KEYS.with_borrow_mut(|keys| {
            integer_keys(counted, keys);
            statistics.bits.update_keys(&keys[..counted.len()]);
            for (key, &bits) in keys.iter_mut().zip(counted) {
                *key = bits as i64;
            }
            statistics.quantiles.update(&keys[..counted.len()]);
        });
    }
}

impl Number for u64 {
    fn add(block: &[Self], window: &mut Window, statistics: &mut ColumnStatistics) {
        if statistics.content.moments {
            statistics.moments.update_integers(block);
        }
        add_bounds(block, Scalar::UInt, statistics);
        window.add::<Self>(block, statistics);
    }

    fn distribute(counted: &[u64], statistics: &mut ColumnStatistics) {
        add_floats(counted, |value| value as f64, statistics);
        add_keys(counted.iter().map(|&value| (value ^ (1 << 63)) as i64), statistics);
    }
}

/// Widen the bounds of the column by those of a block.
pub(super) fn add_bounds<T: Copy + Ord>(block: &[T], scalar: impl Fn(T) -> Scalar, statistics: &mut ColumnStatistics) {
    let bound = |value: Option<&T>| value.map(|&value| Bound::exact(scalar(value)));
    statistics.add_bounds(bound(block.iter().min()), bound(block.iter().max()));
}

/// Add a block to the histogram.
pub(super) fn add_floats<T: Copy>(block: &[T], float: impl Fn(T) -> f64, statistics: &mut ColumnStatistics) {
    let mut floats = [0.0; BLOCK];
    for (place, &value) in floats.iter_mut().zip(block) {
        *place = float(value);
    }
    statistics.bits.update(&floats[..block.len()]);
}

/// Add at most a block to the quantiles.
pub(super) fn add_keys(values: impl Iterator<Item = i64>, statistics: &mut ColumnStatistics) {
    let mut keys = [0; BLOCK];
    let mut n = 0;
    for (place, value) in keys.iter_mut().zip(values) {
        *place = value;
        n += 1;
    }
    statistics.quantiles.update(&keys[..n]);
}

/// Count values of eight bytes, at most a block.
fn count_all(values: &[u64], statistics: &mut ColumnStatistics) {
    let content = statistics.content;
    if !content.top_values && !content.distinct {
        return;
    }
    if !content.top_values {
        return statistics.distinct.insert_fixed(values);
    }
    HASHES.with_borrow_mut(|hashes| {
        hash_all(values, hashes);
        let was_exact = statistics.frequent.is_exact();
        let n_exact = statistics.frequent.update_all_fixed(values, &hashes[..values.len()]);
        if content.distinct && !statistics.frequent.is_exact() {
            if was_exact {
                statistics.distinct.fill(statistics.frequent.take_last_exact());
            }
            statistics.distinct.insert_all(&hashes[n_exact..values.len()]);
        }
    });
}

/// Count a value of eight bytes. The distinct ones are those of the frequent ones while these are exact.
#[inline]
fn count_fixed(value: u64, count: u64, statistics: &mut ColumnStatistics) {
    let hash = hash_u64(value);
    let was_exact = statistics.frequent.is_exact();
    if statistics.content.top_values {
        statistics.frequent.update_fixed(hash, value, count);
    }
    count_distinct(hash, was_exact, statistics);
}

/// Count a value as distinct once the frequent ones do not tell any more; then those that they told too.
#[inline]
fn count_distinct(hash: u64, was_exact: bool, statistics: &mut ColumnStatistics) {
    if !statistics.content.distinct || statistics.content.top_values && statistics.frequent.is_exact() {
        return;
    }
    if was_exact && statistics.content.top_values {
        statistics.distinct.fill(statistics.frequent.take_last_exact());
    }
    statistics.distinct.insert(hash);
}

/// Count a byte string; whether it may be one not seen before.
pub(super) fn count_bytes(hash: u64, value: &[u8], count: u64, statistics: &mut ColumnStatistics) -> bool {
    let was_exact = statistics.frequent.is_exact();
    let may_be_new = !statistics.content.top_values || statistics.frequent.update_bytes(hash, value, count);
    count_distinct(hash, was_exact, statistics);
    may_be_new
}
