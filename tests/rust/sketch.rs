//! Laws of the mergeable summaries: exact merges in any order, round trips, damaged bytes are errors.

use std::collections::HashMap;

use lakebed_core::Error;
use lakebed_core::sketch::{BitHistogram, Distinct, Frequent, FrequentValue, Moments, Quantiles, hash_bytes, hash_u64};
use proptest::prelude::*;

/// Values of many kinds: few and many distinct, NaN, infinities, zeros of both signs, extremes.
fn any_float() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => -1e6..1e6_f64,
        4 => (-3..3_i32).prop_map(f64::from),
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, 1e-300, -1e300, f64::MAX]),
    ]
}

/// `n` numbers that look random; the same for the same seed.
fn noise(n: usize, seed: u64) -> Vec<f64> {
    (0..n as u64).map(|i| (hash_u64(i ^ (seed << 40)) >> 11) as f64 / 9e15 - 0.3).collect()
}

fn bits_of(values: &[f64]) -> BitHistogram {
    let mut bits = BitHistogram::default();
    bits.update(values);
    bits
}

fn distinct_of(values: &[u64]) -> Distinct {
    let mut distinct = Distinct::default();
    for &value in values {
        distinct.insert(hash_u64(value));
    }
    distinct
}

fn frequent_of(values: &[u64]) -> Frequent {
    let mut frequent = Frequent::of_fixed();
    for &value in values {
        frequent.update_fixed(hash_u64(value), value, 1);
    }
    frequent
}

fn quantiles_of(values: &[u64]) -> Quantiles {
    let mut quantiles = Quantiles::default();
    quantiles.update(&values.iter().map(|&value| value as i64).collect::<Vec<_>>());
    quantiles
}

fn moments_of(values: &[f64]) -> Moments {
    let mut moments = Moments::default();
    moments.update_floats(values);
    moments
}

#[test]
fn the_written_out_hash_is_xxh3() {
    for value in [0, 1, 42, u64::MAX, 0x0123_4567_89ab_cdef] {
        assert_eq!(hash_u64(value), hash_bytes(&value.to_le_bytes()));
    }
}

#[test]
fn bits_keep_few_values_apart_and_stay_under_their_cap() {
    let few: Vec<f64> = (0..5000).map(|i| f64::from(i % 500) * 0.7).collect();
    let cells = bits_of(&few).cells(false);
    assert_eq!(cells.len(), 500);
    assert!(cells.iter().all(|cell| cell.low == cell.high));

    let many = bits_of(&noise(100_000, 1)).cells(false);
    assert!(many.len() > BitHistogram::CAP / 4 && many.len() <= BitHistogram::CAP);
    assert_eq!(many.iter().map(|cell| cell.count).sum::<u64>(), 100_000);
}

#[test]
fn bits_resolve_timestamps_beside_an_outlier() {
    let start = 1.7e15; // A week of microseconds, and the sentinel 0.
    let mut times: Vec<f64> = noise(50_000, 2).iter().map(|x| start + (x + 0.3) * 6e11).collect();
    times.push(0.0);
    let widest = bits_of(&times).cells(true).iter().map(|cell| cell.high - cell.low).fold(0.0, f64::max);
    assert!(widest < 6e11 / 125.0, "a cell is {widest} us wide");
}

#[test]
fn distinct_is_exact_up_to_its_cap_and_close_beyond() {
    for n in [0, 1, 4096] {
        let distinct = distinct_of(&(0..n).collect::<Vec<_>>());
        assert_eq!((distinct.count(), distinct.is_exact(), distinct.relative_error()), (n, true, 0.0));
    }
    for n in [4097, 10_000, 100_000, 1_000_000] {
        let distinct = distinct_of(&(0..n).collect::<Vec<_>>());
        let error = (distinct.count() as f64 - n as f64).abs() / n as f64;
        assert!(!distinct.is_exact() && error < 4.0 * distinct.relative_error(), "{n}: off by {error}");
    }
}

