"""The unmodified `datarobot` package against a real server: every method of its `Credential`, success and failure alike."""

import json
import time
from pathlib import Path

import pytest

from client_process import ClientProcess
from credmagic.client.local import LocalClient
from credmagic.kinds.registry import find_kind
from credmagic.testing.jupyter import TOKEN, isolated, jupyter_server
from credmagic.wiring import local_client, open_vault

SECRET = "canary-D-2b9f7e61c4"
BASE = "/user/jo/"
LENT = "cd" * 16
KEY = f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----\n"
GOOGLE = {
    "type": "service_account", "project_id": "my-project", "private_key_id": "k1", "private_key": SECRET,
    "client_email": "robot@my-project.iam.gserviceaccount.com", "token_uri": "https://oauth2.googleapis.com/token",
    "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs", "universe_domain": "googleapis.com",
}  # fmt: skip
APP = {"client_id": "app-1", "client_secret": SECRET}

CREATED = {
    "create_basic": ("basic", {"user": "ada", "password": SECRET}),
    "create_oauth": ("oauth", {"token": SECRET, "refresh_token": SECRET + "r"}),
    "create_s3": ("s3", {"aws_access_key_id": "AKIA1", "aws_secret_access_key": SECRET, "aws_session_token": SECRET + "t"}),
    "create_azure": ("azure", {"azure_connection_string": f"AccountName=sales1;AccountKey={SECRET}"}),
    "create_snowflake_key_pair": (
        "snowflake_key_pair_user_account", {"user": "ada", "private_key": KEY, "passphrase": SECRET},
    ),
    "create_databricks_access_token": ("databricks_access_token_account", {"databricks_access_token": SECRET}),
    "create_databricks_service_principal": ("databricks_service_principal_account", APP),
    "create_azure_service_principal": ("azure_service_principal", {**APP, "azure_tenant_id": "t-1"}),
    "create_adls_oauth": ("adls_gen2_oauth", {**APP, "oauth_scopes": ["https://storage.azure.com/.default"]}),
    "create_external_oauth_provider": ("external_oauth_provider", {"authentication_id": "auth-1"}),
    "create_box_jwt": (
        "box_jwt",
        {**APP, "enterprise_id": "e-1", "public_key_id": "k-1", "private_key_str": KEY, "passphrase": SECRET},
    ),
    "create_gcp": ("gcp", {"gcp_key": GOOGLE}),
}  # fmt: skip
"""Each of the client's creating methods → the type it makes, and its arguments besides name and description."""

WITH_CONFIGURATION = [
    method for method, (kind, _) in CREATED.items() if any(spec.name == "config_id" for spec in find_kind(kind).specs())
]


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    return tmp_path_factory.mktemp("datarobot")


@pytest.fixture(scope="module")
def server(workdir):
    with jupyter_server(workdir, base_url=BASE) as running:
        yield running
        assert SECRET not in running.log


@pytest.fixture(scope="module")
def endpoint(server):
    return f"http://127.0.0.1:{server.port}{BASE}credmagic/api/v2"


@pytest.fixture(scope="module")
def process(server, endpoint, tmp_path_factory):
    with ClientProcess("datarobot", tmp_path_factory.mktemp("home")) as running:
        running.ok("connect", endpoint=endpoint, token=TOKEN)
        yield running


@pytest.fixture
def client(process):
    """`client("create_basic", name=…)`: what the method gave back, never a secret; all credentials go at the end."""

    def call(method, /, **settings):
        answer = process.ask(method, **settings)
        assert SECRET not in json.dumps(answer)
        return answer

    yield call
    for one in process.ok("list"):
        for held in process.ok("pages", path=f"credentials/{one['credential_id']}/associations/"):
            body = {"credentialsToRemove": [held["objectId"]]}
            process.ok("rest", method="patch", path=f"credentials/{one['credential_id']}/associations/", body=body)
        process.ok("delete", credential_id=one["credential_id"])


