//! A warehouse in memory: same rules as a directory, gone with its last handle. For tests and throw-away work.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{ObjectStore, Upload};
use crate::error::Result;

type Objects = Arc<Mutex<BTreeMap<String, Arc<Vec<u8>>>>>;

/// Objects in a map.
#[derive(Default)]
pub struct MemoryStore {
    objects: Objects,
}

impl MemoryStore {
    fn find(&self, name: &str) -> Option<Arc<Vec<u8>>> {
        lock(&self.objects).get(name).cloned()
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

    fn put_if_absent(&self, name: &str, bytes: &[u8]) -> Result<bool> {
        let mut objects = lock(&self.objects);
        if objects.contains_key(name) {
            return Ok(false);
        }
        objects.insert(name.into(), Arc::new(bytes.to_vec()));
        Ok(true)
    }

    fn stage(&self) -> Result<Box<dyn Upload>> {
        Ok(Box::new(MemoryUpload { objects: Arc::clone(&self.objects), bytes: Vec::new() }))
    }

    fn put_cache(&self, name: &str, bytes: &[u8]) -> Result<()> {
        lock(&self.objects).insert(name.into(), Arc::new(bytes.to_vec()));
        Ok(())
    }

    fn sync(&self, _names: &[String]) -> Result<()> {
        Ok(())
    }

    fn list(&self, folder: &str) -> Result<Vec<String>> {
        let prefix = format!("{folder}/");
        let objects = lock(&self.objects);
        let after = objects.range(prefix.clone()..).map(|(name, _)| name);
        Ok(after.take_while(|name| name.starts_with(&prefix)).cloned().collect())
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
        lock(&self.objects).insert(name.into(), Arc::new(self.bytes));
        Ok(())
    }
}

fn lock(objects: &Objects) -> MutexGuard<'_, BTreeMap<String, Arc<Vec<u8>>>> {
    objects.lock().unwrap_or_else(PoisonError::into_inner)
}
