"""The exchanges with an OAuth token endpoint, against a server that really checks."""

import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwk, jwt

from credmagic.errors import TokenRefused
from credmagic.kinds import box_jwt
from credmagic.kinds.gcp import Gcp
from credmagic.kinds.oauth import OAuth
from credmagic.kinds.oauth_client_credentials import OAuthClientCredentials
from credmagic.kinds.oauth_jwt_bearer import OAuthJwtBearer
from credmagic.kinds.oauth_password import OAuthPassword
from credmagic.testing.authorization_server import AuthorizationServer, Client
from credmagic.testing.exchange_suite import ExchangeSuite
from credmagic.tokens.base import fetch
from credmagic.tokens.client_credentials import ClientCredentials
from credmagic.tokens.jwt_bearer import JwtBearer
from credmagic.tokens.password import Password
from credmagic.tokens.refresh import Refresh

PATH = "/oauth/token"


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(65537, 2048)


def pem(key, passphrase=None):
    how = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how).decode()


class TestClientCredentials(ExchangeSuite):
    exchange, path, wrong_code = ClientCredentials, PATH, "invalid_client"

    def good(self, provider, secret, **more):
        provider.clients["app:1"] = Client("app:1", secret)
        values = {"client_id": "app:1", "client_secret": secret, "token_url": provider.token_url}
        return OAuthClientCredentials.parse({**values, **more})

    def wrong(self, provider, secret):
        self.good(provider, "another")
        return self.good(provider, secret).updated({"client_id": "app:2"})

    @pytest.mark.parametrize("send_via", ["header", "body"])
    def test_any_character_of_a_secret_arrives(self, provider, canary, send_via):
        token = fetch(ClientCredentials(), self.good(provider, canary + " %41:é", send_via=send_via, scope="read"))
        assert provider.accepts(token.value)
        assert ("client_secret" in provider.forms[0]) == (send_via == "body")
        assert provider.forms[0]["scope"] == "read"

    def test_what_is_sent_along_cannot_take_the_place_of_what_the_grant_says(self, provider, canary):
        body = '{"audience": "api", "grant_type": "password", "client_secret": "other"}'
        credential = self.good(
            provider, canary, send_via="body", custom_token_body=body, custom_token_query='{"tenant": "a b"}',
            custom_token_header='{"X-Tenant": "7"}',
        )  # fmt: skip
        assert fetch(ClientCredentials(), credential).value
        assert provider.forms[0]["audience"] == "api"
        assert provider.forms[0]["grant_type"] == "client_credentials"
        assert provider.forms[0]["client_secret"] == canary

    @pytest.mark.parametrize("header", ['{"Host": "other.example"}', '{"X-A": "a\\r\\nX-B: b"}', '{"a b": "c"}'])
    def test_a_header_that_would_change_the_request_is_refused_unsent(self, provider, canary, header):
        with pytest.raises(TokenRefused) as caught:
            fetch(ClientCredentials(), self.good(provider, canary, custom_token_header=header))
        assert caught.value.details == {"error": "bad_header"}
        assert provider.asked[PATH] == 0

    def test_plain_http_is_for_this_machine_only(self, canary):
        class Careless(OAuthClientCredentials):  # a kind that forgot to check
            def check(self):
                return {}

        credential = Careless.parse({"client_id": "a", "client_secret": canary, "token_url": "http://192.0.2.1/token"})
        with pytest.raises(TokenRefused, match="plain http"):
            fetch(ClientCredentials(), credential)

    @pytest.mark.parametrize(
        ("answered", "life"),
        [(600, 600), ("600", 600), (None, 3600), (-5, 3600), ("soon", 3600), (True, 3600), (1e400, 3600)],
    )
    def test_a_life_that_says_nothing_sensible_is_an_hour(self, provider, canary, answered, life):
        from flask import jsonify

        body = {"access_token": "tok"} | ({} if answered is None else {"expires_in": answered})
        credential = self.good(provider, canary)
        provider.faults[PATH] = lambda: jsonify(body)
        assert fetch(ClientCredentials(clock=lambda: 1e9), credential).expires_at.timestamp() == 1e9 + life

    @pytest.mark.parametrize("token", ["", None, 7, "a\nb"])
    def test_an_answer_without_a_usable_token_is_a_refusal(self, provider, canary, token):
        from flask import jsonify

        credential = self.good(provider, canary)
        provider.faults[PATH] = lambda: jsonify(access_token=token)
        with pytest.raises(TokenRefused, match="no token"):
            fetch(ClientCredentials(), credential)


class TestPassword(ExchangeSuite):
    exchange, path, wrong_code = Password, PATH, "invalid_grant"

    def good(self, provider, secret):
        provider.clients["app"] = Client("app", "app-secret-1")
        provider.users["ada"] = secret
        return OAuthPassword.parse(
            {"client_id": "app", "client_secret": "app-secret-1", "token_url": provider.token_url,
             "user": "ada", "password": secret}
        )  # fmt: skip

    def wrong(self, provider, secret):
        return self.good(provider, "another").updated({"password": secret})


