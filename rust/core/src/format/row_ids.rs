//! Row ids of a file whose rows came from other files: an update or a compaction moves rows, their ids go with them.
//!
//! A file of new rows has no such object: its ids follow from its first one. Ids are kept as runs that go up by one, beside
//! the sequence of the commit that wrote the rows; 0 stands for the commit that wrote the file.

use roaring::RoaringTreemap;

use crate::error::Result;
use crate::sketch::{Reader, put_varint};

const VERSION: u8 = 1;

/// Ids of the rows of one file, in the order of the rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowIds {
    runs: Vec<Run>,
    n_rows: u64,
}

/// Rows whose ids go up by one and that one commit wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    first: u64,
    length: u64,
    sequence: u64,
}

/// One row of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowOrigin {
    /// Position in the file.
    pub position: u64,
    /// The row's id.
    pub id: u64,
    /// Sequence of the commit that wrote it; 0 means that of the file.
    pub sequence: u64,
}

impl RowIds {
    /// The rows of a file whose ids follow each other.
    pub fn implicit(first: u64, n_rows: u64) -> Self {
        let runs = if n_rows == 0 { Vec::new() } else { vec![Run { first, length: n_rows, sequence: 0 }] };
        Self { runs, n_rows }
    }

    /// Add one row.
    pub fn push(&mut self, id: u64, sequence: u64) {
        self.n_rows += 1;
        match self.runs.last_mut() {
            Some(run) if run.first.checked_add(run.length) == Some(id) && run.sequence == sequence => run.length += 1,
            _ => self.runs.push(Run { first: id, length: 1, sequence }),
        }
    }

    /// Number of rows.
    pub fn len(&self) -> u64 {
        self.n_rows
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.n_rows == 0
    }

    /// Least id; 0 without rows.
    pub fn first(&self) -> u64 {
        self.runs.iter().map(|run| run.first).min().unwrap_or(0)
    }

    /// Greatest id; 0 without rows.
    pub fn last(&self) -> u64 {
        self.runs.iter().map(|run| run.first + run.length - 1).max().unwrap_or(0)
    }

    /// Every row in order.
    pub fn iter(&self) -> impl Iterator<Item = RowOrigin> + '_ {
        self.from(0)
    }

    /// Position and id of the first row of each run, and its length: never a row by itself, for a file may state any number.
    pub fn runs(&self) -> impl Iterator<Item = (u64, u64, u64)> + '_ {
        let mut start = 0;
        self.runs.iter().map(move |run| {
            let at = start;
            start += run.length;
            (at, run.first, run.length)
        })
    }

    /// The rows from `position` on.
    pub fn from(&self, position: u64) -> impl Iterator<Item = RowOrigin> + '_ {
        let mut start = 0;
        let runs = self.runs.iter().filter_map(move |run| {
            let at = start;
            start += run.length;
            (at + run.length > position).then(|| (at, position.saturating_sub(at), *run))
        });
        runs.flat_map(|(at, skipped, run)| {
            let sequence = run.sequence;
            (skipped..run.length).map(move |k| RowOrigin { position: at + k, id: run.first + k, sequence })
        })
    }

    /// The rows whose ids are in `wanted`, in order.
    pub fn find<'a>(&'a self, wanted: &'a RoaringTreemap) -> impl Iterator<Item = RowOrigin> + 'a {
        let mut start = 0;
        self.runs.iter().flat_map(move |run| {
            let at = start;
            start += run.length;
            let hits: Box<dyn Iterator<Item = u64>> = if run.length == 1 {
                Box::new(wanted.contains(run.first).then_some(run.first).into_iter())
            } else {
                let end = run.first + run.length;
                let mut later = wanted.iter();
                later.advance_to(run.first);
                Box::new(later.take_while(move |id| *id < end))
            };
            hits.map(move |id| RowOrigin { position: at + id - run.first, id, sequence: run.sequence })
        })
    }

    /// Encode: a version, the rows, the runs, then each field of all runs.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        put_varint(&mut out, self.n_rows);
        put_varint(&mut out, self.runs.len() as u64);
        let mut end = 0_u64;
        for run in &self.runs {
            put_varint(&mut out, zigzag(run.first.wrapping_sub(end) as i64));
            end = run.first.wrapping_add(run.length);
        }
        self.runs.iter().for_each(|run| put_varint(&mut out, run.length));
        self.runs.iter().for_each(|run| put_varint(&mut out, run.sequence));
        out
    }

    /// Decode the ids of a file of `n_rows` rows.
    pub fn decode(bytes: &[u8], n_rows: u64) -> Result<Self> {
        let mut reader = Reader::new("row ids", bytes);
        reader.version(VERSION)?;
        let stated = reader.varint()?;
        let count = reader.count(3)?;
        let mut firsts = Vec::with_capacity(count);
        let steps = (0..count).map(|_| Ok(unzigzag(reader.varint()?))).collect::<Result<Vec<_>>>()?;
        let lengths = (0..count).map(|_| reader.varint()).collect::<Result<Vec<_>>>()?;
        let sequences = (0..count).map(|_| reader.varint()).collect::<Result<Vec<_>>>()?;
        reader.finish()?;
        let (mut end, mut total) = (0_u64, 0_u64);
        for (step, length) in steps.iter().zip(&lengths) {
            let first = end.wrapping_add(*step as u64);
            let sum = total.checked_add(*length).filter(|_| *length > 0);
            let (Some(last), Some(sum)) = (first.checked_add(*length), sum) else {
                return Err(reader.corrupt("a run of row ids is too long", n_rows, length));
            };
            firsts.push(first);
            (end, total) = (last, sum);
        }
        if total != n_rows || stated != n_rows {
            return Err(reader.corrupt("row ids do not fit their file", n_rows, total));
        }
        let run = |((first, length), sequence)| Run { first, length, sequence };
        let runs = firsts.into_iter().zip(lengths).zip(sequences).map(run).collect();
        Ok(Self { runs, n_rows })
    }
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}
