//! Folds of ranges of values: short ranges value by value, long ones with the folds of whole blocks, of blocks of blocks and
//! so on. Nothing is ever subtracted, so a sum of floats knows no error from values outside of its range.

use std::borrow::Borrow;
use std::cmp::Ordering;

/// Values in a block, and blocks in a block of blocks.
const FAN: usize = 64;

/// How values are folded; `merge` is associative up to rounding.
pub(super) trait Fold {
    type Node: Copy + Send;
    /// The fold of values `start..end`.
    fn values(&self, start: usize, end: usize) -> Self::Node;
    fn merge(&self, a: Self::Node, b: Self::Node) -> Self::Node;
}

/// Folds of blocks of values, level by level.
pub(super) type Levels<N> = Vec<Vec<N>>;

/// Folds of blocks of `n` values.
pub(super) struct Tree<F: Fold, L = Levels<<F as Fold>::Node>> {
    fold: F,
    levels: L,
}

impl<F: Fold> Tree<F> {
    pub(super) fn of(fold: F, n: usize) -> Self {
        let mut levels: Vec<Vec<F::Node>> = Vec::new();
        let mut below = n / FAN;
        if n > 4 * FAN {
            levels.push((0..below).map(|block| fold.values(block * FAN, (block + 1) * FAN)).collect());
            while below > 4 * FAN {
                let last = &levels[levels.len() - 1];
                let level = last.chunks_exact(FAN).map(|nodes| merge_all(&fold, nodes)).collect::<Vec<_>>();
                below = level.len();
                levels.push(level);
            }
        }
        Self { fold, levels }
    }

    pub(super) fn into_levels(self) -> Levels<F::Node> {
        self.levels
    }
}

impl<F: Fold, L: Borrow<Levels<F::Node>>> Tree<F, L> {
    /// With the levels of a tree that was made of the same values.
    pub(super) fn with_levels(fold: F, levels: L) -> Self {
        Self { fold, levels }
    }

    /// The fold of values `start..end`, in order; there must be one.
    #[inline]
    pub(super) fn range(&self, start: usize, end: usize) -> F::Node {
        if end - start <= 2 * FAN || self.levels.borrow().is_empty() {
            return self.fold.values(start, end);
        }
        let (first, last) = (start.div_ceil(FAN), end / FAN);
        let mut node = self.nodes(0, first, last);
        if start < first * FAN {
            node = self.fold.merge(self.fold.values(start, first * FAN), node);
        }
        if last * FAN < end {
            node = self.fold.merge(node, self.fold.values(last * FAN, end));
        }
        node
    }

    #[inline]
    pub(super) fn merge(&self, a: F::Node, b: F::Node) -> F::Node {
        self.fold.merge(a, b)
    }

    fn nodes(&self, level: usize, start: usize, end: usize) -> F::Node {
        let levels = self.levels.borrow();
        let nodes = &levels[level];
        if end - start <= 2 * FAN || level + 1 == levels.len() {
            return merge_all(&self.fold, &nodes[start..end]);
        }
        let (first, last) = (start.div_ceil(FAN), end / FAN);
        let mut node = self.nodes(level + 1, first, last);
        if start < first * FAN {
            node = self.fold.merge(merge_all(&self.fold, &nodes[start..first * FAN]), node);
        }
        if last * FAN < end {
            node = self.fold.merge(node, merge_all(&self.fold, &nodes[last * FAN..end]));
        }
        node
    }
}

fn merge_all<F: Fold>(fold: &F, nodes: &[F::Node]) -> F::Node {
    nodes[1..].iter().fold(nodes[0], |a, &b| fold.merge(a, b))
}

/// A sum of floats in twice the precision: the rounding errors of all additions, added up.
#[derive(Clone, Copy, Default)]
pub(super) struct Exact {
    high: f64,
    low: f64,
}

impl Exact {
    #[inline]
    fn add(self, value: f64) -> Self {
        let high = self.high + value;
        let part = high - self.high;
        let error = (self.high - (high - part)) + (value - part);
        Self { high, low: self.low + error }
    }

    #[inline]
    fn plus(self, other: Self) -> Self {
        let sum = self.add(other.high);
        Self { high: sum.high, low: sum.low + other.low }
    }

    /// The sum; infinities and NaN as plain addition gives them.
    #[inline]
    pub(super) fn value(self) -> f64 {
        if self.high.is_finite() { self.high + self.low } else { self.high }
    }
}

/// Sums of fewer values are not worth several lanes.
const SHORT: usize = 8;

/// Sums floats.
pub(super) struct Sum<'a>(pub(super) &'a [f64]);

