//! Finding versions: branches, tags, prefixes, `~n`, times; what a tag, a branch and a read-only handle promise.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use lakebed_core::Error;
use lakebed_core::log::snapshot::Snapshot;
use lakebed_core::repository::{OpenOptions, Repository};
use lakebed_core::transaction::{Committed, Mode};

use crate::batches::{Folder, Outcome, ints, values, write, write_to};

fn with_commits(n: i64) -> Outcome<(Repository, Vec<Committed>)> {
    let repository = Repository::open("memory://", OpenOptions::default())?;
    let commits = (0..n).map(|i| Ok(write(&repository, "t", Mode::Append, &ints([i])?)?)).collect::<Outcome<_>>()?;
    Ok((repository, commits))
}

fn id(snapshot: &Snapshot) -> Option<String> {
    snapshot.reference().map(|reference| reference.id.clone())
}

fn history(repository: &Repository, branch: &str) -> Outcome<Vec<String>> {
    Ok(repository.history(branch)?.into_iter().map(|row| row.commit.id).collect())
}

#[test]
fn every_name_of_a_version_finds_it() -> Outcome {
    let (repository, commits) = with_commits(5)?;
    repository.create_tag("v1", &repository.resolve("main~2")?)?;
    let ids: Vec<&str> = commits.iter().map(|commit| commit.commit.id.as_str()).collect();
    let names = [
        ("main", 4),
        ("main~0", 4),
        ("main~4", 0),
        ("v1", 2),
        ("v1~1", 1),
        (ids[3], 3),
        (&ids[3][..12], 3),
        (&ids[3].to_uppercase(), 3),
        (&format!("{}~2", &ids[3][..12]), 1),
    ];
    for (name, n) in names {
        let found = repository.resolve(name)?;
        assert_eq!(id(&found).as_deref(), Some(ids[n]), "{name}");
        assert_eq!(values(&repository, &found.table("t")?)?, (0..=n as i64).collect::<Vec<_>>());
    }
    Ok(())
}

#[test]
fn names_of_no_version_are_refused_with_the_nearest_ones() -> Outcome {
    let (repository, commits) = with_commits(2)?;
    repository.create_tag("january", &repository.head("main")?)?;
    let check = |name: &str, part: &str| -> Outcome {
        let refused = repository.resolve(name).err().ok_or_else(|| format!("{name} was found"))?;
        assert!(matches!(refused, Error::VersionNotFound { .. }), "{name}");
        assert!(refused.to_string().contains(part), "{refused}");
        Ok(())
    };
    check("januray", "did you mean 'january'?")?;
    check("mian", "did you mean 'main'?")?;
    check("main~9", "the history is not that long")?;
    check("main~2", "the history is not that long")?;
    check("main~x", "after '~' stands no number")?;
    check("main~-1", "after '~' stands no number")?;
    check(&commits[0].commit.id[..3], "there is no such branch, tag or commit")?;
    check(&"0".repeat(64), "no commit starts with it")?;
    check("../main", "it is no name of a branch, tag or commit")?;
    check("", "it is no name of a branch, tag or commit")
}

#[test]
fn a_time_finds_the_newest_commit_not_after_it() -> Outcome {
    let (repository, commits) = with_commits(9)?;
    for (n, commit) in commits.iter().enumerate() {
        let next = commits.get(n + 1).map_or(i64::MAX, |next| next.time_us);
        for time_us in [commit.time_us, next - 1] {
            assert_eq!(id(&repository.at_time("main", time_us)?), Some(commit.commit.id.clone()));
        }
    }
    let early = repository.at_time("main", commits[0].time_us - 1);
    assert!(matches!(early, Err(Error::VersionNotFound { .. })));
    assert!(matches!(repository.at_time("nowhere", 0), Err(Error::VersionNotFound { .. })));
    Ok(())
}

#[test]
fn a_tag_means_the_same_version_for_ever() -> Outcome {
    let (repository, commits) = with_commits(2)?;
    repository.create_tag("v1", &repository.head("main")?)?;
    write(&repository, "t", Mode::Overwrite, &ints([9])?)?;
    let again = repository.create_tag("v1", &repository.head("main")?);
    assert!(matches!(again, Err(Error::RefExists { .. })));
    assert!(matches!(repository.create_branch("v1", &repository.head("main")?), Err(Error::RefExists { .. })));
    assert!(matches!(repository.begin("v1"), Err(Error::NotABranch { .. })), "a tag takes no commits");
    assert_eq!(id(&repository.resolve("v1")?), Some(commits[1].commit.id.clone()));
    assert_eq!(values(&repository, &repository.resolve("v1")?.table("t")?)?, [0, 1]);
    assert_eq!(repository.tags()?, ["v1"]);
    Ok(())
}

