//! Every type that the format holds comes back as it went in; the others are refused with a hint.

use std::sync::Arc;

use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::*;
use arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Fields, IntervalUnit, Schema, TimeUnit};
use lakebed_core::Error;
use lakebed_core::repository::{OpenOptions, Repository};
use lakebed_core::transaction::Mode;

use crate::batches::{Outcome, batch, rows, write};

/// Write `columns` as a new table and read them back as the types of the table.
fn round_trip(columns: Vec<(&str, ArrayRef)>) -> Outcome<RecordBatch> {
    let repository = Repository::open("memory://", OpenOptions::default())?;
    write(&repository, "t", Mode::Append, &batch(columns)?)?;
    let table = repository.head("main")?.table("t")?;
    assert!(repository.verify_table(&table)?.problems.is_empty());
    rows(&repository, &table)
}

/// The values come back, in the table's own type `kind`.
fn check(given: ArrayRef, kind: &DataType) -> Outcome {
    let found = round_trip(vec![("c", Arc::clone(&given))])?;
    let found = found.column(0);
    assert_eq!(without_metadata(found.data_type()), *kind);
    // Field ids are metadata of nested fields, which a cast leaves out.
    assert_eq!(&cast(found, kind)?, &cast(&given, kind)?, "{kind}");
    Ok(())
}

fn without_metadata(kind: &DataType) -> DataType {
    let plain = |field: &Field| Field::new(field.name(), without_metadata(field.data_type()), field.is_nullable());
    match kind {
        DataType::List(item) => DataType::List(Arc::new(plain(item))),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|field| plain(field)).collect::<Fields>()),
        other => other.clone(),
    }
}

fn list_of(kind: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", kind, true)))
}

#[test]
fn numbers_come_back_with_their_extremes_and_nulls() -> Outcome {
    macro_rules! numbers {
        ($($array:ident $native:ty => $kind:ident),*) => {$(
            let values = vec![Some(<$native>::MIN), None, Some(<$native>::MAX), Some(<$native>::default())];
            check(Arc::new($array::from(values)), &DataType::$kind)?;
        )*};
    }
    numbers!(Int8Array i8 => Int8, Int16Array i16 => Int16, Int32Array i32 => Int32, Int64Array i64 => Int64,
        UInt8Array u8 => UInt8, UInt16Array u16 => UInt16, UInt32Array u32 => UInt32, UInt64Array u64 => UInt64,
        Float32Array f32 => Float32, Float64Array f64 => Float64);
    check(Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])), &DataType::Boolean)
}

#[test]
fn floats_keep_every_bit() -> Outcome {
    let bits = [0x7ff8_0000_0000_0001, 0xfff8_0000_0000_0000, 0x8000_0000_0000_0000, 1, 0x7ff0_0000_0000_0000_u64];
    let given = Float64Array::from_iter_values(bits.map(f64::from_bits));
    let found = round_trip(vec![("c", Arc::new(given))])?;
    let found = found.column(0).as_any().downcast_ref::<Float64Array>().ok_or("no float64")?;
    assert_eq!(found.values().iter().map(|x| x.to_bits()).collect::<Vec<_>>(), bits);
    Ok(())
}

#[test]
fn text_and_bytes_of_every_layout_come_back_as_one_type() -> Outcome {
    let long = "ä".repeat(5_000);
    let text = StringArray::from(vec![Some(""), None, Some("größe"), Some("a\0b"), Some(long.as_str())]);
    for kind in [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View] {
        check(cast(&text, &kind)?, &DataType::Utf8)?;
    }
    let bytes = BinaryArray::from_opt_vec(vec![Some(b""), None, Some(b"\xff\0\xfe")]);
    for kind in [DataType::Binary, DataType::LargeBinary, DataType::BinaryView] {
        check(cast(&bytes, &kind)?, &DataType::Binary)?;
    }
    check(
        Arc::new(vec![Some("b"), None, Some("a"), Some("b")].into_iter().collect::<DictionaryArray<Int32Type>>()),
        &DataType::Utf8,
    )
}

