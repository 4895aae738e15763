//! Write data files with their statistics and without: the same writer, cut and rows, interleaved.
//!
//! 1,000,000 rows x 20 columns (8 integers, 6 floats, 6 texts) and 5,000,000 x 10 (5, 4, 1), on disk, synced. Without, the
//! collectors of statistics return at once; with, encoding and compressing the summaries is part of the time.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // A bench ends at its first error, and prints.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use lakebed_core::format::arrange::Arrangement;
use lakebed_core::format::data_file::Target;
use lakebed_core::format::pack::PackWriter;
use lakebed_core::format::schema::TableSchema;
use lakebed_core::format::table_writer::write_data_files;
use lakebed_core::object::LocalStore;
use lakebed_core::random::random_hex;
use lakebed_core::sketch::hash_u64;
use lakebed_core::statistics::without_statistics;

const BLOCK: usize = 65_536;
const ROUNDS: usize = 5;
const SPANS: [u64; 8] = [2, 24, 1000, 10_000, 50_000, 250_000, 1_000_000, 1 << 40];
const WORDS: [u64; 6] = [3, 100, 1000, 20_000, 100_000, 250_000];

fn main() {
    for (n_rows, ints, floats, texts) in [(1_000_000, 8, 6, 6), (5_000_000, 5, 4, 1)] {
        let batches: Vec<RecordBatch> =
            (0..n_rows / BLOCK).map(|at| batch(at * BLOCK, &SPANS[..ints], floats, &WORDS[..texts])).collect();
        let mut times = [Vec::new(), Vec::new()];
        let (mut data, mut summaries, mut n_files) = (0, 0, 0);
        for round in 0..=ROUNDS {
            for which in [round % 2, 1 - round % 2] {
                without_statistics(which == 1);
                let (time, sizes) = write(&batches);
                if round > 0 {
                    times[which].push(time);
                }
                if which == 0 {
                    (data, summaries, n_files) = sizes;
                }
            }
        }
        without_statistics(false);
        let median = |times: &mut Vec<(Duration, Duration)>, pick: fn(&(Duration, Duration)) -> Duration| {
            times.sort_by_key(pick);
            pick(&times[ROUNDS / 2]).as_secs_f64()
        };
        let [with, without] = &mut times;
        let (wall, cpu) =
            ((median(with, |t| t.0), median(without, |t| t.0)), (median(with, |t| t.1), median(without, |t| t.1)));
        println!(
            "{n_rows} x {}: {n_files} files, wall {:.2} / {:.2} s = {:.2}, CPU {:.2} / {:.2} s = {:.2}; summaries {:.3} % of the data",
            ints + floats + texts,
            wall.0,
            wall.1,
            wall.0 / wall.1,
            cpu.0,
            cpu.1,
            cpu.0 / cpu.1,
            100.0 * summaries as f64 / data as f64
        );
    }
}

/// Wall and CPU time; bytes of data and of summaries, and files.
fn write(batches: &[RecordBatch]) -> ((Duration, Duration), (u64, usize, usize)) {
    let folder = std::env::temp_dir().join(format!("lakebed-bench-{}", random_hex().unwrap()));
    std::fs::create_dir_all(&folder).unwrap();
    let store = LocalStore::new(&folder).unwrap();
    let schema = TableSchema::from_arrow(batches[0].schema_ref(), "bench").unwrap();
    let target = Target {
        store: &store,
        key: &[7; 32],
        table_id: "t",
        schema: &schema,
        arrangement: Arrangement::default(),
        place: "bench",
    };
    let (start, cpu) = (Instant::now(), cpu_time());
    let files = write_data_files(&target, &mut batches.iter().map(|batch| Ok(batch.clone()))).unwrap();
    // As a commit does: each summary is encoded and compressed once, of most files when they are closed.
    let mut pack = PackWriter::new(*target.key).unwrap();
    for file in &files {
        file.statistics.add_to(&mut pack).unwrap();
    }
    let times = (start.elapsed(), cpu_time().saturating_sub(cpu));
    std::fs::remove_dir_all(folder).unwrap();
    (times, (files.iter().map(|file| file.size_bytes).sum(), pack.size_bytes(), files.len()))
}

/// Of all threads of this process.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    // Ticks of 10 ms, in user and system mode.
    Duration::from_millis(10 * (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()))
}

fn batch(first: usize, spans: &[u64], floats: usize, words: &[u64]) -> RecordBatch {
    let noise = |row: usize, salt: usize| hash_u64((first + row) as u64 ^ (salt as u64) << 48);
    let mut columns: Vec<(String, ArrayRef)> = Vec::new();
    for (at, &span) in spans.iter().enumerate() {
        let column: Int64Array = (0..BLOCK).map(|row| (noise(row, at) % span) as i64).collect();
        columns.push((format!("int_{at}"), Arc::new(column)));
    }
    for at in 0..floats {
        // Nearly normal: the sum of eight.
        let real = |row| (0..8).map(|part| noise(row, 100 + 8 * at + part) as f64 / 1.8e19).sum::<f64>();
        columns.push((format!("float_{at}"), Arc::new((0..BLOCK).map(real).collect::<Float64Array>())));
    }
    for (at, &span) in words.iter().enumerate() {
        // Squares: low numbers are frequent.
        let skewed = |row: usize| (noise(row, 50 + at) as f64 / 1.85e19).powi(2) * span as f64;
        let column: Vec<String> = (0..BLOCK).map(|row| format!("value {}", skewed(row) as u64)).collect();
        columns.push((format!("text_{at}"), Arc::new(StringArray::from(column))));
    }
    RecordBatch::try_from_iter(columns).unwrap()
}