#[test]
fn fewer_registers_are_those_of_the_same_values() {
    let values: Vec<u64> = (0..50_000).collect();
    let (first, second) = values.split_at(30_000);
    let mut whole = distinct_of(&values);
    whole.shrink();
    assert_eq!((whole.is_exact(), whole.relative_error()), (false, 1.04 / 64.0));
    assert!((whole.count() as f64 / 5e4 - 1.0).abs() < 4.0 * whole.relative_error());
    let mut small = distinct_of(second);
    small.shrink();
    let mut merged = distinct_of(first);
    merged.merge(&small);
    small.merge(&distinct_of(first));
    assert_eq!((merged.encode(), small.encode()), (whole.encode(), whole.encode()));
    assert_eq!((merged.count(), small.count()), (whole.count(), whole.count()));
    assert_eq!(distinct_of(&values).encode(), whole.encode());
    assert!(whole.encode().len() < 1560, "{}", whole.encode().len());
    let mut few = distinct_of(&values[..4000]);
    few.shrink();
    assert_eq!(few.count(), 4000);
}

#[test]
fn what_is_kept_of_many_rare_values_is_little_and_settled() {
    let mut frequent = frequent_of(&(0..300_000_u64).map(|i| if i % 10 == 0 { i % 70 } else { i }).collect::<Vec<_>>());
    frequent.freeze();
    let bytes = frequent.encode();
    assert!(bytes.len() < 700, "{}", bytes.len());
    assert!((32..256).contains(&frequent.entries().count()));
    frequent.freeze();
    assert_eq!(frequent.encode(), bytes);
    frequent.merge(&Frequent::of_fixed());
    assert_eq!(frequent.encode(), bytes);
}

#[test]
fn frequent_values_survive_among_many_rare_ones() {
    let n = 200_000;
    let values: Vec<u64> = (0..n).map(|i| if i % 20 == 0 { 7 } else { hash_u64(i) }).collect();
    let (first, second) = values.split_at(70_000);
    let mut merged = frequent_of(first);
    merged.merge(&frequent_of(second));
    for frequent in [frequent_of(&values), merged] {
        assert!(!frequent.is_exact());
        assert!(frequent.error() <= n / 512);
        let (_, count, missed) = frequent.entries().find(|entry| entry.0 == FrequentValue::Fixed(7)).unwrap();
        assert!(count <= n / 20 && n / 20 <= count + missed, "{count} + {missed}");
        assert!(count > n / 20 - n / 512);
    }
}

#[test]
fn values_too_long_are_counted_but_not_kept() {
    let long = vec![b'x'; Frequent::LONGEST + 1];
    let mut frequent = Frequent::of_bytes();
    assert!(frequent.update_bytes(hash_bytes(&long), &long, 3));
    assert!(frequent.update_bytes(hash_bytes(b"short"), b"short", 2));
    let frequent = Frequent::decode(&frequent.encode()).unwrap();
    assert_eq!((frequent.is_exact(), frequent.n_too_long(), frequent.entries().count()), (false, 3, 1));
}

#[test]
fn frequent_bytes_stay_bounded_for_long_values() {
    let mut frequent = Frequent::of_bytes();
    for i in 0..5000_u32 {
        let value = format!("{i:01000}");
        frequent.update_bytes(hash_bytes(value.as_bytes()), value.as_bytes(), 1);
    }
    assert!(!frequent.is_exact());
    assert!(frequent.encode().len() < 1 << 20);
}

#[test]
fn moments_of_integers_are_exact_at_the_extremes() {
    let mut moments = Moments::default();
    moments.update_integers(&[i64::MAX, i64::MAX, i64::MIN, 0, -1]);
    assert_eq!(moments.sum, Some((i128::from(i64::MAX) - 2).into()));
    assert_eq!((moments.n_zero, moments.n_negative), (1, 2));
    moments.update_integers(&[u64::MAX]);
    assert_eq!(moments.sum, Some((i128::from(i64::MAX) - 2 + i128::from(u64::MAX)).into()));
}

