//! Writing tables: append, overwrite, several tables at once, field ids, row ids, rebase, refused frames.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use lakebed_core::Error;
use lakebed_core::log::snapshot::Table;
use lakebed_core::object::{LocalStore, MemoryStore, ObjectStore};
use lakebed_core::repository::{OpenOptions, Repository};
use lakebed_core::transaction::Mode;

use crate::batches::{Folder, Outcome, batch, finish, ints, rows, stream, values, write, write_to};

fn memory() -> Outcome<Repository> {
    Ok(Repository::open("memory://", OpenOptions::default())?)
}

fn newest(repository: &Repository, table: &str) -> Outcome<Table> {
    Ok(repository.head("main")?.table(table)?)
}

fn ids(table: &Table) -> Vec<(String, i32)> {
    table.version.schema.fields.iter().map(|field| (field.name.clone(), field.id)).collect()
}

#[test]
fn appended_rows_follow_those_that_are_there_and_overwritten_ones_are_gone() -> Outcome {
    let repository = memory()?;
    write(&repository, "t", Mode::Append, &ints([1, 2])?)?;
    write(&repository, "t", Mode::Append, &ints([3])?)?;
    assert_eq!(values(&repository, &newest(&repository, "t")?)?, [1, 2, 3]);
    write(&repository, "t", Mode::Overwrite, &ints([9])?)?;
    assert_eq!(values(&repository, &newest(&repository, "t")?)?, [9]);
    assert_eq!(values(&repository, &repository.resolve("main~1")?.table("t")?)?, [1, 2, 3]);
    Ok(())
}

#[test]
fn equal_rows_written_twice_are_there_twice() -> Outcome {
    let repository = memory()?;
    for _ in 0..2 {
        write(&repository, "t", Mode::Append, &ints([5, 6])?)?;
    }
    let table = newest(&repository, "t")?;
    assert_eq!(values(&repository, &table)?, [5, 6, 5, 6]);
    assert_eq!(table.statistics()?.n_rows, 4);
    Ok(())
}

#[test]
fn a_table_without_rows_keeps_its_columns() -> Outcome {
    let repository = memory()?;
    write(&repository, "t", Mode::Append, &ints([])?)?;
    let table = newest(&repository, "t")?;
    assert_eq!((table.version.n_rows(), table.version.n_files()), (0, 0));
    assert_eq!(ids(&table), [("x".to_owned(), 1)]);
    assert_eq!(table.statistics()?.columns.len(), 1);
    write(&repository, "t", Mode::Append, &ints([1])?)?;
    write(&repository, "t", Mode::Overwrite, &ints([])?)?;
    assert_eq!(newest(&repository, "t")?.version.n_rows(), 0);
    Ok(())
}

#[test]
fn tables_of_one_transaction_appear_together_and_later_writes_see_earlier_ones() -> Outcome {
    let repository = memory()?;
    let mut transaction = repository.begin("main")?;
    transaction.write("a", Mode::Append, &mut stream(&[ints([1])?]))?;
    transaction.write("ns.b", Mode::Append, &mut stream(&[ints([2])?]))?;
    transaction.write("a", Mode::Append, &mut stream(&[ints([3])?]))?;
    assert!(repository.head("main")?.tables()?.is_empty());
    finish(&mut transaction)?;
    assert_eq!(values(&repository, &newest(&repository, "a")?)?, [1, 3]);
    assert_eq!(values(&repository, &newest(&repository, "ns.b")?)?, [2]);
    assert_eq!(repository.history("main")?.len(), 1);
    Ok(())
}

#[test]
fn an_overwrite_takes_back_what_the_same_transaction_appended() -> Outcome {
    let repository = memory()?;
    write(&repository, "t", Mode::Append, &ints([1])?)?;
    let mut transaction = repository.begin("main")?;
    transaction.write("t", Mode::Append, &mut stream(&[ints([2])?]))?;
    transaction.write("t", Mode::Overwrite, &mut stream(&[ints([3])?]))?;
    transaction.write("t", Mode::Append, &mut stream(&[ints([4])?]))?;
    finish(&mut transaction)?;
    assert_eq!(values(&repository, &newest(&repository, "t")?)?, [3, 4]);
    Ok(())
}

