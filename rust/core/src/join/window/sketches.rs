//! Estimates over ranges of the values of a group, from mergeable sketches of blocks of values.
//!
//! Memory has a bound whatever the number of values: at most [`MOST_BLOCKS`] sketches of blocks, an eighth of that of blocks
//! of blocks, and the one of the range that is asked for. A sketch takes 32 KiB at most.

use super::super::keys::RowKeys;
use crate::sketch::{Distinct, Quantiles};

/// Values of a block at least, and blocks at most.
const LEAST_BLOCK: usize = 4096;
const MOST_BLOCKS: usize = 256;
const FAN: usize = 8;

/// A summary of values that can be merged.
pub(super) trait Sketch: Default {
    fn merge(&mut self, other: &Self);
    /// Drop what only updates need.
    fn freeze(&mut self);
}

impl Sketch for Distinct {
    fn merge(&mut self, other: &Self) {
        Self::merge(self, other);
    }

    fn freeze(&mut self) {
        Self::freeze(self);
    }
}

impl Sketch for Quantiles {
    fn merge(&mut self, other: &Self) {
        Self::merge(self, other);
    }

    fn freeze(&mut self) {
        Self::freeze(self);
    }
}

/// Sketches of blocks of values, of blocks of those, and so on.
pub(super) struct Blocks<S, A> {
    size: usize,
    levels: Vec<Vec<S>>,
    add: A,
}

impl<S: Sketch, A: Fn(&mut S, usize, usize)> Blocks<S, A> {
    /// Of `n` values; `add` adds a range of them to a sketch.
    pub(super) fn of(n: usize, add: A) -> Self {
        let size = LEAST_BLOCK.max(n.div_ceil(MOST_BLOCKS));
        let block = |at: usize| {
            let mut sketch = S::default();
            add(&mut sketch, at * size, (at + 1) * size);
            sketch.freeze();
            sketch
        };
        let mut levels: Vec<Vec<S>> = vec![(0..n / size).map(block).collect()];
        while levels[levels.len() - 1].len() > FAN {
            let level = levels[levels.len() - 1].chunks_exact(FAN).map(merged).collect();
            levels.push(level);
        }
        Self { size, levels, add }
    }

    /// The sketch of a range.
    pub(super) fn range(&self, start: usize, end: usize) -> S {
        let (mut at, last) = (start.div_ceil(self.size), end / self.size);
        let mut sketch = S::default();
        if at >= last {
            (self.add)(&mut sketch, start, end);
            return sketch;
        }
        (self.add)(&mut sketch, start, at * self.size);
        while at < last {
            // The largest block that starts here and ends within the range.
            let fits = |level: &usize| at.is_multiple_of(FAN.pow(*level as u32)) && at + FAN.pow(*level as u32) <= last;
            let level = (0..self.levels.len()).take_while(fits).last().unwrap_or(0);
            let width = FAN.pow(level as u32);
            sketch.merge(&self.levels[level][at / width]);
            at += width;
        }
        (self.add)(&mut sketch, last * self.size, end);
        sketch
    }
}

fn merged<S: Sketch>(parts: &[S]) -> S {
    let mut whole = S::default();
    for part in parts {
        whole.merge(part);
    }
    whole.freeze();
    whole
}

/// How many different values ranges of `rows` hold: exact up to [`Distinct::CAP`] of them, estimated beyond.
pub(super) fn distinct<'a>(keys: &'a RowKeys, rows: &'a [u32]) -> impl Fn(usize, usize) -> i64 + 'a {
    let blocks = Blocks::of(rows.len(), |sketch: &mut Distinct, start, end| {
        rows[start..end].iter().for_each(|&row| sketch.insert(keys.hash(row as usize)));
    });
    move |start, end| blocks.range(start, end).count() as i64
}

/// The value at a share of all values of a range by rank, within [`Quantiles::RANK_ERROR`] of it.
pub(super) fn quantile(floats: &[f64], share: f64) -> impl Fn(usize, usize) -> f64 + '_ {
    let blocks = Blocks::of(floats.len(), |sketch: &mut Quantiles, start, end| {
        let mut places = [0; 1024];
        for part in floats[start..end].chunks(places.len()) {
            places.iter_mut().zip(part).for_each(|(place, &value)| *place = to_ordered(value));
            sketch.update(&places[..part.len()]);
        }
    });
    move |start, end| {
        let sketch = blocks.range(start, end);
        let rank = ((share * sketch.count() as f64).ceil() as u64).clamp(1, sketch.count().max(1));
        let mut seen = 0;
        let reached = |&(_, weight): &(i64, u64)| {
            seen += weight;
            seen >= rank
        };
        sketch.items().into_iter().find(reached).map_or(f64::NAN, |(place, _)| from_ordered(place))
    }
}

/// The place of a float in the total order of floats.
fn to_ordered(value: f64) -> i64 {
    let bits = value.to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// The float at a place in the total order of floats.
pub(super) fn from_ordered(place: i64) -> f64 {
    f64::from_bits((place ^ (((place >> 63) as u64) >> 1) as i64) as u64)
}
