"""Next steps that lead on: they name what exists, can be copied as they are, and do not go in circles."""

import time

import pytest

from credmagic.errors import CredentialNotFound, CredmagicError, InvalidCredential, NotUsable


@pytest.fixture
def demo(act):
    def make(name="demo", **more):
        return act("create", name=name, kind="basic", fields={"user": "ada", "password": "Kanari-1234567"}, **more)

    return make


def refused_use(act, ref="demo", **more):
    with pytest.raises((CredentialNotFound, NotUsable)) as refused:
        act("resolve", ref=ref, **more)
    return refused.value


def test_an_expired_credential_is_usable_again_with_new_values_and_a_new_date(act, demo):
    demo(expires_at="2020-01-31")
    assert "--expires" in refused_use(act).next_step

    act("rotate", ref="demo", fields={"password": "Kanari-7654321"}, expires_at="2090-01-31")

    assert act("resolve", ref="demo")["fields"]["password"] == "Kanari-7654321"


def test_edited_values_alone_do_not_revive_it_and_say_so(act, demo):
    demo(expires_at="2020-01-31")
    rotated = act("update", ref="demo", fields={"password": "Kanari-7654321"})

    assert refused_use(act).code == "expired"
    assert [line for line in rotated["warnings"] if "2020-01-31" in line and "--expires" in line]


def test_a_name_that_lives_in_another_environment_is_found_there(act, demo):
    demo(environment="live")
    demo(name="demos")

    said = refused_use(act, environment="draft").next_step
    assert "It exists in live: add --env live" in said
    assert "Did you mean demo" not in said


@pytest.mark.parametrize(
    ("meanwhile", "action", "params", "command"),
    [
        ({"action": "pause"}, "resolve", {}, "%cred resume"),
        ({"action": "update", "expires_at": "2020-01-31"}, "resolve", {}, "%cred rotate"),
        ({"action": "attach"}, "delete", {}, "%cred rm"),
        ({"action": "show"}, "rollback", {"version": 9}, "%cred versions"),
        ({"action": "show"}, "rollback", {"version": 1}, "%cred versions"),
        ({"action": "pause"}, "generate", {}, "%cred resume"),
        ({"action": "show"}, "resolve", {"kind": "s3"}, "%cred use"),
    ],
)
def test_a_next_step_finds_the_credential_from_any_environment(act, demo, meanwhile, action, params, command):
    where = {"ref": "my shop", "environment": "live"}
    demo("my shop", environment="live")
    act(meanwhile["action"], **where, **{name: value for name, value in meanwhile.items() if name != "action"})

    with pytest.raises(CredmagicError) as refused:
        act(action, **where, **params)

    assert f"{command} 'my shop' --env live" in refused.value.next_step


def test_the_log_of_a_name_is_that_of_the_environment_that_was_asked_for(act, demo):
    demo(environment="live")
    made = demo(environment="draft")

    assert {event["object_id"] for event in act("audit", ref="demo", environment="draft")["events"]} == {made["id"]}
    assert act("audit", ref="demo", environment="live")["events"][0]["object_id"] != made["id"]


@pytest.mark.parametrize(("name", "shown"), [("my shop", "'my shop'"), ("a'b", "'a'\"'\"'b'"), ("shop-1", "shop-1")])
def test_a_name_stands_in_a_next_step_as_one_word(act, demo, name, shown):
    from credmagic.magics.words import words

    said = refused_use(act, ref=name).next_step
    assert said.endswith(f"%cred new KIND {shown}")
    assert words(said)[-1].text == name


def test_an_environment_that_cannot_exist_is_not_entered(home):
    from credmagic.cli.door import Door
    from credmagic.cli.tree import run

    with pytest.raises(InvalidCredential):
        run(["environment", "bad env!"], Door())


@pytest.mark.parametrize("action", ["show", "resolve", "why", "machine_pause", "connection", "create"])
def test_a_name_that_is_far_too_long_is_neither_repeated_nor_compared_for_long(act, action: str) -> None:
    """A million characters: messages keep the beginning, and looking for what is like it takes no time."""
    act("machine_add", id="x" * 128, name="m", password="long-enough-1")
    long = "x" * 1_000_000
    params = {"connection": {"app_id": long}, "create": {"kind": long, "fields": {}}}.get(action, {"ref": long})

    began = time.monotonic()
    try:
        said = repr(act(action, **params))
    except CredmagicError as error:
        said = repr(error.to_json())

    assert len(said) < 2_000
    assert time.monotonic() - began < 5
