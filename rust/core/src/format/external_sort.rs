//! Rows in the order of a layout, however many they are: runs that fit into memory are sorted, kept in a temporary file
//! without a name, and merged.
//!
//! The result is that of one stable sort of all rows, wherever the runs end. A merge looks at one block of each run: of
//! those, the block whose last row is the least is used up, with all rows of the others that come before that row. Runs
//! beyond [`FAN_IN`] are merged in several passes, so that the blocks of one pass stay within some hundred megabytes.

use std::cmp::Ordering;
use std::path::Path;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_ord::ord::{DynComparator, make_comparator};
use arrow_schema::SchemaRef;
use arrow_select::concat::concat_batches;

use super::arrange::{ASCENDING, Arrangement};
use crate::error::Result;
use crate::spill::{Block, SpillFile, conform_batch, spill_schema, values_bytes};

/// Rows of a batch that are looked at at once.
const PIECE_ROWS: usize = 65_536;
/// Runs that are merged at once.
const FAN_IN: usize = 64;

/// How much is in memory at once.
#[derive(Debug, Clone, Copy)]
pub struct SortLimits {
    /// Rows of a run.
    pub run_rows: usize,
    /// Bytes of the values of a run; sorting takes about three times as many.
    pub run_bytes: usize,
    /// Rows of a block of a run.
    pub block_rows: usize,
    /// Bytes of a block, unless one row has more.
    pub block_bytes: usize,
}

impl Default for SortLimits {
    fn default() -> Self {
        Self { run_rows: 1 << 22, run_bytes: 256 << 20, block_rows: 8192, block_bytes: 1 << 20 }
    }
}

/// Takes sorted rows and their bucket.
pub type Give<'a> = &'a mut dyn FnMut(Option<u32>, RecordBatch) -> Result<()>;

/// Sorts the rows of one write.
pub struct Sorter<'a> {
    /// The order.
    pub arrangement: &'a Arrangement,
    /// Folder of the temporary file; none for that of the system.
    pub folder: Option<&'a Path>,
    /// How much is in memory at once.
    pub limits: SortLimits,
}

/// Runs in a temporary file, and the columns of their rows.
struct Spilled {
    file: SpillFile,
    schema: SchemaRef,
    runs: Vec<Vec<Block>>,
}

/// A run, from the block on at which its merge is.
struct Cursor<'a> {
    blocks: std::slice::Iter<'a, Block>,
    rows: RecordBatch,
    keys: Vec<ArrayRef>,
}

