"""How far the columns of two data sets lie apart, and which values or ranges make the difference.

From stored summaries, no row is read. Every kind of column is answered: text and few values one by one, numbers over
the cells that both histograms share. Statistics that were read from a proto are compared by their ranks and buckets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lakebed.errors import ColumnNotFoundError, InvalidArgumentError
from lakebed.schema.feature import nearest
from lakebed.statistics import ColumnStatistics, Statistics
from lakebed.statistics.column import value_of
from lakebed.validation import divergence

if TYPE_CHECKING:
    import polars as pl
    from rich.table import Table

DISTANCES = ("jensen_shannon_divergence", "infinity_norm", "normalized_abs_difference", "kolmogorov_smirnov")
N_EXPLAINED = 10
NUMBERS = {"int", "uint", "float", "decimal"}
HEADER = ("name", "type", "JS divergence", "L-infinity", "difference", "KS", "missing", "what moved most")


@dataclass(frozen=True, kw_only=True)
class Moved:
    """One value, or one range of numbers, on both sides.

    Attributes:
        label: The value, or least and greatest of the range.
        before: Its share of the values before.
        after: Its share of the values after.

    Example:
        >>> Moved(label="JFK", before=0.25, after=0.5).change
        0.25
    """

    label: str
    before: float
    after: float

    @property
    def change(self) -> float:
        """Share after minus share before.

        Example:
            >>> Moved(label="JFK", before=0.5, after=0.25).change
            -0.25
        """
        return self.after - self.before


@dataclass(frozen=True, kw_only=True)
class ColumnDrift:
    """How far one column moved. Nulls are no values: see `missing_before` and `missing_after`.

    Attributes:
        name: Name of the column; members of a struct are named by their path with dots.
        type: Type of the values.
        jensen_shannon_divergence: With logarithms to base 2: 0 for equal shares, 1 for nothing in common.
        infinity_norm: Largest difference of the share of a value or range, 0 to 1.
        normalized_abs_difference: Largest difference of a count by the sum of all counts of both sides, 0 to 1.
        kolmogorov_smirnov: Largest difference of cumulative shares, 0 to 1; None for text.
        missing_before: Share of null rows before; None without rows.
        missing_after: Share of null rows after.
        is_exact: Whether every value of both sides is counted; if not, values beyond the frequent ones count as one,
            and numbers as their ranges, so that the distances are lower bounds. Where rows were deleted, it is False
            and they are the distances of the rows with the deleted ones, unless `exact` statistics are compared.
        moved: What differs most, by the change of its share, largest first.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> drift = compare(lb.statistics(pl.DataFrame({"a": ["x", "y"]})), lb.statistics(pl.DataFrame({"a": ["x"]})))
        >>> drift.column("a").infinity_norm
        0.5
    """

    name: str
    type: str
    jensen_shannon_divergence: float
    infinity_norm: float
    normalized_abs_difference: float
    kolmogorov_smirnov: float | None
    missing_before: float | None
    missing_after: float | None
    is_exact: bool
    moved: list[Moved]


class Drift:
    """Distances between the columns of two data sets.

    Args:
        columns: Those that both have, in the order of the later one.
        added: Names of columns that only the later one has.
        removed: Names of columns that only the earlier one has.
        retyped: Names of columns whose types differ so that their values cannot be compared.
        sides: What errors and titles call the two.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> drift = compare(lb.statistics(pl.DataFrame({"a": [1, 1]})), lb.statistics(pl.DataFrame({"a": [1, 2]})))
        >>> drift.column("a").moved[0]
        Moved(label='1', before=1.0, after=0.5)
    """

    def __init__(
        self,
        columns: Sequence[ColumnDrift],
        *,
        added: Sequence[str] = (),
        removed: Sequence[str] = (),
        retyped: Sequence[str] = (),
        sides: tuple[str, str] = ("before", "after"),
    ) -> None:
        self.columns = list(columns)
        self.added, self.removed, self.retyped = list(added), list(removed), list(retyped)
        self.sides = sides

    def __iter__(self) -> Iterator[ColumnDrift]:
        """Go through the columns."""
        return iter(self.columns)

    def __len__(self) -> int:
        """Number of columns that were compared."""
        return len(self.columns)

    def column(self, name: str) -> ColumnDrift:
        """Give one column.

        Args:
            name: Its name.

        Returns:
            How far it moved.

        Raises:
            ColumnNotFoundError: It was not compared; tells the nearest names.

        Example:
            >>> Drift([]).column("a")
            Traceback (most recent call last):
                ...
            lakebed.errors.ColumnNotFoundError: column 'a' was not compared; it has no columns
        """
        for column in self.columns:
            if column.name == name:
                return column
        hint = nearest(name, [column.name for column in self.columns])
        raise ColumnNotFoundError(f"column {name!r} was not compared; {hint}")

    def only(self, names: Sequence[str]) -> Drift:
        """Leave all other columns out.

        Args:
            names: Columns that were compared, or are on one side only.

        Returns:
            The drift of these.

        Raises:
            ColumnNotFoundError: Tells the nearest names.

        Example:
            >>> len(Drift([]).only([]))
            0
        """
        one_sided = {*self.added, *self.removed, *self.retyped}
        return Drift(
            [self.column(name) for name in names if name not in one_sided],
            added=[name for name in self.added if name in names],
            removed=[name for name in self.removed if name in names],
            retyped=[name for name in self.retyped if name in names],
            sides=self.sides,
        )

    def exceeding(self, threshold: float, *, distance: str = "jensen_shannon_divergence") -> list[ColumnDrift]:
        """List the columns that moved farther than a threshold.

        Args:
            threshold: The distance that is still allowed.
            distance: "jensen_shannon_divergence", "infinity_norm", "normalized_abs_difference" or
                "kolmogorov_smirnov".

        Returns:
            The columns, the one that moved farthest first.

        Raises:
            InvalidArgumentError: There is no such distance.

        Example:
            >>> Drift([]).exceeding(0.1)
            []
        """
        if distance not in DISTANCES:
            raise InvalidArgumentError(
                f"there is no distance {distance!r}; name one of {', '.join(map(repr, DISTANCES))}"
            )
        found = [column for column in self.columns if (getattr(column, distance) or 0.0) > threshold]
        return sorted(found, key=lambda column: -(getattr(column, distance) or 0.0))

    def to_dict(self) -> dict[str, Any]:
        """Describe the drift by plain values.

        Returns:
            {"sides", "columns": [the attributes of `ColumnDrift`], "added", "removed", "retyped"}.

        Example:
            >>> Drift([], added=["b"]).to_dict()["added"]
            ['b']
        """
        return {
            "sides": list(self.sides),
            "columns": [asdict(column) for column in self.columns],
            "added": self.added,
            "removed": self.removed,
            "retyped": self.retyped,
        }

    def to_polars(self) -> pl.DataFrame:
        """Lay out the drift as a frame, one row a column.

        Returns:
            Columns name, type, jensen_shannon_divergence, infinity_norm, normalized_abs_difference,
            kolmogorov_smirnov, missing_before, missing_after, is_exact, moved (label of what moved most).

        Example:
            >>> Drift([]).to_polars().columns[:2]
            ['name', 'type']
        """
        import polars as pl

        text, real = pl.String(), pl.Float64()
        schema: dict[str, Any] = {"name": text, "type": text, **dict.fromkeys(DISTANCES, real)}
        schema |= {"missing_before": real, "missing_after": real, "is_exact": pl.Boolean(), "moved": text}
        rows = [
            [_top(column) if name == "moved" else getattr(column, name) for name in schema] for column in self.columns
        ]
        return pl.DataFrame(rows, schema=schema, orient="row")

    def __repr__(self) -> str:
        """Say how many columns were compared, and which moved farthest."""
        farthest = max(self.columns, key=lambda column: column.jensen_shannon_divergence, default=None)
        tail = f", farthest {farthest.name!r} {farthest.jensen_shannon_divergence:.3g}" if farthest is not None else ""
        return f"Drift({len(self.columns)} columns from {self.sides[0]} to {self.sides[1]}{tail})"

    def __rich__(self) -> Table:
        """Table for `rich.print`, the column that moved farthest first."""
        from lakebed.report import rich_table

        return rich_table(HEADER, self._rows(), title=self._title(), max_rows=None)

    def _repr_html_(self) -> str:
        """Table for notebooks."""
        from lakebed.report import html_table

        return html_table(HEADER, self._rows(), title=self._title(), max_rows=None)

    def to_html(self) -> str:
        """Draw the drift as one page that needs nothing else.

        Returns:
            A whole HTML document: the table, and for every column what moved.

        Example:
            >>> Drift([]).to_html().startswith("<!DOCTYPE html>")
            True
        """
        from html import escape

        from lakebed.report import html_table

        parts = [
            html_table(
                (column.name, f"share {self.sides[0]}", f"share {self.sides[1]}", "change"),
                [[item.label, item.before, item.after, item.change] for item in column.moved],
            )
            for column in sorted(self.columns, key=lambda column: -column.jensen_shannon_divergence)
            if column.moved
        ]
        head = f'<meta charset="utf-8"><title>{escape(self._title())}</title>'
        body = "<br>".join([self._repr_html_(), *parts])
        look = "font:13px/1.5 system-ui,sans-serif;color:#0f172a;background:#fff;margin:16px"
        return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body style="{look}">{body}</body></html>\n'

    def _title(self) -> str:
        changed = [
            f"{what}: {', '.join(names)}"
            for what, names in (("added", self.added), ("removed", self.removed), ("retyped", self.retyped))
            if names
        ]
        return "; ".join([f"Drift from {self.sides[0]} to {self.sides[1]}", *changed])

    def _rows(self) -> list[list[Any]]:
        ordered = sorted(self.columns, key=lambda column: -column.jensen_shannon_divergence)
        return [
            [
                column.name,
                column.type,
                column.jensen_shannon_divergence,
                column.infinity_norm,
                column.normalized_abs_difference,
                column.kolmogorov_smirnov,
                f"{column.missing_before or 0:.1%} to {column.missing_after or 0:.1%}",
                _top(column),
            ]
            for column in ordered
        ]


def compare(before: Statistics, after: Statistics, *, sides: tuple[str, str] = ("before", "after")) -> Drift:
    """Compare two data sets by their statistics; no row is read.

    Args:
        before: Statistics of the earlier one.
        after: Statistics of the later one.
        sides: What titles call the two.

    Returns:
        Distances of the columns that both have.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> a, b = pl.DataFrame({"x": [1.0, 2.0]}), pl.DataFrame({"x": [2.0, 3.0], "y": [1, 2]})
        >>> drift = compare(lb.statistics(a), lb.statistics(b))
        >>> drift.column("x").infinity_norm, drift.added
        (0.5, ['y'])
    """
    if before.has_core and after.has_core:
        found = {".".join(item["path"]): item for item in after.core().drift_from(before.core(), N_EXPLAINED)}
        types = dict(after.core().types)
        is_exact = before.is_exact and after.is_exact
        columns = [_of_core(name, types[name], item, is_exact=is_exact) for name, item in found.items()]
        columns = _in_order(after, columns + _numbers_of_other_types(before, after, set(found)))
    else:
        earlier = {column.name: column for column in before.read()}
        pairs = [(earlier[column.name], column) for column in after.read() if column.name in earlier]
        columns = [_of_protos(*pair) for pair in pairs if _is_comparable(*pair)]
    compared = {column.name for column in columns}
    known_before, known_after = before.columns, after.columns
    both = [name for name in known_after if name in set(known_before)]
    return Drift(
        columns,
        added=[name for name in known_after if name not in set(known_before)],
        removed=[name for name in known_before if name not in set(known_after)],
        retyped=[name for name in both if name not in compared and not _is_struct(after, name)],
        sides=sides,
    )


def _is_struct(statistics: Statistics, name: str) -> bool:
    return statistics.column(name).item_type in ("struct", "null")


def _numbers_of_other_types(before: Statistics, after: Statistics, compared: set[str]) -> list[ColumnDrift]:
    """Compare what was an integer and is a float now, or the like, by the buckets of both."""
    types, earlier = dict(after.core().types), dict(before.core().types)
    changed = [
        name
        for name in types
        if name not in compared and name in earlier and {types[name][0], earlier[name][0]} <= NUMBERS
    ]
    return [_of_protos(before.column(name), after.column(name)) for name in changed]


def _in_order(statistics: Statistics, columns: list[ColumnDrift]) -> list[ColumnDrift]:
    order = {name: place for place, name in enumerate(statistics.columns)}
    return sorted(columns, key=lambda column: order[column.name])


def _of_core(name: str, kind: tuple[str, str], item: dict[str, Any], *, is_exact: bool) -> ColumnDrift:
    total_before, total_after = item["totals"]
    moved = [
        Moved(
            label=_range_label(kind, low, high),
            before=before / total_before if total_before else 0.0,
            after=after / total_after if total_after else 0.0,
        )
        for low, high, before, after in item["differences"]
    ]
    shares = [nulls / rows if rows else None for nulls, rows in item["nulls"]]
    return ColumnDrift(
        name=name,
        type=kind[0],
        jensen_shannon_divergence=item["jensen_shannon_divergence"] + 0.0,  # Of nothing, the core gives -0.0.
        infinity_norm=item["infinity_norm"],
        normalized_abs_difference=item["normalized_abs_difference"],
        kolmogorov_smirnov=item["cumulative"],
        missing_before=shares[0],
        missing_after=shares[1],
        is_exact=item["exact"] and is_exact,
        moved=moved,
    )


def _range_label(kind: tuple[str, str], low: Any, high: Any) -> str:
    if low is None:
        return "(all others)"
    first, last = _label(kind, low), _label(kind, high)
    return first if first == last else f"{first} .. {last}"


def _label(kind: tuple[str, str], value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()
    decoded = value_of(*kind, value)
    if isinstance(decoded, float):
        return f"{decoded:.6g}"
    return decoded.isoformat() if hasattr(decoded, "isoformat") else str(decoded)


def _is_comparable(before: ColumnStatistics, after: ColumnStatistics) -> bool:
    are_numbers = {before.item_type, after.item_type} <= NUMBERS
    return are_numbers or bool(before.histogram and after.histogram) or bool(before.labels and after.labels)


def _of_protos(before: ColumnStatistics, after: ColumnStatistics) -> ColumnDrift:
    """Distances by ranks or buckets, where the summaries are gone."""
    if before.labels and after.labels:
        labels = sorted({*before.labels, *after.labels})
        pairs = [(label, before.labels.get(label, 0.0), after.labels.get(label, 0.0)) for label in labels]
    else:
        cells = divergence.shared_cells(before.histogram, after.histogram)
        kind = (after.item_type, after.arrow_type)
        pairs = [(_range_label(kind, low, high), p, q) for low, high, p, q in cells]
        pairs.append(("nan", float(before.n_nan), float(after.n_nan)))
    total_before = sum(p for _, p, _ in pairs) or 1.0
    total_after = sum(q for _, _, q in pairs) or 1.0
    moved = [Moved(label=label, before=p / total_before, after=q / total_after) for label, p, q in pairs]
    total = total_before + total_after
    return ColumnDrift(
        name=after.name,
        type=after.type,
        jensen_shannon_divergence=divergence.jensen_shannon([p for _, p, _ in pairs], [q for _, _, q in pairs]),
        infinity_norm=max(abs(item.change) for item in moved),
        normalized_abs_difference=max(abs(p - q) / total for _, p, q in pairs),
        kolmogorov_smirnov=None,
        missing_before=1 - before.fraction,
        missing_after=1 - after.fraction,
        is_exact=False,
        moved=sorted((item for item in moved if item.change), key=lambda item: -abs(item.change))[:N_EXPLAINED],
    )


def _top(column: ColumnDrift) -> str | None:
    if not column.moved:
        return None
    item = column.moved[0]
    return f"{item.label}: {item.before:.1%} to {item.after:.1%}"
