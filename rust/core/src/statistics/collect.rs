//! Record batches -> statistics, in one pass; columns in parallel.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowDictionaryKeyType, Float16Type};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, DictionaryArray, RecordBatch, downcast_dictionary_array};
use arrow_buffer::{ArrowNativeType, i256};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use rayon::prelude::*;

use super::TableStatistics;
use super::column::ColumnStatistics;
use super::content::Content;
use super::kind::{Kind, innermost, members_of};
use super::nested::{self, Lists};
use super::runs::{for_each_bytes, for_each_chunk, for_each_run};
use super::scalar::{Bound, Scalar};
use super::texts::Extremes;
use super::values::{Block, Number};
use super::weights::{self, Weights};
use crate::error::{Error, Result};
use crate::sketch::Distinct;

/// Values of a batch below which threads cost more than they bring.
pub(crate) const WORTH_THREADS: usize = 1 << 14;
const MS_PER_DAY: i64 = 86_400_000;

static IS_OFF: AtomicBool = AtomicBool::new(false);

/// Let collectors see nothing: for the bench that compares writes with and without statistics, and nothing else.
#[doc(hidden)]
pub fn without_statistics(is_off: bool) {
    IS_OFF.store(is_off, Ordering::Relaxed);
}

static INSTEAD: Mutex<Option<TableStatistics>> = Mutex::new(None);

/// Let collectors give these statistics for whatever they saw: for the bench of tables larger than it can write, and
/// nothing else.
#[doc(hidden)]
pub fn with_statistics_of(statistics: Option<TableStatistics>) {
    *INSTEAD.lock().unwrap_or_else(PoisonError::into_inner) = statistics;
}

/// Makes the statistics of batches that come one after the other.
pub struct Collector {
    schema: SchemaRef,
    columns: Vec<ColumnCollector>,
    /// The column that holds the weight of each row.
    weight: Option<usize>,
    weights: Weights,
    n_rows: u64,
    /// Whether the statistics are made as small as those of files.
    is_stored: bool,
}

impl Collector {
    /// A collector of what is stored beside a data file of this schema: all figures, in few bytes. A type without
    /// statistics is `Error::UnsupportedType`.
    pub fn new(schema: &Schema) -> Result<Self> {
        let mut collector = Self { is_stored: true, ..Self::of(schema, Content::ALL, None, false)? };
        collector.columns.iter_mut().for_each(ColumnCollector::keep_small);
        Ok(collector)
    }

    /// A collector of these figures; those by weight too if the column called `weight` holds the weights of the rows.
    /// With `binary_is_text`, bytes count as text, whatever they hold.
    pub fn of(schema: &Schema, content: Content, weight: Option<&str>, binary_is_text: bool) -> Result<Self> {
        let weight = weight.map(|name| weights::column(schema, name)).transpose()?;
        let options = Options { content, weighted: weight.is_some(), binary_is_text };
        let column = |field: &Arc<Field>| ColumnCollector::new(vec![field.name().clone()], field.data_type(), options);
        let columns = schema.fields().iter().map(column).collect::<Result<_>>()?;
        let (schema, weights) = (SchemaRef::new(schema.clone()), Weights::default());
        Ok(Self { schema, columns, weight, weights, n_rows: 0, is_stored: false })
    }

    /// Count text as TFDV does, too: its top values are too high where there are more than 1,024.
    #[must_use]
    pub fn as_tfdv(mut self) -> Self {
        self.columns.iter_mut().for_each(ColumnCollector::count_as_tfdv);
        self
    }

    /// Add the rows of `batch`, whose columns must have the types of the schema.
    pub fn update(&mut self, batch: &RecordBatch) -> Result<()> {
        self.update_on(batch, true)
    }

    /// The same, on this thread alone unless `spread`.
    pub fn update_on(&mut self, batch: &RecordBatch, spread: bool) -> Result<()> {
        let updates = self.by_column(batch)?;
        if !spread || batch.num_rows() * batch.num_columns() < WORTH_THREADS {
            updates.into_iter().try_for_each(ColumnUpdate::run)
        } else {
            updates.into_par_iter().with_max_len(1).try_for_each(ColumnUpdate::run)
        }
    }

    /// Add the rows of `batch` once each of these has run, on whatever thread.
    pub(crate) fn by_column<'a>(&'a mut self, batch: &'a RecordBatch) -> Result<Vec<ColumnUpdate<'a>>> {
        if IS_OFF.load(Ordering::Relaxed) {
            return Ok(Vec::new());
        }
        self.check(batch)?;
        let weights = match self.weight {
            Some(at) => Some(self.weights.read(batch.column(at), self.schema.field(at).name(), self.n_rows)?),
            None => None,
        };
        self.n_rows += batch.num_rows() as u64;
        let weights: Option<Arc<[f64]>> = weights.map(Arc::from);
        let update = |(column, array)| ColumnUpdate { column, array, weights: weights.clone() };
        Ok(self.columns.iter_mut().zip(batch.columns()).map(update).collect())
    }

