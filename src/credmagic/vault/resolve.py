"""How does a name become values, and what is recorded before they leave?

The hot path of everything: `credmagic.use`, `%cred use`, the kernel plane. It needs only the key set and a
`HotPort` (stdlib sqlite3 for a SQLite store), no SQLAlchemy, no pydantic. Order: explicit id, then (name, active
environment, mine), (…, team), (name, no environment, mine), (…, team). The audit row is durable before a value
is returned; if it cannot be written, nothing is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from credmagic import settings
from credmagic.crypto.keyset import Keyset
from credmagic.errors import (
    AccessDenied,
    CredentialNotFound,
    CredmagicError,
    InvalidCredential,
    NotUsable,
    SealBroken,
    TokenRefused,
    word,
)
from credmagic.store.ports import HotPort
from credmagic.store.rows import CredentialRow, UsageRow, VersionRow
from credmagic.vault import access
from credmagic.vault.audit import Caller, Event, builder, now
from credmagic.vault.connection_records import open_configuration
from credmagic.vault.lookup import Names, Owners, as_id, candidates, no_scopes, not_found, not_signed_in, sign_in_first
from credmagic.vault.rates import Rates
from credmagic.vault.records import Stored, iso, new_usage, open_grant, open_meta, open_version

SEEN = 100_000
"""How many (credential, notebook) pairs are remembered as recorded; more, and all are looked at again."""

T = TypeVar("T")

Describe = Callable[[str, int, str, Mapping[str, Any]], dict[str, Any]]
"""(kind, its version when they were stored, name, raw fields) -> `environ`, `files`, `aliases`, as the class says."""

Release = Callable[[Caller, Stored, int, Mapping[str, Any], str | None], dict[str, Any]]
"""(caller, credential, version, values, scope) -> what leaves of one whose secrets stay: see `releasing`."""


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
        release: Release | None = None,
    ) -> None:
        self.keyset = keyset
        self.port = port
        self.owners = Owners.of(keyset)
        self.rates = rates or Rates()
        self.names = names
        self._describe = describe
        self.release = release
        self._seen: set[tuple[bytes, str]] = set()

    def resolve(
        self,
        caller: Caller,
        ref: str,
        *,
        environment: str | None = None,
        version: int | None = None,
        kind: str | None = None,
        scope: str | None = None,
        describe: bool = False,
        reach: frozenset[str] = access.HOUSE.reaches("use"),
    ) -> dict[str, Any]:
        """The values of `ref` (shape *resolved* in docs/architecture.md), the use recorded first.

        `scope` asks for a token for that one of several; `reach` is whose credentials the caller may use.
        Raises `CredentialNotFound`, `NotUsable`, `RateLimited`, `InvalidCredential` (another kind), `SealBroken`.
        """
        environment = settings.active_environment() if environment is None else environment
        row, current = self._find(self.owners.seen_by(caller.principal), reach, ref, environment)
        stored = self._opened(caller, row, lambda: open_meta(self.keyset, row))
        try:
            self.check_usable(caller, stored, kind)
            bulk = self.rates.use(caller.session, row.id)
            earlier = version not in (None, row.current_version)
            wanted = self._version(stored, version) if earlier else current
            values = self._opened(caller, row, lambda: open_version(self.keyset, row, wanted))
            if earlier:
                _check_ended(stored, values.get("expires_at"))
            if scope is not None and "exchange" not in values:
                raise no_scopes(stored.name, row.kind)
        except SealBroken:  # recorded already, with its reason
            raise
        except CredmagicError as error:
            self._record(Event("use", caller, "denied", row.id, row.current_version, error.code))
            raise
        if bulk:
            self._record(Event("bulk_use", caller))
        self._record_use(caller, row.id, wanted.version)
        return self._resolved(caller, stored, wanted, values, scope, describe)

    def _find(
        self, owners: Owners, reach: frozenset[str], ref: str, environment: str
    ) -> tuple[CredentialRow, VersionRow]:
        if (credential_id := as_id(ref)) is not None:
            found = self.port.get_credential(credential_id)
            owned = self._owned(owners, found[0]) if found else access.OTHERS
            if found and owned in reach:
                return found
            if owned == access.PART:
                raise AccessDenied(
                    "this is the team's part of a connection of which each member has a credential of its own",
                    next_step="Use the connection by its name: %cred use NAME",
                )
        for candidate in candidates(self.keyset, owners, ref, environment):
            found = self.port.find_credential((candidate,))
            if found and self._owned(owners, found[0]) in reach:
                return found
        if missing := self._missing_sign_in(owners, ref, environment):
            raise missing
        raise not_found(ref, environment, self.names() if owners is self.owners else [])

    def _missing_sign_in(self, owners: Owners, ref: str, environment: str) -> TokenRefused | None:
        """What is said of a connection of which a member has a credential from the first sign-in on; else None."""
        place = (owners.team, environment, self.keyset.name_index(owners.team, environment, ref))
        configuration = self.port.configuration(place)
        if configuration is None or configuration.sso:
            return sign_in_first(ref, environment) if configuration else None
        from credmagic.kinds.signing_in import has_sign_in  # pydantic: only when nothing was found

        to_sign_in = configuration.sharing == "member" and has_sign_in(configuration.kind)
        return not_signed_in(ref, environment) if to_sign_in and self.port.find_credential((place,)) else None

    def _owned(self, owners: Owners, row: CredentialRow) -> str:
        return owners.owned(row.owner_id) if self.shared(row) else access.PART

    def _opened(self, caller: Caller, row: CredentialRow, open_: Callable[[], T]) -> T:
        """What `open_` opens. A record that was changed is recorded with the reason, which the caller is not told."""
        try:
            return open_()
        except SealBroken as error:
            broken = error
        self._record(Event("store.integrity", caller, "denied", row.id, reason=broken.reason))
        raise broken

    def shared(self, row: CredentialRow) -> bool:
        """False for what a team keeps for a connection of which each member has a credential of its own."""
        if row.owner_id != self.owners.team or not row.environment:
            return True
        configuration = self.port.configuration((row.owner_id, row.environment, row.name_ix))
        if configuration is None:
            return True
        open_configuration(self.keyset, configuration)  # a forged row must not hand out anything
        return configuration.sharing == "team"

    def check_usable(self, caller: Caller, stored: Stored, kind: str | None = None) -> None:
        """Nothing stands against handing it to `caller`. Raises `NotUsable`, `AccessDenied`, `InvalidCredential`."""
        row, name = stored.row, stored.name
        if kind is not None and kind != row.kind:
            raise InvalidCredential(
                f'"{name}" is of kind {row.kind}, not {kind}',
                next_step=f"Use it as it is: %cred use {stored.in_command}",
                errors={"kind": f"is {row.kind}"},
            )
        if row.status != "active":
            missing = f"%cred connection set-credentials --app-id {word(name)} --env {row.environment}"
            steps = {"paused": f"%cred resume {stored.in_command}", "incomplete": missing}
            raise NotUsable(f'"{name}" is {row.status}', code=row.status, next_step=steps.get(row.status, ""))
        _check_ended(stored, stored.expires_at)
        if stored.guarded:
            self.check_grant(caller, stored)

    def check_grant(self, caller: Caller, stored: Stored) -> None:
        """A grant names the caller's notebook or kernelspec, as its server knows them. Raises `AccessDenied`."""

        name = word(stored.name)
        if caller.plane == "local":  # nobody vouches for the notebook this process says it runs for
            raise AccessDenied(
                f'"{stored.name}" is guarded: only notebooks with a grant, under a credmagic server, may use it',
                next_step=f"Use it from such a notebook, or in a terminal: credmagic guard {name} off",
            )
        mine = {(kind, self.keyset.object_index(kind, ident)) for kind, ident in caller.objects()}
        for grant in self.port.grants(stored.row.id):
            if (grant.object_type, grant.object_ix) in mine:
                open_grant(self.keyset, grant)  # a forged row must not hand out anything
                return
        where = f"notebook {word(caller.notebook)}" if caller.notebook else "kernelspec KERNELSPEC"
        raise AccessDenied(
            f'"{stored.name}" is guarded and {"this notebook" if caller.notebook else "this kernel"} has no grant',
            next_step=f"In a terminal: credmagic grant {name} {where}",
        )

    def _version(self, stored: Stored, version: int | None) -> VersionRow:
        found = None
        if version is not None and 0 < version < 2**63:  # what a database can hold
            found = self.port.get_version(stored.row.id, version)
        if found is None:
            raise CredentialNotFound(
                f'"{stored.name}" has no version {version}', next_step=f"See them: %cred versions {word(stored.name)}"
            )
        ended = [until for last, until in stored.meta.get("ends", ()) if found.version <= last and until <= now()]
        if ended:
            raise NotUsable(
                f'version {version} of "{stored.name}" ended on {(iso(min(ended)) or "")[:10]}, after its overlap',
                code="expired",
                next_step=f"Use the current one: %cred use {stored.in_command}",
            )
        return found

    def _record(self, event: Event) -> None:
        self.port.append_audit(builder(self.keyset, event))

    def _record_use(self, caller: Caller, credential_id: bytes, version: int) -> None:
        """The audit row; and the first time this process hands this credential to this notebook, its usage."""
        usage: UsageRow | None = None
        pair = (credential_id, caller.notebook or "")
        if caller.notebook and pair not in self._seen:
            usage = new_usage(self.keyset, credential_id, "notebook", caller.notebook, now())
        self.port.append_audit(builder(self.keyset, Event("use", caller, "ok", credential_id, version)), usage)
        if usage is not None:
            if len(self._seen) >= SEEN:
                self._seen.clear()
            self._seen.add(pair)

    def _released(
        self, caller: Caller, stored: Stored, version: int, values: dict[str, Any], scope: str | None
    ) -> dict[str, Any]:
        if self.release is None:
            raise TokenRefused(f'"{stored.name}" gets its token from the whole vault, which is not open here')
        return self.release(caller, stored, version, values, scope)

    def _resolved(
        self,
        caller: Caller,
        stored: Stored,
        wanted: VersionRow,
        values: dict[str, Any],
        scope: str | None,
        describe: bool,
    ) -> dict[str, Any]:
        row = stored.row
        resolved: dict[str, Any] = {
            "id": row.id.hex(),
            "name": stored.name,
            "kind": row.kind,
            "kind_version": wanted.kind_version,
            "version": wanted.version,
            "environment": row.environment,
            "expires_at": iso(stored.expires_at),
        }
        if "exchange" in values:  # its secrets stay here: a token leaves in their place
            return resolved | self._released(caller, stored, wanted.version, values, scope)
        raw = {**values["public"], **values["secret"]}
        resolved["fields"] = values.get("flat", raw)
        resolved["secret"] = values.get("flat_secret", list(values["secret"]))
        if describe and self._describe:
            resolved.update(self._describe(row.kind, wanted.kind_version, stored.name, raw))
        return resolved


def _check_ended(stored: Stored, expires_at: Any) -> None:
    if isinstance(expires_at, int) and expires_at <= now():
        raise NotUsable(
            f'"{stored.name}" expired on {(iso(expires_at) or "")[:10]}',
            code="expired",
            next_step=f"New values: %cred rotate {stored.in_command} --secret FIELD=prompt — "
            f"another date: %cred edit {stored.in_command} --expires DATE",
        )
