"""Does the vault, and a real server before it, refuse every token that it did not give to this very identity?"""

from __future__ import annotations

import hmac
import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from credmagic.crypto import jwt
from credmagic.crypto.keyset import Keyset, new_root_key
from credmagic.errors import NotSignedIn
from credmagic.testing.jupyter import JupyterServer, isolated, jupyter_server
from credmagic.vault.actions import dispatch
from credmagic.vault.audit import Caller
from credmagic.vault.sign_in import sign_in, who
from credmagic.vault.vault import Vault
from credmagic.wiring import open_vault
from security.forged_tokens import Forge, attacks, b64, unb64

LOCAL = Caller("local")
OTHER = b"another store..."


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("jwt")


@pytest.fixture(scope="module")
def vault(workdir: Path) -> Iterator[Vault]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in isolated(workdir).items():
            patch.setenv(name, value)
        opened = open_vault(notify=lambda line: None)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def forge(vault: Vault) -> Forge:
    tokens = []
    for name in ("etl", "other"):
        dispatch(vault, LOCAL, "app_add", {"name": name})
        key = dispatch(vault, LOCAL, "key_create", {"ref": name})
        tokens.append(str.__str__(sign_in(vault, Caller("machine"), key["id"], key["secret"], 60).token))
    stranger, _ = Keyset.generate(OTHER, new_root_key())
    return Forge(vault.keyset, stranger, *tokens)


@pytest.fixture(scope="module")
def vectors(forge: Forge) -> dict[str, str]:
    made = list(attacks(forge))
    assert len(dict(made)) == len(made), "two attacks have one name"
    assert [name for name, _ in made] == NAMES
    return dict(made)


def _names() -> list[str]:
    """The names of all attacks: they do not depend on the keys."""
    ours, stranger = (Keyset.generate(store_id, new_root_key())[0] for store_id in (b"our own store...", OTHER))
    tokens = [
        jwt.issue(ours, int(time.time()), 900, sub=sub * 16, jti="j" * 22, akid="cmk_" + sub * 10, akv=1, plane="M")
        for sub in ("ab", "cd")
    ]
    return [name for name, _ in attacks(Forge(ours, stranger, *tokens))]


NAMES = _names()


def test_there_are_hundreds_of_attacks() -> None:
    assert len(NAMES) >= 300


def test_the_true_token_is_believed(vault: Vault, forge: Forge) -> None:
    assert who(vault, forge.token).name == "etl"
    assert who(vault, forge.signed()).name == "etl"
    assert who(vault, forge.with_claims()).name == "etl"


@pytest.mark.parametrize("name", NAMES)
def test_the_vault_refuses(vault: Vault, vectors: dict[str, str], name: str) -> None:
    with pytest.raises(NotSignedIn) as refused:
        who(vault, vectors[name])

    assert refused.value.code == ("token_expired" if name.startswith("times: expired") else "token_invalid")
    assert len(vectors[name]) < 20 or vectors[name][:20] not in str(refused.value)
    assert refused.value.__cause__ is refused.value.__context__ is None


# ── the control: the vectors would catch a verifier that believes what a token says of itself ────────────────
def _trusting(forge: Forge, token: str) -> bool:
    """Whether a verifier would believe `token` that lets `alg` and `jwk` choose how, and reads claims leniently."""
    try:
        head, body, signature = token.split(".")
        header, claims = json.loads(unb64(head)), json.loads(unb64(body))
        said, alg = f"{head}.{body}".encode(), str(header.get("alg"))
        if alg.lower() == "none":
            return bool(claims["sub"])
        public = forge.key.public_key()
        if alg.startswith("HS"):
            pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            return hmac.compare_digest(unb64(signature), hmac.digest(pem, said, "sha" + alg[2:]))
        if "jwk" in header:
            public = Ed25519PublicKey.from_public_bytes(unb64(header["jwk"]["x"]))
        public.verify(unb64(signature), said)
    except (ValueError, KeyError, TypeError, AttributeError, InvalidSignature, RecursionError):
        return False
    return isinstance(claims, dict)


def test_a_verifier_that_trusts_the_token_is_caught(forge: Forge, vectors: dict[str, str]) -> None:
    assert _trusting(forge, forge.token)

    fooled = {name for name, token in vectors.items() if len(token) < 60_000 and _trusting(forge, token)}

    assert {
        "algorithms: HS256 with pem",
        "other_keys: its own key offered as jwk",
        "unsigned: alg 'none', no signature",
    } <= fooled
    assert {name.partition(":")[0] for name in fooled} >= {
        "algorithms", "unsigned", "other_keys", "key_ids", "headers", "doubled", "claims", "times", "addresses", "identities",
        "encodings",
    }  # fmt: skip


# ── through HTTP ─────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture(scope="module")
def server(workdir: Path, vault: Vault) -> Iterator[JupyterServer]:
    with jupyter_server(workdir, environment={"CREDMAGIC_RATES": "off"}) as running:
        yield running


def _asked(server: JupyterServer, token: str) -> tuple[int, dict[str, Any]]:
    answer = server.request("GET", "credmagic/api/token/userInfo", headers={"X-Authorization": token})
    return answer.status, answer.json()


def _sendable(token: str) -> bool:
    """Whether an HTTP header can carry it and arrives as it was sent."""
    return token.isascii() and token.isprintable() and token == token.strip() and 0 < len(token) <= 60_000


def test_a_server_lets_the_true_token_in(server: JupyterServer, forge: Forge) -> None:
    status, body = _asked(server, forge.token)
    assert (status, body["name"]) == (200, "etl")


@pytest.mark.parametrize("family", sorted({name.partition(":")[0] for name in NAMES}))
def test_a_server_answers_401_to_every_one(server: JupyterServer, vectors: dict[str, str], family: str) -> None:
    sent = {name: token for name, token in vectors.items() if name.startswith(f"{family}:") and _sendable(token)}
    answers = {name: _asked(server, token) for name, token in sent.items()}

    assert answers
    wrong = {name: status for name, (status, _) in answers.items() if status != 401}
    assert wrong == {}
    expected = {name: "EXPIRED_TOKEN" if name.startswith("times: expired") else "INVALID_TOKEN" for name in answers}
    assert {name: body["error"] for name, (_, body) in answers.items()} == expected
    assert not [name for name, (_, body) in answers.items() if len(sent[name]) > 40 and sent[name] in json.dumps(body)]


def test_what_no_header_can_carry_breaks_nothing(server: JupyterServer, forge: Forge, vectors: dict[str, str]) -> None:
    """1 MiB is more than a server reads as headers: it hangs up or says so, and serves the next one."""
    for name in ("sizes: 1 MiB of letters", "sizes: 1 MiB of dots", "sizes: 1 MiB of claims"):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        try:
            connection.request("GET", "/credmagic/api/token/userInfo", headers={"X-Authorization": vectors[name]})
            assert connection.getresponse().status < 500
        except (http.client.HTTPException, ConnectionError):
            pass  # it hung up
        finally:
            connection.close()
    assert server.request("GET", "credmagic/api/token/userInfo", headers={"X-Authorization": forge.token}).status == 200
    assert b64(b"Traceback") not in server.log
