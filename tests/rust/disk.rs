//! A disk in memory for fault tests: calls that change it fail on demand, a crash loses what was not synced, and any byte
//! can be spoiled. Names are its only folders: whether real folders are synced is tested from Python.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lakebed_core::object::{ObjectStore, Upload};
use lakebed_core::repository::{OpenOptions, Repository};
use lakebed_core::{Error, Result};

/// How the chosen call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It does nothing and reports an error; later calls work.
    Before,
    /// It does its work and reports an error: the answer is lost.
    After,
    /// It and every later call do nothing: the process is dead.
    Stop,
}

/// The disk. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Disk {
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Default)]
struct State {
    objects: BTreeMap<String, Vec<u8>>,
    unsynced: BTreeSet<String>,
    fault: Option<(usize, Fault)>,
    n_calls: usize,
    n_injected: usize,
}

impl Disk {
    /// An independent disk with the same content.
    pub(crate) fn copy(&self) -> Self {
        let state = self.lock().clone();
        Self { state: Arc::new(Mutex::new(State { fault: None, n_calls: 0, n_injected: 0, ..state })) }
    }

    /// Open the warehouse on it.
    pub(crate) fn open(&self) -> Result<Repository> {
        Repository::with_store(Arc::new(self.clone()), OpenOptions::default())
    }

    /// From now on, let the changing call number `at` (from 0) fail.
    pub(crate) fn inject(&self, at: usize, fault: Fault) {
        let mut state = self.lock();
        (state.fault, state.n_calls, state.n_injected) = (Some((at, fault)), 0, 0);
    }

    /// Stop failing; tells how many calls failed.
    pub(crate) fn heal(&self) -> usize {
        let mut state = self.lock();
        state.fault = None;
        state.n_injected
    }

    /// Lose what is not synced, but for what `keeps` says.
    pub(crate) fn crash(&self, mut keeps: impl FnMut(&str) -> bool) -> usize {
        let mut state = self.lock();
        let lost: Vec<String> = std::mem::take(&mut state.unsynced).into_iter().filter(|name| !keeps(name)).collect();
        for name in &lost {
            state.objects.remove(name);
        }
        lost.len()
    }

    /// Names of all objects.
    pub(crate) fn names(&self) -> Vec<String> {
        self.lock().objects.keys().cloned().collect()
    }

    /// Bytes of an object; empty where there is none.
    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        self.lock().objects.get(name).cloned().unwrap_or_default()
    }

    /// Put other bytes under a name.
    pub(crate) fn set(&self, name: &str, bytes: Vec<u8>) {
        self.lock().objects.insert(name.into(), bytes);
    }

    /// Take an object away.
    pub(crate) fn remove(&self, name: &str) {
        self.lock().objects.remove(name);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, action: impl FnOnce(&mut State) -> T) -> Result<T> {
        let mut state = self.lock();
        let call = state.n_calls;
        state.n_calls += 1;
        let (fails, acts) = match state.fault {
            Some((at, Fault::Before)) if call == at => (true, false),
            Some((at, Fault::After)) if call == at => (true, true),
            Some((at, Fault::Stop)) if call >= at => (true, false),
            _ => (false, true),
        };
        let done = acts.then(|| action(&mut state));
        state.n_injected += usize::from(fails);
        match done {
            Some(value) if !fails => Ok(value),
            _ => {
                Err(Error::Io { action: "reach".into(), path: "the disk".into(), source: io::Error::other("injected") })
            }
        }
    }
}

impl State {
    fn put(&mut self, name: &str, bytes: Vec<u8>) {
        // A rename over an object that is durable leaves the old or the new bytes, never none.
        if self.objects.insert(name.into(), bytes).is_none() {
            self.unsynced.insert(name.into());
        }
    }
}

impl ObjectStore for Disk {
    fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.lock().objects.get(name).cloned())
    }

    fn get_range(&self, name: &str, offset: u64, length: u64) -> Result<Option<Vec<u8>>> {
        let window = |bytes: &Vec<u8>| bytes.iter().skip(offset as usize).take(length as usize).copied().collect();
        Ok(self.lock().objects.get(name).map(window))
    }

    fn size(&self, name: &str) -> Result<Option<u64>> {
        Ok(self.lock().objects.get(name).map(|bytes| bytes.len() as u64))
    }

    fn modified_us(&self, name: &str) -> Result<Option<i64>> {
        Ok(self.lock().objects.contains_key(name).then_some(0))
    }

    fn put_if_absent(&self, name: &str, bytes: &[u8]) -> Result<bool> {
        self.change(|state| {
            let absent = !state.objects.contains_key(name);
            if absent {
                state.put(name, bytes.to_vec());
            }
            absent
        })
    }

    fn stage(&self) -> Result<Box<dyn Upload>> {
        self.change(|_| ())?;
        Ok(Box::new(DiskUpload { disk: self.clone(), bytes: Vec::new() }))
    }

    fn put_cache(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.change(|state| state.put(name, bytes.to_vec()))
    }

    fn sync(&self, names: &[String]) -> Result<()> {
        let folder = |name: &str| name.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
        let folders: BTreeSet<String> = names.iter().map(|name| folder(name)).collect();
        self.change(|state| state.unsynced.retain(|name| !folders.contains(&folder(name))))
    }

    fn list(&self, folder: &str) -> Result<Vec<String>> {
        let prefix = format!("{folder}/");
        Ok(self.lock().objects.keys().filter(|name| name.starts_with(&prefix)).cloned().collect())
    }

    fn rename(&self, from: &str, to: &str) -> Result<bool> {
        self.change(|state| match state.objects.remove(from) {
            Some(bytes) => {
                state.put(to, bytes);
                true
            }
            None => false,
        })
    }

    fn delete(&self, name: &str) -> Result<()> {
        self.change(|state| {
            state.objects.remove(name);
        })
    }

    fn local_path(&self, _name: &str) -> Option<PathBuf> {
        None
    }

    fn prepare(&self, _folders: &[&str]) -> Result<()> {
        self.change(|_| ())
    }

    fn location(&self) -> String {
        "memory://".into()
    }
}

struct DiskUpload {
    disk: Disk,
    bytes: Vec<u8>,
}

impl Write for DiskUpload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.disk.change(|_| ()).map_err(io::Error::other)?;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Upload for DiskUpload {
    fn publish(self: Box<Self>, name: &str) -> Result<()> {
        let Self { disk, bytes } = *self;
        disk.change(|state| state.put(name, bytes))
    }
}
