"""Reads and selects fields of JSON without decoding the rest: numbers stay as they were written."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

import msgspec
from msgspec import Raw

from frontispiece.gateway.aggregates.config import Part
from frontispiece.gateway.aggregates.target_template import MAX_VALUE
from frontispiece.upstream import InvalidResponse

OBJECT: Final = ord("{")
LIST: Final = ord("[")
STRING: Final = ord('"')
NULL: Final = ord("n")

MAX_ELEMENTS = 1000
"""The longest list that is fanned out over."""

members: Final = msgspec.json.Decoder(dict[str, Raw]).decode
"""The members of an object."""

elements: Final = msgspec.json.Decoder(list[Raw]).decode
"""The elements of a list."""

_string: Final = msgspec.json.Decoder(str).decode


def kind(raw: Raw) -> int:
    """The first byte, which distinguishes objects, lists, strings and null."""
    return memoryview(raw)[0]


def at(raw: Raw, path: Sequence[str], where: str) -> Raw:
    """The value at a path; `where` names it in messages.

    Raises:
        InvalidResponse: there is nothing.
    """
    for step in path:
        found = members(raw).get(step) if kind(raw) == OBJECT else None
        if found is None:
            raise InvalidResponse(f"{where}: there is no field {step}")
        raw = found
    return raw


def text(raw: Raw, path: Sequence[str], where: str) -> str:
    """The string, number or truth value that a path leads to, a number as it was written.

    Raises:
        InvalidResponse: there is nothing, null, an object or a list, or it is longer than `MAX_VALUE`.
    """
    found = at(raw, path, where)
    if (first := kind(found)) in {OBJECT, LIST, NULL}:
        raise InvalidResponse(f"{where}: this is no text or number")
    value = _string(found) if first == STRING else bytes(found).decode()
    if len(value) > MAX_VALUE:
        raise InvalidResponse(f"{where}: this is longer than {MAX_VALUE} characters")
    return value


def keys(raw: Raw, path: Sequence[str], where: str) -> list[str]:
    """The texts in the list that a path leads to, or goes through; null is an empty list.

    Raises:
        InvalidResponse: there is no list, it is too long, or something in it is no text or number.
    """
    for done, step in enumerate(path):
        if kind(raw) == LIST:
            return _texts(raw, path[done:], where)
        raw = at(raw, (step,), where)
    if kind(raw) == NULL:
        return []
    if kind(raw) != LIST:
        raise InvalidResponse(f"{where}: this is no list")
    return _texts(raw, (), where)


def _texts(raw: Raw, path: Sequence[str], where: str) -> list[str]:
    found = elements(raw)
    if len(found) > MAX_ELEMENTS:
        raise InvalidResponse(f"{where}: this has more than {MAX_ELEMENTS} elements")
    texts = [text(each, path, where) for each in found]
    if "" in texts:
        raise InvalidResponse(f"{where}: an element is empty")
    return texts


@dataclass(slots=True)
class Selection:
    """Which members of an object are shown, under which names; a list's objects are all treated alike.

    Args:
        only: members that are shown; None for all.
        dropped: members that are not shown.
        names: new names; where the answer has a member of the new name too, the renamed one is shown.
        inner: the selections of members that are objects or lists.
    """

    only: set[str] | None = None
    dropped: set[str] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)
    inner: dict[str, "Selection"] = field(default_factory=dict)

    @classmethod
    def of(cls, part: Part) -> Self | None:
        """The selection of a part; None when it shows the response as it is."""
        if not (part.keep or part.drop or part.rename):
            return None
        selection = cls()
        for path in part.keep:
            selection.keep(path.split("."))
        for path in part.drop:
            *above, name = path.split(".")
            selection.under(above).dropped.add(name)
        for path, new in part.rename.items():
            *above, name = path.split(".")
            selection.under(above).names[name] = new
        return selection

    def keep(self, path: list[str]) -> None:
        """Show what this path leads to, and nothing beside it that no other path leads to."""
        self.only = (self.only or set()) | {path[0]}
        if path[1:]:
            self.inner.setdefault(path[0], Selection()).keep(path[1:])

    def under(self, path: list[str]) -> "Selection":
        """The selection of the objects at this path."""
        selection = self
        for step in path:
            selection = selection.inner.setdefault(step, Selection())
        return selection

    def apply(self, raw: Raw) -> Any:
        """The selected fields, each as it was written.

        Raises:
            InvalidResponse: fields are to be kept of what has none.
        """
        first = kind(raw)
        if first == OBJECT:
            return self._members(members(raw))
        if first == LIST:
            return [self.apply(each) for each in elements(raw)]
        if first != NULL and self.only is not None:
            raise InvalidResponse(f"its answer has no object where {', '.join(sorted(self.only))} should be")
        return raw

    def _members(self, raw: Mapping[str, Raw]) -> dict[str, Any]:
        selected: dict[str, Any] = {}
        replaced = {self.names[name] for name in raw if name in self.names}
        for name, value in raw.items():
            if (self.only is not None and name not in self.only) or name in self.dropped:
                continue
            new = self.names.get(name)
            if new is None and name in replaced:
                continue
            inner = self.inner.get(name)
            selected[new or name] = inner.apply(value) if inner else value
        return selected


def selection_faults(part: Part) -> Iterator[str]:
    """What is wrong between `keep`, `drop` and `rename`."""
    if part.keep and part.drop:
        yield "keep and drop: what is not kept is dropped already, write one of them"
    yield from _overlaps("keep", part.keep)
    yield from _overlaps("drop", part.drop)
    for path in part.rename:
        if part.keep and not any(_within(path, keep) or _within(keep, path) for keep in part.keep):
            yield f"rename: {path} is not kept"
        if any(_within(path, dropped) for dropped in part.drop):
            yield f"rename: {path} is dropped"
    yield from _collisions(part)


def _overlaps(what: str, paths: Iterable[str]) -> Iterator[str]:
    paths = list(paths)
    for number, path in enumerate(paths):
        for other in paths[:number]:
            if _within(path, other) or _within(other, path):
                yield f"{what}: {max(path, other, key=len)} is within {min(path, other, key=len)} already"


def _collisions(part: Part) -> Iterator[str]:
    taken: dict[str, str] = {}
    for path, new in part.rename.items():
        renamed = ".".join((*path.split(".")[:-1], new))
        if other := taken.get(renamed):
            yield f"rename: {other} and {path} would both be {renamed}"
        elif renamed in part.keep and renamed not in part.rename:
            yield f"rename: {path} would be {renamed}, which is kept under that name"
        taken.setdefault(renamed, path)


def _within(path: str, outer: str) -> bool:
    return path == outer or path.startswith(f"{outer}.")
