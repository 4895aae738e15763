//! Manifest leaves: the data files of a part of a table, and apart from them the zones that prune those files.
//!
//! A leaf holds identities and counts only and is hashed into the commit. Zones hold smallest and largest values, so they
//! are a payload. Both are columns in canonical order: equal content is equal bytes.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::bytes::{Reader, Writer};
use super::pack::ObjectRef;
use crate::digest::{Digest, hex};
use crate::error::{Error, Result};

const LEAF_VERSION: u8 = 1;
const ZONES_VERSION: u8 = 1;
/// No list of zones without columns is longer.
const MOST_FILES: usize = 1 << 16;
const FILE_BYTES: usize = 32 + 5 * 8 + 4 + 4 + OBJECT_BYTES + 1;
const OBJECT_BYTES: usize = 32 + 16;
/// Flags of what a file has besides.
const HAS_DELETIONS: u8 = 1;
const HAS_ROW_IDS: u8 = 2;
/// Where a file belongs to no bucket.
const NO_BUCKET: u32 = u32::MAX;

/// One data file of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Keyed hash of the file's bytes, and its name.
    pub id: Digest,
    /// Rows in the file.
    pub n_rows: u64,
    /// Size of the file.
    pub size_bytes: u64,
    /// Least row id of the file; without `row_ids` that of its first row, and the others follow.
    pub first_row_id: u64,
    /// Greatest row id of the file.
    pub last_row_id: u64,
    /// Sequence of the commit that wrote the rows; of moved rows, `row_ids` tells it.
    pub sequence: u64,
    /// The schema of the table whose columns the file has.
    pub schema_id: u32,
    /// The bucket to which all rows belong.
    pub bucket: Option<u32>,
    /// Stored statistics of the file, of all its rows.
    pub summary: ObjectRef,
    /// Rows that are gone.
    pub deletions: Option<Deletions>,
    /// Payload: row ids, where they do not simply follow.
    pub row_ids: Option<ObjectRef>,
}

/// The deletion vector of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletions {
    /// Rows that are gone.
    pub n_rows: u64,
    /// Payload: their positions.
    pub positions: ObjectRef,
}

impl DataFile {
    /// Rows that are still there.
    pub fn n_live(&self) -> u64 {
        self.n_rows.saturating_sub(self.n_deleted())
    }

    /// Rows that are gone.
    pub fn n_deleted(&self) -> u64 {
        self.deletions.as_ref().map_or(0, |deletions| deletions.n_rows)
    }
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

/// What is known of one column of one file; borrowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ZoneRef<'a> {
    /// Rows that are null.
    pub n_null: u64,
    /// Whether a value is NaN; those lie outside of `min` and `max`.
    pub has_nan: bool,
    /// A value that no value is below; none where it is not known.
    pub min: Option<BoundRef<'a>>,
    /// A value that no value is above; none where it is not known.
    pub max: Option<BoundRef<'a>>,
}

/// An end of a range of values; borrowed.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)] // As in `Bound`.
pub enum BoundRef<'a> {
    Int(i128),
    Float(f64),
    Text(&'a str),
}

impl Bound {
    /// The same, borrowed.
    pub fn borrowed(&self) -> BoundRef<'_> {
        match self {
            Self::Int(value) => BoundRef::Int(*value),
            Self::Float(value) => BoundRef::Float(*value),
            Self::Text(value) => BoundRef::Text(value),
        }
    }
}

impl BoundRef<'_> {
    /// The same, owned.
    pub fn owned(self) -> Bound {
        match self {
            Self::Int(value) => Bound::Int(value),
            Self::Float(value) => Bound::Float(value),
            Self::Text(value) => Bound::Text(value.to_owned()),
        }
    }
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
        for number in [file.n_rows, file.size_bytes, file.first_row_id, file.last_row_id, file.sequence] {
            out.u64(number);
        }
        out.u32(file.schema_id);
        out.u32(file.bucket.unwrap_or(NO_BUCKET));
        write_object(&mut out, &file.summary)?;
        let has = |present: bool, flag: u8| if present { flag } else { 0 };
        out.u8(has(file.deletions.is_some(), HAS_DELETIONS) | has(file.row_ids.is_some(), HAS_ROW_IDS));
        if let Some(deletions) = &file.deletions {
            out.u64(deletions.n_rows);
            write_object(&mut out, &deletions.positions)?;
        }
        if let Some(row_ids) = &file.row_ids {
            write_object(&mut out, row_ids)?;
        }
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
        files.push(read_file(&mut reader)?);
    }
    reader.finish()?;
    Ok(files)
}

