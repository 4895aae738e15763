//! Counts, extremes, mean and variance of numbers in one pass over blocks that stay in the first-level cache.
//!
//! Each block is summed in 32 lanes, then its squared deviations from its own mean; blocks merge by the formula of
//! Chan, Golub and `LeVeque` (1979), which is stable and needs no division per value. Mean and variance cover the finite
//! values; NaN and the infinities are counted apart. Sums of integers are exact, however large, and give the exact mean.
//! Merging is exact for all counts, extremes and integer sums; mean and variance depend on the order of merges within
//! rounding (relative 1e-12 of the spread), hence merge in file order.

use super::BLOCK;
use super::codec::{Reader, put_varint};
use super::vector::vectorised;
use super::whole::WholeSum;
use crate::error::Result;

const VERSION: u8 = 1;
const LANES: usize = 32;
/// Marks of what is stored: the mean of floats, a sum that 128 bits hold, and one that they do not.
const FLOATS: u8 = 0;
const SHORT: u8 = 1;
const LONG: u8 = 2;
/// Offsets below this sum to less than 2^63 over a block and convert to `f64` without rounding.
const EXACT: i128 = 1 << 52;

/// Moments of a sequence of numbers. The default is that of no numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// Values that are neither NaN nor infinite.
    pub n_finite: u64,
    /// NaN values.
    pub n_nan: u64,
    /// Values of plus infinity.
    pub n_positive_inf: u64,
    /// Values of minus infinity.
    pub n_negative_inf: u64,
    /// Zeros of either sign.
    pub n_zero: u64,
    /// Values below zero, minus infinity too, minus zero not.
    pub n_negative: u64,
    /// Least value that is not NaN; plus infinity if there is none.
    pub min: f64,
    /// Greatest value that is not NaN; minus infinity if there is none.
    pub max: f64,
    /// Mean of the finite values; 0 if there is none.
    pub mean: f64,
    /// Sum of the squared deviations of the finite values from their mean.
    pub m2: f64,
    /// Exact sum of integers: `None` once a float was seen.
    pub sum: Option<WholeSum>,
}

impl Default for Moments {
    fn default() -> Self {
        Self {
            n_finite: 0,
            n_nan: 0,
            n_positive_inf: 0,
            n_negative_inf: 0,
            n_zero: 0,
            n_negative: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            mean: 0.0,
            m2: 0.0,
            sum: Some(WholeSum::default()),
        }
    }
}

impl Moments {
    /// Add floats.
    pub fn update_floats(&mut self, values: &[f64]) {
        for block in values.chunks(BLOCK) {
            let summary = floats(block);
            if summary.m2.is_finite() {
                self.merge(&summary);
            } else {
                self.merge(&uncommon_floats(block));
            }
        }
    }

    /// Add integers.
    pub fn update_integers<T: Integer>(&mut self, values: &[T]) {
        for block in values.chunks(BLOCK) {
            self.merge(&T::moments(block));
        }
    }

    /// Population variance of the finite values; `None` if there is none.
    pub fn variance(&self) -> Option<f64> {
        (self.n_finite > 0).then(|| (self.m2 / self.n_finite as f64).max(0.0))
    }

    /// Add what `other` has seen, as if its values had followed.
    pub fn merge(&mut self, other: &Self) {
        self.merge_mean(other);
        self.sum = self.sum.zip(other.sum).map(|(ours, theirs)| ours.plus(theirs));
        self.n_finite = self.n_finite.saturating_add(other.n_finite);
        if let Some(sum) = self.sum {
            self.mean = self.mean_of(sum);
        }
        self.n_nan = self.n_nan.saturating_add(other.n_nan);
        self.n_positive_inf = self.n_positive_inf.saturating_add(other.n_positive_inf);
        self.n_negative_inf = self.n_negative_inf.saturating_add(other.n_negative_inf);
        self.n_zero = self.n_zero.saturating_add(other.n_zero);
        self.n_negative = self.n_negative.saturating_add(other.n_negative);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    fn merge_mean(&mut self, other: &Self) {
        if other.n_finite == 0 {
            return;
        }
        if self.n_finite == 0 {
            (self.mean, self.m2) = (other.mean, other.m2);
            return;
        }
        let (ours, theirs) = (self.n_finite as f64, other.n_finite as f64);
        let weight = theirs / (ours + theirs);
        let delta = self.exact_delta(other).unwrap_or(other.mean - self.mean);
        if delta.is_finite() {
            self.mean += delta * weight;
            self.m2 += other.m2 + delta * delta * ours * weight;
        } else {
            self.mean = self.mean * (1.0 - weight) + other.mean * weight;
            self.m2 = f64::INFINITY;
        }
    }

    /// The difference of the means of integers, which may be far smaller than what rounding leaves of the means.
    fn exact_delta(&self, other: &Self) -> Option<f64> {
        let difference = other.sum?.times(self.n_finite).plus(self.sum?.times(other.n_finite).negated());
        Some(difference.to_f64() / (self.n_finite as f64 * other.n_finite as f64))
    }

    /// Bytes of the summary.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        self.write(&mut out);
        out
    }

