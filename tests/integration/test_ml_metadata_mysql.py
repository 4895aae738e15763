"""How a store logs in to MySQL and MariaDB: the default authentication of MySQL 8 and above, TLS options, sockets.

Certificates are made here. MySQL itself is tested where there is one (`tests/servers.py`); TLS options on MariaDB too.
"""

from __future__ import annotations

import datetime as dt
import gc
import ipaddress
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.metadata_backends import mysql_config
from tests.servers import Server, mariadb, mysql

from lakebed.ml_metadata import errors
from lakebed.ml_metadata.metadata_store import MetadataStore
from lakebed.ml_metadata.proto import metadata_store_pb2 as pb

pytestmark = pytest.mark.integration
_START, _END = (dt.datetime(year, 1, 1, tzinfo=dt.timezone.utc) for year in (2020, 2120))


@dataclass(frozen=True)
class Authority:
    """A certificate authority that signs certificates into a folder."""

    folder: Path
    name: str
    key: Any
    certificate: Any

    @property
    def path(self) -> Path:
        return self.folder / f"{self.name}.pem"

    def sign(self, name: str, host: str | None = None) -> tuple[Path, Path]:
        """Files of a certificate, for an address or a client, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(name, key).issuer_name(self.certificate.subject)
        if host is not None:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False
            )
        certificate = builder.sign(self.key, hashes.SHA256())
        return _write(self.folder / f"{name}.pem", certificate), _write(self.folder / f"{name}.key", key)


def _builder(name: str, key: Any) -> x509.CertificateBuilder:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).public_key(key.public_key())
    return builder.serial_number(x509.random_serial_number()).not_valid_before(_START).not_valid_after(_END)


def _write(path: Path, item: Any) -> Path:
    pem = serialization.Encoding.PEM
    if isinstance(item, x509.Certificate):
        path.write_bytes(item.public_bytes(pem))
    else:
        no_password = serialization.NoEncryption()
        path.write_bytes(item.private_bytes(pem, serialization.PrivateFormat.PKCS8, no_password))
    path.chmod(0o644)
    return path


def make_authority(folder: Path, name: str) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, key)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    basic = x509.BasicConstraints(ca=True, path_length=None)
    builder = builder.issuer_name(subject).add_extension(basic, critical=True)
    made = Authority(folder, name, key, builder.sign(key, hashes.SHA256()))
    _write(made.path, made.certificate)
    return made


@dataclass(frozen=True)
class Secured:
    """A server with a certificate, and those who signed that and others."""

    server: Server
    authority: Authority
    stranger: Authority


@pytest.fixture(scope="module", params=["mariadb", "mysql"])
def secured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A server whose certificate is for 127.0.0.1 only."""
    folder = tmp_path_factory.mktemp("tls")
    for above in (folder, folder.parent):
        above.chmod(0o755)
    authority, stranger = make_authority(folder, "authority"), make_authority(folder, "stranger")
    certificate, key = authority.sign("server", "127.0.0.1")
    start: Callable[..., Any] = mariadb if request.param == "mariadb" else mysql
    # The ciphers of TLS 1.3 cannot be chosen.
    options = ("--tls-version=TLSv1.2", f"--ssl-ca={authority.path}", f"--ssl-cert={certificate}", f"--ssl-key={key}")
    with start(tmp_path_factory.mktemp("server"), *options) as server:
        yield Secured(server, authority, stranger)


def run(server: Server, *statements: str) -> None:
    with pymysql.connect(unix_socket=server.socket, user=server.user, password=server.password) as connection:
        for statement in statements:
            connection.cursor().execute(statement)


def user(server: Server, name: str, how: str) -> Any:
    """A configuration that logs in as a new user."""
    run(server, f"DROP USER IF EXISTS '{name}'@'%'", f"CREATE USER '{name}'@'%' {how}")
    run(server, f"GRANT ALL ON `{name}`.* TO '{name}'@'%'")
    config = mysql_config(server, name)
    config.mysql.user, config.mysql.password = name, "pw"
    return config


def works(config: Any) -> None:
    """Open a store twice (the second time a server may know the password already), write and read."""
    for _ in range(2):
        store = MetadataStore(config)
        type_id = store.put_artifact_type(pb.ArtifactType(name="A"))
        ids = store.put_artifacts([pb.Artifact(type_id=type_id, uri="é")])
        assert store.get_artifacts_by_id(ids)[0].uri == "é"
        store.close()


def test_the_default_authentication_over_tls(mysql_server: Server) -> None:
    config = user(mysql_server, "over_tls", "IDENTIFIED WITH caching_sha2_password BY 'pw' REQUIRE SSL")
    config.mysql.ssl_options.cipher = "DEFAULT"
    works(config)
    config.mysql.password = "wrong"
    with pytest.raises(RuntimeError, match=r"over_tls.*check that the server runs"):
        MetadataStore(config)


def test_the_default_authentication_without_tls(tmp_path: Path) -> None:
    with mysql(tmp_path, "--tls-version=") as server:
        config = user(server, "over_rsa", "IDENTIFIED WITH caching_sha2_password BY 'pw'")
        with pymysql.connect(host=server.host, port=server.port, user="lakebed", password="secret") as connection:
            cursor = connection.cursor()
            cursor.execute("SHOW STATUS LIKE 'Ssl_cipher'")
            assert cursor.fetchall() in {(), (("Ssl_cipher", ""),)}
        works(config)
        config.mysql.password = "wrong"
        with pytest.raises(RuntimeError, match=r"over_rsa.*check that the server runs"):
            MetadataStore(config)


