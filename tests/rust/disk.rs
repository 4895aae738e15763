//! A disk in memory under the store of local files, for fault tests. It keeps apart what POSIX keeps apart: the bytes of a
//! file, which `fsync` of the file saves, and each name in a folder, which `fsync` of that folder saves. A crash drops,
//! zeroes or cuts any subset of what was not synced. Any call can fail before or after it had its effect. After a failed sync
//! the pages of that file are never written, though later syncs report success (as Linux does); names are not lost for
//! ever by it, since a journal that cannot be written makes the file system read-only. A dead process does nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lakebed_core::Result;
use lakebed_core::object::{Files, LocalStore, NewFile};
use lakebed_core::repository::{OpenOptions, Repository};

/// Input/output error.
pub(crate) const EIO: i32 = 5;
/// No space left on the device.
pub(crate) const ENOSPC: i32 = 28;

/// Where the warehouse lies; no such folder exists on a real disk.
const ROOT: &str = "/lakebed-disk-in-memory";

/// What the store asks of the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Call {
    Create,
    Write,
    SyncFile,
    SyncFolder,
    Link,
    Rename,
    Remove,
    CreateFolders,
    Read,
    List,
    Size,
}

impl Call {
    /// Whether the disk is another one after it.
    pub(crate) fn changes(self) -> bool {
        !matches!(self, Self::Read | Self::List | Self::Size)
    }
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It does nothing and reports this error; a write without space writes half, a sync loses what it was to save.
    Before(i32),
    /// It has its effect and reports this error: the answer is lost.
    After(i32),
    /// It reports a time-out now and has its effect later (links only; any other call does nothing).
    Late,
    /// It and every later call do nothing: the process is dead.
    Stop,
}

/// Decides what becomes of a call and when it goes on: the scheduler of a simulation.
pub(crate) trait Pacer: Send + Sync {
    /// Before the effect.
    fn before(&self, call: Call, path: &Path) -> Option<Fault>;
    /// After the effect, before the answer.
    fn after(&self, call: Call);
    /// What the caller's clock shows.
    fn now_us(&self) -> i64;
}

/// The disk. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Disk {
    state: Arc<Mutex<State>>,
    images: Arc<Mutex<Option<Vec<Disk>>>>,
    pacer: Option<Arc<dyn Pacer>>,
}

#[derive(Clone, Default)]
struct State {
    files: Vec<Inode>,
    folders: BTreeMap<PathBuf, Folder>,
    fault: Option<(usize, Fault)>,
    late: Vec<(usize, PathBuf)>,
    n_calls: usize,
    /// The disk's own clock, which goes on by a millisecond with each call.
    clock_us: i64,
    n_injected: usize,
    trace: Vec<Call>,
    ignores_file_sync: bool,
    ignores_folder_sync: bool,
}

/// The bytes of a file, whatever names it has.
#[derive(Clone, Default)]
struct Inode {
    cached: Arc<Vec<u8>>,
    durable: Arc<Vec<u8>>,
    modified_us: i64,
    /// A sync failed: nobody will write these pages any more, and later syncs report success.
    is_lost: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Node {
    File(usize),
    Folder,
}

#[derive(Clone, Default)]
struct Folder {
    cached: BTreeMap<String, Node>,
    durable: BTreeMap<String, Node>,
}

/// One thing that is not synced, of which a crash leaves one of several states.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Loose {
    /// A name in a folder: 0 as it was synced last, 1 as it is.
    Name(PathBuf, String),
    /// The bytes of a file: 0 as they were synced last, 1 as they are, 2 zeroes, 3 cut in half, 4 a zeroed page.
    Bytes(usize),
}

impl Loose {
    pub(crate) fn n_outcomes(&self) -> usize {
        match self {
            Self::Name(..) => 2,
            Self::Bytes(_) => 5,
        }
    }
}

impl Disk {
    /// An independent disk with the same content, in the hands of nobody.
    pub(crate) fn copy(&self) -> Self {
        let state = self.lock().clone();
        let state = State { fault: None, late: Vec::new(), n_calls: 0, n_injected: 0, trace: Vec::new(), ..state };
        Self { state: Arc::new(Mutex::new(state)), images: Arc::default(), pacer: None }
    }

    /// The same disk as one actor of a simulation sees it.
    pub(crate) fn paced(&self, pacer: Arc<dyn Pacer>) -> Self {
        Self { pacer: Some(pacer), ..self.clone() }
    }

    /// A disk that says that it synced files and does not.
    pub(crate) fn without_file_sync(self) -> Self {
        self.lock().ignores_file_sync = true;
        self
    }

    /// A disk that says that it synced folders and does not.
    pub(crate) fn without_folder_sync(self) -> Self {
        self.lock().ignores_folder_sync = true;
        self
    }

