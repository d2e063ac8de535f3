"""Every type of credential over the REST face: made and changed by DataRobot's names, read back, stored whole."""

import json

import pytest

from credmagic.kinds.registry import all_kinds, find_kind
from credmagic.testing.jupyter import isolated, jupyter_server
from credmagic.testing.kind_examples import GOOD
from credmagic.wiring import local_client

SECRET = "canary-R-53f1c0de77"
API = "credmagic/api/v2/"
CASES = [(kind, number) for kind, examples in GOOD.items() for number in range(len(examples))]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with jupyter_server(tmp_path_factory.mktemp("r"), "--ServerApp.disable_check_xsrf=True") as running:
        yield running


@pytest.fixture
def api(server):
    """`api(method, path, body)` below `api/v2/`; no answer may hold a secret."""

    def call(method, path, body=None):
        answer = server.request(method, API + path, body)
        assert SECRET.encode() not in answer.body
        return answer

    return call


@pytest.fixture
def stored(server, monkeypatch):
    """`stored(id)`: what the vault itself says of a credential, read from the same store by another process: ours."""
    for name, value in isolated(server.workdir).items():
        monkeypatch.setenv(name, value)
    client = local_client()
    yield lambda ident: client.call("show", ref=ident)
    client.close()


def example(kind, number):
    """Values by canonical name, with a fresh secret in each secret field."""
    return json.loads(json.dumps(GOOD[kind][number]).replace("CANARY", SECRET))


def body_of(kind, number):
    """The same as a DataRobot client sends it."""
    cls = find_kind(kind)
    fields = {cls.wire_name("datarobot", name): value for name, value in example(kind, number).items()}
    return {"name": f"{kind}-{number}", "credentialType": cls.wire_kind("datarobot"), **fields}


def test_there_is_a_case_for_every_kind():
    assert {kind for kind, _ in CASES} == {cls.kind for cls in all_kinds()}


@pytest.mark.parametrize(("kind", "number"), CASES)
def test_every_type_is_made_listed_changed_and_deleted_by_its_wire_names(api, stored, server, kind, number):
    cls, body = find_kind(kind), body_of(kind, number)

    made = api("POST", "credentials/", body)
    assert made.status == 201, made.body
    row = made.json()
    place = f"credentials/{row['credentialId']}/"
    try:
        assert row["credentialType"] == body["credentialType"]
        assert row["description"] == ""
        assert api("GET", place).json() == row
        assert api("GET", f"credentials/?types={body['credentialType']}").json()["data"] == [row]

        kept = cls.parse(example(kind, number))
        shown = stored(row["credentialId"])
        assert (shown["fields"], sorted(shown["secrets"])) == (kept.public(), sorted(kept.secrets()))

        fields = {name: value for name, value in body.items() if name not in ("name", "credentialType")}
        if fields:
            assert api("PATCH", place, fields).json()["version"] == 2
            assert stored(row["credentialId"])["fields"] == kept.public()
        assert SECRET not in server.log
    finally:
        assert api("DELETE", place).status == 204
    assert api("GET", place).status == 404


def test_a_key_of_google_is_taken_in_both_spellings(api, stored):
    """The client sends Google's own file when it makes one, and the same with camelCase when it changes it."""
    body = body_of("gcp", 0)
    made = api("POST", "credentials/", body).json()
    place = f"credentials/{made['credentialId']}/"
    camel = {find_kind("gcp").wire_name("datarobot", "gcp_key"): {
        "type": "service_account", "projectId": "other", "privateKeyId": "k2", "privateKey": SECRET,
        "clientEmail": "robot@other.iam.gserviceaccount.com", "tokenUri": "https://oauth2.googleapis.com/token",
    }}  # fmt: skip

    assert api("PATCH", place, camel).status == 200
    assert stored(made["credentialId"])["fields"]["project_id"] == "other"
    wrong = api("PATCH", place, {"gcpKey": {**body["gcpKey"], "type": "authorized_user"}})
    assert (wrong.status, list(wrong.json()["errors"])) == (422, ["gcpKey"])
    api("DELETE", place)


LENDERS = [kind for kind in GOOD if any("config_id" in one for one in GOOD[kind])]


@pytest.mark.parametrize("kind", LENDERS)
def test_a_config_id_and_secrets_of_ones_own_exclude_each_other(api, kind):
    cls = find_kind(kind)
    number = next(n for n, one in enumerate(GOOD[kind]) if set(one) & set(cls.lent))
    wire = cls.wire_name("datarobot", "config_id")

    answer = api("POST", "credentials/", {**body_of(kind, number), wire: "ab" * 16})

    assert answer.status == 422
    assert wire in answer.json()["errors"]
