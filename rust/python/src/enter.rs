//! The one gate into the core: release the interpreter lock, map errors to the classes of `lakebed.errors`.

use std::io::ErrorKind;

use lakebed_core::Error;
use pyo3::prelude::*;

/// Run `work` without the interpreter lock.
pub(crate) fn enter<T: Send>(py: Python<'_>, work: impl FnOnce() -> lakebed_core::Result<T> + Send) -> PyResult<T> {
    py.detach(work).map_err(|error| to_python(py, &error))
}

/// The exception for a failure of the core.
pub(crate) fn to_python(py: Python<'_>, error: &Error) -> PyErr {
    let raised = py
        .import("lakebed.errors")
        .and_then(|module| module.getattr(class_name(error)))
        .and_then(|class| class.call1((error.to_string(),)));
    match raised {
        Ok(exception) => PyErr::from_value(exception),
        Err(failed) => failed,
    }
}

fn class_name(error: &Error) -> &'static str {
    match error {
        Error::NotAWarehouse { .. } => "NotAWarehouseError",
        Error::FormatVersion { .. } => "FormatVersionError",
        Error::Corruption { .. } => "CorruptionError",
        Error::TableNotFound { .. } => "TableNotFoundError",
        Error::TableExists { .. } => "TableExistsError",
        Error::NotABranch { .. } => "NotABranchError",
        Error::FileSystem { .. } => "FileSystemError",
        Error::ColumnNotFound { .. } => "ColumnNotFoundError",
        Error::VersionNotFound { .. } => "VersionNotFoundError",
        Error::ObjectNotFound { .. } => "ObjectNotFoundError",
        Error::Ambiguous { .. } => "AmbiguousNameError",
        Error::InvalidName { .. } => "InvalidNameError",
        Error::InvalidColumns { .. } => "InvalidColumnsError",
        Error::SchemaMismatch { .. } => "SchemaMismatchError",
        Error::NullValue { .. } => "NullValueError",
        Error::UnsupportedType { .. } => "UnsupportedTypeError",
        Error::TimeColumn { .. } => "TimeColumnError",
        Error::RefExists { .. } => "RefExistsError",
        Error::ColumnExists { .. } => "ColumnExistsError",
        Error::Narrowing { .. } => "NarrowingError",
        Error::Evolution { .. } => "EvolutionError",
        Error::Layout { .. } => "LayoutError",
        Error::WriteConflict { .. } => "WriteConflictError",
        Error::ExpiredTransaction { .. } => "ExpiredTransactionError",
        Error::ReadOnly { .. } => "ReadOnlyError",
        Error::StoreFailed { .. } => "StoreFailedError",
        Error::OutcomeUnknown { .. } => "OutcomeUnknownError",
        Error::InvalidArgument(_) | Error::Arrow(_) => "InvalidArgumentError",
        Error::Io { action, source, .. } => match source.kind() {
            ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::NotADirectory
            | ErrorKind::NotFound
                if !matches!(action.as_str(), "read" | "open" | "list" | "inspect") =>
            {
                "UnwritableError"
            }
            _ => "StorageError",
        },
        // The enum is non-exhaustive: what is new falls back to the base class.
        _ => "LakebedError",
    }
}
