//! API BOUNDARY of the core: open a warehouse, find its versions, begin transactions, read records, check bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::format::envelope::{self, Kind};
use crate::format::names;
use crate::format::pack::ObjectRef;
use crate::log::history::{self, HistoryRow};
use crate::log::ids;
use crate::log::objects::Objects;
use crate::log::records;
use crate::log::refs::{self, MAIN, Origin, Put, RefEntry};
use crate::log::snapshot::{Snapshot, Table};
use crate::maintenance::gc;
use crate::maintenance::reach::Unreferenced;
use crate::maintenance::verify::{self, Report};
use crate::nearest::nearest;
use crate::object::{LocalStore, MemoryStore, ObjectStore};
use crate::random::{random_bytes, random_hex};
use crate::scan::plan::{self, PlannedFile, Verified, Verify};
use crate::scan::predicate::Predicate;
use crate::transaction::Transaction;

const MEMORY: &str = "memory://";
/// Fewer digits of a commit id would match by accident.
const MIN_PREFIX: usize = 4;
/// Digits of a whole id.
const ID_DIGITS: usize = 64;
/// Entries of a branch that its index of ids may lack; they are read one by one.
const MOST_UNCOVERED: u64 = 96;

/// How to open a warehouse.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenOptions {
    /// Fail where there is none, and refuse every write.
    pub read_only: bool,
    /// When data files are checked.
    pub verify: Verify,
}

/// An open warehouse. Any number of handles, threads and processes may use one.
pub struct Repository {
    objects: Arc<Objects>,
    location: String,
    id: String,
    options: OpenOptions,
    verified: Verified,
}

#[derive(Serialize, Deserialize)]
struct Marker {
    id: String,
    key: String,
    created_us: i64,
}

impl Repository {
    /// Open the warehouse at `location`, a folder or `memory://`; created if absent, unless `read_only`.
    pub fn open(location: &str, options: OpenOptions) -> Result<Self> {
        let store: Arc<dyn ObjectStore> = if location == MEMORY {
            Arc::new(MemoryStore::default())
        } else {
            Arc::new(LocalStore::new(Path::new(location))?)
        };
        Self::with_store(store, options)
    }

    /// Open the warehouse in `store`; created if absent, unless `read_only`.
    pub fn with_store(store: Arc<dyn ObjectStore>, options: OpenOptions) -> Result<Self> {
        let location = store.location();
        let marker = if let Some(marker) = read_marker(store.as_ref())? {
            marker
        } else {
            check_creatable(&location, options)?;
            create(store.as_ref())?
        };
        let key = marker.key.parse::<Digest>()?.0;
        let objects = Arc::new(Objects::new(store, key, !options.read_only)?);
        Ok(Self { objects, location, id: marker.id, options, verified: Verified::default() })
    }

    /// Where it lies, as given to `open`.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Random id of the warehouse; copies have the same one.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether writes are refused.
    pub fn is_read_only(&self) -> bool {
        self.options.read_only
    }

    /// Objects and read counters.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// The newest version on `branch`.
    pub fn head(&self, branch: &str) -> Result<Snapshot> {
        match refs::head(self.store(), branch)? {
            Some(entry) => self.snapshot(branch, entry.sequence, entry.commit),
            None => Err(self.not_found(branch, "there is no such branch")),
        }
    }

    /// The version called `name`: a branch, a tag, a commit id or the start of one, each with `~n` for n commits earlier.
    pub fn resolve(&self, name: &str) -> Result<Snapshot> {
        match name.split_once('~') {
            Some((base, steps)) => {
                let steps = steps.parse().map_err(|_| self.not_found(name, "after '~' stands no number"))?;
                self.before(&self.resolve(base)?, steps, name)
            }
            None => self.resolve_plain(name),
        }
    }

