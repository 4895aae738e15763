//! Content hashes: how objects are named and how their bytes are checked.
//!
//! Names inside a warehouse are keyed BLAKE3, so that a name that leaves the warehouse cannot be used to confirm a guess
//! of erased content. Raw files of the lake use plain BLAKE3, so that users can check them with `b3sum`.

use std::fmt;
use std::io::Read;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A 256-bit BLAKE3 hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Plain BLAKE3 of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// BLAKE3 of `bytes` keyed with the warehouse's `key`.
    pub fn keyed(key: &[u8; 32], bytes: &[u8]) -> Self {
        Self(*blake3::keyed_hash(key, bytes).as_bytes())
    }

    /// Plain BLAKE3 and length of everything that `reader` gives, in bounded memory.
    pub fn of_reader(reader: &mut dyn Read) -> std::io::Result<(Self, u64)> {
        let mut hasher = blake3::Hasher::new();
        let size_bytes = std::io::copy(reader, &mut hasher)?;
        Ok((Self(*hasher.finalize().as_bytes()), size_bytes))
    }

    /// Lower-case hexadecimal, 64 characters.
    pub fn to_hex(self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }
}

/// Lower-case hexadecimal of any bytes.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.to_hex())
    }
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        blake3::Hash::from_hex(text).map(|hash| Self(*hash.as_bytes())).map_err(|_| Error::InvalidName {
            what: "hash".into(),
            name: text.into(),
            rule: "64 hexadecimal digits".into(),
        })
    }
}
