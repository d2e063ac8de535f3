"""Is a variable bound, and given back as it was?"""

from __future__ import annotations

from typing import Any

import pytest

from credmagic.client.credential import Credential
from credmagic.errors import InvalidCredential
from credmagic.injectors.namespace import NamespaceInjector, variable_for


def made(name: str = "s3-prod") -> Credential:
    return Credential.from_resolved(
        {"id": "c", "name": name, "kind": "s3", "version": 1, "environment": "", "fields": {}, "secret": []}
    )


def test_it_binds_and_restores() -> None:
    namespace: dict[str, Any] = {"db": "mine"}
    injector = NamespaceInjector(namespace)

    assert injector.apply(made(), variable="db") == ["db"]
    assert injector.apply(made()) == ["s3_prod"]
    assert set(namespace) == {"db", "s3_prod"}
    injector.take_back()

    assert namespace == {"db": "mine"}


@pytest.mark.parametrize("variable", ["a-b", "1st", "class", "print", "In", "_x", "a b", "a.b", ""[:0] or "None"])
def test_a_name_that_is_no_free_variable_is_refused(variable: str) -> None:
    namespace: dict[str, Any] = {}

    with pytest.raises(InvalidCredential) as caught:
        NamespaceInjector(namespace).apply(made(), variable=variable)

    assert "%cred use s3-prod as" in caught.value.next_step
    assert namespace == {}


@pytest.mark.parametrize(
    ("name", "variable"), [("s3-prod", "s3_prod"), ("2nd", "c_2nd"), ("Größe", "Größe"), ("--", "credential")]
)
def test_a_name_becomes_a_variable(name: str, variable: str) -> None:
    assert variable_for(name) == variable


def test_outside_ipython_it_says_what_to_do() -> None:
    with pytest.raises(InvalidCredential, match="no notebook"):
        NamespaceInjector()