/// The files of a leaf as they are stored: each is decoded when it is asked for.
#[derive(Debug)]
pub struct LeafEntries {
    bytes: Vec<u8>,
    place: String,
    starts: Vec<u32>,
}

impl LeafEntries {
    /// Find where each file stands in an encoded leaf; `place` names it in errors.
    pub fn new(bytes: Vec<u8>, place: &str) -> Result<Self> {
        let mut reader = Reader::new(&bytes, place);
        check_version(&mut reader, LEAF_VERSION, place)?;
        let count = reader.count(FILE_BYTES)?;
        let mut starts = Vec::with_capacity(count);
        for _ in 0..count {
            starts.push((bytes.len() - reader.n_left()) as u32);
            reader.raw(FILE_BYTES - 1)?;
            let flags = reader.u8()?;
            if flags & HAS_DELETIONS != 0 {
                reader.raw(8 + OBJECT_BYTES)?;
            }
            if flags & HAS_ROW_IDS != 0 {
                reader.raw(OBJECT_BYTES)?;
            }
        }
        reader.finish()?;
        Ok(Self { bytes, place: place.into(), starts })
    }

    /// File `at`; none where there are not so many.
    pub fn get(&self, at: usize) -> Result<Option<DataFile>> {
        let Some(bytes) = self.starts.get(at).and_then(|start| self.bytes.get(*start as usize..)) else {
            return Ok(None);
        };
        read_file(&mut Reader::new(bytes, &self.place)).map(Some)
    }

    /// Number of files.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there are no files.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Bytes in memory.
    pub fn size_bytes(&self) -> usize {
        size_of::<Self>() + self.bytes.capacity() + 4 * self.starts.capacity()
    }
}

fn read_file(reader: &mut Reader<'_>) -> Result<DataFile> {
    let id = Digest(reader.digest()?);
    let (n_rows, size_bytes) = (reader.u64()?, reader.u64()?);
    let (first_row_id, last_row_id, sequence) = (reader.u64()?, reader.u64()?, reader.u64()?);
    let (schema_id, bucket) = (reader.u32()?, reader.u32()?);
    let summary = read_object(reader)?;
    let flags = reader.u8()?;
    if flags > (HAS_DELETIONS | HAS_ROW_IDS) {
        return Err(reader.corrupt("a file has unknown flags", "0 to 3", flags));
    }
    let mut deletions = None;
    if flags & HAS_DELETIONS != 0 {
        let n_deleted = reader.u64()?;
        if n_deleted > n_rows {
            return Err(reader.corrupt("more rows are deleted than there are", &n_rows.to_string(), n_deleted));
        }
        deletions = Some(Deletions { n_rows: n_deleted, positions: read_object(reader)? });
    }
    let row_ids = if flags & HAS_ROW_IDS == 0 { None } else { Some(read_object(reader)?) };
    let bucket = (bucket != NO_BUCKET).then_some(bucket);
    Ok(DataFile {
        id,
        n_rows,
        size_bytes,
        first_row_id,
        last_row_id,
        sequence,
        schema_id,
        bucket,
        summary,
        deletions,
        row_ids,
    })
}

fn write_object(out: &mut Writer, object: &ObjectRef) -> Result<()> {
    out.raw(&object.id.parse::<Digest>()?.0);
    out.raw(&pack_bytes(&object.pack)?);
    Ok(())
}

fn read_object(reader: &mut Reader<'_>) -> Result<ObjectRef> {
    let id = Digest(reader.digest()?).to_hex();
    Ok(ObjectRef { id, pack: hex(reader.raw(16)?) })
}

/// Encode the zones of a leaf's files, or of a node's leaves, column by column.
pub fn encode_zones(files: &[FileZones]) -> Vec<u8> {
    let columns: BTreeSet<i32> = files.iter().flat_map(|zones| zones.keys().copied()).collect();
    let mut out = Writer::default();
    out.u8(ZONES_VERSION);
    out.u32(files.len() as u32);
    out.u32(columns.len() as u32);
    for field_id in columns {
        let mut column = Writer::default();
        for zones in files {
            match zones.get(&field_id) {
                None => column.u8(0),
                Some(zone) => {
                    column.u8(1 + u8::from(zone.has_nan));
                    column.u64(zone.n_null);
                    write_bound(&mut column, zone.min.as_ref());
                    write_bound(&mut column, zone.max.as_ref());
                }
            }
        }
        out.u32(field_id as u32);
        out.sized(&column.bytes);
    }
    out.bytes
}

