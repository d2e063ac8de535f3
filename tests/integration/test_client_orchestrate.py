"""The real `orchestrate` CLI, unmodified, against this server: every command about connections, done and refused.

Over https with a self-signed certificate, and over plain http as far as that CLI goes. What it stored is right in a
notebook; what was made in a notebook is in its list; no value is where it should not be.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import zipfile
from pathlib import Path

import pytest
import yaml

from beside import vault_of
from credmagic.testing.fixtures import require
from credmagic.testing.jupyter import TOKEN, jupyter_server
from credmagic.testing.tls import self_signed
from credmagic.vault import sign_in
from credmagic.vault.actions import dispatch
from credmagic.vault.audit import Caller
from integration.orchestrate_cli import BEHALF, CASES, GRANT, KINDS, PASSWORD, PEM, PYTHON, SECRET, SSO, URL, Cli

OWNER = Caller("local")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    require("ibm-watsonx-orchestrate (CREDMAGIC_TEST_ORCHESTRATE_PYTHON)", PYTHON)
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def server(tmp_path_factory, certificate):
    with jupyter_server(tmp_path_factory.mktemp("wxo"), base_url="/user/jo/", certificate=certificate) as running:
        yield running


@pytest.fixture(scope="module")
def vault(server):
    with vault_of(server.workdir) as opened:
        yield opened


@pytest.fixture(scope="module")
def do(vault):
    """`do(action, **params)`: as the laptop owner, beside the server."""
    return lambda action, **params: dispatch(vault, OWNER, action, params)


@pytest.fixture(scope="module")
def cli(server, certificate, tmp_path_factory):
    """Signed in as this server's user, the certificate checked."""
    cli = Cli(tmp_path_factory.mktemp("cli") / "home")
    url = server.url + "credmagic"
    cli.done("env", "add", "-n", "cm", "-u", url, "--type", "cpd", "--verify", str(certificate.cert))
    cli.done("env", "activate", "cm", "--username", "jo", "--api-key", TOKEN)
    yield cli
    cli.close()


@pytest.fixture
def app(cli, do):
    """The name of a connection that was added by the CLI; it goes with the test."""
    name = f"app-{secrets.token_hex(4)}"
    cli.connections("add", "-a", name)
    yield name
    if name in {view["app_id"] for view in do("connections")["connections"]}:
        do("connection_remove", app_id=name, force=True)


@pytest.fixture
def other_environment(cli):
    """Whatever the test activates, the next one finds the first again."""
    yield
    cli.done("env", "activate", "cm")


def fields_of(vault, app, environment):
    """The values that are stored, opened in the vault."""
    with vault.store.read() as reader:
        credential = vault.credential(reader, vault.find(reader, app, environment))
    values = {**credential.public(), **credential.secrets()}
    return {
        name: str.__str__(value) if isinstance(value, str) else plain(value) for name, value in values.items() if value
    }


def plain(value):
    return {key: str(item) for key, item in value.items()} if isinstance(value, dict) else value


# ── every kind, every type, both environments ────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("kind", "type_"), CASES)
def test_a_connection_of_each_kind_is_configured_entered_twice_and_listed(cli, vault, app, kind, type_) -> None:
    how = KINDS[kind]
    for environment in ("draft", "live"):
        cli.connections("configure", "-a", app, "--env", environment, "-k", kind, "-t", type_, *how.configured)
    assert {row["credentials_entered"] for row in cli.rows(app).values()} == {False}

    cli.connections("set-credentials", "-a", app, "--env", "draft", *[word.replace("bob", "al") for word in how.given])
    cli.connections("set-credentials", "-a", app, "--env", "draft", *how.given)

    stored = fields_of(vault, app, "draft")
    assert {name: stored.get(name) for name in how.stored} == how.stored
    rows = cli.rows(app)
    described = {"security_scheme": how.scheme, "auth_type": how.auth_type, "preference": type_}
    assert {name: rows["draft"][name] for name in described} == described
    assert {environment: row["credentials_entered"] for environment, row in rows.items()} == {
        "draft": True,
        "live": False,
    }


