//! What lies on disk: every file of ours starts with a magic number and a version, and carries its own hash.
//!
//! `docs/format.md` describes each byte. Decoders check lengths before they allocate and never trust a file.

pub(crate) mod bytes;
pub mod envelope;
pub mod names;
pub mod pack;
pub mod deletions;
pub mod row_ids;
pub mod manifest;
pub mod zones;
pub mod defaults;
pub mod schema;
pub mod evolve;
pub mod project;
pub mod boundary;
pub mod arrange;
pub mod external_sort;
mod encoding;
pub mod data_file;
mod file_writer;
mod cutter;
pub mod table_writer;
