"""Which objects does a Unify client send and get?

Names are those of the wire. One answer holds a secret: `UnifySession`, for who has just proved who he is.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from credmagic.crypto.password_hash import MAX_LENGTH, MIN_LENGTH
from credmagic.server.views import View

Role = Literal["Admin", "Contributor"]
Password = Annotated[str, Field(json_schema_extra={"writeOnly": True})]
NewPassword = Annotated[Password, Field(min_length=MIN_LENGTH, max_length=MAX_LENGTH)]


class UnifySession(View):
    """A token for the header `x-auth-token`, for 60 minutes."""

    authToken: str


class UnifyUser(View):
    """Who can sign in; the client prints the fields as columns, in this order."""

    id: str
    name: str
    email: str | None
    created: str
    status: Literal["active", "paused"]
    role: Role


class _Sent(BaseModel):
    """Base: what is sent; further names are left unread."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class UnifyLogin(_Sent):
    """A machine's account id and password, or anything and this Jupyter server's token."""

    email: str
    password: Password


class UnifyCreation(_Sent):
    """A machine user to make."""

    identifier: str = Field(pattern=r"^[A-Za-z0-9._@-]{1,128}$")
    password: NewPassword
    roleNames: list[Role] = Field(default=["Contributor"], min_length=1, max_length=1)
    fullName: str | None = None


class UnifyNewPassword(_Sent):
    """The password that takes the old one's place."""

    newPassword: NewPassword
