//! Faults at every step: whatever fails, the warehouse is at the old or the new version, whole, and takes writes.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use arrow_array::{Int64Array, StringArray};
use lakebed_core::Result;
use lakebed_core::repository::Repository;
use lakebed_core::transaction::Mode;

use crate::batches::{Outcome, batch, finish, ints, stream, values, write};
use crate::disk::{Disk, Fault};

const FAULTS: [Fault; 3] = [Fault::Before, Fault::After, Fault::Stop];

/// What a crash is called, and which un-synced names it keeps.
type Crash = (&'static str, fn(&str) -> bool);

const CRASHES: [Crash; 5] = [
    ("keeps all", |_| true),
    ("loses all", |_| false),
    ("loses data", |name| !name.starts_with("tables/")),
    ("loses packs", |name| !name.starts_with("packs/")),
    ("loses refs", |name| !name.starts_with("refs/")),
];

/// Everything that a reader can see, with the bytes of all data files checked.
type State = BTreeMap<String, String>;

fn state(repository: &Repository) -> Result<State> {
    let mut state = State::new();
    for branch in repository.branches()? {
        let history: Vec<String> = repository.history(&branch)?.into_iter().map(|row| row.commit.id).collect();
        state.insert(format!("history {branch}"), history.join(" "));
        let head = repository.head(&branch)?;
        state.insert(format!("operation {branch}"), String::from_utf8_lossy(&head.operation()?).into_owned());
        for name in head.tables()?.keys() {
            let table = head.table(name)?;
            let files = repository.plan(&table, None)?;
            repository.open_files(&files)?;
            let names: Vec<String> = files.into_iter().map(|file| file.name).collect();
            state.insert(format!("table {branch} {name}"), format!("{} {names:?}", table.statistics()?.n_rows));
        }
        state.insert(format!("schemas {branch}"), format!("{:?}", head.schemas()?));
        state.insert(format!("lake {branch}"), format!("{:?}", head.lake()?));
        let report = repository.verify_snapshot(&head)?;
        state.insert(format!("problems {branch}"), format!("{:?}", report.problems));
        assert!(report.problems.is_empty(), "{:?}", report.problems);
    }
    for tag in repository.tags()? {
        let id = repository.resolve(&tag)?.reference().map(|reference| reference.id.clone());
        state.insert(format!("tag {tag}"), id.unwrap_or_default());
    }
    state.insert("records".into(), format!("{:?}", repository.read_records(0)?));
    Ok(state)
}

fn start() -> Outcome<Disk> {
    let disk = Disk::default();
    let repository = disk.open()?;
    for n in 0..3 {
        write(&repository, "t", Mode::Append, &ints([n])?)?;
    }
    write(&repository, "u", Mode::Append, &ints([7])?)?;
    repository.create_tag("v1", &repository.resolve("main~1")?)?;
    repository.append_record(1, b"first")?;
    disk.crash(|_| false);
    Ok(disk)
}

/// A commit that touches everything a commit can touch.
fn big_commit(repository: &Repository) -> Result<()> {
    let rows = |n: i64| {
        let text = Arc::new(StringArray::from(vec![Some("a"), None]));
        batch(vec![("x", Arc::new(Int64Array::from(vec![n, n + 1]))), ("s", text)])
    };
    let invalid = |e: Box<dyn std::error::Error>| lakebed_core::Error::InvalidArgument(e.to_string());
    let mut transaction = repository.begin("main")?;
    transaction.write("t", Mode::Append, &mut stream(&[ints([100, 101]).map_err(invalid)?]))?;
    transaction.write("u", Mode::Overwrite, &mut stream(&[rows(1).map_err(invalid)?]))?;
    transaction.write("new", Mode::Append, &mut stream(&[rows(2).map_err(invalid)?]))?;
    transaction.set_schema("t", b"expectations".to_vec())?;
    let (hash, size_bytes) = transaction.put_raw(&mut b"raw".as_slice())?;
    let pointer = format!(r#"{{"path":"a","hash":"{hash}","size_bytes":{size_bytes},"media_type":null}}"#);
    transaction.set_lake("a", pointer.into_bytes())?;
    finish(&mut transaction).map(|_| ())
}

/// What one operation with a fault in it may leave.
struct Case<'a> {
    name: &'a str,
    run: &'a dyn Fn(&Repository) -> Result<()>,
    is_new: &'a dyn Fn(&State, &State) -> bool,
}

/// Let call k of `case` fail, for all k and all faults and crashes; gives the number of injected faults.
fn check(start: &Disk, case: &Case<'_>) -> Outcome<usize> {
    let before = state(&start.copy().open()?)?;
    let mut n_faults = 0;
    for fault in FAULTS {
        for at in 0.. {
            let broken = start.copy();
            let repository = broken.open()?;
            broken.inject(at, fault);
            let outcome = (case.run)(&repository);
            drop(repository);
            if broken.heal() == 0 {
                assert!(at > 0 && outcome.is_ok(), "{} has no step that can fail", case.name);
                break;
            }
            n_faults += 1;
            for (crash, keeps) in CRASHES {
                let place = format!("{}, {fault:?} at call {at}, crash {crash}", case.name);
                let disk = broken.copy();
                disk.crash(keeps);
                check_reopened(&disk, case, &before, outcome.is_ok(), &place)?;
            }
        }
    }
    println!("{}: {n_faults} faults injected, {} crashes each", case.name, CRASHES.len());
    Ok(n_faults)
}

fn check_reopened(disk: &Disk, case: &Case<'_>, before: &State, acknowledged: bool, place: &str) -> Outcome {
    let repository = disk.open().map_err(|e| format!("{place}: {e}"))?;
    let after = state(&repository).map_err(|e| format!("{place}: {e}"))?;
    let is_new = (case.is_new)(before, &after);
    assert!(is_new || after == *before, "{place}: neither old nor new: {after:?}");
    assert!(is_new || !acknowledged, "{place}: acknowledged, but lost");
    let n_before = repository.history("main")?.len();
    write(&repository, "t", Mode::Append, &ints([1000])?).map_err(|e| format!("{place}: no further commit: {e}"))?;
    assert_eq!(repository.history("main")?.len(), n_before + 1, "{place}");
    assert_eq!(values(&repository, &repository.head("main")?.table("t")?)?.last(), Some(&1000), "{place}");
    assert!(repository.verify_snapshot(&repository.head("main")?)?.problems.is_empty(), "{place}");
    Ok(())
}

/// The new version has all of the commit, and the rest is as before.
fn whole_commit(before: &State, after: &State) -> bool {
    let rows = |state: &State, table: &str| {
        let text = state.get(&format!("table main {table}")).cloned().unwrap_or_default();
        text.split(' ').next().map(str::to_owned).unwrap_or_default()
    };
    let commits = |state: &State| state.get("history main").map_or(0, |ids| ids.split(' ').count());
    let same = |key: &str| before.get(key) == after.get(key);
    commits(after) == commits(before) + 1
        && [rows(after, "t"), rows(after, "u"), rows(after, "new")] == ["5", "2", "2"]
        && after.get("schemas main").is_some_and(|text| text.contains("\"t\""))
        && after.get("lake main").is_some_and(|text| text.contains("\"a\""))
        && same("tag v1")
        && same("records")
}

#[test]
fn a_commit_with_a_fault_at_any_call_leaves_the_old_or_the_new_version() -> Outcome {
    let case = Case { name: "commit", run: &big_commit, is_new: &whole_commit };
    let n_faults = check(&start()?, &case)?;
    assert!(n_faults > 30, "only {n_faults} faults were injected");
    Ok(())
}

#[test]
fn tags_branches_and_records_with_a_fault_at_any_call_are_there_or_not() -> Outcome {
    let gained = |key: &'static str| {
        move |before: &State, after: &State| {
            after.contains_key(key) && before.iter().all(|(key, value)| after.get(key) == Some(value))
        }
    };
    let run_tag = |repository: &Repository| repository.create_tag("v2", &repository.head("main")?);
    let run_branch = |repository: &Repository| repository.create_branch("b", &repository.head("main")?);
    let run_record = |repository: &Repository| repository.append_record(2, b"second").map(|_| ());
    let recorded = |before: &State, after: &State| after.get("records") != before.get("records");
    let start = start()?;
    let cases = [
        Case { name: "tag", run: &run_tag, is_new: &gained("tag v2") },
        Case { name: "branch", run: &run_branch, is_new: &gained("history b") },
        Case { name: "record", run: &run_record, is_new: &recorded },
    ];
    for case in cases {
        assert!(check(&start, &case)? > 0);
    }
    Ok(())
}

