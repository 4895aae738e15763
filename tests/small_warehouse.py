"""A few small tables at two versions, for the tests of SQL: every kind of column, with nulls, NaN and ties.

The tables are frames in memory; `Recorder` notes what a query asks of them.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl

from lakebed.catalog import Catalog, FrameProvider, VersionSpec

UTC = dt.timezone.utc


def dates(*texts: str) -> list[dt.date | None]:
    return [dt.date.fromisoformat(text) if text else None for text in texts]


def times(*texts: str) -> list[dt.datetime | None]:
    """Times without zone; an empty text is null."""
    return [dt.datetime.fromisoformat(text) if text else None for text in texts]


def flights() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": [1, 2, 3, 4, 5, 6, 7, 8],
            "carrier": ["UA", "AA", "UA", "B6", None, "AA", "UA", "DL"],
            "origin": ["EWR", "JFK", "LGA", "JFK", "EWR", "LGA", "EWR", "JFK"],
            "tailnum": ["N1", "N2", "N1", "N3", "N4", None, "N9", "N2"],
            "month": [1, 1, 1, 1, 2, 2, 2, 12],
            "dep_delay": [2.0, -4.0, None, 17.5, 0.0, float("nan"), float("inf"), -4.0],
            "arr_delay": [11, -18, None, 20, -25, 12, None, 33],
            "distance": [1400, 1089, 733, 1576, 762, 733, 2227, 944],
            "cancelled": [False, False, True, False, None, False, True, False],
            "price": [Decimal(p) if p else None for p in ("99.90", "120.00", "", "45.55", "0.01", "10.10", "7.25", "")],
            "day": dates(
                "2013-01-01", "2013-01-01", "2013-01-31", "2013-01-15", "2013-02-28", "", "2012-02-29", "2013-12-31"
            ),
            "sched": times(
                "2013-01-01 05:15",
                "2013-01-01 05:40",
                "2013-01-31 23:59:59",
                "2013-01-15 12:00",
                "2013-02-28 06:00",
                "",
                "2012-02-29 07:30",
                "2013-12-31 18:00:00.250000",
            ),
            "note": ["on time", "", "Late_x", "50% off", None, " padded ", "a.b.c", "été"],
        },
        schema_overrides={"month": pl.Int8, "distance": pl.Int16, "arr_delay": pl.Int32, "price": pl.Decimal(10, 2)},
    )


def weather() -> pl.DataFrame:
    hours = [dt.datetime(2013, 1, 1, 5, tzinfo=UTC), dt.datetime(2013, 1, 1, 6, tzinfo=UTC)]
    return pl.DataFrame(
        {
            "origin": ["EWR", "EWR", "JFK", "JFK", "SFO"],
            "hour": [*hours, *hours, hours[0]],
            "temp": [39.0, 39.9, None, 38.1, 55.0],
            "wind": [10, 12, 8, None, 3],
        },
        schema_overrides={"hour": pl.Datetime("us", "UTC")},
    )


def planes() -> pl.DataFrame:
    return pl.DataFrame(
        {"tailnum": ["N1", "N2", "N3", "N7"], "year": [1999, 2005, None, 1987], "Seats": [149, 182, 200, None]}
    )


def delays() -> pl.DataFrame:
    """Readings in no order, for ASOF joins: of a time without zone."""
    return pl.DataFrame(
        {
            "origin": ["JFK", "EWR", "JFK", "EWR"],
            "at": times("2013-01-01 06:00", "2013-01-01 05:00", "2013-01-01 05:00", ""),
            "level": [3, 1, 2, 9],
        }
    )


def frames() -> dict[str, pl.DataFrame]:
    return {"flights": flights(), "weather": weather(), "planes": planes(), "delays": delays()}


def january() -> dict[str, pl.DataFrame]:
    return {"flights": flights().filter(pl.col("month") == 1), "planes": planes()}


class Recorder(FrameProvider):
    """Notes every scan: the table, the version, and the filter that was handed down."""

    def __init__(self, **tables: pl.DataFrame) -> None:
        super().__init__(tables or frames(), versions={"january": january()})
        self.scans: list[tuple[str, VersionSpec, list[Any] | None]] = []

    def scan(
        self, name: str, version: VersionSpec, *, where: list[Any] | None, columns: list[str] | None
    ) -> pl.LazyFrame:
        self.scans.append((name, version, where))
        return super().scan(name, version, where=where, columns=columns)


def catalog(provider: FrameProvider | None = None) -> Catalog:
    made = Catalog()
    made.register_provider("memory", provider or FrameProvider(frames(), versions={"january": january()}))
    return made
