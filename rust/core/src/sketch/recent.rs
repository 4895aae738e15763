//! Short texts in two words, and which of them came last: one that recurs is found without its hash.

/// Text or bytes. The words of short ones say what they are, together with their length.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    pub(crate) bytes: &'a [u8],
    first: u64,
    second: u64,
}

impl<'a> Text<'a> {
    const SHORT: usize = 16;
    pub(crate) const EMPTY: Self = Self { bytes: &[], first: 0, second: 0 };

    /// Bytes that stand in `word`, little-endian; zeros follow them there.
    #[inline]
    pub(crate) fn new(bytes: &'a [u8], word: u128) -> Self {
        Self { bytes, first: word as u64, second: (word >> 64) as u64 }
    }

    /// The bytes of `all` from `start` to `end`.
    #[inline]
    pub(crate) fn within(all: &'a [u8], start: usize, end: usize) -> Self {
        const MASKS: [u64; 9] = [0, 0xff, 0xffff, 0xff_ffff, !0 >> 32, !0 >> 24, !0 >> 16, !0 >> 8, !0];
        let (bytes, length) = (&all[start..end], end - start);
        let Some(sixteen) = all[start..].first_chunk() else { return Self::of(bytes) };
        let word = u128::from_le_bytes(*sixteen);
        let first = word as u64 & MASKS[length.min(8)];
        Self { bytes, first, second: (word >> 64) as u64 & MASKS[length.clamp(8, 16) - 8] }
    }

    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self::new(bytes, bytes.iter().take(Self::SHORT).rev().fold(0, |word, &byte| word << 8 | u128::from(byte)))
    }

    #[inline]
    pub(crate) fn is_short(&self) -> bool {
        self.bytes.len() <= Self::SHORT
    }

    #[inline]
    pub(crate) fn is_ascii(&self) -> bool {
        const HIGH: u64 = 0x8080_8080_8080_8080;
        (self.first | self.second) & HIGH == 0 && (self.is_short() || self.bytes.is_ascii())
    }

    /// The first eight bytes as a number that orders as they do; shorter strings are padded with zeros.
    #[inline]
    pub(crate) fn prefix(&self) -> u64 {
        self.first.swap_bytes()
    }
}

/// Positions of the entries of short texts that came last. It changes no count: what it does not know is looked up.
#[derive(Clone, Debug)]
pub(super) struct Recent {
    slots: Vec<Slot>,
    /// Texts found less often than others, beyond some that are let pass.
    misses: i32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    first: u64,
    second: u64,
    length: u16,
    /// Of the entry, and one.
    position: u16,
}

const MOST_SLOTS: usize = 4096;
/// Misses beyond four times the hits after which nothing is looked for any more.
const PATIENCE: i32 = 4096;

impl Recent {
    /// For a column of which `n` texts have an entry.
    pub(super) fn new(n: usize) -> Self {
        let n_slots = (8 * (n + 8)).next_power_of_two().min(MOST_SLOTS);
        Self { slots: vec![Slot::default(); n_slots], misses: 0 }
    }

    #[inline]
    fn slot(&self, text: &Text<'_>) -> usize {
        let product = u128::from(text.first ^ 0x9e37_79b9_7f4a_7c15) * u128::from(text.second ^ 0xa24b_aed4_963e_e407);
        (product as u64 ^ (product >> 64) as u64) as usize & (self.slots.len() - 1)
    }

    /// Whether texts recur so often that it is worth the search.
    #[inline]
    pub(super) fn is_worth(&self) -> bool {
        self.misses < PATIENCE
    }

    /// The position of the entry of `text`, if it came lately.
    #[inline]
    pub(super) fn find(&mut self, text: &Text<'_>) -> Option<usize> {
        let Slot { first, second, length, position } = self.slots[self.slot(text)];
        // Word by word: wider loads would wait for the stores of the words.
        let differs = (first ^ text.first) | (second ^ text.second) | (u64::from(length) ^ text.bytes.len() as u64);
        let is_it = differs == 0 && position > 0;
        self.misses += if is_it { -4 } else { 1 };
        self.misses = self.misses.max(-PATIENCE);
        is_it.then(|| usize::from(position) - 1)
    }

    /// Note the position of an entry.
    #[inline]
    pub(super) fn note(&mut self, text: &Text<'_>, position: usize) {
        if text.is_short() {
            let (length, position) = (text.bytes.len() as u16, position as u16 + 1);
            let at = self.slot(text);
            self.slots[at] = Slot { first: text.first, second: text.second, length, position };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Recent, Text};

    #[test]
    fn texts_are_told_apart_by_bytes_and_length() {
        let bytes = b"abc\0\0defghijklmnopqrstuvwxyz\xc3\xa4";
        let mut recent = Recent::new(500);
        for length in 0..=bytes.len() {
            for start in 0..=bytes.len() - length {
                let (text, again) =
                    (Text::within(bytes, start, start + length), Text::of(&bytes[start..start + length]));
                assert_eq!((text.first, text.second), (again.first, again.second), "{start} {length}");
                assert_eq!(text.is_ascii(), text.bytes.is_ascii());
                recent.note(&text, start * 100 + length);
                assert_eq!(recent.find(&again), (length <= 16).then_some(start * 100 + length));
            }
        }
        recent.note(&Text::of(b"ab"), 7);
        assert_eq!(recent.find(&Text::of(b"ab\0")), None);
    }
}
