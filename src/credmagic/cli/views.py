"""Which page does each answer of the vault become?

One function per action that shows something; each takes the action's result (docs/architecture.md) and the door's
spelling of commands (`%cred` or `credmagic`), and leaves the data untouched for `--json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from credmagic.cli import ages
from credmagic.cli.events import said
from credmagic.cli.health import expiry, health, last_use, sign_ins
from credmagic.cli.pages import Cell, Column, Page, Row, Section
from credmagic.client import token_health
from credmagic.errors import word

Data = Mapping[str, Any]


_MORE = "All verbs, for teams, jobs and other servers too: {prog} --help"


def overview(data: Data, prog: str) -> Page:
    """All credentials by kind, the worst health first."""
    facts = [("", data["environment"]), ("keys in:", data["keys_in"])]
    if not data["total"]:
        empty = (
            f"No credentials yet. Make one in a form: {prog} new database warehouse",
            f"See the kinds: {prog} kinds · all verbs: {prog} --help",
        )
        return Page("credmagic", data, facts, foot=empty, strip=True)
    facts.append(("", _counted(data["total"], data.get("expiring", 0))))
    columns = [Column("Name"), Column("Environment", 3), Column("Health"), Column("Expiry", 2), Column("Use", 4)]
    columns.append(Column("Default", 5))
    sections = [_group(group) for group in data["groups"] if group["credentials"]]
    waiting = sign_ins((view for group in data["groups"] for view in group["credentials"]), prog)
    foot = (*waiting, f"{prog} new · {prog} use NAME · {prog} login NAME · {prog} show NAME", _MORE.format(prog=prog))
    return Page("credmagic", data, facts, columns, sections, foot, strip=True)


def _counted(total: int, expiring: int) -> str:
    many = f"{total} credential{'s' if total != 1 else ''}"
    return f"{many} · {expiring} expire{'s' if expiring == 1 else ''} soon" if expiring else many


def _group(group: Data) -> Section:
    ranked = sorted(((*health(view), view) for view in group["credentials"]), key=lambda row: (row[0], row[2]["name"]))
    bad = sum(rank < 3 for rank, _, _ in ranked)
    rows = [(_name(view), _place(view), cell, expiry(view), last_use(view), _default(view)) for _, cell, view in ranked]
    return Section(rows, f"{group['title']} · {len(rows)}", f"{bad} need attention" if bad else "")


def _name(view: Data) -> Cell:
    return Cell(view["name"], title=view.get("description") or view["name"], code=True)


def _place(view: Data) -> Cell:
    where = view["environment"] or "all"
    tone = "" if view["environment"] else "muted"
    marks = [whose for whose in ("team", "another") if view.get("owner") == whose]
    marks += ["guarded"] * bool(view.get("guarded"))
    return Cell(" · ".join([where, *marks]), tone=tone)


def _default(view: Data) -> Cell:
    return Cell("this notebook", "default of its kind here", glyph="★") if view.get("default") else Cell("")


def listing(data: Data, prog: str) -> Page:
    """The credentials of one page, in the order of the vault."""
    columns = (Column("Name"), Column("Kind", 1), Column("Environment", 3), Column("Health"), Column("Expiry", 2))
    rows = [
        (_name(view), Cell(view["kind"], view.get("title", "")), _place(view), health(view)[1], expiry(view))
        for view in data["credentials"]
    ]
    foot = [*sign_ins(data["credentials"], prog)]
    if not rows:
        foot.append(f"No credentials here. Make one: {prog} new")
    if data.get("next"):
        total = data.get("total")
        foot.append(f"{len(rows)}{f' of {total}' if total else ''} shown. More: {prog} list --limit {4 * len(rows)}")
    return Page("", data, columns=columns, sections=(Section(rows),), foot=foot)


def kinds(data: Data, prog: str) -> Page:
    """Every kind with what it is for."""
    columns = (Column("Kind"), Column("What"), Column("Also called", 3), Column("Verify", 2), Column("Variables", 4))
    rows = [
        (
            Cell(kind["kind"], kind.get("help", ""), code=True),
            Cell(kind["title"]),
            Cell(", ".join(kind["aliases"])),
            Cell("yes") if kind["verifiable"] else Cell("not yet", tone="muted"),
            Cell(_few(kind["env"]), " ".join(kind["env"]), code=True),
        )
        for kind in data["kinds"]
    ]
    return Page("Kinds", data, columns=columns, sections=(Section(rows),), foot=(f"Fields of one: {prog} kinds KIND",))


def _few(words: list[str], most: int = 4) -> str:
    return " ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")


def one_kind(data: Data, prog: str) -> Page:
    """The fields of one kind, and how to make a credential of it."""
    kind = data["kinds"][0]
    columns = (Column("Field"), Column("Type", 2), Column(""), Column("What"))
    rows: list[Row] = [_field(entry) for entry in kind["fields"]]
    facts = [("kind", kind["kind"])]
    facts += [("also called", ", ".join(kind["aliases"]))] if kind["aliases"] else []
    facts += [("variables", " ".join(kind["env"]))] if kind["env"] else []
    facts.append(("verification", "yes" if kind["verifiable"] else "not yet"))
    secret = next((entry["name"] for entry in kind["fields"] if entry["secret"]), "FIELD")
    foot = (
        f"In a form: {prog} new {kind['kind']} NAME",
        f"In a script: {prog} add NAME --kind {kind['kind']} field=value … --secret {secret}=prompt",
    )
    return Page(kind["title"], data, facts, columns, (Section(rows),), foot)


def _field(entry: Data) -> Row:
    flags = [word for word in ("secret", "required") if entry[word]]
    choices = ", ".join(map(str, entry.get("choices") or ()))
    default = entry.get("default")
    words = [entry["title"], entry.get("help", ""), f"one of: {choices}" if choices else ""]
    words.append(f"default: {default}" if default not in (None, "", [], {}) and not entry["secret"] else "")
    return (
        Cell(entry["name"], ", ".join(entry["aliases"]), code=True),
        Cell(entry["type"], tone="muted"),
        Cell(", ".join(flags), tone="warn" if entry["secret"] else ""),
        Cell(". ".join(word.strip(" .") for word in words if word.strip(" ."))),
    )


def shown(data: Data, prog: str) -> Page:
    """One credential without its values: public fields as they are, secret ones by name."""
    cell = health(data)[1]
    facts = [("kind", f"{data['title']} ({data['kind']})"), ("environment", data["environment"] or "all")]
    facts += [("owner", "your team")] if data["owner"] == "team" else []
    facts += [("guarded", _grants(data))] if data.get("guarded") else []
    facts += [("health", cell.words + (f" ({cell.title})" if cell.title else ""))]
    facts += [(name, _said(value)) for name, value in data["fields"].items() if value not in (None, "", [], {})]
    facts += [(name, f"[{data['name']}.{name}]") for name in data["secrets"]]
    facts += [(label, data[key]) for label, key in (("description", "description"),) if data.get(key)]
    facts += [("tags", ", ".join(data["tags"]))] if data.get("tags") else []
    kept = data.get("versions", data["version"])  # fewer than its number where a renewal took another's place
    facts += [
        ("version", f"{data['version']} of {kept}" if data["version"] <= kept else f"{data['version']} ({kept} kept)")
    ]
    facts += [("expiry", f"{expiry(data).text} ({ages.absolute(data['expires_at'])})")] if data["expires_at"] else []
    facts += [("last use", f"{last_use(data).text.removeprefix('used ')}"), ("attached to", _places(data))]
    foot = tuple(sign_ins([data], prog)) or (f"Use it: {prog} use {word(data['name'])}",)
    return Page(data["name"], data, facts, foot=foot)


def _places(data: Data) -> str:
    uses = data.get("uses", 0)
    return "nothing" if not uses else f"{uses} place{'s' if uses != 1 else ''}"


def _grants(data: Data) -> str:
    grants = [f"{item['object_type']} {item['object_id']}" for item in data.get("grants", ())]
    return f"only for {', '.join(grants)}" if grants else "nothing may use it: credmagic grant NAME notebook PATH"


def versions(data: Data, prog: str) -> Page:
    """The versions of one credential, newest first."""
    rows = [
        (
            Cell(str(item["version"])),
            Cell(ages.ago(item["created_at"]), ages.absolute(item["created_at"])),
            Cell("current", glyph="●", tone="ok") if item["current"] else Cell(""),
        )
        for item in data["versions"]
    ]
    return Page("", data, columns=(Column("Version"), Column("Made"), Column("")), sections=(Section(rows),))


def uses(data: Data, prog: str) -> Page:
    """Where one credential is attached, and who used it lately."""
    attached = [
        (
            Cell(item["object_type"]),
            Cell(item["object_id"], code=True),
            Cell("default", glyph="★") if item["is_default"] else Cell(""),
            Cell(f"injected: {item['inject']}" if item["inject"] else ""),
        )
        for item in data["associations"]
    ]
    used = [
        (
            Cell(item["object_type"]),
            Cell(item["object_id"], code=True),
            Cell(f"{item['count']}{'' if data['counted_all'] else ' or more'} ×"),
            Cell(f"last {ages.ago(item['last_at'])}" if item["last_at"] else "", ages.absolute(item["last_at"])),
        )
        for item in data["usages"]
    ]
    recent = [
        (
            Cell(event["plane"]),
            Cell(event.get("notebook") or "—", code=bool(event.get("notebook"))),
            Cell(event["outcome"], tone="" if event["outcome"] == "ok" else "warn"),
            Cell(ages.ago(event["at"]), ages.absolute(event["at"])),
        )
        for event in data["recent"]
    ]
    sections = [
        Section(attached, f"Attached to · {data['total']}" if attached else "Attached to nothing"),
        *([Section(used, f"Used in · {len(used)}")] if used else []),
        Section(recent, "Last uses" if recent else "Never used"),
    ]
    columns = (Column("What"), Column("Which"), Column("", 1), Column("", 2))
    foot = [f"▲ injected into the running kernel of {place}" for place in data.get("injected", ())]
    return Page("", data, columns=columns, sections=sections, foot=foot)


def attached(data: Data, prog: str) -> Page:
    """What is attached to one object."""
    rows = [
        (
            _name(view),
            Cell(view["kind"], view.get("title", "")),
            _place(view),
            Cell("default", glyph="★") if view["is_default"] else Cell(""),
            Cell(f"injected: {view['inject']}" if view["inject"] else ""),
            health(view)[1],
        )
        for view in data["associated"]
    ]
    columns = (Column("Name"), Column("Kind", 2), Column("Environment", 3), Column("Default", 1), Column("How", 1))
    where = f"{data['object_type']} {data['object_id']}"
    foot = () if rows else (f"Nothing is attached to {where}. Attach one: {prog} attach NAME",)
    return Page(where, data, columns=(*columns, Column("Health")), sections=(Section(rows),), foot=foot)


def why(data: Data, prog: str) -> Page:
    """Where the vault looked, in order, and what won."""
    rows = []
    for step in data["steps"]:
        found = Cell("found", glyph="●", tone="ok") if step["found"] else Cell("no", glyph="○", tone="muted")
        rows.append((Cell(step["looked_for"]), found, Cell(step.get("note") or "")))
    winner = data["winner"]
    foot = (_won(winner) if winner else f"Nothing answers to that name. Make it: {prog} new KIND {word(data['ref'])}",)
    columns = (Column("Looked for"), Column("Found"), Column(""))
    return Page("", data, columns=columns, sections=(Section(rows),), foot=foot)


def _won(view: Data) -> str:
    tokens = token_health.health(view)
    where = view["environment"] or "all environments"
    return f"{view['name']} is the {view['kind']} credential of {where}{f': {tokens.words}' if tokens else ''}."


def audit(data: Data, prog: str) -> Page:
    """What happened, newest first."""
    titles = ("When", "Action", "Credential", "Outcome", "Who", "Through", "Why")
    columns = [Column(title, max(0, drop)) for drop, title in enumerate(titles, -1)]
    rows = [
        (
            Cell(ages.ago(event["at"]), ages.absolute(event["at"])),
            Cell(said(event) or event["action"], event["action"], code=not said(event)),
            Cell(event["name"] or (event["object_id"] or "")[:8], event["object_id"] or "", code=True),
            Cell(event["outcome"], tone="" if event["outcome"] == "ok" else "warn"),
            Cell(str(event.get("actor") or "")),
            Cell(str(event.get("plane") or "")),
            Cell(str(event.get("reason") or "")),
        )
        for event in data["events"]
    ]
    return Page("", data, columns=columns, sections=(Section(rows),), foot=() if rows else ("Nothing happened yet.",))


def status(data: Data, prog: str) -> Page:
    """How this credmagic is set up, and what it does and does not protect against."""
    facts = [(key.replace("_", " "), _said(value)) for key, value in data.items() if key not in ("claims", "warnings")]
    foot = [*(f"▲ {line}" for line in data.get("warnings", ())), *data.get("claims", ())]
    return Page("credmagic", data, facts, foot=foot)


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_said(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(_said, value))
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "—"}[value]
    return str(value)