    /// The newest version on `branch` that was committed at or before `time_us`.
    pub fn at_time(&self, branch: &str, time_us: i64) -> Result<Snapshot> {
        match history::entry_at(&self.objects, branch, time_us)? {
            Some(RefEntry { name, sequence, commit: Some(commit), .. }) => self.snapshot(&name, sequence, Some(commit)),
            _ => Err(Error::VersionNotFound {
                name: format!("time {time_us} us"),
                found: format!("branch '{branch}' has no commit that early; ask for a later time"),
                nearest: Vec::new(),
            }),
        }
    }

    /// The version that entry `sequence` of `branch` names.
    pub fn at_sequence(&self, branch: &str, sequence: u64) -> Result<Snapshot> {
        match refs::entry(self.store(), branch, sequence)? {
            Some(entry) => self.snapshot(branch, sequence, entry.commit),
            None => Err(self.not_found(branch, &format!("there is no branch of that name with an entry {sequence}"))),
        }
    }

    /// Commits of `branch`, oldest first.
    pub fn history(&self, branch: &str) -> Result<Vec<HistoryRow>> {
        if refs::head(self.store(), branch)?.is_none() {
            return Err(self.not_found(branch, "there is no such branch"));
        }
        history::load(&self.objects, branch)
    }

    /// Names of all branches.
    pub fn branches(&self) -> Result<Vec<String>> {
        refs::branches(self.store())
    }

    /// Names of all tags.
    pub fn tags(&self) -> Result<Vec<String>> {
        refs::tags(self.store())
    }

    /// Let tag `name` mean `snapshot` for ever.
    pub fn create_tag(&self, name: &str, snapshot: &Snapshot) -> Result<()> {
        self.check_writable("a new tag")?;
        names::check_ref("tag", name)?;
        self.check_free(name)?;
        let entry = ref_entry(name, snapshot, None)?;
        self.settle_origin(&entry)?;
        match refs::put_tag(self.store(), &entry)? {
            Put::Done(_) => Ok(()),
            Put::Taken => self.check_free(name),
        }
    }

    /// Begin branch `name` at `snapshot`.
    pub fn create_branch(&self, name: &str, snapshot: &Snapshot) -> Result<()> {
        self.check_writable("a new branch")?;
        names::check_ref("branch", name)?;
        self.check_free(name)?;
        let origin = Origin { branch: snapshot.branch().into(), sequence: snapshot.ref_sequence() };
        let entry = ref_entry(name, snapshot, Some(origin))?;
        self.settle_origin(&entry)?;
        match refs::put_entry(self.store(), &[], &entry)? {
            Put::Done(_) => Ok(()),
            Put::Taken => self.check_free(name),
        }
    }

    /// Begin to change `branch`.
    pub fn begin(&self, branch: &str) -> Result<Transaction> {
        self.check_writable("a commit")?;
        match self.head(branch) {
            Ok(head) => Transaction::begin(head),
            Err(Error::VersionNotFound { name, .. }) if refs::tag(self.store(), branch)?.is_some() => {
                Err(Error::NotABranch { name })
            }
            Err(error) => Err(error),
        }
    }

    /// Files of `table` that may hold rows for which `predicate` is true. Reads metadata only.
    pub fn plan(&self, table: &Table, predicate: Option<&Predicate>) -> Result<Vec<PlannedFile>> {
        plan::plan(table, predicate)
    }

    /// Count `files` as read and check them, as the warehouse was opened.
    pub fn open_files(&self, files: &[PlannedFile]) -> Result<()> {
        plan::open(&self.objects, files, self.options.verify, &self.verified)
    }

    /// Number of the newest record entry; 0 where there is none.
    pub fn records_head(&self) -> Result<u64> {
        records::head(self.store())
    }

    /// Bodies of the record entries after number `after`.
    pub fn read_records(&self, after: u64) -> Result<Vec<(u64, Vec<u8>)>> {
        records::read(self.store(), after)
    }

    /// Write record entry `sequence` unless it exists; `true` means that it is ours and durable.
    pub fn append_record(&self, sequence: u64, body: &[u8]) -> Result<bool> {
        self.check_writable("a record")?;
        if sequence > 1 {
            self.objects.settle(&names::record(sequence - 1))?;
        }
        let is_ours = records::append(self.store(), sequence, body)?;
        if is_ours {
            self.objects.note_durable(&names::record(sequence));
        }
        Ok(is_ours)
    }

