//! Care for what is stored: checking it against its hashes.

pub mod verify;
