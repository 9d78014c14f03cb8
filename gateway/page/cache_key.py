"""What a source's result is kept under: bytes that are the same for the same inputs, and for no others."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID

import msgspec

from kit.tokens import Identity

PLAIN: Final = frozenset({str, int, bool, float, bytes, type(None)})
"""Types that MessagePack tells apart itself; any other value is written as an array that names its type."""

TOLD_BY_REPR: Final = frozenset({Decimal, datetime, date, time, timedelta, UUID, msgspec.UnsetType})
"""Types whose `repr` says all there is to say of a value."""

INT64: Final = range(-(2**63), 2**64)
"""Integers that MessagePack can write."""

_encode = msgspec.msgpack.Encoder().encode


def key_of(values: Sequence[Any]) -> bytes:
    """The key of these inputs, in their order; equal values of different types have different keys.

    Of an `Identity` all counts: two apps that act for one user may be told different things.
    The order of a dict's or a set's members does not count.

    Raises:
        TypeError: a value is neither plain data nor made of it, such as a service's client.
    """
    for value in values:
        if type(value) not in PLAIN:
            break
    else:
        try:
            return _encode(values if type(values) is list else list(values))
        except (OverflowError, UnicodeEncodeError):  # told in another way below
            pass
    return _encode([_told(value) for value in values])


def _told(value: Any) -> Any:
    """The value itself when it is plain, else an array of its type's name and what it consists of."""
    kind = type(value)
    if kind is int and value not in INT64:
        return ["int", str(value)]
    if kind is str:
        return _text(value)
    if kind in PLAIN:
        return value
    if isinstance(value, Identity):
        scopes = sorted(map(_encoded, value.scopes))
        return ["identity", _text(value.subject), scopes, _text(value.client), _told(value.adopts)]
    return [f"{kind.__module__}.{kind.__qualname__}", *_parts(value)]


def _parts(value: Any) -> list[Any]:
    if type(value) in TOLD_BY_REPR:
        return [repr(value)]
    if isinstance(value, Mapping):
        return sorted([_encoded(name), _encoded(member)] for name, member in value.items())
    if isinstance(value, AbstractSet):
        return sorted(map(_encoded, value))
    return [_told(member) for member in _members(value)]


def _members(value: Any) -> Iterable[Any]:
    if isinstance(value, (list, tuple)):
        return value
    if isinstance(value, Enum):
        return (value.value,)
    if isinstance(value, msgspec.Struct):
        return (getattr(value, name) for name in value.__struct_fields__)
    if is_dataclass(value) and not isinstance(value, type):
        return (getattr(value, field.name) for field in fields(value))
    raise TypeError(f"no result can be kept by a {type(value).__qualname__}: it is no plain data")


def _encoded(value: Any) -> bytes:
    return _encode(_told(value))


def _text(value: str) -> Any:
    """A text, or an array when it is none in Unicode's sense (it has a lone surrogate)."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return ["str", value.encode("utf-8", "surrogatepass")]
    return value
