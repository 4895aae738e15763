"""Every error that Lakebed raises: one class for each situation that a caller can act on.

The tree::

    LakebedError
    ├── NotAWarehouseError          the folder holds something else
    ├── FormatVersionError          written by a newer Lakebed
    ├── CorruptionError             stored bytes are not what was written
    ├── UnwritableError             (also PermissionError) the folder cannot be written
    ├── StorageError                (also OSError) the operating system refused
    ├── NotFoundError               (also LookupError)
    │   ├── TableNotFoundError
    │   ├── ColumnNotFoundError
    │   ├── VersionNotFoundError    branch, tag, commit, timestamp
    │   ├── ObjectNotFoundError     raw file of the lake
    │   ├── EnvironmentNotFoundError
    │   ├── SchemaNotFoundError     the table has no expectations
    │   ├── FeatureNotFoundError     entity, feature view, feature
    │   └── RecordNotFoundError     artifact, execution, context
    ├── AmbiguousNameError          a name or prefix that matches several things
    ├── InvalidNameError            (also ValueError)
    ├── InvalidColumnsError         (also ValueError) duplicate or empty column names
    ├── InvalidArgumentError        (also ValueError)
    ├── ColumnExistsError           (also ValueError) a column or field of that name is there
    ├── EvolutionError              (also ValueError) a change of columns that table or rows contradict
    │   └── NarrowingError          a narrower type that was asked for without saying so
    ├── LayoutError                 (also ValueError) no such column to sort or bucket by, or it would be gone
    ├── KeyColumnError              (also ValueError) the key of an upsert or merge tells no rows apart
    │   ├── DuplicateKeyError       several rows of the source have one key
    │   └── NullKeyError            a key of the source is null
    ├── SchemaMismatchError         (also TypeError) a frame that does not fit its table
    │   └── NullValueError          a null in a column that may not be null
    ├── UnsupportedTypeError        (also TypeError) an Arrow type that the format cannot hold
    ├── TimeColumnError             (also ValueError) missing or not a time
    ├── SqlError                    (also ValueError)
    │   ├── SqlSyntaxError          with line and column
    │   └── SqlUnsupportedError
    ├── ReadOnlyError
    ├── FileSystemError             it cannot do what a commit stands on
    ├── RefExistsError              the tag or branch exists already
    ├── TableExistsError            a table of that name is there already
    ├── NotABranchError             a write to a tag, which never moves
    ├── ExpiredTransactionError     begun longer ago than gc keeps unreferenced files
    ├── ForkedTransactionError      a transaction begun before a fork, used after it
    ├── WriteConflictError          two transactions changed the same thing
    ├── StoreFailedError            an earlier sync failed; writes are refused
    ├── OutcomeUnknownError         a commit may or may not be there
    ├── AnomaliesFoundError         `assert_valid()` found anomalies
    │   └── GateRefusedError        a gate refused a commit; the table is unchanged
    ├── VerificationError           stored inputs are not what was recorded
    └── RecordExistsError           an artifact, execution or context of that name exists
"""

from __future__ import annotations

from typing import Any


class LakebedError(Exception):
    """Base of all errors of Lakebed."""


class NotAWarehouseError(LakebedError):
    """The folder exists but holds no warehouse."""


class FormatVersionError(LakebedError):
    """The warehouse was written by a newer version of Lakebed."""


class CorruptionError(LakebedError):
    """Stored bytes are not what was written."""


class UnwritableError(LakebedError, PermissionError):
    """The folder cannot be written."""


class StorageError(LakebedError, OSError):
    """The operating system refused."""


class NotFoundError(LakebedError, LookupError):
    """Something that was named does not exist."""


class TableNotFoundError(NotFoundError):
    """No table of that name at this version."""


class ColumnNotFoundError(NotFoundError):
    """No column of that name."""


class VersionNotFoundError(NotFoundError):
    """No branch, tag, commit or time matches."""


class ObjectNotFoundError(NotFoundError):
    """No raw file of that path in the lake."""


