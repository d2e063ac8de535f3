"""How do tools written for watsonx Orchestrate find a credential in a notebook?

`ibm_watsonx_orchestrate.run.connections` reads `WXO_*` variables at each call and nothing else, and ends the process
where they are missing: they must be there before the cell that needs them. Only connections are handed over like this.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from credmagic import settings
from credmagic.client.credential import Credential
from credmagic.errors import InvalidCredential, NotUsable
from credmagic.injectors.base import Injector
from credmagic.injectors.environ import EnvironInjector
from credmagic.kinds.registry import find_kind
from credmagic.masking import mask
from credmagic.values import SecretStr

_SCHEMA, _VALUES, _CUSTOM = "WXO_SECURITY_SCHEMA_", "WXO_CONNECTION_", "WXO_CONNECTION_CUSTOM_"
_ALL_KEYS = "key_value_creds"


class WxoInjector(Injector):
    """Sets the variables of one connection at a time; `apply` may be called for several."""

    name: ClassVar[str] = "wxo"

    def __init__(self) -> None:
        self._environ = EnvironInjector()

    def asks(self, call: Callable[..., dict[str, Any]], credential: Credential) -> dict[str, Any]:
        """The configuration of the connection the credential serves. Raises `NotFound` when it serves none."""
        environment = credential.environment or settings.active_environment()
        shown = call("connection", app_id=credential.name, environment=environment)
        return {"app_id": shown["app_id"], "configuration": next(iter(shown["configurations"]), None)}

    def apply(self, credential: Credential, **options: Any) -> list[str]:
        """Set the variables; options `app_id` and `configuration` are what `asks` answered.

        Raises `InvalidCredential` where the names would be taken for another connection's that is set in this process,
        `NotUsable` where what tools need is empty.
        """
        app_id, configuration = options["app_id"], options["configuration"]
        if configuration is None or configuration["kind"] != credential.kind:
            raise InvalidCredential(
                f"{credential.name}: the connection is not configured for a credential of kind {credential.kind} here",
                next_step=f"%cred connection configure --app-id {app_id} --kind {credential.kind} --env ENV",
            )
        return self._environ.set(variables(app_id, credential, configuration))

    def take_back(self) -> None:
        self._environ.take_back()


def variables(app_id: str, credential: Credential, configuration: Mapping[str, Any]) -> dict[str, str]:
    """Every variable of a connection. Raises as `apply`."""
    part = re.sub("[^a-zA-Z0-9]+", "_", app_id)
    scheme = configuration["scheme"]
    _check_alone(credential.name, part, scheme)
    values = find_kind(credential.kind).runtime(dict(credential))
    if url := configuration.get("server_url") or _own_url(credential, scheme):
        values["url"] = url
    empty = [name for name, value in values.items() if not value and scheme != _ALL_KEYS]
    if empty:
        raise NotUsable(
            f"{credential.name} has no {' and '.join(empty)} to hand over",
            code="incomplete",
            next_step=f"%cred connection set-credentials --app-id {app_id} --env {configuration['environment']}",
        )
    if any("=" in key or "\0" in key for key in values):
        raise InvalidCredential(
            f"{credential.name}: a key with '=' cannot be part of a variable's name",
            next_step=f"Read it in code: cred = %cred use {credential.name}",
        )
    found = {_SCHEMA + part: scheme}
    for name, value in values.items():
        text = str.__str__(value)
        secret = any(text == one or (len(one) > 3 and one in text) for one in credential.secrets().values())
        found[f"{_VALUES}{part}_{name}"] = SecretStr(text, mask(credential.name, name)) if secret else text
    entries = configuration.get("custom_config_entries") or {}
    return found | {f"{_CUSTOM}{part}_{name}": str(value) for name, value in entries.items()}


def _own_url(credential: Credential, scheme: str) -> str | None:
    """The kind's own address; among pairs of keys and values it would become one of them."""
    address = None if scheme == _ALL_KEYS else credential.public().get("url") or credential.public().get("host")
    return str(address) if address else None


def _check_alone(name: str, part: str, scheme: str) -> None:
    """Pairs of one connection are all variables that begin like it: no other may begin like them, in this process."""
    there = {key.removeprefix(_SCHEMA): os.environ[key] for key in os.environ if key.startswith(_SCHEMA)}
    for other, other_scheme in there.items():
        mine, theirs = part.casefold(), other.casefold()
        swallows = scheme == _ALL_KEYS and theirs.startswith(f"{mine}_")
        is_swallowed = other_scheme == _ALL_KEYS and mine.startswith(f"{theirs}_")
        same = mine == theirs and other != part
        if swallows or is_swallowed or same:
            raise InvalidCredential(
                f"{name}: its variables would be taken for those of the connection {other}, which is set here too",
                next_step="Use one of them in a cell of its own: %%cred use NAME --wxo",
            )
