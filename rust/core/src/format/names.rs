//! Where things lie below a warehouse, and which names users may give.

use crate::digest::Digest;
use crate::error::{Error, Result};

/// Marker of a warehouse.
pub const WAREHOUSE: &str = "lakebed.warehouse";
/// Folders that every warehouse has from its first moment.
pub const FOLDERS: [&str; 9] =
    ["cache", "lake", "packs", "purge", "records", "refs", "refs/heads", "refs/tags", "tables"];
/// Folder of files that have no name yet.
pub const STAGING: &str = "staging";
/// Longest name of a branch, tag or table, in bytes.
const NAME_BYTES: usize = 200;

/// A data file, below its own table's folder.
pub fn data_file(table_id: &str, id: &Digest) -> String {
    format!("tables/{table_id}/data/{id}.parquet")
}

/// A pack by its random id.
pub fn pack(id: &str) -> String {
    format!("packs/{id}.pack")
}

/// A raw file by the plain hash of its bytes.
pub fn lake_object(hash: &Digest) -> String {
    let hex = hash.to_hex();
    format!("lake/{}/{}", &hex[..2], hex)
}

/// Folder of a branch's entries.
pub fn branch_folder(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

/// Entry `sequence` of a branch. Numbers run downwards so that the first name of a listing is the newest entry.
pub fn branch_entry(branch: &str, sequence: u64) -> String {
    format!("{}/{:020}", branch_folder(branch), u64::MAX - sequence)
}

/// The sequence in a name of [`branch_entry`].
pub fn branch_sequence(name: &str) -> Option<u64> {
    name.rsplit('/').next()?.parse::<u64>().ok().map(|number| u64::MAX - number)
}

/// A tag.
pub fn tag(name: &str) -> String {
    format!("refs/tags/{name}")
}

/// Entry `sequence` of the record log; numbers run upwards, so that a listing can start after the last one read.
pub fn record(sequence: u64) -> String {
    format!("records/{sequence:020}")
}

/// The sequence in a name of [`record`].
pub fn record_sequence(name: &str) -> Option<u64> {
    name.rsplit('/').next()?.parse().ok()
}

/// The hint at a branch's newest entry.
pub fn head_hint(branch: &str) -> String {
    format!("cache/head-{branch}")
}

/// The index of a branch's commits by their ids.
pub fn commit_ids(branch: &str) -> String {
    format!("cache/ids-{branch}")
}

/// The packed history of a branch.
pub fn history(branch: &str) -> String {
    format!("cache/history-{branch}")
}

/// Refuse a branch or tag name that is not allowed.
pub fn check_ref(what: &str, name: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    check(what, name, allowed, "letters, digits, '.', '_' and '-', starting with a letter or digit, up to 200 bytes")
}

/// Refuse a table name that is not allowed.
pub fn check_table(name: &str) -> Result<()> {
    let rule =
        "letters, digits and '_', starting with a letter, digit or '_', up to 200 bytes; a '.' sets off a namespace";
    let part = |part: &str| check("table", part, |c| c.is_alphanumeric() || c == '_', rule).is_ok();
    if name.len() <= NAME_BYTES && name.split('.').all(part) {
        return Ok(());
    }
    Err(Error::InvalidName { what: "table".into(), name: name.into(), rule: rule.into() })
}

/// Refuse a path of the lake that is not relative, normal and printable.
pub fn check_lake_path(path: &str) -> Result<()> {
    let part = |part: &str| !matches!(part, "" | "." | "..") && !part.chars().any(|c| c.is_control() || c == '\\');
    if path.len() <= 1024 && path.split('/').all(part) {
        return Ok(());
    }
    let rule = "a relative path of printable parts set off by '/', without '.', '..' or '\\', up to 1024 bytes";
    Err(Error::InvalidName { what: "lake path".into(), name: path.into(), rule: rule.into() })
}

fn check(what: &str, name: &str, allowed: impl Fn(char) -> bool, rule: &str) -> Result<()> {
    let first = name.chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_');
    if first && name.len() <= NAME_BYTES && name.chars().all(allowed) {
        return Ok(());
    }
    Err(Error::InvalidName { what: what.into(), name: name.into(), rule: rule.into() })
}
