"""The one place where a table's name and version become something that can be scanned.

Providers register under a kind, table functions under a name. A name matches exactly first, else as the only name
that differs in case; providers are asked in the order of their registration. The catalogue holds no data and caches
nothing: what a version means is the provider's to say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakebed.catalog.provider import ScanProvider, VersionSpec
from lakebed.errors import (
    AmbiguousNameError,
    InvalidArgumentError,
    InvalidNameError,
    TableNotFoundError,
    VersionNotFoundError,
)
from lakebed.expression.names import match_name, suggestion

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

TableFunction = Callable[..., "pl.LazyFrame"]
"""Takes literal arguments, returns a table."""

Pins = dict[tuple[str, VersionSpec], str]
"""The commit that each version of each kind of provider meant when it was first asked for."""


@dataclass(frozen=True, slots=True)
class Source:
    """A table at a version, found but not read.

    Attributes:
        name: As the provider spells it.
        kind: The kind under which the provider was registered.
        version: What was asked for.
        commit: The id of the commit that `version` means now; empty where the provider keeps no versions.
        provider: Who holds the table.

    Example:
        >>> Source("t", "memory", None, "", provider=None).name
        't'
    """

    name: str
    kind: str
    version: VersionSpec
    commit: str
    provider: ScanProvider

    def schema(self) -> pa.Schema:
        """Return the columns at this version.

        Returns:
            Names and Arrow types, in the order of the table.

        Example:
            >>> import polars as pl
            >>> from lakebed.catalog import FrameProvider
            >>> catalog = Catalog()
            >>> catalog.register_provider("memory", FrameProvider({"t": pl.DataFrame({"a": [1, 2]})}))
            >>> catalog.resolve("t").schema().names
            ['a']
        """
        return self.provider.schema(self.name, self._pinned())

    def scan(self, *, where: list[Any] | None = None, columns: list[str] | None = None) -> pl.LazyFrame:
        """Return the rows, lazily.

        Args:
            where: A core predicate, to skip files; the rows are a superset of those that satisfy it.
            columns: The columns to return, in this order; None means all.

        Returns:
            A lazy frame; nothing is read yet.

        Example:
            >>> import polars as pl
            >>> from lakebed.catalog import FrameProvider
            >>> catalog = Catalog()
            >>> catalog.register_provider("memory", FrameProvider({"t": pl.DataFrame({"a": [1, 2]})}))
            >>> catalog.resolve("t").scan(columns=["a"]).collect().height
            2
        """
        return self.provider.scan(self.name, self._pinned(), where=where, columns=columns)

    def _pinned(self) -> VersionSpec:
        """Read at the commit that was found, even if the branch has moved since."""
        return self.commit or self.version


class Catalog:
    """The registry of scan providers and table functions.

    Example:
        >>> Catalog().tables()
        []
    """

    def __init__(self) -> None:
        """Start empty."""
        self._providers: dict[str, ScanProvider] = {}
        self._functions: dict[str, TableFunction] = {}

    def register_provider(self, kind: str, provider: ScanProvider) -> None:
        """Add a holder of tables.

        Args:
            kind: A short name for messages and lineage, for example `warehouse`; unique.
            provider: Asked after those that were registered before it.

        Raises:
            InvalidArgumentError: The kind is taken.

        Example:
            >>> class Empty:
            ...     def tables(self, version): return []
            ...     def commit(self, version): return ""
            >>> catalog = Catalog()
            >>> catalog.register_provider("empty", Empty())
            >>> catalog.tables()
            []
        """
        if kind in self._providers:
            raise InvalidArgumentError(f"a provider of kind {kind!r} is registered already; choose another kind")
        self._providers[kind] = provider

    def register_table_function(self, name: str, function: TableFunction) -> None:
        """Add a function that SQL may call in FROM.

        Args:
            name: Matched without regard to case.
            function: Takes the literal arguments of the call, returns a lazy frame.

        Raises:
            InvalidArgumentError: The name is taken.

        Example:
            >>> catalog = Catalog()
            >>> catalog.register_table_function("numbers", lambda n: None)
            >>> catalog.table_functions()
            ['numbers']
        """
        if name.lower() in self._functions:
            raise InvalidArgumentError(f"a table function {name!r} is registered already; choose another name")
        self._functions[name.lower()] = function

    def tables(self, version: VersionSpec = None) -> list[str]:
        """List the tables of all providers at a version.

        Args:
            version: Which version; None is the head of the current branch.

        Returns:
            Names, sorted, without duplicates.

        Raises:
            VersionNotFoundError: No provider has that version.

        Example:
            >>> Catalog().tables()
            []
        """
        return sorted({name for names in self._names(version, {}).values() for name in names})

    def table_functions(self) -> list[str]:
        """List the table functions.

        Returns:
            Names in lower case, sorted.

        Example:
            >>> Catalog().table_functions()
            []
        """
        return sorted(self._functions)

    def resolve(self, name: str, version: VersionSpec = None, *, pins: Pins | None = None) -> Source:
        """Find a table by name and version.

        Args:
            name: `name` or `namespace.name`.
            version: None, a tag, branch or start of a commit id, or a datetime.
            pins: Versions that were resolved before, extended in place. One dict for all tables of a statement makes
                them come from the same commit, whatever is committed meanwhile.

        Returns:
            The table, not read.

        Raises:
            TableNotFoundError: No provider has it at that version; the message names the nearest tables.
            VersionNotFoundError: No provider has that version.
            AmbiguousNameError: Several tables differ from `name` in case alone.
            InvalidNameError: The name is empty.

        Example:
            >>> Catalog().resolve("flights")
            Traceback (most recent call last):
            ...
            lakebed.errors.TableNotFoundError: there is no table 'flights'; there are no tables
        """
        if not name:
            raise InvalidNameError("the name of a table is empty; write `name` or `namespace.name`")
        pins = {} if pins is None else pins
        names = self._names(version, pins)
        found = self._match(name, names)
        if found is None:
            known = {table for tables in names.values() for table in tables}
            place = "" if version is None else f" at version {_shown(version)}"
            raise TableNotFoundError(f"there is no table {name!r}{place}; {suggestion(name, known, kind='tables')}")
        kind, spelled = found
        return Source(spelled, kind, version, pins[kind, version], self._providers[kind])

    def table_function(self, name: str) -> TableFunction:
        """Find a table function.

        Args:
            name: Matched without regard to case.

        Returns:
            The function.

        Raises:
            TableNotFoundError: There is none of that name; the message names the nearest.

        Example:
            >>> catalog = Catalog()
            >>> catalog.register_table_function("numbers", len)
            >>> catalog.table_function("NUMBERS") is len
            True
        """
        function = self._functions.get(name.lower())
        if function is None:
            near = suggestion(name.lower(), self._functions, kind="table functions")
            raise TableNotFoundError(f"there is no table function {name.lower()!r}; {near}")
        return function

    def _names(self, version: VersionSpec, pins: Pins) -> dict[str, list[str]]:
        """List the tables of each provider that has the version."""
        found = {kind: _tables_at(kind, provider, version, pins) for kind, provider in self._providers.items()}
        names = {kind: tables for kind, tables in found.items() if isinstance(tables, list)}
        missing = [error for error in found.values() if isinstance(error, VersionNotFoundError)]
        if missing and not names:
            raise missing[0]
        return names

    def _match(self, name: str, names: dict[str, list[str]]) -> tuple[str, str] | None:
        for kind, tables in names.items():
            if name in tables:
                return kind, name
        found = [(kind, match) for kind, tables in names.items() if (match := match_name(name, tables)) is not None]
        if len(found) > 1:
            shown = ", ".join(f"{match!r} ({kind})" for kind, match in found)
            raise AmbiguousNameError(f"{name!r} matches {shown}, which differ in case; write the one that is meant")
        return found[0] if found else None


def _tables_at(kind: str, provider: ScanProvider, version: VersionSpec, pins: Pins) -> list[str] | VersionNotFoundError:
    """List the tables of one provider, or return the error where it does not have the version."""
    try:
        if (kind, version) not in pins:
            pins[kind, version] = provider.commit(version)
        return provider.tables(pins[kind, version] or version)
    except VersionNotFoundError as error:
        return error


def _shown(version: VersionSpec) -> str:
    return repr(version) if isinstance(version, str) or version is None else repr(version.isoformat())
