//! `HyperLogLog` registers: a bounded count of distinct hashes that merges exactly.
//!
//! Flajolet et al. (2007) with 2^14 registers, of which 2^12 are stored; the estimate is Ertl's improved raw estimator
//! (2017, arXiv:1702.01284, algorithm 6), which needs no correction tables. Standard error 1.04 / sqrt(registers): 0.81 %
//! and 1.63 %. Fewer registers are what the same hashes would have given with fewer, so sizes merge to the smaller one.

use super::BLOCK;
use super::codec::{Reader, fold, unfold};
use super::hash::hash_all;
use super::rice::{put_rice, rice, tally};
use super::vector::vectorised;
use crate::error::Result;

const PRECISION: u32 = 14;
/// Registers of a stored summary, as a power of two.
const STORED_PRECISION: u32 = 12;
/// Values that are hashed at a time.
const CHUNK: usize = 256;
/// Hashes a register after which few raise one.
const RAISES: usize = 6;

/// Registers of the largest rank seen; the value depends only on the set of hashes.
#[derive(Clone, Debug)]
pub(crate) struct Hll {
    precision: u32,
    registers: Vec<u8>,
    /// Hashes until registers are rarely raised.
    n_fresh: usize,
}

impl Hll {
    /// Of as many registers as are stored if `is_small`.
    pub(crate) fn new(is_small: bool) -> Self {
        Self::of(if is_small { STORED_PRECISION } else { PRECISION })
    }

    fn of(precision: u32) -> Self {
        Self { precision, registers: vec![0; 1 << precision], n_fresh: RAISES << precision }
    }

    /// Relative standard error of the estimate.
    pub(crate) fn relative_error(&self) -> f64 {
        1.04 / (self.registers.len() as f64).sqrt()
    }

    #[inline]
    pub(crate) fn insert(&mut self, hash: u64) {
        let (register, rank) = place(hash, self.precision);
        raise(&mut self.registers[register], rank);
    }

    pub(crate) fn insert_all(&mut self, hashes: &[u64]) {
        let (chunks, rest) = hashes.as_chunks::<CHUNK>();
        let mut packed = [0; CHUNK];
        for chunk in chunks {
            places(chunk, self.precision, &mut packed);
            self.raise_all(&packed);
        }
        for &hash in rest {
            self.insert(hash);
        }
    }

    /// Insert the hashes of values of eight bytes.
    pub(crate) fn insert_fixed(&mut self, values: &[u64]) {
        let mut hashes = [0; BLOCK];
        for block in values.chunks(BLOCK) {
            hash_all(block, &mut hashes);
            self.insert_all(&hashes[..block.len()]);
        }
    }

    fn raise_all(&mut self, places: &[u32; CHUNK]) {
        let n_fresh = &mut self.n_fresh;
        if let Some(registers) = self.registers.first_chunk_mut::<{ 1 << PRECISION }>() {
            raise_all(registers, places, n_fresh);
        } else if let Some(registers) = self.registers.first_chunk_mut::<{ 1 << STORED_PRECISION }>() {
            raise_all(registers, places, n_fresh);
        }
    }

    /// As many registers as are stored.
    pub(crate) fn shrink(&mut self) {
        self.shrink_to(STORED_PRECISION);
    }

    fn shrink_to(&mut self, precision: u32) {
        let Some(less @ 1..) = self.precision.checked_sub(precision) else { return };
        // The bits of the register's number that fall away are the first ones of the rank.
        let rank = |(low, &rank): (usize, &u8)| match (rank, (low as u32).checked_ilog2()) {
            (0, _) => 0,
            (_, Some(bit)) => (less - bit) as u8,
            (_, None) => rank + less as u8,
        };
        let ranks = |group: &[u8]| group.iter().enumerate().map(rank).max().unwrap_or(0);
        self.registers = self.registers.chunks_exact(1 << less).map(ranks).collect();
        self.precision = precision;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        if other.precision > self.precision {
            let mut other = other.clone();
            other.shrink_to(self.precision);
            return self.merge(&other);
        }
        self.shrink_to(other.precision);
        for (ours, &theirs) in self.registers.iter_mut().zip(&other.registers) {
            *ours = (*ours).max(theirs);
        }
    }

