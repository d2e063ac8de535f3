"""How does a name become values, and what is recorded before they leave?

The hot path of everything: `credmagic.use`, `%cred use`, the kernel plane. It needs only the key set and a
`HotPort` (stdlib sqlite3 for a SQLite store), no SQLAlchemy, no pydantic. Order: explicit id, then (name, active
environment, mine), (…, team), (name, no environment, mine), (…, team). The audit row is durable before a value
is returned; if it cannot be written, nothing is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeVar

from credmagic import settings
from credmagic.crypto.keyset import Keyset
from credmagic.errors import CredentialNotFound, CredmagicError, InvalidCredential, NotUsable, SealBroken, word
from credmagic.store.ports import HotPort
from credmagic.store.rows import CredentialRow, VersionRow
from credmagic.vault.audit import Caller, Event, builder, now
from credmagic.vault.rates import Rates
from credmagic.vault.records import Stored, iso, open_meta, open_version

T = TypeVar("T")

_ID = re.compile(r"[0-9a-f]{32}\Z")

Describe = Callable[[str, str, Mapping[str, Any]], dict[str, Any]]
"""(kind, name, raw fields) -> `environ`, `files`, `aliases`, as the kind's class derives them."""


@dataclass(frozen=True, slots=True)
class Owners:
    """The principals of a store: its one user, and the team every user belongs to."""

    me: bytes
    team: bytes

    @classmethod
    def of(cls, keyset: Keyset) -> Owners:
        """Both ids follow from the name key, so that finding a credential reads no other row."""
        return cls(keyset.object_index("principal", "owner"), keyset.object_index("principal", "team 1"))

    def __iter__(self) -> Iterator[bytes]:
        return iter((self.me, self.team))

    def label(self, owner: bytes) -> str:
        return "mine" if owner == self.me else "team"


def as_id(ref: str) -> bytes | None:
    """`ref` as a credential id if it looks like one (32 hex digits)."""
    return bytes.fromhex(ref) if _ID.match(ref) else None


def candidates(keyset: Keyset, owners: Owners, ref: str, environment: str) -> Iterator[tuple[bytes, str, bytes]]:
    """Where a name is looked up, in order: (owner, environment, blind index of the name)."""
    for env in dict.fromkeys((environment, "")):
        for owner in owners:
            yield owner, env, keyset.name_index(owner, env, ref)


Names = list[tuple[str, str]]
"""(name, environment) of what is stored, for hints."""


def not_found(ref: str, environment: str, known: Names) -> CredentialNotFound:
    """The error for an unknown name: where it does exist, the closest names, and the command that makes it."""
    elsewhere = [env for name, env in known if env != environment and name.casefold() == ref.casefold()]
    names = list(dict.fromkeys(name for name, _ in known if name.casefold() != ref.casefold()))
    closest = get_close_matches(ref, names, n=3, cutoff=0.6)
    hint = f"It exists in {' and '.join(elsewhere)}: add --env {elsewhere[0]}. " if elsewhere else ""
    hint = hint or (f"Did you mean {' or '.join(closest)}? " if closest else "")
    where = f" in {environment}" if environment else ""
    create = "See them all: %cred list" if as_id(ref) else f"Create it: %cred new KIND {word(ref)}"
    return CredentialNotFound(f'no credential "{ref}"{where}', next_step=hint + create, details={"closest": closest})


