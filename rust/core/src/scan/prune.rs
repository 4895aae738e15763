//! Which files cannot hold a matching row. The answer errs on one side only: a file that is dropped holds none.

use std::cmp::Ordering;

use super::predicate::{Operator, Predicate};
use crate::format::manifest::{Bound, FileZones, Zone};
use crate::format::schema::TableSchema;

/// Whether a file with these zones may hold a row for which `predicate` is true.
pub fn may_match(predicate: &Predicate, zones: &FileZones, n_rows: u64, schema: &TableSchema) -> bool {
    File { zones, n_rows, schema }.may_hold(predicate, false)
}

struct File<'a> {
    zones: &'a FileZones,
    n_rows: u64,
    schema: &'a TableSchema,
}

impl File<'_> {
    /// With `negated`, whether a row may exist for which the predicate is false (not merely unknown).
    fn may_hold(&self, predicate: &Predicate, negated: bool) -> bool {
        match (predicate, negated) {
            (Predicate::And(parts), false) | (Predicate::Or(parts), true) => {
                parts.iter().all(|part| self.may_hold(part, negated))
            }
            (Predicate::And(parts), true) | (Predicate::Or(parts), false) => {
                parts.iter().any(|part| self.may_hold(part, negated))
            }
            (Predicate::Unknown, _) => true,
            (Predicate::Not(inner), _) => self.may_hold(inner, !negated),
            (Predicate::Compare(column, operator, literal), _) => {
                let operator = if negated { operator.negated() } else { *operator };
                self.zone(column).is_none_or(|zone| self.compares(zone, operator, literal))
            }
            (Predicate::In(column, literals), false) => self
                .zone(column)
                .is_none_or(|zone| literals.iter().any(|literal| self.compares(zone, Operator::Equal, literal))),
            (Predicate::In(column, literals), true) => self
                .zone(column)
                .is_none_or(|zone| literals.iter().all(|literal| self.compares(zone, Operator::NotEqual, literal))),
            (Predicate::IsNull(column, wanted), _) => {
                let wants_null = *wanted != negated;
                self.zone(column)
                    .is_none_or(|zone| if wants_null { zone.n_null > 0 } else { zone.n_null < self.n_rows })
            }
        }
    }

    fn zone(&self, column: &str) -> Option<&Zone> {
        self.zones.get(&self.schema.field(column)?.id)
    }

    fn compares(&self, zone: &Zone, operator: Operator, literal: &Bound) -> bool {
        if zone.n_null >= self.n_rows {
            return false;
        }
        // NaN is outside of the bounds, and how it compares is the reader's affair.
        if zone.has_nan {
            return true;
        }
        let low = zone.min.as_ref().and_then(|min| order(min, literal));
        let high = zone.max.as_ref().and_then(|max| order(max, literal));
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
}

/// How a bound lies to a literal; `None` where the two cannot be compared exactly.
fn order(bound: &Bound, literal: &Bound) -> Option<Ordering> {
    const EXACT: i128 = 1 << 53;
    let exact = |value: i128| (value.abs() <= EXACT).then_some(value as f64);
    match (bound, literal) {
        (Bound::Int(a), Bound::Int(b)) => Some(a.cmp(b)),
        (Bound::Text(a), Bound::Text(b)) => Some(a.cmp(b)),
        (Bound::Float(a), Bound::Float(b)) => a.partial_cmp(b),
        (Bound::Int(a), Bound::Float(b)) => exact(*a)?.partial_cmp(b),
        (Bound::Float(a), Bound::Int(b)) => a.partial_cmp(&exact(*b)?),
        _ => None,
    }
}
