//! Where bytes lie: one small trait over a local directory or memory, which is all that a warehouse asks of a disk.
//!
//! Objects are written once, under a name that nobody changes afterwards. The only way to decide a race is
//! [`ObjectStore::put_if_absent`]. Nothing is durable before [`ObjectStore::sync`] returned for its name.

mod files;
mod fail_point;
mod local;
mod memory;

use std::io::{Read, Write};
use std::path::PathBuf;

use crate::digest::Digest;
use crate::error::{Error, Result};

pub use files::{Files, NewFile, OsFiles, system_time_us};
pub use local::LocalStore;
pub use memory::MemoryStore;

/// A place that holds objects under `/`-separated names relative to the warehouse.
pub trait ObjectStore: Send + Sync {
    /// Whole object, or `None` where there is none.
    fn get(&self, name: &str) -> Result<Option<Vec<u8>>>;

    /// At most `length` bytes from `offset`; shorter at the end of the object; `None` where there is none.
    fn get_range(&self, name: &str, offset: u64, length: u64) -> Result<Option<Vec<u8>>>;

    /// Size in bytes, or `None` where there is none.
    fn size(&self, name: &str) -> Result<Option<u64>>;

    /// When `name` got its present bytes by the store's own clock, in microseconds since 1970; `None` where there is none.
    fn modified_us(&self, name: &str) -> Result<Option<i64>>;

    /// Make the published objects `needed` durable, as `sync` does, and then create `name` with `bytes` unless it exists;
    /// `false` where it did. The bytes are on disk before the name is there; the name is after `sync`.
    /// [`Error::OutcomeUnknown`] where nobody knows whether it was created, or will be; any other error means that it was not.
    fn put_if_absent(&self, needed: &[String], name: &str, bytes: &[u8]) -> Result<bool>;

    /// A new unnamed object to write into; it gets its name by [`Upload::publish`].
    fn stage(&self) -> Result<Box<dyn Upload>>;

    /// Replace `name` without any promise of durability: only for rebuildable caches.
    fn put_cache(&self, name: &str, bytes: &[u8]) -> Result<()>;

    /// Make published objects durable: their bytes, their names, and all folders above them.
    fn sync(&self, names: &[String]) -> Result<()>;

    /// Make names durable, be it that there is an object or that there is none any more.
    fn sync_names(&self, names: &[String]) -> Result<()>;

    /// Names that start with `folder` + `/`, in byte order; folders that do not exist are empty.
    fn list(&self, folder: &str) -> Result<Vec<String>>;

    /// Names of the folders that stand in `folder`, in byte order, without what is in them; they may be empty.
    fn folders(&self, folder: &str) -> Result<Vec<String>>;

    /// Give an object another name in one step, over what has that name; `false` where there is no object. Not durable.
    fn rename(&self, from: &str, to: &str) -> Result<bool>;

    /// Remove an object; missing is fine.
    fn delete(&self, name: &str) -> Result<()>;

    /// The file that holds `name`, where there are files.
    fn local_path(&self, name: &str) -> Option<PathBuf>;

    /// Create the folders that every writer uses, so that their names are durable before any commit.
    fn prepare(&self, folders: &[&str]) -> Result<()>;

    /// How a person would name this place.
    fn location(&self) -> String;

    /// Now as this place tells the time, in microseconds since 1970 UTC.
    fn now_us(&self) -> i64 {
        system_time_us()
    }
}

/// An object that is being written and has no name yet. Dropped before `publish`, it leaves nothing.
pub trait Upload: Write + Send {
    /// Give the bytes their content's `name`; an equal object there is replaced by these same bytes. Durable after `sync`.
    fn publish(self: Box<Self>, name: &str) -> Result<()>;
}

/// Copy all of `reader` into `upload`; gives the upload back with the plain hash and the size of what went in.
pub fn copy_hashed(mut upload: Box<dyn Upload>, reader: &mut dyn Read) -> Result<(Box<dyn Upload>, Digest, u64)> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    let mut size_bytes = 0;
    loop {
        let count = reader.read(&mut buffer).map_err(|source| failed("read", source))?;
        if count == 0 {
            return Ok((upload, Digest(*hasher.finalize().as_bytes()), size_bytes));
        }
        hasher.update(&buffer[..count]);
        upload.write_all(&buffer[..count]).map_err(|source| failed("write", source))?;
        size_bytes += count as u64;
    }
}

fn failed(action: &str, source: std::io::Error) -> Error {
    Error::Io { action: action.into(), path: "a raw file".into(), source }
}
