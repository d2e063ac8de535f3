"""Do prompts ask for the same fields as the form, keep secrets off the screen, and lose nothing at a refusal?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from credmagic import forms
from credmagic.errors import CredmagicError, UnknownKind

Answers = Callable[..., None]


@pytest.fixture
def client(home: Path) -> Iterator[Any]:
    from credmagic.wiring import local_client

    made = local_client()
    yield made
    made.close()


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """`answers({"User": "ada"}, secret={"Password": "…"})`: what the person answers; a list answers in turn."""

    def given(public: dict[str, Any], secret: dict[str, Any] | None = None) -> None:
        def reply(table: dict[str, Any], prompt: str) -> str:
            key = max((title for title in table if prompt.startswith(title)), key=len, default="")
            answer = table.get(key, "")
            if isinstance(answer, list):
                return str(answer.pop(0)) if answer else ""
            if isinstance(answer, type):
                raise answer
            return str(answer)

        monkeypatch.setattr("builtins.input", lambda prompt="": reply(public, prompt))
        monkeypatch.setattr("getpass.getpass", lambda prompt="": reply(secret or {}, prompt))

    return given


def test_a_credential_is_made_by_prompts(client: Any, answers: Answers, canary: str, capsys: Any) -> None:
    answers({"User": "ada"}, {"Password": canary})

    view = forms.new(client, "basic", "api-login", environment="draft")

    assert view is not None
    assert (view["name"], view["environment"], view["fields"]["user"]) == ("api-login", "draft", "ada")
    assert client.resolve("api-login")["fields"]["password"] == canary
    assert canary not in "".join(capsys.readouterr())


def test_without_kind_and_name_both_are_asked(client: Any, answers: Answers) -> None:
    titles = [kind["title"] for kind in client.call("kinds")["kinds"]]
    answers(
        {"Kind": ["0", "x", str(titles.index("Bearer token") + 1)], "Name": "tok"},
        {"Token": "geheim-geheim"},
    )

    view = forms.new(client)

    assert view is not None
    assert (view["name"], view["kind"]) == ("tok", "bearer")


def test_a_refusal_asks_only_for_the_fields_it_names(client: Any, answers: Answers) -> None:
    """The password is asked once: what was right is not lost."""
    answers(
        {"Dialect": "postgresql", "Host": "127.0.0.1", "Port": ["many", "1"], "User": "ada", "Save without": "y"},
        {"Password": ["geheim-geheim"]},
    )

    view = forms.new(client, "database", "warehouse")

    assert view is not None
    assert view["fields"]["port"] == 1
    assert client.resolve("warehouse")["fields"]["password"] == "geheim-geheim"


def test_a_taken_name_asks_for_another(client: Any, answers: Answers) -> None:
    client.call("create", name="taken", kind="bearer", fields={"token": "geheim-geheim"})
    answers({"Name": "free"}, {"Token": "geheim-geheim"})

    view = forms.new(client, "bearer", "taken")

    assert view is not None
    assert view["name"] == "free"


def test_no_name_takes_the_one_that_is_proposed(client: Any, answers: Answers, canary: str) -> None:
    answers({"Name": "", "User": "ada"}, {"Password": canary})

    view = forms.new(client, "basic")

    assert view is not None
    assert view["name"] == "basic-1"


def test_a_required_answer_is_insisted_on(client: Any, answers: Answers, capsys: Any) -> None:
    answers({"User": ["", "ada"]}, {"Password": ["", "geheim-geheim"]})

    forms.new(client, "basic", "b")

    assert capsys.readouterr().out.count("is required.") == 2


@pytest.mark.parametrize("stop", [KeyboardInterrupt, EOFError])
def test_stopping_saves_nothing(client: Any, answers: Answers, stop: type[BaseException]) -> None:
    answers({"User": stop})

    assert forms.new(client, "basic", "b") is None
    assert client.call("list")["credentials"] == []


def test_a_long_secret_is_read_from_a_file_as_it_is(client: Any, answers: Answers, tmp_path: Path) -> None:
    key = tmp_path / "id_ed25519"
    pem = (Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    text = Ed25519PrivateKey.generate().private_bytes(*pem).decode() + "\t \n"
    key.write_bytes(text.encode())
    answers({"Private key": [str(tmp_path / "absent"), str(key)]})

    forms.new(client, "ssh_key", "deploy")

    assert client.resolve("deploy")["fields"]["private_key"] == text


def test_entries_of_a_map_are_asked_in_pairs(client: Any, answers: Answers) -> None:
    answers({"Key": ["A", "B", ""]}, {"Value": ["wert eins", "wert zwei"]})

    forms.new(client, "key_value", "settings")

    fields = client.resolve("settings")["fields"]
    assert (fields["A"], fields["B"]) == ("wert eins", "wert zwei")


def test_more_fields_are_asked_on_request(client: Any, answers: Answers) -> None:
    answers(
        {"User": "ada", "More": "y", "Description": "of the press", "Tags": "a, b", "Expires": "2031-01-31"},
        {"Password": "geheim-geheim"},
    )

    view = forms.new(client, "basic", "b")

    assert view is not None
    assert (view["description"], view["tags"], view["expires_at"][:10]) == ("of the press", ["a", "b"], "2031-01-31")


def test_an_edit_keeps_what_gets_no_answer_and_clears_a_dash(client: Any, answers: Answers) -> None:
    fields = {"user": "ada", "password": "geheim-geheim", "url": "http://127.0.0.1:9/"}
    client.call("create", name="b", kind="basic", fields=fields, verify=False)
    answers({"User": "grace", "URL": "-"})

    forms.edit(client, "b")

    stored = client.resolve("b")["fields"]
    assert stored["password"] == "geheim-geheim"
    assert stored["user"] == "grace"
    assert not stored.get("url")


def test_a_stored_secret_is_not_shown_in_an_edit(client: Any, answers: Answers, canary: str, capsys: Any) -> None:
    client.call("create", name="b", kind="bearer", fields={"token": canary})
    answers({}, {})

    forms.edit(client, "b")

    assert canary not in "".join(capsys.readouterr())


def test_a_choice_is_bound_by_number(client: Any, answers: Answers, capsys: Any) -> None:
    for name in ("one", "two"):
        client.call("create", name=name, kind="bearer", fields={"token": "geheim-geheim"})
    bound = []
    answers({"Credential": "2"})

    view = forms.select(client, "bearer", variable="tok", bind=lambda *given: bound.append(given))

    assert view is not None
    assert bound == [("tok", view["id"])]
    assert f"tok = %cred use {view['name']}" in capsys.readouterr().out


def test_nothing_to_choose_names_the_command(client: Any, capsys: Any) -> None:
    assert forms.select(client, "s3") is None
    assert "%cred new s3" in capsys.readouterr().out


def test_an_unknown_kind_is_refused_before_anything_is_asked(client: Any) -> None:
    with pytest.raises(UnknownKind):
        forms.new(client, "databse")


def test_an_error_that_no_answer_can_help_is_raised(client: Any, answers: Answers) -> None:
    answers({"User": "ada", "Name": "b"}, {"Password": "geheim-geheim"})

    with pytest.raises(CredmagicError):
        forms.new(client, "basic", "b", environment="x" * 500)
