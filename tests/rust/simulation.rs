//! The commit protocol under a seeded scheduler: writers, a reader and a disk that delays, reorders, fails and loses
//! answers, clocks that are an hour off or run backwards, and power cuts. Whatever happens: the history is linear, what was
//! acknowledged is there once, what failed is not there, and a replay of the history gives the same tables.
//!
//! One actor runs at a time, and the seed decides who goes on at each call of the store, so a seed is a whole run, but for the
//! removal of garbage, which goes through files by their random names. Seeds that
//! once failed are kept in `simulation_seeds.txt` and run first.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use lakebed_core::log::commit::Commit;
use lakebed_core::repository::Repository;
use lakebed_core::transaction::{Committed, Mode, Transaction};
use lakebed_core::{Error, Result};

use crate::batches::{Outcome, ints, stream, values};
use crate::crash::{invalid, state};
use crate::disk::Disk;
use crate::scheduler::{Actor, Noise, Scheduler, Weather};

const SEEDS: &str = include_str!("simulation_seeds.txt");
const SEEDS_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/rust/simulation_seeds.txt");
const TABLES: [&str; 2] = ["t", "u"];
const ROUNDS: u64 = 3;

/// What an actor does; the number is unique in a run, and is the value that it writes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Work {
    Append(usize),
    AppendBoth,
    Overwrite(usize),
    Tag,
    Branch,
    Record,
    Look,
    /// Remove garbage that is older than so many microseconds of the disk's clock, of which each call takes 1,000.
    Clean(i64),
}

/// How it ended, as the actor was told.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ending {
    Acknowledged(String),
    Failed(String),
    Unknown,
}

#[derive(Debug, Clone)]
struct Done {
    number: i64,
    work: Work,
    ending: Ending,
}

/// What was tried in a number of runs.
#[derive(Debug, Default, Clone)]
struct Tally {
    runs: usize,
    calls: usize,
    faults: usize,
    power_cuts: usize,
    acknowledged: usize,
    failed: usize,
    unknown: usize,
}

fn operation(number: i64, work: &Work) -> Vec<u8> {
    let (kind, tables): (&str, Vec<&str>) = match work {
        Work::Append(table) => ("append", vec![TABLES[*table]]),
        Work::AppendBoth => ("append", TABLES.to_vec()),
        Work::Overwrite(table) => ("overwrite", vec![TABLES[*table]]),
        _ => ("other", Vec::new()),
    };
    serde_json::json!({ "kind": kind, "number": number, "tables": tables }).to_string().into_bytes()
}

fn stage(repository: &Repository, branch: &str, number: i64, work: &Work) -> Result<Transaction> {
    let mut transaction = repository.begin(branch)?;
    let rows = ints([number]).map_err(invalid)?;
    let (mode, tables): (Mode, &[usize]) = match work {
        Work::Overwrite(table) => (Mode::Overwrite, &[*table]),
        Work::Append(table) => (Mode::Append, &[*table]),
        _ => (Mode::Append, &[0, 1]),
    };
    for table in tables {
        transaction.write(TABLES[*table], mode, &mut stream(std::slice::from_ref(&rows)))?;
    }
    Ok(transaction)
}

fn finish(transaction: &mut Transaction, operation: &[u8]) -> Result<Committed> {
    for _ in 0..500 {
        if let Some(done) = transaction.try_commit(operation)? {
            return Ok(done);
        }
    }
    Err(Error::InvalidArgument("the commit never came to an end".into()))
}

fn commit(repository: &Repository, number: i64, work: &Work, retries: bool) -> Result<String> {
    let mut transaction = stage(repository, "main", number, work)?;
    let operation = operation(number, work);
    let mut outcome = finish(&mut transaction, &operation);
    // A user who was told that nobody knows may try the same transaction again.
    if retries && matches!(outcome, Err(Error::OutcomeUnknown { .. })) {
        outcome = match transaction.refresh().and_then(|()| finish(&mut transaction, &operation)) {
            // What the second try says of itself says nothing of the first one.
            Err(_) => outcome,
            known => known,
        };
    }
    outcome.map(|done| done.commit.id)
}

fn record(repository: &Repository, number: i64) -> Result<String> {
    for _ in 0..500 {
        let next = repository.records_head()? + 1;
        if repository.append_record(next, number.to_string().as_bytes())? {
            return Ok(next.to_string());
        }
    }
    Err(Error::InvalidArgument("the record never came to an end".into()))
}

