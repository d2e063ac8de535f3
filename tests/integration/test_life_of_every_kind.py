"""Does a whole life work for every kind? In a real JupyterLab's kernel, in one notebook, against services that check.

new → verify → use → export → attach as default → rotate → rollback → pause → resume → refused while in use → detach → rm.
Afterwards no secret of any field stands anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shlex
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from credmagic.crypto.entry import entry_info, seal_entry
from credmagic.kinds.registry import all_kinds, find_kind
from credmagic.testing.front_end import FrontEnd
from integration.every_kind import SIGN_IN, UNVERIFIABLE, every_kind, identity_provider
from integration.every_service import Services, every_service
from security.leak_session import Session
from security.leaks import Canary, leaks
from security.test_leaks import remember

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:botocore", "ignore::DeprecationWarning:moto"),
]

SPENT_BY_ASKING = ("adls_gen2_oauth", "oauth", "snowflake_oauth_user_account")
"""What holds a refresh token: the button Verify does not spend it, saving does and keeps the next one."""
HELPERS = """
import hashlib, os, pathlib
def digests(values):
    texts = [str(v) for v in values]
    texts += [pathlib.Path(t).read_text() for t in texts if t.startswith('/') and os.path.isfile(t)]
    return ['#' + hashlib.sha256(t.encode()).hexdigest() for t in texts]
"""


def digest(value: Any) -> str:
    return "#" + hashlib.sha256(str(value).encode()).hexdigest()


class Notebook:
    """The cells of one credential, and what they showed."""

    def __init__(self, session: Session, services: Services, kind: str) -> None:
        self.session, self.services, self.kind = session, services, kind
        self.environment = "draft" if kind in SIGN_IN else ""

    def run(self, source: str, *said: str, fails: bool = False) -> str:
        """One cell, which must show each of `said`."""
        self.session.cell(source, fails=fails)
        outputs = self.session.notebook.cells[-1].outputs
        parts = ["".join(o.get("text", "") for o in outputs)]
        parts += [str(o.get("data", {}).get("text/plain", "")) + "\n".join(o.get("traceback", [])) for o in outputs]
        text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(parts))
        assert [word for word in said if word not in text] == [], (self.kind, source, text)
        return text

    def made(self, fields: Mapping[str, Any]) -> None:
        """As the form makes it: what is sealed outside of the kernel goes through it."""
        outcomes = []
        for purpose in ("verify", "save"):
            self.run(f"e = credmagic.api.client().begin_entry({self.kind!r})\nprint(e['entry_id'], e['public_key'])")
            entry_id, public_key = self.session.text().split()
            point = base64.urlsafe_b64decode(public_key + "=" * (-len(public_key) % 4))
            where = {"name": self.kind, "environment": self.environment}
            form = {**where, "fields": fields, "verify": True, "attach": False}
            sealed = base64.urlsafe_b64encode(seal_entry(point, entry_info(entry_id, self.kind), form)).decode()
            answer = f"credmagic.api.client().submit_entry({entry_id!r}, {purpose!r}, {sealed.rstrip('=')!r})"
            outcomes.append(self.run(f"a = {answer}\nprint(a.get('outcome') or a['verified']['outcome'])").strip())
        asked = "unverifiable" if self.kind in UNVERIFIABLE else "ok"
        assert outcomes == ["unverifiable" if self.kind in SPENT_BY_ASKING else asked, asked], self.kind

    def signed_in(self) -> None:
        """A connection of that name, where somebody signs in."""
        provider = dict(identity_provider(self.services, self.kind))
        path = self.session.file(Canary(self.kind, "provider", provider.pop("client_secret"), ()))
        words = " ".join(f"--{name.replace('_', '-')} {text}" for name, text in provider.items() if name != "idp_url")
        name = f"--app-id {self.kind}"
        self.run(
            f"%cred connection add {name}\n"
            f"%cred connection configure {name} --env draft --kind {self.kind} --type member\n"
            f"%cred connection set-identity-provider {name} --url {provider['idp_url']} {words} --client-secret file:{path}",
            "identity provider set",
        )
        self.run(f"%cred use {self.kind}", f"%cred login {self.kind} --idp", fails=True)
        call = "credmagic.api.client().call"
        back = "http://127.0.0.1:9/callback"
        self.run(
            f"l = {call}('login_begin', ref={self.kind!r}, idp=True, redirect_uri={back!r})\n"
            "import urllib.request as r\n"
            "class Stay(r.HTTPRedirectHandler):\n"
            "    def redirect_request(self, *how): return None\n"
            "try: r.build_opener(r.ProxyHandler({}), Stay).open(l['authorization_url'])\n"
            "except r.HTTPError as sent: back = sent.headers['Location']\n"
            f"print({call}('login_finish', login_id=l['login_id'], answer=back)['state'])",
            "done",
        )

    def arguments(self, fields: Mapping[str, Any]) -> str:
        """Public fields as they are, secrets from files."""
        words = []
        for name, value in fields.items():
            secret = find_kind(self.kind).spec(name).secret
            for key, text in (value if secret and isinstance(value, dict) else {name: value}).items():
                if secret:
                    words.append(f"--secret {key}=file:{self.session.file(Canary(self.kind, key, text, ()))}")
                else:
                    words.append(shlex.quote(f"{key}={text if isinstance(text, str) else json.dumps(text)}"))
        return " ".join(words)

    def version(self) -> int:
        """The current one: a renewed refresh token has made more of them."""
        return int(self.run(f"print(credmagic.api.client().call('show', ref={self.kind!r})['version'])"))

    def looked(self) -> None:
        """What is shown of it, by every face."""
        self.run(f"%cred show {self.kind}\n%cred versions {self.kind}\n%cred uses {self.kind}\n%cred", self.kind)
        listed = self.session.ask("GET", "api/v2/credentials/?limit=100", status=200).json()["data"]
        one = next(found["credentialId"] for found in listed if found["name"] == self.kind)
        for path in ("", "associations/"):
            self.session.ask("GET", f"api/v2/credentials/{one}/{path}", status=200)

    def holds(self, text: str, fields: Mapping[str, Any]) -> bool:
        """Whether digests of the credential's own secrets or of a token made from them are shown."""
        own = [v for value in fields.values() for v in (value.values() if isinstance(value, dict) else [value])]
        return any(digest(one) in text for one in (*own, *self.services.tokens()))


