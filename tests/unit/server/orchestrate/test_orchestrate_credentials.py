"""What a connection is and what is entered for it, as Orchestrate's client says both and hears them again."""

import pytest

from credmagic.errors import InvalidCredential
from credmagic.kinds.registry import all_kinds, find_kind
from credmagic.server.faces import orchestrate_shapes as shapes
from unit.server.orchestrate.words import APPS, PASSWORD, rows

KINDS = {  # the kind of ours → what the client calls it
    "basic": ("basic_auth", None), "bearer": ("bearer_token", None), "api_key": ("api_key_auth", None),
    "key_value": ("key_value_creds", None), "oauth": ("oauth2", "oauth2_auth_code"),
    "oauth_password": ("oauth2", "oauth2_password"), "oauth_client_credentials": ("oauth2", "oauth2_client_creds"),
    "oauth_on_behalf_of": ("oauth2", "oauth_on_behalf_of_flow"),
    "oauth_token_exchange": ("oauth2", "oauth2_token_exchange"),
    "oauth_direct_access": ("oauth2", "oauth2_direct_accesstoken"), "oauth_jwt_bearer": ("oauth2", "oauth2_jwt_bearer"),
}  # fmt: skip


# ── configurations ───────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("kind", "spelled"), KINDS.items())
def test_both_words_mean_one_kind_and_come_back(kind, spelled):
    assert shapes.kind_of(*spelled) == kind
    assert shapes.wire(kind) == spelled


def test_a_kind_the_client_has_no_word_for_is_shown_as_pairs():
    others = [cls.kind for cls in all_kinds() if cls.kind not in KINDS]

    assert {shapes.wire(kind) for kind in others} == {("key_value_creds", None)}
    assert len(others) > 10


@pytest.mark.parametrize(
    ("scheme", "auth_type", "field"),
    [("basic", None, "security_scheme"), ("s3", None, "security_scheme"), (None, None, "security_scheme"),
     ("custom_schema", None, "security_scheme"), ("oauth2", None, "auth_type"), ("oauth2", "s3", "auth_type"),
     ("oauth2", "basic_auth", "auth_type"), ("oauth2_password", None, "security_scheme"), (["x"], None, "security_scheme")],
)  # fmt: skip
def test_other_words_mean_no_kind(scheme, auth_type, field):
    with pytest.raises(InvalidCredential) as refused:
        shapes.kind_of(scheme, auth_type)
    assert set(refused.value.errors) == {field}


def test_a_configuration_is_answered_with_the_keys_it_was_sent_with(call, app, configure):
    sent = {"server_url": "https://x.example", "custom_runtime_creds": {"region": "eu", "port": 5432, "tls": True},
            "name": "X-Key"}  # fmt: skip
    assert configure("api_key_auth", **sent).status == 201

    assert call("GET", f"{APPS}/{app}/configurations/draft").json() == {
        "app_id": app, "environment": "draft", "preference": "team", "security_scheme": "api_key_auth",
        "auth_type": None, "sso": False, "server_url": "https://x.example", "idp_config_data": None,
        "app_config_data": None, "custom_runtime_creds": {"region": "eu", "port": "5432", "tls": "true"},
        "name": "X-Key",
    }  # fmt: skip


@pytest.mark.parametrize("body", [{}, {"requested_token_use": "u"}])
def test_a_request_the_client_could_not_read_is_left_out(call, app, do, body):
    do("connection_configure", app_id=app, environment="draft", kind="oauth_on_behalf_of", sharing="member",
       settings={"idp_config": {"header": {"A": "1"}, "body": body}})  # fmt: skip

    assert call("GET", f"{APPS}/{app}/configurations/draft").json()["idp_config_data"] is None


def test_what_is_left_out_of_a_change_stays_and_null_clears(call, app, configure):
    configure("basic_auth", server_url="https://x.example", custom_runtime_creds={"a": "1"})
    path = f"{APPS}/{app}/configurations/draft"

    assert call("PATCH", path, {"security_scheme": "basic_auth", "server_url": None}).json()["server_url"] is None
    assert call("GET", path).json()["custom_runtime_creds"] == {"a": "1"}


def test_a_configuration_is_made_once(configure):
    assert configure("basic_auth").status == 201
    assert configure("bearer_token").status == 409


def test_what_is_not_configured_is_404_for_reading_and_changing(call, app):
    for method, body in (("GET", None), ("PATCH", {"security_scheme": "basic_auth", "preference": "team"})):
        assert call(method, f"{APPS}/{app}/configurations/draft", body).status == 404


def test_a_stale_auth_type_counts_for_nothing(call, app, configure):
    configure("oauth2", "oauth2_client_creds")
    path = f"{APPS}/{app}/configurations/draft"

    changed = call("PATCH", path, {"security_scheme": "basic_auth", "auth_type": "oauth2_client_creds"}).json()

    assert (changed["security_scheme"], changed["auth_type"]) == ("basic_auth", None)


