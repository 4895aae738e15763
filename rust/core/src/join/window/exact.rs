//! Sums of floats without any rounding, where the values of a group lie so close together that 128 bits hold them all as
//! multiples of one power of two. Differences of such sums are exact too, so that a window costs one subtraction, and no
//! value outside of it touches its sum. Only the sum of each window is rounded, once.

/// Longer groups are folded: their sums would take more memory than their values.
const MOST_VALUES: usize = 1 << 16;
/// 2^53 / 2^16: no sum of so many whole numbers needs more bits than a float has.
const MOST_WHOLE: f64 = 137_438_953_472.0;
/// Exponents from which on neither a sum nor its last bit can leave the range of normal floats.
const EXPONENTS: std::ops::Range<u32> = 200..2000;
const MANTISSA_BITS: u32 = 52;

/// Sums of the values before each position, as multiples of one or of a power of two.
pub(super) enum ExactSums {
    /// Sums of whole numbers.
    Narrow(Vec<i64>),
    Wide(Vec<i128>, f64),
}

/// Whether all values are whole numbers of which no group has so many that their sum needs more bits than a float has.
#[allow(clippy::float_cmp, clippy::needless_bitwise_bool)] // Exactly the same, or not at all; and without branches.
pub(super) fn are_whole(values: &[f64]) -> bool {
    /// The last bit of floats of this size is one: what is added to it is rounded to a whole number.
    const ROUNDER: f64 = 6_755_399_441_055_744.0;
    let is_whole = |value: f64| (value.abs() <= MOST_WHOLE) & ((value + ROUNDER) - ROUNDER == value);
    values.iter().fold(true, |are_whole, &value| are_whole & is_whole(value))
}

impl ExactSums {
    /// None if the values do not lie close together.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        if values.len() > MOST_VALUES {
            return None;
        }
        if are_whole(values) {
            let (mut sum, mut sums) = (0_i64, Vec::with_capacity(values.len() + 1));
            sums.push(0);
            sums.extend(values.iter().map(|&value| {
                sum += value as i64;
                sum
            }));
            return Some(Self::Narrow(sums));
        }
        let exponent = |value: f64| (value.to_bits() >> MANTISSA_BITS) as u32 & 0x7ff;
        let nonzero = || values.iter().copied().filter(|&value| value != 0.0).map(exponent);
        let (first, last) = (nonzero().min()?, nonzero().max()?);
        let n_bits = (last - first) + MANTISSA_BITS + 1 + values.len().ilog2() + 2;
        if n_bits > i128::BITS || !EXPONENTS.contains(&first) || !EXPONENTS.contains(&last) {
            return None;
        }
        let mut sum = 0_i128;
        let mut sums = Vec::with_capacity(values.len() + 1);
        sums.push(0);
        for &value in values {
            if value != 0.0 {
                let mantissa = (value.to_bits() & ((1 << MANTISSA_BITS) - 1)) | (1 << MANTISSA_BITS);
                let whole = i128::from(mantissa) << (exponent(value) - first);
                sum += if value < 0.0 { -whole } else { whole };
            }
            sums.push(sum);
        }
        Some(Self::Wide(sums, f64::from_bits(u64::from(first - MANTISSA_BITS) << MANTISSA_BITS)))
    }

    /// The sum of values `start..end`, rounded once.
    #[inline]
    pub(super) fn sum(&self, start: usize, end: usize) -> f64 {
        match self {
            Self::Narrow(sums) => (sums[end] - sums[start]) as f64,
            Self::Wide(sums, unit) => {
                let sum = sums[end] - sums[start];
                let rounded = if let Ok(sum) = i64::try_from(sum) { sum as f64 } else { sum as f64 };
                rounded * unit
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ExactSums;

    #[test]
    #[allow(clippy::float_cmp)] // Sums are rounded once, so they are what a literal is.
    fn sums_are_those_of_exact_arithmetic() -> Result<(), &'static str> {
        let sums = |values: &[f64]| ExactSums::of(values).ok_or("exact");
        assert_eq!(sums(&[1.0, 2.0, -3.0])?.sum(1, 3), -1.0);
        // 0.1 + 0.2 + 0.3 rounded once is 0.6, added one by one 0.6000000000000001.
        assert_eq!(sums(&[9e15, 0.1, 0.2, 0.3])?.sum(1, 4), 0.6);
        assert_eq!(sums(&[1.0, 1e-13, 1.0 + f64::EPSILON, -1.0])?.sum(1, 4), 1e-13 + f64::EPSILON);
        assert_eq!(sums(&[0.5, -0.0, 0.0])?.sum(1, 3).to_bits(), 0);
        assert!(matches!(sums(&[4e9, -0.0, -4e9])?, ExactSums::Narrow(_)));
        assert!(sums(&[]).is_ok());
        for far in [[1e-300, 1.0], [1.5, 1e40], [0.5, f64::NAN], [0.5, f64::INFINITY], [f64::MAX, f64::MAX]] {
            assert!(ExactSums::of(&far).is_none(), "{far:?}");
        }
        Ok(())
    }
}