impl Fold for Sum<'_> {
    type Node = Exact;

    #[inline]
    fn values(&self, start: usize, end: usize) -> Exact {
        let values = &self.0[start..end];
        if values.len() < SHORT {
            return values.iter().fold(Exact::default(), |sum, &value| sum.add(value));
        }
        let lanes = values.chunks_exact(4);
        let rest = lanes.remainder();
        // Four sums at once: one would wait for each of its additions.
        let sums = lanes.fold([Exact::default(); 4], |sums, lane| {
            [sums[0].add(lane[0]), sums[1].add(lane[1]), sums[2].add(lane[2]), sums[3].add(lane[3])]
        });
        let whole = sums[0].plus(sums[1]).plus(sums[2].plus(sums[3]));
        rest.iter().fold(whole, |sum, &value| sum.add(value))
    }

    #[inline]
    fn merge(&self, a: Exact, b: Exact) -> Exact {
        a.plus(b)
    }
}

/// Count, mean and sum of squared distances from it.
#[derive(Clone, Copy)]
pub(super) struct Spread {
    n: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    /// The variance with the divisor n - `less`, where there is one.
    pub(super) fn variance(self, less: f64) -> Option<f64> {
        (self.n > less).then(|| self.squares / (self.n - less))
    }
}

/// Measures how far values spread: two passes over a block, and Chan's formula for two blocks.
pub(super) struct Variance<'a>(pub(super) &'a [f64]);

impl Fold for Variance<'_> {
    type Node = Spread;

    fn values(&self, start: usize, end: usize) -> Spread {
        let n = (end - start) as f64;
        let mean = Sum(self.0).values(start, end).value() / n;
        let squares: Exact =
            self.0[start..end].iter().fold(Exact::default(), |sum, value| sum.add((value - mean).powi(2)));
        // What the rounding of the mean adds is taken off again.
        let rest = self.0[start..end].iter().fold(Exact::default(), |sum, value| sum.add(value - mean)).value();
        let squares = squares.value() - rest * rest / n;
        // NaN stays what it is, which it would not in a maximum.
        Spread { n, mean, squares: if squares < 0.0 { 0.0 } else { squares } }
    }

    fn merge(&self, a: Spread, b: Spread) -> Spread {
        let n = a.n + b.n;
        let distance = b.mean - a.mean;
        Spread {
            n,
            mean: a.mean + distance * (b.n / n),
            squares: a.squares + b.squares + distance * distance * (a.n * b.n / n),
        }
    }
}

/// Measures how far whole numbers spread that lie too far apart to be floats: each block from its first one on.
pub(super) struct WholeVariance<'a>(pub(super) &'a [i128]);

impl Fold for WholeVariance<'_> {
    type Node = (i128, Spread);

    fn values(&self, start: usize, end: usize) -> (i128, Spread) {
        let base = self.0[start];
        let shifted: Vec<f64> = self.0[start..end].iter().map(|value| (value - base) as f64).collect();
        (base, Variance(&shifted).values(0, shifted.len()))
    }

    fn merge(&self, (base, a): (i128, Spread), (other, b): (i128, Spread)) -> (i128, Spread) {
        let moved = Spread { mean: b.mean + (other - base) as f64, ..b };
        (base, Variance(&[]).merge(a, moved))
    }
}

/// The greatest float, or the least one; NaN only if there is nothing else, of equal ones the first.
pub(super) struct Extreme<'a, const GREATEST: bool> {
    values: &'a [f64],
    /// The best of the 2, 4 and so on values from each position on: a stretch is two of those, which may overlap. Empty
    /// where few ranges are asked for.
    doubled: [Vec<f64>; MOST_DOUBLED],
}

/// Values from the most of which on `doubled` knows the best one, as a power of two.
const MOST_DOUBLED: usize = 4;
/// Values for each range up to which `doubled` is worth its time.
const WORTH_DOUBLED: usize = 8;

impl<'a, const GREATEST: bool> Extreme<'a, GREATEST> {
    const WORST: f64 = if GREATEST { f64::NEG_INFINITY } else { f64::INFINITY };

    pub(super) fn new(values: &'a [f64], n_ranges: usize) -> Self {
        let mut doubled: [Vec<f64>; MOST_DOUBLED] = Default::default();
        if values.len() >= 1 << MOST_DOUBLED && values.len() / WORTH_DOUBLED <= n_ranges {
            if values.iter().fold(false, |has_nan, value| has_nan | value.is_nan()) {
                Self::double(values, &mut doubled, Self::first);
            } else {
                Self::double(values, &mut doubled, Self::better);
            }
        }
        Self { values, doubled }
    }

