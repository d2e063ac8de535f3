"""Every option of the connection verbs, in every spelling, over a real vault: it does what its row of the page says."""

from __future__ import annotations

import json

import pytest
import yaml

from credmagic import api
from credmagic.cli.connection import connection
from credmagic.cli.main import main
from credmagic.kinds.registry import all_kinds, find_kind
from credmagic.testing.authorization_server import AuthorizationServer, Client
from credmagic.wiring import local_client

OAUTH = "oauth_auth_client_credentials_flow"
JWT = "oauth_auth_jwt_bearer_flow"
CODE = "oauth_auth_code_flow"
EXCHANGE = "oauth_auth_token_exchange_flow"
BEHALF = "oauth_auth_on_behalf_of_flow"
TYPE = {EXCHANGE: "member", BEHALF: "member"}
PLACE = "-a app --env draft"


@pytest.fixture
def run(home, monkeypatch, capsys):
    """`run("connection add -a x")`: exit code, stdout and stderr of the shell's command."""
    client = local_client()
    monkeypatch.setattr(api, "client", lambda remote="": client)
    monkeypatch.setenv("S", "s3cret-value")

    def call(line):
        code = main(line.split())
        return (code, *capsys.readouterr())

    yield call
    client.close()


def spelled(cases):
    """One parameter set for each spelling of each option: verb's parameter → `(line, expected…)` with `{}` for it."""
    for verb, parameter, *rest in cases:
        found = next(p for p in connection.commands[verb].params if p.name == parameter)
        for spelling in (*found.opts, *found.secondary_opts):
            yield pytest.param(verb, spelling, *rest, id=f"{verb} {spelling}")


def configured(run, kind="basic"):
    run("connection add -a app")
    assert run(f"connection configure {PLACE} -k {kind} -t {TYPE.get(kind, 'team')}")[0] == 0


def configuration():
    return api.client().call("connection", app_id="app")["configurations"][0]


def shown():
    return api.client().call("show", ref="app", environment="draft")


