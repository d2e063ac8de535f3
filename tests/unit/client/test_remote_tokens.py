"""An access key is exchanged for tokens, in time and no more often than needed."""

import base64
import json
import pickle

import pytest

from credmagic.client.remote import AccessKeyToken, RemoteClient
from credmagic.errors import NotSignedIn, RateLimited, Unreachable, VaultLocked
from credmagic.testing.tls import self_signed
from loopback_server import context_of, running, token

KEY = "cmk_abcdefghijklmnopqrst"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return self_signed(tmp_path_factory.mktemp("tls"), "127.0.0.1")


@pytest.fixture(params=["http", "https"])
def server(request, certificate):
    with running(context_of(certificate) if request.param == "https" else None) as made:
        made.ca = str(certificate.cert)
        yield made


@pytest.fixture
def client(server):
    made = RemoteClient(server.url, token, server.ca)
    yield made
    made.close()


@pytest.fixture
def key_token(server, canary):
    return AccessKeyToken(server.url, KEY, canary, server.ca)


class SignIn:
    """Gives out numbered tokens; takes only the newest, refuses the others with `code`."""

    def __init__(self, life=900, code="token_expired"):
        self.life, self.code, self.given = life, code, 0

    def __call__(self, path, headers, body):
        if path.endswith("/token"):
            self.given += 1
            return 200, {"token": token(self.given, self.life)}
        if headers["Authorization"] != f"Bearer {token(self.given, self.life)}":
            return 401, {"message": "no", "code": self.code}
        return 200, {"ok": True}


def test_an_access_key_is_exchanged_once_for_many_calls(server, key_token, canary):
    server.answer = SignIn()
    client = RemoteClient(server.url, key_token, server.ca)

    for _ in range(3):
        client.call("names")

    client.close()
    paths = [path for path, _, _ in server.seen]
    assert paths.count("/credmagic/api/token") == 1
    assert json.loads(server.seen[0][2]) == {"keyId": KEY, "keySecret": canary}
    assert "Authorization" not in server.seen[0][1]


def test_a_token_is_replaced_after_four_fifths_of_its_life(server, key_token, monkeypatch):
    server.answer = SignIn(life=100)
    clock = [1000.0]
    monkeypatch.setattr("credmagic.client.remote.time.monotonic", lambda: clock[0])

    first = key_token()
    clock[0] += 79
    still = key_token()
    clock[0] += 2
    second = key_token()

    assert first == still != second


@pytest.mark.parametrize("code", ["token_expired", "token_invalid"])
def test_a_token_that_was_refused_is_replaced_once_and_the_call_repeated(server, key_token, code):
    server.answer = SignIn(code=code)
    client = RemoteClient(server.url, key_token, server.ca)
    client.call("names")
    server.answer.given += 1  # the server forgets the token

    assert client.call("names") == {"ok": True}
    client.close()


def test_a_server_that_refuses_every_token_is_asked_twice_and_no_more(server, key_token):
    server.answer = lambda path, *_: (
        (200, {"token": token(len(server.seen))})
        if path.endswith("token")
        else (401, {"message": "no", "code": "token_invalid"})
    )
    client = RemoteClient(server.url, key_token, server.ca)

    with pytest.raises(NotSignedIn):
        client.call("names")

    client.close()
    assert [path.rpartition("/")[2] for path, _, _ in server.seen] == ["token", "names", "token", "names"]


def test_a_token_of_somebody_elses_making_is_asked_for_again_after_a_refusal(server):
    given = iter([token(1), token(2)])
    server.answer = lambda path, headers, _: (
        (200, {"ok": True})
        if headers["Authorization"].endswith(token(2))
        else (401, {"message": "", "code": "token_expired"})
    )

    assert RemoteClient(server.url, lambda: next(given), server.ca).call("names") == {"ok": True}


def test_the_same_token_is_not_sent_twice(server, client):
    server.answer = lambda *_: (401, {"message": "no", "code": "token_invalid"})

    with pytest.raises(NotSignedIn):
        client.call("names")

    assert len(server.seen) == 1


def test_a_key_that_is_refused_is_told_with_what_to_look_at(server, key_token, canary):
    server.answer = lambda *_: (401, {"status": 401, "error": "INVALID_CREDENTIALS", "message": canary})

    with pytest.raises(NotSignedIn) as error:
        key_token()

    assert error.value.code == "bad_credentials"
    assert KEY in error.value.message
    assert "CREDMAGIC_AUTH_SECRET" in error.value.next_step
    assert canary not in str(error.value)
    assert error.value.__context__ is None


@pytest.mark.parametrize(
    ("status", "body", "raised"),
    [
        (429, {"message": "slow", "code": "rate_limited", "details": {"retry_after": 3}}, RateLimited),
        (423, {"message": "locked", "code": "locked"}, VaultLocked),
        (404, {"message": "no such page"}, Unreachable),
        (200, {"nothing": 1}, Unreachable),
        (200, {"token": 7}, Unreachable),
        (200, {"token": "a\r\nb"}, Unreachable),
    ],
)
def test_a_sign_in_that_gives_no_token_says_why(server, key_token, status, body, raised):
    server.answer = lambda *_: (status, body)

    with pytest.raises(raised):
        key_token()


@pytest.mark.parametrize("given", ["opaque", "a.b.c", f"a.{base64.b64encode(b'[]').decode()}.c", "a..b"])
def test_a_token_that_does_not_say_how_long_it_lives_is_kept_for_a_short_while(server, key_token, monkeypatch, given):
    server.answer = lambda *_: (200, {"token": given})
    clock = [0.0]
    monkeypatch.setattr("credmagic.client.remote.time.monotonic", lambda: clock[0])

    assert key_token() == given
    clock[0] += 61
    key_token()

    assert len(server.seen) == 2


def test_a_key_is_neither_shown_nor_pickled(server, key_token, canary):
    assert canary[:24] not in repr(key_token) + repr(vars(key_token))
    with pytest.raises((TypeError, AttributeError)):
        pickle.dumps(key_token)