    /// Remove files that no version refers to and that are older than `grace_us`; with `dry_run`, only tell which.
    pub fn gc(&self, grace_us: i64, dry_run: bool) -> Result<Unreferenced> {
        if !dry_run {
            self.check_writable("gc")?;
        }
        gc::gc(&self.objects, grace_us, dry_run)
    }

    /// Check everything that any version refers to, and tell what none refers to. With `recompute`, the statistics of
    /// each data file are computed again and compared with those that are stored.
    pub fn verify(&self, recompute: bool) -> Result<Report> {
        verify::verify_warehouse(&self.objects, recompute)
    }

    /// Move the damaged files of `report` aside, into `quarantine/`; gives their new names.
    pub fn quarantine(&self, report: &Report) -> Result<Vec<String>> {
        self.check_writable("a repair")?;
        gc::quarantine(&self.objects, report)
    }

    /// Check everything that `snapshot` reaches.
    pub fn verify_snapshot(&self, snapshot: &Snapshot) -> Result<Report> {
        verify::verify_snapshot(snapshot)
    }

    /// Check one table.
    pub fn verify_table(&self, table: &Table) -> Result<Report> {
        verify::verify_table(&self.objects, table)
    }

    /// Check one raw file of the lake.
    pub fn verify_raw(&self, hash: &Digest) -> Result<Report> {
        verify::verify_raw(&self.objects, hash)
    }

    fn store(&self) -> &dyn ObjectStore {
        self.objects.store.as_ref()
    }

    fn snapshot(&self, branch: &str, sequence: u64, commit: Option<ObjectRef>) -> Result<Snapshot> {
        Snapshot::open(Arc::clone(&self.objects), branch, sequence, commit)
    }

    fn resolve_plain(&self, name: &str) -> Result<Snapshot> {
        if names::check_ref("version", name).is_err() {
            return Err(self.not_found(name, "it is no name of a branch, tag or commit"));
        }
        if let Some(entry) = refs::head(self.store(), name)? {
            return self.snapshot(name, entry.sequence, entry.commit);
        }
        if let Some(entry) = refs::tag(self.store(), name)? {
            let origin = entry.origin.unwrap_or(Origin { branch: MAIN.into(), sequence: 0 });
            return self.snapshot(&origin.branch, origin.sequence, entry.commit);
        }
        self.by_prefix(name)
    }

