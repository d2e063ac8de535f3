"""Does a real gnome-keyring hold a store's key, and does another one refuse with a way on?

Each session is a private D-Bus with a keyring of its own; the user's own session is never asked.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keyring.core
import pytest
from keyring.backends import SecretService

from credmagic.keys.os_keyring import OsKeyring
from credmagic.testing.fixtures import require
from credmagic.testing.key_provider_suite import KeyProviderSuite

_TOOLS = ("dbus-run-session", "gnome-keyring-daemon")
_UNLOCKED = "printf %s 'password of the login' | gnome-keyring-daemon --unlock --components=secrets >/dev/null"
_LOCKED = "gnome-keyring-daemon --start --components=secrets >/dev/null"
_IDS = "from credmagic.keys.os_keyring import OsKeyring as K; import json, os, sys; ids = bytes(16), bytes(range(16))"


@pytest.fixture(autouse=True)
def _real_components(home: Path) -> None:
    for tool in _TOOLS:
        require(tool, shutil.which(tool))
    require("SecretStorage", find_spec("secretstorage"))


class Login:
    """A user's home with a keyring file in it; `run` is one login session."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "run").mkdir(parents=True, mode=0o700)

    def environment(self, **more: str) -> dict[str, str]:
        return os.environ | {
            "HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder / "share"),
            "XDG_CONFIG_HOME": str(self.folder / "config"), "XDG_RUNTIME_DIR": str(self.folder / "run"),
            "CREDMAGIC_KEY_PROVIDER": "os_keyring",
        } | more  # fmt: skip

    def run(self, *command: str, start: str = _UNLOCKED, **more: str) -> subprocess.CompletedProcess[str]:
        script = f'{start}; exec "$@"'
        return subprocess.run(
            ["dbus-run-session", "--", "sh", "-c", script, "sh", *command],
            env=self.environment(**more), capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def python(self, code: str, *arguments: str, start: str = _UNLOCKED, **more: str) -> Any:
        """The JSON that `code` prints, or `{"error", "next"}` of the typed error it ended with."""
        done = self.run(sys.executable, "-c", _CATCHING, code, *arguments, start=start, **more)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


_CATCHING = """
import sys, json
from credmagic.errors import VaultLocked
code, sys.argv = sys.argv[1], sys.argv[1:]
try:
    exec(code)
except VaultLocked as error:
    print(json.dumps({"error": error.message, "next": error.next_step}))
"""
_CREATE = f"{_IDS}; n = K().create(*ids); print(json.dumps([n.parameters, n.slot_key.hex()]))"
_UNLOCK = f"{_IDS}; print(json.dumps(K().unlock(*ids, json.loads(sys.argv[1])).hex()))"


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A D-Bus socket's path has to be short."""
    with tempfile.TemporaryDirectory(prefix="cm-") as folder:
        yield Path(folder)


@pytest.fixture
def login(short_folder: Path) -> Login:
    return Login(short_folder / "ada")


@pytest.fixture(scope="module")
def lasting_session() -> Iterator[str]:
    """The D-Bus address of a session that lasts for several tests."""
    for tool in _TOOLS:
        require(tool, shutil.which(tool))
    script = f'{_UNLOCKED}; echo "$DBUS_SESSION_BUS_ADDRESS"; exec cat'
    with tempfile.TemporaryDirectory(prefix="cm-") as folder:
        session = subprocess.Popen(
            ["dbus-run-session", "--", "sh", "-c", script], env=Login(Path(folder) / "ada").environment(),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert session.stdout is not None
        yield session.stdout.readline().strip()
        session.communicate(timeout=10)  # the end of its input ends the session


class TestConformance(KeyProviderSuite):
    """The suite against the real thing."""

    @pytest.fixture
    def provider(self, lasting_session: str, monkeypatch: pytest.MonkeyPatch) -> OsKeyring:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", lasting_session)
        monkeypatch.setattr(keyring.core, "_keyring_backend", SecretService.Keyring())
        return OsKeyring()


def test_an_unlocked_keyring_is_the_default_place(login: Login) -> None:
    code = "from credmagic.keys.choose import choose_default; import json; print(json.dumps(choose_default()))"
    assert login.python(code, CREDMAGIC_KEY_PROVIDER="") == ["os_keyring", None]


def test_the_key_outlives_the_session_and_lies_sealed_in_the_keyring(login: Login) -> None:
    parameters, key = login.python(_CREATE)
    assert parameters["backend"] == "keyring.backends.SecretService.Keyring"
    assert login.python(_UNLOCK, json.dumps(parameters)) == key
    files = [path.read_bytes() for path in login.folder.rglob("*") if path.is_file()]
    assert files, "the keyring is on disk"
    text = base64.b64encode(bytes.fromhex(key))
    assert not [content for content in files if text in content or bytes.fromhex(key) in content]


def test_a_fresh_keyring_refuses_and_says_what_to_do(login: Login, short_folder: Path) -> None:
    parameters, _ = login.python(_CREATE)
    answer = Login(short_folder / "bob").python(_UNLOCK, json.dumps(parameters))
    assert answer["error"] == "the key of this store is not in Secret Service keyring"
    assert "recovery key" in answer["next"]


def test_a_locked_keyring_is_a_typed_stop_within_ten_seconds(login: Login) -> None:
    parameters, _ = login.python(_CREATE)
    started = time.monotonic()
    answer = login.python(_UNLOCK, json.dumps(parameters), start=_LOCKED)
    assert time.monotonic() - started < 12  # the session's start counts here too
    assert "keyring" in answer["error"]
    assert "nlock it" in answer["next"]


def test_without_any_session_it_is_a_typed_stop(login: Login) -> None:
    parameters, _ = login.python(_CREATE)
    answer = login.python(_UNLOCK, json.dumps(parameters), start="export DBUS_SESSION_BUS_ADDRESS=unix:path=/nowhere")
    assert "the keyring here is none that keeps secrets" in answer["error"]
    assert "desktop session" in answer["next"]


def test_a_redirected_keyring_is_a_typed_stop(login: Login) -> None:
    parameters, _ = login.python(_CREATE)
    answer = login.python(_UNLOCK, json.dumps(parameters), PYTHON_KEYRING_BACKEND="keyring.backends.null.Keyring")
    assert "PYTHON_KEYRING_BACKEND" in answer["next"]


def test_a_whole_store_opens_with_its_keyring_and_with_no_other(
    login: Login, short_folder: Path, home: Path, canary: str
) -> None:
    secret = short_folder / "secret"
    secret.write_text(canary)
    credmagic = [sys.executable, "-c", "import sys; from credmagic.cli.main import main; sys.exit(main())"]
    add = ["add", "api", "--kind", "bearer", "--secret", f"token=file:{secret}", "--no-verify"]
    made = login.run(*credmagic, *add)
    assert made.returncode == 0, made.stderr
    assert not (home / "config" / "credmagic.key").exists()
    shown = login.run(*credmagic, "list", "--json")
    assert shown.returncode == 0, shown.stderr
    assert "api" in shown.stdout
    refused = Login(short_folder / "bob").run(*credmagic, "list", "--json")
    assert refused.returncode == 6
    assert "is not in Secret Service keyring" in refused.stderr
    assert "recovery key" in refused.stderr
    assert canary not in made.stdout + made.stderr + refused.stdout + refused.stderr
