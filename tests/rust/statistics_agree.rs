//! Summaries of the same rows never disagree, however they were merged; those of other rows do where that is exact.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, StringArray};
use lakebed_core::statistics::{Collector, TableStatistics};
use proptest::prelude::*;

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

fn merged(rows: &RecordBatch, cuts: &[usize]) -> TableStatistics {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (rows.num_rows() + 1)).collect();
    ends.extend([0, rows.num_rows()]);
    ends.sort_unstable();
    let parts = ends.windows(2).map(|ends| {
        let mut collector = Collector::new(rows.schema_ref()).unwrap();
        collector.update(&rows.slice(ends[0], ends[1] - ends[0])).unwrap();
        collector.finish()
    });
    TableStatistics::merge_all(parts.collect()).unwrap().unwrap()
}

/// Rows of a shape: sorted, few, many, skewed, of epoch seconds, with extremes.
fn rows(shape: u8, n: u64, seed: u64) -> RecordBatch {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let values: Vec<u64> = (0..n)
        .map(|row| match shape % 6 {
            0 => row,
            1 => next() % 7,
            2 => next() >> 12,
            3 => 2_u64.pow((next() % 40) as u32) + next() % 3,
            4 => 1_700_000_000 + row * 3600,
            _ => [0, u64::MAX >> 1, 5][(row % 3) as usize] ^ (next() % 2),
        })
        .collect();
    let float = |value: &u64| match value % 101 {
        0 => None,
        1 => Some(f64::NAN),
        2 => Some(f64::INFINITY),
        _ => Some(*value as f64 / 7.0 - 3.0),
    };
    let lists = values.iter().map(|&v| (v % 11 > 0).then(move || (0..v % 4).map(move |i| Some((v % 5000 + i) as i32))));
    batch(vec![
        ("i", Arc::new(values.iter().map(|&v| (v % 13 > 0).then_some(v as i64)).collect::<Int64Array>())),
        ("f", Arc::new(values.iter().map(float).collect::<Float64Array>())),
        ("s", Arc::new(values.iter().map(|v| (v % 17 > 0).then(|| format!("v{v}"))).collect::<StringArray>())),
        ("l", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists))),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn summaries_of_the_same_rows_agree(
        shape in any::<u8>(), n in 0_u64..30_000, seed in any::<u64>(),
        ours in prop::collection::vec(any::<usize>(), 0..9), theirs in prop::collection::vec(any::<usize>(), 0..9),
    ) {
        let rows = rows(shape, n, seed);
        let (a, b) = (merged(&rows, &ours), merged(&rows, &theirs));
        prop_assert_eq!(a.difference(&b), None);
        prop_assert_eq!(b.difference(&a), None);
        prop_assert_eq!(a.difference(&TableStatistics::decode(&b.encode()).unwrap()), None);
    }

    #[test]
    fn one_row_more_or_fewer_disagrees(shape in any::<u8>(), n in 1_u64..9_000, seed in any::<u64>()) {
        let rows = rows(shape, n, seed);
        let fewer = merged(&rows.slice(0, rows.num_rows() - 1), &[]);
        prop_assert_eq!(merged(&rows, &[]).difference(&fewer), Some(("all columns".into(), "number of rows")));
    }
}

#[test]
fn the_figure_that_tells_is_named() {
    let of = |values: Vec<Option<i64>>| merged(&batch(vec![("x", Arc::new(Int64Array::from(values)))]), &[]);
    let rows = of(vec![Some(1), Some(2), Some(2), Some(5), None]);
    for (other, figure) in [
        (vec![Some(1), None, Some(2), Some(5), None], "nulls"),
        (vec![Some(0), Some(2), Some(2), Some(5), None], "least value"),
        (vec![Some(1), Some(2), Some(2), Some(6), None], "greatest value"),
        (vec![Some(1), Some(2), Some(3), Some(5), None], "sum"),
        (vec![Some(1), Some(1), Some(3), Some(5), None], "mean"),
    ] {
        assert_eq!(rows.difference(&of(other)), Some(("x".into(), figure)));
    }
    let texts = |values: [&str; 3]| merged(&batch(vec![("x", Arc::new(StringArray::from(values.to_vec())))]), &[]);
    let found = texts(["a", "b", "d"]).difference(&texts(["a", "c", "d"]));
    assert_eq!(found, Some(("x".into(), "frequent values")));
}

/// Nothing but the registers of distinct values knows one text among too many to count.
#[test]
fn most_changes_of_one_text_among_very_many_are_found() {
    let of = |changed: Option<usize>| {
        let text = |row: usize| if Some(row) == changed { format!("v{row:06}b") } else { format!("v{row:06}a") };
        let texts = StringArray::from_iter_values((0..6_000).map(text));
        merged(&batch(vec![("x", Arc::new(texts))]), &[2_000])
    };
    let rows = of(None);
    let found = (100..5_900).step_by(145).filter(|&row| {
        let difference = rows.difference(&TableStatistics::decode(&of(Some(row)).encode()).unwrap());
        difference.inspect(|found| assert_eq!(*found, ("x".into(), "distinct values"))).is_some()
    });
    let n_found = found.count();
    assert!(n_found >= 20, "{n_found} of 40");
}

#[test]
fn distinct_values_agree_however_many_are_kept() {
    let texts = |n: usize| StringArray::from_iter_values((0..n).map(|row| format!("v{row}")));
    for n in [10, 4_096, 4_097, 9_000] {
        let rows = batch(vec![("x", Arc::new(texts(n)))]);
        assert_eq!(merged(&rows, &[]).difference(&merged(&rows, &[n / 2, n / 3])), None, "{n}");
    }
}
