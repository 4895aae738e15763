//! Exact sums of whole numbers, so wide that no number of values leaves them: hence the order of merges never matters.

use std::fmt::{Display, Formatter, Write};

use super::codec::Reader;
use crate::error::Result;

const LIMBS: usize = 6;
/// Bytes of a sum of 2^64 integers of 256 bits.
const STORED: usize = 40;
/// Digits that are divided off at a time.
const DIGITS: usize = 18;

/// Sum of at most 2^64 integers of at most 256 bits, or such a sum times a count: two's complement, lowest limb first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WholeSum([u64; LIMBS]);

impl From<i128> for WholeSum {
    fn from(value: i128) -> Self {
        Self::of_parts(value as u128, value >> 127)
    }
}

impl WholeSum {
    /// The integer of 256 bits that is `high` * 2^128 + `low`.
    pub fn of_parts(low: u128, high: i128) -> Self {
        let sign = (high >> 127) as u64;
        Self([low as u64, (low >> 64) as u64, high as u64, (high >> 64) as u64, sign, sign])
    }

    /// The sum of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let mut carry = 0;
        Self(std::array::from_fn(|at| {
            let sum = u128::from(self.0[at]) + u128::from(other.0[at]) + carry;
            carry = sum >> 64;
            sum as u64
        }))
    }

    /// The sum `n` times.
    #[must_use]
    pub fn times(self, n: u64) -> Self {
        let mut carry = 0;
        Self(self.0.map(|limb| {
            let product = u128::from(limb) * u128::from(n) + carry;
            carry = product >> 64;
            product as u64
        }))
    }

    /// The sum with its sign changed.
    #[must_use]
    pub fn negated(self) -> Self {
        Self(self.0.map(|limb| !limb)).plus(Self::from(1))
    }

    /// Whether the sum is below zero.
    pub fn is_negative(self) -> bool {
        (self.0[LIMBS - 1] as i64) < 0
    }

    /// The sum if 128 bits hold it.
    pub fn to_i128(self) -> Option<i128> {
        let short = (u128::from(self.0[1]) << 64 | u128::from(self.0[0])) as i128;
        (Self::from(short) == self).then_some(short)
    }

    /// The nearest double, or beyond 128 bits one near it.
    pub fn to_f64(self) -> f64 {
        const LIMB: f64 = 18_446_744_073_709_551_616.0; // 2^64
        if let Some(short) = self.to_i128() {
            return short as f64;
        }
        let size = self.size().iter().rev().fold(0.0, |size, &limb| size * LIMB + limb as f64);
        if self.is_negative() { -size } else { size }
    }

    /// Limbs of the absolute value.
    fn size(self) -> [u64; LIMBS] {
        if self.is_negative() { self.negated().0 } else { self.0 }
    }

    pub(super) fn write(self, out: &mut Vec<u8>) {
        self.0.iter().take(STORED / 8).for_each(|limb| out.extend(limb.to_le_bytes()));
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let mut limbs = [0; LIMBS];
        for limb in &mut limbs[..STORED / 8] {
            *limb = reader.u64()?;
        }
        limbs[LIMBS - 1] = ((limbs[LIMBS - 2] as i64) >> 63) as u64;
        Ok(Self(limbs))
    }
}

impl Display for WholeSum {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        let mut limbs = self.size();
        let mut groups = Vec::new();
        while limbs != [0; LIMBS] {
            let mut rest = 0;
            for limb in limbs.iter_mut().rev() {
                let part = rest << 64 | u128::from(*limb);
                *limb = (part / 10_u128.pow(DIGITS as u32)) as u64;
                rest = part % 10_u128.pow(DIGITS as u32);
            }
            groups.push(rest);
        }
        let mut digits = groups.pop().unwrap_or(0).to_string();
        for group in groups.iter().rev() {
            write!(digits, "{group:0DIGITS$}")?;
        }
        formatter.pad_integral(!self.is_negative(), "", &digits)
    }
}
