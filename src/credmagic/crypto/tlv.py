"""How do several byte strings become one, so that no two lists of them give the same bytes?

    TLV(p1, p2, …) = u32 length ‖ p1 ‖ u32 length ‖ p2 ‖ …        an absent part (None) is FF FF FF FF

What is encoded here comes from database columns. A column that is not what its type says (text in place of a
number, a number out of range) is a broken record, so it raises `SealBroken` and never a `TypeError`.
"""

from __future__ import annotations

from struct import Struct
from struct import error as StructError
from typing import TypeAlias

from credmagic.errors import SealBroken

Cell: TypeAlias = bytes | int | str | None
"""What a database cell holds."""

_ABSENT = b"\xff\xff\xff\xff"
_U32 = Struct(">I").pack
_U64 = Struct(">Q").pack
_I64 = Struct(">q").pack


def tlv(*parts: bytes | None) -> bytes:
    """Each part behind its length; None is an absent part, which differs from an empty one."""
    try:
        return b"".join([_ABSENT if part is None else _U32(len(part)) + part for part in parts])
    except (TypeError, StructError):
        pass
    raise SealBroken(reason="column")


def u32(number: int) -> bytes:
    """Four bytes, big-endian."""
    return _packed(_U32, number)


def u64(number: int) -> bytes:
    """Eight bytes, big-endian."""
    return _packed(_U64, number)


def text(value: str) -> bytes:
    """UTF-8."""
    try:
        return value.encode("utf-8")
    except (AttributeError, UnicodeEncodeError):
        pass
    raise SealBroken(reason="column")


def column(value: Cell) -> bytes | None:
    """One database cell with its type, so that 1, "1" and b"1" differ; NULL is absent."""
    match value:
        case None:
            return None
        case int():
            return b"i" + _packed(_I64, value)
        case str():
            return b"s" + text(value)
        case bytes():
            return b"b" + value
    raise SealBroken(reason="column")


def _packed(pack: object, number: int) -> bytes:
    try:
        return pack(number)  # type: ignore[operator, no-any-return]
    except StructError:
        pass
    raise SealBroken(reason="column")
