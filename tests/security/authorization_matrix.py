"""F5: who may do what, written down a second time, and run for real.

`EXPECTED` is SECURITY §6 as people read it, independent of `vault/access.py`: for each principal the outcome for a
credential that is its own, the team's, the team's part of a connection with members' own credentials, and another's.
Each cell runs through `dispatch` over a real store; a transaction that would commit is undone, so that the next cell
finds everything as it was, but for the log.
"""

import base64
from contextlib import contextmanager
from dataclasses import replace

from credmagic.crypto.entry import entry_info, new_entry_key, seal_entry
from credmagic.errors import AccessDenied, Conflict, InvalidCredential, NotFound, NotSignedIn
from credmagic.store.rows import PrincipalRow
from credmagic.vault.access import principal_context
from credmagic.vault.actions import ACTIONS, dispatch
from credmagic.vault.audit import Caller
from credmagic.vault.pending_logins import Login
from credmagic.wiring import open_vault
from vault_principals import another

PRINCIPALS = ("laptop", "editor", "member", "Contributor", "Admin", "paused", "unknown")
OBJECTS = ("own", "team", "part", "others")
PLANES = ("local", "kernel", "browser", "machine")
YES, KNOWN, UNKNOWN, NOBODY = "y", "n", "u", "x"
"""It is done · refused, for one that is known (403) · as if it were not there (404) · nobody has signed in (401)."""

EXPECTED = {
    #            laptop  editor  member  Contributor  Admin: each own, team, part, others
    "read":     ("yyyu", "yyyu", "yyyu", "yyyu", "yyyy"),
    "where":    ("yyyu", "yyyu", "yyyu", "yyyu", "yyyn"),
    "log":      ("yyyu", "yyyu", "yyyu", "yyyu", "yyyy"),
    "change":   ("yyyu", "yyyu", "ynnu", "ynnu", "yyyn"),
    "login":    ("yyyu", "yyyu", "ynyu", "ynyu", "yyyn"),
    "attach":   ("yyyu", "yyyu", "yyyu", "yyyu", "yyyn"),
    "verify":   ("yyyu", "yyyu", "yyyu", "yyyu", "yyyn"),
    "use":      ("yynu", "yynu", "yynu", "yynu", "yynu"),
    "holds":    ("yyyu", "yyyu", "yyyu", "yyyu", "yyyn"),
    "guard":    ("yyyu", "nnnn", "nnnn", "nnnn", "yyyn"),
    "make":     ("yy",   "yy",   "yn",   "yn",   "yy"),
    "fill":     ("yyy",  "yyy",  "ynn",  "ynn",  "yyy"),
    "look":     ("y",    "y",    "y",    "y",    "y"),
    "theirs":   ("u",    "u",    "u",    "u",    "u"),
    "values":   ("y",    "y",    "y",    "y",    "y"),
    "manage":   ("y",    "n",    "n",    "n",    "y"),
    "operate":  ("y",    "n",    "n",    "n",    "n"),
}  # fmt: skip
ONLY = {"guard": ("local",), "operate": ("local",)} | dict.fromkeys(
    ("use", "holds", "values"), ("local", "kernel", "machine")
)
"""Planes; the others have all."""