    /// Read what `encode` wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("moments", bytes);
        let moments = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(moments)
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        for count in [self.n_finite, self.n_nan, self.n_positive_inf, self.n_negative_inf, self.n_zero, self.n_negative]
        {
            put_varint(out, count);
        }
        for value in [self.min, self.max, self.m2] {
            out.extend(value.to_le_bytes());
        }
        let Some(sum) = self.sum else {
            out.push(FLOATS);
            return out.extend(self.mean.to_le_bytes());
        };
        if let Some(short) = sum.to_i128() {
            out.push(SHORT);
            out.extend(short.to_le_bytes());
        } else {
            out.push(LONG);
            sum.write(out);
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.version(VERSION)?;
        let mut moments = Self {
            n_finite: reader.varint()?,
            n_nan: reader.varint()?,
            n_positive_inf: reader.varint()?,
            n_negative_inf: reader.varint()?,
            n_zero: reader.varint()?,
            n_negative: reader.varint()?,
            min: reader.f64()?,
            max: reader.f64()?,
            m2: reader.f64()?,
            ..Self::default()
        };
        moments.sum = match reader.u8()? {
            FLOATS => None,
            SHORT => Some(reader.i128()?.into()),
            LONG => Some(WholeSum::read(reader)?),
            other => return Err(reader.corrupt("the mark of a sum is unknown", "0 to 2", other)),
        };
        match moments.sum {
            Some(sum) => moments.mean = moments.mean_of(sum),
            None => moments.mean = reader.f64()?,
        }
        Ok(moments)
    }

    /// The mean of integers: 0 if there are none.
    fn mean_of(&self, sum: WholeSum) -> f64 {
        if self.n_finite == 0 { 0.0 } else { sum.to_f64() / self.n_finite as f64 }
    }
}

vectorised! { fn floats(block: &[f64]) -> Moments = floats_each }
vectorised! { fn integers_i64(block: &[i64]) -> Moments = integers }

/// The fused pass over one block of floats. If any is not finite, or a sum overflows, `m2` is not finite and the
/// rest is meaningless.
#[inline(always)]
#[allow(clippy::inline_always)] // As `vectorised` asks.
fn floats_each(block: &[f64]) -> Moments {
    let mut sums = [0.0_f64; LANES];
    let mut least = [f64::INFINITY; LANES];
    let mut greatest = [f64::NEG_INFINITY; LANES];
    let mut zeros = [0_u64; LANES];
    let mut negatives = [0_u64; LANES];
    let mut add = |lane: usize, x: f64| {
        sums[lane] += x;
        least[lane] = if x < least[lane] { x } else { least[lane] };
        greatest[lane] = if x > greatest[lane] { x } else { greatest[lane] };
        zeros[lane] += u64::from(x == 0.0);
        negatives[lane] += u64::from(x < 0.0);
    };
    let (rows, rest) = block.as_chunks::<LANES>();
    for row in rows {
        for (lane, &x) in row.iter().enumerate() {
            add(lane, x);
        }
    }
    for (lane, &x) in rest.iter().enumerate() {
        add(lane, x);
    }
    let mean = sums.iter().sum::<f64>() / block.len() as f64;
    Moments {
        n_finite: block.len() as u64,
        n_zero: zeros.iter().sum(),
        n_negative: negatives.iter().sum(),
        // Adding zero turns minus zero into zero.
        min: least.iter().copied().fold(f64::INFINITY, f64::min) + 0.0,
        max: greatest.iter().copied().fold(f64::NEG_INFINITY, f64::max) + 0.0,
        mean,
        m2: squared_deviations(block, mean),
        sum: None,
        ..Moments::default()
    }
}