impl Sorter<'_> {
    /// Give all rows of `batches` in order.
    pub fn sort(&self, batches: &mut dyn Iterator<Item = Result<RecordBatch>>, give: Give<'_>) -> Result<()> {
        let mut spilled: Option<Spilled> = None;
        let (mut run, mut n_rows, mut n_bytes) = (Vec::new(), 0, 0);
        for batch in batches {
            let batch = batch?;
            // A batch may be a whole table. One without rows tells the columns.
            for start in (0..batch.num_rows().max(1)).step_by(PIECE_ROWS) {
                let piece = batch.slice(start, PIECE_ROWS.min(batch.num_rows() - start));
                n_rows += piece.num_rows();
                n_bytes += piece.columns().iter().map(values_bytes).sum::<usize>();
                run.push(piece);
                if n_rows >= self.limits.run_rows || n_bytes >= self.limits.run_bytes {
                    self.spill_run(&mut spilled, std::mem::take(&mut run))?;
                    (n_rows, n_bytes) = (0, 0);
                }
            }
        }
        if spilled.is_none() {
            let Some(schema) = run.first().map(RecordBatch::schema) else { return Ok(()) };
            let rows = concat_batches(&schema, &run)?;
            drop(run);
            return self.give(&self.sorted(&rows)?, give);
        }
        self.spill_run(&mut spilled, run)?;
        spilled.map_or(Ok(()), |spilled| self.merge_all(spilled, give))
    }

    fn sorted(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        self.arrangement.sorted(&self.arrangement.with_buckets(rows)?)
    }

    fn give(&self, rows: &RecordBatch, give: Give<'_>) -> Result<()> {
        self.arrangement.parts(rows)?.into_iter().try_for_each(|(bucket, rows)| give(bucket, rows))
    }

    fn spill_run(&self, spilled: &mut Option<Spilled>, run: Vec<RecordBatch>) -> Result<()> {
        let Some(schema) = run.first().map(RecordBatch::schema) else { return Ok(()) };
        let rows = concat_batches(&schema, &run)?;
        drop(run);
        let rows = self.sorted(&rows)?;
        let spilled = match spilled {
            Some(spilled) => spilled,
            None => spilled.insert(Spilled {
                file: SpillFile::create(self.folder)?,
                schema: rows.schema(),
                runs: Vec::new(),
            }),
        };
        let mut blocks = Vec::new();
        self.write(&spilled.file, &rows, &mut blocks)?;
        spilled.runs.push(blocks);
        Ok(())
    }

    fn write(&self, file: &SpillFile, rows: &RecordBatch, blocks: &mut Vec<Block>) -> Result<()> {
        let schema = spill_schema(&rows.schema());
        let mut start = 0;
        while start < rows.num_rows() {
            let most = rows.slice(start, self.limits.block_rows.min(rows.num_rows() - start));
            let row_bytes = most.columns().iter().map(values_bytes).sum::<usize>() / most.num_rows() + 1;
            let n_rows = (self.limits.block_bytes / row_bytes).clamp(1, most.num_rows());
            blocks.push(file.write(&conform_batch(&most.slice(0, n_rows), &schema)?)?);
            start += n_rows;
        }
        Ok(())
    }

    fn merge_all(&self, mut spilled: Spilled, give: Give<'_>) -> Result<()> {
        while spilled.runs.len() > FAN_IN {
            let file = SpillFile::create(self.folder)?;
            let mut runs = Vec::new();
            for group in spilled.runs.chunks(FAN_IN) {
                let mut blocks = Vec::new();
                self.merge(&spilled, group, &mut |rows| self.write(&file, rows, &mut blocks))?;
                runs.push(blocks);
            }
            spilled = Spilled { file, schema: spilled.schema, runs };
        }
        self.merge(&spilled, &spilled.runs, &mut |rows| self.give(rows, give))
    }

    fn merge(
        &self,
        spilled: &Spilled,
        runs: &[Vec<Block>],
        give: &mut dyn FnMut(&RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let mut cursors = Vec::new();
        for run in runs {
            cursors.extend(self.open(spilled, run.iter())?);
        }
        while !cursors.is_empty() {
            let taken = rows_before_bound(&cursors)?;
            let parts: Vec<RecordBatch> = cursors
                .iter()
                .zip(&taken)
                .filter(|(_, n)| **n > 0)
                .map(|(cursor, n)| cursor.rows.slice(0, *n))
                .collect();
            match parts.as_slice() {
                [only] => give(only)?,
                _ => give(&self.arrangement.sorted(&concat_batches(&spilled.schema, &parts)?)?)?,
            }
            let mut left = Vec::with_capacity(cursors.len());
            for (cursor, n) in cursors.into_iter().zip(taken) {
                left.extend(self.advanced(spilled, cursor, n)?);
            }
            cursors = left;
        }
        Ok(())
    }

    /// The run from its next block on; none at its end.
    fn open<'a>(&self, spilled: &Spilled, mut blocks: std::slice::Iter<'a, Block>) -> Result<Option<Cursor<'a>>> {
        let Some(block) = blocks.next() else { return Ok(None) };
        let rows = conform_batch(&spilled.file.read(*block)?, &spilled.schema)?;
        Ok(Some(Cursor { blocks, keys: self.arrangement.keys(&rows), rows }))
    }

    fn advanced<'a>(&self, spilled: &Spilled, cursor: Cursor<'a>, n: usize) -> Result<Option<Cursor<'a>>> {
        let n_left = cursor.rows.num_rows() - n;
        if n_left == 0 {
            return self.open(spilled, cursor.blocks);
        }
        let rows = cursor.rows.slice(n, n_left);
        Ok(Some(Cursor { blocks: cursor.blocks, keys: self.arrangement.keys(&rows), rows }))
    }
}