@pytest.mark.parametrize("kind", ["basic", "api_key", "oauth_auth_on_behalf_of_flow"])
def test_configuring_again_changes_only_what_is_told(cli, app, do, kind) -> None:
    how = KINDS[kind]
    words = ["configure", "-a", app, "--env", "draft", "-k", kind, "-t", how.types[0], *how.configured]
    cli.connections(*words, "-u", "https://one.example", "-e", "region=eu")
    cli.connections("set-credentials", "-a", app, "--env", "draft", *how.given)

    cli.connections(*words, "-u", "https://two.example")

    (found,) = do("connection", app_id=app)["configurations"]
    assert (found["server_url"], found["custom_config_entries"]) == ("https://two.example", {"region": "eu"})
    assert found["credentials_entered"]
    assert found.get("name") == ("X-Key" if kind == "api_key" else None)


def test_a_sign_in_s_own_token_needs_no_credential_and_takes_none(cli, app) -> None:
    words = ["-a", app, "--env", "draft"]
    cli.connections("configure", *words, "-k", "oauth_auth_direct_access_flow", "-t", "member", "--sso")

    assert cli.rows(app)["draft"]["credentials_entered"] is True
    assert "does not support" in cli.refused("connections", "set-credentials", *words, "--token", SECRET)


def test_an_identity_provider_is_set_twice(cli, app, do) -> None:
    words = ["-a", app, "--env", "live"]
    cli.connections("configure", *words, "-k", "oauth_auth_on_behalf_of_flow", "-t", "member", *BEHALF)
    provider = ["--url", URL, "--client-id", "c", "--client-secret", SECRET, "--scope", "s", "--grant-type", GRANT]

    cli.connections("set-identity-provider", *words, *provider, "-t", f"body:a={SECRET}")
    assert "custom_token_body" in do("connection", app_id=app)["configurations"][0]["identity_provider"]

    cli.connections("set-identity-provider", *words, *provider)
    kept = do("connection", app_id=app)["configurations"][0]["identity_provider"]
    assert kept == ["client_id", "client_secret", "grant_type", "idp_url", "scope"]


@pytest.mark.parametrize(
    ("kind", "type_", "more"),
    [("bearer", "team", ()), ("basic", "member", ()), ("oauth_auth_client_credentials_flow", "team", ()),
     ("oauth_auth_token_exchange_flow", "member", SSO)],
)  # fmt: skip
def test_another_kind_or_type_drops_the_credential(cli, app, kind, type_, more) -> None:
    words = ["-a", app, "--env", "draft"]
    cli.connections("configure", *words, "-k", "basic", "-t", "team")
    cli.connections("set-credentials", *words, *KINDS["basic"].given)

    assert "will be removed" in cli.connections("configure", *words, "-k", kind, "-t", type_, *more)

    assert cli.rows(app)["draft"]["credentials_entered"] is False


def test_from_one_grant_to_another_and_back_to_a_password(cli, app) -> None:
    """The last change is sent without an `auth_type`."""
    words = ["-a", app, "--env", "draft"]
    for kind in ("oauth_auth_client_credentials_flow", "oauth_auth_password_flow", "basic"):
        cli.connections("configure", *words, "-k", kind, "-t", "team")
        cli.connections("set-credentials", *words, *KINDS[kind].given)

    row = cli.rows(app)["draft"]
    assert (row["security_scheme"], row["auth_type"], row["credentials_entered"]) == ("basic_auth", None, True)


def test_what_is_in_use_is_neither_dropped_nor_removed(cli, app, do) -> None:
    words = ["-a", app, "--env", "draft"]
    cli.connections("configure", *words, "-k", "basic", "-t", "team")
    cli.connections("set-credentials", *words, *KINDS["basic"].given)
    do("attach", ref=app, environment="draft", object_type="job", object_id="nightly")

    assert "No changes have been made" in cli.refused("connections", "configure", *words, "-k", "bearer", "-t", "team")
    assert "in_use" in cli.refused("connections", "remove", "-a", app)
    assert cli.rows(app)["draft"]["credentials_entered"] is True


# ── add, list, remove ────────────────────────────────────────────────────────────────────────────────────────
def test_what_a_connection_belongs_to_comes_along(cli, do) -> None:
    cli.connections("add", "-a", "belongs", "--component", "knowledge", "--category", "milvus")
    assert do("connection", app_id="belongs")["resource"] == {"component": "knowledge", "category": "milvus"}
    do("connection_remove", app_id="belongs")