#[test]
fn a_creation_with_a_fault_at_any_call_can_be_done_again() -> Outcome {
    let mut n_faults = 0;
    for fault in FAULTS {
        for at in 0.. {
            let broken = Disk::default();
            broken.inject(at, fault);
            let acknowledged = broken.open().map(|repository| repository.id().to_owned());
            if broken.heal() == 0 {
                break;
            }
            n_faults += 1;
            for (crash, keeps) in CRASHES {
                let disk = broken.copy();
                disk.crash(keeps);
                let repository = disk.open().map_err(|e| format!("{fault:?} at {at}, crash {crash}: {e}"))?;
                if let Ok(id) = &acknowledged {
                    assert_eq!(repository.id(), id, "{fault:?} at {at}, crash {crash}");
                }
                assert!(repository.head("main")?.reference().is_none());
                write(&repository, "t", Mode::Append, &ints([1])?)?;
                assert_eq!(values(&disk.open()?, &disk.open()?.head("main")?.table("t")?)?, [1]);
            }
        }
    }
    println!("creation: {n_faults} faults injected, {} crashes each", CRASHES.len());
    assert!(n_faults > 0);
    Ok(())
}

#[test]
fn a_rebase_with_a_fault_at_any_call_loses_neither_commit() -> Outcome {
    let start = start()?;
    let run = |repository: &Repository| -> Result<()> {
        let mut slow = repository.begin("main")?;
        let invalid = |e: Box<dyn std::error::Error>| lakebed_core::Error::InvalidArgument(e.to_string());
        let (ours, theirs) = (ints([50]).map_err(invalid)?, ints([60]).map_err(invalid)?);
        slow.write("new", Mode::Append, &mut stream(&[ours]))?;
        write(repository, "new", Mode::Append, &theirs)?;
        finish(&mut slow).map(|_| ())
    };
    let mut n_faults = 0;
    for fault in FAULTS {
        for at in 0.. {
            let disk = start.copy();
            let repository = disk.open()?;
            disk.inject(at, fault);
            let outcome = run(&repository);
            if disk.heal() == 0 {
                break;
            }
            n_faults += 1;
            disk.crash(|_| false);
            let repository = disk.open()?;
            state(&repository)?;
            let found = match repository.head("main")?.table("new") {
                Ok(table) => values(&repository, &table)?,
                Err(_) => Vec::new(),
            };
            let expected: [&[i64]; 3] = [&[], &[60], &[60, 50]];
            assert!(expected.contains(&found.as_slice()), "{fault:?} at {at}: {found:?}");
            assert!(outcome.is_err() || found == [60, 50], "{fault:?} at {at}: acknowledged, but {found:?}");
        }
    }
    println!("rebase: {n_faults} faults injected");
    assert!(n_faults > 0);
    Ok(())
}

