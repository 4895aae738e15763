//! The schema of a table: columns by field id, in types of our own that map to Arrow both ways.
//!
//! Several Arrow layouts of one type (three of strings, dictionaries) are one type here, so that what a table is does not
//! depend on which library wrote it. A frame fits a table when each of its columns exists and widens without loss.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::nearest::nearest;

/// Arrow metadata key under which Parquet keeps a field id.
const FIELD_ID: &str = "PARQUET:field_id";

/// Columns of a table at one version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSchema {
    /// Number of the schema in its table; each data file says with which one it was written.
    #[serde(default)]
    pub id: u32,
    /// Columns in order.
    pub fields: Vec<ColumnField>,
    /// The id that the next new field gets; ids are never used again.
    pub next_field_id: i32,
    /// What rows have that were written before a column was added, as text by field id; payloads hold it.
    #[serde(skip)]
    pub defaults: BTreeMap<i32, String>,
}

/// One column, list item or struct member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnField {
    /// Stays the same for ever, whatever the name.
    pub id: i32,
    /// Name as given by the user.
    pub name: String,
    /// Whether nulls are allowed.
    pub nullable: bool,
    /// Type of the values.
    #[serde(rename = "type")]
    pub kind: ColumnType,
}

/// Types that the format holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // The names say it.
pub enum ColumnType {
    Bool,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Float32,
    Float64,
    String,
    Binary,
    Date,
    Time { unit: Unit },
    Timestamp { unit: Unit, zone: Option<String> },
    Decimal { precision: u8, scale: i8 },
    List { item: Box<ColumnField> },
    Struct { fields: Vec<ColumnField> },
}

/// Resolution of times; seconds are stored as milliseconds, since Parquet has no seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)] // The names say it.
pub enum Unit {
    #[serde(rename = "ms")]
    Millisecond,
    #[serde(rename = "us")]
    Microsecond,
    #[serde(rename = "ns")]
    Nanosecond,
}

impl TableSchema {
    /// The schema of a new table made from a frame; `place` names it in errors.
    pub fn from_arrow(schema: &Schema, place: &str) -> Result<Self> {
        check_names(schema.fields(), place)?;
        let mut next_field_id = 1;
        let fields = schema
            .fields()
            .iter()
            .map(|field| ColumnField::from_arrow(field, field.name(), &mut next_field_id))
            .collect::<Result<_>>()?;
        Ok(Self { id: 0, fields, next_field_id, defaults: BTreeMap::new() })
    }

    /// The time zones that its columns name, each once.
    pub fn zones(&self) -> Vec<&str> {
        let mut zones = Vec::new();
        self.fields.iter().for_each(|field| field.kind.add_zones(&mut zones));
        zones
    }

    /// The schema of this table after an overwrite by a frame: a column of the same name and type stays the same column.
    pub fn replaced_by(&self, schema: &Schema, place: &str) -> Result<Self> {
        let mut replaced = Self::from_arrow(schema, place)?;
        let mut next_field_id = self.next_field_id;
        for (field, given) in replaced.fields.iter_mut().zip(schema.fields()) {
            match self.field(&field.name).filter(|own| own.kind.accepts(&field.kind) && own.nullable == field.nullable)
            {
                Some(own) => field.clone_from(own),
                None => *field = ColumnField::from_arrow(given, given.name(), &mut next_field_id)?,
            }
        }
        replaced.next_field_id = next_field_id;
        replaced.defaults.clone_from(&self.defaults);
        replaced.defaults.retain(|id, _| replaced.fields.iter().any(|field| field.id == *id));
        replaced.id = if replaced.fields == self.fields { self.id } else { self.id + 1 };
        Ok(replaced)
    }

    /// The schema as users see it: plain strings and lists, and the field ids as metadata.
    pub fn to_arrow(&self) -> Schema {
        Schema::new(self.fields.iter().map(|field| field.to_arrow(false)).collect::<Fields>())
    }

    /// The schema in which batches are written: views, which every string layout becomes without a copy.
    pub fn to_physical(&self) -> Arc<Schema> {
        Arc::new(Schema::new(self.fields.iter().map(|field| field.to_arrow(true)).collect::<Fields>()))
    }