def test_the_tables_show_each_connection_where_it_belongs(cli, app) -> None:
    assert "Non-Configured" in cli.connections("list")
    cli.connections("configure", "-a", app, "--env", "live", "-k", "basic", "-t", "team")

    assert app in cli.connections("list", "--env", "live")
    assert app not in cli.connections("list", "--env", "draft")


def test_removing_takes_the_credential_along(cli, app, do) -> None:
    words = ["-a", app, "--env", "draft"]
    cli.connections("configure", *words, "-k", "basic", "-t", "team")
    cli.connections("set-credentials", *words, *KINDS["basic"].given)

    cli.connections("remove", "-a", app)

    assert cli.rows(app) == {}
    assert app not in [one["name"] for one in do("list", limit=1000)["credentials"]]


REFUSED = [
    (["add", "-a", "{app}"], "already exists"),
    (["add", "-a", "{san}"], "{app}"),
    (["add", "-a", "a b"], "letters"),
    (["add", "-a", "custom_x"], "must not begin with custom_"),
    (["add", "-a", "new", "--category", "milvus"], "Invalid resource"),
    (["remove", "-a", "nobody"], "there is no connection"),
    (["remove", "-a", "a b"], "letters"),
    (["configure", "-a", "nobody", "--env", "draft", "-k", "basic", "-t", "team"], "there is no connection"),
    (["configure", "-a", "{app}", "--env", "draft", "-k", "key_value", "-t", "member"], "team"),
    (["configure", "-a", "{app}", "--env", "draft", "-k", "oauth_auth_jwt_bearer_flow", "-t", "member"], "team"),
    (["configure", "-a", "{app}", "--env", "draft", "-k", "basic", "-t", "team", "--sso"], "SSO"),
    (["configure", "-a", "{app}", "--env", "draft", "-k", "basic", "-t", "team", "-u", "ftp://x"], "http"),
    (["configure", "-a", "{app}", "--env", "draft", "-k", "basic", "-t", "team", "-u", "https://u:p@x.example"], "login"),
    (["set-credentials", "-a", "{app}", "--env", "draft", "--token", "t"], "No configuration"),
    (["set-credentials", "-a", "nobody", "--env", "draft", "--token", "t"], "No configuration"),
    (["set-credentials", "-a", "{oauth}", "--env", "draft", "--client-id", "c", "--client-secret", "s",
      "--token-url", "http://far.example/t"], "token_url"),
    (["set-identity-provider", "-a", "{oauth}", "--env", "draft", "--url", URL, "--client-id", "c", "--client-secret",
      "s", "--scope", "s", "--grant-type", "g"], "only supported"),
    (["export", "-a", "nobody", "-o", "nobody.yaml"], "not found"),
    (["import", "-f", "{missing}"], "No such file"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "said"), REFUSED)
def test_what_cannot_be_is_said_in_words_and_changes_nothing(cli, app, do, tmp_path, words, said) -> None:
    oauth = app.replace("app", "oauth")
    do("connection_add", app_id=oauth)
    do("connection_configure", app_id=oauth, environment="draft", kind="oauth_client_credentials", sharing="team")
    names = {"app": app, "san": app.replace("-", "."), "oauth": oauth, "missing": str(tmp_path / "missing.yaml")}
    before = do("connections")

    out = cli.refused("connections", *[word.format(**names) for word in words])

    assert said.format(**names) in out
    assert do("connections") == before
    do("connection_remove", app_id=oauth)


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def documented(cli, app):
    """A connection with something of everything that goes into a file."""
    how = ["configure", "-a", app, "-k"]
    cli.connections(
        *how, "oauth_auth_on_behalf_of_flow", "--env", "draft", "-t", "member", *BEHALF, "-u", "https://x.example"
    )
    cli.connections(*how, "basic", "--env", "live", "-t", "team")
    cli.connections("set-credentials", "-a", app, "--env", "live", *KINDS["basic"].given)
    return app


def configurations(do, app):
    found = do("connection", app_id=app)["configurations"]
    return [{key: value for key, value in one.items() if key != "credentials_entered"} for one in found]


