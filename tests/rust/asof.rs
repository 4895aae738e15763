//! The as-of join against brute force, and its rules one by one.

use std::sync::Arc;

use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::types::UInt8Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    StringViewArray, TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
    TimestampSecondArray, UInt32Array, UInt64Array, new_null_array,
};
use arrow_schema::{DataType, Field};
use lakebed_core::Error;
use lakebed_core::join::{AsofOptions, Strategy as Direction, asof_indices, asof_join};
use proptest::prelude::*;

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

fn micros(times: Vec<Option<i64>>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(times))
}

fn times(values: &[i64]) -> ArrayRef {
    micros(values.iter().map(|&t| Some(t)).collect())
}

fn ints(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn matches(left: &RecordBatch, right: &RecordBatch, options: &AsofOptions) -> Vec<Option<u32>> {
    asof_indices(left, right, options).unwrap().iter().collect()
}

fn on_t() -> AsofOptions {
    AsofOptions::new("t", &[])
}

#[test]
fn the_latest_row_that_is_not_newer_matches() {
    let left = batch(vec![("t", times(&[25, 5, 10, 40]))]);
    let right = batch(vec![("t", times(&[30, 10, 20]))]);
    assert_eq!(matches(&left, &right, &on_t()), [Some(2), None, Some(1), Some(0)]);
    let strict = AsofOptions { allow_exact_matches: false, ..on_t() };
    assert_eq!(matches(&left, &right, &strict), [Some(2), None, None, Some(0)]);
    let forward = AsofOptions { strategy: Direction::Forward, ..on_t() };
    assert_eq!(matches(&left, &right, &forward), [Some(0), Some(1), Some(1), None]);
    let strictly_forward = AsofOptions { allow_exact_matches: false, ..forward };
    assert_eq!(matches(&left, &right, &strictly_forward), [Some(0), Some(1), Some(2), None]);
}

#[test]
fn tolerance_is_inclusive_and_a_stale_row_hides_nothing_older() {
    let left = batch(vec![("t", times(&[12, 13]))]);
    let right = batch(vec![("t", times(&[10]))]);
    let options = AsofOptions { tolerance_ns: Some(2_000), ..on_t() };
    assert_eq!(matches(&left, &right, &options), [Some(0), None]);
    let options = AsofOptions { tolerance_ns: Some(2_999), ..on_t() };
    assert_eq!(matches(&left, &right, &options), [Some(0), None]);
    let options = AsofOptions { tolerance_ns: Some(-1), ..on_t() };
    assert!(matches!(asof_indices(&left, &right, &options), Err(Error::InvalidArgument(_))));
}

#[test]
fn of_equal_times_the_last_row_wins() {
    let left = batch(vec![("t", times(&[10]))]);
    let right = batch(vec![("t", times(&[10, 11, 10, 9]))]);
    assert_eq!(matches(&left, &right, &on_t()), [Some(2)]);
    let forward = AsofOptions { strategy: Direction::Forward, ..on_t() };
    assert_eq!(matches(&left, &right, &forward), [Some(2)]);
}

#[test]
fn nulls_match_nothing_and_are_not_filled() {
    let keys = |keys: Vec<Option<i64>>| Arc::new(Int64Array::from(keys)) as ArrayRef;
    let left = batch(vec![("k", keys(vec![None, Some(1), Some(1)])), ("t", micros(vec![Some(5), None, Some(5)]))]);
    let right = batch(vec![
        ("k", keys(vec![None, Some(1), Some(1), Some(1)])),
        ("t", micros(vec![Some(1), None, Some(2), Some(3)])),
        ("v", Arc::new(Float64Array::from(vec![Some(1.0), Some(2.0), Some(3.0), None]))),
    ]);
    let options = AsofOptions::new("t", &["k"]);
    assert_eq!(matches(&left, &right, &options), [None, None, Some(3)]);
    assert!(asof_join(&left, &right, &options).unwrap().column_by_name("v").unwrap().is_null(2));
}

#[test]
fn the_join_keeps_left_rows_types_and_renames_clashes() {
    let left = batch(vec![
        ("k", Arc::new(Int32Array::from(vec![2, 1, 2]))),
        ("t", times(&[9, 9, 1])),
        ("v", Arc::new(Int32Array::from(vec![7, 8, 9]))),
    ]);
    let right =
        batch(vec![("at", times(&[1, 2])), ("v", Arc::new(StringArray::from(vec!["a", "b"]))), ("key", ints(&[1, 2]))]);
    let options = AsofOptions { on_right: "at".into(), by_right: vec!["key".into()], ..AsofOptions::new("t", &["k"]) };
    let joined = asof_join(&left, &right, &options).unwrap();
    let names: Vec<&str> = joined.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["k", "t", "v", "v_right"]);
    assert_eq!(joined.columns()[..3], left.columns()[..]);
    let values = joined.column(3).as_any().downcast_ref::<StringArray>().unwrap();
    assert_eq!(values.iter().collect::<Vec<_>>(), [Some("b"), Some("a"), None]);
    let bare = AsofOptions { suffix: String::new(), ..options };
    assert!(matches!(asof_join(&left, &right, &bare), Err(Error::InvalidColumns { .. })));
}

