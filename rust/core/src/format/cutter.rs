//! Cuts a stream of rows into files and has the threads write them while the next rows come.
//!
//! A file is an inbox of rows that one task at a time empties, so that its bytes depend on its rows alone; many files are
//! written side by side, and within each its columns. The stream is held up when too much waits, and it stops at the first
//! file that fails.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::Schema;
use arrow_select::coalesce::BatchCoalescer;
use rayon::Scope;

use super::boundary::Boundary;
use super::data_file::{BLOCK_ROWS, Target, WrittenFile};
use super::file_writer::FileWriter;
use super::row_ids::RowIds;
use crate::error::{Error, Result};
use crate::threads;

/// Rows in which the end of a file is looked for at once.
const PIECE_ROWS: usize = 8192;
/// Files whose statistics are kept as they were made.
const OPEN_STATISTICS: usize = 8;
/// Bytes that wait for each thread before the stream is held up.
const WAITING_BYTES: usize = 4 << 20;

/// Cut what `feed` pushes into files and write them; gives the files in the order of their rows.
pub(super) fn cut(
    target: &Target<'_>,
    physical: &Arc<Schema>,
    is_moved: bool,
    feed: impl FnOnce(&mut Cutter<'_, '_>) -> Result<()>,
) -> Result<Vec<WrittenFile>> {
    let flow = Flow {
        target,
        physical,
        is_moved,
        state: Mutex::default(),
        freed: Condvar::new(),
        n_running: AtomicUsize::new(0),
        most_bytes: (threads::count() + 1) * WAITING_BYTES,
    };
    let fed = threads::in_place_scope(|scope| {
        let mut cutter = Cutter {
            flow: &flow,
            scope,
            boundary: Boundary::new(physical),
            bucket: None,
            open: None,
            batches: Vec::new(),
            n_rows: 0,
            n_bytes: 0,
            n_files: 0,
        };
        let fed = feed(&mut cutter).and_then(|()| cutter.finish());
        // Nobody needs what still waits.
        lock(&flow.state).has_failed |= fed.is_err();
        fed
    });
    let state = flow.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(failure) = state.failure {
        return Err(failure);
    }
    fed?;
    let mut files = state.files;
    files.sort_unstable_by_key(|(number, _)| *number);
    Ok(files.into_iter().map(|(_, file)| file).collect())
}

/// Finds the ends of files.
pub(super) struct Cutter<'s, 'e> {
    flow: &'s Flow<'s>,
    scope: Option<&'e Scope<'s>>,
    boundary: Boundary,
    bucket: Option<u32>,
    /// The file that is open, once some of its rows were handed over.
    open: Option<Arc<Inbox>>,
    /// Rows of it that were not.
    batches: Vec<RecordBatch>,
    n_rows: usize,
    n_bytes: usize,
    n_files: usize,
}

impl Cutter<'_, '_> {
    /// Add rows in the order of a layout: files end where the bucket does.
    pub(super) fn push_sorted(&mut self, bucket: Option<u32>, batch: &RecordBatch) -> Result<()> {
        if bucket != self.bucket {
            self.close()?;
            self.bucket = bucket;
        }
        self.push(batch)
    }

