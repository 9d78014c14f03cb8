"""A page as it is drawn: its sources, their inputs, clients and fallbacks."""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import Any

from frontispiece.pages.page import Source
from frontispiece.pages.plan import Input, Origin, Plan, Step
from frontispiece.pages.request import PageRequest

MODULES = re.compile(r"\b(?:\w+\.)+(?=\w)")
"""The modules in a type's representation: `list[bff.clients.books.Book]`."""


class Kind(StrEnum):
    """The kind of a box."""

    INPUT = "input"
    SOURCE = "source"
    VIEW = "view"


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """One part of a page, with its lines of text."""

    kind: Kind
    lines: tuple[str, ...]
    optional: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrow:
    """From one box to another, by their positions; `optional` when a fallback may come instead."""

    start: int
    end: int
    optional: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Graph:
    """A page as it is drawn: its boxes so that inputs come first and the view last.

    Args:
        name: `APP:PATH`, or an aggregate's public path.
    """

    method: str
    name: str
    public: tuple[str, ...] = ()
    deadline: float
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]

    @property
    def title(self) -> str:
        """Method and name."""
        return f"{self.method} {self.name}"


def graph_of(plan: Plan, name: str, targets: Mapping[str, str] = MappingProxyType({})) -> Graph:
    """The graph of a page.

    `targets` says what sources call, where the types of their inputs do not show it.
    """
    takers = [step.inputs for step in plan.steps] + [plan.view_inputs]
    groups = _groups(plan.inputs.values(), takers)
    places = {name: place for place, group in enumerate(groups) for name in group}
    places |= {step.source.name: len(groups) + number for number, step in enumerate(plan.steps)}
    optional = {places[step.source.name] for step in plan.steps if step.source.fallback is not None}
    arrows = {
        (places[i.name], end)
        for end, inputs in enumerate(takers, len(groups))
        for i in inputs
        if i.origin is not Origin.PROVIDED
    }
    inputs = [Box(kind=Kind.INPUT, lines=tuple(map(_input, group.values()))) for group in groups]
    sources = [
        Box(kind=Kind.SOURCE, lines=_lines(step, targets), optional=step.source.fallback is not None)
        for step in plan.steps
    ]
    view = Box(kind=Kind.VIEW, lines=(_name(plan.view), _name(plan.view_type)))
    return Graph(
        method=plan.page.method,
        name=name,
        deadline=plan.page.deadline,
        boxes=(*inputs, *sources, view),
        arrows=tuple(Arrow(start=a, end=b, optional=a in optional) for a, b in sorted(arrows)),
    )


def _groups(inputs: Iterable[Input], takers: Sequence[tuple[Input, ...]]) -> list[dict[str, Input]]:
    """The request's inputs by name; those with the same takers are one group."""
    groups: dict[tuple[int, ...], dict[str, Input]] = {}
    for i in inputs:
        goes_to = tuple(place for place, taken in enumerate(takers) if i.name in {t.name for t in taken})
        groups.setdefault(goes_to, {})[i.name] = i
    return list(groups.values())


def _input(i: Input) -> str:
    """An input's notation: `{path}`, `?query`, or `body: name`."""
    forms = {
        Origin.PATH: f"{{{i.name}}}",
        Origin.QUERY: f"?{i.name}",
        Origin.HEADER: f"{i.header}:",
        Origin.BODY: f"body: {i.name}",
    }
    return forms[i.origin]


def _lines(step: Step, targets: Mapping[str, str]) -> tuple[str, ...]:
    source = step.source
    provided = ", ".join(_name(i.type) for i in step.inputs if i.origin is Origin.PROVIDED)
    lines = (
        source.name,
        targets.get(source.name, provided),
        " · ".join(_bounds(source)),
        " · ".join(_policy(source)),
    )
    return tuple(line for line in lines if line)


def _bounds(source: Source) -> Iterator[str]:
    """The source's timeout and fallback."""
    if source.timeout is not None:
        yield f"{source.timeout * 1000:g} ms"
    if source.fallback is not None:
        yield f"or {_name(source.fallback)}"


def _policy(source: Source) -> Iterator[str]:
    """The source's cache, retries and hedging."""
    if source.cache is not None:
        stale = f" + {source.cache.stale:g} s stale" if source.cache.stale else ""
        yield f"cache {source.cache.ttl:g} s{stale}"
    if source.retry is not None:
        yield f"up to {source.retry.attempts} attempts"
    if source.hedge is not None:
        yield f"hedge after {source.hedge.after * 1000:g} ms"


def _name(thing: Any) -> str:
    """The short name of a type or function."""
    if thing is PageRequest:
        return "request"
    named = isinstance(thing, type) or inspect.isroutine(thing)
    name = thing.__qualname__.rpartition("<locals>.")[2] if named else MODULES.sub("", str(thing))
    return "a fallback" if name == "<lambda>" or isinstance(thing, partial) else name
