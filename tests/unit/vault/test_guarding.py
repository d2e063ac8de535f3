"""Only notebooks and kernelspecs with a grant use a guarded credential; only a terminal decides which."""

import sqlite3

import pytest

from credmagic.errors import AccessDenied, Conflict, CredentialNotFound, InvalidCredential, SealBroken
from credmagic.vault.audit import Caller

HERE = Caller("kernel", kernel_id="k1", notebook="/nb/a.ipynb", kernelspec="python3")
COPY = Caller("kernel", kernel_id="k2", notebook="/nb/a-Copy1.ipynb", kernelspec="python3")
CONSOLE = Caller("kernel", kernel_id="k3", kernelspec="ir")
BROWSER = Caller("browser")


@pytest.fixture
def demo(act):
    return act("create", name="demo", kind="basic", fields={"user": "ada", "password": "first-Kanari-1"})


@pytest.fixture
def guarded(act, demo):
    act("guard", ref="demo", on=True)
    act("grant", ref="demo", object_type="notebook", object_id="/nb/a.ipynb")
    return demo


def test_a_guarded_credential_serves_only_notebooks_with_a_grant(act, guarded):
    assert act("resolve", ref="demo", by=HERE)["fields"]["password"] == "first-Kanari-1"
    for caller, command in ((COPY, "grant demo notebook /nb/a-Copy1.ipynb"), (CONSOLE, "grant demo kernelspec")):
        with pytest.raises(AccessDenied) as refused:
            act("resolve", ref="demo", by=caller)
        assert command in refused.value.next_step
    assert act("audit", ref="demo")["events"][0]["reason"] == "denied"


def test_a_moved_notebook_has_no_grant(act, guarded):
    with pytest.raises(AccessDenied):
        act("resolve", ref="demo", by=Caller("kernel", kernel_id="k1", notebook="/nb/moved.ipynb"))


def test_a_kernelspec_may_have_the_grant(act, guarded):
    act("grant", ref="demo", object_type="kernelspec", object_id="ir")
    assert act("resolve", ref="demo", by=CONSOLE)["version"] == 1


def test_a_process_that_vouches_for_itself_is_refused(act, vault, guarded):
    """What a local process says of its notebook is no evidence, even when a grant names it."""
    with pytest.raises(AccessDenied) as refused:
        act("resolve", ref="demo", by=Caller("local", notebook="/nb/a.ipynb"))
    assert "credmagic guard demo off" in refused.value.next_step


def test_the_light_way_in_refuses_too(guarded, home):
    from credmagic.wiring import local_client

    client = local_client()
    with pytest.raises(AccessDenied):
        client.resolve("demo")
    client.close()


def test_switching_it_off_and_on_keeps_the_grants(act, guarded):
    assert act("guard", ref="demo", on=False)["guarded"] is False
    assert act("resolve", ref="demo", by=COPY)["version"] == 1
    view = act("guard", ref="demo", on=True)
    assert [(grant["object_type"], grant["object_id"]) for grant in view["grants"]] == [("notebook", "/nb/a.ipynb")]
    assert act("show", ref="demo")["grants"] == view["grants"]


def test_a_revoked_grant_counts_at_once(act, guarded):
    act("revoke", ref="demo", object_type="notebook", object_id="/nb/a.ipynb")
    with pytest.raises(AccessDenied):
        act("resolve", ref="demo", by=HERE)
    with pytest.raises(Conflict):
        act("revoke", ref="demo", object_type="notebook", object_id="/nb/a.ipynb")


def test_a_guard_survives_every_change(act, guarded):
    act("rotate", ref="demo", fields={"password": "second-Kanari-2"})
    act("rollback", ref="demo", version=1)
    act("rename", ref="demo", new_name="other")
    act("pause", ref="other")
    act("resume", ref="other")
    assert act("show", ref="other")["guarded"] is True


def test_granting_twice_changes_nothing(act, guarded):
    before = len(act("audit", ref="demo")["events"])
    act("grant", ref="demo", object_type="notebook", object_id="/nb/a.ipynb")
    assert len(act("audit", ref="demo")["events"]) == before


