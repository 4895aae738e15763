"""What a check of stored bytes against their recorded hashes found. Plain values; nothing is repaired here."""

from __future__ import annotations

from dataclasses import dataclass, field

from lakebed.errors import VerificationError


@dataclass(frozen=True, slots=True)
class Problem:
    """A stored file that is not what was written.

    Args:
        path: The file, relative to the warehouse.
        problem: What is wrong with it.
        expected: The hash or state that was recorded.
        found: The hash or state that is there.

    Example:
        >>> str(Problem("lake/ab/cd", "the hash does not match", "11", "22"))
        'lake/ab/cd: the hash does not match (expected 11, found 22)'
    """

    path: str
    problem: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.path}: {self.problem} (expected {self.expected}, found {self.found})"


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """How many objects and files were read and hashed, and which of them are not what was written.

    Args:
        n_checked: Objects and files that were looked at.
        problems: Those that are damaged or missing, in the order in which they were found.

    Example:
        >>> report = VerifyReport(3) + VerifyReport(1, (Problem("a", "is missing", "11", "nothing"),))
        >>> report.n_checked, report.ok
        (4, False)
    """

    n_checked: int
    problems: tuple[Problem, ...] = field(default=())

    @classmethod
    def from_core(cls, checked: tuple[int, list[tuple[str, str, str, str]]]) -> VerifyReport:
        """Wrap what the core returns.

        Args:
            checked: Number checked, and (path, problem, expected, found) of each problem.

        Returns:
            The report.

        Example:
            >>> VerifyReport.from_core((2, [])).ok
            True
        """
        n_checked, problems = checked
        return cls(n_checked, tuple(Problem(*problem) for problem in problems))

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong.

        Example:
            >>> VerifyReport(3).ok
            True
        """
        return not self.problems

    def assert_ok(self) -> None:
        """Raise if something is wrong.

        Raises:
            VerificationError: Names every file with the expected and the found hash.

        Example:
            >>> VerifyReport(3).assert_ok()
        """
        if self.problems:
            listed = "\n".join(f"  {problem}" for problem in self.problems)
            message = f"{len(self.problems)} of {self.n_checked} stored objects are not what was written:\n{listed}"
            raise VerificationError(message)

    def __add__(self, other: VerifyReport) -> VerifyReport:
        return VerifyReport(self.n_checked + other.n_checked, self.problems + other.problems)

    def __str__(self) -> str:
        if self.ok:
            return f"{self.n_checked} objects checked, nothing wrong"
        return f"{self.n_checked} objects checked, {len(self.problems)} wrong"