/// Of each run the rows that come before the end of the block that ends first, and that block.
fn rows_before_bound(cursors: &[Cursor<'_>]) -> Result<Vec<usize>> {
    let last = |at: usize| cursors[at].rows.num_rows() - 1;
    let mut bound = 0;
    for at in 1..cursors.len() {
        // Of equal ends that of the first run counts: its equal rows come first.
        if cursors[at].comparison(&cursors[bound])?.order(last(at), last(bound)) == Ordering::Less {
            bound = at;
        }
    }
    let count = |(at, cursor): (usize, &Cursor<'_>)| {
        if at == bound {
            return Ok(cursor.rows.num_rows());
        }
        // Equal rows of later runs wait, since there may be more of them in the run of the bound.
        let comes_before = |order: Ordering| order == Ordering::Less || (order == Ordering::Equal && at < bound);
        let comparison = cursor.comparison(&cursors[bound])?;
        let (mut low, mut high) = (0, cursor.rows.num_rows());
        while low < high {
            let middle = usize::midpoint(low, high);
            if comes_before(comparison.order(middle, last(bound))) { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    };
    cursors.iter().enumerate().map(count).collect()
}

struct Comparison(Vec<DynComparator>);

impl Comparison {
    fn order(&self, left: usize, right: usize) -> Ordering {
        let orders = self.0.iter().map(|compare| compare(left, right));
        orders.fold(Ordering::Equal, Ordering::then)
    }
}

impl Cursor<'_> {
    fn comparison(&self, other: &Self) -> Result<Comparison> {
        let compare = |(left, right): (&ArrayRef, &ArrayRef)| Ok(make_comparator(left, right, ASCENDING)?);
        Ok(Comparison(self.keys.iter().zip(&other.keys).map(compare).collect::<Result<_>>()?))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float64Type, Int64Type};
    use arrow_array::{Float64Array, Int64Array, StringViewArray};
    use arrow_select::concat::concat_batches;

    use super::*;

    fn batch(first: i64, n: i64) -> Result<RecordBatch> {
        let hash = |row: i64| row.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64).rotate_left(17);
        let text = |row: i64| (hash(row) % 7 != 0).then(|| format!("{}{}", hash(row).rem_euclid(5), "x".repeat(20)));
        let number = |row: i64| match hash(row).rem_euclid(11) {
            0 => None,
            1 => Some(f64::NAN),
            other => Some(other as f64),
        };
        Ok(RecordBatch::try_from_iter_with_nullable([
            ("text", Arc::new((first..first + n).map(text).collect::<StringViewArray>()) as ArrayRef, true),
            ("number", Arc::new((first..first + n).map(number).collect::<Float64Array>()) as ArrayRef, true),
            ("row", Arc::new(Int64Array::from_iter_values(first..first + n)) as ArrayRef, true),
        ])?)
    }

    fn sort(arrangement: &Arrangement, limits: SortLimits, n: i64) -> Result<(Vec<Option<u32>>, RecordBatch)> {
        let sorter = Sorter { arrangement, folder: None, limits };
        let (mut buckets, mut parts) = (Vec::new(), Vec::new());
        sorter.sort(&mut (0..n).step_by(97).map(|first| batch(first, 97.min(n - first))), &mut |bucket, rows| {
            buckets.extend(std::iter::repeat_n(bucket, rows.num_rows()));
            parts.push(rows);
            Ok(())
        })?;
        Ok((buckets, concat_batches(&batch(0, 0)?.schema(), &parts)?))
    }

    /// Text, number (NaN last of the numbers), row; nulls last.
    type Key = (bool, Option<String>, bool, bool, u64, i64);

    fn key(rows: &RecordBatch, at: usize) -> Key {
        let (text, number) = (rows.column(0).as_string_view(), rows.column(1).as_primitive::<Float64Type>());
        let text = text.iter().nth(at).flatten().map(str::to_owned);
        let number = number.iter().nth(at).flatten();
        let row = rows.column(2).as_primitive::<Int64Type>().value(at);
        let is_nan = number.is_some_and(f64::is_nan);
        let whole = number.filter(|number| !number.is_nan()).unwrap_or(0.0) as u64;
        (text.is_none(), text, number.is_none(), is_nan, whole, row)
    }

    #[test]
    fn runs_blocks_and_passes_make_no_difference_to_one_stable_sort() -> Result<()> {
        let arrangements = [
            Arrangement { sort_by: vec![0, 1], ..Arrangement::default() },
            Arrangement { sort_by: vec![0, 1], bucket_by: vec![1], n_buckets: 3, first_bucket: 5 },
            Arrangement { bucket_by: vec![0], n_buckets: 4, ..Arrangement::default() },
        ];
        let n = 1_500;
        for arrangement in &arrangements {
            let (buckets, whole) = sort(arrangement, SortLimits::default(), n)?;
            let keys: Vec<_> = (0..whole.num_rows())
                .map(|at| {
                    let key = key(&whole, at);
                    if arrangement.sort_by.is_empty() {
                        (buckets[at], (false, None, false, false, 0, key.5))
                    } else {
                        (buckets[at], key)
                    }
                })
                .collect();
            assert_eq!(keys.len(), n as usize);
            assert!(keys.is_sorted(), "{arrangement:?}");
            for (run_rows, run_bytes, block_rows, block_bytes) in
                [(200, usize::MAX, 30, 1 << 20), (10, usize::MAX, 7, 100), (1 << 20, 4_000, 1, 1 << 20), (1, 1, 1, 1)]
            {
                let limits = SortLimits { run_rows, run_bytes, block_rows, block_bytes };
                let found = sort(arrangement, limits, n)?;
                assert_eq!(found.0, buckets);
                for at in 0..n as usize {
                    assert_eq!(key(&found.1, at), key(&whole, at), "{limits:?} {at}");
                }
            }
        }
        Ok(())
    }

    #[test]
    fn no_rows_give_none() -> Result<()> {
        let arrangement = Arrangement { sort_by: vec![0], ..Arrangement::default() };
        assert_eq!(sort(&arrangement, SortLimits::default(), 0)?.1.num_rows(), 0);
        Ok(())
    }
}
