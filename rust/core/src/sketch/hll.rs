//! `HyperLogLog` registers: a bounded count of distinct hashes that merges exactly.
//!
//! Flajolet et al. (2007) with 2^14 registers; the estimate is Ertl's improved raw estimator (2017, arXiv:1702.01284,
//! algorithm 6), which needs no correction tables. Standard error 1.04 / sqrt(2^14) = 0.81 %.

use super::codec::Reader;
use super::hash::hash_u64;
use crate::error::Result;

const PRECISION: u32 = 14;
const REGISTERS: usize = 1 << PRECISION;
/// Ranks above this cannot occur: 64 - 14 hash bits and one.
const MAX_RANK: u8 = 51;
/// Nibble that says: the rank stands in the list of exceptions.
const ESCAPE: u8 = 15;

/// Registers of the largest rank seen; the value depends only on the set of hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hll {
    registers: Box<[u8; REGISTERS]>,
}

impl Hll {
    /// Relative standard error of the estimate.
    pub(crate) const RELATIVE_ERROR: f64 = 1.04 / 128.0;

    pub(crate) fn new() -> Self {
        Self { registers: Box::new([0; REGISTERS]) }
    }

    #[inline]
    pub(crate) fn insert(&mut self, hash: u64) {
        let register = &mut self.registers[(hash >> (64 - PRECISION)) as usize];
        let rank = ((hash << PRECISION) | (1 << (PRECISION - 1))).leading_zeros() as u8 + 1;
        // Soon few values raise a register: a branch that is foreseen costs less than a store.
        if rank > *register {
            *register = rank;
        }
    }

    /// Insert the hashes of values of eight bytes.
    pub(crate) fn insert_fixed(&mut self, values: &[u64]) {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("lzcnt") && is_x86_feature_detected!("bmi2") {
            // SAFETY: the features were just detected.
            return unsafe { self.insert_fixed_lzcnt(values) };
        }
        self.insert_each(values);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "lzcnt,bmi1,bmi2")]
    fn insert_fixed_lzcnt(&mut self, values: &[u64]) {
        self.insert_each(values);
    }

    #[inline(always)]
    #[allow(clippy::inline_always)] // Must be compiled into each caller, with that caller's instruction set.
    fn insert_each(&mut self, values: &[u64]) {
        for &value in values {
            self.insert(hash_u64(value));
        }
    }

    pub(crate) fn insert_all(&mut self, hashes: &[u64]) {
        for &hash in hashes {
            self.insert(hash);
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (ours, &theirs) in self.registers.iter_mut().zip(other.registers.iter()) {
            *ours = (*ours).max(theirs);
        }
    }

    pub(crate) fn estimate(&self) -> f64 {
        let mut counts = [0_u32; MAX_RANK as usize + 1];
        for &rank in self.registers.iter() {
            counts[usize::from(rank.min(MAX_RANK))] += 1;
        }
        let m = REGISTERS as f64;
        let mut z = m * tau(1.0 - f64::from(counts[usize::from(MAX_RANK)]) / m);
        for &count in counts[1..usize::from(MAX_RANK)].iter().rev() {
            z = 0.5 * (z + f64::from(count));
        }
        z += m * sigma(f64::from(counts[0]) / m);
        m * m / (2.0 * std::f64::consts::LN_2 * z)
    }

    /// Four bits a register above the least rank, and a list of the few that need more: about 8 KiB.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let base = self.registers.iter().copied().min().unwrap_or(0);
        out.push(base);
        out.extend(self.registers.as_chunks::<2>().0.iter().map(|[low, high]| {
            let nibble = |rank: &u8| (rank - base).min(ESCAPE);
            nibble(low) | nibble(high) << 4
        }));
        let escaped = || self.registers.iter().enumerate().filter(|&(_, &rank)| rank - base >= ESCAPE);
        out.extend((escaped().count() as u16).to_le_bytes());
        for (register, &rank) in escaped() {
            out.extend((register as u16).to_le_bytes());
            out.push(rank);
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let base = reader.u8()?;
        let nibbles = reader.take(REGISTERS / 2)?;
        if base > MAX_RANK {
            return Err(reader.corrupt("a rank is too large", MAX_RANK, base));
        }
        let mut registers = Box::new([0_u8; REGISTERS]);
        for (pair, &byte) in registers.as_chunks_mut::<2>().0.iter_mut().zip(nibbles) {
            *pair = [(base + (byte & 15)).min(MAX_RANK), (base + (byte >> 4)).min(MAX_RANK)];
        }
        for _ in 0..reader.u16()? {
            let (at, rank) = (reader.u16()?, reader.u8()?);
            match registers.get_mut(usize::from(at)) {
                Some(register) if rank <= MAX_RANK => *register = rank,
                _ => return Err(reader.corrupt("a register or rank is too large", REGISTERS, at)),
            }
        }
        Ok(Self { registers })
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
