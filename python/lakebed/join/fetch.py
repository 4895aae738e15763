"""Right sides that are stored tables, read in two steps: keys and times first, other columns only where rows matched.

The first step gives the core the position of each row and, in the place of the other columns, columns of nulls that
cost nothing, so that the core names and places them. The second step reads stretches of rows that hold matches and
puts their values there. A stretch without a match is not decoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakebed.join.pruning import PrunableTable, PrunedScan, prune

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

_STRETCH_ROWS = 1 << 20
_GAP_ROWS = 1 << 15
"""Rows without a match from which on it is worth a query of its own to leave them out."""
_ROW = "lakebed: row of the right side"


@dataclass(frozen=True)
class Fetch:
    """Columns that are read once it is known which rows matched.

    Args:
        scan: The rows, in the order in which they were numbered.
        columns: Columns to read, each with its distance before the column of positions.
        row: Name of the column that holds the position of the matched row.

    Example:
        >>> import polars as pl, pyarrow as pa
        >>> fetch = Fetch(pl.LazyFrame({"v": [1, 2, 3]}), {"v": 1}, "row")
        >>> joined = pa.table({"t": [0, 0], "v": pa.nulls(2), "row": pa.array([2, None], pa.uint32())})
        >>> fetch.fill(joined).to_pydict()
        {'t': [0, 0], 'v': [3, None]}
    """

    scan: pl.LazyFrame
    columns: dict[str, int]
    row: str

    def fill(self, joined: pa.Table) -> pa.Table:
        """Put the values in their places.

        Args:
            joined: The table with columns of nulls before the column of positions.

        Returns:
            The table with the values and without the positions.
        """
        import polars as pl
        import pyarrow as pa

        end = joined.schema.get_field_index(self.row)
        rows = pl.Series(joined.column(end))
        matched = rows.drop_nulls().unique().sort()
        parts = [self._read(part) for part in _stretches(matched)]
        values = pl.concat(parts, rechunk=True) if parts else self.scan.select(list(self.columns)).head(0).collect()
        places = pl.select(pl.when(rows.is_not_null()).then(matched.search_sorted(rows.fill_null(0)))).to_series()
        given = pa.table(values.select(pl.all().gather(places)))
        for at, distance in enumerate(self.columns.values()):
            name = joined.schema.field(end - distance).name
            field = given.schema.field(at).with_name(name).with_nullable(True)
            joined = joined.set_column(end - distance, field, given.column(at))
        return joined.remove_column(end)

    def _read(self, rows: pl.Series) -> pl.DataFrame:
        import polars as pl

        first, last = int(rows[0]), int(rows[-1])
        stretch = self.scan.select(list(self.columns)).slice(first, last - first + 1).collect(engine="streaming")
        return stretch.select(pl.all().gather(rows - first))


def _stretches(rows: pl.Series) -> list[pl.Series]:
    """Ascending positions in groups that lie close together."""
    import polars as pl

    gap = rows.diff().fill_null(0) > _GAP_ROWS
    frame = pl.DataFrame({"row": rows, "stretch": rows // _STRETCH_ROWS, "gaps": gap.cum_sum()})
    return [part["row"] for part in frame.partition_by("stretch", "gaps", maintain_order=True)]


def defer(
    table: PrunableTable, options: dict[str, Any], left: Any, zone: str | None, number: int
) -> tuple[pa.Table, dict[str, Any], Fetch | None]:
    """Read keys and times of a stored table, and leave the other columns for later.

    Args:
        table: The table.
        options: Of the join, as the core takes them.
        left: The left frame.
        zone: Zone of naive times.
        number: Position of the table among the right sides.

    Returns:
        What the core joins, with which options, and what to read afterwards; None if there is nothing.

    Example:
        >>> import datetime as dt, lakebed as lb, polars as pl
        >>> from lakebed.join.sides import SideOptions, core_options
        >>> wh = lb.open("memory://")
        >>> table = wh.write("t", pl.DataFrame({"t": [dt.datetime(2013, 1, 1)], "v": [1]}))
        >>> options = core_options(SideOptions(on="t", left_on="t"))
        >>> frame, _, fetch = defer(table, options, pl.DataFrame({"t": [dt.datetime(2013, 1, 2)]}), None, 0)
        >>> frame.schema.field("v").type, fetch.columns
        (DataType(null), {'v': 1})
    """
    import pyarrow as pa

    pruned: PrunedScan = prune(table, options, left, zone)
    keys = pruned.deciding
    payload = _payload(options, table.schema.names)
    later = [name for name, _ in payload if name not in keys]
    if not {*keys, *later} <= set(table.schema.names):
        # The core says what is missing.
        return table.schema.empty_table(), options, None
    if not later:
        return pa.table(pruned.filtered().collect(engine="streaming")), options, None
    row = f"{_ROW} {number}"
    frame = pa.table(pruned.numbered(row).collect(engine="streaming"))
    for name in later:
        frame = frame.append_column(name, pa.nulls(frame.num_rows))
    distances = {name: len(payload) - at for at, (name, _) in enumerate(payload) if name in later}
    return frame, {**options, "columns": [*payload, (row, row)]}, Fetch(pruned.scan, distances, row)


def _payload(options: dict[str, Any], names: list[str]) -> list[tuple[str, str]]:
    if options["columns"] is not None:
        return list(options["columns"])
    hidden = {options["on_right"], *options["by_right"]}
    return [(name, name) for name in names if name not in hidden]
