//! Functions over the values in a range: one call for one function of one column of one group, for all windows of all
//! left rows.

use std::cell::RefCell;

use super::super::table::NONE;
use super::exact::ExactSums;
use super::fold::{Best, Extreme, Fold, Sum, Tree, Variance, WholeVariance};
use super::functions::{Aggregate, Function};
use super::sketches::{self, from_ordered};
use super::values::{Column, GroupValues, WholeSums};
use crate::error::{Error, Result};
use crate::sketch::Distinct;

/// Results of one column for the left rows of a bucket, in some order.
#[derive(Clone, Debug)]
pub(super) enum Cells {
    /// Counts, of which none is null.
    Counts(Vec<i64>),
    Wholes(Vec<Option<i64>>),
    Wides(Vec<Option<i128>>),
    /// The number of events in each window: nothing is kept.
    Events,
    /// Values, and of each whether it is one.
    Floats(Vec<f64>, Vec<bool>),
    /// Values, one where there are events.
    Present(Vec<f64>),
    /// Rows of the right table.
    Rows(Vec<u32>),
    /// Ends of lists, and rows in them.
    Lists(Vec<u32>, Vec<u32>),
}

impl Cells {
    /// Those of a function of a column; without one, events are counted.
    pub(super) fn of(function: Function, column: Option<&Column>) -> Self {
        let Some(column) = column else { return Self::Events };
        match function {
            Function::Count if !column.has_nulls() => Self::Events,
            function if function.is_count() => Self::Counts(Vec::new()),
            Function::Sum if column.is_decimal() => Self::Wides(Vec::new()),
            Function::Sum if !column.is_float() => Self::Wholes(Vec::new()),
            Function::Min | Function::Max if !column.is_plain_float() => Self::Rows(Vec::new()),
            Function::First | Function::Last => Self::Rows(Vec::new()),
            Function::LastK(_) | Function::FirstK(_) => Self::Lists(Vec::new(), Vec::new()),
            // One value has no variance.
            Function::Variance { .. } => Self::Floats(Vec::new(), Vec::new()),
            _ if column.has_nulls() => Self::Floats(Vec::new(), Vec::new()),
            _ => Self::Present(Vec::new()),
        }
    }

    /// Make room for the results of so many left rows.
    pub(super) fn reserve(&mut self, n_rows: usize) {
        match self {
            Self::Counts(cells) => cells.reserve(n_rows),
            Self::Events => {}
            Self::Present(cells) => cells.reserve(n_rows),
            Self::Wholes(cells) => cells.reserve(n_rows),
            Self::Wides(cells) => cells.reserve(n_rows),
            Self::Floats(cells, valid) => {
                cells.reserve(n_rows);
                valid.reserve(n_rows);
            }
            Self::Rows(rows) => rows.reserve(n_rows),
            Self::Lists(ends, _) => ends.reserve(n_rows),
        }
    }

    pub(super) fn counts(&self) -> &[i64] {
        if let Self::Counts(cells) = self { cells } else { &[] }
    }

    pub(super) fn wholes(&self) -> &[Option<i64>] {
        if let Self::Wholes(cells) = self { cells } else { &[] }
    }

    pub(super) fn wides(&self) -> &[Option<i128>] {
        if let Self::Wides(cells) = self { cells } else { &[] }
    }

    pub(super) fn floats(&self) -> (&[f64], &[bool]) {
        match self {
            Self::Floats(cells, valid) => (cells, valid),
            Self::Present(cells) => (cells, &[]),
            _ => (&[], &[]),
        }
    }

    pub(super) fn rows(&self) -> &[u32] {
        if let Self::Rows(rows) = self { rows } else { &[] }
    }

    pub(super) fn lists(&self) -> (&[u32], &[u32]) {
        if let Self::Lists(ends, rows) = self { (ends, rows) } else { (&[], &[]) }
    }

    fn push_row(&mut self, row: u32) {
        if let Self::Rows(rows) = self {
            rows.push(row);
        }
    }

    #[inline]
    fn push_float(&mut self, value: Option<f64>) {
        self.push_floats(std::iter::once(value));
    }

    fn push_count(&mut self, n: i64) {
        if let Self::Counts(counts) = self {
            counts.push(n);
        }
    }

    /// Counts of the values in each range.
    fn push_counts(&mut self, ranges: impl Iterator<Item = (usize, usize)>) {
        if let Self::Counts(counts) = self {
            counts.extend(ranges.map(|(start, end)| (end - start) as i64));
        }
    }

