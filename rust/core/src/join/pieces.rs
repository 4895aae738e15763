//! Matches of a right table that is too large to be searched at once: it is searched piece by piece, and of two matches of
//! a left row the better one stays.

use arrow_array::ArrayRef;
use arrow_select::interleave::interleave;

use super::options::AsofOptions;
use super::pass::Found;
use super::report::SideReport;
use super::search::{Outcome, Strategy};
use super::table::Table;
use super::times::{TimeColumn, Times, Unit};
use crate::error::Result;

/// The best matches so far.
pub(super) struct Best {
    /// One for each search.
    matches: Vec<BestOfSearch>,
    outcomes: Vec<u8>,
}

struct BestOfSearch {
    /// Time and creation of the match of each left row.
    at: Vec<Option<(i128, i128)>>,
    /// Order among all columns, and values.
    columns: Vec<(usize, ArrayRef)>,
}

/// A right table being searched, and the left times.
pub(super) struct Piece<'a> {
    pub(super) table: &'a Table,
    pub(super) options: &'a AsofOptions,
    pub(super) left: &'a Times<i128>,
    pub(super) unit: Unit,
}

impl Best {
    /// The matches in the first piece.
    pub(super) fn of(found: &Found, piece: &Piece<'_>) -> Result<Self> {
        let instants = piece.instants()?;
        let mut matches = Vec::new();
        for (search, rows) in piece.options.searches(piece.table.schema())?.iter().zip(&found.matches) {
            let at = rows.iter().map(|row| row.map(|row| instants(row as usize))).collect();
            let places = piece.table.rows(rows.clone());
            let take =
                |(order, position, _): &(usize, usize, String)| Ok((*order, piece.table.take(*position, &places)?));
            matches.push(BestOfSearch { at, columns: search.columns.iter().map(take).collect::<Result<_>>()? });
        }
        Ok(Self { matches, outcomes: found.outcomes.clone() })
    }

    /// Add the matches in the next piece, whose rows follow those of all pieces before it.
    pub(super) fn add(&mut self, other: Self, piece: &Piece<'_>) -> Result<()> {
        for (search, (ours, theirs)) in self.matches.iter_mut().zip(other.matches).enumerate() {
            let left = &piece.left.values;
            let mut places: Vec<(usize, usize)> = Vec::with_capacity(left.len());
            for (row, &time) in left.iter().enumerate() {
                let (old, new) = (ours.at[row], theirs.at[row]);
                let is_new = match (old, new) {
                    (Some(old), Some(new)) => is_better(piece.options.strategy, time, old, new),
                    (old, new) => old.is_none() && new.is_some(),
                };
                if search == 0 {
                    self.outcomes[row] = outcome(self.outcomes[row], other.outcomes[row], old, new, is_new);
                }
                ours.at[row] = if is_new { new } else { old };
                places.push((usize::from(is_new), row));
            }
            for ((_, ours), (_, theirs)) in ours.columns.iter_mut().zip(&theirs.columns) {
                *ours = interleave(&[ours.as_ref(), theirs.as_ref()], &places)?;
            }
        }
        Ok(())
    }

    /// All columns in their order, and the report.
    pub(super) fn finish(self, left: &Times<i128>, has: impl Fn(usize) -> bool) -> (Vec<ArrayRef>, SideReport) {
        let mut report = SideReport::default();
        for (row, &outcome) in self.outcomes.iter().enumerate().filter(|(row, _)| has(*row)) {
            report.n_rows += 1;
            report.count(Outcome(outcome));
            if let Some((time, _)) = self.matches.first().and_then(|search| search.at[row]) {
                report.ages.add(time.abs_diff(left.values[row]));
            }
        }
        let mut columns: Vec<(usize, ArrayRef)> = self.matches.into_iter().flat_map(|search| search.columns).collect();
        columns.sort_by_key(|(order, _)| *order);
        (columns.into_iter().map(|(_, column)| column).collect(), report.with_nulls(left.values.len()))
    }
}

impl Piece<'_> {
    /// Time and creation of a right row.
    fn instants(&self) -> Result<impl Fn(usize) -> (i128, i128)> {
        let times = TimeColumn::read(self.table, &self.options.on_right, "right")?.to::<i128>(self.unit);
        let created = self.options.created.as_ref().map(|name| TimeColumn::read(self.table, name, "right"));
        let created = created.transpose()?.map(|created| created.to::<i128>(self.unit));
        Ok(move |row: usize| {
            let known = created.as_ref().filter(|known| known.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)));
            (times.values[row], known.map_or(i128::MIN, |known| known.values[row]))
        })
    }
}

fn is_better(strategy: Strategy, time: i128, old: (i128, i128), new: (i128, i128)) -> bool {
    if old.0 == new.0 {
        // Of equal ones the later row, which is the one of the later piece.
        return new.1 >= old.1;
    }
    match strategy {
        Strategy::Backward => new.0 > old.0,
        Strategy::Forward => new.0 < old.0,
        Strategy::Nearest => {
            let (far, near) = (old.0.abs_diff(time), new.0.abs_diff(time));
            near < far || (near == far && new.0 < old.0)
        }
    }
}

fn outcome(ours: u8, theirs: u8, old: Option<(i128, i128)>, new: Option<(i128, i128)>, is_new: bool) -> u8 {
    let tie = match (old, new) {
        (Some(old), Some(new)) if old.0 == new.0 => Outcome::TIE,
        _ => (if is_new { theirs } else { ours }) & Outcome::TIE,
    };
    ((ours | theirs) & !Outcome::TIE) | tie
}
