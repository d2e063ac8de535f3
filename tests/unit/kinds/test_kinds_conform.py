"""Every built-in kind passes the suite that plug-ins' kinds pass."""

from pathlib import Path
from typing import ClassVar

from credmagic.kinds.api_key import ApiKey
from credmagic.kinds.azure import Azure
from credmagic.kinds.basic import Basic
from credmagic.kinds.bearer import Bearer
from credmagic.kinds.database import Database
from credmagic.kinds.databricks_access_token import DatabricksAccessToken
from credmagic.kinds.key_value import KeyValue
from credmagic.kinds.registry import all_kinds
from credmagic.kinds.ssh_key import SshKey
from credmagic.testing.kind_examples import GOOD
from credmagic.testing.kind_suite import KindSuite


class TestBasic(KindSuite):
    kind = Basic
    good = GOOD["basic"]
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
    good = GOOD["bearer"]
    bad = (({}, "token"), ({"token": 12}, "token"), ({"token": "CANARY", "url": "CANARY"}, "url"))


class TestApiKey(KindSuite):
    kind = ApiKey
    good = GOOD["api_key"]
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
    good = GOOD["key_value"]
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
    good = GOOD["database"]
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


class TestSshKey(KindSuite):
    kind = SshKey
    good = GOOD["ssh_key"]
    bad = (
        ({}, "private_key"),
        ({"private_key": "CANARY", "host": "-oProxyCommand=CANARY"}, "host"),
        ({"private_key": "CANARY", "user": "-oCANARY"}, "user"),
        ({"private_key": "CANARY", "port": 0}, "port"),
    )


class TestAzure(KindSuite):
    kind = Azure
    good = GOOD["azure"]
    bad = (({}, "azure_connection_string"),)


class TestDatabricksAccessToken(KindSuite):
    kind = DatabricksAccessToken
    good = GOOD["databricks_access_token_account"]
    bad = (({}, "databricks_access_token"), ({"databricks_access_token": "CANARY", "host": "CANARY"}, "host"))


def test_every_installed_kind_has_examples_and_a_suite():
    """The suites of kinds with tokens stand in a file of their own."""
    source = "".join(file.read_text() for file in Path(__file__).parent.glob("test_*conform.py"))

    assert {cls.kind for cls in all_kinds()} == set(GOOD)
    assert [kind for kind in GOOD if f'good = GOOD["{kind}"]' not in source] == []
