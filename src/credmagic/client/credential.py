"""What does code get from `use`?

A `Credential`: a read-only mapping of field names to values, whose secrets are `SecretStr`. Showing it, in whatever
way, shows names and masks. Pickling it writes a *reference*, which resolves again where it is loaded: the other
process must itself have the right to the value, and no value is ever in a pickle.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, NoReturn, cast

from credmagic.client.field_values import masked, no_such_field, read_only, text_of
from credmagic.errors import Unreachable
from credmagic.masking import mask
from credmagic.values import SecretStr

_RENEWED_BEFORE = 60.0
"""Seconds before the end of a token from which a fresh one is asked for; if it came with less than two, half of it."""
_SHORTEST_WORTH_WRAPPING = 4
"""A variable counts as secret when it contains a secret of at least this many characters."""


class Reference(NamedTuple):
    """How to find a credential again: by `id` in the same store, by `name` and `environment` in another one.

    `version` is None unless that version was asked for by number: a pickle made before a rotation resolves to the
    value that works *now*, which is what a worker that runs tomorrow needs. `remote` is the nickname of the server it
    came from, "" for this one; `scope` what its token is for, if that was asked for.
    """

    id: str
    name: str
    environment: str
    version: int | None
    remote: str = ""
    scope: str | None = None


Resolver = Callable[[Reference], "Credential"]


class Credential(Mapping[str, Any]):
    """The fields of one version of one credential, by name or alias. Made by `credmagic.use`.

    `cred["password"]` is a `str` that prints as its mask; adapters of the kind are methods (`cred.url()`). A field is
    the value of the last `use` or renewal; `cred.token`, `cred.auth()` and other adapters renew what is about to end.
    """

    __slots__ = ("__weakref__", "_again", "_came", "_fields", "_pinned", "_remote", "_resolved")
    _resolved: dict[str, Any]
    _fields: dict[str, Any]
    _again: Resolver | None
    _came: tuple[float, float]
    _pinned: bool
    _remote: str

    def __init__(self) -> None:
        raise TypeError("a Credential comes from credmagic.use(name)")

    @classmethod
    def from_resolved(
        cls, resolved: Mapping[str, Any], *, again: Resolver | None = None, pinned: bool = False, remote: str = ""
    ) -> Credential:
        """Build one from what a client's `resolve` returned (*resolved* in docs/architecture.md).

        `again` resolves a `Reference` (for `refresh` and pickles) and must be a module-level function;
        `pinned` says that the version was asked for by number, `remote` is the nickname of another server.
        """
        self = cls.__new__(cls)
        secret = set(resolved["secret"])
        name = resolved["name"]
        fields = {
            key: masked(value, mask(name, key)) if key in secret else value for key, value in resolved["fields"].items()
        }
        slots = {
            "_resolved": dict(resolved), "_fields": fields, "_again": again, "_came": (time.time(), time.monotonic()),
            "_pinned": pinned, "_remote": remote,
        }  # fmt: skip
        for slot, value in slots.items():
            object.__setattr__(self, slot, value)
        return self

    @property
    def name(self) -> str:
        """The name it was found under."""
        return str(self._resolved["name"])

    @property
    def kind(self) -> str:
        """The canonical name of its kind."""
        return str(self._resolved["kind"])

    @property
    def version(self) -> int:
        """The version these values belong to (1, 2, …)."""
        return int(self._resolved["version"])

    @property
    def id(self) -> str:
        """Its id in the store."""
        return str(self._resolved["id"])

    @property
    def environment(self) -> str:
        """`draft`, `live`, …; empty for one that serves all environments."""
        return str(self._resolved["environment"])

    @property
    def remote(self) -> str:
        """The nickname of the server it came from and is renewed by; empty for this one."""
        return self._remote

    @property
    def expires_at(self) -> str | None:
        """When it ends (ISO 8601, UTC), or None; of a short-lived token, when that one ends."""
        return self._resolved.get("expires_at")

    @property
    def token(self) -> str:
        """The token to send: a short-lived one is renewed here when it is about to end, without a new `use`.

        Raises `TokenRefused` or `Unreachable` when it cannot be renewed, `AttributeError` when the kind has none.
        """
        self.keep_fresh()
        try:
            return cast(str, self[self._resolved.get("token", "token")])
        except KeyError:
            raise AttributeError("token") from None  # `__getattr__` says it better

    @property
    def is_short_lived(self) -> bool:
        """Whether it holds a token that was made for this use, while the secrets stay in the vault."""
        return "token" in self._resolved

    def keep_fresh(self) -> bool:
        """Renew a short-lived token that is about to end; whether there is another one now. Does nothing for others.

        While it is still good, a vault or a provider that is away for a moment is no error.
        Raises `TokenRefused`, `Unreachable` and what else `refresh` raises.
        """
        left, at_first = self._left()
        if left > min(_RENEWED_BEFORE, at_first / 2):
            return False
        before, failure = self._resolved, None
        try:
            self.refresh()
        except Unreachable as error:
            failure = error
        if failure is not None and left <= 0:
            raise failure
        return bool(self._resolved["fields"] != before["fields"])

    def _left(self) -> tuple[float, float]:
        """Seconds until its token ends: now, by the clock that has moved more, and when it came."""
        ends = self.expires_at
        if ends is None or not self.is_short_lived:
            return float("inf"), float("inf")
        from datetime import datetime  # not on the way of `use`

        wall, ticks = self._came
        in_seconds = self._resolved.get("expires_in")  # by the vault's clock, from which ours may differ
        at_first = datetime.fromisoformat(ends).timestamp() - wall if in_seconds is None else float(in_seconds)
        return at_first - max(time.time() - wall, time.monotonic() - ticks), at_first

    def __getitem__(self, key: str) -> Any:
        try:
            return self._fields[key]
        except KeyError:
            pass
        if (field := self._field_called(key)) in self._fields:
            return self._fields[field]
        raise KeyError(no_such_field(self.name, key, self._fields))

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def _field_called(self, alias: str) -> str | None:
        aliases = self._resolved.get("aliases")
        if aliases is not None:
            found = aliases.get(alias)
            return None if found is None else str(found)
        spec = self._kind_class().spec(alias) if isinstance(alias, str) else None
        return None if spec is None else str(spec.name)

    def _kind_class(self) -> Any:
        # Imported when asked for only: kinds are pydantic models, which the hot path of `use` does not need.
        from credmagic.kinds.registry import find_kind

        return find_kind(self.kind)

    def _model(self) -> Any:
        cls = self._kind_class()
        model = cls.from_flat(cls.upgraded(self._resolved["kind_version"], self._resolved["fields"]))
        renewed_by = getattr(model, "renewed_by", None)
        return renewed_by(self._fields_anew, self._fields_for) if renewed_by and self.is_short_lived else model

    def _fields_for(self, scope: str) -> Mapping[str, Any]:
        """What an adapter asks for the token of another scope."""
        return cast(Mapping[str, Any], self.anew(scope)._resolved["fields"])

    def _fields_anew(self) -> Mapping[str, Any]:
        """What an adapter asks before it sends the token."""
        self.keep_fresh()
        return cast(Mapping[str, Any], self._resolved["fields"])

    def environ(self, prefix: str | None = None) -> dict[str, str]:
        """The environment variables this credential stands for; `prefix` replaces its name in theirs."""
        known = self._resolved.get("environ")
        found = dict(known) if known is not None and prefix is None else self._model().environ(self.name, prefix)
        return {variable: self._wrapped(variable, str(value)) for variable, value in found.items()}

    def files(self, prefix: str | None = None) -> dict[str, str]:
        """Contents that must be handed over as files, by the variable that names the file."""
        known = self._resolved.get("files")
        found = dict(known) if known is not None and prefix is None else self._model().files(self.name, prefix)
        # Always masked: a file may hold the value in another form (line ends of a key), where no comparison finds it.
        return {variable: SecretStr(content, mask(self.name, variable)) for variable, content in found.items()}

    def _wrapped(self, variable: str, value: str) -> str:
        from urllib.parse import quote  # not on the way of `use`, which must start fast

        secrets = (v for v in self.secrets().values() if len(v) >= _SHORTEST_WORTH_WRAPPING)
        forms = (form for secret in secrets for form in (secret, quote(secret, safe=" +")))  # as SQLAlchemy's URLs do
        return SecretStr(value, mask(self.name, variable)) if any(form in value for form in forms) else value

    def secrets(self) -> dict[str, str]:
        """The secret values by field, as plain text: what the output filter has to look for."""
        secret = self._resolved["secret"]
        return {key: v for key in secret if (v := text_of(self._resolved["fields"].get(key)))}

    def public(self) -> dict[str, Any]:
        """The fields that are not secret."""
        secret = self._resolved["secret"]
        return {key: value for key, value in self._fields.items() if key not in secret}

    def __getattr__(self, name: str) -> Any:
        # Underscored names are probes of IPython, copy and pickle: they must not load the kind.
        if not name.startswith("_") and name in self._kind_class().adapters():
            return getattr(self._model(), name)
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}; fields are read as cred[{name!r}]")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._kind_class().adapters()})

    def refresh(self) -> Credential:
        """Resolve again, in place: after a rotation elsewhere this object has the new values. Returns itself."""
        newer = self.anew()
        for slot in ("_resolved", "_fields", "_came"):
            object.__setattr__(self, slot, getattr(newer, slot))
        return self

    def anew(self, scope: str | None = None) -> Credential:
        """Another object with the values as they are now, or with the token for another of its scopes."""
        reference = self._reference()
        return self._resolver()(reference if scope is None else reference._replace(scope=scope))

    def _reference(self) -> Reference:
        version, scope = self.version if self._pinned else None, self._resolved.get("scope")
        return Reference(self.id, self.name, self.environment, version, self._remote, scope)

    def _resolver(self) -> Resolver:
        if self._again is None:
            raise TypeError(f"{self.name!r} was not made by credmagic.use and cannot be resolved again")
        return self._again

    def __reduce__(self) -> tuple[Resolver, tuple[Reference]]:
        return self._resolver(), (self._reference(),)

    def __copy__(self) -> Credential:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Credential:
        return self

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(read_only(self.name))

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(read_only(self.name))

    def __setitem__(self, key: str, value: object) -> NoReturn:
        raise TypeError(read_only(self.name))

    def __delitem__(self, key: str) -> NoReturn:
        raise TypeError(read_only(self.name))

    def __repr__(self) -> str:
        where = f" {self.environment}" if self.environment else ""
        where += f" from {self._remote}" if self._remote else ""
        return f"<Credential {self.name} ({self.kind}, version {self.version}{where}): {', '.join(self._shown())}>"

    def _shown(self) -> list[str]:
        secret = self._resolved["secret"]
        return [f"{key}={mask(self.name, key)}" if key in secret else str(key) for key in self._fields]

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(f"<code>{escape(text)}</code> " for text in self._shown())
        facts = " · ".join(
            escape(str(fact)) for fact in (self.kind, f"version {self.version}", self.environment, self._remote) if fact
        )
        return f"<div><b>{escape(self.name)}</b> {facts}<br>{rows.rstrip()}</div>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    def _ipython_key_completions_(self) -> list[str]:
        return list(self._fields)
