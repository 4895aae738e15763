//! The purge map: which payload objects were erased or replaced. Ids in commits never change; they resolve through it.
//!
//! One entry is one put-if-absent object `purge/<20 digits>` whose body is JSON: `{"replaced": {old id: new id or null}}`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::format::envelope::{self, Kind};
use crate::object::ObjectStore;

/// All entries of the purge map, merged.
#[derive(Debug, Default)]
pub struct PurgeMap {
    replaced: BTreeMap<String, Option<String>>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    replaced: BTreeMap<String, Option<String>>,
}

impl PurgeMap {
    /// Read every entry.
    pub fn load(store: &dyn ObjectStore) -> Result<Self> {
        let mut replaced = BTreeMap::new();
        for name in store.list("purge")? {
            let Some(bytes) = store.get(&name)? else { continue };
            let body = envelope::open(Kind::Purge, &bytes, &name)?;
            let entry: Entry = serde_json::from_slice(body).map_err(|e| Error::Corruption {
                path: name.clone(),
                problem: "it is not a purge entry".into(),
                expected: "JSON with 'replaced'".into(),
                found: e.to_string(),
            })?;
            replaced.extend(entry.replaced);
        }
        Ok(Self { replaced })
    }

    /// The id that stands for `id` today; `None` where it was erased.
    pub fn resolve<'a>(&'a self, id: &'a str) -> Option<&'a str> {
        let mut current = id;
        // A chain is as long as there are entries; more steps would be a circle.
        for _ in 0..=self.replaced.len() {
            match self.replaced.get(current) {
                None => return Some(current),
                Some(None) => return None,
                Some(Some(next)) => current = next,
            }
        }
        None
    }

    /// Number of ids that were erased or replaced.
    pub fn len(&self) -> usize {
        self.replaced.len()
    }

    /// Whether nothing was ever purged.
    pub fn is_empty(&self) -> bool {
        self.replaced.is_empty()
    }
}
