//! The manifest: its leaves stay few, keep the order of rows, and their merged statistics are those of all rows.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow_array::{Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, UInt64Array};
use arrow_schema::{DataType, Field};
use lakebed_core::format::evolve::Evolution;
use lakebed_core::log::snapshot::Table;
use lakebed_core::maintenance::compaction::{self, CompactionOptions};
use lakebed_core::repository::{OpenOptions, Repository};
use lakebed_core::scan::predicate::Predicate;
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
        assert_eq!(found.cells(), expected.cells());
        assert_eq!(found.rank_error(), expected.rank_error());
        if expected.rank_error() == 0.0 {
            assert_eq!(found.bins(), expected.bins());
            assert_eq!(found.quantiles(100), expected.quantiles(100));
            assert_eq!(found.top_values(20), expected.top_values(20));
        }
        // The numbers of these tables are spread evenly: an error of ranks is one of values.
        let (a, b) = (found.quantiles(100), expected.quantiles(100));
        let range = b.last().unwrap_or(&0.0) - b.first().unwrap_or(&0.0);
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() <= 2.0 * expected.rank_error() * range));
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

#[test]
fn zones_below_nodes_are_those_of_the_present_columns_and_read_once() -> Outcome {
    let repository = Repository::open("memory://", OpenOptions::default())?;
    for commit in 0..9 {
        let mut transaction = repository.begin("main")?;
        for n in 0..520 {
            let number = || Arc::new(Int32Array::from(vec![commit * 520 + n]));
            transaction.write("t", Mode::Append, &mut stream(&[batch(vec![("x", number()), ("y", number())])?]))?;
        }
        finish(&mut transaction)?;
    }
    let mut transaction = repository.begin("main")?;
    let path = |name: &str| vec![name.to_owned()];
    let long = |name: &str| Field::new(name, DataType::Int64, true);
    transaction.evolve("t", &Evolution::Retype { path: path("x"), field: long("x"), narrowing: false })?;
    transaction.evolve("t", &Evolution::Drop { path: path("y") })?;
    transaction.evolve("t", &Evolution::Rename { path: path("x"), to: "y".into() })?;
    transaction.evolve("t", &Evolution::Add { path: path("x"), field: long("x"), default: None })?;
    finish(&mut transaction)?;
    let newest = Int64Array::from(vec![i64::MAX]);
    write(&repository, "t", Mode::Append, &batch(vec![("x", Arc::new(newest.clone())), ("y", Arc::new(newest))])?)?;
    let table = repository.head("main")?.table("t")?;
    assert!(table.version.leaves.iter().any(|leaf| leaf.is_node));
    let found = |text: &str| -> Outcome<Vec<u64>> {
        let files = repository.plan(&table, Some(&Predicate::from_text(text)?))?;
        Ok(files.iter().map(|file| file.file.first_row_id).collect())
    };
    assert_eq!(found(r#"["=", "y", 1700]"#)?, [1700]);
    assert_eq!(found(r#"["=", "y", 9223372036854775807]"#)?, [4680]);
    assert_eq!(
        found(r#"["=", "x", 9223372036854775807]"#)?.len(),
        4681,
        "nothing is known of a column that came later"
    );
    assert_eq!(found(r#"["in", "x", [1, 2]]"#)?.len(), 4680);
    let bytes = || repository.objects().counters.metadata_bytes.load(Ordering::Relaxed);
    assert_eq!(found(r#"["<", "y", 2]"#)?, [0, 1]);
    let before = bytes();
    assert_eq!(found(r#"["<", "y", 3]"#)?, [0, 1, 2]);
    assert_eq!(bytes(), before, "what is read once is kept");
    Ok(())
}

fn delete(repository: &Repository, ids: Vec<u64>) -> Outcome {
    let mut transaction = repository.begin("main")?;
    let ids = batch(vec![("id", Arc::new(UInt64Array::from(ids)))])?;
    transaction.delete_rows("t", &mut stream(&[ids]))?;
    finish(&mut transaction)?;
    Ok(())
}

#[test]
fn thousands_of_files_lie_under_nodes_that_prune_lose_rows_and_are_compacted() -> Outcome {
    const COMMITS: i64 = 9;
    const FILES: i64 = 520;
    let repository = Repository::open("memory://", OpenOptions::default())?;
    for commit in 0..COMMITS {
        let mut transaction = repository.begin("main")?;
        for n in 0..FILES {
            transaction.write("t", Mode::Append, &mut stream(&[ints([commit * FILES + n])?]))?;
        }
        finish(&mut transaction)?;
    }
    let n_rows = COMMITS * FILES;
    let newest = || -> Outcome<Table> { Ok(repository.head("main")?.table("t")?) };
    let table = newest()?;
    assert_eq!(table.version.leaves.iter().filter(|leaf| leaf.is_node).count(), 1);
    assert!(table.version.leaves.len() <= 2);
    check_table(&repository, &table, n_rows)?;
    let found = |table: &Table, text: &str| -> Outcome<usize> {
        Ok(repository.plan(table, Some(&Predicate::from_text(text)?))?.len())
    };
    assert_eq!(found(&table, r#"["=", "x", 1700]"#)?, 1);
    assert_eq!(found(&table, r#"["and", [">=", "x", 2000], ["<", "x", 2600]]"#)?, 600);
    assert_eq!(found(&table, r#"[">", "x", 999999]"#)?, 0);

    delete(&repository, vec![0, 1700, 1701, n_rows as u64 - 1])?;
    let kept: Vec<i64> = (0..n_rows).filter(|n| ![0, 1700, 1701, n_rows - 1].contains(n)).collect();
    assert_eq!(values(&repository, &newest()?)?, kept);
    assert_eq!(newest()?.version.n_rows(), kept.len() as u64);
    assert_eq!(found(&newest()?, r#"["=", "x", 1700]"#)?, 1);
    assert!(repository.verify(false)?.problems.is_empty());

    let groups = compaction::plan(&newest()?, CompactionOptions::default())?;
    let mut transaction = repository.begin("main")?;
    for group in &groups {
        transaction.compact_files("t", group)?;
    }
    finish(&mut transaction)?;
    let table = newest()?;
    assert_eq!(values(&repository, &table)?, kept);
    assert_eq!((table.version.n_files(), table.version.n_deleted()), (1, 0));
    assert_eq!(table.statistics()?.n_rows, kept.len() as u64);
    assert!(repository.verify(true)?.problems.is_empty());
    Ok(())
}
