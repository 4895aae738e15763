//! The frame around every small file of ours: magic, kind, version, length, body, hash of all before it.

use crate::digest::{Digest, hex};
use crate::error::{Error, Result};

/// First bytes of every file in a format of ours.
pub const MAGIC: [u8; 4] = *b"LKBD";

/// Version of all formats; files of a higher one are refused.
pub const FORMAT_VERSION: u8 = 1;

const HEADER_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// `lakebed.warehouse`, the marker of a warehouse.
    Warehouse = b'W',
    /// One entry of a branch.
    Ref = b'R',
    /// A tag.
    Tag = b'T',
    /// A pack of objects; it has its own layout after the header.
    Pack = b'P',
    /// One entry of the record log.
    Record = b'X',
    /// One entry of the purge map.
    Purge = b'U',
    /// A rebuildable index of a branch's history.
    History = b'H',
    /// A rebuildable index of the ids of a branch's commits; it has its own layout after the header.
    CommitIds = b'I',
}

/// Wrap `body`.
pub fn seal(kind: Kind, body: &[u8]) -> Vec<u8> {
    let mut bytes = header(kind, body.len() as u64);
    bytes.extend_from_slice(body);
    bytes.extend_from_slice(&Digest::of(&bytes).0);
    bytes
}

/// The 16 bytes before a body of `length` bytes.
pub fn header(kind: Kind, length: u64) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&[kind as u8, FORMAT_VERSION, 0, 0]);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes
}

/// Check the frame of the file called `place` and give its body.
pub fn open<'a>(kind: Kind, bytes: &'a [u8], place: &str) -> Result<&'a [u8]> {
    let length = open_header(kind, bytes, place)? as usize;
    let total = length.saturating_add(HEADER_BYTES + HASH_BYTES);
    if bytes.len() != total {
        return Err(corrupt(place, "its length is wrong", total, bytes.len()));
    }
    let (framed, hash) = bytes.split_at(HEADER_BYTES + length);
    let found = Digest::of(framed);
    if found.0 != hash {
        return Err(corrupt(place, "its hash does not match", hex(hash), found));
    }
    Ok(&framed[HEADER_BYTES..])
}

/// Check the first 16 bytes and give the length that they state.
pub fn open_header(kind: Kind, bytes: &[u8], place: &str) -> Result<u64> {
    let Some(header) = bytes.get(..HEADER_BYTES) else {
        return Err(corrupt(place, "its header is cut", HEADER_BYTES, bytes.len()));
    };
    if header[..4] != MAGIC || header[4] != kind as u8 || header[6..8] != [0, 0] {
        let expected = format!("LKBD {}", kind as u8 as char);
        return Err(corrupt(place, "its header is wrong", expected, header[..8].escape_ascii()));
    }
    if header[5] != FORMAT_VERSION {
        let (found, supported) = (u32::from(header[5]), u32::from(FORMAT_VERSION));
        return Err(Error::FormatVersion { path: place.into(), found, supported });
    }
    let mut length = [0; 8];
    length.copy_from_slice(&header[8..]);
    Ok(u64::from_le_bytes(length))
}

fn corrupt(place: &str, problem: &str, expected: impl ToString, found: impl ToString) -> Error {
    Error::Corruption {
        path: place.into(),
        problem: problem.into(),
        expected: expected.to_string(),
        found: found.to_string(),
    }
}