    fn check(&self, batch: &RecordBatch) -> Result<()> {
        let (ours, theirs) = (self.schema.fields(), batch.schema_ref().fields());
        let differs = |(our, their): &(&std::sync::Arc<Field>, &std::sync::Arc<Field>)| {
            our.name() != their.name() || our.data_type() != their.data_type()
        };
        let problem = if ours.len() == theirs.len() {
            let Some((our, their)) = ours.iter().zip(theirs).find(differs) else { return Ok(()) };
            format!(
                "column '{}' of type {} was expected, a batch has '{}' of type {}",
                our.name(),
                our.data_type(),
                their.name(),
                their.data_type()
            )
        } else {
            format!("{} columns were expected, a batch has {}", ours.len(), theirs.len())
        };
        let hint = "give batches of one schema".into();
        Err(Error::SchemaMismatch { place: "statistics".into(), problem, hint })
    }

    /// The statistics of all rows so far.
    pub fn finish(self) -> TableStatistics {
        self.finish_on(true)
    }

    /// The same, on this thread alone unless `spread`.
    pub fn finish_on(self, spread: bool) -> TableStatistics {
        if let (true, Some(statistics)) = (self.is_stored, &*INSTEAD.lock().unwrap_or_else(PoisonError::into_inner)) {
            return statistics.clone();
        }
        let finish = |column: ColumnCollector| {
            let mut columns = column.finish();
            columns.iter_mut().filter(|_| self.is_stored).for_each(ColumnStatistics::shrink);
            columns
        };
        let columns: Vec<Vec<ColumnStatistics>> =
            if !spread || self.n_rows as usize * self.columns.len() < WORTH_THREADS {
                self.columns.into_iter().map(finish).collect()
            } else {
                self.columns.into_par_iter().map(finish).collect()
            };
        let weight = self.weight.map(|_| self.weights.total);
        TableStatistics { n_rows: self.n_rows, n_deleted: 0, weight, columns: columns.into_iter().flatten().collect() }
    }
}

/// Rows of one column on their way into its statistics.
pub(crate) struct ColumnUpdate<'a> {
    column: &'a mut ColumnCollector,
    array: &'a ArrayRef,
    weights: Option<Arc<[f64]>>,
}

impl ColumnUpdate<'_> {
    pub(crate) fn run(self) -> Result<()> {
        self.column.update(self.array, self.weights.as_deref())
    }
}

/// What all columns of a collector have in common.
#[derive(Clone, Copy)]
struct Options {
    content: Content,
    weighted: bool,
    binary_is_text: bool,
}

struct ColumnCollector {
    statistics: ColumnStatistics,
    lane: Lane,
    /// Columns of the members, if the values are structs.
    members: Vec<ColumnCollector>,
}

/// How the values of a column are gathered.
enum Lane {
    Floats(Block<f64>),
    Integers(Block<i64>),
    Unsigned(Block<u64>),
    Decimals(Block<i128>),
    WideDecimals(Block<i256>),
    Bytes(Extremes),
    None,
}

impl ColumnCollector {
    fn new(path: Vec<String>, data_type: &DataType, options: Options) -> Result<Self> {
        let member = |field: &Arc<Field>| {
            let path = path.iter().chain([field.name()]).cloned().collect();
            Self::new(path, field.data_type(), options)
        };
        let members = members_of(data_type).iter().map(member).collect::<Result<_>>()?;
        let mut statistics = ColumnStatistics::new(path, data_type, options.content)?;
        statistics.weighted = options.weighted.then(Box::default);
        if options.binary_is_text && statistics.kind == Kind::Binary {
            statistics.kind = Kind::String;
        }
        let lane = match statistics.kind {
            Kind::Float => Lane::Floats(Block::new()),
            Kind::UInt => Lane::Unsigned(Block::new()),
            Kind::Decimal if matches!(innermost(data_type).1, DataType::Decimal256(..)) => {
                Lane::WideDecimals(Block::new())
            }
            Kind::Decimal => Lane::Decimals(Block::new()),
            Kind::Bool | Kind::Int | Kind::Date | Kind::Time | Kind::Timestamp | Kind::Duration => {
                Lane::Integers(Block::new())
            }
            Kind::String | Kind::Binary => Lane::Bytes(Extremes::default()),
            Kind::Null | Kind::Struct => Lane::None,
        };
        Ok(Self { statistics, lane, members })
    }

