"""F5: who may do what to whose, through which door? Every cell of the table runs for real (docs/decisions/0017).

The controls switch single rules on and off, one after the other: a matrix that does not notice proves nothing.
"""

import json
from dataclasses import replace

import pytest

from credmagic.errors import AccessDenied, CredmagicError, NotSignedIn
from credmagic.store.rows import CredentialRow
from credmagic.vault import access
from credmagic.vault.actions import ACTIONS, Action, dispatch
from credmagic.vault.audit import Caller, now
from credmagic.vault.records import seal_meta, seal_version
from credmagic.vault.resolve import Resolver
from credmagic.vault.vault import Vault
from credmagic.wiring import open_vault
from security import authorization_matrix as matrix
from vault_principals import another


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CREDMAGIC_HOME", str(tmp_path_factory.mktemp("matrix")))
        patch.setenv("CREDMAGIC_KEY_PROVIDER", "key_file")
        patch.setenv("CREDMAGIC_RATES", "off")
        patch.delenv("CREDMAGIC_ENVIRONMENT", raising=False)
        made = matrix.World()
        yield made
        made.vault.close()


# ── the matrix ───────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("principal", matrix.PRINCIPALS)
@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_every_cell_comes_out_as_the_table_says(world, action: str, principal: str) -> None:
    assert matrix.deviations(world, [action], [principal])[1] == []


def test_there_are_cells_enough_and_one_for_every_action(world) -> None:
    cells = [cell for action in ACTIONS for who in matrix.PRINCIPALS for cell in world.cells(action, who)]

    assert matrix.NAMED.keys() | matrix.PLAIN.keys() == ACTIONS.keys()
    assert len(cells) >= 5_000


# ── controls: a rule that is switched on or off is found ─────────────────────────────────────────────────────
_ROWS = {
    "read": ["show", "kinds", "audit"], "trace": ["uses", "associated"], "audit": ["audit"],
    "write": ["rotate", "create", "begin_entry", "submit_entry"], "fill": ["connection_set_credentials"],
    "login": ["login_begin"], "attach": ["attach"], "verify": ["verify"], "use": ["resolve", "note_injected"],
    "manage": ["machine_pause", "connection_remove"], "guard": ["grant"], "operate": ["recovery_key"],
}  # fmt: skip
_WHO = {"laptop": access.LAPTOP, "editor": access.EDITOR, "member": access.MEMBER,
        "Contributor": access.CONTRIBUTOR, "Admin": access.ADMIN}  # fmt: skip


def _toggles():
    for right in access.RIGHTS:
        for name, who in _WHO.items():
            for owned in (access.OWN, access.TEAM, access.PART, access.OTHERS):
                if not _elsewhere(right, who, owned):
                    yield pytest.param(right, name, owned, id=f"{right}-{name}-{owned}")


def _elsewhere(right: str, who: access.Who, owned: str) -> bool:
    """Whether another rule has the say there, so that this one makes no difference."""
    if owned == access.PART:  # told from what is the team's only where a value leaves
        return right != "use"
    if owned == access.OTHERS:  # only who may know of another's gets that far, and only with an id
        return right in ("login", "fill", "manage", "operate") or (who != access.ADMIN and right != "read")
    if right == "manage" and not access.RIGHTS[right].whose[who]:
        return owned == access.OWN  # whatever is managed is the team's
    return right == "operate"  # about nobody's credential


@pytest.mark.parametrize(("right", "name", "owned"), list(_toggles()))
def test_control_each_rule_makes_a_difference(world, monkeypatch, right: str, name: str, owned: str) -> None:
    rule, who = access.RIGHTS[right], _WHO[name]
    changed = dict(rule.whose) | {who: rule.whose.get(who, frozenset()) ^ {owned}}
    monkeypatch.setitem(access.RIGHTS, right, replace(rule, whose=changed))

    assert matrix.deviations(world, _ROWS[right], [name])[1]


@pytest.mark.parametrize("right", sorted(access.RIGHTS))
@pytest.mark.parametrize("plane", matrix.PLANES)
def test_control_each_plane_makes_a_difference(world, monkeypatch, right: str, plane: str) -> None:
    rule = access.RIGHTS[right]
    monkeypatch.setitem(access.RIGHTS, right, replace(rule, planes=rule.planes ^ {plane}))

    assert matrix.deviations(world, _ROWS[right], ["Admin" if right != "operate" else "laptop"])[1] or (
        plane == "machine" and right == "operate"  # nobody of whom it could be asked there
    )


def _everyone_is_in(keyset, row):
    return access.Acting(row.id, row.type, row.role) if row else access.HOUSE


@pytest.mark.parametrize(
    ("place", "name", "off", "actions"),
    [
        (access, "identify", _everyone_is_in, ["show"]),
        (access, "owner_at", lambda plane: access.HOUSE, ["show"]),
        (access, "check", lambda acting, plane, action: None, ["grant"]),
        (access, "check_writes", lambda acting, owners, changes: None, ["connection_set_credentials"]),
        (access.Acting, "check", lambda self, owned: None, ["begin_entry"]),
        (Resolver, "shared", lambda self, row: True, ["resolve"]),
    ],
)
def test_control_each_check_makes_a_difference(world, monkeypatch, place, name, off, actions) -> None:
    if name == "check_writes":  # the second net: what it holds is what the first one lets through
        monkeypatch.setattr(access.Acting, "check", lambda self, owned: None)
        assert not [one for one in matrix.deviations(world, actions, ["member"])[1] if "y instead" in one]
    monkeypatch.setattr(place, name, off)

    assert matrix.deviations(world, actions)[1]


