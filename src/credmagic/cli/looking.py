"""The verbs that show: overview, kinds, list, show, versions, uses, why, audit, status. None shows a value."""

from __future__ import annotations

from typing import Any

import click

from credmagic.cli import options, views
from credmagic.cli.door import Door
from credmagic.cli.usage import Verb

PAGE = 50
"""How many credentials `list` shows at once; `--json` gives all unless `--limit` says otherwise."""


@click.command("overview", cls=Verb)
@options.env
@options.as_json
@options.door
def overview(door: Door, environment: str | None, as_json: bool) -> Any:
    """All credentials by kind, with health and expiry; the same as no verb at all."""
    data = door.client.call("overview", environment=environment)
    data["environment"] = door.environment(environment)  # this kernel's, which the server does not know
    return door.show(views.overview(data, door.prog), as_json=as_json)


@click.command("kinds", cls=Verb)
@click.argument("kind", required=False, type=options.KIND, metavar="[KIND]")
@options.as_json
@options.door
def kinds(door: Door, kind: str | None, as_json: bool) -> Any:
    """The kinds there are; with KIND its fields."""
    data = door.client.call("kinds", kind=kind)
    page = views.one_kind(data, door.prog) if kind else views.kinds(data, door.prog)
    return door.show(page, as_json=as_json)


@click.command("list", cls=Verb)
@click.option("--kind", type=options.KIND, metavar="K", help="Only this kind.")
@click.option("--env", "environment", type=options.ENVIRONMENT, metavar="E", help="Only this environment.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help=f"At most N (else {PAGE}; with --json all).")
@options.as_json
@options.door
def list_(door: Door, kind: str | None, environment: str | None, limit: int | None, as_json: bool) -> Any:
    """The credentials, without values."""
    wanted = limit or (None if as_json else PAGE)
    data = _pages(door, wanted, kind=kind, environment=environment)
    return door.show(views.listing(data, door.prog), as_json=as_json)


def _pages(door: Door, wanted: int | None, **filters: Any) -> dict[str, Any]:
    """As many pages of `list` as `wanted` credentials need; None for all."""
    found: list[dict[str, Any]] = []
    data = door.client.call("list", limit=min(100, wanted or 100), count=True, **filters)
    total = data.get("total")
    while True:
        found += data["credentials"]
        more = 100 if wanted is None else min(100, wanted - len(found))
        if not data["next"] or more <= 0:
            return {"credentials": found, "next": data["next"], "total": total}
        data = door.client.call("list", limit=more, after=data["next"], **filters)


@click.command("show", cls=Verb)
@options.name
@options.env
@options.as_json
@options.door
def show(door: Door, ref: str, environment: str | None, as_json: bool) -> Any:
    """One credential: public fields as they are, secret ones by name only."""
    data = door.client.call("show", ref=ref, environment=door.environment(environment))
    return door.show(views.shown(data, door.prog), as_json=as_json)


@click.command("versions", cls=Verb)
@options.name
@options.env
@options.as_json
@options.door
def versions(door: Door, ref: str, environment: str | None, as_json: bool) -> Any:
    """The versions of a credential, newest first."""
    data = door.client.call("versions", ref=ref, environment=door.environment(environment))
    return door.show(views.versions(data, door.prog), as_json=as_json)


@click.command("uses", cls=Verb)
@options.name
@options.env
@options.page
@click.option("--order", metavar="O", help="createdAt, type; backwards: -createdAt, -type.")
@click.option("--graph", is_flag=True, help="As a picture (JupyterLab), as a tree elsewhere.")
@options.as_json
@options.door
def uses(door: Door, /, ref: str, environment: str | None, graph: bool, as_json: bool, **page: Any) -> Any:
    """Where a credential is attached, which notebooks use it, and who used it lately."""
    data = door.client.call("uses", ref=ref, environment=door.environment(environment), **page)
    if graph and not as_json:
        from credmagic.cli import graph as pictures

        return door.picture(pictures.MIME, pictures.mermaid(data), pictures.tree(data))
    return door.show(views.uses(data, door.prog), as_json=as_json)


@click.command("attached", cls=Verb)
@click.argument("object_type", required=False, default="notebook", type=options.OBJECT, metavar="[TYPE]")
@click.argument("object_id", required=False, metavar="[ID]")
@options.page
@click.option("--order", metavar="O", help="isDefault, createdAt, name; backwards with a -, e.g. -isDefault.")
@options.as_json
@options.door
def attached(door: Door, /, object_type: str, object_id: str | None, as_json: bool, **page: Any) -> Any:
    """What is attached to this notebook, or to another object: the other way round than `uses`."""
    place = options.place(object_type, object_id)
    data = door.client.call("associated", object_type=object_type, object_id=place, **page)
    return door.show(views.attached(data, door.prog), as_json=as_json)


@click.command("why", cls=Verb)
@options.name
@options.env
@options.as_json
@options.door
def why(door: Door, ref: str, environment: str | None, as_json: bool) -> Any:
    """Which credential a name stands for now, and what was looked at before it."""
    data = door.client.call("why", ref=ref, environment=door.environment(environment))
    return door.show(views.why(data, door.prog), as_json=as_json)


@click.command("audit", cls=Verb)
@click.argument("ref", required=False, metavar="[NAME]", type=options.NAME)
@options.env
@click.option("--limit", type=click.IntRange(min=1), default=50, metavar="N", help="At most N events.")
@options.as_json
@options.door
def audit(door: Door, ref: str | None, environment: str | None, limit: int, as_json: bool) -> Any:
    """What happened, newest first: to everything, or to one credential."""
    data = door.client.call("audit", ref=ref, environment=door.environment(environment), limit=limit)
    return door.show(views.audit(data, door.prog), as_json=as_json)


@click.command("status", cls=Verb)
@options.as_json
@options.door
def status(door: Door, as_json: bool) -> Any:
    """Where the store and its keys are, what works here, and what credmagic does not protect against."""
    data = door.client.call("status")
    data["environment"] = door.environment(None)  # this kernel's, which the server does not know
    if url := getattr(door.client, "url", ""):
        data["server"] = url
    return door.show(views.status(data, door.prog), as_json=as_json)
