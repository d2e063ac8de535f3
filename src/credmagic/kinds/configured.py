"""What if an administrator keeps the secrets of many people's credentials in one place?

A credential of such a kind has either its secret group inline, or `config_id`: the id of a team credential of the same
kind that lends it. Looking the lender up is the vault's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from credmagic.kinds.fields import field
from credmagic.kinds.token_kind import TokenKind


class ConfiguredKind(TokenKind):
    """Base of kinds with `config_id`. A subclass lists the group in `lent`."""

    inline: ClassVar[tuple[str, ...]] = ()
    """Those of `lent` that are required without a `config_id`."""

    config_id: str | None = field(
        "Configuration",
        "Id of a team credential of this kind that lends its secrets; excludes secrets of its own.",
        default=None,
        trim=True,
        aliases=("oauth_config_id",),
        more=True,
        common=True,
    )

    def check(self) -> Mapping[str, str]:
        """The group, or the id of who lends it."""
        given = [name for name in self.lent if getattr(self, name)]
        if self.config_id and given:
            text = "cannot be given together with config_id, which lends it"
            return {"config_id": f"cannot be given together with {' and '.join(given)}", **dict.fromkeys(given, text)}
        missing = [] if self.config_id else [name for name in self.inline if name not in given]
        return dict.fromkeys(missing, "is required unless config_id is given")
