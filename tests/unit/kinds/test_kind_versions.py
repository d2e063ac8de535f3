"""A kind whose fields changed opens what its earlier versions stored."""

from typing import ClassVar

import pytest

from credmagic import wiring
from credmagic.errors import InvalidCredential
from credmagic.kinds import registry
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.fields import field, secret
from credmagic.values import SecretStr


class First(CredentialKind):
    """As it was."""

    kind: ClassVar[str] = "changing"
    title: ClassVar[str] = "Changing"

    login: str = field("Login")
    secret_text: SecretStr = secret("Secret")


class Second(CredentialKind):
    """`login` is called `user` now, and there is an address."""

    kind: ClassVar[str] = "changing"
    title: ClassVar[str] = "Changing"
    version: ClassVar[int] = 2

    user: str = field("User", env=("NAME_USER",))
    secret_text: SecretStr = secret("Secret")
    url: str = field("URL", type="url", default="https://example.org")

    @classmethod
    def migrate(cls, version, values):
        return {"user" if name == "login" else name: value for name, value in values.items()}


def test_old_values_are_read_by_todays_names():
    old = First.parse({"login": "ada", "secret_text": "s3cr3t-1"})
    new = Second.parse_stored(1, old.public(), old.secrets())

    assert (new.user, new.secret_text, new.url) == ("ada", "s3cr3t-1", "https://example.org")


def test_values_of_a_newer_version_are_refused_with_the_way_out():
    with pytest.raises(InvalidCredential, match=r"Upgrade") as caught:
        First.parse_stored(2, {"user": "ada"}, {"secret_text": "s3cr3t-1"})

    assert "s3cr3t-1" not in str(caught.value)


@pytest.fixture
def upgraded(home, monkeypatch):
    """A client over a store that holds a credential of version 1, when version 2 of the kind is installed."""
    found = {"changing": First}
    monkeypatch.setattr(registry, "_found", found)
    client = wiring.local_client()
    client.call("create", name="it", kind="changing", fields={"login": "ada", "secret_text": "s3cr3t-1"}, verify=False)
    found["changing"] = Second
    yield client
    client.close()


def test_a_store_hands_out_old_credentials_as_todays(upgraded):
    resolved = upgraded.call("resolve", ref="it", kind="changing")

    assert resolved["fields"] == {"user": "ada", "secret_text": "s3cr3t-1", "url": "https://example.org"}
    assert resolved["kind_version"] == 2
    assert resolved["environ"] == {"IT_USER": "ada"}


def test_the_way_without_the_class_keeps_what_is_stored_and_says_its_version(upgraded):
    resolved = upgraded.resolve("it")

    assert resolved["kind_version"] == 1
    assert resolved["fields"]["login"] == "ada"


def test_a_change_stores_it_in_todays_form(upgraded):
    upgraded.call("rotate", ref="it", fields={"secret_text": "s3cr3t-2"}, verify=False)

    assert upgraded.resolve("it")["fields"] == {"user": "ada", "secret_text": "s3cr3t-2", "url": "https://example.org"}
