//! What hashes cannot tell: metadata that was written whole and says what is not so. Each lie is forged and must be found.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use lakebed_core::format::manifest::{self, DataFile};
use lakebed_core::format::pack::{Class, ObjectRef, PackWriter};
use lakebed_core::log::commit::{Commit, Leaf, TableVersion};
use lakebed_core::log::refs::{self, RefEntry};
use lakebed_core::log::snapshot::Table;
use lakebed_core::maintenance::verify::Report;
use lakebed_core::random::random_hex;
use lakebed_core::repository::{OpenOptions, Repository};
use lakebed_core::statistics::{Collector, TableStatistics};
use lakebed_core::transaction::Mode;

use crate::batches::{Outcome, ints, write};

/// A table of three files in one commit's leaf, and another of one file with other rows.
fn repository() -> Outcome<Repository> {
    let repository = Repository::open("memory://", OpenOptions::default())?;
    let mut transaction = repository.begin("main")?;
    for start in [0, 10, 20] {
        transaction.write("t", Mode::Append, &mut crate::batches::stream(&[ints(start..start + 10)?]))?;
    }
    crate::batches::finish(&mut transaction)?;
    write(&repository, "other", Mode::Append, &ints([5, 6, 7])?)?;
    Ok(repository)
}

/// The content of a table with one leaf, to be changed before it is forged.
struct Forged {
    version: TableVersion,
    leaf: Leaf,
    files: Vec<DataFile>,
    zones: Vec<manifest::FileZones>,
    summary: Vec<u8>,
    /// Whether the summary becomes that of the first file, too.
    of_file: bool,
}

impl Forged {
    fn of(repository: &Repository, table: &Table) -> Outcome<Self> {
        let leaf = table.version.leaves[0].clone();
        let (files, zones) = table.files_and_zones()?.into_iter().unzip();
        let summary = repository.objects().get(&leaf.summary)?;
        Ok(Self { version: table.version.clone(), leaf, files, zones, summary, of_file: false })
    }

    /// Commit the table as `t`, whole and with all hashes right.
    fn commit(mut self, repository: &Repository, parent: Option<ObjectRef>) -> Outcome {
        let objects = repository.objects();
        let head = repository.head("main")?;
        let before = head.commit().ok_or("no commit")?;
        let mut pack = PackWriter::new(objects.key)?;
        self.leaf.summary = pack.add(Class::Payload, &self.summary)?;
        if self.of_file {
            self.files[0].summary = self.leaf.summary.clone();
        }
        self.leaf.files = pack.add(Class::Structure, &manifest::encode_leaf(&self.files)?)?;
        self.leaf.zones = pack.add(Class::Payload, &manifest::encode_zones(&self.zones))?;
        self.version.leaves = vec![self.leaf];
        let version = pack.add(Class::Structure, &serde_json::to_vec(&self.version)?)?;
        let tables = BTreeMap::from([("t".to_owned(), version)]);
        let mut root = before.root.clone();
        root.tables = Some(pack.add(Class::Structure, &serde_json::to_vec(&tables)?)?);
        let operation = pack.add(Class::Payload, b"{}")?;
        let parents = parent.or_else(|| head.reference().cloned()).into_iter().collect();
        let (sequence, time_us) = (before.sequence + 1, before.time_us + 1);
        let commit = Commit { parents, sequence, time_us, operation, root };
        let commit = Some(pack.add(Class::Structure, &serde_json::to_vec(&commit)?)?);
        let (name, bytes) = pack.finish();
        let mut upload = objects.store.stage()?;
        upload.write_all(&bytes)?;
        upload.publish(&name)?;
        let (writer, sequence) = (random_hex()?, head.ref_sequence() + 1);
        let entry =
            RefEntry { name: "main".into(), sequence, commit, writer, time_us, key: None, fence: None, origin: None };
        refs::put_entry(objects.store.as_ref(), &[name], &entry)?;
        Ok(())
    }
}

fn found(report: &Report) -> String {
    report.problems.iter().map(|problem| problem.problem.as_str()).collect::<Vec<_>>().join("; ")
}

/// Forge a change of table `t`; `problem` is what has to be found, with recomputed statistics or without.
fn check(problem: &str, needs_data: bool, change: impl Fn(&Repository, &mut Forged) -> Outcome) -> Outcome {
    let repository = repository()?;
    let mut forged = Forged::of(&repository, &repository.head("main")?.table("t")?)?;
    change(&repository, &mut forged)?;
    forged.commit(&repository, None)?;
    let (quick, full) = (repository.verify(false)?, repository.verify(true)?);
    assert!(found(&full).contains(problem), "{problem:?} is not in {:?}", found(&full));
    assert_eq!(found(&quick).contains(problem), !needs_data, "{:?}", found(&quick));
    Ok(())
}

#[test]
fn a_commit_that_is_forged_without_a_lie_is_sound() -> Outcome {
    let repository = repository()?;
    Forged::of(&repository, &repository.head("main")?.table("t")?)?.commit(&repository, None)?;
    assert_eq!(found(&repository.verify(true)?), "");
    Ok(())
}

