"""How is a secret value carried through a program without being shown by accident?

`SecretStr` is a real `str`: drivers, f-strings and `+` get the value, because a mask sent to a database
would only be a puzzling error. What is masked are the accidents: `repr`, rich and IPython display, pickles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn, Self

UNNAMED = "[secret]"


class SecretStr(str):
    """A string whose `repr` is its mask, e.g. `[warehouse.password]`.

    `copy` and `deepcopy` return the object itself (libraries deepcopy their keyword arguments); pickling is
    refused with a hint, because a pickle is a file.
    """

    __slots__ = ("_label",)
    _label: str

    def __new__(cls, value: object = "", label: str = UNNAMED) -> Self:
        self = super().__new__(cls, value)
        self._label = label
        return self

    @property
    def label(self) -> str:
        """The mask shown in place of the value."""
        return self._label

    def __repr__(self) -> str:
        return self._label

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(self._label)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            f"{self._label} cannot be pickled: a pickle is a file. "
            "Pickle the Credential (it resolves again where it is loaded), or str(value) if you mean it."
        )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        # Imported here so that kernels that only *use* values never load pydantic.
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(
            cls,
            handler(str),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda value: value.label, when_used="json"),
        )


@dataclass(frozen=True)
class Token:
    """A short-lived secret that an exchange fetched. `expires_at` (aware, UTC) is None when nobody said.

    `extra` holds what came along by name, e.g. the session token of temporary keys; the kind picks from it what a
    kernel may get, and ignores the rest (a renewed refresh token, say).
    """

    value: SecretStr
    expires_at: datetime | None = None
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)
