//! Joins of streams, with a limit on memory: what does not fit is cut into buckets by key in a temporary file, joined
//! bucket by bucket, and given in the order of the left rows, chunk by chunk.
//!
//! The file holds the left rows once in order, their keys and times once by key, the right rows once by key, and the
//! columns that the right tables give to each left row: less than twice the input.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{
    Array, ArrayRef, RecordBatch, RecordBatchIterator, RecordBatchOptions, RecordBatchReader, UInt32Array,
};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use arrow_select::take::take;

use super::asof::join;
use super::buckets::{N_BUCKETS, Spilled, size_of, with_rows};
use super::keys::KeyPlan;
use super::monitor::Monitor;
use super::options::{AsofOptions, Output};
use super::pass;
use super::pieces::{Best, Piece};
use super::report::SideReport;
use super::stream::{JoinedStream, Reader, Reports, join_chunks};
use super::stretches::Events;
use super::table::{Table, position};
use super::times::{TimeColumn, Unit};
use crate::error::{Error, Result};
use crate::spill::{Block, SpillFile, conform, conform_batch, spill_schema};
use crate::threads;

/// Left rows that are given at once at most.
const CHUNK_ROWS: usize = 1 << 18;

/// How much memory a join may use, and where it keeps what does not fit.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes.
    pub memory_bytes: usize,
    /// Folder of temporary files; `None` for the system's.
    pub folder: Option<PathBuf>,
}

/// Join any number of right tables to the left one. Without `limits`, or where they suffice, everything stays in memory;
/// but `in_chunks` only so many of the left rows at once as suit the right tables.
pub fn join_streams(
    left: Reader,
    rights: Vec<(Reader, AsofOptions)>,
    limits: Option<&Limits>,
    in_chunks: bool,
    monitor: &Arc<Monitor>,
) -> Result<JoinedStream> {
    check(&left.schema(), &rights)?;
    if in_chunks && limits.is_none() {
        return join_chunks(left, rights, monitor);
    }
    let mut inputs = Inputs::new(left, rights);
    if inputs.read(limits.map_or(usize::MAX, |limits| limits.memory_bytes / 4), monitor)? {
        return in_memory(inputs, monitor);
    }
    let Some(limits) = limits else { return in_memory(inputs, monitor) };
    threads::install(|| External::spill(inputs, limits, monitor)?.join(monitor))
}

fn check(left: &SchemaRef, rights: &[(Reader, AsofOptions)]) -> Result<()> {
    let mut output = Output::new(left);
    for (right, options) in rights {
        options.check(left, &right.schema())?;
        options.searches(&right.schema())?;
        output.add(&right.schema(), options)?;
    }
    Ok(())
}

/// A right table with the columns only that the join needs, each once.
fn needed(right: Reader, options: &AsofOptions) -> Reader {
    let schema = right.schema();
    let payload: Vec<&String> = match (&options.aggregates, &options.columns) {
        (Some(aggregates), _) => aggregates.columns.iter().filter_map(|column| column.column.as_ref()).collect(),
        (None, Some(columns)) => columns.iter().map(|(name, _)| name).collect(),
        (None, None) => return right,
    };
    let names = options.by_right.iter().chain([&options.on_right]).chain(&options.created).chain(&options.skip_nulls);
    let mut positions: Vec<usize> = names.chain(payload).filter_map(|name| schema.index_of(name).ok()).collect();
    positions.sort_unstable();
    positions.dedup();
    let Ok(narrow) = schema.project(&positions) else { return right };
    let narrow = Arc::new(narrow);
    let batches = right.map(move |batch| batch.and_then(|batch| batch.project(&positions)));
    Box::new(RecordBatchIterator::new(batches, narrow))
}

/// Streams, and what was read of each.
struct Inputs {
    streams: Vec<(Reader, Vec<RecordBatch>)>,
    options: Vec<AsofOptions>,
}

impl Inputs {
    fn new(left: Reader, rights: Vec<(Reader, AsofOptions)>) -> Self {
        let mut inputs = Self { streams: vec![(left, Vec::new())], options: Vec::new() };
        for (right, options) in rights {
            inputs.streams.push((needed(right, &options), Vec::new()));
            inputs.options.push(options);
        }
        inputs
    }