#[test]
fn field_ids_follow_name_and_type_and_are_never_used_again() -> Outcome {
    let repository = memory()?;
    let text: ArrayRef = Arc::new(StringArray::from(vec!["p"]));
    let long: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let int: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    let check = |columns: Vec<(&str, ArrayRef)>, expected: &[(&str, i32)]| -> Outcome {
        write(&repository, "t", Mode::Overwrite, &batch(columns)?)?;
        let found = ids(&newest(&repository, "t")?);
        let found: Vec<(&str, i32)> = found.iter().map(|(name, id)| (name.as_str(), *id)).collect();
        assert_eq!(found, expected);
        Ok(())
    };
    check(vec![("a", long.clone()), ("b", text.clone())], &[("a", 1), ("b", 2)])?;
    // Another order, and a narrower integer that widens without loss.
    check(vec![("b", text.clone()), ("a", int)], &[("b", 2), ("a", 1)])?;
    check(vec![("a", text.clone())], &[("a", 3)])?;
    check(vec![("b", text), ("a", long)], &[("b", 4), ("a", 5)])
}

#[test]
fn data_files_carry_their_field_ids_and_no_schema_of_arrow() -> Outcome {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let repository = memory()?;
    let item: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    write(&repository, "t", Mode::Append, &batch(vec![("a", item.clone()), ("b", item)])?)?;
    let name = repository.plan(&newest(&repository, "t")?, None)?[0].name.clone();
    let bytes = repository.objects().store.get(&name)?.ok_or("missing")?;
    let reader = SerializedFileReader::new(crate::batches::nameless_file(&bytes)?)?;
    let metadata = reader.metadata().file_metadata();
    let fields = metadata.schema_descr().root_schema().get_fields();
    let ids: Vec<i32> = fields.iter().map(|field| field.get_basic_info().id()).collect();
    assert_eq!(ids, [1, 2]);
    assert_eq!(metadata.created_by(), Some("lakebed"));
    assert!(metadata.key_value_metadata().is_none_or(Vec::is_empty));
    Ok(())
}

#[test]
fn row_ids_are_contiguous_and_never_used_again_and_sequences_are_those_of_the_commits() -> Outcome {
    let repository = memory()?;
    write(&repository, "t", Mode::Append, &ints(0..3)?)?;
    write(&repository, "u", Mode::Append, &ints([1])?)?;
    write(&repository, "t", Mode::Append, &ints(3..5)?)?;
    let files = |table: &Table| -> Outcome<Vec<(u64, u64, u64)>> {
        Ok(table.files()?.iter().map(|file| (file.first_row_id, file.n_rows, file.sequence)).collect())
    };
    assert_eq!(files(&newest(&repository, "t")?)?, [(0, 3, 1), (3, 2, 3)]);
    write(&repository, "t", Mode::Overwrite, &ints(0..4)?)?;
    let table = newest(&repository, "t")?;
    assert_eq!(files(&table)?, [(5, 4, 4)]);
    assert_eq!(table.version.next_row_id, 9);
    Ok(())
}

#[test]
fn a_commit_links_to_its_parent_and_is_later() -> Outcome {
    let repository = memory()?;
    let mut before = (None, 0);
    for sequence in 1..=5 {
        write(&repository, "t", Mode::Append, &ints([1])?)?;
        let head = repository.head("main")?;
        let commit = head.commit().ok_or("no commit")?;
        assert_eq!(commit.sequence, sequence);
        assert_eq!(commit.parents.first().map(|parent| parent.id.clone()), before.0);
        assert!(commit.time_us > before.1);
        before = (head.reference().map(|reference| reference.id.clone()), commit.time_us);
    }
    Ok(())
}

#[test]
fn subtrees_that_do_not_change_keep_their_ids() -> Outcome {
    let repository = memory()?;
    write(&repository, "t", Mode::Append, &ints([1])?)?;
    let before = repository.head("main")?;
    let mut transaction = repository.begin("main")?;
    transaction.set_schema("t", b"expectations".to_vec())?;
    finish(&mut transaction)?;
    let after = repository.head("main")?;
    assert_eq!(before.table("t")?.reference, after.table("t")?.reference);
    let root = |snapshot: &lakebed_core::log::snapshot::Snapshot| snapshot.commit().map(|x| x.root.clone());
    assert_eq!(root(&before).map(|x| x.tables), root(&after).map(|x| x.tables));
    assert_ne!(root(&before).map(|x| x.schemas), root(&after).map(|x| x.schemas));
    Ok(())
}

