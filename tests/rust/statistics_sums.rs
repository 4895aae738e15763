//! Sums of whole numbers are exact however large, and the same in every order of merges.

use std::sync::Arc;

use arrow_array::{ArrayRef, Decimal128Array, Decimal256Array, Int64Array, RecordBatch, UInt64Array};
use arrow_buffer::i256;
use lakebed_core::sketch::{Moments, WholeSum};
use lakebed_core::statistics::{Collector, TableStatistics};
use proptest::prelude::*;

fn table(array: ArrayRef) -> TableStatistics {
    let batch = RecordBatch::try_from_iter_with_nullable([("x", array, true)]).unwrap();
    let mut collector = Collector::new(batch.schema_ref()).unwrap();
    collector.update(&batch).unwrap();
    collector.finish()
}

/// Parts of three rows each, merged by pairs: of each step, one takes up the other.
fn merged(values: &[i256], column: fn(&[i256]) -> ArrayRef, steps: &[(usize, usize)]) -> TableStatistics {
    let mut parts: Vec<TableStatistics> = values.chunks(3).map(|part| table(column(part))).collect();
    let mut steps = steps.iter().cycle();
    while parts.len() > 1 {
        let (into, taken) = steps.next().unwrap();
        let taken = parts.swap_remove(taken % parts.len());
        let into = into % parts.len();
        parts[into].merge(&taken).unwrap();
    }
    parts.remove(0)
}

/// The sum in 256 bits, which the tests' values do not leave.
fn sum_of(values: &[i256]) -> String {
    values.iter().try_fold(i256::ZERO, |sum, &value| sum.checked_add(value)).unwrap().to_string()
}

fn signed(values: &[i256]) -> ArrayRef {
    Arc::new(values.iter().map(|value| value.to_i128().unwrap() as i64).collect::<Int64Array>())
}

fn unsigned(values: &[i256]) -> ArrayRef {
    Arc::new(values.iter().map(|value| value.to_i128().unwrap() as u64).collect::<UInt64Array>())
}

fn decimals(values: &[i256]) -> ArrayRef {
    let values: Decimal128Array = values.iter().map(|value| value.to_i128()).collect();
    Arc::new(values.with_precision_and_scale(38, 4).unwrap())
}

fn widest(values: &[i256]) -> ArrayRef {
    let values: Decimal256Array = values.iter().copied().map(Some).collect();
    Arc::new(values.with_precision_and_scale(76, 4).unwrap())
}

/// How values become a column, and those that it has.
type Ends = (fn(&[i256]) -> ArrayRef, Vec<i256>);

fn ends(column: usize) -> Ends {
    let most = 10_i128.pow(38) - 1;
    let of = |ends: &[i128]| ends.iter().copied().map(i256::from_i128).collect();
    let (least, greatest) = (i64::MIN.into(), i64::MAX.into());
    match column % 4 {
        0 => (signed, of(&[least, least + 1, -1, 0, 1, greatest - 1, greatest])),
        1 => (unsigned, of(&[0, 1, greatest, u64::MAX.into()])),
        2 => (decimals, of(&[most, -most, most - 1, least, 0, 1])),
        // Sixty of these are within 256 bits, and the first ones alone leave 128.
        _ => {
            let far = i256::from_i128(most).wrapping_mul(i256::from_i128(10_i128.pow(36)));
            let near = far.wrapping_add(i256::ONE);
            let mut ends: Vec<i256> = of(&[i128::MAX, i128::MIN, most, 0, 1]);
            ends.extend([far, near, far.wrapping_neg(), near.wrapping_neg()]);
            (widest, ends)
        }
    }
}

#[test]
fn a_sum_that_leaves_and_comes_back_is_known_in_every_order() {
    let most = 10_i128.pow(38) - 1;
    // Three rows a part: the first parts leave 128 bits, all together do not.
    let values: Vec<i256> = [most, most, most, -most, -most, -most, 7].map(i256::from_i128).to_vec();
    for steps in [[(0, 1), (0, 1)], [(1, 0), (0, 1)], [(0, 2), (0, 1)]] {
        let found = merged(&values, decimals, &steps);
        assert_eq!(found.columns[0].sum(), Some(7.into()));
        assert_eq!(TableStatistics::decode(&found.encode()).unwrap().columns[0].sum(), Some(7.into()));
    }
}

#[test]
fn a_sum_of_very_many_values_leaves_no_width() {
    let mut moments = Moments::default();
    moments.update_integers(&[i128::MIN]);
    // Merged with itself 63 times: 2^63 values.
    for _ in 0..63 {
        moments.merge(&moments.clone());
    }
    let sum = WholeSum::of_parts(0, i128::MIN >> 65);
    assert_eq!((moments.sum, moments.n_finite), (Some(sum), 1 << 63));
    assert_eq!(moments.mean, i128::MIN as f64);
    assert_eq!(Moments::decode(&moments.encode()).unwrap(), moments);
    let widest = (0..64).fold(WholeSum::of_parts(0, i128::MIN), |sum, _| sum.plus(sum));
    assert_eq!(widest.to_f64(), -(2_f64.powi(319)));
    assert_eq!(widest, WholeSum::of_parts(0, i128::MIN).times(1 << 63).times(2));
}

proptest! {
    #[test]
    fn exact_figures_are_the_same_in_every_order_of_merges(
        column in 0_usize..4,
        picks in prop::collection::vec(any::<usize>(), 1..60),
        ours in prop::collection::vec((any::<usize>(), any::<usize>()), 1..20),
        theirs in prop::collection::vec((any::<usize>(), any::<usize>()), 1..20),
    ) {
        let (array, ends) = ends(column);
        let values: Vec<i256> = picks.iter().map(|pick| ends[pick % ends.len()]).collect();
        let (one, other) = (merged(&values, array, &ours), merged(&values, array, &theirs));
        prop_assert_eq!(one.difference(&other), None);
        let (a, b) = (&one.columns[0], &other.columns[0]);
        prop_assert_eq!(a.sum().unwrap().to_string(), sum_of(&values));
        prop_assert_eq!(a.sum(), b.sum());
        prop_assert_eq!(a.mean(), b.mean());
        prop_assert_eq!((a.min(), a.max(), a.top_values(99)), (b.min(), b.max(), b.top_values(99)));
        prop_assert_eq!(&Moments::decode(&a.moments().encode()).unwrap(), a.moments());
    }

    #[test]
    fn a_sum_reads_as_its_digits(low in any::<u128>(), high in any::<i128>(), n in any::<u32>()) {
        let (value, sum) = (i256::from_parts(low, high), WholeSum::of_parts(low, high));
        prop_assert_eq!(sum.to_string(), value.to_string());
        prop_assert_eq!(sum.to_i128(), value.to_i128());
        prop_assert_eq!(sum.negated().plus(sum), WholeSum::default());
        let again = (0..5).fold(WholeSum::default(), |all, _| all.plus(sum.times(n.into())));
        prop_assert_eq!(again, sum.times(u64::from(n) * 5));
        let double = value.to_string().parse::<f64>().unwrap();
        prop_assert!((sum.to_f64() - double).abs() <= double.abs() * 4.0 * f64::EPSILON);
    }
}