    fn by_prefix(&self, prefix: &str) -> Result<Snapshot> {
        if prefix.len() < MIN_PREFIX || !prefix.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(self.not_found(prefix, "there is no such branch, tag or commit"));
        }
        let wanted = prefix.to_ascii_lowercase();
        for branch in refs::branch_names(self.store())? {
            // A whole id is mostly that of a head: no history is needed to find it.
            if let Some(RefEntry { sequence, commit: Some(commit), .. }) = refs::head(self.store(), &branch)?
                && commit.id == wanted
            {
                return self.snapshot(&branch, sequence, Some(commit));
            }
        }
        let mut matches: Vec<HistoryRow> = Vec::new();
        if let Some(snapshot) = self.by_index(&wanted)? {
            return Ok(snapshot);
        }
        for branch in self.branches()? {
            for row in history::load(&self.objects, &branch)? {
                let new = matches.iter().all(|known| known.commit.id != row.commit.id);
                if new && row.commit.id.starts_with(&wanted) {
                    matches.push(row);
                }
            }
        }
        if matches.len() > 1 {
            let matches = matches.into_iter().map(|row| row.commit.id).collect();
            return Err(Error::Ambiguous { name: prefix.into(), matches });
        }
        match matches.pop() {
            Some(row) => self.snapshot(&row.branch, row.sequence, Some(row.commit)),
            None => Err(self.not_found(prefix, "no commit starts with it")),
        }
    }

    /// The one commit with that prefix, by the indexes of the branches and their newest entries; none where they do not
    /// decide, be it that there is none or more than one, or that they lag behind.
    fn by_index(&self, wanted: &str) -> Result<Option<Snapshot>> {
        let mut matches = BTreeMap::new();
        for branch in refs::branch_names(self.store())? {
            let Some(head) = refs::head(self.store(), &branch)? else { continue };
            let found = ids::find(&self.objects, &branch, wanted).unwrap_or_default();
            if head.sequence > found.covers + MOST_UNCOVERED {
                return Ok(None);
            }
            // Nothing else has a whole id that was found.
            let is_known = wanted.len() == ID_DIGITS && !found.sequences.is_empty();
            let first = if is_known { head.sequence } else { found.covers } + 1;
            for sequence in found.sequences.into_iter().chain(first..=head.sequence) {
                // Fences and first entries of branches name commits of other entries.
                if let Some(entry) = refs::entry(self.store(), &branch, sequence)?
                    && let RefEntry { commit: Some(commit), fence: None, sequence: 1.., .. } = entry
                    && commit.id.starts_with(wanted)
                {
                    matches.insert(commit.id.clone(), (branch.clone(), sequence, commit));
                }
            }
        }
        match (matches.len(), matches.pop_first()) {
            (1, Some((_, (branch, sequence, commit)))) => self.snapshot(&branch, sequence, Some(commit)).map(Some),
            _ => Ok(None),
        }
    }

    fn before(&self, snapshot: &Snapshot, steps: u64, name: &str) -> Result<Snapshot> {
        // Every commit of a branch is an entry of it, so the number tells where an earlier one is.
        if let Some(sequence) = snapshot.ref_sequence().checked_sub(steps)
            && let Some(RefEntry { commit: Some(commit), .. }) = refs::entry(self.store(), snapshot.branch(), sequence)?
        {
            let found = self.snapshot(snapshot.branch(), sequence, Some(commit))?;
            // Fences are entries, too: behind one, numbers of entries run ahead of those of commits.
            let number = |snapshot: &Snapshot| snapshot.commit().map_or(0, |commit| commit.sequence);
            if number(&found) + steps == number(snapshot) {
                return Ok(found);
            }
        }
        let rows = self.history(snapshot.branch())?;
        let position = rows.iter().rposition(|row| Some(&row.commit) == snapshot.reference());
        let wanted = position.and_then(|position| position.checked_sub(steps as usize)).and_then(|i| rows.get(i));
        match wanted {
            Some(row) => self.snapshot(&row.branch, row.sequence, Some(row.commit.clone())),
            None => Err(self.not_found(name, "the history is not that long")),
        }
    }

    /// A name is kept in another folder than the entry through which its version was found, and must not outlive that one.
    fn settle_origin(&self, entry: &RefEntry) -> Result<()> {
        match &entry.origin {
            Some(origin) => self.objects.settle(&names::branch_entry(&origin.branch, origin.sequence)),
            None => Ok(()),
        }
    }

    fn check_free(&self, name: &str) -> Result<()> {
        let entries = [("branch", refs::head(self.store(), name)?), ("tag", refs::tag(self.store(), name)?)];
        match entries.into_iter().find_map(|(kind, entry)| entry.map(|entry| (kind, entry))) {
            None => Ok(()),
            Some((kind, entry)) => {
                let found = entry.commit.map_or_else(|| "no commit".into(), |commit| commit.id[..12].to_owned());
                Err(Error::RefExists { kind: kind.into(), name: name.into(), found })
            }
        }
    }

    fn check_writable(&self, asked: &str) -> Result<()> {
        if self.options.read_only {
            return Err(Error::ReadOnly { asked: asked.into(), path: self.location.clone() });
        }
        Ok(())
    }

    fn not_found(&self, name: &str, found: &str) -> Error {
        let mut known = self.branches().unwrap_or_default();
        known.extend(self.tags().unwrap_or_default());
        let nearest = nearest(name, known.iter().map(String::as_str));
        Error::VersionNotFound { name: name.into(), found: found.into(), nearest }
    }
}

