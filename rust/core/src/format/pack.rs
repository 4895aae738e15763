//! A pack: the objects of one commit in one file, each found by its id and checked against it.
//!
//! Layout: 16 bytes of header (length = that of the directory), the directory, its plain hash, then the stored bytes of
//! every object. An object's id is the keyed hash of its raw bytes; the pack's own name is random, so that a pack can be
//! rewritten to erase a payload without changing any id.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::bytes::{Reader, Writer};
use super::envelope::{self, Kind};
use super::names;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::object::ObjectStore;
use crate::random::random_hex;
use zstd::bulk::{Compressor, Decompressor};

const ENTRY_BYTES: usize = 60;
const HEADER_BYTES: u64 = 16;
const HASH_BYTES: u64 = 32;
/// No object of a pack is larger; a stated size above it is damage.
const MAX_OBJECT_BYTES: u64 = 1 << 32;
/// A zstd block has four bytes or more and gives 128 KiB at most, so no frame gives more for each of its bytes.
const MAX_RATIO: u64 = (128 << 10) / 4;
const LEVEL: i32 = 3;

thread_local! {
    // A new context asks the processor for its features, which costs more than most objects, above all in a virtual machine.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Where an object lies: its content's id and its pack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectRef {
    /// Keyed hash of the object's raw bytes, in hexadecimal.
    pub id: String,
    /// Random name of the pack that holds it.
    pub pack: String,
}

/// What an object may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Class {
    /// Structure: counts, types and ids only; hashed into commits.
    Structure = 0,
    /// May hold values of data; erasable through the purge map.
    Payload = 1,
}

/// An object as a pack stores it. Copies share the bytes.
#[derive(Debug, Clone)]
pub struct PackedObject {
    id: Digest,
    raw_bytes: u64,
    is_compressed: bool,
    stored: Arc<[u8]>,
}

impl PackedObject {
    /// Compress `raw`, if that makes it smaller.
    pub fn new(key: &[u8; 32], raw: &[u8]) -> Result<Self> {
        Self::with_id(Digest::keyed(key, raw), raw)
    }

    fn with_id(id: Digest, raw: &[u8]) -> Result<Self> {
        let packed = compress(raw).map_err(|e| invalid("compressed", &id, &e))?;
        let is_compressed = packed.len() < raw.len();
        let stored: Arc<[u8]> = if is_compressed { packed.into() } else { raw.into() };
        Ok(Self { id, raw_bytes: raw.len() as u64, is_compressed, stored })
    }

    /// The raw bytes.
    pub fn get(&self) -> Result<Vec<u8>> {
        if !self.is_compressed {
            return Ok(self.stored.to_vec());
        }
        decompress(&self.stored, self.raw_bytes as usize).map_err(|e| invalid("decompressed", &self.id, &e))
    }
}

/// Collects the objects of a commit.
pub struct PackWriter {
    id: String,
    key: [u8; 32],
    objects: Vec<(Class, PackedObject)>,
    seen: BTreeMap<Digest, usize>,
}

#[derive(Debug, Clone)]
struct Entry {
    offset: u64,
    stored_bytes: u64,
    raw_bytes: u64,
    compressed: bool,
}

impl PackWriter {
    /// An empty pack with a fresh random name.
    pub fn new(key: [u8; 32]) -> Result<Self> {
        Ok(Self { id: random_hex()?, key, objects: Vec::new(), seen: BTreeMap::new() })
    }

    /// Add an object; the same bytes are stored once.
    pub fn add(&mut self, class: Class, raw: &[u8]) -> Result<ObjectRef> {
        let id = Digest::keyed(&self.key, raw);
        if self.seen.contains_key(&id) {
            return Ok(self.reference(&id));
        }
        Ok(self.add_packed(class, PackedObject::with_id(id, raw)?))
    }

    /// Add an object that was packed with the key of this warehouse.
    pub fn add_packed(&mut self, class: Class, object: PackedObject) -> ObjectRef {
        let id = object.id;
        if let std::collections::btree_map::Entry::Vacant(place) = self.seen.entry(id) {
            place.insert(self.objects.len());
            self.objects.push((class, object));
        }
        self.reference(&id)
    }

    fn reference(&self, id: &Digest) -> ObjectRef {
        ObjectRef { id: id.to_hex(), pack: self.id.clone() }
    }

    /// An object that was added; `None` if it lies in another pack.
    pub fn get(&self, object: &ObjectRef) -> Option<Result<Vec<u8>>> {
        if object.pack != self.id {
            return None;
        }
        let at = self.seen.get(&object.id.parse().ok()?)?;
        self.objects.get(*at).map(|(_, object)| object.get())
    }

    /// The pack's name in the store.
    pub fn name(&self) -> String {
        names::pack(&self.id)
    }

    /// Stored bytes of all objects.
    pub fn size_bytes(&self) -> usize {
        self.objects.iter().map(|(_, object)| object.stored.len()).sum()
    }