#[test]
fn names_of_tags_and_branches_that_are_not_allowed_are_refused() -> Outcome {
    let (repository, _) = with_commits(1)?;
    let head = repository.head("main")?;
    for name in ["", "a/b", "a~1", ".a", "-a", "a b", "ä", &"a".repeat(201)] {
        assert!(matches!(repository.create_tag(name, &head), Err(Error::InvalidName { .. })), "{name:?}");
        assert!(matches!(repository.create_branch(name, &head), Err(Error::InvalidName { .. })), "{name:?}");
    }
    let empty = Repository::open("memory://", OpenOptions::default())?;
    assert!(empty.create_tag("v1", &empty.head("main")?).is_err(), "there is nothing to point to");
    Ok(())
}

#[test]
fn branches_do_not_see_each_other_s_commits() -> Outcome {
    let (repository, commits) = with_commits(3)?;
    repository.create_branch("try", &repository.resolve("main~1")?)?;
    let tried = write_to(&repository, "try", "t", Mode::Append, &ints([100])?)?;
    let more = write(&repository, "t", Mode::Append, &ints([3])?)?;
    assert_eq!(values(&repository, &repository.head("try")?.table("t")?)?, [0, 1, 100]);
    assert_eq!(values(&repository, &repository.head("main")?.table("t")?)?, [0, 1, 2, 3]);
    let ids = |commits: &[&Committed]| commits.iter().map(|commit| commit.commit.id.clone()).collect::<Vec<_>>();
    assert_eq!(history(&repository, "try")?, ids(&[&commits[0], &commits[1], &tried]));
    assert_eq!(history(&repository, "main")?, ids(&[&commits[0], &commits[1], &commits[2], &more]));
    assert_eq!(id(&repository.resolve("try~2")?), Some(commits[0].commit.id.clone()));
    assert_eq!(repository.branches()?, ["main", "try"]);
    Ok(())
}

#[test]
fn the_history_of_a_branch_of_a_branch_goes_back_to_the_first_commit() -> Outcome {
    let (repository, commits) = with_commits(4)?;
    let mut expected: Vec<String> = commits.iter().map(|commit| commit.commit.id.clone()).collect();
    let mut origin = "main".to_owned();
    for n in 0..4 {
        let branch = format!("b{n}");
        repository.create_branch(&branch, &repository.head(&origin)?)?;
        assert_eq!(history(&repository, &branch)?, expected, "{branch} before its first commit");
        expected.push(write_to(&repository, &branch, "t", Mode::Append, &ints([n])?)?.commit.id);
        assert_eq!(history(&repository, &branch)?, expected, "{branch}");
        origin = branch;
    }
    Ok(())
}

/// Walks the parents of `head`, oldest first.
fn ancestors(repository: &Repository, head: &Snapshot) -> Outcome<Vec<String>> {
    let mut ids = Vec::new();
    let mut next = head.reference().cloned();
    while let Some(reference) = next {
        let commit: lakebed_core::log::commit::Commit = repository.objects().get_json(&reference)?;
        ids.push(reference.id);
        next = commit.parents.first().cloned();
    }
    ids.reverse();
    Ok(ids)
}

#[test]
fn a_branch_from_a_version_before_its_branch_began_has_that_version_s_history() -> Outcome {
    let (repository, _) = with_commits(5)?;
    // Its name sorts before `main`, so a search of branches finds shared commits here first.
    repository.create_branch("aside", &repository.head("main")?)?;
    write_to(&repository, "aside", "t", Mode::Append, &ints([9])?)?;
    let shared = repository.resolve("main~2")?;
    for (name, version) in [("from-back", "aside~3".to_owned()), ("from-id", id(&shared).ok_or("no commit")?)] {
        let start = repository.resolve(&version)?;
        assert_eq!(id(&start), id(&shared), "{version}");
        repository.create_branch(name, &start)?;
        write_to(&repository, name, "t", Mode::Append, &ints([10])?)?;
        assert_eq!(history(&repository, name)?, ancestors(&repository, &repository.head(name)?)?, "{name}");
    }
    Ok(())
}

