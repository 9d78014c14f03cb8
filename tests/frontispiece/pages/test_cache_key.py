"""What results are kept under: nobody may ever be given what was loaded for other inputs or somebody else."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Struct

from frontispiece.pages.cache_key import key_of
from frontispiece.security import Identity


class Book(Struct, frozen=True):
    """A Struct."""

    name: Any


class Film(Struct, frozen=True):
    """Another Struct of the same shape."""

    name: Any


@dataclass(frozen=True)
class Song:
    """A dataclass of the same shape."""

    name: Any


class Pair(NamedTuple):
    """A tuple with a name."""

    name: Any
    other: Any


class Color(StrEnum):
    """An enumeration of strings."""

    RED = "red"


class Size(IntEnum):
    """An enumeration of numbers."""

    SMALL = 1


class Level(Enum):
    """An enumeration of anything."""

    LOW = (1, "low")


DIFFERENT: list[Any] = [
    *(1, "1", True, 1.0, b"1", None, "None", [1], (1,), {1}, {1: None}, [[1]], Decimal(1), Size.SMALL),
    *(0, -1, False, 0.0, "", b"", [], (), set(), {}, [None], [[]], 2**64, str(2**64), -(2**63) - 1, 2**63),
    *("red", Color.RED, Book("red"), Film("red"), Song("red"), ("red",), Book(Film("red")), {"name": "red"}),
    *(
        (1, 2),
        [1, 2],
        Pair(1, 2),
        {1, 2},
        {1: 2},
        [[1, 2]],
        "12",
        Level.LOW,
        (1, "low"),
        "\udc80",
        b"\xed\xb2\x80",
    ),
    *(["int", "1"], ["str", b"\xed\xb2\x80"], ["identity", "red", []], ["builtins.list", 1], UNSET, "UNSET"),
    *(
        date(2026, 1, 2),
        datetime(2026, 1, 2),  # noqa: DTZ001 (one without a zone)
        datetime(2026, 1, 2, tzinfo=UTC),
        "2026-01-02",
        time(1),
        "01:00:00",
    ),
    *(
        datetime(2026, 1, 2, tzinfo=ZoneInfo("Europe/Lisbon")),
        timedelta(1),
        86400,
        UUID(int=1),
        str(UUID(int=1)),
    ),
    Identity(subject="red", scopes=frozenset()),
    Identity(subject="red", scopes=frozenset({"a", "b"})),
    Identity(subject="red", scopes=frozenset({"a b"})),
    Identity(subject="reda", scopes=frozenset({"b"})),
    Identity(subject="red", scopes=frozenset(), client="red"),
    Identity(subject="red", scopes=frozenset(), merged_guest="red"),
    Identity(subject="\udc80", scopes=frozenset({"\udc80"})),
]

texts = st.text(max_size=4) | st.sampled_from(["a", "b", "ab", "a b", "identity", "1", "\udc80"])
identities = st.builds(
    Identity,
    subject=texts,
    scopes=st.frozensets(texts, max_size=3),
    client=texts,
    merged_guest=st.none() | texts,
)
hashable = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.binary(max_size=4) | texts
)
values = st.recursive(
    hashable | identities | st.sampled_from([Color.RED, Size.SMALL, Decimal(1), date(2026, 1, 2)]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.frozensets(hashable, max_size=3)
        | st.dictionaries(hashable, inner, max_size=3)
        | st.builds(Book, inner)
        | st.builds(Film, inner)
        | st.builds(Song, inner)
    ),
    max_leaves=6,
)


def meaning(value: Any) -> Any:
    """All that tells a value from others, in such a way that Python's own equality decides."""
    if isinstance(value, Identity):
        return Identity, value.subject, value.scopes, value.client, value.merged_guest
    if isinstance(value, (Book, Film, Song)):
        return type(value), meaning(value.name)
    if isinstance(value, dict):
        return dict, frozenset((meaning(name), meaning(member)) for name, member in value.items())
    if isinstance(value, frozenset):
        return frozenset, frozenset(map(meaning, value))
    if isinstance(value, (list, tuple)):
        return type(value), tuple(map(meaning, value))
    return type(value), repr(value)  # 0.0 is not -0.0


@given(st.lists(values, max_size=3), st.lists(values, max_size=3))
def test_inputs_have_the_same_key_exactly_when_they_are_the_same(one: list[Any], other: list[Any]) -> None:
    assert (key_of(one) == key_of(other)) == (meaning(one) == meaning(other))


def test_values_that_look_alike_have_keys_of_their_own() -> None:
    keys = [key_of([value]) for value in DIFFERENT]

    assert len(set(keys)) == len(DIFFERENT)


@pytest.mark.parametrize(
    "value", [object(), Identity, len, iter([])], ids=["object", "class", "function", "iterator"]
)
def test_a_value_that_is_not_plain_data_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="it is no plain data"):
        key_of(["a", [value]])
