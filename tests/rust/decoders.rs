//! Decoders: whatever bytes they get, they answer or refuse; they neither panic nor allocate for what is not there.

use std::sync::Arc;

use lakebed_core::digest::Digest;
use lakebed_core::format::deletions::{decode_deletions, encode_deletions};
use lakebed_core::format::envelope::{self, Kind};
use lakebed_core::format::manifest::{self, Bound, BoundRef, DataFile, Deletions, FileZones, LeafEntries, Zone};
use lakebed_core::format::pack::{Class, ObjectRef, Pack, PackWriter};
use lakebed_core::format::row_ids::RowIds;
use lakebed_core::format::schema::TableSchema;
use lakebed_core::format::zones::decode_columns;
use lakebed_core::log::commit::{Commit, TableVersion};
use lakebed_core::log::history::HistoryRow;
use lakebed_core::log::refs::RefEntry;
use lakebed_core::object::{MemoryStore, ObjectStore};
use lakebed_core::repository::{OpenOptions, Repository};
use lakebed_core::scan::predicate::Predicate;
use lakebed_core::statistics::TableStatistics;
use lakebed_core::transaction::Mode;
use proptest::prelude::*;

use crate::allocations::largest_during;
use crate::batches::{Outcome, ints, write};

fn files() -> impl Strategy<Value = Vec<DataFile>> {
    let object = || {
        let parts = (any::<[u8; 32]>(), any::<u128>());
        parts.prop_map(|(id, pack)| ObjectRef { id: Digest(id).to_hex(), pack: format!("{pack:032x}") })
    };
    let deletions = (any::<u64>(), object()).prop_map(|(n_rows, positions)| Deletions { n_rows, positions });
    let (optional, bucket) = ((prop::option::of(deletions), prop::option::of(object())), prop::option::of(0..9_u32));
    let file = (any::<[u8; 32]>(), any::<[u64; 5]>(), any::<u32>(), bucket, object(), optional);
    let file = file.prop_map(|(id, numbers, schema_id, bucket, summary, (deletions, row_ids))| DataFile {
        id: Digest(id),
        n_rows: numbers[0],
        size_bytes: numbers[1],
        first_row_id: numbers[2],
        last_row_id: numbers[3],
        sequence: numbers[4],
        schema_id,
        bucket,
        summary,
        deletions: deletions.filter(|deletions| deletions.n_rows <= numbers[0]),
        row_ids,
    });
    prop::collection::vec(file, 0..6)
}

fn zones() -> impl Strategy<Value = Vec<FileZones>> {
    let bound = || {
        prop::option::of(prop_oneof![
            any::<i128>().prop_map(Bound::Int),
            (-1e9..1e9_f64).prop_map(Bound::Float),
            ".{0,9}".prop_map(Bound::Text)
        ])
    };
    let zone = (any::<u64>(), any::<bool>(), bound(), bound());
    let zone = zone.prop_map(|(n_null, has_nan, min, max)| Zone { n_null, has_nan, min, max });
    prop::collection::vec(prop::collection::btree_map(any::<i32>(), zone, 0..5), 0..5)
}

/// `bytes` with one of them changed, and cut.
fn spoil(bytes: &[u8], at: prop::sample::Index, with: u8, keep: prop::sample::Index) -> Vec<u8> {
    let mut spoilt = bytes.to_vec();
    if !spoilt.is_empty() {
        let at = at.index(spoilt.len());
        spoilt[at] ^= with;
    }
    spoilt.truncate(keep.index(bytes.len() + 1).max(bytes.len() / 2));
    spoilt
}

fn stored_statistics() -> Outcome<Vec<u8>> {
    let repository = Repository::open("memory://", OpenOptions::default())?;
    write(&repository, "t", Mode::Append, &ints(-50..50)?)?;
    Ok(repository.head("main")?.table("t")?.statistics()?.encode())
}

/// Every decoder of bytes that come from a file.
fn decode_all(bytes: &[u8]) {
    let _ = manifest::decode_leaf(bytes, "leaf");
    let _ = manifest::decode_zones(bytes, "zones");
    let _ = TableStatistics::decode(bytes);
    let _ = envelope::open(Kind::Ref, bytes, "ref");
    let mut framed = b"LKBDR\x01\0\0".to_vec();
    framed.extend_from_slice(bytes);
    let _ = envelope::open(Kind::Ref, &framed, "ref");
    let _ = Predicate::from_text(&String::from_utf8_lossy(bytes));
    let _ = serde_json::from_slice::<Commit>(bytes);
    let _ = serde_json::from_slice::<TableVersion>(bytes);
    let _ = serde_json::from_slice::<TableSchema>(bytes);
    let _ = serde_json::from_slice::<RefEntry>(bytes);
    let _ = serde_json::from_slice::<Vec<HistoryRow>>(bytes);
    // A count of its own in front reaches further into a decoder.
    for version in [1, 0] {
        let counted = [&[version, 2, 0, 0, 0], bytes].concat();
        let _ = manifest::decode_leaf(&counted, "leaf");
        let _ = (manifest::decode_zones(&counted, "zones"), decode_columns(&counted, &[1, 2], "zones"));
        let _ = LeafEntries::new(counted.clone(), "leaf").and_then(|entries| entries.get(0));
        let _ = TableStatistics::decode(&counted);
    }
}