NAMED = {  # action: row of EXPECTED, parameters beside `ref`
    "show": ("read", {}), "versions": ("read", {}),
    "uses": ("where", {}),
    "audit": ("log", {}),
    "update": ("change", {"description": "d", "verify": False}),
    "rotate": ("change", {"fields": {"password": "another-1"}, "verify": False}),
    "generate": ("change", {}),
    "rollback": ("change", {"version": 1, "verify": False}),
    "pause": ("change", {}), "resume": ("change", {}),
    "rename": ("change", {"new_name": "renamed"}),
    "delete": ("change", {"force": True}),
    "begin_entry": ("change", {"kind": "basic"}),
    "submit_entry": ("change", {}),
    "login_begin": ("login", {}),
    "attach": ("attach", {"object_type": "notebook", "object_id": "/nb/new.ipynb", "default": True}),
    "detach": ("attach", {"object_type": "job"}),
    "verify": ("verify", {}),
    "resolve": ("use", {}),
    "note_injected": ("holds", {"held": False}),
    "guard": ("guard", {"on": True}),
    "grant": ("guard", {"object_type": "kernelspec", "object_id": "ir"}),
    "revoke": ("guard", {"object_type": "kernelspec", "object_id": "python3"}),
}  # fmt: skip
LOGIN = {"user": "svc", "password": "team-pass-1234"}
_IDP = {"idp_url": "https://idp.example/t", "client_id": "c", "client_secret": "cs-1", "scope": "s", "grant_type": "g"}
_SSO = {"app_id": "sso-app", "environment": "draft", "fields": _IDP}
_YAML = (
    "spec_version: v1\nkind: connection\napp_id: fresh\nenvironments: {draft: {kind: basic, type: team, sso: false}}\n"
)
PLAIN = {  # action: row of EXPECTED, parameters for each of its outcomes
    "create": ("make", [
        {"name": "fresh", "kind": "basic", "fields": LOGIN, "team": team, "verify": False} for team in (False, True)
    ]),
    "connection_set_credentials": ("fill", [
        {"app_id": app_id, "environment": "draft", "part": part, "fields": {"password": "another-1"}}
        for app_id, part in (("member-app", ""), ("team-app", ""), ("member-app", "app"))
    ]),
    "connection_drop_credentials": ("fill", [
        {"app_id": app_id, "environment": "draft", "part": part}
        for app_id, part in (("member-app", ""), ("team-app", ""), ("member-app", "app"))
    ]),
    "login_check": ("theirs", [{"login_id": "alice"}]), "login_cancel": ("theirs", [{"login_id": "alice"}]),
    "login_finish": ("theirs", [{"login_id": "alice", "answer": "code"}]),
    "injections": ("values", [{}]), "reveal": ("values", [{}]),
    **{action: ("look", [params]) for action, params in {
        "kinds": {}, "overview": {}, "list": {}, "names": {}, "status": {}, "connections": {}, "machines": {},
        "apps": {}, "app": {"ref": "app"}, "keys": {"ref": "app"}, "key_owner": {"key_id": "KEY"},
        "connection": {"app_id": "team-app"}, "connection_export": {"app_id": "team-app"},
        "connection_credentials": {"app_id": "team-app", "environment": "draft"},
        "associated": {"object_type": "job", "object_id": "job"}, "why": {"ref": "shared"},
    }.items()},
    **{action: ("manage", [params]) for action, params in {
        "connection_add": {"app_id": "fresh"},
        "connection_configure": {"app_id": "team-app", "environment": "draft", "kind": "bearer", "sharing": "member"},
        "connection_set_identity_provider": _SSO,
        "connection_remove": {"app_id": "member-app", "force": True},
        "connection_import": {"text": _YAML},
        "machine_add": {"password": "long-enough-1"},
        "machine_set_password": {"ref": "etl", "password": "long-enough-1"},
        "machine_pause": {"ref": "etl"}, "machine_resume": {"ref": "etl"},
        "machine_remove": {"ref": "etl", "force": True},
        "app_add": {"name": "fresh"}, "app_update": {"ref": "app", "name": "other"}, "app_remove": {"ref": "app"},
        "key_create": {"ref": "app"}, "key_pause": {"key_id": "KEY"}, "key_resume": {"key_id": "KEY"},
        "key_remove": {"key_id": "KEY"},
    }.items()},
    **{action: ("operate", [params]) for action, params in {
        "protect": {"provider": "key_file"}, "recovery_key": {}, "user_token": {},
    }.items()},
}  # fmt: skip


class Undone(Exception):
    """Raised where a transaction would have been committed."""