    fn keep_small(&mut self) {
        self.statistics.distinct = Distinct::small();
        self.members.iter_mut().for_each(Self::keep_small);
    }

    fn count_as_tfdv(&mut self) {
        let is_bytes = self.statistics.kind.is_bytes();
        self.statistics.as_tfdv = is_bytes.then(Box::default);
        if let Some(weighted) = &mut self.statistics.weighted {
            weighted.as_tfdv = is_bytes.then(Box::default);
        }
        self.members.iter_mut().for_each(Self::count_as_tfdv);
    }

    fn finish(mut self) -> Vec<ColumnStatistics> {
        let statistics = &mut self.statistics;
        match &mut self.lane {
            Lane::Floats(block) => {
                block.flush(statistics);
                let moments = &statistics.moments;
                if moments.min <= moments.max {
                    let (min, max) = (Scalar::Float(moments.min), Scalar::Float(moments.max));
                    statistics.add_bounds(Some(Bound::exact(min)), Some(Bound::exact(max)));
                }
            }
            Lane::Integers(block) => block.flush(statistics),
            Lane::Unsigned(block) => block.flush(statistics),
            Lane::Decimals(block) => block.flush(statistics),
            Lane::WideDecimals(block) => block.flush(statistics),
            Lane::Bytes(extremes) if statistics.kind == Kind::Binary => extremes.flush(Scalar::Binary, statistics),
            Lane::Bytes(extremes) => {
                // Arrow guarantees UTF-8; what a broken producer sends instead is still counted.
                let text = |bytes: Vec<u8>| Scalar::String(String::from_utf8_lossy(&bytes).into_owned());
                extremes.flush(text, statistics);
            }
            Lane::None => {}
        }
        statistics.settle();
        let members = self.members.into_iter().flat_map(Self::finish);
        std::iter::once(self.statistics).chain(members).collect()
    }

    /// Add rows: lists around the values first.
    fn update(&mut self, array: &ArrayRef, weights: Option<&[f64]>) -> Result<()> {
        self.statistics.n_rows += array.len() as u64;
        self.update_level(0, array, weights)
    }

    fn update_level(&mut self, depth: usize, array: &ArrayRef, weights: Option<&[f64]>) -> Result<()> {
        if depth == self.statistics.levels.len() {
            return self.update_values(array, weights);
        }
        let lists = Lists::of(array)?;
        let level = &mut self.statistics.levels[depth];
        level.n_null += lists.n_null() as u64;
        lists.measure(level);
        if depth == 0 && self.statistics.levels.len() > 1 {
            let counts = lists.values_per_row(self.statistics.levels.len())?;
            self.statistics.per_row.add(&counts);
        }
        if let (0, Some(weights)) = (depth, weights) {
            self.statistics.weigh_presence(array, weights);
        }
        for (items, rows) in lists.items() {
            let weights = weights.map(|weights| lists.spread(weights, rows));
            self.update_level(depth + 1, &items, weights.as_deref())?;
        }
        Ok(())
    }

    /// Add values, which may be null, outside of any list.
    fn update_values(&mut self, array: &ArrayRef, weights: Option<&[f64]>) -> Result<()> {
        let array = &nested::plain(array, self.statistics.kind)?;
        if let Some(weights) = weights {
            self.statistics.weigh(array, weights)?;
        }
        if let Some(counts) = &mut self.statistics.as_tfdv {
            for_each_bytes(&nested::without_dictionary(array)?, |value| counts.add(value, 1.0));
        }
        if matches!(array.data_type(), DataType::Dictionary(..)) {
            return self.update_dictionary(array);
        }
        self.statistics.n_null += array.logical_null_count() as u64;
        if array.null_count() == array.len() {
            return Ok(());
        }
        let into = &mut self.statistics;
        match &mut self.lane {
            Lane::Floats(block) => update_floats(array, block, into),
            Lane::Integers(block) => update_integers(array, block, into),
            Lane::Unsigned(block) => update_unsigned(array, block, into),
            Lane::Decimals(block) => update_decimals(array, block, into),
            Lane::WideDecimals(block) => add_same(array, block, into),
            Lane::Bytes(extremes) => for_each_chunk(array, |values| extremes.add_all(values, into)),
            Lane::None => return self.update_members(array, weights),
        }
        Ok(())
    }

    fn update_members(&mut self, array: &ArrayRef, weights: Option<&[f64]>) -> Result<()> {
        let Some(structs) = array.as_struct_opt() else { return Ok(()) };
        let kept = nested::Present::of(structs, weights);
        for (member, column) in self.members.iter_mut().zip(kept.columns()?) {
            member.update(&column, kept.weights())?;
        }
        Ok(())
    }