proptest! {
    #[test]
    fn leaves_and_zones_come_back(files in files(), zones in zones()) {
        let leaf = manifest::encode_leaf(&files).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(manifest::decode_leaf(&leaf, "leaf").ok(), Some(files.clone()));
        for (at, file) in files.iter().enumerate() {
            let entries = LeafEntries::new(leaf.clone(), "leaf").map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert_eq!(entries.len(), files.len());
            prop_assert_eq!(entries.get(at).ok().flatten(), Some(file.clone()));
        }
        prop_assert_eq!(manifest::decode_zones(&manifest::encode_zones(&zones), "zones").ok(), Some(zones));
    }

    #[test]
    fn columns_of_zones_say_what_zones_say(zones in zones(), takes in prop::collection::vec(any::<prop::sample::Index>(), 0..9)) {
        let wanted: Vec<i32> = zones.iter().flat_map(|zones| zones.keys().copied()).chain([7]).collect();
        let columns = decode_columns(&manifest::encode_zones(&zones), &wanted, "zones");
        let columns = columns.map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(columns.len(), wanted.len());
        for (id, column) in wanted.iter().zip(columns) {
            let taken: Vec<usize> = takes.iter().filter(|_| !zones.is_empty()).map(|at| at.index(zones.len())).collect();
            let part = column.take(&taken, |_| Some(true));
            prop_assert_eq!((column.len(), part.len()), (zones.len(), taken.len()));
            let (all, part) = ((0..zones.len()).map(|at| (at, column.zone(at))), taken.iter().enumerate().map(|(n, at)| (*at, part.zone(n))));
            for (at, found) in all.chain(part) {
                let owned = found.map(|zone| Zone {
                    n_null: zone.n_null, has_nan: zone.has_nan, min: zone.min.map(BoundRef::owned), max: zone.max.map(BoundRef::owned),
                });
                prop_assert_eq!(owned.as_ref(), zones[at].get(id));
            }
        }
    }

    #[test]
    fn spoilt_leaves_and_zones_are_refused_or_read(
        files in files(), zones in zones(),
        at in any::<prop::sample::Index>(), with in any::<u8>(), keep in any::<prop::sample::Index>(),
    ) {
        let leaf = manifest::encode_leaf(&files).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let _ = manifest::decode_leaf(&spoil(&leaf, at, with, keep), "leaf");
        let spoilt = spoil(&leaf, at, with, keep);
        let _ = LeafEntries::new(spoilt, "leaf").and_then(|entries| entries.get(0));
        let ids: Vec<i32> = zones.iter().flat_map(|zones| zones.keys().copied()).collect();
        let _ = decode_columns(&spoil(&manifest::encode_zones(&zones), at, with, keep), &ids, "zones");
        let _ = manifest::decode_zones(&spoil(&manifest::encode_zones(&zones), at, with, keep), "zones");
    }

    #[test]
    fn any_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = manifest::decode_leaf(&bytes, "leaf");
        let _ = manifest::decode_zones(&bytes, "zones");
        let _ = decode_deletions(&bytes, 9, 3, "deletions");
        let _ = RowIds::decode(&bytes, 9);
        let _ = TableStatistics::decode(&bytes);
        let _ = envelope::open(Kind::Ref, &bytes, "ref");
        let mut framed = b"LKBDR\x01\0\0".to_vec();
        framed.extend_from_slice(&bytes);
        let _ = envelope::open(Kind::Ref, &framed, "ref");
        let _ = Predicate::from_text(&String::from_utf8_lossy(&bytes));
        let ((), largest) = largest_during(|| decode_all(&bytes));
        prop_assert!(largest < 64 << 10, "{largest} bytes at once for {}", bytes.len());
    }

    #[test]
    fn a_sealed_body_comes_back_and_only_as_its_own_kind(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let sealed = envelope::seal(Kind::Record, &body);
        prop_assert_eq!(envelope::open(Kind::Record, &sealed, "r").ok(), Some(body.as_slice()));
        prop_assert!(envelope::open(Kind::Tag, &sealed, "r").is_err());
    }

    #[test]
    fn packs_with_any_directory_under_a_fitting_hash_are_refused_or_read(
        directory in prop::collection::vec(any::<u8>(), 0..200), rest in prop::collection::vec(any::<u8>(), 0..50),
        n_entries in 0..4_u32,
    ) {
        let mut bytes = envelope::header(Kind::Pack, directory.len() as u64 + 4);
        bytes.extend_from_slice(&n_entries.to_le_bytes());
        bytes.extend_from_slice(&directory);
        bytes.extend_from_slice(&Digest::of(&bytes).0);
        bytes.extend_from_slice(&rest);
        let store = MemoryStore::default();
        store.put_if_absent(&[], "packs/p.pack", &bytes).map_err(|e| TestCaseError::fail(e.to_string()))?;
        if let Ok(pack) = Pack::open(&store, "p") {
            for id in pack.ids() {
                prop_assert!(pack.get(&store, &[0; 32], id).is_err());
            }
        }
    }
}

