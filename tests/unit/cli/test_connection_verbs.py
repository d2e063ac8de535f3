"""The verbs of connections and machines against a real vault, as a shell runs them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from credmagic import api
from credmagic.cli.main import main
from credmagic.wiring import local_client


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """`run("connection add -a x")`: exit code, stdout and stderr."""
    client = local_client()
    monkeypatch.setattr(api, "client", lambda remote="": client)

    def call(line: str) -> tuple[int, str, str]:
        code = main(line.split())
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    yield call
    client.close()


@pytest.fixture
def basic(run) -> None:
    run("connection add -a my-app --component knowledge --category milvus")
    run("connection configure -a my-app --env draft -k basic -t team -u https://x.example -e retries=3")


def test_a_connection_from_nothing_to_its_values(run, basic, monkeypatch, canary: str) -> None:
    monkeypatch.setenv("PW", canary)
    assert run("connection set-credentials -a my-app -u bob")[1].strip().endswith("is incomplete, version 1")

    code, out, err = run("connection set-credentials -a my-app --env draft -p env:PW --no-verify")

    assert (code, out) == (0, "✓ my-app in draft: the team's credential is complete, version 2\n")
    assert api.client().resolve("my-app", environment="draft")["fields"]["password"] == canary
    listed = run("connection list")[1] + run("connection list --json")[1] + run("connection")[1]
    assert "entered" in listed
    assert canary not in out + err + listed


@pytest.mark.parametrize(
    ("kind", "flags", "expected"),
    [
        ("bearer", "--token env:S", {"token": "s3cret-value"}),
        ("api_key", "-k env:S", {"api_key": "s3cret-value"}),
        ("kv", "-e A=env:S --entries B-c=env:S", {"A": "s3cret-value", "B-c": "s3cret-value"}),
        ("basic", "--username bob --password=env:S", {"user": "bob", "password": "s3cret-value"}),
        ("basic", "-u bob --secret password=env:S", {"user": "bob", "password": "s3cret-value"}),
    ],
)
def test_every_way_of_giving_a_static_secret(run, monkeypatch, kind, flags, expected) -> None:
    monkeypatch.setenv("S", "s3cret-value")
    run("connection add -a app")
    run(f"connection configure -a app --env live -k {kind} -t team")

    assert run(f"connection set-credentials -a app --env live {flags}")[0] == 0

    fields = api.client().resolve("app", environment="live")["fields"]
    assert {name: fields[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("kind", "type_", "flags", "fields", "secrets"),
    [
        ("oauth_auth_client_credentials_flow", "team",
         "--client-id c --client-secret env:S --token-url https://i.example/t --send-via body --scope a "
         "-t header:X-A=env:S -t body:q=env:S",
         {"client_id": "c", "send_via": "body", "scope": ["a"]},
         ["client_secret", "custom_token_body", "custom_token_header"]),
        ("oauth_auth_code_flow", "member",
         "--client-id c --client-secret env:S --token-url https://i.example/t --auth-url https://i.example/a "
         "--auth-entries query:prompt=login",
         {"authorization_url": "https://i.example/a", "custom_auth_query": {"prompt": "login"}}, ["client_secret"]),
        ("oauth_auth_password_flow", "member",
         "--client-id c --client-secret env:S --token-url https://i.example/t -u bob -p env:S --grant-type password",
         {"user": "bob"}, ["client_secret", "password"]),
        ("oauth_auth_token_exchange_flow", "member",
         "--client-id c --token-url https://i.example/t --grant-type g --app-token-key subject",
         {"app_token_key": "subject"}, []),
        ("oauth_auth_jwt_bearer_flow", "team",
         "--token-url https://i.example/t --private-key env:S --private-key-password env:S --kid 1 --iss i --aud a "
         "--exp 60 --alg RS256 --include-jti --claims sub=me",
         {"kid": "1", "iss": "i", "exp": 60, "include_jti": True, "custom_claims": {"sub": "me"}},
         ["private_key", "private_key_password"]),
    ],
)  # fmt: skip
def test_every_oauth_flag_reaches_its_field(run, monkeypatch, kind, type_, flags, fields, secrets) -> None:
    monkeypatch.setenv("S", "s3cret-value")
    run("connection add -a app")
    assert run(f"connection configure -a app --env draft -k {kind} -t {type_}")[0] == 0

    code, _, err = run(f"connection set-credentials -a app --env draft --no-verify {flags}")

    assert code == 0, err
    shown = api.client().call("show", ref="app", environment="draft")
    assert {name: shown["fields"][name] for name in fields} == fields
    assert shown["secrets"] == secrets
    assert shown["status"] == "active"


def test_the_identity_provider_and_its_configuration(run, monkeypatch) -> None:
    monkeypatch.setenv("S", "s3cret-value")
    run("connection add -a app")
    code, _, err = run(
        "connection configure -a app --env draft -k oauth_auth_on_behalf_of_flow -t member --sso --idp-token-use use "
        "--idp-token-type type --idp-token-header A=1 --app-token-header B=2"
    )
    assert code == 0, err
    code, _, err = run(
        "connection set-identity-provider -a app --env draft -u https://idp.example/t --client-id c "
        "--client-secret env:S --scope s --grant-type g -t body:x=env:S"
    )
    assert code == 0, err

    shown = api.client().call("connection", app_id="app")["configurations"][0]
    assert shown["idp_config"] == {
        "header": {"A": "1"}, "body": {"requested_token_use": "use", "requested_token_type": "type"},
    }  # fmt: skip
    assert shown["app_config"] == {"header": {"B": "2"}}
    assert "custom_token_body" in shown["identity_provider"]


@pytest.mark.parametrize(
    ("flags", "safe"),
    [
        ("--password hunter2", "--password prompt"), ("--password=hunter2", "--password=prompt"),
        ("-p hunter2", "-p prompt"), ("-phunter2", ""), ("-e key=hunter2", "-e key=prompt"),
        ("--token-entries header:A=hunter2", "--token-entries header:A=prompt"),
        ("--secret password=hunter2", "--secret password=prompt"), ("password=hunter2", "--secret password=prompt"),
        ("hunter2", ""),
    ],
)  # fmt: skip
def test_a_typed_secret_is_refused_and_not_repeated(run, basic, flags, safe) -> None:
    code, out, err = run(f"connection set-credentials -a my-app --env draft {flags}")

    assert code == 2
    assert "hunter2" not in out + err
    assert safe in err
    assert api.client().call("list")["credentials"] == []


@pytest.mark.parametrize(
    "verb", ["machine add --password hunter2hunter2", "machine set-password x --password=hunter2hu"]
)
def test_a_typed_machine_password_is_refused(run, verb) -> None:
    code, out, err = run(verb)

    assert code == 2
    assert "hunter2" not in out + err
    assert api.client().call("machines")["machines"] == []


def test_a_file_of_either_sort_comes_back(run, basic, tmp_path: Path) -> None:
    for name in ("a.yaml", "a.yml", "a.json"):
        assert run(f"connection export -a my-app -o {tmp_path / name}")[0] == 0
        before = api.client().call("connection", app_id="my-app")["configurations"]
        assert run("connection remove -a my-app")[0] == 0
        assert run(f"connection import -f {tmp_path / name}")[1] == "✓ my-app made: draft\n"
        assert api.client().call("connection", app_id="my-app")["configurations"] == before
    assert "retries" in run("connection export -a my-app")[1]


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("connection confgure", 2, "Did you mean configure"),
        ("connection add", 2, "--app-id is missing"),
        ("connection add -a my-app", 5, "already"),
        ("connection add -a my.app", 2, "my-app"),
        ("connection configure -a my-ap --env draft -k basic -t team", 4, "Did you mean my-app"),
        ("connection configure -a my-app --env draft -k basik", 4, "did you mean basic"),
        ("connection configure -a my-app --env draft -k kv -t member", 2, "team only"),
        ("connection configure -a my-app --enw draft", 2, "--env"),
        ("connection configure -a my-app --env draft -e novalue", 2, "KEY=VALUE"),
        ("connection set-credentials -a my-app --env live -u x", 4, "not configured in live"),
        ("connection set-credentials -a my-app --env draft", 2, "nothing was given"),
        ("connection set-credentials -a my-app --env draft -p env:NOT_THERE", 2, "NOT_THERE is not set"),
        ("connection set-credentials -a my-app --env draft --client-id c", 2, "unknown field"),
        ("connection remove -a nothing", 4, "no connection"),
        ("connection import -f /nowhere.yaml", 2, "cannot be read"),
        ("connection export -a my-app -o x.zip", 2, ".yaml"),
        ("machine add --role boss --password env:LONG", 2, "Admin or Contributor"),
        ("machine add", 2, "--out FILE"),
        ("machine pause nobody", 4, "no machine"),
        ("use my-app --wxo", 2, "notebook"),
    ],
)
def test_bad_input_is_said_in_a_line_and_changes_nothing(run, basic, monkeypatch, line, code, said) -> None:
    monkeypatch.setenv("LONG", "long-enough-1")
    before = api.client().call("connections"), api.client().call("machines"), api.client().call("list")

    got, out, err = run(line)

    assert (got, out) == (code, "")
    assert said in err
    assert len(err.splitlines()) <= 4
    after = api.client().call("connections"), api.client().call("machines"), api.client().call("list")
    assert after == before


def test_a_made_password_goes_to_a_private_file(run, tmp_path: Path) -> None:
    place = tmp_path / "pw"
    code, out, _ = run(f"machine add --id etl --role Admin --out {place}")

    assert code == 0
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert len(place.read_text()) == 64
    assert place.read_text() not in out + run("machine list")[1]
    assert "etl" in run("machine")[1]
    assert run("machine pause etl")[0] == run("machine resume etl")[0] == run("machine rm etl")[0] == 0
