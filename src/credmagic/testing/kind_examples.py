"""What does a good credential of each kind look like?

One table for every test that goes over all kinds. `CANARY` stands for a fresh unmistakable secret; together the
examples of a kind set each of its fields. The first example is the shortest that is of use.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----\n"
URL = "https://example.org/api"
TOKEN_URL = "https://login.example.org/oauth2/token"
GOOGLE = {
    "type": "service_account", "project_id": "my-project", "private_key_id": "k1", "private_key": "CANARY",
    "client_email": "robot@my-project.iam.gserviceaccount.com", "token_uri": "https://oauth2.googleapis.com/token",
}  # fmt: skip

_CLIENT = {"client_id": "app-1", "client_secret": "CANARY", "token_url": TOKEN_URL}
_ALONG = {
    "scope": ["read", "write"], "resource_url": URL, "custom_token_header": {"X-Key": "CANARY-h"},
    "custom_token_body": {"audience": "CANARY-b"}, "custom_token_query": {"q": "CANARY-q", "n": 1}, "exportable": True,
}  # fmt: skip
_SUBJECT = {**_CLIENT, "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange"}
_SNOWFLAKE = {
    "role": "analyst", "warehouse": "small", "database": "sales", "schema_name": "public",
    "host": "https://org-account.privatelink.example.org",
}  # fmt: skip

GOOD: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "basic": (
        {"user": "ada", "password": "CANARY"},
        {"user": "ada", "password": "CANARY", "url": URL, "server_cert": CERTIFICATE,
         "snowflake_account_name": "xy12345.eu-central-1"},
    ),
    "bearer": ({"token": "CANARY"}, {"token": "CANARY", "url": URL}),
    "api_key": (
        {"api_key": "CANARY"},
        {"api_key": "CANARY", "service": "openai", "url": URL},
        {"api_key": "CANARY", "service": "generic", "env": "MY_KEY", "header": "X-Key", "url": URL},
    ),
    "key_value": ({"entries": {"TOKEN": "CANARY", "with-dash": "CANARY2", "empty": ""}},),
    "database": (
        {"dialect": "postgresql", "host": "db.example.org", "port": 5433, "database": "sales", "user": "ada",
         "password": "CANARY", "sslmode": "verify-full", "ssl_root_cert": CERTIFICATE,
         "options": {"application_name": "nb", "n": 1}, "driver": "psycopg"},
        {"dialect": "mysql", "host": "h", "user": "ada", "password": "CANARY"},
        {"dialect": "sqlite", "database": "/tmp/x.db"},
        {"dialect": "firebird", "driver": "fdb", "host": "h", "password": "CANARY"},
    ),
    "s3": (
        {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "CANARY"},
        {},
        {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "CANARY", "aws_session_token": "CANARY-t",
         "region": "eu-central-1", "endpoint_url": "https://minio.example.org", "bucket": "data"},
        {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "CANARY", "external_id": "x-1",
         "role_arn": "arn:aws:iam::123456789012:role/reader"},
        {"config_id": "ab" * 16, "exportable": True},
    ),
    "gcp": (
        {"gcp_key": GOOGLE},
        {"gcp_key": json.dumps(GOOGLE), "scopes": ["https://www.googleapis.com/auth/bigquery"], "exportable": True},
    ),
    "ssh_key": (
        {"private_key": "-----BEGIN OPENSSH PRIVATE KEY-----\r\nCANARY\r\n-----END OPENSSH PRIVATE KEY-----"},
        {"private_key": "CANARY", "passphrase": "CANARY-p", "host": "git.example.org", "port": 2222, "user": "git",
         "public_key": "ssh-ed25519 AAAA", "known_hosts": "git.example.org ssh-ed25519 AAAA\n"},
    ),
    "machine_login": (
        {"url": "https://unify.example.org", "user": "machine-user-1", "password": "CANARY"},
        {"url": "https://unify.example.org/", "user": "bot@example.org", "password": "CANARY", "org": 7,
         "role": "Contributor", "exportable": True},
    ),
    "conductor_access_key": (
        {"server_url": "https://play.example.org/api", "key_id": "k-1", "key_secret": "CANARY"},
        {"server_url": "https://play.example.org/api/", "key_id": "k-1", "key_secret": "CANARY", "exportable": True},
    ),
    "snowflake_key_pair_user_account": (
        {"account": "org-account", "user": "ada", "private_key_str": KEY},
        {"account": "org-account", "user": "ada", "private_key_str": KEY, "passphrase": "CANARY-p",
         "exportable": False, **_SNOWFLAKE},
        {"user": "ada", "private_key_str": KEY},
        {"config_id": "ab" * 16, "account": "org-account"},
    ),
    "snowflake_oauth_user_account": (
        {"account": "org-account", "client_id": "app-1", "client_secret": "CANARY", "refresh_token": "CANARY-r"},
        {"account": "org-account", "client_id": "app-1", "client_secret": "CANARY", "oauth_issuer_type": "okta",
         "oauth_issuer_url": "https://example.okta.com/oauth2/default", "oauth_scopes": ["session:role:analyst"],
         "exportable": True, **_SNOWFLAKE},
        {"config_id": "ab" * 16},
        {},
    ),
    "databricks_access_token_account": (
        {"databricks_access_token": "CANARY", "host": "https://adb-1.2.example.org"},
        {"databricks_access_token": "CANARY", "http_path": "/sql/1.0/warehouses/abc"},
    ),
    "databricks_service_principal_account": (
        {"client_id": "app-1", "client_secret": "CANARY", "host": "https://adb-1.2.example.org"},
        {"client_id": "app-1", "client_secret": "CANARY", "host": "https://adb-1.2.example.org/",
         "http_path": "/sql/1.0/warehouses/abc", "exportable": True},
        {"config_id": "ab" * 16},
    ),
    "tableau_access_token": (
        {"token_name": "nb", "personal_access_token": "CANARY", "server_url": "https://tableau.example.org"},
        {"token_name": "nb", "personal_access_token": "CANARY"},
        {"token_name": "nb", "personal_access_token": "CANARY", "server_url": "https://tableau.example.org",
         "site": "sales", "exportable": True},
    ),
    "azure": (
        {"azure_connection_string": "DefaultEndpointsProtocol=https;AccountName=sales1;AccountKey=CANARY"},
    ),
    "azure_service_principal": (
        {"azure_tenant_id": "t-1", "client_id": "app-1", "client_secret": "CANARY"},
        {"azure_tenant_id": "t-1", "client_id": "app-1", "client_secret": "CANARY", "exportable": True,
         "scope": "https://storage.azure.com/.default", "authority": "https://login.example.org"},
        {"config_id": "ab" * 16},
    ),
    "adls_gen2_oauth": (
        {"client_id": "app-1", "client_secret": "CANARY", "oauth_scopes": ["https://storage.azure.com/.default"],
         "refresh_token": "CANARY-r"},
        {"client_id": "app-1", "client_secret": "CANARY", "oauth_scopes": ["a", "b"], "account_name": "sales1",
         "tenant_id": "t-1", "authority": "https://login.example.org", "exportable": True},
        {"config_id": "ab" * 16},
    ),
    "box_jwt": (
        {"client_id": "app-1", "client_secret": "CANARY", "enterprise_id": "e-1", "public_key_id": "k-1",
         "private_key_str": KEY, "passphrase": "CANARY-p"},
        {"client_id": "app-1", "client_secret": "CANARY", "enterprise_id": "e-1", "public_key_id": "k-1",
         "private_key_str": KEY, "passphrase": "CANARY-p", "exportable": True},
    ),
    "oauth": (
        {"token": "CANARY", "refresh_token": "CANARY-r"},
        {"token": "CANARY", "refresh_token": "CANARY-r", "client_id": "app-1", "client_secret": "CANARY-c",
         "token_url": TOKEN_URL},
        {"client_id": "app-1", "token_url": TOKEN_URL, "authorization_url": "https://login.example.org/authorize",
         "device_authorization_url": "https://login.example.org/device", "custom_auth_query": {"prompt": "login"},
         **_ALONG},
    ),
    "oauth_password": (
        {**_CLIENT, "user": "ada", "password": "CANARY-p"},
        {**_CLIENT, "user": "ada", "password": "CANARY-p", "grant_type": "password", **_ALONG},
    ),
    "oauth_client_credentials": (
        _CLIENT,
        {**_CLIENT, "send_via": "body", "grant_type": "client_credentials", **_ALONG},
    ),
    "oauth_on_behalf_of": (_SUBJECT, {**_SUBJECT, "app_token_key": "assertion", "send_via": "body", **_ALONG}),
    "oauth_token_exchange": (_SUBJECT, {**_SUBJECT, "app_token_key": "subject_token", "send_via": "body", **_ALONG}),
    "oauth_direct_access": ({}, {"exportable": True}),
    "oauth_jwt_bearer": (
        {"token_url": TOKEN_URL, "private_key": KEY, "iss": "app-1"},
        {"token_url": TOKEN_URL, "private_key": KEY, "private_key_password": "CANARY-p", "iss": "app-1", "kid": "k-1",
         "aud": "https://login.example.org", "alg": "ES256", "exp": 120, "include_jti": True,
         "custom_claims": {"sub": "ada"}, "client_id": "app-1", "client_secret": "CANARY-c",
         "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", **_ALONG},
    ),
    "external_oauth_provider": (
        {"authentication_id": "auth-1"},
        {"authentication_id": "auth-1", "provider_url": URL, "exportable": True},
    ),
}  # fmt: skip
