"""The Python package `datarobot`: an endpoint and a token, from variables or from `drconfig.yaml`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

from credmagic.cli import private_files
from credmagic.cli.clients.base import Program, Setup, Wanted
from credmagic.cli.usage import UsageError


class DataRobot(Program):
    """Takes the Jupyter token."""

    title: ClassVar[str] = "DataRobot's Python client"

    def setup(self, wanted: Wanted, prog: str) -> Setup:
        """Endpoint and token, three ways."""
        endpoint, token = f"{wanted.base}/api/v2", "JUPYTER_TOKEN"
        variables = {"DATAROBOT_ENDPOINT": endpoint, "DATAROBOT_API_TOKEN": token}
        python = f'dr.Client(endpoint="{endpoint}", token="{token}"'
        if wanted.ca:
            python += f', ssl_verify="{wanted.ca}"'
        return Setup(
            variables, files={str(self.path()): self._content(wanted, token)}, python=(python + ")",),
            notes=(
                f"{token}: `jupyter server list` shows it. Both must come from the same place.",
                f"Write the file, token included: {prog} --write",
            ),
        )  # fmt: skip

    def write(self, wanted: Wanted, prog: str) -> tuple[str, str]:
        """The configuration file."""
        token = wanted.secret or wanted.server.token
        if token is None:
            raise UsageError(
                "no token of that server is known here", next_step=f"Give it: {prog} --write --secret prompt"
            )
        private_files.merge_yaml(self.path(), self._content(wanted, str.__str__(token)))
        shadow = " (but DATAROBOT_ENDPOINT is set here, and goes first)" if "DATAROBOT_ENDPOINT" in os.environ else ""
        return f"{self.path()}{shadow}", "Try it: python -c 'import datarobot as dr; print(dr.Credential.list())'"

    def _content(self, wanted: Wanted, token: str) -> dict[str, Any]:
        trust = {"ssl_verify": wanted.ca} if wanted.ca else {}
        return {"endpoint": f"{wanted.base}/api/v2", "token": token, **trust}

    def path(self) -> Path:
        """The file the client reads."""
        named = os.environ.get("DATAROBOT_CONFIG_FILE")
        return Path(named).expanduser() if named else Path.home() / ".config/datarobot/drconfig.yaml"
