//! Many values counted at once, with the same result as one by one.

use super::super::hash::hash_bytes;
use super::super::recent::{Recent, Text};
use super::{CAP_BYTES, Entry, Frequent};

impl Frequent {
    /// Add values once each, with their hashes; gives how many of them came before exactness was lost.
    pub(crate) fn update_all_fixed(&mut self, values: &[u64], hashes: &[u64]) -> usize {
        self.thaw();
        let (mut done, mut n_exact) = (0, 0);
        while self.is_exact && done < values.len() {
            done += self.count_exactly(&values[done..], &hashes[done..]);
            n_exact = done;
            if let Some(&value) = values.get(done) {
                self.update_fixed(hashes[done], value, 1);
                done += 1;
            }
        }
        while done < values.len() {
            let Self { entries, index, sieve, .. } = self;
            let mut n = 0;
            if let Some(sieve) = sieve {
                let most = sieve.left().min((values.len() - done) as u64 - 1) as usize;
                for (&value, &hash) in values[done..].iter().zip(&hashes[done..]).take(most) {
                    if sieve.may_know(hash)
                        && let Ok(at) = index.find(hash, |at| entries[at].value == value)
                    {
                        entries[at].count += 1;
                    } else if sieve.count(hash, 1).is_some() {
                        break;
                    }
                    n += 1;
                }
                self.error = self.error.saturating_add(sieve.pass(n as u64));
            }
            // The one that may get an entry, or the last.
            done += n;
            self.update_fixed(hashes[done], values[done], 1);
            done += 1;
        }
        n_exact
    }

    /// Count values up to the first one for which room must be made; gives how many these are.
    fn count_exactly(&mut self, values: &[u64], hashes: &[u64]) -> usize {
        let Self { entries, index, .. } = self;
        for (at, (&value, &hash)) in values.iter().zip(hashes).enumerate() {
            match index.find(hash, |at| entries[at].value == value) {
                Ok(at) => entries[at].count += 1,
                Err(slot) if entries.len() < Self::CAP && index.has_room() => {
                    index.append_at(slot, hash);
                    entries.push(Entry::new(hash, 1, 0, value));
                }
                Err(_) => return at,
            }
        }
        values.len()
    }

    /// Add byte strings once each. Calls `see` with each that may be new, and puts the hashes of those that may be new since
    /// exactness was lost into `hashes`.
    pub(crate) fn update_all_bytes(
        &mut self,
        values: &[Text<'_>],
        hashes: &mut Vec<u64>,
        mut see: impl FnMut(&Text<'_>),
    ) {
        self.thaw();
        let mut rest = values;
        while !rest.is_empty() {
            let n = if self.is_exact {
                self.count_bytes_exactly(rest, &mut see)
            } else {
                self.count_frequent_bytes(rest, hashes, &mut see)
            };
            rest = &rest[n..];
            // One that needs room, or whose stretch ends with it.
            if let Some((value, later)) = rest.split_first() {
                let hash = hash_bytes(value.bytes);
                if self.update_bytes(hash, value.bytes, 1) {
                    see(value);
                }
                if !self.is_exact {
                    hashes.push(hash);
                }
                rest = later;
            }
        }
    }

    /// Count values up to the first one for which room must be made; gives how many these are.
    fn count_bytes_exactly(&mut self, values: &[Text<'_>], see: &mut impl FnMut(&Text<'_>)) -> usize {
        let Self { entries, index, arena, recent, .. } = self;
        let recent = recent.get_or_insert_with(|| Box::new(Recent::new(entries.len())));
        let is_worth = recent.is_worth();
        for (at, value) in values.iter().enumerate() {
            if is_worth && let Some(at) = recent.find(value) {
                entries[at].count += 1;
                continue;
            }
            let hash = hash_bytes(value.bytes);
            match index.find(hash, |at| arena[entries[at].range()] == *value.bytes) {
                Ok(at) => {
                    entries[at].count += 1;
                    recent.note(value, at);
                }
                Err(slot)
                    if entries.len() < Self::CAP
                        && index.has_room()
                        && value.bytes.len() <= Self::LONGEST
                        && arena.len() + value.bytes.len() <= CAP_BYTES =>
                {
                    see(value);
                    index.append_at(slot, hash);
                    recent.note(value, entries.len());
                    let place = (arena.len() as u64) << 32 | value.bytes.len() as u64;
                    arena.extend_from_slice(value.bytes);
                    entries.push(Entry::new(hash, 1, 0, place));
                }
                Err(_) => return at,
            }
        }
        values.len()
    }

    /// Count values of a stretch up to the first one that may get an entry, or up to the last one.
    fn count_frequent_bytes(
        &mut self,
        values: &[Text<'_>],
        hashes: &mut Vec<u64>,
        see: &mut impl FnMut(&Text<'_>),
    ) -> usize {
        let Self { entries, index, sieve, arena, recent, .. } = self;
        let Some(sieve) = sieve else { return 0 };
        let recent = recent.get_or_insert_with(|| Box::new(Recent::new(entries.len())));
        let is_worth = recent.is_worth();
        let most = sieve.left().min(values.len() as u64) as usize - 1;
        let mut n = 0;
        for value in &values[..most] {
            if is_worth && let Some(at) = recent.find(value) {
                entries[at].count += 1;
                n += 1;
                continue;
            }
            let hash = hash_bytes(value.bytes);
            if sieve.may_know(hash)
                && let Ok(at) = index.find(hash, |at| arena[entries[at].range()] == *value.bytes)
            {
                entries[at].count += 1;
                if is_worth {
                    recent.note(value, at);
                }
            } else if value.bytes.len() > Self::LONGEST || sieve.count(hash, 1).is_some() {
                break;
            } else {
                see(value);
                hashes.push(hash);
            }
            n += 1;
        }
        self.error = self.error.saturating_add(sieve.pass(n as u64));
        n
    }
}
