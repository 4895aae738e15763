//! Whether every row of a CSV file has as many fields as its header.
//!
//! Parsers fill short rows up with nulls, so a cut line would pass for missing values. A quote anywhere begins or ends a
//! quoted part, in which separators and line breaks are text, as Polars reads it. Empty lines are no rows.

/// Counts the fields of rows in bytes that come piece by piece.
pub struct CsvWidths {
    separator: u8,
    quote: Option<u8>,
    width: u64,
    is_quoted: bool,
    /// Line of the last quote that began a quoted part.
    quoted_line: u64,
    fields: u64,
    bytes: u64,
    row: u64,
    /// Line breaks so far, those in quotes too.
    line: u64,
}

/// A row that is wider or narrower than the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Misfit {
    /// Number of the row, the first after the header being 1.
    pub row: u64,
    /// Number of its last line in the file, the first being 1.
    pub line: u64,
    /// Its fields.
    pub found: u64,
}

const BLOCK: usize = 64;

impl CsvWidths {
    /// Expect `width` fields in each row, the header among them.
    pub fn new(width: u64, separator: u8, quote: Option<u8>) -> Self {
        Self { separator, quote, width, is_quoted: false, quoted_line: 0, fields: 1, bytes: 0, row: 0, line: 1 }
    }

    /// Look at the next bytes; the first row that does not fit.
    pub fn push(&mut self, bytes: &[u8]) -> Option<Misfit> {
        let count = |block: &[u8], byte: u8| block.iter().map(|&other| u8::from(other == byte)).sum::<u8>();
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        for block in blocks {
            let has_quote = self.is_quoted || self.quote.is_some_and(|quote| count(block, quote) > 0);
            if has_quote || count(block, b'\n') > 0 {
                if let Some(misfit) = self.scan(block) {
                    return Some(misfit);
                }
            } else {
                self.fields += u64::from(count(block, self.separator));
                self.bytes += BLOCK as u64;
            }
        }
        self.scan(rest)
    }

    fn scan(&mut self, bytes: &[u8]) -> Option<Misfit> {
        for &byte in bytes {
            if Some(byte) == self.quote {
                self.is_quoted = !self.is_quoted;
                self.quoted_line = self.line;
            } else if byte == b'\n' {
                if !self.is_quoted
                    && let Some(misfit) = self.end_row()
                {
                    return Some(misfit);
                }
                self.line += 1;
                self.bytes += u64::from(self.is_quoted);
                continue;
            } else if byte == self.separator && !self.is_quoted {
                self.fields += 1;
            }
            self.bytes += u64::from(byte != b'\r');
        }
        None
    }

    fn end_row(&mut self) -> Option<Misfit> {
        let (found, bytes) = (std::mem::replace(&mut self.fields, 1), std::mem::take(&mut self.bytes));
        if bytes == 0 {
            return None;
        }
        self.row += 1;
        (found != self.width).then_some(Misfit { row: self.row - 1, line: self.line, found })
    }

    /// Row and line of a quote that nothing closed, the first row after the header being 1.
    pub fn unclosed(&self) -> Option<(u64, u64)> {
        self.is_quoted.then_some((self.row, self.quoted_line))
    }

    /// Look at a last row without a line break.
    pub fn finish(&mut self) -> Option<Misfit> {
        self.end_row()
    }
}
