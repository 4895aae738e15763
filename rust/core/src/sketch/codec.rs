//! Little-endian writing and bounds-checked reading of encoded summaries.

use std::fmt::Display;

use crate::error::{Error, Result};

/// Append `value` in groups of seven bits, lowest first; the high bit says that more follow.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Append a signed integer, short if it is near zero.
pub(crate) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_varint(out, fold(value));
}

/// 0, -1, 1, -2, ... as 0, 1, 2, 3, ...
pub(crate) fn fold(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

/// What `fold` was given.
pub(crate) fn unfold(folded: u64) -> i64 {
    (folded >> 1) as i64 ^ -((folded & 1) as i64)
}

/// Takes values off the front of encoded bytes; never reads or allocates beyond what is there.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { bytes, what }
    }

    /// The error of every decoder.
    pub(crate) fn corrupt(&self, problem: &str, expected: impl Display, found: impl Display) -> Error {
        let (expected, found) = (format!("{expected}"), format!("{found}"));
        Error::Corruption { path: self.what.into(), problem: problem.into(), expected, found }
    }

    pub(crate) fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let Some((head, rest)) = self.bytes.split_at_checked(n) else {
            return Err(self.corrupt("the bytes end too early", format!("{n} more"), self.bytes.len()));
        };
        self.bytes = rest;
        Ok(head)
    }

    /// What has not been taken yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(crate) fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// An integer written by `put_signed`.
    pub(crate) fn signed(&mut self) -> Result<i64> {
        self.varint().map(unfold)
    }

    pub(crate) fn f64(&mut self) -> Result<f64> {
        Ok(f64::from_le_bytes(self.array()?))
    }

    pub(crate) fn i128(&mut self) -> Result<i128> {
        Ok(i128::from_le_bytes(self.array()?))
    }

    pub(crate) fn bool(&mut self) -> Result<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.corrupt("a flag is neither 0 nor 1", "0 or 1", other)),
        }
    }

    pub(crate) fn varint(&mut self) -> Result<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.corrupt("a number is too large", "at most 64 bits", "more"))
    }

    /// A count of items of at least `size` bytes each, so that what is allocated for them is bounded by the input.
    pub(crate) fn count(&mut self, size: usize) -> Result<usize> {
        let count = self.varint()?;
        let most = self.bytes.len() / size.max(1);
        match usize::try_from(count) {
            Ok(count) if count <= most => Ok(count),
            _ => Err(self.corrupt("a count exceeds the bytes that follow", format!("at most {most}"), count)),
        }
    }

    /// A length, then that many bytes.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = self.count(1)?;
        self.take(length)
    }

    pub(crate) fn string(&mut self) -> Result<String> {
        let bytes = self.bytes()?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.into()),
            Err(error) => Err(self.corrupt("a text is not UTF-8", "UTF-8", error)),
        }
    }

    /// Check the leading byte that says which version of the format follows.
    pub(crate) fn version(&mut self, supported: u8) -> Result<()> {
        match self.u8()? {
            found if found == supported => Ok(()),
            found => Err(self.corrupt("the version of the encoding is unknown", supported, found)),
        }
    }

    /// Nothing may follow the last field.
    pub(crate) fn finish(&self) -> Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        Err(self.corrupt("bytes follow the end", 0, self.bytes.len()))
    }
}
