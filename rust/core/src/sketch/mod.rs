//! Mergeable summaries of the values of one column: update, merge, encode, decode.
//!
//! Each summary is bounded in size, so that it can be stored beside every data file and merged for every version.
//! [`Distinct`] and [`BitHistogram`] merge exactly: any order of merges gives the same bytes as one pass over all
//! values. [`Moments`], [`Quantiles`] and [`Frequent`] keep exact counts and stay within their stated error in any order;
//! they give the same bytes only if merged in the same order. Decoding checks every bound: damaged bytes are an error, never a
//! panic. The summaries do not know columns, types or nulls; `statistics` does.

pub(crate) mod vector;
mod codec;
mod rice;
mod hash;
mod index;
mod sieve;
mod recent;
mod whole;
mod moments;
mod bits;
mod runs;
mod quantiles;
mod hll;
mod distinct;
mod opening;
mod frequent;
mod misra_gries;

pub use bits::{BitHistogram, Cell};
pub use distinct::Distinct;
pub use frequent::{Frequent, FrequentValue};
pub use hash::{hash_bytes, hash_u64};
pub use moments::Moments;
pub use quantiles::Quantiles;
pub use whole::WholeSum;

pub(crate) use bits::{key_of, value_of};
pub(crate) use codec::{Reader, put_varint};
pub(crate) use hash::hash_all;
pub(crate) use misra_gries::MisraGries;
pub(crate) use opening::{Opening, Outlook};
pub(crate) use recent::Text;
pub(crate) use runs::sort_counted;
pub(crate) use vector::vectorised;

/// Values that a numeric pass handles at a time: 16 KiB of them stay in the first-level cache.
pub const BLOCK: usize = 2048;