@pytest.mark.parametrize("suffix", ["yaml", "yml", "zip"])
def test_what_was_exported_comes_back_without_its_credential(cli, documented, do, tmp_path, suffix) -> None:
    before, path = configurations(do, documented), tmp_path / f"out.{suffix}"
    cli.connections("export", "-a", documented, "-o", str(path))
    if suffix == "zip":
        with zipfile.ZipFile(path) as archive:
            path = Path(archive.extract(f"out/{documented}.yaml", tmp_path))
    assert SECRET not in path.read_text("utf-8")
    cli.connections("remove", "-a", documented)

    cli.connections("import", "-f", str(path))

    assert configurations(do, documented) == before
    assert cli.rows(documented)["live"]["credentials_entered"] is False


def test_a_file_of_the_cli_is_imported_here_and_one_of_ours_there(cli, documented, do, tmp_path) -> None:
    do("connection_configure", app_id=documented, environment="live", kind="api_key", sharing="team",
       settings={"name": "X-Key", "custom_config_entries": {"region": "eu"}})  # fmt: skip
    before = configurations(do, documented)
    ours, theirs = tmp_path / "ours.yaml", tmp_path / "theirs.yaml"
    ours.write_text(do("connection_export", app_id=documented)["text"], "utf-8")
    cli.connections("export", "-a", documented, "-o", str(theirs))

    do("connection_remove", app_id=documented)
    cli.connections("import", "-f", str(ours))
    assert configurations(do, documented) == before

    do("connection_remove", app_id=documented)
    do("connection_import", text=theirs.read_text("utf-8"))
    lost = {"name", "custom_config_entries"}
    kept = [{key: value for key, value in one.items() if key not in lost} for one in before]
    assert configurations(do, documented) == kept


@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_a_file_of_another_app_is_imported_and_again_to_change_it(cli, do, tmp_path, suffix) -> None:
    document = {
        "spec_version": "v1", "kind": "connection", "app_id": "from-elsewhere",
        "environments": {"draft": {"kind": "basic", "type": "team", "server_url": "https://x.example",
                                   "custom_config_entries": {"port": 5432}}},
    }  # fmt: skip
    path = tmp_path / f"app.{suffix}"
    for kind in ("basic", "bearer"):
        document["environments"]["draft"]["kind"] = kind
        path.write_text(json.dumps(document) if suffix == "json" else yaml.safe_dump(document), "utf-8")
        cli.connections("import", "-f", str(path))

    (found,) = do("connection", app_id="from-elsewhere")["configurations"]
    assert (found["kind"], found["custom_config_entries"]) == ("bearer", {"port": "5432"})
    do("connection_remove", app_id="from-elsewhere")


# ── signing in ───────────────────────────────────────────────────────────────────────────────────────────────
def environment(cli, server, name, *how):
    cli.done("env", "add", "-n", name, "-u", server.url + "credmagic", "--type", "cpd", *how)


@pytest.fixture(scope="module")
def robot(do):
    do("machine_add", id="robot", role="Admin", password=PASSWORD)
    return "robot"


def test_a_machine_signs_in_with_its_password_and_no_check_of_the_certificate(
    cli, server, robot, other_environment
) -> None:
    environment(cli, server, "by-password", "--insecure")
    cli.done("env", "activate", "by-password", "--username", robot, "--password", PASSWORD)

    cli.connections("add", "-a", "by-robot")
    cli.connections("remove", "-a", "by-robot")


def test_an_access_key_signs_in_and_a_paused_one_is_out_at_once(
    cli, server, certificate, do, other_environment
) -> None:
    key = do("key_create", ref=do("app_add", name="nightly")["id"])
    environment(cli, server, "by-key", "--verify", str(certificate.cert))
    cli.done("env", "activate", "by-key", "--username", key["id"], "--api-key", str.__str__(key["secret"]))
    cli.connections("list")
    assert "the role Contributor may not" in cli.refused("connections", "add", "-a", "not-mine")

    do("key_pause", key_id=key["id"])

    assert "401" in cli.refused("connections", "list")
    environment(cli, server, "by-paused", "--insecure")
    cli.refused("env", "activate", "by-paused", "--username", key["id"], "--api-key", str.__str__(key["secret"]))


