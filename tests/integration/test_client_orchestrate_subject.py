"""What the real `orchestrate` CLI says of single sign-on works to its end: a member signs in and gets a token."""

from __future__ import annotations

import httpx2
import pytest
from flask import request

from credmagic.testing.authorization_server import AuthorizationServer, Client
from credmagic.testing.subject_grants import BEARER, EXCHANGE, TYPES
from integration.orchestrate_cli import SECRET
from integration.test_client_orchestrate import app, certificate, cli, do, server, vault  # noqa: F401 (fixtures)

BACK = "http://127.0.0.1:9/callback"
STEP = [
    "--sso", "--idp-token-use", "on_behalf_of", "--idp-token-type", f"{TYPES}access_token",
    "--idp-token-header", "X-Idp: 1", "--app-token-header", "X-App: 2",
]  # fmt: skip


@pytest.fixture
def provider():
    with AuthorizationServer() as running:
        running.clients["app"] = Client("app", SECRET)
        running.clients["idp"] = Client("idp", SECRET, scopes=frozenset({"read", "api/read"}))
        yield running


def test_what_the_cli_says_of_single_sign_on_gives_a_member_a_token(cli, do, app, provider) -> None:  # noqa: F811
    words = ["-a", app, "--env", "draft"]
    cli.connections("configure", *words, "-k", "oauth_auth_on_behalf_of_flow", "-t", "member", *STEP)
    there = ["--client-id", "app", "--client-secret", SECRET, "--token-url", provider.token_url]
    cli.connections("set-credentials", *words, *there, "--grant-type", EXCHANGE, "-t", "body:audience=api")
    provider_url = f"{provider.url}/t/oauth2/v2.0/token"
    idp = ["--client-id", "idp", "--client-secret", SECRET, "--scope", "api/read", "--grant-type", BEARER]
    cli.connections("set-identity-provider", *words, "--url", provider_url, *idp)
    ours = {"authorization_url": provider.authorization_url, "sign_in_scope": "read"}
    do("connection_set_identity_provider", app_id=app, environment="draft", fields=ours)
    headers = {}
    provider.faults = {
        path: lambda: headers.update(request.headers) for path in ("/oauth/token", "/t/oauth2/v2.0/token")
    }

    login = do("login_begin", ref=app, idp=True, redirect_uri=BACK)
    brought = httpx2.get(login["authorization_url"], trust_env=False).headers["Location"]
    assert do("login_finish", login_id=login["login_id"], answer=brought)["state"] == "done"
    used = do("resolve", ref=app)

    assert provider.accepts(used["fields"]["access_token"])
    assert provider.subjects.user(used["fields"]["access_token"]) == "ada"
    assert (headers["X-Idp"], headers["X-App"]) == ("1", "2")
    cli.connections("set-identity-provider", *words, "--url", provider_url, *idp)  # again: where to sign in is kept
    assert do("login_begin", ref=app, idp=True, redirect_uri=BACK)["name"] == app
