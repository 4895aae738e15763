//! Decimals on their way into statistics: counted by their digits, so that nothing but mean, variance and quantiles is
//! rounded.

use arrow_buffer::i256;

use super::column::ColumnStatistics;
use super::digits::{Digits, float};
use super::scalar::Scalar;
use super::values::{Number, Window, add_bounds, add_floats, add_keys, count_bytes};
use crate::sketch::{hash_bytes, key_of};

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
            match block.iter().map(|value| value.to_i128()).collect::<Option<Vec<i128>>>() {
                Some(short) => statistics.moments.update_integers(&short),
                None => statistics.moments.update_floats(&block.iter().map(|&value| float(value)).collect::<Vec<_>>()),
            }
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

/// Add a block to histogram and quantiles, unless these follow from the counts.
fn spread<T: Copy>(block: &[T], float: impl Fn(T) -> f64, window: &mut Window, statistics: &mut ColumnStatistics) {
    window.spill(statistics, block.len());
    if window.is_spilled() {
        let unit = statistics.unit();
        add_floats(block, |value| float(value) / unit, statistics);
        add_keys(block.iter().map(|&value| key_of(float(value) / unit)), statistics);
    }
}
