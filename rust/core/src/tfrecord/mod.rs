//! `TFRecord` files of `tf.Example` messages as record batches, without TensorFlow and without generated protobuf code.
//!
//! The file is pushed in pieces of any size, so memory holds a batch and one record, however long the file is. Every
//! record's checksums are compared; a damaged file is an error that names the file, the record and the byte.

mod crc;
mod frames;
mod example;

use arrow_array::RecordBatch;

use crate::error::{Error, Result};
use example::Examples;
use frames::Frames;

/// Reads one file.
pub struct TfRecordReader {
    place: String,
    frames: Frames,
    examples: Examples,
}

impl TfRecordReader {
    /// A reader of the file that errors call `place`.
    pub fn new(place: &str) -> Self {
        Self { place: place.into(), frames: Frames::default(), examples: Examples::default() }
    }

    /// Take in the next bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let (place, examples) = (&self.place, &mut self.examples);
        self.frames.push(bytes, place, |record, number| {
            let corrupt = |problem: String| Error::Corruption {
                path: place.clone(),
                problem: format!("record {number} is no tf.Example: {problem}"),
                expected: "a map of features, each of one kind in the whole file".into(),
                found: format!("{} bytes", record.len()),
            };
            examples.add(record).map_err(corrupt)
        })
    }

    /// Records that wait to be taken.
    pub fn n_rows(&self) -> usize {
        self.examples.n_rows()
    }

    /// The records since the last call, with every feature of the file so far, by name. A feature that a record lacks,
    /// or that has no list, is null; bytes are `LargeBinary`, floats `Float32`, integers `Int64`, all in lists.
    pub fn take(&mut self) -> Result<RecordBatch> {
        self.examples.take()
    }

    /// Fails if the file ends inside of a record.
    pub fn finish(&self) -> Result<()> {
        self.frames.finish(&self.place)
    }
}
