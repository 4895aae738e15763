//! Open a table of 1,000,000 data files and find those that a condition needs: from a cold handle, and again.
//!
//! The manifest is made up: entries and zones of files that do not exist, as commits would have written them.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // A bench ends at its first error, and prints.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Instant;

use arrow_array::{Float64Array, Int64Array, RecordBatch, RecordBatchIterator};
use lakebed_core::digest::Digest;
use lakebed_core::format::manifest::{self, Bound, DataFile, FileZones, Zone};
use lakebed_core::format::pack::{Class, PackWriter};
use lakebed_core::log::commit::{Commit, Leaf, TableVersion};
use lakebed_core::log::nodes;
use lakebed_core::log::refs::{self, RefEntry};
use lakebed_core::random::random_hex;
use lakebed_core::repository::{OpenOptions, Repository};
use lakebed_core::scan::plan;
use lakebed_core::scan::predicate::Predicate;
use lakebed_core::transaction::Mode;

const N_FILES: u64 = 1_000_000;
const LEAF_FILES: u64 = 4096;
const ROWS: u64 = 65_536;
const N_COLUMNS: i32 = 10;

fn main() {
    let folder = std::env::temp_dir().join(format!("lakebed-bench-{}", random_hex().unwrap()));
    let location = folder.display().to_string();
    forge(&location);
    let near = |at: u64| format!(r#"["and", [">=", "c1", {0}], ["<=", "c1", {0}]]"#, at * ROWS);
    for (title, text, other) in [
        ("a range in the order of the files", near(N_FILES / 2), near(N_FILES / 3)),
        ("a range of a column without order", r#"[">=", "c2", 999999]"#.to_owned(), r#"["<", "c2", 100]"#.to_owned()),
    ] {
        let predicate = Predicate::from_text(&text).unwrap();
        let start = Instant::now();
        let repository = Repository::open(&location, OpenOptions::default()).unwrap();
        let table = repository.head("main").unwrap().table("t").unwrap();
        let n_found = plan::plan(&table, Some(&predicate)).unwrap().len();
        let cold = start.elapsed();
        let mut warm: Vec<f64> = Vec::new();
        for _ in 0..7 {
            let start = Instant::now();
            assert_eq!(plan::plan(&table, Some(&predicate)).unwrap().len(), n_found);
            warm.push(start.elapsed().as_secs_f64() * 1e3);
        }
        warm.sort_by(f64::total_cmp);
        let other = Predicate::from_text(&other).unwrap();
        let start = Instant::now();
        let n_others = plan::plan(&table, Some(&other)).unwrap().len();
        let another = start.elapsed().as_secs_f64() * 1e3;
        println!(
            "{title}: {n_found} of {} files; open and prune {:.1} ms, again {:.1} ms (median of 7), another \
             condition ({n_others} files) {another:.1} ms",
            table.version.n_files(),
            cold.as_secs_f64() * 1e3,
            warm[3]
        );
    }
    std::fs::remove_dir_all(folder).unwrap();
}

/// A table of one real file, then a version of it with all the others.
fn forge(location: &str) {
    let repository = Repository::open(location, OpenOptions::default()).unwrap();
    let mut transaction = repository.begin("main").unwrap();
    let batch = sample();
    let mut stream = RecordBatchIterator::new([Ok(batch.clone())], batch.schema());
    transaction.write("t", Mode::Append, &mut stream).unwrap();
    transaction.try_commit(b"{}").unwrap().unwrap();
    let head = repository.head("main").unwrap();
    let table = head.table("t").unwrap();
    let real = table.version.leaves[0].clone();
    let entry = table.files().unwrap().remove(0);
    let mut pack = PackWriter::new(repository.objects().key).unwrap();
    let (mut leaves, mut zones) = (Vec::new(), Vec::new());
    for first in (0..N_FILES).step_by(LEAF_FILES as usize) {
        let (leaf, leaf_zones) = leaf(first, LEAF_FILES.min(N_FILES - first), &real, &entry, &mut pack);
        leaves.push(leaf);
        zones.push(manifest::merge_zones(&leaf_zones));
    }
    let node = Leaf {
        is_node: true,
        files: pack.add(Class::Structure, &nodes::encode_node(&leaves).unwrap()).unwrap(),
        zones: pack.add(Class::Payload, &manifest::encode_zones(&zones)).unwrap(),
        n_files: N_FILES,
        n_rows: N_FILES * ROWS,
        last_row_id: N_FILES * ROWS - 1,
        ..real
    };
    let version = TableVersion { leaves: vec![node], next_row_id: N_FILES * ROWS, ..table.version.clone() };
    let version = pack.add(Class::Structure, &serde_json::to_vec(&version).unwrap()).unwrap();
    let tables = BTreeMap::from([("t".to_owned(), version)]);
    let mut commit: Commit = head.commit().unwrap().clone();
    commit.root.tables = Some(pack.add(Class::Structure, &serde_json::to_vec(&tables).unwrap()).unwrap());
    commit.parents = head.reference().cloned().into_iter().collect();
    (commit.sequence, commit.time_us) = (commit.sequence + 1, commit.time_us + 1);
    let time_us = commit.time_us;
    let commit = Some(pack.add(Class::Structure, &serde_json::to_vec(&commit).unwrap()).unwrap());
    let (name, bytes) = pack.finish();
    let store = repository.objects().store.as_ref();
    let mut upload = store.stage().unwrap();
    upload.write_all(&bytes).unwrap();
    upload.publish(&name).unwrap();
    let (writer, sequence) = (random_hex().unwrap(), head.ref_sequence() + 1);
    let entry =
        RefEntry { name: "main".into(), sequence, commit, writer, time_us, key: None, fence: None, origin: None };
    refs::put_entry(store, &[name], &entry).unwrap();
    println!("{N_FILES} files, {N_COLUMNS} columns: {:.1} MB of manifest", bytes.len() as f64 / 1e6);
}

fn leaf(first: u64, n: u64, real: &Leaf, entry: &DataFile, pack: &mut PackWriter) -> (Leaf, Vec<FileZones>) {
    let file = |number: u64| DataFile {
        id: Digest::of(&number.to_le_bytes()),
        n_rows: ROWS,
        size_bytes: 2_000_000,
        first_row_id: number * ROWS,
        last_row_id: (number + 1) * ROWS - 1,
        ..entry.clone()
    };
    let files: Vec<DataFile> = (first..first + n).map(file).collect();
    let zones: Vec<FileZones> = (first..first + n).map(file_zones).collect();
    let leaf = Leaf {
        files: pack.add(Class::Structure, &manifest::encode_leaf(&files).unwrap()).unwrap(),
        zones: pack.add(Class::Payload, &manifest::encode_zones(&zones)).unwrap(),
        n_files: n,
        n_rows: n * ROWS,
        first_row_id: first * ROWS,
        last_row_id: (first + n) * ROWS - 1,
        ..real.clone()
    };
    (leaf, zones)
}

/// The first column ascends over the files; the others lie anywhere.
fn file_zones(number: u64) -> FileZones {
    let zone = |field_id: i32| {
        let (min, max) = if field_id == 1 {
            (Bound::Int(i128::from(number * ROWS)), Bound::Int(i128::from((number + 1) * ROWS - 1)))
        } else if field_id % 2 == 0 {
            let low = i128::from(number.wrapping_mul(2_654_435_761 + field_id as u64) % 1_000_000);
            (Bound::Int(low), Bound::Int(low + 100))
        } else {
            let low = (number % 977) as f64 / 7.0;
            (Bound::Float(low), Bound::Float(low + 0.5))
        };
        (field_id, Zone { n_null: 0, has_nan: false, min: Some(min), max: Some(max) })
    };
    (1..=N_COLUMNS).map(zone).collect()
}

fn sample() -> RecordBatch {
    let columns = (1..=N_COLUMNS).map(|n| {
        let array: arrow_array::ArrayRef = if n == 1 || n % 2 == 0 {
            std::sync::Arc::new(Int64Array::from(vec![1]))
        } else {
            std::sync::Arc::new(Float64Array::from(vec![0.5]))
        };
        (format!("c{n}"), array)
    });
    RecordBatch::try_from_iter(columns).unwrap()
}
