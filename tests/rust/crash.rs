//! Power cuts at every step, with every way to lose what was not synced: what was acknowledged is there, half of a change
//! never is, and the warehouse takes writes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{ArrayRef, Int64Array, StringArray, UInt64Array};
use arrow_schema::{DataType, Field};
use lakebed_core::format::evolve::Evolution;
use lakebed_core::maintenance::compaction::{self, CompactionOptions};
use lakebed_core::repository::Repository;
use lakebed_core::scan::reader::{self, ReadOptions};
use lakebed_core::sketch::hash_u64;
use lakebed_core::transaction::{Mode, Transaction};
use lakebed_core::{Error, Result};

use crate::batches::{Outcome, batch, finish, ints, stream, values, write, write_to};
use crate::disk::{Disk, Loose};

/// Everything that a reader can see, with the bytes of all data files checked.
pub(crate) type State = BTreeMap<String, String>;

pub(crate) fn state(repository: &Repository) -> Result<State> {
    let mut state = State::new();
    for branch in repository.branches()? {
        let history: Vec<String> = repository.history(&branch)?.into_iter().map(|row| row.commit.id).collect();
        state.insert(format!("history {branch}"), history.join(" "));
        let head = repository.head(&branch)?;
        assert_eq!(history.last().cloned(), head.reference().map(|x| x.id.clone()), "the history is that of the head");
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
        let problems = repository.verify_snapshot(&head)?.problems;
        if let Some(problem) = problems.into_iter().next() {
            return Err(Error::InvalidArgument(format!("{problem:?}")));
        }
    }
    for tag in repository.tags()? {
        let id = repository.resolve(&tag)?.reference().map(|reference| reference.id.clone());
        state.insert(format!("tag {tag}"), id.unwrap_or_default());
    }
    state.insert("records".into(), format!("{:?}", repository.read_records(0)?));
    Ok(state)
}

/// What another state has that `before` has not, and the reverse.
pub(crate) fn difference(before: &State, after: &State) -> String {
    let cut = |value: &String| value.chars().take(200).collect::<String>();
    let keys = before.keys().chain(after.keys()).filter(|key| before.get(*key) != after.get(*key));
    let lines: Vec<String> =
        keys.map(|key| format!("{key}: {:?} -> {:?}", before.get(key).map(cut), after.get(key).map(cut))).collect();
    lines.join("; ")
}

/// As an error of the store.
pub(crate) fn invalid(error: Box<dyn std::error::Error>) -> Error {
    Error::InvalidArgument(error.to_string())
}

