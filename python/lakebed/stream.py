"""Frames that come one after another, as the one Arrow stream that the core reads. Each is seen once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lakebed.errors import InvalidArgumentError, SchemaMismatchError
from lakebed.typing import ArrowStreamExportable, Columns, arrow_types, importable

if TYPE_CHECKING:
    import pyarrow as pa


class FrameStream:
    """An iterable of Arrow-speaking frames as one stream of batches. It can be read once.

    Args:
        frames: At least one frame; the columns of the first are those of the stream. The next one is asked for when
            the one before it has been read, so that one frame at a time is in memory.

    Attributes:
        raised: What the iterable raised, which has no place in an Arrow stream; None if nothing.

    Raises:
        InvalidArgumentError: There is no frame, so that the columns are not known.
        TypeError: Something that is no frame.

    Example:
        >>> import polars as pl, pyarrow as pa
        >>> stream = FrameStream(pl.DataFrame({"x": [i]}) for i in range(3))
        >>> pa.table(stream)["x"].to_pylist()
        [0, 1, 2]
    """

    def __init__(self, frames: Iterable[Any]) -> None:
        self._frames = iter(frames)
        self._kind = type(frames).__name__
        self.raised: BaseException | None = None
        try:
            self._first = _batches(next(self._frames), self._kind)
        except StopIteration:
            hint = "pass at least one frame, which may have no rows"
            raise InvalidArgumentError(f"an empty iterable has no columns; {hint}") from None

    @property
    def schema(self) -> pa.Schema:
        """The columns of the first frame."""
        return self._first.schema

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any:
        import pyarrow as pa

        reader = pa.RecordBatchReader.from_batches(self._first.schema, self._read())
        return reader.__arrow_c_stream__(requested_schema)

    def _read(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._first
            for number, frame in enumerate(self._frames, start=2):
                yield from _conform(_batches(frame, self._kind), self._first.schema, number)
        except BaseException as error:
            self.raised = error
            raise


def readable(frame: Any) -> Any:
    """Give a frame, or an iterable of frames, in a form that the core can read.

    Args:
        frame: Anything that speaks Arrow; a Polars lazy frame; or an iterable of such, for instance a generator.

    Returns:
        The frame itself wherever that is possible.

    Raises:
        InvalidArgumentError: An iterable without a frame.

    Example:
        >>> import polars as pl
        >>> type(readable(pl.DataFrame({"a": [1]}))).__name__, type(readable([pl.DataFrame({"a": [1]})])).__name__
        ('DataFrame', 'FrameStream')
    """
    stream = streamed(frame)
    return stream if isinstance(stream, FrameStream) else importable(frame)


def streamed(frame: Any) -> Any:
    """Give an iterable of frames as a stream.

    Args:
        frame: Anything that speaks Arrow; a Polars lazy frame; or an iterable of such, for instance a generator.

    Returns:
        A stream of an iterable; anything else as it is.

    Raises:
        InvalidArgumentError: An iterable without a frame.

    Example:
        >>> import polars as pl
        >>> type(streamed(pl.LazyFrame())).__name__, type(streamed(iter([pl.DataFrame({"a": [1]})]))).__name__
        ('LazyFrame', 'FrameStream')
    """
    speaks = hasattr(frame, "__arrow_c_stream__") or hasattr(frame, "__arrow_c_array__")
    if speaks or not isinstance(frame, Iterable) or isinstance(frame, (str, bytes, dict)):
        return frame
    return FrameStream(frame)


def batches_of(source: Any, reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """Read the batches of what `readable` gave.

    Args:
        source: What it gave.
        reader: The stream of it.

    Yields:
        Its batches.

    Raises:
        InvalidArgumentError: The source failed, and all that is known is the text of it.
        BaseException: What an iterable of frames raised, or Ctrl-C within a source that is written in Python.

    Example:
        >>> import polars as pl, pyarrow as pa
        >>> source = readable(pl.DataFrame({"a": [1]}) for _ in range(2))
        >>> [batch.num_rows for batch in batches_of(source, pa.RecordBatchReader.from_stream(source))]
        [1, 1]
    """
    import pyarrow as pa

    try:
        yield from reader
    except (pa.ArrowException, OSError) as error:
        if isinstance(source, FrameStream) and source.raised is not None:
            raise source.raised from error
        lines = [line.strip() for line in str(error).split("\n") if line.strip()]
        if "KeyboardInterrupt" in lines:
            raise KeyboardInterrupt from error
        said = lines[-1] if lines else type(error).__name__
        raise InvalidArgumentError(f"the source cannot be read: {said}; mend the source") from error


def arrow_schema(schema: Columns) -> Any:
    """Give a schema in a form that the core can read.

    Args:
        schema: Anything that speaks Arrow's schema protocol, a Polars schema, a mapping of names to Polars types, or a
            table, of which the columns are taken.

    Returns:
        An object that speaks Arrow's schema protocol.

    Raises:
        TypeError: It is nothing of that.

    Example:
        >>> import polars as pl
        >>> arrow_schema({"a": pl.Int64}).names
        ['a']
    """
    if isinstance(schema, Mapping):
        import pyarrow as pa

        return pa.schema(arrow_types(schema).items())
    if hasattr(schema, "__arrow_c_schema__"):
        return schema
    if hasattr(schema, "__arrow_c_stream__") or hasattr(schema, "__arrow_c_array__"):
        return _batches(schema).schema
    hint = "give a pyarrow.Schema, a polars.Schema, a mapping of names to Polars types, or a frame"
    raise TypeError(f"expected the columns of a table, found {type(schema).__name__}; {hint}")


def _batches(frame: Any, place: str = "frame") -> pa.RecordBatchReader:
    import pyarrow as pa

    given = importable(frame)
    if isinstance(given, pa.RecordBatch):
        return pa.RecordBatchReader.from_batches(given.schema, [given])
    if not isinstance(given, ArrowStreamExportable):
        found, hint = f"a {place} with {type(frame).__name__} in it", "pass for instance a polars.DataFrame"
        raise TypeError(f"expected a table that speaks Arrow, or an iterable of such tables, found {found}; {hint}")
    return pa.RecordBatchReader.from_stream(given)


def _conform(batches: pa.RecordBatchReader, schema: pa.Schema, number: int) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    for batch in batches:
        if batch.schema.equals(schema):
            yield batch
            continue
        if batch.schema.names != schema.names:
            found, wanted = ", ".join(batch.schema.names), ", ".join(schema.names)
            raise SchemaMismatchError(
                f"frame {number} has the columns {found}, the first one {wanted}; make them equal"
            )
        try:
            yield batch.cast(schema)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
            message = f"frame {number} does not have the types of the first one: {error}; cast it first"
            raise SchemaMismatchError(message) from error
