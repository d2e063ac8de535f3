"""What must hold for every kind whose secrets stay in the vault? (The part of `KindSuite` that is about tokens.)"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from credmagic.errors import TokenRefused
from credmagic.kinds.base import CredentialKind, environ_of
from credmagic.kinds.fields import FieldSpec
from credmagic.kinds.token_kind import TokenKind
from credmagic.testing.planting import planted, refusal, told
from credmagic.values import SecretStr, Token

ENDS = datetime(2099, 1, 1, tzinfo=UTC)
SOON = datetime(2001, 1, 1, tzinfo=UTC)
TOKEN_EXTRA = {
    "aws_access_key_id": "ASIA1", "aws_session_token": "s" * 20, "site_id": "s-1", "refresh_token": "must not leave",
}  # fmt: skip
"""What any exchange may bring along."""


class TokenRules:
    """The examples of a kind, and the rules for what leaves the vault."""

    kind: ClassVar[type[CredentialKind]]
    good: ClassVar[Sequence[Mapping[str, Any]]]
    """Examples by canonical names; together they set every field."""
    bad: ClassVar[Sequence[tuple[Mapping[str, Any], str]]] = ()
    """Values, and the field whose fault it is."""
    any_variable: ClassVar[bool] = False
    """True if the names of variables follow from the values."""

    def examples(self, canary: str = "Kanari-0123456789abcdef") -> list[CredentialKind]:
        """The good examples, parsed."""
        return [self.kind.parse(planted(example, canary)) for example in self.good]

    def by_field(self) -> Iterator[tuple[FieldSpec, dict[str, Any]]]:
        """Each field with a good example that sets it."""
        for spec in self.kind.specs():
            example = next((dict(example) for example in self.good if spec.name in example), None)
            assert example is not None, f"no example sets {spec.name}"
            yield spec, example

    # ------------------------------------------------------------------ tokens

    def test_a_kernel_gets_a_token_in_place_of_what_is_kept(self, canary: str) -> None:
        """Unless the credential says `exportable`; the kernel builds the same from what it was sent."""
        for credential in self.examples(canary):
            if not credential.needs_exchange():
                assert credential.exchange is None or isinstance(credential, TokenKind)
                continue
            token = Token(SecretStr("t0ken-" + "x" * 20), ENDS, TOKEN_EXTRA)
            released = credential.released(token)
            received = self.kind.from_flat(json.loads(json.dumps(released.fields)))

            assert token.value in released.fields.values()
            assert TOKEN_EXTRA["refresh_token"] not in json.dumps([released.fields, released.environ])
            assert received.flatten() == released.fields
            assert sorted(received.secret_keys()) == sorted(released.secret)
            assert received.environ("x y", "P") == environ_of(released, "x y", "P")
            assert all(type(released.fields[key]) is SecretStr for key in released.secret)
            shown = json.dumps([released.fields, released.environ, released.files])
            assert (canary[:24] in shown) is bool(getattr(credential, "exportable", False) and credential.secrets())
            assert canary[:24] not in f"{released.fields!r} {released.environ!r} {released.files!r} {received!r}"

    def test_a_missing_token_is_an_error_that_says_what_to_do(self) -> None:
        for credential in self.examples():
            if isinstance(credential, TokenKind) and credential.needs_exchange():
                with pytest.raises(TokenRefused, match=r"%cred use"):
                    credential.fresh()

    def test_a_token_about_to_end_is_renewed(self) -> None:
        for credential in self.examples():
            if not isinstance(credential, TokenKind) or not credential.needs_exchange():
                continue
            old, new = (Token(SecretStr(text), ends, TOKEN_EXTRA) for text, ends in (("old", SOON), ("new", ENDS)))
            received = self.kind.from_flat(credential.released(old).fields)
            assert isinstance(received, TokenKind)
            received.renewed_by(lambda c=credential, t=new: c.released(t).fields)  # type: ignore[misc]

            assert received.fresh().value == "new"

    def test_what_a_team_credential_lends_is_borrowed_whole(self) -> None:
        lenders = [credential for credential in self.examples() if not getattr(credential, "config_id", None)]
        for credential in self.examples():
            if not getattr(credential, "config_id", None):
                continue
            lent = credential.borrowing(next(lender for lender in lenders if lender.secrets()))
            assert {name for name in self.kind.lent if getattr(lent, name)}
            assert "config_id" not in lent.public()

    def test_a_configuration_excludes_a_group_of_its_own(self, canary: str) -> None:
        if not self.kind.lent:
            return
        for example in self.good:
            if given := [name for name in self.kind.lent if name in example]:
                error = refusal(self.kind, {**planted(example, canary), "config_id": "ab" * 16})
                assert {"config_id", *given} <= set(error.errors)
                assert canary not in "".join(told(error))
