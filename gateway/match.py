"""From method, host and path to a route: a tree of segments, so that the cost is flat however many routes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from gateway.path import Parameter, Template

Goal = TypeVar("Goal")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pattern:
    """Which requests are meant: of one host, or of every one."""

    template: Template
    methods: Sequence[str]
    host: str | None = None


@dataclass(frozen=True, slots=True)
class Match(Generic[Goal]):
    """What a request leads to, and the decoded segments that the placeholders stand for."""

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
    goals: dict[str, tuple[Sequence[str], Goal]] = field(default_factory=dict)
    """What each method leads to, and the names of the placeholders on the way."""

    def child(self, part: str | Parameter) -> "_Node[Goal]":
        if isinstance(part, str):
            return self.fixed.setdefault(part, _Node())
        if part.takes_rest:
            self.rest = self.rest or _Node()
            return self.rest
        self.any = self.any or _Node()
        return self.any


class Matcher(Generic[Goal]):
    """Finds what a request leads to. A fixed segment goes before a placeholder, one segment before the rest.

    A pattern with a host goes before those without. One for GET answers HEAD as well.
    """

    def __init__(self, goals: Iterable[tuple[Pattern, Goal]]) -> None:
        self._hosts: dict[str | None, _Node[Goal]] = {None: _Node()}
        for pattern, goal in goals:
            node = self._hosts.setdefault(pattern.host, _Node())
            for part in pattern.template.parts:
                node = node.child(part)
            served = pattern.template.names, goal
            node.goals.update(dict.fromkeys(pattern.methods, served))
            if "GET" in pattern.methods:
                node.goals.setdefault("HEAD", served)

    def match(self, method: str, host: str, segments: Sequence[str]) -> Match[Goal]:
        """What a request leads to.

        Args:
            method: the HTTP method, in capitals.
            host: the name in `Host`, without a port.
            segments: the decoded path.

        Raises:
            NoRoute: nothing has this path.
            WrongMethod: something has this path, but not this method.
        """
        if (found := self._straight(method, host, segments)) is not None:
            return found
        allowed: list[str] = []
        for tree in (self._hosts.get(host), self._hosts[None]):
            if tree is None:
                continue
            for node, values in _leaves(tree, segments, 0, ()):
                if served := node.goals.get(method):
                    names, goal = served
                    return Match(goal, dict(zip(names, values, strict=True)))
                allowed += node.goals
        if allowed:
            raise WrongMethod(allowed)
        raise NoRoute

    def _straight(self, method: str, host: str, segments: Sequence[str]) -> Match[Goal] | None:
        """What the closest branch at each segment leads to: nearly always the answer, and found quickly."""
        node = self._hosts.get(host) or self._hosts[None]
        values: list[Sequence[str]] = []
        for depth, segment in enumerate(segments):
            if (fixed := node.fixed.get(segment)) is not None:
                node = fixed
            elif node.any is not None and segment:
                node = node.any
                values.append((segment,))
            elif node.rest is not None:
                node = node.rest
                values.append(segments[depth:])
                break
            else:
                return None
        if (served := node.goals.get(method)) is None:
            return None
        names, goal = served
        return Match(goal, dict(zip(names, values, strict=True)))


Values = tuple[Sequence[str], ...]


def _leaves(
    node: _Node[Goal], segments: Sequence[str], depth: int, values: Values
) -> Iterator[tuple[_Node[Goal], Values]]:
    if depth == len(segments):
        if node.goals:
            yield node, values
        return
    segment = segments[depth]
    if (fixed := node.fixed.get(segment)) is not None:
        yield from _leaves(fixed, segments, depth + 1, values)
    if node.any is not None and segment:
        yield from _leaves(node.any, segments, depth + 1, (*values, (segment,)))
    if node.rest is not None:
        yield node.rest, (*values, segments[depth:])
