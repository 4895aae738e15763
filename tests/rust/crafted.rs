//! Files that somebody made on purpose: every hash fits, but what is inside is damaged at one place. Readers and writers
//! answer or refuse; they neither panic nor allocate for what is not there.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{Float64Array, Int64Array, StringArray};
use lakebed_core::format::envelope::{self, Kind};
use lakebed_core::format::names;
use lakebed_core::format::pack::{Class, ObjectRef, Pack, PackWriter};
use lakebed_core::log::refs::{self, RefEntry};
use lakebed_core::repository::Repository;
use lakebed_core::scan::predicate::Predicate;
use lakebed_core::transaction::Mode;
use lakebed_core::{Digest, Result};
use proptest::prelude::*;

use crate::allocations::largest_during;
use crate::batches::{Outcome, batch, finish, ints, stream, write};
use crate::crash::{append, invalid};
use crate::disk::Disk;

/// What reading a small warehouse may allocate at once: buffers of Parquet and zstd, but nothing that an input only claims.
const LARGEST_BYTES: usize = 16 << 20;

/// A warehouse with an object of every kind, nested columns and a merged leaf.
fn warehouse() -> Outcome<Disk> {
    let disk = Disk::default();
    let repository = disk.open()?;
    for n in 0..9 {
        append(&repository, "main", "t", n)?;
    }
    let mut transaction = repository.begin("main")?;
    let columns = batch(vec![
        ("i", Arc::new(Int64Array::from(vec![Some(1), None, Some(3)])) as _),
        ("f", Arc::new(Float64Array::from(vec![1.5, f64::NAN, -0.0])) as _),
        ("s", Arc::new(StringArray::from(vec![Some("a"), None, Some("b")])) as _),
    ])?;
    transaction.write("u", Mode::Append, &mut stream(&[columns]))?;
    transaction.set_schema("t", b"expectations".to_vec())?;
    let (hash, _) = transaction.put_raw(&mut b"raw bytes".as_slice())?;
    transaction.set_lake("a", format!(r#"{{"hash":"{hash}"}}"#).into_bytes())?;
    finish(&mut transaction)?;
    repository.create_tag("v1", &repository.resolve("main~1")?)?;
    repository.create_branch("b", &repository.resolve("v1")?)?;
    repository.append_record(1, b"{\"record\":1}")?;
    Ok(disk)
}

/// Everything that reads, and one write, each of which may refuse.
fn use_all(disk: &Disk) -> Result<()> {
    let repository = disk.open()?;
    let _ = (repository.read_records(0), repository.verify(true));
    let predicate = Predicate::from_text(r#"["or",[">=","i",2],["=","s","a"],["is_null","x"]]"#)?;
    for name in ["main", "main~1", "b", "v1", "main~30"] {
        let _ = repository.history("main");
        let Ok(snapshot) = repository.resolve(name) else { continue };
        let _ = (snapshot.operation(), snapshot.schemas(), snapshot.lake(), repository.verify_snapshot(&snapshot));
        for table in snapshot.tables().map(|tables| tables.keys().cloned().collect::<Vec<_>>()).unwrap_or_default() {
            let Ok(table) = snapshot.table(&table) else { continue };
            let _ = (table.version.n_rows(), table.version.size_bytes(), table.version.n_files());
            let _ = (table.version.schema.to_arrow(), table.version.schema.to_physical());
            let _ = (table.files(), table.files_and_zones(), table.statistics(), repository.verify_table(&table));
            let _ = repository.plan(&table, Some(&predicate));
            let _ = repository.plan(&table, None).and_then(|files| repository.open_files(&files));
        }
    }
    let _ = (repository.at_time("main", 0), repository.verify(true));
    let _ = repository.at_time("b", i64::MAX);
    let _ = write(&repository, "t", Mode::Append, &ints([1000]).map_err(invalid)?);
    let _ = write(&repository, "u", Mode::Overwrite, &ints([1000]).map_err(invalid)?);
    Ok(())
}

/// One change of bytes.
#[derive(Debug, Clone)]
enum Edit {
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Repeat(prop::sample::Index, prop::sample::Index),
    /// Put this in the place of a run of digits, or at that place.
    Number(prop::sample::Index, &'static str),
    Fill(prop::sample::Index, u8),
}

fn edits() -> impl Strategy<Value = Edit> {
    let numbers = prop::sample::select(vec![
        "0",
        "-1",
        "18446744073709551615",
        "9223372036854775807",
        "-9223372036854775808",
        "4294967296",
        "1e400",
        "null",
        "[]",
        "\"\"",
    ]);
    prop_oneof![
        (any::<prop::sample::Index>(), 1..=u8::MAX).prop_map(|(at, with)| Edit::Flip(at, with)),
        any::<prop::sample::Index>().prop_map(Edit::Cut),
        any::<(prop::sample::Index, prop::sample::Index)>().prop_map(|(from, to)| Edit::Repeat(from, to)),
        (any::<prop::sample::Index>(), numbers).prop_map(|(at, text)| Edit::Number(at, text)),
        (any::<prop::sample::Index>(), prop::sample::select(vec![0, 1, 0x7f, 0x80, 0xff]))
            .prop_map(|(at, with)| Edit::Fill(at, with)),
    ]
}

impl Edit {
    fn apply(&self, bytes: &[u8]) -> Vec<u8> {
        let mut edited = bytes.to_vec();
        if bytes.is_empty() {
            return vec![0xff];
        }
        match self {
            Self::Flip(at, with) => edited[at.index(bytes.len())] ^= with,
            Self::Cut(at) => edited.truncate(at.index(bytes.len())),
            Self::Repeat(from, to) => {
                let (a, b) = (from.index(bytes.len()), to.index(bytes.len()));
                let part = bytes[a.min(b)..a.max(b)].to_vec();
                edited.splice(b..b, part);
            }
            Self::Number(at, text) => {
                let start = at.index(bytes.len());
                let start = (start..bytes.len()).find(|i| bytes[*i].is_ascii_digit()).unwrap_or(start);
                let n_digits = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                edited.splice(start..start + n_digits, text.bytes());
            }
            Self::Fill(at, with) => {
                let start = at.index(bytes.len());
                let end = bytes.len().min(start + 8);
                edited[start..end].fill(*with);
            }
        }
        edited
    }
}

/// All objects of a warehouse by id.
fn objects(repository: &Repository, disk: &Disk) -> Outcome<BTreeMap<String, (String, Vec<u8>)>> {
    let mut objects = BTreeMap::new();
    for name in disk.names() {
        let Some(id) = name.strip_prefix("packs/").and_then(|name| name.strip_suffix(".pack")) else { continue };
        let pack = Pack::open(repository.objects().store.as_ref(), id)?;
        for object in pack.ids() {
            let bytes = pack.get(repository.objects().store.as_ref(), &repository.objects().key, object)?;
            objects.insert(object.to_hex(), (id.to_owned(), bytes));
        }
    }
    Ok(objects)
}

/// `bytes` with every reference to one object as a reference to another one, as text and as raw bytes.
fn redirect(bytes: &[u8], from: &ObjectRef, to: &ObjectRef) -> Vec<u8> {
    let text = |x: &ObjectRef| format!("\"{}\",\"pack\":\"{}\"", x.id, x.pack).into_bytes();
    let raw = |x: &ObjectRef| {
        let hex = format!("{}{}", x.id, x.pack);
        (0..hex.len()).step_by(2).filter_map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok()).collect::<Vec<u8>>()
    };
    let mut changed = bytes.to_vec();
    for (old, new) in [(text(from), text(to)), (raw(from), raw(to))] {
        let mut at = 0;
        while let Some(found) = changed[at..].windows(old.len()).position(|window| window == old) {
            changed.splice(at + found..at + found + old.len(), new.iter().copied());
            at += found + new.len();
        }
    }
    changed
}

/// A commit on `main` whose objects are those of the head, but for one with other bytes; all hashes fit.
fn craft(disk: &Disk, at: usize, edit: &Edit) -> Outcome<bool> {
    let repository = disk.open()?;
    let mut all = objects(&repository, disk)?;
    let head = repository.head("main")?;
    let old_head = head.reference().cloned().ok_or("no commit")?;
    let victim = all.keys().nth(at % all.len()).cloned().ok_or("no object")?;
    let mut writer = PackWriter::new(repository.objects().key)?;
    let mut pending = vec![(victim.clone(), edit.apply(&all[&victim].1))];
    let mut new_head = None;
    // From the changed object upwards to the commit.
    while let Some((id, bytes)) = pending.pop() {
        let from = ObjectRef { id: id.clone(), pack: all[&id].0.clone() };
        let to = writer.add(Class::Structure, &bytes)?;
        all.remove(&id);
        if from == old_head {
            new_head = Some(to);
            break;
        }
        for (parent, (_, content)) in &all {
            let mut base = content.clone();
            if let Some(known) = pending.iter().find(|(known, _)| known == parent) {
                base.clone_from(&known.1);
            }
            let changed = redirect(&base, &from, &to);
            if changed != base {
                pending.retain(|(known, _)| known != parent);
                pending.insert(0, (parent.clone(), changed));
            }
        }
    }
    let Some(new_head) = new_head else { return Ok(false) };
    let (name, bytes) = writer.finish();
    disk.set(&name, bytes);
    let (sequence, time_us) = (head.ref_sequence() + 1, head.commit().map_or(0, |commit| commit.time_us + 1));
    let json = serde_json::json!({"name": "main", "sequence": sequence, "commit": new_head,
        "writer": "0".repeat(32), "time_us": time_us});
    let entry: RefEntry = serde_json::from_value(json)?;
    refs::put_entry(repository.objects().store.as_ref(), &[], &entry)?;
    Ok(true)
}

/// The file with another body under a fitting hash; as it is where it has no such frame.
fn reseal(bytes: &[u8], edit: &Edit) -> Option<Vec<u8>> {
    let kinds = [Kind::Warehouse, Kind::Ref, Kind::Tag, Kind::Record, Kind::Purge, Kind::History];
    kinds.into_iter().find_map(|kind| Some(envelope::seal(kind, &edit.apply(envelope::open(kind, bytes, "").ok()?))))
}

/// A pack whose directory is damaged under a fitting hash.
fn reseal_pack(bytes: &[u8], edit: &Edit) -> Option<Vec<u8>> {
    let length = envelope::open_header(Kind::Pack, bytes, "").ok()? as usize;
    let directory = edit.apply(bytes.get(16..16 + length)?);
    let mut changed = envelope::header(Kind::Pack, directory.len() as u64);
    changed.extend_from_slice(&directory);
    changed.extend_from_slice(&Digest::of(&changed).0);
    changed.extend_from_slice(bytes.get(16 + length + 32..)?);
    Some(changed)
}

fn check(disk: &Disk, what: &str) -> std::result::Result<(), TestCaseError> {
    let (_, largest) = largest_during(|| use_all(disk));
    prop_assert!(largest < LARGEST_BYTES, "{}: {} bytes at once", what, largest);
    Ok(())
}

fn fail(error: impl std::fmt::Display) -> TestCaseError {
    TestCaseError::fail(error.to_string())
}

proptest! {
    #[test]
    fn objects_with_any_content_under_a_fitting_hash_are_refused_or_read(at in any::<usize>(), edit in edits()) {
        let disk = warehouse().map_err(fail)?;
        if craft(&disk, at, &edit).map_err(fail)? {
            check(&disk, &format!("{edit:?}"))?;
        }
    }

    #[test]
    fn small_files_with_any_body_under_a_fitting_hash_are_refused_or_read(at in any::<prop::sample::Index>(), edit in edits()) {
        let disk = warehouse().map_err(fail)?;
        let names: Vec<String> = disk.names().into_iter().filter(|name| reseal(&disk.bytes(name), &edit).is_some()).collect();
        let name = &names[at.index(names.len())];
        disk.set(name, reseal(&disk.bytes(name), &edit).unwrap_or_default());
        check(&disk, name)?;
    }

    #[test]
    fn packs_with_a_damaged_directory_under_a_fitting_hash_are_refused_or_read(at in any::<prop::sample::Index>(), edit in edits()) {
        let disk = warehouse().map_err(fail)?;
        let names: Vec<String> = disk.names().into_iter().filter(|name| name.starts_with("packs/")).collect();
        let name = &names[at.index(names.len())];
        disk.set(name, reseal_pack(&disk.bytes(name), &edit).ok_or_else(|| fail("no pack"))?);
        check(&disk, name)?;
    }

    #[test]
    fn hints_with_any_bytes_never_change_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..40), number in any::<u64>(), is_number: bool) {
        let disk = warehouse().map_err(fail)?;
        let before = disk.open().and_then(|repository| Ok(repository.head("main")?.reference().cloned())).map_err(fail)?;
        let hint = if is_number { number.to_string().into_bytes() } else { bytes };
        disk.set(&names::head_hint("main"), hint.clone());
        disk.set("cache/head-records", hint);
        let repository = disk.open().map_err(fail)?;
        prop_assert_eq!(repository.head("main").map_err(fail)?.reference().cloned(), before);
        prop_assert_eq!(repository.records_head().map_err(fail)?, 1);
        prop_assert_eq!(repository.read_records(0).map_err(fail)?.len(), 1);
    }
}
