"""The same over a real server: a kernel gets tokens through its socket, and never what they are made from."""

import json

import pytest

from credmagic.client.credential import Credential
from credmagic.client.socket import SocketClient
from credmagic.errors import TokenRefused
from credmagic.testing.authorization_server import AuthorizationServer, Client
from credmagic.testing.jupyter import jupyter_server

PATH = "/oauth/token"
SECRET = "Kanari-exchange-over-the-socket"


@pytest.fixture(scope="module")
def provider():
    with AuthorizationServer() as server:
        server.clients["app"] = Client("app", SECRET)
        yield server


@pytest.fixture(scope="module")
def client(tmp_path_factory, provider):
    with jupyter_server(tmp_path_factory.mktemp("x")) as server:
        env = server.kernel_environment(server.start_kernel("work.ipynb"))
        made = SocketClient(env["CREDMAGIC_SOCKET"], env["CREDMAGIC_KERNEL_TOKEN"])
        fields = {"client_id": "app", "client_secret": SECRET, "token_url": provider.token_url}
        made.call("create", name="crm", kind="oauth_client_credentials", fields=fields, verify=False)
        yield made
        made.close()


def test_tokens_of_the_server_are_shared_by_all_calls(client, provider):
    answers = [client.resolve("crm") for _ in range(5)]
    assert SECRET not in json.dumps(answers)
    assert len({answer["fields"]["access_token"] for answer in answers}) == 1
    assert provider.asked[PATH] == 1
    assert provider.accepts(Credential.from_resolved(answers[0]).token)


def test_a_refusal_arrives_as_what_it_is(client, provider):
    client.call("rotate", ref="crm", fields={"client_secret": "another-one-now"}, verify=False)
    with pytest.raises(TokenRefused) as caught:
        client.resolve("crm")
    assert caught.value.details == {"error": "invalid_client"}
    assert "%cred rotate crm" in caught.value.next_step
    assert "another-one-now" not in json.dumps(client.call("audit", limit=50))