    /// A number for each range that is not empty.
    #[inline]
    fn push_floats(&mut self, numbers: impl Iterator<Item = Option<f64>>) {
        match self {
            Self::Present(values) => values.extend(numbers.map(Option::unwrap_or_default)),
            Self::Floats(values, valid) => values.extend(numbers.map(|number| {
                valid.push(number.is_some());
                number.unwrap_or_default()
            })),
            _ => {}
        }
    }
}

/// Ranges of events, one for each left row.
pub(super) type Ranges = Vec<(usize, usize)>;

/// Compute aggregates of one function for windows that end together, the shortest first: each is a part of the next one,
/// whose fold starts with its. Whether the function is a fold, so that this was done.
pub(super) fn evaluate_nested(
    values: &GroupValues<'_>,
    evaluator: &Evaluator<'_>,
    aggregates: &[usize],
    ranges: &[&Ranges],
    cells: &mut [Cells],
) -> bool {
    match evaluator {
        Evaluator::Sum(tree) => nested(values, tree, aggregates, ranges, cells, |sum, _| sum.value()),
        Evaluator::Mean(tree) => nested(values, tree, aggregates, ranges, cells, |sum, n| sum.value() / n as f64),
        Evaluator::Least(tree) => nested(values, tree, aggregates, ranges, cells, |value, _| value),
        Evaluator::Greatest(tree) => nested(values, tree, aggregates, ranges, cells, |value, _| value),
        _ => return false,
    }
    true
}

/// Push a number of the fold of each range, and of how many values it has.
#[inline]
fn nested<F: Fold>(
    values: &GroupValues<'_>,
    tree: &Tree<F>,
    aggregates: &[usize],
    ranges: &[&Ranges],
    cells: &mut [Cells],
    number: impl Fn(F::Node, usize) -> f64,
) {
    // Of each left row where the last window starts, and its fold.
    let mut known: Vec<(usize, Option<F::Node>)> = vec![(usize::MAX, None); ranges.first().map_or(0, |it| it.len())];
    for (&aggregate, ranges) in aggregates.iter().zip(ranges) {
        cells[aggregate].push_floats(known.iter_mut().zip(*ranges).map(|((known, node), &(start, end))| {
            let (start, end) = values.range(start, end);
            let from = end.min(*known);
            if start < from {
                let more = tree.range(start, from);
                *node = Some(node.map_or(more, |node| tree.merge(more, node)));
                *known = start;
            }
            node.map(|node| number(node, end - start))
        }));
    }
}

/// Compute `aggregate` for each of `ranges`; `evaluator` is shared by all windows of one function.
pub(super) fn evaluate(
    values: &GroupValues<'_>,
    evaluator: &Evaluator<'_>,
    aggregate: &Aggregate,
    ranges: &Ranges,
    cells: &mut Cells,
) -> Result<()> {
    let valid_ranges = || ranges.iter().map(|&(start, end)| values.range(start, end));
    match evaluator {
        Evaluator::Count => {
            cells.push_counts(valid_ranges());
            return Ok(());
        }
        Evaluator::ExactSum(sums) => {
            cells.push_floats(valid_ranges().map(|(start, end)| (start < end).then(|| sums.sum(start, end))));
            return Ok(());
        }
        Evaluator::ExactMean(sums) => {
            let mean = |start: usize, end: usize| sums.sum(start, end) / (end - start) as f64;
            cells.push_floats(valid_ranges().map(|(start, end)| (start < end).then(|| mean(start, end))));
            return Ok(());
        }
        _ => {}
    }
    for (start, end) in valid_ranges() {
        match evaluator {
            Evaluator::Distinct => cells.push_count(if start == end { 0 } else { values.n_distinct(start, end) }),
            Evaluator::Distinctly(count) => cells.push_count(if start == end { 0 } else { count(start, end) }),
            Evaluator::First => cells.push_row(if start == end { NONE } else { values.rows[start] }),
            Evaluator::Last => cells.push_row(if start == end { NONE } else { values.rows[end - 1] }),
            Evaluator::Best(tree) => {
                cells.push_row(if start == end { NONE } else { values.rows[tree(start, end) as usize] });
            }
            Evaluator::Some(k, newest) => {
                if let Cells::Lists(ends, rows) = cells {
                    let k = (*k as usize).min(end - start);
                    let range = if *newest { end - k..end } else { start..start + k };
                    rows.extend_from_slice(&values.rows[range]);
                    ends.push(rows.len() as u32);
                }
            }
            Evaluator::WholeSum(sums) => push_sum(sums, values, start, end, aggregate, cells)?,
            Evaluator::Number(number) => cells.push_float(if start == end { None } else { number(start, end) }),
            // Done already: here, or by `evaluate_nested`.
            Evaluator::Count
            | Evaluator::ExactSum(_)
            | Evaluator::ExactMean(_)
            | Evaluator::Sum(_)
            | Evaluator::Mean(_)
            | Evaluator::Least(_)
            | Evaluator::Greatest(_) => {}
        }
    }
    Ok(())
}