@pytest.mark.parametrize(
    "change",
    [{"security_scheme": "bearer_token"}, {"preference": "member"}, {"security_scheme": "oauth2", "auth_type": "oauth2_password"}],
)  # fmt: skip
def test_another_kind_or_type_drops_the_credential_of_that_environment_only(call, app, configure, canary, change):
    for environment in ("draft", "live"):
        configure("basic_auth", environment=environment)
        call("POST", f"{APPS}/{app}/configs/{environment}/runtime_credentials",
             {"runtime_credentials": {"username": "u", "password": canary}})  # fmt: skip

    call("PATCH", f"{APPS}/{app}/configurations/draft", {"security_scheme": "basic_auth", **change})

    assert {row["environment"]: row["credentials_entered"] for row in rows(call, app)} == {"draft": False, "live": True}


def test_what_is_shown_as_pairs_stays_what_it_is_when_that_comes_back(call, app, do):
    do("connection_configure", app_id=app, environment="draft", kind="database", sharing="team")
    path = f"{APPS}/{app}/configurations/draft"
    shown = call("GET", path).json()
    assert shown["security_scheme"] == "key_value_creds"

    call("PATCH", path, shown | {"auth_type": "oauth2_password"})

    assert do("connection", app_id=app)["configurations"][0]["kind"] == "database"


@pytest.mark.parametrize(
    ("scheme", "auth_type", "more"),
    [
        ("key_value_creds", None, {"preference": "member"}),
        ("oauth2", "oauth2_jwt_bearer", {"preference": "member"}),
        ("oauth2", "oauth2_direct_accesstoken", {"preference": "team", "sso": True}),
        ("oauth2", "oauth2_token_exchange", {"preference": "member", "sso": False}),
        ("basic_auth", None, {"sso": True}),
        ("basic_auth", None, {"preference": None}),
        ("basic_auth", None, {"preference": "everyone"}),
        ("basic_auth", None, {"environment": "staging"}),
        ("basic_auth", None, {"server_url": "ftp://x"}),
        ("basic_auth", None, {"custom_runtime_creds": [1]}),
        ("basic_auth", None, {"custom_runtime_creds": {"a": {"b": 1}}}),
        ("basic_auth", None, {"idp_config_data": "x"}),
        ("basic_auth", None, {"sso": "no"}),
        (5, None, {}),
    ],
)
def test_what_no_connection_can_be_is_refused_and_nothing_is_stored(call, app, configure, scheme, auth_type, more):
    answer = configure(scheme, auth_type, **more)

    assert answer.status == 422
    assert answer.json()["errors"]
    assert [row["environment"] for row in rows(call, app)] == [None]


# ── credentials ──────────────────────────────────────────────────────────────────────────────────────────────
def test_pairs_keep_every_name_whatever_it_is_called():
    odd = {"entries": "1", "entries.x": "2", "c.d": "3", "jwt_payload": "4"}
    assert shapes.fields("key_value", odd) == {"entries": odd}


def test_what_an_assertion_is_made_of_lies_flat():
    sent = {"token_url": "https://t", "jwt_payload": {"iss": "me", "custom_claims": {"sub": "x"}}, "jwt_signature": {"alg": "RS256"}}  # fmt: skip
    flat = {"token_url": "https://t", "iss": "me", "custom_claims": {"sub": "x"}, "alg": "RS256"}
    assert shapes.fields("oauth_jwt_bearer", sent) == flat


def test_two_parts_make_one_credential(call, app, configure, do, canary):
    configure("oauth2", "oauth2_password")
    base = f"{APPS}/{app}/configs/draft/"
    client = {"client_id": "c", "client_secret": canary, "token_url": "https://t.example", "grant_type": "password"}

    first = call("POST", base + "credentials", {"app_credentials": client}).json()
    second = call("POST", base + "runtime_credentials", {"runtime_credentials": {"username": "u", "password": canary}})

    assert first["credentials_entered"] is False
    assert first["warnings"] == ["still missing: user, password"]
    assert second.json()["credentials_entered"] is True
    assert [one["status"] for one in do("list", limit=1000)["credentials"] if one["name"] == app] == ["active"]


def test_fields_are_answered_masked_and_404_says_there_are_none(call, app, configure, canary):
    configure("basic_auth")
    read = f"{APPS}/runtime_credentials?app_id={app}&env=draft"
    assert call("GET", read).status == 404

    call("POST", f"{APPS}/{app}/configs/draft/runtime_credentials",
         {"runtime_credentials": {"username": canary[:9], "password": canary}})  # fmt: skip

    shown = call("GET", read)
    assert {one["name"]: one["value"] for one in shown.json()["fields"]} == {"username": "*" * 8, "password": "*" * 8}
    assert canary[:9].encode() not in shown.body


def test_a_part_can_be_taken_away_and_that_is_no_error_twice(call, app, configure, canary):
    configure("bearer_token")
    path = f"{APPS}/{app}/configs/draft/runtime_credentials"
    call("POST", path, {"runtime_credentials": {"token": canary}})

    assert [call("DELETE", path).status for _ in range(2)] == [204, 204]
    assert call("GET", f"{APPS}/runtime_credentials?app_id={app}&env=draft").status == 404


