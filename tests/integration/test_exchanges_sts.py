"""AWS keys that take a role: against moto's own STS, which checks signatures of the keys it knows."""

import json
import time
import urllib.request

import pytest

from credmagic.errors import TokenRefused, Unreachable
from credmagic.kinds.adapters import MissingPackage
from credmagic.kinds.exchange import RoleRequest
from credmagic.kinds.s3 import S3
from credmagic.testing.authorization_server import AuthorizationServer
from credmagic.testing.fixtures import require
from credmagic.tokens import sts
from credmagic.tokens.base import fetch
from credmagic.values import SecretStr
from credmagic.vault.actions import dispatch
from credmagic.vault.audit import Caller
from credmagic.wiring import open_vault

try:
    import boto3
    from moto.server import ThreadedMotoServer
except ImportError:
    boto3 = None

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:botocore", "ignore::DeprecationWarning:moto")


@pytest.fixture(scope="module")
def moto():
    require("moto", boto3)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(moto, monkeypatch):
    """A user who may take a role, and a role; from then on moto checks who asks."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    post(f"{moto}/moto-api/reset")
    post(f"{moto}/moto-api/reset-auth", b"inf")
    iam = boto3.client(
        "iam", endpoint_url=moto, region_name="us-east-1", aws_access_key_id="admin", aws_secret_access_key="admin"
    )
    iam.create_user(UserName="ada")
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_user_policy(UserName="ada", PolicyName="all", PolicyDocument=json.dumps(allow))
    role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=json.dumps(allow))["Role"]["Arn"]
    iam.put_role_policy(RoleName="reader", PolicyName="all", PolicyDocument=json.dumps(allow))
    key = iam.create_access_key(UserName="ada")["AccessKey"]
    post(f"{moto}/moto-api/reset-auth", b"0")
    yield {
        "aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"], "role_arn": role,
        "endpoint_url": moto, "region": "us-east-1",
    }  # fmt: skip
    post(f"{moto}/moto-api/reset-auth", b"inf")  # moto counts for the whole process


def post(url, body=b""):
    asked = urllib.request.Request(url, body, {"Content-Type": "text/plain"}, method="POST")
    urllib.request.urlopen(asked, timeout=10).read()


def test_a_role_gives_keys_for_an_hour(aws):
    token = fetch(sts.Sts(), S3.parse(aws))
    assert 3000 < token.expires_at.timestamp() - time.time() <= 3600
    keys = {
        "aws_access_key_id": token.extra["aws_access_key_id"],
        "aws_session_token": token.extra["aws_session_token"],
    }
    session = boto3.Session(aws_secret_access_key=str(token.value), region_name="us-east-1", **keys)
    who = session.client("sts", endpoint_url=aws["endpoint_url"]).get_caller_identity()
    assert "/reader/credmagic-" in who["Arn"]


def test_the_stored_key_stays_in_the_vault(aws, home):
    vault = open_vault(notify=lambda line: None)
    dispatch(vault, Caller(), "create", {"name": "lake", "kind": "s3", "fields": aws, "verify": False})
    resolved = dispatch(vault, Caller(), "resolve", {"ref": "lake"})
    vault.close()
    assert aws["aws_secret_access_key"] not in json.dumps(resolved)
    assert aws["aws_access_key_id"] not in json.dumps(resolved)
    assert resolved["fields"]["aws_access_key_id"].startswith("ASIA")
    assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} <= resolved["environ"].keys()
    assert resolved["expires_at"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"aws_access_key_id": "AKIAUNKNOWN000000000"}, "InvalidClientTokenId"),
        ({"aws_secret_access_key": "Kanari-of-a-wrong-secret-key"}, "SignatureDoesNotMatch"),
    ],
)
def test_keys_that_are_wrong_are_refused_with_the_code_of_aws(aws, change, code):
    with pytest.raises(TokenRefused) as caught:
        fetch(sts.Sts(), S3.parse({**aws, **change}))
    assert caught.value.details == {"error": code}
    assert "Kanari" not in json.dumps(caught.value.to_json())


def test_silence_and_a_closed_door_end_in_time(aws):
    with AuthorizationServer() as silent:
        silent.faults["/"] = lambda: time.sleep(2)
        with pytest.raises(Unreachable) as caught:
            fetch(sts.Sts(timeout=0.5), S3.parse({**aws, "endpoint_url": silent.url}))
    assert caught.value.code == "timeout"
    with pytest.raises(Unreachable, match="no connection"):
        fetch(sts.Sts(), S3.parse({**aws, "endpoint_url": silent.url}))


def test_an_answer_of_something_else_is_a_refusal(aws):
    with AuthorizationServer() as other, pytest.raises(TokenRefused):
        fetch(sts.Sts(), S3.parse({**aws, "endpoint_url": other.url}))


def test_the_environment_does_not_decide_where_keys_go(aws, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert fetch(sts.Sts(), S3.parse(aws)).value
    at_aws = sts._client(RoleRequest(aws["role_arn"], None, "id", SecretStr("secret")), 1.0)
    assert at_aws.meta.endpoint_url == "https://sts.us-east-1.amazonaws.com"


def test_without_botocore_the_package_is_named(aws, monkeypatch):
    import sys

    for name in ("botocore.exceptions", "botocore.config", "botocore.session"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingPackage, match="boto3"):
        fetch(sts.Sts(), S3.parse(aws))