#[test]
fn appends_of_two_transactions_both_hold() -> Outcome {
    let repository = memory()?;
    write(&repository, "t", Mode::Append, &ints([0])?)?;
    let mut slow = repository.begin("main")?;
    slow.write("t", Mode::Append, &mut stream(&[ints([2, 3])?]))?;
    write(&repository, "t", Mode::Append, &ints([1])?)?;
    assert!(slow.try_commit(b"{}")?.is_none(), "the branch moved, so the caller decides again");
    finish(&mut slow)?;
    let table = newest(&repository, "t")?;
    assert_eq!(values(&repository, &table)?, [0, 1, 2, 3]);
    let first: Vec<u64> = table.files()?.iter().map(|file| file.first_row_id).collect();
    assert_eq!(first, [0, 1, 2]);
    Ok(())
}

#[test]
fn two_creations_of_one_table_with_equal_columns_both_hold() -> Outcome {
    let repository = memory()?;
    let mut slow = repository.begin("main")?;
    slow.write("t", Mode::Append, &mut stream(&[ints([2])?]))?;
    write(&repository, "t", Mode::Append, &ints([1])?)?;
    finish(&mut slow)?;
    let table = newest(&repository, "t")?;
    assert_eq!(values(&repository, &table)?, [1, 2]);
    let folder = format!("tables/{}/data/", table.version.table_id);
    assert!(repository.plan(&table, None)?.iter().all(|file| file.name.starts_with(&folder)));
    Ok(())
}

#[test]
fn changes_that_collide_are_refused_by_name() -> Outcome {
    let other = batch(vec![("y", Arc::new(StringArray::from(vec!["a"])))])?;
    let cases: [(&str, bool, Mode, RecordBatch, Mode, RecordBatch); 4] = [
        ("overwrite", true, Mode::Overwrite, ints([2])?, Mode::Append, ints([1])?),
        ("overwrite", true, Mode::Overwrite, ints([2])?, Mode::Overwrite, ints([1])?),
        ("append", true, Mode::Append, ints([2])?, Mode::Overwrite, other.clone()),
        ("creation", false, Mode::Append, ints([2])?, Mode::Append, other),
    ];
    for (word, exists, ours, our_rows, theirs, their_rows) in cases {
        let repository = memory()?;
        write(&repository, "u", Mode::Append, &ints([0])?)?;
        if exists {
            write(&repository, "t", Mode::Append, &ints([0])?)?;
        }
        let mut slow = repository.begin("main")?;
        slow.write("t", ours, &mut stream(&[our_rows]))?;
        let won = write(&repository, "t", theirs, &their_rows)?;
        let refused = slow.try_commit(b"{}").err().ok_or("it was not refused")?;
        assert!(
            matches!(&refused, Error::WriteConflict { table, ours, .. } if table == "t" && ours == word),
            "{refused}"
        );
        assert_eq!(repository.head("main")?.reference(), Some(&won.commit));
    }
    Ok(())
}

#[test]
fn commits_to_different_tables_of_one_branch_never_collide() -> Outcome {
    let repository = memory()?;
    let mut slow = repository.begin("main")?;
    slow.write("a", Mode::Overwrite, &mut stream(&[ints([1])?]))?;
    write(&repository, "b", Mode::Overwrite, &ints([2])?)?;
    finish(&mut slow)?;
    assert_eq!(repository.head("main")?.tables()?.len(), 2);
    Ok(())
}

#[test]
fn many_threads_append_to_one_table_and_no_row_is_lost() -> Outcome {
    const THREADS: i64 = 4;
    const COMMITS: i64 = 12;
    let folder = Folder::new()?;
    let location = folder.join("w");
    Repository::open(&location, OpenOptions::default())?;
    let work = |thread: i64, location: &str| -> lakebed_core::Result<()> {
        let repository = Repository::open(location, OpenOptions::default())?;
        for n in 0..COMMITS {
            let rows = ints([thread * COMMITS + n]).map_err(|e| Error::InvalidArgument(e.to_string()))?;
            write(&repository, "t", Mode::Append, &rows)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| -> Outcome {
        let handles: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn({
                    let location = &location;
                    move || work(thread, location)
                })
            })
            .collect();
        for handle in handles {
            handle.join().map_err(|_| "a thread panicked")??;
        }
        Ok(())
    })?;
    let repository = Repository::open(&location, OpenOptions::default())?;
    let mut found = values(&repository, &newest(&repository, "t")?)?;
    found.sort_unstable();
    assert_eq!(found, (0..THREADS * COMMITS).collect::<Vec<_>>());
    let history = repository.history("main")?;
    let sequences: Vec<u64> = history.iter().map(|row| row.sequence).collect();
    assert_eq!(sequences, (1..=(THREADS * COMMITS) as u64).collect::<Vec<_>>());
    assert!(history.windows(2).all(|pair| pair[1].parent.as_ref() == Some(&pair[0].commit.id)));
    Ok(())
}

