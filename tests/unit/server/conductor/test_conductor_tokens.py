"""How one signs in on Conductor's face, and what a token is worth: never a 404 or a renewal word where a client breaks."""

import base64
import http.client
import json
import socket
import time

import pytest

from beside import vault_of
from credmagic.crypto import jwt
from credmagic.testing.jupyter import jupyter_server
from credmagic.vault import sign_in
from credmagic.vault.audit import Caller
from unit.server.conductor.words import API, refused


def claims_of(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


# ── the token ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_is_exchanged_for_a_token_of_an_hour(ask, application):
    ident, key, secret = application()

    answer = ask("POST", "token", {"keyId": key, "keySecret": secret})

    claims = claims_of(answer.json()["token"])
    assert answer.status == 200
    assert claims["exp"] - claims["iat"] == 3600
    assert type(claims["exp"]) is int
    assert 3590 <= answer.json()["expiresIn"] <= 3600
    assert answer.json()["userId"] == ident
    assert secret.encode() not in answer.body


def test_each_exchange_gives_a_token_of_its_own(application, signed_in):
    _, key, secret = application()

    assert signed_in(key, secret) != signed_in(key, secret)


@pytest.mark.parametrize(
    "path", ["token", "token/", "/token", "/token/", "/applications", "applications/", "token/userInfo/"]
)
def test_a_slash_too_many_changes_nothing(ask, admin, application, path):
    _, key, secret = application()
    is_exchange = path.strip("/") == "token"

    body = {"keyId": key, "keySecret": secret} if is_exchange else None
    answer = ask("POST" if is_exchange else "GET", path, body, None if is_exchange else admin)

    assert answer.status == 200


def test_a_slash_too_many_before_the_prefix_changes_nothing(server, application):
    _, key, secret = application()

    answer = server.request("POST", "credmagic//api/token", {"keyId": key, "keySecret": secret}, headers={})

    assert answer.status == 200


@pytest.mark.parametrize(
    "sent",
    [
        {"keySecret": "wrong"}, {"keyId": "cmk_aaaaaaaaaaaaaaaaaaaa"}, {"keyId": ""}, {"keySecret": ""}, {"keyId": None},
        {"keySecret": 3}, {"keyId": ["x"]}, {"keyId": "../token"}, {"keySecret": "x" * 5000},
    ],
)  # fmt: skip
def test_a_key_that_is_not_right_gets_one_answer(ask, application, sent):
    _, key, secret = application()

    answer = ask("POST", "token", {"keyId": key, "keySecret": secret} | sent)

    assert refused(answer) == (401, "INVALID_CREDENTIALS")
    assert answer.body == ask("POST", "token", {}).body


def test_a_refused_secret_is_nowhere(ask, application, server, canary):
    _, key, _ = application()

    answer = ask("POST", "token", {"keyId": key, "keySecret": canary})

    assert refused(answer) == (401, "INVALID_CREDENTIALS")
    assert canary.encode() not in answer.body
    assert canary not in server.log


@pytest.mark.parametrize("ending", ["key_pause", "key_remove", "app_remove"])
def test_a_key_that_ended_is_like_one_that_never_was(ask, application, do, ending):
    ident, key, secret = application()

    do(ending, **({"ref": ident} if ending == "app_remove" else {"key_id": key}))

    answer = ask("POST", "token", {"keyId": key, "keySecret": secret})
    assert refused(answer) == (401, "INVALID_CREDENTIALS")
    assert answer.body == ask("POST", "token", {}).body


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'{"keyId": 1, "keyId": 2}', b'"x"', b"[" * 30 + b"]" * 30])
def test_a_body_that_is_no_object_is_no_renewal(ask, body):
    status, word = refused(ask("POST", "token", body, **{"Content-Type": "application/json"}))

    assert status in (400, 422)
    assert word == "BAD_FIELD"


def test_a_token_in_the_address_of_the_exchange_is_no_renewal_either(ask, application):
    _, key, secret = application()

    answer = ask("POST", "token?token=x", {"keyId": key, "keySecret": secret})

    assert refused(answer) == (401, "INVALID_CREDENTIALS")


def test_other_methods_at_the_exchange_are_405(ask, admin):
    for method in ("GET", "PUT", "DELETE"):
        answer = ask(method, "token", token=admin)
        assert refused(answer) == (405, "METHOD_NOT_ALLOWED")
        assert answer.headers["allow"] == "POST"


def test_a_locked_vault_is_423_at_the_exchange(tmp_path):
    with vault_of(tmp_path):
        pass
    for key in (tmp_path / "home" / "config").rglob("*.key"):
        key.unlink()

    with jupyter_server(tmp_path) as locked:
        answer = locked.request("POST", API + "token", {"keyId": "cmk_a", "keySecret": "x"}, headers={})

        assert refused(answer) == (423, "LOCKED")
        assert refused(locked.request("GET", API + "applications", headers={"X-Authorization": "x"}))[0] == 423


# ── who is asking ────────────────────────────────────────────────────────────────────────────────────────────


