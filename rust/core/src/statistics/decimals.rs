//! Decimals on their way into statistics: counted by their digits, so that nothing but mean, variance and quantiles is
//! rounded.

use arrow_buffer::i256;

use super::column::ColumnStatistics;
use super::digits::{Digits, float};
use super::scalar::Scalar;
use super::values::{Number, Window, add_bounds, add_floats, add_keys, count_bytes};
use crate::sketch::{Moments, WholeSum, hash_bytes, key_of};

impl Number for i128 {
    fn add(block: &[Self], window: &mut Window, statistics: &mut ColumnStatistics) {
        if statistics.content.moments {
            statistics.moments.update_integers(block);
        }
        let scale = statistics.scale;
        add_bounds(block, |value| Scalar::Decimal { value: i256::from_i128(value), scale }, statistics);
        spread(block, |value| value as f64, window, statistics);
        for value in block {
            let bytes = value.to_le_bytes();
            count_bytes(hash_bytes(&bytes), &bytes, 1, statistics);
        }
    }
}

impl Number for i256 {
    fn add(block: &[Self], window: &mut Window, statistics: &mut ColumnStatistics) {
        if statistics.content.moments {
            add_moments(block, &mut statistics.moments);
        }
        let scale = statistics.scale;
        add_bounds(block, |value| Scalar::Decimal { value, scale }, statistics);
        spread(block, float, window, statistics);
        for &value in block {
            let digits = Digits::of(value);
            count_bytes(hash_bytes(digits.as_bytes()), digits.as_bytes(), 1, statistics);
        }
    }
}

/// Moments of offsets from the least value, where these are short, know all digits of their spread.
fn add_moments(block: &[i256], into: &mut Moments) {
    let (Some(&least), Some(&greatest)) = (block.iter().min(), block.iter().max()) else { return };
    let (low, high) = least.to_parts();
    let offsets = block.iter().map(|value| value.checked_sub(least)?.to_i128());
    let mut moments = Moments::default();
    let sum = if let Some(offsets) = offsets.collect::<Option<Vec<i128>>>() {
        moments.update_integers(&offsets);
        let base = WholeSum::of_parts(low, high).times(block.len() as u64);
        moments.sum.unwrap_or_default().plus(base)
    } else {
        moments.update_floats(&block.iter().map(|&value| float(value)).collect::<Vec<_>>());
        let parts = block.iter().map(|value| value.to_parts());
        parts.fold(WholeSum::default(), |sum, (low, high)| sum.plus(WholeSum::of_parts(low, high)))
    };
    (moments.sum, moments.mean) = (Some(sum), sum.to_f64() / block.len() as f64);
    (moments.min, moments.max) = (float(least), float(greatest));
    moments.n_zero = block.iter().filter(|&&value| value == i256::ZERO).count() as u64;
    moments.n_negative = block.iter().filter(|value| value.is_negative()).count() as u64;
    into.merge(&moments);
}

/// Add a block to histogram and quantiles, unless these follow from the counts.
fn spread<T: Copy>(block: &[T], float: impl Fn(T) -> f64, window: &mut Window, statistics: &mut ColumnStatistics) {
    window.spill(statistics, block.len());
    if window.is_spilled() {
        let unit = statistics.unit();
        add_floats(block, |value| float(value) / unit, statistics);
        add_keys(block.iter().map(|&value| key_of(float(value) / unit)), statistics);
    }
}