@pytest.mark.parametrize("action", ["guard", "grant", "revoke"])
@pytest.mark.parametrize("caller", [HERE, BROWSER])
def test_neither_a_kernel_nor_a_page_decides(act, demo, action, caller):
    params = {"on": True} if action == "guard" else {"object_type": "notebook", "object_id": "/x"}
    with pytest.raises(AccessDenied) as refused:
        act(action, ref="demo", by=caller, **params)
    assert f"credmagic {action}" in refused.value.next_step


@pytest.mark.parametrize(
    ("object_type", "object_id", "field"),
    [("server", "x", "object_type"), ("notebook", "", "object_id"), ("notebook", "a\nb", "object_id"), ("notebook", "x" * 1025, "object_id")],
)
def test_a_grant_for_what_it_cannot_be_for_changes_nothing(act, demo, object_type, object_id, field):
    with pytest.raises(InvalidCredential) as refused:
        act("grant", ref="demo", object_type=object_type, object_id=object_id)
    assert field in refused.value.errors
    with pytest.raises(CredentialNotFound):
        act("grant", ref="demoo", object_type="notebook", object_id="/x")


@pytest.mark.parametrize(
    ("action", "params"),
    [
        ("update", {"fields": {"user": "eve"}}),
        ("rotate", {"fields": {"password": "stolen-Kanari"}}),
        ("rollback", {"version": 1}),
        ("generate", {}),
        ("begin_entry", {"kind": "basic"}),
    ],
)
@pytest.mark.parametrize("caller", [COPY, BROWSER])
def test_who_may_not_use_it_may_not_change_its_values(act, guarded, caller, action, params):
    """A new host with the stored password would send the password there."""
    with pytest.raises(AccessDenied):
        act(action, ref="demo", by=caller, **params)
    assert act("show", ref="demo")["version"] == 1


def test_who_has_a_grant_may_change_it(act, guarded):
    assert act("rotate", ref="demo", fields={"password": "second-Kanari-2"}, by=HERE)["version"] == 2


@pytest.mark.parametrize("column", ["object_ix", "credential_id", "owner_id"])
def test_a_forged_grant_does_not_open(act, vault, guarded, home, column):
    act("create", name="other", kind="basic", fields={"user": "ada", "password": "other-Kanari-1"})
    other = bytes.fromhex(act("show", ref="other")["id"])
    act("guard", ref="other", on=True)
    forged = {
        "object_ix": vault.keyset.object_index("notebook", "/nb/a-Copy1.ipynb"),
        "credential_id": other,
        "owner_id": vault.owners.team,
    }[column]
    database = sqlite3.connect(home / "data" / "credmagic.db")
    database.execute(f"UPDATE grants SET {column} = ?", (forged,))
    database.commit()
    database.close()
    name, caller = {"object_ix": ("demo", COPY), "credential_id": ("other", HERE), "owner_id": ("demo", HERE)}[column]
    with pytest.raises(SealBroken):
        act("resolve", ref=name, by=caller)


def test_the_guard_cannot_be_taken_off_with_an_editor(act, guarded, home):
    """It is inside the sealed meta; one from before the guard, put back, does not open under the new revision."""
    act("guard", ref="demo", on=False)
    database = sqlite3.connect(home / "data" / "credmagic.db")
    before = database.execute("SELECT meta FROM credentials").fetchone()
    act("guard", ref="demo", on=True)
    database.execute("UPDATE credentials SET meta = ?", before)
    database.commit()
    database.close()
    with pytest.raises(SealBroken):
        act("resolve", ref="demo", by=COPY)


def test_removing_every_grant_opens_nothing(act, vault, guarded):
    with vault.store.transaction() as transaction:
        transaction._driver.execute("DELETE FROM grants")
    with pytest.raises(AccessDenied):
        act("resolve", ref="demo", by=HERE)


def test_grants_go_with_their_credential(act, vault, guarded):
    from credmagic.store.rows import GrantRow

    act("delete", ref="demo")
    with vault.store.read() as reader:
        assert reader.find(GrantRow) == []
