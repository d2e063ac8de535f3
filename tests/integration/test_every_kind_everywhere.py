"""A credential of every kind, by form, by REST's names and by shell, into one store; a canary in each secret field."""

import base64
import json

import pytest

from credmagic import api
from credmagic.cli.main import main
from credmagic.crypto.entry import entry_info, seal_entry
from credmagic.kinds.registry import find_kind
from credmagic.server.faces import datarobot_shapes
from credmagic.testing.kind_examples import GOOD
from credmagic.testing.planting import planted
from credmagic.wiring import local_client

CASES = [(kind, number) for kind, examples in GOOD.items() for number in range(len(examples))]
MARK = "Kanari-0f1e2d3c4b5a69788796"


@pytest.fixture
def vault(home, capfd):
    """The client of a new store; at the end nothing that was printed or stored shows a secret."""
    client = local_client()
    yield client
    client.close()
    out, err = capfd.readouterr()
    files = [file.read_bytes() for file in home.rglob("*") if file.is_file()]
    assert MARK not in out + err
    assert not [data for data in files if MARK.encode() in data]


def values(kind, number):
    return planted(GOOD[kind][number], MARK)


def by_form(client, kind, fields):
    begun = client.begin_entry(kind)
    key = base64.urlsafe_b64decode(begun["public_key"] + "==")
    form = {"name": "it", "fields": fields, "verify": False}
    sealed = seal_entry(key, entry_info(begun["entry_id"], kind), json.loads(json.dumps(form)))
    text = base64.urlsafe_b64encode(sealed).decode().rstrip("=")
    return client.submit_entry(begun["entry_id"], "save", text)


def by_rest(client, kind, fields):
    cls = find_kind(kind)
    named = {cls.wire_name("datarobot", name): value for name, value in fields.items()}
    body = json.loads(json.dumps({"name": "it", "credentialType": cls.wire_kind("datarobot"), **named}))
    return client.call("create", **datarobot_shapes.creation(body))


@pytest.mark.parametrize("way", [by_form, by_rest])
@pytest.mark.parametrize(("kind", "number"), CASES)
def test_what_is_saved_is_whole_and_what_is_shown_is_masked(vault, way, kind, number):
    fields = values(kind, number)
    expected = find_kind(kind).parse(fields)

    saved = way(vault, kind, fields)

    assert (saved["kind"], saved["fields"]) == (kind, json.loads(json.dumps(expected.public())))
    assert saved["secrets"] == sorted(expected.secrets())
    shown = [saved, vault.call("show", ref="it"), vault.call("overview"), vault.call("list"), vault.call("audit")]
    assert MARK not in json.dumps(shown)
    edited = vault.call("update", ref="it", fields=fields, verify=False)
    assert (edited["fields"], edited["secrets"]) == (saved["fields"], saved["secrets"])
    if not expected.needs_exchange() and not getattr(expected, "config_id", None):
        assert vault.resolve("it")["fields"] == json.loads(json.dumps(expected.flatten()))


@pytest.mark.parametrize(("kind", "number"), CASES)
def test_a_shell_line_saves_the_same(vault, tmp_path, kind, number, capfd):
    cls, fields = find_kind(kind), values(kind, number)
    words = ["add", "it", "--kind", kind, "--no-verify"]
    for name, value in fields.items():
        text = value if isinstance(value, str) else json.dumps(value)
        if not cls.spec(name).secret:
            words.append(f"{name}={text}")
            continue
        (tmp_path / "secrets").mkdir(exist_ok=True)
        (tmp_path / "secrets" / name).write_bytes(text.encode())
        words += ["--secret", f"{name}=file:{tmp_path / 'secrets' / name}"]

    code = main(words)
    api.close()

    out, err = capfd.readouterr()
    assert (code, MARK in out + err) == (0, False), err
    shown = vault.call("show", ref="it")
    expected = cls.parse(fields)
    assert shown["fields"] == json.loads(json.dumps(expected.public()))
    assert shown["secrets"] == sorted(expected.secrets())
