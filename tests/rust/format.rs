//! Bytes on disk: damage is found, newer formats are refused, and equal rows make equal files.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, Field, Schema};
use lakebed_core::digest::Digest;
use lakebed_core::format::arrange::Arrangement;
use lakebed_core::format::boundary::Boundary;
use lakebed_core::format::data_file::Target;
use lakebed_core::format::envelope::{self, Kind};
use lakebed_core::format::schema::TableSchema;
use lakebed_core::format::table_writer::write_data_files;
use lakebed_core::log::ids;
use lakebed_core::object::{MemoryStore, ObjectStore};
use lakebed_core::repository::Repository;
use lakebed_core::transaction::Mode;
use lakebed_core::{Error, Result};

use crate::batches::{Outcome, batch, finish, ints, stream, write, write_to};
use crate::disk::Disk;

/// A small warehouse with an object of every kind.
fn warehouse() -> Outcome<Disk> {
    let disk = Disk::default();
    disk.set("purge/00000000000000000001", envelope::seal(Kind::Purge, br#"{"replaced":{"aa":null}}"#));
    let repository = disk.open()?;
    write(&repository, "t", Mode::Append, &ints(0..20)?)?;
    let mut transaction = repository.begin("main")?;
    let text: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None]));
    transaction.write("u", Mode::Append, &mut stream(&[batch(vec![("s", text)])?]))?;
    transaction.set_schema("t", b"expectations".to_vec())?;
    let (hash, _) = transaction.put_raw(&mut b"raw bytes".as_slice())?;
    transaction.set_lake("a", format!(r#"{{"hash":"{hash}"}}"#).into_bytes())?;
    finish(&mut transaction)?;
    repository.create_tag("v1", &repository.resolve("main~1")?)?;
    repository.create_branch("b", &repository.resolve("v1")?)?;
    write_to(&repository, "b", "t", Mode::Append, &ints([9])?)?;
    repository.append_record(1, b"{\"record\":1}")?;
    Ok(disk)
}

/// All that a reader is told, or the error that it gets.
fn answer(disk: &Disk) -> Result<BTreeMap<String, String>> {
    let repository = disk.open()?;
    let mut told = BTreeMap::from([
        ("id".into(), repository.id().to_owned()),
        ("branches".into(), format!("{:?}", repository.branches()?)),
        ("tags".into(), format!("{:?}", repository.tags()?)),
        ("records".into(), format!("{:?}", repository.read_records(0)?)),
        ("purged".into(), repository.objects().purge.len().to_string()),
    ]);
    for name in ["main", "main~1", "b", "v1"] {
        let snapshot = repository.resolve(name)?;
        told.insert(format!("commit {name}"), format!("{:?}", snapshot.commit()));
        told.insert(format!("schemas {name}"), format!("{:?}", snapshot.schemas()?));
        told.insert(format!("lake {name}"), format!("{:?}", snapshot.lake()?));
        for table in snapshot.tables()?.keys() {
            let table = snapshot.table(table)?;
            let files = repository.plan(&table, None)?;
            repository.open_files(&files)?;
            let zones = table.files_and_zones()?;
            told.insert(
                format!("{name} {}", table.name),
                format!("{files:?} {zones:?} {:?}", table.statistics()?.encode()),
            );
        }
        let report = repository.verify_snapshot(&snapshot)?;
        if let Some(problem) = report.problems.into_iter().next() {
            let (path, problem, expected, found) = (problem.path, problem.problem, problem.expected, problem.found);
            return Err(Error::Corruption { path, problem, expected, found });
        }
    }
    told.insert("history".into(), format!("{:?} {:?}", repository.history("main")?, repository.history("b")?));
    Ok(told)
}

/// What became of a number of damages.
#[derive(Debug, Default)]
struct Tally {
    detected: usize,
    harmless: usize,
}

impl Tally {
    fn add(&mut self, disk: &Disk, expected: &BTreeMap<String, String>, place: &str) {
        match answer(disk) {
            Err(_) => self.detected += 1,
            Ok(told) => {
                assert_eq!(&told, expected, "{place} changed an answer silently");
                self.harmless += 1;
            }
        }
    }
}

#[test]
fn one_flipped_bit_in_every_byte_is_detected_or_changes_no_answer() -> Outcome {
    let disk = warehouse()?;
    let expected = answer(&disk)?;
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for name in disk.names() {
        let tally = tallies.entry(name.split('/').next().unwrap_or_default().to_owned()).or_default();
        let bytes = disk.bytes(&name);
        for at in 0..bytes.len() {
            let copy = disk.copy();
            let mut spoilt = bytes.clone();
            spoilt[at] ^= 1 << (at % 8);
            copy.set(&name, spoilt);
            tally.add(&copy, &expected, &format!("bit {} of byte {at} of {name}", at % 8));
        }
    }
    println!("flipped bits: {tallies:?}");
    for kind in ["cache", "lake", "lakebed.warehouse", "packs", "purge", "records", "refs", "tables"] {
        let tally = tallies.get(kind).ok_or_else(|| format!("no byte of {kind} was flipped"))?;
        assert!(kind == "cache" || tally.detected > 0, "{kind}: {tally:?}");
    }
    // A few bits of a zstd frame decompress to the same bytes; everywhere else nothing goes unseen.
    for kind in ["lake", "lakebed.warehouse", "purge", "records", "refs", "tables"] {
        assert_eq!(tallies.get(kind).map(|tally| tally.harmless), Some(0), "{kind}");
    }
    Ok(())
}

#[test]
fn a_file_cut_at_any_length_or_grown_is_detected_or_changes_no_answer() -> Outcome {
    let disk = warehouse()?;
    let expected = answer(&disk)?;
    let mut tally = Tally::default();
    for name in disk.names() {
        let bytes = disk.bytes(&name);
        for length in 0..bytes.len() {
            let copy = disk.copy();
            copy.set(&name, bytes[..length].to_vec());
            tally.add(&copy, &expected, &format!("{name} cut to {length} bytes"));
        }
        let copy = disk.copy();
        copy.set(&name, [bytes.as_slice(), &[0]].concat());
        tally.add(&copy, &expected, &format!("{name} grown by a byte"));
    }
    println!("cut files: {tally:?}");
    assert!(tally.detected > 1000);
    Ok(())
}

#[test]
fn an_object_under_another_s_name_is_detected() -> Outcome {
    let disk = warehouse()?;
    let expected = answer(&disk)?;
    let mut tally = Tally::default();
    let names = disk.names();
    for name in names.iter().filter(|name| !name.starts_with("cache/")) {
        for other in names.iter().filter(|other| *other != name && other.split('/').next() == name.split('/').next()) {
            let copy = disk.copy();
            copy.set(name, disk.bytes(other));
            tally.add(&copy, &expected, &format!("{other} in the place of {name}"));
        }
    }
    println!("exchanged files: {tally:?}");
    assert_eq!(tally.harmless, 0);
    assert!(tally.detected > 10);
    Ok(())
}

/// Give the sealed file another version, under a hash that fits.
fn with_version(bytes: &[u8], version: u8) -> Vec<u8> {
    let mut header = [0; 8];
    header.copy_from_slice(&bytes[8..16]);
    let end = 16 + u64::from_le_bytes(header) as usize;
    let mut changed = bytes.to_vec();
    changed[5] = version;
    let hash = Digest::of(&changed[..end]).0;
    changed[end..end + 32].copy_from_slice(&hash);
    changed
}

#[test]
fn every_kind_of_file_in_a_newer_format_is_refused_as_such() -> Outcome {
    let disk = warehouse()?;
    let mut n_seen = 0;
    for name in disk.names() {
        if ["tables/", "lake/", "cache/"].iter().any(|folder| name.starts_with(folder)) {
            continue;
        }
        let copy = disk.copy();
        copy.set(&name, with_version(&disk.bytes(&name), envelope::FORMAT_VERSION + 1));
        match answer(&copy) {
            Err(Error::FormatVersion { path, found: 2, supported: 1 }) => assert!(path.ends_with(&name), "{path}"),
            other => return Err(format!("{name}: {other:?}").into()),
        }
        copy.set(&name, with_version(&disk.bytes(&name), envelope::FORMAT_VERSION));
        answer(&copy)?;
        n_seen += 1;
    }
    assert!(n_seen >= 8, "{n_seen}");
    Ok(())
}

#[test]
fn the_packed_history_survives_one_flipped_bit_in_any_byte() -> Outcome {
    let disk = Disk::default();
    let repository = disk.open()?;
    for n in 0..17 {
        write(&repository, "t", Mode::Append, &ints([n])?)?;
    }
    let history = |disk: &Disk| -> Result<String> {
        let repository: Repository = disk.open()?;
        Ok(format!("{:?}", repository.history("main")?))
    };
    let expected = history(&disk)?;
    let (name, mut n_flipped) = ("cache/history-main", 0);
    let bytes = disk.bytes(name);
    for at in 0..bytes.len() {
        let mut spoilt = bytes.clone();
        spoilt[at] ^= 1 << (at % 8);
        let copy = disk.copy();
        copy.set(name, spoilt);
        assert_eq!(history(&copy)?, expected, "byte {at}");
        n_flipped += 1;
    }
    println!("packed history: {n_flipped} bits flipped");
    assert!(n_flipped > 1000);
    Ok(())
}

#[test]
fn commits_are_found_by_their_ids_whatever_happens_to_the_index() -> Outcome {
    let disk = Disk::default();
    let repository = disk.open()?;
    for n in 0..300 {
        write(&repository, "t", Mode::Append, &ints([n])?)?;
    }
    repository.create_branch("b", &repository.resolve("main~100")?)?;
    let ids: Vec<String> = repository.history("main")?.into_iter().map(|row| row.commit.id).collect();
    let found = ids::find(repository.objects(), "main", &ids[7]).ok_or("there is no index")?;
    assert_eq!(found.sequences, [8]);
    assert!(found.covers > 256, "the index has one page only");
    let whole = resolved(&repository, &ids, 64)?;
    assert_eq!(whole, ids);
    let shortest = ids.iter().map(|id| (4..65).find(|&n| ids.iter().filter(|x| x.starts_with(&id[..n])).count() == 1));
    for (id, length) in ids.iter().zip(shortest) {
        let prefix = &id[..length.ok_or("no prefix")?];
        assert_eq!(repository.resolve(prefix)?.reference().map(|commit| &commit.id), Some(id));
    }
    assert!(repository.resolve(&"0".repeat(64)).is_err());

    let (name, mut n_flipped) = ("cache/ids-main", 0);
    let bytes = disk.bytes(name);
    let few: Vec<String> = ids.iter().step_by(60).cloned().collect();
    for at in (0..bytes.len()).step_by(11) {
        let mut spoilt = bytes.clone();
        spoilt[at] ^= 1 << (at % 8);
        let copy = disk.copy();
        copy.set(name, spoilt);
        assert_eq!(resolved(&copy.open()?, &few, 64)?, few, "byte {at}");
        n_flipped += 1;
    }
    println!("index of ids: {n_flipped} bits flipped");
    assert!(n_flipped > 1000);
    let copy = disk.copy();
    copy.set(name, bytes[..bytes.len() / 2].to_vec());
    assert_eq!(resolved(&copy.open()?, &ids, 64)?, ids);
    assert!(copy.open()?.verify(false)?.problems.iter().all(|problem| problem.path == name));
    Ok(())
}

#[test]
fn two_commits_with_one_prefix_are_ambiguous_in_the_index_too() -> Outcome {
    let disk = Disk::default();
    let repository = disk.open()?;
    // Ids are random to us: among 600 two share four digits all but surely (1 - e^-2.7), so look until they do.
    for n in 0..4000 {
        write(&repository, "t", Mode::Append, &ints([n])?)?;
        if n % 200 == 199 {
            let mut ids: Vec<String> = repository.history("main")?.into_iter().map(|row| row.commit.id).collect();
            ids.sort_unstable();
            if let Some(pair) = ids.windows(2).find(|pair| pair[0][..4] == pair[1][..4]) {
                let found = repository.resolve(&pair[0][..4]).err();
                assert!(matches!(found, Some(Error::Ambiguous { .. })), "{found:?}");
                return Ok(());
            }
        }
    }
    Err("no two ids share four digits".into())
}

fn resolved(repository: &Repository, ids: &[String], length: usize) -> Outcome<Vec<String>> {
    let id = |id: &String| -> Outcome<String> {
        let found = repository.resolve(&id[..length])?;
        Ok(found.reference().map(|commit| commit.id.clone()).unwrap_or_default())
    };
    ids.iter().map(id).collect()
}

/// Names of the data files of `batches`, written under a fixed key.
fn file_names(batches: &[RecordBatch]) -> Outcome<Vec<String>> {
    let (store, key) = (MemoryStore::default(), [7; 32]);
    let schema = TableSchema::from_arrow(&batches.first().ok_or("no batch")?.schema(), "table 't'")?;
    let (arrangement, place) = (Arrangement::default(), "table 't'");
    let target = Target { store: &store, key: &key, table_id: "t", schema: &schema, arrangement, place };
    let mut input = batches.iter().cloned().map(Ok::<_, ArrowError>);
    let files = write_data_files(&target, &mut input)?;
    for file in &files {
        let bytes = store.get(&file.name)?.ok_or("missing")?;
        assert_eq!((Digest::keyed(&key, &bytes), bytes.len() as u64), (file.id, file.size_bytes));
    }
    Ok(files.into_iter().map(|file| file.name).collect())
}

fn sample(n_rows: i64) -> Outcome<RecordBatch> {
    let text = (0..n_rows).map(|n| (n % 11 != 0).then(|| format!("{}-{}", n % 97, "x".repeat((n % 23) as usize))));
    batch(vec![
        ("i", Arc::new((0..n_rows).map(|n| (n % 7 != 0).then_some(n * n)).collect::<Int64Array>())),
        ("f", Arc::new((0..n_rows).map(|n| Some(n as f64 / 7.0)).collect::<Float64Array>())),
        ("s", Arc::new(text.collect::<StringArray>())),
    ])
}

fn cut(rows: &RecordBatch, length: usize) -> Vec<RecordBatch> {
    (0..rows.num_rows()).step_by(length).map(|at| rows.slice(at, length.min(rows.num_rows() - at))).collect()
}

#[test]
fn equal_rows_make_the_same_file_however_they_are_cut() -> Outcome {
    let rows = sample(450_000)?;
    let expected = file_names(std::slice::from_ref(&rows))?;
    assert!(expected.len() > 1, "{} files", expected.len());
    for length in [997, 65_535, 65_536, 65_537, 440_000] {
        assert_eq!(file_names(&cut(&rows, length))?, expected, "batches of {length} rows");
    }
    Ok(())
}

#[test]
fn equal_rows_make_the_same_file_in_every_layout_of_text() -> Outcome {
    let rows = sample(3_000)?;
    let expected = file_names(std::slice::from_ref(&rows))?;
    let dictionary = |key: DataType| DataType::Dictionary(Box::new(key), Box::new(DataType::Utf8));
    let layouts = [DataType::LargeUtf8, DataType::Utf8View, dictionary(DataType::Int32), dictionary(DataType::UInt16)];
    for layout in layouts {
        let text = cast(rows.column(2), &layout)?;
        let same = batch(vec![("i", rows.column(0).clone()), ("f", rows.column(1).clone()), ("s", text)])?;
        assert_eq!(file_names(&[same])?, expected, "{layout}");
    }
    Ok(())
}

#[test]
fn what_lies_under_a_null_does_not_change_the_file() -> Outcome {
    use arrow_buffer::{NullBuffer, ScalarBuffer};
    let with_hidden = |hidden: i64| {
        let nulls = NullBuffer::from(vec![true, false, true]);
        batch(vec![("x", Arc::new(Int64Array::new(ScalarBuffer::from(vec![1, hidden, 3]), Some(nulls))))])
    };
    assert_eq!(file_names(&[with_hidden(0)?])?, file_names(&[with_hidden(99)?])?);
    Ok(())
}

#[test]
fn the_bytes_of_our_writer_are_pinned() -> Outcome {
    // A library that writes other bytes makes other names: then this digest changes, and old warehouses stay readable,
    // but equal rows are no longer stored once.
    let names = file_names(&[sample(1_000)?])?;
    assert_eq!(names, ["tables/t/data/03fe97edbf425ddc166c7b9f43a3237487a8acbef1b607b7fa8e3fb533eda80f.parquet"]);
    Ok(())
}

#[test]
fn rows_that_come_and_go_leave_the_files_around_them_as_they_were() -> Outcome {
    let rows = wide_sample(400_000)?;
    let before = file_names(std::slice::from_ref(&rows))?;
    assert!(before.len() >= 4, "{} files", before.len());
    let (start, length) = (150_000, 4_000);
    let (head, tail) = (rows.slice(0, start), rows.slice(start + length, rows.num_rows() - start - length));
    let other = wide_sample(1_000_000)?.slice(900_000, length);
    let without = [head.clone(), tail.clone()];
    let with_more = [head.clone(), other.clone(), rows.slice(start, rows.num_rows() - start)];
    let changed = [head, other, tail];
    for edited in [without.as_slice(), &with_more, &changed] {
        let after = file_names(edited)?;
        let n_new = after.iter().filter(|name| !before.contains(name)).count();
        assert!(n_new <= 2, "{n_new} of {} files are new", after.len());
    }
    Ok(())
}

/// Ten columns, so that files are small.
fn wide_sample(n_rows: i64) -> Outcome<RecordBatch> {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let column = |k: i64| -> ArrayRef {
        Arc::new((0..n_rows).map(|n| Some((n * 2_654_435_761 + k) % 1_000_003)).collect::<Int64Array>())
    };
    batch(names.into_iter().zip(0..).map(|(name, k)| (name, column(k))).collect())
}

#[test]
fn rows_that_are_all_alike_make_files_of_bounded_size() -> Outcome {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let column: ArrayRef = Arc::new(Int64Array::from(vec![1; 600_000]));
    let rows = batch(names.map(|name| (name, Arc::clone(&column))).to_vec())?;
    assert_eq!(file_names(&[rows])?.len(), 3);
    Ok(())
}

/// The values of each file into which these rows are cut, of a table of 100 columns.
fn files_of(values: &[i64]) -> Outcome<Vec<&[i64]>> {
    let fields: Vec<Field> = (0..100).map(|n| Field::new(format!("c{n}"), DataType::Int64, true)).collect();
    let mut boundary = Boundary::new(&Schema::new(fields));
    let (mut files, mut start, mut position) = (Vec::new(), 0, 0);
    for piece in values.chunks(8192) {
        let mut rest = ints(piece.iter().copied())?;
        while rest.num_rows() > 0 {
            let taken = boundary.take(&rest, 1);
            rest = rest.slice(taken.n_rows, rest.num_rows() - taken.n_rows);
            position += taken.n_rows;
            if taken.is_end {
                files.push(&values[start..position]);
                start = position;
            }
        }
    }
    files.push(&values[start..]);
    Ok(files)
}

#[test]
fn files_grow_with_the_table_so_that_a_change_costs_the_same_part_of_it() -> Outcome {
    let values: Vec<i64> = (0..6_000_000).collect();
    let files = files_of(&values)?;
    let mean = |part: &[&[i64]]| part.iter().map(|file| file.len()).sum::<usize>() / part.len();
    assert!((6_000..12_000).contains(&mean(&files[..120])), "{}", mean(&files[..120]));
    let large: Vec<&[i64]> = files.iter().copied().filter(|file| file[0] > 4_300_000).collect();
    assert!(mean(&large) > 24_000, "{}", mean(&large));
    assert!(files.len() < 600, "{} files", files.len());
    let known: HashSet<&[i64]> = files.iter().copied().collect();
    for at in [100_000, 600_000, 1_500_000, 3_000_000, 5_000_000] {
        let mut changed = values.clone();
        changed.splice(at..at, (0..60_000).map(|n| -n));
        let new: usize = files_of(&changed)?.iter().filter(|file| !known.contains(*file)).map(|file| file.len()).sum();
        assert!((60_000..60_000 + 6_000_000 / 25).contains(&new), "{new} rows behind a change at {at}");
    }
    Ok(())
}