@pytest.fixture(scope="module")
def here(server, workdir):
    """Sets this process's variables so that it opens the same store."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in isolated(workdir).items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def vault(here):
    opened = open_vault()
    yield opened
    opened.close()


@pytest.fixture
def notebook(here) -> LocalClient:
    """A client of the same store, as a notebook without a server has one."""
    made = local_client()
    yield made
    made.close()


def kept(vault, credential_id):
    """The stored credential itself, with its values."""
    with vault.store.read() as reader:
        return vault.credential(reader, vault.find(reader, credential_id))


def expected(kind, arguments):
    return find_kind(kind).parse({"private_key_str" if name == "private_key" else name: value
                                  for name, value in arguments.items()})  # fmt: skip


def values(credential):
    """(secrets, public fields); a Google key as the object it is, however it is spaced."""
    secrets = {name: str.__str__(value) for name, value in credential.secrets().items()}
    return {
        name: json.loads(text) if name == "gcp_key" else text for name, text in secrets.items()
    }, credential.public()


# ── every method ─────────────────────────────────────────────────────────────────────────────────────────────


def test_every_method_of_this_client_has_a_test(process):
    assert set(process.ok("methods")) == {*CREATED, "get", "list", "update", "delete"}


@pytest.mark.parametrize("method", CREATED)
def test_what_a_method_creates_is_listed_changed_and_deleted(client, vault, method):
    kind, arguments = CREATED[method]

    made = client(method, name=f"Größe of {kind}", description="made there", **arguments)["ok"]

    ident = made["credential_id"]
    assert (made["name"], made["credential_type"], made["description"]) == (f"Größe of {kind}", kind, "made there")
    assert client("list")["ok"] == [made]
    assert client("get", credential_id=ident)["ok"] == made
    assert values(kept(vault, ident)) == values(expected(kind, arguments))

    changed = json.loads(json.dumps(arguments).replace(SECRET, SECRET + "-new"))
    if "private_key" in changed:  # an argument there, and the field's own name here
        changed["private_key_str"] = changed.pop("private_key")
    assert "ok" in client("update", credential_id=ident, description="changed", **changed)
    assert client("get", credential_id=ident)["ok"] == {**made, "description": "changed"}
    assert values(kept(vault, ident)) == values(expected(kind, changed))

    assert "ok" in client("delete", credential_id=ident)
    assert client("get", credential_id=ident)["status"] == 404
    assert client("list")["ok"] == []


@pytest.mark.parametrize("method", [name for name in CREATED if name != "create_gcp"])
def test_every_method_does_without_a_description(client, method):
    made = client(method, name="plain", **CREATED[method][1])["ok"]

    assert made["description"] == ""


def test_a_google_key_may_be_a_text(client, vault):
    made = client("create_gcp", name="robot", gcp_key=json.dumps(GOOGLE))["ok"]

    assert kept(vault, made["credential_id"]).public()["project_id"] == "my-project"


def test_a_new_name_without_a_description_clears_it(client):
    made = client("create_basic", name="a", user="u", password=SECRET, description="old")["ok"]

    client("update", credential_id=made["credential_id"], name="b")

    assert client("get", credential_id=made["credential_id"])["ok"] == {**made, "name": "b", "description": ""}


@pytest.mark.parametrize("method", WITH_CONFIGURATION)
def test_a_configuration_takes_the_place_of_inline_secrets(client, vault, method):
    made = client(method, name="lent", config_id=LENT)["ok"]
    both = client(method, name="both", config_id=LENT, **CREATED[method][1])

    assert kept(vault, made["credential_id"]).public()["config_id"] == LENT
    assert both["status"] == 422
    assert "configId" in both["json"]["errors"]
    assert [one["name"] for one in client("list")["ok"]] == ["lent"]


def test_what_a_configuration_lends_is_what_a_notebook_gets(client, notebook):
    fields = {"aws_access_key_id": "AKIA-lent", "aws_secret_access_key": SECRET}
    lender = notebook.call("create", name="shared", kind="s3", fields=fields, team=True, verify=False)
    client("create_s3", name="bucket", config_id=lender["id"])

    used = notebook.resolve("bucket")

    assert (used["fields"]["aws_access_key_id"], used["fields"]["aws_secret_access_key"]) == ("AKIA-lent", SECRET)
    notebook.call("delete", ref="bucket")
    notebook.call("delete", ref=lender["id"])


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────────

REFUSED = [
    ("create_basic", {"name": "taken", "user": "u", "password": "p"}, 409, "name"),
    ("create_basic", {"name": "TAKEN", "user": "u", "password": "p"}, 409, "name"),
    ("create_s3", {"name": "taken"}, 409, "name"),
    ("create_basic", {"name": "", "user": "u", "password": "p"}, 422, "name"),
    ("create_basic", {"name": " \t", "user": "u", "password": "p"}, 422, "name"),
    ("create_basic", {"name": 7, "user": "u", "password": "p"}, 422, "name"),
    ("create_basic", {"name": "x", "user": "u", "password": ["p"]}, 422, "password"),
    ("create_box_jwt", {"name": "x", "enterprise_id": "e", "public_key_id": "k", "private_key_str": KEY,
                        "passphrase": "p", "client_id": "", "client_secret": "s"}, 422, "clientId"),
    ("create_gcp", {"name": "x", "gcp_key": {**GOOGLE, "type": "authorized_user"}}, 422, "gcpKey"),
    ("create_databricks_service_principal", {"name": "x", "client_id": "a"}, 422, "clientSecret"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "arguments", "status", "field"), REFUSED)
def test_what_cannot_be_is_refused_once_and_in_words(client, method, arguments, status, field):
    client("create_basic", name="taken", user="u", password=SECRET)
    before, started = client("list")["ok"], time.monotonic()

    answer = client(method, **arguments)

    assert (answer["error"], answer["status"]) == ("ClientError", status)
    assert answer["json"]["message"]
    assert field in answer["json"]["errors"]
    assert client("list")["ok"] == before
    assert time.monotonic() - started < 5  # what this client repeats takes it 100 seconds


@pytest.mark.parametrize(
    ("settings", "status"),
    [({}, 422), ({"name": ""}, 422), ({"name": "other"}, 409), ({"aws_access_key_id": "x"}, 422), ({"user": ""}, 422),
     ({"credential_type": "s3"}, 422)],
)  # fmt: skip
def test_a_change_that_cannot_be_changes_nothing(client, settings, status):
    client("create_basic", name="other", user="u", password="p")
    made = client("create_basic", name="mine", user="u", password=SECRET, description="kept")["ok"]

    assert client("update", credential_id=made["credential_id"], **settings)["status"] == status
    assert client("get", credential_id=made["credential_id"])["ok"] == made


@pytest.mark.parametrize("ident", ["0" * 32, "mine", "5e429d6ecf8a5f36c5693e03", "..", "a%2Fb"])
def test_an_id_that_is_not_there_is_404(client, ident):
    client("create_basic", name="mine", user="u", password=SECRET)

    for method in ("get", "update", "delete"):
        assert client(method, credential_id=ident)["status"] == 404


def test_a_locked_vault_is_said_at_once(tmp_path):
    """423, which the client does not repeat; the version is told without the vault."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in isolated(tmp_path).items():
            patch.setenv(name, value)
        open_vault().close()
    for key in (tmp_path / "home" / "config").rglob("*"):
        if key.is_file():
            key.unlink()

    with jupyter_server(tmp_path) as server, ClientProcess("datarobot", tmp_path / "client") as client:
        started = time.monotonic()
        client.ok("connect", endpoint=f"http://127.0.0.1:{server.port}/credmagic/api/v2", token=TOKEN)
        answer = client.ask("list")

    assert (answer["error"], answer["status"], answer["json"]["code"]) == ("ClientError", 423, "locked")
    assert time.monotonic() - started < 10


