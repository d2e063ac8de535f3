"""Where is it used: attached, used by notebooks, injected into running kernels; and what that protects."""

import json

import pytest

from credmagic.errors import AccessDenied, Conflict, CredentialInUse, CredentialNotFound, InvalidCredential, SealBroken
from credmagic.store.rows import UsageRow
from credmagic.vault.audit import Caller

A = Caller("kernel", kernel_id="k1", notebook="/nb/a.ipynb", kernelspec="python3")
B = Caller("kernel", kernel_id="k2", notebook="/nb/b.ipynb", kernelspec="python3")


@pytest.fixture
def demo(act):
    return act("create", name="demo", kind="basic", fields={"user": "ada", "password": "first-Kanari-1"})


@pytest.fixture
def other(act):
    return act("create", name="other", kind="basic", fields={"user": "ada", "password": "other-Kanari-1"})


def usage_rows(vault):
    with vault.store.read() as reader:
        return reader.find(UsageRow)


# ── usages ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_use_in_a_notebook_is_a_usage_and_no_association(act, demo):
    for caller in (A, A, A, B, Caller("local")):
        act("resolve", ref="demo", by=caller)
    found = act("uses", ref="demo")

    assert [(one["object_id"], one["count"]) for one in found["usages"]] == [("/nb/a.ipynb", 3), ("/nb/b.ipynb", 1)]
    assert all(one["first_at"] <= one["last_at"] for one in found["usages"])
    assert (found["total"], found["counted_all"], len(found["recent"])) == (0, True, 5)
    assert act("delete", ref="demo")["deleted"]["name"] == "demo"


def test_the_row_is_made_at_the_first_use_only_also_by_another_process(act, vault, demo):
    for _ in range(3):
        act("resolve", ref="demo", by=A)
        vault.resolver._seen.clear()  # as a process that starts anew
    assert len(usage_rows(vault)) == 1


def test_a_refused_use_is_no_usage(act, vault, demo):
    act("pause", ref="demo")
    with pytest.raises(Exception, match="paused"):
        act("resolve", ref="demo", by=A)
    assert usage_rows(vault) == []
    act("resume", ref="demo")
    act("resolve", ref="demo", by=A)
    act("pause", ref="demo")
    with pytest.raises(Exception, match="paused"):
        act("resolve", ref="demo", by=A)
    assert [one["count"] for one in act("uses", ref="demo")["usages"]] == [1]


def test_after_the_first_use_nothing_more_is_written_than_the_log(act, vault, demo, monkeypatch):
    written = []
    port = vault.resolver.port
    append = port.append_audit
    monkeypatch.setattr(port, "append_audit", lambda build, usage=None: written.append(usage) or append(build, usage))
    for _ in range(3):
        act("resolve", ref="demo", by=A)
    assert [usage is not None for usage in written] == [True, False, False]


def test_the_database_does_not_say_which_notebook_it_was(act, vault, demo, home):
    act("resolve", ref="demo", by=A)
    for path in (home / "data").iterdir():
        assert b"a.ipynb" not in path.read_bytes()


def test_a_usage_that_was_moved_to_another_credential_does_not_open(act, vault, demo, other):
    act("resolve", ref="demo", by=A)
    with vault.store.transaction() as transaction:
        transaction._driver.execute("UPDATE usages SET credential_id = ?", (bytes.fromhex(other["id"]),))
    with pytest.raises(SealBroken):
        act("uses", ref="other")


def test_the_same_notebook_uses_two_credentials(act, demo, other):
    act("resolve", ref="demo", by=A)
    act("resolve", ref="other", by=A)
    assert [len(act("uses", ref=name)["usages"]) for name in ("demo", "other")] == [1, 1]


# ── both ways, in pages ──────────────────────────────────────────────────────────────────────────────────────
def test_any_typed_object_is_listed_from_both_sides_in_pages(act, demo, other):
    for number in range(5):
        act("attach", ref="demo", object_type="batch_job", object_id=f"job-{number}")
    act("attach", ref="demo", object_type="a_type", object_id="x")
    act("attach", ref="other", object_type="batch_job", object_id="job-0", default=True)

    def page(**how):
        return [one["object_id"] for one in act("uses", ref="demo", **how)["associations"]]

    assert page(limit=2, offset=1) == ["job-1", "job-2"]
    assert page(order="-createdAt", limit=1) == ["x"]
    assert page(order="type")[0] == "x"
    assert page(types=["a_type"]) == ["x"]

    def there(**how):
        found = act("associated", object_type="batch_job", object_id="job-0", **how)
        return [one["name"] for one in found["associated"]], found["total"]

    assert there() == (["demo", "other"], 2)
    assert there(order="-isDefault") == (["other", "demo"], 2)
    assert there(order="-name", limit=1) == (["other"], 2)
    assert there(order="name", offset=1) == (["other"], 2)
    assert there(order="-createdAt") == (["other", "demo"], 2)


@pytest.mark.parametrize(("how", "field"), [({"limit": 0}, "limit"), ({"offset": -1}, "offset"), ({"order": "size"}, "order")])
def test_a_page_that_cannot_be_is_refused(act, demo, how, field):
    for action, params in (("uses", {"ref": "demo"}), ("associated", {"object_type": "batch_job", "object_id": "x"})):
        with pytest.raises(InvalidCredential) as refused:
            act(action, **params, **how)
        assert field in refused.value.errors