class Resolver:
    """Turns references into values for one open store. Thread-safe as far as its port is."""

    def __init__(
        self,
        keyset: Keyset,
        port: HotPort,
        *,
        rates: Rates | None = None,
        names: Callable[[], Names] = list,
        describe: Describe | None = None,
    ) -> None:
        self.keyset = keyset
        self.port = port
        self.owners = Owners.of(keyset)
        self.rates = rates or Rates()
        self.names = names
        self._describe = describe

    def resolve(
        self,
        caller: Caller,
        ref: str,
        *,
        environment: str | None = None,
        version: int | None = None,
        kind: str | None = None,
        describe: bool = False,
    ) -> dict[str, Any]:
        """The values of `ref` (shape *resolved* in docs/architecture.md), the use recorded first.

        Raises `CredentialNotFound`, `NotUsable`, `RateLimited`, `InvalidCredential` (another kind), `SealBroken`.
        """
        environment = settings.active_environment() if environment is None else environment
        row, current = self._find(ref, environment)
        stored = self._opened(caller, row, lambda: open_meta(self.keyset, row))
        try:
            self._check_usable(stored, kind)
            bulk = self.rates.use(caller.kernel_id or "", row.id)
        except CredmagicError as error:
            self._record(Event("use", caller, "denied", row.id, row.current_version, error.code))
            raise
        wanted = current if version in (None, row.current_version) else self._version(stored, version)
        values = self._opened(caller, row, lambda: open_version(self.keyset, row, wanted))
        if bulk:
            self._record(Event("bulk_use", caller))
        self._record(Event("use", caller, "ok", row.id, wanted.version))
        return self._resolved(stored, wanted.version, values, describe)

    def _find(self, ref: str, environment: str) -> tuple[CredentialRow, VersionRow]:
        if (credential_id := as_id(ref)) is not None:
            found = self.port.get_credential(credential_id)
            if found and found[0].owner_id in tuple(self.owners):
                return found
        for candidate in candidates(self.keyset, self.owners, ref, environment):
            if found := self.port.find_credential((candidate,)):
                return found
        raise not_found(ref, environment, self.names())

    def _opened(self, caller: Caller, row: CredentialRow, open_: Callable[[], T]) -> T:
        """What `open_` opens. A record that was changed is recorded with the reason, which the caller is not told."""
        try:
            return open_()
        except SealBroken as error:
            broken = error
        self._record(Event("store.integrity", caller, "denied", row.id, reason=broken.reason))
        raise broken

    def _check_usable(self, stored: Stored, kind: str | None) -> None:
        row, name = stored.row, stored.name
        if kind is not None and kind != row.kind:
            raise InvalidCredential(
                f'"{name}" is of kind {row.kind}, not {kind}',
                next_step=f"Use it as it is: %cred use {word(name)}",
                errors={"kind": f"is {row.kind}"},
            )
        if row.status != "active":
            steps = {"paused": f"See since when: %cred audit {word(name)}", "incomplete": f"%cred edit {word(name)}"}
            raise NotUsable(f'"{name}" is {row.status}', code=row.status, next_step=steps.get(row.status, ""))
        if stored.expires_at is not None and stored.expires_at <= now():
            raise NotUsable(
                f'"{name}" expired on {(iso(stored.expires_at) or "")[:10]}',
                code="expired",
                next_step=f"New values, a new date: %cred rotate {word(name)} --secret FIELD=prompt --expires DATE",
            )

    def _version(self, stored: Stored, version: int | None) -> VersionRow:
        found = None
        if version is not None and 0 < version < 2**63:  # what a database can hold
            found = self.port.get_version(stored.row.id, version)
        if found is None:
            raise CredentialNotFound(
                f'"{stored.name}" has no version {version}', next_step=f"See them: %cred versions {word(stored.name)}"
            )
        return found

    def _record(self, event: Event) -> None:
        self.port.append_audit(builder(self.keyset, event))

    def _resolved(self, stored: Stored, version: int, values: dict[str, Any], describe: bool) -> dict[str, Any]:
        row = stored.row
        raw = {**values["public"], **values["secret"]}
        resolved: dict[str, Any] = {
            "id": row.id.hex(),
            "name": stored.name,
            "kind": row.kind,
            "kind_version": row.kind_version,
            "version": version,
            "environment": row.environment,
            "expires_at": iso(stored.expires_at),
            "fields": values.get("flat", raw),
            "secret": values.get("flat_secret", list(values["secret"])),
        }
        if describe and self._describe:
            resolved.update(self._describe(row.kind, stored.name, raw))
        return resolved