#[test]
fn times_come_back_in_their_unit_and_zone() -> Outcome {
    let values = vec![Some(0), None, Some(-86_400_000), Some(1_356_998_400_123)];
    let long = Int64Array::from(values);
    for unit in [TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond] {
        for zone in [None, Some("UTC"), Some("America/New_York"), Some("+02:00")] {
            let kind = DataType::Timestamp(unit, zone.map(Into::into));
            check(cast(&long, &kind)?, &kind)?;
        }
    }
    let seconds = TimestampSecondArray::from(vec![Some(1_356_998_400), None]).with_timezone("UTC");
    check(Arc::new(seconds), &DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())))?;
    check(Arc::new(Date32Array::from(vec![Some(i32::MIN), None, Some(15_706)])), &DataType::Date32)?;
    check(Arc::new(Time32SecondArray::from(vec![Some(86_399), None])), &DataType::Time32(TimeUnit::Millisecond))?;
    check(Arc::new(Time32MillisecondArray::from(vec![86_399_999])), &DataType::Time32(TimeUnit::Millisecond))?;
    check(Arc::new(Time64MicrosecondArray::from(vec![1])), &DataType::Time64(TimeUnit::Microsecond))?;
    check(Arc::new(Time64NanosecondArray::from(vec![86_399_999_999_999])), &DataType::Time64(TimeUnit::Nanosecond))
}

#[test]
fn decimals_come_back_at_every_width() -> Outcome {
    for (precision, scale) in [(1, 0), (9, 2), (18, 18), (38, 10)] {
        let most = 10_i128.pow(u32::from(precision)) - 1;
        let given = Decimal128Array::from(vec![Some(most), None, Some(-most), Some(0)]);
        let kind = DataType::Decimal128(precision, scale);
        check(Arc::new(given.with_precision_and_scale(precision, scale)?), &kind)?;
    }
    Ok(())
}

#[test]
fn lists_and_structs_come_back_with_nulls_at_every_level() -> Outcome {
    let items = vec![Some(vec![Some(1), None, Some(3)]), None, Some(vec![]), Some(vec![None])];
    let list = ListArray::from_iter_primitive::<Int64Type, _, _>(items.clone());
    check(Arc::new(list.clone()), &list_of(DataType::Int64))?;
    check(Arc::new(LargeListArray::from_iter_primitive::<Int64Type, _, _>(items)), &list_of(DataType::Int64))?;
    let fixed = vec![Some(vec![Some(1), Some(2)]), None, Some(vec![None, Some(4)])];
    let fixed = FixedSizeListArray::from_iter_primitive::<Int64Type, _, _>(fixed, 2);
    check(Arc::new(fixed), &list_of(DataType::Int64))?;
    let members =
        Fields::from(vec![Field::new("a", list_of(DataType::Int64), true), Field::new("b", DataType::Utf8, true)]);
    let text: ArrayRef = Arc::new(StringArray::from(vec![Some("x"), Some("y"), None, None]));
    let nulls = NullBuffer::from(vec![true, false, true, true]);
    let nested = StructArray::new(members.clone(), vec![Arc::new(list), text], Some(nulls));
    check(Arc::new(nested.clone()), &DataType::Struct(members))?;
    let item = Field::new("element", nested.data_type().clone(), true);
    let offsets = OffsetBuffer::new(ScalarBuffer::from(vec![0, 3, 3, 4]));
    let nested_list = ListArray::new(Arc::new(item), offsets, Arc::new(nested.clone()), None);
    check(Arc::new(nested_list), &list_of(nested.data_type().clone()))
}

