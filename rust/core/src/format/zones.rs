//! Zones of many files as flat columns, which pruning goes through: of numbers, 17 bytes a file.

use super::bytes::Reader;
use super::manifest::{Bound, BoundRef, ZoneRef, read_zone, zone_sections};
use crate::error::Result;

/// Flags of a file in a column.
const PRESENT: u8 = 1;
const HAS_NAN: u8 = 2;
const HAS_MIN: u8 = 4;
const HAS_MAX: u8 = 8;
/// Both bounds and no NaN: the bounds alone decide a comparison.
const PLAIN: u8 = PRESENT | HAS_MIN | HAS_MAX;

/// What is known of one column of each of some files.
#[derive(Debug, Default)]
pub struct ZoneColumn {
    flags: Vec<u8>,
    has_bounds: bool,
    /// Empty where no file has nulls.
    n_null: Vec<u64>,
    bounds: Bounds,
}

/// Smallest and largest values; zero or nothing where they are not known.
#[derive(Debug)]
enum Bounds {
    Ints(Vec<[i64; 2]>),
    Floats(Vec<[f64; 2]>),
    /// Where each text ends, two a file.
    Texts(Vec<u32>, String),
    Mixed(Vec<[Option<Bound>; 2]>),
}

impl Default for Bounds {
    fn default() -> Self {
        Self::Ints(Vec::new())
    }
}

/// Decode the columns `wanted` of encoded zones, in that order; `place` names them in errors.
pub fn decode_columns(bytes: &[u8], wanted: &[i32], place: &str) -> Result<Vec<ZoneColumn>> {
    let (n_files, sections) = zone_sections(bytes, place)?;
    let column = |field_id: &i32| {
        if let Some((_, section)) = sections.iter().find(|(id, _)| id == field_id) {
            return ZoneColumn::decode(section, n_files, place);
        }
        // A file has a zone for each column that it has; a leaf without any such file says nothing.
        let mut column = ZoneColumn::default();
        (0..n_files).for_each(|_| column.push(None));
        Ok(column.finished())
    };
    wanted.iter().map(column).collect()
}

impl ZoneColumn {
    fn decode(section: &[u8], n_files: usize, place: &str) -> Result<Self> {
        let mut reader = Reader::new(section, place);
        let mut column = Self::default();
        for _ in 0..n_files {
            column.push(read_zone(&mut reader)?);
        }
        reader.finish()?;
        Ok(column.finished())
    }

    /// The files at `positions`. Whether the bounds of the nth of them hold is what `bounds_hold` says; none for no zone.
    #[must_use]
    pub fn take(&self, positions: &[usize], bounds_hold: impl Fn(usize) -> Option<bool>) -> Self {
        let mut column = Self::default();
        for (n, &at) in positions.iter().enumerate() {
            column.push(match (self.zone(at), bounds_hold(n)) {
                (zone, Some(true)) => zone,
                (Some(zone), Some(false)) => Some(ZoneRef { min: None, max: None, ..zone }),
                _ => None,
            });
        }
        column.finished()
    }

    /// Number of files.
    pub fn len(&self) -> usize {
        self.flags.len()
    }

    /// Whether there are no files.
    pub fn is_empty(&self) -> bool {
        self.flags.is_empty()
    }

