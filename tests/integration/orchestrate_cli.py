"""What the real `orchestrate` CLI is told for each of its kinds, what has to lie in the vault then, and how it is run."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path

PYTHON = os.environ.get("CREDMAGIC_TEST_ORCHESTRATE_PYTHON", "")
DRIVER = Path(__file__).with_name("orchestrate_driver.py")
SECRET = f"Kanari-{secrets.token_hex(12)}-ß/+&\"'"
PASSWORD = f"Kanari {secrets.token_hex(12)}"
CERT = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
PEM = f"-----BEGIN PRIVATE KEY-----\n{secrets.token_hex(30)}\n-----END PRIVATE KEY-----\n"
URL = "https://login.example/token"
GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
APP = ["--client-id", "c-1", "--client-secret", SECRET, "--token-url", URL]
STORED_APP = {"client_id": "c-1", "client_secret": SECRET, "token_url": URL}
SSO = ["--sso"]
BEHALF = [*SSO, "--idp-token-use", "on_behalf", "--idp-token-type", "jwt", "--idp-token-header", "X-A: 1"]
EXCHANGED = {**STORED_APP, "grant_type": GRANT, "app_token_key": "subject"}


@dataclass(frozen=True)
class Kind:
    """What the CLI is told, and what has to lie in the vault then."""

    types: tuple[str, ...]
    scheme: str
    auth_type: str | None
    given: list[str]
    stored: dict
    configured: tuple[str, ...] = ()


BOTH = ("team", "member")
KINDS = {
    "basic": Kind(BOTH, "basic_auth", None, ["-u", "bob", "-p", SECRET, "--server-cert", CERT.replace("\n", "\\n")],
                  {"user": "bob", "password": SECRET, "server_cert": CERT}),
    "bearer": Kind(BOTH, "bearer_token", None, ["--token", SECRET], {"token": SECRET}),
    "api_key": Kind(BOTH, "api_key_auth", None, ["-k", SECRET], {"api_key": SECRET}, ("--name", "X-Key")),
    "key_value": Kind(("team",), "key_value_creds", None, ["-e", f"A-b={SECRET}", "-e", "c.d=2", "-e", "entries=3"],
                      {"entries": {"A-b": SECRET, "c.d": "2", "entries": "3"}}),
    "kv": Kind(("team",), "key_value_creds", None, ["-e", f"A={SECRET}"], {"entries": {"A": SECRET}}),
    "oauth_auth_code_flow": Kind(
        BOTH, "oauth2", "oauth2_auth_code",
        [*APP, "--auth-url", URL, "--scope", "read write", "--auth-entries", "prompt=login", "-t", f"X={SECRET}"],
        {**STORED_APP, "authorization_url": URL, "scope": ["read", "write"], "custom_auth_query": {"prompt": "login"},
         "custom_token_header": json.dumps({"X": SECRET}, ensure_ascii=False)},
    ),
    "oauth_auth_password_flow": Kind(
        BOTH, "oauth2", "oauth2_password", [*APP, "-u", "bob", "-p", SECRET, "--grant-type", "password"],
        {**STORED_APP, "user": "bob", "password": SECRET, "grant_type": "password"},
    ),
    "oauth_auth_client_credentials_flow": Kind(
        BOTH, "oauth2", "oauth2_client_creds",
        [*APP, "--send-via", "body", "--grant-type", "client_credentials", "-t", "body:a=1", "-t", "query:b=2"],
        {**STORED_APP, "send_via": "body", "custom_token_body": '{"a": "1"}', "custom_token_query": '{"b": "2"}'},
    ),
    "oauth_auth_on_behalf_of_flow": Kind(
        ("member",), "oauth2", "oauth_on_behalf_of_flow", [*APP, "--grant-type", GRANT, "--app-token-key", "subject"],
        EXCHANGED, tuple(BEHALF),
    ),
    "oauth_auth_token_exchange_flow": Kind(
        ("member",), "oauth2", "oauth2_token_exchange", [*APP, "--grant-type", GRANT, "--app-token-key", "subject"],
        EXCHANGED, (*SSO, "--app-token-header", "X-B: 2"),
    ),
    "oauth_auth_jwt_bearer_flow": Kind(
        ("team",), "oauth2", "oauth2_jwt_bearer",
        ["--token-url", URL, "--alg", "RS384", "--private-key", PEM, "--private-key-password", SECRET, "--kid", "k",
         "--iss", "me", "--aud", "them", "--exp", "600", "--include-jti", "--claims", "sub=you", "--claims", "n=1"],
        {"token_url": URL, "alg": "RS384", "private_key": PEM, "private_key_password": SECRET, "kid": "k",
         "iss": "me", "aud": "them", "exp": 600, "include_jti": True, "custom_claims": {"sub": "you", "n": "1"}},
    ),
}  # fmt: skip
CASES = [(kind, type_) for kind, how in KINDS.items() for type_ in how.types]


class Cli:
    """The CLI in a home of its own; `run(words…)` gives exit code and everything it wrote."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir()
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "COLUMNS": "200", "PYTHONWARNINGS": "ignore"}
        self._process = subprocess.Popen(
            [PYTHON, str(DRIVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.written = ""

    def run(self, *words: str) -> tuple[int, str]:
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        done = json.loads(self._process.stdout.readline())
        text = re.sub(r"\x1b\[[0-9;]*m", "", done["out"])
        self.written += text
        return done["code"], text

    def done(self, *words: str) -> str:
        """What it wrote; fails unless it went well."""
        code, out = self.run(*words)
        assert code == 0, out
        return out

    def refused(self, *words: str) -> str:
        code, out = self.run(*words)
        assert code == 1, out
        return out

    def connections(self, *words: str) -> str:
        return self.done("connections", *words)

    def rows(self, app_id: str) -> dict:
        """Its list, of one connection, by environment."""
        out = self.connections("list", "--verbose")
        listed = json.loads(out[out.index("[") :])
        return {row["environment"]: row for row in listed if row["app_id"] == app_id}

    def close(self) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)
