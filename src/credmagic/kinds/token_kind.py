"""What does a kernel get of a credential whose secrets stay in the vault?

A kind with an exchange has two states. In the vault it is *full*: every field, no token. `held(token)` is what leaves:
the public fields and a short-lived token; the secrets only if the credential says `exportable`. A kernel builds the
held state anew from the fields it received (`from_flat`), so adapters and variables are written once, for that state.

    full --exchange--> Token --held--> flatten --wire--> from_flat --> auth(), environ(), …
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Self

from pydantic import PrivateAttr

from credmagic.errors import TokenRefused
from credmagic.kinds.adapters import HeaderAuth, adapter
from credmagic.kinds.base import CredentialKind, Released, variable
from credmagic.kinds.fields import field
from credmagic.kinds.names import read_datetime
from credmagic.values import SecretStr, Token

TOKEN_EXPIRES = "token_expires_at"  # noqa: S105  (the name of a field)
"""The released field that says when the token ends (ISO 8601, UTC)."""
MARGIN = timedelta(seconds=60)
"""A token is renewed this long before it ends."""

Renew = Callable[[], Mapping[str, Any]]
"""Resolves again and returns the released fields."""


class TokenKind(CredentialKind):
    """Base of kinds with an exchange. A subclass sets `exchange` and gives it `token_request()`."""

    token_field: ClassVar[str] = "access_token"  # noqa: S105  (again a name)
    """The released field that holds the token."""
    token_env: ClassVar[tuple[str, ...]] = ("NAME_ACCESS_TOKEN",)
    """Variables that carry the token."""
    token_extra: ClassVar[tuple[str, ...]] = ()
    """What of `Token.extra` is released, as public fields."""

    _token: Token | None = PrivateAttr(default=None)
    _derived: Mapping[str, Any] = PrivateAttr(default_factory=dict)
    _renew: Renew | None = PrivateAttr(default=None)

    exportable: bool = field(
        "Exportable",
        "Notebooks may also have the secrets themselves, not only tokens made from them.",
        default=False,
        type="bool",
        more=True,
    )

    @classmethod
    def describe(cls) -> dict[str, Any]:
        """With the variables that carry the token."""
        about = super().describe()
        return about | {"env": list(dict.fromkeys([*about["env"], *cls.token_env]))}

    def needs_exchange(self) -> bool:
        """True unless the subclass says that these values are handed over as they are."""
        return True

    def _keeps(self) -> bool:
        return self._token is None and self.needs_exchange() and not self.exportable

    # ------------------------------------------------------------------ what leaves the vault

    def held(self, token: Token | None) -> Self:
        """The state that a kernel may have; without a token only what is public."""
        names = type(self).model_fields
        kept = {spec.name for spec in self.specs() if spec.secret and not self.exportable}
        copy = self.model_construct(**{name: None if name in kept else getattr(self, name) for name in names})
        derived = {name: getattr(self, name) for name in type(self).model_computed_fields}
        derived |= {name: token.extra[name] for name in self.token_extra if token and name in token.extra}
        return copy._with(token, {name: value for name, value in derived.items() if value is not None})

    def _with(self, token: Token | None, derived: Mapping[str, Any]) -> Self:
        self._token, self._derived = token, derived
        return self

    def released(self, token: Token) -> Released:
        """The public fields, `token_field`, `token_expires_at`; the secrets only if `exportable`."""
        held = self.held(token)
        return Released(held.flatten(), held.secret_keys(), held.environ("NAME"), held.files("NAME"))

    def flatten(self) -> dict[str, Any]:
        """What a kernel gets; of a full credential that is kept in the vault, the public fields."""
        return self.public() | ({} if self._keeps() else self.secrets()) | self._token_fields()

    def _token_fields(self) -> dict[str, Any]:
        if self._token is None:
            return {}
        ends = self._token.expires_at
        fields = {name: self._derived[name] for name in self.token_extra if name in self._derived}
        fields[self.token_field] = self._token.value
        if ends is not None:
            fields[TOKEN_EXPIRES] = ends.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return fields

    def secret_keys(self) -> list[str]:
        """The keys of `flatten()` whose values are secret."""
        kept = [] if self._keeps() else list(self.secrets())
        return [*kept, self.token_field] if self._token and self.token_field not in kept else kept

    def environ(self, name: str, prefix: str | None = None) -> dict[str, str]:
        """The variables of what a kernel has: of the fields, and of the token if there is one."""
        shown = self.held(None) if self._keeps() else self
        token = shown.token_value()
        found = {} if token is None else {variable(env, name, prefix): token for env in self.token_env}
        return super(TokenKind, shown).environ(name, prefix) | found

    # ------------------------------------------------------------------ in the kernel

    @classmethod
    def from_flat(cls, fields: Mapping[str, Any]) -> Self:
        """The held state made of released fields; they were checked when they were stored."""
        values = {spec.name: fields.get(spec.name, spec.default) for spec in cls.specs()}
        for spec in cls.specs():
            if spec.secret and isinstance(values[spec.name], str):
                values[spec.name] = SecretStr(values[spec.name])
        token = fields.get(cls.token_field)
        ends = read_datetime(fields[TOKEN_EXPIRES]) if fields.get(TOKEN_EXPIRES) else None
        others = {name: value for name, value in fields.items() if cls.spec(name) is None}
        return cls.model_construct(**values)._with(Token(SecretStr(token), ends) if token else None, others)

    def renewed_by(self, renew: Renew) -> Self:
        """Let `renew` fetch released fields anew when the token is about to end. Returns itself."""
        self._renew = renew
        return self

    def token_value(self) -> SecretStr | None:
        """The token as it was handed over; None if there is none."""
        return self._token.value if self._token else None

    def fresh(self) -> Token:
        """A token that is good for a minute at least, if it can be renewed. Raises `TokenRefused` if there is none."""
        token = self._token
        if self._renew and (token is None or (token.expires_at and token.expires_at <= datetime.now(UTC) + MARGIN)):
            token = self._token = self.from_flat(self._renew())._token
        if token is None:
            raise TokenRefused(
                f"this credential of kind {self.kind} has no token here",
                next_step="Get one with the credential: %cred use NAME",
            )
        return token

    @adapter
    def auth(self) -> HeaderAuth:
        """For requests and httpx: `requests.get(url, auth=cred.auth())`; the token is renewed before it ends."""
        self.fresh()
        return HeaderAuth("Authorization", lambda: f"Bearer {self.fresh().value}")