def live(n: Notebook, first: Mapping[str, Any], then: Mapping[str, Any]) -> None:
    """The whole life."""
    name = n.kind
    secret = any(spec.secret for spec in find_kind(name).specs())
    n.made(first)
    if name in SIGN_IN:
        n.signed_in()
    n.run(f"%cred verify {name}")
    use = f"c = %cred use {name}\nprint(c.version, digests(c.values()), dict(c), *c.values())\nc"
    env = "print(digests(os.environ[v] for v in exported), exported, [os.environ[v] for v in exported])"
    assert n.holds(n.run(use, "1 ["), first)
    if name in SIGN_IN:
        variables = f"[os.environ['WXO_CONNECTION_{name}_access_token']], os.environ['WXO_SECURITY_SCHEMA_{name}']"
        shown = n.run(f"%%cred use {name} --wxo\ntoken, scheme = {variables}\nprint(digests(token), scheme)", "oauth2")
        assert n.holds(shown, {})
    n.run(f"before = set(os.environ)\n%cred use {name} --export\nexported = sorted(set(os.environ) - before)")
    assert n.holds(n.run(env), first) or not secret
    n.run(f"%cred rm {name}", "injected into the running kernel", "main.ipynb", fails=True)
    n.run(f"%cred attach {name} --default")
    n.run(f"d = %cred use --kind {name}\nprint(d.name)", name)
    old = n.version()
    n.run(f"%cred rotate {name} {n.arguments(then)}", f"version {old + 1}")
    assert n.holds(n.run(use), then)
    n.looked()
    n.run(f"%cred rollback {name} {old}")
    assert n.holds(n.run(use), first)
    n.run(f"%cred reload\n{env}")
    n.run(f"%cred pause {name}")
    n.run(f"%cred use {name}", "paused", fails=True)
    n.run("%cred reload\nprint([v for v in exported if v in os.environ])", "[]")
    n.run(f"%cred resume {name}")
    assert n.holds(n.run(use), first)
    n.run(f"%cred rm {name}", "attached", "main.ipynb", fails=True)
    n.run(f"%cred detach {name}")
    n.run(f"%cred rm {name}")
    n.run(f"%cred use {name}", fails=True)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with every_service(tmp_path_factory.mktemp("services")) as running:
        yield running