#[test]
fn lies_about_rows_and_files_are_found() -> Outcome {
    check("row ids overlap", false, |_, forged| {
        forged.files[1].first_row_id -= 1;
        Ok(())
    })?;
    check("row ids are given twice", false, |_, forged| {
        forged.version.next_row_id -= 1;
        Ok(())
    })?;
    check("a leaf counts other files than it has", false, |_, forged| {
        forged.leaf.n_rows += 1;
        Ok(())
    })?;
    check("it has another number of rows", true, |_, forged| {
        forged.files[2].n_rows -= 1;
        forged.leaf.n_rows -= 1;
        Ok(())
    })?;
    // No row is looked at by itself: that would never end.
    check("it has another number of rows", true, |_, forged| {
        let more = (1 << 60) - forged.files[2].n_rows;
        forged.files[2].n_rows += more;
        forged.files[2].last_row_id += more;
        forged.leaf.n_rows += more;
        forged.leaf.last_row_id += more;
        forged.version.next_row_id += more;
        Ok(())
    })?;
    check("the data file is missing", false, |_, forged| {
        forged.files[1].id.0[0] ^= 1;
        Ok(())
    })
}

/// Rows with more different values than are counted, so that their sketches depend on how they were merged.
fn many_rows() -> Outcome<RecordBatch> {
    let (mut numbers, mut texts) = (Vec::new(), Vec::new());
    for row in 0..30_000_u64 {
        numbers.push((row.wrapping_mul(0x9e37_79b9) % 20_011) as f64 / 8.0);
        texts.push(format!("text {}", row * row % 12_007));
    }
    let columns: [(&str, ArrayRef); 3] = [
        ("x", Arc::new(Float64Array::from(numbers))),
        ("s", Arc::new(StringArray::from(texts))),
        ("n", Arc::new((0..30_000).map(|row| (row % 9 > 0).then_some(row / 3)).collect::<Int64Array>())),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}

/// Statistics of the rows as another build may store them: merged in pieces, which keep less than is kept of a file.
fn otherwise(rows: &RecordBatch, piece: usize) -> Outcome<TableStatistics> {
    let mut parts = Vec::new();
    for start in (0..rows.num_rows()).step_by(piece) {
        let mut collector = Collector::new(rows.schema_ref())?;
        collector.update(&rows.slice(start, piece.min(rows.num_rows() - start)))?;
        parts.push(collector.finish());
    }
    Ok(TableStatistics::merge_all(parts)?.ok_or("no rows")?)
}

/// Commit a table of these rows whose file has other stored statistics; what `verify` finds.
fn with_statistics(rows: &RecordBatch, statistics: &TableStatistics) -> Outcome<String> {
    let repository = Repository::open("memory://", OpenOptions::default())?;
    write(&repository, "t", Mode::Append, rows)?;
    let mut forged = Forged::of(&repository, &repository.head("main")?.table("t")?)?;
    assert_eq!(forged.files.len(), 1);
    (forged.summary, forged.of_file) = (statistics.encode(), true);
    forged.commit(&repository, None)?;
    Ok(found(&repository.verify(true)?))
}

#[test]
fn statistics_of_another_build_are_sound_while_their_exact_figures_and_laws_hold() -> Outcome {
    let rows = many_rows()?;
    let ours = otherwise(&rows, rows.num_rows())?;
    for piece in [500, 7_000, 29_999] {
        let theirs = otherwise(&rows, piece)?;
        assert_ne!(theirs.encode(), ours.encode());
        assert_eq!(with_statistics(&rows, &theirs)?, "");
    }
    Ok(())
}

#[test]
fn one_changed_value_is_found_in_the_statistics_of_another_build() -> Outcome {
    let rows = many_rows()?;
    let change = |at: usize, column: &str| -> Outcome<RecordBatch> {
        let array: ArrayRef = match column {
            "x" => {
                let mut values = rows.column(0).as_primitive::<Float64Type>().values().to_vec();
                values[at] = -values[at] - 1.0;
                Arc::new(Float64Array::from(values))
            }
            "s" => {
                let values = rows.column(1).as_string::<i32>();
                let changed =
                    |row: usize| if row == at { "one more text".into() } else { values.value(row).to_owned() };
                Arc::new(StringArray::from_iter_values((0..values.len()).map(changed)))
            }
            _ => {
                let values = rows.column(2).as_primitive::<Int64Type>();
                let changed = |(row, value): (usize, Option<i64>)| value.map(|value| value + i64::from(row == at));
                Arc::new(values.iter().enumerate().map(changed).collect::<Int64Array>())
            }
        };
        let position = rows.schema().index_of(column)?;
        let mut columns = rows.columns().to_vec();
        columns[position] = array;
        Ok(RecordBatch::try_new(rows.schema(), columns)?)
    };
    for (at, column) in [(12_345, "x"), (20, "s"), (10_000, "n")] {
        let theirs = otherwise(&change(at, column)?, 7_000)?;
        let problem = with_statistics(&rows, &theirs)?;
        assert!(problem.contains("its statistics are not those of its rows"), "{column}: {problem:?}");
    }
    Ok(())
}

#[test]
fn lies_about_statistics_are_found() -> Outcome {
    check("its statistics are not those of its rows", true, |_, forged| {
        forged.files[0].summary = forged.files[1].summary.clone();
        Ok(())
    })?;
    check("zones of file", true, |_, forged| {
        forged.zones.swap(0, 1);
        Ok(())
    })?;
    check("the statistics of a leaf are not those of its files", true, |repository, forged| {
        forged.summary = repository.objects().get(&forged.files[0].summary)?;
        Ok(())
    })
}

#[test]
fn a_commit_that_does_not_follow_the_one_before_is_found() -> Outcome {
    let repository = repository()?;
    let first = repository.at_sequence("main", 1)?;
    let forged = Forged::of(&repository, &first.table("t")?)?;
    forged.commit(&repository, first.reference().cloned())?;
    assert!(found(&repository.verify(false)?).contains("does not follow the one before"));
    Ok(())
}
