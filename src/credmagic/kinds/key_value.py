"""The kind `key_value`: any secrets by name, for whatever has no kind of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from credmagic.kinds.base import CredentialKind, variable
from credmagic.kinds.fields import secret
from credmagic.kinds.names import env_name
from credmagic.values import SecretStr

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class KeyValue(CredentialKind):
    """Pairs of key and secret value; each key is a key of the credential."""

    kind: ClassVar[str] = "key_value"
    sharing: ClassVar[tuple[str, ...]] = ("team",)
    title: ClassVar[str] = "Key and value pairs"
    aliases: ClassVar[tuple[str, ...]] = ("kv", "key_value_creds")
    help: ClassVar[str] = (
        "Secrets by name. Code reads each by its key; keys that are variable names are exported as is."
    )
    variables: ClassVar[tuple[str, ...]] = ("NAME_KEY",)

    entries: dict[str, SecretStr] = secret(
        "Entries",
        'Keys and their values; as text a JSON object {"key": "value"}. One alone: entries.KEY.',
        type="map",
    )

    def flatten(self) -> dict[str, Any]:
        """The entries themselves."""
        return dict(self.entries)

    def secret_keys(self) -> list[str]:
        """Every key."""
        return list(self.entries)

    @classmethod
    def from_flat(cls, fields: Mapping[str, Any]) -> Self:
        """The keys of a flat credential are its entries."""
        return cls.parse({"entries": dict(fields)})

    def environ(self, name: str, prefix: str | None = None) -> dict[str, str]:
        """Each key as it is if it is a legal variable name, else `NAME_KEY`."""
        return {
            key if _VARIABLE.match(key) else variable(f"NAME_{env_name(key)}", name, prefix): value
            for key, value in self.entries.items()
        }
