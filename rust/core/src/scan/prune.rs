//! Which files cannot hold a matching row. The answer errs on one side only: a file that is dropped holds none.

use std::cmp::Ordering;
use std::sync::Arc;

use super::predicate::{Operator, Predicate};
use crate::format::manifest::{Bound, BoundRef, ZoneRef};
use crate::format::zones::ZoneColumn;

/// Zones of some files, column by column.
pub struct Block<'a> {
    /// Number of files.
    pub n_files: usize,
    /// By name, of columns that the predicate has; one that is missing says nothing.
    pub columns: Vec<(&'a str, Arc<ZoneColumn>)>,
    /// Rows of each file, where they are known.
    pub n_rows: Option<Vec<u64>>,
}

impl Block<'_> {
    /// For each file, whether it may hold a row for which `predicate` is true.
    pub fn may_match(&self, predicate: &Predicate) -> Vec<bool> {
        self.may_hold(predicate, false)
    }

    /// With `negated`, whether a row may exist for which the predicate is false (not merely unknown).
    fn may_hold(&self, predicate: &Predicate, negated: bool) -> Vec<bool> {
        match (predicate, negated) {
            (Predicate::And(parts), false) | (Predicate::Or(parts), true) => {
                self.joined(parts, negated, true, |a, b| a & b)
            }
            (Predicate::And(parts), true) | (Predicate::Or(parts), false) => {
                self.joined(parts, negated, false, |a, b| a | b)
            }
            (Predicate::Unknown, _) => vec![true; self.n_files],
            (Predicate::Not(inner), _) => self.may_hold(inner, !negated),
            (Predicate::Compare(column, operator, literal), _) => {
                let operator = if negated { operator.negated() } else { *operator };
                self.of_column(column, |zones| self.compares(zones, operator, literal))
            }
            (Predicate::In(column, literals), false) => self.of_column(column, |zones| self.is_in(zones, literals)),
            (Predicate::In(column, literals), true) => self.each(column, |zone, n_rows| {
                literals.iter().all(|literal| compares(zone, n_rows, Operator::NotEqual, literal))
            }),
            (Predicate::IsNull(column, wanted), _) => {
                let wants_null = *wanted != negated;
                self.each(column, |zone, n_rows| if wants_null { zone.n_null > 0 } else { zone.n_null < n_rows })
            }
        }
    }

    fn joined(&self, parts: &[Predicate], negated: bool, neutral: bool, join: fn(bool, bool) -> bool) -> Vec<bool> {
        let mut joined = vec![neutral; self.n_files];
        for part in parts {
            let found = self.may_hold(part, negated);
            joined.iter_mut().zip(found).for_each(|(all, one)| *all = join(*all, one));
        }
        joined
    }

    fn of_column(&self, column: &str, test: impl Fn(&ZoneColumn) -> Vec<bool>) -> Vec<bool> {
        match self.columns.iter().find(|(name, _)| *name == column) {
            Some((_, zones)) => test(zones),
            None => vec![true; self.n_files],
        }
    }

    fn each(&self, column: &str, test: impl Fn(ZoneRef<'_>, u64) -> bool) -> Vec<bool> {
        let one = |zones: &ZoneColumn, at: usize| zones.zone(at).is_none_or(|zone| test(zone, self.n_rows(at)));
        self.of_column(column, |zones| (0..self.n_files).map(|at| one(zones, at)).collect())
    }

    fn n_rows(&self, at: usize) -> u64 {
        self.n_rows.as_ref().and_then(|n_rows| n_rows.get(at)).copied().unwrap_or(u64::MAX)
    }

    fn compares(&self, zones: &ZoneColumn, operator: Operator, literal: &Bound) -> Vec<bool> {
        let slow = |at: usize| zones.zone(at).is_none_or(|zone| compares(zone, self.n_rows(at), operator, literal));
        match (literal, zones.ints(), zones.floats()) {
            (Bound::Int(literal), Some(bounds), _) if i64::try_from(*literal).is_ok() => {
                tested(zones, bounds, operator, *literal as i64, slow)
            }
            (Bound::Float(literal), _, Some(bounds)) => tested(zones, bounds, operator, *literal, slow),
            _ => (0..self.n_files).map(slow).collect(),
        }
    }

    fn is_in(&self, zones: &ZoneColumn, literals: &[Bound]) -> Vec<bool> {
        let slow = |at: usize| {
            let n_rows = self.n_rows(at);
            let equals = |zone, literal| compares(zone, n_rows, Operator::Equal, literal);
            zones.zone(at).is_none_or(|zone| literals.iter().any(|literal| equals(zone, literal)))
        };
        let ints: Option<Vec<i64>> = literals.iter().map(small_int).collect();
        let (Some(mut ints), Some(bounds)) = (ints, zones.ints()) else {
            return (0..self.n_files).map(slow).collect();
        };
        ints.sort_unstable();
        let holds_one = |[min, max]: [i64; 2]| {
            let next = ints.partition_point(|literal| *literal < min);
            ints.get(next).is_some_and(|literal| *literal <= max)
        };
        let one = |(at, bounds): (usize, &[i64; 2])| if zones.is_plain(at) { holds_one(*bounds) } else { slow(at) };
        bounds.iter().enumerate().map(one).collect()
    }
}

