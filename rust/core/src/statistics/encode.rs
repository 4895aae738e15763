//! The stored form of table statistics. What can be derived is left out, what a kind does not have too, and figures by
//! weight, which are computed on demand only.

use arrow_buffer::i256;

use super::TableStatistics;
use super::column::ColumnStatistics;
use super::content::Content;
use super::digits::Digits;
use super::kind::Kind;
use super::lengths::{Lengths, Level};
use super::scalar::{Bound, Scalar};
use crate::error::Result;
use crate::sketch::{BitHistogram, Distinct, Frequent, Moments, Quantiles, Reader, put_varint};

const VERSION: u8 = 1;
/// Mark of a bound of 32 bytes.
const WIDE: u8 = 3;

impl TableStatistics {
    /// Bytes of the statistics: a version, then all fields, little-endian.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        put_varint(&mut out, self.n_rows);
        put_varint(&mut out, self.n_deleted);
        put_varint(&mut out, self.columns.len() as u64);
        for column in &self.columns {
            write_column(column, &mut out);
        }
        out
    }

    /// Read what `encode` wrote. Damaged bytes are `Error::Corruption`.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("statistics", bytes);
        reader.version(VERSION)?;
        let (n_rows, n_deleted) = (reader.varint()?, reader.varint()?);
        if n_deleted > n_rows {
            return Err(reader.corrupt("more rows are gone than there were", n_rows, n_deleted));
        }
        let n_columns = reader.count(4)?;
        let mut columns = Vec::new();
        for _ in 0..n_columns {
            columns.push(read_column(&mut reader)?);
        }
        reader.finish()?;
        Ok(Self { n_rows, n_deleted, weight: None, columns })
    }
}

fn write_column(column: &ColumnStatistics, out: &mut Vec<u8>) {
    put_varint(out, column.path.len() as u64);
    for name in &column.path {
        put_bytes(out, name.as_bytes());
    }
    out.push(column.kind as u8);
    put_bytes(out, column.arrow_type.as_bytes());
    out.extend(column.scale.to_le_bytes());
    out.push(column.content.bits());
    put_varint(out, column.n_rows);
    put_varint(out, column.n_null);
    put_varint(out, column.levels.len() as u64);
    column.levels.iter().for_each(|level| level.write(out));
    if column.levels.len() > 1 {
        column.per_row.write(out);
    }
    write_bound(column.min.as_ref(), out);
    write_bound(column.max.as_ref(), out);
    if column.kind.is_counted() {
        column.frequent.write(out);
        if !distinct_follow(column) {
            column.distinct.write(out);
        }
    }
    if column.kind.is_numeric() {
        column.moments.write(out);
        if !column.is_counted_exactly() {
            column.bits.write(out);
            column.quantiles.write(out);
        }
    } else if column.kind.is_bytes() {
        column.lengths.write(out);
        out.push(u8::from(column.characters != column.lengths));
        if column.characters != column.lengths {
            column.characters.write(out);
        }
        put_varint(out, column.n_invalid_utf8);
    }
}

fn read_column(reader: &mut Reader<'_>) -> Result<ColumnStatistics> {
    let n_names = reader.count(1)?;
    let path = (0..n_names).map(|_| reader.string()).collect::<Result<_>>()?;
    let code = reader.u8()?;
    let Some(&(kind, _)) = Kind::ALL.get(usize::from(code)) else {
        return Err(reader.corrupt("the kind of a column is unknown", Kind::ALL.len(), code));
    };
    let arrow_type = reader.string()?;
    let scale = reader.u8()? as i8;
    let mut column = ColumnStatistics::empty(path, kind, arrow_type, scale);
    let content = reader.u8()?;
    column.content =
        Content::from_bits(content).ok_or_else(|| reader.corrupt("the content is unknown", "0 to 15", content))?;
    (column.n_rows, column.n_null) = (reader.varint()?, reader.varint()?);
    let n_levels = reader.count(8)?;
    column.levels = (0..n_levels).map(|_| Level::read(reader)).collect::<Result<_>>()?;
    if n_levels > 1 {
        column.per_row = Level::read(reader)?;
    }
    column.min = read_bound(kind, scale, reader)?;
    column.max = read_bound(kind, scale, reader)?;
    if kind.is_counted() {
        read_counts(&mut column, reader)?;
    }
    if kind.is_numeric() {
        column.moments = Moments::read(reader)?;
        if !column.is_counted_exactly() {
            column.bits = BitHistogram::read(reader)?;
            column.quantiles = Quantiles::read(reader)?;
        }
    } else if kind.is_bytes() {
        column.lengths = Lengths::read(reader)?;
        column.characters = if reader.bool()? { Lengths::read(reader)? } else { column.lengths };
        column.n_invalid_utf8 = reader.varint()?;
    }
    Ok(column)
}

