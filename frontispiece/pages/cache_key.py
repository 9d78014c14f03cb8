"""Cache keys: bytes that are the same for the same inputs of a source, and for no others."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID

import msgspec

from frontispiece.security import Identity

PLAIN: Final = frozenset({str, int, bool, float, bytes, type(None)})
"""Types that MessagePack distinguishes; any other value is encoded as an array that names its type."""

KEYED_BY_REPR: Final = frozenset({Decimal, datetime, date, time, timedelta, UUID, msgspec.UnsetType})
"""Types whose `repr` contains the whole value."""

INT64: Final = range(-(2**63), 2**64)
"""Integers that MessagePack can encode."""

_encode = msgspec.msgpack.Encoder().encode


def key_of(values: Sequence[Any]) -> bytes:
    """The key of these inputs, in their order; equal values of different types have different keys.

    All fields of an `Identity` count: two apps that act for one user may see different results.
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
        except (OverflowError, UnicodeEncodeError):  # encoded in another way below
            pass
    return _encode([_keyed(value) for value in values])


def _keyed(value: Any) -> Any:
    """The value itself when it is plain, else an array of its type's name and its parts."""
    kind = type(value)
    if kind is int and value not in INT64:
        return ["int", str(value)]
    if kind is str:
        return _text(value)
    if kind in PLAIN:
        return value
    if isinstance(value, Identity):
        scopes = sorted(map(_encoded, value.scopes))
        return ["identity", _text(value.subject), scopes, _text(value.client), _keyed(value.merged_guest)]
    return [f"{kind.__module__}.{kind.__qualname__}", *_parts(value)]


def _parts(value: Any) -> list[Any]:
    if type(value) in KEYED_BY_REPR:
        return [repr(value)]
    if isinstance(value, Mapping):
        return sorted([_encoded(name), _encoded(member)] for name, member in value.items())
    if isinstance(value, AbstractSet):
        return sorted(map(_encoded, value))
    return [_keyed(member) for member in _members(value)]


def _members(value: Any) -> Iterable[Any]:
    if isinstance(value, (list, tuple)):
        return value
    if isinstance(value, Enum):
        return (value.value,)
    if isinstance(value, msgspec.Struct):
        return (getattr(value, name) for name in value.__struct_fields__)
    if is_dataclass(value) and not isinstance(value, type):
        return (getattr(value, field.name) for field in fields(value))
    raise TypeError(f"a {type(value).__qualname__} cannot be part of a cache key: it is no plain data")


def _encoded(value: Any) -> bytes:
    return _encode(_keyed(value))


def _text(value: str) -> Any:
    """A string, or an array when it is no valid Unicode (it has a lone surrogate)."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return ["str", value.encode("utf-8", "surrogatepass")]
    return value