# ── pages and objects ────────────────────────────────────────────────────────────────────────────────────────


def test_the_client_follows_all_pages(client):
    names = [f"c{number:02}" for number in range(45)]
    for name in names:
        client("create_basic", name=name, user="u", password=SECRET)

    assert [one["name"] for one in client("list")["ok"]] == names
    for query in ({"limit": 1}, {"limit": 7, "types": ["basic", "s3"]}, {"limit": 45}, {"limit": 1000}):
        assert [one["name"] for one in client("pages", path="credentials/", **query)["ok"]] == names
    assert client("pages", path="credentials/", types="s3")["ok"] == []


def test_a_default_is_set_as_the_clients_own_data_store_does(client):
    """`DataStore.test` first asks a service that is not here, then PUTs this very address."""
    made = client("create_basic", name="warehouse", user="u", password=SECRET)["ok"]["credential_id"]
    path = f"credentials/{made}/associations/dataconnection:5f2c/"

    assert client("test_data_store", data_store_id="5f2c", credential_id=made)["status"] == 404
    first = client("rest", method="put", path=path, body={"isDefault": True})["ok"]
    second = client("rest", method="put", path=path, body={"isDefault": True})["ok"]

    assert (first["status"], second["status"]) == (201, 200)
    row = {"objectId": "5f2c", "objectType": "dataconnection", "isDefault": True, "link": None}
    assert first["body"] == second["body"] == row
    (held,) = client("pages", path="credentials/associations/dataconnection:5f2c/", orderBy="-isDefault")["ok"]
    assert held.items() >= {"credentialId": made, "name": "warehouse", "isDefault": True, "objectId": "5f2c"}.items()
    assert client("pages", path="credentials/associations/dataconnection:unknown/")["ok"] == []


