//! A warehouse in memory: same rules as a directory, gone with its last handle. For tests and throw-away work.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::{ObjectStore, Upload};
use crate::error::Result;

type Objects = Arc<Mutex<BTreeMap<String, Stored>>>;

#[derive(Clone)]
struct Stored {
    bytes: Arc<Vec<u8>>,
    modified_us: i64,
}

impl Stored {
    fn now(bytes: Vec<u8>) -> Self {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
        Self { bytes: Arc::new(bytes), modified_us: elapsed.map_or(0, |elapsed| elapsed.as_micros() as i64) }
    }
}

/// Objects in a map.
#[derive(Default)]
pub struct MemoryStore {
    objects: Objects,
}

impl MemoryStore {
    fn find(&self, name: &str) -> Option<Arc<Vec<u8>>> {
        lock(&self.objects).get(name).map(|stored| Arc::clone(&stored.bytes))
    }
}

impl ObjectStore for MemoryStore {
    fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.find(name).map(|bytes| bytes.to_vec()))
    }

    fn get_range(&self, name: &str, offset: u64, length: u64) -> Result<Option<Vec<u8>>> {
        Ok(self.find(name).map(|bytes| {
            let start = bytes.len().min(offset as usize);
            let end = bytes.len().min(start.saturating_add(length as usize));
            bytes[start..end].to_vec()
        }))
    }

    fn size(&self, name: &str) -> Result<Option<u64>> {
        Ok(self.find(name).map(|bytes| bytes.len() as u64))
    }

    fn modified_us(&self, name: &str) -> Result<Option<i64>> {
        Ok(lock(&self.objects).get(name).map(|stored| stored.modified_us))
    }

    fn put_if_absent(&self, _needed: &[String], name: &str, bytes: &[u8]) -> Result<bool> {
        let mut objects = lock(&self.objects);
        if objects.contains_key(name) {
            return Ok(false);
        }
        objects.insert(name.into(), Stored::now(bytes.to_vec()));
        Ok(true)
    }

    fn stage(&self) -> Result<Box<dyn Upload>> {
        Ok(Box::new(MemoryUpload { objects: Arc::clone(&self.objects), bytes: Vec::new() }))
    }

    fn put_cache(&self, name: &str, bytes: &[u8]) -> Result<()> {
        lock(&self.objects).insert(name.into(), Stored::now(bytes.to_vec()));
        Ok(())
    }

    fn sync(&self, _names: &[String]) -> Result<()> {
        Ok(())
    }

    fn sync_names(&self, _names: &[String]) -> Result<()> {
        Ok(())
    }

    fn list(&self, folder: &str) -> Result<Vec<String>> {
        let prefix = format!("{folder}/");
        let objects = lock(&self.objects);
        let after = objects.range(prefix.clone()..).map(|(name, _)| name);
        Ok(after.take_while(|name| name.starts_with(&prefix)).cloned().collect())
    }

    fn folders(&self, folder: &str) -> Result<Vec<String>> {
        let names = self.list(folder)?;
        let below = |name: &String| Some(name.get(folder.len() + 1..)?.split_once('/')?.0.to_owned());
        let mut folders: Vec<String> = names.iter().filter_map(below).collect();
        folders.dedup();
        Ok(folders)
    }

    fn rename(&self, from: &str, to: &str) -> Result<bool> {
        let mut objects = lock(&self.objects);
        let Some(stored) = objects.remove(from) else { return Ok(false) };
        objects.insert(to.into(), stored);
        Ok(true)
    }

    fn delete(&self, name: &str) -> Result<()> {
        lock(&self.objects).remove(name);
        Ok(())
    }

    fn local_path(&self, _name: &str) -> Option<PathBuf> {
        None
    }

    fn prepare(&self, _folders: &[&str]) -> Result<()> {
        Ok(())
    }

    fn location(&self) -> String {
        "memory://".into()
    }
}

struct MemoryUpload {
    objects: Objects,
    bytes: Vec<u8>,
}

impl Write for MemoryUpload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Upload for MemoryUpload {
    fn publish(self: Box<Self>, name: &str) -> Result<()> {
        lock(&self.objects).insert(name.into(), Stored::now(self.bytes));
        Ok(())
    }
}

fn lock(objects: &Objects) -> MutexGuard<'_, BTreeMap<String, Stored>> {
    objects.lock().unwrap_or_else(PoisonError::into_inner)
}
