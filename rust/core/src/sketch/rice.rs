//! Sequences of numbers in few bits: Rice codes, which come close to the entropy of gaps between sorted values.
//!
//! One byte k, then for each number x: x >> k ones and a zero, then the k low bits of x, all from the low bit of each
//! byte upwards. A number with [`LONGEST`] ones or more is written as that many ones and its 64 bits. The last byte is
//! filled up with zeros. How many numbers there are is known from elsewhere.

use super::codec::Reader;
use crate::error::Result;

/// Ones that say: all bits follow.
const LONGEST: u64 = 24;

/// Append `values` with the k that needs the fewest bits, as their bit lengths tell.
pub(crate) fn put_rice(out: &mut Vec<u8>, values: impl Iterator<Item = u64> + Clone) {
    let k = best(&tally(values.clone().map(|value| (64 - value.leading_zeros()) as usize)));
    out.push(k as u8);
    let mut bits = Writer { out, word: 0, filled: 0 };
    for value in values {
        let ones = value >> k;
        if ones < LONGEST && k < 64 - LONGEST as u32 {
            let low = value & ((1 << k) - 1);
            bits.push(((1 << ones) - 1) | low << (ones + 1), ones as u32 + 1 + k);
        } else if ones < LONGEST {
            bits.push((1 << ones) - 1, ones as u32 + 1);
            bits.push(value & ((1 << k) - 1), k);
        } else {
            bits.push((1 << LONGEST) - 1, LONGEST as u32);
            bits.push(value, 64);
        }
    }
    bits.finish();
}

/// How often each number below `N` occurs; it takes turns between tables, since to count up one place again and again has to
/// wait for itself.
pub(super) fn tally<const N: usize>(numbers: impl Iterator<Item = usize>) -> [u64; N] {
    let mut tables = [[0_u64; N]; 4];
    for (at, number) in numbers.enumerate() {
        tables[at % 4][number.min(N - 1)] += 1;
    }
    std::array::from_fn(|number| tables.iter().map(|table| table[number]).sum())
}

/// The k for numbers of which `lengths` says how many have so many bits.
fn best(lengths: &[u64; 65]) -> u32 {
    // Few lengths occur, and beyond the longest one a larger k only adds bits.
    let mut occurring = [(0, 0); 65];
    let mut n = 0;
    for (length, &count) in (0..).zip(lengths).filter(|(_, count)| **count > 0) {
        occurring[n] = (length, count);
        n += 1;
    }
    let occurring = &occurring[..n];
    let longest = occurring.last().map_or(0, |last| last.0);
    (0..=longest.min(63)).min_by_key(|&k| size(occurring, k)).unwrap_or(0)
}

/// About how many bits numbers need if each lies in the middle of those of its length.
fn size(lengths: &[(u32, u64)], k: u32) -> u64 {
    let one = |length: u32| match length.saturating_sub(k) {
        0 => u64::from(k) + 1,
        more if more < 6 && (3 << more) >> 2 < LONGEST => u64::from(k) + 1 + ((3 << more) >> 2),
        _ => LONGEST + 64,
    };
    lengths.iter().fold(0, |sum, &(length, n)| sum.saturating_add(n.saturating_mul(one(length))))
}

struct Writer<'a> {
    out: &'a mut Vec<u8>,
    word: u64,
    filled: u32,
}

impl Writer<'_> {
    /// Append the low `n` bits of `bits`, which has no others; at most 64.
    #[inline]
    fn push(&mut self, bits: u64, n: u32) {
        self.word |= bits << self.filled;
        let filled = self.filled + n;
        if filled >= 64 {
            self.out.extend_from_slice(&self.word.to_le_bytes());
            self.word = (bits >> 1) >> (63 - self.filled);
        }
        self.filled = filled % 64;
    }

    fn finish(self) {
        self.out.extend(&self.word.to_le_bytes()[..self.filled.div_ceil(8) as usize]);
    }
}

/// Take `n` numbers off the front.
pub(crate) fn rice(reader: &mut Reader<'_>, n: usize) -> Result<Vec<u64>> {
    let k = u32::from(reader.u8()?);
    let rest = reader.rest();
    if k > 63 || n / 8 > rest.len() {
        return Err(reader.corrupt("packed numbers exceed the bytes that follow", rest.len(), n / 8));
    }
    let mut values = Vec::with_capacity(n);
    let mut at = 0;
    for _ in 0..n {
        let ones = u64::from((!window(rest, at)).trailing_zeros()).min(LONGEST);
        let (after, n_low) = if ones < LONGEST { (at + ones as usize + 1, k) } else { (at + ones as usize, 64) };
        let low = bits(rest, after, n_low);
        values.push(if ones < LONGEST { ones << k | low } else { low });
        at = after + n_low as usize;
    }
    reader.take(at.div_ceil(8))?;
    Ok(values)
}

/// At least 57 bits from bit `at` on; zeros behind the end.
#[inline]
fn window(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at / 8..).unwrap_or_default();
    let word = match rest.first_chunk() {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
    };
    word >> (at % 8)
}

/// `n` bits from bit `at` on, at most 64.
#[inline]
fn bits(bytes: &[u8], at: usize, n: u32) -> u64 {
    if n <= 56 {
        return window(bytes, at) & ((1 << n) - 1);
    }
    let (low, high) = (window(bytes, at) & ((1 << 32) - 1), window(bytes, at + 32));
    low | (high & ((1 << (n - 32)) - 1)) << 32
}

#[cfg(test)]
mod tests {
    use super::{Reader, put_rice, rice};

    #[test]
    fn numbers_of_any_size_come_back() {
        let mixed = [0, 1, 5, 1 << 20, u64::MAX, 0, 3, u64::MAX - 1, 1 << 63];
        for values in [vec![], vec![0; 1000], vec![u64::MAX; 3], mixed.to_vec(), (0..3000).map(|i| i % 37).collect()] {
            let mut out = vec![7];
            put_rice(&mut out, values.iter().copied());
            out.push(9);
            let mut reader = Reader::new("numbers", &out[1..]);
            assert_eq!(rice(&mut reader, values.len()).ok(), Some(values));
            assert_eq!(reader.rest(), [9]);
        }
    }

    #[test]
    fn gaps_take_little_more_than_their_entropy() {
        let mut out = Vec::new();
        put_rice(&mut out, (0..1000_u64).map(|i| super::super::hash_u64(i) % 512));
        assert!(out.len() < 1200, "{}", out.len());
    }
}