/// A reader sees whole versions, and never an older one after a newer one.
fn look(repository: &Repository, newest: &mut u64) -> Result<String> {
    let head = repository.head("main")?;
    assert!(head.ref_sequence() >= *newest, "a reader went back in time");
    *newest = head.ref_sequence();
    for name in head.tables()?.keys() {
        let table = head.table(name)?;
        let files = repository.plan(&table, None)?;
        repository.open_files(&files)?;
        assert_eq!(files.iter().map(|file| file.file.n_rows).sum::<u64>(), table.version.n_rows());
    }
    Ok(String::new())
}

fn run_work(repository: &Repository, number: i64, work: &Work, retries: bool, newest: &mut u64) -> Result<String> {
    let id = |snapshot: &lakebed_core::log::snapshot::Snapshot| {
        snapshot.reference().map(|reference| reference.id.clone()).unwrap_or_default()
    };
    match work {
        Work::Append(_) | Work::AppendBoth | Work::Overwrite(_) => commit(repository, number, work, retries),
        Work::Record => record(repository, number),
        Work::Look => look(repository, newest),
        Work::Clean(grace_us) => repository.gc(*grace_us, false).map(|_| String::new()),
        Work::Tag => {
            let head = repository.head("main")?;
            repository.create_tag(&format!("tag-{number}"), &head).map(|()| id(&head))
        }
        Work::Branch => {
            let head = repository.head("main")?;
            repository.create_branch(&format!("branch-{number}"), &head)?;
            // The branch is there; its first commit is one more thing that may fail.
            let _ = stage(repository, &format!("branch-{number}"), number, &Work::Append(0))
                .and_then(|mut transaction| finish(&mut transaction, b"{\"kind\":\"on a branch\"}"));
            Ok(id(&head))
        }
    }
}

/// The life of one actor: a handle, and a new one whenever a sync failed.
fn act(disk: Disk, actor: &Actor, mut noise: Noise, plan: &[(i64, Work)]) -> Vec<Done> {
    let (mut done, mut newest, mut handle) = (Vec::new(), 0, None);
    for (number, work) in plan {
        let repository = match handle.take().map_or_else(|| disk.open(), Ok) {
            Ok(repository) => repository,
            Err(error) => {
                done.push(Done { number: *number, work: work.clone(), ending: Ending::Failed(error.to_string()) });
                continue;
            }
        };
        let outcome = run_work(&repository, *number, work, noise.below(2) == 0, &mut newest);
        let ending = match outcome {
            Ok(what) => Ending::Acknowledged(what),
            Err(Error::OutcomeUnknown { .. }) => Ending::Unknown,
            Err(error @ Error::WriteConflict { .. }) => {
                assert!(matches!(work, Work::Overwrite(_)), "{work:?} cannot conflict: {error}");
                Ending::Failed(error.to_string())
            }
            Err(error @ Error::InvalidArgument(_)) if actor.is_dead() || !matches!(work, Work::Tag | Work::Branch) => {
                assert!(!error.to_string().contains("never"), "{error}");
                Ending::Failed(error.to_string())
            }
            Err(error @ Error::Corruption { .. }) => panic!("{work:?} found damage: {error}"),
            Err(error) => Ending::Failed(error.to_string()),
        };
        done.push(Done { number: *number, work: work.clone(), ending });
        if noise.below(4) > 0 && !repository_is_broken(&done) {
            handle = Some(repository);
        }
    }
    done
}

fn repository_is_broken(done: &[Done]) -> bool {
    done.last().is_some_and(|last| !matches!(last.ending, Ending::Acknowledged(_)))
}

fn plan(noise: &mut Noise, next: &mut i64, is_reader: bool, cleans: bool) -> Vec<(i64, Work)> {
    let mut one = || {
        *next += 1;
        let work = match noise.below(if is_reader { 1 } else { 13 }) {
            _ if is_reader => Work::Look,
            0..=3 => Work::Append(noise.below(2) as usize),
            4 | 5 => Work::AppendBoth,
            6 | 7 => Work::Overwrite(noise.below(2) as usize),
            8 => Work::Tag,
            9 => Work::Branch,
            10 if cleans => Work::Clean([0, 30_000, 200_000][noise.below(3) as usize]),
            _ => Work::Record,
        };
        (*next, work)
    };
    (0..if is_reader { 6 } else { 4 }).map(|_| one()).collect()
}