@pytest.mark.parametrize("how", [("-p", "wrong"), ("--api-key", "wrong"), ("--api-key", TOKEN + "x")])
def test_who_cannot_prove_it_does_not_get_in(cli, server, robot, how, other_environment) -> None:
    name = f"wrong-{secrets.token_hex(4)}"
    environment(cli, server, name, "--insecure")

    out = cli.refused("env", "activate", name, "--username", robot, *how)

    assert "Error getting" in out
    assert name not in (cli.home / ".cache/orchestrate/credentials.yaml").read_text("utf-8")


def test_an_old_token_is_renewed_by_the_cli_and_refused_by_the_server(cli, server, vault, other_environment) -> None:
    """The CLI calls a token dead ten minutes before its end, and does not know one that was cut."""
    environment(cli, server, "old", "--insecure")
    cli.done("env", "activate", "old", "--username", "jo", "--api-key", TOKEN)
    place_token(cli, "old", str.__str__(sign_in.issue_for_user(vault, OWNER, minutes=5).token))
    assert "missing or expired" in cli.refused("connections", "list")
    place_token(cli, "old", str.__str__(sign_in.issue_for_user(vault, OWNER, minutes=60).token)[:-8] + "AAAAAAAA")
    assert "401" in cli.refused("connections", "list")
    place_token(cli, "old", str.__str__(sign_in.issue_for_user(vault, OWNER, minutes=60).token))
    cli.connections("list")


def place_token(cli, name, token):
    """A token where the CLI keeps them."""
    path = cli.home / ".cache/orchestrate/credentials.yaml"
    kept = yaml.safe_load(path.read_text("utf-8"))
    kept["auth"][name] = {"wxo_mcsp_token": token}
    path.write_text(yaml.safe_dump(kept), "utf-8")


def test_plain_http_works_with_a_capital_scheme_and_a_token_put_in_place(cli, tmp_path, other_environment) -> None:
    with jupyter_server(tmp_path / "plain", base_url="/orchestrate/jo/") as running, vault_of(running.workdir) as vault:
        url = running.url.replace("http", "HTTP", 1) + "credmagic"
        cli.done("env", "add", "-n", "plain", "-u", url)
        place_token(cli, "plain", str.__str__(sign_in.issue_for_user(vault, OWNER).token))
        cli.done("env", "activate", "plain")

        cli.connections("add", "-a", "over-http")
        for place in ("draft", "live"):
            cli.connections("configure", "-a", "over-http", "--env", place, "-k", "basic", "-t", "team")
            cli.connections("set-credentials", "-a", "over-http", "--env", place, *KINDS["basic"].given)

        assert set(cli.rows("over-http")) == {"draft", "live"}
        assert fields_of(vault, "over-http", "live")["password"] == SECRET
        assert SECRET not in running.log


def test_the_address_of_the_sign_in_may_be_given(cli, server, other_environment) -> None:
    """The CLI guesses it by cutting the URL at its own name, which a base URL may hold."""
    environment(cli, server, "cut", "--insecure", "--iam-url", server.url + "credmagic/icp4d-api")
    cli.done("env", "activate", "cut", "--username", "jo", "--api-key", TOKEN)


# ── in a notebook ────────────────────────────────────────────────────────────────────────────────────────────
SHOW = """
import hashlib, json, os
def digest(text): return hashlib.sha256(str.__str__(text).encode()).hexdigest()
"""


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture(scope="module")
def kernel(server):
    """`kernel(code)`: what it printed, or its traceback."""
    ident = server.start_kernel()
    server.run(ident, "%load_ext credmagic\n" + SHOW)
    return lambda code: server.run(ident, code)


def test_what_the_cli_stored_is_right_in_a_notebook(cli, app, kernel) -> None:
    words = ["-a", app, "--env", "draft"]
    cli.connections("configure", *words, "-k", "basic", "-t", "team", "-u", "https://x.example")
    cli.connections("set-credentials", *words, *KINDS["basic"].given)

    out = kernel(f'x = %cred use {app} --env draft\nprint(x["user"], digest(x["password"]))')

    assert f"bob {digest(SECRET)}" in out


