"""Which objects does a Conductor client send and get?

Names are those of the wire, times integer milliseconds since 1970. Two answers hold a secret: `ConductorNewAccessKey`,
the only time the key's is shown, and `ConductorToken`, for the one who has just proved who he is.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from credmagic.server.views import View


class ConductorProblem(View):
    """Every error: `status` repeats the answer's; clients act on `error`, show `message`."""

    status: int
    error: str
    message: str
    code: str
    next_step: str = ""
    errors: dict[str, str] = {}


class ConductorToken(View):
    """A machine token; `expiresIn` in seconds."""

    token: str
    expiresIn: int
    userId: str


class ConductorRole(View):
    """What somebody may do."""

    name: str


class ConductorUserInfo(View):
    """Whose token it is."""

    id: str
    name: str
    applicationUser: bool
    roles: list[ConductorRole]


class ConductorApplication(View):
    """An identity that signs in with access keys; `roles` is credmagic's, clients ignore it."""

    id: str
    name: str
    createdBy: str
    createTime: int
    updatedBy: str
    updateTime: int
    roles: list[str]


class ConductorAccessKey(View):
    """An access key; what is not ACTIVE lets nobody in."""

    id: str
    status: Literal["ACTIVE", "INACTIVE"]
    createdAt: int


class ConductorNewAccessKey(View):
    """An access key with its secret."""

    id: str
    secret: str


class ConductorTag(View):
    """A word about an application."""

    key: str
    type: Literal["METADATA", "RATE_LIMIT"] = "METADATA"
    value: str


class _Request(BaseModel):
    """Base: what a client sends; names that are not known are ignored."""

    model_config = ConfigDict(extra="ignore")


class ConductorKeyPair(_Request):
    """An access key, or the account id and password of a machine."""

    keyId: str
    keySecret: str


class ConductorApplicationRequest(_Request):
    """An application as it shall be."""

    name: str
