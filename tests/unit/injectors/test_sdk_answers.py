"""What do three clouds' SDKs get at the port, and what do they not get?"""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from credmagic import api
from sdk_clouds import STORAGE, VAULT, aws, azure, fetch, google


def test_session_keys_whose_end_nobody_knows_are_asked_for_again_soon(session_keys, injector, canary):
    injector.apply(session_keys)
    status, answer = aws()
    assert (status, answer["SecretAccessKey"], answer["Token"]) == (200, canary, canary[::-1])
    assert datetime.fromisoformat(answer["Expiration"]) < datetime.now(UTC) + timedelta(minutes=31)


def test_a_rotation_reaches_the_next_question(session_keys, injector):
    injector.apply(session_keys)
    keys = {"aws_access_key_id": "ASIAOTHER", "aws_secret_access_key": "another-key", "aws_session_token": "another"}
    api.client().call("rotate", ref="lake", fields=keys, verify=False)
    assert aws()[1]["AccessKeyId"] == "ASIAOTHER"


def test_keys_that_do_not_end_any_more_are_not_given_out(session_keys, injector, canary):
    injector.apply(session_keys)
    fields = {"aws_access_key_id": "AKIALASTS", "aws_secret_access_key": canary, "aws_session_token": None}
    api.client().call("update", ref="lake", fields=fields, verify=False)
    status, answer = aws()
    assert (status, answer["code"]) == (400, "refused")
    assert "do not end" in answer["message"]
    assert canary[:24] not in json.dumps(answer)


def test_a_pause_reaches_the_next_question_and_a_resume_too(entra, injector, canary):
    injector.apply(entra)
    api.client().call("pause", ref="entra")
    status, answer = azure()
    assert (status, answer["statusCode"]) == (400, 400)
    assert "%cred resume entra" in answer["message"]
    api.client().call("resume", ref="entra")
    assert azure()[0] == 200


def test_azure_gets_a_token_of_its_own_for_each_resource(entra, injector, provider, canary):
    injector.apply(entra)
    answers = [azure(resource)[1] for resource in ("https://storage.azure.com", "https://vault.azure.net/")]
    assert len({answer["access_token"] for answer in answers}) == 2
    assert [form["scope"] for form in provider.forms] == [STORAGE, VAULT]
    assert all(provider.accepts(answer["access_token"]) for answer in answers)
    assert canary[:24] not in json.dumps(answers)
    ends = int(answers[0]["expires_on"]) - datetime.now(UTC).timestamp()
    assert 3500 < ends <= 3600


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"resource": "https://graph.microsoft.com"}, "%cred edit entra"),
        ({"more": "&client_id=another"}, "one identity"),
        ({"more": "&mi_res_id=/subscriptions/1"}, "one identity"),
        ({"version": "2017-09-01"}, "2019-08-01"),
        ({"resource": ""}, "names a resource"),
    ],
)
def test_azure_gets_nothing_for_what_the_credential_is_not_for(entra, injector, provider, how, says):
    injector.apply(entra)
    before = provider.asked.total()
    status, answer = azure(**how)
    assert status == 400
    assert says in answer["message"]
    assert provider.asked.total() == before


def test_its_own_client_id_may_be_named(entra, injector):
    injector.apply(entra)
    assert azure(more="&client_id=app")[1]["client_id"] == "app"


def test_google_gets_the_account_s_own_token_at_the_last_step_only(bucket, injector, provider):
    injector.apply(bucket)
    status, answer = google()
    assert status == 200
    assert provider.accepts(answer["accessToken"])
    assert datetime.fromisoformat(answer["expireTime"]) > datetime.now(UTC) + timedelta(minutes=50)


def test_google_s_middle_steps_want_what_the_step_before_gave(bucket, injector):
    injector.apply(bucket)
    settings = json.loads(Path(os.environ["GOOGLE_APPLICATION_CREDENTIALS"]).read_text())
    bearer = settings["credential_source"]["headers"]["Authorization"]
    grant = b"grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token="
    assert fetch(settings["token_url"], grant + bearer.removeprefix("Bearer ").encode())[0] == 403
    assert fetch(settings["service_account_impersonation_url"], b"{}", Authorization=bearer)[0] == 403


def test_fifty_threads_at_once_get_one_token(entra, injector, provider):
    injector.apply(entra)
    api.client().call("update", ref="entra", fields={"scope": VAULT}, verify=False)
    before = provider.asked.total()
    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda _: azure("https://vault.azure.net"), range(50)))
    assert {status for status, _ in answers} == {200}
    assert len({answer["access_token"] for _, answer in answers}) == 1
    assert provider.asked.total() == before + 1


def test_each_question_is_a_use_and_a_refused_one_is_none(session_keys, injector):
    injector.apply(session_keys)
    before = len(uses())
    aws()
    fetch(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], Authorization="guessed")
    assert len(uses()) == before + 1


def uses():
    events = api.client().call("audit", ref="lake", limit=100)["events"]
    return [event for event in events if event["action"] == "use"]
