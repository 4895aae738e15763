//! How columns are encoded in Parquet. It depends on rows alone, like all bytes of a data file.
//!
//! A dictionary of values that hardly ever recur is as large as the values and stands beside indices to them: it costs time
//! and space. So a column gets one only if the first rows of its file repeat themselves.

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;
use xxhash_rust::xxh3::xxh3_64;

use crate::error::Result;

/// Rows of a row group: large enough to compress well, small enough for several threads to read one file.
pub(super) const ROW_GROUP_ROWS: usize = 262_144;
/// Rows that are looked at.
const SAMPLE_ROWS: usize = 1024;

/// Properties of a file that begins with `block`, the rows of which do not depend on how the caller cut them.
pub(super) fn properties(block: &RecordBatch) -> Result<WriterProperties> {
    let mut properties = WriterProperties::builder()
        .set_created_by("lakebed".into())
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS));
    let sample = block.slice(0, block.num_rows().min(SAMPLE_ROWS));
    for (field, column) in sample.schema().fields().iter().zip(sample.columns()) {
        if !repeats(column) {
            properties = properties.set_column_dictionary_enabled(ColumnPath::new(vec![field.name().clone()]), false);
        }
    }
    Ok(properties.build())
}

/// Whether at most half of the values are the first of their kind; true of types that are not looked at. What lies in the
/// place of a null is no value.
fn repeats(column: &dyn Array) -> bool {
    match column.data_type() {
        DataType::Utf8View => recur(column.as_string_view().iter().flatten().map(str::as_bytes)),
        DataType::BinaryView => recur(column.as_binary_view().iter().flatten()),
        kind if kind.is_primitive() => {
            let (data, width) = (column.to_data(), kind.primitive_width().unwrap_or(1));
            let values = &data.buffers()[0].as_slice()[data.offset() * width..];
            let is_value = |(row, _): &(usize, _)| column.is_valid(*row);
            let values = values.chunks_exact(width).take(column.len()).enumerate().filter(is_value);
            recur(values.map(|(_, value)| value))
        }
        _ => true,
    }
}

fn recur<'a>(values: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut hashes: Vec<u64> = values.map(xxh3_64).collect();
    let n_values = hashes.len();
    hashes.sort_unstable();
    hashes.dedup();
    hashes.len() * 2 <= n_values
}