    /// Open the warehouse on it.
    pub(crate) fn open(&self) -> Result<Repository> {
        let store = LocalStore::with_files(Path::new(ROOT), Arc::new(self.clone()));
        Repository::with_store(Arc::new(store), OpenOptions::default())
    }

    /// From now on, let call number `at` (from 0) fail.
    pub(crate) fn inject(&self, at: usize, fault: Fault) {
        let mut state = self.lock();
        (state.fault, state.n_calls, state.n_injected) = (Some((at, fault)), 0, 0);
        state.trace.clear();
    }

    /// Stop failing; tells how many calls failed.
    pub(crate) fn heal(&self) -> usize {
        let mut state = self.lock();
        state.fault = None;
        state.n_injected
    }

    /// The calls since the last `inject`.
    pub(crate) fn trace(&self) -> Vec<Call> {
        self.lock().trace.clone()
    }

    /// From now on, keep a copy of the disk after each call that changes it.
    pub(crate) fn record(&self) {
        *self.images.lock().unwrap_or_else(PoisonError::into_inner) = Some(Vec::new());
    }

    /// The copies that were kept since the last look.
    pub(crate) fn recorded(&self) -> Vec<Self> {
        let mut images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
        images.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Let the effects of late calls come, in the order in which `picks` names them.
    pub(crate) fn deliver(&self, pick: usize) -> bool {
        let mut state = self.lock();
        if state.late.is_empty() {
            return false;
        }
        let at = pick % state.late.len();
        let (inode, to) = state.late.remove(at);
        let _ = state.put_name(&to, inode, false);
        true
    }

    /// What a crash may lose now. Names in `staging/` have no reader, so they stay.
    pub(crate) fn loose(&self) -> Vec<Loose> {
        let state = self.lock();
        let mut loose = BTreeSet::new();
        for (path, folder) in &state.folders {
            let is_staging = path.ends_with("staging");
            let names: BTreeSet<&String> = folder.cached.keys().chain(folder.durable.keys()).collect();
            for name in names {
                let nodes = [folder.cached.get(name), folder.durable.get(name)];
                if nodes[0] != nodes[1] && !is_staging {
                    loose.insert(Loose::Name(path.clone(), name.clone()));
                }
                for node in nodes.into_iter().flatten() {
                    if let Node::File(inode) = node
                        && !is_staging
                        && state.files[*inode].cached != state.files[*inode].durable
                    {
                        loose.insert(Loose::Bytes(*inode));
                    }
                }
            }
        }
        loose.into_iter().collect()
    }

    /// The power fails: each loose thing becomes what `outcomes` says, in order; nothing is loose afterwards.
    pub(crate) fn crash(&self, loose: &[Loose], outcomes: &[usize]) {
        let mut state = self.lock();
        for (thing, outcome) in loose.iter().zip(outcomes) {
            match thing {
                Loose::Name(path, name) => {
                    let Some(folder) = state.folders.get_mut(path) else { continue };
                    let kept = if *outcome == 0 { folder.durable.get(name) } else { folder.cached.get(name) };
                    match kept.copied() {
                        Some(node) => folder.cached.insert(name.clone(), node),
                        None => folder.cached.remove(name),
                    };
                }
                Loose::Bytes(inode) => {
                    let file = &mut state.files[*inode];
                    file.cached = Arc::new(damaged(&file.cached, &file.durable, *outcome));
                }
            }
        }
        state.settle();
    }

    /// Names of all objects, without what has no name yet.
    pub(crate) fn names(&self) -> Vec<String> {
        let state = self.lock();
        let mut names = Vec::new();
        for (path, folder) in &state.folders {
            let Ok(below) = path.strip_prefix(ROOT) else { continue };
            for (name, node) in &folder.cached {
                if matches!(node, Node::File(_)) && !below.starts_with("staging") {
                    names.push(below.join(name).display().to_string());
                }
            }
        }
        names.sort_unstable();
        names
    }

    /// Number of files that have no name yet, or not any more.
    pub(crate) fn n_staged(&self) -> usize {
        let state = self.lock();
        state.folders.get(&Path::new(ROOT).join("staging")).map_or(0, |folder| folder.cached.len())
    }

    /// Bytes of an object; empty where there is none.
    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        let state = self.lock();
        state.find(&Path::new(ROOT).join(name)).map_or_else(|_| Vec::new(), |inode| state.files[inode].cached.to_vec())
    }

    /// Put other bytes under a name, durably.
    pub(crate) fn set(&self, name: &str, bytes: Vec<u8>) {
        let mut state = self.lock();
        let path = Path::new(ROOT).join(name);
        state.make_folders(path.parent().unwrap_or(Path::new(ROOT)));
        let bytes = Arc::new(bytes);
        let modified_us = state.clock_us;
        state.files.push(Inode { cached: Arc::clone(&bytes), durable: bytes, is_lost: false, modified_us });
        let inode = state.files.len() - 1;
        let _ = state.put_name(&path, inode, true);
        state.settle();
    }