def test_an_action_without_a_rule_is_for_nobody(world, monkeypatch) -> None:
    monkeypatch.setitem(ACTIONS, "novel", Action("novel", lambda vault, caller: {}, "novel"))

    for principal in matrix.PRINCIPALS[:5]:
        for plane in ("local", "kernel", "browser"):
            with pytest.raises(AccessDenied):
                dispatch(world.vault, world.caller(principal, plane), "novel", {})


@pytest.mark.parametrize(("type", "role"), [("team", "member"), ("user", "Admin"), ("machine", "owner"), ("user", "")])
def test_a_principal_without_a_rule_is_nobody(home, type: str, role: str) -> None:
    vault = open_vault(notify=lambda line: None)
    who = another(vault, "odd", role, type)

    with pytest.raises(NotSignedIn):
        dispatch(vault, who, "kinds", {})
    vault.close()


def test_a_value_asked_through_a_browsers_plane_is_recorded(home) -> None:
    vault = open_vault(notify=lambda line: None)
    with pytest.raises(AccessDenied):
        dispatch(vault, Caller("browser"), "resolve", {"ref": "mine"})

    newest = dispatch(vault, Caller("local"), "audit", {"limit": 1})["events"][0]
    assert (newest["action"], newest["outcome"], newest["plane"]) == ("resolve", "denied", "browser")
    vault.close()


# ── unknown and forbidden ────────────────────────────────────────────────────────────────────────────────────
IDS = 1_000
"""Of each: that there are not, and that are another's."""
ASKED = [
    ("show", {}), ("versions", {}), ("uses", {}), ("resolve", {}), ("verify", {}), ("audit", {}), ("pause", {}),
    ("rotate", {"fields": {"password": "another-1"}}), ("delete", {"force": True}), ("begin_entry", {"kind": "basic"}),
    ("attach", {"object_id": "/nb/a.ipynb"}), ("rename", {"new_name": "x"}), ("note_injected", {}), ("why", {}),
]  # fmt: skip


@pytest.fixture
def crowded(home, monkeypatch, canary: str):
    """A vault whose owner has many credentials, and a member who has one of his own."""
    monkeypatch.setenv("CREDMAGIC_RATES", "off")
    vault = open_vault(notify=lambda line: None)
    rows = []
    with vault.store.transaction() as transaction:
        for number in range(IDS):
            row, version = _private(vault, f"private-{number:04}", canary)
            transaction.insert(row)
            transaction.insert(version)
            rows.append(row.id.hex())
    yield vault, rows
    vault.close()


def _private(vault: Vault, name: str, canary: str):
    owner, at = vault.owners.me, now()
    index = vault.keyset.name_index(owner, "", name)
    ident = vault.keyset.object_index("test", name)
    row = CredentialRow(ident, owner, index, "", "basic", 1, "active", 1, 1, vault.keyset.primary_id, b"", at, at)
    values = {"public": {"user": "u"}, "secret": {"password": canary}}
    stored = seal_meta(vault.keyset, row, {"name": name, "fields": {"user": canary}})
    return stored.row, seal_version(vault.keyset, row, 1, values, at)


def test_what_is_unknown_and_what_is_forbidden_is_answered_alike(crowded, canary: str) -> None:
    vault, theirs = crowded
    unknown = [vault.keyset.object_index("nothing", str(number)).hex() for number in range(IDS)]
    names = [f"private-{number:04}" for number in range(IDS)]
    nothings = [f"publics-{number:04}" for number in range(IDS)]

    answers: dict[tuple[str, str, str], set[str]] = {}
    for role, some in (("member", IDS), ("Contributor", 40), ("editor", 40)):
        by = another(vault, f"eve-{role}", role)
        dispatch(vault, by, "create", {"name": "mine", "kind": "basic", "fields": matrix.LOGIN, "verify": False})
        few = min(some, 140)
        for kind, refs in {"id": theirs[:some] + unknown[:some], "name": names[:few] + nothings[:few]}.items():
            for number, ref in enumerate(refs):
                action, params = ASKED[number % len(ASKED)]
                said = _answer(vault, by, action, {"ref": ref, **params}, ref)
                answers.setdefault((role, kind, action), set()).add(said)

    assert len(answers) == 6 * len(ASKED)
    assert {place: said for place, said in answers.items() if len(said) != 1} == {}
    assert canary[:24] not in repr(answers)


def _answer(vault: Vault, by: Caller, action: str, params, ref: str) -> str:
    """Everything an answer says, but for the words that were asked."""
    try:
        said = dispatch(vault, by, action, params)
    except CredmagicError as error:
        said = {"class": type(error).__name__, "status": error.http_status, **error.to_json()}
    return json.dumps(said, sort_keys=True).replace(ref, "REF")
