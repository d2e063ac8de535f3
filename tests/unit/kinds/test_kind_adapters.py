"""What kinds hand to other libraries, tried with the libraries themselves."""

import base64
import importlib
import json
import subprocess
import sys

import boto3
import httpx
import pytest
import requests
import sqlalchemy

from credmagic.errors import AccessDenied
from credmagic.kinds.adapters import MissingPackage
from credmagic.kinds.registry import find_kind


def made(kind, **values):
    return find_kind(kind).parse(values)


def sent_by_requests(auth, url="https://example.org/"):
    return requests.Request("GET", url, auth=auth).prepare().headers


def sent_by_httpx(auth, url="https://example.org/"):
    seen = []
    transport = httpx.MockTransport(lambda request: seen.append(request) or httpx.Response(200))
    with httpx.Client(transport=transport) as client:
        client.get(url, auth=auth)
    return seen[0].headers


@pytest.mark.parametrize("sent", [sent_by_requests, sent_by_httpx])
@pytest.mark.parametrize(
    ("kind", "values", "header", "value"),
    [
        ("basic", {"user": "ada", "password": "pä:ss"}, "Authorization",
         "Basic " + base64.b64encode("ada:pä:ss".encode()).decode()),
        ("bearer", {"token": "t0ken"}, "Authorization", "Bearer t0ken"),
        ("api_key", {"api_key": "k3y"}, "Authorization", "Bearer k3y"),
        ("api_key", {"api_key": "k3y", "header": "X-Key"}, "X-Key", "k3y"),
        ("api_key", {"api_key": "k3y", "header": "Authorization: Token"}, "Authorization", "Token k3y"),
        ("api_key", {"api_key": "k3y", "header": "Authorization: Basic bot:"}, "Authorization",
         "Basic " + base64.b64encode(b"bot:k3y").decode()),
    ],
)  # fmt: skip
def test_auth_works_for_both_http_libraries(sent, kind, values, header, value):
    auth = made(kind, **values).auth()

    assert sent(auth)[header] == value
    assert value not in repr(auth)


def test_a_prepared_request_of_requests_shows_no_secret_when_printed(canary):
    headers = sent_by_requests(made("bearer", token=canary[:20]).auth())

    assert canary[:20] not in repr(headers)


def test_the_key_of_a_service_goes_to_its_own_host_only():
    key = made("api_key", api_key="k3y", service="openai", url="https://proxy.example.org/v1").auth()

    assert sent_by_requests(key, "https://api.openai.com/v1/models")["Authorization"] == "Bearer k3y"
    assert sent_by_requests(key, "https://proxy.example.org/v1/models")["Authorization"] == "Bearer k3y"
    for elsewhere in ("https://evil.example.org/", "https://api.openai.com.evil.org/", "https://x@evil.org/"):
        with pytest.raises(AccessDenied, match=r"another host"):
            sent_by_requests(key, elsewhere)


def test_a_database_url_hides_its_password_and_carries_it(canary):
    database = made("database", dialect="postgres", host="h", database="d", user="u", password=canary)
    url = database.url()

    assert canary not in str(url)
    assert url.password == canary
    assert sqlalchemy.make_url(url.render_as_string(hide_password=False)).password == canary
    assert url.port == 5432
    assert url.drivername == "postgresql+psycopg"


def test_a_certificate_reaches_the_driver_as_a_file(tmp_path):
    pem = "-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----"
    url = made("database", dialect="postgresql", host="h", ssl_root_cert=pem, sslmode="verify-full").url()

    assert url.query["sslmode"] == "verify-full"
    with open(url.query["sslrootcert"]) as file:
        assert file.read() == "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def test_an_engine_connects(tmp_path):
    engine = made("database", dialect="sqlite", database=str(tmp_path / "x.db")).engine()

    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("SELECT 7")).scalar() == 7
    engine.dispose()


def test_a_missing_driver_is_named_with_the_package_to_install():
    with pytest.raises(MissingPackage) as caught:
        made("database", dialect="oracle", host="h").engine()

    assert caught.value.package == "oracledb"
    assert "%pip install oracledb" in str(caught.value)


def test_a_missing_library_is_named_with_the_package_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.oauth2.service_account", None)
    key = {"type": "service_account", "client_email": "a@b", "private_key": "x"}

    with pytest.raises(MissingPackage, match="google-auth") as caught:
        made("gcp", gcp_key=key).google_credentials()
    assert caught.value.__context__ is None


def test_a_boto3_session_goes_to_the_endpoint_of_the_credential():
    session = made(
        "s3", aws_access_key_id="AKIA", aws_secret_access_key="s3cr3t", region="eu-central-1",
        endpoint_url="https://minio.example.org",
    ).boto3_session()  # fmt: skip

    assert isinstance(session, boto3.Session)
    assert session.client("s3").meta.endpoint_url == "https://minio.example.org"
    assert session.resource("s3").meta.client.meta.endpoint_url == "https://minio.example.org"
    assert session.client("s3", endpoint_url="https://other.example.org").meta.endpoint_url.startswith("https://other")
    assert session.get_credentials().secret_key == "s3cr3t"


def test_storage_options_leave_out_what_is_not_given():
    assert made("s3").storage_options() == {}
    assert made("s3", region="eu-central-1").storage_options() == {"client_kwargs": {"region_name": "eu-central-1"}}

    key = {"type": "service_account", "client_email": "a@b", "private_key": "the-private-key", "project_id": "p"}
    options = made("gcp", gcp_key=key).storage_options()
    assert options == {"token": key, "project": "p"}
    assert "the-private-key" not in repr(options)


def test_ssh_gets_its_arguments_as_a_list():
    ssh = made("ssh_key", private_key="k", host="h", user="git", port=2222)

    assert ssh.ssh_args("/f") == ["-i", "/f", "-o", "IdentitiesOnly=yes", "-p", "2222", "--", "git@h"]


@pytest.mark.parametrize("path", ["/run/a key", "/run/k$x"])
def test_the_shell_that_git_starts_finds_the_key_file(tmp_path, path):
    """GIT_SSH_COMMAND refers to the file by its variable, so that any path survives the shell."""
    ssh = made("ssh_key", private_key="k", known_hosts="h ssh-ed25519 AAAA")
    show = tmp_path / "ssh"
    show.write_text('#!/bin/sh\nfor a in "$@"; do echo "$a"; done\n')
    show.chmod(0o700)
    command = ssh.environ("my key")["GIT_SSH_COMMAND"]

    def run(**variables):
        env = {"PATH": f"{tmp_path}:/usr/bin:/bin", **variables}
        return subprocess.run(["sh", "-c", command], env=env, capture_output=True, text=True, check=True).stdout

    files = dict.fromkeys(ssh.files("my key"), path)
    assert run(**files).splitlines() == [
        "-i", path, "-o", "IdentitiesOnly=yes", "-o", f'UserKnownHostsFile="{path}"', "-o", "StrictHostKeyChecking=yes",
    ]  # fmt: skip
    assert run() == ""


def test_kinds_import_no_library_before_it_is_asked_for():
    code = (
        "import sys, json; from credmagic.kinds.registry import all_kinds; all_kinds();"
        "print(json.dumps([m for m in ('sqlalchemy', 'boto3', 'requests', 'httpx', 'httpx2', 'google.auth') if m in sys.modules]))"
    )

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert json.loads(found.stdout) == []
    assert importlib.util.find_spec("sqlalchemy")
