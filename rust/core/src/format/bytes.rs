//! Little-endian fields in and out of byte strings; reading past the end is a corruption error, never a panic.

use crate::error::{Error, Result};

/// Appends fields to a buffer.
#[derive(Default)]
pub(crate) struct Writer {
    pub(crate) bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn i128(&mut self, value: i128) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn raw(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
    }

    pub(crate) fn sized(&mut self, value: &[u8]) {
        self.u32(value.len() as u32);
        self.raw(value);
    }
}

/// Takes fields from the front of `bytes`; `place` names the file in errors.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    place: &'a str,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], place: &'a str) -> Self {
        Self { bytes, place }
    }

    /// Bytes that were not taken yet.
    pub(crate) fn n_left(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn raw(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or_else(|| Error::Corruption {
            path: self.place.into(),
            problem: "it ends too early".into(),
            expected: format!("{length} more bytes"),
            found: self.bytes.len().to_string(),
        })?;
        self.bytes = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.raw(N)?);
        Ok(array)
    }

    pub(crate) fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(crate) fn i128(&mut self) -> Result<i128> {
        Ok(i128::from_le_bytes(self.array()?))
    }

    pub(crate) fn digest(&mut self) -> Result<[u8; 32]> {
        self.array()
    }

    pub(crate) fn sized(&mut self) -> Result<&'a [u8]> {
        let length = self.u32()? as usize;
        self.raw(length)
    }

    /// A count of items of at least `item_bytes` each: refused before anything is allocated for it.
    pub(crate) fn count(&mut self, item_bytes: usize) -> Result<usize> {
        let count = self.u32()? as usize;
        if count.saturating_mul(item_bytes.max(1)) > self.bytes.len() {
            return Err(self.corrupt("a count is too large", &format!("at most {} bytes", self.bytes.len()), count));
        }
        Ok(count)
    }

    pub(crate) fn finish(self) -> Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        Err(self.corrupt("bytes are left over", "none", self.bytes.len()))
    }

    pub(crate) fn corrupt(&self, problem: &str, expected: &str, found: impl ToString) -> Error {
        Error::Corruption {
            path: self.place.into(),
            problem: problem.into(),
            expected: expected.into(),
            found: found.to_string(),
        }
    }
}
