//! The stored form of table statistics. What can be derived is left out, what a kind does not have too.

use super::TableStatistics;
use super::column::{ColumnStatistics, Kind, Lengths};
use super::scalar::{Bound, Scalar};
use crate::error::Result;
use crate::sketch::{BitHistogram, Distinct, Frequent, FrequentValue, Moments, Reader, put_varint};

const VERSION: u8 = 1;

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
        Ok(Self { n_rows, n_deleted, columns })
    }
}

fn write_column(column: &ColumnStatistics, out: &mut Vec<u8>) {
    put_bytes(out, column.name.as_bytes());
    out.push(column.kind as u8);
    put_bytes(out, column.arrow_type.as_bytes());
    out.extend(column.scale.to_le_bytes());
    put_varint(out, column.n_null);
    write_bound(column.min.as_ref(), out);
    write_bound(column.max.as_ref(), out);
    if column.kind.is_counted() {
        column.frequent.write(out);
        // The exact values are the distinct ones.
        if !column.frequent.is_exact() {
            column.distinct.write(out);
        }
    }
    if column.kind.is_numeric() {
        column.moments.write(out);
        if !bits_follow(column) {
            column.bits.write(out);
        }
    } else {
        for field in [column.lengths.n, column.lengths.min, column.lengths.max, column.lengths.total] {
            put_varint(out, field);
        }
    }
}

fn read_column(reader: &mut Reader<'_>) -> Result<ColumnStatistics> {
    let name = reader.string()?;
    let code = reader.u8()?;
    let Some(&(kind, _)) = Kind::ALL.get(usize::from(code)) else {
        return Err(reader.corrupt("the kind of a column is unknown", Kind::ALL.len(), code));
    };
    let arrow_type = reader.string()?;
    let scale = reader.u8()? as i8;
    let mut column = ColumnStatistics::empty(name, kind, arrow_type, scale);
    column.n_null = reader.varint()?;
    column.min = read_bound(kind, scale, reader)?;
    column.max = read_bound(kind, scale, reader)?;
    if kind.is_counted() {
        let frequent = Frequent::read(reader)?;
        if frequent.is_bytes() != column.frequent.is_bytes() {
            return Err(reader.corrupt("the frequent values are of another kind", kind.as_str(), "other values"));
        }
        column.distinct =
            if frequent.is_exact() { Distinct::of_sorted(frequent.hashes()) } else { Distinct::read(reader)? };
        column.frequent = frequent;
    }
    if kind.is_numeric() {
        column.moments = Moments::read(reader)?;
        column.bits = if bits_follow(&column) { bits_of(&column) } else { BitHistogram::read(reader)? };
    } else {
        column.lengths =
            Lengths { n: reader.varint()?, min: reader.varint()?, max: reader.varint()?, total: reader.varint()? };
    }
    Ok(column)
}

/// Whether the histogram follows from the counts of the values, which are exact and all there.
fn bits_follow(column: &ColumnStatistics) -> bool {
    column.kind.is_counted() && column.frequent.is_exact() && !column.frequent.is_bytes()
}

fn bits_of(column: &ColumnStatistics) -> BitHistogram {
    let float = |bits: u64| match column.kind {
        Kind::Float => f64::from_bits(bits),
        Kind::UInt => bits as f64,
        _ => bits as i64 as f64,
    };
    let values: Vec<(f64, u64)> = column
        .frequent
        .entries()
        .filter_map(|(value, count, _)| match value {
            FrequentValue::Fixed(bits) => Some((float(bits), count)),
            FrequentValue::Bytes(_) => None,
        })
        .collect();
    let mut bits = BitHistogram::default();
    bits.update_counted(&values);
    bits.freeze();
    bits
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// 0: none, 1: exact, 2: beyond the values; then the value as the kind has it.
fn write_bound(bound: Option<&Bound>, out: &mut Vec<u8>) {
    let Some(Bound { value, exact }) = bound else { return out.push(0) };
    out.push(if *exact { 1 } else { 2 });
    match value {
        Scalar::Int(value) => out.extend(value.to_le_bytes()),
        Scalar::UInt(value) => out.extend(value.to_le_bytes()),
        Scalar::Float(value) => out.extend(value.to_le_bytes()),
        Scalar::Decimal { value, .. } => out.extend(value.to_le_bytes()),
        Scalar::String(text) => put_bytes(out, text.as_bytes()),
        Scalar::Binary(bytes) => put_bytes(out, bytes),
    }
}

fn read_bound(kind: Kind, scale: i8, reader: &mut Reader<'_>) -> Result<Option<Bound>> {
    let exact = match reader.u8()? {
        0 => return Ok(None),
        1 => true,
        2 => false,
        other => return Err(reader.corrupt("the mark of a bound is unknown", "0, 1 or 2", other)),
    };
    let value = match kind {
        Kind::Null | Kind::List | Kind::Struct => {
            return Err(reader.corrupt("there is a bound", "none", kind.as_str()));
        }
        Kind::Bool | Kind::Int | Kind::Date | Kind::Time | Kind::Timestamp => Scalar::Int(reader.u64()? as i64),
        Kind::UInt => Scalar::UInt(reader.u64()?),
        Kind::Float => Scalar::Float(reader.f64()?),
        Kind::Decimal => Scalar::Decimal { value: reader.i128()?, scale },
        Kind::String => Scalar::String(reader.string()?),
        Kind::Binary => Scalar::Binary(reader.bytes()?.into()),
    };
    Ok(Some(Bound { value, exact }))
}