    /// What is known of file `at`.
    pub fn zone(&self, at: usize) -> Option<ZoneRef<'_>> {
        let flags = self.flags.get(at).copied().filter(|flags| flags & PRESENT != 0)?;
        let n_null = self.n_null.get(at).copied().unwrap_or(0);
        let bound = |flag: u8, end: usize| if flags & flag == 0 { None } else { self.bounds.get(at, end) };
        Some(ZoneRef { n_null, has_nan: flags & HAS_NAN != 0, min: bound(HAS_MIN, 0), max: bound(HAS_MAX, 1) })
    }

    /// Whether the bounds of file `at` are known and say all about its values.
    pub fn is_plain(&self, at: usize) -> bool {
        self.flags.get(at) == Some(&PLAIN)
    }

    /// Bounds of all files, if those that are known are integers of 64 bits.
    pub fn ints(&self) -> Option<&[[i64; 2]]> {
        if let Bounds::Ints(bounds) = &self.bounds { Some(bounds) } else { None }
    }

    /// Bounds of all files, if those that are known are floats.
    pub fn floats(&self) -> Option<&[[f64; 2]]> {
        if let Bounds::Floats(bounds) = &self.bounds { Some(bounds) } else { None }
    }

    /// Bytes in memory.
    pub fn size_bytes(&self) -> usize {
        let bounds = match &self.bounds {
            Bounds::Ints(bounds) => 16 * bounds.capacity(),
            Bounds::Floats(bounds) => 16 * bounds.capacity(),
            Bounds::Texts(ends, text) => 4 * ends.capacity() + text.capacity(),
            Bounds::Mixed(bounds) => {
                let texts = bounds.iter().flatten().flatten();
                let text = |bound: &Bound| if let Bound::Text(text) = bound { text.capacity() } else { 0 };
                size_of::<[Option<Bound>; 2]>() * bounds.capacity() + texts.map(text).sum::<usize>()
            }
        };
        size_of::<Self>() + self.flags.capacity() + 8 * self.n_null.capacity() + bounds
    }

    fn push(&mut self, zone: Option<ZoneRef<'_>>) {
        let at = self.flags.len();
        let (n_null, ends) = zone.map_or((0, [None, None]), |zone| (zone.n_null, [zone.min, zone.max]));
        let has_bounds = ends.iter().any(Option::is_some);
        if has_bounds && !self.has_bounds {
            self.has_bounds = true;
            self.bounds = Bounds::of_kind(ends);
            (0..at).for_each(|_| self.bounds.push([None, None]));
        }
        if !self.bounds.takes(ends) {
            let end = |at: usize, flag: u8, end: usize| {
                if self.flags[at] & flag == 0 { None } else { self.bounds.get(at, end).map(BoundRef::owned) }
            };
            self.bounds = Bounds::Mixed((0..at).map(|at| [end(at, HAS_MIN, 0), end(at, HAS_MAX, 1)]).collect());
        }
        self.bounds.push(ends);
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        let has_nan = zone.is_some_and(|zone| zone.has_nan);
        self.flags.push(
            flag(zone.is_some(), PRESENT)
                | flag(has_nan, HAS_NAN)
                | flag(ends[0].is_some(), HAS_MIN)
                | flag(ends[1].is_some(), HAS_MAX),
        );
        self.n_null.push(n_null);
    }

    fn finished(mut self) -> Self {
        if self.n_null.iter().all(|n_null| *n_null == 0) {
            self.n_null = Vec::new();
        }
        self.flags.shrink_to_fit();
        self.n_null.shrink_to_fit();
        self.bounds.shrink_to_fit();
        self
    }
}

impl Bounds {
    fn shrink_to_fit(&mut self) {
        match self {
            Self::Ints(bounds) => bounds.shrink_to_fit(),
            Self::Floats(bounds) => bounds.shrink_to_fit(),
            Self::Texts(places, all) => {
                places.shrink_to_fit();
                all.shrink_to_fit();
            }
            Self::Mixed(bounds) => bounds.shrink_to_fit(),
        }
    }

    fn get(&self, at: usize, end: usize) -> Option<BoundRef<'_>> {
        Some(match self {
            Self::Ints(bounds) => BoundRef::Int(bounds.get(at)?[end].into()),
            Self::Floats(bounds) => BoundRef::Float(bounds.get(at)?[end]),
            Self::Texts(ends, text) => {
                let place = 2 * at + end;
                let start = if place == 0 { 0 } else { *ends.get(place - 1)? };
                BoundRef::Text(text.get(start as usize..*ends.get(place)? as usize)?)
            }
            Self::Mixed(bounds) => bounds.get(at)?[end].as_ref()?.borrowed(),
        })
    }

    /// No bounds yet, in the kind that those of the first file suggest.
    fn of_kind(ends: [Option<BoundRef<'_>>; 2]) -> Self {
        match ends[0].or(ends[1]) {
            Some(BoundRef::Float(_)) => Self::Floats(Vec::new()),
            Some(BoundRef::Text(_)) => Self::Texts(Vec::new(), String::new()),
            _ => Self::Ints(Vec::new()),
        }
    }

    /// Whether there is room for `ends` in this kind.
    fn takes(&self, ends: [Option<BoundRef<'_>>; 2]) -> bool {
        ends.into_iter().flatten().all(|end| match (self, end) {
            (Self::Ints(_), BoundRef::Int(value)) => i64::try_from(value).is_ok(),
            (Self::Floats(_), BoundRef::Float(_)) | (Self::Mixed(_), _) => true,
            (Self::Texts(_, all), BoundRef::Text(text)) => all.len() + 2 * text.len() < u32::MAX as usize,
            _ => false,
        })
    }

    fn push(&mut self, ends: [Option<BoundRef<'_>>; 2]) {
        match self {
            Self::Ints(bounds) => bounds.push(ends.map(|end| match end {
                Some(BoundRef::Int(value)) => value as i64,
                _ => 0,
            })),
            Self::Floats(bounds) => bounds.push(ends.map(|end| match end {
                Some(BoundRef::Float(value)) => value,
                _ => 0.0,
            })),
            Self::Texts(places, all) => {
                for end in ends {
                    if let Some(BoundRef::Text(text)) = end {
                        all.push_str(text);
                    }
                    places.push(all.len() as u32);
                }
            }
            Self::Mixed(bounds) => bounds.push(ends.map(|end| end.map(BoundRef::owned))),
        }
    }
}
