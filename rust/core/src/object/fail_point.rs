//! One call to the file system that goes wrong on demand, so that tests can stop, kill or mislead the very process and the
//! very build that users run. Without `LAKEBED_FAIL_POINT` in the environment nothing here is used.
//!
//! `LAKEBED_FAIL_POINT=<n>:<what>:<path>` means call number n (from 0) of each handle that is opened:
//! `eio` and `enospc` report that error and do nothing, `lost` does its work and reports an input/output error; these leave
//! a file at `path` that names the call. `wait` reads the pipe at `path` to its end before it goes on, so that another
//! process knows where this one stands, and can kill it there or act before it.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::files::{Files, NewFile, OsFiles};
use crate::error::{Error, Result};

const VARIABLE: &str = "LAKEBED_FAIL_POINT";
const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// The files of the operating system, with a fail point where the environment names one.
pub(super) fn os_files() -> Result<Arc<dyn Files>> {
    let Some(text) = std::env::var_os(VARIABLE) else { return Ok(Arc::new(OsFiles)) };
    let text = text.to_string_lossy();
    let point = FailPoint::parse(&text).ok_or_else(|| {
        Error::InvalidArgument(format!("{VARIABLE} is <number>:eio|enospc|lost|wait:<path>, not '{text}'; unset it"))
    })?;
    Ok(Arc::new(FailingFiles { point: Arc::new(point) }))
}

#[derive(Clone, Copy)]
enum Effect {
    Refuse(i32),
    Lose(i32),
    Wait,
}

struct FailPoint {
    at: u64,
    effect: Effect,
    path: PathBuf,
    n_calls: AtomicU64,
}

impl FailPoint {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let at = parts.next()?.parse().ok()?;
        let effect = match parts.next()? {
            "eio" => Effect::Refuse(EIO),
            "enospc" => Effect::Refuse(ENOSPC),
            "lost" => Effect::Lose(EIO),
            "wait" => Effect::Wait,
            _ => return None,
        };
        Some(Self { at, effect, path: parts.next()?.into(), n_calls: AtomicU64::new(0) })
    }

    fn call<T>(&self, name: &str, action: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        if self.n_calls.fetch_add(1, Ordering::SeqCst) != self.at {
            return action();
        }
        match self.effect {
            Effect::Wait => fs::read(&self.path).and_then(|_| action()),
            Effect::Refuse(code) => fs::write(&self.path, name).and(Err(io::Error::from_raw_os_error(code))),
            Effect::Lose(code) => {
                let _ = action();
                fs::write(&self.path, name).and(Err(io::Error::from_raw_os_error(code)))
            }
        }
    }
}

struct FailingFiles {
    point: Arc<FailPoint>,
}

impl Files for FailingFiles {
    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        let file = self.point.call("create", || OsFiles.create(path))?;
        Ok(Box::new(FailingFile { file, point: Arc::clone(&self.point) }))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.point.call("read", || OsFiles.read(path))
    }

    fn read_range(&self, path: &Path, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        self.point.call("read", || OsFiles.read_range(path, offset, length))
    }

    fn size(&self, path: &Path) -> io::Result<u64> {
        self.point.call("size", || OsFiles.size(path))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<(String, bool)>> {
        self.point.call("list", || OsFiles.list(path))
    }

    fn exists(&self, path: &Path) -> bool {
        OsFiles.exists(path)
    }

    fn create_folders(&self, path: &Path) -> io::Result<()> {
        self.point.call("create folders", || OsFiles.create_folders(path))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.point.call("link", || OsFiles.link(from, to))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.point.call("rename", || OsFiles.rename(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.point.call("remove", || OsFiles.remove(path))
    }

    fn modified_us(&self, path: &Path) -> io::Result<i64> {
        self.point.call("time", || OsFiles.modified_us(path))
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.point.call("sync file", || OsFiles.sync_file(path))
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.point.call("sync folder", || OsFiles.sync_folder(path))
    }

    fn local_path(&self, path: &Path) -> Option<PathBuf> {
        OsFiles.local_path(path)
    }
}

struct FailingFile {
    file: Box<dyn NewFile>,
    point: Arc<FailPoint>,
}

impl Write for FailingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Self { file, point } = self;
        point.call("write", || file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl NewFile for FailingFile {
    fn sync(&mut self) -> io::Result<()> {
        let Self { file, point } = self;
        point.call("sync file", || file.sync())
    }
}
