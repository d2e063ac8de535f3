"""A kernel on another machine has another clock: it renews by how long a token lives, not by when it ends."""

import time
from datetime import UTC, datetime

import pytest

from credmagic.client.credential import Credential

CANARY = "Kanari-token-of-another-clock"


@pytest.fixture
def used():
    """A function: a credential as a vault hands it out whose clock is `ahead` of ours, and a count of renewals."""

    def used(ahead, life):
        asked = []

        def again(reference=None):
            asked.append(reference)
            ends = datetime.fromtimestamp(time.time() + ahead + life, UTC)
            resolved = {
                "id": "00" * 16, "name": "crm", "kind": "oauth_client_credentials", "kind_version": 1, "version": 1,
                "environment": "", "fields": {"access_token": f"{CANARY}-{len(asked)}"}, "secret": ["access_token"],
                "token": "access_token", "expires_at": ends.isoformat(), "expires_in": life,
            }  # fmt: skip
            return Credential.from_resolved(resolved, again=again)

        return again(), asked

    return used


@pytest.mark.parametrize("ahead", [-300, 300])
def test_a_token_with_time_left_is_not_renewed(used, ahead):
    cred, asked = used(ahead, life=200)
    assert {str.__str__(cred.token) for _ in range(20)} == {f"{CANARY}-1"}
    assert len(asked) == 1


@pytest.mark.parametrize("ahead", [-300, 300])
def test_a_token_is_renewed_when_its_time_is_over(used, ahead, monkeypatch):
    cred, _ = used(ahead, life=200)
    started = time.time()
    monkeypatch.setattr(time, "time", lambda: started + 150)
    assert str.__str__(cred.token) == f"{CANARY}-2"
    assert CANARY not in repr([cred, cred.token])
