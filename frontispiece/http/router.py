"""Matches requests to targets by a tree of path segments, at a cost independent of their number."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from frontispiece.http.paths import Parameter, Template
from frontispiece.http.problems import Problem

Target = TypeVar("Target")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pattern:
    """The requests of a target: by path, methods, and host if it has one."""

    template: Template
    methods: Sequence[str]
    host: str | None = None


@dataclass(frozen=True, slots=True)
class Match(Generic[Target]):
    """The target of a request, and the normalised segments of the placeholders."""

    target: Target
    params: Mapping[str, Sequence[str]]


class RouteNotFound(Exception):
    """No target has this path."""


class MethodNotAllowed(Exception):
    """A target has this path, but with other methods: those `allowed`."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self.allowed = sorted(set(allowed))
        super().__init__(", ".join(self.allowed))

    def problem(self) -> Problem:
        """The 405 that says so."""
        return Problem(405, "method-not-allowed", f"This path answers {self}.", headers={"Allow": str(self)})


@dataclass(slots=True)
class _Node(Generic[Target]):
    fixed: dict[str, "_Node[Target]"] = field(default_factory=dict)
    any: "_Node[Target] | None" = None
    rest: "_Node[Target] | None" = None
    targets: dict[str, tuple[Sequence[str], Target]] = field(default_factory=dict)
    """The target and the names of its placeholders, by method."""

    def child(self, part: str | Parameter) -> "_Node[Target]":
        if isinstance(part, str):
            return self.fixed.setdefault(part, _Node())
        if part.takes_rest:
            self.rest = self.rest or _Node()
            return self.rest
        self.any = self.any or _Node()
        return self.any


class Matcher(Generic[Target]):
    """Finds the target of a request. A fixed segment goes before a placeholder, one segment before the rest.

    A pattern with a host goes before those without. One for GET serves HEAD, too.
    """

    def __init__(self, targets: Iterable[tuple[Pattern, Target]]) -> None:
        self._hosts: dict[str | None, _Node[Target]] = {None: _Node()}
        for pattern, target in targets:
            node = self._hosts.setdefault(pattern.host, _Node())
            for part in pattern.template.parts:
                node = node.child(part)
            served = pattern.template.names, target
            node.targets.update(dict.fromkeys(pattern.methods, served))
            if "GET" in pattern.methods:
                node.targets.setdefault("HEAD", served)

    def match(self, method: str, host: str, segments: Sequence[str]) -> Match[Target]:
        """The target of a request.

        `host` is the name in `Host`, without a port; the path is normalised.

        Raises:
            RouteNotFound: no target has this path.
            MethodNotAllowed: one has this path, but not this method.
        """
        if (found := self._match_directly(method, host, segments)) is not None:
            return found
        allowed: list[str] = []
        for node, values in self._leaves_at(host, segments):
            if served := node.targets.get(method):
                names, target = served
                return Match(target, dict(zip(names, values, strict=True)))
            allowed += node.targets
        if allowed:
            raise MethodNotAllowed(allowed)
        raise RouteNotFound

    def targets_at(self, method: str, host: str, segments: Sequence[str]) -> list[Target]:
        """The targets at this path, whatever their methods; those of this method come first."""
        found = [*self.matches_at(host, segments)]
        return [match.target for _, match in sorted(found, key=lambda each: each[0] != method)]

    def matches_at(self, host: str, segments: Sequence[str]) -> Iterator[tuple[str, Match[Target]]]:
        """What answers at this path, by method; the closest comes first."""
        for node, values in self._leaves_at(host, segments):
            for method, (names, target) in node.targets.items():
                yield method, Match(target, dict(zip(names, values, strict=True)))

    def _leaves_at(self, host: str, segments: Sequence[str]) -> Iterator[tuple[_Node[Target], "Values"]]:
        """The nodes at this path and the segments of their placeholders, those of the host first."""
        for tree in (self._hosts.get(host), self._hosts[None]):
            if tree is not None:
                yield from _leaves(tree, segments, 0, ())

    def _match_directly(self, method: str, host: str, segments: Sequence[str]) -> Match[Target] | None:
        """The target along the closest branch at each segment: nearly always the right one, found quickly."""
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
        if (served := node.targets.get(method)) is None:
            return None
        names, target = served
        return Match(target, dict(zip(names, values, strict=True)))


Values = tuple[Sequence[str], ...]


def _leaves(
    node: _Node[Target], segments: Sequence[str], depth: int, values: Values
) -> Iterator[tuple[_Node[Target], Values]]:
    if depth == len(segments):
        if node.targets:
            yield node, values
        return
    segment = segments[depth]
    if (fixed := node.fixed.get(segment)) is not None:
        yield from _leaves(fixed, segments, depth + 1, values)
    if node.any is not None and segment:
        yield from _leaves(node.any, segments, depth + 1, (*values, (segment,)))
    if node.rest is not None:
        yield node.rest, (*values, segments[depth:])
