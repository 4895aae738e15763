//! Manifest leaves: the data files of a part of a table, and apart from them the zones that prune those files.
//!
//! A leaf holds identities and counts only and is hashed into the commit. Zones hold smallest and largest values, so they
//! are a payload. Both are columns in canonical order: equal content is equal bytes.

use std::collections::BTreeMap;

use super::bytes::{Reader, Writer};
use super::pack::ObjectRef;
use crate::digest::{Digest, hex};
use crate::error::{Error, Result};

const LEAF_VERSION: u8 = 1;
const ZONES_VERSION: u8 = 1;
const FILE_BYTES: usize = 32 + 4 * 8 + 32 + 16;

/// One data file of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Keyed hash of the file's bytes, and its name.
    pub id: Digest,
    /// Rows in the file.
    pub n_rows: u64,
    /// Size of the file.
    pub size_bytes: u64,
    /// Row id of the file's first row; the others follow.
    pub first_row_id: u64,
    /// Sequence of the commit that wrote the rows.
    pub sequence: u64,
    /// Stored statistics of the file.
    pub summary: ObjectRef,
}

/// What is known of one column of one file without reading it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Zone {
    /// Rows that are null.
    pub n_null: u64,
    /// Whether a value is NaN; those lie outside of `min` and `max`.
    pub has_nan: bool,
    /// A value that no value is below; none where it is not known.
    pub min: Option<Bound>,
    /// A value that no value is above; none where it is not known.
    pub max: Option<Bound>,
}

/// An end of a range of values.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// Integers, booleans (0, 1) and times in their column's unit.
    Int(i128),
    /// Floats.
    Float(f64),
    /// Strings.
    Text(String),
}

/// Zones of one file, by field id.
pub type FileZones = BTreeMap<i32, Zone>;

/// Encode the files of a leaf.
pub fn encode_leaf(files: &[DataFile]) -> Result<Vec<u8>> {
    let mut out = Writer::default();
    out.u8(LEAF_VERSION);
    out.u32(files.len() as u32);
    for file in files {
        out.raw(&file.id.0);
        for number in [file.n_rows, file.size_bytes, file.first_row_id, file.sequence] {
            out.u64(number);
        }
        out.raw(&file.summary.id.parse::<Digest>()?.0);
        out.raw(&pack_bytes(&file.summary.pack)?);
    }
    Ok(out.bytes)
}

/// Decode a leaf; `place` names it in errors.
pub fn decode_leaf(bytes: &[u8], place: &str) -> Result<Vec<DataFile>> {
    let mut reader = Reader::new(bytes, place);
    check_version(&mut reader, LEAF_VERSION, place)?;
    let count = reader.count(FILE_BYTES)?;
    let mut files = Vec::with_capacity(count);
    for _ in 0..count {
        let id = Digest(reader.digest()?);
        let (n_rows, size_bytes) = (reader.u64()?, reader.u64()?);
        let (first_row_id, sequence) = (reader.u64()?, reader.u64()?);
        let summary = Digest(reader.digest()?).to_hex();
        let pack = hex(reader.raw(16)?);
        let summary = ObjectRef { id: summary, pack };
        files.push(DataFile { id, n_rows, size_bytes, first_row_id, sequence, summary });
    }
    reader.finish()?;
    Ok(files)
}

/// Encode the zones of a leaf's files, in the leaf's order.
pub fn encode_zones(files: &[FileZones]) -> Vec<u8> {
    let mut out = Writer::default();
    out.u8(ZONES_VERSION);
    out.u32(files.len() as u32);
    for zones in files {
        out.u32(zones.len() as u32);
        for (field_id, zone) in zones {
            out.u32(*field_id as u32);
            out.u64(zone.n_null);
            out.u8(u8::from(zone.has_nan));
            write_bound(&mut out, zone.min.as_ref());
            write_bound(&mut out, zone.max.as_ref());
        }
    }
    out.bytes
}

/// Decode zones; `place` names them in errors.
pub fn decode_zones(bytes: &[u8], place: &str) -> Result<Vec<FileZones>> {
    let mut reader = Reader::new(bytes, place);
    check_version(&mut reader, ZONES_VERSION, place)?;
    let count = reader.count(4)?;
    let mut files = Vec::with_capacity(count);
    for _ in 0..count {
        let mut zones = FileZones::new();
        for _ in 0..reader.count(15)? {
            let field_id = reader.u32()? as i32;
            let (n_null, has_nan) = (reader.u64()?, reader.u8()? != 0);
            let (min, max) = (read_bound(&mut reader)?, read_bound(&mut reader)?);
            zones.insert(field_id, Zone { n_null, has_nan, min, max });
        }
        files.push(zones);
    }
    reader.finish()?;
    Ok(files)
}

fn check_version(reader: &mut Reader<'_>, supported: u8, place: &str) -> Result<()> {
    let found = reader.u8()?;
    if found == supported {
        return Ok(());
    }
    Err(Error::FormatVersion { path: place.into(), found: found.into(), supported: supported.into() })
}

fn write_bound(out: &mut Writer, bound: Option<&Bound>) {
    match bound {
        None => out.u8(0),
        Some(Bound::Int(value)) => {
            out.u8(1);
            out.i128(*value);
        }
        Some(Bound::Float(value)) => {
            out.u8(2);
            out.u64(value.to_bits());
        }
        Some(Bound::Text(value)) => {
            out.u8(3);
            out.sized(value.as_bytes());
        }
    }
}

fn read_bound(reader: &mut Reader<'_>) -> Result<Option<Bound>> {
    Ok(match reader.u8()? {
        0 => None,
        1 => Some(Bound::Int(reader.i128()?)),
        2 => Some(Bound::Float(f64::from_bits(reader.u64()?))),
        3 => {
            let text = std::str::from_utf8(reader.sized()?).map(str::to_owned);
            Some(Bound::Text(text.map_err(|e| reader.corrupt("a zone is not text", "UTF-8", e))?))
        }
        other => return Err(reader.corrupt("a zone has an unknown type", "0 to 3", other)),
    })
}

fn pack_bytes(hex: &str) -> Result<[u8; 16]> {
    let invalid = || Error::InvalidName { what: "pack".into(), name: hex.into(), rule: "32 hexadecimal digits".into() };
    let number = u128::from_str_radix(hex, 16).map_err(|_| invalid())?;
    if hex.len() == 32 { Ok(number.to_be_bytes()) } else { Err(invalid()) }
}