def test_what_is_attached_stays_until_it_is_detached(client):
    made = client("create_basic", name="warehouse", user="u", password=SECRET)["ok"]["credential_id"]
    path = f"credentials/{made}/associations/"
    rows = [{"objectId": f"o{number:02}", "objectType": "batchPredictionJobDefinition"} for number in range(25)]

    assert client("rest", method="patch", path=path, body={"credentialsToAdd": rows})["ok"]["status"] == 204
    assert client("rest", method="patch", path=path, body={"credentialsToAdd": rows[:1]})["status"] == 409
    assert client("delete", credential_id=made)["status"] == 409
    held = client("pages", path=path)["ok"]

    assert [row["objectId"] for row in held] == [row["objectId"] for row in rows]
    assert {row["objectType"] for row in held} == {"batchPredictionJobDefinition"}
    gone = {"credentialsToRemove": [row["objectId"] for row in rows]}
    assert client("rest", method="patch", path=path, body=gone)["ok"]["status"] == 204
    assert client("rest", method="patch", path=path, body=gone)["status"] == 409
    assert client("rest", method="patch", path=path, body={})["status"] == 422
    assert "ok" in client("delete", credential_id=made)


# ── how the client is pointed here ───────────────────────────────────────────────────────────────────────────


def write_yaml(home: Path, name: str, endpoint: str) -> Path:
    file = home / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"endpoint: {endpoint}\ntoken: {TOKEN}\n")
    return file


@pytest.mark.parametrize("way", ["environment", "drconfig.yaml", "another file", "trailing slash", "Bearer"])
def test_the_client_finds_its_way(server, endpoint, tmp_path, way):
    settings, variables = {}, {}
    if way == "environment":
        variables = {"DATAROBOT_ENDPOINT": endpoint, "DATAROBOT_API_TOKEN": TOKEN}
    elif way == "drconfig.yaml":
        write_yaml(tmp_path, ".config/datarobot/drconfig.yaml", endpoint)
    elif way == "another file":
        variables = {"DATAROBOT_CONFIG_FILE": str(write_yaml(tmp_path, "elsewhere/dr.yaml", endpoint))}
    else:
        settings = {"endpoint": endpoint + ("/" if way == "trailing slash" else ""), "token": TOKEN}
        settings |= {"token_type": "Bearer"} if way == "Bearer" else {}

    with ClientProcess("datarobot", tmp_path, **variables) as client:
        connected = client.ok("connect", **settings)
        assert client.ok("list") == []

    assert not [text for text in connected["warnings"] if "version" in text.lower() and "urllib3" not in text]


@pytest.mark.parametrize("token", ["wrong", TOKEN + "x", "eyJhbGciOiJub25lIn0.e30.", "a b"])
def test_a_wrong_token_is_said_to_be_wrong(server, endpoint, tmp_path, token):
    with ClientProcess("datarobot", tmp_path) as client:
        answer = client.ask("connect", endpoint=endpoint, token=token)

    assert (answer["error"], answer["status"]) == ("ClientError", 401)
    assert "Unable to authenticate" in answer["text"]


@pytest.mark.parametrize("token_type", ["Token", "Bearer"])
def test_a_machine_works_with_its_own_token(server, endpoint, client, notebook, tmp_path, token_type):
    password = SECRET + "-password"
    notebook.call("machine_add", id="etl", password=password)
    login = server.request("POST", "credmagic/api/sessions", {"email": "etl", "password": password}, headers={})
    mine = client("create_basic", name="of the user", user="u", password=SECRET)["ok"]

    with ClientProcess("datarobot", tmp_path) as machine:
        machine.ok("connect", endpoint=endpoint, token=login.json()["authToken"], token_type=token_type)
        made = machine.ok("create_basic", name="of the machine", user="u", password=SECRET)
        machine.ok("update", credential_id=made["credential_id"], description="changed", password=SECRET + "2")
        listed = machine.ok("list")
        others = machine.ask("get", credential_id=mine["credential_id"])
        unknown = machine.ask("get", credential_id="0" * 32)
        notebook.call("machine_pause", ref="etl")
        paused = machine.ask("list")

    assert listed == [{**made, "description": "changed"}]
    assert (others["status"], others["json"]) == (404, unknown["json"])
    assert paused["status"] == 401
    assert client("list")["ok"] == [mine]
    notebook.call("machine_remove", ref="etl", force=True)
