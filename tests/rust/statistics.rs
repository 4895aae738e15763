//! Statistics of tables against a naive reading of the same rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, PrimitiveBuilder, StringDictionaryBuilder};
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Date64Array, Decimal128Array, Float32Array, Float64Array,
    Int8Array, Int32Array, Int64Array, LargeStringArray, NullArray, RecordBatch, StringArray, StringViewArray,
    StructArray, Time64MicrosecondArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow_buffer::i256;
use arrow_schema::{DataType, Field};
use lakebed_core::Error;
use lakebed_core::statistics::{Bound, Collector, ColumnStatistics, Content, Kind, Lengths, Scalar, TableStatistics};
use proptest::prelude::*;

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

fn collect(batches: &[RecordBatch]) -> TableStatistics {
    let mut collector = Collector::of(batches[0].schema_ref(), Content::ALL, None, false).unwrap();
    for batch in batches {
        collector.update(batch).unwrap();
    }
    collector.finish()
}

/// What is stored beside a file of these rows.
fn collect_stored(batches: &[RecordBatch]) -> TableStatistics {
    let mut collector = Collector::new(batches[0].schema_ref()).unwrap();
    for batch in batches {
        collector.update(batch).unwrap();
    }
    collector.finish()
}

fn of(array: impl Array + 'static) -> ColumnStatistics {
    collect(&[batch(vec![("x", Arc::new(array))])]).columns.remove(0)
}

fn text(value: &str) -> Scalar {
    Scalar::String(value.into())
}

#[test]
fn integers_are_counted_summed_and_bounded() {
    let x = of(Int32Array::from(vec![Some(3), None, Some(-1), Some(0), Some(3)]));
    assert_eq!((x.name().as_str(), x.kind(), x.arrow_type(), x.n_null()), ("x", Kind::Int, "Int32", 1));
    assert_eq!((x.moments().n_zero, x.moments().n_negative, x.sum()), (1, 1, Some(5.into())));
    assert_eq!((x.mean(), x.variance()), (Some(1.25), Some(3.1875)));
    assert_eq!(x.min(), Some(&Bound { value: Scalar::Int(-1), exact: true }));
    assert_eq!(x.max(), Some(&Bound { value: Scalar::Int(3), exact: true }));
    assert_eq!(x.distinct().map(|d| (d.count, d.exact)), Some((3, true)));
    assert_eq!(x.top_values(2), [(Scalar::Int(3), 2), (Scalar::Int(0), 1)]);
    assert_eq!(x.bins(), [(-1.0, -1.0, 1.0), (0.0, 0.0, 1.0), (3.0, 3.0, 2.0)]);
    let quantiles = x.quantiles(100);
    assert_eq!(
        (quantiles.len(), quantiles[0], quantiles[25], quantiles[50], quantiles[51]),
        (101, -1.0, -1.0, 0.0, 3.0)
    );
    assert_eq!((x.length(), x.value_count()), (None, None));
}

#[test]
fn floats_keep_nan_and_infinities_apart() {
    let x = of(Float64Array::from(vec![f64::NAN, f64::INFINITY, -0.0, 0.0, 2.0, f64::NEG_INFINITY]));
    let m = x.moments();
    assert_eq!((m.n_nan, m.n_positive_inf, m.n_negative_inf, m.n_zero, m.n_negative), (1, 1, 1, 2, 1));
    assert_eq!(x.min().unwrap().value, Scalar::Float(f64::NEG_INFINITY));
    assert_eq!((x.mean(), x.sum()), (Some(2.0 / 3.0), None));
    assert_eq!(x.distinct().unwrap().count, 4);
    assert_eq!(x.bins(), [(0.0, 0.0, 2.0), (2.0, 2.0, 1.0)]);
    let only_nan = of(Float32Array::from(vec![f32::NAN]));
    assert_eq!((only_nan.min(), only_nan.mean(), only_nan.quantiles(100).len()), (None, None, 0));
}

