"""X10: a form sealed in the browser opens once, here, for what it was begun for; anything else is one refusal."""

import base64
import json

import pytest

from credmagic.crypto.entry import entry_info, seal_entry
from credmagic.errors import InvalidCredential
from credmagic.vault.audit import Caller
from credmagic.vault.entries import LIFE, PENDING, Entries

KERNEL = Caller("kernel", kernel_id="k1", notebook="work/a.ipynb")
FORM = {"name": "demo", "fields": {"user": "ada", "password": "Kanari-1234567"}}


def b64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def seal(begun, form, kind="basic", entry_id=None, key=None):
    public = base64.urlsafe_b64decode((key or begun["public_key"]) + "==")
    return b64(seal_entry(public, entry_info(entry_id or begun["entry_id"], kind), form))


def test_a_sealed_form_saves_and_attaches(act):
    begun = act("begin_entry", kind="basic", by=KERNEL)
    saved = act("submit_entry", by=KERNEL, entry_id=begun["entry_id"], purpose="save",
                sealed=seal(begun, {**FORM, "attach": True}))  # fmt: skip
    assert saved["name"] == "demo"
    assert act("resolve", ref="demo", by=KERNEL)["fields"]["password"] == "Kanari-1234567"
    assert act("uses", ref="demo")["total"] == 1


def test_verify_stores_nothing(act):
    begun = act("begin_entry", kind="basic", by=KERNEL)
    result = act("submit_entry", by=KERNEL, entry_id=begun["entry_id"], purpose="verify", sealed=seal(begun, FORM))
    assert result["outcome"] == "unverifiable"
    assert act("list", count=True)["total"] == 0


def test_an_edit_changes_only_what_the_form_holds(act):
    act("create", **FORM, kind="basic")
    begun = act("begin_entry", kind="basic", ref="demo", by=KERNEL)
    sealed = seal(begun, {"name": "demo", "fields": {"user": "bob"}})
    act("submit_entry", by=KERNEL, entry_id=begun["entry_id"], purpose="save", sealed=sealed)
    assert act("resolve", ref="demo")["fields"] == {"user": "bob", "password": "Kanari-1234567"}


def test_a_key_opens_once(act):
    """The second time is no failure of the server (5xx): what was sent is at fault."""
    begun = act("begin_entry", kind="basic", by=KERNEL)
    params = {"entry_id": begun["entry_id"], "purpose": "save", "sealed": seal(begun, {**FORM, "fields": {}})}
    with pytest.raises(InvalidCredential) as first:
        act("submit_entry", by=KERNEL, **params)
    assert "user" in first.value.errors

    with pytest.raises(InvalidCredential, match="did not open") as second:
        act("submit_entry", by=KERNEL, **params)
    assert second.value.http_status == 422


def test_every_way_of_tampering_is_the_same_refusal(act):
    refusals = set()

    def refused(caller=KERNEL, **how):
        begun = act("begin_entry", kind="basic", by=KERNEL)
        given = how.pop("given", None)
        sealed = given(begun) if given else seal(begun, FORM, **how)
        with pytest.raises(InvalidCredential, match="did not open") as error:
            act("submit_entry", by=caller, entry_id=begun["entry_id"], purpose="save", sealed=sealed)
        refusals.add(json.dumps(error.value.to_json(), sort_keys=True))

    refused(kind="bearer")
    refused(entry_id="AAAAAAAAAAAAAAAAAAAAAA")
    refused(key=act("begin_entry", kind="basic", by=KERNEL)["public_key"])
    refused(caller=Caller("kernel", kernel_id="k2"))
    refused(given=lambda begun: "")
    refused(given=lambda begun: "not base64 at all!")
    for cut in range(1, 200, 3):
        refused(given=lambda begun, cut=cut: b64(base64.urlsafe_b64decode(seal(begun, FORM) + "==")[:-cut]))
    for bit in range(120):
        refused(given=lambda begun, bit=bit: b64(flipped(seal(begun, FORM), bit)))
    assert len(refusals) == 1
    assert act("list", count=True)["total"] == 0


def flipped(sealed, position):
    data = bytearray(base64.urlsafe_b64decode(sealed + "=="))
    data[position % len(data)] ^= 1 << (position % 8)
    return bytes(data)


def test_a_form_with_unknown_parts_is_refused(act):
    begun = act("begin_entry", kind="basic", by=KERNEL)
    with pytest.raises(InvalidCredential):
        act(
            "submit_entry",
            by=KERNEL,
            entry_id=begun["entry_id"],
            purpose="save",
            sealed=seal(begun, {**FORM, "force": True}),
        )


def test_keys_expire_and_only_the_newest_are_kept():
    time = [0.0]
    entries = Entries(clock=lambda: time[0])
    first = entries.begin("basic", None, "k1")
    late = entries.begin("basic", None, "k2")
    for _ in range(PENDING):
        entries.begin("basic", None, "k1")
    with pytest.raises(InvalidCredential, match="did not open"):
        entries.open(first["entry_id"], seal(first, FORM), "k1")
    time[0] = LIFE
    with pytest.raises(InvalidCredential, match="did not open"):
        entries.open(late["entry_id"], seal(late, FORM), "k2")
