"""A service that keeps one session a token: verifying must not end the one that notebooks work with."""

import pytest

from credmagic.testing.authorization_server import AuthorizationServer
from credmagic.testing.sign_in_services import SignInServices
from credmagic.vault.actions import dispatch
from credmagic.vault.audit import Caller
from credmagic.wiring import open_vault


@pytest.fixture
def act(home):
    vault = open_vault(notify=lambda line: None)
    yield lambda action, **params: dispatch(vault, Caller("local"), action, params)
    vault.close()


@pytest.fixture
def tableau():
    server = AuthorizationServer()
    services = SignInServices(server)
    with server as running:
        yield running.url, services


def test_an_open_session_is_not_ended_by_a_check(act, tableau, canary: str) -> None:
    url, services = tableau
    services.tableau_tokens["nb"] = canary
    fields = {"token_name": "nb", "personal_access_token": canary, "server_url": url}
    act("create", name="t", kind="tableau", fields=fields)  # signs in: no session is open yet
    session = act("resolve", ref="t")["fields"]["token"]
    assert services.tableau_sessions["nb"] == session

    said = act("verify", ref="t")

    assert services.tableau_sessions["nb"] == session
    assert (said["outcome"], said["took_ms"]) == ("unverifiable", 0)
    assert "a session is open" in said["reason"]
    assert canary[:24] not in repr(said)
    assert act("show", ref="t")["verified"]["outcome"] == "ok"  # what was found out stays

    act("rotate", ref="t", fields={"site": "sales"}, verify=False)  # new values: the session is none of theirs
    assert act("verify", ref="t")["outcome"] == "ok"
    assert services.tableau_sessions["nb"] != session
