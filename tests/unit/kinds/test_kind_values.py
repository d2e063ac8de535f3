"""What becomes of values: types, names, variables, dates, warnings."""

import base64
import json
import traceback
from datetime import UTC, datetime
from typing import ClassVar

import pytest
from cryptography import x509

from credmagic.errors import InvalidCredential
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.fields import field, secret
from credmagic.kinds.pem import pem_file
from credmagic.kinds.reading import UNKNOWN
from credmagic.kinds.registry import find_kind
from credmagic.testing.tls import self_signed
from credmagic.values import SecretStr


def made(kind, **values):
    return find_kind(kind).parse(values)


def errors(kind, **values):
    with pytest.raises(InvalidCredential) as caught:
        made(kind, **values)
    return caught.value.errors


def jwt(**claims):
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJub25lIn0.{part}.c2ln"


class Sample(CredentialKind):
    """One field of every public type."""

    kind: ClassVar[str] = "sample"
    title: ClassVar[str] = "Sample"

    count: int | None = field("Count", default=None, type="int", bounds=(0, 9))
    flag: bool = field("Flag", default=False, type="bool")
    when: datetime | None = field("When", default=None, type="datetime")
    words: list[str] = field("Words", default=[], type="list")
    mode: str | None = field("Mode", default=None, type="choice", choices=("Fast", "slow"))
    note: str | None = field("Note", default=None, type="text")
    token: SecretStr | None = secret("Token", default=None, env=("NAME_TOKEN",))


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("count", " 7 ", 7), ("count", 7, 7), ("flag", "Yes", True), ("flag", "off", False), ("flag", True, True),
        ("when", "2027-01-31", datetime(2027, 1, 31, tzinfo=UTC)),
        ("when", "2027-01-31T12:00+02:00", datetime(2027, 1, 31, 10, tzinfo=UTC)),
        ("words", "a, b  c", ["a", "b", "c"]), ("words", '["a b"]', ["a b"]), ("words", ["x"], ["x"]),
        ("mode", "fast", "Fast"), ("note", "a\nb", "a\nb"), ("count", "", None), ("words", "", []),
    ],
)  # fmt: skip
def test_text_from_a_shell_becomes_the_type_of_the_field(name, given, kept):
    assert getattr(Sample.parse({name: given}), name) == kept


