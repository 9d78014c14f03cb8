"""`keep`, `drop` and `rename`: what of an upstream's answer is shown, and under which names."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from msgspec import Raw

from gateway.aggregate.parts import Part
from gateway.aggregate.reading import LIST, NULL, OBJECT, elements, kind, members
from gateway.upstream import Nonsense


@dataclass(slots=True)
class Shape:
    """What is done to the members of an object; a list's objects are all treated alike.

    Args:
        keeps: the only members that are shown; None for all.
        drops: members that are not shown.
        names: new names; where the answer has a member of the new name too, the renamed one is shown.
        inner: what is done to the members of members.
    """

    keeps: set[str] | None = None
    drops: set[str] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)
    inner: dict[str, "Shape"] = field(default_factory=dict)

    @classmethod
    def of(cls, part: Part) -> Self | None:
        """The shape that a part asks for; None when it shows the answer as it is."""
        if not (part.keep or part.drop or part.rename):
            return None
        shape = cls()
        for path in part.keep:
            shape.keep(path.split("."))
        for path in part.drop:
            *above, name = path.split(".")
            shape.under(above).drops.add(name)
        for path, new in part.rename.items():
            *above, name = path.split(".")
            shape.under(above).names[name] = new
        return shape

    def keep(self, path: list[str]) -> None:
        """Show what this path leads to, and nothing beside it that no other path leads to."""
        self.keeps = (self.keeps or set()) | {path[0]}
        if path[1:]:
            self.inner.setdefault(path[0], Shape()).keep(path[1:])

    def under(self, path: list[str]) -> "Shape":
        """The shape of the objects that this path leads to."""
        shape = self
        for step in path:
            shape = shape.inner.setdefault(step, Shape())
        return shape

    def apply(self, said: Raw) -> Any:
        """What is shown of this: everything that is shown is as it was said.

        Raises:
            Nonsense: fields are to be kept of what has none.
        """
        sort = kind(said)
        if sort == OBJECT:
            return self._members(members(said))
        if sort == LIST:
            return [self.apply(each) for each in elements(said)]
        if sort != NULL and self.keeps is not None:
            raise Nonsense(f"its answer has no object where {', '.join(sorted(self.keeps))} should be")
        return said

    def _members(self, said: Mapping[str, Raw]) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        given_up = {self.names[name] for name in said if name in self.names}
        for name, value in said.items():
            if (self.keeps is not None and name not in self.keeps) or name in self.drops:
                continue
            new = self.names.get(name)
            if new is None and name in given_up:
                continue
            inner = self.inner.get(name)
            shown[new or name] = inner.apply(value) if inner else value
        return shown


def faults(part: Part) -> Iterator[str]:
    """What is wrong between the three."""
    if part.keep and part.drop:
        yield "keep and drop: what is not kept is dropped already, write one of them"
    yield from _overlaps("keep", part.keep)
    yield from _overlaps("drop", part.drop)
    for path in part.rename:
        if part.keep and not any(_within(path, kept) or _within(kept, path) for kept in part.keep):
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