#[test]
fn frames_that_do_not_fit_are_refused_and_change_nothing() -> Outcome {
    let repository = memory()?;
    write(&repository, "t", Mode::Append, &ints([1])?)?;
    let before = repository.head("main")?.reference().cloned();
    let text: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
    let long: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let twice = Schema::new(vec![Field::new("x", DataType::Int64, true), Field::new("x", DataType::Int64, true)]);
    let check = |rows: RecordBatch, part: &str| -> Outcome {
        let refused = write(&repository, "t", Mode::Append, &rows).err().ok_or("it was not refused")?.to_string();
        assert!(refused.contains(part), "{refused}");
        assert_eq!(repository.head("main")?.reference().cloned(), before);
        Ok(())
    };
    check(batch(vec![("x", text)])?, "column 'x' is int64 in the table, but the frame has string")?;
    check(batch(vec![("xs", long.clone())])?, "did you mean 'x'?")?;
    check(batch(vec![("", long.clone())])?, "column 1 has no name")?;
    check(RecordBatch::try_new(Arc::new(twice), vec![long.clone(), long])?, "'x' stands twice")?;
    check(RecordBatch::new_empty(Arc::new(Schema::empty())), "there is no column")
}

#[test]
fn nulls_in_a_column_that_may_have_none_are_refused() -> Outcome {
    let repository = memory()?;
    let schema = Arc::new(Schema::new(vec![Field::new("x", DataType::Int64, false)]));
    let first = RecordBatch::try_new(schema, vec![Arc::new(Int64Array::from(vec![1]))])?;
    write(&repository, "t", Mode::Append, &first)?;
    let nulls = batch(vec![("x", Arc::new(Int64Array::from(vec![Some(1), None])))])?;
    let refused = write(&repository, "t", Mode::Append, &nulls).err().ok_or("it was not refused")?.to_string();
    assert!(refused.contains("column 'x' may not be null, but 1 of its rows are"), "{refused}");
    write(&repository, "t", Mode::Append, &ints([2])?)?;
    assert_eq!(values(&repository, &newest(&repository, "t")?)?, [1, 2]);
    Ok(())
}

#[test]
fn missing_columns_of_a_frame_become_null() -> Outcome {
    let repository = memory()?;
    let long: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    write(&repository, "t", Mode::Append, &batch(vec![("x", long.clone()), ("y", long)])?)?;
    write(&repository, "t", Mode::Append, &ints([2])?)?;
    let found = rows(&repository, &newest(&repository, "t")?)?;
    assert_eq!(found.column_by_name("y").map(Array::null_count), Some(1));
    Ok(())
}

#[test]
fn a_refused_frame_does_not_take_back_what_was_staged_before_it() -> Outcome {
    let repository = memory()?;
    let mut transaction = repository.begin("main")?;
    transaction.write("t", Mode::Append, &mut stream(&[ints([1])?]))?;
    let text: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
    assert!(transaction.write("t", Mode::Append, &mut stream(&[batch(vec![("x", text)])?])).is_err());
    finish(&mut transaction)?;
    assert_eq!(values(&repository, &newest(&repository, "t")?)?, [1]);
    Ok(())
}

#[test]
fn a_refused_overwrite_does_not_take_back_what_was_staged_before_it() -> Outcome {
    let repository = memory()?;
    let mut transaction = repository.begin("main")?;
    transaction.write("t", Mode::Append, &mut stream(&[ints([1])?]))?;
    let nameless: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    assert!(transaction.write("t", Mode::Overwrite, &mut stream(&[batch(vec![("", nameless)])?])).is_err());
    finish(&mut transaction)?;
    assert_eq!(values(&repository, &newest(&repository, "t")?)?, [1]);
    Ok(())
}