@pytest.mark.parametrize(
    ("name", "given", "problem"),
    [
        ("count", "x", "must be a whole number"), ("count", 1.5, "must be a whole number"), ("count", "²", "whole"),
        ("count", 10, "between 0 and 9"), ("flag", "maybe", "true or false"), ("when", "tomorrow", "date like"),
        ("words", '["a"', "JSON (line 1, column"), ("words", [1], "must be text"), ("mode", "x", "Fast, slow"),
        ("note", "\x07", "control characters"), ("token", "a\ud800", "UTF-8"),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_type_is_told_what_it_should_be(name, given, problem):
    with pytest.raises(InvalidCredential) as caught:
        Sample.parse({name: given})

    assert problem in caught.value.errors[name]


@pytest.mark.parametrize("url", ["https://ada:hunter2@example.org", "https://ada@example.org/x"])
def test_a_login_inside_a_url_is_refused_with_where_it_belongs(url):
    assert "fields of their own" in errors("bearer", token="t", url=url)["url"]


def test_all_problems_come_at_once():
    found = errors("database", dialect="postgresql", port="x", sslmode="a\nb", pasword="y")

    assert found.keys() == {"port", "sslmode", "pasword"}


def test_an_error_leaves_no_trace_of_the_value(canary):
    """Not even in the context that debuggers and rich tracebacks show."""
    with pytest.raises(InvalidCredential) as caught:
        made("database", dialect=canary, host=canary, port=canary, password=[canary], options=canary)

    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    assert canary not in "".join(traceback.format_exception(caught.value))


def test_a_mistyped_field_is_told_its_name():
    assert errors("basic", user="a", pasword="b")["pasword"] == "unknown field; did you mean password?"


@pytest.mark.parametrize("name", ["hunter2", "password=hunter2", "Tr0ub4dor", "p@ssword", 7])
def test_a_name_that_may_be_a_value_is_not_repeated(name):
    with pytest.raises(InvalidCredential) as caught:
        find_kind("basic").parse({"user": "a", "password": "b", name: "x"})

    assert list(caught.value.errors) == [UNKNOWN]
    assert str(name) not in f"{caught.value!r} {caught.value.errors[UNKNOWN]}"


def test_a_field_of_another_kind_is_refused_with_those_there_are():
    assert "has user, password, url" in errors("basic", user="a", password="b", awsAccessKeyId="x")[UNKNOWN]


# ---------------------------------------------------------------------- declarations that would leak or clash


def test_a_secret_must_have_the_masking_type():
    with pytest.raises(TypeError, match="annotate it with SecretStr"):

        class Bare(CredentialKind):
            token: str = secret("Token")


def test_a_name_must_mean_one_field():
    with pytest.raises(TypeError, match="means both"):

        class Double(CredentialKind):
            user: str = field("User")
            login: str = field("Login", aliases=("user",))


def test_a_field_needs_a_marker():
    with pytest.raises(TypeError, match="needs field"):

        class Plain(CredentialKind):
            user: str


# ---------------------------------------------------------------------- names on the wire


@pytest.mark.parametrize(
    ("kind", "face", "name", "wire"),
    [
        ("basic", "orchestrate", "user", "username"), ("basic", "datarobot", "user", "user"),
        ("basic", "datarobot", "snowflake_account_name", "snowflakeAccountName"),
        ("api_key", "datarobot", "api_key", "apiToken"), ("api_key", "orchestrate", "api_key", "api_key"),
        ("s3", "datarobot", "aws_access_key_id", "awsAccessKeyId"), ("gcp", "datarobot", "gcp_key", "gcpKey"),
        ("s3", "datarobot", "aws_session_token", "awsSessionToken"),
        ("ssh_key", "datarobot", "private_key", "privateKeyStr"),
    ],
)  # fmt: skip
def test_faces_have_their_own_spelling(kind, face, name, wire):
    assert find_kind(kind).wire_name(face, name) == wire


def test_kinds_have_their_own_spelling_on_a_face():
    assert find_kind("api_key").wire_kind("datarobot") == "api_token"
    assert find_kind("ssh_key").wire_kind("datarobot") == "rsa"
    assert find_kind("basic").wire_kind("datarobot") == "basic"


def test_a_camelised_google_key_is_stored_as_google_writes_it():
    sent = {
        "type": "service_account", "projectId": "p", "privateKeyId": "1", "privateKey": "k", "clientEmail": "a@b",
        "clientId": "2", "authUri": "u", "tokenUri": "t", "authProviderX509CertUrl": "c", "clientX509CertUrl": "d",
        "universeDomain": "googleapis.com",
    }  # fmt: skip
    kept = json.loads(made("gcp", gcpKey=sent).gcp_key)

    assert list(kept) == [
        "type", "project_id", "private_key_id", "private_key", "client_email", "client_id", "auth_uri", "token_uri",
        "auth_provider_x509_cert_url", "client_x509_cert_url", "universe_domain",
    ]  # fmt: skip


def test_a_google_file_is_kept_byte_for_byte_and_says_whose_it_is():
    text = '{ "type": "service_account",\r\n  "client_email":"a@b", "private_key": "k\\n", "project_id": "p" }\n'
    key = made("gcp", gcp_key=text)

    assert key.gcp_key == text
    assert key.public()["project_id"] == "p"
    assert key.files("x") == {}  # it stays in the vault
    assert key.updated({"exportable": True}).files("x") == {"GOOGLE_APPLICATION_CREDENTIALS": text}
    assert key.updated({"gcp_key": text.replace('"p"', '"q"')}).public()["project_id"] == "q"


# ---------------------------------------------------------------------- entries


def test_one_entry_can_be_given_alone_and_the_others_stay():
    pairs = made("key_value", **{"entries.A": "1", "entries.B": "2"})

    assert pairs.flatten() == {"A": "1", "B": "2"}
    assert pairs.updated({"entries.B": "3"}).flatten() == {"A": "1", "B": "3"}
    assert find_kind("kv").parse({**pairs.secrets(), "entries.C": "4"}).secret_keys() == ["A", "B", "C"]


def test_entries_are_exported_as_they_are_or_below_the_name():
    pairs = made("key_value", entries='{"TOKEN": "1", "my-key": "2"}')

    assert pairs.environ("my app") == {"TOKEN": "1", "MY_APP_MY_KEY": "2"}


# ---------------------------------------------------------------------- variables


def test_the_prefix_takes_the_place_of_the_name():
    basic = made("basic", user="u", password="p")

    assert basic.environ("ware-house") == {"WARE_HOUSE_USER": "u", "WARE_HOUSE_PASSWORD": "p"}
    assert basic.environ("x", "DB_") == {"DB_USER": "u", "DB_PASSWORD": "p"}
    assert list(basic.environ("7up")) == ["_7UP_USER", "_7UP_PASSWORD"]


def test_a_database_exports_what_its_own_clients_read():
    database = made("database", dialect="postgresql", host="h", database="d", user="u", password="p@ss", sslmode="require")

    assert database.environ("w") == {
        "DATABASE_URL": "postgresql+psycopg://u:p%40ss@h:5432/d?sslmode=require",
        "PGHOST": "h", "PGPORT": "5432", "PGDATABASE": "d", "PGUSER": "u", "PGPASSWORD": "p@ss", "PGSSLMODE": "require",
    }  # fmt: skip
    assert made("database", dialect="mysql", host="h", user="u", password="p").environ("w") == {
        "DATABASE_URL": "mysql+pymysql://u:p@h:3306", "MYSQL_HOST": "h", "MYSQL_TCP_PORT": "3306", "MYSQL_PWD": "p",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({}, {"W_API_KEY": "k"}),
        ({"service": "openai"}, {"OPENAI_API_KEY": "k"}),
        ({"service": "openai", "url": "https://o/v1"}, {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "https://o/v1"}),
        ({"service": "gemini"}, {"GEMINI_API_KEY": "k", "GOOGLE_API_KEY": "k"}),
        ({"service": "github", "env": "TOKEN"}, {"TOKEN": "k"}),
        ({"url": "https://o"}, {"W_API_KEY": "k"}),
    ],
)
def test_an_api_key_is_exported_where_its_service_looks(values, found):
    assert made("api_key", api_key="k", **values).environ("w") == found


# ---------------------------------------------------------------------- dates and warnings


@pytest.mark.parametrize(("kind", "name"), [("bearer", "token"), ("api_key", "api_key")])
def test_the_end_of_a_jwt_is_read(kind, name):
    assert made(kind, **{name: jwt(exp=1893456000)}).expiry() == datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "token",
    [
        "opaque", "a.b.c", "a..c", "....", jwt(), jwt(exp="x"), jwt(exp=True), jwt(exp=-1), jwt(exp=1e300), jwt(exp=None),
        "e30." + base64.urlsafe_b64encode(b"[" * 9000).decode().rstrip("=") + ".x", "e30.W10.x", "e30._w.x",
        "e30." + base64.urlsafe_b64encode(b'{"exp": NaN}').decode().rstrip("=") + ".x",
    ],
)  # fmt: skip
def test_whatever_is_no_jwt_has_no_date(token):
    assert made("bearer", token=token).expiry() is None


