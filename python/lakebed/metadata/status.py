"""The status errors of ML Metadata: one class for each code of `absl::Status`, with the message and the code.

Every method of `lakebed.ml_metadata` reports with these. Opening a store reports with plain `RuntimeError`, as ML
Metadata does. The codes are those of gRPC.
"""

from __future__ import annotations

OK = 0
CANCELLED = 1
UNKNOWN = 2
INVALID_ARGUMENT = 3
DEADLINE_EXCEEDED = 4
NOT_FOUND = 5
ALREADY_EXISTS = 6
PERMISSION_DENIED = 7
RESOURCE_EXHAUSTED = 8
FAILED_PRECONDITION = 9
ABORTED = 10
OUT_OF_RANGE = 11
UNIMPLEMENTED = 12
INTERNAL = 13
UNAVAILABLE = 14
DATA_LOSS = 15
UNAUTHENTICATED = 16


class StatusError(Exception):
    """A method failed.

    Attributes:
        message: What was asked, what was found and what to do.
        error_code: Number of the status.
    """

    def __init__(self, message: str, error_code: int) -> None:
        """Keep both."""
        super().__init__(message)
        self.message = message
        self.error_code = error_code

    def __reduce__(self) -> tuple[type[StatusError], tuple[object, ...]]:
        if type(self) is StatusError:
            return (StatusError, (self.message, self.error_code))
        return (type(self), (self.message,))


class CancelledError(StatusError):
    """The call was cancelled."""

    def __init__(self, message: str) -> None:
        """Set the code."""
        super().__init__(message, CANCELLED)


class UnknownError(StatusError):
    """The reason is not known."""

    def __init__(self, message: str, error_code: int = UNKNOWN) -> None:
        """Set the code."""
        super().__init__(message, error_code)


class InvalidArgumentError(StatusError):
    """An argument is wrong whatever the store holds, or does not fit what it holds."""

    def __init__(self, message: str) -> None:
        """Set the code."""
        super().__init__(message, INVALID_ARGUMENT)


class DeadlineExceededError(StatusError):
    """The call took too long."""

    def __init__(self, message: str) -> None:
        """Set the code."""
        super().__init__(message, DEADLINE_EXCEEDED)


class NotFoundError(StatusError):
    """Something that was named is not in the store."""

    def __init__(self, message: str) -> None:
        """Set the code."""
        super().__init__(message, NOT_FOUND)


class AlreadyExistsError(StatusError):
    """What was to be created is in the store already."""

    def __init__(self, message: str) -> None:
        """Set the code."""
        super().__init__(message, ALREADY_EXISTS)


class PermissionDeniedError(StatusError):
    """The caller may not do that."""

    def __init__(self, message: str) -> None:
        """Set the code."""
        super().__init__(message, PERMISSION_DENIED)


class UnauthenticatedError(StatusError):
    """The caller is not known."""

    def __init__(self, message: str) -> None:
        """Set the code."""
        super().__init__(message, UNAUTHENTICATED)


class ResourceExhaustedError(StatusError):
    """A limit was reached."""

    def __init__(self, message: str) -> None:
        """Set the code."""
        super().__init__(message, RESOURCE_EXHAUSTED)


class FailedPreconditionError(StatusError):
    """The store is not in the state that the call needs."""

    def __init__(self, message: str) -> None:
        """Set the code."""
        super().__init__(message, FAILED_PRECONDITION)


class AbortedError(StatusError):
    """Another writer was in the way; the same call may succeed later."""

    def __init__(self, message: str) -> None:
        """Set the code."""
        super().__init__(message, ABORTED)


class OutOfRangeError(StatusError):
    """An index points outside of what was given."""

    def __init__(self, message: str) -> None:
        """Set the code."""
        super().__init__(message, OUT_OF_RANGE)


class UnimplementedError(StatusError):
    """Not supported."""

    def __init__(self, message: str) -> None:
        """Set the code."""
        super().__init__(message, UNIMPLEMENTED)


class InternalError(StatusError):
    """The database refused, or holds what it should not."""

    def __init__(self, message: str) -> None:
        """Set the code."""
        super().__init__(message, INTERNAL)


class UnavailableError(StatusError):
    """The database cannot be reached at present."""

    def __init__(self, message: str) -> None:
        """Set the code."""
        super().__init__(message, UNAVAILABLE)


class DataLossError(StatusError):
    """Stored bytes are not what was written."""

    def __init__(self, message: str) -> None:
        """Set the code."""
        super().__init__(message, DATA_LOSS)


_CLASSES: dict[int, type[StatusError]] = {
    CANCELLED: CancelledError,
    UNKNOWN: UnknownError,
    INVALID_ARGUMENT: InvalidArgumentError,
    DEADLINE_EXCEEDED: DeadlineExceededError,
    NOT_FOUND: NotFoundError,
    ALREADY_EXISTS: AlreadyExistsError,
    PERMISSION_DENIED: PermissionDeniedError,
    UNAUTHENTICATED: UnauthenticatedError,
    RESOURCE_EXHAUSTED: ResourceExhaustedError,
    FAILED_PRECONDITION: FailedPreconditionError,
    ABORTED: AbortedError,
    OUT_OF_RANGE: OutOfRangeError,
    UNIMPLEMENTED: UnimplementedError,
    INTERNAL: InternalError,
    UNAVAILABLE: UnavailableError,
    DATA_LOSS: DataLossError,
}


def exception_type_from_error_code(error_code: int) -> type[StatusError]:
    """Return the class of a status.

    Args:
        error_code: Its number.

    Returns:
        The class.

    Raises:
        KeyError: There is no error of that number.

    Example:
        >>> exception_type_from_error_code(5).__name__
        'NotFoundError'
    """
    return _CLASSES[error_code]


def make_exception(message: str, error_code: int) -> StatusError:
    """Return the error of a status.

    Args:
        message: Its text.
        error_code: Its number.

    Returns:
        The error; an `UnknownError` for a number that is none.

    Example:
        >>> make_exception("gone", 5)
        NotFoundError('gone')
    """
    found = _CLASSES.get(error_code)
    if found is None:
        return UnknownError(message, error_code)
    return found(message)  # type: ignore[call-arg]