class TestRefresh(ExchangeSuite):
    exchange, path, wrong_code = Refresh, PATH, "invalid_grant"

    def good(self, provider, secret):
        provider.clients["app"] = Client("app", secret)
        return OAuth.parse(
            {"client_id": "app", "client_secret": secret, "token_url": provider.token_url,
             "refresh_token": provider.login("app")}
        )  # fmt: skip

    def wrong(self, provider, secret):
        return self.good(provider, "other-secret").updated({"refresh_token": secret})

    def test_a_renewed_refresh_token_comes_along(self, provider, canary):
        credential = self.good(provider, canary)
        token = fetch(Refresh(), credential)
        assert token.extra["refresh_token"] == provider.families[0].current != credential.refresh_token
        assert "refresh_token" in Refresh.keeps

    def test_one_that_stays_the_same_does_not(self, provider, canary):
        provider.rotates = False
        assert "refresh_token" not in fetch(Refresh(), self.good(provider, canary)).extra


class TestJwtBearer(ExchangeSuite):
    exchange, path, wrong_code = JwtBearer, PATH, "invalid_grant"
    made = rsa.generate_private_key(65537, 2048)

    def good(self, provider, secret, **more):
        provider.clients["robot"] = Client("robot", key=jwk.RSAKey.import_key(self.made.public_key()))
        values = {"token_url": provider.token_url, "private_key": pem(self.made, secret), "iss": "robot"}
        return OAuthJwtBearer.parse(
            {**values, "private_key_password": secret, "custom_claims": '{"sub": "ada"}', **more}
        )

    def wrong(self, provider, secret):
        return self.good(provider, secret, private_key=pem(rsa.generate_private_key(65537, 2048), secret))

    @pytest.mark.parametrize(
        "change", [{"iss": "nobody"}, {"aud": "https://another.example/token"}], ids=["issuer", "audience"]
    )
    def test_a_claim_that_is_wrong_is_refused(self, provider, canary, change):
        with pytest.raises(TokenRefused) as caught:
            fetch(JwtBearer(), self.good(provider, canary, **change))
        assert caught.value.details == {"error": "invalid_grant"}

    def test_an_assertion_that_ended_is_refused(self, provider, canary):
        credential = self.good(provider, canary, exp=60)
        provider.advance(50)
        assert fetch(JwtBearer(), credential).value
        provider.advance(11)
        with pytest.raises(TokenRefused, match="invalid_grant"):
            fetch(JwtBearer(), credential)

    def test_each_assertion_has_an_id_of_its_own(self, provider, canary):
        credential = self.good(provider, canary, include_jti=True)
        assert fetch(JwtBearer(), credential).value != fetch(JwtBearer(), credential).value
        assert len(provider.seen_ids) == 2

    @pytest.mark.parametrize(
        "change", [{"private_key_password": "wrong-one"}, {"private_key": "no key"}, {"alg": "ES256"}]
    )
    def test_a_key_that_does_not_sign_is_refused_unsent(self, provider, canary, change):
        with pytest.raises(TokenRefused) as caught:
            fetch(JwtBearer(), self.good(provider, canary, **change))
        assert caught.value.details == {"error": "bad_key"}
        assert provider.asked[PATH] == 0


def signed(provider, key):
    """Header and claims of the assertion that arrived last."""
    public = jwk.RSAKey.import_key(key.public_key())
    token = jwt.decode(provider.forms[-1]["assertion"], public, algorithms=["RS256", "RS512"])
    return token.header, token.claims


@pytest.fixture
def provider():
    with AuthorizationServer() as server:
        yield server


def google(provider, key):
    info = {
        "type": "service_account", "client_email": "robot@p.iam.example", "private_key": pem(key), "private_key_id": "k1",
        "token_uri": provider.token_url, "project_id": "p",
    }  # fmt: skip
    provider.clients["robot@p.iam.example"] = Client("robot@p.iam.example", key=jwk.RSAKey.import_key(key.public_key()))
    return Gcp.parse({"gcp_key": json.dumps(info), "scopes": "https://scope.example/a https://scope.example/b"})


def test_google_gets_the_scopes_inside_the_assertion(provider, key):
    token = fetch(JwtBearer(), google(provider, key))
    header, claims = signed(provider, key)
    assert provider.accepts(token.value)
    assert header["kid"] == "k1"
    assert claims["scope"] == "https://scope.example/a https://scope.example/b"
    assert claims["exp"] - claims["iat"] == 3600


def test_google_refuses_the_key_of_another_account(provider, key):
    credential = google(provider, rsa.generate_private_key(65537, 2048))
    google(provider, key)
    with pytest.raises(TokenRefused, match="invalid_grant"):
        fetch(JwtBearer(), credential)


def test_box_gets_an_assertion_of_less_than_a_minute(provider, key, canary, monkeypatch):
    monkeypatch.setattr(box_jwt, "TOKEN_URL", provider.token_url)
    provider.clients["box-app"] = Client("box-app", canary, key=jwk.RSAKey.import_key(key.public_key()))
    credential = box_jwt.BoxJwt.parse(
        {"client_id": "box-app", "client_secret": canary, "enterprise_id": "900", "public_key_id": "pk",
         "private_key_str": pem(key, canary), "passphrase": canary}
    )  # fmt: skip
    assert provider.accepts(fetch(JwtBearer(), credential).value)
    header, claims = signed(provider, key)
    assert claims["exp"] - claims["iat"] <= 60
    assert (header["kid"], claims["sub"], claims["box_sub_type"]) == ("pk", "900", "enterprise")
    assert claims["jti"]
    assert provider.forms[-1]["client_secret"] == canary