#[test]
fn empty_tables_join() {
    let none = batch(vec![("t", times(&[])), ("v", ints(&[]))]);
    let one = batch(vec![("t", times(&[1]))]);
    assert_eq!(asof_join(&none, &one, &on_t()).unwrap().num_rows(), 0);
    let joined = asof_join(&one, &none, &on_t()).unwrap();
    assert_eq!((joined.num_rows(), joined.column(1).null_count()), (1, 1));
}

#[test]
fn times_compare_as_instants_whatever_the_unit() {
    let second = 1_700_000_000;
    let left: [ArrayRef; 2] = [
        Arc::new(TimestampSecondArray::from(vec![second])),
        Arc::new(TimestampNanosecondArray::from(vec![second * 1_000_000_000])),
    ];
    let right = batch(vec![(
        "t",
        Arc::new(TimestampMillisecondArray::from(vec![second * 1000 - 1, second * 1000, second * 1000 + 1])),
    )]);
    for array in left {
        assert_eq!(matches(&batch(vec![("t", array)]), &right, &on_t()), [Some(1)]);
    }
    let day = batch(vec![("t", Arc::new(Date32Array::from(vec![1])))]);
    let around = batch(vec![("t", Arc::new(TimestampSecondArray::from(vec![86_399, 86_400, 86_401])))]);
    assert_eq!(matches(&day, &around, &on_t()), [Some(1)]);
    let zoned = |zone: &str| {
        let array = TimestampSecondArray::from(vec![second]).with_timezone(zone);
        batch(vec![("t", Arc::new(array) as ArrayRef)])
    };
    assert_eq!(matches(&zoned("UTC"), &zoned("+09:00"), &on_t()), [Some(0)]);
    assert!(matches!(asof_indices(&zoned("UTC"), &around, &on_t()), Err(Error::SchemaMismatch { .. })));
}

#[test]
fn extreme_times_are_exact() {
    let seconds =
        |values: &[i64]| batch(vec![("t", Arc::new(TimestampSecondArray::from(values.to_vec())) as ArrayRef)]);
    let nanos = batch(vec![("t", Arc::new(TimestampNanosecondArray::from(vec![i64::MIN, 0, i64::MAX])))]);
    assert_eq!(matches(&seconds(&[i64::MIN, i64::MAX]), &nanos, &on_t()), [None, Some(2)]);
    let options = AsofOptions { tolerance_ns: Some(i64::MAX.into()), ..on_t() };
    assert_eq!(matches(&seconds(&[i64::MAX]), &seconds(&[i64::MIN]), &options), [None]);
}

