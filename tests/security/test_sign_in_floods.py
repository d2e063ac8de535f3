"""What does a flood of wrong secrets meet at a real server, and who else feels it?"""

from __future__ import annotations

import resource
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from credmagic.errors import NotSignedIn, RateLimited
from credmagic.testing.jupyter import Answer, JupyterServer, isolated, jupyter_server
from credmagic.vault.actions import dispatch
from credmagic.vault.audit import Caller
from credmagic.vault.sign_in import sign_in
from credmagic.vault.vault import Vault
from credmagic.wiring import open_vault

LOCAL = Caller("local")


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("flood")


@pytest.fixture(scope="module")
def vault(workdir: Path) -> Iterator[Vault]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in isolated(workdir).items():
            patch.setenv(name, value)
        opened = open_vault(notify=lambda line: None)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def keys(vault: Vault) -> list[dict[str, Any]]:
    """One key each of two applications."""
    for name in ("etl", "other"):
        dispatch(vault, LOCAL, "app_add", {"name": name})
    return [dispatch(vault, LOCAL, "key_create", {"ref": name}) for name in ("etl", "other")]


@pytest.fixture(scope="module")
def server(workdir: Path, vault: Vault) -> Iterator[JupyterServer]:
    with jupyter_server(workdir, "--Credmagic.failed_sign_ins_of_an_address=12") as running:
        yield running


def asked(server: JupyterServer, ident: str, secret: str) -> Answer:
    return server.request("POST", "credmagic/api/token", {"keyId": ident, "keySecret": secret}, headers={})


def test_wrong_secrets_are_slowed_down_and_told_for_how_long(server: JupyterServer, keys, canary: str) -> None:
    answers = [asked(server, keys[0]["id"], canary) for _ in range(7)]

    assert [answer.status for answer in answers] == [401] * 5 + [429] * 2
    assert answers[0].json()["error"] == "INVALID_CREDENTIALS"
    assert all(1 <= int(answer.headers["retry-after"]) <= 2 for answer in answers[5:])
    assert canary not in server.log + "".join(answer.body.decode() for answer in answers)
    assert asked(server, keys[1]["id"], keys[1]["secret"]).status == 200


def test_an_address_has_a_limit_that_is_configured(server: JupyterServer, keys) -> None:
    statuses = [asked(server, f"cmk_{number}", "x").status for number in range(8)]  # after the five above

    assert statuses == [401] * 7 + [429]


def test_a_hundred_passwords_at_once_cost_a_bounded_memory(vault: Vault) -> None:
    """Each check takes 64 MiB: two run, sixteen wait, the rest hear at once that there are too many."""
    dispatch(vault, LOCAL, "machine_add", {"id": "bot", "password": "a-good-password"})
    outcomes: list[str] = []
    together = threading.Barrier(100)

    def one(number: int) -> None:
        together.wait()
        try:
            sign_in(vault, Caller("machine", peer=f"203.0.113.{number}"), f"nobody {number}", "wrong-password")
        except (NotSignedIn, RateLimited) as error:
            outcomes.append(error.code)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    threads = [threading.Thread(target=one, args=(number,)) for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024

    counted = Counter(outcomes)
    print(f"{dict(counted)}, {grown:.0f} MiB more")
    assert counted["bad_credentials"] >= 18
    assert counted["rate_limited"] >= 40
    assert sum(counted.values()) == 100
    assert grown <= 192
    assert sign_in(vault, Caller("machine", peer="198.51.100.1"), "bot", "a-good-password").identity.ident == "bot"
