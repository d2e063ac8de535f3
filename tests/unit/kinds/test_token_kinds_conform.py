"""Kinds whose secrets stay in the vault pass the suite that plug-ins' kinds pass."""

from credmagic.kinds.adls_gen2_oauth import AdlsGen2OAuth
from credmagic.kinds.azure_service_principal import AzureServicePrincipal
from credmagic.kinds.box_jwt import BoxJwt
from credmagic.kinds.conductor_access_key import ConductorAccessKey
from credmagic.kinds.databricks_service_principal import DatabricksServicePrincipal
from credmagic.kinds.external_oauth_provider import ExternalOAuthProvider
from credmagic.kinds.gcp import Gcp
from credmagic.kinds.machine_login import MachineLogin
from credmagic.kinds.oauth import OAuth
from credmagic.kinds.oauth_client_credentials import OAuthClientCredentials
from credmagic.kinds.oauth_jwt_bearer import OAuthJwtBearer
from credmagic.kinds.oauth_password import OAuthPassword
from credmagic.kinds.oauth_subject import OAuthDirectAccess, OAuthOnBehalfOf, OAuthTokenExchange
from credmagic.kinds.s3 import S3
from credmagic.kinds.snowflake_key_pair import SnowflakeKeyPair
from credmagic.kinds.snowflake_oauth import SnowflakeOAuth
from credmagic.kinds.tableau_access_token import TableauAccessToken
from credmagic.testing.kind_examples import GOOD, GOOGLE, TOKEN_URL
from credmagic.testing.kind_suite import KindSuite

HTTP = "http://example.org/CANARY"
CLIENT = {"client_id": "app-1", "client_secret": "CANARY", "token_url": TOKEN_URL}


class TestS3(KindSuite):
    kind = S3
    good = GOOD["s3"]
    bad = (
        ({"aws_access_key_id": "AKIAEXAMPLE"}, "aws_secret_access_key"),
        ({"aws_secret_access_key": "CANARY"}, "aws_access_key_id"),
        ({"aws_session_token": "CANARY"}, "aws_access_key_id"),
        ({"external_id": "CANARY"}, "role_arn"),
        ({"role_arn": "arn:aws:iam::1:role/r", "endpoint_url": HTTP}, "endpoint_url"),
    )


class TestGcp(KindSuite):
    kind = Gcp
    good = GOOD["gcp"]
    bad = (
        ({}, "gcp_key"),
        ({"gcp_key": "CANARY"}, "gcp_key"),
        ({"gcp_key": ["CANARY"]}, "gcp_key"),
        ({"gcp_key": {**GOOGLE, "type": "CANARY"}}, "gcp_key"),
        ({"gcp_key": {**GOOGLE, "private_key": ""}}, "gcp_key"),
        ({"gcp_key": {**GOOGLE, "client_email": None}}, "gcp_key"),
    )


class TestMachineLogin(KindSuite):
    kind = MachineLogin
    good = GOOD["machine_login"]
    bad = (
        ({"url": "https://h", "user": "u"}, "password"),
        ({"url": HTTP, "user": "u", "password": "CANARY"}, "url"),
        ({"url": "https://h", "user": "u", "password": "CANARY", "role": "CANARY"}, "role"),
        ({"url": "https://h", "user": "u", "password": "CANARY", "org": "CANARY"}, "org"),
    )


class TestConductorAccessKey(KindSuite):
    kind = ConductorAccessKey
    good = GOOD["conductor_access_key"]
    bad = (
        ({"server_url": "https://h/api", "key_id": "k"}, "key_secret"),
        ({"server_url": HTTP, "key_id": "k", "key_secret": "CANARY"}, "server_url"),
    )


class TestSnowflakeKeyPair(KindSuite):
    kind = SnowflakeKeyPair
    good = GOOD["snowflake_key_pair_user_account"]
    bad = (
        ({}, "user"),
        ({"user": "ada"}, "private_key_str"),
        ({"private_key_str": "CANARY"}, "user"),
        ({"user": "ada", "private_key_str": "CANARY", "host": HTTP}, "host"),
    )


class TestSnowflakeOAuth(KindSuite):
    kind = SnowflakeOAuth
    good = GOOD["snowflake_oauth_user_account"]
    bad = (
        ({"oauth_issuer_type": "CANARY"}, "oauth_issuer_type"),
        ({"oauth_issuer_url": HTTP}, "oauth_issuer_url"),
    )


