"""Sign-ins that services have of their own: Conductor, Unify, Tableau; and a key pair that asks nobody."""

import base64
import hashlib
import json
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwk, jwt

from credmagic.errors import TokenRefused
from credmagic.kinds.conductor_access_key import ConductorAccessKey
from credmagic.kinds.machine_login import MachineLogin
from credmagic.kinds.snowflake_key_pair import SnowflakeKeyPair
from credmagic.kinds.tableau_access_token import TableauAccessToken
from credmagic.testing.authorization_server import AuthorizationServer
from credmagic.testing.exchange_suite import ExchangeSuite
from credmagic.testing.sign_in_services import SignInServices
from credmagic.tokens.base import fetch
from credmagic.tokens.login import AccessKey, Session
from credmagic.tokens.snowflake_jwt import SnowflakeJwt, locator


class _Service(ExchangeSuite):
    __test__ = False

    @pytest.fixture
    def provider(self):
        with AuthorizationServer() as server:
            yield server

    def services(self, provider):
        if not hasattr(provider, "services"):
            provider.services = SignInServices(provider)
        return provider.services


class TestConductor(_Service):
    __test__ = True
    exchange, path, wrong_code = AccessKey, "/api/token", "INVALID_CREDENTIALS"

    def good(self, provider, secret):
        self.services(provider).conductor_keys["key-1"] = secret
        return ConductorAccessKey.parse({"server_url": f"{provider.url}/api", "key_id": "key-1", "key_secret": secret})

    def wrong(self, provider, secret):
        return self.good(provider, "another-one").updated({"key_secret": secret})

    def test_the_end_is_what_the_token_says(self, provider, canary):
        token = fetch(AccessKey(), self.good(provider, canary))
        assert token.expires_at.timestamp() == int(provider.issued[token.value])

    def test_a_token_that_does_not_say_lives_three_quarters_of_an_hour(self, provider, canary):
        from flask import jsonify

        credential = self.good(provider, canary)
        provider.faults[self.path] = lambda: jsonify(token="opaque")
        assert fetch(AccessKey(clock=lambda: 1e9), credential).expires_at.timestamp() == 1e9 + 45 * 60


class TestUnify(_Service):
    __test__ = True
    exchange, path, wrong_code = Session, "/api/sessions", "http_401"

    def good(self, provider, secret):
        self.services(provider).unify_users["robot@example.org"] = secret
        return MachineLogin.parse({"url": provider.url, "user": "robot@example.org", "password": secret})

    def wrong(self, provider, secret):
        return self.good(provider, "another-one").updated({"password": secret})


class TestTableau(_Service):
    __test__ = True
    exchange, wrong_code = Session, "401001"
    path = "/api/3.4/auth/signin"

    def good(self, provider, secret):
        self.services(provider).tableau_tokens["laptop"] = secret
        return TableauAccessToken.parse(
            {"token_name": "laptop", "personal_access_token": secret, "server_url": provider.url, "site": "sales"}
        )

    def wrong(self, provider, secret):
        return self.good(provider, "another-one").updated({"personal_access_token": secret})

    def test_the_session_says_where_it_belongs(self, provider, canary):
        token = fetch(Session(), self.good(provider, canary))
        assert token.value == provider.services.tableau_sessions["laptop"]
        assert token.extra["site_id"] == "9a8b7c6d"
        assert token.expires_at is None


KEY = rsa.generate_private_key(65537, 2048)


def pem(key, passphrase):
    how = serialization.BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how).decode()


def snowflake(canary, **more):
    values = {
        "user": "ada",
        "account": "xy12345.eu-central-1",
        "private_key_str": pem(KEY, canary),
        "passphrase": canary,
    }
    return SnowflakeKeyPair.parse({**values, **more})


def test_a_snowflake_token_is_signed_with_the_key_and_names_it(canary):
    token = fetch(SnowflakeJwt(), snowflake(canary))
    claims = jwt.decode(token.value, jwk.RSAKey.import_key(KEY.public_key()), algorithms=["RS256"]).claims
    der = KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    print_of_key = base64.b64encode(hashlib.sha256(der).digest()).decode()
    assert claims["iss"] == f"XY12345.ADA.SHA256:{print_of_key}"
    assert claims["sub"] == "XY12345.ADA"
    assert time.time() + 3000 < claims["exp"] <= time.time() + 3600
    assert token.expires_at.timestamp() == claims["exp"]


@pytest.mark.parametrize(
    ("account", "short"), [("org-acc", "org-acc"), ("ab1.eu.azure", "ab1"), ("ab1-x9.global", "ab1"), ("ab1", "ab1")]
)
def test_an_account_is_named_without_its_region(account, short):
    assert locator(account) == short


@pytest.mark.parametrize("fault", ["passphrase", "another kind of key", "no key"])
def test_a_key_that_does_not_sign_is_refused_without_being_shown(canary, fault):
    changes = {
        "passphrase": {"passphrase": canary + "x"},
        "another kind of key": {"private_key_str": pem(ec.generate_private_key(ec.SECP256R1()), canary)},
        "no key": {"private_key_str": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"},
    }
    with pytest.raises(TokenRefused) as caught:
        fetch(SnowflakeJwt(), snowflake(canary, **changes[fault]))
    assert caught.value.details == {"error": "bad_key"}
    assert canary[:24] not in json.dumps(caught.value.to_json())
