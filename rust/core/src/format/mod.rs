//! What lies on disk: every file of ours starts with a magic number and a version, and carries its own hash.
//!
//! `docs/format.md` describes each byte. Decoders check lengths before they allocate and never trust a file.

mod bytes;
pub mod envelope;
pub mod names;
pub mod pack;
pub mod manifest;
pub mod schema;
pub mod data_file;