class EnvironmentNotFoundError(NotFoundError):
    """The schema does not declare that environment."""


class SchemaNotFoundError(NotFoundError):
    """No expectations are set for the table."""


class FeatureNotFoundError(NotFoundError):
    """No entity, feature view or feature of that name."""


class RecordNotFoundError(NotFoundError):
    """No artifact, execution, context or type matches."""


class AmbiguousNameError(LakebedError):
    """A name or prefix matches several things."""


class InvalidNameError(LakebedError, ValueError):
    """A name breaks the rule for its kind."""


class InvalidColumnsError(LakebedError, ValueError):
    """Column names are duplicate or empty."""


class ColumnExistsError(LakebedError, ValueError):
    """The table has a column or field of that name already."""


class EvolutionError(LakebedError, ValueError):
    """A table or its rows contradict a change of its columns; nothing was changed."""


class NarrowingError(EvolutionError):
    """A type that does not hold all values of the present one was asked for without saying so."""


class LayoutError(LakebedError, ValueError):
    """A table cannot be sorted or bucketed by such columns, or they would be gone."""


class KeyColumnError(LakebedError, ValueError):
    """The key of an upsert or merge does not tell rows apart."""


class DuplicateKeyError(KeyColumnError):
    """Several rows of a source, or of the table, have one key."""


class NullKeyError(KeyColumnError):
    """A key of a source is null."""


class InvalidArgumentError(LakebedError, ValueError):
    """An argument is out of its range."""


class SchemaMismatchError(LakebedError, TypeError):
    """A frame does not fit the table, or two sides of a join do not fit each other."""


class NullValueError(SchemaMismatchError):
    """A null in a column that may not be null."""


class UnsupportedTypeError(LakebedError, TypeError):
    """An Arrow type that the format cannot hold."""


class TimeColumnError(LakebedError, ValueError):
    """The time column is missing or holds no time."""


class SqlError(LakebedError, ValueError):
    """A SQL statement cannot be run."""


class SqlSyntaxError(SqlError):
    """A SQL statement cannot be parsed.

    Attributes:
        line: 1-based line of the problem, None where unknown.
        column: 1-based column of the problem, None where unknown.
    """

    def __init__(self, message: str, *, line: int | None = None, column: int | None = None) -> None:
        """Keep the position beside the message."""
        super().__init__(message)
        self.line = line
        self.column = column


class SqlUnsupportedError(SqlError):
    """A SQL statement is valid but not supported."""


class ReadOnlyError(LakebedError):
    """The warehouse was opened read-only."""


class RefExistsError(LakebedError):
    """The tag or branch exists already."""


class TableExistsError(LakebedError):
    """A table of that name is there already."""


class NotABranchError(LakebedError):
    """A write to a tag, which never moves."""


class FileSystemError(LakebedError):
    """The file system cannot do what a commit stands on."""


class ExpiredTransactionError(LakebedError):
    """A transaction was begun longer ago than gc keeps unreferenced files, so its own may be gone."""


class ForkedTransactionError(LakebedError):
    """A transaction that was begun before a fork is used in the child, where only its parent may end it."""


class WriteConflictError(LakebedError):
    """Two transactions changed the same thing."""


class StoreFailedError(LakebedError):
    """An earlier sync failed, so writes are refused until the warehouse is opened again."""


class OutcomeUnknownError(LakebedError):
    """A commit may or may not be on disk."""


class AnomaliesFoundError(LakebedError):
    """Data do not meet their schema.

    Attributes:
        anomalies: The `lakebed.Anomalies` that were found.
    """

    def __init__(self, message: str, anomalies: Any = None) -> None:
        """Keep the anomalies beside the message."""
        super().__init__(message)
        self.anomalies = anomalies


class GateRefusedError(AnomaliesFoundError):
    """A gate refused a commit; nothing was changed."""


class VerificationError(LakebedError):
    """Stored inputs are not what was recorded."""


class RecordExistsError(LakebedError):
    """An artifact, execution, context or type of that name exists already."""
