//! A single typed value, and bounds made of it.

use std::cmp::Ordering;

use arrow_buffer::i256;

/// A value of a column. Booleans are 0 and 1, dates are days, times and timestamps count the column's unit.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// A signed integer, boolean, date, time, timestamp or duration.
    Int(i64),
    /// An unsigned integer.
    UInt(u64),
    /// A float of any width.
    Float(f64),
    /// A decimal: `value` / 10^`scale`.
    Decimal {
        /// Digits without the point.
        value: i256,
        /// Digits after the point.
        scale: i8,
    },
    /// Text.
    String(String),
    /// Bytes.
    Binary(Vec<u8>),
}

impl Scalar {
    /// Total order among scalars of one variant; text by its bytes.
    pub fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::UInt(a), Self::UInt(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => a.total_cmp(b),
            (Self::Decimal { value: a, scale: x }, Self::Decimal { value: b, scale: y }) => {
                compare_digits((*a, *x), (*b, *y))
            }
            (Self::String(a), Self::String(b)) => a.cmp(b),
            (Self::Binary(a), Self::Binary(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    /// The value with as few digits behind the point as it needs: equal decimals of different scales have one.
    pub(crate) fn shortest(&self) -> Self {
        let Self::Decimal { mut value, mut scale } = *self else { return self.clone() };
        let ten = i256::from_i128(10);
        while scale > 0 && value.wrapping_rem(ten) == i256::ZERO {
            value = value.wrapping_div(ten);
            scale -= 1;
        }
        Self::Decimal { value, scale }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Int(_) => 0,
            Self::UInt(_) => 1,
            Self::Float(_) => 2,
            Self::Decimal { .. } => 3,
            Self::String(_) => 4,
            Self::Binary(_) => 5,
        }
    }
}

/// Order of decimals of any two scales.
fn compare_digits(a: (i256, i8), b: (i256, i8)) -> Ordering {
    if a.1 > b.1 {
        return compare_digits(b, a).reverse();
    }
    let factor = i256::from_i128(10).checked_pow(u32::from(a.1.abs_diff(b.1)));
    match factor.and_then(|factor| a.0.checked_mul(factor)).or((a.0 == i256::ZERO).then_some(i256::ZERO)) {
        Some(value) => value.cmp(&b.0),
        // With as many digits as `b`, it is beyond all that 256 bits hold.
        None => a.0.cmp(&i256::ZERO),
    }
}

/// A bound of a column's values: the least or greatest one if `exact`, else a value beyond it.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// No value of the column lies beyond.
    pub value: Scalar,
    /// Whether the column holds this very value.
    pub exact: bool,
}

/// Texts and bytes longer than this are cut when they serve as bounds.
const LONGEST_BOUND: usize = 64;

impl Bound {
    /// The exact bound `value`.
    pub(crate) fn exact(value: Scalar) -> Self {
        Self { value, exact: true }
    }

    /// The tighter of two lower bounds of the union of what they bound; in any order of calls the same.
    pub(crate) fn min(self, other: Self) -> Self {
        match self.value.compare(&other.value) {
            Ordering::Less => self,
            Ordering::Greater => other,
            Ordering::Equal => Self { exact: self.exact || other.exact, value: self.value },
        }
    }

    /// As `min`, for upper bounds.
    pub(crate) fn max(self, other: Self) -> Self {
        match self.value.compare(&other.value) {
            Ordering::Greater => self,
            Ordering::Less => other,
            Ordering::Equal => Self { exact: self.exact || other.exact, value: self.value },
        }
    }

    /// A lower bound of at most 64 bytes for the text or bytes `value`.
    pub(crate) fn lower(value: Scalar) -> Self {
        let value = match value {
            Scalar::String(text) if text.len() > LONGEST_BOUND => Scalar::String(text[..cut(&text)].into()),
            Scalar::Binary(bytes) if bytes.len() > LONGEST_BOUND => Scalar::Binary(bytes[..LONGEST_BOUND].into()),
            short => return Self::exact(short),
        };
        Self { value, exact: false }
    }

    /// An upper bound of at most 64 bytes; `value` itself if its first 64 bytes cannot be rounded up.
    pub(crate) fn upper(value: Scalar) -> Self {
        let rounded = match &value {
            Scalar::String(text) if text.len() > LONGEST_BOUND => next_text(&text[..cut(text)]).map(Scalar::String),
            Scalar::Binary(bytes) if bytes.len() > LONGEST_BOUND => {
                next_bytes(&bytes[..LONGEST_BOUND]).map(Scalar::Binary)
            }
            _ => None,
        };
        rounded.map_or(Self::exact(value), |value| Self { value, exact: false })
    }
}

/// The longest length of at most 64 bytes that does not split a character.
fn cut(text: &str) -> usize {
    (0..=LONGEST_BOUND).rev().find(|&length| text.is_char_boundary(length)).unwrap_or(0)
}

/// The least text that is above all texts which start with `prefix` and not longer than it.
fn next_text(prefix: &str) -> Option<String> {
    let mut characters: Vec<char> = prefix.chars().collect();
    while let Some(last) = characters.pop() {
        let width = last.len_utf8();
        let next =
            (u32::from(last) + 1..).map_while(|code| (code <= 0x10_ffff).then_some(code)).find_map(char::from_u32);
        if let Some(next) = next.filter(|next| next.len_utf8() == width) {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}

/// The same for bytes.
fn next_bytes(prefix: &[u8]) -> Option<Vec<u8>> {
    let end = prefix.iter().rposition(|&byte| byte < 0xff)?;
    let mut next = prefix[..=end].to_vec();
    next[end] += 1;
    Some(next)
}