#[inline(always)]
#[allow(clippy::inline_always)] // As above.
fn squared_deviations(block: &[f64], mean: f64) -> f64 {
    let mut lanes = [0.0_f64; LANES];
    let (rows, rest) = block.as_chunks::<LANES>();
    for row in rows {
        for (lane, &x) in lanes.iter_mut().zip(row) {
            *lane += (x - mean) * (x - mean);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane += (x - mean) * (x - mean);
    }
    lanes.iter().sum()
}

/// A block with NaN or infinities, or whose sums overflow.
fn uncommon_floats(block: &[f64]) -> Moments {
    let finite: Vec<f64> = block.iter().copied().filter(|x| x.is_finite()).collect();
    let mut moments = if finite.is_empty() { Moments::default() } else { floats(&finite) };
    moments.sum = None;
    if !moments.mean.is_finite() {
        moments.mean = finite.iter().map(|x| x / finite.len() as f64).sum();
    }
    if !moments.m2.is_finite() {
        moments.m2 = f64::INFINITY;
    }
    for &x in block {
        moments.n_nan += u64::from(x.is_nan());
        moments.n_positive_inf += u64::from(x == f64::INFINITY);
        moments.n_negative_inf += u64::from(x == f64::NEG_INFINITY);
        moments.n_negative += u64::from(x == f64::NEG_INFINITY);
        if x.is_infinite() {
            moments.min = moments.min.min(x);
            moments.max = moments.max.max(x);
        }
    }
    moments
}

/// An integer of any width that a block of moments can be made of.
pub trait Integer: Copy + Ord + Into<i128> {
    /// `self - least` where that is below 2^52.
    fn offset(self, least: Self) -> u64;

    /// Moments of one block.
    fn moments(block: &[Self]) -> Moments {
        integers(block)
    }
}

impl Integer for i64 {
    #[inline]
    fn offset(self, least: Self) -> u64 {
        self.wrapping_sub(least) as u64
    }

    fn moments(block: &[Self]) -> Moments {
        integers_i64(block)
    }
}

impl Integer for u64 {
    #[inline]
    fn offset(self, least: Self) -> u64 {
        self.wrapping_sub(least)
    }
}

impl Integer for i128 {
    #[inline]
    fn offset(self, least: Self) -> u64 {
        self.wrapping_sub(least) as u64
    }
}

#[inline(always)]
#[allow(clippy::inline_always)] // As above.
fn integers<T: Integer>(block: &[T]) -> Moments {
    let Some(&first) = block.first() else { return Moments::default() };
    let (mut least, mut greatest) = (first, first);
    for &x in block {
        least = least.min(x);
        greatest = greatest.max(x);
    }
    let (min, max): (i128, i128) = (least.into(), greatest.into());
    let (mut n_zero, mut n_negative) = (0_u64, 0_u64);
    if min <= 0 {
        for &x in block {
            let x: i128 = x.into();
            n_zero += u64::from(x == 0);
            n_negative += u64::from(x < 0);
        }
    }
    let narrow = max.checked_sub(min).is_some_and(|range| range < EXACT);
    let (sum, m2) = if narrow { narrow_sums(block, least, min) } else { wide_sums(block) };
    let n = block.len() as u64;
    let mean = sum.to_f64() / n as f64;
    let sum = Some(sum);
    Moments { n_finite: n, n_zero, n_negative, min: min as f64, max: max as f64, mean, m2, sum, ..Moments::default() }
}

/// Exact sum and squared deviations, computed on offsets from the least value.
#[inline(always)]
#[allow(clippy::inline_always)] // As above.
fn narrow_sums<T: Integer>(block: &[T], least: T, min: i128) -> (WholeSum, f64) {
    /// 2^52 as bits: or-ing an integer below 2^52 in gives 2^52 plus that integer.
    const MAGIC: u64 = 0x4330_0000_0000_0000;
    let mut offsets = [0.0_f64; BLOCK];
    let mut sum = 0_u64;
    for (offset, &x) in offsets.iter_mut().zip(block) {
        let bits = x.offset(least);
        sum += bits;
        *offset = f64::from_bits(bits | MAGIC) - f64::from_bits(MAGIC);
    }
    let n = block.len();
    let m2 = squared_deviations(&offsets[..n], sum as f64 / n as f64);
    (WholeSum::from(min).times(n as u64).plus(i128::from(sum).into()), m2)
}

fn wide_sums<T: Integer>(block: &[T]) -> (WholeSum, f64) {
    let short = block.iter().try_fold(0_i128, |sum, &x| sum.checked_add(x.into()));
    let in_full = || block.iter().fold(WholeSum::default(), |sum, &x| sum.plus(x.into().into()));
    let sum = short.map_or_else(in_full, WholeSum::from);
    let mean = sum.to_f64() / block.len() as f64;
    let m2 = block.iter().map(|&x| x.into() as f64 - mean).map(|deviation| deviation * deviation).sum();
    (sum, m2)
}
