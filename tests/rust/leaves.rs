//! The manifest: its leaves stay few, keep the order of rows, and their merged statistics are those of all rows.

use std::sync::Arc;

use arrow_array::{Float64Array, Int64Array, RecordBatch, StringArray};
use lakebed_core::log::snapshot::Table;
use lakebed_core::repository::{OpenOptions, Repository};
use lakebed_core::statistics::{Collector, TableStatistics};
use lakebed_core::transaction::Mode;

use crate::batches::{Outcome, batch, finish, ints, rows, stream, values, write};

/// What `transaction/leaves.rs` promises for a table of `n_files`.
fn most_leaves(n_files: u64) -> usize {
    7 * (n_files.max(1).ilog2() as usize / 3 + 1)
}

fn assert_equal_statistics(found: &TableStatistics, expected: &TableStatistics) {
    assert_eq!(found.n_rows, expected.n_rows);
    assert_eq!(found.columns.len(), expected.columns.len());
    for (found, expected) in found.columns.iter().zip(&expected.columns) {
        assert_eq!((found.name(), found.n_null()), (expected.name(), expected.n_null()));
        assert_eq!((found.min(), found.max()), (expected.min(), expected.max()));
        let distinct = |x: &lakebed_core::statistics::ColumnStatistics| x.distinct().map(|x| (x.count, x.exact));
        assert_eq!(distinct(found), distinct(expected));
        assert_eq!(found.bins(), expected.bins());
        assert_eq!(found.quantiles(), expected.quantiles());
        assert_eq!(found.top_values(20), expected.top_values(20));
        assert_eq!(found.sum(), expected.sum());
        for (a, b) in [(found.mean(), expected.mean()), (found.variance(), expected.variance())] {
            let (a, b) = (a.unwrap_or(0.0), b.unwrap_or(0.0));
            assert!((a - b).abs() <= 1e-9 * b.abs().max(1.0), "{a} is not {b}");
        }
    }
}

fn row(n: i64) -> Outcome<RecordBatch> {
    let text = format!("{:03}", n % 37);
    batch(vec![
        ("x", Arc::new(Int64Array::from(vec![n]))),
        ("f", Arc::new(Float64Array::from(vec![(n % 5 != 0).then_some(n as f64 / 3.0)]))),
        ("s", Arc::new(StringArray::from(vec![(n % 7 != 0).then_some(text.as_str())]))),
    ])
}

fn check_table(repository: &Repository, table: &Table, n_rows: i64) -> Outcome {
    assert!(table.version.leaves.len() <= most_leaves(table.version.n_files()), "{}", table.version.leaves.len());
    assert_eq!(values(repository, table)?, (0..n_rows).collect::<Vec<_>>());
    let mut next = 0;
    for file in table.files()? {
        assert_eq!(file.first_row_id, next);
        next += file.n_rows;
    }
    let all = rows(repository, table)?;
    let mut collector = Collector::new(&all.schema())?;
    collector.update(&all)?;
    assert_equal_statistics(&table.statistics()?, &collector.finish());
    Ok(())
}

#[test]
fn hundreds_of_tiny_appends_leave_few_leaves_all_rows_in_order_and_exact_statistics() -> Outcome {
    let repository = Repository::open("memory://", OpenOptions::default())?;
    for n in 0..600 {
        write(&repository, "t", Mode::Append, &row(n)?)?;
        let table = repository.head("main")?.table("t")?;
        assert!(table.version.leaves.len() <= most_leaves(n as u64 + 1), "{} files", n + 1);
        if [0, 6, 7, 8, 63, 64, 65, 511, 512, 599].contains(&n) {
            check_table(&repository, &table, n + 1)?;
        }
    }
    // Older versions are as they were.
    check_table(&repository, &repository.resolve("main~300")?.table("t")?, 300)
}

#[test]
fn appends_of_many_and_of_few_files_in_turn_leave_few_leaves() -> Outcome {
    let repository = Repository::open("memory://", OpenOptions::default())?;
    let mut n = 0;
    for round in 0..60 {
        let mut transaction = repository.begin("main")?;
        for _ in 0..if round % 2 == 0 { 1 } else { 8 } {
            transaction.write("t", Mode::Append, &mut stream(&[ints([n])?]))?;
            n += 1;
        }
        finish(&mut transaction)?;
    }
    let table = repository.head("main")?.table("t")?;
    assert_eq!(values(&repository, &table)?, (0..n).collect::<Vec<_>>());
    let (found, most) = (table.version.leaves.len(), most_leaves(table.version.n_files()));
    assert!(found <= most, "{found} leaves for {} files, at most {most} promised", table.version.n_files());
    Ok(())
}
