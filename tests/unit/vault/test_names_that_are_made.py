"""A credential without a name gets one: KIND-N, the only one of its owner in that environment."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from credmagic.errors import InvalidCredential
from credmagic.kinds.names import next_name
from credmagic.vault.actions import dispatch
from credmagic.vault.audit import Caller
from vault_principals import another


@pytest.fixture
def made(act, canary: str):
    """`made(environment=…)`: the name a new `basic` credential gets."""

    def make(**more):
        view = act("create", kind="basic", fields={"user": "jo", "password": canary}, verify=False, **more)
        assert canary[:24] not in repr(view)
        return view["name"]

    return make


def test_names_count_up_within_an_environment_and_an_owner(vault, made) -> None:
    assert [made(), made(), made(environment="live"), made(team=True)] == ["basic-1", "basic-2", "basic-1", "basic-1"]
    assert made(by=another(vault, "alice")) == "basic-1"


def test_a_name_that_is_there_already_is_passed_over(act, made) -> None:
    made(name="BASIC-2")

    assert made() == "basic-3"
    act("delete", ref="basic-3")
    assert [made(), made()] == ["basic-3", "basic-4"]


def test_a_blank_is_no_missing_name(made) -> None:
    with pytest.raises(InvalidCredential):
        made(name=" ")


def test_many_at_once_get_a_name_each(vault, canary: str) -> None:
    def make(_):
        params = {"kind": "bearer", "fields": {"token": canary}, "verify": False}
        return dispatch(vault, Caller("local"), "create", params)["name"]

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(make, range(8))) == [f"bearer-{number}" for number in range(1, 9)]


def test_the_next_name_is_one_more_than_there_are() -> None:
    assert next_name("s3", 4, {"s3-5", "s3-6"}.__contains__) == "s3-7"
