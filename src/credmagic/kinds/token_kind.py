"""What does a kernel get of a credential whose secrets stay in the vault?

A kind with an exchange has two states. In the vault it is *full*: every field, no token. `held(token)` is what leaves:
the public fields and a short-lived token; the secrets only if the credential says `exportable`. A kernel builds the
held state anew from the fields it received (`from_flat`), so adapters and variables are written once, for that state.

    full --exchange--> Token --held--> flatten --wire--> from_flat --> auth(), environ(), …
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any, ClassVar, Self

from pydantic import PrivateAttr

from credmagic.errors import TokenRefused
from credmagic.kinds.adapters import HeaderAuth, adapter
from credmagic.kinds.base import CredentialKind, Released, variable
from credmagic.kinds.fields import field
from credmagic.kinds.names import read_datetime
from credmagic.values import SecretStr, Token

TOKEN_EXPIRES = "token_expires_at"
"""The released field that says when the token ends (ISO 8601, UTC)."""
OfScope = Callable[[str], Mapping[str, Any]]
"""Resolves again for one scope and returns the released fields."""
Renew = Callable[[], Mapping[str, Any]]
"""The released fields as they are now; whoever gives them decides when a token is old enough to be renewed."""


class TokenKind(CredentialKind):
    """Base of kinds with an exchange. A subclass sets `exchange` and gives it `token_request()`."""

    token_field: ClassVar[str] = "access_token"
    """The released field that holds the token."""
    token_env: ClassVar[tuple[str, ...]] = ("NAME_ACCESS_TOKEN",)
    """Variables that carry the token."""
    token_extra: ClassVar[tuple[str, ...]] = ()
    """What of `Token.extra` is released, as public fields."""

    runtime_scheme: ClassVar[str] = "oauth2"

    _token: Token | None = PrivateAttr(default=None)
    _derived: Mapping[str, Any] = PrivateAttr(default_factory=dict)
    _renew: Renew | None = PrivateAttr(default=None)
    _of_scope: OfScope | None = PrivateAttr(default=None)

    exportable: bool = field(
        "Exportable",
        "Notebooks may also have the secrets themselves, not only tokens made from them.",
        default=False,
        type="bool",
        more=True,
        common=True,
    )

    @classmethod
    def describe(cls) -> dict[str, Any]:
        """With the variables that carry the token."""
        about = super().describe()
        return about | {"env": list(dict.fromkeys([*about["env"], *cls.token_env]))}

    @classmethod
    def runtime(cls, fields: Mapping[str, Any]) -> dict[str, str]:
        """The token alone, unless the kind is handed over field by field."""
        called = {"oauth2": "access_token", "bearer_token": "token"}.get(cls.runtime_scheme)
        return {called: str(fields.get(cls.token_field) or "")} if called else super().runtime(fields)

    def needs_exchange(self) -> bool:
        """True unless the subclass says that these values are handed over as they are."""
        return True

    def kept(self) -> frozenset[str]:
        """The secret fields that stay in the vault."""
        if self._token is not None or self.exportable or not self.needs_exchange():
            return frozenset()
        return frozenset(spec.name for spec in self.specs() if spec.secret)

    # ------------------------------------------------------------------ what leaves the vault

    def shown(self) -> Self:
        """The state a kernel may have when there is no token: without what is kept."""
        return self._cut({}) if self.kept() else self

    def held(self, token: Token) -> Self:
        """The state a kernel may have, with a token."""
        cut = self._cut(self.placed(token))
        cut._token = token
        return cut

    def placed(self, token: Token) -> Mapping[str, Any]:
        """The fields that parts of `token` take the place of, where a kernel looks for them."""
        return {}

    def _cut(self, placed: Mapping[str, Any]) -> Self:
        """This credential without what is kept and with what is `placed`; not checked again, for it is incomplete."""
        kept = self.kept()
        values = {name: None if name in kept else getattr(self, name) for name in type(self).model_fields}
        copy = self.model_construct(**(values | dict(placed)))
        copy._derived = {name: getattr(self, name) for name in type(self).model_computed_fields}
        return copy

    def released(self, token: Token) -> Released:
        """The public fields, `token_field`, `token_expires_at`; the secrets only if `exportable`."""
        held = self.held(token)
        return Released(held.flatten(), held.secret_keys(), held.environ("NAME"), held.files("NAME"))

    def flatten(self) -> dict[str, Any]:
        """What a kernel gets; of a full credential that is kept in the vault, the public fields."""
        shown = self.shown()
        return shown.public() | shown.secrets() | shown._token_fields()

    def _token_fields(self) -> dict[str, Any]:
        if self._token is None:
            return {}
        extra = self._token.extra
        fields: dict[str, Any] = {name: extra[name] for name in self.token_extra if name in extra}
        fields[self.token_field] = self._token.value
        if self._token.expires_at is not None:
            fields[TOKEN_EXPIRES] = self._token.expires_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return fields

    def secret_keys(self) -> list[str]:
        """The keys of `flatten()` whose values are secret."""
        found = list(self.shown().secrets())
        return [*found, self.token_field] if self._token and self.token_field not in found else found

    def environ(self, name: str, prefix: str | None = None) -> dict[str, str]:
        """The variables of what a kernel may have; a subclass adds to `exports`."""
        return {variable(env, name, prefix): value for env, value in self.shown().exports().items()}

    def exports(self) -> dict[str, str]:
        """The variables of this very state: of the fields that are set, and of the token if there is one."""
        found = super().environ("NAME")
        return found | ({} if self._token is None else dict.fromkeys(self.token_env, self._token.value))

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
        self = cls.model_construct(**values)
        self._derived = {name: value for name, value in fields.items() if cls.spec(name) is None}
        if token:
            self._token = Token(SecretStr(token), ends, {name: str(value) for name, value in self._derived.items()})
        return self

    def renewed_by(self, renew: Renew, of_scope: OfScope | None = None) -> Self:
        """Let `renew` say what the released fields are now, anew when the token is about to end. Returns itself.

        `of_scope` gets those with the token for another of its scopes.
        """
        self._renew, self._of_scope = renew, of_scope
        return self

    def fresh_for(self, scope: str) -> Token:
        """The token for that one of several scopes. Raises as `fresh`."""
        return self.fresh() if self._of_scope is None else self.from_flat(self._of_scope(scope)).fresh()

    def current(self) -> Self:
        """This state, or a new one if there is another token by now. Raises `TokenRefused`, `Unreachable`."""
        if self._renew is None:
            return self
        fields = self._renew()
        if self._token is not None and fields.get(self.token_field) == self._token.value:
            return self
        return self.from_flat(fields).renewed_by(self._renew, self._of_scope)

    def fresh(self) -> Token:
        """A token that is good for a minute at least, if it can be renewed. Raises `TokenRefused` if there is none."""
        token = self._token = self.current()._token
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