    /// Add rows behind those that came before.
    pub(super) fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        let n_rows = batch.num_rows();
        // Pieces, so that what is left behind the end of a file is not looked at again and again.
        (0..n_rows).step_by(PIECE_ROWS).try_for_each(|at| self.push_piece(batch.slice(at, PIECE_ROWS.min(n_rows - at))))
    }

    fn push_piece(&mut self, piece: RecordBatch) -> Result<()> {
        let mut rest = piece;
        while rest.num_rows() > 0 {
            let taken = self.boundary.take(&rest, self.flow.physical.fields().len());
            self.batches.push(rest.slice(0, taken.n_rows));
            self.n_rows += taken.n_rows;
            self.n_bytes += taken.n_bytes;
            rest = rest.slice(taken.n_rows, rest.num_rows() - taken.n_rows);
            if taken.is_end {
                self.close()?;
            } else if self.n_rows >= BLOCK_ROWS || self.n_bytes >= WAITING_BYTES {
                self.hand_over(false)?;
            }
        }
        Ok(())
    }

    /// The file ends here.
    fn close(&mut self) -> Result<()> {
        self.boundary.restart();
        if self.n_rows > 0 || self.open.is_some() {
            self.hand_over(true)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        // One small file is written here: a thread would have to be woken.
        if self.n_files == 0 {
            self.scope = None;
        }
        self.close()
    }

    fn hand_over(&mut self, is_end: bool) -> Result<()> {
        let (batches, n_bytes) = (std::mem::take(&mut self.batches), std::mem::take(&mut self.n_bytes));
        self.n_rows = 0;
        let inbox = self.open.take().unwrap_or_else(|| {
            self.n_files += 1;
            Arc::new(Inbox::new(self.n_files, self.bucket))
        });
        if !is_end {
            self.open = Some(Arc::clone(&inbox));
        }
        self.flow.wait_for_room()?;
        if self.flow.add(&inbox, batches, n_bytes, is_end) {
            let flow = self.flow;
            match self.scope {
                Some(scope) => scope.spawn(move |_| flow.empty(&inbox)),
                None => flow.empty(&inbox),
            }
        }
        self.flow.check()
    }
}

/// What the cutter and the tasks share.
struct Flow<'a> {
    target: &'a Target<'a>,
    physical: &'a Arc<Schema>,
    is_moved: bool,
    state: Mutex<FlowState>,
    /// Something was taken out of an inbox.
    freed: Condvar,
    /// Files of which some thread writes rows.
    n_running: AtomicUsize,
    most_bytes: usize,
}

#[derive(Default)]
struct FlowState {
    n_waiting_bytes: usize,
    /// Rows that were written. The thread that read them lets them go: an allocator may keep for long what another frees.
    written: Vec<Vec<RecordBatch>>,
    files: Vec<(usize, WrittenFile)>,
    failure: Option<Error>,
    has_failed: bool,
}

/// Rows of one file that wait to be written.
struct Inbox {
    /// Number of the file in the order of the rows.
    number: usize,
    bucket: Option<u32>,
    state: Mutex<InboxState>,
}

#[derive(Default)]
struct InboxState {
    parts: VecDeque<(Vec<RecordBatch>, usize)>,
    is_complete: bool,
    /// Whether a task empties it.
    is_taken: bool,
    file: Option<OpenFile>,
}

