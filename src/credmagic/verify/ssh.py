"""Does a private key open, and does its host let it in?

Without a host the key is opened with its passphrase. With one, the program `ssh` shakes hands and signs in: the key is
given to an agent of its own through a pipe and never lies in a file. The host has to show a key that is known, in
`known_hosts` or the user's own; what it says is only classified.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

from credmagic.errors import VerificationFailed
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.pem import pem_file
from credmagic.verify.base import Probe, Result, no_answer, unreachable

if TYPE_CHECKING:
    from credmagic.kinds.ssh_key import SshKey

PROGRAMS = ("ssh", "ssh-agent", "ssh-add")
_SIGNED_IN = re.compile(r"^Authenticated to ", re.MULTILINE)
_CLASSES = (
    (re.compile(r"REMOTE HOST IDENTIFICATION HAS CHANGED"), "the host shows another key than the known one"),
    (re.compile(r"Permission denied|Too many authentication failures"), "the host does not let this key in"),
)
_UNREACHABLE = (
    (re.compile(r"Could not resolve hostname|Name or service not known"), "no such host"),
    (re.compile(r"Connection refused"), "nothing listens at that host and port"),
    (re.compile(r"Connection (closed|reset)|banner"), "what listens there does not speak SSH"),
)
_UNKNOWN_HOST = re.compile(r"host key is known for|Host key verification failed")


class SshProbe(Probe):
    """The handshake and the sign-in of SSH; no command is run."""

    def check(self, credential: CredentialKind, *, timeout: float) -> Result:
        """Raises as `Probe.check`."""
        key = cast("SshKey", credential)
        opened = _opened(key)
        if not key.host:
            return Result("ok", "the key opens")
        if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
            return Result("unverifiable", f"not verifiable here: needs the program {missing[0]}")
        with tempfile.TemporaryDirectory(prefix="credmagic-ssh-") as place, _agent(Path(place)) as agent:
            added = subprocess.run(
                ["ssh-add", "-q", "-"], input=opened, env=_env(agent), capture_output=True, timeout=timeout, check=False
            )
            if added.returncode != 0:
                raise _refused("ssh does not take a key of this kind")
            return _judge(_sign_in(key, Path(place), agent, timeout), key, timeout)


def _opened(key: SshKey) -> bytes:
    """The key without passphrase, in OpenSSH's form. Raises `VerificationFailed`, `MissingPackage`."""
    from cryptography.hazmat.primitives import serialization as form

    data = pem_file(key.private_key).encode()
    password = str.__str__(key.passphrase).encode() if key.passphrase else None
    for load in (form.load_ssh_private_key, form.load_pem_private_key):
        try:
            opened = load(data, password)
            return opened.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption())
        except Exception:  # noqa: S112  (what a library says of a key is not repeated)
            continue
    raise _refused("the key does not open: it is none, or the passphrase is missing or another")


@contextlib.contextmanager
def _agent(place: Path) -> Iterator[str]:
    """An agent of our own; the path of its socket."""
    path = str(place / "agent")
    agent = subprocess.Popen(
        ["ssh-agent", "-D", "-a", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        assert agent.stdout is not None
        agent.stdout.readline()  # it prints where its socket is once that is there
        yield path
    finally:
        agent.send_signal(signal.SIGTERM)
        agent.communicate()


def _env(agent: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "SSH_AUTH_SOCK": agent, "LC_ALL": "C"}


def _sign_in(key: SshKey, place: Path, agent: str, timeout: float) -> str | None:
    """What `ssh` reports; None if the host kept silent."""
    known: list[str] = []
    if key.known_hosts:
        file = place / "known_hosts"
        file.write_text(pem_file(key.known_hosts), encoding="utf-8")
        known = ["-o", f"UserKnownHostsFile={file}", "-o", "GlobalKnownHostsFile=/dev/null"]
    options = (
        "BatchMode=yes", "StrictHostKeyChecking=yes", "PreferredAuthentications=publickey", "IdentityFile=none",
        "LogLevel=VERBOSE", "ClearAllForwardings=yes", "UpdateHostKeys=no", f"ConnectTimeout={max(1, int(timeout))}",
    )  # fmt: skip
    switches = [part for option in options for part in ("-o", option)]
    place_of = f"{key.user}@{key.host}" if key.user else str(key.host)
    command = ["ssh", "-F", "none", "-T", "-p", str(key.port), *switches, *known, "--", place_of, "exit"]
    process = subprocess.Popen(
        command, env=_env(agent), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        return process.communicate(timeout=timeout)[1].decode(errors="replace")
    except subprocess.TimeoutExpired:
        process.kill()
        report = process.communicate()[1].decode(errors="replace")
        return report if _SIGNED_IN.search(report) else None


def _judge(report: str | None, key: SshKey, timeout: float) -> Result:
    if report is None or "timed out" in report:
        raise no_answer(timeout)
    if _SIGNED_IN.search(report):
        return Result("ok", "the host let the key in")
    for pattern, reason in _CLASSES:
        if pattern.search(report):
            raise _refused(reason)
    if _UNKNOWN_HOST.search(report):
        if key.known_hosts:
            raise _refused("the host shows a key that is not in known_hosts")
        return Result("unverifiable", "not tried: the host's key is not known here; put it into known_hosts")
    for pattern, reason in _UNREACHABLE:
        if pattern.search(report):
            raise unreachable(reason)
    raise unreachable("no SSH connection to that host and port")


def _refused(reason: str) -> VerificationFailed:
    return VerificationFailed(
        f"not accepted: {reason}", next_step="Correct it and verify again; or save unverified (--no-verify)."
    )