    /// Take an object away, durably.
    pub(crate) fn remove(&self, name: &str) {
        let mut state = self.lock();
        let _ = state.drop_name(&Path::new(ROOT).join(name));
        state.settle();
    }

    /// A hash of everything that is on it, to tell equal disks.
    pub(crate) fn fingerprint(&self) -> u64 {
        let state = self.lock();
        let mut hasher = DefaultHasher::new();
        for (path, folder) in &state.folders {
            path.hash(&mut hasher);
            for (name, node) in &folder.cached {
                name.hash(&mut hasher);
                if let Node::File(inode) = node {
                    state.files[*inode].cached.hash(&mut hasher);
                }
            }
        }
        hasher.finish()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One call: `action` is told whether it has its whole effect.
    fn call<T>(
        &self,
        call: Call,
        path: &Path,
        action: impl FnOnce(&mut State, bool) -> io::Result<T>,
    ) -> io::Result<T> {
        let paced = self.pacer.as_ref().and_then(|pacer| pacer.before(call, path));
        let outcome = {
            let mut state = self.lock();
            let fault = paced.or_else(|| state.next_fault());
            state.n_calls += 1;
            state.clock_us += 1_000;
            state.n_injected += usize::from(fault.is_some());
            state.trace.push(call);
            match fault {
                None => action(&mut state, true),
                Some(Fault::After(code)) => action(&mut state, true).and(Err(io::Error::from_raw_os_error(code))),
                Some(Fault::Before(code)) => {
                    if matches!(call, Call::SyncFile | Call::SyncFolder) || (call == Call::Write && code == ENOSPC) {
                        let _ = action(&mut state, false);
                    }
                    Err(io::Error::from_raw_os_error(code))
                }
                Some(Fault::Late) => Err(io::Error::from(io::ErrorKind::TimedOut)),
                Some(Fault::Stop) => Err(io::Error::other("the process is dead")),
            }
        };
        if call.changes() {
            let mut images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(images) = images.as_mut() {
                images.push(self.copy());
            }
        }
        if let Some(pacer) = &self.pacer {
            pacer.after(call);
        }
        outcome
    }
}

/// What a crash makes of bytes that were not synced.
fn damaged(cached: &[u8], durable: &[u8], outcome: usize) -> Vec<u8> {
    match outcome {
        0 => durable.to_vec(),
        2 => vec![0; cached.len()],
        3 => cached[..cached.len() / 2].to_vec(),
        4 => {
            let mut bytes = cached.to_vec();
            let start = bytes.len() / 3;
            let end = bytes.len().min(start + 512);
            bytes[start..end].fill(0);
            bytes
        }
        _ => cached.to_vec(),
    }
}

fn missing() -> io::Error {
    io::Error::from(io::ErrorKind::NotFound)
}

fn split(path: &Path) -> io::Result<(&Path, String)> {
    let (parent, name) = path.parent().zip(path.file_name()).ok_or_else(missing)?;
    Ok((parent, name.to_string_lossy().into_owned()))
}

impl State {
    fn sync_file(&mut self, inode: usize, works: bool) {
        let ignored = self.ignores_file_sync;
        let file = &mut self.files[inode];
        file.is_lost |= !works;
        if !file.is_lost && !ignored {
            file.durable = Arc::clone(&file.cached);
        }
    }

    fn next_fault(&self) -> Option<Fault> {
        match self.fault {
            Some((at, Fault::Stop)) if self.n_calls >= at => Some(Fault::Stop),
            Some((at, fault)) if self.n_calls == at => Some(fault),
            _ => None,
        }
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        let (parent, name) = split(path)?;
        match self.folders.get(parent).and_then(|folder| folder.cached.get(&name)) {
            Some(Node::File(inode)) => Ok(*inode),
            _ => Err(missing()),
        }
    }

