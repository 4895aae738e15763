//! Random names from the operating system: for what must be unique and must say nothing of its content.

use crate::digest::hex;
use crate::error::{Error, Result};

/// 128 random bits as 32 hexadecimal digits.
pub fn random_hex() -> Result<String> {
    Ok(hex(&random_bytes::<16>()?))
}

/// `N` random bytes.
pub fn random_bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| Error::Io {
        action: "read random numbers from".into(),
        path: "the operating system".into(),
        source: std::io::Error::other(e.to_string()),
    })?;
    Ok(bytes)
}