def test_an_object_without_an_id_is_the_callers_own(act, demo):
    act("attach", ref="demo", by=A)
    act("attach", ref="demo", by=A, object_type="kernelspec", default=True)
    assert act("associated", by=A)["object_id"] == "/nb/a.ipynb"
    assert act("associated", by=B, object_type="kernelspec")["total"] == 1
    with pytest.raises(InvalidCredential) as refused:
        act("associated", by=Caller("local"), object_type="kernelspec")
    assert "kernelspec python3" in refused.value.next_step


def test_a_kernelspecs_default_serves_where_the_notebook_has_none(act, demo, other):
    act("attach", ref="demo", by=A, object_type="kernelspec", default=True)
    assert act("resolve", kind="basic", by=B)["name"] == "demo"
    act("attach", ref="other", by=B, default=True)
    assert act("resolve", kind="basic", by=B)["name"] == "other"
    with pytest.raises(CredentialNotFound):
        act("resolve", kind="basic", by=Caller("local"))


def test_a_second_default_takes_the_firsts_place_and_says_so(act, demo, other):
    assert act("attach", ref="demo", by=A, default=True)["replaced"] is None
    made = act("attach", ref="other", by=A, default=True)
    again = act("attach", ref="other", by=A, default=True)

    assert (made["replaced"], made["changed"]) == ("demo", False)
    assert (again["replaced"], again["changed"]) == (None, True)
    assert act("uses", ref="other")["total"] == 1


def test_an_unknown_way_of_handing_over_is_refused_and_nothing_attached(act, demo):
    with pytest.raises(InvalidCredential) as refused:
        act("attach", ref="demo", by=A, inject="telepathy")
    assert "export" in refused.value.errors["inject"]
    assert act("uses", ref="demo")["total"] == 0


# ── running kernels ──────────────────────────────────────────────────────────────────────────────────────────
def test_what_a_running_kernel_has_injected_is_not_deleted(act, vault, demo):
    act("note_injected", ref=demo["id"], by=A)
    with pytest.raises(CredentialInUse) as refused:
        act("delete", ref="demo")
    assert "/nb/a.ipynb" in refused.value.message
    assert "--force" in refused.value.next_step
    assert refused.value.details["injected"] == ["/nb/a.ipynb"]

    vault.forget_kernel("k1")
    assert act("delete", ref="demo")["deleted"]["name"] == "demo"


def test_what_was_taken_back_is_not_held(act, demo):
    act("note_injected", ref="demo", by=A)
    act("note_injected", ref="demo", by=B)
    assert act("uses", ref="demo")["injected"] == ["/nb/a.ipynb", "/nb/b.ipynb"]
    assert act("pause", ref="demo")["injected"] == ["/nb/a.ipynb", "/nb/b.ipynb"]
    act("note_injected", ref="demo", by=A, held=False)
    assert act("uses", ref="demo")["injected"] == ["/nb/b.ipynb"]


def test_late_injection_is_noted_and_force_is_audited(act, demo):
    act("attach", ref="demo", by=A, inject="export")
    assert [one["inject"] for one in act("injections", by=A)["injections"]] == ["export"]
    with pytest.raises(CredentialInUse) as refused:
        act("delete", ref="demo")
    assert "is attached to notebook /nb/a.ipynb and is injected into" in refused.value.message

    act("delete", ref="demo", force=True)
    event = act("audit")["events"][0]
    assert (event["action"], event["reason"]) == ("credential.delete", "forced")


def test_one_that_does_not_resolve_keeps_no_other_from_being_injected(act, demo, other):
    for name in ("demo", "other"):
        act("attach", ref=name, by=A, inject="export")
    act("pause", ref="demo")
    found = act("injections", by=A)

    assert [one["resolved"]["name"] for one in found["injections"]] == ["other"]
    assert [one["error"]["code"] for one in found["refused"]] == ["paused"]
    assert "Kanari" not in json.dumps(found["refused"])


def test_a_kernelspecs_attachments_are_injected_in_its_kernels(act, demo):
    act("attach", ref="demo", by=A, object_type="kernelspec", inject="export")
    assert [one["resolved"]["name"] for one in act("injections", by=B)["injections"]] == ["demo"]


def test_a_guarded_credential_is_injected_only_with_a_grant(act, demo):
    act("attach", ref="demo", by=A, inject="export")
    act("guard", ref="demo", on=True)
    found = act("injections", by=A)
    assert (found["injections"], found["refused"][0]["error"]["code"]) == ([], "denied")


def test_detaching_twice_is_a_conflict_that_says_where_to_look(act, demo):
    act("attach", ref="demo", by=A)
    act("detach", ref="demo", by=A)
    with pytest.raises(Conflict) as refused:
        act("detach", ref="demo", by=A)
    assert "%cred uses demo" in refused.value.next_step


def test_a_socket_may_not_run_what_a_terminal_decides(act, demo):
    for action in ("guard", "protect", "recovery_key"):
        with pytest.raises(AccessDenied):
            act(action, by=A)
