//! A local directory. A file and its folder are synced before anything refers to them, those of one commit together: a
//! file system with a journal then writes that once. Until then a name may hold anything after a power cut, and nobody looks.
//!
//! After a failed sync nobody knows what the disk holds, so the store refuses every further write (`StoreFailed`).

use std::collections::{BTreeSet, HashSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::fail_point;
use super::files::{Files, NewFile};
use super::{ObjectStore, Upload};
use crate::error::{Error, Result};
use crate::random::random_hex;

const STAGING: &str = "staging";
/// Bytes from which a file is synced before it gets its name.
const SYNC_AT_ONCE: u64 = 4 << 20;

/// Objects as files below one folder.
pub struct LocalStore {
    files: Arc<dyn Files>,
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
    pub fn new(root: &Path) -> Result<Self> {
        Ok(Self::with_files(root, fail_point::os_files()?))
    }

    /// The same on the tree that `files` is.
    pub fn with_files(root: &Path, files: Arc<dyn Files>) -> Self {
        Self { files, root: root.to_path_buf(), state: Arc::default() }
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
        self.files.create_folders(&folder).map_err(|e| failed("create", &folder, e))?;
        let path = folder.join(random_hex()?);
        let file = self.files.create(&path).map_err(|e| failed("create", &path, e))?;
        let (files, root, state) = (Arc::clone(&self.files), self.root.clone(), Arc::clone(&self.state));
        Ok(LocalUpload { files, root, state, file, path, size_bytes: 0 })
    }

    fn list_into(&self, path: &Path, name: &str, names: &mut Vec<String>) -> Result<()> {
        for (child, is_folder) in found(self.files.list(path), "list", path)?.unwrap_or_default() {
            let below = format!("{name}/{child}");
            if is_folder {
                self.list_into(&path.join(child), &below, names)?;
            } else {
                names.push(below);
            }
        }
        Ok(())
    }

    /// Refuse a file system on which a hard link is not what `put_if_absent` takes it for: one that fails where the name
    /// exists, and otherwise shows the whole file.
    fn check_links(&self) -> Result<()> {
        let refuse = |problem: String| Err(Error::FileSystem { path: self.location(), problem });
        let mut staged = self.staged_file()?;
        staged.file.write_all(b"link").map_err(|e| failed("write", &staged.path, e))?;
        let name = self.path(STAGING).join(random_hex()?);
        if let Err(e) = self.files.link(&staged.path, &name) {
            return match e.kind() {
                io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied | io::ErrorKind::TooManyLinks => {
                    refuse(format!("has no hard links ({e})"))
                }
                _ => Err(failed("create", &name, e)),
            };
        }
        let second = self.files.link(&staged.path, &name);
        let content = self.files.read(&name);
        self.files.remove(&name).map_err(|e| failed("delete", &name, e))?;
        match (second, content.map_err(|e| failed("read", &name, e))?) {
            (_, bytes) if bytes != b"link" => refuse("shows another file through a hard link".into()),
            (Err(e), _) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            (Err(e), _) => Err(failed("create", &name, e)),
            (Ok(()), _) => refuse("puts a hard link over a name that exists".into()),
        }
    }

    fn sync_files(&self, paths: &[PathBuf]) -> Result<()> {
        self.check_writable()?;
        match self.files.sync_files(paths).pop() {
            None => Ok(()),
            Some((path, e)) => {
                lock(&self.state).failed = Some(format!("sync of {}: {e}", path.display()));
                Err(failed("sync", &path, e))
            }
        }
    }

    fn sync_folder(&self, folder: &Path) -> Result<()> {
        self.files.sync_folder(folder).map_err(|e| {
            lock(&self.state).failed = Some(format!("sync of {}: {e}", folder.display()));
            failed("sync", folder, e)
        })
    }
}

impl ObjectStore for LocalStore {
    fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.path(name);
        found(self.files.read(&path), "read", &path)
    }

    fn get_range(&self, name: &str, offset: u64, length: u64) -> Result<Option<Vec<u8>>> {
        let path = self.path(name);
        found(self.files.read_range(&path, offset, length), "read", &path)
    }

    fn size(&self, name: &str) -> Result<Option<u64>> {
        let path = self.path(name);
        found(self.files.size(&path), "inspect", &path)
    }

    fn modified_us(&self, name: &str) -> Result<Option<i64>> {
        let path = self.path(name);
        found(self.files.modified_us(&path), "inspect", &path)
    }

    fn put_if_absent(&self, needed: &[String], name: &str, bytes: &[u8]) -> Result<bool> {
        let mut staged = self.staged_file()?;
        staged.write_all(bytes).map_err(|e| failed("write", &staged.path, e))?;
        let mut files: Vec<PathBuf> = needed.iter().map(|name| self.path(name)).collect();
        files.push(staged.path.clone());
        self.sync_files(&files)?;
        self.sync_names(needed)?;
        let path = self.path(name);
        create_parent(self.files.as_ref(), &path)?;
        // A hard link is the one operation of a file system that creates a complete file or fails.
        match self.files.link(&staged.path, &path) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(e) if is_refusal(e.kind()) => Err(failed("create", &path, e)),
            Err(e) => Err(Error::OutcomeUnknown { commit: name.into(), cause: e.to_string() }),
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
        self.sync_files(&names.iter().map(|name| self.path(name)).collect::<Vec<_>>())?;
        self.sync_names(names)
    }

    fn sync_names(&self, names: &[String]) -> Result<()> {
        self.check_writable()?;
        let folders: BTreeSet<PathBuf> =
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
        self.list_into(&self.path(folder), folder, &mut names)?;
        names.sort_unstable();
        Ok(names)
    }

    fn folders(&self, folder: &str) -> Result<Vec<String>> {
        let path = self.path(folder);
        let listed = found(self.files.list(&path), "list", &path)?.unwrap_or_default();
        let mut names: Vec<String> =
            listed.into_iter().filter(|(_, is_folder)| *is_folder).map(|(name, _)| name).collect();
        names.sort_unstable();
        Ok(names)
    }

    fn rename(&self, from: &str, to: &str) -> Result<bool> {
        let (from, to) = (self.path(from), self.path(to));
        create_parent(self.files.as_ref(), &to)?;
        Ok(found(self.files.rename(&from, &to), "rename", &from)?.is_some())
    }

    fn delete(&self, name: &str) -> Result<()> {
        let path = self.path(name);
        found(self.files.remove(&path), "delete", &path).map(|_| ())
    }

    fn local_path(&self, name: &str) -> Option<PathBuf> {
        self.files.local_path(&self.path(name))
    }

    fn prepare(&self, folders: &[&str]) -> Result<()> {
        let n_new = self
            .root
            .ancestors()
            .take_while(|above| !above.as_os_str().is_empty() && !self.files.exists(above))
            .count();
        for folder in folders {
            let path = self.path(folder);
            self.files.create_folders(&path).map_err(|e| failed("create", &path, e))?;
        }
        self.check_links()?;
        for above in self.root.ancestors().skip(1).take(n_new.max(1)) {
            self.sync_folder(if above.as_os_str().is_empty() { Path::new(".") } else { above })?;
        }
        self.sync_names(&folders.iter().map(|folder| format!("{folder}/_")).collect::<Vec<_>>())
    }

    fn location(&self) -> String {
        self.root.display().to_string()
    }

    fn now_us(&self) -> i64 {
        self.files.now_us()
    }
}

