//! Commits of a branch by their ids: a rebuildable index of which a search reads a few kilobytes, however long the branch is.
//!
//! Rows of 40 bytes, an id and the number of its entry, ascend by id in pages, each with its hash in a directory that has its
//! own: an index that is damaged, or that of another copy of the warehouse, counts as absent.

use super::objects::Objects;
use super::refs;
use crate::digest::{Digest, hex};
use crate::error::{Error, Result};
use crate::format::bytes::{Reader, Writer};
use crate::format::envelope::{self, Kind};
use crate::format::names;

const PAGE_ROWS: usize = 128;
const ROW_BYTES: usize = 40;
const PAGE_ENTRY_BYTES: usize = 64;
const HEADER_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
/// What the first read brings: the whole directory of some 30,000 commits.
const FIRST_READ: u64 = 16 << 10;

/// A commit's id and the number of its entry.
type Row = ([u8; 32], u64);

/// What the index of a branch knows.
#[derive(Default)]
pub struct Found {
    /// Numbers of the entries whose commits begin as asked.
    pub sequences: Vec<u64>,
    /// Number of the newest entry that it covers.
    pub covers: u64,
}

/// Write the index of the commits of `branch`, each with the number of its entry, oldest first. It is a cache: a failure is of
/// no account.
pub(super) fn write(objects: &Objects, branch: &str, commits: &[(&str, u64)]) {
    if let Some(bytes) = encode(commits) {
        let _ = objects.store.put_cache(&names::commit_ids(branch), &bytes);
    }
}

fn encode(commits: &[(&str, u64)]) -> Option<Vec<u8>> {
    let of = |(id, sequence): &(&str, u64)| id.parse::<Digest>().ok().map(|id| (id.0, *sequence));
    let (last_id, last_sequence) = of(commits.last()?)?;
    let mut ids: Vec<Row> = commits.iter().map(of).collect::<Option<_>>()?;
    ids.sort_unstable();
    let (mut directory, mut pages) = (Writer::default(), Vec::new());
    directory.raw(&last_id);
    directory.u64(last_sequence);
    directory.u64(ids.len() as u64);
    for page in ids.chunks(PAGE_ROWS) {
        let start = pages.len();
        for (id, sequence) in page {
            pages.extend_from_slice(id);
            pages.extend_from_slice(&sequence.to_le_bytes());
        }
        directory.raw(&page[0].0);
        directory.raw(&Digest::of(&pages[start..]).0);
    }
    let mut bytes = envelope::header(Kind::CommitIds, directory.bytes.len() as u64);
    bytes.extend_from_slice(&directory.bytes);
    bytes.extend_from_slice(&Digest::of(&bytes).0);
    bytes.extend_from_slice(&pages);
    Some(bytes)
}

/// Look for commits of `branch`'s own entries whose ids begin with `prefix`, up to 64 hexadecimal digits in lower case; none
/// where there is no index to be trusted.
pub fn find(objects: &Objects, branch: &str, prefix: &str) -> Option<Found> {
    let name = names::commit_ids(branch);
    let directory = Directory::read(objects, &name).ok()??;
    let newest = refs::entry(objects.store.as_ref(), branch, directory.last_sequence).ok()??.commit?;
    if newest.id != hex(&directory.last_id) {
        return None;
    }
    let (low, high) = (bound(prefix, '0')?, bound(prefix, 'f')?);
    let first = directory.pages.partition_point(|(first_id, _)| *first_id <= low).saturating_sub(1);
    let last = directory.pages.partition_point(|(first_id, _)| *first_id <= high);
    let mut sequences = Vec::new();
    for at in first..last {
        for (id, sequence) in directory.page(objects, &name, at).ok()?? {
            if (low..=high).contains(&id) {
                sequences.push(sequence);
            }
        }
    }
    Some(Found { sequences, covers: directory.last_sequence })
}

