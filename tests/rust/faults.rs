//! A disk that is full or fails at the k-th call, for every k of every verb: an error means that nothing changed, or says
//! that nobody knows; a failed sync is never taken for success, and after it the handle writes no more.

use lakebed_core::repository::Repository;
use lakebed_core::transaction::{Committed, Mode};
use lakebed_core::{Error, Result};

use crate::batches::{Outcome, finish, ints, stream, values, write};
use crate::crash::{State, append, big_commit, difference, invalid, outcomes, state};
use crate::disk::{Call, Disk, EIO, ENOSPC, Fault};

const FAULTS: [Fault; 4] = [Fault::Before(EIO), Fault::Before(ENOSPC), Fault::After(EIO), Fault::Stop];

/// A verb of the store.
struct Verb {
    name: &'static str,
    run: fn(&Repository) -> Result<()>,
    /// Commits of `main` before it.
    n_before: i64,
    faults: &'static [Fault],
}

const VERBS: [Verb; 11] = [
    Verb { name: "create", run: create, n_before: 2, faults: &FAULTS },
    Verb { name: "drop and rename", run: drop_and_rename, n_before: 2, faults: &FAULTS },
    Verb { name: "append with a key", run: |repository| keyed(repository).map(|_| ()), n_before: 2, faults: &FAULTS },
    Verb { name: "append", run: |repository| append(repository, "main", "t", 50), n_before: 2, faults: &FAULTS },
    Verb {
        name: "overwrite",
        run: |repository| write(repository, "t", Mode::Overwrite, &ints([50]).map_err(invalid)?).map(|_| ()),
        n_before: 2,
        faults: &FAULTS,
    },
    Verb { name: "commit of everything", run: big_commit, n_before: 2, faults: &FAULTS },
    Verb { name: "rebase", run: rebase, n_before: 2, faults: &FAULTS },
    Verb {
        name: "tag",
        run: |repository| repository.create_tag("v2", &repository.head("main")?),
        n_before: 2,
        faults: &FAULTS,
    },
    Verb {
        name: "branch",
        run: |repository| repository.create_branch("b", &repository.head("main")?),
        n_before: 2,
        faults: &FAULTS,
    },
    Verb {
        name: "record",
        run: |repository| repository.append_record(2, b"second").map(|_| ()),
        n_before: 2,
        faults: &FAULTS,
    },
    Verb {
        name: "commit that writes the history",
        run: |repository| append(repository, "main", "t", 50),
        n_before: 31,
        faults: &[Fault::Before(ENOSPC)],
    },
];

/// Two creations of one table: the second one copies its file and lands behind the first one. One change to the reader.
fn rebase(repository: &Repository) -> Result<()> {
    let mut slow = repository.begin("raced")?;
    slow.write("new", Mode::Append, &mut stream(&[ints([50]).map_err(invalid)?]))?;
    if repository.head("raced")?.table("new").is_err() {
        append(repository, "raced", "new", 60)?;
    }
    finish(&mut slow).map(|_| ())
}

fn create(repository: &Repository) -> Result<()> {
    let mut transaction = repository.begin("main")?;
    transaction.create("new", &ints([]).map_err(invalid)?.schema())?;
    finish(&mut transaction).map(|_| ())
}

fn drop_and_rename(repository: &Repository) -> Result<()> {
    let mut transaction = repository.begin("main")?;
    transaction.drop_table("t")?;
    transaction.rename("u", "t")?;
    finish(&mut transaction).map(|_| ())
}

fn keyed(repository: &Repository) -> Result<Committed> {
    let mut transaction = repository.begin("main")?;
    transaction.set_key("a key")?;
    transaction.write("t", Mode::Append, &mut stream(&[ints([50]).map_err(invalid)?]))?;
    finish(&mut transaction)
}

fn start(n_before: i64) -> Outcome<Disk> {
    let disk = Disk::default();
    let repository = disk.open()?;
    append(&repository, "main", "t", 0)?;
    append(&repository, "main", "u", 7)?;
    repository.create_tag("v1", &repository.resolve("main~1")?)?;
    repository.append_record(1, b"first")?;
    repository.create_branch("raced", &repository.head("main")?)?;
    for n in 2..n_before {
        append(&repository, "main", "t", n)?;
    }
    Ok(disk)
}

fn is_sync(call: Call) -> bool {
    matches!(call, Call::SyncFile | Call::SyncFolder)
}

/// What a handle may say after a fault, and what must be true then.
fn check_answer(repository: &Repository, answer: &Result<()>, call: Call, fault: Fault, place: &str) -> Outcome {
    let failed_sync = is_sync(call) && fault != Fault::Stop;
    assert!(!failed_sync || answer.is_err(), "{place}: a failed sync was taken for success");
    let next = append(repository, "main", "t", 999);
    match next {
        Ok(()) => assert!(!failed_sync, "{place}: a write after a failed sync"),
        Err(Error::StoreFailed { .. }) => assert!(failed_sync, "{place}: refused without a failed sync"),
        Err(other) => return Err(format!("{place}: the next write failed: {other}").into()),
    }
    Ok(())
}

