"""The verbs that give a connection its secrets, by reference only: set-credentials, set-identity-provider."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import click

from credmagic.cli import options, sources
from credmagic.cli.door import Door
from credmagic.cli.usage import UsageError, Verb

_SECRET = {
    "password": ("-p", "The password."),
    "token": ("", "The bearer token."),
    "api_key": ("-k", "The API key."),
    "client_secret": ("", "The secret of the application."),
    "private_key": ("", "The PEM key that signs assertions."),
    "private_key_password": ("", "The password of that key."),
}
_PUBLIC = {
    "username": ("-u", "The user."),
    "server_cert": ("", "PEM of the server, or file:PATH."),
    "client_id": ("", "The id of the application."),
    "send_via": ("", "How the application proves itself: header or body."),
    "token_url": ("", "Where tokens are given out."),
    "auth_url": ("", "Where people sign in."),
    "grant_type": ("", "The grant type."),
    "scope": ("", "What the token may be used for."),
    "alg": ("", "The algorithm that signs assertions."),
    "kid": ("", "The id of the key that signs."),
    "iss": ("", "The claim iss."),
    "aud": ("", "The claim aud."),
    "exp": ("", "The life of an assertion, in seconds."),
    "app_token_key": ("", "Under which name the subject's token is sent."),
}


def _flags(table: dict[str, tuple[str, str]], **how: Any) -> Callable[[Any], Any]:
    def decorate(f: Any) -> Any:
        for name, (short, text) in reversed(table.items()):
            names = [*([short] if short else []), f"--{name.replace('_', '-')}"]
            f = click.option(*names, name, help=text, **how)(f)
        return f

    return decorate


_TOKEN_ENTRIES = click.option(
    "-t", "--token-entries", multiple=True, type=options.ENTRY, metavar="[header:|body:|query:]KEY=SOURCE",
    help="What is sent along with the token request.",
)  # fmt: skip


@click.command("set-credentials", cls=Verb)
@options.app_id
@options.environment
@_flags(_PUBLIC, metavar="TEXT")
@_flags(_SECRET, metavar="SOURCE", type=options.SOURCE)
@click.option("-e", "--entries", multiple=True, type=options.ENTRY, metavar="KEY=SOURCE", help="A pair of key_value.")
@_TOKEN_ENTRIES
@click.option("--auth-entries", multiple=True, metavar="[query:]K=V", help="What is sent along when people sign in.")
@click.option("--include-jti/--no-include-jti", default=None, help="Each assertion has an id of its own.")
@click.option("--claims", multiple=True, metavar="K=V", help="A further claim of the assertion.")
@options.secret
@click.option(
    "--part", type=click.Choice(["app", "runtime"]), metavar="app|runtime",
    help="Of a connection of type member: `app` is the team's part (which application asks), `runtime` yours.",
)  # fmt: skip
@options.verify
@options.door
def set_credentials(door: Door, /, app_id: str, environment: str | None, **given: Any) -> Any:
    """Give a connection its credential, at once or field by field; what is left out stays."""
    part, verify = given.pop("part") or "", given.pop("verify")
    fields = _fields(door, given)
    if not fields:
        raise UsageError(
            f"{door.prog} connection set-credentials: nothing was given",
            next_step=f"Help: {door.prog} connection set-credentials --help",
        )
    where = door.environment(environment)
    done = door.client.call(
        "connection_set_credentials", app_id=app_id, environment=where, fields=fields, part=part, verify=verify
    )
    for line in done["warnings"]:
        door.note(f"▲ {line}")
    state = "complete" if done["credentials_entered"] else "incomplete"
    whose = "the team's" if done["owner"] == "team" else "your own"
    return door.say(f"✓ {done['app_id']} in {where}: {whose} credential is {state}, version {done['version']}")


def _fields(door: Door, given: dict[str, Any]) -> dict[str, Any]:
    """What was given, by field name; prompts come last."""
    waiting = [*sources.gathered(door, (), given.pop("secrets")).items()]
    fields: dict[str, Any] = dict(waiting)
    for name, value in pairs(given.pop("claims"), "--claims").items():
        fields.setdefault("custom_claims", {})[name] = value
    for name, value in pairs(given.pop("auth_entries"), "--auth-entries").items():
        fields.setdefault("custom_auth_query", {})[name.removeprefix("query:")] = value
    for word in given.pop("entries"):
        key, _, source = word.partition("=")
        fields[key] = sources.read(door, key, source)
    fields |= {f"custom_token_{at}": json.dumps(v) for at, v in _along(door, given.pop("token_entries")).items()}
    for name, value in given.items():
        if value is None:
            continue
        by_reference = name in _SECRET or (isinstance(value, str) and value.startswith("file:"))
        fields[name] = sources.read(door, name, value) if by_reference else _public(door, value)
    return fields


def _public(door: Door, value: Any) -> Any:
    return door.expand(value) if isinstance(value, str) else value


def pairs(words: Iterable[str], option: str) -> dict[str, str]:
    """`key=value` words as a mapping. Raises `UsageError` for anything else."""
    if any(not word.partition("=")[1] or not word.partition("=")[0] for word in words):
        raise UsageError(f"{option} takes KEY=VALUE", next_step="Give it several times for several.")
    return dict(word.partition("=")[::2] for word in words)


def _along(door: Door, words: Iterable[str]) -> dict[str, dict[str, str]]:
    """`LOCATION:KEY=SOURCE` words by location; without one it is the header."""
    found: dict[str, dict[str, str]] = {}
    for word in words:
        key, _, source = word.partition("=")
        location, colon, name = key.partition(":")
        if not colon:
            location, name = "header", key
        if location not in ("header", "body", "query") or not name:
            raise UsageError("--token-entries takes header:, body: or query: before its key", next_step="…:KEY=SOURCE")
        found.setdefault(location, {})[name] = str.__str__(sources.read(door, name, source))
    return found


@click.command("set-identity-provider", cls=Verb)
@options.app_id
@options.environment
@click.option("-u", "--url", required=True, metavar="URL", help="Where the identity provider gives out tokens.")
@click.option("--client-id", required=True, metavar="TEXT", help="The id of the application there.")
@click.option("--client-secret", required=True, type=options.SOURCE, metavar="SOURCE", help="Its secret.")
@click.option("--scope", required=True, metavar="TEXT", help="What is asked for.")
@click.option("--grant-type", required=True, metavar="TEXT", help="The grant type.")
@click.option("--authorization-url", metavar="URL", help="Where members sign in (`login --idp`).")
@click.option("--device-authorization-url", metavar="URL", help="For signing in with a code on another device.")
@click.option("--sign-in-scope", metavar="TEXT", help="What is asked for at the sign-in, if not --scope.")
@_TOKEN_ENTRIES
@options.door
def set_identity_provider(
    door: Door, /, app_id: str, environment: str | None, url: str, client_secret: str, token_entries: tuple[str, ...],
    **public: str | None,
) -> Any:  # fmt: skip
    """Say who signs members in, for kinds with sso."""
    fields: dict[str, Any] = {"idp_url": url, **{name: text for name, text in public.items() if text is not None}}
    fields |= {f"custom_token_{at}": pairs for at, pairs in _along(door, token_entries).items()}
    fields["client_secret"] = str.__str__(sources.read(door, "client_secret", client_secret))
    where = door.environment(environment)
    door.client.call("connection_set_identity_provider", app_id=app_id, environment=where, fields=fields)
    if public["authorization_url"] or public["device_authorization_url"]:
        door.note(f"Next: {door.prog} login {app_id} --idp")
    return door.say(f"✓ {app_id} in {where}: identity provider set")