    fn put_name(&mut self, path: &Path, inode: usize, replaces: bool) -> io::Result<()> {
        let (parent, name) = split(path)?;
        let folder = self.folders.get_mut(parent).ok_or_else(missing)?;
        if !replaces && folder.cached.contains_key(&name) {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        folder.cached.insert(name, Node::File(inode));
        Ok(())
    }

    fn drop_name(&mut self, path: &Path) -> io::Result<()> {
        let (parent, name) = split(path)?;
        let folder = self.folders.get_mut(parent).ok_or_else(missing)?;
        folder.cached.remove(&name).map(|_| ()).ok_or_else(missing)
    }

    fn make_folders(&mut self, path: &Path) {
        for above in path.ancestors() {
            if self.folders.contains_key(above) {
                break;
            }
            self.folders.insert(above.to_path_buf(), Folder::default());
        }
        for above in path.ancestors() {
            if let Ok((parent, name)) = split(above)
                && let Some(folder) = self.folders.get_mut(parent)
            {
                folder.cached.insert(name, Node::Folder);
            }
        }
    }

    /// What is there now is on disk now; folders that no name leads to are gone.
    fn settle(&mut self) {
        let mut reached = vec![PathBuf::from("/")];
        let mut folders = BTreeMap::new();
        while let Some(path) = reached.pop() {
            let Some(mut folder) = self.folders.remove(&path) else { continue };
            folder.durable = folder.cached.clone();
            let below = folder.cached.iter().filter(|(_, node)| **node == Node::Folder);
            reached.extend(below.map(|(name, _)| path.join(name)));
            folders.insert(path, folder);
        }
        self.folders = folders;
        for file in &mut self.files {
            (file.durable, file.is_lost) = (Arc::clone(&file.cached), false);
        }
    }
}

impl Files for Disk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        let inode = self.call(Call::Create, path, |state, _| {
            let modified_us = state.clock_us;
            state.files.push(Inode { modified_us, ..Inode::default() });
            let inode = state.files.len() - 1;
            state.put_name(path, inode, false).map(|()| inode)
        })?;
        Ok(Box::new(DiskFile { disk: self.clone(), path: path.to_path_buf(), inode }))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.call(Call::Read, path, |state, _| Ok(state.files[state.find(path)?].cached.to_vec()))
    }

    fn read_range(&self, path: &Path, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        self.call(Call::Read, path, |state, _| {
            let bytes = &state.files[state.find(path)?].cached;
            let start = bytes.len().min(offset as usize);
            let end = bytes.len().min(start.saturating_add(length as usize));
            Ok(bytes[start..end].to_vec())
        })
    }

    fn size(&self, path: &Path) -> io::Result<u64> {
        self.call(Call::Size, path, |state, _| Ok(state.files[state.find(path)?].cached.len() as u64))
    }

    fn modified_us(&self, path: &Path) -> io::Result<i64> {
        self.call(Call::Size, path, |state, _| Ok(state.files[state.find(path)?].modified_us))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<(String, bool)>> {
        self.call(Call::List, path, |state, _| {
            let folder = state.folders.get(path).ok_or_else(missing)?;
            Ok(folder.cached.iter().map(|(name, node)| (name.clone(), *node == Node::Folder)).collect())
        })
    }

    fn exists(&self, path: &Path) -> bool {
        let state = self.lock();
        state.folders.contains_key(path) || state.find(path).is_ok()
    }

    fn create_folders(&self, path: &Path) -> io::Result<()> {
        self.call(Call::CreateFolders, path, |state, _| {
            state.make_folders(path);
            Ok(())
        })
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let answer = self.call(Call::Link, to, |state, _| {
            let inode = state.find(from)?;
            state.put_name(to, inode, false)
        });
        if answer.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::TimedOut) {
            let mut state = self.lock();
            if let Ok(inode) = state.find(from) {
                state.late.push((inode, to.to_path_buf()));
            }
        }
        answer
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(Call::Rename, to, |state, _| {
            let inode = state.find(from)?;
            state.put_name(to, inode, true)?;
            state.drop_name(from)
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.call(Call::Remove, path, |state, _| state.drop_name(path))
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.call(Call::SyncFile, path, |state, works| {
            let inode = state.find(path)?;
            state.sync_file(inode, works);
            Ok(())
        })
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.call(Call::SyncFolder, path, |state, works| {
            let ignored = state.ignores_folder_sync;
            let folder = state.folders.get_mut(path).ok_or_else(missing)?;
            if works && !ignored {
                folder.durable = folder.cached.clone();
            }
            Ok(())
        })
    }

    fn local_path(&self, _path: &Path) -> Option<PathBuf> {
        None
    }

    fn now_us(&self) -> i64 {
        self.pacer.as_ref().map_or_else(lakebed_core::object::system_time_us, |pacer| pacer.now_us())
    }
}

struct DiskFile {
    disk: Disk,
    path: PathBuf,
    inode: usize,
}

impl Write for DiskFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.disk.call(Call::Write, &self.path, |state, works| {
            let modified_us = state.clock_us;
            let file = &mut state.files[self.inode];
            file.modified_us = modified_us;
            let length = if works { bytes.len() } else { bytes.len() / 2 };
            Arc::make_mut(&mut file.cached).extend_from_slice(&bytes[..length]);
            Ok(length)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl NewFile for DiskFile {
    fn sync(&mut self) -> io::Result<()> {
        self.disk.call(Call::SyncFile, &self.path, |state, works| {
            state.sync_file(self.inode, works);
            Ok(())
        })
    }
}
