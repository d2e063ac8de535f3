"""Machine users with Unify's words and defaults, and the sign-ins of Unify, Conductor and Tableau as kinds of credentials."""

from __future__ import annotations

import json
import re
import stat

import pytest
import requests

from credmagic import api
from credmagic.cli.main import main
from credmagic.testing.authorization_server import AuthorizationServer
from credmagic.testing.sign_in_services import SignInServices
from credmagic.wiring import local_client


@pytest.fixture
def run(home, monkeypatch, capsys):
    """`run("machine add")`: exit code, stdout and stderr of the shell's command."""
    client = local_client()
    monkeypatch.setattr(api, "client", lambda remote="": client)

    def call(line):
        code = main(line.split())
        return (code, *capsys.readouterr())

    yield call
    client.close()


def machines(run):
    return json.loads(run("machine list --json")[1])["machines"]


def test_a_machine_has_the_columns_of_unify_in_their_order(run, monkeypatch, canary):
    monkeypatch.setenv("PW", canary)

    code, out, err = run("machine add --id etl-1 --name Nightly --role Admin --password env:PW")

    assert (code, canary in out + err) == (0, False), err
    (one,) = machines(run)
    assert list(one) == ["id", "name", "email", "created", "status", "role"]
    assert (one["id"], one["name"], one["email"], one["status"], one["role"]) == (
        "etl-1", "Nightly", None, "active", "Admin",
    )  # fmt: skip


def test_what_is_left_out_is_made_as_unify_makes_it(run, tmp_path):
    assert run(f"machine add --out {tmp_path / 'pw'}")[0] == 0

    (one,) = machines(run)
    password = (tmp_path / "pw").read_text()
    assert re.fullmatch(r"[0-9a-f-]{36}", one["id"])
    assert (one["name"], one["role"]) == (f"machine-user-{one['id']}", "Contributor")
    assert re.fullmatch(r"[A-Za-z0-9_-]{64}", password)
    assert stat.S_IMODE((tmp_path / "pw").stat().st_mode) == 0o600


@pytest.mark.parametrize("ref", ["etl-1", "Nightly"])
@pytest.mark.parametrize("how", ["--password env:PW", "--out FILE"])
def test_a_password_is_set_by_id_or_by_a_name_that_only_one_has(run, tmp_path, monkeypatch, canary, ref, how):
    monkeypatch.setenv("PW", canary)
    run("machine add --id etl-1 --name Nightly --password env:PW")
    how = how.replace("FILE", str(tmp_path / "new"))

    code, out, err = run(f"machine set-password {ref} {how}")

    assert code == 0, err
    assert canary not in out + err
    assert (tmp_path / "new").exists() == ("--out" in how)


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("machine add --id etl-1 --password env:PW", 5, "already"),
        ("machine add --id a/b --password env:PW", 2, "1 to 128"),
        ("machine add --role Owner --password env:PW", 2, "Admin or Contributor"),
        ("machine add --password env:SHORT", 2, "12"),
        ("machine set-password nobody --password env:PW", 4, "no machine"),
        ("machine rm nobody", 4, "no machine"),
    ],
)
def test_what_unify_refuses_is_refused(run, monkeypatch, canary, line, code, said):
    monkeypatch.setenv("PW", canary)
    monkeypatch.setenv("SHORT", "eleven-char")
    run("machine add --id etl-1 --password env:PW")
    before = machines(run)

    got, _, err = run(line)

    assert (got, said in err) == (code, True), err
    assert machines(run) == before


def test_a_machine_rests_comes_back_and_goes(run, monkeypatch, canary):
    monkeypatch.setenv("PW", canary)
    run("machine add --id etl-1 --password env:PW")

    assert run("machine pause etl-1")[0] == 0
    assert [one["status"] for one in machines(run)] == ["paused"]
    assert run("machine resume etl-1")[0] == 0
    assert [one["status"] for one in machines(run)] == ["active"]
    assert run("machine rm etl-1 --force")[0] == 0
    assert machines(run) == []


# ── credentials for these services ───────────────────────────────────────────────────────────────────────────
@pytest.fixture
def services(canary):
    """The sign-ins of Unify, Conductor and Tableau; the canary is right everywhere."""
    secret = canary.encode("ascii", "ignore").decode()
    with AuthorizationServer() as provider:
        found = SignInServices(provider)
        found.unify_users["bot"] = found.conductor_keys["k-1"] = found.tableau_tokens["nb"] = secret
        found.secret = secret
        yield found


SIGN_INS = [
    ("machine_login", "url={url} account_id=bot org=7 role=Contributor", "password", "x-auth-token"),
    ("unify", "url={url} identifier=bot", "password", "x-auth-token"),
    ("conductor_access_key", "server_url={url}/api keyId=k-1", "keySecret", "X-Authorization"),
    ("orkes", "serverUrl={url}/api key_id=k-1", "key_secret", "X-Authorization"),
    ("tableau", "server_url={url} token_name=nb site=sales", "personal_access_token", "X-Tableau-Auth"),
]


@pytest.mark.parametrize(("kind", "fields", "secret", "header"), SIGN_INS)
def test_a_login_is_verified_and_becomes_the_header_its_service_reads(
    run, services, monkeypatch, kind, fields, secret, header
):
    monkeypatch.setenv("PW", services.secret)
    fields = fields.replace("{url}", services.provider.url)

    code, _, err = run(f"add svc --kind {kind} {fields} --secret {secret}=env:PW")
    assert code == 0, err

    credential = api.use("svc")
    request = requests.Request("GET", services.provider.url, auth=credential.auth()).prepare()
    sent = str.__str__(request.headers[header])
    assert sent in {*services.provider.issued, *services.tableau_sessions.values()}
    assert services.secret not in {str.__str__(value) for value in credential.values() if isinstance(value, str)}


@pytest.mark.parametrize(("kind", "fields", "secret", "header"), SIGN_INS)
def test_a_login_that_is_refused_is_not_stored(run, services, monkeypatch, kind, fields, secret, header):
    monkeypatch.setenv("PW", "another-long-one")
    fields = fields.replace("{url}", services.provider.url)

    code, out, err = run(f"add svc --kind {kind} {fields} --secret {secret}=env:PW")

    assert (code in (7, 8), out) == (True, ""), err
    assert "another-long-one" not in err
    assert api.client().call("list")["credentials"] == []
