//! Decimals of every width against a naive reading of the same digits.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, Decimal32Array, Decimal64Array, Decimal128Array, Decimal256Array, Float64Array, RecordBatch,
};
use arrow_buffer::i256;
use lakebed_core::sketch::{Moments, WholeSum};
use lakebed_core::statistics::{Collector, ColumnStatistics, Content, Kind, Scalar, TableStatistics, drift};
use proptest::prelude::*;

fn table(array: ArrayRef) -> TableStatistics {
    let batch = RecordBatch::try_from_iter_with_nullable([("x", array, true)]).unwrap();
    let mut collector = Collector::of(batch.schema_ref(), Content::ALL, None, false).unwrap();
    collector.update(&batch).unwrap();
    collector.finish()
}

fn of(array: impl Array + 'static) -> ColumnStatistics {
    table(Arc::new(array)).columns.remove(0)
}

fn wide(values: Vec<Option<i256>>, scale: i8) -> Decimal256Array {
    Decimal256Array::from(values).with_precision_and_scale(76, scale).unwrap()
}

fn digits(text: &str) -> i256 {
    i256::from_string(text).unwrap()
}

/// What must be exact of a column: extremes, sum, distinct, counts by digits.
type Exact = (Option<Scalar>, Option<Scalar>, Option<WholeSum>, u64, BTreeMap<String, u64>);

fn exact(column: &ColumnStatistics) -> Exact {
    let end = |bound: Option<&lakebed_core::statistics::Bound>| {
        bound.map(|bound| {
            assert!(bound.exact);
            bound.value.clone()
        })
    };
    let counts = column.top_values(10_000).into_iter().map(|(value, n)| match value {
        Scalar::Decimal { value, scale } => (format!("{value}e-{scale}"), n),
        other => panic!("{other:?} is no decimal"),
    });
    (end(column.min()), end(column.max()), column.sum(), column.distinct().unwrap().count, counts.collect())
}

#[test]
fn a_value_is_the_same_in_every_width() {
    let (a, b, c) = (Some(-150), None, Some(275));
    let narrow = of(Decimal32Array::from(vec![a, b, c, c]).with_precision_and_scale(9, 2).unwrap());
    let longer = of(Decimal64Array::from(vec![a, b, c, c].into_iter().map(|v| v.map(i64::from)).collect::<Vec<_>>())
        .with_precision_and_scale(18, 2)
        .unwrap());
    let usual = of(Decimal128Array::from(vec![a, b, c, c].into_iter().map(|v| v.map(i128::from)).collect::<Vec<_>>())
        .with_precision_and_scale(38, 2)
        .unwrap());
    let widest = of(wide(vec![a, b, c, c].into_iter().map(|v| v.map(|v| i256::from_i128(v.into()))).collect(), 2));
    for column in [&longer, &usual, &widest] {
        assert_eq!((column.kind(), exact(column)), (Kind::Decimal, exact(&narrow)));
        assert_eq!((column.mean(), column.variance()), (narrow.mean(), narrow.variance()));
        assert_eq!(column.quantiles(10), narrow.quantiles(10));
    }
    assert_eq!((narrow.sum(), narrow.scale(), narrow.n_null()), (Some(400.into()), 2, 1));
}

#[test]
fn digits_beyond_a_double_are_told_apart() {
    let values: Vec<Option<i256>> = (0..3000)
        .map(|row| {
            Some(digits("1000000000000000000000000000000000000000000000000000000000") + i256::from_i128(row % 1000))
        })
        .collect();
    let column = of(wide(values, 4));
    let found = exact(&column);
    assert_eq!((found.3, found.4.len()), (1000, 1000));
    assert!(found.4.values().all(|&n| n == 3));
    assert_eq!(found.0, Some(Scalar::Decimal { value: digits(&format!("1{}", "0".repeat(57))), scale: 4 }));
    assert_eq!(found.1, Some(Scalar::Decimal { value: digits(&format!("1{}999", "0".repeat(54))), scale: 4 }));
    assert_eq!(found.2.unwrap().to_string(), format!("3{}1498500", "0".repeat(53)));
    assert!((column.mean().unwrap() / 1e53 - 1.0).abs() < 1e-12);
}

#[test]
fn widths_merge_and_come_back_from_bytes() {
    let most = digits(&"9".repeat(76));
    let parts = [
        table(Arc::new(
            Decimal128Array::from(vec![150, i128::from(u64::MAX)]).with_precision_and_scale(38, 2).unwrap(),
        )),
        table(Arc::new(wide(vec![Some(i256::from_i128(150)), Some(most), Some(-most), None], 2))),
    ];
    let mut forward = parts[0].clone();
    forward.merge(&parts[1]).unwrap();
    let mut backward = parts[1].clone();
    backward.merge(&parts[0]).unwrap();
    let column = &forward.columns[0];
    assert_eq!(exact(column), exact(&backward.columns[0]));
    assert_eq!(column.arrow_type(), "Decimal256(76, 2)");
    assert_eq!((exact(column).3, exact(column).4["150e-2"]), (4, 2));
    assert_eq!(column.min().unwrap().value, Scalar::Decimal { value: -most, scale: 2 });
    let read = TableStatistics::decode(&forward.encode()).unwrap();
    assert_eq!((exact(&read.columns[0]), read.encode()), (exact(column), forward.encode()));
}

