//! Nodes of a manifest: lists of leaves, so that neither an append nor a read of few files touches the others.

use std::sync::Arc;

use super::commit::Leaf;
use super::objects::Objects;
use crate::error::{Error, Result};
use crate::format::names;

/// The leaves that a node lists.
pub fn decode_node(bytes: &[u8], place: &str) -> Result<Vec<Leaf>> {
    serde_json::from_slice(bytes).map_err(|e| Error::Corruption {
        path: place.into(),
        problem: "a node of a manifest cannot be read".into(),
        expected: "a list of leaves".into(),
        found: e.to_string(),
    })
}

/// The bytes of a node.
pub fn encode_node(leaves: &[Leaf]) -> Result<Vec<u8>> {
    serde_json::to_vec(leaves).map_err(|e| Error::InvalidArgument(e.to_string()))
}

/// The leaves that a node lists, read from where it lies, or kept from an earlier time.
pub fn read_node(objects: &Objects, node: &Leaf) -> Result<Arc<Vec<Leaf>>> {
    if let Some(leaves) = objects.kept.get(&node.files.id, 0) {
        return Ok(leaves);
    }
    let leaves = decode_node(&objects.get(&node.files)?, &names::pack(&node.files.pack))?;
    // Each has three ids of 64 letters and three packs of 32.
    let size_bytes = leaves.len() * (size_of::<Leaf>() + 3 * (64 + 32));
    Ok(objects.kept.put(&node.files.id, 0, leaves, size_bytes))
}

/// All leaves in row order, those of nodes in their place.
pub fn flatten(objects: &Objects, leaves: &[Leaf]) -> Result<Vec<Leaf>> {
    let mut flat = Vec::with_capacity(leaves.len());
    for leaf in leaves {
        if leaf.is_node {
            flat.extend(read_node(objects, leaf)?.iter().cloned());
        } else {
            flat.push(leaf.clone());
        }
    }
    Ok(flat)
}
