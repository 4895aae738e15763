//! Which figures are computed: all of them unless less is asked for.

use crate::error::{Error, Result};

/// Groups of figures. Counts of rows, nulls and list items are always there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // A set of four names.
pub struct Content {
    /// Least, greatest, mean, variance, NaN, infinities, zeros, negative numbers.
    pub moments: bool,
    /// Number of distinct values.
    pub distinct: bool,
    /// Frequent values.
    pub top_values: bool,
    /// Quantiles and histograms.
    pub quantiles: bool,
}

impl Content {
    /// Every figure.
    pub const ALL: Self = Self { moments: true, distinct: true, top_values: true, quantiles: true };
    const NONE: Self = Self { moments: false, distinct: false, top_values: false, quantiles: false };
    const NAMES: [&'static str; 4] = ["moments", "distinct", "top_values", "quantiles"];

    /// The groups of these names.
    pub fn of(names: &[String]) -> Result<Self> {
        let mut content = Self::NONE;
        for name in names {
            match name.as_str() {
                "moments" => content.moments = true,
                "distinct" => content.distinct = true,
                "top_values" => content.top_values = true,
                "quantiles" => content.quantiles = true,
                _ => {
                    let known = Self::NAMES.join("', '");
                    let problem = format!("statistics have no content '{name}'; ask for some of '{known}'");
                    return Err(Error::InvalidArgument(problem));
                }
            }
        }
        Ok(content)
    }

    /// The names of the groups.
    pub fn names(self) -> Vec<&'static str> {
        let has = [self.moments, self.distinct, self.top_values, self.quantiles];
        Self::NAMES.into_iter().zip(has).filter(|(_, has)| *has).map(|(name, _)| name).collect()
    }

    pub(super) fn bits(self) -> u8 {
        u8::from(self.moments)
            | u8::from(self.distinct) << 1
            | u8::from(self.top_values) << 2
            | u8::from(self.quantiles) << 3
    }

    pub(super) fn from_bits(bits: u8) -> Option<Self> {
        let has = |bit: u8| bits >> bit & 1 == 1;
        (bits < 16).then(|| Self { moments: has(0), distinct: has(1), top_values: has(2), quantiles: has(3) })
    }
}

impl Default for Content {
    fn default() -> Self {
        Self::ALL
    }
}
