//! Which right row a left row takes: one binary search in the rows of its key, in order of time.

use super::groups::Group;
use super::times::Instant;
use super::visible::Minima;

/// Groups longer than this are searched from where the last search in them ended.
const LONG: usize = 512;
/// Right rows for each left row up to which steps are faster than a search.
const FEW_STEPS: usize = 1;

/// How the next position in a group is found.
#[derive(Clone, Copy)]
pub(super) enum Walk {
    /// By a binary search in the whole group.
    Search,
    /// By steps from the last position: left rows ascend and are nearly as many as right rows.
    Steps,
    /// By leaps of doubling length from the last position.
    Leaps,
}

impl Walk {
    /// The fastest one for a group of `n_right` rows that is searched for `n_left` rows.
    pub(super) fn of(n_right: usize, n_left: usize, is_ascending: impl FnOnce() -> bool) -> Self {
        if n_right <= FEW_STEPS * n_left && is_ascending() {
            Self::Steps
        } else if n_right <= LONG {
            Self::Search
        } else {
            Self::Leaps
        }
    }
}

/// Where in time a match lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// The latest right row that is not newer than the left one.
    #[default]
    Backward,
    /// The earliest right row that is not older than the left one.
    Forward,
    /// The one of both that is less far away; the older one if both are as far.
    Nearest,
}

/// Which right row a left row takes.
#[derive(Clone, Copy)]
pub(super) struct Rule {
    pub(super) strategy: Strategy,
    pub(super) allow_exact_matches: bool,
    /// Greatest distance in units of the times.
    pub(super) tolerance: u128,
    /// Whether rows that were created after the left row's time are invisible.
    pub(super) only_known: bool,
}

impl Rule {
    /// Whether a left row takes the newest right row that is early enough, whatever that is.
    pub(super) fn takes_newest(self) -> bool {
        self.strategy == Strategy::Backward && !self.only_known
    }
}

/// What the rows of its key were to a left row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome(pub(super) u8);

impl Outcome {
    /// There are rows of its key.
    pub(super) const KEY: u8 = 1;
    /// Some of them lie on the right side of its time.
    pub(super) const TIME: u8 = 2;
    /// One of those was known.
    pub(super) const KNOWN: u8 = 4;
    /// The nearest of those is near enough: it matches.
    pub(super) const MATCH: u8 = 8;
    /// Another known row has its key and time.
    pub(super) const TIE: u8 = 16;

    pub(super) fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}

/// Searches in one group, one after the other.
pub(super) struct Searcher<'a, T> {
    group: Group<'a, T>,
    walk: Walk,
    minima: Option<Minima<'a, T>>,
}

impl<'a, T: Instant> Searcher<'a, T> {
    pub(super) fn new(group: Group<'a, T>, walk: Walk, rule: Rule) -> Self {
        Self { group, walk, minima: rule.only_known.then(|| Minima::of(group.created)) }
    }

    /// The position in the group of the row that a left row at `time` takes. `hint` is where the last search ended.
    #[inline]
    pub(super) fn pick(&self, rule: Rule, time: T, hint: &mut usize) -> (Outcome, usize) {
        let times = self.group.times;
        if times.is_empty() {
            return (Outcome(0), 0);
        }
        let (earlier, found) = match rule.strategy {
            Strategy::Backward => self.backward(rule, time, hint),
            Strategy::Forward => self.forward(rule, time, hint),
            Strategy::Nearest => {
                let ((before, earlier), (after, later)) =
                    (self.backward(rule, time, hint), self.forward(rule, time, hint));
                let is_nearer = |a: usize, b: usize| times[a].distance(time) <= times[b].distance(time);
                let found = match (earlier, later) {
                    (Some(earlier), Some(later)) if is_nearer(earlier, later) => Some(earlier),
                    (earlier, None) => earlier,
                    (_, later) => later,
                };
                (before || after, found)
            }
        };
        let Some(at) = found else {
            return (Outcome(Outcome::KEY | if earlier { Outcome::TIME } else { 0 }), 0);
        };
        let mut outcome = Outcome::KEY | Outcome::TIME | Outcome::KNOWN;
        if times[at].distance(time) <= rule.tolerance {
            outcome |= Outcome::MATCH;
            // Of rows at one time the last known one is taken, so another one stands before it.
            if at > 0 && times[at - 1] == times[at] {
                outcome |= Outcome::TIE;
            }
        }
        (Outcome(outcome), at)
    }