    /// Count codes, then look at each value of the dictionary once.
    fn update_dictionary(&mut self, array: &ArrayRef) -> Result<()> {
        let counts = downcast_dictionary_array!(
            array => count_codes(array),
            other => return Err(Error::UnsupportedType {
                column: self.statistics.name(),
                found: other.to_string(),
                hint: "text".into(),
            })
        );
        let values = array.as_any_dictionary().values();
        let into = &mut self.statistics;
        let used: u64 = counts.iter().sum();
        into.n_null += array.len() as u64 - used;
        if let Some(nulls) = values.nulls() {
            into.n_null += counts.iter().zip(nulls).filter(|(_, valid)| !valid).map(|(count, _)| count).sum::<u64>();
        }
        let mut counts = match values.nulls() {
            Some(nulls) => counts.iter().zip(nulls).filter(|(_, valid)| *valid).map(|(count, _)| *count).collect(),
            None => counts,
        }
        .into_iter();
        let Lane::Bytes(extremes) = &mut self.lane else { return Ok(()) };
        for_each_bytes(values, |value| match counts.next() {
            Some(count) if count > 0 => extremes.add(value, count, into),
            _ => {}
        });
        Ok(())
    }
}

/// Rows a code, without null rows.
fn count_codes<K: ArrowDictionaryKeyType>(array: &DictionaryArray<K>) -> Vec<u64> {
    let mut counts = vec![0_u64; array.values().len()];
    let keys = array.keys().values();
    for_each_run(array.nulls(), keys.len(), |start, end| {
        for key in &keys[start..end] {
            counts[key.as_usize()] += 1;
        }
    });
    counts
}

/// Values of an array that keeps `U` in one buffer, whatever its logical type, run by run.
fn add_fixed<U: ArrowNativeType, T: Number>(
    array: &ArrayRef,
    block: &mut Block<T>,
    into: &mut ColumnStatistics,
    widen: impl Fn(U) -> T,
) {
    let data = array.to_data();
    let values = &data.buffer::<U>(0)[..data.len()];
    for_each_run(data.nulls(), values.len(), |start, end| block.extend(&values[start..end], &widen, into));
}

/// The same for values that need not be widened.
fn add_same<T: Number + ArrowNativeType>(array: &ArrayRef, block: &mut Block<T>, into: &mut ColumnStatistics) {
    let data = array.to_data();
    let values = &data.buffer::<T>(0)[..data.len()];
    for_each_run(data.nulls(), values.len(), |start, end| block.extend_same(&values[start..end], into));
}

fn update_floats(array: &ArrayRef, block: &mut Block<f64>, into: &mut ColumnStatistics) {
    type Half = <Float16Type as ArrowPrimitiveType>::Native;
    match array.data_type() {
        DataType::Float16 => add_fixed(array, block, into, |value: Half| value.to_f64()),
        DataType::Float32 => add_fixed(array, block, into, |value: f32| f64::from(value)),
        _ => add_same(array, block, into),
    }
}

fn update_integers(array: &ArrayRef, block: &mut Block<i64>, into: &mut ColumnStatistics) {
    match array.data_type() {
        DataType::Boolean => {
            let values = array.as_boolean().values();
            for_each_run(array.nulls(), array.len(), |start, end| {
                for value in &values.slice(start, end - start) {
                    block.extend(&[value], i64::from, into);
                }
            });
        }
        DataType::Int8 => add_fixed(array, block, into, |value: i8| i64::from(value)),
        DataType::Int16 => add_fixed(array, block, into, |value: i16| i64::from(value)),
        DataType::Int32 | DataType::Date32 | DataType::Time32(_) => {
            add_fixed(array, block, into, |value: i32| i64::from(value));
        }
        DataType::Date64 => add_fixed(array, block, into, |value: i64| value.div_euclid(MS_PER_DAY)),
        _ => add_same(array, block, into),
    }
}

fn update_unsigned(array: &ArrayRef, block: &mut Block<u64>, into: &mut ColumnStatistics) {
    match array.data_type() {
        DataType::UInt8 => add_fixed(array, block, into, |value: u8| u64::from(value)),
        DataType::UInt16 => add_fixed(array, block, into, |value: u16| u64::from(value)),
        DataType::UInt32 => add_fixed(array, block, into, |value: u32| u64::from(value)),
        _ => add_same(array, block, into),
    }
}

fn update_decimals(array: &ArrayRef, block: &mut Block<i128>, into: &mut ColumnStatistics) {
    match array.data_type() {
        DataType::Decimal32(..) => add_fixed(array, block, into, |value: i32| i128::from(value)),
        DataType::Decimal64(..) => add_fixed(array, block, into, |value: i64| i128::from(value)),
        _ => add_same(array, block, into),
    }
}
