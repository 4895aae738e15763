//! The counts of text that TensorFlow Data Validation gives: Misra and Gries (1982) as it applies them.
//!
//! 1,024 values are counted, or their weights added up. A further one lowers all counts by the least of them, and what was
//! lowered is added to every count in the end, so counts are too high by up to that. Values that were lowered to nothing last fill up what room is left; which of
//! them do is by chance in TFDV, and the greatest here. Needs the values one by one in the order of the rows.

use std::collections::HashMap;

const BUCKETS: usize = 1024;
/// Longer values count as one, as do those that are not UTF-8.
const LONGEST: usize = 1024;
const LARGE: &[u8] = b"__LARGE_BYTES__";
const NOT_TEXT: &[u8] = b"__BYTES_VALUE__";

/// Counts byte strings, and overestimates those that are rare.
#[derive(Clone, Debug, Default)]
pub(crate) struct MisraGries {
    counts: HashMap<Vec<u8>, f64>,
    lowered: f64,
    spare: Vec<Vec<u8>>,
}

impl MisraGries {
    /// Add a value with its weight, which is 1 where there are no weights.
    pub(crate) fn add(&mut self, value: &[u8], weight: f64) {
        let value = match value {
            long if long.len() > LONGEST => LARGE,
            text if std::str::from_utf8(text).is_ok() => text,
            _ => NOT_TEXT,
        };
        if let Some(count) = self.counts.get_mut(value) {
            *count += weight;
        } else {
            self.counts.insert(value.into(), weight);
            self.fit();
        }
    }

    fn fit(&mut self) {
        if self.counts.len() > BUCKETS {
            let mut counts: Vec<f64> = self.counts.values().copied().collect();
            let least = *counts.select_nth_unstable_by(BUCKETS, |a, b| b.total_cmp(a)).1;
            self.lower(least);
        }
    }

    fn lower(&mut self, by: f64) {
        self.lowered += by;
        self.spare.clear();
        let spare = &mut self.spare;
        self.counts.retain(|value, count| {
            *count -= by;
            if *count <= 0.0 {
                spare.push(value.clone());
            }
            *count > 0.0
        });
    }

    /// Add the counts of `other`; too high by what was lowered on both sides.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (value, count) in &other.counts {
            *self.counts.entry(value.clone()).or_default() += count;
        }
        self.lowered += other.lowered;
        self.fit();
    }

    /// Whether more values came than are counted: only then is anything too high.
    pub(crate) fn is_over(&self) -> bool {
        self.lowered > 0.0
    }

    /// Values and their counts in no order.
    pub(crate) fn counts(&self) -> Vec<(&[u8], f64)> {
        // Some of them came again, and are counted.
        let spare = self.spare.iter().map(Vec::as_slice);
        let mut spare: Vec<&[u8]> = spare.filter(|&value| !self.counts.contains_key(value)).collect();
        spare.sort_unstable_by(|a, b| b.cmp(a));
        spare.truncate(BUCKETS - self.counts.len());
        let counted = self.counts.iter().map(|(value, count)| (value.as_slice(), count + self.lowered));
        counted.chain(spare.into_iter().map(|value| (value, self.lowered))).collect()
    }
}
