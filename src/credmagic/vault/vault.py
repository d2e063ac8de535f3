"""What is an open vault, and what do all its use-cases share?

A `Vault` is a store whose key set is open: it looks credentials up, and runs a change together with its audit
row in one transaction. The use-cases stand beside it by theme (`credentials`, `associations`, `entries`,
`overview`, `protection`) as functions of (vault, caller, …); `actions` is their one table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import replace
from typing import Any

from credmagic import settings
from credmagic.crypto.keyset import Keyset
from credmagic.errors import CredentialNotFound, SealBroken, word
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.registry import find_kind, title_of
from credmagic.kinds.signing_in import awaits_sign_in
from credmagic.masking import mask, why_unmaskable
from credmagic.store.rows import CredentialRow, PrincipalRow, VersionRow
from credmagic.store.sql import SqlStore
from credmagic.store.transaction import Reader, Transaction
from credmagic.tokens.cache import TokenCache
from credmagic.vault import access
from credmagic.vault.audit import Caller, Event, append
from credmagic.vault.client_part import with_client_part
from credmagic.vault.entries import Entries
from credmagic.vault.injected import Injected
from credmagic.vault.lookup import Names, Owners, as_id, candidates, not_found
from credmagic.vault.pending_logins import Logins
from credmagic.vault.rates import Rates
from credmagic.vault.records import Stored, open_meta, open_to_show, open_version
from credmagic.vault.resolve import Resolver
from credmagic.vault.reveals import Reveals

Opening = Callable[[Keyset, CredentialRow], Stored]

ForCaller = Callable[[Caller, Stored, CredentialKind], CredentialKind]
"""A stored credential as it asks its service for the caller (see `releasing`)."""

KEEP_TOKENS = frozenset({"credential.verify", "credential.renew"})
"""Changes of a credential after which its tokens are as good as before."""
_OWNER = {access.OWN: "me", access.TEAM: "team", access.OTHERS: "another"}
NAMES_SHOWN = 2000
"""How many names are opened for "did you mean" and completion."""


def describe_values(kind: str, kind_version: int, name: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """What the kind's class derives from stored values for a kernel that shall not import it."""
    cls = find_kind(kind)
    credential = cls.parse_stored(kind_version, raw, {})
    derived: dict[str, Any] = {
        "environ": credential.environ(name),
        "files": credential.files(name),
        "aliases": credential.field_aliases(),
    }
    if kind_version != cls.version:
        derived |= {
            "kind_version": cls.version,
            "fields": credential.flatten(),
            "secret": credential.secret_keys(),
        }
    return derived


