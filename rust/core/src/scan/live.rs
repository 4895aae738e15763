//! Which rows of data files are still there, by their place in the files.

use std::sync::{Arc, OnceLock};

use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use roaring::RoaringBitmap;

use super::source::{FileSet, Source};
use crate::error::Result;
use crate::log::objects::Objects;

/// The rows of neighbouring data files, counted from the first row of the first file, gone ones included.
pub struct LiveRows {
    objects: Arc<Objects>,
    sources: Vec<Source>,
    /// Where each file starts, and where the last one ends.
    starts: Vec<u64>,
    /// Positions that are gone, read when a row of the file is asked for.
    deletions: Vec<OnceLock<RoaringBitmap>>,
}

impl LiveRows {
    /// Of the files of `files` from `start` to `stop`. Reads nothing.
    pub fn new(files: &FileSet, start: usize, stop: usize) -> Self {
        let sources = files.sources.get(start..stop).unwrap_or_default().to_vec();
        let mut starts = vec![0];
        starts.extend(sources.iter().scan(0, |end, source| {
            *end += source.file().n_rows;
            Some(*end)
        }));
        let deletions = sources.iter().map(|_| OnceLock::new()).collect();
        Self { objects: Arc::clone(&files.objects), sources, starts, deletions }
    }

    /// Whether each of the `n_rows` rows from `first` on is there; rows beyond the last file are not.
    pub fn mask(&self, first: u64, n_rows: usize) -> Result<BooleanBuffer> {
        let mut mask = BooleanBufferBuilder::new(n_rows);
        let end = first.saturating_add(n_rows as u64);
        let mut at = self.starts.partition_point(|&start| start <= first).saturating_sub(1);
        let mut next = first;
        while next < end && at < self.sources.len() {
            let (start, stop) = (self.starts[at], self.starts[at + 1].min(end));
            append_live(&mut mask, self.deletions(at)?, next - start, stop - start);
            next = stop;
            at += 1;
        }
        mask.append_n((end - next) as usize, false);
        Ok(mask.finish())
    }

    fn deletions(&self, at: usize) -> Result<&RoaringBitmap> {
        if let Some(known) = self.deletions[at].get() {
            return Ok(known);
        }
        let read = self.sources[at].deletions(&self.objects)?;
        Ok(self.deletions[at].get_or_init(|| read))
    }
}

/// Append whether the rows of a file from `start` to `stop` are there, and count those that are gone.
pub fn append_live(mask: &mut BooleanBufferBuilder, deletions: &RoaringBitmap, start: u64, stop: u64) -> usize {
    let before = mask.len();
    mask.append_n((stop - start) as usize, true);
    let mut n_gone = 0;
    for position in deletions.range(start as u32..stop as u32) {
        mask.set_bit(before + (u64::from(position) - start) as usize, false);
        n_gone += 1;
    }
    n_gone
}