#[test]
fn a_transaction_without_changes_is_no_commit() -> Outcome {
    let repository = memory()?;
    let refused = repository.begin("main")?.try_commit(b"{}").err().ok_or("it was not refused")?;
    assert!(refused.to_string().contains("nothing to commit"));
    assert!(repository.history("main")?.is_empty());
    Ok(())
}

#[test]
fn a_second_commit_of_one_transaction_names_no_commit_that_is_not_there() -> Outcome {
    let repository = memory()?;
    let mut transaction = repository.begin("main")?;
    transaction.write("t", Mode::Append, &mut stream(&[ints([1])?]))?;
    finish(&mut transaction)?;
    if let Ok(Some(again)) = transaction.try_commit(b"{}") {
        assert!(repository.history("main")?.iter().any(|row| row.commit == again.commit));
    }
    assert_eq!(repository.history("main")?.len(), 1);
    Ok(())
}

#[test]
fn names_of_tables_and_paths_that_are_not_allowed_are_refused() -> Outcome {
    let repository = memory()?;
    for name in ["", "a b", "a/b", "..", "a.", ".a", "-a", "a\0", &"a".repeat(201)] {
        let refused = write(&repository, name, Mode::Append, &ints([1])?);
        assert!(matches!(refused, Err(Error::InvalidName { .. })), "{name:?}");
    }
    for name in ["a", "_a", "a.b.c", "2013", "größe"] {
        write(&repository, name, Mode::Append, &ints([1])?)?;
    }
    let mut transaction = repository.begin("main")?;
    for path in ["", "/a", "a/../b", "a//b", "./a", "a\\b", "a\nb"] {
        assert!(matches!(transaction.set_lake(path, Vec::new()), Err(Error::InvalidName { .. })), "{path:?}");
    }
    Ok(())
}

#[test]
fn raw_bytes_are_stored_once_under_their_plain_hash() -> Outcome {
    let repository = memory()?;
    let mut transaction = repository.begin("main")?;
    let (hash, size) = transaction.put_raw(&mut b"raw bytes".as_slice())?;
    assert_eq!((hash.to_hex(), size), (blake3::hash(b"raw bytes").to_hex().to_string(), 9));
    transaction.put_raw(&mut b"raw bytes".as_slice())?;
    let pointer = format!(r#"{{"path":"a.csv","hash":"{hash}","size_bytes":9,"media_type":null}}"#);
    transaction.set_lake("a.csv", pointer.into_bytes())?;
    finish(&mut transaction)?;
    assert_eq!(repository.objects().store.list("lake")?.len(), 1);
    let report = repository.verify_snapshot(&repository.head("main")?)?;
    // Four subtrees, the pack, the pointer, the raw file and the operation.
    assert_eq!((report.n_checked, report.problems.len()), (8, 0));
    Ok(())
}

#[test]
fn a_directory_and_memory_answer_alike() -> Outcome {
    let folder = Folder::new()?;
    let stores: [Arc<dyn ObjectStore>; 2] =
        [Arc::new(LocalStore::new(&folder.0.join("deep/er/w"))?), Arc::new(MemoryStore::default())];
    for store in stores {
        let repository = Repository::with_store(Arc::clone(&store), OpenOptions::default())?;
        assert!(store.put_if_absent(&[], "cache/a", b"1")?);
        assert!(!store.put_if_absent(&[], "cache/a", b"2")?);
        assert_eq!(store.get("cache/a")?, Some(b"1".to_vec()));
        assert_eq!(store.get_range("cache/a", 1, 9)?, Some(Vec::new()));
        assert_eq!((store.get("cache/b")?, store.size("no/thing")?), (None, None));
        store.delete("cache/a")?;
        store.delete("cache/a")?;
        assert_eq!(store.list("nowhere")?, Vec::<String>::new());
        write(&repository, "t", Mode::Append, &ints([1])?)?;
        repository.create_branch("b", &repository.head("main")?)?;
        write_to(&repository, "b", "t", Mode::Append, &ints([2])?)?;
        let again = Repository::with_store(store, OpenOptions::default())?;
        assert_eq!(values(&again, &again.head("b")?.table("t")?)?, [1, 2]);
        assert!(again.verify_snapshot(&again.head("b")?)?.problems.is_empty());
    }
    Ok(())
}