class World:
    """A store with all principals and one credential of each ownership for each of them."""

    def __init__(self):
        self.vault = vault = open_vault(notify=lambda line: None)
        self.who = {name: another(vault, name, name).principal for name in PRINCIPALS[1:5]}
        self.who |= {"laptop": None, "unknown": bytes(16), "paused": self._paused()}
        self.ids = {}
        for name in PRINCIPALS[:5]:
            self.ids[name, "own"] = self._made(self.caller(name, "local"), "mine")
        everybodys = {"team": self._made(self.laptop, "shared", team=True), "part": self._connections()}
        alice = another(vault, "alice")
        private = {"others": self._made(alice, "private")}
        vault.logins.add(Login("alice", alice, None, "private", "", None, None, vault.logins.ticks() + 600, 0, 0))
        for name in PRINCIPALS:
            self.ids |= {(name, owned): ident for owned, ident in (everybodys | private).items()}
            self.ids.setdefault((name, "own"), self.ids["laptop", "own"])
        self._attached()
        self.asked("machine_add", id="etl", password="long-enough-1")
        self.asked("app_add", name="app")
        self.key = self.asked("key_create", ref="app")["id"]
        self._undo()

    laptop = Caller("local")

    def asked(self, action, by=laptop, **params):
        return dispatch(self.vault, by, action, params)

    def caller(self, name, plane):
        return Caller(plane, kernel_id=f"kernel-{name}" if plane == "kernel" else None, principal=self.who[name])

    def _made(self, by, name, **more):
        made = self.asked("create", by, name=name, kind="basic", fields=LOGIN, verify=False, **more)
        self.asked("rotate", by, ref=made["id"], fields={"password": "second-12"}, verify=False)
        return made["id"]

    def _connections(self):
        for app_id, kind, sharing in (
            ("team-app", "basic", "team"), ("member-app", "basic", "member"), ("sso-app", "oauth_on_behalf_of", "member")
        ):  # fmt: skip
            self.asked("connection_add", app_id=app_id)
            self.asked("connection_configure", app_id=app_id, environment="draft", kind=kind, sharing=sharing)
        for app_id, by in (("team-app", "laptop"), ("member-app", "laptop"), ("member-app", "Admin")):
            filled = {"app_id": app_id, "environment": "draft", "fields": LOGIN}
            self.asked("connection_set_credentials", self.caller(by, "local"), **filled)
        return self._made(self.laptop, "member-app", team=True, environment="draft")

    def _attached(self):
        for name in PRINCIPALS[:5]:
            by = self.caller(name, "local")
            for owned in ("own", "team"):
                self.asked("attach", by, ref=self.ids[name, owned], object_type="job", object_id=f"job-{name}")
            if name in ("laptop", "Admin"):
                ref = self.ids[name, "own"]
                self.asked("grant", by, ref=ref, object_type="kernelspec", object_id="python3")

    def _paused(self):
        keyset = self.vault.keyset
        made = another(self.vault, "paused", "Admin").principal
        with self.vault.store.transaction() as transaction:
            row = transaction.get(PrincipalRow, id=made)
            opened = keyset.open(principal_context(keyset, row), row.sealed)
            row = replace(row, status="paused", revision=2)
            transaction.update(replace(row, sealed=keyset.seal(principal_context(keyset, row), opened)))
        return made

    def _undo(self):
        real = self.vault.store.transaction

        @contextmanager
        def undone():
            with real() as transaction:
                yield transaction
                if any(change.table != "audit" for change in transaction.changes):
                    raise Undone

        self.vault.store.transaction = undone

    # ── one cell ─────────────────────────────────────────────────────────────────────────────────────────
    def outcome(self, name, plane, action, params):
        """What comes of it; a refusal for a reason of the object itself counts as done."""
        try:
            dispatch(self.vault, self.caller(name, plane), action, params)
        except (Undone, Conflict):
            pass
        except InvalidCredential:
            assert action == "login_begin"  # of a kind that nobody signs in for
        except NotSignedIn:
            return NOBODY
        except AccessDenied:
            return KNOWN
        except NotFound:
            return UNKNOWN
        return YES

    def cells(self, action, name, planes=PLANES):
        """Every cell of an action and a principal: (label, expected, parameters, plane)."""
        row, rest = NAMED.get(action) or PLAIN[action]
        for plane in planes:
            if action in PLAIN:
                for index, params in enumerate(rest):
                    yield (
                        f"{plane} {index}",
                        expected(row, name, plane, index),
                        self._plain(action, name, plane, params),
                        plane,
                    )
            else:
                for index, owned in enumerate(OBJECTS):
                    wanted, ident = expected(row, name, plane, index), self.ids[name, owned]
                    yield f"{plane} {owned} id", wanted, self._named(action, name, plane, ident, rest), plane
                    if owned in self.names and action != "submit_entry":
                        if owned == "others" and not barred(row, name, plane):
                            wanted = UNKNOWN  # whoever may know of another's: not by its name
                        yield (
                            f"{plane} {owned} name",
                            wanted,
                            self._named(action, name, plane, self.names[owned], rest),
                            plane,
                        )

    names = {"own": "mine", "team": "shared", "others": "private"}

    def _named(self, action, name, plane, ref, rest):
        if action == "detach":
            return {"ref": ref, **rest, "object_id": f"job-{name}"}
        if action != "submit_entry":
            return {"ref": ref, **rest}
        entry = self.vault.entries.begin("basic", ref, self.caller(name, plane).session)
        form = {"fields": {"user": "changed"}, "verify": False}
        key = base64.urlsafe_b64decode(entry["public_key"] + "==")
        sealed = seal_entry(key, entry_info(entry["entry_id"], "basic"), form)
        text = base64.urlsafe_b64encode(sealed).decode().rstrip("=")
        return {"entry_id": entry["entry_id"], "purpose": "save", "sealed": text}

    def _plain(self, action, name, plane, params):
        if action == "reveal":
            offer = self.vault.reveals.offer({"password": "shown-once-1"}, self.caller(name, plane).session)
            key = base64.urlsafe_b64encode(new_entry_key()[1]).decode()
            return {"reveal_id": offer["reveal_id"], "public_key": key}
        return {key: self.key if value == "KEY" else value for key, value in params.items()}


def expected(row, name, plane, index):
    if nobody(name, plane):
        return NOBODY
    return KNOWN if barred(row, name, plane) else EXPECTED[row][PRINCIPALS.index(name)][index]


def nobody(name, plane):
    """Paused, gone, or a machine's plane without a machine."""
    return name in ("paused", "unknown") or (name == "laptop" and plane == "machine")


def barred(row, name, plane):
    """Refused whatever it is about."""
    return (
        nobody(name, plane)
        or plane not in ONLY.get(row, PLANES)
        or set(EXPECTED[row][PRINCIPALS.index(name)]) == {KNOWN}
    )


def deviations(world, actions=tuple(ACTIONS), principals=PRINCIPALS, planes=PLANES):
    """(how many cells ran, those with another outcome than the table says)."""
    ran, wrong = 0, []
    for action in actions:
        for name in principals:
            for label, wanted, params, plane in world.cells(action, name, planes):
                got = world.outcome(name, plane, action, params)
                ran += 1
                if got != wanted:
                    wrong.append(f"{action} by {name}, {label}: {got} instead of {wanted}")
    return ran, wrong
