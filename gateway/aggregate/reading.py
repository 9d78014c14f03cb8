"""Reading some of an upstream's JSON and leaving the rest as it was said, to the digit."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Raw

from gateway.aggregate.references import MAX_VALUE
from gateway.upstream import Nonsense

OBJECT: Final = ord("{")
LIST: Final = ord("[")
STRING: Final = ord('"')
NULL: Final = ord("n")

MAX_ELEMENTS = 1000
"""The longest list that is fanned out over."""

_members = msgspec.json.Decoder(dict[str, Raw])
_elements = msgspec.json.Decoder(list[Raw])
_string = msgspec.json.Decoder(str)


def kind(said: Raw) -> int:
    """The first byte, which tells objects, lists, strings and null from each other and from the rest."""
    return memoryview(said)[0]


def members(said: Raw) -> dict[str, Raw]:
    """The members of what is an object."""
    return _members.decode(said)


def elements(said: Raw) -> list[Raw]:
    """The elements of what is a list."""
    return _elements.decode(said)


def at(said: Raw, path: Sequence[str], where: str) -> Raw:
    """What a path leads to; `where` names it in sentences.

    Raises:
        Nonsense: there is nothing.
    """
    for step in path:
        found = members(said).get(step) if kind(said) == OBJECT else None
        if found is None:
            raise Nonsense(f"{where}: there is no field {step}")
        said = found
    return said


def text(said: Raw, path: Sequence[str], where: str) -> str:
    """The string, number or truth value that a path leads to, a number as it was written.

    Raises:
        Nonsense: there is nothing, null, an object or a list, or it is longer than `MAX_VALUE`.
    """
    found = at(said, path, where)
    if (sort := kind(found)) in {OBJECT, LIST, NULL}:
        raise Nonsense(f"{where}: this is no text or number")
    value = _string.decode(found) if sort == STRING else bytes(found).decode()
    if len(value) > MAX_VALUE:
        raise Nonsense(f"{where}: this is longer than {MAX_VALUE} characters")
    return value


def keys(said: Raw, path: Sequence[str], where: str) -> list[str]:
    """The texts in the list that a path leads to, or goes through; null is an empty list.

    Raises:
        Nonsense: there is no list, it is too long, or something in it is no text or number.
    """
    for done, step in enumerate(path):
        if kind(said) == LIST:
            return _texts(said, path[done:], where)
        said = at(said, (step,), where)
    if kind(said) == NULL:
        return []
    if kind(said) != LIST:
        raise Nonsense(f"{where}: this is no list")
    return _texts(said, (), where)


def _texts(said: Raw, path: Sequence[str], where: str) -> list[str]:
    found = elements(said)
    if len(found) > MAX_ELEMENTS:
        raise Nonsense(f"{where}: this has more than {MAX_ELEMENTS} elements")
    texts = [text(each, path, where) for each in found]
    if "" in texts:
        raise Nonsense(f"{where}: an element is empty")
    return texts
