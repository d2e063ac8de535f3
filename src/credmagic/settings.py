"""Which directories and switches does this process use?

Read from the environment at each call, so that tests and notebooks can change them. `CREDMAGIC_HOME` isolates
everything: `HOME/data` (store), `HOME/config` (key file, settings), `HOME/run` (socket, files of the `file`
injector). Without it, the platform's own directories. Nothing here creates a directory but `private_dir`.
"""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from credmagic.errors import StoreUnusable

DEFAULT_ENVIRONMENT = "draft"
HERE = "here"
"""In place of the nickname of another server: none, whatever `remote use` said."""


@dataclass(frozen=True)
class Home:
    """The directories of one credmagic: where the store, the key file and the socket lie."""

    data: Path
    config: Path
    run: Path

    @property
    def store_file(self) -> Path:
        """The SQLite file, unless `CREDMAGIC_STORE_URL` names another database."""
        return self.data / "credmagic.db"

    @property
    def key_file(self) -> Path:
        """The key file of the `key_file` provider; outside the data directory on purpose."""
        return self.config / "credmagic.key"


def home() -> Home:
    """The directories in force now."""
    if root := os.environ.get("CREDMAGIC_HOME"):
        base = Path(root).expanduser().absolute()
        return Home(base / "data", base / "config", base / "run")
    import platformdirs  # only without CREDMAGIC_HOME: a kernel under a server never needs it

    dirs = platformdirs.PlatformDirs("credmagic", appauthor=False)
    data, config = Path(dirs.user_data_dir), Path(dirs.user_config_dir)
    if data == config:  # macOS and Windows name one directory, but the key must not lie beside what it opens
        data, config = data / "data", config / "config"
    if sys.platform == "linux" and not os.environ.get("XDG_RUNTIME_DIR"):  # containers, cron: no session directory
        return Home(data, config, data / "run")
    return Home(data, config, Path(dirs.user_runtime_dir))


def private_dir(path: Path, *, shared: bool = False) -> Path:
    """Make `path` (0700) if it is not there and return it. Raises `StoreUnusable` when that cannot be done.

    A directory that may be `shared`, since somebody chose it, is refused when others can enter it: they may need to.
    """
    opened = False
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        opened = os.name == "posix" and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
        if opened and not shared:
            path.chmod(0o700)
    except OSError as error:
        raise StoreUnusable(
            f"cannot write to the directory {path} ({error.strerror})",
            code="store_not_writable",
            next_step="Make it yours (chown, chmod 700) or set CREDMAGIC_HOME to a directory you can write to.",
        ) from None
    if opened and shared:
        raise StoreUnusable(
            f"others may enter the directory {path}",
            code="store_not_writable",
            next_step=f"Choose another one, or make it yours alone: chmod 700 {path}",
        )
    return path


def active_environment() -> str:
    """The environment in which names are looked up: `CREDMAGIC_ENVIRONMENT`, else `draft`."""
    return os.environ.get("CREDMAGIC_ENVIRONMENT") or DEFAULT_ENVIRONMENT


def active_remote() -> str:
    """The nickname of the server that names are looked up on: `CREDMAGIC_REMOTE`, else "" for none but this one."""
    nick = os.environ.get("CREDMAGIC_REMOTE", "")
    return "" if nick == HERE else nick


def environments() -> list[str]:
    """The environments there are before anything is stored: draft, live and those of `CREDMAGIC_ENVIRONMENTS`."""
    named = os.environ.get("CREDMAGIC_ENVIRONMENTS", "").replace(",", " ").split()
    return list(dict.fromkeys([DEFAULT_ENVIRONMENT, "live", *named]))


def store_url() -> str | None:
    """The database URL that takes the SQLite file's place, if one is set."""
    return os.environ.get("CREDMAGIC_STORE_URL") or None


def key_provider() -> str | None:
    """The key provider a *new* store must use (`CREDMAGIC_KEY_PROVIDER`), if one is set."""
    return os.environ.get("CREDMAGIC_KEY_PROVIDER") or None


def socket_path() -> str | None:
    """The Unix socket of the server that started this kernel."""
    return os.environ.get("CREDMAGIC_SOCKET") or None


def ca_file() -> str | None:
    """The certificates (PEM) that another server's is checked against, in place of the system's."""
    return os.environ.get("CREDMAGIC_CA_FILE") or None


def rates_off() -> bool:
    """True when `CREDMAGIC_RATES=off`: limits are off for a load test (`status` says so)."""
    return os.environ.get("CREDMAGIC_RATES", "").casefold() == "off"
