//! What to do when the branch moved during a transaction: stand on the new head, or say which two changes collide.

use std::sync::Arc;

use super::stage::{Mode, StagedTable, Transaction};
use crate::error::{Error, Result};
use crate::format::names;
use crate::format::pack::ObjectRef;
use crate::log::commit::Payloads;
use crate::log::refs;
use crate::log::snapshot::Snapshot;

/// Move the transaction onto the branch's present head.
pub(super) fn rebase(transaction: &mut Transaction) -> Result<()> {
    let objects = Arc::clone(transaction.base.objects());
    let branch = transaction.base.branch().to_owned();
    let head = refs::head(objects.store.as_ref(), &branch)?.ok_or_else(|| Error::VersionNotFound {
        name: branch.clone(),
        found: "the branch is gone".into(),
        nearest: Vec::new(),
    })?;
    let head = Snapshot::open(objects, &branch, head.sequence, head.commit)?;
    let (old_schemas, new_schemas) = (transaction.base.schemas()?, head.schemas()?);
    for name in transaction.schemas.keys() {
        check_same(&old_schemas, &new_schemas, name, "change of the schema", &head)?;
    }
    let (old_lake, new_lake) = (transaction.base.lake()?, head.lake()?);
    for path in transaction.lake.keys() {
        check_same(&old_lake, &new_lake, path, "put", &head)?;
    }
    for (name, staged) in &mut transaction.tables {
        rebase_table(name, staged, &head)?;
    }
    transaction.base = head;
    Ok(())
}

fn rebase_table(name: &str, staged: &mut StagedTable, head: &Snapshot) -> Result<()> {
    let now = if head.tables()?.contains_key(name) { Some(head.table(name)?) } else { None };
    let unchanged = match (&staged.before, &now) {
        (Some(before), Some(now)) => before.reference == now.reference,
        (None, None) => true,
        _ => false,
    };
    if unchanged {
        return Ok(());
    }
    let appends = staged.mode == Mode::Append;
    match now {
        // An append knows nothing of the rows that are there, so it holds after any other change of them.
        Some(now) if appends && now.version.schema == staged.schema => {
            if now.version.table_id != staged.table_id {
                move_files(staged, &now.version.table_id, head)?;
            }
            staged.before = Some(now);
            Ok(())
        }
        _ => {
            let ours = match (appends, staged.before.is_some()) {
                (true, true) => "append",
                (true, false) => "creation",
                (false, _) => "overwrite",
            };
            Err(conflict(name, ours, head))
        }
    }
}

/// Two transactions created the same table: the later one's files move into the folder of the earlier one's.
fn move_files(staged: &mut StagedTable, table_id: &str, head: &Snapshot) -> Result<()> {
    let store = head.objects().store.as_ref();
    for file in &mut staged.files {
        let name = names::data_file(table_id, &file.id);
        let bytes = store.get(&file.name)?.ok_or_else(|| Error::Corruption {
            path: file.name.clone(),
            problem: "a data file of this transaction is missing".into(),
            expected: "a file".into(),
            found: "nothing".into(),
        })?;
        let (upload, _, _) = crate::object::copy_hashed(store.stage()?, &mut bytes.as_slice())?;
        upload.publish(&name)?;
        file.name = name;
    }
    staged.table_id = table_id.into();
    Ok(())
}

fn check_same(old: &Payloads, new: &Payloads, name: &str, ours: &str, head: &Snapshot) -> Result<()> {
    let ids = |payloads: &Payloads| payloads.get(name).map(|reference: &ObjectRef| reference.id.clone());
    if ids(old) == ids(new) { Ok(()) } else { Err(conflict(name, ours, head)) }
}

fn conflict(name: &str, ours: &str, head: &Snapshot) -> Error {
    let operation = head.operation().ok().and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    let kind = operation.as_ref().and_then(|operation| operation["kind"].as_str()).unwrap_or("another change");
    Error::WriteConflict {
        branch: head.branch().into(),
        table: name.into(),
        ours: ours.into(),
        theirs: format!("{kind} ({})", head.describe()),
    }
}