#[test]
fn a_table_of_all_types_at_once_comes_back_over_several_row_groups() -> Outcome {
    const ROWS: i64 = 300_000;
    let long: ArrayRef = Arc::new((0..ROWS).map(|n| (n % 3 != 0).then_some(n)).collect::<Int64Array>());
    let text: ArrayRef =
        Arc::new((0..ROWS).map(|n| (n % 5 != 0).then(|| format!("v{}", n % 1000))).collect::<StringArray>());
    let time = cast(&long, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
    let given = vec![("x", long), ("s", text), ("t", time)];
    let found = round_trip(given.clone())?;
    for (name, column) in given {
        assert_eq!(found.column_by_name(name), Some(&column));
    }
    Ok(())
}

#[test]
fn a_narrower_type_widens_into_the_table_s_own() -> Outcome {
    let repository = Repository::open("memory://", OpenOptions::default())?;
    let wide: Vec<(&str, ArrayRef)> = vec![
        ("i", Arc::new(Int64Array::from(vec![1]))),
        ("f", Arc::new(Float64Array::from(vec![0.5]))),
        ("t", Arc::new(TimestampMicrosecondArray::from(vec![1_000_000]).with_timezone("UTC"))),
        ("d", Arc::new(Decimal128Array::from(vec![150]).with_precision_and_scale(12, 2)?)),
        ("n", Arc::new(Int64Array::from(vec![7]))),
    ];
    let narrow: Vec<(&str, ArrayRef)> = vec![
        ("i", Arc::new(UInt32Array::from(vec![u32::MAX]))),
        ("f", Arc::new(Float32Array::from(vec![0.25]))),
        ("t", Arc::new(TimestampSecondArray::from(vec![2]).with_timezone("Europe/Berlin"))),
        ("d", Arc::new(Decimal128Array::from(vec![25]).with_precision_and_scale(4, 1)?)),
        ("n", Arc::new(NullArray::new(1))),
    ];
    write(&repository, "t", Mode::Append, &batch(wide.clone())?)?;
    write(&repository, "t", Mode::Append, &batch(narrow)?)?;
    let found = rows(&repository, &repository.head("main")?.table("t")?)?;
    let check = |name: &str, expected: ArrayRef| assert_eq!(found.column_by_name(name), Some(&expected), "{name}");
    check("i", Arc::new(Int64Array::from(vec![1, i64::from(u32::MAX)])));
    check("f", Arc::new(Float64Array::from(vec![0.5, 0.25])));
    check("t", Arc::new(TimestampMicrosecondArray::from(vec![1_000_000, 2_000_000]).with_timezone("UTC")));
    check("d", Arc::new(Decimal128Array::from(vec![150, 250]).with_precision_and_scale(12, 2)?));
    check("n", Arc::new(Int64Array::from(vec![Some(7), None])));
    Ok(())
}

#[test]
fn a_wider_or_another_type_is_refused_and_nothing_is_lost() -> Outcome {
    let repository = Repository::open("memory://", OpenOptions::default())?;
    let table: Vec<(&str, ArrayRef)> = vec![
        ("i", Arc::new(Int32Array::from(vec![1]))),
        ("u", Arc::new(UInt64Array::from(vec![1]))),
        ("t", Arc::new(TimestampMillisecondArray::from(vec![1]))),
        ("d", Arc::new(Decimal128Array::from(vec![1]).with_precision_and_scale(5, 2)?)),
    ];
    write(&repository, "t", Mode::Append, &batch(table)?)?;
    let wrong: [(&str, ArrayRef, &str); 6] = [
        ("i", Arc::new(Int64Array::from(vec![1])), "column 'i' is int32 in the table, but the frame has int64"),
        ("u", Arc::new(Int64Array::from(vec![1])), "is uint64 in the table, but the frame has int64"),
        ("i", Arc::new(Float64Array::from(vec![1.0])), "but the frame has float64"),
        (
            "t",
            Arc::new(TimestampMicrosecondArray::from(vec![1])),
            "is timestamp[ms] in the table, but the frame has timestamp[us]",
        ),
        ("t", Arc::new(TimestampMillisecondArray::from(vec![1]).with_timezone("UTC")), "timestamp[ms, UTC]"),
        ("d", Arc::new(Decimal128Array::from(vec![1]).with_precision_and_scale(6, 2)?), "decimal(6, 2)"),
    ];
    for (name, column, part) in wrong {
        let refused =
            write(&repository, "t", Mode::Append, &batch(vec![(name, column)])?).err().ok_or("not refused")?;
        assert!(matches!(refused, Error::SchemaMismatch { .. }) && refused.to_string().contains(part), "{refused}");
    }
    assert_eq!(repository.history("main")?.len(), 1);
    Ok(())
}

#[test]
fn types_that_the_format_cannot_hold_are_refused_with_a_hint() -> Outcome {
    let empty = |kind: DataType| new_empty_array(&kind);
    let entries =
        Fields::from(vec![Field::new("key", DataType::Int64, false), Field::new("value", DataType::Int64, true)]);
    let map = DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false);
    let cases = [
        (DataType::Null, "the type that its values will have"),
        (DataType::Float16, "float32"),
        (DataType::Date64, "date32"),
        (DataType::Duration(TimeUnit::Second), "int64"),
        (DataType::Interval(IntervalUnit::DayTime), "int64"),
        (DataType::Decimal256(50, 2), "decimal128"),
        (DataType::Decimal128(5, -2), "decimal128"),
        (DataType::FixedSizeBinary(16), "binary"),
        (map, "a list of structs"),
        (DataType::Struct(Fields::empty()), "at least one member"),
        (list_of(DataType::Float16), "float32"),
    ];
    for (kind, hint) in cases {
        let repository = Repository::open("memory://", OpenOptions::default())?;
        let schema = Arc::new(Schema::new(vec![Field::new("c", kind.clone(), true)]));
        let frame = RecordBatch::try_new(schema, vec![empty(kind)])?;
        let refused = write(&repository, "t", Mode::Append, &frame).err().ok_or("it was not refused")?;
        assert!(matches!(refused, Error::UnsupportedType { .. }) && refused.to_string().contains(hint), "{refused}");
        assert!(repository.head("main")?.reference().is_none());
    }
    Ok(())
}
