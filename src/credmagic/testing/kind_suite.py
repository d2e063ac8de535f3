"""What must hold for every kind, whoever wrote it?

    class TestBasic(KindSuite):
        kind = Basic
        good = ({"user": "ada", "password": "CANARY"},)
        bad = (({"user": "ada"}, "password"),)

`CANARY` in an example stands for a fresh unmistakable secret in each test. A plug-in package subclasses this suite in
its own tests.
"""

from __future__ import annotations

import json
import re
import secrets as randomness
from collections.abc import Mapping
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credmagic.errors import InvalidCredential
from credmagic.kinds.base import variable
from credmagic.kinds.convert import MAX_BYTES
from credmagic.kinds.fields import camel
from credmagic.kinds.reading import UNKNOWN
from credmagic.testing.planting import planted, refusal, told
from credmagic.testing.token_rules import TokenRules
from credmagic.values import SecretStr

FACES = ("datarobot", "orchestrate")
LEGAL_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


class KindSuite(TokenRules):
    """Subclass it with `kind`, `good` and `bad`."""

    # ------------------------------------------------------------------ values

    def test_values_survive_being_stored(self, canary: str) -> None:
        for credential in self.examples(canary):
            stored = json.loads(json.dumps(credential.public() | credential.secrets()))

            assert self.kind.parse(stored) == credential

    def test_values_survive_being_handed_over(self, canary: str) -> None:
        for credential in self.examples(canary):
            flat = json.loads(json.dumps(credential.flatten()))
            received = self.kind.from_flat(flat)

            assert set(credential.secret_keys()) <= set(flat)
            assert received.flatten() == credential.flatten()
            assert received.environ("x") == credential.environ("x")
            if not credential.needs_exchange():
                assert {**credential.secrets(), **received.secrets()} == credential.secrets()

    def test_secrets_have_the_type_that_masks_them(self, canary: str) -> None:
        for credential in self.examples(canary):
            for name, value in credential.secrets().items():
                texts = value.values() if isinstance(value, Mapping) else [value]
                assert {type(text) for text in texts} == {SecretStr}, name
            for key in credential.secret_keys():
                value = credential.flatten()[key]
                assert {type(text) for text in (value.values() if isinstance(value, Mapping) else [value])} == {
                    SecretStr
                }

    def test_nothing_but_the_secrets_shows_a_secret(self, canary: str) -> None:
        for credential in self.examples(canary):
            shown = [
                repr(credential), str(credential), f"{credential}", credential.model_dump_json(),
                repr(credential.flatten()), repr(credential.environ("x")), repr(credential.files("x")),
                repr(credential.public()), *credential.warnings(), repr(credential.expiry()),
            ]  # fmt: skip
            assert canary not in "\n".join(shown)

    def test_a_credential_cannot_be_changed_in_place(self) -> None:
        for credential in self.examples():
            with pytest.raises(Exception, match=r"frozen"):
                setattr(credential, self.kind.specs()[0].name, "x")

    def test_an_update_keeps_what_is_absent_and_clears_what_is_null(self, canary: str) -> None:
        for credential in self.examples(canary):
            assert credential.updated({}) == credential
        for spec, example in self.by_field():
            if spec.required:
                with pytest.raises(InvalidCredential) as caught:
                    self.kind.parse(planted(example, canary)).updated({spec.name: None})
                assert caught.value.errors == {spec.name: "is required"}

    def test_every_secret_field_has_its_canary(self, canary: str) -> None:
        for spec, _ in self.by_field():
            values = [getattr(credential, spec.name) for credential in self.examples(canary)]
            assert not spec.secret or any(canary[:24] in json.dumps(value) for value in values if value)

    # ------------------------------------------------------------------ versions

    def test_what_a_newer_version_stored_is_not_guessed_at(self) -> None:
        for credential in self.examples():
            stored = (credential.public(), credential.secrets())
            assert self.kind.parse_stored(self.kind.version, *stored) == credential
            with pytest.raises(InvalidCredential, match=r"Upgrade"):
                self.kind.parse_stored(self.kind.version + 1, *stored)

    # ------------------------------------------------------------------ names

    def test_every_spelling_of_a_field_means_it(self, canary: str) -> None:
        for spec, example in self.by_field():
            expected = self.kind.parse(planted(example, canary))
            spellings = {spec.name, *spec.aliases, *spec.wire.values()}
            for name in spellings | {camel(name) for name in spellings}:
                renamed = {name if key == spec.name else key: value for key, value in example.items()}
                assert self.kind.parse(planted(renamed, canary)) == expected, name
                assert self.kind.spec(name) == spec

    def test_wire_names_lead_back(self) -> None:
        for face in FACES:
            names = {self.kind.wire_name(face, spec.name): spec for spec in self.kind.specs()}
            assert len(names) == len(self.kind.specs())
            for name, spec in names.items():
                assert self.kind.spec(name) == spec

    def test_variables_are_legal_and_announced(self) -> None:
        announced = {variable(name, "größe 1/x") for name in self.kind.describe()["env"]}
        for credential in self.examples():
            for prefix in (None, "P"):
                found = credential.environ("größe 1/x", prefix) | credential.files("größe 1/x", prefix)
                assert all(LEGAL_VARIABLE.match(name) for name in found)
                assert all(isinstance(value, str) for value in found.values())
                assert prefix or self.any_variable or set(found) <= announced

    # ------------------------------------------------------------------ declaration

    def test_the_description_is_json_and_complete(self) -> None:
        described = json.loads(json.dumps(self.kind.describe()))

        assert [field["name"] for field in described["fields"]] == [spec.name for spec in self.kind.specs()]
        assert described["kind"] == self.kind.kind
        assert described["title"]
        assert all(field["title"] for field in described["fields"])

    def test_what_is_folded_away_comes_last_and_is_never_required(self) -> None:
        folded = [spec.more for spec in self.kind.specs()]

        assert folded == sorted(folded)
        assert not any(spec.more and spec.required for spec in self.kind.specs())

    def test_the_schema_lets_secrets_be_written_only(self) -> None:
        schema = self.kind.json_schema()

        for spec in self.kind.specs():
            assert schema["properties"][spec.name].get("writeOnly", False) is spec.secret
        assert schema["additionalProperties"] is False

    def test_adapters_are_methods(self) -> None:
        assert all(callable(getattr(self.kind, name)) for name in self.kind.adapters())

    # ------------------------------------------------------------------ refusals

    def test_bad_input_names_the_field_and_not_the_value(self, canary: str) -> None:
        for values, field in self.bad:
            error = refusal(self.kind, planted(values, canary))

            assert field in error.errors, (field, error.errors)
            assert self.kind.kind in error.next_step
            assert canary not in "".join(told(error))

    def test_an_unknown_field_is_refused_without_repeating_it(self, canary: str) -> None:
        for example in self.good:
            error = refusal(self.kind, {**planted(example, canary), canary: "x"})

            assert list(error.errors) == [UNKNOWN]
            assert canary not in "".join(told(error))

    def test_a_mask_is_no_value(self) -> None:
        for spec, example in self.by_field():
            if spec.secret and spec.type in ("str", "text"):
                error = refusal(self.kind, {**example, spec.name: "[warehouse.password]"})
                assert "mask" in error.errors[spec.name]

    def test_an_overlong_value_is_refused(self, canary: str) -> None:
        for spec, example in self.by_field():
            if spec.type in ("str", "text", "url", "choice", "json", "map", "list"):
                error = refusal(self.kind, {**example, spec.name: canary + "x" * MAX_BYTES})
                assert spec.name in error.errors
                assert canary not in "".join(told(error))

    def test_control_characters_are_refused(self, canary: str) -> None:
        for spec, example in self.by_field():
            for character in ("\0", "\x1b"):
                error = refusal(self.kind, {**example, spec.name: f"{canary}{character}"})
                assert spec.name in error.errors
                assert canary not in "".join(told(error))

    def test_secret_texts_are_kept_byte_for_byte(self, canary: str) -> None:
        for spec, example in self.by_field():
            if not spec.secret or spec.type not in ("str", "text"):
                continue
            for text in (f"{canary}\r\nb\r\n", f"{canary}\nb\n", f"{canary}\nb", f" {canary}\t", f"a\\n{canary}"):
                credential = self.kind.parse({**planted(example, canary), spec.name: text})
                assert str.__eq__(getattr(credential, spec.name), text)
                assert canary not in "".join(credential.warnings())

    def test_any_input_is_taken_or_refused_in_our_words(self) -> None:
        marker = f"Mark{randomness.token_hex(8)}"
        examples = [(spec.name, planted(example, marker)) for spec, example in self.by_field()]
        values = _anything | st.text(max_size=40).map(lambda text: marker + text)

        # Inside, not around: hypothesis wants a test of its own for each subclass.
        @settings(max_examples=60, deadline=None, database=None)
        @given(st.sampled_from(examples), values)
        def try_it(field: tuple[str, Mapping[str, Any]], value: Any) -> None:
            name, example = field
            refused: InvalidCredential | None = None
            try:
                credential = self.kind.parse({**example, name: value})
            except InvalidCredential as error:
                refused = error
            if refused is None:
                assert self.kind.parse(credential.public() | credential.secrets()) == credential
            else:
                assert refused.errors
                assert marker not in "".join(told(refused))

        try_it()

    def test_annotations_fit_their_types(self) -> None:
        python = {"int": int, "bool": bool, "list": list, "map": dict}
        for spec in self.kind.specs():
            annotation = self.kind.model_fields[spec.name].annotation
            if expected := python.get(spec.type):
                found = [annotation, *get_args(annotation)]
                assert any(getattr(part, "__origin__", part) is expected for part in found), spec.name
