//! `tf.Example` messages, read from protobuf's wire format, as columns of lists.
//!
//! Reads what protobuf's own parser reads: of features with one name the last counts, messages in parts are merged, of a
//! choice the last kind counts, numbers stand alone or packed, and unknown fields and groups are skipped.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, Float32Array, Int64Array, LargeBinaryArray, LargeListArray, NullArray, RecordBatch, RecordBatchOptions,
};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{Field, Schema};

use crate::error::Result;

type Parsed<T> = std::result::Result<T, String>;

/// Groups in groups, as many as protobuf reads.
const DEEPEST: usize = 100;

/// Rows of a batch on their way into columns.
#[derive(Default)]
pub(super) struct Examples {
    n_rows: usize,
    columns: BTreeMap<String, Column>,
}

/// One feature: a list, or null, for each row so far.
#[derive(Default)]
struct Column {
    values: Values,
    offsets: Vec<i64>,
    valid: Vec<bool>,
    /// The row of this batch that first had values, if no batch before had.
    first: Option<usize>,
}

#[derive(Default)]
enum Values {
    #[default]
    Unknown,
    Bytes {
        data: Vec<u8>,
        offsets: Vec<i64>,
    },
    Floats(Vec<f32>),
    Integers(Vec<i64>),
}

impl Examples {
    pub(super) fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Add one `Example { Features features = 1 }`, `Features { map<string, Feature> feature = 1 }`.
    pub(super) fn add(&mut self, record: &[u8]) -> Parsed<()> {
        let row = self.n_rows;
        let mut example = Wire(record);
        while let Some((field, value)) = example.next()? {
            let (1, Value::Bytes(features)) = (field, value) else { continue };
            let mut features = Wire(features);
            while let Some((field, value)) = features.next()? {
                if let (1, Value::Bytes(entry)) = (field, value) {
                    self.add_feature(entry, row)?;
                }
            }
        }
        self.n_rows += 1;
        Ok(())
    }

    fn add_feature(&mut self, entry: &[u8], row: usize) -> Parsed<()> {
        let (mut name, mut parts) = ("", Vec::new());
        let mut entry = Wire(entry);
        while let Some((field, value)) = entry.next()? {
            match (field, value) {
                // The last one counts, but each must be text.
                (1, Value::Bytes(bytes)) => {
                    name = std::str::from_utf8(bytes).map_err(|_| "the name of a feature is not UTF-8".to_string())?;
                }
                (2, Value::Bytes(bytes)) => parts.push(bytes),
                _ => {}
            }
        }
        if name.contains('\0') {
            return Err("the name of a feature holds a zero byte".into());
        }
        if !self.columns.contains_key(name) {
            self.columns.insert(name.into(), Column::default());
        }
        let Some(column) = self.columns.get_mut(name) else { return Ok(()) };
        column.cut(row);
        column.fill(row);
        column.add(&parts).map_err(|problem| format!("feature '{name}' {problem}"))
    }

    /// All rows since the last call; the features stay known.
    pub(super) fn take(&mut self) -> Result<RecordBatch> {
        let n_rows = std::mem::take(&mut self.n_rows);
        let mut fields = Vec::with_capacity(self.columns.len());
        let mut arrays = Vec::with_capacity(self.columns.len());
        for (name, column) in &mut self.columns {
            column.fill(n_rows);
            let array = column.take()?;
            fields.push(Field::new(name, array.data_type().clone(), true));
            arrays.push(array);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(n_rows));
        Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)?)
    }
}

impl Column {
    /// Null for the rows that lacked the feature.
    fn fill(&mut self, n_rows: usize) {
        let end = self.values.len() as i64;
        if self.offsets.is_empty() {
            self.offsets.push(0);
        }
        self.offsets.resize(n_rows + 1, end);
        self.valid.resize(n_rows, false);
    }

    /// Forget all but the first rows.
    fn cut(&mut self, n_rows: usize) {
        if self.valid.len() > n_rows {
            self.valid.truncate(n_rows);
            self.offsets.truncate(n_rows + 1);
            if self.first == Some(n_rows) {
                (self.values, self.first) = (Values::Unknown, None);
            }
            self.values.truncate(self.offsets[n_rows] as usize);
        }
    }

    /// Add one `Feature { oneof { BytesList = 1, FloatList = 2, Int64List = 3 } }`, each `{ repeated value = 1 }`, in parts
    /// that belong together.
    fn add(&mut self, parts: &[&[u8]]) -> Parsed<()> {
        let mut chosen: Option<(u64, Vec<&[u8]>)> = None;
        for part in parts {
            let mut feature = Wire(part);
            while let Some((kind, value)) = feature.next()? {
                let (1..=3, Value::Bytes(list)) = (kind, value) else { continue };
                match &mut chosen {
                    Some((same, lists)) if *same == kind => lists.push(list),
                    other => {
                        // What does not count has to be sound, too.
                        if let Some((kind, lists)) = other.replace((kind, vec![list])) {
                            let mut values = Values::Unknown;
                            values.become_kind(kind)?;
                            values.extend(&lists)?;
                        }
                    }
                }
            }
        }
        let is_present = chosen.is_some();
        if let Some((kind, lists)) = chosen {
            if matches!(self.values, Values::Unknown) {
                self.first = Some(self.valid.len());
            }
            self.values.become_kind(kind)?;
            self.values.extend(&lists)?;
        }
        self.offsets.push(self.values.len() as i64);
        self.valid.push(is_present);
        Ok(())
    }