def unsigned(token):
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt"}').decode().rstrip("=")
    return f"{head}.{token.split('.')[1]}."


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: None, lambda token: "", lambda token: "garbage", unsigned, lambda token: token[:-4] + "AAAA",
        lambda token: f"Bearer {token}", lambda token: token + "=", lambda token: token.upper(),
    ],
)  # fmt: skip
def test_a_token_that_is_not_right_sends_the_client_for_another(ask, admin, spoil):
    for method, path in (("GET", "applications"), ("POST", "applications"), ("GET", "token/userInfo")):
        assert refused(ask(method, path, token=spoil(admin))) == (401, "INVALID_TOKEN")


def test_a_401_keeps_the_connection_for_the_renewal(server, application):
    _, key, secret = application()
    kept = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)

    def post(path, body, **headers):
        kept.request("POST", f"/{API}{path}", body, {"Content-Type": "application/json", **headers})
        answer = kept.getresponse()
        return answer.status, answer.read(), kept.sock

    first = post("applications", b'{"name": "x"}', **{"X-Authorization": "stale"})
    second = post("token", json.dumps({"keyId": key, "keySecret": secret}).encode())

    assert (first[0], second[0]) == (401, 200)
    assert first[2] is second[2] is not None  # http.client drops a socket that was closed on it
    kept.close()


def test_more_than_a_body_may_hold_is_not_waited_for(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as raw:
        head = f"POST /{API}applications HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        raw.sendall(f"{head}Content-Length: 2000000\r\n\r\n".encode())

        assert raw.recv(100).startswith(b"HTTP/1.1 401")


def test_an_expired_token_sends_the_client_for_another(ask, vault, admin):
    claims = claims_of(admin)
    said = {name: claims[name] for name in ("sub", "jti", "akid", "akv", "plane")}
    expired = jwt.issue(vault.keyset, int(time.time()) - 4000, 3600, **said)

    assert refused(ask("GET", "applications", token=expired)) == (401, "EXPIRED_TOKEN")


@pytest.mark.parametrize("ending", ["key_pause", "key_remove", "machine_pause", "app_remove"])
def test_what_ends_a_key_ends_its_tokens_at_once(ask, application, signed_in, do, ending):
    ident, key, secret = application("ADMIN")
    token = signed_in(key, secret)
    assert ask("GET", "applications", token=token).status == 200

    do(ending, **({"key_id": key} if ending.startswith("key") else {"ref": ident}))

    assert refused(ask("GET", "applications", token=token)) == (401, "INVALID_TOKEN")


def test_a_contributor_reads_and_writes_nothing(ask, application, signed_in, do):
    ident, key, secret = application("WORKER")
    token = signed_in(key, secret)
    writes = [
        ("POST", "applications", {"name": "more"}), ("PUT", f"applications/{ident}", {"name": "more"}),
        ("DELETE", f"applications/{ident}", {}), ("POST", f"applications/{ident}/accessKeys", {}),
        ("POST", f"applications/{ident}/accessKeys/{key}/status", {}),
        ("DELETE", f"applications/{ident}/accessKeys/{key}", {}), ("POST", f"applications/{ident}/roles/ADMIN", {}),
        ("DELETE", f"applications/{ident}/roles/WORKER", {}), ("PUT", f"applications/{ident}/tags", []),
        ("DELETE", f"applications/{ident}/tags", []),
    ]  # fmt: skip
    before = do("app", ref=ident), do("keys", ref=ident)

    assert {refused(ask(method, path, body, token)) for method, path, body in writes} == {(403, "FORBIDDEN")}
    assert ask("GET", f"applications/{ident}", token=token).status == 200
    assert (do("app", ref=ident), do("keys", ref=ident)) == before


def test_two_identities_are_one_too_many(ask, admin):
    answer = ask("GET", "applications", token=admin, Authorization=f"Bearer {admin}")

    assert refused(answer) == (403, "FORBIDDEN")


def test_a_password_for_the_way_there_is_no_identity(ask, admin):
    assert ask("GET", "applications", token=admin, Authorization="Basic am86eHg=").status == 200


def test_a_browsers_cookie_is_no_identity(ask, server):
    answer = ask("GET", "applications", Cookie="username-localhost=x", Authorization=server.headers["Authorization"])

    assert refused(answer) == (401, "INVALID_TOKEN")


def test_the_users_own_token_has_the_users_rights(ask, vault):
    token = sign_in.issue_for_user(vault, Caller("browser")).token

    made = ask("POST", "applications", {"name": "by hand"}, str.__str__(token))
    who = ask("GET", "token/userInfo", token=str.__str__(token)).json()

    assert made.status == 200
    assert (who["applicationUser"], who["roles"]) == (False, [{"name": "ADMIN"}])


def test_who_a_token_belongs_to_is_told_with_its_roles(ask, application, signed_in):
    ident, key, secret = application("WORKER", "USER", name="night shift")

    who = ask("GET", "token/userInfo", token=signed_in(key, secret))

    roles = [{"name": "WORKER"}, {"name": "USER"}]
    assert who.json() == {"id": ident, "name": "night shift", "applicationUser": True, "roles": roles}