    #[inline]
    fn double(values: &[f64], doubled: &mut [Vec<f64>], first: impl Fn(f64, f64) -> f64) {
        let mut last = values;
        for (level, best) in doubled.iter_mut().enumerate() {
            *best = last.iter().zip(&last[1 << level..]).map(|(&a, &b)| first(a, b)).collect();
            last = best;
        }
    }

    /// A comparison with NaN is false, so that NaN is never better.
    #[inline]
    fn better(best: f64, value: f64) -> f64 {
        if (GREATEST && value > best) || (!GREATEST && value < best) { value } else { best }
    }

    /// The better one of two, `a` if they are equal; without branches.
    #[inline]
    fn first(a: f64, b: f64) -> f64 {
        let is_better = if GREATEST { b > a } else { b < a };
        if is_better | (a.is_nan() & !b.is_nan()) { b } else { a }
    }

    /// The best of the values of a range, with what `doubled` knows.
    #[inline]
    fn overlapping(&self, start: usize, end: usize) -> f64 {
        let level = ((end - start).ilog2() as usize).min(MOST_DOUBLED);
        let size = 1 << level;
        let level = if level == 0 { self.values } else { &self.doubled[level - 1] };
        let mut best = level[start];
        for at in (start + size..end - size).step_by(size) {
            best = Self::first(best, level[at]);
        }
        Self::first(best, level[end - size])
    }
}

impl<const GREATEST: bool> Fold for Extreme<'_, GREATEST> {
    type Node = f64;

    #[inline]
    fn values(&self, start: usize, end: usize) -> f64 {
        if !self.doubled[0].is_empty() {
            return self.overlapping(start, end);
        }
        let values = &self.values[start..end];
        let lanes = values.chunks_exact(4);
        let rest = lanes.remainder().iter().fold(Self::WORST, |best, &value| Self::better(best, value));
        // Four at once, without branches.
        let best = lanes.fold([Self::WORST; 4], |best, lane| {
            [
                Self::better(best[0], lane[0]),
                Self::better(best[1], lane[1]),
                Self::better(best[2], lane[2]),
                Self::better(best[3], lane[3]),
            ]
        });
        let best = best.into_iter().fold(rest, Self::better);
        // Zeros of both signs are equal; and there may have been NaN only.
        let is_best = |value: f64| value.partial_cmp(&best).is_some_and(Ordering::is_eq);
        if is_best(0.0) || is_best(Self::WORST) {
            return values.iter().copied().find(|&value| is_best(value)).unwrap_or(values[0]);
        }
        best
    }

    #[inline]
    fn merge(&self, a: f64, b: f64) -> f64 {
        Self::first(a, b)
    }
}

/// The position of the best value; of equal ones the first.
pub(super) struct Best<B>(pub(super) B);

impl<B: Fn(usize, usize) -> bool> Fold for Best<B> {
    type Node = u32;

    #[inline]
    fn values(&self, start: usize, end: usize) -> u32 {
        (start + 1..end).fold(start, |best, at| if (self.0)(at, best) { at } else { best }) as u32
    }

    #[inline]
    fn merge(&self, a: u32, b: u32) -> u32 {
        if (self.0)(b as usize, a as usize) { b } else { a }
    }
}

#[cfg(test)]
mod tests {
    use super::{Extreme, Fold};

    /// Bits of the extremes of all ranges.
    fn extremes<const GREATEST: bool>(values: &[f64], n_ranges: usize) -> Vec<u64> {
        let fold = Extreme::<GREATEST>::new(values, n_ranges);
        assert_eq!(fold.doubled[0].is_empty(), n_ranges == 0);
        let ends = |start: usize| start + 1..=values.len();
        let ranges = (0..values.len()).flat_map(|start| ends(start).map(move |end| (start, end)));
        ranges.map(|(start, end)| fold.values(start, end).to_bits()).collect()
    }

    #[test]
    fn overlapping_stretches_give_what_a_scan_gives() {
        let special = [f64::NAN, -0.0, 0.0, f64::INFINITY, f64::NEG_INFINITY, -f64::NAN, 1.5, -1.5];
        for step in [1, 3, 5, 7, 11, 13, 64] {
            for length in [16, 17, 31, 70] {
                // Runs of one value, so that whole ranges are NaN or zeros of both signs.
                let values: Vec<f64> = (0..length).map(|at| special[at * step / 4 % special.len()]).collect();
                assert_eq!(extremes::<true>(&values, length), extremes::<true>(&values, 0), "{values:?}");
                assert_eq!(extremes::<false>(&values, length), extremes::<false>(&values, 0), "{values:?}");
            }
        }
    }
}
