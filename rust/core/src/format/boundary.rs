//! Where one data file ends and the next begins: decided by the rows themselves, not by their number.
//!
//! A gear hash runs over the hashes of the last 64 rows, and a file ends behind a row where its high bits are zero. Rows
//! that are inserted, deleted or changed somewhere move the ends near them only; further on the files are the same as
//! before, and equal files are stored once. The idea is content-defined chunking, as in `FastCDC` (Xia et al., 2016), with
//! rows in the place of bytes.

use arrow_array::cast::AsArray;
use arrow_array::types::{ByteArrayType, ByteViewType};
use arrow_array::{Array, ArrayRef, GenericByteArray, GenericByteViewArray, RecordBatch};
use arrow_schema::{DataType, Fields, Schema};

use crate::sketch::hash_bytes;

/// Values that a file has at least. With ten columns a file has 32,768 rows or more and 65,536 in the mean, some megabytes:
/// small enough for a change of 1 % to leave most files alone, large enough for a scan not to notice them.
const MIN_VALUES: usize = 327_680;
/// Rows that a file has at least, however wide they are.
const LEAST_ROWS: usize = 4096;
/// Rows beyond which a file need not grow before it may end, however narrow they are.
const MOST_MIN_ROWS: usize = 131_072;
/// A file ends at this many times its least rows, whatever the rows are.
const MOST: usize = 8;
/// Files of one size, after which they become twice as large: the next 128 hold as many rows as all before them. So a change
/// in one place costs about the same part of a table of any size, and a large table has few files.
const FILES_OF_A_SIZE: usize = 256;
/// Times that files become twice as large: then they have two million rows of ten columns, some 100 megabytes.
const MOST_GROWTH: u32 = 5;
/// Times that the bytes of text double with them.
const MOST_GROWTH_OF_BYTES: u32 = 2;
/// Rows that decide whether a file ends.
const WINDOW: usize = 64;
const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
const NULL: u64 = 0xA24B_AED4_963E_E407;

/// Bytes of text, binary and list values after which a file ends sooner.
const MIN_BYTES: usize = 16 << 20;
/// Bytes of such values at which it ends whatever the rows are, so that no file is larger than memory.
const MOST_BYTES: usize = 128 << 20;
/// High bits that must be zero in a file that is long enough in bytes.
const BITS_OF_LONG: u32 = 7;

/// Finds the ends of files in a stream of rows.
#[derive(Debug, Clone)]
pub struct Boundary {
    min_rows: usize,
    /// Rows of the stream before the file that is open.
    n_before: usize,
    /// Times that files have become twice as large.
    growth: u32,
    /// Bytes of a row beside its values of varying length, about.
    row_bytes: usize,
    state: State,
}

/// The rows that still belong to a file.
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    /// Number of rows.
    pub n_rows: usize,
    /// What they take in memory, about.
    pub n_bytes: usize,
    /// Whether the file ends behind them.
    pub is_end: bool,
}

/// What was seen of the file that is open.
#[derive(Debug, Clone, Default)]
struct State {
    gear: u64,
    n_rows: usize,
    n_bytes: usize,
    n_hashed: usize,
}

impl Boundary {
    /// For rows of this schema.
    pub fn new(schema: &Schema) -> Self {
        let n_values = n_values(schema.fields()).max(1);
        let wanted = MIN_VALUES / n_values;
        let min_rows = (wanted.clamp(LEAST_ROWS, MOST_MIN_ROWS) + 1).next_power_of_two() / 2;
        Self { min_rows, n_before: 0, growth: 0, row_bytes: 8 * n_values, state: State::default() }
    }

    /// Rows that the first file has at least, unless the stream ends or values are long.
    pub fn min_rows(&self) -> usize {
        self.min_rows
    }

    /// Rows of `batch` that still belong to the file that is open. Columns from `n_columns` on do not count.
    pub fn take(&mut self, batch: &RecordBatch, n_columns: usize) -> Taken {
        let before = self.state.n_bytes;
        let (n_rows, n_bytes, is_end) = self.advance(batch, n_columns);
        if is_end {
            self.restart();
        }
        Taken { n_rows, n_bytes: n_bytes - before + n_rows * self.row_bytes, is_end }
    }

