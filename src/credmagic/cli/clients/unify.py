"""Element Unify's CLI: a cluster with name and password, kept in the OS keyring."""

from __future__ import annotations

import json
from typing import ClassVar

from credmagic.cli.clients.base import Program, Setup, Wanted
from credmagic.cli.usage import UsageError
from credmagic.errors import word

_SERVICE = "ah"
_REMOTE, _USER, _PASSWORD = (
    "d0adae9c-a1b7-11ea-906d-acde48001122_{}",
    "c2c731a4-a1b7-11ea-906d-acde48001122_{}",
    "b901bcca-a1b7-11ea-906d-acde48001122_{}",
)
_NAMES = "23556a06-a1c0-11ea-906d-acde48001122"
"""The names under which that CLI keeps its clusters."""


class Unify(Program):
    """Signs in as a machine with a password, or as a Jupyter user with the token."""

    title: ClassVar[str] = "Element Unify's CLI"

    def setup(self, wanted: Wanted, prog: str) -> Setup:
        """The commands."""
        name = word(wanted.name)
        key = wanted.key or "MACHINE_ID"
        add = f"unify cluster add --remote {wanted.base} --username {key} --password PASSWORD --name {name}"
        return Setup(
            {"REQUESTS_CA_BUNDLE": wanted.ca} if wanted.ca else {},
            commands=(add, *_after(name)),
            notes=(
                f"MACHINE_ID and PASSWORD: {prog.partition(' connect')[0]} machine add",
                f"Without the password in a command: {prog} --write --key {key} --secret prompt",
            ),
        )

    def write(self, wanted: Wanted, prog: str) -> tuple[str, str]:
        """What `unify cluster add` keeps, into the OS keyring."""
        key, secret = wanted.proof("Unify's CLI", f"{prog} --write")
        entries = {_REMOTE: f"{wanted.base}/", _USER: key, _PASSWORD: secret}
        _keep({name.format(wanted.name): value for name, value in entries.items()}, wanted.name)
        return "the OS keyring", _after(word(wanted.name))[0]


def _after(name: str) -> tuple[str, ...]:
    return f"unify cluster login --remote {name}", f"unify user org-list --org 1 --remote {name}"


def _keep(entries: dict[str, str], name: str) -> None:
    import keyring  # only when it is written to
    import keyring.errors

    try:
        for entry, value in entries.items():
            keyring.set_password(_SERVICE, entry, value)
        names = json.loads(keyring.get_password(_SERVICE, _NAMES) or "[]")
        if name not in names:
            keyring.set_password(_SERVICE, _NAMES, json.dumps([*names, name]))
        return
    except (keyring.errors.KeyringError, RuntimeError, ValueError):
        pass
    raise UsageError(
        "the OS keyring, where Unify's CLI keeps its clusters, does not take it",
        next_step="On a host without one, both programs need PYTHON_KEYRING_BACKEND (a file backend).",
    )
