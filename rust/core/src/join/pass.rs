//! One pass over the left rows for all right tables: the left rows are grouped once for each set of keys, and every right
//! table that has those keys is searched bucket by bucket, in parallel. The result does not depend on the number of
//! threads: buckets are independent, and counts are added.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use arrow_array::{Array, ArrayRef, UInt32Array};
use arrow_buffer::NullBuffer;
use rayon::prelude::*;

use super::groups::{AHEAD, Arranged, Group, Groups};
use super::keys::KeyPlan;
use super::left::{LeftBucket, LeftIndex, LeftRow, LeftSide};
use super::merge::Merge;
use super::monitor::Monitor;
use super::options::AsofOptions;
use super::order::{WORTH_THREADS, sort};
use super::partition::{CHUNK, Side, each_bucket};
use super::report::{SideReport, merged};
use super::search::{Outcome, Rule, Searcher, Walk};
use super::table::{NONE, Table, to_indices};
use super::times::{Instant, TimeColumn, Unit};
use super::window;
use crate::error::Result;

/// Groups longer than this are searched in order of time.
const OUT_OF_CACHE: usize = 1 << 16;

/// What one right table gave.
pub(super) struct Found {
    /// For each search the right row of each left row.
    pub(super) matches: Vec<UInt32Array>,
    /// The aggregates of each left row, where those were asked for.
    pub(super) aggregates: Vec<ArrayRef>,
    pub(super) report: SideReport,
    /// What the rows of its key were to each left row, as bits of `Outcome`; empty for aggregates.
    pub(super) outcomes: Vec<u8>,
}

impl Found {
    /// The columns that the search gives, in their order.
    pub(super) fn columns(&self, right: &Table, options: &AsofOptions) -> Result<Vec<ArrayRef>> {
        if options.aggregates.is_some() {
            return Ok(self.aggregates.clone());
        }
        let mut columns: Vec<(usize, ArrayRef)> = Vec::new();
        for (search, indices) in options.searches(right.schema())?.iter().zip(&self.matches) {
            let rows = right.rows(indices.clone());
            let take = |(order, position, _): &(usize, usize, String)| Ok((*order, right.take(*position, &rows)?));
            columns.extend(parallel(&search.columns, take)?);
        }
        columns.sort_by_key(|(order, _)| *order);
        Ok(columns.into_iter().map(|(_, column)| column).collect())
    }
}

/// Search all right tables. With `wants_outcomes` it is told of each left row what became of it.
pub(super) fn run(
    left: &Table,
    rights: &[(Table, AsofOptions)],
    unit: Unit,
    wants_outcomes: bool,
    monitor: &Monitor,
) -> Result<Vec<Found>> {
    if unit.is_wide {
        run_in::<i128>(left, rights, unit, wants_outcomes, monitor)
    } else {
        run_in::<i64>(left, rights, unit, wants_outcomes, monitor)
    }
}

fn run_in<T: Instant>(
    left: &Table,
    rights: &[(Table, AsofOptions)],
    unit: Unit,
    wants_outcomes: bool,
    monitor: &Monitor,
) -> Result<Vec<Found>> {
    let most = rights.iter().map(|(right, _)| right.num_rows()).max().unwrap_or(0);
    monitor.add_expected(rights.iter().map(|(right, _)| right.num_rows() + left.num_rows()).sum());
    let mut lefts: Vec<(KeyPlan, &str, Left<T>)> = Vec::new();
    let mut found = Vec::with_capacity(rights.len());
    for (right, options) in rights {
        let plan = options.check(left.schema(), right.schema())?;
        let known = lefts.iter().position(|(known, on, _)| *on == options.on_left && known.has_left_keys_of(&plan));
        let at = if let Some(at) = known {
            at
        } else {
            let times = TimeColumn::read(left, &options.on_left, "left")?.to::<T>(unit);
            let side = Side { keys: plan.left(left)?, times, created: None, needs_created: false };
            lefts.push((plan.clone(), &options.on_left, Left { side: LeftSide::of(side), index: None }));
            lefts.len() - 1
        };
        let left = &mut lefts[at].2;
        let side = right_side::<T>(right, options, &plan, unit)?;
        if options.aggregates.is_none()
            && !wants_outcomes
            && let Some(merge) = Merge::of(&left.side, &side, options.rule(unit))
        {
            found.push(merge_right(&merge, right, options, monitor)?);
        } else {
            found.push(search_right(left.index(most, monitor)?, right, &side, options, unit, wants_outcomes, monitor)?);
        }
    }
    Ok(found)
}

/// The left rows as they are, and by key as soon as that is needed.
struct Left<T: Instant> {
    side: LeftSide<T>,
    index: Option<LeftIndex<T>>,
}