    /// How many rows of the group are early enough for each of `left`.
    pub(super) fn counts(&self, left: impl ExactSizeIterator<Item = T>, rule: Rule, counts: &mut Vec<u32>) {
        if rule.allow_exact_matches {
            count_all(self.group.times, self.walk, left, |time, limit| time <= limit, counts);
        } else {
            count_all(self.group.times, self.walk, left, |time, limit| time < limit, counts);
        }
    }

    /// Whether there are earlier rows, and the last of them that is known.
    #[inline]
    fn backward(&self, rule: Rule, time: T, hint: &mut usize) -> (bool, Option<usize>) {
        let before = if rule.allow_exact_matches {
            count_below(self.group.times, self.walk, hint, |t| t <= time)
        } else {
            count_below(self.group.times, self.walk, hint, |t| t < time)
        };
        let found = match &self.minima {
            None => before.checked_sub(1),
            Some(minima) => minima.last(before, time),
        };
        (before > 0, found)
    }

    /// Whether there are later rows, and of the first time with a known one the last known one.
    #[inline]
    fn forward(&self, rule: Rule, time: T, hint: &mut usize) -> (bool, Option<usize>) {
        let times = self.group.times;
        let start = if rule.allow_exact_matches {
            count_below(times, self.walk, hint, |t| t < time)
        } else {
            count_below(times, self.walk, hint, |t| t <= time)
        };
        let first = match &self.minima {
            None => (start < times.len()).then_some(start),
            Some(minima) => minima.first(start, time),
        };
        let found = first.map(|first| {
            let end = first + times[first..].partition_point(|&t| t == times[first]);
            match &self.minima {
                None => end - 1,
                // Rows of one time stand in the order in which they became known.
                Some(_) => first + self.group.created[first..end].partition_point(|&created| created <= time) - 1,
            }
        });
        (start < times.len(), found)
    }
}

/// How many of the ascending `times` are `below`, which holds for the first ones only. `hint` is where the last search ended.
#[inline]
fn count_below<T: Copy>(times: &[T], walk: Walk, hint: &mut usize, below: impl Fn(T) -> bool) -> usize {
    let count = match walk {
        Walk::Search => times.partition_point(|&time| below(time)),
        Walk::Steps => count_by_steps(times, (*hint).min(times.len()), below),
        Walk::Leaps => count_from(times, (*hint).min(times.len()), below),
    };
    *hint = count;
    count
}

/// The same for each of `left`, which ascend where it is done by steps.
#[inline]
fn count_all<T: Copy>(
    times: &[T],
    walk: Walk,
    left: impl ExactSizeIterator<Item = T>,
    below: impl Fn(T, T) -> bool + Copy,
    counts: &mut Vec<u32>,
) {
    counts.clear();
    match walk {
        Walk::Search => counts.extend(left.map(|limit| times.partition_point(|&time| below(time, limit)) as u32)),
        Walk::Steps => {
            let mut count = 0;
            counts.extend(left.map(|limit| {
                // Without a branch that cannot be foreseen: most steps are few.
                while count < times.len() && below(times[count], limit) {
                    count += 1;
                }
                count as u32
            }));
        }
        Walk::Leaps => {
            let mut hint = 0;
            counts.extend(left.map(|limit| {
                hint = count_from(times, hint, |time| below(time, limit));
                hint as u32
            }));
        }
    }
}

/// The same, step by step from `hint`.
#[inline]
fn count_by_steps<T: Copy>(times: &[T], mut hint: usize, below: impl Fn(T) -> bool) -> usize {
    while hint > 0 && !below(times[hint - 1]) {
        hint -= 1;
    }
    while hint < times.len() && below(times[hint]) {
        hint += 1;
    }
    hint
}

/// The same, by steps of doubling length from `hint`.
fn count_from<T: Copy>(times: &[T], hint: usize, below: impl Fn(T) -> bool) -> usize {
    let (mut low, mut high, mut step) = (hint, hint, 1);
    while low > 0 && !below(times[low - 1]) {
        high = low - 1;
        low = low.saturating_sub(step);
        step *= 2;
    }
    if low == hint {
        while high < times.len() && below(times[high]) {
            low = high + 1;
            high = (high + step).min(times.len());
            step *= 2;
        }
    }
    low + times[low..high].partition_point(|&time| below(time))
}
