//! Ascending runs: a block of numbers brought into nearly ascending order and thinned out, two runs made one.
//!
//! Numbers are dealt into buckets between two outer ranks of the block before. What shares a bucket with a few others keeps
//! the order in which it came, which moves no rank by more than they are; a bucket of many is sorted.

use super::vector::vectorised;

/// Values that are put in order at a time.
pub(super) const BASE: usize = 2048;
const BUCKETS: usize = 1024;
/// Values of a bucket that stay in the order in which they came.
const FEW: u16 = 12;
/// What lies outside of the range: one value of so many on each side.
const OUTER: usize = 64;

/// The range over which values are dealt into buckets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    low: i64,
    shift: u32,
}

impl Range {
    fn of(low: i64, high: i64) -> Self {
        let span = high.wrapping_sub(low) as u64;
        Self { low, shift: (u64::BITS - span.leading_zeros()).saturating_sub(BUCKETS.ilog2()) }
    }
}

/// Of at most `BASE` `values` in ascending order, but for a few neighbours, every 2^`reach`-th from the `first` on; they
/// ascend. `range` is that of the block before, and becomes that of this one.
pub(super) fn thinned(values: &[i64], reach: u32, first: usize, range: &mut Option<Range>) -> Vec<i64> {
    let Range { low, shift } = range.unwrap_or_else(|| bounds(values));
    let mut places = [0; BASE];
    deal(values, low, shift, &mut places);
    let mut ends = [0_u16; BUCKETS];
    let places = &places[..values.len()];
    for &place in places {
        ends[usize::from(place) % BUCKETS] += 1;
    }
    let mut crowded = [(0, 0); BASE / FEW as usize];
    let (mut n_crowded, mut n) = (0, 0_u16);
    for end in &mut ends {
        let count = std::mem::replace(end, n);
        if count > FEW {
            crowded[n_crowded] = (usize::from(n), usize::from(n + count));
            n_crowded += 1;
        }
        n += count;
    }
    let mut ordered = [0; BASE];
    for (&value, &place) in values.iter().zip(places) {
        let end = &mut ends[usize::from(place) % BUCKETS];
        ordered[usize::from(*end) % BASE] = value;
        *end += 1;
    }
    for &(start, end) in &crowded[..n_crowded] {
        ordered[start..end].sort_unstable();
    }
    let mut picked: Vec<i64> = ordered[first..values.len()].iter().step_by(1 << reach).copied().collect();
    sort_near(&mut picked, |&value| value);
    let outer = picked.len() / OUTER;
    *range = Some(Range::of(picked[outer], picked[picked.len() - 1 - outer]));
    picked
}

fn bounds(values: &[i64]) -> Range {
    let (low, high) = values.iter().fold((i64::MAX, i64::MIN), |(low, high), &value| (low.min(value), high.max(value)));
    Range::of(low, high)
}

vectorised! { fn deal(values: &[i64], low: i64, shift: u32, places: &mut [u16; BASE]) -> () = deal_each }

#[inline(always)]
#[allow(clippy::inline_always)] // As `vectorised` asks.
fn deal_each(values: &[i64], low: i64, shift: u32, places: &mut [u16; BASE]) {
    for (place, &value) in places.iter_mut().zip(values) {
        let above = value.max(low).wrapping_sub(low) as u64 >> shift;
        *place = above.min(BUCKETS as u64 - 1) as u16;
    }
}

/// Sort values of which only neighbours stand in the wrong order.
fn sort_near<T>(values: &mut [T], key: impl Fn(&T) -> i64) {
    for at in 1..values.len() {
        let mut at = at;
        while at > 0 && key(&values[at - 1]) > key(&values[at]) {
            values.swap(at - 1, at);
            at -= 1;
        }
    }
}

/// Numbers up to which the general sort is at least as fast.
const SMALL: usize = 64;
const MOST_BUCKETS: usize = 4096;

/// Put numbers that have a count each in ascending order.
pub(crate) fn sort_counted(numbers: &mut [(i64, u64)]) {
    sort_by(numbers, |number| number.0);
}