/// Compare the stored index, if there is one, with the branch's entries.
pub fn check(objects: &Objects, branch: &str) -> Result<()> {
    let (store, name) = (objects.store.as_ref(), names::commit_ids(branch));
    if store.size(&name)?.is_none() {
        return Ok(());
    }
    let damaged = |what: &str| corrupt(&name, what, "its hash", "another".into());
    let directory = Directory::read(objects, &name)?.ok_or_else(|| damaged("its directory is damaged"))?;
    for at in 0..directory.pages.len() {
        let page = directory.page(objects, &name, at)?.ok_or_else(|| damaged("a page is damaged"))?;
        for (id, sequence) in page {
            let commit = refs::entry(store, branch, sequence)?.and_then(|entry| entry.commit).map(|commit| commit.id);
            if commit.as_ref() != Some(&hex(&id)) {
                let found = commit.unwrap_or_else(|| "none".into());
                return Err(corrupt(&name, "a row is not what the branch's entry names", &hex(&id), found));
            }
        }
    }
    Ok(())
}

fn corrupt(name: &str, problem: &str, expected: &str, found: String) -> Error {
    Error::Corruption { path: name.into(), problem: problem.into(), expected: expected.into(), found }
}

/// The lowest or highest id that begins with `prefix`.
fn bound(prefix: &str, fill: char) -> Option<[u8; 32]> {
    let digits: String = prefix.chars().chain(std::iter::repeat(fill)).take(64).collect();
    digits.parse::<Digest>().ok().map(|id| id.0)
}

struct Directory {
    last_id: [u8; 32],
    last_sequence: u64,
    n_rows: usize,
    /// First id and hash of each page.
    pages: Vec<([u8; 32], [u8; 32])>,
    pages_at: u64,
}

impl Directory {
    fn read(objects: &Objects, name: &str) -> Result<Option<Self>> {
        let store = objects.store.as_ref();
        let Some(mut head) = store.get_range(name, 0, FIRST_READ)? else { return Ok(None) };
        let length = envelope::open_header(Kind::CommitIds, &head, name)?;
        let end = length.saturating_add((HEADER_BYTES + HASH_BYTES) as u64);
        if end > head.len() as u64 && store.size(name)?.is_some_and(|size| end <= size) {
            head = store.get_range(name, 0, end)?.unwrap_or_default();
        }
        let Some((framed, hash)) =
            head.get(..end as usize).and_then(|bytes| bytes.split_at_checked(HEADER_BYTES + length as usize))
        else {
            return Ok(None);
        };
        if Digest::of(framed).0 != hash {
            return Ok(None);
        }
        let mut reader = Reader::new(&framed[HEADER_BYTES..], name);
        let (last_id, last_sequence, n_rows) = (reader.digest()?, reader.u64()?, reader.u64()? as usize);
        let n_pages = (length as usize).saturating_sub(48) / PAGE_ENTRY_BYTES;
        let pages = (0..n_pages).map(|_| Ok((reader.digest()?, reader.digest()?))).collect::<Result<_>>()?;
        reader.finish()?;
        Ok(Some(Self { last_id, last_sequence, n_rows, pages, pages_at: end }))
    }

    /// Ids and numbers of one page; none where its hash does not match.
    fn page(&self, objects: &Objects, name: &str, at: usize) -> Result<Option<Vec<Row>>> {
        let n_rows = self.n_rows.saturating_sub(at * PAGE_ROWS).min(PAGE_ROWS);
        let offset = self.pages_at + (at * PAGE_ROWS * ROW_BYTES) as u64;
        let bytes = objects.store.get_range(name, offset, (n_rows * ROW_BYTES) as u64)?.unwrap_or_default();
        if Digest::of(&bytes).0 != self.pages[at].1 {
            return Ok(None);
        }
        let mut reader = Reader::new(&bytes, name);
        (0..n_rows).map(|_| Ok((reader.digest()?, reader.u64()?))).collect::<Result<_>>().map(Some)
    }
}
