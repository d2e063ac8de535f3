"""Which files and variables does the quickstart find?

A working folder of its own with the notebook, a small SQLite file for `warehouse` and the secret of
`demo-api` in a private file; everything in it, and the home when it was made for the demo, is removed at the
end.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from credmagic import settings
from credmagic.errors import CredmagicError

SECRET_FILE = ".demo-secret"  # noqa: S105 - a file's name
"""A dot file: Jupyter does not serve those, so the page in the browser cannot read it either."""
DATABASE_FILE = "warehouse.db"
NOTEBOOK = "quickstart.ipynb"
_SALES = [("north", 1250.0), ("south", 980.5), ("east", 1410.25)]
_OF_ANOTHER_SESSION = (
    "CREDMAGIC_SOCKET", "CREDMAGIC_KERNEL_TOKEN", "CREDMAGIC_ENVIRONMENT", "CREDMAGIC_DEMO_SECRET",
    "JUPYTER_TOKEN", "JUPYTER_TOKEN_FILE",
)  # fmt: skip
_OF_ANOTHER_STORE = (
    "CREDMAGIC_STORE_URL", "CREDMAGIC_PASSPHRASE", "CREDMAGIC_PASSPHRASE_FILE",
    "CREDMAGIC_RECOVERY_KEY", "CREDMAGIC_RECOVERY_KEY_FILE",
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where the demo happens: `folder` (notebooks), `notebook` in it, `private` (not served), `throw_away`
    home.
    """

    folder: Path
    notebook: Path
    private: Path
    throw_away: bool


def demo_secret() -> str:
    """What the service accepts: `CREDMAGIC_DEMO_SECRET`, else something random."""
    return os.environ.get("CREDMAGIC_DEMO_SECRET") or secrets.token_urlsafe(24)


@contextmanager
def prepared(secret: str, url: str) -> Iterator[Place]:
    """Make the folder and set the environment for the children; take both back afterwards."""
    base = Path(tempfile.mkdtemp(prefix="credmagic-demo-"))
    try:
        place = Place(base / "work", base / "work" / NOTEBOOK, base, not os.environ.get("CREDMAGIC_HOME"))
        place.folder.mkdir(mode=0o700)
        place.notebook.write_bytes(shipped_notebook())
        _write_private(place.folder / SECRET_FILE, secret)
        _make_database(place.folder / DATABASE_FILE)
        with _environment(_variables(place, url)):
            if not place.throw_away:
                _forget_earlier_demo()
            yield place
    finally:
        shutil.rmtree(base, ignore_errors=True)


def shipped_notebook() -> bytes:
    """The quickstart as it came with the package, or as it lies in the source tree."""
    packaged = resources.files("credmagic.demo") / NOTEBOOK
    if packaged.is_file():
        return packaged.read_bytes()
    source = Path(__file__).resolve().parents[3] / "notebooks" / NOTEBOOK
    try:
        return source.read_bytes()
    except OSError:
        pass
    raise CredmagicError("the quickstart notebook is missing", next_step="Reinstall credmagic.")


def _variables(place: Place, url: str) -> dict[str, str]:
    """The whole environment of the demo's children."""
    dropped = {*_OF_ANOTHER_SESSION, *(_OF_ANOTHER_STORE if place.throw_away else ())}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    direct = ",".join(filter(None, (kept.get("NO_PROXY") or kept.get("no_proxy"), "127.0.0.1,localhost")))
    kept.setdefault("CREDMAGIC_HOME", str(place.private / "home"))
    return kept | {
        "CREDMAGIC_KEY_PROVIDER": "key_file",
        "CREDMAGIC_DEMO_URL": f"{url}/orders",
        "NO_PROXY": direct,
        "no_proxy": direct,
    }


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _write_private(path: Path, text: str) -> None:
    """The very bytes of `text`, 0600: `--secret FIELD=file:` takes a file as it is, line end included."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text.encode())


def _make_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE sales (region TEXT, revenue REAL)")
        database.executemany("INSERT INTO sales VALUES (?, ?)", _SALES)


def _forget_earlier_demo() -> None:
    """In a home that stays, `demo-api` of the last run points to a service that has ended: make room for
    ours.
    """
    if settings.store_url() or settings.home().store_file.exists():
        subprocess.run([sys.executable, "-m", "credmagic.demo.tidy"], stdin=subprocess.DEVNULL, check=False, timeout=60)