# ── set-credentials ──────────────────────────────────────────────────────────────────────────────────────────
CREDENTIALS = [
    ("username", "basic", "{} bob", {"user": "bob"}),
    ("server_cert", "basic", "{} file:CERT", {"server_cert": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"}),
    ("client_id", OAUTH, "{} c", {"client_id": "c"}),
    ("send_via", OAUTH, "{} body", {"send_via": "body"}),
    ("token_url", OAUTH, "{} https://i.example/t", {"token_url": "https://i.example/t"}),
    ("auth_url", CODE, "{} https://i.example/a", {"authorization_url": "https://i.example/a"}),
    ("grant_type", OAUTH, "{} client_credentials", {"grant_type": "client_credentials"}),
    ("scope", OAUTH, "{} read", {"scope": ["read"]}),
    ("alg", JWT, "{} ES256", {"alg": "ES256"}),
    ("kid", JWT, "{} k-1", {"kid": "k-1"}),
    ("iss", JWT, "{} me", {"iss": "me"}),
    ("aud", JWT, "{} them", {"aud": "them"}),
    ("exp", JWT, "{} 60", {"exp": 60}),
    ("app_token_key", EXCHANGE, "{} subject", {"app_token_key": "subject"}),
    ("claims", JWT, "{} sub=me {} n=1", {"custom_claims": {"sub": "me", "n": "1"}}),
    ("auth_entries", CODE, "{} query:prompt=login {} hd=x", {"custom_auth_query": {"prompt": "login", "hd": "x"}}),
    ("password", "basic", "{} env:S", ["password"]),
    ("token", "bearer", "{} env:S", ["token"]),
    ("api_key", "api_key", "{} env:S", ["api_key"]),
    ("client_secret", OAUTH, "{} env:S", ["client_secret"]),
    ("private_key", JWT, "{} env:S", ["private_key"]),
    ("private_key_password", JWT, "{} env:S", ["private_key_password"]),
    ("entries", "key_value", "{} A=env:S {} b-c=env:S", ["entries"]),
    ("token_entries", OAUTH, "{} header:A=env:S {} body:b=env:S {} query:c=env:S",
     ["custom_token_body", "custom_token_header", "custom_token_query"]),
    ("token_entries", OAUTH, "{} A=env:S", ["custom_token_header"]),
    ("secrets", "basic", "{} password=env:S", ["password"]),
    ("app_id", "basic", "-u bob {} app", {"user": "bob"}),
    ("environment", "basic", "-u bob {} draft", {"user": "bob"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("verb", "spelling", "kind", "words", "expected"), list(spelled(("set-credentials", *case) for case in CREDENTIALS))
)
def test_what_set_credentials_takes_reaches_its_field(run, tmp_path, verb, spelling, kind, words, expected) -> None:
    configured(run, kind)
    (tmp_path / "cert.pem").write_text("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    words = words.replace("{}", spelling).replace("CERT", str(tmp_path / "cert.pem"))

    code, out, err = run(f"connection {verb} {PLACE} --no-verify {words}")

    assert code == 0, err
    assert "s3cret-value" not in out + err
    if isinstance(expected, list):
        assert shown()["secrets"] == expected
    else:
        assert {name: shown()["fields"].get(name) for name in expected} == expected


@pytest.mark.parametrize(("spelling", "stored"), [("--include-jti", True), ("--no-include-jti", False)])
def test_an_assertion_has_an_id_or_has_none(run, spelling, stored) -> None:
    configured(run, JWT)
    assert run(f"connection set-credentials {PLACE} --no-verify {spelling}")[0] == 0
    assert shown()["fields"]["include_jti"] is stored


@pytest.mark.parametrize(("part", "owner"), [("app", "team"), ("runtime", "me")])
def test_the_parts_of_a_member_connection_have_different_owners(run, part, owner) -> None:
    run("connection add -a app")
    run(f"connection configure {PLACE} -k oauth_auth_password_flow -t member")
    given = "--client-id c" if part == "app" else "-u bob"

    code, out, err = run(f"connection set-credentials {PLACE} --no-verify --part {part} {given}")

    assert code == 0, err
    assert ("the team's" if owner == "team" else "your own") in out
    assert shown()["owner"] == owner


@pytest.mark.parametrize(
    ("flag", "secret", "code"),
    [("--verify", "right-one", 0), ("--verify", "wrong-one", 8), ("--no-verify", "wrong-one", 0)],
)
def test_a_connection_s_credential_is_asked_for_before_it_is_stored(run, monkeypatch, flag, secret, code) -> None:
    configured(run, OAUTH)
    monkeypatch.setenv("S", secret)
    with AuthorizationServer() as provider:
        provider.clients["c"] = Client("c", "right-one")
        got, out, err = run(
            f"connection set-credentials {PLACE} {flag} --client-id c --client-secret env:S --token-url {provider.token_url}"
        )

    assert (got == 0) == (code == 0), err
    assert secret not in out + err
    assert bool(api.client().call("list")["credentials"]) == (code == 0)
    assert configuration()["credentials_entered"] == (code == 0)


# ── configure ────────────────────────────────────────────────────────────────────────────────────────────────
CONFIGURED = [
    ("app_id", "basic", "{} app", {}),
    ("environment", "basic", "{} draft", {"environment": "draft"}),
    ("kind", "basic", "{} bearer", {"kind": "bearer"}),
    ("sharing", "basic", "{} member", {"sharing": "member"}),
    ("server_url", "basic", "{} https://x.example", {"server_url": "https://x.example"}),
    ("config_entries", "basic", "{} a=1 {} b=2", {"custom_config_entries": {"a": "1", "b": "2"}}),
    ("name", "api_key", "{} X-Key", {"name": "X-Key"}),
    ("app_token_header", OAUTH, "{} B=2", {"app_config": {"header": {"B": "2"}}}),
    ("idp_token_header", BEHALF, "{} A=1", {"idp_config": {"header": {"A": "1"}}}),
    ("idp_token_use", BEHALF, "{} use", {"idp_config": {"body": {"requested_token_use": "use"}}}),
    ("idp_token_type", BEHALF, "{} type", {"idp_config": {"body": {"requested_token_type": "type"}}}),
]


@pytest.mark.parametrize(
    ("verb", "spelling", "kind", "words", "expected"), list(spelled(("configure", *case) for case in CONFIGURED))
)
def test_what_configure_takes_is_read_back(run, verb, spelling, kind, words, expected) -> None:
    configured(run, kind)

    code, _, err = run(f"connection {verb} {PLACE} {words.replace('{}', spelling)}")

    assert code == 0, err
    assert {name: configuration()[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("kind", "flag", "code"),
    [(BEHALF, "--sso", 0), (BEHALF, "-s", 0), (BEHALF, "--no-sso", 2), ("basic", "--no-sso", 0), ("basic", "--sso", 2)],
)
def test_the_kind_decides_about_single_sign_on(run, kind, flag, code) -> None:
    run("connection add -a app")
    got, _, err = run(f"connection configure {PLACE} -k {kind} -t {TYPE.get(kind, 'team')} {flag}")

    assert got == code, err
    if code:
        assert "single sign-on" in err
        assert api.client().call("connection", app_id="app")["configurations"] == []
    else:
        assert configuration()["sso"] is (kind == BEHALF)


WIRE_KINDS = [
    ("basic", "basic", ("team", "member"), False), ("bearer", "bearer", ("team", "member"), False),
    ("api_key", "api_key", ("team", "member"), False), ("key_value", "key_value", ("team",), False),
    ("kv", "key_value", ("team",), False), (CODE, "oauth", ("team", "member"), False),
    ("oauth_auth_password_flow", "oauth_password", ("team", "member"), False),
    (OAUTH, "oauth_client_credentials", ("team", "member"), False), (BEHALF, "oauth_on_behalf_of", ("member",), True),
    (EXCHANGE, "oauth_token_exchange", ("member",), True),
    ("oauth_auth_direct_access_flow", "oauth_direct_access", ("member",), True),
    (JWT, "oauth_jwt_bearer", ("team",), False),
]  # fmt: skip


@pytest.mark.parametrize(("wire", "kind", "sharing", "sso"), WIRE_KINDS)
@pytest.mark.parametrize("type_", ["team", "member"])
def test_every_kind_of_orchestrate_and_how_it_is_shared(run, wire, kind, sharing, sso, type_) -> None:
    run("connection add -a app")
    code, _, err = run(f"connection configure {PLACE} -k {wire} -t {type_}")

    assert code == (0 if type_ in sharing else 2), err
    if code == 0:
        assert (configuration()["kind"], configuration()["sharing"], configuration()["sso"]) == (kind, type_, sso)


@pytest.mark.parametrize("kind", [cls.kind for cls in all_kinds()])
def test_any_kind_may_serve_a_connection(run, kind) -> None:
    cls = find_kind(kind)
    run("connection add -a app")

    assert run(f"connection configure {PLACE} -k {kind} -t {cls.sharing[0]}")[0] == 0
    assert (configuration()["kind"], configuration()["scheme"]) == (kind, cls.runtime_scheme)


# ── set-identity-provider ────────────────────────────────────────────────────────────────────────────────────
PROVIDER = {
    "url": "https://idp.example/t", "client_id": "c", "client_secret": "env:S", "scope": "s", "grant_type": "g",
    "token_entries": "body:x=env:S", "authorization_url": "https://idp.example/a",
    "device_authorization_url": "https://idp.example/d", "sign_in_scope": "openid",
}  # fmt: skip


@pytest.mark.parametrize(
    ("verb", "spelling", "parameter"), list(spelled(("set-identity-provider", name, name) for name in PROVIDER))
)
def test_every_part_of_an_identity_provider_is_kept_and_not_shown(run, verb, spelling, parameter) -> None:
    configured(run, BEHALF)
    words = [f"{spelling if n == parameter else '--' + n.replace('_', '-')} {v}" for n, v in PROVIDER.items()]

    code, out, err = run(f"connection {verb} {PLACE} {' '.join(words)}")

    assert code == 0, err
    assert configuration()["identity_provider"] == [
        "authorization_url", "client_id", "client_secret", "custom_token_body", "device_authorization_url", "grant_type",
        "idp_url", "scope", "sign_in_scope",
    ]  # fmt: skip
    assert "s3cret-value" not in out + err + json.dumps(configuration()) + run("connection export -a app")[1]


# ── add, list, remove, import, export ────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("app_id", ["-a", "--app-id"])
def test_add_keeps_what_a_connection_belongs_to(run, app_id) -> None:
    assert run(f"connection add {app_id} app --component knowledge --category milvus")[0] == 0
    assert api.client().call("connection", app_id="app")["resource"] == {"component": "knowledge", "category": "milvus"}


@pytest.mark.parametrize("environment", ["--environment", "--env"])
@pytest.mark.parametrize("verbose", ["--verbose", "-v", "--json"])
def test_list_is_of_one_environment_and_complete_as_data(run, environment, verbose) -> None:
    configured(run)
    run("connection configure -a app --env live -k bearer -t team")

    listed = json.loads(run(f"connection list {environment} live {verbose}")[1])

    assert [one["kind"] for one in listed["connections"][0]["configurations"]] == ["bearer"]


@pytest.mark.parametrize("app_id", ["-a", "--app-id"])
def test_remove_takes_everything_along_unless_it_is_in_use(run, app_id) -> None:
    configured(run)
    run(f"connection set-credentials {PLACE} -u bob -p env:S --no-verify")
    run("attach app dataconnection d-1 --env draft")

    assert run(f"connection remove {app_id} app")[0] == 5
    assert run(f"connection remove {app_id} app --force")[0] == 0
    assert api.client().call("connections")["connections"] == api.client().call("list")["credentials"] == []


@pytest.mark.parametrize("suffix", ["yaml", "yml", "json"])
@pytest.mark.parametrize(("file", "output"), [("-f", "-o"), ("--file", "--output")])
def test_a_file_has_the_keys_of_orchestrate_and_comes_back(run, tmp_path, suffix, file, output) -> None:
    run("connection add -a app --component knowledge --category milvus")
    run(f"connection configure {PLACE} -k {BEHALF} -t member --idp-token-use u --idp-token-type t --idp-token-header A=1 "
        "--app-token-header B=2 -u https://x.example")  # fmt: skip
    run("connection configure -a app --env live -k api_key -t member -n X-Key -e a=1")
    path = tmp_path / f"app.{suffix}"

    assert run(f"connection export -a app {output} {path}")[0] == 0

    written = yaml.safe_load(path.read_text())
    assert written == {
        "spec_version": "v1", "kind": "connection", "app_id": "app",
        "resource": {"component": "knowledge", "category": "milvus"},
        "environments": {
            "draft": {
                "kind": BEHALF, "type": "member", "sso": True, "server_url": "https://x.example",
                "app_config": {"header": {"B": "2"}},
                "idp_config": {"header": {"A": "1"}, "body": {"requested_token_use": "u", "requested_token_type": "t"}},
            },
            "live": {"kind": "api_key", "type": "member", "name": "X-Key", "custom_config_entries": {"a": "1"}},
        },
    }  # fmt: skip
    before = api.client().call("connection", app_id="app")["configurations"]
    run("connection remove -a app")
    assert run(f"connection import {file} {path}")[0] == 0
    assert api.client().call("connection", app_id="app")["configurations"] == before


# ── nothing is left out ──────────────────────────────────────────────────────────────────────────────────────
ELSEWHERE = {
    "set-credentials": {"include_jti", "part", "verify"},
    "configure": {"sso"},
    "set-identity-provider": {"app_id", "environment"},
}
"""Options with a test of their own above, or in every line here."""
EVERYWHERE = {"remote"}
"""Of every verb: test_remotes.py."""


@pytest.mark.parametrize("verb", sorted(ELSEWHERE))
def test_every_option_has_a_case(verb) -> None:
    named = {"set-credentials": {case[0] for case in CREDENTIALS}, "configure": {case[0] for case in CONFIGURED}}
    cases = named.get(verb, set(PROVIDER)) | ELSEWHERE[verb]
    assert {p.name for p in connection.commands[verb].params} - EVERYWHERE == cases