/// Let call k of `verb` fail, for all k and faults; gives the number of faults by kind of call.
fn check(start: &Disk, verb: &Verb) -> Outcome<usize> {
    let before = state(&start.copy().open()?)?;
    let mut n_faults = 0;
    for &fault in verb.faults {
        for at in 0.. {
            let broken = start.copy();
            let repository = broken.open()?;
            broken.inject(at, fault);
            let answer = (verb.run)(&repository);
            let trace = broken.trace();
            if broken.heal() == 0 {
                assert!(at > 5 && answer.is_ok(), "{} has {at} calls: {answer:?}", verb.name);
                break;
            }
            n_faults += 1;
            let call = trace[at];
            let place = format!("{}, {fault:?} at call {at} ({call:?})", verb.name);
            let image = broken.copy();
            check_disk(&image, &before, &answer, verb, &place)?;
            if fault != Fault::Stop {
                check_answer(&repository, &answer, call, fault, &place)?;
            }
            let loose = image.loose();
            for picked in outcomes(&loose, 2, at as u64) {
                let cut = image.copy();
                cut.crash(&loose, &picked);
                check_cut(&cut, &before, &answer, verb, &format!("{place}, then a power cut {picked:?}"))?;
            }
        }
    }
    println!("{}: {n_faults} faults injected", verb.name);
    Ok(n_faults)
}

/// The disk as it is: what the answer says is true.
fn check_disk(image: &Disk, before: &State, answer: &Result<()>, verb: &Verb, place: &str) -> Outcome {
    let repository = image.copy().open().map_err(|e| format!("{place}: {e}"))?;
    let found = state(&repository).map_err(|e| format!("{place}: {e}"))?;
    match answer {
        Ok(()) => assert_new(&found, before, place),
        Err(Error::OutcomeUnknown { .. }) => {}
        Err(error) if verb.name == "rebase" => assert_first_only(&found, before, &format!("{place}: {error}")),
        Err(error) => {
            let changed = difference(before, &found);
            assert!(changed.is_empty(), "{place}: it failed ({error}), but something changed: {changed}");
        }
    }
    Ok(())
}

/// The disk after a power cut: old or new, and new if acknowledged; and it takes the same change again.
fn check_cut(cut: &Disk, before: &State, answer: &Result<()>, verb: &Verb, place: &str) -> Outcome {
    let repository = cut.open().map_err(|e| format!("{place}: {e}"))?;
    let found = state(&repository).map_err(|e| format!("{place}: {e}"))?;
    if answer.is_ok() {
        assert_new(&found, before, place);
    }
    append(&repository, "main", "t", 999).map_err(|e| format!("{place}: {e}"))?;
    assert_eq!(values(&repository, &repository.head("main")?.table("t")?)?.last(), Some(&999), "{place}");
    if found == *before {
        (verb.run)(&repository).map_err(|e| format!("{place}: not possible again: {e}"))?;
    }
    state(&repository).map_err(|e| format!("{place}: {e}"))?;
    Ok(())
}

fn assert_new(found: &State, before: &State, place: &str) {
    assert_ne!(found, before, "{place}: acknowledged, but nothing is there");
    let changed = found.iter().filter(|(key, value)| before.get(*key) != Some(value)).count();
    assert!(
        changed > 0 && before.keys().all(|key| key.starts_with("table ") || found.contains_key(key)),
        "{place}: {}",
        difference(before, found)
    );
}

/// Of the two commits of a rebase, the second one failed.
fn assert_first_only(found: &State, before: &State, place: &str) {
    let n_commits = |state: &State| state.get("history raced").map_or(0, |ids| ids.split(' ').count());
    assert!(n_commits(found) <= n_commits(before) + 1, "{place}");
}

#[test]
fn every_verb_with_a_fault_at_any_call_tells_the_truth() -> Outcome {
    let mut n_faults = 0;
    for verb in &VERBS {
        let injected = check(&start(verb.n_before)?, verb)?;
        assert!(injected > 40, "{}: only {injected} faults", verb.name);
        n_faults += injected;
    }
    println!("disk faults: {n_faults} injected into {} verbs", VERBS.len());
    assert!(n_faults > 1_000, "{n_faults}");
    Ok(())
}