def test_the_default_authentication_over_a_socket(mysql_server: Server) -> None:
    config = user(mysql_server, "over_socket", "IDENTIFIED WITH caching_sha2_password BY 'pw'")
    config.mysql.ClearField("host")
    config.mysql.ClearField("port")
    config.mysql.socket = mysql_server.socket
    works(config)


def test_a_socket_of_mariadb(mariadb_server: Server) -> None:
    config = mysql_config(mariadb_server, "by_socket")
    config.mysql.ClearField("host")
    config.mysql.ClearField("port")
    config.mysql.socket = mariadb_server.socket
    works(config)
    config.mysql.socket = "/nowhere/socket"
    # PyMySQL leaves a socket that could not connect to the collector.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        with pytest.raises(RuntimeError, match=r"socket /nowhere/socket.*check that the server runs"):
            MetadataStore(config)
        gc.collect()


def test_certificates_of_the_server_are_checked_as_asked(secured: Secured, tmp_path: Path) -> None:
    config = user(secured.server, "checking", "IDENTIFIED BY 'pw' REQUIRE SSL")
    tls = config.mysql.ssl_options
    tls.ca = str(secured.authority.path)
    works(config)
    tls.verify_server_cert = True
    works(config)
    config.mysql.host = "localhost"
    with pytest.raises(RuntimeError, match="checking"):
        MetadataStore(config)
    tls.verify_server_cert = False
    works(config)
    tls.ca = str(secured.stranger.path)
    with pytest.raises(RuntimeError, match=r"(?i)certificate"):
        MetadataStore(config)
    tls.ca = str(tmp_path / "missing.pem")
    with pytest.raises(RuntimeError, match=r"missing\.pem.*check the files"):
        MetadataStore(config)


def test_a_server_is_checked_without_an_authority_of_its_own(secured: Secured) -> None:
    config = user(secured.server, "system", "IDENTIFIED BY 'pw' REQUIRE SSL")
    config.mysql.ssl_options.verify_server_cert = True
    with pytest.raises(RuntimeError, match=r"(?i)certificate"):
        MetadataStore(config)


def test_a_folder_of_authorities(secured: Secured, tmp_path: Path) -> None:
    name = secured.authority.certificate.subject
    config = user(secured.server, "capath", "IDENTIFIED BY 'pw' REQUIRE SSL")
    config.mysql.ssl_options.capath = str(tmp_path)
    with pytest.raises(RuntimeError, match=r"(?i)certificate"):
        MetadataStore(config)
    (tmp_path / f"{_openssl_hash(name):08x}.0").write_bytes(secured.authority.path.read_bytes())
    works(config)


def _openssl_hash(name: x509.Name) -> int:
    """Name of a certificate in a folder of OpenSSL: SHA-1 of the canonical subject (X509_NAME_hash_ex)."""
    digest = hashes.Hash(hashes.SHA1())
    digest.update(_canonical(name))
    return int.from_bytes(digest.finalize()[:4], "little")


def _canonical(name: x509.Name) -> bytes:
    """Each part as UTF-8 in lower case, without the outer SEQUENCE; the names here have one part."""
    text = str(next(iter(name)).value).lower().encode()
    value = bytes([0x0C, len(text)]) + text
    pair = bytes.fromhex("0603550403") + value
    sequence = bytes([0x30, len(pair)]) + pair
    return bytes([0x31, len(sequence)]) + sequence


def test_a_client_shows_its_certificate(secured: Secured) -> None:
    certificate, key = secured.authority.sign("client")
    config = user(secured.server, "showing", "IDENTIFIED BY 'pw' REQUIRE X509")
    tls = config.mysql.ssl_options
    tls.ca = str(secured.authority.path)
    with pytest.raises(RuntimeError, match="showing"):
        MetadataStore(config)
    tls.cert, tls.key = str(certificate), str(key)
    works(config)


def test_ciphers_are_those_asked_for(secured: Secured) -> None:
    config = user(secured.server, "ciphers", "IDENTIFIED BY 'pw' REQUIRE SSL")
    tls = config.mysql.ssl_options
    tls.cipher = "no such cipher"
    with pytest.raises(RuntimeError, match=r"no such cipher.*check the files"):
        MetadataStore(config)
    for cipher in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"):
        tls.cipher = cipher
        works(config)
        source: Any = MetadataStore(config)._engine.source
        with source.connect() as connection:
            cursor = connection.cursor()
            cursor.execute("SHOW STATUS LIKE 'Ssl_cipher'")
            assert cursor.fetchall() == (("Ssl_cipher", cipher),)


def test_a_database_is_made_only_where_that_is_wanted(mariadb_server: Server) -> None:
    config = mysql_config(mariadb_server, "unmade")
    config.mysql.skip_db_creation = True
    with pytest.raises(RuntimeError, match="unmade"):
        MetadataStore(config)
    config.mysql.skip_db_creation = False
    works(config)
    config.mysql.skip_db_creation = True
    works(config)


def test_a_database_in_use_is_opened_by_one_who_may_make_none(mariadb_server: Server) -> None:
    run(mariadb_server, "CREATE DATABASE IF NOT EXISTS `limited`")
    config = user(mariadb_server, "limited", "IDENTIFIED BY 'pw'")
    works(config)
    with pytest.raises(errors.NotFoundError):
        MetadataStore(config).get_artifact_type("none")
