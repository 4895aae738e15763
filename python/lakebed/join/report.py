"""What a join found at each right table: how many rows matched, why others did not, how old the matches are."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from lakebed.errors import ColumnNotFoundError
from lakebed.join.durations import duration_text

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class SideReport:
    """What became of the left rows at one right table.

    A left row matched, or one of expired, future only, not yet known, unknown key and null tells why it did not.

    Attributes:
        name: Name of the right table.
        n_rows: Left rows.
        n_matched: Rows that found a right row; for windows, an event in at least one of them.
        n_expired: Rows whose nearest right row lay outside of the tolerance or of every window.
        n_future_only: Rows of whose key there were right rows, but all on the wrong side of their time.
        n_not_yet_known: Rows that would have found a right row, had it been created in time.
        n_unknown_key: Rows of whose key there was no right row.
        n_null: Rows with a null key or time.
        n_ties: Matched rows for which several right rows had the same key and time; a part of `n_matched`.
        ages_ns: Age of the matches in nanoseconds by share of the matches, within 1/128 of its value; None without any.

    Example:
        >>> report = SideReport("prices", 4, 3, 1, 0, 0, 0, 0, 0, {0.5: 3_600_000_000_000})
        >>> report.match_rate, report.expired_share, report.age(0.5), report.to_dict()["n_expired"]
        (0.75, 0.25, datetime.timedelta(seconds=3600), 1)
    """

    name: str
    n_rows: int
    n_matched: int
    n_expired: int
    n_future_only: int
    n_not_yet_known: int
    n_unknown_key: int
    n_null: int
    n_ties: int
    ages_ns: Mapping[float, int | None]

    @property
    def match_rate(self) -> float:
        """Share of the left rows that matched; 0 without rows."""
        return self.n_matched / self.n_rows if self.n_rows else 0.0

    @property
    def expired_share(self) -> float:
        """Share of the left rows whose nearest right row was too far away; 0 without rows."""
        return self.n_expired / self.n_rows if self.n_rows else 0.0

    @property
    def future_only_share(self) -> float:
        """Share of the left rows that found right rows on the wrong side of their time only; 0 without rows."""
        return self.n_future_only / self.n_rows if self.n_rows else 0.0

    def age(self, share: float = 0.5) -> dt.timedelta | None:
        """Tell how old matches are.

        Args:
            share: One of the keys of `ages_ns`: 0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99 or 1.

        Returns:
            The age that this share of the matches does not exceed; None without a match.

        Raises:
            ColumnNotFoundError: Another share.
        """
        if share not in self.ages_ns:
            raise ColumnNotFoundError(f"no age is kept for the share {share}; there are {sorted(self.ages_ns)}")
        nanoseconds = self.ages_ns[share]
        if nanoseconds is None:
            return None
        return min(nanoseconds // 1_000, dt.timedelta.max // dt.timedelta(microseconds=1)) * dt.timedelta(
            microseconds=1
        )

    def to_dict(self) -> dict[str, Any]:
        """Give all figures.

        Returns:
            Counts, shares and ages by name.
        """
        counts = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "ages_ns"}
        shares = {name: getattr(self, name) for name in ("match_rate", "expired_share", "future_only_share")}
        return {**counts, **shares, "ages_ns": dict(self.ages_ns)}


@dataclass(frozen=True)
class JoinReport:
    """What a join found at all right tables, in their order.

    Attributes:
        sides: One report for each right table; of a join of a reader, about the rows that were read so far,
            of a lazy frame, about those of the last time that it was collected.
        spilled_bytes: Bytes that were written to temporary files because of `memory_limit`; not counted for a lazy
            frame.

    Example:
        >>> import datetime as dt, polars as pl, lakebed as lb
        >>> day = [dt.datetime(2013, 1, d) for d in (1, 2, 9)]
        >>> left = pl.DataFrame({"t": day, "k": ["a", "a", "a"]})
        >>> right = pl.DataFrame({"t": day[:1], "k": ["a"], "v": [1]})
        >>> report = lb.asof_join(left, right, on="t", by="k", tolerance="2d", report=True).report
        >>> report[0].n_matched, report[0].n_expired, len(report), report.to_polars().height
        (2, 1, 1, 1)
        >>> report.to_dict()["sides"][0]["match_rate"] == report[0].to_dict()["match_rate"]
        True
    """

    sides: Sequence[SideReport]
    spilled_bytes: int = 0

    def __getitem__(self, side: int | str) -> SideReport:
        if isinstance(side, int):
            return self.sides[side]
        for report in self.sides:
            if report.name == side:
                return report
        known = ", ".join(repr(report.name) for report in self.sides)
        raise ColumnNotFoundError(f"no right table is called {side!r}; there are {known}")

    def __iter__(self) -> Iterator[SideReport]:
        return iter(self.sides)

    def __len__(self) -> int:
        return len(self.sides)

    def to_dict(self) -> dict[str, Any]:
        """Give all figures.

        Returns:
            Plain values that JSON can hold, keys of the ages aside.
        """
        return {"sides": [side.to_dict() for side in self.sides], "spilled_bytes": self.spilled_bytes}

    def to_polars(self) -> pl.DataFrame:
        """Give one row for each right table.

        Returns:
            Counts, shares and ages (durations) by column.
        """
        import polars as pl

        rows = []
        for side in self.sides:
            row = side.to_dict()
            del row["ages_ns"]
            ages = {f"age_p{round(share * 100)}": side.age(share) for share in side.ages_ns}
            rows.append({**row, **ages})
        return pl.DataFrame(rows)

    def __repr__(self) -> str:
        lines = [_line(side) for side in self.sides]
        return "\n".join(["JoinReport", *lines])


def _line(side: SideReport) -> str:
    reasons = {
        "expired": side.n_expired,
        "future only": side.n_future_only,
        "not yet known": side.n_not_yet_known,
        "unknown key": side.n_unknown_key,
        "null key or time": side.n_null,
        "ties": side.n_ties,
    }
    median = side.ages_ns.get(0.5)
    age = "" if median is None else f", median age {_shown(median)}"
    found = "".join(f", {count:,} {reason}" for reason, count in reasons.items() if count)
    return f"  {side.name}: {side.n_matched:,} of {side.n_rows:,} rows matched ({side.match_rate:.1%}){age}{found}"


def _shown(age_ns: int) -> str:
    """An age in its two largest units, since it is known within 1/128 of its value only."""
    return "".join(re.findall(r"[0-9]+[a-z]+", duration_text(age_ns))[:2])


class Joined(NamedTuple):
    """A joined table with its report.

    Attributes:
        data: The table.
        report: What was found at each right table.

    Example:
        >>> Joined(data=[], report=JoinReport(())).report
        JoinReport
    """

    data: Any
    report: JoinReport


class _Sides(Sequence[SideReport]):
    """Reports on a join that goes on while its result is read: what is known when somebody looks."""

    def __init__(self, look: Callable[[], tuple[SideReport, ...]]) -> None:
        self._look = look

    def __getitem__(self, at: Any) -> Any:
        return self._look()[at]

    def __len__(self) -> int:
        return len(self._look())

    def __repr__(self) -> str:
        return repr(self._look())


def latest(look: Callable[[], JoinReport]) -> JoinReport:
    """Make a report that tells what another one does at the time when somebody looks.

    Args:
        look: Gives the other one.

    Returns:
        The report.

    Example:
        >>> latest(lambda: JoinReport(()))
        JoinReport
    """
    return JoinReport(_Sides(lambda: tuple(look().sides)))


def to_report(
    names: Sequence[str],
    counts: Callable[[], list[dict[str, Any]]],
    spilled_bytes: int = 0,
    *,
    goes_on: bool = False,
) -> JoinReport:
    """Make a report of what the core counted.

    Args:
        names: Name of each right table.
        counts: Gives the counts of each.
        spilled_bytes: Bytes in temporary files.
        goes_on: Whether the join goes on while its result is read.

    Returns:
        The report.

    Example:
        >>> to_report([], list)
        JoinReport
    """

    def look() -> tuple[SideReport, ...]:
        found = zip(names, counts(), strict=True)
        return tuple(SideReport(name=name, **{**one, "ages_ns": dict(one["ages_ns"])}) for name, one in found)

    return JoinReport(_Sides(look) if goes_on else look(), spilled_bytes)
