"""Real boto3, azure-identity and google-auth, unmodified, in one running kernel: do they outlive what they were given?"""

import json
import re
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from joserfc import jwk

from credmagic.client.socket import SocketClient
from credmagic.kinds.gcp import CLOUD_PLATFORM
from credmagic.testing.authorization_server import AuthorizationServer, Client
from credmagic.testing.fixtures import require
from credmagic.testing.jupyter import jupyter_server

try:
    import azure.identity  # noqa: F401
    import boto3
    import google.auth  # noqa: F401
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server
except ImportError:
    boto3 = None

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:botocore", "ignore::DeprecationWarning:moto")

LIFE = 6
"""Seconds; long enough for whole seconds not to matter, short enough to wait for the end."""
STORAGE, VAULT = "https://storage.azure.com/.default", "https://vault.azure.net/.default"
SECRET = "Kanari-client-secret-of-entra"
KEY = "Kanari-secret-key-of-aws-0123456789abcd"
EMAIL = "reader@project.iam.gserviceaccount.com"

BEGIN = """
%load_ext credmagic
%cred use lake --sdk
%cred use entra --sdk
%cred use bucket --sdk
"""
ASK = (
    f"""
STORAGE = {STORAGE!r}
"""
    + """
import json, time
def ask():
    import boto3, azure.identity, google.auth, google.auth.transport.requests
    global clients
    try:
        clients
    except NameError:
        accounts, project = google.auth.default()
        clients = boto3.client("sts"), azure.identity.DefaultAzureCredential(), accounts
        assert project == "project"
    aws, azure_, accounts = clients
    arn = aws.get_caller_identity()["Arn"]
    keys = aws._request_signer._credentials.get_frozen_credentials()
    accounts.refresh(google.auth.transport.requests.Request())
    return {
        "arn": arn, "aws": keys.access_key[::-1], "azure": azure_.get_token(STORAGE).token[::-1],
        "google": accounts.token[::-1], "email": accounts.service_account_email,
    }
def told(answer):
    open("answer.json", "w").write(json.dumps(answer))
"""
)