/// Put values in the order of their keys: dealt into about as many buckets as there are values, crowded ones dealt again.
pub(super) fn sort_by<T: Copy>(values: &mut [T], key: impl Fn(&T) -> i64 + Copy) {
    if values.len() <= SMALL || values.is_sorted_by_key(key) {
        return values.sort_unstable_by_key(key);
    }
    let keys = values.iter().map(key);
    let (low, high) = keys.fold((i64::MAX, i64::MIN), |(low, high), key| (low.min(key), high.max(key)));
    let n_buckets = values.len().next_power_of_two().min(MOST_BUCKETS);
    let span = high.wrapping_sub(low) as u64;
    let shift = (u64::BITS - span.leading_zeros()).saturating_sub(n_buckets.ilog2());
    let bucket = |value: &T| (key(value).wrapping_sub(low) as u64 >> shift) as usize;
    let mut ends = vec![0; n_buckets];
    for value in values.iter() {
        ends[bucket(value)] += 1;
    }
    let mut n = 0;
    for end in &mut ends {
        n += std::mem::replace(end, n);
    }
    let dealt = values.to_vec();
    for &value in &dealt {
        let end = &mut ends[bucket(&value)];
        values[*end] = value;
        *end += 1;
    }
    let mut start = 0;
    for end in ends {
        if end - start > usize::from(FEW) {
            sort_by(&mut values[start..end], key);
        }
        start = end;
    }
    sort_near(values, key);
}

/// Two ascending sequences as one.
pub(super) fn merged(ours: &[i64], theirs: &[i64]) -> Vec<i64> {
    if ours.is_empty() || theirs.is_empty() {
        return [ours, theirs].concat();
    }
    let mut all = Vec::with_capacity(ours.len() + theirs.len());
    let (mut i, mut j) = (0, 0);
    while i < ours.len() && j < theirs.len() {
        let first = ours[i] <= theirs[j];
        all.push(if first { ours[i] } else { theirs[j] });
        i += usize::from(first);
        j += usize::from(!first);
    }
    all.extend_from_slice(&ours[i..]);
    all.extend_from_slice(&theirs[j..]);
    all
}

#[cfg(test)]
mod tests {
    use super::super::hash_u64;
    use super::{BASE, FEW, sort_counted, thinned};

    #[test]
    fn counted_numbers_ascend_with_their_counts() {
        let noise = |at: usize| hash_u64(at as u64) as i64;
        let float = |at: usize| (noise(at) as f64).to_bits() as i64;
        let spreads: [&dyn Fn(usize) -> i64; 7] = [
            &noise,
            &float,
            &|at| noise(at) % 100,
            &|at| noise(at) % 100_000,
            &|at| if at == 77 { i64::MAX } else { noise(at) % 5000 },
            &|at| if at % 2 == 0 { i64::MIN + at as i64 } else { i64::MAX - at as i64 },
            &|_| 7,
        ];
        for spread in spreads {
            for n in [0, 1, 64, 65, 1000, 4096, 10_000] {
                let mut numbers: Vec<(i64, u64)> = (0..n).map(|at| (spread(at), spread(at) as u64 ^ 3)).collect();
                let mut expected = numbers.clone();
                expected.sort_unstable();
                sort_counted(&mut numbers);
                assert_eq!(numbers, expected);
            }
        }
    }

    #[test]
    fn what_is_picked_ascends_and_no_rank_moves_far() {
        for span in [1, 3, 500, 1 << 40, u64::MAX] {
            let mut range = None;
            for round in 0..3 {
                let values: [i64; BASE] =
                    std::array::from_fn(|at| (hash_u64((at + round * BASE) as u64) % span) as i64);
                for (reach, first) in [(0, 0), (3, 5), (4, 15)] {
                    let picked = thinned(&values, reach, first, &mut range);
                    assert_eq!(picked.len(), BASE >> reach);
                    assert!(picked.is_sorted());
                    for (at, value) in picked.iter().enumerate() {
                        let below = values.iter().filter(|other| *other < value).count();
                        let up_to = values.iter().filter(|other| *other <= value).count();
                        let rank = (at << reach) + first;
                        let slack = usize::from(FEW) + (1 << reach);
                        assert!(below <= rank + slack && rank <= up_to + slack, "{span} {reach} {rank}: {below}");
                    }
                }
            }
        }
    }
}