/// One round of a run: all actors at once until they are done or the power fails.
fn round(disk: &Disk, seed: u64, next: &mut i64, cleans: bool, tally: &mut Tally) -> Vec<Done> {
    let mut noise = Noise::new(seed);
    let n_writers = 2 + noise.below(3) as usize;
    let weather = Weather::draw(&mut noise);
    let scheduler = Arc::new(Scheduler::new(n_writers + 1, seed, weather, disk.clone()));
    let plans: Vec<_> = (0..=n_writers).map(|n| plan(&mut noise, next, n == n_writers, cleans)).collect();
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for (number, plan) in plans.iter().enumerate() {
            let actor = Actor::new(Arc::clone(&scheduler), number);
            let noise = Noise::new(seed ^ (number as u64 + 1) << 48);
            let (disk, done) = (disk.paced(Arc::new(actor.clone())), &done);
            scope.spawn(move || {
                // Told also when it panics, so that the others do not wait for ever.
                let _end = actor.begin();
                let own = act(disk, &actor, noise, plan);
                done.lock().unwrap().extend(own);
            });
        }
    });
    let (n_calls, n_faults, is_cut) = scheduler.counts();
    (tally.calls, tally.faults) = (tally.calls + n_calls, tally.faults + n_faults);
    while disk.deliver(noise.below(16) as usize) {}
    if is_cut {
        tally.power_cuts += 1;
        let loose = disk.loose();
        let picked: Vec<usize> = loose.iter().map(|thing| noise.below(thing.n_outcomes() as u64) as usize).collect();
        disk.crash(&loose, &picked);
    }
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|one: &Done| one.number);
    done
}

/// A commit of `main`: id, number of the work, kind, tables.
type Made = (String, i64, String, Vec<String>);

/// The commits of `main`, oldest first.
fn history(repository: &Repository) -> Outcome<Vec<Made>> {
    let rows = repository.history("main")?;
    let mut commits = Vec::new();
    let (mut parent, mut time_us, mut sequence) = (None, i64::MIN, 0);
    for (at, row) in rows.into_iter().enumerate() {
        let commit: Commit = repository.objects().get_json(&row.commit)?;
        // A removal of garbage takes a number of the branch and makes no commit.
        assert_eq!(commit.sequence, at as u64 + 1, "the history is not linear");
        assert!(row.sequence > sequence, "the history is not linear");
        sequence = row.sequence;
        assert_eq!(commit.parents.first().map(|x| x.id.clone()), parent, "the history is not linear");
        assert!(commit.time_us > time_us, "times run backwards");
        (parent, time_us) = (Some(row.commit.id.clone()), commit.time_us);
        let said: serde_json::Value = serde_json::from_str(&row.operation)?;
        let tables = said["tables"].as_array().into_iter().flatten().filter_map(|x| x.as_str().map(str::to_owned));
        let (number, kind) = (said["number"].as_i64().unwrap_or(0), said["kind"].as_str().unwrap_or("").to_owned());
        commits.push((row.commit.id, number, kind, tables.collect()));
    }
    Ok(commits)
}

/// Do again what the history says, from nothing, and compare each version.
fn replay(repository: &Repository) -> Outcome {
    let mut tables: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for (at, (id, number, kind, changed)) in history(repository)?.into_iter().enumerate() {
        for name in changed {
            let rows = tables.entry(name).or_default();
            if kind == "overwrite" {
                rows.clear();
            }
            rows.push(number);
        }
        let version = repository.resolve(&id)?;
        assert_eq!(version.tables()?.keys().collect::<Vec<_>>(), tables.keys().collect::<Vec<_>>());
        for (name, rows) in &tables {
            assert_eq!(&values(repository, &version.table(name)?)?, rows, "table {name} after commit {}", at + 1);
        }
    }
    Ok(())
}

