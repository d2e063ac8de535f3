"""What does `--sdk` set and hide, what does it refuse, and is it all taken back?"""

import http.client
import json
import os
import stat
import urllib.error
from pathlib import Path

import pytest

from credmagic.errors import InvalidCredential, StoreUnusable
from credmagic.injectors import sdk as sdk_module
from credmagic.injectors.sdk import SdkInjector
from credmagic.redact import registry
from sdk_clouds import CLOUDS, aws, fetch, stored


@pytest.mark.parametrize("which", ["entra", "bucket", "session_keys"])
def test_everything_is_as_before_afterwards(request, which):
    credential, before = request.getfixturevalue(which), dict(os.environ)
    with SdkInjector() as injector:
        names = injector.apply(credential)
        assert names == sorted(names)
        assert {name for name in os.environ if name.startswith(CLOUDS)} == set(names) - {"BOTO_CONFIG"}
    assert dict(os.environ) == before


def test_identities_that_would_come_first_are_out_of_sight_meanwhile(session_keys, injector, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"):
        monkeypatch.setenv(name, "another's")
    injector.apply(session_keys)
    assert "another's" not in os.environ.values()
    assert os.environ["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert os.environ["AWS_REGION"] == "eu-central-1"
    injector.take_back()
    assert os.environ["AWS_PROFILE"] == "another's"


def test_no_library_shows_a_proxy_what_is_for_this_process(session_keys, injector, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "intra.example")
    injector.apply(session_keys)
    assert os.environ["no_proxy"] == "intra.example,127.0.0.1"
    assert os.environ["NO_PROXY"] == "127.0.0.1"
    injector.take_back()
    assert os.environ["no_proxy"] == "intra.example"


def test_without_a_proxy_nothing_is_said_about_one(session_keys, injector):
    injector.apply(session_keys)
    assert "no_proxy" not in os.environ


def test_what_is_shown_at_the_port_is_masked_in_output(bucket, injector):
    injector.apply(bucket)
    settings = json.loads(Path(os.environ["GOOGLE_APPLICATION_CREDENTIALS"]).read_text())
    bearer = settings["credential_source"]["headers"]["Authorization"].removeprefix("Bearer ")
    subject = fetch(settings["credential_source"]["url"], Authorization=f"Bearer {bearer}")[1]["token"]
    shown = registry.current().redact_text(f"{bearer} {subject}")
    assert shown == "[bucket.sdk_bearer] [bucket.sdk_subject]"


def test_the_file_for_google_is_private_and_goes(bucket, injector):
    injector.apply(bucket)
    path = Path(os.environ["GOOGLE_APPLICATION_CREDENTIALS"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    injector.take_back()
    assert not path.exists()


def test_each_hand_over_has_a_bearer_of_its_own(session_keys):
    with SdkInjector() as one, SdkInjector() as other:
        one.apply(session_keys)
        first = str.__str__(os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"])
        other.apply(session_keys)
        assert fetch(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], Authorization=first) == (403, {})


def test_the_port_stays_for_a_successor_and_ends_with_it(session_keys, injector):
    injector.apply(session_keys)
    before = os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
    successor = injector.successor()
    successor.apply(session_keys)
    injector.take_back()
    assert os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == before
    assert aws()[0] == 200
    successor.take_back()
    with pytest.raises(urllib.error.URLError):
        fetch(before)


def refused(injector, credential):
    before = dict(os.environ)
    with pytest.raises(InvalidCredential) as caught:
        injector.apply(credential)
    assert dict(os.environ) == before
    return f"{caught.value.message} {caught.value.next_step}"


def test_keys_that_last_are_refused_with_both_ways_out(clean, injector, canary):
    fields = {"aws_access_key_id": "AKIALASTS", "aws_secret_access_key": canary}
    said = refused(injector, stored("lake", "s3", fields))
    assert "%cred edit lake" in said
    assert "%cred use lake --export" in said
    assert canary not in said


def test_the_machine_s_own_role_needs_no_credential(clean, injector):
    assert "without it" in refused(injector, stored("ambient", "s3", {"region": "eu-central-1"}))


def test_other_kinds_are_told_which_can(clean, injector, canary):
    said = refused(injector, stored("db", "basic", {"user": "u", "password": canary}))
    assert "azure_service_principal or gcp or s3" in said
    assert said.endswith("%cred use db --export")


def test_without_a_port_nothing_is_set(session_keys, injector, monkeypatch):
    def no_port(routes):
        raise OSError(24, "Too many open files")

    before = dict(os.environ)
    monkeypatch.setattr(sdk_module, "Endpoint", no_port)
    with pytest.raises(StoreUnusable, match="Too many open files"):
        injector.apply(session_keys)
    assert dict(os.environ) == before


def test_the_answer_of_the_port_is_no_page(session_keys, injector):
    injector.apply(session_keys)
    where = os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"].removeprefix("http://").split("/")[0]
    connection = http.client.HTTPConnection(where, timeout=10)
    connection.request("GET", "/aws", headers={"Origin": "https://evil.example"})
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (403, b"{}")
    connection.close()