CERTIFIED = [
    ("basic", "server_cert", {"user": "a", "password": "long-enough-1"}),
    ("database", "ssl_root_cert", {"dialect": "postgresql", "host": "h"}),
]


@pytest.mark.parametrize(("kind", "name", "rest"), CERTIFIED)
def test_the_end_of_a_certificate_is_read_and_of_several_the_last(kind, name, rest, tmp_path):
    pems = [self_signed(tmp_path / str(n), days=n).cert.read_text() for n in (3, 5, 4)]
    ends = [x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc for pem in pems]
    one_line = pems[0].replace("\n", "\\n")

    assert made(kind, **rest, **{name: "".join(pems)}).expiry() == ends[1]
    assert made(kind, **rest, **{name: one_line}).expiry() == ends[0]


@pytest.mark.parametrize(("kind", "name", "rest"), CERTIFIED)
@pytest.mark.parametrize("text", [None, "opaque", "-----BEGIN CERTIFICATE-----\nMAo=\n-----END CERTIFICATE-----"])
def test_what_is_no_certificate_has_no_date(kind, name, rest, text):
    assert made(kind, **rest, **{name: text}).expiry() is None


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        ("basic", {"user": "a", "password": "long-enough-1 "}, "password begins or ends with a blank"),
        ("bearer", {"token": "long-enough-1\n"}, "token begins or ends with a line break"),
        ("bearer", {"token": "bearer long-enough"}, "the word Bearer"),
        ("basic", {"user": "a", "password": "abc"}, "password is shorter than 6 characters"),
        ("basic", {"user": "robot-17", "password": "robot-17"}, "equal to a public field"),
        ("basic", {"user": "a:b", "password": "long-enough-1"}, "colon"),
        ("basic", {"user": "a", "password": "long-enough-1", "url": "http://example.org"}, "plain http"),
        ("key_value", {"entries": {"K": "abc"}}, "entries.K is shorter"),
        ("s3", {"aws_access_key_id": "A", "aws_secret_access_key": "long-enough", "aws_session_token": "long-enough"},
         "temporary keys"),
        ("database", {"dialect": "sqlite", "database": "x.db"}, "relative path"),
        ("ssh_key", {"private_key": "no key at all"}, "does not look like a PEM"),
        ("ssh_key", {"private_key": "-----BEGIN CERTIFICATE-----"}, "holds certificate, not a private key"),
    ],
)  # fmt: skip
def test_what_may_not_be_meant_is_said(kind, values, said):
    assert any(said in warning for warning in made(kind, **values).warnings())


def test_a_good_credential_has_no_warnings():
    pem = "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n-----END OPENSSH PRIVATE KEY-----\n"

    assert made("basic", user="ada", password="long-enough-1", url="http://localhost:1").warnings() == []
    assert made("ssh_key", private_key=pem).warnings() == []
    assert made("database", dialect="sqlite", database="/x.db").warnings() == []


@pytest.mark.parametrize("text", ["a\\nb", "a\r\nb\r\n", "a\nb", "a\nb\n", "a\\r\\nb\\n"])
def test_a_key_file_has_the_line_ends_that_programs_insist_on(text):
    assert pem_file(text) == "a\nb\n"