    /// The column called `name`.
    pub fn field(&self, name: &str) -> Option<&ColumnField> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Refuse a frame with columns that this table has not, or that do not fit it without loss.
    pub fn check_columns(&self, frame: &Schema, place: &str) -> Result<()> {
        check_names(frame.fields(), place)?;
        for field in frame.fields() {
            let Some(own) = self.field(field.name()) else {
                let known = self.fields.iter().map(|field| field.name.as_str());
                let nearest = nearest(field.name(), known);
                return Err(Error::ColumnNotFound { name: field.name().clone(), place: place.into(), nearest });
            };
            own.check_accepts(field, place)?;
        }
        Ok(())
    }

    /// Refuse a frame that cannot be written to this table without loss.
    pub fn check_fits(&self, frame: &Schema, place: &str) -> Result<()> {
        self.check_columns(frame, place)?;
        let missing = |own: &&ColumnField| {
            let has_value = own.nullable || self.defaults.contains_key(&own.id);
            !has_value && frame.column_with_name(&own.name).is_none()
        };
        match self.fields.iter().find(missing) {
            None => Ok(()),
            Some(own) => Err(Error::SchemaMismatch {
                place: place.into(),
                problem: format!("column '{}' is missing and may not be null", own.name),
                hint: "add it to the frame".into(),
            }),
        }
    }

    /// Bring a batch that fits into the table's own columns, order and types; missing columns get their default or null.
    pub fn conform(&self, batch: &RecordBatch, physical: &Arc<Schema>, place: &str) -> Result<RecordBatch> {
        let columns = self
            .fields
            .iter()
            .zip(physical.fields())
            .map(|(own, target)| match batch.column_by_name(&own.name) {
                Some(column) => conform_column(column, own, target.data_type(), place),
                None => super::defaults::filled(self.defaults.get(&own.id), target.data_type(), batch.num_rows()),
            })
            .collect::<Result<Vec<_>>>()?;
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(physical), columns, &options)?)
    }
}

impl ColumnField {
    pub(crate) fn from_arrow(field: &Field, path: &str, next_id: &mut i32) -> Result<Self> {
        let id = *next_id;
        *next_id += 1;
        let kind = ColumnType::from_arrow(field.data_type(), path, next_id)?;
        Ok(Self { id, name: field.name().clone(), nullable: field.is_nullable(), kind })
    }

    /// The Arrow field; with `physical` in the layout in which batches are written.
    pub fn to_arrow(&self, physical: bool) -> Field {
        let metadata = HashMap::from([(FIELD_ID.to_owned(), self.id.to_string())]);
        Field::new(&self.name, self.kind.to_arrow(physical), self.nullable).with_metadata(metadata)
    }

    fn check_accepts(&self, field: &Field, place: &str) -> Result<()> {
        if matches!(field.data_type(), DataType::Null) && self.nullable {
            return Ok(());
        }
        let given = ColumnType::from_arrow(field.data_type(), field.name(), &mut 0)?;
        if self.kind.accepts(&given) {
            return Ok(());
        }
        Err(Error::SchemaMismatch {
            place: place.into(),
            problem: format!("column '{}' is {} in the table, but the frame has {}", self.name, self.kind, given),
            hint: format!("cast the column to {} before writing", self.kind),
        })
    }
}

