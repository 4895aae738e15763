"""What a check of stored bytes against their recorded hashes found, and what gc removed. Plain values."""

from __future__ import annotations

from collections.abc import Iterable
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
        unreferenced: Name and bytes of files that no version refers to, as writers leave them that were cut off; they
            are no problem, and `gc` removes them. Told only where the whole warehouse was checked and nothing is wrong.
        quarantined: New names of damaged files that a repair moved aside.

    Example:
        >>> report = VerifyReport(3) + VerifyReport(1, (Problem("a", "is missing", "11", "nothing"),))
        >>> report.n_checked, report.ok
        (4, False)
    """

    n_checked: int
    problems: tuple[Problem, ...] = field(default=())
    unreferenced: tuple[tuple[str, int], ...] = field(default=())
    quarantined: tuple[str, ...] = field(default=())

    @classmethod
    def from_core(
        cls,
        checked: tuple[int, list[tuple[str, str, str, str]]],
        unreferenced: Iterable[tuple[str, int]] = (),
        quarantined: Iterable[str] = (),
    ) -> VerifyReport:
        """Wrap what the core returns.

        Args:
            checked: Number checked, and (path, problem, expected, found) of each problem.
            unreferenced: Name and bytes of files that no version refers to.
            quarantined: New names of files that were moved aside.

        Returns:
            The report.

        Example:
            >>> VerifyReport.from_core((2, [])).ok
            True
        """
        n_checked, problems = checked
        found = tuple(Problem(*problem) for problem in problems)
        return cls(n_checked, found, tuple(unreferenced), tuple(quarantined))

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
        return VerifyReport(
            self.n_checked + other.n_checked,
            self.problems + other.problems,
            self.unreferenced + other.unreferenced,
            self.quarantined + other.quarantined,
        )

    def __str__(self) -> str:
        wrong = "nothing wrong" if self.ok else f"{len(self.problems)} wrong"
        moved = f", {len(self.quarantined)} moved to quarantine/" if self.quarantined else ""
        return f"{self.n_checked} objects checked, {wrong}{moved}"


@dataclass(frozen=True, slots=True)
class GcReport:
    """What `gc` removed, or would remove.

    Args:
        files: Name and bytes of each file, in byte order.
        n_kept: Files that a version refers to, or that are newer than the grace.
        dry_run: Whether nothing was removed.

    Example:
        >>> report = GcReport((("packs/a.pack", 10), ("staging/b", 5)), 7, dry_run=True)
        >>> report.n_files, report.size_bytes, str(report)
        (2, 15, '2 files of 15 bytes would be removed, 7 are kept')
    """

    files: tuple[tuple[str, int], ...]
    n_kept: int
    dry_run: bool = False

    @property
    def n_files(self) -> int:
        """Number of the files.

        Example:
            >>> GcReport((), 0).n_files
            0
        """
        return len(self.files)

    @property
    def size_bytes(self) -> int:
        """Bytes of the files together.

        Example:
            >>> GcReport((), 0).size_bytes
            0
        """
        return sum(size for _, size in self.files)

    def __str__(self) -> str:
        done = "would be removed" if self.dry_run else "removed"
        return f"{self.n_files} files of {self.size_bytes:,} bytes {done}, {self.n_kept} are kept"
