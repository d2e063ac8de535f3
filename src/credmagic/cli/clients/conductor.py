"""Orkes Conductor's Python client: three variables, no file of its own."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from credmagic.cli import private_files
from credmagic.cli.clients.base import KEY, SECRET, Program, Setup, Wanted

FILE = "conductor.env"


class Conductor(Program):
    """Signs in with an access key."""

    title: ClassVar[str] = "Orkes Conductor's Python client"
    as_user: ClassVar[str] = (
        "Configuration(server_api_url=URL, authentication_settings=AuthenticationSettings(None, None)), "
        "then its update_token(TOKEN)"
    )

    def setup(self, wanted: Wanted, prog: str) -> Setup:
        """The variables."""
        cred, _, arguments = prog.partition(" connect")
        return Setup(
            self._variables(wanted, wanted.key or KEY, SECRET),
            python=(f'Configuration(server_api_url="{wanted.base}/api")',),
            notes=(
                f"{KEY} and {SECRET}: {cred} app create NAME, key create NAME",
                f"Write them to {FILE}: {prog} --write --key {wanted.key or KEY} --secret prompt",
                f"To try something out as yourself, in a terminal: credmagic connect{arguments} --user-token",
            ),
        )

    def write(self, wanted: Wanted, prog: str) -> tuple[str, str]:
        """A file of variables in the working directory."""
        key, secret = wanted.proof("Conductor's client", f"{prog} --write")
        private_files.merge_variables(Path(FILE), self._variables(wanted, key, secret))
        return str(Path(FILE).absolute()), f"Use it: set -a; . ./{FILE}; set +a"

    def _variables(self, wanted: Wanted, key: str, secret: str) -> dict[str, str]:
        trust = {"SSL_CERT_FILE": wanted.ca} if wanted.ca else {}
        return {
            "CONDUCTOR_SERVER_URL": f"{wanted.base}/api",
            "CONDUCTOR_AUTH_KEY": key,
            "CONDUCTOR_AUTH_SECRET": secret,
            **trust,
        }