#[test]
fn objects_of_a_pack_come_back_and_equal_ones_are_stored_once() -> Outcome {
    let (store, key) = (MemoryStore::default(), [3; 32]);
    let mut writer = PackWriter::new(key)?;
    let bodies: Vec<Vec<u8>> = vec![Vec::new(), b"short".to_vec(), vec![7; 100_000], (0..=255).collect()];
    let references: Vec<ObjectRef> =
        bodies.iter().map(|body| writer.add(Class::Payload, body)).collect::<lakebed_core::Result<_>>()?;
    assert_eq!(writer.add(Class::Payload, &bodies[1])?, references[1]);
    let (name, bytes) = writer.finish();
    assert!(bytes.len() < 2_000, "the long one is compressed");
    store.put_if_absent(&[], &name, &bytes)?;
    let pack = Pack::open(&store, &references[0].pack)?;
    assert_eq!(pack.ids().count(), bodies.len());
    for (reference, body) in references.iter().zip(&bodies) {
        assert_eq!(&pack.get(&store, &key, &reference.id.parse()?)?, body);
        assert!(pack.get(&store, &[4; 32], &reference.id.parse()?).is_err(), "under another key it has another id");
    }
    Ok(())
}

#[test]
fn a_pack_with_a_directory_longer_than_the_first_read_opens() -> Outcome {
    let store: Arc<dyn ObjectStore> = Arc::new(MemoryStore::default());
    let mut writer = PackWriter::new([0; 32])?;
    let mut references = Vec::new();
    for n in 0..1_000_u32 {
        references.push(writer.add(Class::Structure, &n.to_le_bytes())?);
    }
    let (name, bytes) = writer.finish();
    store.put_if_absent(&[], &name, &bytes)?;
    let pack = Pack::open(store.as_ref(), &references[0].pack)?;
    for (n, reference) in references.iter().enumerate() {
        assert_eq!(pack.get(store.as_ref(), &[0; 32], &reference.id.parse()?)?, (n as u32).to_le_bytes());
    }
    Ok(())
}

#[test]
fn stored_statistics_with_any_byte_changed_are_refused_or_read() -> Outcome {
    let bytes = stored_statistics()?;
    assert_eq!(TableStatistics::decode(&bytes)?.encode(), bytes);
    for at in 0..bytes.len() {
        for with in [1, 0x80, 0xff] {
            let mut spoilt = bytes.clone();
            spoilt[at] ^= with;
            let ((), largest) = largest_during(|| drop(TableStatistics::decode(&spoilt)));
            assert!(largest < 1 << 20, "byte {at} with {with}: {largest} bytes at once");
        }
        assert!(TableStatistics::decode(&bytes[..at]).is_err());
    }
    Ok(())
}

proptest! {
    #[test]
    fn deletion_vectors_and_row_ids_come_back_as_they_went(
        positions in prop::collection::btree_set(0..5_000_u32, 0..300),
        runs in prop::collection::vec((any::<u32>(), 1..9_u64, 0..3_u64), 0..20),
        spoilt in (any::<prop::sample::Index>(), 1..=255_u8, any::<prop::sample::Index>()),
    ) {
        let bitmap = positions.iter().copied().collect();
        let bytes = encode_deletions(&bitmap).unwrap();
        prop_assert_eq!(decode_deletions(&bytes, 5_000, bitmap.len(), "deletions").unwrap(), bitmap);
        let _ = decode_deletions(&spoil(&bytes, spoilt.0, spoilt.1, spoilt.2), 5_000, 3, "deletions");
        let mut row_ids = RowIds::default();
        for (first, length, sequence) in runs {
            (0..length).for_each(|k| row_ids.push(u64::from(first) + k, sequence));
        }
        let bytes = row_ids.encode();
        prop_assert_eq!(RowIds::decode(&bytes, row_ids.len()).unwrap(), row_ids.clone());
        prop_assert!(RowIds::decode(&bytes, row_ids.len() + 1).is_err());
        let _ = RowIds::decode(&spoil(&bytes, spoilt.0, spoilt.1, spoilt.2), row_ids.len());
    }
}