#[test]
fn the_sequence_of_a_history_row_opens_that_commit() -> Outcome {
    let (repository, _) = with_commits(3)?;
    repository.create_branch("b", &repository.head("main")?)?;
    write_to(&repository, "b", "t", Mode::Append, &ints([9])?)?;
    for branch in ["main", "b"] {
        for row in repository.history(branch)? {
            assert_eq!(id(&repository.at_sequence(&row.branch, row.sequence)?), Some(row.commit.id), "{branch}");
        }
    }
    assert!(matches!(repository.at_sequence("b", 99), Err(Error::VersionNotFound { .. })));
    Ok(())
}

/// All files below `path`, with their bytes.
fn tree(path: &Path) -> Outcome<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(tree(&path)?);
        } else {
            files.insert(path.display().to_string(), fs::read(&path)?);
        }
    }
    Ok(files)
}

#[test]
fn a_read_only_handle_reads_everything_and_writes_nothing() -> Outcome {
    let folder = Folder::new()?;
    let location = folder.join("w");
    let writer = Repository::open(&location, OpenOptions::default())?;
    for n in 0..20 {
        write(&writer, "t", Mode::Append, &ints([n])?)?;
    }
    writer.create_tag("v1", &writer.head("main")?)?;
    let before = tree(&folder.0)?;
    let reader = Repository::open(&location, OpenOptions { read_only: true, ..OpenOptions::default() })?;
    let head = reader.head("main")?;
    assert_eq!(values(&reader, &head.table("t")?)?, (0..20).collect::<Vec<_>>());
    assert_eq!(reader.history("main")?.len(), 20);
    assert!(matches!(reader.begin("main"), Err(Error::ReadOnly { .. })));
    assert!(matches!(reader.create_tag("v2", &head), Err(Error::ReadOnly { .. })));
    assert!(matches!(reader.create_branch("b", &head), Err(Error::ReadOnly { .. })));
    assert!(matches!(reader.append_record(1, b"{}"), Err(Error::ReadOnly { .. })));
    assert_eq!(tree(&folder.0)?.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    assert!(tree(&folder.0)? == before, "a file changed");
    Ok(())
}

#[test]
fn folders_that_are_no_warehouse_are_refused_and_left_alone() -> Outcome {
    let folder = Folder::new()?;
    fs::create_dir(folder.0.join("other"))?;
    fs::write(folder.0.join("other/data.csv"), "a,b")?;
    fs::create_dir(folder.0.join("empty"))?;
    let read_only = OpenOptions { read_only: true, ..OpenOptions::default() };
    let check = |name: &str, options: OpenOptions, part: &str| -> Outcome {
        let before = tree(&folder.0)?;
        let refused = Repository::open(&folder.join(name), options).err().ok_or("it was opened")?;
        assert!(matches!(refused, Error::NotAWarehouse { .. }), "{refused}");
        assert!(refused.to_string().contains(part), "{refused}");
        assert!(tree(&folder.0)? == before);
        Ok(())
    };
    check("other", OpenOptions::default(), "it holds 'data.csv' and no file lakebed.warehouse")?;
    check("other/data.csv", OpenOptions::default(), "it is a file")?;
    check("other", read_only, "it has no file lakebed.warehouse")?;
    check("absent", read_only, "there is no such folder")?;
    assert!(!folder.0.join("absent").exists());
    Repository::open(&folder.join("empty"), OpenOptions::default())?;
    Ok(())
}

#[test]
fn a_warehouse_that_lost_its_marker_gets_no_other_key() -> Outcome {
    let folder = Folder::new()?;
    let location = folder.join("w");
    let repository = Repository::open(&location, OpenOptions::default())?;
    write(&repository, "t", Mode::Append, &ints([1])?)?;
    let marker = folder.0.join("w/lakebed.warehouse");
    let kept = fs::read(&marker)?;
    fs::remove_file(&marker)?;
    assert!(Repository::open(&location, OpenOptions::default()).is_err());
    assert!(!marker.exists(), "the open wrote a new marker");
    fs::write(&marker, kept)?;
    let again = Repository::open(&location, OpenOptions::default())?;
    assert_eq!(values(&again, &again.head("main")?.table("t")?)?, [1]);
    Ok(())
}
