"""Who may do what, to whose, and through which door?

One table, `RIGHTS`: for each right the planes it may be asked through, the tables it may write, and for each principal
(type, role) whose things it reaches. What is not there is denied. Three places ask it: `dispatch` before an action
runs, `Vault.find` and `Resolver` for each credential it names, and every transaction for each row it has written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from credmagic.crypto import context
from credmagic.crypto.keyset import Keyset
from credmagic.errors import AccessDenied, NotSignedIn
from credmagic.store.rows import PrincipalRow

if TYPE_CHECKING:
    from credmagic.store.transaction import Change
    from credmagic.vault.lookup import Owners

Who = tuple[str, str]
"""Type and role of a principal."""
LAPTOP, EDITOR, MEMBER = ("user", "owner"), ("user", "editor"), ("user", "member")
CONTRIBUTOR, ADMIN = ("machine", "Contributor"), ("machine", "Admin")

OWN, TEAM, OTHERS = "own", "team", "others"
PART = "part"
"""What the team keeps for a connection of which each member has a credential of its own."""
FOLLOWS = "follows"
"""Another's row that hangs on what one may change: who attached or was granted a shared credential; a member's
credential of a connection, which the team's part completes, or which goes with the connection or the member."""

_NOBODYS: frozenset[str] = frozenset()
_OWN = frozenset({OWN})
_SHARED = _OWN | {TEAM}
_KNOWN = _SHARED | {PART}
_KEPT = _KNOWN | {FOLLOWS}
_ALL = _KNOWN | {OTHERS}

_HERE = frozenset({"local"})
_VALUES = frozenset({"local", "kernel", "machine"})
_ANY = _VALUES | {"browser"}

_OWNERS = frozenset({"local", "kernel", "browser"})
"""Planes that have identified the laptop owner when they name no principal."""

_NO_TABLE: frozenset[str] = frozenset()
_OF_CREDENTIALS = frozenset({"credentials", "credential_versions", "associations", "grants", "usages"})
_GUARDED = frozenset({"credentials", "grants"})
_HANGING = frozenset({"associations", "grants"})
_MANAGED = frozenset({"connections", "configurations", "principals", "access_keys", "throttle"})


@dataclass(frozen=True, slots=True)
class Right:
    """`tables` None: any. `whose`: what the action may be about; `written`: whose rows change, where that differs."""

    planes: frozenset[str]
    tables: frozenset[str] | None
    whose: Mapping[Who, frozenset[str]]
    written: Mapping[Who, frozenset[str]] | None = None


def _of(*whose: frozenset[str]) -> Mapping[Who, frozenset[str]]:
    return dict(zip((LAPTOP, EDITOR, MEMBER, CONTRIBUTOR, ADMIN), whose, strict=True))


_CHANGED = _of(_KEPT, _KEPT, _OWN, _OWN, _KEPT)
"""What one may change as a part of something else: what is the team's only as one who may change that."""

RIGHTS: Mapping[str, Right] = {
    #                                              laptop  editor  member  Contributor  Admin
    # metadata; of others only that there is something, see `Vault.shown`
    "read": Right(_ANY, _NO_TABLE, _of(_KNOWN, _KNOWN, _KNOWN, _KNOWN, _ALL)),
    # where something is used: names of notebooks
    "trace": Right(_ANY, _NO_TABLE, _of(_KNOWN, _KNOWN, _KNOWN, _KNOWN, _KNOWN)),
    # what happened; `log` leaves out what is not one's own, unless one reaches all
    "audit": Right(_ANY, _NO_TABLE, _of(_KNOWN, _KNOWN, _KNOWN, _KNOWN, _ALL)),
    # credentials
    "write": Right(_ANY, _OF_CREDENTIALS, _of(_KNOWN, _KNOWN, _OWN, _OWN, _KNOWN)),
    # the same through a connection
    "fill": Right(_ANY, _OF_CREDENTIALS, _CHANGED),
    # a sign-in, for a credential of one's own or for one's own part of what the team keeps
    "login": Right(_ANY, _OF_CREDENTIALS, _of(_KNOWN, _KNOWN, _KNOWN, _KNOWN, _KNOWN), _CHANGED),
    # what one may see, to one's own notebooks and other objects
    "attach": Right(_ANY, frozenset({"associations"}), _of(_KNOWN, _KNOWN, _KNOWN, _KNOWN, _KNOWN), _CHANGED),
    # a value goes to the service it is for, and the answer is remembered
    "verify": Right(_ANY, frozenset({"credentials"}), _of(_KNOWN, _KNOWN, _KNOWN, _KNOWN, _KNOWN)),
    # values leave
    "use": Right(_VALUES, _NO_TABLE, _of(_SHARED, _SHARED, _SHARED, _SHARED, _SHARED)),
    # connections, machines, applications and their keys
    "manage": Right(_ANY, _OF_CREDENTIALS | _MANAGED, _of(_KEPT, _NOBODYS, _NOBODYS, _NOBODYS, _KEPT)),
    # who else may use a guarded one: in a terminal, for page script could press any button
    "guard": Right(_HERE, _GUARDED, _of(_KNOWN, _NOBODYS, _NOBODYS, _NOBODYS, _KNOWN), _CHANGED),
    # the store itself
    "operate": Right(_HERE, None, _of(_ALL, _NOBODYS, _NOBODYS, _NOBODYS, _NOBODYS)),
}
_NOBODY = Right(frozenset(), frozenset(), {})