class Vault:
    """One open store. Methods are thread-safe; every write carries its audit row in the same transaction."""

    def __init__(
        self,
        store: SqlStore,
        keyset: Keyset,
        resolver: Resolver,
        entries: Entries,
        *,
        root_key: bytearray,
        keys_in: str,
        rates: Rates,
    ) -> None:
        self.store = store
        self.keyset = keyset
        self.owners = Owners.of(keyset)
        self.resolver = resolver
        self.entries = entries
        self.root_key = root_key
        self.keys_in = keys_in
        self.rates = rates
        self.tokens = TokenCache()
        self.injected = Injected()
        self.reveals = Reveals()
        self.logins = Logins()
        self.for_caller: ForCaller = lambda caller, stored, credential: credential
        self.acting = access.HOUSE

    # ── finding ──────────────────────────────────────────────────────────────────────────────────────────
    def find(
        self, reader: Reader, ref: str, environment: str | None = None, *, open_: Opening = open_meta
    ) -> Stored:
        """The credential `ref` means, by id or in resolution order. Another's is found by who may know of it.

        Raises `CredentialNotFound`; `AccessDenied` for one that is known and not for the running action.
        """
        environment = settings.active_environment() if environment is None else environment
        if (credential_id := as_id(ref)) is not None:
            row = reader.get(CredentialRow, id=credential_id)
            if row is not None and self.owners.owned(row.owner_id) in self.acting.reaches("read"):
                return self._allowed(row, open_)
        for owner, env, name_ix in candidates(self.keyset, self.owners, ref, environment):
            rows = reader.find(CredentialRow, {"owner_id": owner, "environment": env, "name_ix": name_ix}, limit=1)
            if rows:
                return self._allowed(rows[0], open_)
        raise not_found(ref, environment, self._known(reader))

    def _allowed(self, row: CredentialRow, open_: Opening) -> Stored:
        owned = self.owners.owned(row.owner_id)
        self.acting.check(owned)
        return self.shown(row) if owned == access.OTHERS else open_(self.keyset, row)

    def shown(self, row: CredentialRow) -> Stored:
        """The credential for people: a damaged one under its id, and another's too, without what it says of itself."""
        stored = open_to_show(self.keyset, row)
        return stored if self.is_ours(stored) else stored.masked()

    def is_ours(self, stored: Stored) -> bool:
        """False for another's, of which no more is said than that it is there."""
        return self.owners.owned(stored.row.owner_id) != access.OTHERS

    def listed_owners(self, reader: Reader) -> list[bytes]:
        """Whose credentials may be listed: one's own, the team's, and for who reaches all everybody's."""
        owners = list(self.owners)
        if access.OTHERS in self.acting.reaches("read"):
            people = reader.find(PrincipalRow, order=("created_at", "id"))
            owners += [row.id for row in people if row.id not in owners]
        return owners

    def visible(
        self, reader: Reader, owners: Iterable[bytes] | None = None, limit: int = NAMES_SHOWN
    ) -> Iterator[Stored]:
        """Credentials of these owners (else the user and the team), oldest first, at most `limit` of each."""
        for owner in self.owners if owners is None else owners:
            rows = reader.find(CredentialRow, {"owner_id": owner}, order=("created_at", "id"), limit=limit)
            yield from (self.shown(row) for row in rows)

    def names(self) -> Names:
        """What there is, for "did you mean"."""
        with self.store.read() as reader:
            return self._known(reader)

    def _known(self, reader: Reader) -> Names:
        return [(stored.name, stored.row.environment) for stored in self.visible(reader)]

    def credential(self, reader: Reader, stored: Stored) -> CredentialKind:
        """The values of the current version, for changing and verifying inside the vault."""
        row = reader.get(VersionRow, credential_id=stored.row.id, version=stored.row.current_version)
        if row is None:
            raise CredentialNotFound(
                f'"{stored.name}" has lost version {stored.row.current_version}',
                next_step=f"Give it new values: %cred rotate {word(stored.name)} --secret FIELD=prompt",
            )
        opened = with_client_part(self, reader, stored, open_version(self.keyset, stored.row, row))
        return find_kind(stored.row.kind).parse_stored(row.kind_version, opened["public"], opened["secret"])

    def view(self, stored: Stored) -> dict[str, Any]:
        """The masked view of a credential."""
        view = stored.view(title=title_of(stored.row.kind), owner=_OWNER[self.owners.owned(stored.row.owner_id)])
        stored_as = view["kind"], view["kind_version"], view["fields"], view["secrets"]
        return view | {"sign_in": "needed"} if awaits_sign_in(*stored_as) else view

    def forget_kernel(self, kernel: str) -> None:
        """A kernel ended or starts anew: nothing waits for it and nothing is injected there any more."""
        self.entries.forget(kernel)
        self.reveals.forget(kernel)
        self.logins.forget(kernel)
        self.injected.forget(kernel)

    def seen_by(self, caller: Caller, right: str) -> Vault:
        """This vault for one action: with the caller's own credentials as "mine", and no more than `right` allows.

        Raises `NotSignedIn` for who is paused or gone.
        """
        if caller.principal is not None:
            with self.store.read() as reader:
                acting = access.identify(self.keyset, reader.get(PrincipalRow, id=caller.principal))
        else:
            acting = access.owner_at(caller.plane)
        acting = replace(acting, right=right)
        if acting == self.acting:
            return self  # the operator: what changes the keys must reach this very vault
        seen = copy(self)
        seen.acting, seen.owners = acting, self.owners.seen_by(caller.principal)
        return seen

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────
    @contextmanager
    def change(self, event: Event) -> Iterator[Transaction]:
        """A write transaction that ends with `event` in the audit chain: both are durable, or neither is."""
        with self.store.transaction() as transaction:
            yield transaction
            access.check_writes(self.acting, self.owners, transaction.changes)
            append(transaction, self.keyset, event)
        if event.object_id and event.action.startswith("credential.") and event.action not in KEEP_TOKENS:
            self.tokens.drop(event.object_id)

    def record(self, event: Event) -> None:
        """Only the audit row."""
        with self.change(event):
            pass

    # ── for the save guard, inside the server's process only ─────────────────────────────────────────────
    def generation(self) -> object:
        """Something that differs whenever stored values, or tokens made from them, may differ."""
        with self.store.read() as reader:
            newest = reader.find(VersionRow, order=("created_at", "credential_id"), descending=True, limit=1)
            return reader.count(VersionRow), newest[0].created_at if newest else 0, self.tokens.fetched

    def guarded_values(self) -> Iterator[tuple[str, str, frozenset[str]]]:
        """(mask, value, public values beside it) of every secret or token in use that output filters can replace."""
        with self.store.read() as reader:
            rows = {row.id: row for row in reader.find(CredentialRow)}
            names = {key: open_to_show(self.keyset, row).name for key, row in rows.items()}
            for version in reader.find(VersionRow):
                opened = self._guarded(rows[version.credential_id], version, names[version.credential_id])
                public = frozenset(str(value) for value in opened["public"].values())
                flat = {**opened["secret"], **opened.get("flat", {})}
                for field in {**opened["secret"], **dict.fromkeys(opened.get("flat_secret", ()))}:
                    value = flat[field]
                    if isinstance(value, str) and not why_unmaskable(value, public):
                        yield mask(names[version.credential_id], field), value, public
        for credential_id, value in self.tokens.issued():
            if credential_id in names and not why_unmaskable(value):
                yield mask(names[credential_id], "token"), value, frozenset()

    def _guarded(self, row: CredentialRow, version: VersionRow, name: str) -> dict[str, Any]:
        with suppress(SealBroken):
            return open_version(self.keyset, row, version)
        raise SealBroken(
            f'version {version.version} of "{name}" does not open',
            next_step=f"Put a backup of the store in its place, or remove that one: %cred rm {word(name)}",
        )

    def close(self) -> None:
        """Wipe the keys and close the store."""
        self.keyset.wipe()
        self.root_key[:] = bytes(len(self.root_key))
        self.store.close()


__all__ = ["Caller", "Vault", "describe_values"]
