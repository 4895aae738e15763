//! A hash index: from a hash to the position of an entry that its owner keeps.

/// Open addressing with linear probing over (upper half of the hash, position + 1); at most half full.
#[derive(Clone, Debug, Default)]
pub(crate) struct HashIndex {
    slots: Vec<u64>,
    len: usize,
}

const SMALLEST: usize = 16;

impl HashIndex {
    /// An index over the entries with these hashes, in order of their positions.
    pub(crate) fn of(hashes: impl ExactSizeIterator<Item = u64>) -> Self {
        let mut index = Self { slots: vec![0; (hashes.len() * 2 + 2).next_power_of_two().max(SMALLEST)], len: 0 };
        for hash in hashes {
            index.append(hash);
        }
        index
    }

    pub(crate) fn is_built(&self) -> bool {
        !self.slots.is_empty()
    }

    /// Whether an entry can be appended without a rebuild.
    pub(crate) fn has_room(&self) -> bool {
        (self.len + 1) * 2 <= self.slots.len()
    }

    /// The position of the entry with `hash` for which `same` holds. The index must be built.
    #[inline]
    pub(crate) fn find(&self, hash: u64, same: impl Fn(usize) -> bool) -> Option<usize> {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at & mask];
            if slot == 0 {
                return None;
            }
            if slot >> 32 == hash >> 32 {
                let position = (slot as u32 - 1) as usize;
                if same(position) {
                    return Some(position);
                }
            }
            at += 1;
        }
    }

    /// Record the next entry, whose position is the number of entries so far. There must be room.
    #[inline]
    pub(crate) fn append(&mut self, hash: u64) {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while self.slots[at] != 0 {
            at = (at + 1) & mask;
        }
        self.len += 1;
        self.slots[at] = (hash & 0xffff_ffff_0000_0000) | self.len as u64;
    }

    /// Forget all entries and keep the memory.
    pub(crate) fn clear(&mut self) {
        self.slots.fill(0);
        self.len = 0;
    }
}
