//! What a transaction is going to change. Data files are written at once; they belong to nothing until the commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::RecordBatchReader;

use crate::error::Result;
use crate::format::data_file::{self, Target, WrittenFile};
use crate::format::names;
use crate::format::schema::TableSchema;
use crate::log::snapshot::{Snapshot, Table};
use crate::random::random_hex;
use crate::statistics::TableStatistics;

/// What a write does to the rows that a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Keep them.
    Append,
    /// Replace them, and the columns too.
    Overwrite,
}

/// Changes to one branch that become visible together or not at all.
pub struct Transaction {
    pub(super) base: Snapshot,
    pub(super) tables: BTreeMap<String, StagedTable>,
    pub(super) schemas: BTreeMap<String, Vec<u8>>,
    pub(super) lake: BTreeMap<String, Vec<u8>>,
    /// Files whose folders have to be synced before the ref entry.
    pub(super) written: Vec<String>,
    /// Tells this transaction's ref entry from others'.
    pub(super) writer: String,
    pub(super) is_committed: bool,
}

/// New files of one table.
pub(super) struct StagedTable {
    pub(super) table_id: String,
    pub(super) schema: TableSchema,
    pub(super) files: Vec<WrittenFile>,
    /// The table as it was; none if this transaction creates it.
    pub(super) before: Option<Table>,
    pub(super) mode: Mode,
}

impl Transaction {
    /// Nothing staged yet, on top of `base`.
    pub fn begin(base: Snapshot) -> Result<Self> {
        let (tables, schemas, lake) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (written, writer) = (Vec::new(), random_hex()?);
        Ok(Self { base, tables, schemas, lake, written, writer, is_committed: false })
    }

    /// The version on which the changes stand; moves when `try_commit` rebases.
    pub fn base(&self) -> &Snapshot {
        &self.base
    }

    /// Write `batches` to data files of table `name`, which is created if there is none. Returns the number of rows.
    pub fn write(&mut self, name: &str, mode: Mode, batches: &mut dyn RecordBatchReader) -> Result<u64> {
        names::check_table(name)?;
        // A frame that is refused leaves what was staged before it.
        let staged = self.stage(name, mode, batches)?;
        let n_rows = staged.files.iter().map(|file| file.n_rows).sum();
        match self.tables.get_mut(name) {
            Some(earlier) if mode == Mode::Append => earlier.files.extend(staged.files),
            _ => {
                self.tables.insert(name.into(), staged);
            }
        }
        Ok(n_rows)
    }

    /// Set the expectations of table `name`.
    pub fn set_schema(&mut self, name: &str, payload: Vec<u8>) -> Result<()> {
        if !self.tables.contains_key(name) {
            self.base.table(name)?;
        }
        self.schemas.insert(name.into(), payload);
        Ok(())
    }

    /// Store the raw bytes that `reader` gives, once however often they come; gives hash and size.
    pub fn put_raw(&mut self, reader: &mut dyn std::io::Read) -> Result<(crate::Digest, u64)> {
        let store = Arc::clone(&self.base.objects().store);
        let (upload, hash, size_bytes) = crate::object::copy_hashed(store.stage()?, reader)?;
        let name = names::lake_object(&hash);
        // Equal bytes take the place of those that are there, which mends a damaged file.
        upload.publish(&name)?;
        self.written.push(name);
        Ok((hash, size_bytes))
    }

    /// Let `path` of the lake name what `pointer` describes.
    pub fn set_lake(&mut self, path: &str, pointer: Vec<u8>) -> Result<()> {
        names::check_lake_path(path)?;
        self.lake.insert(path.into(), pointer);
        Ok(())
    }

    /// Expectations of table `name`: those that this transaction sets, else those of the version on which it stands.
    pub fn schema_payload(&self, name: &str) -> Result<Option<Vec<u8>>> {
        if let Some(payload) = self.schemas.get(name) {
            return Ok(Some(payload.clone()));
        }
        self.base.schemas()?.get(name).map(|payload| self.base.objects().get(payload)).transpose()
    }

    /// Names of the tables that are written, in byte order.
    pub fn staged_tables(&self) -> Vec<String> {
        self.tables.keys().cloned().collect()
    }

    /// Statistics of the rows that are written to table `name`, without those that it has already.
    pub fn staged_statistics(&self, name: &str) -> Result<Option<TableStatistics>> {
        let Some(staged) = self.tables.get(name) else { return Ok(None) };
        let mut files = staged.files.iter();
        let mut merged = match files.next() {
            Some(file) => file.statistics.clone(),
            None => crate::statistics::Collector::new(&staged.schema.to_physical())?.finish(),
        };
        for file in files {
            merged.merge(&file.statistics)?;
        }
        Ok(Some(merged))
    }

    /// The new files alone, in the columns that the table then has.
    fn stage(&self, name: &str, mode: Mode, batches: &mut dyn RecordBatchReader) -> Result<StagedTable> {
        let place = format!("table '{name}'");
        let mut staged = match self.tables.get(name) {
            Some(StagedTable { table_id, schema, before, .. }) => StagedTable {
                table_id: table_id.clone(),
                schema: schema.clone(),
                files: Vec::new(),
                before: before.clone(),
                mode,
            },
            None => self.stage_table(name, mode, batches, &place)?,
        };
        if mode == Mode::Overwrite {
            staged.schema = staged.schema.replaced_by(&batches.schema(), &place)?;
        }
        staged.files = self.write_files(&staged, batches, &place)?;
        Ok(staged)
    }

    fn stage_table(&self, name: &str, mode: Mode, batches: &dyn RecordBatchReader, place: &str) -> Result<StagedTable> {
        let files = Vec::new();
        if self.base.tables()?.contains_key(name) {
            let before = self.base.table(name)?;
            let (table_id, schema) = (before.version.table_id.clone(), before.version.schema.clone());
            return Ok(StagedTable { table_id, schema, files, before: Some(before), mode });
        }
        let schema = TableSchema::from_arrow(&batches.schema(), place)?;
        Ok(StagedTable { table_id: random_hex()?, schema, files, before: None, mode })
    }

    fn write_files(
        &self,
        staged: &StagedTable,
        batches: &mut dyn RecordBatchReader,
        place: &str,
    ) -> Result<Vec<WrittenFile>> {
        staged.schema.check_fits(&batches.schema(), place)?;
        let objects = self.base.objects();
        let target = Target {
            store: objects.store.as_ref(),
            key: &objects.key,
            table_id: &staged.table_id,
            schema: &staged.schema,
            place,
        };
        data_file::write_data_files(&target, batches)
    }
}
