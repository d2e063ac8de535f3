"""The `orchestrate` CLI of watsonx Orchestrate: an environment in its configuration, then a sign-in.

Over https it signs in by itself. Over plain http it takes a server of this machine for its own developer edition,
unless the scheme is written in capitals; then it must find a token in its credentials file, and asks for none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from credmagic.cli import private_files
from credmagic.cli.clients.base import KEY, Program, Setup, Wanted
from credmagic.cli.usage import UsageError
from credmagic.errors import word


class Orchestrate(Program):
    """Signs in with an access key, or with a token that lies there already."""

    title: ClassVar[str] = "watsonx Orchestrate's CLI"

    def setup(self, wanted: Wanted, prog: str) -> Setup:
        """The commands, or the files they write."""
        name, secure = word(wanted.name), _is_https(wanted)
        add = f"orchestrate env add -n {name} -u {_url(wanted)}"
        if secure:
            add += " --type cpd" + (f" --verify {word(wanted.ca)}" if wanted.ca else "")
            add += f" --iam-url {wanted.base}/icp4d-api" if "/orchestrate" in wanted.base else ""
        files = {str(_config()): self._environment(wanted)}
        if not secure:
            files[str(_credentials())] = _token(wanted.name, "TOKEN")
        activate = f"orchestrate env activate {name}" + (f" --username {wanted.key or KEY}" if secure else "")
        notes = []
        if secure:
            notes.append(f"{KEY} and its secret: {prog.partition(' connect')[0]} app create NAME, key create NAME")
        if secure and not wanted.ca:
            notes.append(f"A certificate of your own: {prog} --ca FILE, or --insecure at the first command")
        notes.append(
            f"The sign-in itself never checks the certificate. Write the file: {prog} --write" if secure
            else f"TOKEN is good for an hour; write both files, token included: {prog} --write"
        )  # fmt: skip
        return Setup(commands=(add, activate), files=files, notes=notes)

    def write(self, wanted: Wanted, prog: str) -> tuple[str, str]:
        """The environment; over plain http the token too."""
        name, secure = word(wanted.name), _is_https(wanted)
        token = "" if secure else self._signed_in(wanted, prog)
        private_files.merge_yaml(_config(), self._environment(wanted))
        if secure:
            return str(_config()), f"Sign in: orchestrate env activate {name} --username {wanted.key or KEY}"
        private_files.merge_yaml(_credentials(), _token(wanted.name, token))
        return f"{_config()} and {_credentials()}", f"orchestrate env activate {name} (a fresh token: {prog} --write)"

    def _environment(self, wanted: Wanted) -> dict[str, Any]:
        about: dict[str, Any] = {"wxo_url": _url(wanted)}
        if _is_https(wanted):
            about["auth_type"] = "cpd"
            about |= {"verify": wanted.ca, "bypass_ssl": False} if wanted.ca else {}
            about |= {"iam_url": f"{wanted.base}/icp4d-api"} if "/orchestrate" in wanted.base else {}
        return {"environments": {wanted.name: about}}

    def _signed_in(self, wanted: Wanted, prog: str) -> str:
        if wanted.key and wanted.secret is not None:
            from credmagic.client.remote import AccessKeyToken

            return AccessKeyToken(wanted.base, wanted.key, str.__str__(wanted.secret), wanted.ca or None)()
        if wanted.user_token is None:
            raise UsageError("a token is needed", next_step=f"{prog} --write --key {KEY} --secret prompt")
        return str.__str__(wanted.user_token())


def _is_https(wanted: Wanted) -> bool:
    return wanted.base.startswith("https:")


def _url(wanted: Wanted) -> str:
    """The address as the CLI takes it: in capitals where small letters mean its own developer edition."""
    return wanted.base if _is_https(wanted) else f"HTTP{wanted.base.removeprefix('http')}"


def _token(name: str, token: str) -> dict[str, Any]:
    return {"auth": {name: {"wxo_mcsp_token": token}}}


def _config() -> Path:
    return Path.home() / ".config/orchestrate/config.yaml"


def _credentials() -> Path:
    return Path.home() / ".cache/orchestrate/credentials.yaml"
