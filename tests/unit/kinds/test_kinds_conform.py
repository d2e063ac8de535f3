"""Every built-in kind passes the suite that plug-ins' kinds pass."""

import json
from typing import ClassVar

from credmagic.kinds.api_key import ApiKey
from credmagic.kinds.basic import Basic
from credmagic.kinds.bearer import Bearer
from credmagic.kinds.database import Database
from credmagic.kinds.gcp import Gcp
from credmagic.kinds.key_value import KeyValue
from credmagic.kinds.registry import all_kinds
from credmagic.kinds.s3 import S3
from credmagic.kinds.ssh_key import SshKey
from credmagic.testing.kind_suite import KindSuite

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
URL = "https://example.org/api"


class TestBasic(KindSuite):
    kind = Basic
    good = (
        {"user": "ada", "password": "CANARY"},
        {
            "user": "ada", "password": "CANARY", "url": URL, "server_cert": CERTIFICATE,
            "snowflake_account_name": "xy12345.eu-central-1",
        },
    )  # fmt: skip
    bad = (
        ({"user": "ada"}, "password"),
        ({"password": "CANARY"}, "user"),
        ({"user": "a\nb", "password": "CANARY"}, "user"),
        ({"user": "ada", "password": {"CANARY": 1}}, "password"),
        ({"user": "ada", "password": "x", "url": "https://ada:CANARY@example.org"}, "url"),
        ({"user": "ada", "password": "x", "url": "ftp://CANARY"}, "url"),
        ({"user": "ada", "password": "x", "url": "https://h:CANARY/"}, "url"),
        ({"user": "ada", "username": "CANARY", "password": "x"}, "user"),
    )


class TestBearer(KindSuite):
    kind = Bearer
    good = ({"token": "CANARY"}, {"token": "CANARY", "url": URL})
    bad = (({}, "token"), ({"token": 12}, "token"), ({"token": "CANARY", "url": "CANARY"}, "url"))


class TestApiKey(KindSuite):
    kind = ApiKey
    good = (
        {"api_key": "CANARY"},
        {"api_key": "CANARY", "service": "openai", "url": URL},
        {"api_key": "CANARY", "service": "generic", "env": "MY_KEY", "header": "X-Key", "url": URL},
    )
    any_variable = True
    bad = (
        ({}, "api_key"),
        ({"api_key": "CANARY", "service": "CANARY"}, "service"),
        ({"api_key": "CANARY", "service": "azure_openai"}, "url"),
        ({"api_key": "CANARY", "env": "CANARY=1"}, "env"),
        ({"api_key": "CANARY", "header": "X Key: CANARY"}, "header"),
    )


class TestKeyValue(KindSuite):
    kind = KeyValue
    good = ({"entries": {"TOKEN": "CANARY", "with-dash": "CANARY2", "empty": ""}},)
    any_variable = True
    bad = (
        ({}, "entries"),
        ({"entries": {}}, "entries"),
        ({"entries": {"a b": "CANARY"}}, "entries"),
        ({"entries": {"a=CANARY": "x"}}, "entries"),
        ({"entries": {"": "CANARY"}}, "entries"),
        ({"entries": {"a": 1}}, "entries"),
        ({"entries": '{"a": CANARY'}, "entries"),
        ({"entries": ["CANARY"]}, "entries"),
    )


class TestDatabase(KindSuite):
    kind = Database
    good = (
        {
            "dialect": "postgresql", "host": "db.example.org", "port": 5433, "database": "sales", "user": "ada",
            "password": "CANARY", "sslmode": "verify-full", "ssl_root_cert": CERTIFICATE,
            "options": {"application_name": "nb", "n": 1}, "driver": "psycopg",
        },
        {"dialect": "mysql", "host": "h", "user": "ada", "password": "CANARY"},
        {"dialect": "sqlite", "database": "/tmp/x.db"},
        {"dialect": "firebird", "driver": "fdb", "host": "h", "password": "CANARY"},
    )  # fmt: skip
    bad: ClassVar = (
        ({"host": "h"}, "dialect"),
        ({"dialect": "postgresql"}, "host"),
        ({"dialect": "sqlite"}, "database"),
        ({"dialect": "sqlite", "database": "x", "password": "CANARY"}, "password"),
        ({"dialect": "postgresql://ada:CANARY@h/d", "host": "h"}, "dialect"),
        ({"dialect": "firebird", "host": "h"}, "driver"),
        ({"dialect": "mysql", "host": "h", "sslmode": "require"}, "sslmode"),
        ({"dialect": "postgresql", "host": "h", "port": "CANARY"}, "port"),
        ({"dialect": "postgresql", "host": "h", "port": 70000}, "port"),
        ({"dialect": "postgresql", "host": "h", "port": True}, "port"),
        ({"dialect": "postgresql", "host": "h", "options": "{'CANARY'"}, "options"),
        ({"dialect": "postgresql", "host": "h", "options": {"a": ["CANARY"]}}, "options"),
    )


class TestS3(KindSuite):
    kind = S3
    good = (
        {},
        {
            "aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "CANARY", "aws_session_token": "CANARY-t",
            "region": "eu-central-1", "endpoint_url": "https://minio.example.org", "bucket": "data",
        },
    )  # fmt: skip
    bad = (
        ({"aws_access_key_id": "AKIAEXAMPLE"}, "aws_secret_access_key"),
        ({"aws_secret_access_key": "CANARY"}, "aws_access_key_id"),
        ({"aws_session_token": "CANARY"}, "aws_access_key_id"),
    )


GOOGLE = {
    "type": "service_account", "project_id": "my-project", "private_key_id": "k1", "private_key": "CANARY",
    "client_email": "robot@my-project.iam.gserviceaccount.com", "token_uri": "https://oauth2.googleapis.com/token",
}  # fmt: skip


class TestGcp(KindSuite):
    kind = Gcp
    good = (
        {"gcp_key": json.dumps(GOOGLE), "scopes": ["https://www.googleapis.com/auth/bigquery"]},
        {"gcp_key": GOOGLE},
    )
    bad = (
        ({}, "gcp_key"),
        ({"gcp_key": "CANARY"}, "gcp_key"),
        ({"gcp_key": ["CANARY"]}, "gcp_key"),
        ({"gcp_key": {**GOOGLE, "type": "CANARY"}}, "gcp_key"),
        ({"gcp_key": {**GOOGLE, "private_key": ""}}, "gcp_key"),
        ({"gcp_key": {**GOOGLE, "client_email": None}}, "gcp_key"),
    )


class TestSshKey(KindSuite):
    kind = SshKey
    good = (
        {"private_key": "-----BEGIN OPENSSH PRIVATE KEY-----\r\nCANARY\r\n-----END OPENSSH PRIVATE KEY-----"},
        {
            "private_key": "CANARY", "passphrase": "CANARY-p", "host": "git.example.org", "port": 2222, "user": "git",
            "public_key": "ssh-ed25519 AAAA", "known_hosts": "git.example.org ssh-ed25519 AAAA\n",
        },
    )  # fmt: skip
    bad = (
        ({}, "private_key"),
        ({"private_key": "CANARY", "host": "-oProxyCommand=CANARY"}, "host"),
        ({"private_key": "CANARY", "user": "-oCANARY"}, "user"),
        ({"private_key": "CANARY", "port": 0}, "port"),
    )


def test_every_installed_kind_has_a_suite():
    tested = {suite.kind for suite in KindSuite.__subclasses__()}

    assert set(all_kinds()) <= tested