fn read_marker(store: &dyn ObjectStore) -> Result<Option<Marker>> {
    let Some(bytes) = store.get(names::WAREHOUSE)? else { return Ok(None) };
    let place = format!("{}/{}", store.location(), names::WAREHOUSE);
    let body = envelope::open(Kind::Warehouse, &bytes, &place)?;
    serde_json::from_slice(body).map(Some).map_err(|e| Error::Corruption {
        path: place.clone(),
        problem: "it is not the marker of a warehouse".into(),
        expected: "JSON with id and key".into(),
        found: e.to_string(),
    })
}

/// Refuse to create a warehouse over somebody's files. What a creation that was cut off left is no obstacle.
fn check_creatable(location: &str, options: OpenOptions) -> Result<()> {
    if location == MEMORY {
        return Ok(());
    }
    let path = Path::new(location);
    let refuse = |found: &str| Err(Error::NotAWarehouse { path: location.into(), found: found.into() });
    if path.is_file() {
        return refuse("it is a file");
    }
    if options.read_only {
        return refuse(if path.is_dir() { "it has no file lakebed.warehouse" } else { "there is no such folder" });
    }
    let Ok(entries) = fs::read_dir(path) else { return Ok(()) };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // A creation that was cut off has no pack yet: a new marker would have another key and make all of them unreadable.
        if name == "packs" && entry.path().read_dir().is_ok_and(|mut packs| packs.next().is_some()) {
            return refuse("its marker lakebed.warehouse is lost: put that file back");
        }
        if name != "staging" && !names::FOLDERS.contains(&name.as_str()) {
            return refuse(&format!("it holds '{name}' and no file lakebed.warehouse"));
        }
    }
    Ok(())
}

fn create(store: &dyn ObjectStore) -> Result<Marker> {
    store.prepare(&names::FOLDERS)?;
    let (created_us, writer) = (store.now_us(), random_hex()?);
    let first = RefEntry {
        name: MAIN.into(),
        sequence: 0,
        commit: None,
        writer,
        time_us: 0,
        key: None,
        fence: None,
        origin: None,
    };
    refs::put_entry(store, &[], &first)?;
    let marker = Marker { id: random_hex()?, key: Digest(random_bytes()?).to_hex(), created_us };
    let body = serde_json::to_vec(&marker).map_err(|e| Error::InvalidArgument(e.to_string()))?;
    // The marker comes last: whoever sees it sees a whole warehouse. Of two creators the first one's key counts.
    // A lost answer is none at all: the marker that is there tells.
    let created = match store.put_if_absent(&[], names::WAREHOUSE, &envelope::seal(Kind::Warehouse, &body)) {
        Err(Error::OutcomeUnknown { .. }) => false,
        other => other?,
    };
    store.sync(&[names::WAREHOUSE.to_owned()])?;
    if created {
        return Ok(marker);
    }
    read_marker(store)?.ok_or_else(|| Error::NotAWarehouse {
        path: store.location(),
        found: "its marker vanished while it was opened".into(),
    })
}

fn ref_entry(name: &str, snapshot: &Snapshot, origin: Option<Origin>) -> Result<RefEntry> {
    let commit = snapshot.reference().cloned();
    if commit.is_none() {
        return Err(Error::InvalidArgument(format!(
            "'{name}' cannot point to the empty warehouse; make a commit first"
        )));
    }
    // The time of the commit, not of this call: times of a branch never run backwards.
    let time_us = snapshot.commit().map_or(0, |commit| commit.time_us);
    let origin = origin.or(Some(Origin { branch: snapshot.branch().into(), sequence: snapshot.ref_sequence() }));
    Ok(RefEntry {
        name: name.into(),
        sequence: 0,
        commit,
        writer: random_hex()?,
        time_us,
        key: None,
        fence: None,
        origin,
    })
}
