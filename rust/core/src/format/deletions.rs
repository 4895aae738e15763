//! Deletion vectors: the positions of a data file whose rows are gone, as a roaring bitmap.
//!
//! A file is never written again for a deletion. Stored bytes are one version byte and the portable serialisation of the
//! Roaring format specification, so any library of bitmaps reads them.

use roaring::RoaringBitmap;

use crate::error::{Error, Result};

const VERSION: u8 = 1;

/// Encode the deleted positions of one file.
pub fn encode_deletions(positions: &RoaringBitmap) -> Result<Vec<u8>> {
    let mut bytes = vec![VERSION];
    positions.serialize_into(&mut bytes).map_err(|e| Error::InvalidArgument(e.to_string()))?;
    Ok(bytes)
}

/// Decode the deleted positions of a file of `n_rows` rows of which `n_deleted` are gone; `place` names it in errors.
pub fn decode_deletions(bytes: &[u8], n_rows: u64, n_deleted: u64, place: &str) -> Result<RoaringBitmap> {
    let corrupt = |problem: &str, expected: String, found: String| Error::Corruption {
        path: place.into(),
        problem: problem.into(),
        expected,
        found,
    };
    let Some((version, mut body)) = bytes.split_first() else {
        return Err(corrupt("a deletion vector is empty", "a version".into(), "nothing".into()));
    };
    if *version != VERSION {
        let (found, supported) = (u32::from(*version), u32::from(VERSION));
        return Err(Error::FormatVersion { path: place.into(), found, supported });
    }
    let positions = RoaringBitmap::deserialize_from(&mut body)
        .map_err(|e| corrupt("a deletion vector cannot be read", "a roaring bitmap".into(), e.to_string()))?;
    if !body.is_empty() {
        return Err(corrupt("bytes follow a deletion vector", "none".into(), body.len().to_string()));
    }
    if positions.max().is_some_and(|last| u64::from(last) >= n_rows) || positions.len() != n_deleted {
        let expected = format!("{n_deleted} positions below {n_rows}");
        let found = format!("{} up to {}", positions.len(), positions.max().unwrap_or_default());
        return Err(corrupt("a deletion vector does not fit its file", expected, found));
    }
    Ok(positions)
}
