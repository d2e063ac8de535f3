"""AWS keys, asked about at moto's own STS and S3, which check signatures and policies of the keys they know."""

import json
import socket
import urllib.request

import pytest

from credmagic.errors import Unreachable, VerificationFailed
from credmagic.kinds.s3 import S3
from credmagic.testing.fixtures import require
from credmagic.verify.aws import AwsProbe
from credmagic.verify.base import verify

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
def aws(moto, monkeypatch, home):
    """A user, a role and a bucket; from then on moto checks who asks."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    post(f"{moto}/moto-api/reset")
    post(f"{moto}/moto-api/reset-auth", b"inf")
    admin = {"endpoint_url": moto, "region_name": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "a"}
    iam = boto3.client("iam", **admin)
    keys = {user: user_with(iam, user, actions) for user, actions in (("ada", "*"), ("eve", "sqs:*"))}
    role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=policy("*"))["Role"]["Arn"]
    iam.put_role_policy(RoleName="reader", PolicyName="all", PolicyDocument=policy("*"))
    boto3.client("s3", **admin).create_bucket(Bucket="sales")
    post(f"{moto}/moto-api/reset-auth", b"0")
    yield {"keys": keys, "role": role, "url": moto}
    post(f"{moto}/moto-api/reset-auth", b"inf")  # moto counts for the whole process


def user_with(iam, user, actions):
    iam.create_user(UserName=user)
    iam.put_user_policy(UserName=user, PolicyName="some", PolicyDocument=policy(actions))
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def policy(actions):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]})


def post(url, body=b""):
    asked = urllib.request.Request(url, body, {"Content-Type": "text/plain"}, method="POST")
    urllib.request.urlopen(asked, timeout=10).read()


def refused(values):
    with pytest.raises(VerificationFailed) as caught:
        verify(S3.parse(values))
    assert caught.value.__context__ is None
    assert "--no-verify" in caught.value.next_step
    return caught.value.message


def test_aws_says_whom_keys_belong_to(aws):
    result = AwsProbe(sts_url=aws["url"]).check(S3.parse(aws["keys"]["ada"]), timeout=5)

    assert (result.outcome, result.reason) == ("ok", "AWS knows whom the keys belong to")


def test_aws_refuses_another_secret_and_an_unknown_id(aws, canary):
    wrong = canary[:24]
    for values, said in (
        ({**aws["keys"]["ada"], "aws_secret_access_key": wrong}, "secret access key does not fit"),
        ({"aws_access_key_id": "AKIAUNKNOWN", "aws_secret_access_key": wrong}, "does not know the access key id"),
    ):
        with pytest.raises(VerificationFailed, match=said) as caught:
            AwsProbe(sts_url=aws["url"]).check(S3.parse(values), timeout=5)
        assert wrong not in f"{caught.value}"


@pytest.mark.parametrize(("bucket", "reason"), [(None, "accepted the keys"), ("sales", "the bucket is there")])
def test_a_service_that_speaks_s3_is_asked_for_the_bucket(aws, bucket, reason):
    result = verify(S3.parse({**aws["keys"]["ada"], "endpoint_url": aws["url"], "bucket": bucket}))

    assert result.outcome == "ok"
    assert reason in result.reason


def test_it_says_no_in_our_words(aws):
    here = {**aws["keys"]["ada"], "endpoint_url": aws["url"]}

    assert "no bucket of that name" in refused({**here, "bucket": "no-such-bucket"})
    assert "secret access key does not fit" in refused({**here, "aws_secret_access_key": "wrong-secret"})
    assert "may not do that" in refused({**here, **aws["keys"]["eve"]})
    assert "forbidden" in refused({**here, **aws["keys"]["eve"], "bucket": "sales"})
    assert "region, endpoint and bucket" in refused({**here, "bucket": "Not A Bucket"})


def test_a_role_is_taken_and_its_keys_are_tried(aws):
    values = {**aws["keys"]["ada"], "endpoint_url": aws["url"], "role_arn": aws["role"], "bucket": "sales"}

    assert verify(S3.parse(values)).outcome == "ok"
    assert "no token" in refused({**values, "aws_secret_access_key": "wrong-secret"})


def test_without_keys_a_machine_without_a_role_is_refused(aws):
    assert "no role of its own" in refused({"endpoint_url": aws["url"]})


def test_keys_that_are_lent_are_not_tried_before_they_are(aws):
    result = verify(S3.parse({"config_id": "ab" * 16}))

    assert result.outcome == "unverifiable"


def test_nobody_there_and_silence_are_told_apart(aws):
    here = aws["keys"]["ada"]
    with pytest.raises(Unreachable) as caught:
        verify(S3.parse({**here, "endpoint_url": "http://127.0.0.1:9"}))
    assert caught.value.code == "unreachable"
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unreachable) as caught:
        verify(S3.parse({**here, "endpoint_url": f"http://127.0.0.1:{silent.getsockname()[1]}"}), timeout=1)
    assert caught.value.code == "timeout"


def test_the_sessions_of_boto3_work_with_what_a_role_gives(aws):
    from credmagic.tokens.sts import Sts

    values = {**aws["keys"]["ada"], "endpoint_url": aws["url"], "role_arn": aws["role"], "region": "us-east-1"}
    credential = S3.parse(values)
    released = credential.released(Sts().fetch(credential))
    received = S3.from_flat(json.loads(json.dumps(released.fields)))

    assert aws["keys"]["ada"]["aws_secret_access_key"] not in json.dumps(released.fields)
    buckets = received.boto3_session().client("s3").list_buckets()["Buckets"]
    assert [bucket["Name"] for bucket in buckets] == ["sales"]
    assert received.environ("x")["AWS_SESSION_TOKEN"] == released.fields["aws_session_token"]


def test_a_session_goes_on_with_new_keys_when_a_roles_keys_end(aws):
    from credmagic.tokens.sts import Sts

    values = {**aws["keys"]["ada"], "endpoint_url": aws["url"], "role_arn": aws["role"], "region": "us-east-1"}
    credential = S3.parse(values)
    asked = []

    def renew():
        asked.append(1)
        return credential.released(Sts().fetch(credential)).fields

    ended = {**renew(), "token_expires_at": "2020-01-01T00:00:00Z", "aws_secret_access_key": "ended"}
    session = S3.from_flat(ended).renewed_by(renew).boto3_session()

    assert session.client("s3").list_buckets()["Buckets"]
    assert session.client("sts").get_caller_identity()["Arn"]
    assert len(asked) == 2
