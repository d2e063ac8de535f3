"""A credential of every kind, as notebooks hold it: whole again, masked in every form."""

import json
from datetime import UTC, datetime

import pytest

from credmagic.client.credential import Credential
from credmagic.errors import CredmagicError
from credmagic.kinds.base import Released, environ_of, variable
from credmagic.kinds.registry import find_kind
from credmagic.testing.kind_examples import GOOD
from credmagic.testing.planting import planted
from credmagic.values import SecretStr, Token

SECRET = "Kanari:7 7ab12/+&@%"  # needs escaping in URLs
TOKEN = Token(
    SecretStr(SECRET), datetime(2099, 1, 1, tzinfo=UTC), {"aws_access_key_id": "ASIA1", "aws_session_token": SECRET}
)
CASES = [(kind, number) for kind, examples in GOOD.items() for number in range(len(examples))]


def handed_over(kind, number):
    """What leaves the vault, for a credential called it, and the credential made of it after it went over a wire."""
    model = find_kind(kind).parse(planted(GOOD[kind][number], SECRET))
    released = Released(model.flatten(), model.secret_keys(), model.environ("it"), model.files("it"))
    if model.needs_exchange():
        released = model.released(TOKEN)
        files = {variable(name, "it"): content for name, content in released.files.items()}
        released = Released(released.fields, released.secret, environ_of(released, "it"), files)
    sent = json.loads(json.dumps({"fields": released.fields, "secret": released.secret}))
    about = {"id": "c1", "name": "it", "kind": kind, "kind_version": 1, "version": 1, "environment": "", "expires_at": None}
    return released, Credential.from_resolved({**about, **sent})


@pytest.mark.parametrize(("kind", "number"), CASES)
def test_a_credential_is_whole_again_and_shows_no_secret_in_any_form(kind, number):
    released, credential = handed_over(kind, number)

    assert credential.environ() == released.environ
    assert credential.files() == released.files
    assert dict(credential) == released.fields
    for shown in (repr(credential), repr(dict(credential)), repr(credential.environ()), repr(credential.files())):
        for form in (SECRET, "Kanari", "7ab12"):
            assert form not in shown


def shown_by(credential, adapter):
    """What an adapter's result, or the error in its place, shows; an error of another library fails the test."""
    try:
        return repr(getattr(credential, adapter)())
    except CredmagicError as error:
        return f"{error} {error!r}"


@pytest.mark.parametrize(("kind", "number"), CASES)
def test_adapters_work_or_say_in_our_words_what_is_missing(kind, number):
    _, credential = handed_over(kind, number)

    for name in set(find_kind(kind).adapters()) - {"engine", "ssh_args"}:
        assert "Kanari" not in shown_by(credential, name), name