def test_a_member_s_own_credential_too(cli, app, kernel) -> None:
    cli.connections("configure", "-a", app, "--env", "live", "-k", "api_key", "-t", "member")
    cli.connections("set-credentials", "-a", app, "--env", "live", *KINDS["api_key"].given)

    assert digest(SECRET) in kernel(f'x = %cred use {app} --env live\nprint(digest(x["api_key"]))')


def test_tools_find_in_the_variables_what_the_cli_stored(cli, app, kernel) -> None:
    words = ["-a", app, "--env", "draft"]
    cli.connections("configure", *words, "-k", "key_value", "-t", "team")
    cli.connections("set-credentials", *words, "-e", f"A-b={SECRET}", "-e", "c.d=second-value")

    part = app.replace("-", "_")
    out = kernel(
        f"%cred use {app} --env draft --wxo\n"
        "print(json.dumps({key: digest(value) for key, value in os.environ.items() if key.startswith('WXO_')}))"
    )

    found = json.loads(out[out.index("{") :])
    assert found == {
        f"WXO_SECURITY_SCHEMA_{part}": digest("key_value_creds"),
        f"WXO_CONNECTION_{part}_A-b": digest(SECRET),
        f"WXO_CONNECTION_{part}_c.d": digest("second-value"),
    }


def test_a_connection_made_in_a_notebook_is_in_the_cli_s_list_without_its_value(cli, kernel, do, tmp_path) -> None:
    (tmp_path / "secret").write_text(SECRET, "utf-8")
    kernel("%cred connection add -a made-here --component knowledge")
    kernel("%cred connection configure -a made-here --env live -k api_key -t team -n X-Key -u https://x.example")
    kernel(f"%cred connection set-credentials -a made-here --env live -k file:{tmp_path / 'secret'} --no-verify")

    (row,) = cli.rows("made-here").values()

    assert {key: row[key] for key in row if key != "connection_id"} == {
        "app_id": "made-here", "name": "X-Key", "security_scheme": "api_key_auth", "auth_type": None,
        "environment": "live", "preference": "team", "credentials_entered": True,
    }  # fmt: skip
    assert "https://x.example" in export(cli, "made-here", tmp_path)
    do("connection_remove", app_id="made-here")


def test_a_credential_that_was_made_by_itself_fills_the_connection_of_its_name(cli, app, do) -> None:
    cli.connections("configure", "-a", app, "--env", "draft", "-k", "basic", "-t", "team")
    assert cli.rows(app)["draft"]["credentials_entered"] is False

    fields = {"user": "bob", "password": SECRET}
    do("create", name=app, kind="basic", environment="draft", team=True, fields=fields, verify=False)

    assert cli.rows(app)["draft"]["credentials_entered"] is True


def test_a_connection_of_another_kind_is_listed_as_pairs(cli, do, tmp_path) -> None:
    do("connection_add", app_id="a-database")
    do("connection_configure", app_id="a-database", environment="draft", kind="database", sharing="team")

    cli.connections("set-credentials", "-a", "a-database", "--env", "draft", "-e", "dialect=postgresql",
                    "-e", "host=h.example", "-e", "database=d", "-e", "user=u", "-e", f"password={SECRET}")  # fmt: skip

    row = cli.rows("a-database")["draft"]
    assert (row["security_scheme"], row["credentials_entered"]) == ("key_value_creds", True)
    assert "key_value" in export(cli, "a-database", tmp_path)
    do("connection_remove", app_id="a-database")


def export(cli, app, tmp_path):
    cli.connections("export", "-a", app, "-o", str(tmp_path / "out.yaml"))
    return (tmp_path / "out.yaml").read_text("utf-8")


# ── and nowhere else ─────────────────────────────────────────────────────────────────────────────────────────
def test_no_value_was_logged_or_shown_and_none_lies_open(cli, server) -> None:
    """Last, over all that was done above."""
    planted = (SECRET, json.dumps(SECRET)[1:-1], PASSWORD, PEM.splitlines()[1])

    assert not [value for value in planted if value in server.log]
    assert not [value for value in planted if value in cli.written]
    files = [path for path in (server.workdir / "home").rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files for value in planted if value.encode() in path.read_bytes()]