@dataclass(frozen=True, slots=True)
class Acting:
    """On whose behalf something is done, and with which right; `id` is None for the laptop owner."""

    id: bytes | None
    type: str
    role: str
    right: str = ""

    @property
    def reach(self) -> frozenset[str]:
        """Whose things the running action may touch."""
        return self.reaches(self.right)

    def reaches(self, right: str) -> frozenset[str]:
        """Whose things one may touch with `right`; none without a rule."""
        return RIGHTS.get(right, _NOBODY).whose.get((self.type, self.role), frozenset())

    @property
    def written(self) -> frozenset[str]:
        """Whose rows the running action may write."""
        rule = RIGHTS.get(self.right, _NOBODY)
        return self.reach if rule.written is None else rule.written.get((self.type, self.role), frozenset())

    def check(self, owned: str, *, writing: bool = False) -> None:
        """Raises `AccessDenied` for one that is known, but not for the running action (to write to)."""
        if owned not in (self.written if writing else self.reach):
            raise _not_yours(self, owned)


HOUSE = Acting(None, *LAPTOP, "operate")
"""The vault itself, outside of any action: renamed notebooks, renewed tokens."""


def identify(keyset: Keyset, row: PrincipalRow | None) -> Acting:
    """The principal of a row that opens. Raises `NotSignedIn` for one that is paused or gone, `SealBroken`."""
    if row is not None:
        keyset.open(principal_context(keyset, row), row.sealed)
        acting = Acting(row.id, row.type, row.role)
        if row.status == "active" and acting.reaches("read"):
            return acting
    raise NotSignedIn(
        "this identity is paused or removed", next_step="Whoever manages it: credmagic machine list, machine resume"
    )


def owner_at(plane: str) -> Acting:
    """Who asks through a plane that names no principal. Raises `NotSignedIn` where that is nobody."""
    if plane not in _OWNERS:
        raise NotSignedIn("nobody has signed in", next_step="Sign in for a token first.")
    return HOUSE


def principal_context(keyset: Keyset, row: PrincipalRow) -> bytes:
    """What a principal's seal covers: every column that decides something."""
    columns = (row.type, row.status, row.role, row.name_ix)
    return context.row_context(keyset.store_id, "principals", row.id, columns, row.revision)


def is_local_only(right: str) -> bool:
    """True for what no socket and no port serves."""
    return RIGHTS.get(right, _NOBODY).planes <= _HERE


# ── before an action runs ────────────────────────────────────────────────────────────────────────────────────
def check(acting: Acting, plane: str, action: str) -> None:
    """Raises `AccessDenied` unless there is a rule for this right, this principal and this plane."""
    said = action.replace("_", " ")
    if not acting.reach:
        raise AccessDenied(
            f"the role {acting.role} may not: {said}",
            next_step="Ask the owner of this store, or a machine with the role Admin.",
        )
    if plane in RIGHTS[acting.right].planes:
        return
    if is_local_only(acting.right):
        command = action.replace("_", "-")
        raise AccessDenied(
            f"{command} runs only in a shell on the machine that holds the store",
            next_step=f"In a terminal: credmagic {command}",
        )
    raise AccessDenied(
        f"no value leaves here, so there is no: {said}",
        next_step="In a notebook: %cred use NAME — in a job: sign in as a machine and ask api/resolve",
    )


# ── before a transaction is kept ─────────────────────────────────────────────────────────────────────────────
def check_writes(acting: Acting, owners: Owners, changes: Iterable[Change]) -> None:
    """Raises `AccessDenied` when a row was written that the running action may not touch; nothing of it is kept."""
    changes = list(changes)
    tables = RIGHTS.get(acting.right, _NOBODY).tables
    credentials = {change.pk[0] for change in changes if change.table == "credentials"}
    for change in changes:
        if tables is None or (change.table == "audit" and change.old is None):
            continue
        owned = _owned(change, owners, credentials)
        if change.table not in tables or not owned <= acting.written:
            raise _not_yours(acting, *owned)


def _owned(change: Change, owners: Owners, credentials: set[Any]) -> set[str]:
    """Whose the written row is; nothing where the credential it hangs on is written too, and judged itself."""
    if change.table in _MANAGED:
        return {TEAM}
    found = set()
    for row in (change.old, change.new):
        if row is None or getattr(row, "credential_id", None) in credentials:
            continue
        owned = owners.owned(getattr(row, "owner_id", b""))
        found.add(FOLLOWS if owned == OTHERS and _follows(change) else owned)
    return found


def _follows(change: Change) -> bool:
    statuses = (getattr(change.old, "status", None), getattr(change.new, "status", None))
    return change.table in _HANGING or change.new is None or statuses == ("incomplete", "active")


def _not_yours(acting: Acting, *owned: str) -> AccessDenied:
    whose = "another" if {OTHERS, FOLLOWS} & set(owned) else "the team"
    verb = "use" if acting.right in ("use", "verify") else "change"
    return AccessDenied(
        f"the role {acting.role} may not {verb} what belongs to {whose}",
        next_step="Ask the owner of this store, or make one of your own.",
    )