#[test]
fn text_has_lengths_in_bytes_and_bounds_by_bytes() {
    let values = vec![Some("caf\u{e9}"), None, Some(""), Some("b"), Some("b")];
    let layouts: [ArrayRef; 3] = [
        Arc::new(StringArray::from(values.clone())),
        Arc::new(LargeStringArray::from(values.clone())),
        Arc::new(StringViewArray::from(values.clone())),
    ];
    for array in layouts {
        let x = collect(&[batch(vec![("x", array)])]).columns.remove(0);
        assert_eq!((x.kind(), x.n_null()), (Kind::String, 1));
        assert_eq!(x.length(), Some(Lengths { n: 4, min: 0, max: 5, total: 7 }));
        assert_eq!(x.min_max().map(|(a, b)| (a.value.clone(), b.value.clone())), Some((text(""), text("caf\u{e9}"))));
        assert_eq!(x.top_values(9), [(text("b"), 2), (text("caf\u{e9}"), 1), (text(""), 1)]);
        assert!(x.top_values_exact() && x.mean().is_none() && x.quantiles(100).is_empty());
    }
}

#[test]
fn long_bounds_are_cut_and_stay_bounds() {
    let last = char::from_u32(0x10_ffff).unwrap().to_string();
    for (long, least, greatest) in [
        ("a".repeat(70), "a".repeat(64), "a".repeat(63) + "b"),
        ("\u{e9}".repeat(40), "\u{e9}".repeat(32), "\u{e9}".repeat(31) + "\u{ea}"),
        (
            "x".to_owned() + &"\u{e9}".repeat(40),
            "x".to_owned() + &"\u{e9}".repeat(31),
            "x".to_owned() + &"\u{e9}".repeat(30) + "\u{ea}",
        ),
        ("a".to_owned() + &last.repeat(20), "a".to_owned() + &last.repeat(15), "b".to_owned()),
    ] {
        let x = of(StringArray::from(vec![long.as_str()]));
        assert_eq!(x.min(), Some(&Bound { value: text(&least), exact: false }));
        assert_eq!(x.max(), Some(&Bound { value: text(&greatest), exact: false }));
        assert!(least <= long && long <= greatest);
    }
    let unroundable = of(BinaryArray::from(vec![[255_u8; 80].as_slice()]));
    assert_eq!(unroundable.max(), Some(&Bound { value: Scalar::Binary(vec![255; 80]), exact: true }));
}

#[test]
fn dictionaries_count_as_their_values() {
    let mut builder = StringDictionaryBuilder::<Int32Type>::new();
    builder.extend([Some("a"), Some("b"), None, Some("a"), Some("unused")]);
    let whole = builder.finish();
    let x = of(whole.slice(1, 3));
    assert_eq!((x.kind(), x.n_null()), (Kind::String, 1));
    assert_eq!(x.top_values(9), [(text("b"), 1), (text("a"), 1)]);
    assert_eq!(x.length().unwrap().total, 2);
}

