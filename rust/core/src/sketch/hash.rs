//! The one hash of a value, shared by all summaries: XXH3-64 without a seed, a fixed and published function.
//!
//! Stored summaries hold these hashes or registers made of them, so the function is part of the format.

use xxhash_rust::xxh3::xxh3_64;

use super::BLOCK;
use super::vector::vectorised;

/// XXH3-64 of bytes.
#[inline]
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// XXH3-64 of the eight little-endian bytes of `value`.
///
/// A bijection: different values have different hashes. Written out because the general function branches on the
/// length; `hash_bytes` gives the same.
#[inline]
pub fn hash_u64(value: u64) -> u64 {
    const BITFLIP: u64 = 0xc73a_b174_c5ec_d5a2;
    const PRIME: u64 = 0x9fb2_1c65_1e98_df25;
    let mut hash = value.rotate_left(32) ^ BITFLIP;
    hash ^= hash.rotate_left(49) ^ hash.rotate_left(24);
    hash = hash.wrapping_mul(PRIME);
    hash ^= (hash >> 35).wrapping_add(8);
    hash = hash.wrapping_mul(PRIME);
    hash ^ (hash >> 28)
}

vectorised! { pub(crate) fn hash_all(values: &[u64], hashes: &mut [u64; BLOCK]) -> () = hash_each }

/// `hash_u64` of at most a block of values.
#[inline(always)]
#[allow(clippy::inline_always)] // As `vectorised` asks.
fn hash_each(values: &[u64], hashes: &mut [u64; BLOCK]) {
    for (hash, &value) in hashes.iter_mut().zip(values) {
        *hash = hash_u64(value);
    }
}