#[test]
fn the_same_key_settles_an_unknown_outcome_and_what_it_says_survives_a_power_cut() -> Outcome {
    let start = start(2)?;
    let (mut n_unknown, mut n_there) = (0, 0);
    for fault in [Fault::Before(EIO), Fault::After(EIO), Fault::Late] {
        for at in 0.. {
            let disk = start.copy();
            let repository = disk.open()?;
            disk.inject(at, fault);
            let first = keyed(&repository);
            if disk.heal() == 0 {
                break;
            }
            if !matches!(first, Err(Error::OutcomeUnknown { .. })) {
                continue;
            }
            n_unknown += 1;
            disk.deliver(0);
            // Another process tries again: the handle of the first one may refuse.
            let again = disk.open()?;
            n_there += usize::from(values(&again, &again.head("main")?.table("t")?)?.contains(&50));
            let settled = keyed(&again)?;
            let loose = disk.loose();
            for picked in outcomes(&loose, 16, at as u64) {
                let cut = disk.copy();
                cut.crash(&loose, &picked);
                let reopened = cut.open()?;
                let head = reopened.head("main")?;
                assert_eq!(values(&reopened, &head.table("t")?)?, [0, 50], "{fault:?} at {at}, {picked:?}");
                assert_eq!(head.reference(), Some(&settled.commit), "{fault:?} at {at}");
            }
        }
    }
    println!("keys: {n_unknown} unknown outcomes settled, of which {n_there} had been committed");
    assert!(n_unknown >= 3 && n_there >= 1, "{n_unknown} {n_there}");
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
            let loose = broken.loose();
            for picked in outcomes(&loose, 64, at as u64) {
                let place = format!("{fault:?} at {at}, then a power cut {picked:?}");
                let disk = broken.copy();
                disk.crash(&loose, &picked);
                let repository = disk.open().map_err(|e| format!("{place}: {e}"))?;
                if let Ok(id) = &acknowledged {
                    assert_eq!(repository.id(), id, "{place}");
                }
                assert!(repository.head("main")?.reference().is_none());
                append(&repository, "main", "t", 1)?;
                assert_eq!(values(&disk.open()?, &disk.open()?.head("main")?.table("t")?)?, [1]);
            }
        }
    }
    println!("creation: {n_faults} faults injected");
    assert!(n_faults > 40);
    Ok(())
}

#[test]
fn a_lost_answer_of_the_ref_entry_is_no_conflict_and_no_second_commit() -> Outcome {
    let start = start(2)?;
    let mut n_lost = 0;
    for at in 0.. {
        let disk = start.copy();
        let repository = disk.open()?;
        disk.inject(at, Fault::After(EIO));
        let outcome = write(&repository, "t", Mode::Append, &ints([9])?);
        let trace = disk.trace();
        if disk.heal() == 0 {
            break;
        }
        let repository = disk.open()?;
        let found = values(&repository, &repository.head("main")?.table("t")?)?;
        match outcome {
            Ok(done) => {
                assert_eq!(repository.head("main")?.reference(), Some(&done.commit));
                assert_eq!(found, [0, 9]);
                n_lost += usize::from(trace[at] == Call::Link);
            }
            Err(Error::OutcomeUnknown { commit, .. }) => {
                assert_eq!(repository.head("main")?.reference().map(|x| x.id.clone()), Some(commit));
            }
            Err(_) => assert_eq!(found, [0], "call {at} failed before the commit point"),
        }
    }
    assert_eq!(n_lost, 1, "the link of the entry is the one answer that can be lost");
    Ok(())
}

#[test]
fn a_transaction_whose_outcome_was_unknown_can_be_committed_again_and_is_there_once() -> Outcome {
    let start = start(2)?;
    let mut n_unknown = 0;
    let faults = [Fault::After(EIO), Fault::Before(EIO), Fault::Late];
    for (fault, delivers_first) in faults.into_iter().flat_map(|fault| [(fault, true), (fault, false)]) {
        for at in 0.. {
            let disk = start.copy();
            let repository = disk.open()?;
            let mut transaction = repository.begin("main")?;
            transaction.write("t", Mode::Append, &mut stream(&[ints([9])?]))?;
            disk.inject(at, fault);
            let first = transaction.try_commit(b"{\"kind\":\"write\"}");
            if disk.heal() == 0 {
                break;
            }
            if !matches!(first, Err(Error::OutcomeUnknown { .. })) {
                continue;
            }
            n_unknown += 1;
            if delivers_first {
                disk.deliver(0);
            }
            let again = transaction.refresh().and_then(|()| finish(&mut transaction));
            disk.deliver(0);
            let reopened = disk.open()?;
            let found = values(&reopened, &reopened.head("main")?.table("t")?)?;
            let n_there = found.iter().filter(|value| **value == 9).count();
            assert!(n_there <= 1, "{fault:?} at {at}: there {n_there} times");
            if let Ok(done) = again {
                assert_eq!(n_there, 1, "{fault:?} at {at}");
                assert_eq!(reopened.head("main")?.reference(), Some(&done.commit), "{fault:?} at {at}");
            }
        }
    }
    println!("unknown outcomes: {n_unknown}");
    assert!(n_unknown >= 3, "{n_unknown}");
    Ok(())
}