#[test]
fn temporal_columns_count_their_unit() {
    let x = of(Date64Array::from(vec![86_400_000 * 3, -86_400_000]));
    assert_eq!((x.kind(), x.min().unwrap().value.clone(), x.mean()), (Kind::Date, Scalar::Int(-1), Some(1.0)));
    assert_eq!(of(Date32Array::from(vec![3, -1])).quantiles(100), x.quantiles(100));
    let x = of(TimestampMicrosecondArray::from(vec![5, 7]).with_timezone("UTC"));
    assert_eq!((x.kind().as_str(), x.sum()), ("timestamp", None));
    assert_eq!(x.arrow_type(), r#"Timestamp(Microsecond, Some("UTC"))"#);
    assert_eq!(of(Time64MicrosecondArray::from(vec![5])).kind().as_str(), "time");
}

#[test]
fn decimals_have_moments_in_their_own_unit() {
    let x = of(Decimal128Array::from(vec![150, -50, 0]).with_precision_and_scale(10, 2).unwrap());
    assert_eq!(x.max().unwrap().value, Scalar::Decimal { value: i256::from_i128(150), scale: 2 });
    assert!((x.mean().unwrap() - 1.0 / 3.0).abs() < 1e-15);
    assert_eq!((x.quantiles(100)[100], x.moments().n_zero), (1.5, 1));
    assert_eq!(x.top_values(1), [(Scalar::Decimal { value: i256::from_i128(150), scale: 2 }, 1)]);
}

#[test]
fn texts_count_the_same_in_any_layout_and_cut_anywhere() {
    // Short and long, ASCII and not, few and many, with bytes of zero at the end.
    let value = |row: u64, many: u64| match row % 5 {
        0 => format!("{}", row * row % many),
        1 => "a\0\0"[..(row % 3 + 1) as usize].to_string(),
        2 => format!("a longer one than fits into a view {}", row % many),
        3 => format!("ä{}ö", row % many),
        _ => format!("{:016}", row % many),
    };
    for many in [40, 3000, 1 << 40] {
        let texts: Vec<Option<String>> = (0..30_000)
            .map(|row| (row % 11 != 3).then(|| value(lakebed_core::sketch::hash_u64(row) >> 20, many)))
            .collect();
        let layouts: [ArrayRef; 3] = [
            Arc::new(texts.iter().map(Option::as_deref).collect::<StringArray>()),
            Arc::new(texts.iter().map(Option::as_deref).collect::<LargeStringArray>()),
            Arc::new(texts.iter().map(Option::as_deref).collect::<StringViewArray>()),
        ];
        let bytes = |array: &ArrayRef, cut: usize| {
            let parts = (0..array.len()).step_by(cut).map(|at| array.slice(at, cut.min(array.len() - at)));
            let parts: Vec<RecordBatch> = parts.map(|part| batch(vec![("x", part)])).collect();
            let column = collect(&parts).columns.remove(0);
            let counts = column.top_values(100);
            (
                column.distinct(),
                column.length(),
                column.characters(),
                counts,
                column.min().cloned(),
                column.max().cloned(),
            )
        };
        let expected = bytes(&layouts[0], 30_000);
        for (layout, cut) in layouts.iter().zip([7, 1000, 30_000]) {
            assert_eq!(bytes(layout, cut), expected, "{many} {cut}");
        }
        let characters: u64 = texts.iter().flatten().map(|text| text.chars().count() as u64).sum();
        assert_eq!(expected.2.map(|lengths| lengths.total), Some(characters));
    }
}

#[test]
fn booleans_nested_and_null_columns_have_what_applies() {
    let x = of(BooleanArray::from(vec![Some(true), None, Some(false), Some(true)]));
    assert_eq!((x.kind(), x.n_null(), x.sum(), x.moments().n_zero), (Kind::Bool, 1, Some(2.into()), 1));
    assert_eq!(x.top_values(1), [(Scalar::Int(1), 2)]);

    let mut builder = ListBuilder::new(PrimitiveBuilder::<Int64Type>::new());
    builder.append_value([Some(1), None]);
    builder.append_null();
    builder.append_value([]);
    let x = of(builder.finish());
    assert_eq!((x.kind(), x.arrow_type(), x.n_null(), x.n_null_values()), (Kind::Int, "List(Int64)", 1, 1));
    assert_eq!((x.n_rows(), x.n_values(), x.distinct().map(|d| d.count)), (3, 1, Some(1)));
    assert_eq!(x.value_count(), Some(Lengths { n: 2, min: 0, max: 2, total: 2 }));
    assert_eq!(x.levels()[0].bins(), [(0.0, 0.0, 1), (2.0, 2.0, 1)]);

    let field = Arc::new(Field::new("a", DataType::Int8, true));
    let x = of(StructArray::from(vec![(field, Arc::new(Int8Array::from(vec![1, 2])) as ArrayRef)]));
    assert_eq!((x.kind().as_str(), x.n_null(), x.min()), ("struct", 0, None));
    let x = of(NullArray::new(3));
    assert_eq!((x.kind().as_str(), x.n_null()), ("null", 3));
}

#[test]
fn absent_columns_merge_as_null_and_widths_widen() {
    let mut ours = collect(&[batch(vec![("a", Arc::new(Int32Array::from(vec![1, 2])))])]);
    let theirs = collect(&[batch(vec![
        ("b", Arc::new(StringArray::from(vec!["x"]))),
        ("a", Arc::new(Int64Array::from(vec![i64::MAX]))),
    ])]);
    ours.merge(&theirs).unwrap();
    ours.merge(&collect(&[batch(vec![("c", Arc::new(NullArray::new(4)))])])).unwrap();
    let (a, b) = (ours.column("a").unwrap(), ours.column("b").unwrap());
    assert_eq!((ours.n_rows, a.n_null(), b.n_null(), ours.column("c").unwrap().n_null()), (7, 4, 6, 7));
    assert_eq!((a.arrow_type(), a.max().unwrap().value.clone()), ("Int64", Scalar::Int(i64::MAX)));
}

#[test]
fn other_types_do_not_merge_and_nothing_changes() {
    let mut ours = collect(&[batch(vec![
        ("a", Arc::new(Int32Array::from(vec![1]))),
        ("b", Arc::new(TimestampMicrosecondArray::from(vec![1]))),
    ])]);
    let before = ours.encode();
    for other in [
        batch(vec![("a", Arc::new(StringArray::from(vec!["1"])))]),
        batch(vec![("b", Arc::new(TimestampMicrosecondArray::from(vec![1]).with_timezone("UTC")))]),
    ] {
        assert!(matches!(ours.merge(&collect(&[other])), Err(Error::SchemaMismatch { .. })));
        assert_eq!(ours.encode(), before);
    }
}

#[test]
fn a_batch_of_another_schema_is_refused() {
    let first = batch(vec![("a", Arc::new(Int32Array::from(vec![1])))]);
    let mut collector = Collector::new(first.schema_ref()).unwrap();
    for other in [
        batch(vec![("a", Arc::new(Int64Array::from(vec![1])))]),
        batch(vec![("b", Arc::new(Int32Array::from(vec![1])))]),
        batch(vec![("a", Arc::new(Int32Array::from(vec![1]))), ("b", Arc::new(Int32Array::from(vec![1])))]),
    ] {
        assert!(matches!(collector.update(&other), Err(Error::SchemaMismatch { .. })));
    }
}

/// A table of all lanes with nulls, few or many distinct values.
fn table(n: usize, range: i64, seed: u64) -> RecordBatch {
    let at = |i: usize, salt: u64| lakebed_core::sketch::hash_u64(i as u64 ^ seed ^ (salt << 50)) as i64;
    let number = |i: usize, salt: u64| (at(i, salt) % 7 != 0).then(|| at(i, salt + 1) % range);
    let ints: Vec<Option<i64>> = (0..n).map(|i| number(i, 1)).collect();
    let floats: Vec<Option<f64>> = (0..n).map(|i| number(i, 2).map(|x| x as f64 / 8.0)).collect();
    let texts: Vec<Option<String>> = (0..n).map(|i| number(i, 3).map(|x| format!("v{x}"))).collect();
    let times: Vec<Option<i64>> = (0..n).map(|i| number(i, 4).map(|x| 1_700_000_000_000_000 + x * 1000)).collect();
    batch(vec![
        ("int", Arc::new(Int64Array::from(ints.clone()))),
        ("uint", Arc::new(ints.iter().map(|x| x.map(i64::unsigned_abs)).collect::<UInt64Array>())),
        ("float", Arc::new(Float64Array::from(floats))),
        ("text", Arc::new(StringViewArray::from_iter(texts))),
        ("time", Arc::new(TimestampMicrosecondArray::from(times))),
        ("flag", Arc::new(ints.iter().map(|x| x.map(|x| x > 0)).collect::<BooleanArray>())),
    ])
}

fn in_threads(n: usize, work: impl FnOnce() -> Vec<u8> + Send) -> Vec<u8> {
    rayon_pool(n).install(work)
}

fn rayon_pool(n: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap()
}

#[test]
fn what_is_stored_of_many_values_is_small() {
    let n = 300_000;
    let noise = |i: usize, salt: u64| lakebed_core::sketch::hash_u64(i as u64 ^ (salt << 50));
    let normal = |i: usize| (0..8).map(|salt| noise(i, salt) as f64 / 1.8e19).sum::<f64>();
    let words = (0..n).map(|i| format!("value {}", noise(i, 9) % 100_000)).collect::<Vec<_>>();
    let whole = batch(vec![
        ("int", Arc::new((0..n).map(|i| (noise(i, 10) % (1 << 40)) as i64).collect::<Int64Array>())),
        ("float", Arc::new((0..n).map(normal).collect::<Float64Array>())),
        ("text", Arc::new(StringArray::from(words))),
    ]);
    let stored = collect_stored(&[whole]);
    for (name, most) in [("int", 3600), ("float", 3600), ("text", 2600)] {
        let column = stored.column(name).unwrap().clone();
        assert!(!column.distinct().unwrap().exact);
        let alone = TableStatistics { columns: vec![column], ..TableStatistics::default() }.encode();
        assert!(alone.len() < most, "{name}: {}", alone.len());
    }
    // A node over eight such files is no larger than the file.
    let mut node = stored.clone();
    (0..7).for_each(|_| node.merge(&stored).unwrap());
    assert!(node.encode().len() < stored.encode().len() * 5 / 4, "{} {}", node.encode().len(), stored.encode().len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn statistics_depend_on_rows_only(n in 1_usize..9000, range in prop::sample::select(vec![3_i64, 900, 100_000]), seed in any::<u64>(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4)) {
        let whole = table(n, range, seed);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(n)).chain([0, n]).collect();
        cuts.sort_unstable();
        let parts: Vec<_> = cuts.windows(2).map(|ends| whole.slice(ends[0], ends[1] - ends[0])).collect();
        let expected = in_threads(1, || collect(std::slice::from_ref(&whole)).encode());
        prop_assert_eq!(&in_threads(3, || collect(&parts).encode()), &expected);
        prop_assert_eq!(&TableStatistics::decode(&expected).unwrap().encode(), &expected);
        // What is stored is the same read again, and merges alike.
        let (first, second) = (collect_stored(&[whole.slice(0, n / 2)]), collect_stored(&[whole.slice(n / 2, n - n / 2)]));
        let bytes = second.encode();
        prop_assert!(bytes.len() <= collect(&[whole.slice(n / 2, n - n / 2)]).encode().len() + 64);
        let (mut made, mut read) = (first.clone(), TableStatistics::decode(&first.encode()).unwrap());
        made.merge(&second).unwrap();
        read.merge(&TableStatistics::decode(&bytes).unwrap()).unwrap();
        prop_assert_eq!(made.encode(), read.encode());
    }

    #[test]
    fn merged_statistics_equal_a_naive_oracle(n in 1_usize..9000, range in prop::sample::select(vec![3_i64, 900, 100_000]), seed in any::<u64>(), cut in any::<prop::sample::Index>()) {
        let whole = table(n, range, seed);
        let cut = cut.index(n);
        let mut statistics = collect(&[whole.slice(0, cut)]);
        statistics.merge(&collect(&[whole.slice(cut, n - cut)])).unwrap();
        prop_assert_eq!(statistics.n_rows, n as u64);
        check_integers(statistics.column("int").unwrap(), &whole);
        check_texts(statistics.column("text").unwrap(), &whole);
        check_exact_parts(&statistics, &collect(&[whole]));
    }

    #[test]
    fn damaged_statistics_are_an_error_never_a_panic(n in 1_usize..6000, range in prop::sample::select(vec![3_i64, 100_000]), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let bytes = collect(&[table(n, range, 7)]).encode();
        let mut flipped = bytes.clone();
        flipped[at.index(bytes.len())] = byte;
        for damaged in [&flipped[..], &bytes[..at.index(bytes.len())]] {
            match TableStatistics::decode(damaged) {
                Err(error) => prop_assert!(matches!(&error, Error::Corruption { path, .. } if path == "statistics"), "{}", error),
                Ok(mut statistics) => {
                    _ = statistics.merge(&TableStatistics::decode(&bytes).unwrap());
                    for column in &statistics.columns {
                        _ = (column.quantiles(100), column.top_values(1000), column.distinct(), column.variance());
                    }
                }
            }
        }
    }
}

fn check_integers(column: &ColumnStatistics, table: &RecordBatch) {
    let array = table.column_by_name("int").unwrap();
    let mut values: Vec<i64> = array.as_any().downcast_ref::<Int64Array>().unwrap().iter().flatten().collect();
    values.sort_unstable();
    assert_eq!(column.n_null(), (table.num_rows() - values.len()) as u64);
    assert_eq!(column.sum(), Some(values.iter().map(|&x| i128::from(x)).sum::<i128>().into()));
    assert_eq!(column.min().map(|bound| bound.value.clone()), values.first().map(|&x| Scalar::Int(x)));
    assert_eq!(column.max().map(|bound| bound.value.clone()), values.last().map(|&x| Scalar::Int(x)));
    let n = values.len();
    for (percent, quantile) in column.quantiles(100).into_iter().enumerate() {
        let rank = (percent * n).div_ceil(100).max(1) - 1;
        let slack = (column.rank_error() * n as f64).ceil() as usize + usize::from(column.rank_error() > 0.0);
        let (low, high) = (values[rank.saturating_sub(slack)], values[(rank + slack).min(n - 1)]);
        assert!(low as f64 <= quantile && quantile <= high as f64, "{percent} %: {quantile} not in {low}..{high}");
    }
    check_top(column, &values.iter().map(|&x| Scalar::Int(x)).collect::<Vec<_>>());
}

fn check_texts(column: &ColumnStatistics, table: &RecordBatch) {
    let array = table.column_by_name("text").unwrap();
    let values: Vec<&str> = array.as_any().downcast_ref::<StringViewArray>().unwrap().iter().flatten().collect();
    let lengths = column.length().unwrap();
    assert_eq!((lengths.n, lengths.total), (values.len() as u64, values.iter().map(|x| x.len() as u64).sum()));
    assert_eq!(column.min().map(|bound| bound.value.clone()), values.iter().min().map(|x| text(x)));
    assert_eq!(column.max().map(|bound| bound.value.clone()), values.iter().max().map(|x| text(x)));
    check_top(column, &values.iter().map(|x| text(x)).collect::<Vec<_>>());
}

fn check_top(column: &ColumnStatistics, values: &[Scalar]) {
    let mut counts = BTreeMap::<String, (Scalar, u64)>::new();
    for value in values {
        counts.entry(format!("{value:?}")).or_insert((value.clone(), 0)).1 += 1;
    }
    let mut counts: Vec<(Scalar, u64)> = counts.into_values().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| b.0.compare(&a.0)));
    let distinct = column.distinct().unwrap();
    assert_eq!(distinct.exact, counts.len() <= 4096);
    assert_eq!(column.top_values_exact(), counts.len() <= 4096);
    if distinct.exact {
        assert_eq!(distinct.count, counts.len() as u64);
        counts.truncate(1000);
        assert_eq!(column.top_values(1000), counts);
    } else {
        assert!((distinct.count as f64 / counts.len() as f64 - 1.0).abs() < 0.05);
    }
}

/// What merges exactly is equal to the statistics of one pass.
fn check_exact_parts(merged: &TableStatistics, whole: &TableStatistics) {
    for (ours, theirs) in merged.columns.iter().zip(&whole.columns) {
        assert_eq!(ours.n_null(), theirs.n_null());
        assert_eq!(ours.min_max(), theirs.min_max());
        assert_eq!((ours.sum(), ours.cells()), (theirs.sum(), theirs.cells()));
        assert_eq!(ours.distinct(), theirs.distinct());
        assert_eq!((ours.length(), ours.characters()), (theirs.length(), theirs.characters()));
        assert_eq!(ours.rank_error(), theirs.rank_error());
        if ours.rank_error() == 0.0 {
            assert_eq!(ours.quantiles(100), theirs.quantiles(100));
        }
        let (a, b) = (ours.variance().unwrap_or(0.0), theirs.variance().unwrap_or(0.0));
        assert!((a - b).abs() <= 1e-9 * (a + b), "{a} against {b}");
    }
}
