//! What the values of a column are, whatever their width, and how types are named.

use arrow_schema::{DataType, Field, FieldRef};

/// What the values of a column are, whatever their width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The names say it.
pub enum Kind {
    Null,
    Bool,
    Int,
    UInt,
    Float,
    Decimal,
    String,
    Binary,
    Date,
    Time,
    Timestamp,
    Struct,
    Duration,
}

impl Kind {
    /// All kinds; the position is the code in stored statistics.
    pub(crate) const ALL: [(Self, &'static str); 13] = [
        (Self::Null, "null"),
        (Self::Bool, "bool"),
        (Self::Int, "int"),
        (Self::UInt, "uint"),
        (Self::Float, "float"),
        (Self::Decimal, "decimal"),
        (Self::String, "string"),
        (Self::Binary, "binary"),
        (Self::Date, "date"),
        (Self::Time, "time"),
        (Self::Timestamp, "timestamp"),
        (Self::Struct, "struct"),
        (Self::Duration, "duration"),
    ];

    /// The kind of an Arrow type; of lists, that of their innermost values. Dictionaries and runs are what their values
    /// are, maps are lists of structs, intervals are text. `None` if there are no statistics of the type.
    pub fn of(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Bool,
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => Self::Int,
            DataType::Duration(_) => Self::Duration,
            DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => Self::UInt,
            DataType::Float16 | DataType::Float32 | DataType::Float64 => Self::Float,
            DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => {
                Self::Decimal
            }
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Interval(_) => Self::String,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
                Self::Binary
            }
            DataType::Date32 | DataType::Date64 => Self::Date,
            DataType::Time32(_) | DataType::Time64(_) => Self::Time,
            DataType::Timestamp(..) => Self::Timestamp,
            DataType::Struct(_) => Self::Struct,
            DataType::Dictionary(_, values) => return Self::of(values),
            DataType::RunEndEncoded(_, values) => return Self::of(values.data_type()),
            other => return item_of(other).and_then(|item| Self::of(item.data_type())),
        })
    }

    /// The name in dicts and messages.
    pub fn as_str(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// Whether values are numbers or count a unit of time.
    pub fn is_numeric(self) -> bool {
        !matches!(self, Self::Null | Self::String | Self::Binary | Self::Struct)
    }

    /// Whether values are text or bytes.
    pub fn is_bytes(self) -> bool {
        matches!(self, Self::String | Self::Binary)
    }

    /// Whether values count a unit of the type.
    pub(super) fn has_unit(self) -> bool {
        matches!(self, Self::Time | Self::Timestamp | Self::Duration)
    }

    /// Whether distinct and frequent values are counted.
    pub(crate) fn is_counted(self) -> bool {
        self.is_numeric() || self.is_bytes()
    }
}

/// What a list of any layout, or a map, holds.
pub(super) fn item_of(data_type: &DataType) -> Option<&FieldRef> {
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => Some(item),
        _ => None,
    }
}

/// The type behind dictionaries and runs.
pub(super) fn plain_type(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => plain_type(values),
        DataType::RunEndEncoded(_, values) => plain_type(values.data_type()),
        plain => plain,
    }
}

/// How many lists a value lies in, and what it is there.
pub(super) fn innermost(data_type: &DataType) -> (usize, &DataType) {
    let (mut depth, mut inner) = (0, plain_type(data_type));
    while let Some(item) = item_of(inner) {
        depth += 1;
        inner = plain_type(item.data_type());
    }
    (depth, inner)
}

/// Members of the structs that a column consists of; none for other columns.
pub(super) fn members_of(data_type: &DataType) -> &[FieldRef] {
    match innermost(data_type).1 {
        DataType::Struct(members) => members,
        _ => &[],
    }
}

/// The name that is stored: without the members of structs, which are columns of their own, and without the names of
/// list items, which each library chooses differently.
pub(super) fn type_name(data_type: &DataType) -> String {
    let of = |name: &str, item: &Field| format!("{name}({})", type_name(item.data_type()));
    match data_type {
        DataType::List(item) => of("List", item),
        DataType::LargeList(item) => of("LargeList", item),
        DataType::ListView(item) => of("ListView", item),
        DataType::LargeListView(item) => of("LargeListView", item),
        DataType::FixedSizeList(item, length) => format!("FixedSizeList({length} x {})", type_name(item.data_type())),
        DataType::Struct(_) => "Struct".into(),
        DataType::Map(..) => "Map".into(),
        plain => format!("{plain:?}"),
    }
}

/// Orders types of one kind: by the digits of the name, then by name.
pub(super) fn width_of(arrow_type: &str) -> (u32, &str) {
    let digits = arrow_type.bytes().skip_while(|b| !b.is_ascii_digit()).take_while(u8::is_ascii_digit);
    (digits.take(4).fold(0, |width, digit| width * 10 + u32::from(digit - b'0')), arrow_type)
}

/// The unit that a type counts, and whether it has a time zone.
pub(super) fn unit_of(arrow_type: &str) -> (&'static str, bool) {
    let units = ["Millisecond", "Microsecond", "Nanosecond", "Second"];
    let unit = units.into_iter().find(|unit| arrow_type.contains(unit)).unwrap_or_default();
    (unit, arrow_type.contains("Some("))
}
