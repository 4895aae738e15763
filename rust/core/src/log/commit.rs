//! The objects of which a commit is made. Their bytes are canonical JSON: fixed fields, sorted maps, no floats.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::format::pack::ObjectRef;
use crate::format::schema::TableSchema;

/// A version of the whole warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Commits that this one follows, at most two; none for the first.
    pub parents: Vec<ObjectRef>,
    /// Highest sequence of the parents + 1.
    pub sequence: u64,
    /// Microseconds since 1970 UTC, later than those of all parents.
    pub time_us: i64,
    /// Payload: what was done, by whom and why (JSON).
    pub operation: ObjectRef,
    /// What there is at this version.
    pub root: Root,
}

/// Subtrees of a commit; one that does not change keeps its id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// [`Tables`].
    pub tables: Option<ObjectRef>,
    /// [`Payloads`]: expectations by table name.
    pub schemas: Option<ObjectRef>,
    /// [`Payloads`]: feature definitions by name.
    pub features: Option<ObjectRef>,
    /// [`Payloads`]: raw files by path.
    pub lake: Option<ObjectRef>,
}

/// Table versions by table name.
pub type Tables = BTreeMap<String, ObjectRef>;

/// Payload objects by name.
pub type Payloads = BTreeMap<String, ObjectRef>;

/// One table at one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableVersion {
    /// Random name of the table's folder; stays the same when the table is renamed.
    pub table_id: String,
    /// Columns.
    pub schema: TableSchema,
    /// Parts of the manifest, in row order.
    pub leaves: Vec<Leaf>,
    /// Row id that the next written row gets.
    pub next_row_id: u64,
}

/// One part of the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaf {
    /// Identities of the files.
    pub files: ObjectRef,
    /// Payload: zones of the files.
    pub zones: ObjectRef,
    /// Payload: merged statistics of the files.
    pub summary: ObjectRef,
    /// Number of files.
    pub n_files: u64,
    /// Rows in all of them.
    pub n_rows: u64,
    /// Bytes of all of them.
    pub size_bytes: u64,
}

impl TableVersion {
    /// Rows at this version.
    pub fn n_rows(&self) -> u64 {
        self.leaves.iter().map(|leaf| leaf.n_rows).sum()
    }

    /// Bytes of data files at this version.
    pub fn size_bytes(&self) -> u64 {
        self.leaves.iter().map(|leaf| leaf.size_bytes).sum()
    }

    /// Data files at this version.
    pub fn n_files(&self) -> u64 {
        self.leaves.iter().map(|leaf| leaf.n_files).sum()
    }
}
