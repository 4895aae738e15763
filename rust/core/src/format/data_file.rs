//! Data files: plain Parquet, written, hashed and summarised in one pass over the batches; here is what is known of one.
//!
//! The bytes depend on the rows and the schema only, never on how the caller cut the rows into batches or which layout of
//! strings it used. Arrow's own schema is left out of the file: the table's schema says what its columns are. Where files
//! end is decided by the rows, see [`super::boundary`]; several files are encoded side by side.

use std::borrow::Cow;

use roaring::RoaringBitmap;

use super::arrange::Arrangement;
use super::pack::{Class, ObjectRef, PackWriter, PackedObject};
use super::row_ids::RowIds;
use super::schema::TableSchema;
use crate::digest::Digest;
use crate::error::Result;
use crate::object::ObjectStore;
use crate::statistics::TableStatistics;

/// Rows that are encoded at once. Blocks start at the same rows of a file however the caller's batches fall.
pub const BLOCK_ROWS: usize = 65_536;
/// A data file that was written but belongs to no commit yet.
#[derive(Debug, Clone)]
pub struct WrittenFile {
    /// Keyed hash of the bytes.
    pub id: Digest,
    /// Name in the store.
    pub name: String,
    /// Rows.
    pub n_rows: u64,
    /// Bytes.
    pub size_bytes: u64,
    /// Statistics of the rows.
    pub statistics: KeptStatistics,
    /// Number of the schema that the file has.
    pub schema_id: u32,
    /// Bucket of all rows.
    pub bucket: Option<u32>,
    /// Ids of rows that were elsewhere before; new rows have none yet.
    pub row_ids: Option<RowIds>,
    /// Rows that were deleted since by the same transaction.
    pub deletions: RoaringBitmap,
}

/// Statistics of a file that waits for its commit. Those of many files are kept packed, so that a write of any number of
/// rows needs little memory.
#[derive(Debug, Clone)]
pub enum KeptStatistics {
    /// As they were made.
    Open(Box<TableStatistics>),
    /// As the pack of the commit is going to hold them.
    Packed(PackedObject),
}

impl KeptStatistics {
    /// The statistics.
    pub fn get(&self) -> Result<Cow<'_, TableStatistics>> {
        match self {
            Self::Open(statistics) => Ok(Cow::Borrowed(statistics)),
            Self::Packed(object) => Ok(Cow::Owned(TableStatistics::decode(&object.get()?)?)),
        }
    }

    pub(super) fn pack(&mut self, key: &[u8; 32]) -> Result<()> {
        if let Self::Open(statistics) = self {
            *self = Self::Packed(PackedObject::new(key, &statistics.encode())?);
        }
        Ok(())
    }

    /// Put them into the pack of the commit.
    pub fn add_to(&self, pack: &mut PackWriter) -> Result<ObjectRef> {
        match self {
            Self::Open(statistics) => pack.add(Class::Payload, &statistics.encode()),
            Self::Packed(object) => Ok(pack.add_packed(Class::Payload, object.clone())),
        }
    }
}

/// Where the files of a table go.
pub struct Target<'a> {
    /// Store of the warehouse.
    pub store: &'a dyn ObjectStore,
    /// Key of the warehouse.
    pub key: &'a [u8; 32],
    /// Folder of the table.
    pub table_id: &'a str,
    /// Columns of the table.
    pub schema: &'a TableSchema,
    /// Order of the rows.
    pub arrangement: Arrangement,
    /// Name of the table in errors.
    pub place: &'a str,
}
