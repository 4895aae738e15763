//! From staged changes to the objects of a commit. Subtrees that do not change keep their references.

use super::rebuild;
use super::stage::Transaction;
use crate::error::{Error, Result};
use crate::format::pack::{Class, ObjectRef, PackWriter};
use crate::log::commit::{Commit, Payloads, Root};

/// Add every object of the commit to `pack`; gives the commit's own reference.
pub(super) fn build(
    transaction: &Transaction,
    pack: &mut PackWriter,
    operation: &[u8],
    time_us: i64,
) -> Result<ObjectRef> {
    let base = &transaction.base;
    let sequence = base.commit().map_or(1, |parent| parent.sequence + 1);
    let mut root = base.commit().map_or_else(Root::default, |parent| parent.root.clone());
    if !transaction.tables.is_empty() || !transaction.removed.is_empty() {
        let mut tables = base.tables()?.clone();
        tables.retain(|name, _| !transaction.removed.contains_key(name));
        for (name, staged) in &transaction.tables {
            let version = rebuild::table_version(staged, sequence, base.objects(), pack)?;
            // A table that only gets another name is the same version of it.
            let reference = match &staged.before {
                Some(before) if before.version == version => before.reference.clone(),
                _ => add_json(pack, &version)?,
            };
            tables.insert(name.clone(), reference);
        }
        root.tables = Some(add_json(pack, &tables)?);
    }
    if !transaction.schemas.is_empty() || !transaction.removed.is_empty() {
        root.schemas = schemas(transaction, pack)?;
    }
    if !transaction.features.is_empty() {
        root.features = Some(add_payloads(pack, base.features()?, &transaction.features)?);
    }
    if !transaction.lake.is_empty() {
        root.lake = Some(add_payloads(pack, base.lake()?, &transaction.lake)?);
    }
    let parents = base.reference().cloned().into_iter().collect();
    let operation = pack.add(Class::Payload, operation)?;
    add_json(pack, &Commit { parents, sequence, time_us, operation, root })
}

/// Expectations go with their table: they are dropped with it, and follow it to another name.
fn schemas(transaction: &Transaction, pack: &mut PackWriter) -> Result<Option<ObjectRef>> {
    let known = transaction.base.schemas()?;
    let mut schemas = known.clone();
    schemas.retain(|name, _| !transaction.removed.contains_key(name));
    for (name, staged) in &transaction.tables {
        let payload = staged.before.as_ref().and_then(|before| known.get(&before.name));
        if let Some(payload) = payload {
            schemas.insert(name.clone(), payload.clone());
        }
    }
    if transaction.schemas.is_empty() && schemas == known {
        return Ok(transaction.base.commit().and_then(|parent| parent.root.schemas.clone()));
    }
    add_payloads(pack, schemas, &transaction.schemas).map(Some)
}

fn add_payloads<'a>(
    pack: &mut PackWriter,
    mut payloads: Payloads,
    changed: impl IntoIterator<Item = (&'a String, &'a Vec<u8>)>,
) -> Result<ObjectRef> {
    for (name, bytes) in changed {
        payloads.insert(name.clone(), pack.add(Class::Payload, bytes)?);
    }
    add_json(pack, &payloads)
}

fn add_json<T: serde::Serialize>(pack: &mut PackWriter, object: &T) -> Result<ObjectRef> {
    let bytes = serde_json::to_vec(object).map_err(|e| Error::InvalidArgument(e.to_string()))?;
    pack.add(Class::Structure, &bytes)
}
