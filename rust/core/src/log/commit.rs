//! The objects of which a commit is made. Their bytes are canonical JSON: fixed fields, sorted maps, no floats.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
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
    /// Earlier columns with which files may have been written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub past_schemas: Vec<TableSchema>,
    /// How rows are laid out in files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// Payload: [`Notes`], where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<ObjectRef>,
    /// Parts of the manifest, in row order.
    pub leaves: Vec<Leaf>,
    /// Row id that the next written row gets.
    pub next_row_id: u64,
}

/// The order of rows within files, and which rows share files. Columns are field ids.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Rows of a file ascend by these, nulls last.
    pub sort_by: Vec<i32>,
    /// Rows of a file have one bucket, which is a hash of these.
    pub bucket_by: Vec<i32>,
    /// Number of buckets; 0 without `bucket_by`.
    pub n_buckets: u32,
    /// Number of the first bucket: no two layouts that a table had share one, so that the bucket of a file tells that it was
    /// written in this layout.
    #[serde(default, skip_serializing_if = "is_first")]
    pub first_bucket: u32,
}

impl Layout {
    /// Whether rows stay as they come.
    pub fn is_none(&self) -> bool {
        self.sort_by.is_empty() && self.n_buckets == 0
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // Serde's way to ask.
fn is_first(bucket: &u32) -> bool {
    *bucket == 0
}

/// What people say about a table, and the defaults of its columns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// Of the table.
    #[serde(default, skip_serializing_if = "Note::is_empty")]
    pub table: Note,
    /// Of columns, by field id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<i32, Note>,
    /// What older rows have in a column that was added, as text by field id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub defaults: BTreeMap<i32, String>,
}

/// What people say about one thing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// What it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<String>,
    /// Words by which it is found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

impl Note {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One part of the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaf {
    /// Whether it is a node: then `files` lists leaves, and `zones` are theirs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_node: bool,
    /// Identities of the files.
    pub files: ObjectRef,
    /// Payload: zones of the files.
    pub zones: ObjectRef,
    /// Payload: merged statistics of the files.
    pub summary: ObjectRef,
    /// The schema under whose columns the summary is.
    pub schema_id: u32,
    /// Number of files.
    pub n_files: u64,
    /// Rows in all of them, those that are gone among them.
    pub n_rows: u64,
    /// Rows that are gone.
    pub n_deleted: u64,
    /// Least row id in all of them.
    pub first_row_id: u64,
    /// Greatest row id in all of them.
    pub last_row_id: u64,
    /// Bytes of all of them.
    pub size_bytes: u64,
}

impl TableVersion {
    /// Rows at this version.
    pub fn n_rows(&self) -> u64 {
        self.leaves.iter().map(|leaf| leaf.n_rows - leaf.n_deleted).sum()
    }

    /// Rows that files hold and that are gone.
    pub fn n_deleted(&self) -> u64 {
        self.leaves.iter().map(|leaf| leaf.n_deleted).sum()
    }

    /// The schema with number `id`.
    pub fn schema_by_id(&self, id: u32) -> Result<&TableSchema> {
        let mut all = std::iter::once(&self.schema).chain(&self.past_schemas);
        all.find(|schema| schema.id == id).ok_or_else(|| Error::Corruption {
            path: format!("table {}", self.table_id),
            problem: "a file was written with a schema that the table does not know".into(),
            expected: "a schema of the table".into(),
            found: id.to_string(),
        })
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
