//! The stored form of frequent values.

use super::super::codec::{Reader, put_varint};
use super::super::rice::{put_rice, rice};
use super::{Entry, Frequent};
use crate::error::Result;

const VERSION: u8 = 1;

impl Frequent {
    /// Bytes of the summary; equal exact counts have equal bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// Read what `encode` wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("frequent values", bytes);
        let frequent = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(frequent)
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        if self.index.is_built() {
            let mut frozen = self.clone();
            frozen.freeze();
            return frozen.write(out);
        }
        out.extend([VERSION, u8::from(self.is_bytes), u8::from(self.is_exact)]);
        put_varint(out, self.error);
        put_varint(out, self.n_too_long);
        put_varint(out, self.entries.len() as u64);
        put_rice(out, self.entries.iter().map(|entry| entry.count));
        if !self.is_exact {
            put_rice(out, self.entries.iter().map(|entry| entry.missed));
        }
        if self.is_bytes {
            self.write_bytes(out);
        } else {
            let before = std::iter::once(0).chain(self.entries.iter().map(|entry| entry.value));
            put_rice(out, self.entries.iter().zip(before).map(|(entry, before)| entry.value.wrapping_sub(before)));
        }
    }

    /// Of each value how many bytes it shares with the one before and how many follow, then all of these.
    fn write_bytes(&self, out: &mut Vec<u8>) {
        let mut before: &[u8] = &[];
        let (mut shared, mut rest, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
        for entry in &self.entries {
            let value = self.bytes_of(entry);
            let n = before.iter().zip(value).take_while(|(a, b)| a == b).count();
            shared.push(n as u64);
            rest.push((value.len() - n) as u64);
            bytes.extend_from_slice(&value[n..]);
            before = value;
        }
        put_rice(out, shared.iter().copied());
        put_rice(out, rest.iter().copied());
        out.extend(bytes);
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.version(VERSION)?;
        let mut frequent = Self::new(reader.bool()?);
        frequent.is_exact = reader.bool()?;
        frequent.error = reader.varint()?;
        frequent.n_too_long = reader.varint()?;
        let n = reader.varint()?;
        if n > Self::CAP as u64 {
            return Err(reader.corrupt("there are too many values", Self::CAP, n));
        }
        let n = n as usize;
        let counts = rice(reader, n)?;
        let missed = if frequent.is_exact { vec![0; n] } else { rice(reader, n)? };
        let values = if frequent.is_bytes { frequent.read_bytes(n, reader)? } else { rice(reader, n)? };
        frequent.entries = values
            .into_iter()
            .zip(counts.into_iter().zip(missed))
            .map(|(value, (count, missed))| Entry::new(0, count, missed, value))
            .collect();
        if !frequent.is_bytes {
            let mut value = 0_u64;
            for entry in &mut frequent.entries {
                value = value.wrapping_add(entry.value);
                entry.value = value;
            }
        }
        let ascends = frequent.entries.is_sorted_by(|a, b| frequent.order(a).cmp(&frequent.order(b)).is_lt());
        if ascends {
            Ok(frequent)
        } else {
            Err(reader.corrupt("the values do not ascend", "ascending values", "others"))
        }
    }

    /// Where the values stand in the arena, which is filled.
    fn read_bytes(&mut self, n: usize, reader: &mut Reader<'_>) -> Result<Vec<u64>> {
        let (shared, rest) = (rice(reader, n)?, rice(reader, n)?);
        let mut places = Vec::with_capacity(n);
        let mut before = 0..0;
        for (shared, rest) in shared.into_iter().zip(rest) {
            let new = reader.take(usize::try_from(rest).unwrap_or(usize::MAX))?;
            let length = shared.saturating_add(rest);
            if shared > before.len() as u64 || length > Self::LONGEST as u64 {
                return Err(reader.corrupt("a value is too long", Self::LONGEST, length));
            }
            let start = self.arena.len();
            self.arena.extend_from_within(before.start..before.start + shared as usize);
            self.arena.extend_from_slice(new);
            before = start..self.arena.len();
            places.push((start as u64) << 32 | length);
        }
        Ok(places)
    }
}
