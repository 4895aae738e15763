//! Reading objects out of packs, checked at every read, with the directories of recent packs kept in memory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::DeserializeOwned;

use super::kept::Kept;
use super::purge::PurgeMap;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::format::names;
use crate::format::pack::{ObjectRef, Pack, PackWriter};
use crate::object::ObjectStore;

/// Directories kept before all are dropped: packs never change, so this bounds memory only.
const CACHED_PACKS: usize = 4096;
/// Largest pack that is remembered.
const MOST_NEWEST_BYTES: usize = 1 << 20;

/// The objects of a warehouse.
pub struct Objects {
    /// Where they lie.
    pub store: Arc<dyn ObjectStore>,
    /// Key of all ids.
    pub key: [u8; 32],
    /// Erased payloads.
    pub purge: PurgeMap,
    /// Whether rebuildable caches may be written.
    pub writes_caches: bool,
    /// Bytes of metadata and of data files that were read.
    pub counters: Counters,
    /// Decoded parts of manifests.
    pub kept: Kept,
    /// What is known of idempotency keys, by branch.
    pub(super) seen_keys: Mutex<HashMap<String, SeenKeys>>,
    packs: Mutex<HashMap<String, Arc<Pack>>>,
    /// The pack of the commit that was made last through this handle: the next one builds on it.
    newest: Mutex<Option<PackWriter>>,
    /// By folder, the entry that was synced last through this handle.
    durable: Mutex<HashMap<String, String>>,
}

/// Hashes of the idempotency keys in a branch's own entries.
#[derive(Default)]
pub(super) struct SeenKeys {
    /// First entry that was not looked at.
    pub(super) next: u64,
    /// Number of the entry with a key, by the key's hash.
    pub(super) sequences: HashMap<String, u64>,
}

/// What was read since the warehouse was opened.
#[derive(Debug, Default)]
pub struct Counters {
    /// Bytes of objects taken from packs, before compression.
    pub metadata_bytes: AtomicU64,
    /// Bytes of data files that were opened for reading or hashed.
    pub data_bytes: AtomicU64,
    /// Data files that were opened for reading or hashed.
    pub data_files: AtomicU64,
}

impl Objects {
    /// Objects of the warehouse in `store`.
    pub fn new(store: Arc<dyn ObjectStore>, key: [u8; 32], writes_caches: bool) -> Result<Self> {
        let purge = PurgeMap::load(store.as_ref())?;
        Ok(Self {
            store,
            key,
            purge,
            writes_caches,
            counters: Counters::default(),
            kept: Kept::default(),
            seen_keys: Mutex::default(),
            packs: Mutex::default(),
            newest: Mutex::default(),
            durable: Mutex::default(),
        })
    }

    /// Make sure that entry `name` of a branch or of the record log is on disk, whoever wrote it, before anything builds on
    /// it: else a power cut could take it away from below what is acknowledged later.
    pub fn settle(&self, name: &str) -> Result<()> {
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        let known = |durable: &HashMap<String, String>| durable.get(folder).is_some_and(|known| known == name);
        if !known(&self.durable.lock().unwrap_or_else(PoisonError::into_inner)) {
            self.store.sync(&[name.to_owned()])?;
            self.note_durable(name);
        }
        Ok(())
    }

    /// Remember that an entry was synced through this handle.
    pub fn note_durable(&self, name: &str) {
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        self.durable.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.into(), name.into());
    }

    /// Remember the pack of a commit that was made, if it is small.
    pub fn note_pack(&self, pack: PackWriter) {
        if pack.size_bytes() <= MOST_NEWEST_BYTES {
            *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(pack);
        }
    }

    /// Read everything from the store again.
    pub fn forget_pack(&self) {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The raw bytes of an object; a purged payload is a corruption error that says so.
    pub fn get(&self, object: &ObjectRef) -> Result<Vec<u8>> {
        let Some(id) = self.purge.resolve(&object.id) else {
            return Err(Error::Corruption {
                path: names::pack(&object.pack),
                problem: "the object was erased by a purge".into(),
                expected: object.id.clone(),
                found: "nothing".into(),
            });
        };
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = newest.as_ref().filter(|_| *id == object.id).and_then(|pack| pack.get(object));
        drop(newest);
        let bytes = match kept {
            Some(bytes) => bytes?,
            None => self.pack(&object.pack)?.get(self.store.as_ref(), &self.key, &id.parse::<Digest>()?)?,
        };
        self.counters.metadata_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(bytes)
    }

    /// An object of canonical JSON.
    pub fn get_json<T: DeserializeOwned>(&self, object: &ObjectRef) -> Result<T> {
        serde_json::from_slice(&self.get(object)?).map_err(|e| Error::Corruption {
            path: names::pack(&object.pack),
            problem: "an object cannot be read".into(),
            expected: std::any::type_name::<T>().rsplit("::").next().unwrap_or_default().into(),
            found: e.to_string(),
        })
    }

    /// An object of canonical JSON, or the empty one where there is no reference.
    pub fn get_or_default<T: DeserializeOwned + Default>(&self, object: Option<&ObjectRef>) -> Result<T> {
        object.map_or_else(|| Ok(T::default()), |object| self.get_json(object))
    }

    /// The directory of a pack.
    pub fn pack(&self, id: &str) -> Result<Arc<Pack>> {
        let cached = self.packs.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        if let Some(pack) = cached {
            return Ok(pack);
        }
        let pack = Arc::new(Pack::open(self.store.as_ref(), id)?);
        let mut packs = self.packs.lock().unwrap_or_else(PoisonError::into_inner);
        if packs.len() >= CACHED_PACKS {
            packs.clear();
        }
        packs.insert(id.to_owned(), Arc::clone(&pack));
        Ok(pack)
    }
}