    /// Read until all is read, which gives `true`, or more than `limit` bytes are.
    fn read(&mut self, limit: usize, monitor: &Monitor) -> Result<bool> {
        let mut size = 0;
        for (stream, batches) in &mut self.streams {
            for batch in stream.by_ref() {
                let batch = batch?;
                monitor.read(batch.num_rows())?;
                if limit < usize::MAX {
                    size += size_of(&batch);
                }
                batches.push(batch);
                if size > limit {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

fn in_memory(inputs: Inputs, monitor: &Monitor) -> Result<JoinedStream> {
    let mut tables = inputs.streams.into_iter().map(|(stream, batches)| Table::new(stream.schema(), batches));
    let Some(left) = tables.next() else { return Err(Error::InvalidArgument("a join needs a left table".into())) };
    let rights: Vec<(Table, AsofOptions)> = tables.zip(inputs.options).collect();
    let joined = threads::install(|| join(&left, &rights, monitor))?;
    monitor.settle();
    let schema = joined.batch.schema();
    let reader: Reader = Box::new(RecordBatchIterator::new([Ok(joined.batch)], schema));
    Ok(JoinedStream {
        reader,
        reports: Reports::new(joined.reports),
        unit_ns: joined.unit_ns,
        spilled_bytes: 0,
        goes_on: false,
    })
}

/// Right tables whose keys are the same left columns.
struct KeyGroup {
    plan: KeyPlan,
    /// Positions of the right tables.
    members: Vec<usize>,
    left: Spilled,
    /// Blocks of results by chunk of left rows.
    results: Vec<Vec<Block>>,
}

/// A join whose tables lie in a temporary file.
struct External {
    file: SpillFile,
    memory_bytes: usize,
    left_schema: SchemaRef,
    right_schemas: Vec<SchemaRef>,
    options: Vec<AsofOptions>,
    unit: Unit,
    chunk_rows: usize,
    /// The left rows in order, a block a chunk.
    left: Vec<Block>,
    rights: Vec<Spilled>,
    groups: Vec<KeyGroup>,
}

impl External {
    /// Move everything into a temporary file.
    fn spill(inputs: Inputs, limits: &Limits, monitor: &Monitor) -> Result<Self> {
        let schemas: Vec<SchemaRef> = inputs.streams.iter().map(|(stream, _)| stream.schema()).collect();
        let (left_schema, right_schemas) = (Arc::clone(&schemas[0]), schemas[1..].to_vec());
        let mut external = Self {
            file: SpillFile::create(limits.folder.as_deref())?,
            memory_bytes: limits.memory_bytes,
            unit: unit_of(&left_schema, &right_schemas, &inputs.options)?,
            chunk_rows: CHUNK_ROWS,
            left: Vec::new(),
            rights: right_schemas.iter().map(Spilled::new).collect(),
            groups: Vec::new(),
            options: inputs.options,
            left_schema,
            right_schemas,
        };
        external.group_keys()?;
        let mut streams = inputs.streams.into_iter();
        if let Some((stream, batches)) = streams.next() {
            external.spill_left(&mut batches.into_iter().map(Ok).chain(stream), monitor)?;
        }
        for (right, (stream, batches)) in streams.enumerate() {
            for batch in batches.into_iter().map(Ok).chain(stream) {
                external.spill_right(right, &batch?, monitor)?;
            }
        }
        Ok(external)
    }

    fn group_keys(&mut self) -> Result<()> {
        for (at, (schema, options)) in self.right_schemas.iter().zip(&self.options).enumerate() {
            let plan = options.check(&self.left_schema, schema)?;
            if let Some(group) = self.groups.iter_mut().find(|group| group.plan.has_left_keys_of(&plan)) {
                group.members.push(at);
                continue;
            }
            self.groups.push(KeyGroup {
                plan,
                members: vec![at],
                left: Spilled::new(&self.left_schema),
                results: Vec::new(),
            });
        }
        for group in &mut self.groups {
            let columns = left_columns(&self.left_schema, &self.options, &group.members)?;
            let empty = with_rows(&RecordBatch::new_empty(Arc::clone(&self.left_schema)), &columns, 0)?;
            group.left = Spilled::new(&empty.schema());
        }
        Ok(())
    }

    fn spill_left(
        &mut self,
        batches: &mut dyn Iterator<Item = Result<RecordBatch, ArrowError>>,
        monitor: &Monitor,
    ) -> Result<()> {
        let mut waiting: Vec<RecordBatch> = Vec::new();
        let mut n_waiting = 0;
        loop {
            let batch = batches.next().transpose()?;
            if let (Some(batch), true) = (&batch, self.left.is_empty() && waiting.is_empty()) {
                let row_bytes = size_of(batch) / batch.num_rows().max(1) + 1;
                self.chunk_rows = (self.memory_bytes / 16 / row_bytes).clamp(1 << 12, CHUNK_ROWS);
            }
            let is_over = batch.is_none();
            n_waiting += batch.as_ref().map_or(0, RecordBatch::num_rows);
            waiting.extend(batch);
            if n_waiting >= self.chunk_rows || (is_over && n_waiting > 0) {
                let mut all = concat_batches(&self.left_schema, &waiting)?;
                while all.num_rows() >= self.chunk_rows || (is_over && all.num_rows() > 0) {
                    let n_rows = self.chunk_rows.min(all.num_rows());
                    self.spill_left_chunk(&all.slice(0, n_rows), monitor)?;
                    all = all.slice(n_rows, all.num_rows() - n_rows);
                }
                n_waiting = all.num_rows();
                waiting = vec![all];
            }
            if is_over {
                break;
            }
        }
        for group in &mut self.groups {
            group.results = vec![Vec::new(); self.left.len()];
        }
        Ok(())
    }

    fn spill_left_chunk(&mut self, chunk: &RecordBatch, monitor: &Monitor) -> Result<()> {
        let first_row = (self.left.len() * self.chunk_rows) as u64;
        let table = Table::new(chunk.schema(), vec![chunk.clone()]);
        for options in &self.options {
            self.unit.widen(&TimeColumn::read(&table, &options.on_left, "left")?);
        }
        self.left.push(self.file.write(&conform_batch(chunk, &spill_schema(&self.left_schema))?)?);
        for group in &mut self.groups {
            let columns = left_columns(&self.left_schema, &self.options, &group.members)?;
            let narrow = with_rows(chunk, &columns, first_row)?;
            let plan = &group.plan;
            group.left.push(
                &self.file,
                &narrow,
                |part| plan.left(&full(part, &columns, &self.left_schema)?),
                monitor,
            )?;
        }
        Ok(())
    }

    fn spill_right(&mut self, right: usize, batch: &RecordBatch, monitor: &Monitor) -> Result<()> {
        let options = &self.options[right];
        let table = Table::new(batch.schema(), vec![batch.clone()]);
        self.unit.widen(&TimeColumn::read(&table, &options.on_right, "right")?);
        if let Some(created) = &options.created {
            self.unit.widen(&TimeColumn::read(&table, created, "right")?);
        }
        let plan = options.check(&self.left_schema, &self.right_schemas[right])?;
        self.rights[right].push(&self.file, batch, |part| plan.right(part), monitor)
    }

    /// Join bucket by bucket.
    fn join(mut self, monitor: &Monitor) -> Result<JoinedStream> {
        let mut reports = vec![SideReport::default(); self.options.len()];
        monitor.add_expected((0..self.groups.len()).map(|at| self.n_rows(at, 0..N_BUCKETS)).sum());
        let quiet = monitor.quiet();
        for at in 0..self.groups.len() {
            for bucket in 0..N_BUCKETS {
                self.join_bucket(at, bucket, &mut reports, &quiet)?;
                monitor.advance(self.n_rows(at, bucket..bucket + 1))?;
            }
        }
        monitor.settle();
        let mut output = Output::new(&self.left_schema);
        for (schema, options) in self.right_schemas.iter().zip(&self.options) {
            output.add(schema, options)?;
        }
        let (unit_ns, spilled_bytes) = (self.unit.ns, self.file.len());
        let reader: Reader = Box::new(OrderedReader { schema: output.schema(), external: self, next: 0 });
        Ok(JoinedStream { reader, reports: Reports::new(reports), unit_ns, spilled_bytes, goes_on: true })
    }

    /// Rows of both sides in some buckets.
    fn n_rows(&self, group: usize, buckets: Range<usize>) -> usize {
        let group = &self.groups[group];
        let sides = group.members.iter().map(|&right| &self.rights[right]).chain([&group.left]);
        sides.flat_map(|side| &side.buckets[buckets.clone()]).flatten().map(|block| block.n_rows).sum()
    }

    fn join_bucket(
        &mut self,
        group: usize,
        bucket: usize,
        reports: &mut [SideReport],
        monitor: &Monitor,
    ) -> Result<()> {
        let members = self.groups[group].members.clone();
        let left_schema = Arc::clone(&self.groups[group].left.schema);
        // A left row takes its block, its place in the index and what it is given.
        let piece_rows = (self.memory_bytes / 8 / 256).max(1 << 12);
        for blocks in pieces(&self.groups[group].left.buckets[bucket], |block| block.n_rows, piece_rows) {
            let left = Table::new(Arc::clone(&left_schema), self.read(&blocks)?);
            let mut columns = vec![left.column(left_schema.fields().len() - 1)?];
            for &right in &members {
                let (given, report) = self.join_pieces(&left, right, bucket, monitor)?;
                columns.extend(given);
                reports[right].merge(&report);
            }
            self.keep_results(group, columns)?;
        }
        Ok(())
    }

    /// The columns that one right table gives to some left rows of a bucket.
    fn join_pieces(
        &self,
        left: &Table,
        right: usize,
        bucket: usize,
        monitor: &Monitor,
    ) -> Result<(Vec<ArrayRef>, SideReport)> {
        let (spilled, options) = (&self.rights[right], &self.options[right]);
        let most_bytes = self.memory_bytes / 4;
        let times = TimeColumn::read(left, &options.on_left, "left")?.to::<i128>(self.unit);
        let mut best: Option<Best> = None;
        let pieces = pieces(&spilled.buckets[bucket], Block::size_bytes, most_bytes);
        let is_single = pieces.len() <= 1;
        if let (Some(aggregates), false) = (&options.aggregates, is_single) {
            let (file, schema, unit) = (&self.file, &spilled.schema, self.unit);
            let events = Events { file, pieces: &pieces, schema, options, unit, most_bytes };
            return events.aggregate(left, aggregates, monitor);
        }
        for blocks in if is_single { vec![spilled.buckets[bucket].clone()] } else { pieces } {
            let table = Table::new(Arc::clone(&spilled.schema), self.read(&blocks)?);
            let rights = [(table, options.clone())];
            let Some(found) = pass::run(left, &rights, self.unit, !is_single, monitor)?.pop() else { continue };
            let [(table, _)] = &rights;
            if is_single {
                return Ok((found.columns(table, options)?, found.report));
            }
            let piece = Piece { table, options, left: &times, unit: self.unit };
            let next = Best::of(&found, &piece)?;
            match best.as_mut() {
                Some(best) => best.add(next, &piece)?,
                None => best = Some(next),
            }
        }
        let keys = options.check(left.schema(), &spilled.schema)?.left(left)?;
        let has = |row: usize| {
            keys.nulls().is_none_or(|nulls| nulls.is_valid(row))
                && times.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row))
        };
        best.map(|best| best.finish(&times, has)).ok_or_else(|| Error::InvalidArgument("a bucket has no pieces".into()))
    }

    /// Write what some left rows are given, apart for each chunk of the result.
    fn keep_results(&mut self, group: usize, columns: Vec<ArrayRef>) -> Result<()> {
        let rows = columns[0].as_primitive::<UInt64Type>().values().clone();
        let fields =
            columns.iter().enumerate().map(|(at, column)| Field::new(at.to_string(), column.data_type().clone(), true));
        let given = RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), columns)?;
        let given = conform_batch(&given, &spill_schema(&given.schema()))?;
        let mut start = 0;
        while start < rows.len() {
            let chunk = rows[start] as usize / self.chunk_rows;
            let end = start + rows[start..].partition_point(|&row| (row as usize) < (chunk + 1) * self.chunk_rows);
            let block = self.file.write(&given.slice(start, end - start))?;
            self.groups[group].results[chunk].push(block);
            start = end;
        }
        Ok(())
    }

    fn read(&self, blocks: &[Block]) -> Result<Vec<RecordBatch>> {
        blocks.iter().map(|block| self.file.read(*block)).collect()
    }

    /// One chunk of the result.
    fn chunk(&self, chunk: usize, schema: &SchemaRef) -> Result<RecordBatch> {
        let left = self.file.read(self.left[chunk])?;
        let n_rows = left.num_rows();
        let mut by_right: Vec<Vec<ArrayRef>> = vec![Vec::new(); self.options.len()];
        for group in &self.groups {
            let given = self.read(&group.results[chunk])?;
            let Some(first) = given.first() else { continue };
            let given = concat_batches(&first.schema(), &given)?;
            let mut order = vec![0_u32; n_rows];
            for (at, row) in given.column(0).as_primitive::<UInt64Type>().values().iter().enumerate() {
                order[*row as usize - chunk * self.chunk_rows] = at as u32;
            }
            let order = UInt32Array::from(order);
            let mut columns = given.columns()[1..].iter().map(|column| Ok(take(column, &order, None)?));
            for &right in &group.members {
                let n_columns = self.options[right].n_columns(&self.right_schemas[right])?;
                by_right[right] = columns.by_ref().take(n_columns).collect::<Result<_>>()?;
            }
        }
        let columns = left.columns().iter().chain(by_right.iter().flatten());
        let columns = columns.zip(schema.fields()).map(|(column, field)| conform(column, field));
        let options = RecordBatchOptions::new().with_row_count(Some(n_rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns.collect::<Result<_>>()?, &options)?)
    }
}

/// The unit of all times, as far as their types tell.
fn unit_of(left: &SchemaRef, rights: &[SchemaRef], options: &[AsofOptions]) -> Result<Unit> {
    let (mut columns, mut durations) = (Vec::new(), Vec::new());
    for (right, options) in rights.iter().zip(options) {
        columns.push((left, options.on_left.as_str(), "left"));
        columns.push((right, options.on_right.as_str(), "right"));
        columns.extend(options.created.as_ref().map(|created| (right, created.as_str(), "right")));
        durations.extend(options.aggregates.iter().flat_map(super::window::Aggregates::durations_ns));
    }
    Unit::of_types(&columns, &durations)
}

/// Blocks in order, in pieces of at most `most` in all, unless one block alone is more.
fn pieces(blocks: &[Block], size: impl Fn(&Block) -> usize, most: usize) -> Vec<Vec<Block>> {
    let mut pieces: Vec<Vec<Block>> = Vec::new();
    let mut sum = 0;
    for block in blocks {
        match pieces.last_mut() {
            Some(piece) if size(block) <= most - sum.min(most) => {
                piece.push(*block);
                sum += size(block);
            }
            _ => {
                pieces.push(vec![*block]);
                sum = size(block);
            }
        }
    }
    pieces
}

/// Positions of the left columns that decide the matches of some right tables, each once.
fn left_columns(schema: &SchemaRef, options: &[AsofOptions], members: &[usize]) -> Result<Vec<usize>> {
    let mut columns = Vec::new();
    for &member in members {
        let options = &options[member];
        for name in std::iter::once(&options.on_left).chain(&options.by_left) {
            let at = position(schema, name, "left")?;
            if !columns.contains(&at) {
                columns.push(at);
            }
        }
    }
    Ok(columns)
}

/// A table of some columns in the places that they have among all.
fn full(part: &Table, columns: &[usize], schema: &SchemaRef) -> Result<Table> {
    let n_rows = part.num_rows();
    let nothing: ArrayRef = arrow_array::new_null_array(&DataType::Null, n_rows);
    let mut arrays = vec![nothing; schema.fields().len()];
    let mut fields: Vec<Arc<Field>> =
        schema.fields().iter().map(|field| Arc::new(Field::new(field.name(), DataType::Null, true))).collect();
    for (at, &column) in columns.iter().enumerate() {
        arrays[column] = part.column(at)?;
        fields[column] = Arc::new(schema.field(column).clone().with_nullable(true));
    }
    let schema = Arc::new(Schema::new(fields));
    Ok(Table::new(Arc::clone(&schema), vec![RecordBatch::try_new(schema, arrays)?]))
}

/// Gives the result chunk by chunk; the temporary file goes with it.
struct OrderedReader {
    schema: SchemaRef,
    external: External,
    next: usize,
}

impl Iterator for OrderedReader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.external.left.len() {
            return None;
        }
        self.next += 1;
        let chunk = self.external.chunk(self.next - 1, &self.schema);
        Some(chunk.map_err(|error| ArrowError::ExternalError(Box::new(error))))
    }
}

impl RecordBatchReader for OrderedReader {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
