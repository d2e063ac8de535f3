"""What is a kind?

A frozen pydantic model whose fields are declared once with `field()` and `secret()`. Everything else is read from
that declaration: forms, prompts, listings, REST models, variables, documents. A kind does no I/O; it points to its
probe by name, and its adapters import their libraries when called.

    values --parse--> CredentialKind --public/secrets--> store --parse--> flatten, environ, files, adapters
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from credmagic.errors import InvalidCredential
from credmagic.kinds.adapters import adapter_names
from credmagic.kinds.exchange import SignInRequest
from credmagic.kinds.fields import FieldSpec, camel
from credmagic.kinds.names import env_stem
from credmagic.kinds.reading import RULE, name_table, read, refusal, specs_of, translated
from credmagic.kinds.review import review
from credmagic.values import Token


@dataclasses.dataclass(frozen=True)
class Released:
    """What a kernel gets of one credential.

    `secret` names the keys of `fields` whose values are secret. The keys of `environ` and `files` still say `NAME_`
    where the credential's own name belongs: `environ_of` puts it in.
    """

    fields: dict[str, Any]
    secret: list[str]
    environ: dict[str, str]
    files: dict[str, str] = dataclasses.field(default_factory=dict)


class CredentialKind(BaseModel):
    """Base of every kind. A subclass declares fields and, where needed, `check`, `environ`, `files`, adapters."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kind: ClassVar[str]
    title: ClassVar[str]
    group: ClassVar[str] = ""
    """Heading in listings; the title unless given."""
    aliases: ClassVar[tuple[str, ...]] = ()
    wire_kinds: ClassVar[Mapping[str, str]] = {}
    """The kind's name on a face where it differs from `kind`, e.g. `{"datarobot": "api_token"}`."""
    version: ClassVar[int] = 1
    probe: ClassVar[str | None] = None
    """Name of the entry point in `credmagic.probes` that can tell whether a credential works."""
    one_session: ClassVar[bool] = False
    """Whether signing in again ends the session that is open: then a probe would."""
    idle_days: ClassVar[int | None] = None
    """After so many days without use its service ends it."""
    help: ClassVar[str] = ""
    help_url: ClassVar[str] = ""
    variables: ClassVar[tuple[str, ...]] = ()
    """Variables that `environ` and `files` may set beyond those the fields name."""
    exchange: ClassVar[str | None] = None
    """Name of the entry point in `credmagic.exchanges` that turns the values into a short-lived token."""
    lent: ClassVar[tuple[str, ...]] = ()
    """The fields that a team credential lends to those whose `config_id` names it."""
    lent_to: ClassVar[tuple[str, ...]] = ()
    """The fields that say where what is lent will be sent: the lender's count, or a borrower could name his own."""
    sharing: ClassVar[tuple[str, ...]] = ("team", "member")
    """How a connection of this kind may be shared."""
    sso: ClassVar[bool] = False
    """Whether a connection of this kind works with the member's own sign-in at an identity provider."""
    client_part: ClassVar[tuple[str, ...]] = ()
    """The fields that say which application asks: a connection's team lends them to its members."""
    sdk: ClassVar[str | None] = None
    """Name of the entry point in `credmagic.sdks` whose libraries can renew it by themselves."""
    configured: ClassVar[Mapping[str, str]] = {}
    """Settings of a connection that say a field of its credential, e.g. `{"name": "header"}`."""
    runtime_scheme: ClassVar[str] = "key_value_creds"
    """What tools of watsonx Orchestrate take it for."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse a declaration that would leak or clash, when the class is made."""
        super().__pydantic_init_subclass__(**kwargs)
        name_table(cls)

    # ------------------------------------------------------------------ what the kind is

    @classmethod
    def specs(cls) -> tuple[FieldSpec, ...]:
        """The fields in form order: as declared (what is needed, secrets, the rest), then what is under "More"."""
        return specs_of(cls)

    @classmethod
    def spec(cls, name: str) -> FieldSpec | None:
        """The field of a canonical name, alias or wire name; None for any other name."""
        return name_table(cls).get(name)

    @classmethod
    def describe(cls) -> dict[str, Any]:
        """The kind as a JSON object (shape *describe* in `docs/architecture.md`)."""
        env = [name for spec in cls.specs() for name in spec.env]
        return {
            "kind": cls.kind,
            "title": cls.title,
            "group": cls.group or cls.title,
            "aliases": list(cls.aliases),
            "version": cls.version,
            "verifiable": cls.probe is not None,
            "sign_in": cls.sign_in is not CredentialKind.sign_in,
            "help": cls.help,
            "help_url": cls.help_url,
            "env": list(dict.fromkeys([*env, *cls.variables])),
            "adapters": list(cls.adapters()),
            "fields": [spec.describe() for spec in cls.specs()],
        }

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """JSON Schema of the values; secrets are `writeOnly`."""
        return cls.model_json_schema(mode="validation")

    @classmethod
    def adapters(cls) -> tuple[str, ...]:
        """Names of the methods that hand the credential to a library, sorted."""
        return adapter_names(cls)

    @classmethod
    def wire_name(cls, face: str, field: str) -> str:
        """How `face` spells a field: as declared, else camelCase for `datarobot`, else canonical.

        Raises `KeyError` for a name that is no field.
        """
        spec = name_table(cls)[field]
        return spec.wire.get(face) or (camel(spec.name) if face == "datarobot" else spec.name)

    @classmethod
    def wire_kind(cls, face: str) -> str:
        """How `face` spells the kind."""
        return cls.wire_kinds.get(face, cls.kind)

    @classmethod
    def field_aliases(cls) -> dict[str, str]:
        """Other name → canonical name, for `cred["alias"]`."""
        return {alias: spec.name for spec in cls.specs() for alias in spec.aliases}

    # ------------------------------------------------------------------ from values

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """The credential made of `values`, by canonical, alias or wire name; None and "" mean "not given".

        Raises one `InvalidCredential` whose `errors` holds every problem, in words that quote no value.
        """
        try:
            made: Self | None = cls.model_validate(dict(values))
            problems: dict[str, str] = {}
        except ValidationError as error:
            made, problems = None, translated(cls, error)
        if made is None:  # outside the except block: pydantic's error quotes its input and must not be the context
            raise refusal(cls, problems)
        return made

    @classmethod
    def migrate(cls, version: int, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """`values` as an earlier `version` of this class stored them, by the names and types of this version.

        A class that changes its fields raises `version` and overrides this; old values are never rewritten in place.
        """
        return values

    @classmethod
    def upgraded(cls, version: int, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Stored `values` in today's form. Raises `InvalidCredential` if a newer version of the kind wrote them."""
        if version == cls.version:
            return values
        if version > cls.version:
            raise InvalidCredential(
                f"it was stored by version {version} of the kind {cls.kind}; here is version {cls.version}",
                next_step="Upgrade credmagic, or the package that ships the kind.",
                errors={"kind": "is older here than where the credential was stored"},
            )
        return cls.migrate(version, values)

    @classmethod
    def parse_stored(cls, version: int, public: Mapping[str, Any], secrets: Mapping[str, Any]) -> Self:
        """The credential made of what `public` and `secrets` gave when the kind had `version`. Raises as `parse`."""
        return cls.parse(cls.upgraded(version, {**public, **secrets}))

    @classmethod
    def from_flat(cls, fields: Mapping[str, Any]) -> Self:
        """The credential made of what `flatten` gave."""
        return cls.parse(fields)

    def updated(self, changes: Mapping[str, Any]) -> Self:
        """A copy with `changes`: a field that is absent stays, None clears. Raises as `parse`."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        table = name_table(type(self))
        for name, value in changes.items():
            spec = table.get(name)
            values[spec.name if spec else name] = value
        return type(self).parse(values)

    @model_validator(mode="before")
    @classmethod
    def _convert(cls, values: Any) -> dict[str, Any]:
        """Names to canonical ones and each value to its type, so that pydantic only sees what is right."""
        converted, problems = read(cls, values)
        if problems:
            raise PydanticCustomError(RULE, "does not fit", {"problems": problems})
        return converted

    @model_validator(mode="after")
    def _check(self) -> Self:
        if problems := self.check():
            raise PydanticCustomError(RULE, "does not fit", {"problems": dict(problems)})
        return self

    def check(self) -> Mapping[str, str]:
        """Rules between fields: field → what is wrong, in words without values."""
        return {}

    # ------------------------------------------------------------------ to values

    def public(self) -> dict[str, Any]:
        """The public fields that are set, JSON-able, with those derived from a secret."""
        fields = [spec.name for spec in self.specs() if not spec.secret]
        values = {name: getattr(self, name) for name in (*fields, *type(self).model_computed_fields)}
        return {name: jsonable(value) for name, value in values.items() if value not in (None, [], {})}

    def secrets(self) -> dict[str, Any]:
        """The secret fields that are set, JSON-able; texts are `SecretStr`."""
        values = {spec.name: getattr(self, spec.name) for spec in self.specs() if spec.secret}
        return {name: dict(value) if isinstance(value, Mapping) else value for name, value in values.items() if value}

    def flatten(self) -> dict[str, Any]:
        """What `cred[...]` shows: every field that is set, by name."""
        return self.public() | self.secrets()

    def secret_keys(self) -> list[str]:
        """The keys of `flatten()` whose values are secret."""
        return list(self.secrets())

    def environ(self, name: str, prefix: str | None = None) -> dict[str, str]:
        """Environment variables for the credential called `name`; `prefix` takes the name's place in them."""
        values = ((env, getattr(self, spec.name)) for spec in self.specs() for env in spec.env)
        return {variable(env, name, prefix): env_text(value) for env, value in values if value is not None}

    @classmethod
    def runtime(cls, fields: Mapping[str, Any]) -> dict[str, str]:
        """What tools of watsonx Orchestrate read of released `fields`, by its name there."""
        return {name: env_text(value) for name, value in fields.items() if value is not None}

    def needs_exchange(self) -> bool:
        """Whether a kernel gets a token in place of these values; if not, it gets the values."""
        return False

    def sign_in(self) -> SignInRequest | None:
        """What a person signs in to so that this credential gets its tokens; None where nobody signs in."""
        return None

    def for_scope(self, scope: str) -> Self:
        """This credential asking for a token of that one scope; itself, where that is what it asks for anyway.

        Raises `InvalidCredential` where that is not its.
        """
        raise InvalidCredential(
            f"tokens of the kind {self.kind} are not asked for by scope",
            next_step="Use it without one: %cred use NAME",
            errors={"scope": "is not for this kind"},
        )

    def released(self, token: Token) -> Released:
        """What a kernel gets once the exchange has fetched `token` (see `TokenKind`)."""
        return Released(self.flatten(), self.secret_keys(), self.environ("NAME"), self.files("NAME"))

    def borrowing(self, lender: Self) -> Self:
        """This credential with the secret group of the one its `config_id` names. Raises as `parse`."""
        lent = {name: getattr(lender, name) for name in (*self.lent, *self.lent_to)}
        return self.updated({"config_id": None, **lent})

    def files(self, name: str, prefix: str | None = None) -> dict[str, str]:
        """Variables whose value is the path of a private file, with the content that file must have."""
        return {}

    def expiry(self) -> datetime | None:
        """The moment the value itself says it ends (UTC), if it says so."""
        return None

    def warnings(self) -> list[str]:
        """What a person should know after saving; no value is in any of them."""
        return review(self)


def variable(env: str, name: str, prefix: str | None = None) -> str:
    """`NAME_USER` for the credential `warehouse` → `WAREHOUSE_USER`; other names stay."""
    return env_stem(name, prefix) + env[4:] if env.startswith("NAME_") else env


def environ_of(released: Released, name: str, prefix: str | None = None) -> dict[str, str]:
    """The variables of what was released, for the credential called `name`; `prefix` takes the name's place."""
    return {variable(env, name, prefix): value for env, value in released.environ.items()}


def env_text(value: Any) -> str:
    """A field's value as a variable holds it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(jsonable(value))


def jsonable(value: Any) -> Any:
    """A field's value as it is stored."""
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