@pytest.fixture(scope="module")
def session(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    workdir, given = tmp_path_factory.mktemp("lab"), tmp_path_factory.mktemp("given")
    config = workdir / "jupyter-config/jupyter_server_config.py"
    config.parent.mkdir()
    box = f"from credmagic.kinds import box_jwt\nbox_jwt.TOKEN_URL = {services.provider.token_url!r}\n"
    config.write_text(box)  # the only service whose address is not in the credential
    with FrontEnd.running("lab", "/", workdir, None) as lab:
        running = Session(lab.server, given)
        running.cell(HELPERS, fails=False)
        yield running
        running.client.stop_channels()
        running.watch.stop()


@pytest.fixture(scope="module")
def lived(session: Session, services: Services) -> list[str]:
    """Every kind's life, one after the other in one notebook; the kinds."""
    lives = list(every_kind(services))
    for kind, first, then in lives:
        live(Notebook(session, services, kind), first, then)
    return [kind for kind, _, _ in lives]


def test_every_kind_lives_its_whole_life(lived: list[str]) -> None:
    assert sorted(lived) == sorted(cls.kind for cls in all_kinds())


def test_every_secret_field_had_its_canary(lived: list[str], services: Services) -> None:
    hatched = {(one.scenario, one.shape) for one in services.canaries}
    fields = {(kind, spec.name) for kind in lived for spec in find_kind(kind).specs() if spec.secret}
    assert fields - hatched == set()


def plant(session: Session, word: str) -> None:
    """Say `word` openly, by the ways in which the lives could have said a secret."""
    body = {"name": word, "description": word, "credentialType": "bearer", "token": "another-secret-altogether"}
    session.ask("POST", "api/v2/credentials/", body, status=201)
    session.ask("GET", "api/v2/credentials/", status=200)
    session.ask("POST", "api/v2/credentials/", body, status=409)
    session.server.request("GET", f"api/contents/{word}")
    session.cell(f"print({word!r})", fails=False)
    session.cell(f"raise ValueError({word!r})", fails=True)
    with sqlite3.connect(session.workdir / "home/data/credmagic.db") as store:
        store.execute("CREATE TABLE planted (word TEXT)")
        store.execute("INSERT INTO planted VALUES (?)", (word,))
        store.commit()
        store.execute("PRAGMA wal_checkpoint(PASSIVE)")
        store.execute("INSERT INTO planted VALUES (?)", (word,))
    store.close()


SEARCHED = {
    "store", "store's log", "history", "notebook", "checkpoint", "HTML", "server log", "kernel memory", "kernel: code",
    "kernel: iopub", "kernel: replies", "REST: reads", "REST: writes", "REST: refusals",
}  # fmt: skip


def test_no_secret_of_any_kind_leaves_a_trace(lived: list[str], session: Session, services: Services) -> None:
    planted = Canary.hatch("planted", "ascii")
    plant(session, planted.value)
    remember(session)
    session.save()
    surfaces = session.surfaces()
    canaries = [*services.canaries, *services.issued()]

    found = leaks(canaries, surfaces)
    assert not found, "\n".join(found)
    assert {name for name in SEARCHED if not leaks([planted], {name: surfaces.get(name, b"")})} == set()
    assert len(canaries) > 100
