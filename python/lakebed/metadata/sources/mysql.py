"""MySQL and MariaDB, over PyMySQL (extra `mysql`).

New databases are made with UTF-8 that compares byte by byte and with 64-bit int properties. A database that ML Metadata
made keeps its ways: its client wrote UTF-8 bytes over a latin1 connection, so such a database is read and written like
that, and its int columns are widened when the first value needs it. A server's definition of tables cannot be rolled
back, so a lock of the server holds off others, and the version is written last.
"""

from __future__ import annotations

import ssl
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
from lakebed.metadata.status import InternalError, InvalidArgumentError, UnavailableError

LOCK_WAIT_S = 60
CONNECT_TIMEOUT_S = 10
DEFAULT_PORT = 3306
OWN_COMMENT = "lakebed"
"""Comment of the table MLMDEnv in databases that were made here."""

_DUPLICATE = {1062, 1586}
_RETRY = {1205, 1213, 3572}
_RANGE = {1264}
_TOO_LONG = {1406}
_GONE = {2002, 2003, 2006, 2013, 2055}


class MysqlSession(ServerSession):
    """One transaction."""

    dialect = "mysql"
    increment = 1

    def insert_missing(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Add the rows that no unique key of the table has yet."""
        for some in in_chunks(rows, ROWS_AT_ONCE):
            self._insert(f"INSERT IGNORE INTO {table} ({', '.join(columns)})", some)

    def insert_new(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> list[int]:
        """Add rows; the ids of one statement of known size follow each other."""
        ids: list[int] = []
        for some in in_chunks(rows, ROWS_AT_ONCE):
            self._insert(f"INSERT INTO {table} ({', '.join(columns)})", some)
            first = int(self.cursor.lastrowid)
            ids += range(first, first + len(some) * self.increment, self.increment)
        return ids

    def ids_condition(self, column: str, ids: Sequence[int]) -> tuple[str, tuple[Any, ...]]:
        """A condition that a column holds one of some ids."""
        return f"{column} IN ({', '.join(str(int(row_id)) for row_id in ids)})", ()

    def lock_types(self) -> None:
        """Hold off other writers of types by the one row of the version."""
        self.rows("SELECT schema_version FROM MLMDEnv FOR UPDATE")


class MysqlDefinition:
    """What making and migrating tables needs, under the lock."""

    def __init__(self, session: MysqlSession, options: str) -> None:
        self.session: Session = session
        self._mysql = session
        self._options = options

    def tables(self) -> set[str]:
        """Names of the tables, spelt as in the model (some servers fold their case)."""
        sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
        found = {row[0] for row in self._mysql.rows(sql)}
        names = {table.name.lower(): table.name for table in TABLES}
        return {names.get(name.lower(), name) for name in found}

    def indexes(self) -> set[str]:
        """Names of the indexes."""
        sql = "SELECT index_name FROM information_schema.statistics WHERE table_schema = DATABASE()"
        return {row[0] for row in self._mysql.rows(sql)}

    def columns(self, table: str) -> list[str]:
        """Names of the columns of a table."""
        sql = "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ?"
        return [row[0] for row in self._mysql.rows(sql, (table,))]

    def run(self, statement: str) -> None:
        """Run a statement that defines something."""
        self._mysql.execute(statement)

    def create_table(self, name: str) -> None:
        """Make one table of the present version."""
        comment = f" COMMENT = '{OWN_COMMENT}'" if name == "MLMDEnv" else ""
        self._mysql.execute(
            create_table("mysql", TABLE_OF[name], options=f"{self._options}{comment}", with_indexes=True)
        )


class MysqlSource(ServerSource):
    """A database of a MySQL or MariaDB server.

    Args:
        config: A `MySQLDatabaseConfig`.
    """

    dialect = "mysql"

    def __init__(self, config: Any) -> None:
        super().__init__()
        self._driver = _driver()
        self._config = config
        where = (
            f"socket {config.socket}"
            if config.socket
            else f"{config.host or 'localhost'}:{config.port or DEFAULT_PORT}"
        )
        self.place = f"the MySQL database {config.database!r} at {where}"
        self._is_legacy = False
        self._increment = 1
        self._options = ""

    @property
    def driver_error(self) -> type[Exception]:
        """Base of the driver's errors."""
        found: type[Exception] = self._driver.MySQLError
        return found

    def connect(self) -> Any:
        """Make a connection to the database."""
        connection = self._connect(self._config.database)
        if self._is_legacy:
            # The server takes and gives the bytes as they are; the driver goes on reading them as UTF-8.
            with connection.cursor() as cursor:
                cursor.execute("SET NAMES latin1")
        return connection

    def _connect(self, database: str | None) -> Any:
        config = self._config
        return self._driver.connect(
            host=config.host or "localhost",
            port=config.port or DEFAULT_PORT,
            user=config.user or None,
            password=config.password,
            unix_socket=config.socket or None,
            database=database,
            charset="utf8mb4",
            connect_timeout=CONNECT_TIMEOUT_S,
            autocommit=False,
            init_command="SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'",
            ssl=_tls(config.ssl_options) if config.HasField("ssl_options") else None,
        )

    def is_alive(self, connection: Any) -> bool:
        """Whether an idle connection still is one."""
        try:
            connection.ping(reconnect=False)
        except (self.driver_error, OSError):
            return False
        return True

    def begin(self, connection: Any, *, is_write: bool) -> ServerSession:
        """Begin a transaction; a read sees one moment, a write the newest rows."""
        session = MysqlSession(_Cursor(self, connection.cursor()))
        session.increment = self._increment
        level = "READ COMMITTED" if is_write else "REPEATABLE READ"
        session.cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
        session.cursor.execute(
            "START TRANSACTION" if is_write else "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
        )
        return session

    def define(self, session: ServerSession) -> MysqlDefinition:
        """What making tables needs."""
        if not isinstance(session, MysqlSession):
            raise TypeError(f"a session of MySQL is needed, got {session!r}")
        return MysqlDefinition(session, self._options)

    @contextmanager
    def exclusive(self) -> Iterator[MysqlSession]:
        """Make the database where it is missing, and hold off other openers by a lock of the server."""
        try:
            if not self._config.skip_db_creation:
                self._create_database()
            connection = self._connect(self._config.database)
        except (self.driver_error, OSError) as error:
            raise RuntimeError(f"INTERNAL: {self._unreachable(error)}") from error
        try:
            cursor = connection.cursor()
            session = MysqlSession(_Cursor(self, cursor))
            # The list of tables is part of a transaction's view since MySQL 8: those who waited must see the newest.
            session.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
            self._read_settings(session)
            name = f"lakebed-{self._config.database}"[:64]
            if session.rows("SELECT GET_LOCK(?, ?)", (name, LOCK_WAIT_S)) != [(1,)]:
                raise RuntimeError(f"ABORTED: {self.place} is being opened by others for more than {LOCK_WAIT_S} s")
            yield session
            connection.commit()
        except (InternalError, InvalidArgumentError, UnavailableError) as error:
            raise RuntimeError(f"INTERNAL: cannot open {self.place}: {error}") from error
        finally:
            with suppress(self.driver_error, OSError):
                connection.close()

    def _create_database(self) -> None:
        connection = self._connect(None)
        sql = "SELECT schema_name FROM information_schema.schemata WHERE schema_name = %s"
        name = self._config.database.replace("`", "``")
        try:
            with connection.cursor() as cursor:
                if cursor.execute(sql, (self._config.database,)):
                    return
                try:
                    cursor.execute(f"CREATE DATABASE IF NOT EXISTS `{name}`")
                except self.driver_error:
                    # MySQL 8 and above: of several who do this together all but one may be refused.
                    connection.rollback()
                    if not cursor.execute(sql, (self._config.database,)):
                        raise
        finally:
            connection.close()

    def _read_settings(self, session: MysqlSession) -> None:
        version, increment = session.rows("SELECT VERSION(), @@auto_increment_increment")[0]
        self._increment = session.increment = int(increment)
        collation = "utf8mb4_nopad_bin" if "mariadb" in str(version).lower() else "utf8mb4_0900_bin"
        known = session.rows("SELECT 1 FROM information_schema.collations WHERE collation_name = ?", (collation,))
        chosen = collation if known else "utf8mb4_bin"
        self._options = f" ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE={chosen}"

    def opened(self) -> None:
        """Find out whose ways the database has."""
        sql = (
            "SELECT table_comment FROM information_schema.tables "
            "WHERE table_schema = DATABASE() AND lower(table_name) = 'mlmdenv'"
        )
        with self.read() as session:
            comments = session.rows(sql)
        self._is_legacy = not any(row[0] == OWN_COMMENT for row in comments)
        if self._is_legacy:
            self.close()

    def widen(self) -> bool:
        """Give the int properties 64 bits."""
        sql = (
            "SELECT table_name FROM information_schema.columns WHERE table_schema = DATABASE() "
            "AND column_name = 'int_value' AND data_type <> 'bigint'"
        )
        with self.exclusive() as session:
            narrow = [row[0] for row in session.rows(sql)]
            for table in narrow:
                session.execute(f"ALTER TABLE `{table}` MODIFY int_value BIGINT")
        return bool(narrow)

    def status(self, error: Exception) -> Exception:
        """The error of the store for one of the driver."""
        code = error.args[0] if error.args else 0
        if code in _DUPLICATE:
            return DuplicateError(_text(error))
        if code in _RETRY:
            return ConcurrentChangeError(_text(error))
        if code in _RANGE:
            return ValueRangeError(_text(error))
        if code in _TOO_LONG:
            return InvalidArgumentError(f"{self.place}: a text is too long for its column: {_text(error)}; shorten it")
        if code in _GONE or isinstance(error, OSError):
            return UnavailableError(self._unreachable(error))
        return InternalError(f"{self.place}: the server says {_text(error)!r}")

    def _unreachable(self, error: Exception) -> str:
        return (
            f"cannot connect to {self.place} as user {self._config.user!r}: {_text(error)}; check that the "
            f"server runs, "
            "host and port, user and password, and that the user may use the database"
        )


class _Cursor:
    """A driver's cursor whose errors are those of the sessions."""

    def __init__(self, source: MysqlSource, cursor: Any) -> None:
        self._source = source
        self._cursor = cursor

    def execute(self, sql: str, params: Sequence[Any] = ()) -> None:
        """Run a statement."""
        try:
            self._cursor.execute(sql, params or None) if params else self._cursor.execute(sql.replace("%%", "%"))
        except self._source.driver_error as error:
            raise self._source.status(error) from error

    def fetchall(self) -> Sequence[Row]:
        """All rows of the last query."""
        return self._cursor.fetchall()  # type: ignore[no-any-return]

    @property
    def lastrowid(self) -> int:
        """First id that the last statement gave."""
        return int(self._cursor.lastrowid)


def _driver() -> Any:
    try:
        import pymysql
    except ImportError as error:
        raise RuntimeError("FAILED_PRECONDITION: MySQL needs a driver: pip install 'lakebed[mysql]'") from error
    return pymysql


def _tls(options: Any) -> ssl.SSLContext | None:
    """What TLS demands of the server; None where the options ask for nothing, and the driver takes what it gets.

    With `ca` or `capath` its certificate must come from there, with `verify_server_cert` it must also be for the host;
    without those the system's authorities are the ones that count.
    """
    if not any((options.key, options.cert, options.ca, options.capath, options.cipher, options.verify_server_cert)):
        return None
    try:
        context = ssl.create_default_context(cafile=options.ca or None, capath=options.capath or None)
        # Authorities that MySQL makes for itself lack extensions that Python 3.13 asks for.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if options.cipher:
            context.set_ciphers(options.cipher)
        if options.cert:
            context.load_cert_chain(options.cert, options.key or None)
    except (OSError, ValueError) as error:
        given = ", ".join(f"{name}={getattr(options, name)!r}" for name in ("key", "cert", "ca", "capath", "cipher"))
        raise RuntimeError(
            f"INVALID_ARGUMENT: ssl_options are of no use ({error}): {given}; check the files"
        ) from error
    context.check_hostname = options.verify_server_cert
    if not (options.ca or options.capath or options.verify_server_cert):
        context.verify_mode = ssl.CERT_NONE
    return context


def _text(error: Exception) -> str:
    return str(error.args[1] if len(error.args) > 1 else error)
