"""One vault, four unmodified clients and a notebook: what one of them makes, the others find, and no value is on the way.

DataRobot and Orchestrate keep credentials. Conductor and Unify know identities: the key or password that they make
becomes a credential in the notebook, which signs in with it at this very server.
"""

import base64
import hashlib
import json
import secrets

import pytest
import yaml

from beside import client_of
from client_process import ClientProcess, python_of
from credmagic.crypto.entry import entry_info, seal_entry
from credmagic.testing.jupyter import TOKEN, jupyter_server
from integration.orchestrate_cli import Cli

SECRET = f"canary-4-{secrets.token_hex(12)}"
BASE = "/user/jo/"
READY = """
%load_ext credmagic
import hashlib, json, urllib.request
from credmagic import api

def digest(text):
    return hashlib.sha256(str.__str__(text).encode()).hexdigest()

def status(path, **headers):
    request = urllib.request.Request(URL + path, headers={k.replace("_", "-"): str.__str__(v) for k, v in headers.items()})
    with urllib.request.urlopen(request) as answer:
        return answer.status, json.load(answer)
"""


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    for client in ("datarobot", "conductor", "unify", "orchestrate"):
        python_of(client)
    return tmp_path_factory.mktemp("four")


@pytest.fixture(scope="module")
def server(workdir):
    with jupyter_server(workdir, base_url=BASE) as running:
        yield running
        assert SECRET not in running.log


@pytest.fixture(scope="module")
def url(server):
    return f"http://127.0.0.1:{server.port}{BASE}credmagic/"


@pytest.fixture(scope="module")
def store(server, workdir):
    """A shell beside the server."""
    with client_of(workdir) as client:
        yield client


@pytest.fixture(scope="module")
def notebook(server, url):
    """`notebook(code)`: what a cell printed; a value is never printed."""
    ident = server.start_kernel("work.ipynb")
    server.run(ident, READY.replace("URL", repr(url)))

    def run(code):
        printed = server.run(ident, code)
        assert SECRET not in printed
        return printed

    return run


@pytest.fixture(scope="module")
def datarobot(url, workdir):
    with ClientProcess("datarobot", workdir / "datarobot") as client:
        client.ok("connect", endpoint=url + "api/v2", token=TOKEN)
        yield client


@pytest.fixture(scope="module")
def conductor(url, workdir, store):
    application = store.call("app_add", name="first", roles=["ADMIN"])
    key = store.call("key_create", ref=application["id"])
    settings = {"CONDUCTOR_AUTH_KEY": key["id"], "CONDUCTOR_AUTH_SECRET": key["secret"]}
    with ClientProcess("conductor", workdir / "conductor", CONDUCTOR_SERVER_URL=url + "api", **settings) as client:
        client.ok("new")
        yield lambda name, *args: client.ok("method", name=name, args=list(args))


@pytest.fixture(scope="module")
def unify(url, workdir):
    with ClientProcess("unify", workdir / "unify", PYTHON_KEYRING_BACKEND="file_keyring.FileKeyring") as client:

        def run(*words):
            done = client.ok("run", words=list(words), keyring=str(workdir / "keyring.json"))
            assert done["code"] == 0, done["printed"]
            return done["printed"]

        run("cluster", "add", "--remote", url, "--username", "jo", "--password", TOKEN, "--name", "cm")
        run("cluster", "login", "--remote", "cm")
        yield run


@pytest.fixture(scope="module")
def orchestrate(server, url, workdir):
    """Over plain http, as far as that client goes there: with a capital scheme and a token put in place."""
    cli = Cli(workdir / "orchestrate")
    cli.done("env", "add", "-n", "cm", "-u", url.rstrip("/").replace("http", "HTTP", 1))
    login = {"username": "jo", "api_key": TOKEN}
    token = server.request("POST", "credmagic/icp4d-api/v1/authorize", login, headers={}).json()["token"]
    place = cli.home / ".cache/orchestrate/credentials.yaml"
    kept = yaml.safe_load(place.read_text()) if place.exists() else {"auth": {}}
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(yaml.safe_dump({**kept, "auth": {**kept["auth"], "cm": {"wxo_mcsp_token": token}}}))
    cli.done("env", "activate", "cm")
    yield cli
    cli.close()


def typed_into_a_form(notebook, kind, **form):
    """What a browser sends through the kernel: sealed for the vault, so that the kernel relays what it cannot read."""
    begun = json.loads(notebook(f"print(json.dumps(api.client().begin_entry({kind!r})))"))
    public = base64.urlsafe_b64decode(begun["public_key"] + "==")
    sealed = seal_entry(public, entry_info(begun["entry_id"], kind), {"verify": False, **form})
    text = base64.urlsafe_b64encode(sealed).decode().rstrip("=")
    call = f"api.client().submit_entry(entry_id={begun['entry_id']!r}, purpose='save', sealed={text!r})"
    return json.loads(notebook(f"print(json.dumps({call}))"))


# ── made by a client, used in a notebook ─────────────────────────────────────────────────────────────────────


def test_what_datarobot_made_is_used_in_a_notebook(datarobot, notebook):
    made = datarobot.ok("create_basic", name="warehouse", user="ada", password=SECRET, description="made there")

    assert notebook("x = %cred use warehouse\nprint(x['user'], digest(x['password']))").split() == [
        "ada",
        digest(SECRET),
    ]
    datarobot.ok("update", credential_id=made["credential_id"], password=SECRET + "-2")
    assert digest(SECRET + "-2") in notebook("x = %cred use warehouse\nprint(digest(x['password']))")


