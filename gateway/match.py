"""From method, host and path to a route: a tree of segments, so that the cost is flat however many routes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from gateway.path import Parameter
from gateway.table import Route

Goal = TypeVar("Goal")


@dataclass(frozen=True, slots=True)
class Match(Generic[Goal]):
    """A route, what it leads to, and the decoded segments that its placeholders stand for."""

    route: Route
    goal: Goal
    params: Mapping[str, Sequence[str]]


class NoRoute(Exception):
    """The table has no such path."""


class WrongMethod(Exception):
    """The table has the path, but not for this method; `allowed` are those it has."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self.allowed = sorted(set(allowed))
        super().__init__(", ".join(self.allowed))


@dataclass(slots=True)
class _Node(Generic[Goal]):
    fixed: dict[str, "_Node[Goal]"] = field(default_factory=dict)
    any: "_Node[Goal] | None" = None
    rest: "_Node[Goal] | None" = None
    routes: dict[str, tuple[Route, Goal]] = field(default_factory=dict)

    def child(self, part: str | Parameter) -> "_Node[Goal]":
        if isinstance(part, str):
            return self.fixed.setdefault(part, _Node())
        if part.takes_rest:
            self.rest = self.rest or _Node()
            return self.rest
        self.any = self.any or _Node()
        return self.any


class Matcher(Generic[Goal]):
    """Finds the route of a request. A fixed segment goes before a placeholder, one segment before the rest.

    A route with a host goes before those without. A route for GET answers HEAD as well.
    """

    def __init__(self, routes: Iterable[tuple[Route, Goal]]) -> None:
        self._hosts: dict[str | None, _Node[Goal]] = {None: _Node()}
        for route, goal in routes:
            node = self._hosts.setdefault(route.host, _Node())
            for part in route.template.parts:
                node = node.child(part)
            node.routes.update(dict.fromkeys(route.methods, (route, goal)))
            if "GET" in route.methods:
                node.routes.setdefault("HEAD", (route, goal))

    def match(self, method: str, host: str, segments: Sequence[str]) -> Match[Goal]:
        """The route for a request.

        Args:
            method: the HTTP method, in capitals.
            host: the name in `Host`, without a port.
            segments: the decoded path.

        Raises:
            NoRoute: no route has this path.
            WrongMethod: routes have this path, but none has this method.
        """
        allowed: list[str] = []
        for tree in (self._hosts.get(host), self._hosts[None]):
            if tree is None:
                continue
            for node, values in _leaves(tree, segments, 0, ()):
                if found := node.routes.get(method):
                    route, goal = found
                    return Match(route, goal, dict(zip(route.template.names, values, strict=True)))
                allowed += node.routes
        if allowed:
            raise WrongMethod(allowed)
        raise NoRoute


Values = tuple[Sequence[str], ...]


def _leaves(
    node: _Node[Goal], segments: Sequence[str], depth: int, values: Values
) -> Iterator[tuple[_Node[Goal], Values]]:
    if depth == len(segments):
        if node.routes:
            yield node, values
        return
    segment = segments[depth]
    if (fixed := node.fixed.get(segment)) is not None:
        yield from _leaves(fixed, segments, depth + 1, values)
    if node.any is not None and segment:
        yield from _leaves(node.any, segments, depth + 1, (*values, (segment,)))
    if node.rest is not None:
        yield node.rest, (*values, segments[depth:])