fn push_sum(
    sums: &WholeSums<'_>,
    values: &GroupValues<'_>,
    start: usize,
    end: usize,
    aggregate: &Aggregate,
    cells: &mut Cells,
) -> Result<()> {
    let too_large = |sum: Option<i128>, holder: &str, other: &str| {
        let column = aggregate.column.as_deref().unwrap_or_default();
        let sum = sum.map_or_else(|| "a number".into(), |sum| sum.to_string());
        Error::InvalidArgument(format!(
            "the sum of column '{column}' in a window is {sum}, which {holder} cannot hold; cast the column to a {other} \
             first"
        ))
    };
    match cells {
        Cells::Wides(cells) if start < end => {
            let sum = sums.sum(start, end).filter(|sum| sum.unsigned_abs() < END_OF_DECIMALS);
            cells.push(Some(sum.ok_or_else(|| too_large(None, "a decimal of 38 digits", "float"))?));
        }
        Cells::Wides(cells) => cells.push(None),
        Cells::Wholes(cells) => {
            let narrow = |sum: Option<i128>| {
                let narrow =
                    if values.is_unsigned() { u64::try_from(sum?).ok()? as i64 } else { i64::try_from(sum?).ok()? };
                Some(narrow)
            };
            let sum = sums.sum(start, end);
            let held = narrow(sum).ok_or_else(|| too_large(sum, "64 bits", "decimal or a float"));
            cells.push((start < end).then_some(held).transpose()?);
        }
        _ => {}
    }
    Ok(())
}

/// The first whole number with 39 digits.
const END_OF_DECIMALS: u128 = 10_u128.pow(38);

type Position<'a> = Box<dyn Fn(usize, usize) -> u32 + 'a>;
type Number<'a> = Box<dyn Fn(usize, usize) -> Option<f64> + 'a>;
type Whole<'a> = Box<dyn Fn(usize, usize) -> i64 + 'a>;

