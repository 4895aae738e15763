"""PostgreSQL, over psycopg (extra `postgres`).

Text properties with a NUL, which PostgreSQL cannot hold, are kept as bytes beside the text up to there. In a database
that ML Metadata made int columns are widened when the first value needs it. Definitions of tables are rolled back like
any other change, so an opening is all or nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from lakebed.metadata.sources.schema import TABLE_OF, TABLES, create_table
from lakebed.metadata.sources.server import ROWS_AT_ONCE, ServerSession, ServerSource
from lakebed.metadata.sources.session import (
    ConcurrentChangeError,
    DuplicateError,
    Row,
    Session,
    ValueRangeError,
    in_chunks,
)
from lakebed.metadata.status import InternalError, InvalidArgumentError, StatusError, UnavailableError

CONNECT_TIMEOUT_S = 10
OPEN_LOCK = 7_021_976_153
"""Key of the advisory lock that whoever opens a database takes."""
TYPES_LOCK = 7_021_976_154


class PostgresqlSession(ServerSession):
    """One transaction."""

    dialect = "postgresql"

    def insert_missing(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Add the rows that no unique key of the table has yet."""
        for some in in_chunks(rows, ROWS_AT_ONCE):
            self._insert(f"INSERT INTO {table} ({', '.join(columns)})", some, " ON CONFLICT DO NOTHING")

    def insert_new(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> list[int]:
        """Add rows under ids that are reserved before."""
        sequence = f"{table.lower()}_id_seq"
        found = self.rows("SELECT nextval(?::regclass) FROM generate_series(1, ?)", (sequence, len(rows)))
        ids = sorted(int(row[0]) for row in found)
        self.insert(table, ("id", *columns), [(row_id, *row) for row_id, row in zip(ids, rows, strict=True)])
        return ids

    def ids_condition(self, column: str, ids: Sequence[int]) -> tuple[str, tuple[Any, ...]]:
        """A condition that a column holds one of some ids."""
        return f"{column} = ANY(?)", (list(ids),)

    def lock_types(self) -> None:
        """Hold off other writers of types."""
        self.rows("SELECT pg_advisory_xact_lock(?)", (TYPES_LOCK,))


class PostgresqlDefinition:
    """What making and migrating tables needs, within a transaction."""

    def __init__(self, session: PostgresqlSession) -> None:
        self.session: Session = session
        self._session = session

    def tables(self) -> set[str]:
        """Names of the tables, spelt as in the model."""
        found = self._session.rows("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        names = {table.name.lower(): table.name for table in TABLES}
        return {names.get(str(row[0]), str(row[0])) for row in found}

    def indexes(self) -> set[str]:
        """Names of the indexes."""
        return {
            row[0] for row in self._session.rows("SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()")
        }

    def columns(self, table: str) -> list[str]:
        """Names of the columns of a table."""
        sql = (
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_schema = current_schema() AND table_name = ?"
        )
        return [row[0] for row in self._session.rows(sql, (table.lower(),))]

    def run(self, statement: str) -> None:
        """Run a statement that defines something."""
        self._session.execute(statement)

    def create_table(self, name: str) -> None:
        """Make one table of the present version."""
        self._session.execute(create_table("postgresql", TABLE_OF[name]))
        if name == "Type":
            # The nine system types are written with their ids.
            self._session.execute("SELECT setval('type_id_seq', 9)")


class PostgresqlSource(ServerSource):
    """A database of a PostgreSQL server.

    Args:
        config: A `PostgreSQLDatabaseConfig`.
    """

    dialect = "postgresql"

    def __init__(self, config: Any) -> None:
        super().__init__()
        self._driver = _driver()
        self._config = config
        host = config.host or config.hostaddr or "the local socket"
        self.place = f"the PostgreSQL database {config.dbname!r} at {host}:{config.port or 5432}"

    @property
    def driver_error(self) -> type[Exception]:
        """Base of the driver's errors."""
        found: type[Exception] = self._driver.Error
        return found

    def connect(self) -> Any:
        """Make a connection to the database."""
        return self._connect(self._config.dbname)

    def _connect(self, database: str, *, autocommit: bool = False) -> Any:
        config = self._config
        arguments = {
            name: getattr(config, name)
            for name in ("host", "hostaddr", "port", "user", "password", "passfile")
            if getattr(config, name)
        }
        if config.HasField("ssloption"):
            options = config.ssloption
            names = ("sslmode", "sslcert", "sslkey", "sslpassword", "sslrootcert")
            arguments |= {name: getattr(options, name) for name in names if getattr(options, name)}
        return self._driver.connect(
            dbname=database,
            connect_timeout=CONNECT_TIMEOUT_S,
            autocommit=autocommit,
            client_encoding="utf8",
            **arguments,
        )

    def is_alive(self, connection: Any) -> bool:
        """Whether an idle connection still is one."""
        if connection.closed:
            return False
        try:
            connection.execute("SELECT 1")
            connection.rollback()
        except (self.driver_error, OSError):
            return False
        return True

    def begin(self, connection: Any, *, is_write: bool) -> ServerSession:
        """Begin a transaction; a read sees one moment, a write the newest rows."""
        levels = self._driver.IsolationLevel
        connection.isolation_level = levels.READ_COMMITTED if is_write else levels.REPEATABLE_READ
        return PostgresqlSession(_Cursor(self, connection.cursor()))

    def define(self, session: ServerSession) -> PostgresqlDefinition:
        """What making tables needs."""
        if not isinstance(session, PostgresqlSession):
            raise TypeError(f"a session of PostgreSQL is needed, got {session!r}")
        return PostgresqlDefinition(session)

    @contextmanager
    def exclusive(self) -> Iterator[PostgresqlSession]:
        """Make the database where it is missing, and hold off other openers by an advisory lock."""
        try:
            if not self._config.skip_db_creation:
                self._create_database()
            connection = self._connect(self._config.dbname)
        except (self.driver_error, OSError) as error:
            raise RuntimeError(f"INTERNAL: {self._unreachable(error)}") from error
        try:
            session = PostgresqlSession(_Cursor(self, connection.cursor()))
            session.rows("SELECT pg_advisory_xact_lock(?)", (OPEN_LOCK,))
            yield session
            connection.commit()
        except StatusError as error:
            raise RuntimeError(f"INTERNAL: cannot open {self.place}: {error}") from error
        finally:
            with suppress(self.driver_error, OSError):
                connection.close()

    def _create_database(self) -> None:
        try:
            self._connect(self._config.dbname).close()
        except self._driver.OperationalError as error:
            if "does not exist" not in str(error) or "database" not in str(error):
                raise
            connection = self._connect("postgres", autocommit=True)
            try:
                name = self._config.dbname.replace('"', '""')
                with suppress(self._driver.errors.DuplicateDatabase, self._driver.errors.UniqueViolation):
                    connection.execute(f'CREATE DATABASE "{name}"')
            finally:
                connection.close()

    def widen(self) -> bool:
        """Give the int properties 64 bits."""
        sql = (
            "SELECT table_name FROM information_schema.columns WHERE table_schema = current_schema() "
            "AND column_name = 'int_value' AND data_type <> 'bigint'"
        )
        with self.exclusive() as session:
            narrow = [row[0] for row in session.rows(sql)]
            for table in narrow:
                session.execute(f"ALTER TABLE {table} ALTER COLUMN int_value TYPE BIGINT")
        return bool(narrow)

    def status(self, error: Exception) -> Exception:
        """The error of the store for one of the driver."""
        errors = self._driver.errors
        text = str(error).strip()
        if isinstance(error, errors.UniqueViolation):
            return DuplicateError(text)
        if isinstance(error, (errors.SerializationFailure, errors.DeadlockDetected, errors.LockNotAvailable)):
            return ConcurrentChangeError(text)
        if isinstance(error, errors.NumericValueOutOfRange):
            return ValueRangeError(text)
        if isinstance(error, (errors.StringDataRightTruncation, errors.ProgramLimitExceeded)):
            return InvalidArgumentError(f"{self.place}: a text is too long for its column or index: {text}; shorten it")
        if isinstance(error, self._driver.DataError) or "NUL" in text:
            return InvalidArgumentError(f"{self.place} cannot hold a value: {text}; change it")
        if isinstance(error, self._driver.OperationalError):
            return UnavailableError(self._unreachable(error))
        return InternalError(f"{self.place}: the server says {text!r}")

    def _unreachable(self, error: Exception) -> str:
        text = " ".join(str(error).split())
        return (
            f"cannot connect to {self.place} as user {self._config.user!r}: {text}; check that the server "
            f"runs, host and "
            "port, user and password, and that the user may use the database"
        )


class _Cursor:
    """A driver's cursor whose errors are those of the sessions."""

    def __init__(self, source: PostgresqlSource, cursor: Any) -> None:
        self._source = source
        self._cursor = cursor

    def execute(self, sql: str, params: Sequence[Any] = ()) -> None:
        """Run a statement."""
        try:
            self._cursor.execute(sql, params) if params else self._cursor.execute(sql.replace("%%", "%"))
        except self._source.driver_error as error:
            raise self._source.status(error) from error

    def fetchall(self) -> Sequence[Row]:
        """All rows of the last query."""
        return self._cursor.fetchall()  # type: ignore[no-any-return]


def _driver() -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise RuntimeError("FAILED_PRECONDITION: PostgreSQL needs a driver: pip install 'lakebed[postgres]'") from error
    return psycopg