def test_members_lean_on_the_team_s_application(ask, call, app, configure, sign_in, do, canary):
    configure("oauth2", "oauth2_password", preference="member")
    client = {"client_id": "c", "client_secret": canary, "token_url": "https://t.example"}
    call("POST", f"{APPS}/{app}/configs/draft/credentials", {"app_credentials": client})
    do("machine_add", id="member-1", password=PASSWORD)
    member = sign_in("member-1", password=PASSWORD).json()["token"]

    path = f"{APPS}/{app}/configs/draft/"
    own = {"runtime_credentials": {"username": "u", "password": canary}}
    assert ask("POST", path + "runtime_credentials", own, member).json()["credentials_entered"] is True
    assert ask("PATCH", path + "credentials", {"app_credentials": client}, member).status == 403
    assert [row["credentials_entered"] for row in rows(call, app)] == [False]


def test_a_member_who_entered_the_team_s_application_follows_when_that_changes(
    ask, call, app, configure, sign_in, do, vault, canary
):
    """The client sends an application twice, as the team's part and as one's own."""
    configure("oauth2", "oauth2_token_exchange", "member", sso=True)
    sent = {
        "client_id": "c",
        "client_secret": "the first one",
        "access_token_url": "https://t.example",
        "grant_type": "g",
    }
    do("machine_add", id="admin-1", role="Admin", password=PASSWORD)
    admin = sign_in("admin-1", password=PASSWORD).json()["token"]
    path = f"{APPS}/{app}/configs/draft/"
    for token in (None, admin):
        how = call if token is None else lambda *given, token=token: ask(*given, token)
        how("POST", path + "credentials", {"app_credentials": sent})
        how("POST", path + "runtime_credentials", {"runtime_credentials": sent})

    ask("PATCH", path + "credentials", {"app_credentials": sent | {"client_secret": canary}}, admin)

    with vault.store.read() as reader:
        mine = vault.credential(reader, vault.find(reader, app, "draft"))
    assert str.__str__(mine.client_secret) == canary
    assert [row["credentials_entered"] for row in rows(call, app)] == [True]


def test_an_identity_provider_is_kept_and_not_shown(call, app, configure, do, canary):
    configure("oauth2", "oauth_on_behalf_of_flow", "member", sso=True)
    provider = {"idp_url": "https://i.example", "client_id": "c", "client_secret": canary, "scope": "s",
                "grant_type": "g", "custom_token_header": None, "custom_token_body": {"a": canary},
                "custom_token_query": None, "custom_auth_query": None}  # fmt: skip

    answer = call("POST", f"{APPS}/{app}/configs/draft/credentials", {"idp_credentials": provider})

    assert answer.status == 201
    kept = do("connection", app_id=app)["configurations"][0]["identity_provider"]
    assert kept == ["client_id", "client_secret", "custom_token_body", "grant_type", "idp_url", "scope"]


@pytest.mark.parametrize(
    ("part", "body", "field"),
    [
        ("runtime_credentials", {}, "runtime_credentials"),
        ("runtime_credentials", {"runtime_credentials": {}}, "runtime_credentials"),
        ("runtime_credentials", {"runtime_credentials": "x"}, "runtime_credentials"),
        ("runtime_credentials", {"runtime_credentials": {"username": 5}}, "username"),
        ("credentials", {}, "app_credentials or idp_credentials"),
        ("credentials", {"app_credentials": None, "idp_credentials": None}, "app_credentials or idp_credentials"),
        ("credentials", {"idp_credentials": {"idp_url": "https://i.example"}}, "kind"),
    ],
)
def test_what_cannot_be_entered_is_refused_in_the_client_s_words(call, app, configure, part, body, field):
    configure("basic_auth")

    answer = call("POST", f"{APPS}/{app}/configs/draft/{part}", body)

    assert answer.status == 422
    assert field in answer.json()["errors"]


def test_nothing_is_entered_where_nothing_is_configured(call, app):
    sent = {"runtime_credentials": {"token": "t"}}
    assert call("POST", f"{APPS}/{app}/configs/draft/runtime_credentials", sent).status == 404


def test_an_environment_the_client_does_not_know_is_not_spoken_of(call, app, do):
    do("connection_configure", app_id=app, environment="staging", kind="bearer", sharing="team")

    assert call("GET", f"{APPS}/{app}/configurations/staging").status == 422
    assert (
        call(
            "POST", f"{APPS}/{app}/configs/staging/runtime_credentials", {"runtime_credentials": {"token": "t"}}
        ).status
        == 422
    )


def test_every_required_field_of_a_connection_s_kind_can_be_spelled():
    """What the client calls a field leads to it."""
    for kind in KINDS:
        cls = find_kind(kind)
        assert all(cls.spec(cls.wire_name("orchestrate", spec.name)) is spec for spec in cls.specs())


def test_the_log_holds_no_password_and_no_token_that_was_given_out(server, sign_in, do):
    do("machine_add", id="robot-9", password=PASSWORD)
    token = sign_in("robot-9", password=PASSWORD).json()["token"]
    sign_in("robot-9", password="a wrong password")

    assert not [secret for secret in (PASSWORD, token, "a wrong password", "Kanari-") if secret in server.log]