fn small_int(literal: &Bound) -> Option<i64> {
    if let Bound::Int(value) = literal { i64::try_from(*value).ok() } else { None }
}

/// Compare bounds where they say all, and ask `slow` elsewhere.
fn tested<T: PartialOrd + Copy>(
    zones: &ZoneColumn,
    bounds: &[[T; 2]],
    operator: Operator,
    literal: T,
    slow: impl Fn(usize) -> bool,
) -> Vec<bool> {
    // A comparison with NaN holds nowhere, which would drop files.
    if literal.partial_cmp(&literal).is_none() {
        return (0..bounds.len()).map(slow).collect();
    }
    let test: fn(T, T, T) -> bool = match operator {
        Operator::Equal => |min, max, literal| min <= literal && literal <= max,
        Operator::NotEqual => |min, max, literal| min != literal || max != literal,
        Operator::Less => |min, _, literal| min < literal,
        Operator::LessOrEqual => |min, _, literal| min <= literal,
        Operator::Greater => |_, max, literal| max > literal,
        Operator::GreaterOrEqual => |_, max, literal| max >= literal,
    };
    let one = |(at, [min, max]): (usize, &[T; 2])| {
        if zones.is_plain(at) { test(*min, *max, literal) } else { slow(at) }
    };
    bounds.iter().enumerate().map(one).collect()
}

fn compares(zone: ZoneRef<'_>, n_rows: u64, operator: Operator, literal: &Bound) -> bool {
    if zone.n_null >= n_rows {
        return false;
    }
    // NaN is outside of the bounds, and how it compares is the reader's affair.
    if zone.has_nan {
        return true;
    }
    let low = zone.min.and_then(|min| order(min, literal.borrowed()));
    let high = zone.max.and_then(|max| order(max, literal.borrowed()));
    let below = |limit: Option<Ordering>, allowed: &[Ordering]| limit.is_none_or(|found| allowed.contains(&found));
    match operator {
        Operator::Equal => {
            below(low, &[Ordering::Less, Ordering::Equal]) && below(high, &[Ordering::Greater, Ordering::Equal])
        }
        Operator::NotEqual => !(low == Some(Ordering::Equal) && high == Some(Ordering::Equal)),
        Operator::Less => below(low, &[Ordering::Less]),
        Operator::LessOrEqual => below(low, &[Ordering::Less, Ordering::Equal]),
        Operator::Greater => below(high, &[Ordering::Greater]),
        Operator::GreaterOrEqual => below(high, &[Ordering::Greater, Ordering::Equal]),
    }
}

/// How a bound lies to a literal; `None` where the two cannot be compared exactly.
fn order(bound: BoundRef<'_>, literal: BoundRef<'_>) -> Option<Ordering> {
    const EXACT: i128 = 1 << 53;
    let exact = |value: i128| (value.abs() <= EXACT).then_some(value as f64);
    match (bound, literal) {
        (BoundRef::Int(a), BoundRef::Int(b)) => Some(a.cmp(&b)),
        (BoundRef::Text(a), BoundRef::Text(b)) => Some(a.cmp(b)),
        (BoundRef::Float(a), BoundRef::Float(b)) => a.partial_cmp(&b),
        (BoundRef::Int(a), BoundRef::Float(b)) => exact(a)?.partial_cmp(&b),
        (BoundRef::Float(a), BoundRef::Int(b)) => a.partial_cmp(&exact(b)?),
        _ => None,
    }
}
