//! Many values counted at once, with the same result as one by one.

use super::super::BLOCK;
use super::super::hash::hash_bytes;
use super::super::opening::Opening;
use super::super::recent::{Recent, Text};
use super::{CAP_BYTES, EXAMPLES, Entry, Frequent, KEPT};

impl Frequent {
    /// Count the first values, of which more differ than can be counted exactly. There must be no others before.
    pub(crate) fn open(&mut self, opening: &Opening) {
        let recurring = opening.recurring();
        self.build_index(recurring.len() + EXAMPLES);
        for &(value, hash) in &recurring {
            let entries = &self.entries;
            match self.index.find(hash, |at| entries[at].value == value) {
                Ok(at) => self.entries[at].count += 1,
                Err(slot) => {
                    self.index.append_at(slot, hash);
                    self.entries.push(Entry::new(hash, 1, 0, value));
                }
            }
        }
        let n_missing = EXAMPLES.saturating_sub(self.entries.len());
        self.entries.extend(opening.single().take(n_missing).map(|(value, hash)| Entry::new(hash, 1, 0, value)));
        self.is_exact = false;
        // The others came once.
        self.drop_up_to(1);
        self.purge(KEPT);
        self.keep_rare_out();
        self.build_index(self.limit());
    }

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
            done += self.count_rare(&values[done..], &hashes[done..]);
            if done == values.len() {
                break;
            }
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

    /// Count values of a stretch if none of them is to get an entry; gives how many these are.
    fn count_rare(&mut self, values: &[u64], hashes: &[u64]) -> usize {
        let Self { entries, index, sieve: Some(sieve), error, .. } = self else { return 0 };
        let n = values.len().min(BLOCK).min(sieve.left() as usize - 1);
        let find = |at: usize| index.find(hashes[at], |entry| entries[entry].value == values[at]).ok();
        let mut found = [0; BLOCK];
        let Some(n_found) = sieve.count_all(&hashes[..n], find, &mut found) else { return 0 };
        for &entry in &found[..n_found] {
            entries[usize::from(entry)].count += 1;
        }
        *error = error.saturating_add(sieve.pass(n as u64));
        n
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::super::hash::hash_u64;
    use super::super::super::opening::{Opening, Outlook};
    use super::super::FrequentValue;
    use super::{BLOCK, EXAMPLES, Frequent};

    #[test]
    fn many_values_are_opened_at_once_and_counted_as_one_by_one() {
        let spreads: [fn(u64) -> u64; 4] = [
            hash_u64,
            |row| hash_u64(row) % 7000,
            |row| if row % 3 == 0 { 5 } else { hash_u64(row) },
            |row| if row > 20_000 { row % 500 } else { hash_u64(row) % (1 << 40) },
        ];
        for spread in spreads {
            let values: Vec<u64> = (0..40_000).map(spread).collect();
            let hashes: Vec<u64> = values.iter().map(|&value| hash_u64(value)).collect();
            let (mut opening, mut n) = (Opening::default(), 0);
            loop {
                opening.add(&values[n..n + BLOCK], &hashes[n..n + BLOCK]);
                n += BLOCK;
                match opening.outlook() {
                    Outlook::Many => break,
                    outlook => assert!(matches!(outlook, Outlook::Open) && n < 10_000),
                }
            }
            let mut together = Frequent::of_fixed();
            together.open(&opening);
            let mut single = together.clone();
            for (values, hashes) in values[n..].chunks(BLOCK).zip(hashes[n..].chunks(BLOCK)) {
                together.update_all_fixed(values, hashes);
                values.iter().zip(hashes).for_each(|(&value, &hash)| _ = single.update_fixed(hash, value, 1));
            }
            assert_eq!(together.encode(), single.encode());
            let mut counts = HashMap::new();
            for &value in &values {
                *counts.entry(value).or_insert(0) += 1;
            }
            assert!(together.len() >= EXAMPLES && together.error() < 40_000 / 100);
            for (value, count, missed) in together.entries() {
                let FrequentValue::Fixed(value) = value else { continue };
                let all = counts.remove(&value).unwrap_or(0);
                assert!(count <= all && all <= count + missed, "{value}: {count} {missed} {all}");
            }
            assert!(counts.values().all(|&count| count <= together.error()));
        }
    }
}