#[test]
fn variance_is_stable_far_from_zero() {
    let values: Vec<i64> = (0..100_000).map(|i| 1_700_000_000_000_000 + i % 10).collect();
    let mut moments = Moments::default();
    moments.update_integers(&values);
    assert!((moments.variance().unwrap() - 8.25).abs() < 1e-6);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn bits_merge_exactly_in_any_order(values in prop::collection::vec(any_float(), 0..6000), cut in 0.0..1.0_f64, spread in 0_u64..3) {
        let mut values = values;
        values.extend(noise(2500 * spread as usize, spread));
        let (a, b) = values.split_at((values.len() as f64 * cut) as usize);
        let whole = bits_of(&values).encode();
        let mut forward = bits_of(a);
        forward.merge(&bits_of(b));
        let mut backward = bits_of(b);
        backward.merge(&BitHistogram::decode(&bits_of(a).encode()).unwrap());
        prop_assert_eq!(&forward.encode(), &whole);
        prop_assert_eq!(&backward.encode(), &whole);
        forward.update(a); // A merged summary can go on.
        prop_assert_eq!(forward.count(), bits_of(&values).count() + bits_of(a).count());
    }

    #[test]
    fn every_value_lies_in_a_cell(values in prop::collection::vec(any_float(), 1..4000)) {
        let cells = bits_of(&values).cells(false);
        let finite = values.iter().filter(|value| value.is_finite());
        prop_assert!(finite.clone().all(|value| cells.iter().any(|cell| cell.low <= *value && *value <= cell.high)));
        prop_assert_eq!(cells.iter().map(|cell| cell.count).sum::<u64>(), finite.count() as u64);
        prop_assert!(cells.is_sorted_by(|a, b| a.high < b.low));
    }

    #[test]
    fn distinct_merges_exactly_in_any_order(n in 0_u64..9000, cut in 0.0..1.0_f64, overlap in 0_u64..2000) {
        let cut = (n as f64 * cut) as u64;
        let (a, b): (Vec<u64>, Vec<u64>) = ((0..cut).collect(), (cut.saturating_sub(overlap)..n).collect());
        let whole = distinct_of(&(0..n).collect::<Vec<_>>()).encode();
        let mut forward = distinct_of(&a);
        forward.merge(&distinct_of(&b));
        let mut backward = Distinct::decode(&distinct_of(&b).encode()).unwrap();
        backward.merge(&distinct_of(&a));
        prop_assert_eq!(&forward.encode(), &whole);
        prop_assert_eq!(&backward.encode(), &whole);
        prop_assert_eq!(Distinct::decode(&whole).unwrap().encode(), whole);
    }

    #[test]
    fn frequent_counts_are_exact_below_the_cap_and_bounded_beyond(seed in any::<u64>(), n in 0_u64..50_000, range in 1_u64..9000, skew in 0_u32..3, is_sorted in any::<bool>()) {
        let draw = |i: u64| (hash_u64(i ^ seed) as f64 / 1.9e19).powi(1 + skew as i32 * 3);
        let mut values: Vec<u64> = (0..n).map(|i| (draw(i) * range as f64) as u64).collect();
        if is_sorted {
            values.sort_unstable();
        }
        let (a, b) = values.split_at(values.len() / 3);
        let mut truth = HashMap::<u64, u64>::new();
        for value in &values {
            *truth.entry(*value).or_default() += 1;
        }
        let (mut forward, mut backward) = (frequent_of(a), frequent_of(b));
        forward.merge(&frequent_of(b));
        backward.merge(&frequent_of(a));
        for frequent in [&frequent_of(&values), &forward, &backward] {
            let mut unseen = truth.clone();
            for (value, count, missed) in frequent.entries() {
                let FrequentValue::Fixed(value) = value else { unreachable!() };
                let true_count = unseen.remove(&value).unwrap();
                prop_assert!(count <= true_count && true_count <= count + missed);
            }
            prop_assert!(unseen.values().all(|&count| count <= frequent.error()));
            prop_assert!(frequent.error() <= n / 256 + n / 745 + 12);
            prop_assert_eq!(frequent.is_exact(), truth.len() <= Frequent::CAP);
            let bytes = frequent.encode();
            prop_assert_eq!(Frequent::decode(&bytes).unwrap().encode(), bytes);
        }
        if forward.is_exact() {
            prop_assert_eq!(forward.encode(), backward.encode());
        }
    }

    #[test]
    fn moments_equal_a_naive_oracle(values in prop::collection::vec(any_float().prop_filter("no overflow", |x| x.abs() < 1e200 || !x.is_finite()), 0..5000), cut in 0.0..1.0_f64) {
        let (a, b) = values.split_at((values.len() as f64 * cut) as usize);
        let mut moments = moments_of(a);
        moments.merge(&Moments::decode(&moments_of(b).encode()).unwrap());
        let finite: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
        let count = |f: fn(&f64) -> bool| values.iter().copied().filter(f).count() as u64;
        prop_assert_eq!(moments.n_finite, finite.len() as u64);
        prop_assert_eq!(moments.n_nan, count(|x| x.is_nan()));
        prop_assert_eq!(moments.n_positive_inf, count(|x| *x == f64::INFINITY));
        prop_assert_eq!(moments.n_negative_inf, count(|x| *x == f64::NEG_INFINITY));
        prop_assert_eq!(moments.n_zero, count(|x| *x == 0.0));
        prop_assert_eq!(moments.n_negative, count(|x| *x < 0.0));
        prop_assert_eq!(moments.min, values.iter().copied().fold(f64::INFINITY, f64::min));
        prop_assert_eq!(moments.max, values.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        if !finite.is_empty() {
            let n = finite.len() as f64;
            let mean = finite.iter().sum::<f64>() / n;
            let variance = finite.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
            let scale = variance.sqrt() + mean.abs();
            prop_assert!((moments.mean - mean).abs() <= 1e-9 * scale);
            prop_assert!((moments.variance().unwrap() - variance).abs() <= 1e-9 * scale * scale);
        }
    }

    #[test]
    fn damaged_bytes_are_an_error_or_another_summary(n in 0_usize..6000, at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let values: Vec<u64> = (0..n as u64).map(|i| hash_u64(i) % 5000).collect();
        let mut text = Frequent::of_bytes();
        for value in &values {
            let value = value.to_string();
            text.update_bytes(hash_bytes(value.as_bytes()), value.as_bytes(), 1);
        }
        let encoded =
            [moments_of(&noise(n, 3)).encode(), bits_of(&noise(n, 3)).encode(), distinct_of(&values).encode(), quantiles_of(&values).encode(), frequent_of(&values).encode(), text.encode()];
        for (kind, bytes) in encoded.iter().enumerate() {
            let mut flipped = bytes.clone();
            flipped[at.index(bytes.len())] = byte;
            let short = &bytes[..cut.index(bytes.len())];
            prop_assert!(is_corruption(&exercise(kind, short).unwrap_err()));
            if let Err(error) = exercise(kind, &flipped) {
                prop_assert!(is_corruption(&error));
            }
        }
    }

    #[test]
    fn noise_is_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), flag in 0_u8..2) {
        let mut bytes = bytes;
        bytes.splice(0..0, [1, flag]);
        for kind in 0..6 {
            _ = exercise(kind, &bytes);
        }
    }
}

