"""The verbs of connections, with the options of the Orchestrate CLI: add, configure, list, remove, import, export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from credmagic.cli import connection_page, options
from credmagic.cli.connection_secrets import pairs, set_credentials, set_identity_provider
from credmagic.cli.door import Door
from credmagic.cli.sources import MAX_BYTES
from credmagic.cli.usage import Tree, UsageError, Verb


@click.group("connection", cls=Tree, invoke_without_command=True, no_args_is_help=False)
@click.pass_context
def connection(ctx: click.Context) -> Any:
    """What code refers to by an app id: per environment a kind, a way of sharing, a server. Without a verb: a list."""
    if ctx.invoked_subcommand is None:
        return ctx.invoke(list_, environment=None, as_json=False)
    return None


@connection.command("add", cls=Verb)
@options.app_id
@click.option("--component", metavar="TEXT", help="What it belongs to, e.g. knowledge.")
@click.option("--category", metavar="TEXT", help="Of which sort that is, e.g. milvus.")
@options.door
def add(door: Door, app_id: str, component: str | None, category: str | None) -> Any:
    """Make a connection; then configure it for draft and for live."""
    resource = {"component": component, "category": category}
    made = door.client.call("connection_add", app_id=app_id, resource=resource)
    door.note(f"Next: {door.prog} connection configure --app-id {app_id} --env draft --kind basic --type team")
    return door.say(f"✓ connection {made['app_id']} made")


@connection.command("configure", cls=Verb)
@options.app_id
@options.environment
@click.option("-k", "--kind", type=options.KIND, metavar="K", help="Of which kind its credential is.")
@click.option("-t", "--type", "sharing", metavar="team|member", help="One credential for all, or one each.")
@click.option("-u", "--url", "--server-url", "server_url", metavar="URL", help="Where it leads.")
@click.option("--sso/--no-sso", "-s", default=None, help="Members sign in at an identity provider (some OAuth kinds).")
@click.option("--idp-token-use", metavar="TEXT", help="requested_token_use for the identity provider.")
@click.option("--idp-token-type", metavar="TEXT", help="requested_token_type for the identity provider.")
@click.option("--idp-token-header", multiple=True, metavar="K=V", help="A header for the identity provider.")
@click.option("--app-token-header", multiple=True, metavar="K=V", help="A header for the token request.")
@click.option("-e", "--config-entries", multiple=True, metavar="K=V", help="A custom entry, not secret.")
@click.option("-n", "--name", metavar="TEXT", help="The header an API key is sent in.")
@options.door
def configure(door: Door, /, app_id: str, environment: str | None, **how: Any) -> Any:
    """Say what a connection is in one environment. Another kind, type or sso drops its credentials there."""
    body = {"requested_token_use": how.pop("idp_token_use"), "requested_token_type": how.pop("idp_token_type")}
    body = {key: value for key, value in body.items() if value}
    header = pairs(how.pop("idp_token_header"), "--idp-token-header")
    app_header = pairs(how.pop("app_token_header"), "--app-token-header")
    entries = pairs(how.pop("config_entries"), "--config-entries")
    settings: dict[str, Any] = {"server_url": how.pop("server_url"), "name": how.pop("name")}
    settings["custom_config_entries"] = entries or None
    settings["app_config"] = {"header": app_header} if app_header else None
    idp = {key: value for key, value in (("header", header), ("body", body)) if value}
    settings["idp_config"] = idp or None
    given = {key: value for key, value in settings.items() if value is not None}
    where = door.environment(environment)
    made = door.client.call("connection_configure", app_id=app_id, environment=where, settings=given, **how)
    ready = "credentials are there" if made["credentials_entered"] else "no credentials yet"
    door.say(f"✓ {made['app_id']} in {made['environment']}: {made['kind']}, {made['sharing']}; {ready}")
    if not made["credentials_entered"]:
        door.note(f"Next: {door.prog} connection set-credentials --app-id {made['app_id']} --env {where}")
    return None


connection.add_command(set_credentials)
connection.add_command(set_identity_provider)


@connection.command("list", cls=Verb)
@click.option("--environment", "--env", type=options.ENVIRONMENT, metavar="E", help="Only in this environment.")
@click.option("--verbose", "-v", "--json", "as_json", is_flag=True, help="The data itself, complete and stable.")
@options.door
def list_(door: Door, environment: str | None, as_json: bool) -> Any:
    """Every connection with what it is configured to be."""
    found = door.client.call("connections", environment=environment)
    return door.show(connection_page.page(found, door.prog), as_json=as_json)


@connection.command("remove", cls=Verb)
@options.app_id
@click.option("--force", is_flag=True, help="Even if one of its credentials is attached somewhere.")
@options.door
def remove(door: Door, app_id: str, force: bool) -> Any:
    """Remove a connection with its configurations and everybody's credentials for it."""
    gone = door.client.call("connection_remove", app_id=app_id, force=force)["removed"]
    counts = f"{len(gone['configurations'])} configurations, {gone.get('credentials', 0)} credentials"
    return door.say(f"✓ {gone['app_id']} removed, with {counts}")


@connection.command("import", cls=Verb)
@click.option("-f", "--file", "path", required=True, metavar="FILE", help="YAML or JSON, as `export` writes it.")
@options.door
def import_(door: Door, path: str) -> Any:
    """Make or change a connection as a file says; credentials are not in it."""
    made = door.client.call("connection_import", text=_content(path))
    places = ", ".join(one["environment"] for one in made["configurations"]) or "no environment"
    return door.say(f"✓ {made['app_id']} {'made' if made['created'] else 'changed'}: {places}")


def _content(path: str) -> str:
    problem, text = "", ""
    try:
        with Path(path).expanduser().open("rb") as file:
            text = file.read(MAX_BYTES).decode()
    except UnicodeDecodeError:
        problem = "it is not UTF-8 text"
    except OSError as error:
        problem = error.strerror or "refused"
    if problem:
        raise UsageError(f"--file: cannot be read ({problem})", next_step="Name a YAML or JSON file.")
    return text


@connection.command("export", cls=Verb)
@options.app_id
@click.option("-o", "--output", "path", metavar="FILE", help="Where to (.yaml, .yml or .json); else it is shown.")
@options.door
def export(door: Door, app_id: str, path: str | None) -> Any:
    """Write a connection to a file, without any secret."""
    file = Path(path or "-.yaml").expanduser()
    format_ = {".yaml": "yaml", ".yml": "yaml", ".json": "json"}.get(file.suffix.lower())
    if format_ is None:
        raise UsageError("--output: the file ends in .yaml, .yml or .json", next_step="Choose one of these.")
    text = door.client.call("connection_export", app_id=app_id, format=format_)["text"]
    if path is None:
        return door.say(text.rstrip("\n"))
    problem = ""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        problem = error.strerror or "refused"
    if problem:
        raise UsageError(f"--output: cannot be written ({problem})", next_step="Choose another file.")
    return door.say(f"✓ {app_id} written to {file}")