    /// Write the pack's bytes: the objects of a large commit are not copied once more.
    pub fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut directory = Writer::default();
        directory.u32(self.objects.len() as u32);
        let mut offset = HEADER_BYTES + 4 + (self.objects.len() * ENTRY_BYTES) as u64 + HASH_BYTES;
        for (class, object) in &self.objects {
            directory.raw(&object.id.0);
            directory.u8(*class as u8);
            directory.u8(u8::from(object.is_compressed));
            directory.raw(&[0, 0]);
            directory.u64(offset);
            directory.u64(object.stored.len() as u64);
            directory.u64(object.raw_bytes);
            offset += object.stored.len() as u64;
        }
        let mut bytes = envelope::header(Kind::Pack, directory.bytes.len() as u64);
        bytes.extend_from_slice(&directory.bytes);
        bytes.extend_from_slice(&Digest::of(&bytes).0);
        out.write_all(&bytes)?;
        self.objects.iter().try_for_each(|(_, object)| out.write_all(&object.stored))
    }

    /// The pack's name in the store and its bytes.
    pub fn finish(self) -> (String, Vec<u8>) {
        let mut bytes = Vec::new();
        // Writing to memory cannot fail.
        let _ = self.write_to(&mut bytes);
        (self.name(), bytes)
    }
}

/// The directory of a stored pack.
#[derive(Debug)]
pub struct Pack {
    name: String,
    entries: BTreeMap<Digest, Entry>,
}

impl Pack {
    /// Read and check the directory of pack `id`.
    pub fn open(store: &dyn ObjectStore, id: &str) -> Result<Self> {
        let name = names::pack(id);
        // One read serves the packs of ordinary commits.
        let mut head = read(store, &name, 0, 16 << 10)?;
        let length = envelope::open_header(Kind::Pack, &head, &name)?;
        let size = store.size(&name)?.unwrap_or(0);
        let end = length.saturating_add(HEADER_BYTES + HASH_BYTES);
        if end > size {
            return Err(corrupt(&name, "its directory is cut", end, size));
        }
        if head.len() < end as usize {
            head = read(store, &name, 0, end)?;
        }
        let (framed, hash) = head
            .get(..end as usize)
            .and_then(|bytes| bytes.split_at_checked((HEADER_BYTES + length) as usize))
            .ok_or_else(|| corrupt(&name, "its directory is cut", end, head.len()))?;
        if Digest::of(framed).0 != hash {
            return Err(corrupt(&name, "the hash of its directory does not match", "the stored hash", "another"));
        }
        let entries = decode(&framed[HEADER_BYTES as usize..], &name, size)?;
        Ok(Self { name, entries })
    }

    /// Read object `id` and check it against `id`.
    pub fn get(&self, store: &dyn ObjectStore, key: &[u8; 32], id: &Digest) -> Result<Vec<u8>> {
        let entry = self.entries.get(id).ok_or_else(|| corrupt(&self.name, "an object is missing", id, "nothing"))?;
        let stored = read(store, &self.name, entry.offset, entry.stored_bytes)?;
        let raw = if entry.compressed {
            decompress(&stored, entry.raw_bytes as usize)
                .map_err(|e| corrupt(&self.name, "an object cannot be decompressed", id, e))?
        } else {
            stored
        };
        let found = Digest::keyed(key, &raw);
        if found != *id {
            return Err(corrupt(&self.name, "an object's hash does not match", id, found));
        }
        Ok(raw)
    }

    /// Ids of all objects, ascending.
    pub fn ids(&self) -> impl Iterator<Item = &Digest> {
        self.entries.keys()
    }
}

fn decode(directory: &[u8], name: &str, size: u64) -> Result<BTreeMap<Digest, Entry>> {
    let mut reader = Reader::new(directory, name);
    let mut entries = BTreeMap::new();
    for _ in 0..reader.count(ENTRY_BYTES)? {
        let id = Digest(reader.digest()?);
        let [_class, compressed] = [reader.u8()?, reader.u8()?];
        let compressed = compressed != 0;
        reader.raw(2)?;
        let (offset, stored_bytes, raw_bytes) = (reader.u64()?, reader.u64()?, reader.u64()?);
        if offset.saturating_add(stored_bytes) > size {
            return Err(corrupt(name, "it is cut", offset.saturating_add(stored_bytes), size));
        }
        let most = if compressed { stored_bytes.saturating_mul(MAX_RATIO).min(MAX_OBJECT_BYTES) } else { stored_bytes };
        if raw_bytes > most {
            return Err(corrupt(name, "an object is too large for its stored bytes", most, raw_bytes));
        }
        entries.insert(id, Entry { offset, stored_bytes, raw_bytes, compressed });
    }
    reader.finish()?;
    Ok(entries)
}

fn compress(raw: &[u8]) -> io::Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|kept| match kept {
        Some(compressor) => compressor.compress(raw),
        None => kept.insert(Compressor::new(LEVEL)?).compress(raw),
    })
}

fn decompress(stored: &[u8], raw_bytes: usize) -> io::Result<Vec<u8>> {
    DECOMPRESSOR.with_borrow_mut(|kept| match kept {
        Some(decompressor) => decompressor.decompress(stored, raw_bytes),
        None => kept.insert(Decompressor::new()?).decompress(stored, raw_bytes),
    })
}

fn read(store: &dyn ObjectStore, name: &str, offset: u64, length: u64) -> Result<Vec<u8>> {
    store.get_range(name, offset, length)?.ok_or_else(|| corrupt(name, "it is missing", "a file", "nothing"))
}

fn corrupt(name: &str, problem: &str, expected: impl ToString, found: impl ToString) -> Error {
    Error::Corruption {
        path: name.into(),
        problem: problem.into(),
        expected: expected.to_string(),
        found: found.to_string(),
    }
}

fn invalid(verb: &str, id: &Digest, source: &io::Error) -> Error {
    Error::InvalidArgument(format!("object {id} cannot be {verb}: {source}"))
}