impl ColumnType {
    pub(crate) fn from_arrow(kind: &DataType, path: &str, next_id: &mut i32) -> Result<Self> {
        Ok(match kind {
            DataType::Boolean => Self::Bool,
            DataType::Int8 => Self::Int8,
            DataType::Int16 => Self::Int16,
            DataType::Int32 => Self::Int32,
            DataType::Int64 => Self::Int64,
            DataType::UInt8 => Self::Uint8,
            DataType::UInt16 => Self::Uint16,
            DataType::UInt32 => Self::Uint32,
            DataType::UInt64 => Self::Uint64,
            DataType::Float32 => Self::Float32,
            DataType::Float64 => Self::Float64,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::String,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Self::Binary,
            DataType::Dictionary(_, value) => Self::from_arrow(value, path, next_id)?,
            DataType::Date32 => Self::Date,
            DataType::Time32(unit) | DataType::Time64(unit) => Self::Time { unit: Unit::from_arrow(*unit) },
            DataType::Timestamp(unit, zone) => {
                Self::Timestamp { unit: Unit::from_arrow(*unit), zone: zone.as_deref().map(str::to_owned) }
            }
            DataType::Decimal128(precision, scale) if *scale >= 0 => {
                Self::Decimal { precision: *precision, scale: *scale }
            }
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                // Libraries disagree about the item's name; a fixed one keeps equal data equal.
                let mut item = ColumnField::from_arrow(item, &format!("{path}.item"), next_id)?;
                item.name = "item".into();
                Self::List { item: Box::new(item) }
            }
            DataType::Struct(fields) if !fields.is_empty() => {
                check_names(fields, &format!("struct column '{path}'"))?;
                let member =
                    |field: &Arc<Field>| ColumnField::from_arrow(field, &format!("{path}.{}", field.name()), next_id);
                Self::Struct { fields: fields.iter().map(member).collect::<Result<_>>()? }
            }
            other => return Err(unsupported(path, other)),
        })
    }

    /// The Arrow type; with `physical` in the layout in which batches are written.
    pub fn to_arrow(&self, physical: bool) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int8 => DataType::Int8,
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Uint8 => DataType::UInt8,
            Self::Uint16 => DataType::UInt16,
            Self::Uint32 => DataType::UInt32,
            Self::Uint64 => DataType::UInt64,
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::String if physical => DataType::Utf8View,
            Self::String => DataType::Utf8,
            Self::Binary if physical => DataType::BinaryView,
            Self::Binary => DataType::Binary,
            Self::Date => DataType::Date32,
            Self::Time { unit: Unit::Millisecond } => DataType::Time32(TimeUnit::Millisecond),
            Self::Time { unit } => DataType::Time64(unit.to_arrow()),
            Self::Timestamp { unit, zone } => DataType::Timestamp(unit.to_arrow(), zone.as_deref().map(Into::into)),
            Self::Decimal { precision, scale } => DataType::Decimal128(*precision, *scale),
            Self::List { item } if physical => DataType::LargeList(Arc::new(item.to_arrow(physical))),
            Self::List { item } => DataType::List(Arc::new(item.to_arrow(physical))),
            Self::Struct { fields } => {
                DataType::Struct(fields.iter().map(|field| field.to_arrow(physical)).collect::<Fields>())
            }
        }
    }

    /// Add the zones of its times, nested ones too, that are not there yet.
    fn add_zones<'a>(&'a self, zones: &mut Vec<&'a str>) {
        match self {
            Self::Timestamp { zone: Some(zone), .. } if !zones.contains(&zone.as_str()) => zones.push(zone),
            Self::List { item } => item.kind.add_zones(zones),
            Self::Struct { fields } => fields.iter().for_each(|field| field.kind.add_zones(zones)),
            _ => {}
        }
    }

    /// Whether every value of `given` is a value of this type.
    pub(crate) fn accepts(&self, given: &Self) -> bool {
        match (self, given) {
            (Self::Timestamp { unit, zone }, Self::Timestamp { unit: from, zone: given }) => {
                unit >= from && zone.is_some() == given.is_some()
            }
            (Self::Time { unit }, Self::Time { unit: from }) => unit >= from,
            (Self::Decimal { precision, scale }, Self::Decimal { precision: p, scale: s }) => {
                scale >= s && i32::from(*precision) - i32::from(*scale) >= i32::from(*p) - i32::from(*s)
            }
            (Self::List { item }, Self::List { item: given }) => item.kind.accepts(&given.kind),
            (Self::Struct { fields }, Self::Struct { fields: given }) => {
                let fits = |(a, b): (&ColumnField, &ColumnField)| a.name == b.name && a.kind.accepts(&b.kind);
                fields.len() == given.len() && fields.iter().zip(given).all(fits)
            }
            (Self::Float64, Self::Float32) => true,
            (Self::Float64, from) if from.integer().is_some_and(|(_, bits)| bits <= 32) => true,
            (Self::Float32, from) if from.integer().is_some_and(|(_, bits)| bits <= 16) => true,
            (to, from) => match (to.integer(), from.integer()) {
                (Some((to_signed, to_bits)), Some((from_signed, from_bits))) => {
                    to_bits > from_bits && (to_signed || !from_signed)
                        || (to_bits, to_signed) == (from_bits, from_signed)
                }
                _ => to == from,
            },
        }
    }

    /// (signed, bits) of an integer type.
    pub(crate) fn integer(&self) -> Option<(bool, u8)> {
        Some(match self {
            Self::Int8 => (true, 8),
            Self::Int16 => (true, 16),
            Self::Int32 => (true, 32),
            Self::Int64 => (true, 64),
            Self::Uint8 => (false, 8),
            Self::Uint16 => (false, 16),
            Self::Uint32 => (false, 32),
            Self::Uint64 => (false, 64),
            _ => return None,
        })
    }
}