    fn take(&mut self) -> Result<ArrayRef> {
        let (offsets, valid) = (std::mem::take(&mut self.offsets), std::mem::take(&mut self.valid));
        self.first = None;
        let items: ArrayRef = match &mut self.values {
            Values::Unknown => return Ok(Arc::new(NullArray::new(valid.len()))),
            Values::Floats(values) => Arc::new(Float32Array::from(std::mem::take(values))),
            Values::Integers(values) => Arc::new(Int64Array::from(std::mem::take(values))),
            Values::Bytes { data, offsets } => {
                let ends = std::mem::replace(offsets, vec![0]);
                let ends = OffsetBuffer::new(ScalarBuffer::from(ends));
                Arc::new(LargeBinaryArray::try_new(ends, Buffer::from_vec(std::mem::take(data)), None)?)
            }
        };
        let item = Arc::new(Field::new("item", items.data_type().clone(), true));
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        Ok(Arc::new(LargeListArray::try_new(item, offsets, items, Some(NullBuffer::from(valid)))?))
    }
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::Unknown => 0,
            Self::Bytes { offsets, .. } => offsets.len() - 1,
            Self::Floats(values) => values.len(),
            Self::Integers(values) => values.len(),
        }
    }

    fn truncate(&mut self, n: usize) {
        match self {
            Self::Unknown => {}
            Self::Bytes { data, offsets } => {
                offsets.truncate(n + 1);
                data.truncate(offsets[n] as usize);
            }
            Self::Floats(values) => values.truncate(n),
            Self::Integers(values) => values.truncate(n),
        }
    }

    fn become_kind(&mut self, kind: u64) -> Parsed<()> {
        match (&*self, kind) {
            (Self::Unknown, 1) => *self = Self::Bytes { data: Vec::new(), offsets: vec![0] },
            (Self::Unknown, 2) => *self = Self::Floats(Vec::new()),
            (Self::Unknown, _) => *self = Self::Integers(Vec::new()),
            (Self::Bytes { .. }, 1) | (Self::Floats(_), 2) | (Self::Integers(_), 3) => {}
            _ => return Err("has another kind of values than in the records before".into()),
        }
        Ok(())
    }

    /// Add the values of lists of our kind.
    fn extend(&mut self, lists: &[&[u8]]) -> Parsed<()> {
        for list in lists {
            let mut list = Wire(list);
            while let Some((field, value)) = list.next()? {
                if field == 1 {
                    self.push(value)?;
                }
            }
        }
        Ok(())
    }

    /// Numbers stand one by one or packed; a value of another wire type is an unknown field.
    fn push(&mut self, value: Value<'_>) -> Parsed<()> {
        match (self, value) {
            (Self::Bytes { data, offsets }, Value::Bytes(bytes)) => {
                data.extend_from_slice(bytes);
                offsets.push(data.len() as i64);
            }
            (Self::Floats(values), Value::Fixed32(bits)) => values.push(f32::from_bits(bits)),
            (Self::Floats(values), Value::Bytes(packed)) => {
                let (floats, []) = packed.as_chunks::<4>() else { return Err("has a float that is cut".into()) };
                values.extend(floats.iter().map(|bytes| f32::from_le_bytes(*bytes)));
            }
            (Self::Integers(values), Value::Varint(value)) => values.push(value as i64),
            (Self::Integers(values), Value::Bytes(packed)) => {
                let mut packed = Wire(packed);
                while !packed.0.is_empty() {
                    values.push(packed.varint()? as i64);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// One value of the wire format.
enum Value<'a> {
    Varint(u64),
    Fixed32(u32),
    /// Of no use to any field.
    Skipped,
    Bytes(&'a [u8]),
}

/// What is left of a message.
struct Wire<'a>(&'a [u8]);

impl<'a> Wire<'a> {
    /// The number and value of the next field.
    fn next(&mut self) -> Parsed<Option<(u64, Value<'a>)>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let (field, kind) = self.tag()?;
        let value = match kind {
            0 => Value::Varint(self.varint()?),
            1 => {
                self.take(8)?;
                Value::Skipped
            }
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(usize::try_from(length).unwrap_or(usize::MAX))?)
            }
            3 => {
                self.skip_group(field)?;
                Value::Skipped
            }
            5 => {
                let mut bytes = [0; 4];
                bytes.copy_from_slice(self.take(4)?);
                Value::Fixed32(u32::from_le_bytes(bytes))
            }
            other => return Err(format!("there is no wire type {other} here")),
        };
        Ok(Some((field, value)))
    }

    fn tag(&mut self) -> Parsed<(u64, u64)> {
        match self.varint()? {
            tag @ 8..=0xffff_ffff => Ok((tag >> 3, tag & 7)),
            tag => Err(format!("there is no field {}", tag >> 3)),
        }
    }

    /// Skip to behind the end of a group that has begun, and of those in it.
    fn skip_group(&mut self, field: u64) -> Parsed<()> {
        let mut open = vec![field];
        while let Some(&innermost) = open.last() {
            match self.tag()? {
                (_, 0) => _ = self.varint()?,
                (_, 1) => _ = self.take(8)?,
                (_, 2) => {
                    let length = self.varint()?;
                    self.take(usize::try_from(length).unwrap_or(usize::MAX))?;
                }
                (inner, 3) if open.len() < DEEPEST => open.push(inner),
                (end, 4) if end == innermost => _ = open.pop(),
                (_, 5) => _ = self.take(4)?,
                (other, _) => return Err(format!("the group {innermost} is cut off by field {other}")),
            }
        }
        Ok(())
    }

    fn take(&mut self, n: usize) -> Parsed<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n).ok_or_else(|| "the message ends too early".to_string())?;
        self.0 = rest;
        Ok(head)
    }

    fn varint(&mut self) -> Parsed<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err("a number is too long".into())
    }
}
