"""Kinds are found by any of their names, and a clash is an error that names both owners."""

from typing import ClassVar

import pytest

from credmagic.errors import UnknownKind
from credmagic.kinds import registry
from credmagic.kinds.basic import Basic
from credmagic.plugins import BrokenPlugin


def test_all_kinds_are_there():
    assert [cls.kind for cls in registry.all_kinds()] == sorted(
        [
            "basic", "bearer", "api_key", "key_value", "ssh_key", "machine_login", "conductor_access_key", "database",
            "snowflake_key_pair_user_account", "snowflake_oauth_user_account", "databricks_access_token_account",
            "databricks_service_principal_account", "tableau_access_token", "s3", "gcp", "azure",
            "azure_service_principal", "adls_gen2_oauth", "box_jwt", "oauth", "oauth_password",
            "oauth_client_credentials", "oauth_on_behalf_of", "oauth_token_exchange", "oauth_direct_access",
            "oauth_jwt_bearer", "external_oauth_provider",
        ]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("database", "database"), ("db", "database"), ("SQL", "database"), ("api-key", "api_key"), ("kv", "key_value"),
        ("api_token", "api_key"), ("rsa", "ssh_key"), ("aws", "s3"), ("bearer_token", "bearer"), (" basic ", "basic"),
    ],
)  # fmt: skip
def test_a_kind_is_found_by_any_of_its_names(name, kind):
    assert registry.find_kind(name).kind == kind


def test_an_unknown_kind_gets_the_closest_names():
    with pytest.raises(UnknownKind) as caught:
        registry.find_kind("key_valu")

    assert caught.value.details["closest"][0] == "key_value"
    assert "%cred kinds" in caught.value.next_step


def test_an_unknown_kind_far_from_all_is_told_where_to_look(canary):
    with pytest.raises(UnknownKind) as caught:
        registry.find_kind(canary)

    assert "%cred kinds" in caught.value.next_step
    assert canary not in str(caught.value)


def test_two_kinds_of_one_name_are_an_error_that_names_both():
    class Other(Basic):
        kind: ClassVar[str] = "other"
        aliases: ClassVar[tuple[str, ...]] = ("basic_auth",)

    with pytest.raises(BrokenPlugin, match=r"'basic_auth'.*basic\.Basic.*Other"):
        registry._by_any_name([Basic, Other])


@pytest.mark.parametrize(
    ("name", "stem"), [("warehouse", "WAREHOUSE"), ("my-db.1", "MY_DB_1"), ("7", "_7"), ("größe", "GR_SSE"),
     ("база-1", "U0411U0410U0417U0410_1"), ("дата-1", "U0414U0410U0422U0410_1"), ("資料", "U8CC7U6599")],
)  # fmt: skip
def test_a_name_becomes_the_part_of_a_variable(name, stem):
    assert registry.env_name(name) == stem