    /// Rows taken, bytes of the open file with them, and whether it ends.
    fn advance(&mut self, batch: &RecordBatch, n_columns: usize) -> (usize, usize, bool) {
        let columns = &batch.columns()[..n_columns];
        let sizes = row_sizes(columns, batch.num_rows());
        let size = |row: usize| sizes.as_ref().map_or(0, |sizes| sizes[row]);
        let quiet = self.pass_quiet(batch.num_rows(), size);
        let n_left = batch.num_rows() - quiet;
        let rest: Vec<ArrayRef> = columns.iter().map(|column| column.slice(quiet, n_left)).collect();
        for (position, hash) in row_hashes(&rest, n_left).into_iter().enumerate() {
            let state = &mut self.state;
            state.gear = (state.gear << 1).wrapping_add(hash);
            state.n_rows += 1;
            state.n_hashed += 1;
            state.n_bytes += size(quiet + position);
            if self.is_end() {
                return (quiet + position + 1, self.state.n_bytes, true);
            }
        }
        (batch.num_rows(), self.state.n_bytes, false)
    }

    /// A file ends here.
    pub fn restart(&mut self) {
        self.n_before += self.state.n_rows;
        self.state = State::default();
        let n_sizes = self.n_before / (FILES_OF_A_SIZE * 2 * self.min_rows);
        self.growth = n_sizes.checked_ilog2().map_or(0, |doublings| doublings + 1).min(MOST_GROWTH);
    }

    fn open_min_rows(&self) -> usize {
        self.min_rows << self.growth
    }

    fn open_min_bytes(&self) -> usize {
        MIN_BYTES << self.growth.min(MOST_GROWTH_OF_BYTES)
    }

    /// Rows before the window in which the file may end first: nobody needs their hashes.
    fn pass_quiet(&mut self, n_rows: usize, size: impl Fn(usize) -> usize) -> usize {
        let mut quiet = 0;
        let (min_rows, min_bytes) = (self.open_min_rows(), self.open_min_bytes());
        let state = &mut self.state;
        while quiet < n_rows && state.n_hashed == 0 && state.n_rows < min_rows - WINDOW && state.n_bytes < min_bytes {
            state.n_rows += 1;
            state.n_bytes += size(quiet);
            quiet += 1;
        }
        quiet
    }

    fn is_end(&self) -> bool {
        let State { gear, n_rows, n_bytes, n_hashed } = self.state;
        let is_hit = |bits: u32| n_hashed >= WINDOW && gear >> (64 - bits) == 0;
        let min_rows = self.open_min_rows();
        let must_end = n_rows >= min_rows * MOST || n_bytes >= MOST_BYTES;
        must_end
            || n_rows >= min_rows && is_hit(min_rows.ilog2())
            || n_bytes >= self.open_min_bytes() && is_hit(BITS_OF_LONG)
    }
}

/// Bytes of the values of varying length in each row; none where there are no such columns.
fn row_sizes(columns: &[ArrayRef], n_rows: usize) -> Option<Vec<usize>> {
    let mut sizes: Option<Vec<usize>> = None;
    for column in columns {
        let lengths: Vec<usize> = match column.data_type() {
            DataType::Utf8View => view_sizes(column.as_string_view()),
            DataType::BinaryView => view_sizes(column.as_binary_view()),
            DataType::LargeList(_) => list_sizes(column),
            DataType::Struct(_) => match row_sizes(column.as_struct().columns(), n_rows) {
                Some(lengths) => lengths,
                None => continue,
            },
            _ => continue,
        };
        let sizes = sizes.get_or_insert_with(|| vec![0; n_rows]);
        sizes.iter_mut().zip(lengths).for_each(|(size, length)| *size += length);
    }
    sizes
}

/// Lengths, 0 for a null whatever lies under it. The low half of a view's word is its length.
fn view_sizes<T: ByteViewType>(array: &GenericByteViewArray<T>) -> Vec<usize> {
    let lengths = array.views().iter().map(|view| *view as u32 as usize);
    match array.nulls() {
        None => lengths.collect(),
        Some(nulls) => lengths.zip(nulls.iter()).map(|(length, is_valid)| if is_valid { length } else { 0 }).collect(),
    }
}

fn list_sizes(column: &ArrayRef) -> Vec<usize> {
    let array = column.as_list::<i64>();
    let offsets = array.value_offsets();
    let (first, last) = (offsets[0] as usize, offsets[offsets.len() - 1] as usize);
    let inner = row_sizes(&[array.values().slice(first, last - first)], last - first);
    let items = offsets.windows(2).map(|pair| pair[0] as usize - first..pair[1] as usize - first);
    items.map(|items| items.len() * 8 + inner.as_ref().map_or(0, |sizes| sizes[items].iter().sum::<usize>())).collect()
}