    /// Ranks above this cannot occur: the bits of the hash that number no register, and one.
    fn max_rank(&self) -> u8 {
        65 - self.precision as u8
    }

    pub(crate) fn estimate(&self) -> f64 {
        let mut counts = [0_u32; 66];
        for &rank in &self.registers {
            counts[usize::from(rank.min(self.max_rank()))] += 1;
        }
        let (m, saturated) = (self.registers.len() as f64, usize::from(self.max_rank()));
        let mut z = m * tau(1.0 - f64::from(counts[saturated]) / m);
        for &count in counts[1..saturated].iter().rev() {
            z = 0.5 * (z + f64::from(count));
        }
        z += m * sigma(f64::from(counts[0]) / m);
        m * m / (2.0 * std::f64::consts::LN_2 * z)
    }

    /// About three bits a register: how far its rank is from the one in the middle.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        if self.precision > STORED_PRECISION {
            let mut small = self.clone();
            small.shrink();
            return small.write(out);
        }
        let counts: [u64; 66] = tally(self.registers.iter().map(|&rank| usize::from(rank)));
        let most = counts.iter().rposition(|&n| n > 0).unwrap_or(0);
        let counts = &counts[..=most];
        let far = |middle: i64| (0..).zip(counts).map(|(rank, n)| n * (fold(rank - middle) >> 1)).sum::<u64>();
        let middle = (0..=most as u8).min_by_key(|&middle| far(i64::from(middle))).unwrap_or(0);
        out.push(middle);
        put_rice(out, self.registers.iter().map(|&rank| fold(i64::from(rank) - i64::from(middle))));
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let middle = reader.u8()?;
        let most = i64::from(65 - STORED_PRECISION);
        let rank = |folded: u64| i64::from(middle).checked_add(unfold(folded)).filter(|rank| (0..=most).contains(rank));
        let ranks = rice(reader, 1 << STORED_PRECISION)?;
        let registers = ranks.into_iter().map(|folded| rank(folded).map(|rank| rank as u8)).collect();
        let registers: Option<Vec<u8>> = registers;
        let registers = registers.ok_or_else(|| reader.corrupt("a rank is out of range", most, "more"))?;
        Ok(Self { precision: STORED_PRECISION, registers, n_fresh: 0 })
    }
}

/// The register of a hash, and its rank there.
#[inline]
fn place(hash: u64, precision: u32) -> (usize, u8) {
    let rank = ((hash << precision) | (1 << (precision - 1))).leading_zeros() + 1;
    ((hash >> (64 - precision)) as usize, rank as u8)
}

/// Soon few values raise a register: a branch that is foreseen costs less than a store.
#[inline]
fn raise(register: &mut u8, rank: u8) {
    if rank > *register {
        *register = rank;
    }
}

/// Raise the registers of hashes. While that happens often, a store costs less than a branch that cannot be foreseen.
#[inline]
fn raise_all<const N: usize>(registers: &mut [u8; N], places: &[u32; CHUNK], n_fresh: &mut usize) {
    let parts = places.iter().map(|&place| (place as usize % (1 << 16), (place >> 16) as u8));
    if *n_fresh == 0 {
        return parts.for_each(|(register, rank)| raise(&mut registers[register % N], rank));
    }
    *n_fresh = n_fresh.saturating_sub(CHUNK);
    for (register, rank) in parts {
        let register = &mut registers[register % N];
        *register = (*register).max(rank);
    }
}

// The low half is the register, the upper one its rank: the first steps use vectors, to raise a register cannot.
vectorised! { fn places(hashes: &[u64; CHUNK], precision: u32, packed: &mut [u32; CHUNK]) -> () = places_each }

#[inline(always)]
#[allow(clippy::inline_always)] // As `vectorised` asks.
fn places_each(hashes: &[u64; CHUNK], precision: u32, packed: &mut [u32; CHUNK]) {
    for (packed, &hash) in packed.iter_mut().zip(hashes) {
        let (register, rank) = place(hash, precision);
        *packed = register as u32 | u32::from(rank) << 16;
    }
}

/// Contribution of the registers that are still zero.
fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let previous = z;
        z += x * y;
        y += y;
        if z <= previous {
            return z;
        }
    }
}

/// Contribution of the registers that are saturated.
fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let previous = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z >= previous {
            return z / 3.0;
        }
    }
}
