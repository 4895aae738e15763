//! What a transaction is going to change. Data files are written at once; they belong to nothing until the commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::RecordBatchReader;
use arrow_schema::Schema;

use super::changes::RowChanges;
use super::definition::Definition;
use crate::error::{Error, Result};
use crate::format::data_file::WrittenFile;
use crate::format::names;
use crate::format::pack::ObjectRef;
use crate::format::schema::TableSchema;
use crate::format::table_writer;
use crate::log::keys;
use crate::log::refs::{self, RefEntry};
use crate::log::snapshot::{Snapshot, Table};
use crate::nearest::nearest;
use crate::random::random_hex;
use crate::statistics::TableStatistics;

/// A commit that is durable.
#[derive(Debug, Clone)]
pub struct Committed {
    /// The commit.
    pub commit: ObjectRef,
    /// The branch on which it was made.
    pub branch: String,
    /// Number of the branch's entry that names it.
    pub ref_sequence: u64,
    /// Microseconds since 1970 UTC.
    pub time_us: i64,
}

impl Committed {
    /// What an entry names; none for the entry before the first commit.
    pub(super) fn of(entry: RefEntry) -> Option<Self> {
        let RefEntry { name, sequence, commit, time_us, .. } = entry;
        commit.map(|commit| Self { commit, branch: name, ref_sequence: sequence, time_us })
    }
}

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
    /// Tables as they are going to be, by the name that they are going to have.
    pub(super) tables: BTreeMap<String, StagedTable>,
    /// Tables of the base, by the name that they have there, which are dropped or get another name.
    pub(super) removed: BTreeMap<String, Removed>,
    pub(super) schemas: BTreeMap<String, Vec<u8>>,
    pub(super) features: BTreeMap<String, Vec<u8>>,
    pub(super) lake: BTreeMap<String, Vec<u8>>,
    /// Files whose folders have to be synced before the ref entry.
    pub(super) written: Vec<String>,
    /// Tells this transaction's ref entry from others'.
    pub(super) writer: String,
    /// Keyed hash of the idempotency key.
    pub(super) key: Option<String>,
    /// The commit that has this transaction's key already.
    pub(super) applied: Option<Committed>,
    /// Whether nobody knows if an entry of this transaction was put: then later entries are searched for it.
    pub(super) is_uncertain: bool,
    pub(super) is_committed: bool,
}

/// A table of the base whose name becomes free.
pub(super) struct Removed {
    pub(super) before: Table,
    /// Its new name; none if it is dropped.
    pub(super) renamed_to: Option<String>,
}

/// New files of one table.
pub(super) struct StagedTable {
    pub(super) table_id: String,
    pub(super) schema: TableSchema,
    pub(super) files: Vec<WrittenFile>,
    /// The table as it was, perhaps under another name; none if this transaction creates it.
    pub(super) before: Option<Table>,
    pub(super) mode: Mode,
    /// Whether it was asked for as a new one: then a table of that name that somebody else creates is a conflict.
    pub(super) is_new: bool,
    /// Layout, notes and earlier columns.
    pub(super) definition: Definition,
    /// Rows that the table had and that go or move.
    pub(super) changes: RowChanges,
}

impl StagedTable {
    /// A table without rows and columns.
    pub(super) fn new(mode: Mode) -> Self {
        Self {
            table_id: String::new(),
            schema: TableSchema::default(),
            files: Vec::new(),
            before: None,
            mode,
            is_new: false,
            definition: Definition::default(),
            changes: RowChanges::default(),
        }
    }
}

impl Transaction {
    /// Nothing staged yet, on top of `base`.
    pub fn begin(base: Snapshot) -> Result<Self> {
        Ok(Self {
            base,
            tables: BTreeMap::new(),
            removed: BTreeMap::new(),
            schemas: BTreeMap::new(),
            features: BTreeMap::new(),
            lake: BTreeMap::new(),
            written: Vec::new(),
            writer: random_hex()?,
            key: None,
            applied: None,
            is_uncertain: false,
            is_committed: false,
        })
    }

