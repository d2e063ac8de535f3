"""Which pytest fixtures do credmagic's own tests and those of plug-ins share?

`home` isolates everything a test could touch; `canary` is a secret that must turn up nowhere; `require` turns a
missing real component into a skip on a laptop and into a failure where `CREDMAGIC_TEST_REQUIRE_ALL=1`.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_CLEARED = (
    "CREDMAGIC_STORE_URL", "CREDMAGIC_SOCKET", "CREDMAGIC_KERNEL_TOKEN", "CREDMAGIC_ENVIRONMENT",
    "CREDMAGIC_PASSPHRASE", "CREDMAGIC_PASSPHRASE_FILE", "CREDMAGIC_RECOVERY_KEY", "CREDMAGIC_RECOVERY_KEY_FILE",
    "CREDMAGIC_RATES", "CREDMAGIC_DEMO_SECRET", "CREDMAGIC_REMOTE",
    "CREDMAGIC_URL", "CREDMAGIC_AUTH_KEY", "CREDMAGIC_AUTH_SECRET", "CREDMAGIC_AUTH_SECRET_FILE", "CREDMAGIC_CA_FILE",
    "PYTHON_KEYRING_BACKEND", "DBUS_SESSION_BUS_ADDRESS", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY",
    "COLUMNS",
)  # fmt: skip


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A `CREDMAGIC_HOME` of its own, with a key file, and a user's home beside it."""
    user = tmp_path / "user"
    user.mkdir()
    root = tmp_path / "home"
    for name in _CLEARED:
        monkeypatch.delenv(name, raising=False)
    with tempfile.TemporaryDirectory(prefix="cm-") as runtime:
        for name, value in {
            "CREDMAGIC_HOME": root,
            "CREDMAGIC_KEY_PROVIDER": "key_file",
            "HOME": user,
            "XDG_RUNTIME_DIR": runtime,
            "XDG_CONFIG_HOME": user / ".config",
            "XDG_DATA_HOME": user / ".local/share",
            "IPYTHONDIR": user / ".ipython",
            "JUPYTER_RUNTIME_DIR": user / "jupyter-runtime",
            "JUPYTER_CONFIG_DIR": user / "jupyter-config",
            "JUPYTER_DATA_DIR": user / "jupyter-data",
        }.items():
            monkeypatch.setenv(name, str(value))
        yield root


@pytest.fixture
def canary() -> str:
    """An unmistakable secret: plant it, then assert that it is nowhere it should not be."""
    return f"Kanari-{secrets.token_hex(12)}-ß/+&\"'"


def require(component: str, present: object) -> None:
    """Skip (or fail, with `CREDMAGIC_TEST_REQUIRE_ALL=1`) a test whose real `component` is not `present`."""
    if present:
        return
    message = f"{component} is not installed here"
    if os.environ.get("CREDMAGIC_TEST_REQUIRE_ALL") == "1":
        pytest.fail(message + ", and CREDMAGIC_TEST_REQUIRE_ALL=1 asks for every real component")
    pytest.skip(message)