fn check(disk: &Disk, all: &[Done]) -> Outcome {
    let repository = disk.open()?;
    state(&repository)?;
    replay(&repository)?;
    let commits = history(&repository)?;
    let ids: BTreeMap<&str, usize> = commits.iter().enumerate().map(|(at, commit)| (commit.0.as_str(), at)).collect();
    let mut there: BTreeMap<i64, usize> = BTreeMap::new();
    for commit in &commits {
        *there.entry(commit.1).or_default() += 1;
    }
    let mut recorded: BTreeMap<i64, usize> = BTreeMap::new();
    for (_, body) in repository.read_records(0)? {
        *recorded.entry(String::from_utf8(body)?.parse()?).or_default() += 1;
    }
    let (branches, tags): (BTreeSet<_>, BTreeSet<_>) =
        (repository.branches()?.into_iter().collect(), repository.tags()?.into_iter().collect());
    for one in all {
        let n_there = match one.work {
            Work::Look | Work::Clean(_) => continue,
            Work::Record => recorded.get(&one.number).copied().unwrap_or(0),
            Work::Tag => usize::from(tags.contains(&format!("tag-{}", one.number))),
            Work::Branch => usize::from(branches.contains(&format!("branch-{}", one.number))),
            _ => there.get(&one.number).copied().unwrap_or(0),
        };
        let allowed: &[usize] = match one.ending {
            Ending::Acknowledged(_) => &[1],
            Ending::Failed(_) => &[0],
            Ending::Unknown => &[0, 1],
        };
        assert!(allowed.contains(&n_there), "{one:?} is there {n_there} times");
        let Ending::Acknowledged(id) = &one.ending else { continue };
        let named = match one.work {
            Work::Tag => repository.resolve(&format!("tag-{}", one.number))?.reference().map(|x| x.id.clone()),
            Work::Branch => {
                repository.at_sequence(&format!("branch-{}", one.number), 0)?.reference().map(|x| x.id.clone())
            }
            _ => continue,
        };
        assert_eq!(named.as_ref(), Some(id), "{one:?}");
        let at = ids.get(id.as_str()).copied().ok_or_else(|| format!("{one:?} names a commit that is not in main"))?;
        if one.work == Work::Branch {
            let own: Vec<String> =
                repository.history(&format!("branch-{}", one.number))?.into_iter().map(|row| row.commit.id).collect();
            let shared: Vec<String> = commits[..=at].iter().map(|commit| commit.0.clone()).collect();
            assert_eq!(own[..=at], shared, "{one:?}");
        }
    }
    Ok(())
}

/// A whole run.
fn simulate(seed: u64, tally: &mut Tally) -> Outcome {
    let disk = Disk::default();
    let (mut all, mut next) = (Vec::new(), 0);
    disk.open()?;
    tally.runs += 1;
    for number in 0..ROUNDS {
        all.extend(round(&disk, seed.wrapping_mul(ROUNDS).wrapping_add(number), &mut next, true, tally));
        check(&disk.copy(), &all)?;
    }
    for one in &all {
        match one.ending {
            Ending::Acknowledged(_) => tally.acknowledged += 1,
            Ending::Failed(_) => tally.failed += 1,
            Ending::Unknown => tally.unknown += 1,
        }
    }
    Ok(())
}

/// Run one seed; a new one that fails is added to the file.
fn try_seed(seed: u64, tally: &mut Tally) {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| simulate(seed, tally)));
    let problem = match outcome {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "a check failed; see above".into(),
    };
    if !kept_seeds().any(|kept| kept == seed) && Path::new(SEEDS_FILE).is_file() {
        let mut file = OpenOptions::new().append(true).open(SEEDS_FILE).unwrap();
        writeln!(file, "{seed}").unwrap();
    }
    panic!("seed {seed}: {problem}");
}

fn kept_seeds() -> impl Iterator<Item = u64> {
    SEEDS.lines().filter_map(|line| line.split('#').next()?.trim().parse().ok())
}

#[test]
fn writers_on_a_bad_disk_keep_every_promise() {
    let mut tally = Tally::default();
    let n_kept = kept_seeds().count();
    for seed in kept_seeds().chain(1_000..1_120) {
        try_seed(seed, &mut tally);
    }
    println!("simulation: {n_kept} kept seeds, {tally:?}");
    assert!(n_kept > 0 && tally.faults > 500 && tally.power_cuts > 50, "{tally:?}");
    assert!(tally.acknowledged > 1_000 && tally.unknown > 20 && tally.failed > 20, "{tally:?}");
}

#[test]
#[ignore = "soak"]
fn many_more_seeds_keep_every_promise() {
    let n_cases: u64 = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000);
    let mut tally = Tally::default();
    for seed in 0..n_cases / 4 {
        try_seed(1_000_000 + seed, &mut tally);
    }
    println!("simulation: {tally:?}");
}

#[test]
fn a_seed_is_a_whole_run() {
    let run = |seed: u64| {
        let (disk, mut next, mut tally) = (Disk::default(), 0, Tally::default());
        disk.open().unwrap();
        let done = round(&disk, seed, &mut next, false, &mut tally);
        // Ids are random, so endings are compared by their kind.
        let kinds = done.iter().map(|one| std::mem::discriminant(&one.ending)).collect::<Vec<_>>();
        (tally.calls, tally.faults, kinds)
    };
    for seed in 0..10 {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}
