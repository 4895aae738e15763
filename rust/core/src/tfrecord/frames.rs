//! Records out of a stream of bytes: length, checksum of the length, data, checksum of the data.

use super::crc;
use crate::error::{Error, Result};

const HEADER: usize = 12;
const FOOTER: usize = 4;
/// A longer record is taken for damage: protobuf messages end at 2 GiB.
const LONGEST: u64 = 1 << 31;

/// What is left of the bytes so far.
#[derive(Default)]
pub(super) struct Frames {
    rest: Vec<u8>,
    /// Where `rest` begins in the file.
    offset: u64,
    n_records: u64,
}

impl Frames {
    /// Call `f` with each record that is complete, and its number from 1.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        place: &str,
        mut f: impl FnMut(&[u8], u64) -> Result<()>,
    ) -> Result<()> {
        let mut buffer = std::mem::take(&mut self.rest);
        buffer.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(length) = self.length(&buffer[at..], place)? {
            let Some(record) = buffer[at + HEADER..].get(..length) else { break };
            let Some(footer) = buffer[at + HEADER + length..].first_chunk::<FOOTER>() else { break };
            self.check("data", crc::masked(record), u32::from_le_bytes(*footer), place)?;
            self.n_records += 1;
            f(record, self.n_records)?;
            let size = HEADER + length + FOOTER;
            at += size;
            self.offset += size as u64;
        }
        buffer.drain(..at);
        self.rest = buffer;
        Ok(())
    }

    fn length(&self, bytes: &[u8], place: &str) -> Result<Option<usize>> {
        let Some(header) = bytes.first_chunk::<HEADER>() else { return Ok(None) };
        let (length, checksum) = header.split_at(8);
        let mut number = [0; 8];
        number.copy_from_slice(length);
        let mut found = [0; 4];
        found.copy_from_slice(checksum);
        self.check("length", crc::masked(length), u32::from_le_bytes(found), place)?;
        match u64::from_le_bytes(number) {
            length if length <= LONGEST => Ok(Some(length as usize)),
            length => Err(self.corrupt("is too long", format!("at most {LONGEST} bytes"), length, place)),
        }
    }

    fn check(&self, what: &str, expected: u32, found: u32, place: &str) -> Result<()> {
        if expected == found {
            return Ok(());
        }
        let problem = format!("is damaged: the checksum of its {what} does not match");
        Err(self.corrupt(&problem, format!("{expected:08x}"), format!("{found:08x}"), place))
    }

    fn corrupt(&self, problem: &str, expected: impl ToString, found: impl ToString, place: &str) -> Error {
        Error::Corruption {
            path: place.into(),
            problem: format!("record {} at byte {} {problem}", self.n_records + 1, self.offset),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }

    pub(super) fn finish(&self, place: &str) -> Result<()> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(self.corrupt("is cut short", "a whole record", format!("{} bytes", self.rest.len()), place))
    }
}