impl<T: Instant> Left<T> {
    fn index(&mut self, most_right_rows: usize, monitor: &Monitor) -> Result<&LeftIndex<T>> {
        let index = match self.index.take() {
            Some(index) => index,
            None => LeftIndex::of(&self.side, most_right_rows, monitor)?,
        };
        Ok(self.index.insert(index))
    }
}

/// The right rows of a table that is in order of time, as the left rows are.
fn merge_right<T: Instant>(
    merge: &Merge<'_, T>,
    table: &Table,
    options: &AsofOptions,
    monitor: &Monitor,
) -> Result<Found> {
    let (mut matches, mut report) = (Vec::new(), None);
    let searches = valid_rows(table, options)?;
    monitor.add_expected((searches.len() - 1) * merge.n_rows());
    for nulls in searches {
        let (found, counts) = merge.run(nulls.as_ref(), monitor)?;
        matches.push(to_indices(found));
        // Rows are counted once, by the search that takes nulls as they are.
        report.get_or_insert(counts);
    }
    Ok(Found { matches, aggregates: Vec::new(), report: report.unwrap_or_default(), outcomes: Vec::new() })
}

/// Of each search which rows have a value that it may give; none where all have.
fn valid_rows(table: &Table, options: &AsofOptions) -> Result<Vec<Option<NullBuffer>>> {
    let nulls = |position: usize| Ok(table.column(position)?.logical_nulls().filter(|nulls| nulls.null_count() > 0));
    let searches = options.searches(table.schema())?;
    searches.iter().map(|search| search.skips_nulls_of.map_or(Ok(None), nulls)).collect()
}

fn search_right<T: Instant>(
    left: &LeftIndex<T>,
    table: &Table,
    right: &Side<T>,
    options: &AsofOptions,
    unit: Unit,
    wants_outcomes: bool,
    monitor: &Monitor,
) -> Result<Found> {
    if let Some(aggregates) = &options.aggregates {
        let plan = window::Plan::new(table, aggregates, options.only_known, unit)?;
        let arranged = Arranged::of(right, left, options.is_ordered, plan.only_values(), monitor)?;
        let (aggregates, report) = plan.run(left, table, right, &arranged, monitor)?;
        return Ok(Found { matches: Vec::new(), aggregates, report, outcomes: Vec::new() });
    }
    let arranged = Arranged::of(right, left, options.is_ordered, None, monitor)?;
    let valid = valid_rows(table, options)?;
    let rule = options.rule(unit);
    let matches: Vec<Vec<AtomicU32>> =
        valid.iter().map(|_| (0..left.side.n_rows()).map(|_| AtomicU32::new(NONE)).collect()).collect();
    let n_outcomes = if wants_outcomes { left.side.n_rows() } else { 0 };
    let outcomes: Vec<AtomicU8> = (0..n_outcomes).map(|_| AtomicU8::new(0)).collect();
    let search_bucket = |mut report: SideReport, bucket: usize| {
        let rows = left.bucket(bucket);
        monitor.advance(rows.rows.len())?;
        let groups = arranged.groups(left, right, bucket);
        let mut counted = Some(&mut report);
        for (matches, valid) in matches.iter().zip(&valid) {
            // Rows are counted once, by the search that takes nulls as they are.
            let mut again = SideReport::default();
            let outcomes = (counted.is_some() && wants_outcomes).then_some(outcomes.as_slice());
            let results = Results { matches, outcomes };
            let report = counted.take().unwrap_or(&mut again);
            match valid {
                Some(valid) => search_groups(&groups.only(valid), rows, rule, &results, report),
                None => search_groups(&groups, rows, rule, &results, report),
            }
        }
        Ok(report)
    };
    let report = each_bucket(left.n_buckets(), search_bucket, merged)?;
    let report = report.with_nulls(left.side.n_rows());
    arranged.recycle(&left.spare);
    let matches = matches
        .into_iter()
        .map(|matches| to_indices(matches.into_iter().map(AtomicU32::into_inner).collect()))
        .collect();
    let outcomes = outcomes.into_iter().map(AtomicU8::into_inner).collect();
    Ok(Found { matches, aggregates: Vec::new(), report, outcomes })
}

/// The results of `work` on each item, in order; in parallel.
fn parallel<I: Sync, R: Send>(items: &[I], work: impl Fn(&I) -> Result<R> + Sync + Send) -> Result<Vec<R>> {
    items.par_iter().map(work).collect()
}

