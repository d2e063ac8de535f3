"""One record that was changed behind our back: the others stay usable, it is shown as what it is, and it can go."""

import pytest

from credmagic.errors import CredentialNotFound, SealBroken
from credmagic.store.rows import CredentialRow


@pytest.fixture
def damaged(act, vault):
    """The id of a credential whose meta was tampered with; `sound` lies beside it."""
    for name in ("broken", "sound"):
        act("create", name=name, kind="basic", fields={"user": "ada", "password": f"Kanari-{name}"})
    credential_id = act("show", ref="broken")["id"]
    with vault.store.transaction() as transaction:
        row = transaction.get(CredentialRow, id=bytes.fromhex(credential_id))
        transaction.update(type(row)(**{**as_dict(row), "meta": row.meta[:-1] + bytes([row.meta[-1] ^ 1])}))
    return credential_id


def as_dict(row):
    return {name: getattr(row, name) for name in row.__slots__}


@pytest.mark.parametrize("action", ["list", "overview", "names"])
def test_lists_show_it_beside_the_others(act, damaged, action):
    found = act(action)
    rows = found.get("credentials") or found.get("names") or [v for g in found["groups"] for v in g["credentials"]]
    assert {row["name"] for row in rows} == {"sound", damaged}
    assert {row["name"]: row.get("status") for row in rows}[damaged] in ("damaged", None)


def test_the_others_are_used_and_hinted_at_as_ever(act, damaged):
    assert act("resolve", ref="sound")["fields"]["password"] == "Kanari-sound"
    with pytest.raises(CredentialNotFound) as refused:
        act("resolve", ref="soun")
    assert "sound" in refused.value.next_step


def test_its_use_is_refused_and_recorded(act, damaged):
    with pytest.raises(SealBroken) as refused:
        act("resolve", ref="broken")

    newest = act("audit")["events"][0]
    assert (newest["action"], newest["object_id"], newest["outcome"]) == ("store.integrity", damaged, "denied")
    assert newest["reason"]
    assert newest["reason"] not in str(refused.value)


def test_nothing_is_written_on_top_of_it(act, damaged):
    with pytest.raises(SealBroken):
        act("rotate", ref=damaged, fields={"password": "Kanari-new-one"})


@pytest.mark.parametrize("by", ["id", "name"])
def test_it_can_be_removed(act, damaged, by):
    act("delete", ref=damaged if by == "id" else "broken")
    assert [row["name"] for row in act("list")["credentials"]] == ["sound"]


def test_a_credential_whose_kind_is_not_installed_any_more_is_listed(act, monkeypatch):
    from credmagic.errors import UnknownKind
    from credmagic.kinds import registry as module

    act("create", name="sound", kind="basic", fields={"user": "ada", "password": "Kanari-sound"})

    def uninstalled(name):
        raise UnknownKind("there is no kind of that name")

    monkeypatch.setattr(module, "find_kind", uninstalled)
    assert [row["title"] for row in act("list")["credentials"]] == ["basic"]