#[test]
fn keys_compare_by_value() {
    let mut dictionary = StringDictionaryBuilder::<UInt8Type>::new();
    dictionary.extend([Some("b"), Some("a"), Some("c")]);
    let pairs: Vec<(ArrayRef, ArrayRef)> = vec![
        (Arc::new(Int32Array::from(vec![1, -2, 3])), ints(&[-2, 1, 4])),
        (Arc::new(UInt64Array::from(vec![1, u64::MAX - 1, 3])), ints(&[i64::MAX, 1, -2])),
        (Arc::new(StringViewArray::from(vec!["a", "b", "a longer text"])), Arc::new(dictionary.finish())),
        (Arc::new(BooleanArray::from(vec![true, false, true])), Arc::new(BooleanArray::from(vec![false, true, false]))),
        (
            Arc::new(TimestampSecondArray::from(vec![1, 2, i64::MAX])),
            Arc::new(TimestampMillisecondArray::from(vec![2000, 1000, -1])),
        ),
    ];
    let expected: [&[Option<u32>]; 5] = [
        &[Some(1), Some(0), None],
        &[Some(1), None, None],
        &[Some(1), Some(0), None],
        &[Some(1), Some(2), Some(1)],
        &[Some(1), Some(0), None],
    ];
    for ((left, right), expected) in pairs.into_iter().zip(expected) {
        let left = batch(vec![("k", left), ("t", times(&[5, 5, 5]))]);
        let right = batch(vec![("k", right), ("t", times(&[1, 2, 3]))]);
        assert_eq!(matches(&left, &right, &AsofOptions::new("t", &["k"])), expected);
    }
}

#[test]
fn what_cannot_be_compared_is_an_error_that_names_it() {
    let table = |key: ArrayRef| batch(vec![("k", key), ("t", times(&[1]))]);
    let (number, word) = (table(ints(&[1])), table(Arc::new(StringArray::from(vec!["1"]))));
    let by_k = AsofOptions::new("t", &["k"]);
    let error = asof_indices(&number, &word, &by_k).unwrap_err();
    assert!(matches!(error, Error::SchemaMismatch { .. }));
    assert!(["'k'", "Int64", "Utf8"].iter().all(|part| error.to_string().contains(part)), "{error}");
    let error = asof_indices(&number, &word, &AsofOptions::new("when", &[])).unwrap_err();
    assert!(matches!(error, Error::TimeColumn { .. }) && error.to_string().contains("'when'"), "{error}");
    let error = asof_indices(&number, &word, &AsofOptions::new("k", &[])).unwrap_err();
    assert!(matches!(error, Error::TimeColumn { .. }) && error.to_string().contains("Int64"), "{error}");
    let error = asof_indices(&number, &word, &AsofOptions::new("t", &["K"])).unwrap_err();
    assert!(matches!(error, Error::ColumnNotFound { .. }) && error.to_string().contains("'k'"), "{error}");
    let list = table(new_null_array(&DataType::List(Field::new("item", DataType::Int64, true).into()), 1));
    assert!(matches!(asof_indices(&list, &list, &by_k), Err(Error::UnsupportedType { .. })));
    let uneven = AsofOptions { by_right: vec![], ..by_k };
    assert!(matches!(asof_indices(&number, &number, &uneven), Err(Error::InvalidArgument(_))));
}

/// Rows of a random table: key, second key, time in milliseconds.
type Rows = Vec<(Option<i32>, Option<u8>, Option<i64>)>;

fn rows(most: usize, n_keys: i32) -> impl Strategy<Value = Rows> {
    let row = (
        prop::option::weighted(0.95, 0..n_keys),
        prop::option::weighted(0.95, 0..3_u8),
        prop::option::weighted(0.95, -60..60_i64),
    );
    prop::collection::vec(row, 0..most)
}

fn nearest(left: &Rows, right: &Rows, options: &AsofOptions) -> Vec<Option<u32>> {
    let backward = options.strategy == Direction::Backward;
    let find = |(k, j, t): &(Option<i32>, Option<u8>, Option<i64>)| {
        let (k, j, t) = (k.as_ref()?, j.as_ref()?, t.as_ref()?);
        let mut best: Option<(i64, u32)> = None;
        for (at, row) in right.iter().enumerate() {
            let (Some(time), true) = (row.2, row.0.as_ref() == Some(k) && row.1.as_ref() == Some(j)) else { continue };
            let distance = if backward { t - time } else { time - t };
            let is_in_reach = distance > 0 || distance == 0 && options.allow_exact_matches;
            if is_in_reach && best.is_none_or(|(least, _)| distance <= least) {
                best = Some((distance, at as u32));
            }
        }
        let (distance, at) = best?;
        options.tolerance_ns.is_none_or(|tolerance| i128::from(distance) * 1_000_000 <= tolerance).then_some(at)
    };
    left.iter().map(find).collect()
}