fn right_side<T: Instant>(table: &Table, options: &AsofOptions, plan: &KeyPlan, unit: Unit) -> Result<Side<T>> {
    let created = options.created.as_ref().map(|name| TimeColumn::read(table, name, "right"));
    Ok(Side {
        keys: plan.right(table)?,
        times: TimeColumn::read(table, &options.on_right, "right")?.to::<T>(unit),
        created: created.transpose()?.map(|created| created.to::<T>(unit)),
        needs_created: options.only_known,
    })
}

/// Where a search puts what it finds, by position of the left row.
struct Results<'a> {
    matches: &'a [AtomicU32],
    outcomes: Option<&'a [AtomicU8]>,
}

/// Search the rows of one bucket, group by group.
fn search_groups<T: Instant>(
    groups: &Groups<'_, T>,
    left: &LeftBucket<T>,
    rule: Rule,
    results: &Results<'_>,
    report: &mut SideReport,
) {
    let mut counts = Vec::new();
    for (at, rows) in left.groups().enumerate() {
        groups.prefetch(at + AHEAD);
        if rows.is_empty() {
            continue;
        }
        let group = groups.get(at);
        let ascends = || rows.is_sorted_by_key(|row| row.time);
        let searcher = Searcher::new(group, Walk::of(group.times.len(), rows.len(), ascends), rule);
        if group.times.len() > OUT_OF_CACHE && !rows.is_sorted_by_key(|row| row.time) {
            let mut rows = rows.to_vec();
            sort(&mut rows);
            search_rows(&group, &searcher, &rows, rule, results, &mut counts, report);
        } else {
            search_rows(&group, &searcher, rows, rule, results, &mut counts, report);
        }
    }
}

fn search_rows<T: Instant>(
    group: &Group<'_, T>,
    searcher: &Searcher<'_, T>,
    rows: &[LeftRow<T>],
    rule: Rule,
    results: &Results<'_>,
    counts: &mut Vec<u32>,
    report: &mut SideReport,
) {
    if rows.len() <= WORTH_THREADS {
        return search_part(group, searcher, rows, rule, results, counts, report);
    }
    let chunk = |mut report: SideReport, rows: &[LeftRow<T>]| {
        search_part(group, searcher, rows, rule, results, &mut Vec::new(), &mut report);
        report
    };
    let found = rows.par_chunks(CHUNK).fold(SideReport::default, chunk).reduce(SideReport::default, merged);
    report.merge(&found);
}

fn search_part<T: Instant>(
    group: &Group<'_, T>,
    searcher: &Searcher<'_, T>,
    rows: &[LeftRow<T>],
    rule: Rule,
    results: &Results<'_>,
    counts: &mut Vec<u32>,
    report: &mut SideReport,
) {
    report.n_rows += rows.len() as u64;
    if rule.takes_newest() && results.outcomes.is_none() {
        searcher.counts(rows.iter().map(|row| row.time), rule, counts);
        return take_newest(group, counts, rows, rule, results, report);
    }
    let mut hint = 0;
    for row in rows {
        let (outcome, found) = searcher.pick(rule, row.time, &mut hint);
        if outcome.has(Outcome::MATCH) {
            results.matches[row.row as usize].store(group.row(found), Ordering::Relaxed);
            report.ages.add(group.times[found].distance(row.time));
        }
        if let Some(outcomes) = results.outcomes {
            outcomes[row.row as usize].store(outcome.0, Ordering::Relaxed);
        }
        report.count(outcome);
    }
}

/// The same for rows that take the newest one of those that are early enough, which are `counts`: nothing here depends on
/// the search before it, so that several rows are worked on at once.
fn take_newest<T: Instant>(
    group: &Group<'_, T>,
    counts: &[u32],
    rows: &[LeftRow<T>],
    rule: Rule,
    results: &Results<'_>,
    report: &mut SideReport,
) {
    let times = group.times;
    if times.is_empty() {
        report.n_unknown_key += rows.len() as u64;
        return;
    }
    let (mut n_early, mut n_expired, mut n_ties) = (0, 0, 0);
    let ages = rows.iter().zip(counts).filter_map(|(row, &count)| {
        let Some(at) = (count as usize).checked_sub(1) else {
            n_early += 1;
            return None;
        };
        let age = times[at].distance(row.time);
        if age > rule.tolerance {
            n_expired += 1;
            return None;
        }
        n_ties += u64::from(at > 0 && times[at - 1] == times[at]);
        results.matches[row.row as usize].store(group.row(at), Ordering::Relaxed);
        Some(age)
    });
    report.ages.add_all(ages);
    report.n_future_only += n_early;
    report.n_expired += n_expired;
    report.n_ties += n_ties;
    report.n_matched += rows.len() as u64 - n_early - n_expired;
}