class ShortSts:
    """moto's STS, whose keys end when we say."""

    def __init__(self):
        self._app = DomainDispatcherApplication(create_backend_app)
        self.asked = 0
        self._server = make_server("127.0.0.1", 0, self, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __call__(self, environ, start_response):
        kept = []
        body = b"".join(self._app(environ, lambda *head: kept.append(head)))
        ends = f"{datetime.now(UTC) + timedelta(seconds=LIFE):%Y-%m-%dT%H:%M:%SZ}".encode()
        body, found = re.subn(rb"<Expiration>[^<]*", b"<Expiration>" + ends, body)
        self.asked += found
        headers = [(name, value) for name, value in kept[0][1] if name.lower() != "content-length"]
        start_response(kept[0][0], [*headers, ("Content-Length", str(len(body)))])
        return [body]

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def sts():
    require("boto3, azure-identity, google-auth and moto", boto3)
    server = ShortSts()
    yield server
    server.close()


@pytest.fixture(scope="module")
def provider():
    with AuthorizationServer() as server:
        key = jwk.RSAKey.generate_key(2048)
        server.life = LIFE
        server.clients["app"] = Client("app", SECRET, scopes=frozenset({STORAGE, VAULT}))
        server.clients[EMAIL] = Client(EMAIL, key=key, scopes=frozenset({CLOUD_PLATFORM}))
        server.private_key = key.as_pem(private=True).decode()
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with jupyter_server(tmp_path_factory.mktemp("sdk")) as running:
        yield running


@pytest.fixture(scope="module")
def kernel(server, sts, provider):
    """A kernel for which three clouds' credentials are stored, none of whose secrets it may have."""
    kernel_id = server.start_kernel("work.ipynb")
    env = server.kernel_environment(kernel_id)
    client = SocketClient(env["CREDMAGIC_SOCKET"], env["CREDMAGIC_KERNEL_TOKEN"])
    account = {
        "type": "service_account", "project_id": "project", "private_key": provider.private_key, "client_email": EMAIL,
        "token_uri": provider.token_url,
    }  # fmt: skip
    role = {"role_arn": "arn:aws:iam::123456789012:role/reader", "endpoint_url": sts.url, "region": "eu-central-1"}
    for name, kind, fields in (
        ("lake", "s3", {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": KEY, **role}),
        ("entra", "azure_service_principal", {
            "azure_tenant_id": "t1", "client_id": "app", "client_secret": SECRET, "authority": provider.url,
            "scope": f"{VAULT} {STORAGE}",
        }),
        ("bucket", "gcp", {"gcp_key": json.dumps(account)}),
    ):  # fmt: skip
        client.call("create", name=name, kind=kind, fields=fields, verify=False)
    shown = server.run(kernel_id, BEGIN + ASK)
    assert shown.count("✓ set until the kernel ends, renewed by the SDK itself") == 3, shown
    kernel = Kernel(server, kernel_id, client, shown)
    yield kernel
    client.close()


class Kernel:
    def __init__(self, server, kernel_id, client, shown):
        self.server, self.id, self.client, self.shown = server, kernel_id, client, shown

    def run(self, code):
        return self.server.run(self.id, code)

    def answer(self, code):
        """What `code` gives, by a file: in an output it would be masked, as it should be."""
        where = self.server.root / "answer.json"
        where.unlink(missing_ok=True)
        shown = self.run(f"told({code})")
        assert where.exists(), shown
        return json.loads(where.read_text())


def test_all_three_go_on_after_what_they_had_has_ended(kernel, sts, provider):
    first = kernel.answer("ask()")
    assert "/reader/credmagic-" in first["arn"]
    assert first["email"] == EMAIL
    time.sleep(LIFE + 0.5)
    assert not provider.accepts(first["azure"][::-1])
    assert not provider.accepts(first["google"][::-1])

    second = kernel.answer("ask()")

    assert provider.accepts(second["azure"][::-1])
    assert provider.accepts(second["google"][::-1])
    assert first["aws"] != second["aws"]
    assert sts.asked >= 2


def test_azure_gets_a_token_for_each_scope_and_none_for_another(kernel, provider):
    code = f"[clients[1].get_token(scope).token[::-1] for scope in ({STORAGE!r}, {VAULT!r})]"
    storage, vault = kernel.answer(code)
    assert storage != vault
    assert {form["scope"] for form in provider.forms if "scope" in form} >= {STORAGE, VAULT}
    shown = kernel.run("clients[1].get_token('https://graph.microsoft.com/.default')")
    assert "its tokens are for" in shown
    assert "%cred edit entra" in shown


def test_each_question_is_a_use_in_the_log(kernel):
    before = kernel.client.call("audit", ref="lake", limit=500)["events"]
    kernel.answer("ask()")
    after = kernel.client.call("audit", ref="lake", limit=500)["events"]
    assert len([event for event in after if event["action"] == "use"]) > len(
        [event for event in before if event["action"] == "use"]
    )


def test_nothing_that_lasts_is_anywhere_in_the_kernel(kernel, provider):
    kernel.answer("ask()")
    of_the_key = provider.private_key.splitlines()[3]
    backwards = [text[::-1] for text in (SECRET, KEY, of_the_key)]  # as they are, they would be there by this question
    found = kernel.answer(
        "(lambda gc, needles: [needle for one in gc.get_objects() for part in gc.get_referents(one)"
        " if type(part) in (str, bytes) and len(part) < 100_000"
        " for needle in needles"
        " if needle in (part if type(part) is str else part.decode('latin-1'))[::-1]])"
        f"(__import__('gc'), {backwards!r})"
    )
    assert found == []


def test_a_paused_credential_is_told_to_the_sdk_and_works_again_when_resumed(kernel):
    kernel.client.call("pause", ref="bucket")
    shown = kernel.run("ask()")
    kernel.client.call("resume", ref="bucket")
    assert "is paused. %cred resume bucket" in shown
    assert kernel.answer("ask()")["google"]


def test_clients_go_on_when_the_line_is_run_again_and_after_a_reload(kernel):
    kernel.answer("ask()")
    shown = kernel.run("%cred use lake --sdk\n%cred use entra --sdk\n%cred reload")
    assert shown.count("✓") == 5, shown
    assert kernel.answer("ask()")["azure"]


def test_what_it_showed_has_no_value_in_it(kernel):
    shown = kernel.run("import os; print({k: v for k, v in os.environ.items() if k.startswith(('AWS_', 'IDENTITY_'))})")
    assert "[lake.sdk_bearer]" in shown
    assert "[entra.sdk_bearer]" in shown
    assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" in kernel.shown


def test_one_that_is_attached_so_is_there_in_the_first_cell_of_another_kernel(kernel):
    how = {"object_type": "kernelspec", "object_id": "python3", "inject": "sdk"}
    kernel.client.call("attach", ref="lake", **how)
    other = kernel.server.start_kernel("other.ipynb")
    kernel.server.run(other, "%load_ext credmagic")
    shown = kernel.server.run(other, "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])")
    assert "/reader/credmagic-" in shown
