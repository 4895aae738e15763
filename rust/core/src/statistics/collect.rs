//! Record batches -> statistics, in one pass; columns in parallel.

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowDictionaryKeyType, ByteArrayType, ByteViewType, Float16Type};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, DictionaryArray, GenericByteArray, GenericByteViewArray, RecordBatch,
    downcast_dictionary_array,
};
use arrow_buffer::{ArrowNativeType, NullBuffer};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use rayon::prelude::*;

use super::TableStatistics;
use super::column::{ColumnStatistics, Kind};
use super::scalar::{Bound, Scalar};
use super::values::{Block, Extremes, Number};
use crate::error::{Error, Result};

/// Values of a batch below which threads cost more than they bring.
pub(crate) const WORTH_THREADS: usize = 1 << 14;
const MS_PER_DAY: i64 = 86_400_000;

/// Makes the statistics of batches that come one after the other.
pub struct Collector {
    schema: SchemaRef,
    columns: Vec<ColumnCollector>,
    n_rows: u64,
}

impl Collector {
    /// A collector of batches of this schema. A type without statistics is `Error::UnsupportedType`.
    pub fn new(schema: &Schema) -> Result<Self> {
        let columns = schema.fields().iter().map(|field| ColumnCollector::new(field)).collect::<Result<_>>()?;
        Ok(Self { schema: SchemaRef::new(schema.clone()), columns, n_rows: 0 })
    }

    /// Add the rows of `batch`, whose columns must have the types of the schema.
    pub fn update(&mut self, batch: &RecordBatch) -> Result<()> {
        self.check(batch)?;
        let pairs = self.columns.iter_mut().zip(batch.columns());
        if batch.num_rows() * batch.num_columns() < WORTH_THREADS {
            pairs.into_iter().try_for_each(|(column, array)| column.update(array))?;
        } else {
            let pairs: Vec<_> = pairs.collect();
            pairs.into_par_iter().with_max_len(1).try_for_each(|(column, array)| column.update(array))?;
        }
        self.n_rows += batch.num_rows() as u64;
        Ok(())
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
        let columns = if self.n_rows as usize * self.columns.len() < WORTH_THREADS {
            self.columns.into_iter().map(ColumnCollector::finish).collect()
        } else {
            self.columns.into_par_iter().map(ColumnCollector::finish).collect()
        };
        TableStatistics { n_rows: self.n_rows, n_deleted: 0, columns }
    }
}

struct ColumnCollector {
    statistics: ColumnStatistics,
    lane: Lane,
}

/// How the values of a column are gathered.
enum Lane {
    Floats(Block<f64>),
    Integers(Block<i64>),
    Unsigned(Block<u64>),
    Decimals(Block<i128>),
    Bytes(Extremes),
    Lists,
    NullsOnly,
}

impl ColumnCollector {
    fn new(field: &Field) -> Result<Self> {
        let statistics = ColumnStatistics::new(field.name(), field.data_type())?;
        let lane = match statistics.kind {
            Kind::Float => Lane::Floats(Block::new()),
            Kind::UInt => Lane::Unsigned(Block::new()),
            Kind::Decimal => Lane::Decimals(Block::new()),
            Kind::Bool | Kind::Int | Kind::Date | Kind::Time | Kind::Timestamp => Lane::Integers(Block::new()),
            Kind::String | Kind::Binary => Lane::Bytes(Extremes::default()),
            Kind::List => Lane::Lists,
            Kind::Null | Kind::Struct => Lane::NullsOnly,
        };
        Ok(Self { statistics, lane })
    }

