"""A credential of every kind, as notebooks hold it: whole again, masked in every form."""

import json

import pytest

from credmagic.client.credential import Credential
from credmagic.kinds.registry import all_kinds, find_kind

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\r\nCANARY\r\n-----END OPENSSH PRIVATE KEY-----"
GOOGLE = {"type": "service_account", "client_email": "a@b", "private_key": "CANARY", "project_id": "p"}
EXAMPLES = {
    "basic": {"user": "ada", "password": "CANARY"},
    "bearer": {"token": "CANARY"},
    "api_key": {"api_key": "CANARY", "service": "openai"},
    "key_value": {"entries": {"TOKEN": "CANARY", "my-key": "CANARY"}},
    "database": {"dialect": "postgresql", "host": "h", "user": "u", "password": "CANARY"},
    "s3": {"aws_access_key_id": "AKIA", "aws_secret_access_key": "CANARY"},
    "gcp": {"gcp_key": json.dumps(GOOGLE)},
    "ssh_key": {"private_key": KEY, "passphrase": "CANARY"},
}


def handed_over(kind, canary):
    planted = json.loads(json.dumps(EXAMPLES[kind]).replace("CANARY", canary))
    model = find_kind(kind).parse(planted)
    sent = json.loads(json.dumps({"fields": model.flatten(), "secret": model.secret_keys()}))
    return model, Credential.from_resolved(
        {"id": "c1", "name": "it", "kind": kind, "kind_version": 1, "version": 1, "environment": "", "expires_at": None, **sent}
    )


def test_there_is_an_example_of_every_kind():
    assert set(EXAMPLES) == {cls.kind for cls in all_kinds()}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_credential_is_whole_again_and_shows_no_secret_in_any_form(kind):
    secret = "Kanari:7 7ab12/+&@%"  # needs escaping in URLs
    model, credential = handed_over(kind, secret)

    assert credential.environ() == model.environ("it")
    assert credential.files() == model.files("it")
    assert dict(credential) == model.flatten()
    for shown in (repr(credential), repr(dict(credential)), repr(credential.environ()), repr(credential.files())):
        for form in (secret, "Kanari", "7ab12"):
            assert form not in shown
