//! Walks over the values of an array that are not null.

use arrow_array::cast::AsArray;
use arrow_array::types::{ByteArrayType, ByteViewType};
use arrow_array::{Array, ArrayRef, GenericByteArray, GenericByteViewArray};
use arrow_buffer::{ArrowNativeType, NullBuffer};
use arrow_schema::DataType;

use super::texts::CHUNK;
use crate::sketch::Text;

/// Bytes of a text that stand in its view.
const INLINE: usize = 12;

/// Call `f` with each run of rows that are not null.
#[inline]
pub(super) fn for_each_run(nulls: Option<&NullBuffer>, len: usize, mut f: impl FnMut(usize, usize)) {
    match nulls.filter(|nulls| nulls.null_count() > 0) {
        Some(nulls) => nulls.valid_slices().for_each(|(start, end)| f(start, end)),
        None => f(0, len),
    }
}

/// Call `f` with all texts or byte strings that are not null, some at a time.
pub(super) fn for_each_chunk(array: &ArrayRef, f: impl FnMut(&[Text<'_>])) {
    match array.data_type() {
        DataType::Utf8 => strings_by_chunk(array.as_string::<i32>(), f),
        DataType::LargeUtf8 => strings_by_chunk(array.as_string::<i64>(), f),
        DataType::Binary => strings_by_chunk(array.as_binary::<i32>(), f),
        DataType::LargeBinary => strings_by_chunk(array.as_binary::<i64>(), f),
        DataType::Utf8View => views_by_chunk(array.as_string_view(), f),
        DataType::BinaryView => views_by_chunk(array.as_binary_view(), f),
        DataType::FixedSizeBinary(_) => {
            let array = array.as_fixed_size_binary();
            by_chunk(array, |at| Text::of(array.value(at)), f);
        }
        _ => {}
    }
}

fn strings_by_chunk<T: ByteArrayType>(array: &GenericByteArray<T>, f: impl FnMut(&[Text<'_>])) {
    let (offsets, bytes) = (array.value_offsets(), array.value_data());
    by_chunk(array, |at| Text::within(bytes, offsets[at].as_usize(), offsets[at + 1].as_usize()), f);
}

fn views_by_chunk<T: ByteViewType + ?Sized>(array: &GenericByteViewArray<T>, f: impl FnMut(&[Text<'_>])) {
    let views = array.views();
    let text = |at: usize| {
        let value: &[u8] = array.value(at).as_ref();
        // The lowest word is the length; what fits follows it.
        if value.len() <= INLINE { Text::new(value, views[at] >> 32) } else { Text::of(value) }
    };
    by_chunk(array, text, f);
}

fn by_chunk<'a>(array: &dyn Array, text: impl Fn(usize) -> Text<'a>, mut f: impl FnMut(&[Text<'_>])) {
    let mut chunk = [Text::EMPTY; CHUNK];
    let mut n = 0;
    for_each_run(array.nulls(), array.len(), |start, end| {
        for at in start..end {
            chunk[n % CHUNK] = text(at);
            n += 1;
            if n == CHUNK {
                f(&chunk);
                n = 0;
            }
        }
    });
    if n > 0 {
        f(&chunk[..n]);
    }
}

/// Call `f` with each text or byte string that is not null.
pub(super) fn for_each_bytes(array: &ArrayRef, mut f: impl FnMut(&[u8])) {
    match array.data_type() {
        DataType::Utf8 => for_each_string(array.as_string::<i32>(), f),
        DataType::LargeUtf8 => for_each_string(array.as_string::<i64>(), f),
        DataType::Binary => for_each_string(array.as_binary::<i32>(), f),
        DataType::LargeBinary => for_each_string(array.as_binary::<i64>(), f),
        DataType::Utf8View => for_each_view(array.as_string_view(), f),
        DataType::BinaryView => for_each_view(array.as_binary_view(), f),
        DataType::FixedSizeBinary(_) => array.as_fixed_size_binary().iter().flatten().for_each(&mut f),
        _ => {}
    }
}

fn for_each_string<T: ByteArrayType>(array: &GenericByteArray<T>, mut f: impl FnMut(&[u8])) {
    let (offsets, bytes) = (array.value_offsets(), array.value_data());
    for_each_run(array.nulls(), array.len(), |start, end| {
        for ends in offsets[start..=end].windows(2) {
            f(&bytes[ends[0].as_usize()..ends[1].as_usize()]);
        }
    });
}

fn for_each_view<T: ByteViewType + ?Sized>(array: &GenericByteViewArray<T>, mut f: impl FnMut(&[u8])) {
    for_each_run(array.nulls(), array.len(), |start, end| {
        for at in start..end {
            f(AsRef::<[u8]>::as_ref(array.value(at)));
        }
    });
}
