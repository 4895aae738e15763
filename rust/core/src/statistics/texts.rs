//! Text and bytes on their way into the statistics of a column: lengths, bounds and counts.

use super::column::ColumnStatistics;
use super::lengths::Lengths;
use super::scalar::{Bound, Scalar};
use super::values::count_bytes;
use crate::sketch::{Text, hash_bytes};

/// Values that are looked at together, one step after the other.
pub(super) const CHUNK: usize = 256;

/// Least and greatest of the byte strings seen, and whether all were ASCII.
#[derive(Default)]
pub(super) struct Extremes {
    least: Option<(u64, Vec<u8>)>,
    greatest: Option<(u64, Vec<u8>)>,
    /// Whether bytes and characters may differ: not before the first value that is not ASCII.
    is_mixed: bool,
    /// Room for those of some values.
    hashes: Vec<u64>,
}

impl Extremes {
    /// Add `count` rows that hold `value`.
    #[inline]
    pub(super) fn add(&mut self, value: &[u8], count: u64, into: &mut ColumnStatistics) {
        let is_ascii = value.is_ascii();
        if !is_ascii && !self.is_mixed {
            self.is_mixed = true;
            into.characters = into.lengths;
        }
        into.lengths.add(value.len() as u64, count);
        if self.is_mixed {
            let characters = if is_ascii { value.len() as u64 } else { count_characters(value, count, into) };
            into.characters.add(characters, count);
        }
        if count_bytes(hash_bytes(value), value, count, into) {
            self.widen(&Text::of(value));
        }
    }

    /// Add values once each, at most [`CHUNK`].
    pub(super) fn add_all(&mut self, values: &[Text<'_>], into: &mut ColumnStatistics) {
        let is_ascii = values.iter().fold(true, |all, value| all & value.is_ascii());
        if !is_ascii && !self.is_mixed {
            self.is_mixed = true;
            into.characters = into.lengths;
        }
        into.lengths.merge(&Lengths::of(values.iter().map(|value| value.bytes.len() as u64)));
        if self.is_mixed {
            let counted = |value: &Text<'_>| {
                if is_ascii { value.bytes.len() as u64 } else { count_characters(value.bytes, 1, into) }
            };
            let characters = Lengths::of(values.iter().map(counted));
            into.characters.merge(&characters);
        }
        self.count_all(values, into);
    }

    fn count_all(&mut self, values: &[Text<'_>], into: &mut ColumnStatistics) {
        let content = into.content;
        if content.top_values {
            let was_exact = into.frequent.is_exact();
            self.hashes.clear();
            let mut hashes = std::mem::take(&mut self.hashes);
            into.frequent.update_all_bytes(values, &mut hashes, |value| self.widen(value));
            if content.distinct && !into.frequent.is_exact() {
                if was_exact {
                    into.distinct.fill(into.frequent.take_last_exact());
                }
                into.distinct.insert_all(&hashes);
            }
            self.hashes = hashes;
            return;
        }
        for value in values {
            if content.distinct {
                into.distinct.insert(hash_bytes(value.bytes));
            }
            self.widen(value);
        }
    }

    #[inline]
    fn widen(&mut self, value: &Text<'_>) {
        let (prefix, value) = (value.prefix(), value.bytes);
        if self.least.as_ref().is_none_or(|(least, all)| prefix < *least || prefix == *least && value < all.as_slice())
        {
            self.least = Some((prefix, value.to_vec()));
        }
        if self.greatest.as_ref().is_none_or(|(most, all)| prefix > *most || prefix == *most && value > all.as_slice())
        {
            self.greatest = Some((prefix, value.to_vec()));
        }
    }

    /// Write the bounds down, cut to their longest length.
    pub(super) fn flush(&mut self, scalar: impl Fn(Vec<u8>) -> Scalar, into: &mut ColumnStatistics) {
        let min = self.least.take().map(|(_, value)| Bound::lower(scalar(value)));
        let max = self.greatest.take().map(|(_, value)| Bound::upper(scalar(value)));
        into.add_bounds(min, max);
        if !self.is_mixed {
            into.characters = into.lengths;
        }
    }
}

/// Characters of a value that need not be ASCII; of one that is not UTF-8, bytes that begin one.
fn count_characters(value: &[u8], count: u64, into: &mut ColumnStatistics) -> u64 {
    if std::str::from_utf8(value).is_err() {
        into.n_invalid_utf8 = into.n_invalid_utf8.saturating_add(count);
    }
    value.iter().filter(|&&byte| byte & 0xc0 != 0x80).count() as u64
}
