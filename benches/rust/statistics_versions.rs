//! Statistics of a version of 1,000 files with 1,000,000 rows and 20 columns each, and the drift of two such versions, in
//! fresh processes; and the bytes that are stored for them.
//!
//! The rows are not written: each commit adds a file of one row, with the statistics of a million, of which sixteen
//! different ones are made from real values. All else is what commits do. `LAKEBED_SIMULATED=folder` keeps the warehouse,
//! for `benches/python/statistics_versions.py`.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // A bench ends at its first error, and prints.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, RecordBatchIterator, StringArray};
use lakebed_core::random::random_hex;
use lakebed_core::repository::{OpenOptions, Repository};
use lakebed_core::sketch::hash_u64;
use lakebed_core::statistics::{Collector, TableStatistics, drift, with_statistics_of};
use lakebed_core::transaction::Mode;

const N_FILES: usize = 1000;
const N_DIFFERENT: usize = 16;
const ROWS: usize = 1_000_000;
const BATCH: usize = 62_500;
const ROUNDS: usize = 9;
const SPANS: [u64; 8] = [2, 24, 1000, 10_000, 50_000, 250_000, 1_000_000, 1 << 40];
const FLOATS: usize = 6;
const WORDS: [u64; 6] = [3, 100, 1000, 20_000, 100_000, 250_000];
/// Bytes of the data files of 1,000,000 such rows, as `statistics_write.rs` writes them.
const DATA_BYTES: f64 = 68e6;

fn main() {
    if let Ok(folder) = std::env::var("LAKEBED_COLD") {
        return read(&folder);
    }
    let kept = std::env::var("LAKEBED_SIMULATED").ok().map(PathBuf::from);
    let folder =
        kept.clone().unwrap_or_else(|| std::env::temp_dir().join(format!("lakebed-bench-{}", random_hex().unwrap())));
    make(&folder);
    let packs = folder_bytes(&folder.join("packs")) as f64;
    println!(
        "{N_FILES} files x {ROWS} rows x 20 columns: packs with the statistics of files, those of merged nodes, manifests \
         and commits {:.1} KB a file = {:.3} % of its data",
        packs / 1e3 / N_FILES as f64,
        100.0 * packs / N_FILES as f64 / DATA_BYTES
    );
    let mut times: Vec<Vec<f64>> = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let done = Command::new(std::env::current_exe().unwrap()).env("LAKEBED_COLD", &folder).output().unwrap();
        let whole = start.elapsed().as_secs_f64() * 1e3;
        let text = String::from_utf8(done.stdout).unwrap();
        times.push(text.split_whitespace().map(|word| word.parse().unwrap()).chain([whole]).collect());
    }
    for (at, name) in ["open and statistics", "drift of two versions", "the process"].into_iter().enumerate() {
        let mut column: Vec<f64> = times.iter().map(|round| round[at]).collect();
        column.sort_by(f64::total_cmp);
        println!("  {name:24} {:6.1} ms", column[ROUNDS / 2]);
    }
    if kept.is_none() {
        std::fs::remove_dir_all(folder).unwrap();
    }
}

/// What a fresh process does.
fn read(folder: &str) {
    let start = Instant::now();
    let repository = Repository::open(folder, OpenOptions::default()).unwrap();
    let statistics = |version: &str| -> TableStatistics {
        repository.resolve(version).unwrap().table("t").unwrap().statistics().unwrap()
    };
    let all = statistics("main");
    assert_eq!((all.n_rows, all.columns.len()), ((N_FILES * ROWS) as u64, 20));
    let first = start.elapsed().as_secs_f64() * 1e3;
    let start = Instant::now();
    assert_eq!(drift(&statistics("half"), &statistics("main"), 10).len(), 20);
    println!("{first} {}", start.elapsed().as_secs_f64() * 1e3);
}

fn make(folder: &Path) {
    let different: Vec<TableStatistics> = (0..N_DIFFERENT).map(summary).collect();
    let repository = Repository::open(&folder.display().to_string(), OpenOptions::default()).unwrap();
    let row = batch(0).slice(0, 1);
    for file in 0..N_FILES {
        with_statistics_of(Some(different[file % N_DIFFERENT].clone()));
        let mut transaction = repository.begin("main").unwrap();
        let mut stream = RecordBatchIterator::new([Ok(row.clone())], row.schema());
        transaction.write("t", Mode::Append, &mut stream).unwrap();
        transaction.try_commit(b"{}").unwrap().unwrap();
        if file == N_FILES / 2 {
            repository.create_tag("half", &repository.head("main").unwrap()).unwrap();
        }
    }
    with_statistics_of(None);
}

/// The statistics of a file of a million rows.
fn summary(file: usize) -> TableStatistics {
    let first = file * ROWS;
    let mut collector = Collector::new(batch(first).schema_ref()).unwrap();
    (0..ROWS).step_by(BATCH).for_each(|at| collector.update(&batch(first + at)).unwrap());
    collector.finish()
}

fn folder_bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| if entry.path().is_dir() { folder_bytes(&entry.path()) } else { entry.metadata().unwrap().len() })
        .sum()
}

fn batch(first: usize) -> RecordBatch {
    let noise = |row: usize, salt: usize| hash_u64((first + row) as u64 ^ (salt as u64) << 48);
    let mut columns: Vec<(String, ArrayRef)> = Vec::new();
    for (at, &span) in SPANS.iter().enumerate() {
        let column: Int64Array = (0..BATCH).map(|row| (noise(row, at) % span) as i64).collect();
        columns.push((format!("int_{at}"), Arc::new(column)));
    }
    for at in 0..FLOATS {
        // Nearly normal: the sum of eight.
        let real = |row| (0..8).map(|part| noise(row, 100 + 8 * at + part) as f64 / 1.8e19).sum::<f64>();
        columns.push((format!("float_{at}"), Arc::new((0..BATCH).map(real).collect::<Float64Array>())));
    }
    for (at, &span) in WORDS.iter().enumerate() {
        // Squares: low numbers are frequent.
        let skewed = |row: usize| (noise(row, 50 + at) as f64 / 1.85e19).powi(2) * span as f64;
        let column: Vec<String> = (0..BATCH).map(|row| format!("value {}", skewed(row) as u64)).collect();
        columns.push((format!("text_{at}"), Arc::new(StringArray::from(column))));
    }
    RecordBatch::try_from_iter(columns).unwrap()
}