/// As a batch; milliseconds on the left, nanoseconds on the right, keys of other widths and layouts.
fn batch_of(rows: &Rows, is_left: bool) -> RecordBatch {
    let words = rows.iter().map(|row| row.1.map(|j| format!("key number {j}")));
    let (k, j, t): (ArrayRef, ArrayRef, ArrayRef) = if is_left {
        (
            Arc::new(rows.iter().map(|row| row.0).collect::<Int32Array>()),
            Arc::new(words.collect::<StringArray>()),
            Arc::new(rows.iter().map(|row| row.2).collect::<TimestampMillisecondArray>()),
        )
    } else {
        (
            Arc::new(rows.iter().map(|row| row.0.map(i64::from)).collect::<Int64Array>()),
            Arc::new(words.collect::<StringViewArray>()),
            Arc::new(rows.iter().map(|row| row.2.map(|t| t * 1_000_000)).collect::<TimestampNanosecondArray>()),
        )
    };
    batch(vec![("k", k), ("j", j), ("t", t)])
}

fn any_options() -> impl Strategy<Value = AsofOptions> {
    (prop::option::of(0..40_000_000_i128), any::<bool>(), any::<bool>()).prop_map(|(tolerance_ns, exact, backward)| {
        let strategy = if backward { Direction::Backward } else { Direction::Forward };
        AsofOptions { tolerance_ns, allow_exact_matches: exact, strategy, ..AsofOptions::new("t", &["k", "j"]) }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_join_equals_brute_force(left in rows(60, 3), right in rows(200, 3), options in any_options()) {
        let found = matches(&batch_of(&left, true), &batch_of(&right, false), &options);
        prop_assert_eq!(found, nearest(&left, &right, &options));
    }

    #[test]
    fn slices_join_as_copies_do(left in rows(60, 3), right in rows(60, 3), options in any_options(), at in any::<prop::sample::Index>()) {
        let start = at.index(left.len() + 1);
        let slice = batch_of(&left, true).slice(start, left.len() - start);
        let found = matches(&slice, &batch_of(&right, false), &options);
        prop_assert_eq!(found, nearest(&left[start..].to_vec(), &right, &options));
    }
}

/// Large enough for buckets, chunks and long groups; the oracle is a sorted copy.
#[test]
fn large_tables_join_as_a_sorted_oracle_does() {
    let noise = |i: u64, salt: u64| lakebed_core::sketch::hash_u64(i ^ (salt << 56));
    for (n_left, n_right, n_keys, sorted) in [
        (80_000, 300_000, 1, true),
        (300_000, 200_000, 1, false),
        (100_000, 150_000, 3, false),
        (150_000, 100_000, 50_000, true),
    ] {
        let column =
            |n: u64, salt: u64, range: u64| (0..n).map(|i| (noise(i, salt) % range) as i64).collect::<Vec<_>>();
        let (keys_left, mut times_left) = (column(n_left, 1, n_keys), column(n_left, 2, 1_000_000));
        let (keys_right, mut times_right) = (column(n_right, 3, n_keys), column(n_right, 4, 1_000_000));
        if sorted {
            times_left.sort_unstable();
            times_right.sort_unstable();
        }
        let mut oracle: Vec<(i64, i64, u32)> =
            (0..n_right as usize).map(|i| (keys_right[i], times_right[i], i as u32)).collect();
        oracle.sort_unstable();
        let left = batch(vec![("k", ints(&keys_left)), ("t", times(&times_left))]);
        let right = batch(vec![("k", ints(&keys_right)), ("t", times(&times_right))]);
        let found: UInt32Array = asof_indices(&left, &right, &AsofOptions::new("t", &["k"])).unwrap();
        for (i, found) in found.iter().enumerate() {
            let end = oracle.partition_point(|row| (row.0, row.1) <= (keys_left[i], times_left[i]));
            let expected = end.checked_sub(1).map(|at| oracle[at]).filter(|row| row.0 == keys_left[i]);
            assert_eq!(found, expected.map(|row| row.2));
        }
    }
}