fn read_counts(column: &mut ColumnStatistics, reader: &mut Reader<'_>) -> Result<()> {
    let frequent = Frequent::read(reader)?;
    if frequent.is_bytes() != column.frequent.is_bytes() {
        return Err(reader.corrupt("the frequent values are of another kind", column.kind.as_str(), "other values"));
    }
    column.frequent = frequent;
    if !distinct_follow(column) {
        column.distinct = Distinct::read(reader)?;
    }
    Ok(())
}

/// Whether the exact values are the distinct ones.
fn distinct_follow(column: &ColumnStatistics) -> bool {
    column.is_counted_exactly() && column.content.distinct
}

impl ColumnStatistics {
    /// Drop what only updates need, and what follows from exact counts.
    pub(super) fn settle(&mut self) {
        if self.is_counted_exactly() {
            (self.bits, self.quantiles, self.distinct) = Default::default();
        }
        self.bits.freeze();
        self.quantiles.freeze();
        self.frequent.freeze();
        self.distinct.freeze();
        self.levels.iter_mut().for_each(Level::freeze);
        self.per_row.freeze();
    }

    /// Give up accuracy that is not worth its bytes beside a data file.
    pub(super) fn shrink(&mut self) {
        self.quantiles.shrink();
        self.distinct.shrink();
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// 0: none, 1: exact, 2: beyond the values, 3: an exact decimal that needs 32 bytes; then the value as the kind has it.
fn write_bound(bound: Option<&Bound>, out: &mut Vec<u8>) {
    let Some(Bound { value, exact }) = bound else { return out.push(0) };
    let is_wide = matches!(value, Scalar::Decimal { value, .. } if value.to_i128().is_none());
    out.push(if is_wide { WIDE } else { 2 - u8::from(*exact) });
    match value {
        Scalar::Int(value) => out.extend(value.to_le_bytes()),
        Scalar::UInt(value) => out.extend(value.to_le_bytes()),
        Scalar::Float(value) => out.extend(value.to_le_bytes()),
        Scalar::Decimal { value, .. } => out.extend(Digits::of(*value).as_bytes()),
        Scalar::String(text) => put_bytes(out, text.as_bytes()),
        Scalar::Binary(bytes) => put_bytes(out, bytes),
    }
}

fn read_bound(kind: Kind, scale: i8, reader: &mut Reader<'_>) -> Result<Option<Bound>> {
    let mark = reader.u8()?;
    let exact = match mark {
        0 => return Ok(None),
        1 | WIDE => true,
        2 => false,
        other => return Err(reader.corrupt("the mark of a bound is unknown", "0 to 3", other)),
    };
    if mark == WIDE && kind != Kind::Decimal {
        return Err(reader.corrupt("a bound has 32 bytes", "a decimal", kind.as_str()));
    }
    let value = match kind {
        Kind::Null | Kind::Struct => {
            return Err(reader.corrupt("there is a bound", "none", kind.as_str()));
        }
        Kind::Bool | Kind::Int | Kind::Date | Kind::Time | Kind::Timestamp | Kind::Duration => {
            Scalar::Int(reader.u64()? as i64)
        }
        Kind::UInt => Scalar::UInt(reader.u64()?),
        Kind::Float => Scalar::Float(reader.f64()?),
        Kind::Decimal if mark == WIDE => {
            let low = reader.i128()? as u128;
            Scalar::Decimal { value: i256::from_parts(low, reader.i128()?), scale }
        }
        Kind::Decimal => Scalar::Decimal { value: i256::from_i128(reader.i128()?), scale },
        Kind::String => Scalar::String(reader.string()?),
        Kind::Binary => Scalar::Binary(reader.bytes()?.into()),
    };
    Ok(Some(Bound { value, exact }))
}