    fn finish(mut self) -> ColumnStatistics {
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
            Lane::Bytes(extremes) if statistics.kind == Kind::Binary => extremes.flush(Scalar::Binary, statistics),
            Lane::Bytes(extremes) => {
                // Arrow guarantees UTF-8; what a broken producer sends instead is still counted.
                let text = |bytes| Scalar::String(String::from_utf8(bytes).unwrap_or_default());
                extremes.flush(text, statistics);
            }
            Lane::Lists | Lane::NullsOnly => {}
        }
        statistics.bits.freeze();
        statistics.frequent.freeze();
        statistics.distinct.freeze();
        self.statistics
    }

    fn update(&mut self, array: &ArrayRef) -> Result<()> {
        if let DataType::Dictionary(_, values) = array.data_type() {
            if self.statistics.kind.is_bytes() && !matches!(**values, DataType::FixedSizeBinary(_)) {
                return self.update_dictionary(array);
            }
            let dictionary = array.as_any_dictionary();
            let plain = arrow_select::take::take(dictionary.values(), dictionary.keys(), None)?;
            return self.update(&plain);
        }
        self.statistics.add_nulls(array.logical_null_count() as u64);
        if array.null_count() < array.len() {
            self.update_values(array);
        }
        Ok(())
    }

    fn update_values(&mut self, array: &ArrayRef) {
        let into = &mut self.statistics;
        match &mut self.lane {
            Lane::Floats(block) => update_floats(array, block, into),
            Lane::Integers(block) => update_integers(array, block, into),
            Lane::Unsigned(block) => update_unsigned(array, block, into),
            Lane::Decimals(block) => update_decimals(array, block, into),
            Lane::Bytes(extremes) => for_each_bytes(array, |value| extremes.add(value, 1, into)),
            Lane::Lists => for_each_length(array, |length| into.lengths.add(length as u64, 1)),
            Lane::NullsOnly => {}
        }
    }

    /// Count codes, then look at each value of the dictionary once.
    fn update_dictionary(&mut self, array: &ArrayRef) -> Result<()> {
        let counts = downcast_dictionary_array!(
            array => count_codes(array),
            other => return Err(Error::UnsupportedType {
                column: self.statistics.name.clone(),
                found: other.to_string(),
                hint: "text".into(),
            })
        );
        let values = array.as_any_dictionary().values();
        let into = &mut self.statistics;
        let used: u64 = counts.iter().sum();
        into.add_nulls(array.len() as u64 - used);
        if let Some(nulls) = values.nulls() {
            into.add_nulls(counts.iter().zip(nulls).filter(|(_, valid)| !valid).map(|(count, _)| count).sum());
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

/// Call `f` with each run of rows that are not null.
#[inline]
fn for_each_run(nulls: Option<&NullBuffer>, len: usize, mut f: impl FnMut(usize, usize)) {
    match nulls.filter(|nulls| nulls.null_count() > 0) {
        Some(nulls) => nulls.valid_slices().for_each(|(start, end)| f(start, end)),
        None => f(0, len),
    }
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

fn update_floats(array: &ArrayRef, block: &mut Block<f64>, into: &mut ColumnStatistics) {
    type Half = <Float16Type as ArrowPrimitiveType>::Native;
    match array.data_type() {
        DataType::Float16 => add_fixed(array, block, into, |value: Half| value.to_f64()),
        DataType::Float32 => add_fixed(array, block, into, |value: f32| f64::from(value)),
        _ => add_fixed(array, block, into, |value: f64| value),
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
        _ => add_fixed(array, block, into, |value: i64| value),
    }
}

fn update_unsigned(array: &ArrayRef, block: &mut Block<u64>, into: &mut ColumnStatistics) {
    match array.data_type() {
        DataType::UInt8 => add_fixed(array, block, into, |value: u8| u64::from(value)),
        DataType::UInt16 => add_fixed(array, block, into, |value: u16| u64::from(value)),
        DataType::UInt32 => add_fixed(array, block, into, |value: u32| u64::from(value)),
        _ => add_fixed(array, block, into, |value: u64| value),
    }
}

fn update_decimals(array: &ArrayRef, block: &mut Block<i128>, into: &mut ColumnStatistics) {
    match array.data_type() {
        DataType::Decimal32(..) => add_fixed(array, block, into, |value: i32| i128::from(value)),
        DataType::Decimal64(..) => add_fixed(array, block, into, |value: i64| i128::from(value)),
        _ => add_fixed(array, block, into, |value: i128| value),
    }
}

/// Call `f` with each text or byte string that is not null.
fn for_each_bytes(array: &ArrayRef, mut f: impl FnMut(&[u8])) {
    match array.data_type() {
        DataType::Utf8 => for_each_string(array.as_string::<i32>(), f),
        DataType::LargeUtf8 => for_each_string(array.as_string::<i64>(), f),
        DataType::Binary => for_each_string(array.as_binary::<i32>(), f),
        DataType::LargeBinary => for_each_string(array.as_binary::<i64>(), f),
        DataType::Utf8View => for_each_view(array.as_string_view(), f),
        DataType::BinaryView => for_each_view(array.as_binary_view(), f),
        DataType::FixedSizeBinary(_) => array.as_fixed_size_binary().iter().flatten().for_each(&mut f),
        _ => {}
    }
}

fn for_each_string<T: ByteArrayType>(array: &GenericByteArray<T>, mut f: impl FnMut(&[u8])) {
    let (offsets, bytes) = (array.value_offsets(), array.value_data());
    for_each_run(array.nulls(), array.len(), |start, end| {
        for ends in offsets[start..=end].windows(2) {
            f(&bytes[ends[0].as_usize()..ends[1].as_usize()]);
        }
    });
}

fn for_each_view<T: ByteViewType + ?Sized>(array: &GenericByteViewArray<T>, mut f: impl FnMut(&[u8])) {
    for_each_run(array.nulls(), array.len(), |start, end| {
        for at in start..end {
            f(AsRef::<[u8]>::as_ref(array.value(at)));
        }
    });
}

/// Call `f` with the number of items of each list that is not null.
fn for_each_length(array: &ArrayRef, mut f: impl FnMut(usize)) {
    let nulls = array.nulls();
    match array.data_type() {
        DataType::List(_) => for_each_gap(array.as_list::<i32>().value_offsets(), nulls, f),
        DataType::LargeList(_) => for_each_gap(array.as_list::<i64>().value_offsets(), nulls, f),
        DataType::FixedSizeList(_, size) => {
            for_each_run(nulls, array.len(), |start, end| (start..end).for_each(|_| f(*size as usize)));
        }
        _ => {}
    }
}

fn for_each_gap<O: ArrowNativeType>(offsets: &[O], nulls: Option<&NullBuffer>, mut f: impl FnMut(usize)) {
    for_each_run(nulls, offsets.len() - 1, |start, end| {
        for ends in offsets[start..=end].windows(2) {
            f(ends[1].as_usize() - ends[0].as_usize());
        }
    });
}
