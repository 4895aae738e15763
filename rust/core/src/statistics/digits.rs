//! The digits of a decimal of any width, without its point.
//!
//! A value has the same sixteen bytes in every width that holds it, and thirty-two only if it needs them, so that counts
//! of columns of different widths merge.

use arrow_buffer::i256;

/// What stands for a decimal in frequent values.
pub(super) struct Digits {
    bytes: [u8; 32],
    length: usize,
}

impl Digits {
    pub(super) fn of(value: i256) -> Self {
        let length = if value.to_i128().is_some() { 16 } else { 32 };
        Self { bytes: value.to_le_bytes(), length }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// The decimal without its point; 0 of bytes that are none.
    pub(super) fn read(bytes: &[u8]) -> i256 {
        if let Ok(short) = bytes.try_into() {
            return i256::from_i128(i128::from_le_bytes(short));
        }
        bytes.try_into().map_or(i256::ZERO, i256::from_le_bytes)
    }
}

/// The nearest double, or the one next to it beyond 128 bits.
pub(super) fn float(value: i256) -> f64 {
    const HIGH: f64 = 340_282_366_920_938_463_463_374_607_431_768_211_456.0; // 2^128
    let (low, high) = value.to_parts();
    value.to_i128().map_or_else(|| high as f64 * HIGH + low as f64, |short| short as f64)
}