#[test]
fn a_sum_has_all_digits_of_any_number_of_values() {
    let most = 10_i128.pow(38) - 1;
    let column = of(Decimal128Array::from(vec![most; 4]).with_precision_and_scale(38, 0).unwrap());
    assert_eq!(column.sum().unwrap().to_string(), format!("3{}6", "9".repeat(37)));
    assert!((column.mean().unwrap() / 1e38 - 1.0).abs() < 1e-12);
    let column = of(Decimal128Array::from(vec![most, -most, 5]).with_precision_and_scale(38, 0).unwrap());
    assert_eq!(column.sum(), Some(5.into()));
    let widest = digits(&format!("-{}", "9".repeat(76)));
    let column = of(wide(vec![Some(widest); 1000], 0));
    assert_eq!(column.sum().unwrap().to_string(), format!("-{}000", "9".repeat(76)));
    assert!((column.mean().unwrap() / -1e76 - 1.0).abs() < 1e-12);
    assert!(column.variance().unwrap().abs() < 1.0);
}

#[test]
fn variance_of_wide_decimals_is_that_of_their_last_digits() {
    let base = digits(&format!("1{}", "0".repeat(60)));
    let column = of(wide((0..5000).map(|row| Some(base + i256::from_i128(row % 10))).collect(), 0));
    assert!((column.variance().unwrap() - 8.25).abs() < 1e-9, "{:?}", column.variance());
}

#[test]
fn an_unknown_mark_of_a_sum_is_damage() {
    let mut moments = Moments::default();
    moments.update_integers(&[7_i64]);
    let mut bytes = moments.encode();
    let at = bytes.len() - 17;
    assert_eq!(bytes[at], 1);
    bytes[at] = 3;
    let problem = Moments::decode(&bytes).unwrap_err().to_string();
    assert!(problem.contains("the mark of a sum is unknown"), "{problem}");
}

#[test]
fn a_wide_bound_of_another_kind_is_damage() {
    let mut bytes = table(Arc::new(Float64Array::from(vec![1.5]))).encode();
    let least = 1.5_f64.to_le_bytes();
    let at = bytes.windows(9).position(|window| window[0] == 1 && window[1..] == least).unwrap();
    bytes[at] = 3;
    let problem = TableStatistics::decode(&bytes).unwrap_err().to_string();
    assert!(problem.contains("a bound has 32 bytes"), "{problem}");
}

#[test]
fn drift_compares_numbers_not_scales() {
    let before = table(Arc::new(Decimal128Array::from(vec![150, 200]).with_precision_and_scale(10, 2).unwrap()));
    let after = table(Arc::new(wide(vec![Some(digits("15000")), Some(digits("30000"))], 4)));
    let found = drift(&before, &after, 10).remove(0);
    assert!((found.infinity_norm - 0.5).abs() < 1e-12);
    assert_eq!(found.differences.len(), 2);
}

proptest! {
    #[test]
    fn every_figure_is_that_of_the_digits(
        rows in prop::collection::vec(prop::option::of((any::<i128>(), -3_i64..3, 0_u8..3)), 0..400),
        scale in -3_i8..20,
    ) {
        // Values near each other, small ones, and some beyond 128 bits.
        let value = |(base, step, wing): (i128, i64, u8)| match wing {
            0 => i256::from_i128(step.into()),
            1 => i256::from_i128(i128::MAX).wrapping_add(i256::from_i128((step % 2).into())),
            _ => i256::from_i128(base >> 64).wrapping_mul(i256::from_i128(1 << 90)),
        };
        let values: Vec<Option<i256>> = rows.into_iter().map(|row| row.map(value)).collect();
        let column = of(wide(values.clone(), scale));
        let mut counts: BTreeMap<i256, u64> = BTreeMap::new();
        values.iter().flatten().for_each(|&value| *counts.entry(value).or_default() += 1);
        let end = |value: Option<&i256>| value.map(|&value| Scalar::Decimal { value, scale });
        let (min, max, _, distinct, found) = exact(&column);
        prop_assert_eq!((min, max), (end(counts.keys().next()), end(counts.keys().last())));
        prop_assert_eq!(distinct, counts.len() as u64);
        prop_assert_eq!(found, counts.iter().map(|(value, &n)| (format!("{value}e-{scale}"), n)).collect());
        prop_assert_eq!(column.moments().n_zero, counts.get(&i256::ZERO).copied().unwrap_or(0));
        let negative: u64 = counts.iter().filter(|(value, _)| value.is_negative()).map(|(_, &n)| n).sum();
        prop_assert_eq!(column.moments().n_negative, negative);
    }
}