impl Inbox {
    fn new(number: usize, bucket: Option<u32>) -> Self {
        Self { number, bucket, state: Mutex::default() }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Flow<'_> {
    fn wait_for_room(&self) -> Result<()> {
        let mut state = lock(&self.state);
        while state.n_waiting_bytes >= self.most_bytes && !state.has_failed {
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let written = std::mem::take(&mut state.written);
        drop(state);
        drop(written);
        self.check()
    }

    /// Whether a file failed: the error itself is given once.
    fn check(&self) -> Result<()> {
        lock(&self.state).failure.take().map_or(Ok(()), Err)
    }

    /// Put rows into `inbox`; whether somebody has to come and empty it.
    fn add(&self, inbox: &Inbox, batches: Vec<RecordBatch>, n_bytes: usize, is_complete: bool) -> bool {
        lock(&self.state).n_waiting_bytes += n_bytes;
        let mut state = lock(&inbox.state);
        state.parts.push_back((batches, n_bytes));
        state.is_complete = is_complete;
        !std::mem::replace(&mut state.is_taken, true)
    }

    /// Write what is in `inbox` until there is nothing left.
    fn empty(&self, inbox: &Inbox) {
        let mut file = lock(&inbox.state).file.take();
        let _running = Running::start(&self.n_running);
        loop {
            let mut state = lock(&inbox.state);
            let Some((batches, n_bytes)) = state.parts.pop_front() else {
                if !state.is_complete {
                    (state.file, state.is_taken) = (file, false);
                    return;
                }
                break;
            };
            drop(state);
            let part = Part { flow: self, batches, n_bytes };
            if lock(&self.state).has_failed {
                continue;
            }
            let open = file.get_or_insert_with(|| OpenFile::new(self));
            if let Err(error) = part.batches.iter().try_for_each(|batch| open.push(self, batch)) {
                self.fail(error);
            }
        }
        let Some(file) = file.filter(|_| !lock(&self.state).has_failed) else { return };
        match file.close(self, inbox) {
            Ok(file) => lock(&self.state).files.push((inbox.number, file)),
            Err(error) => self.fail(error),
        }
    }

    /// Whether threads have nothing to do but to help with the file that is being written.
    fn has_idle_threads(&self) -> bool {
        self.n_running.load(Ordering::Relaxed) < threads::count()
    }

    fn fail(&self, error: Error) {
        let mut state = lock(&self.state);
        if !std::mem::replace(&mut state.has_failed, true) {
            state.failure = Some(error);
        }
        drop(state);
        self.freed.notify_all();
    }
}

/// Counts a task while it runs.
struct Running<'a>(&'a AtomicUsize);

impl<'a> Running<'a> {
    fn start(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Rows that are being written; makes room when they are, and when their task panics.
struct Part<'a> {
    flow: &'a Flow<'a>,
    batches: Vec<RecordBatch>,
    n_bytes: usize,
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.flow.state);
        state.written.push(std::mem::take(&mut self.batches));
        state.n_waiting_bytes -= self.n_bytes;
        state.has_failed |= std::thread::panicking();
        drop(state);
        self.flow.freed.notify_all();
    }
}

/// A file of which some rows were written.
struct OpenFile {
    blocks: BatchCoalescer,
    file: Option<FileWriter>,
    row_ids: Option<RowIds>,
}

impl OpenFile {
    fn new(flow: &Flow<'_>) -> Self {
        let blocks = BatchCoalescer::new(Arc::clone(flow.physical), BLOCK_ROWS);
        Self { blocks, file: None, row_ids: flow.is_moved.then(RowIds::default) }
    }

    fn push(&mut self, flow: &Flow<'_>, batch: &RecordBatch) -> Result<()> {
        if let Some(row_ids) = self.row_ids.as_mut() {
            add_origins(row_ids, batch, flow.physical.fields().len());
        }
        self.blocks.push_batch(without_origins(batch, flow.physical)?)?;
        self.write(flow)
    }

    fn write(&mut self, flow: &Flow<'_>) -> Result<()> {
        while let Some(block) = self.blocks.next_completed_batch() {
            let file = match self.file.as_mut() {
                Some(file) => file,
                None => self.file.insert(FileWriter::start(flow.target, flow.physical, &block)?),
            };
            file.write(&block, flow.has_idle_threads())?;
        }
        Ok(())
    }

    fn close(mut self, flow: &Flow<'_>, inbox: &Inbox) -> Result<WrittenFile> {
        self.blocks.finish_buffered_batch()?;
        self.write(flow)?;
        let nothing = || Error::InvalidArgument("a file without rows cannot be written".into());
        let file = self.file.ok_or_else(nothing)?;
        let mut written = file.close(flow.target, flow.has_idle_threads())?;
        (written.bucket, written.row_ids) = (inbox.bucket, self.row_ids);
        if inbox.number > OPEN_STATISTICS {
            written.statistics.pack(flow.target.key)?;
        }
        Ok(written)
    }
}

fn without_origins(batch: &RecordBatch, physical: &Arc<Schema>) -> Result<RecordBatch> {
    let columns = batch.columns()[..physical.fields().len()].to_vec();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(physical), columns, &options)?)
}

fn add_origins(row_ids: &mut RowIds, batch: &RecordBatch, n_columns: usize) {
    let [ids, sequences] = [0, 1].map(|at| batch.column(n_columns + at).as_primitive::<UInt64Type>());
    ids.values().iter().zip(sequences.values()).for_each(|(id, sequence)| row_ids.push(*id, *sequence));
}