impl std::fmt::Display for ColumnType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Time { unit } => write!(f, "time[{}]", unit.name()),
            Self::Timestamp { unit, zone: None } => write!(f, "timestamp[{}]", unit.name()),
            Self::Timestamp { unit, zone: Some(zone) } => write!(f, "timestamp[{}, {zone}]", unit.name()),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision}, {scale})"),
            Self::List { item } => write!(f, "list<{}>", item.kind),
            Self::Struct { fields } => {
                let members: Vec<String> = fields.iter().map(|x| format!("{}: {}", x.name, x.kind)).collect();
                write!(f, "struct<{}>", members.join(", "))
            }
            plain => write!(f, "{}", format!("{plain:?}").to_lowercase()),
        }
    }
}

impl Unit {
    fn from_arrow(unit: TimeUnit) -> Self {
        match unit {
            TimeUnit::Second | TimeUnit::Millisecond => Self::Millisecond,
            TimeUnit::Microsecond => Self::Microsecond,
            TimeUnit::Nanosecond => Self::Nanosecond,
        }
    }

    fn to_arrow(self) -> TimeUnit {
        match self {
            Self::Millisecond => TimeUnit::Millisecond,
            Self::Microsecond => TimeUnit::Microsecond,
            Self::Nanosecond => TimeUnit::Nanosecond,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Millisecond => "ms",
            Self::Microsecond => "us",
            Self::Nanosecond => "ns",
        }
    }
}

fn conform_column(column: &ArrayRef, own: &ColumnField, target: &DataType, place: &str) -> Result<ArrayRef> {
    let column = if column.data_type() == target {
        Arc::clone(column)
    } else {
        let options = CastOptions { safe: false, ..CastOptions::default() };
        cast_with_options(column, target, &options)?
    };
    if !own.nullable && column.null_count() > 0 {
        let n_rows = column.null_count() as u64;
        return Err(Error::NullValue { place: place.into(), column: own.name.clone(), n_rows });
    }
    Ok(column)
}

fn check_names(fields: &Fields, place: &str) -> Result<()> {
    let mut seen = BTreeSet::new();
    for (position, field) in fields.iter().enumerate() {
        let name = field.name();
        let problem = if name.is_empty() {
            format!("column {} has no name", position + 1)
        } else if !seen.insert(name) {
            format!("'{name}' stands twice")
        } else {
            continue;
        };
        return Err(Error::InvalidColumns { place: place.into(), problem });
    }
    if fields.is_empty() {
        return Err(Error::InvalidColumns { place: place.into(), problem: "there is no column".into() });
    }
    Ok(())
}

fn unsupported(path: &str, kind: &DataType) -> Error {
    let hint = match kind {
        DataType::Null => "the type that its values will have",
        DataType::Float16 => "float32",
        DataType::Date64 => "date32 or a timestamp",
        DataType::Duration(_) | DataType::Interval(_) => "int64 in a unit that the column's name tells",
        DataType::Decimal256(..) | DataType::Decimal128(..) => "decimal128 with a scale of 0 or more, or float64",
        DataType::FixedSizeBinary(_) => "binary",
        DataType::Map(..) => "a list of structs of key and value",
        DataType::Struct(_) => "a struct with at least one member",
        _ => "a plain type such as int64, float64, string or timestamp",
    };
    Error::UnsupportedType { column: path.into(), found: kind.to_string(), hint: hint.into() }
}
