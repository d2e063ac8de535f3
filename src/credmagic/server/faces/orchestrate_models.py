"""What may be sent to and comes from the watsonx Orchestrate face?

What is sent is read by the first group, liberally: newer clients send more, and what is unset as null. Answers have
exactly the fields of the second, none of them for a secret value; a text that is not there is absent, because the
client takes no null for one.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from credmagic.server.views import View

Environment = Literal["draft", "live"]
"""The client knows no others: one row of another makes its whole listing fail."""
Preference = Literal["team", "member"]
Plain = str | bool | int | float
MASK: Literal["********"] = "********"
"""What is shown in place of any value: of one length, whatever it stands for."""


# ── what may be sent ─────────────────────────────────────────────────────────────────────────────────────────
class Sent(BaseModel):
    """Base: what is not known is not looked at."""

    model_config = ConfigDict(extra="ignore", strict=True, hide_input_in_errors=True, frozen=True)


class Login(Sent):
    """Who signs in: with a password, or with an API key."""

    username: str
    password: str | None = Field(None, json_schema_extra={"writeOnly": True})
    api_key: str | None = Field(None, json_schema_extra={"writeOnly": True})
    account_id: str | None = None


class SentResource(Sent):
    """What a connection belongs to."""

    component: str | None = None
    category: str | None = None


class NewConnection(Sent):
    """A connection to be made."""

    app_id: str
    resource: SentResource | None = None


class SentRequestBody(Sent):
    """What is asked for in a token request."""

    requested_token_use: str | None = None
    requested_token_type: str | None = None


class SentRequest(Sent):
    """Headers and body of a token request."""

    header: dict[str, str] | None = None
    body: SentRequestBody | None = None


class SentAppRequest(Sent):
    """Headers of the application's token request."""

    header: dict[str, str] | None = None


class Changes(Sent):
    """A configuration, or what of it changes: absent keeps, null clears."""

    preference: Preference | None = None
    security_scheme: str | None = None
    auth_type: str | None = None
    sso: bool | None = None
    server_url: str | None = None
    idp_config_data: SentRequest | None = None
    app_config_data: SentAppRequest | None = None
    custom_runtime_creds: dict[str, Plain] | None = None
    name: str | None = None


class NewConfiguration(Changes):
    """What a connection is to be in one environment."""

    environment: Environment


class AppCredentials(Sent):
    """The application's part, or the identity provider."""

    app_credentials: dict[str, Any] | None = Field(None, json_schema_extra={"writeOnly": True})
    idp_credentials: dict[str, Any] | None = Field(None, json_schema_extra={"writeOnly": True})


class RuntimeCredentials(Sent):
    """The part of whoever works through the connection."""

    runtime_credentials: dict[str, Any] = Field(json_schema_extra={"writeOnly": True})


# ── what comes back ──────────────────────────────────────────────────────────────────────────────────────────
class Problem(View):
    """Every error; the client prints `detail`."""

    detail: str
    message: str
    code: str
    next_step: str = ""
    errors: dict[str, str] = {}


class Token(View):
    """A machine token, for the one who has just proved who he is."""

    token: str


class KnowledgeBase(View):
    """There are none here: clients ask for them only to try their token."""

    id: str
    name: str


class Resource(View):
    """What a connection belongs to."""

    component: str
    category: str = ""


class Connection(View):
    """One connection."""

    connection_id: str
    app_id: str
    resource: Resource | None = None


class Row(View):
    """A connection in one environment; without one, it is not configured. `name` is the header of an API key."""

    connection_id: str
    app_id: str
    name: str = ""
    security_scheme: str | None
    auth_type: str | None
    environment: Environment | None
    preference: Preference | None
    credentials_entered: bool


class Rows(View):
    """Every connection."""

    applications: list[Row]


class Found(RootModel[Connection | Rows]):
    """One connection where the query names one, else every one."""


class RequestBody(View):
    """What is asked for in a token request."""

    requested_token_use: str
    requested_token_type: str


class Request(View):
    """Headers and body of a token request."""

    header: dict[str, str] = {}
    body: RequestBody


class AppRequest(View):
    """Headers of the application's token request."""

    header: dict[str, str] = {}


class Configuration(View):
    """What a connection is in one environment; `custom_runtime_creds` are public entries."""

    app_id: str
    environment: Environment
    preference: Preference
    security_scheme: str
    auth_type: str | None
    sso: bool
    server_url: str | None
    idp_config_data: Request | None
    app_config_data: AppRequest | None
    custom_runtime_creds: dict[str, str] | None
    name: str = ""


class Entered(View):
    """A part of the credential was written; `warnings` say what is still missing."""

    app_id: str
    environment: Environment
    credentials_entered: bool
    warnings: list[str] = []


class MaskedField(View):
    """A field that is set, and what is shown in place of its value."""

    name: str
    value: Literal["********"]


class Masked(View):
    """Which fields are set."""

    app_id: str
    environment: Environment
    fields: list[MaskedField]
