"""What a credential is attached to, defaults, late injection, and the log of uses."""

import pytest

from credmagic.errors import Conflict, CredentialNotFound, InvalidCredential
from credmagic.vault.audit import Caller

HERE = Caller("kernel", kernel_id="k1", notebook="work/a.ipynb")
ELSEWHERE = Caller("kernel", kernel_id="k2", notebook="work/b.ipynb")
NOWHERE = Caller("local")


@pytest.fixture
def two(act):
    for name in ("one", "two"):
        act("create", name=name, kind="basic", fields={"user": "ada", "password": f"Kanari-{name}-1"})


def test_attach_without_an_object_means_this_notebook(act, two):
    assert act("attach", ref="one", by=HERE)["object_id"] == "work/a.ipynb"
    assert [a["object_id"] for a in act("uses", ref="one")["associations"]] == ["work/a.ipynb"]


def test_a_session_without_a_notebook_must_name_the_object(act, two):
    with pytest.raises(InvalidCredential) as refused:
        act("attach", ref="one", by=NOWHERE)
    assert "%cred attach NAME notebook PATH" in refused.value.next_step
    act("attach", ref="one", by=NOWHERE, object_type="kernelspec", object_id="python3")


def test_an_object_has_at_most_one_default_of_a_kind(act, two):
    act("attach", ref="one", by=HERE, default=True)
    act("attach", ref="two", by=HERE, default=True)
    shown = act("associated", object_type="notebook", object_id="work/a.ipynb", order="-isDefault")
    assert [(row["name"], row["is_default"]) for row in shown["associated"]] == [("two", True), ("one", False)]


def test_use_by_kind_takes_this_notebooks_default_and_no_other(act, two):
    act("attach", ref="two", by=HERE, default=True)
    assert act("resolve", kind="basic", by=HERE)["name"] == "two"
    with pytest.raises(CredentialNotFound) as refused:
        act("resolve", kind="basic", by=ELSEWHERE)
    assert "%cred select basic" in refused.value.next_step


def test_attaching_again_changes_how_and_adds_no_row(act, two):
    act("attach", ref="one", by=HERE)
    act("attach", ref="one", by=HERE, inject="export", default=True)
    uses = act("uses", ref="one")
    assert uses["total"] == 1
    assert (uses["associations"][0]["inject"], uses["associations"][0]["is_default"]) == ("export", True)


def test_detaching_what_is_not_attached_is_a_conflict(act, two):
    with pytest.raises(Conflict):
        act("detach", ref="one", by=HERE)
    act("attach", ref="one", by=HERE)
    assert act("detach", ref="one", by=HERE)["detached"]["object_id"] == "work/a.ipynb"
    assert act("uses", ref="one")["total"] == 0


def test_only_this_notebooks_injections_are_handed_out(act, two):
    act("attach", ref="one", by=HERE, inject="export")
    act("attach", ref="two", by=HERE)
    found = act("injections", by=HERE)["injections"]
    assert [(one["inject"], one["resolved"]["name"]) for one in found] == [("export", "one")]
    assert act("injections", by=ELSEWHERE)["injections"] == []
    assert act("injections", by=NOWHERE)["injections"] == []


def test_every_use_is_listed_with_the_notebook_it_came_from(act, two):
    act("attach", ref="one", by=HERE)
    act("resolve", ref="one", by=HERE)
    recent = act("uses", ref="one")["recent"]
    assert [(use["notebook"], use["plane"]) for use in recent] == [("work/a.ipynb", "kernel")]
    assert act("show", ref="one")["last_used_at"] is not None
    assert act("show", ref="two")["last_used_at"] is None


def test_why_shows_every_step_and_who_won(act, two):
    act("create", name="one", kind="bearer", fields={"token": "Kanari-live-1"}, environment="live")
    steps = act("why", ref="one", environment="live")
    assert [step["found"] for step in steps["steps"]] == [True, False, True, False]
    assert steps["winner"]["kind"] == "bearer"
    assert steps["steps"][2]["note"] == "shadowed by the one above"
