//! A local directory. Bytes are synced before they get a name, and a name's folder is synced before it is relied on.
//!
//! After a failed sync nobody knows what the disk holds, so the store refuses every further write (`StoreFailed`).

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

use super::{ObjectStore, Upload};
use crate::error::{Error, Result};
use crate::random::random_hex;

const STAGING: &str = "staging";

/// Objects as files below one folder.
pub struct LocalStore {
    root: PathBuf,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Folders whose own entry in their parent is known to be on disk.
    durable: HashSet<PathBuf>,
    failed: Option<String>,
}

impl LocalStore {
    /// A store below `root`, which need not exist yet.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_path_buf(), state: Arc::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn check_writable(&self) -> Result<()> {
        match &lock(&self.state).failed {
            Some(cause) => Err(Error::StoreFailed { path: self.location(), cause: cause.clone() }),
            None => Ok(()),
        }
    }

    fn staged_file(&self) -> Result<LocalUpload> {
        self.check_writable()?;
        let folder = self.path(STAGING);
        fs::create_dir_all(&folder).map_err(|e| failed("create", &folder, e))?;
        let path = folder.join(random_hex()?);
        let file =
            OpenOptions::new().write(true).create_new(true).open(&path).map_err(|e| failed("create", &path, e))?;
        Ok(LocalUpload { root: self.root.clone(), state: Arc::clone(&self.state), file, path })
    }

    /// Refuse a file system on which a hard link is not what `put_if_absent` takes it for: one that fails where the name
    /// exists, and otherwise shows the whole file.
    fn check_links(&self) -> Result<()> {
        let refuse = |problem: String| Err(Error::FileSystem { path: self.location(), problem });
        let mut staged = self.staged_file()?;
        staged.file.write_all(b"link").map_err(|e| failed("write", &staged.path, e))?;
        let name = self.path(STAGING).join(random_hex()?);
        if let Err(e) = fs::hard_link(&staged.path, &name) {
            return match e.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Err(failed("create", &name, e)),
                _ => refuse(format!("has no hard links ({e})")),
            };
        }
        let second = fs::hard_link(&staged.path, &name);
        let content = fs::read(&name);
        fs::remove_file(&name).map_err(|e| failed("delete", &name, e))?;
        match (second, content) {
            (Err(e), Ok(bytes)) if e.kind() == io::ErrorKind::AlreadyExists && bytes == b"link" => Ok(()),
            (Ok(()), _) => refuse("puts a hard link over a name that exists".into()),
            (Err(e), Ok(bytes)) if bytes == b"link" => refuse(format!("does not tell that a name exists ({e})")),
            _ => refuse("shows another file through a hard link".into()),
        }
    }

    fn sync_folder(&self, folder: &Path) -> Result<()> {
        let outcome = File::open(folder).and_then(|handle| handle.sync_all());
        outcome.map_err(|e| {
            lock(&self.state).failed = Some(format!("sync of {}: {e}", folder.display()));
            failed("sync", folder, e)
        })
    }
}

