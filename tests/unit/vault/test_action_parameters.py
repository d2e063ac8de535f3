"""Parameters that no honest client sends: each is a typed refusal, never an error of a database or of Python."""

import base64
import json

import pytest

from credmagic.errors import CredentialNotFound, InvalidCredential

HUGE = 10**30


@pytest.fixture
def demo(act):
    return act("create", name="demo", kind="basic", fields={"user": "ada", "password": "Kanari-1234567"})


@pytest.mark.parametrize(
    ("action", "params"),
    [
        ("audit", {"limit": HUGE}), ("audit", {"limit": -1}), ("list", {"offset": HUGE}), ("list", {"limit": True}),
        ("uses", {"ref": "demo", "offset": -1}), ("uses", {"ref": "demo", "types": [{"a": 1}]}),
        ("list", {"kind": [1]}), ("update", {"ref": "demo", "tags": [None]}), ("update", {"ref": "demo", "revision": HUGE}),
    ],
)  # fmt: skip
def test_numbers_and_lists_that_mean_nothing_are_refused_by_name(act, demo, action, params):
    with pytest.raises(InvalidCredential) as refused:
        act(action, **params)
    assert set(refused.value.errors) == set(params) - {"ref"}


@pytest.mark.parametrize(
    "cursor", ["x", "é", json.dumps([HUGE, "00"]), json.dumps(["1", "00"]), json.dumps([1, "0"]), "[" * 100_000]
)
def test_a_cursor_that_was_made_up_is_refused(act, cursor):
    with pytest.raises(InvalidCredential) as refused:
        act("list", after=base64.urlsafe_b64encode(cursor.encode()).decode())
    assert set(refused.value.errors) == {"after"}


@pytest.mark.parametrize("version", [0, -1, 2, 2**63, HUGE])
def test_a_version_that_is_not_there_is_not_found(vault, demo, version):
    """Straight at the resolver: the embedded hot path does not pass the table of actions."""
    from credmagic.vault.audit import Caller

    with pytest.raises(CredentialNotFound):
        vault.resolver.resolve(Caller("local"), "demo", version=version)
