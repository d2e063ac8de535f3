"""Credentials of three clouds in a vault of this process, and what their SDKs ask: for tests of `--sdk`."""

import json
import os
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from joserfc import jwk

from credmagic import api
from credmagic.injectors.sdk import SdkInjector
from credmagic.kinds.gcp import CLOUD_PLATFORM
from credmagic.testing.authorization_server import AuthorizationServer, Client

STORAGE, VAULT = "https://storage.azure.com/.default", "https://vault.azure.net/.default"
EMAIL = "reader@project.iam.gserviceaccount.com"
CLOUDS = ("AWS_", "AZURE_", "IDENTITY_", "GOOGLE_", "MSI_", "CLOUDSDK_")


@pytest.fixture
def clean(home, monkeypatch):
    for name in [name for name in os.environ if name.startswith(CLOUDS) or "proxy" in name.casefold()]:
        monkeypatch.delenv(name)
    yield
    api.close()


@pytest.fixture
def provider():
    with AuthorizationServer() as server:
        yield server


@pytest.fixture
def injector():
    with SdkInjector() as made:
        yield made


@pytest.fixture
def entra(clean, provider, canary):
    provider.clients["app"] = Client("app", canary, scopes=frozenset({STORAGE, VAULT}))
    fields = {
        "azure_tenant_id": "t1", "client_id": "app", "client_secret": canary, "authority": provider.url,
        "scope": f"{STORAGE} {VAULT}",
    }  # fmt: skip
    return stored("entra", "azure_service_principal", fields)


@pytest.fixture
def bucket(clean, provider):
    key = jwk.RSAKey.generate_key(2048)
    provider.clients[EMAIL] = Client(EMAIL, key=key, scopes=frozenset({CLOUD_PLATFORM}))
    account = {
        "type": "service_account", "project_id": "project", "private_key": key.as_pem(private=True).decode(),
        "client_email": EMAIL, "token_uri": provider.token_url,
    }  # fmt: skip
    return stored("bucket", "gcp", {"gcp_key": json.dumps(account)})


@pytest.fixture
def session_keys(clean, canary):
    keys = {"aws_access_key_id": "ASIAEXAMPLE", "aws_secret_access_key": canary, "aws_session_token": canary[::-1]}
    return stored("lake", "s3", {**keys, "region": "eu-central-1"})


def stored(name, kind, fields, **more):
    api.client().call("create", name=name, kind=kind, fields=fields, verify=False, **more)
    return api.use(name)


def fetch(url, data=None, **headers):
    """Status and JSON of an answer."""
    asked = urllib.request.Request(url, data, {name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def aws():
    bearer = str.__str__(os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"])
    return fetch(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], Authorization=bearer)


def azure(resource="https://storage.azure.com", more="", version="2019-08-01"):
    url = f"{os.environ['IDENTITY_ENDPOINT']}?api-version={version}&resource={resource}{more}"
    return fetch(url, X_IDENTITY_HEADER=str.__str__(os.environ["IDENTITY_HEADER"]))


def google():
    """All three steps, as google-auth makes them."""
    settings = json.loads(Path(os.environ["GOOGLE_APPLICATION_CREDENTIALS"]).read_text())
    source = settings["credential_source"]
    subject = fetch(source["url"], **source["headers"])[1]["token"]
    grant = "urn:ietf:params:oauth:grant-type:token-exchange"
    middle = fetch(settings["token_url"], f"grant_type={grant}&subject_token={subject}".encode())[1]["access_token"]
    return fetch(settings["service_account_impersonation_url"], b"{}", Authorization=f"Bearer {middle}")