class TestDatabricksServicePrincipal(KindSuite):
    kind = DatabricksServicePrincipal
    good = GOOD["databricks_service_principal_account"]
    bad = (
        ({}, "client_id"),
        ({"client_id": "a"}, "client_secret"),
        ({"client_id": "a", "client_secret": "CANARY", "host": HTTP}, "host"),
    )


class TestTableauAccessToken(KindSuite):
    kind = TableauAccessToken
    good = GOOD["tableau_access_token"]
    bad = (
        ({"token_name": "t"}, "personal_access_token"),
        ({"personal_access_token": "CANARY"}, "token_name"),
        ({"token_name": "t", "personal_access_token": "CANARY", "server_url": HTTP}, "server_url"),
    )


class TestAzureServicePrincipal(KindSuite):
    kind = AzureServicePrincipal
    good = GOOD["azure_service_principal"]
    bad = (
        ({"client_id": "a", "client_secret": "CANARY"}, "azure_tenant_id"),
        ({"azure_tenant_id": "t", "client_id": "a"}, "client_secret"),
        ({"azure_tenant_id": "t", "client_id": "a", "client_secret": "CANARY", "authority": HTTP}, "authority"),
    )


class TestAdlsGen2OAuth(KindSuite):
    kind = AdlsGen2OAuth
    good = GOOD["adls_gen2_oauth"]
    bad = (
        ({"client_id": "a", "client_secret": "CANARY"}, "oauth_scopes"),
        ({"client_id": "a", "client_secret": "CANARY", "oauth_scopes": []}, "oauth_scopes"),
    )


class TestBoxJwt(KindSuite):
    kind = BoxJwt
    good = GOOD["box_jwt"]
    bad = tuple(({**GOOD["box_jwt"][0], name: ""}, name) for name in GOOD["box_jwt"][0])


class TestOAuth(KindSuite):
    kind = OAuth
    good = GOOD["oauth"]
    bad = (
        ({}, "token"),
        ({"refresh_token": "CANARY"}, "token"),
        ({"token": "CANARY", "client_id": "a"}, "token_url"),
        ({"token": "CANARY", "token_url": TOKEN_URL}, "client_id"),
        ({"client_id": "a", "token_url": TOKEN_URL}, "authorization_url"),
        ({"client_id": "a", "token_url": HTTP, "refresh_token": "CANARY"}, "token_url"),
        ({"client_id": "a", "token_url": TOKEN_URL, "authorization_url": HTTP}, "authorization_url"),
        ({"token": "CANARY", "custom_token_body": "{'CANARY'"}, "custom_token_body"),
        ({"token": "CANARY", "custom_token_header": {"X": ["CANARY"]}}, "custom_token_header"),
    )


class TestOAuthPassword(KindSuite):
    kind = OAuthPassword
    good = GOOD["oauth_password"]
    bad = (({**CLIENT, "user": "ada"}, "password"), ({"user": "ada", "password": "CANARY"}, "client_secret"))


class TestOAuthClientCredentials(KindSuite):
    kind = OAuthClientCredentials
    good = GOOD["oauth_client_credentials"]
    bad = (
        ({"client_id": "a", "token_url": TOKEN_URL}, "client_secret"),
        ({**CLIENT, "token_url": HTTP}, "token_url"),
        ({**CLIENT, "send_via": "CANARY"}, "send_via"),
    )


class TestOAuthOnBehalfOf(KindSuite):
    kind = OAuthOnBehalfOf
    good = GOOD["oauth_on_behalf_of"]
    bad = ((CLIENT, "grant_type"),)


class TestOAuthTokenExchange(KindSuite):
    kind = OAuthTokenExchange
    good = GOOD["oauth_token_exchange"]
    bad = ((CLIENT, "grant_type"),)


class TestOAuthDirectAccess(KindSuite):
    kind = OAuthDirectAccess
    good = GOOD["oauth_direct_access"]


class TestOAuthJwtBearer(KindSuite):
    kind = OAuthJwtBearer
    good = GOOD["oauth_jwt_bearer"]
    bad = (
        ({"token_url": TOKEN_URL}, "private_key"),
        ({"token_url": TOKEN_URL, "private_key": "CANARY", "alg": "CANARY"}, "alg"),
        ({"token_url": TOKEN_URL, "private_key": "CANARY", "exp": 0}, "exp"),
        ({"token_url": TOKEN_URL, "private_key": "CANARY", "custom_claims": {"exp": "CANARY"}}, "custom_claims"),
    )


class TestExternalOAuthProvider(KindSuite):
    kind = ExternalOAuthProvider
    good = GOOD["external_oauth_provider"]
    bad = (({}, "authentication_id"), ({"authentication_id": "a", "provider_url": HTTP}, "provider_url"))
