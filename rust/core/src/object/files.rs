//! What the local store asks of the operating system, one call each, so that tests can put a disk of their own in its place.
//!
//! Nothing here decides anything: which calls are made, and in which order, is the store's affair.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

/// Files that are synced at the same time.
const SYNC_TOGETHER: usize = 8;

/// A tree of files and folders.
pub trait Files: Send + Sync {
    /// A new file to write into; fails if the name exists.
    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>>;

    /// All bytes of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// At most `length` bytes from `offset`.
    fn read_range(&self, path: &Path, offset: u64, length: u64) -> io::Result<Vec<u8>>;

    /// Size of a file in bytes.
    fn size(&self, path: &Path) -> io::Result<u64>;

    /// When a file was last written to, in microseconds since 1970 UTC.
    fn modified_us(&self, path: &Path) -> io::Result<i64>;

    /// Names in a folder, in any order, and whether each is a folder.
    fn list(&self, path: &Path) -> io::Result<Vec<(String, bool)>>;

    /// Whether there is a file or folder.
    fn exists(&self, path: &Path) -> bool;

    /// Make a folder and those above it that are missing.
    fn create_folders(&self, path: &Path) -> io::Result<()>;

    /// Give a file a second name; fails if that name exists. Whole or not at all.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Give a file another name, in place of what has that name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Remove a name of a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Wait until all that was written to a file is on disk.
    fn sync_file(&self, path: &Path) -> io::Result<()>;

    /// The same for several files, which a disk can do together. Gives those that failed.
    fn sync_files(&self, paths: &[PathBuf]) -> Vec<(PathBuf, io::Error)> {
        paths.iter().filter_map(|path| self.sync_file(path).err().map(|error| (path.clone(), error))).collect()
    }

    /// Wait until the names in a folder are on disk.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;

    /// Where other libraries can open the file, if they can.
    fn local_path(&self, path: &Path) -> Option<PathBuf>;

    /// Now, in microseconds since 1970 UTC.
    fn now_us(&self) -> i64 {
        system_time_us()
    }
}

/// A file that is being written.
pub trait NewFile: Write + Send {
    /// Wait until all that was written is on disk.
    fn sync(&mut self) -> io::Result<()>;
}

/// The time of the operating system in microseconds since 1970 UTC; 0 before that.
pub fn system_time_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_micros() as i64)
}

/// The files of the operating system.
pub struct OsFiles;

impl Files for OsFiles {
    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        Ok(Box::new(OpenOptions::new().write(true).create_new(true).open(path)?))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn read_range(&self, path: &Path, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        let mut bytes = Vec::with_capacity(length.min(size.saturating_sub(offset)) as usize);
        if offset > 0 {
            file.seek(SeekFrom::Start(offset))?;
        }
        file.take(length).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn size(&self, path: &Path) -> io::Result<u64> {
        Ok(fs::metadata(path)?.len())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<(String, bool)>> {
        let entry = |entry: io::Result<fs::DirEntry>| {
            let entry = entry?;
            Ok((entry.file_name().to_string_lossy().into_owned(), entry.file_type()?.is_dir()))
        };
        fs::read_dir(path)?.map(entry).collect()
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn create_folders(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn modified_us(&self, path: &Path) -> io::Result<i64> {
        Ok(match fs::metadata(path)?.modified()?.duration_since(UNIX_EPOCH) {
            Ok(after) => after.as_micros() as i64,
            Err(before) => -(before.duration().as_micros() as i64),
        })
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn sync_files(&self, paths: &[PathBuf]) -> Vec<(PathBuf, io::Error)> {
        // File systems with a journal write it once for all who wait at the same time.
        let sync = |path: &PathBuf| self.sync_file(path).err().map(|error| (path.clone(), error));
        let mut failed = Vec::new();
        for together in paths.chunks(SYNC_TOGETHER) {
            let Some((first, rest)) = together.split_first() else { continue };
            thread::scope(|scope| {
                let waiting: Vec<_> = rest
                    .iter()
                    .map(|path| (path, thread::Builder::new().spawn_scoped(scope, move || sync(path))))
                    .collect();
                failed.extend(sync(first));
                for (path, waiting) in waiting {
                    // Where there is no thread to be had, this one does the work.
                    let outcome = waiting.ok().and_then(|handle| handle.join().ok());
                    failed.extend(outcome.unwrap_or_else(|| sync(path)));
                }
            });
        }
        failed
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn local_path(&self, path: &Path) -> Option<PathBuf> {
        Some(path.to_path_buf())
    }
}

impl NewFile for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}
