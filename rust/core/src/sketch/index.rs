//! A hash index: from a hash to the position of an entry that its owner keeps.

/// Open addressing with linear probing over (upper sixteen bits of the hash, position + 1); at most a quarter full, so that
/// most searches end at the first slot. Positions stay below 2^16 - 1.
#[derive(Clone, Debug, Default)]
pub(crate) struct HashIndex {
    slots: Vec<u32>,
    len: usize,
}

const SMALLEST: usize = 64;
const POSITION: u32 = 0xffff;

#[inline]
fn tag_of(hash: u64) -> u32 {
    (hash >> 32) as u32 & !POSITION
}

impl HashIndex {
    /// An index over the entries with these hashes, in order of their positions, with room for `n` entries or more.
    pub(crate) fn of(hashes: impl ExactSizeIterator<Item = u64>, n: usize) -> Self {
        let room = (hashes.len() + 1).max(n) * 4;
        let mut index = Self { slots: vec![0; room.next_power_of_two().max(SMALLEST)], len: 0 };
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
        (self.len + 1) * 4 <= self.slots.len()
    }

    /// The position of the entry with `hash` for which `same` holds, or else the slot where it belongs. The index must
    /// be built.
    #[inline]
    pub(crate) fn find(&self, hash: u64, same: impl Fn(usize) -> bool) -> Result<usize, usize> {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at & mask];
            if slot == 0 {
                return Err(at & mask);
            }
            if slot & !POSITION == tag_of(hash) {
                let position = ((slot & POSITION) - 1) as usize;
                if same(position) {
                    return Ok(position);
                }
            }
            at += 1;
        }
    }

    /// Record the next entry in the slot that `find` gave. There must be room.
    #[inline]
    pub(crate) fn append_at(&mut self, slot: usize, hash: u64) {
        self.len += 1;
        self.slots[slot] = tag_of(hash) | (self.len as u32 & POSITION);
    }

    /// Record the next entry, whose position is the number of entries so far. There must be room.
    #[inline]
    pub(crate) fn append(&mut self, hash: u64) {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while self.slots[at] != 0 {
            at = (at + 1) & mask;
        }
        self.append_at(at, hash);
    }
}