fn is_corruption(error: &Error) -> bool {
    matches!(error, Error::Corruption { .. })
}

/// Decode, and use what came out.
fn exercise(kind: usize, bytes: &[u8]) -> Result<(), Error> {
    match kind {
        0 => {
            let mut moments = Moments::decode(bytes)?;
            moments.merge(&moments.clone());
        }
        1 => {
            let mut bits = BitHistogram::decode(bytes)?;
            bits.merge(&bits.clone());
            bits.update(&[1.0, -1e300, 5e-324]);
            _ = bits.cells(true);
        }
        2 => {
            let mut distinct = Distinct::decode(bytes)?;
            distinct.merge(&distinct.clone());
            distinct.insert(7);
            _ = distinct.count();
        }
        3 => {
            let mut quantiles = Quantiles::decode(bytes)?;
            quantiles.merge(&quantiles.clone());
            quantiles.update(&[7, i64::MIN, i64::MAX]);
            _ = (quantiles.items(), quantiles.encode());
        }
        _ => {
            let mut frequent = Frequent::decode(bytes)?;
            frequent.merge(&frequent.clone());
            frequent.update_bytes(hash_bytes(b"x"), b"x", 1);
            _ = frequent.encode();
            _ = frequent.entries().count();
        }
    }
    Ok(())
}
