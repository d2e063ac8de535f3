"""A generated value comes back once, to the page that asked, sealed to its key."""

import base64

import pytest

from credmagic.crypto.entry import new_entry_key, open_entry, reveal_info
from credmagic.errors import InvalidCredential, NotFound, SealBroken
from credmagic.vault.audit import Caller
from credmagic.vault.reveals import LIFE, PENDING, Reveals

KERNEL = Caller("kernel", kernel_id="k1", notebook="/nb/a.ipynb")
OTHER = Caller("kernel", kernel_id="k2", notebook="/nb/b.ipynb")


def b64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def opened(private, reveal_id, sealed):
    return open_entry(private, base64.urlsafe_b64decode(sealed + "=="), reveal_info(reveal_id))


@pytest.fixture
def page():
    private, public = new_entry_key()
    return private, b64(public)


@pytest.fixture
def offered(act):
    act("create", name="demo", kind="basic", fields={"user": "ada", "password": "first-Kanari-1"})
    return act("generate", ref="demo", by=KERNEL)["reveal_id"]


def test_what_was_generated_opens_in_the_page_that_asked(act, offered, page):
    private, public = page
    sealed = act("reveal", reveal_id=offered, public_key=public, by=KERNEL)["sealed"]
    made = act("resolve", ref="demo")["fields"]["password"]

    assert opened(private, offered, sealed) == {"password": made}
    assert [event["action"] for event in act("audit", ref="demo")["events"][:2]] == ["use", "reveal"]


def test_it_is_shown_once(act, offered, page):
    act("reveal", reveal_id=offered, public_key=page[1], by=KERNEL)
    with pytest.raises(NotFound) as gone:
        act("reveal", reveal_id=offered, public_key=page[1], by=KERNEL)
    assert "%cred rotate" in gone.value.next_step


def test_another_kernel_gets_nothing_and_takes_nothing_away(act, offered, page):
    with pytest.raises(NotFound):
        act("reveal", reveal_id=offered, public_key=page[1], by=OTHER)
    assert act("audit")["events"][0]["outcome"] == "denied"
    assert act("reveal", reveal_id=offered, public_key=page[1], by=KERNEL)["sealed"]


def test_a_sealed_value_opens_for_no_other_offer(act, offered, page):
    sealed = act("reveal", reveal_id=offered, public_key=page[1], by=KERNEL)["sealed"]
    with pytest.raises(SealBroken):
        opened(page[0], "another", sealed)


@pytest.mark.parametrize("key", ["", "AAAA", "ß", "B" * 87])
def test_what_is_no_key_is_refused_and_uses_the_offer_up(act, offered, page, key):
    with pytest.raises(InvalidCredential):
        act("reveal", reveal_id=offered, public_key=key, by=KERNEL)
    with pytest.raises(NotFound):
        act("reveal", reveal_id=offered, public_key=page[1], by=KERNEL)


def test_offers_run_out_are_few_and_end_with_their_kernel(page):
    clock = [0.0]
    reveals = Reveals(lambda: clock[0])
    first = reveals.offer({"a": "b"}, "k")["reveal_id"]
    clock[0] = LIFE
    with pytest.raises(NotFound):
        reveals.take(first, page[1], "k")

    oldest, *_, newest = [reveals.offer({"a": "b"}, "k")["reveal_id"] for _ in range(PENDING + 1)]
    with pytest.raises(NotFound):
        reveals.take(oldest, page[1], "k")
    reveals.forget("k")
    with pytest.raises(NotFound):
        reveals.take(newest, page[1], "k")


def test_an_offer_prints_without_its_value():
    reveals = Reveals()
    reveals.offer({"password": "Kanari-1234567"}, "k")
    assert "Kanari" not in repr(reveals._offers)