def test_what_orchestrate_made_is_used_in_a_notebook_and_seen_by_datarobot(orchestrate, datarobot, notebook):
    words = ["-a", "crm", "--env", "draft"]
    orchestrate.connections("add", "-a", "crm")
    orchestrate.connections("configure", *words, "-k", "basic", "-t", "team", "-u", "https://crm.example")
    orchestrate.connections("set-credentials", *words, "-u", "bob", "-p", SECRET)

    used = notebook("x = %cred use crm --env draft\nprint(x['user'], digest(x['password']))")
    (seen,) = [one for one in datarobot.ok("list") if one["name"] == "crm"]

    assert used.split() == ["bob", digest(SECRET)]
    assert seen["credential_type"] == "basic"
    assert SECRET not in orchestrate.written


def test_a_key_that_conductor_made_signs_in(conductor, notebook, url, tmp_path, store):
    """Added with its probe: the vault signs in at this very server before it stores the key."""
    application = conductor("create_application", {"model": "CreateOrUpdateApplicationRequest", "name": "jobs"})
    key = conductor("create_access_key", application["id"])
    (tmp_path / "secret").write_text(key["secret"])
    shared = {"user": "u", "password": SECRET}
    store.call("create", name="of-the-team", kind="basic", fields=shared, team=True, verify=False)

    added = notebook(
        f"%cred add conductor-key --kind conductor_access_key serverUrl={url}api keyId={key['id']}"
        f" --secret keySecret=file:{tmp_path / 'secret'}"
    )
    used = notebook(
        "key = %cred use conductor-key\n"
        "code, page = status('api/v2/credentials/', Authorization='Bearer ' + str.__str__(key['token']))\n"
        "print(code, [row['name'] for row in page['data']], [name for name in key if 'secret' in name])"
    )

    assert "conductor-key" in added
    assert used.strip().startswith("200 [")
    assert "of-the-team" in used
    assert used.strip().endswith("[]")  # the key itself stays in the vault
    assert key["secret"] not in added + used


def test_a_password_that_unify_set_signs_in(unify, notebook, url, tmp_path):
    password = f"{SECRET}-of-the-machine"
    unify("user", "machine", "add", "--account-id", "etl", "--name", "Nightly", "--role", "Admin",
          "--password", password, "--org", "1", "--remote", "cm")  # fmt: skip
    (tmp_path / "password").write_text(password)

    notebook(
        f"%cred add unify-login --kind machine_login url={url} identifier=etl"
        f" --secret password=file:{tmp_path / 'password'}"
    )
    used = notebook(
        "login = %cred use unify-login\n"
        "print(*status('api/v1/orgs/1/users', x_auth_token=login['token']), 'password' in login)"
    )

    assert used.startswith("200 [")
    assert "'id': 'etl'" in used
    assert used.strip().endswith("False")


# ── made in a notebook, seen by the clients ──────────────────────────────────────────────────────────────────


def test_what_a_form_made_is_seen_by_datarobot_without_its_value(datarobot, notebook):
    fields = {"aws_access_key_id": "AKIAFORM", "aws_secret_access_key": SECRET}
    view = typed_into_a_form(notebook, "s3", name="by-form", description="typed, sealed, stored", fields=fields)

    (seen,) = [one for one in datarobot.ok("list") if one["name"] == "by-form"]
    raw = datarobot.ok("rest", method="get", path=f"credentials/{seen['credential_id']}/")["body"]

    assert (seen["credential_id"], seen["credential_type"]) == (view["id"], "s3")
    assert (seen["description"], raw["creationDate"]) == ("typed, sealed, stored", view["created_at"])
    assert SECRET not in json.dumps(raw)
    assert digest(SECRET) in notebook("x = %cred use by-form\nprint(digest(x['aws_secret_access_key']))")


def test_what_a_form_made_fills_the_connection_of_its_name(orchestrate, notebook):
    orchestrate.connections("add", "-a", "billing")
    orchestrate.connections("configure", "-a", "billing", "--env", "live", "-k", "api_key", "-t", "team")
    before = orchestrate.rows("billing")["live"]["credentials_entered"]

    typed_into_a_form(notebook, "api_key", name="billing", environment="live", team=True, fields={"api_key": SECRET})

    row = orchestrate.rows("billing")["live"]
    assert (before, row["credentials_entered"]) == (False, True)
    assert (row["security_scheme"], row["preference"], row["environment"]) == ("api_key_auth", "team", "live")
    assert SECRET not in orchestrate.written


def test_who_a_notebook_lets_in_is_seen_by_conductor_and_unify(conductor, unify, notebook, tmp_path):
    """Neither lists credentials; what they know are identities, and these are one set for both."""
    notebook("%cred app create from-a-notebook")
    (tmp_path / "password").write_text(SECRET)
    notebook(f"%cred machine add --id by-hand --name ByHand --password file:{tmp_path / 'password'}")

    applications = conductor("list_applications")
    users = unify("user", "org-list", "--org", "1", "--remote", "cm")

    assert "from-a-notebook" in [one["name"] for one in applications]
    assert "by-hand" in users
    assert "from-a-notebook" in users
    assert SECRET not in json.dumps(applications) + users


def test_one_store_holds_it_all(datarobot, store, workdir):
    """What the client counts is what the vault counts, and no file of the store holds a value or a name."""
    listed = {one["credential_id"]: one["name"] for one in datarobot.ok("list")}
    kept = {one["id"]: one["name"] for one in store.call("list", limit=1000)["credentials"]}

    assert listed == kept
    files = b"".join(path.read_bytes() for path in (workdir / "home" / "data").rglob("*") if path.is_file())
    assert SECRET.encode() not in files
    assert b"by-form" not in files