/// A file in the staging folder; removed when dropped under that name.
struct LocalUpload {
    files: Arc<dyn Files>,
    root: PathBuf,
    state: Arc<Mutex<State>>,
    file: Box<dyn NewFile>,
    path: PathBuf,
    size_bytes: u64,
}

impl LocalUpload {
    fn sync(&mut self) -> Result<()> {
        self.file.sync().map_err(|e| {
            lock(&self.state).failed = Some(format!("sync of {}: {e}", self.path.display()));
            failed("sync", &self.path, e)
        })
    }

    fn rename(&self, path: &Path) -> Result<()> {
        create_parent(self.files.as_ref(), path)?;
        self.files.rename(&self.path, path).map_err(|e| failed("rename a staged file to", path, e))
    }
}

impl Write for LocalUpload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.size_bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Upload for LocalUpload {
    fn publish(mut self: Box<Self>, name: &str) -> Result<()> {
        // Small files wait to be synced together; a large one better goes to the disk while the next is made.
        if self.size_bytes >= SYNC_AT_ONCE {
            self.sync()?;
        }
        let path = self.root.join(name);
        create_parent(self.files.as_ref(), &path)?;
        match self.files.link(&self.path, &path) {
            Ok(()) => Ok(()),
            // Something durable may refer to what is there, so that only durable bytes may take its place.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                self.sync()?;
                self.rename(&path)
            }
            Err(e) => Err(failed("create", &path, e)),
        }
    }
}

impl Drop for LocalUpload {
    fn drop(&mut self) {
        // After a rename the name is gone already; a failure leaves garbage that gc removes.
        let _ = self.files.remove(&self.path);
    }
}

fn create_parent(files: &dyn Files, path: &Path) -> Result<()> {
    match path.parent() {
        Some(parent) => files.create_folders(parent).map_err(|e| failed("create", parent, e)),
        None => Ok(()),
    }
}

/// Whether an error says that nothing was done. After any other one, such as an input/output error or a time-out of a
/// network file system, the name may be there, or come later.
fn is_refusal(kind: io::ErrorKind) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        kind,
        Kind::StorageFull
            | Kind::QuotaExceeded
            | Kind::FileTooLarge
            | Kind::TooManyLinks
            | Kind::PermissionDenied
            | Kind::ReadOnlyFilesystem
            | Kind::NotFound
            | Kind::NotADirectory
            | Kind::CrossesDevices
            | Kind::Unsupported
            | Kind::InvalidInput
            | Kind::InvalidFilename
    )
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