/// Decode zones; `place` names them in errors.
pub fn decode_zones(bytes: &[u8], place: &str) -> Result<Vec<FileZones>> {
    let (n_files, sections) = zone_sections(bytes, place)?;
    let mut files = vec![FileZones::new(); n_files];
    for (field_id, section) in sections {
        let mut section = Reader::new(section, place);
        for zones in &mut files {
            if let Some(zone) = read_zone(&mut section)? {
                let (min, max) = (zone.min.map(BoundRef::owned), zone.max.map(BoundRef::owned));
                zones.insert(field_id, Zone { n_null: zone.n_null, has_nan: zone.has_nan, min, max });
            }
        }
        section.finish()?;
    }
    Ok(files)
}

/// Bytes of the zones of each column, by its field id.
type Sections<'a> = Vec<(i32, &'a [u8])>;

/// Number of files of encoded zones, and the bytes of each column by its field id.
pub(super) fn zone_sections<'a>(bytes: &'a [u8], place: &'a str) -> Result<(usize, Sections<'a>)> {
    let mut reader = Reader::new(bytes, place);
    check_version(&mut reader, ZONES_VERSION, place)?;
    let (n_files, n_columns) = (reader.u32()? as usize, reader.count(8)?);
    if n_columns == 0 && n_files > MOST_FILES {
        return Err(reader.corrupt("zones without columns are of too many files", &MOST_FILES.to_string(), n_files));
    }
    let mut sections = Vec::with_capacity(n_columns);
    for _ in 0..n_columns {
        let (field_id, section) = (reader.u32()? as i32, reader.sized()?);
        // Each file has a byte or more, so that a count that is too large is found before anything is allocated for it.
        if section.len() < n_files {
            return Err(reader.corrupt("a column of zones is too short", &n_files.to_string(), section.len()));
        }
        sections.push((field_id, section));
    }
    reader.finish()?;
    Ok((n_files, sections))
}

/// The zone of the next file of a column.
pub(super) fn read_zone<'a>(reader: &mut Reader<'a>) -> Result<Option<ZoneRef<'a>>> {
    let has_nan = match reader.u8()? {
        0 => return Ok(None),
        1 => false,
        2 => true,
        other => return Err(reader.corrupt("a zone has an unknown kind", "0 to 2", other)),
    };
    let n_null = reader.u64()?;
    let (min, max) = (read_bound(reader)?, read_bound(reader)?);
    Ok(Some(ZoneRef { n_null, has_nan, min, max }))
}

/// What holds of all rows of files with these zones. A column that one of them says nothing of is left out.
pub fn merge_zones(files: &[FileZones]) -> FileZones {
    let Some((first, rest)) = files.split_first() else { return FileZones::new() };
    let mut merged = first.clone();
    for zones in rest {
        merged.retain(|field_id, zone| match zones.get(field_id) {
            None => false,
            Some(other) => {
                zone.merge(other);
                true
            }
        });
    }
    merged
}

impl Zone {
    fn merge(&mut self, other: &Self) {
        self.min = widest(self.min.take(), other.min.as_ref(), Ordering::Less);
        self.max = widest(self.max.take(), other.max.as_ref(), Ordering::Greater);
        self.n_null += other.n_null;
        self.has_nan |= other.has_nan;
    }
}

/// Of two bounds the one that lies in the direction; none where one of them is not known.
fn widest(own: Option<Bound>, other: Option<&Bound>, direction: Ordering) -> Option<Bound> {
    let (own, other) = (own?, other?);
    let order = match (other, &own) {
        (Bound::Int(a), Bound::Int(b)) => a.cmp(b),
        (Bound::Float(a), Bound::Float(b)) => a.partial_cmp(b)?,
        (Bound::Text(a), Bound::Text(b)) => a.cmp(b),
        _ => return None,
    };
    Some(if order == direction { other.clone() } else { own })
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

fn read_bound<'a>(reader: &mut Reader<'a>) -> Result<Option<BoundRef<'a>>> {
    Ok(match reader.u8()? {
        0 => None,
        1 => Some(BoundRef::Int(reader.i128()?)),
        2 => Some(BoundRef::Float(f64::from_bits(reader.u64()?))),
        3 => {
            let text = std::str::from_utf8(reader.sized()?);
            Some(BoundRef::Text(text.map_err(|e| reader.corrupt("a zone is not text", "UTF-8", e))?))
        }
        other => return Err(reader.corrupt("a zone has an unknown type", "0 to 3", other)),
    })
}

fn pack_bytes(hex: &str) -> Result<[u8; 16]> {
    let invalid = || Error::InvalidName { what: "pack".into(), name: hex.into(), rule: "32 hexadecimal digits".into() };
    let number = u128::from_str_radix(hex, 16).map_err(|_| invalid())?;
    if hex.len() == 32 { Ok(number.to_be_bytes()) } else { Err(invalid()) }
}