/// A function made ready for one column of one group.
pub(super) enum Evaluator<'a> {
    Count,
    Distinct,
    Distinctly(Whole<'a>),
    First,
    Last,
    Best(Position<'a>),
    Least(Tree<Extreme<'a, false>>),
    Greatest(Tree<Extreme<'a, true>>),
    ExactSum(&'a ExactSums),
    ExactMean(&'a ExactSums),
    Sum(Tree<Sum<'a>>),
    Mean(Tree<Sum<'a>>),
    Some(u32, bool),
    WholeSum(WholeSums<'a>),
    Number(Number<'a>),
}

impl<'a> Evaluator<'a> {
    /// Ready for `n_ranges` ranges.
    pub(super) fn of(function: Function, values: &'a GroupValues<'_>, n_ranges: usize) -> Self {
        // Blocks of values are folded, but not those of several short groups.
        let n = if values.are_several { 0 } else { values.len() };
        match function {
            Function::Count => Self::Count,
            Function::CountDistinct => Self::Distinct,
            Function::ApproxCountDistinct => match values.keys().filter(|_| n > Distinct::CAP) {
                Some(keys) => Self::Distinctly(Box::new(sketches::distinct(keys, &values.rows))),
                None => Self::Distinct,
            },
            Function::First => Self::First,
            Function::Last => Self::Last,
            Function::FirstK(k) => Self::Some(k, false),
            Function::LastK(k) => Self::Some(k, true),
            Function::Min if values.is_plain_float() => {
                Self::Least(Tree::of(Extreme::new(values.floats(), n_ranges), n))
            }
            Function::Max if values.is_plain_float() => {
                Self::Greatest(Tree::of(Extreme::new(values.floats(), n_ranges), n))
            }
            Function::Min => {
                let tree = Tree::of(Best(|a, b| values.is_less(a, b)), n);
                Self::Best(Box::new(move |start, end| tree.range(start, end)))
            }
            Function::Max => {
                let tree = Tree::of(Best(|a, b| values.is_more(a, b)), n);
                Self::Best(Box::new(move |start, end| tree.range(start, end)))
            }
            Function::Sum if values.is_float() => {
                values.exact_sums().map_or_else(|| Self::Sum(Tree::of(Sum(values.floats()), n)), Self::ExactSum)
            }
            Function::Mean if values.is_float() => {
                values.exact_sums().map_or_else(|| Self::Mean(Tree::of(Sum(values.floats()), n)), Self::ExactMean)
            }
            Function::Sum => Self::WholeSum(values.whole_sums()),
            Function::Mean => Self::Number(mean(values)),
            Function::Variance { population, deviation } => Self::Number(variance(values, population, deviation)),
            Function::Quantile(share) => Self::Number(quantile(values, share)),
            Function::ApproxQuantile(share) => Self::Number(approx_quantile(values, share)),
        }
    }
}

/// The mean of whole numbers.
fn mean<'a>(values: &'a GroupValues<'_>) -> Number<'a> {
    let (sums, scale) = (values.whole_sums(), values.scale());
    Box::new(move |start, end| {
        let n = (end - start) as i128;
        let Some(sum) = sums.sum(start, end) else {
            return Some(Sum(values.floats()).values(start, end).value() / n as f64);
        };
        // Whole part and rest apart: the sum may have more digits than a float.
        Some(((sum / n) as f64 + (sum % n) as f64 / n as f64) / scale)
    })
}

fn variance<'a>(values: &'a GroupValues<'_>, population: bool, deviation: bool) -> Number<'a> {
    let less = if population { 0.0 } else { 1.0 };
    let finish = move |variance: f64| if deviation { variance.sqrt() } else { variance };
    if let Some(wholes) = values.far_apart() {
        let tree = Tree::of(WholeVariance(&wholes), wholes.len()).into_levels();
        let squared = values.scale() * values.scale();
        return Box::new(move |start, end| {
            let (_, spread) = Tree::with_levels(WholeVariance(&wholes), &tree).range(start, end);
            Some(finish(spread.variance(less)? / squared))
        });
    }
    let shifted = values.shifted();
    // The tree cannot borrow what the closure owns, so blocks are folded anew for short groups, once for long ones.
    let tree = Tree::of(Variance(&shifted), shifted.len()).into_levels();
    Box::new(move |start, end| {
        Some(finish(Tree::with_levels(Variance(&shifted), &tree).range(start, end).variance(less)?))
    })
}

/// Values from which a quantile is taken by counting in sorted blocks instead of by a selection.
const LONG: usize = 4096;
const BLOCK: usize = 1024;

fn quantile<'a>(values: &'a GroupValues<'_>, share: f64) -> Number<'a> {
    let floats = values.floats();
    let mut sorted = if floats.len() > LONG { floats.to_vec() } else { Vec::new() };
    sorted.chunks_mut(BLOCK).for_each(|block| block.sort_unstable_by(f64::total_cmp));
    let scratch = RefCell::new(Vec::new());
    Box::new(move |start, end| {
        let n = end - start;
        let rank = rank(share, n);
        if sorted.is_empty() || n <= LONG {
            let mut scratch = scratch.borrow_mut();
            scratch.clear();
            scratch.extend_from_slice(&floats[start..end]);
            return Some(*scratch.select_nth_unstable_by(rank - 1, f64::total_cmp).1);
        }
        Some(select_from_blocks(floats, &sorted, start, end, rank))
    })
}

/// Values up to which a sketch of quantiles is exact: a selection gives the same in less time.
const EXACT: usize = 1024;

fn approx_quantile<'a>(values: &'a GroupValues<'_>, share: f64) -> Number<'a> {
    if values.are_several || values.len() <= EXACT {
        return quantile(values, share);
    }
    let (floats, sketched) = (values.floats(), sketches::quantile(values.floats(), share));
    Box::new(move |start, end| {
        if end - start > EXACT {
            return Some(sketched(start, end));
        }
        let mut part = floats[start..end].to_vec();
        Some(*part.select_nth_unstable_by(rank(share, end - start) - 1, f64::total_cmp).1)
    })
}

/// The rank of the value at a share of `n` values.
fn rank(share: f64, n: usize) -> usize {
    ((share * n as f64).ceil() as usize).clamp(1, n)
}

/// The value of a rank, found bit by bit: each step counts what is smaller, in the sorted blocks by binary search.
fn select_from_blocks(floats: &[f64], sorted: &[f64], start: usize, end: usize, rank: usize) -> f64 {
    let (first, last) = (start.div_ceil(BLOCK), end / BLOCK);
    let at_most = |limit: f64| {
        let is_small = |value: &f64| value.total_cmp(&limit).is_le();
        let edges = floats[start..first * BLOCK].iter().chain(&floats[last * BLOCK..end]);
        let blocks = (first..last).map(|block| sorted[block * BLOCK..(block + 1) * BLOCK].partition_point(is_small));
        edges.filter(|value| is_small(value)).count() + blocks.sum::<usize>()
    };
    let (mut low, mut high) = (i64::MIN, i64::MAX);
    while low < high {
        let middle = low.wrapping_add((low.abs_diff(high) / 2) as i64);
        if at_most(from_ordered(middle)) >= rank { high = middle } else { low = middle + 1 }
    }
    from_ordered(low)
}
