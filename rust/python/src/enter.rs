//! The one gate into the core: release the interpreter lock, map errors to the classes of `lakebed.errors`.

use std::io::ErrorKind;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lakebed_core::Error;
use pyo3::exceptions::{PyKeyboardInterrupt, PyRuntimeError};
use pyo3::prelude::*;

/// How often somebody who waits looks whether the user wants to stop.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Run `work` without the interpreter lock.
pub(crate) fn enter<T: Send>(py: Python<'_>, work: impl FnOnce() -> lakebed_core::Result<T> + Send) -> PyResult<T> {
    py.detach(work).map_err(|error| to_python(py, &error))
}

/// Run long `work` without the interpreter lock on a thread of its own. Meanwhile `watch` is called now and then, with
/// the lock: what it raises, and the user's Ctrl-C, make `stop` end the work.
pub(crate) fn enter_watched<T: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> lakebed_core::Result<T> + Send,
    stop: impl Fn(),
    watch: impl Fn(Python<'_>) -> PyResult<()>,
) -> PyResult<T> {
    std::thread::scope(|scope| {
        let (sender, receiver) = channel();
        scope.spawn(move || sender.send(work()));
        match wait(py, &Mutex::new(receiver), &stop, &watch)? {
            Some(outcome) => outcome.map_err(|error| to_python(py, &error)),
            None => Err(PyRuntimeError::new_err("the kernel ended without a result; please report this")),
        }
    })
}

/// What comes through `receiver`; what was raised meanwhile, once the work has ended for that. The lock is never held while
/// waiting: the work may be in a reader that needs the interpreter.
fn wait<T: Send>(
    py: Python<'_>,
    receiver: &Mutex<Receiver<T>>,
    stop: &impl Fn(),
    watch: &impl Fn(Python<'_>) -> PyResult<()>,
) -> PyResult<Option<T>> {
    loop {
        match py.detach(|| lock(receiver).recv_timeout(LOOK_EVERY)) {
            Ok(outcome) => return Ok(Some(outcome)),
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) => {
                if let Err(raised) = py.check_signals().and_then(|()| watch(py)) {
                    stop();
                    drop(py.detach(|| lock(receiver).recv()));
                    return Err(raised);
                }
            }
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The exception for a failure of the core.
pub(crate) fn to_python(py: Python<'_>, error: &Error) -> PyErr {
    if is_interrupt(error) {
        return PyKeyboardInterrupt::new_err(());
    }
    let raised = py
        .import("lakebed.errors")
        .and_then(|module| module.getattr(class_name(error)))
        .and_then(|class| class.call1((error.to_string(),)));
    match raised {
        Ok(exception) => PyErr::from_value(exception),
        Err(failed) => failed,
    }
}

/// Whether Ctrl-C came while a source that is written in Python made its next batch: of what was raised there an Arrow
/// stream carries the text only.
fn is_interrupt(error: &Error) -> bool {
    matches!(error, Error::Arrow(source) if source.to_string().lines().any(|line| line.trim() == "KeyboardInterrupt"))
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