    /// Give the transaction an idempotency key: a commit of the branch that has the same one is not made again. Where there
    /// is one already, the transaction is put on that commit's parent, so that the same changes can be staged once more.
    pub fn set_key(&mut self, key: &str) -> Result<()> {
        let objects = Arc::clone(self.base.objects());
        let hash = keys::hash(&objects.key, key)?;
        if let Some(entry) = keys::find(&objects, self.base.branch(), self.base.ref_sequence(), &hash)? {
            let before = refs::entry(objects.store.as_ref(), &entry.name, entry.sequence - 1)?;
            let parent = before.and_then(|before| before.commit);
            self.base = Snapshot::open(objects, &entry.name, entry.sequence - 1, parent)?;
            self.applied = Committed::of(entry);
        }
        self.key = Some(hash);
        Ok(())
    }

    /// The commit that has this transaction's idempotency key already, if there is one.
    pub fn applied(&self) -> Option<&Committed> {
        self.applied.as_ref()
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

    /// Create table `name` without rows, in the columns of `schema`. A table of that name is an error.
    pub fn create(&mut self, name: &str, schema: &Schema) -> Result<()> {
        names::check_table(name)?;
        self.check_free(name)?;
        let schema = TableSchema::from_arrow(schema, &format!("table '{name}'"))?;
        let table_id = random_hex()?;
        let staged = StagedTable { table_id, schema, is_new: true, ..StagedTable::new(Mode::Append) };
        self.tables.insert(name.into(), staged);
        Ok(())
    }

    /// Drop table `name` with its expectations. Older versions keep it.
    pub fn drop_table(&mut self, name: &str) -> Result<()> {
        self.take(name, None)?;
        self.schemas.remove(name);
        Ok(())
    }

    /// Give table `name` another name. Its identity, rows and expectations stay.
    pub fn rename(&mut self, name: &str, to: &str) -> Result<()> {
        names::check_table(to)?;
        self.check_free(to)?;
        let staged = match self.take(name, Some(to))? {
            Some(staged) => staged,
            None => StagedTable::of(self.base.table(name)?, Mode::Append),
        };
        self.tables.insert(to.into(), staged);
        if let Some(payload) = self.schemas.remove(name) {
            self.schemas.insert(to.into(), payload);
        }
        Ok(())
    }

    /// Whether there is a table `name`, with what is staged.
    pub fn has_table(&self, name: &str) -> Result<bool> {
        let is_kept = !self.removed.contains_key(name) && self.base.tables()?.contains_key(name);
        Ok(is_kept || self.tables.contains_key(name))
    }

    /// Let `name` be free: what is staged under it is taken out, and the table of the base becomes a removed one.
    fn take(&mut self, name: &str, renamed_to: Option<&str>) -> Result<Option<StagedTable>> {
        if !self.has_table(name)? {
            let known: Vec<&str> = self.base.tables()?.keys().map(String::as_str).collect();
            let nearest = nearest(name, known);
            return Err(Error::TableNotFound { name: name.into(), version: self.base.describe(), nearest });
        }
        let staged = self.tables.remove(name);
        // What is staged may have come from another name, which is a removed one already.
        let before = match &staged {
            Some(staged) => staged.before.clone(),
            None => Some(self.base.table(name)?),
        };
        if let Some(before) = before {
            let renamed_to = renamed_to.map(str::to_owned);
            self.removed.insert(before.name.clone(), Removed { before, renamed_to });
        }
        Ok(staged)
    }

    fn check_free(&self, name: &str) -> Result<()> {
        if self.has_table(name)? {
            return Err(Error::TableExists { name: name.into(), version: self.base.describe() });
        }
        Ok(())
    }

    /// Set the expectations of table `name`.
    pub fn set_schema(&mut self, name: &str, payload: Vec<u8>) -> Result<()> {
        if !self.has_table(name)? {
            self.base.table(name)?;
            return Err(Error::TableNotFound {
                name: name.into(),
                version: "this transaction, which drops it".into(),
                nearest: Vec::new(),
            });
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

    /// Set the definition of an entity or a feature view.
    pub fn set_feature(&mut self, name: &str, definition: Vec<u8>) -> Result<()> {
        names::check_table(name)?;
        self.features.insert(name.into(), definition);
        Ok(())
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
        // A renamed table has its expectations under its old name in the base; a new one has none.
        let Some(name) = self.name_in_base(name) else { return Ok(None) };
        self.base.schemas()?.get(name).map(|payload| self.base.objects().get(payload)).transpose()
    }

    /// The name that table `name` has in the base; none where this transaction creates it.
    pub(super) fn name_in_base<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        match self.tables.get(name) {
            Some(staged) => staged.before.as_ref().map(|before| before.name.as_str()),
            None if self.removed.contains_key(name) => None,
            None => Some(name),
        }
    }

    /// Names of the files that this transaction has written and is going to refer to.
    pub(super) fn written_files(&self) -> Vec<String> {
        let staged = self.tables.values().flat_map(StagedTable::written).map(|file| file.name.clone());
        self.written.iter().cloned().chain(staged).collect()
    }

    /// Names of the tables that are written, in byte order.
    pub fn staged_tables(&self) -> Vec<String> {
        self.tables.keys().cloned().collect()
    }

    /// Statistics of the rows that are written to table `name`, without those that it has already.
    pub fn staged_statistics(&self, name: &str) -> Result<Option<TableStatistics>> {
        let Some(staged) = self.tables.get(name) else { return Ok(None) };
        staged.statistics().map(Some)
    }

    /// The new files alone, in the columns that the table then has.
    fn stage(&self, name: &str, mode: Mode, batches: &mut dyn RecordBatchReader) -> Result<StagedTable> {
        let place = format!("table '{name}'");
        let mut staged = match self.tables.get(name) {
            Some(StagedTable { table_id, schema, before, definition, is_new, .. }) => StagedTable {
                table_id: table_id.clone(),
                schema: schema.clone(),
                before: before.clone(),
                definition: definition.clone(),
                is_new: *is_new,
                ..StagedTable::new(mode)
            },
            None => self.stage_table(name, mode, batches, &place)?,
        };
        if mode == Mode::Overwrite {
            staged.schema = staged.schema.replaced_by(&batches.schema(), &place)?;
            staged.definition = staged.definition.of_replaced(&staged.schema, &place)?;
        }
        staged.files = self.write_files(&staged, batches, &place)?;
        Ok(staged)
    }

    fn stage_table(&self, name: &str, mode: Mode, batches: &dyn RecordBatchReader, place: &str) -> Result<StagedTable> {
        if self.has_table(name)? {
            return Ok(StagedTable::of(self.known_table(name)?, mode));
        }
        let schema = TableSchema::from_arrow(&batches.schema(), place)?;
        Ok(StagedTable { table_id: random_hex()?, schema, ..StagedTable::new(mode) })
    }

    /// A table of the base that this transaction neither drops nor renames.
    pub(super) fn known_table(&self, name: &str) -> Result<Table> {
        if self.has_table(name)? {
            return self.base.table(name);
        }
        let nearest = nearest(name, self.base.tables()?.keys().map(String::as_str).collect::<Vec<_>>());
        Err(Error::TableNotFound { name: name.into(), version: self.base.describe(), nearest })
    }

    fn write_files(
        &self,
        staged: &StagedTable,
        batches: &mut dyn RecordBatchReader,
        place: &str,
    ) -> Result<Vec<WrittenFile>> {
        staged.schema.check_fits(&batches.schema(), place)?;
        table_writer::write_data_files(&staged.target(self.base.objects(), place)?, batches)
    }
}