/// A commit that touches everything a commit can touch.
pub(crate) fn big_commit(repository: &Repository) -> Result<()> {
    let rows = |n: i64| {
        let text = Arc::new(StringArray::from(vec![Some("a"), None]));
        batch(vec![("x", Arc::new(Int64Array::from(vec![n, n + 1]))), ("s", text)])
    };
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

pub(crate) fn append(repository: &Repository, branch: &str, table: &str, value: i64) -> Result<()> {
    write_to(repository, branch, table, Mode::Append, &ints([value]).map_err(invalid)?).map(|_| ())
}

fn put_raw(repository: &Repository, path: &str) -> Result<()> {
    let mut transaction = repository.begin("main")?;
    let (hash, _) = transaction.put_raw(&mut b"raw bytes".as_slice())?;
    transaction.set_lake(path, format!(r#"{{"hash":"{hash}"}}"#).into_bytes())?;
    finish(&mut transaction).map(|_| ())
}

/// What a user does, one acknowledged step after another.
type Step = (&'static str, fn(&Repository) -> Result<()>);

const STEPS: [Step; 21] = [
    ("a first table", |repository| append(repository, "main", "t", 1)),
    ("a second table", |repository| append(repository, "main", "u", 2)),
    ("a tag", |repository| repository.create_tag("v1", &repository.head("main")?)),
    ("an append", |repository| append(repository, "main", "t", 3)),
    // Equal rows are one file and equal bytes one raw file: writing them again must not put the first ones at risk.
    ("equal rows again", |repository| append(repository, "main", "t", 3)),
    ("a raw file", |repository| put_raw(repository, "first")),
    ("its bytes again", |repository| put_raw(repository, "second")),
    ("a record", |repository| repository.append_record(1, b"{\"n\":1}").map(|_| ())),
    ("a branch", |repository| repository.create_branch("b", &repository.head("main")?)),
    ("a commit on the branch", |repository| append(repository, "b", "t", 4)),
    ("a commit of everything", big_commit),
    ("a record behind it", |repository| repository.append_record(2, b"{\"n\":2}").map(|_| ())),
    ("a branch of a branch", |repository| repository.create_branch("c", &repository.head("b")?)),
    ("an overwrite", |repository| write(repository, "t", Mode::Overwrite, &ints(0..9).map_err(invalid)?).map(|_| ())),
    ("an append after it", |repository| append(repository, "main", "t", 5)),
    ("a delete", |repository| delete(repository, 2)),
    ("an update", update),
    ("a delete of an updated row", |repository| delete(repository, 1)),
    ("a new column", |repository| evolve(repository, "y")),
    ("a compaction", compact),
    ("an append after that", |repository| append(repository, "main", "t", 6)),
];

/// The row of table `t` at a position.
fn row_id(transaction: &Transaction, position: usize) -> Result<u64> {
    let files = transaction.files("t", None)?;
    let rows = reader::read(&files, &ReadOptions { columns: None, row_ids: true }, "t")?;
    let ids: Vec<u64> = rows
        .map_while(Result::ok)
        .flat_map(|batch| batch.column(0).as_primitive::<UInt64Type>().values().to_vec())
        .collect();
    ids.get(position).copied().ok_or_else(|| Error::InvalidArgument(format!("{} rows", ids.len())))
}

fn delete(repository: &Repository, position: usize) -> Result<()> {
    let mut transaction = repository.begin("main")?;
    let ids = UInt64Array::from(vec![row_id(&transaction, position)?]);
    transaction.delete_rows("t", &mut stream(&[batch(vec![("id", Arc::new(ids))]).map_err(invalid)?]))?;
    finish(&mut transaction).map(|_| ())
}

fn update(repository: &Repository) -> Result<()> {
    let mut transaction = repository.begin("main")?;
    let ids = UInt64Array::from(vec![row_id(&transaction, 1)?]);
    let (sequence, x) = (UInt64Array::from(vec![0]), Int64Array::from(vec![77]));
    let columns: Vec<(&str, ArrayRef)> = vec![("i", Arc::new(ids)), ("q", Arc::new(sequence)), ("x", Arc::new(x))];
    transaction.update_rows("t", &mut stream(&[batch(columns).map_err(invalid)?]))?;
    finish(&mut transaction).map(|_| ())
}

fn evolve(repository: &Repository, name: &str) -> Result<()> {
    let mut transaction = repository.begin("main")?;
    let field = Field::new(name, DataType::Int32, true);
    let change = Evolution::Add { path: vec![name.into()], field, default: Some("9".into()) };
    transaction.evolve("t", &change)?;
    finish(&mut transaction).map(|_| ())
}

fn compact(repository: &Repository) -> Result<()> {
    let table = repository.head("main")?.table("t")?;
    let options = CompactionOptions { full: true, ..CompactionOptions::default() };
    let mut transaction = repository.begin("main")?;
    for group in compaction::plan(&table, options)? {
        transaction.compact_files("t", &group)?;
    }
    finish(&mut transaction).map(|_| ())
}

/// Ways in which the loose things may come out of a crash: all of them where there are few, else the extremes, each thing
/// alone, and a seeded sample.
pub(crate) fn outcomes(loose: &[Loose], most: usize, seed: u64) -> Vec<Vec<usize>> {
    let counts: Vec<usize> = loose.iter().map(Loose::n_outcomes).collect();
    let n_all = counts.iter().try_fold(1_usize, |product, n| product.checked_mul(*n)).unwrap_or(usize::MAX);
    if n_all <= most {
        let pick = |number: usize| {
            counts.iter().scan(number, |rest, n| {
                let own = *rest % n;
                *rest /= n;
                Some(own)
            })
        };
        return (0..n_all).map(|number| pick(number).collect()).collect();
    }
    let mut all = vec![vec![0; loose.len()], vec![1; loose.len()]];
    let alone = counts.iter().enumerate().flat_map(|(at, n)| (0..*n).flat_map(move |own| [(at, own, 0), (at, own, 1)]));
    for (at, own, others) in alone.take(most * 2) {
        let mut picked = vec![others; loose.len()];
        picked[at] = own;
        all.push(picked);
    }
    for sample in 0..most as u64 {
        let noise = |at: usize| hash_u64(seed ^ (sample << 40) ^ ((at as u64) << 20));
        all.push(counts.iter().enumerate().map(|(at, n)| noise(at) as usize % n).collect());
    }
    all
}

/// What was tried.
#[derive(Debug, Default)]
struct Tally {
    /// Moments at which the power was cut.
    cuts: usize,
    /// Files and names that were lost or damaged.
    losses: usize,
    /// Different disks after a cut.
    disks: usize,
}

/// Cut the power at `image` in every way; each time the warehouse must be at one of the `allowed` states.
fn cut(image: &Disk, allowed: &[&State], place: &str, most: usize, seen: &mut Tally) -> Outcome {
    let loose = image.loose();
    seen.cuts += 1;
    let mut known = BTreeSet::new();
    for picked in outcomes(&loose, most, seen.cuts as u64) {
        let disk = image.copy();
        disk.crash(&loose, &picked);
        if !known.insert(disk.fingerprint()) {
            continue;
        }
        seen.disks += 1;
        seen.losses += picked.iter().filter(|outcome| **outcome != 1).count();
        let lost = || loose.iter().zip(&picked).filter(|(_, outcome)| **outcome != 1).collect::<Vec<_>>();
        check(&disk, allowed).map_err(|e| format!("{place}: {e}; lost: {:?}", lost()))?;
    }
    Ok(())
}

fn check(disk: &Disk, allowed: &[&State]) -> Outcome {
    let repository = disk.open()?;
    let found = state(&repository)?;
    if !allowed.contains(&&found) {
        return Err(format!("neither the version before nor the one after: {}", difference(allowed[0], &found)).into());
    }
    append(&repository, "main", "t", 1000)?;
    let head = repository.head("main")?;
    if values(&repository, &head.table("t")?)?.last() != Some(&1000)
        || !repository.verify_snapshot(&head)?.problems.is_empty()
    {
        return Err("the next commit is not whole".into());
    }
    Ok(())
}

/// Take all steps on `disk` and cut the power after each call.
fn run(disk: &Disk, most: usize) -> Outcome<Tally> {
    let mut seen = Tally::default();
    disk.record();
    let repository = disk.open()?;
    let mut before = state(&disk.copy().open()?)?;
    for image in disk.recorded() {
        cut(&image, &[&before], "creation", most, &mut seen)?;
    }
    cut(&disk.copy(), &[&before], "after the creation", most, &mut seen)?;
    for (name, step) in STEPS {
        step(&repository)?;
        let images = disk.recorded();
        assert!(images.len() > 5, "{name} took {} calls", images.len());
        let after = state(&disk.copy().open()?)?;
        assert_ne!(before, after, "{name}");
        for image in images {
            cut(&image, &[&before, &after], name, most, &mut seen)?;
        }
        cut(&disk.copy(), &[&after], &format!("acknowledged {name}"), most, &mut seen)?;
        before = after;
    }
    Ok(seen)
}

#[test]
fn what_was_acknowledged_survives_every_loss_of_what_was_not_synced() -> Outcome {
    let seen = run(&Disk::default(), 32)?;
    println!("power cuts: {seen:?}");
    assert!(seen.cuts > 200 && seen.disks > 2_000 && seen.losses > 2_000, "{seen:?}");
    Ok(())
}

#[test]
#[ignore = "soak"]
fn what_was_acknowledged_survives_many_more_losses() -> Outcome {
    let seen = run(&Disk::default(), 2_000)?;
    println!("power cuts: {seen:?}");
    Ok(())
}

#[test]
fn a_disk_that_only_says_it_synced_is_found_out() -> Outcome {
    for lies in [Disk::default().without_file_sync(), Disk::default().without_folder_sync()] {
        let found = run(&lies, 32).err().ok_or("no loss was noticed: the power cuts prove nothing")?;
        println!("as it should be: {}", found.to_string().chars().take(120).collect::<String>());
    }
    Ok(())
}

#[test]
fn hints_and_indexes_can_be_deleted_or_spoiled() -> Outcome {
    let disk = Disk::default();
    let repository = disk.open()?;
    for n in 0..20 {
        append(&repository, "main", "t", n)?;
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
    use std::io::Write;
    let disk = Disk::default();
    let repository = disk.open()?;
    append(&repository, "main", "t", 1)?;
    let before = (disk.names(), disk.n_staged());
    assert_eq!(before.1, 0);
    let mut upload = repository.objects().store.stage()?;
    upload.write_all(b"half")?;
    drop(upload);
    assert_eq!((disk.names(), disk.n_staged()), before);
    Ok(())
}
