"""SSH keys: opened, and tried against a real sshd that knows one of them."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from credmagic.errors import Unreachable, VerificationFailed
from credmagic.kinds.ssh_key import SshKey
from credmagic.testing.fixtures import require
from credmagic.verify.base import verify

SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")


def keygen(path, kind="ed25519", passphrase="", *more):
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", path, *more], check=True, stdin=subprocess.DEVNULL)
    return Path(path).read_text()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Sshd:
    """A server of this user's own, on loopback; whoever's key is in `authorized` may come in."""

    def __init__(self, place):
        self.place, self.port = place, free_port()
        keygen(place / "host_key")
        self.authorized = place / "authorized_keys"
        self.authorized.touch(0o600)
        self.host_key = " ".join((place / "host_key.pub").read_text().split()[:2])
        self.known_hosts = f"[127.0.0.1]:{self.port} {self.host_key}\n"
        (place / "config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {place}/host_key\nPidFile none\nUsePAM no\n"
            f"AuthorizedKeysFile {self.authorized}\nStrictModes no\nPasswordAuthentication no\n"
            "KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nForceCommand /bin/false\nLogLevel ERROR\n"
        )

    def __enter__(self):
        os.makedirs("/run/sshd", exist_ok=True) if os.getuid() == 0 else None
        self.process = subprocess.Popen([SSHD, "-D", "-e", "-f", self.place / "config"], stderr=subprocess.PIPE)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
                return self
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("sshd does not listen")

    def __exit__(self, *raised):
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=10)


@pytest.fixture(scope="module")
def sshd():
    require("openssh-server", SSHD and shutil.which("ssh-agent"))
    with tempfile.TemporaryDirectory(prefix="cm-sshd-") as place, Sshd(Path(place)) as running:
        yield running


@pytest.fixture
def user_key(sshd, tmp_path):
    """A function: a key of a kind, which the server lets in."""

    def made(kind="ed25519", passphrase="", *more):
        text = keygen(tmp_path / kind, kind, passphrase, *more)
        sshd.authorized.write_text((tmp_path / f"{kind}.pub").read_text())
        return text

    return made


def at(sshd, **values):
    place = {"host": "127.0.0.1", "port": sshd.port, "user": getpass.getuser(), "known_hosts": sshd.known_hosts}
    return SshKey.parse({**place, **values})


@pytest.mark.parametrize(("kind", "passphrase"), [("ed25519", ""), ("ed25519", "open-sesame"), ("rsa", "open-sesame"), ("ecdsa", "")])
def test_a_key_that_the_server_knows_signs_in(sshd, user_key, kind, passphrase):
    key = user_key(kind, passphrase)

    result = verify(at(sshd, private_key=key, passphrase=passphrase))

    assert (result.outcome, result.reason) == ("ok", "the host let the key in")


def test_a_key_in_the_older_form_of_files_signs_in(sshd, user_key):
    assert verify(at(sshd, private_key=user_key("rsa", "", "-m", "PEM"))).outcome == "ok"


def test_nothing_of_the_key_is_left_behind(sshd, user_key, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    before = agents()

    assert verify(at(sshd, private_key=user_key())).outcome == "ok"

    assert list((tmp_path / "tmp").iterdir()) == []
    assert agents() == before


def agents():
    """The ssh-agents that are children of this process."""
    found = subprocess.run(["ps", "--ppid", str(os.getpid()), "-o", "comm="], capture_output=True, text=True, check=False)
    return found.stdout.split().count("ssh-agent")


def test_a_key_that_the_server_does_not_know_is_refused(sshd, user_key, tmp_path):
    user_key()
    with pytest.raises(VerificationFailed, match="does not let this key in") as caught:
        verify(at(sshd, private_key=keygen(tmp_path / "other")))
    assert caught.value.__context__ is None


def test_a_host_that_shows_another_key_is_refused(sshd, user_key, tmp_path):
    keygen(tmp_path / "impostor")
    other = " ".join((tmp_path / "impostor.pub").read_text().split()[:2])

    with pytest.raises(VerificationFailed, match="host shows"):
        verify(at(sshd, private_key=user_key(), known_hosts=f"[127.0.0.1]:{sshd.port} {other}\n"))


def test_a_host_nobody_knows_is_not_tried(sshd, user_key, home):
    result = verify(at(sshd, private_key=user_key(), known_hosts=None))

    assert result.outcome == "unverifiable"
    assert "known_hosts" in result.reason


@pytest.mark.parametrize("passphrase", [None, "wrong-passphrase"])
def test_a_key_that_does_not_open_is_refused_before_anybody_is_asked(tmp_path, passphrase):
    require("openssh-client", shutil.which("ssh-keygen"))
    key = keygen(tmp_path / "locked", "ed25519", "open-sesame")

    with pytest.raises(VerificationFailed, match="does not open") as caught:
        verify(SshKey.parse({"private_key": key, "passphrase": passphrase, "host": "nowhere.invalid"}))
    assert "wrong-passphrase" not in f"{caught.value}"


def test_without_a_host_the_key_is_opened(tmp_path):
    require("openssh-client", shutil.which("ssh-keygen"))
    key = keygen(tmp_path / "key", "ed25519", "open-sesame")

    assert verify(SshKey.parse({"private_key": key, "passphrase": "open-sesame"})).reason == "the key opens"
    assert verify(SshKey.parse({"private_key": key.replace("\n", "\\n"), "passphrase": "open-sesame"})).outcome == "ok"
    with pytest.raises(VerificationFailed):
        verify(SshKey.parse({"private_key": "no key"}))


def test_nobody_there_and_silence_are_told_apart(tmp_path, sshd):
    key = keygen(tmp_path / "key")
    with pytest.raises(Unreachable, match="nothing listens") as caught:
        verify(at(sshd, private_key=key, port=free_port()))
    assert "--no-verify" in caught.value.next_step
    with pytest.raises(Unreachable, match="no such host"):
        verify(at(sshd, private_key=key, host="nowhere.invalid"))
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unreachable) as caught:
        verify(at(sshd, private_key=key, port=silent.getsockname()[1]), timeout=2)
    assert caught.value.code == "timeout"
