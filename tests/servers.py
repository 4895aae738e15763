"""Real MariaDB, MySQL and PostgreSQL servers, started by the tests in folders of their own on free ports of 127.0.0.1.

A server that runs as root gives its data folder to the account that Debian's package made. Without the server programs
the tests that need them are skipped, but with `CI=true` they fail: `make test` installs the packages when it is root.
MySQL itself is in no stable release of Debian: the tests with it run where `LAKEBED_MYSQLD` names a mysqld of version 8
or above, or `.ci/mysql` could unpack one.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

START_TIMEOUT_S = 60.0
MARIADB_FAST = (
    *("--innodb-flush-log-at-trx-commit=0", "--skip-log-bin", "--performance-schema=OFF", "--innodb-doublewrite=0"),
    *("--innodb-file-per-table=0", "--sync-frm=0"),
)
GRANT = "CREATE USER 'lakebed'@'%' IDENTIFIED BY 'secret'; GRANT ALL ON *.* TO 'lakebed'@'%' WITH GRANT OPTION;"
MYSQL_FAST = (
    *("--innodb-flush-log-at-trx-commit=0", "--skip-log-bin", "--performance-schema=OFF", "--innodb-doublewrite=OFF"),
    *("--innodb-flush-method=nosync", "--innodb-redo-log-capacity=67108864", "--secure-file-priv=NULL"),
)
UNPACKED_MYSQLD = Path(__file__).parents[1] / "target" / "mysql" / "mysqld"
POSTGRESQL_FAST = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")


@dataclass(frozen=True)
class Server:
    """Where a server listens, and as whom to log in."""

    host: str
    port: int
    user: str
    password: str
    socket: str = ""


def require(*programs: str) -> list[str]:
    """Find server programs; their absence skips a test, or fails it where `CI=true`."""
    places = [*os.environ.get("PATH", "").split(os.pathsep), "/usr/sbin", "/usr/local/sbin"]
    places += sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    found = [shutil.which(program, path=os.pathsep.join(places)) for program in programs]
    missing = [program for program, path in zip(programs, found, strict=True) if path is None]
    if missing:
        message = f"{', '.join(missing)} not found; on Debian: apt-get install mariadb-server postgresql"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return [str(path) for path in found]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def as_account(account: str, folder: Path) -> list[str]:
    """The start of a command that runs as `account`, which then owns the folder; empty unless this is root."""
    if os.getuid() != 0:
        return []
    shutil.chown(folder, account, account)
    for above in folder.parents:
        if above.stat().st_uid == 0 and above != Path("/") and not above.stat().st_mode & 0o001:
            above.chmod(above.stat().st_mode | 0o011)
    return ["setpriv", f"--reuid={account}", f"--regid={account}", "--clear-groups"]


@contextmanager
def running(command: list[str], folder: Path, port: int) -> Iterator[None]:
    """Run a server until the end of the block; it is asked to stop, and killed if it does not."""
    log = folder.with_name(folder.name + ".log")
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder, start_new_session=True)
        try:
            _wait_until_it_listens(process, port, log)
            yield
        finally:
            process.send_signal(signal.SIGINT if "postgres" in " ".join(command) else signal.SIGTERM)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.05)
    raise RuntimeError(f"the server does not listen on port {port}:\n{log.read_text(errors='replace')[-2000:]}")


@contextmanager
def mariadb(folder: Path, *options: str) -> Iterator[Server]:
    """A MariaDB server with the account `lakebed`, password `secret`, that may do everything."""
    server, install, client = require("mariadbd", "mariadb-install-db", "mariadb")
    data = folder / "mariadb"
    data.mkdir()
    prefix = as_account("mysql", data)
    make = [*prefix, install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal"]
    subprocess.run([*make, "--skip-test-db", "--skip-name-resolve"], check=True, capture_output=True, cwd=data)
    port, sock = free_port(), data / "s"
    command = [server, "--no-defaults", f"--datadir={data}", f"--socket={sock}", f"--port={port}"]
    command += ["--bind-address=127.0.0.1", f"--pid-file={data / 'pid'}", *MARIADB_FAST, *options]
    with running([*prefix, *command], data, port):
        login = [*prefix, client, "--no-defaults", f"--socket={sock}", "--user=root"]
        subprocess.run([*login, "-e", GRANT], check=True, capture_output=True)
        yield Server("127.0.0.1", port, "lakebed", "secret", str(sock))


def find_mysqld() -> str:
    """The program of MySQL itself; its absence skips a test."""
    found = os.environ.get("LAKEBED_MYSQLD") or str(UNPACKED_MYSQLD)
    if not os.access(found, os.X_OK):
        pytest.skip("no mysqld: name one of version 8 or above by LAKEBED_MYSQLD, or run .ci/mysql")
    return found


@contextmanager
def mysql(folder: Path, *options: str) -> Iterator[Server]:
    """A server of MySQL itself with the account `lakebed`, password `secret`, authenticated as its version does."""
    server = find_mysqld()
    data = folder / "mysql"
    data.mkdir()
    start = folder / "start.sql"
    start.write_text(f"{GRANT}\n")
    port, sock = free_port(), data / "s"
    command = [server, "--no-defaults", f"--datadir={data}", "--log-error-verbosity=1", *MYSQL_FAST]
    if os.getuid() == 0:
        command.append("--user=root")
    subprocess.run([*command, "--initialize-insecure"], check=True, capture_output=True, cwd=data)
    command += [f"--socket={sock}", f"--port={port}", "--bind-address=127.0.0.1", f"--pid-file={data / 'pid'}"]
    command += ["--mysqlx=OFF", f"--init-file={start}", *options]
    with running(command, data, port):
        yield Server("127.0.0.1", port, "lakebed", "secret", str(sock))


@contextmanager
def postgresql(folder: Path) -> Iterator[Server]:
    """A PostgreSQL server with the account `lakebed`, password `secret`, that may do everything."""
    server, install = require("postgres", "initdb")
    data = folder / "postgresql"
    data.mkdir(mode=0o700)
    prefix = as_account("postgres", data)
    secret = data.with_name("secret")
    secret.write_text("secret")
    secret.chmod(0o644)
    make = [*prefix, install, "-D", str(data), "-U", "lakebed", f"--pwfile={secret}", "-A", "scram-sha-256"]
    subprocess.run([*make, "-E", "UTF8", "--locale=C", "--no-sync"], check=True, capture_output=True, cwd=data)
    port = free_port()
    command = [server, "-D", str(data), "-p", str(port), "-c", "listen_addresses=127.0.0.1"]
    command += ["-c", f"unix_socket_directories={data}", *POSTGRESQL_FAST]
    with running([*prefix, *command], data, port):
        yield Server("127.0.0.1", port, "lakebed", "secret")