impl ObjectStore for LocalStore {
    fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.path(name);
        found(fs::read(&path), "read", &path)
    }

    fn get_range(&self, name: &str, offset: u64, length: u64) -> Result<Option<Vec<u8>>> {
        let path = self.path(name);
        let Some(mut file) = found(File::open(&path), "open", &path)? else { return Ok(None) };
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        let mut bytes = Vec::with_capacity(length.min(size.saturating_sub(offset)) as usize);
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.take(length).read_to_end(&mut bytes))
            .map_err(|e| failed("read", &path, e))?;
        Ok(Some(bytes))
    }

    fn size(&self, name: &str) -> Result<Option<u64>> {
        let path = self.path(name);
        Ok(found(fs::metadata(&path), "inspect", &path)?.map(|metadata| metadata.len()))
    }

    fn modified_us(&self, name: &str) -> Result<Option<i64>> {
        let path = self.path(name);
        let modified = found(fs::metadata(&path).and_then(|metadata| metadata.modified()), "inspect", &path)?;
        Ok(modified.map(|time| match time.duration_since(UNIX_EPOCH) {
            Ok(after) => after.as_micros() as i64,
            Err(before) => -(before.duration().as_micros() as i64),
        }))
    }

    fn put_if_absent(&self, name: &str, bytes: &[u8]) -> Result<bool> {
        let mut staged = self.staged_file()?;
        staged.file.write_all(bytes).map_err(|e| failed("write", &staged.path, e))?;
        staged.sync()?;
        let path = self.path(name);
        create_parent(&path)?;
        // A hard link is the one operation of a file system that creates a complete file or fails.
        match fs::hard_link(&staged.path, &path) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(e) => Err(failed("create", &path, e)),
        }
    }

    fn stage(&self) -> Result<Box<dyn Upload>> {
        Ok(Box::new(self.staged_file()?))
    }

    fn put_cache(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let mut staged = self.staged_file()?;
        staged.file.write_all(bytes).map_err(|e| failed("write", &staged.path, e))?;
        staged.rename(&self.path(name))
    }

    fn sync(&self, names: &[String]) -> Result<()> {
        self.check_writable()?;
        let folders: HashSet<PathBuf> =
            names.iter().filter_map(|name| self.path(name).parent().map(Path::to_path_buf)).collect();
        for folder in &folders {
            self.sync_folder(folder)?;
            let parents = folder.ancestors().skip(1).take_while(|above| above.starts_with(&self.root));
            for (child, above) in folder.ancestors().zip(parents) {
                if !lock(&self.state).durable.contains(child) {
                    self.sync_folder(above)?;
                    lock(&self.state).durable.insert(child.to_path_buf());
                }
            }
        }
        Ok(())
    }

    fn list(&self, folder: &str) -> Result<Vec<String>> {
        let mut names = Vec::new();
        list_into(&self.path(folder), folder, &mut names)?;
        names.sort_unstable();
        Ok(names)
    }

    fn rename(&self, from: &str, to: &str) -> Result<bool> {
        let (from, to) = (self.path(from), self.path(to));
        create_parent(&to)?;
        Ok(found(fs::rename(&from, &to), "rename", &from)?.is_some())
    }

    fn delete(&self, name: &str) -> Result<()> {
        let path = self.path(name);
        found(fs::remove_file(&path), "delete", &path).map(|_| ())
    }

    fn local_path(&self, name: &str) -> Option<PathBuf> {
        Some(self.path(name))
    }

    fn prepare(&self, folders: &[&str]) -> Result<()> {
        let n_new = self.root.ancestors().take_while(|above| !above.as_os_str().is_empty() && !above.exists()).count();
        for folder in folders {
            let path = self.path(folder);
            fs::create_dir_all(&path).map_err(|e| failed("create", &path, e))?;
        }
        self.check_links()?;
        for above in self.root.ancestors().skip(1).take(n_new.max(1)) {
            self.sync_folder(if above.as_os_str().is_empty() { Path::new(".") } else { above })?;
        }
        self.sync(&folders.iter().map(|folder| format!("{folder}/_")).collect::<Vec<_>>())
    }

    fn location(&self) -> String {
        self.root.display().to_string()
    }
}

/// A file in the staging folder; removed when dropped under that name.
struct LocalUpload {
    root: PathBuf,
    state: Arc<Mutex<State>>,
    file: File,
    path: PathBuf,
}

impl LocalUpload {
    fn sync(&self) -> Result<()> {
        self.file.sync_all().map_err(|e| {
            lock(&self.state).failed = Some(format!("sync of {}: {e}", self.path.display()));
            failed("sync", &self.path, e)
        })
    }

    fn rename(&self, path: &Path) -> Result<()> {
        create_parent(path)?;
        fs::rename(&self.path, path).map_err(|e| failed("rename a staged file to", path, e))
    }
}

impl Write for LocalUpload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Upload for LocalUpload {
    fn publish(self: Box<Self>, name: &str) -> Result<()> {
        self.sync()?;
        self.rename(&self.root.join(name))
    }
}

impl Drop for LocalUpload {
    fn drop(&mut self) {
        // After a rename the name is gone already; a failure leaves garbage that gc removes.
        let _ = fs::remove_file(&self.path);
    }
}

fn create_parent(path: &Path) -> Result<()> {
    match path.parent() {
        Some(parent) => fs::create_dir_all(parent).map_err(|e| failed("create", parent, e)),
        None => Ok(()),
    }
}

fn list_into(path: &Path, name: &str, names: &mut Vec<String>) -> Result<()> {
    let Some(entries) = found(fs::read_dir(path), "list", path)? else { return Ok(()) };
    for entry in entries {
        let entry = entry.map_err(|e| failed("list", path, e))?;
        let child = format!("{name}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().map_err(|e| failed("list", path, e))?.is_dir() {
            list_into(&entry.path(), &child, names)?;
        } else {
            names.push(child);
        }
    }
    Ok(())
}

fn found<T>(outcome: io::Result<T>, action: &str, path: &Path) -> Result<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(e) => Err(failed(action, path, e)),
    }
}

fn failed(action: &str, path: &Path, source: io::Error) -> Error {
    Error::Io { action: action.into(), path: path.to_path_buf(), source }
}

/// A panic while the state was held cannot leave it half-changed: every change is one assignment.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