#[test]
fn a_lost_answer_of_the_ref_entry_is_no_conflict_and_no_second_commit() -> Outcome {
    let start = start()?;
    let mut n_lost = 0;
    for at in 0.. {
        let disk = start.copy();
        let repository = disk.open()?;
        disk.inject(at, Fault::After);
        let outcome = write(&repository, "t", Mode::Append, &ints([9])?);
        if disk.heal() == 0 {
            break;
        }
        let repository = disk.open()?;
        let found = values(&repository, &repository.head("main")?.table("t")?)?;
        match outcome {
            Ok(done) => {
                assert_eq!(repository.head("main")?.reference(), Some(&done.commit));
                assert_eq!(found, [0, 1, 2, 9]);
                n_lost += 1;
            }
            Err(lakebed_core::Error::OutcomeUnknown { commit, .. }) => {
                assert_eq!(repository.head("main")?.reference().map(|x| x.id.clone()), Some(commit));
            }
            Err(_) => assert_eq!(found, [0, 1, 2], "call {at} failed before the commit point"),
        }
    }
    // The lost answers of the entry itself and of the hint behind it.
    assert!(n_lost >= 2, "{n_lost}");
    Ok(())
}

#[test]
fn hints_and_indexes_can_be_deleted_or_spoiled() -> Outcome {
    let disk = Disk::default();
    let repository = disk.open()?;
    for n in 0..20 {
        write(&repository, "t", Mode::Append, &ints([n])?)?;
        repository.append_record(n as u64 + 1, b"{}")?;
    }
    repository.create_branch("b", &repository.resolve("main~3")?)?;
    let expected = state(&repository)?;
    let caches: Vec<String> = disk.names().into_iter().filter(|name| name.starts_with("cache/")).collect();
    assert!(caches.len() >= 3, "{caches:?}");
    for name in &caches {
        let spoilt: [&[u8]; 8] =
            [b"", b"0", b"1", b"3", b"18446744073709551615", b"18446744073709551614", b"-1", b"\xff\xfe"];
        for bytes in spoilt {
            let copy = disk.copy();
            copy.set(name, bytes.to_vec());
            assert_eq!(state(&copy.open()?)?, expected, "{name} is {bytes:?}");
        }
        let copy = disk.copy();
        copy.remove(name);
        assert_eq!(state(&copy.open()?)?, expected, "{name} is gone");
    }
    Ok(())
}

#[test]
fn a_staged_object_that_is_dropped_leaves_nothing() -> Outcome {
    let disk = start()?;
    let before = disk.names();
    let repository = disk.open()?;
    let mut upload = repository.objects().store.stage()?;
    upload.write_all(b"half")?;
    drop(upload);
    assert_eq!(disk.names(), before);
    Ok(())
}