/// Values of a row at any depth; lists count their item once.
fn n_values(fields: &Fields) -> usize {
    let nested = |kind: &DataType| match kind {
        DataType::Struct(fields) => n_values(fields),
        DataType::List(item) | DataType::LargeList(item) => match item.data_type() {
            DataType::Struct(fields) => n_values(fields),
            _ => 1,
        },
        _ => 1,
    };
    fields.iter().map(|field| nested(field.data_type())).sum()
}

/// A hash of each row, the same on every machine and whatever the layout of text.
pub fn row_hashes(columns: &[ArrayRef], n_rows: usize) -> Vec<u64> {
    let mut hashes = vec![0; n_rows];
    for column in columns {
        add(column, &mut hashes);
    }
    // Multiplication carries differences upwards; the gear looks at high bits and shifts low ones there.
    for hash in &mut hashes {
        *hash = (*hash ^ (*hash >> 32)).wrapping_mul(MULTIPLIER);
    }
    hashes
}

fn mix(hash: u64, value: u64) -> u64 {
    (hash.rotate_left(5) ^ value).wrapping_mul(MULTIPLIER)
}

fn add(column: &ArrayRef, hashes: &mut [u64]) {
    let nulls = column.nulls().filter(|nulls| nulls.null_count() > 0);
    let mut each = |value: &dyn Fn(usize) -> u64| {
        for (row, hash) in hashes.iter_mut().enumerate() {
            let is_null = nulls.is_some_and(|nulls| nulls.is_null(row));
            *hash = mix(*hash, if is_null { NULL } else { value(row) });
        }
    };
    match column.data_type() {
        DataType::Boolean => {
            let array = column.as_boolean();
            each(&|row| u64::from(array.value(row)));
        }
        DataType::Utf8View => each(&|row| view_hash(column.as_string_view(), row)),
        DataType::BinaryView => each(&|row| view_hash(column.as_binary_view(), row)),
        DataType::Utf8 => each(&|row| bytes_hash(column.as_string::<i32>(), row)),
        DataType::LargeUtf8 => each(&|row| bytes_hash(column.as_string::<i64>(), row)),
        DataType::Binary => each(&|row| bytes_hash(column.as_binary::<i32>(), row)),
        DataType::LargeBinary => each(&|row| bytes_hash(column.as_binary::<i64>(), row)),
        DataType::Struct(_) => {
            let array = column.as_struct();
            let inner = row_hashes(array.columns(), array.len());
            each(&|row| inner[row]);
        }
        DataType::LargeList(_) => {
            let array = column.as_list::<i64>();
            let offsets = array.value_offsets();
            let (first, last) = (offsets[0] as usize, offsets[offsets.len() - 1] as usize);
            let inner = row_hashes(&[array.values().slice(first, last - first)], last - first);
            each(&|row| {
                let items = offsets[row] as usize - first..offsets[row + 1] as usize - first;
                inner[items].iter().fold(1, |hash, item| mix(hash, *item))
            });
        }
        _ => fixed(column, hashes),
    }
}

/// Columns of values of a fixed width.
fn fixed(column: &ArrayRef, hashes: &mut [u64]) {
    let data = column.to_data();
    let (Some(width), Some(buffer)) = (data.data_type().primitive_width(), data.buffers().first()) else {
        return; // No other type is stored.
    };
    let values = buffer.as_slice()[data.offset() * width..].chunks_exact(width);
    let nulls = column.nulls().filter(|nulls| nulls.null_count() > 0);
    let rows = hashes.iter_mut().zip(values);
    match nulls {
        None => rows.for_each(|(hash, value)| *hash = mix(*hash, word(value))),
        Some(nulls) => rows.zip(nulls.iter()).for_each(|((hash, value), is_valid)| {
            *hash = mix(*hash, if is_valid { word(value) } else { NULL });
        }),
    }
}

/// The bytes of a value in one word.
#[inline]
fn word(value: &[u8]) -> u64 {
    match *value {
        [a] => u64::from(a),
        [a, b] => u64::from(u16::from_le_bytes([a, b])),
        [a, b, c, d] => u64::from(u32::from_le_bytes([a, b, c, d])),
        _ => value.chunks_exact(8).fold(0, |hash, part| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(part);
            hash.wrapping_mul(MULTIPLIER) ^ u64::from_le_bytes(bytes)
        }),
    }
}

fn view_hash<T: ByteViewType>(array: &GenericByteViewArray<T>, row: usize) -> u64 {
    hash_bytes(array.value(row).as_ref())
}

fn bytes_hash<T: ByteArrayType>(array: &GenericByteArray<T>, row: usize) -> u64 {
    hash_bytes(array.value(row).as_ref())
}
