"""The graphs of pages: what each needs, what it asks, and what it does without; as Mermaid text here."""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from front.check import as_if_up
from front.roles import BFFS, create
from front.text import printable
from gateway.aggregate.compile import plan_of
from gateway.aggregate.parts import Part
from gateway.page.app import PageApp
from gateway.page.declare import Source
from gateway.page.graph import Input, Origin, Plan, Step
from gateway.page.inbound import Inbound
from gateway.table import Route, load

PLAIN = re.compile(r"[^\w /{}()?:.,=|\[\]…·+-]")
"""What Mermaid might take for more than text, inside quotes."""

MODULES = re.compile(r"\b(?:\w+\.)+(?=\w)")
"""Where types come from, in their written form: `list[bff.shapes.Card]`."""

SHAPES = {"input": ('(["', '"])'), "source": ('["', '"]'), "view": ('[["', '"]]')}


class NoSuchPage(Exception):
    """No page is called that; the message names those that there are."""


class Kind(StrEnum):
    """What a box stands for."""

    INPUT = "input"
    SOURCE = "source"
    VIEW = "view"


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """One part of a page, with the lines that are written in it."""

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
        method: by which the page is asked for.
        name: such as `web:/products/{sku}`, or an aggregate's path.
        deadline: seconds until it is answered.
        boxes: its parts.
        arrows: between them.
    """

    method: str
    name: str
    deadline: float
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]

    @property
    def title(self) -> str:
        """How it is called in one line."""
        return printable(f"{self.method} {self.name}")


def graphs(routes: Path) -> list[Graph]:
    """The graphs of every client's pages, and of the aggregates that this route table declares.

    Raises:
        Faulty: some page cannot work, or the table cannot.
    """
    drawn = []
    with as_if_up(Path(".data"), routes):
        for role in BFFS:
            app = create(role)
            assert isinstance(app, PageApp)
            client = role.removeprefix("bff-")
            drawn += [graph_of(plan, f"{client}:{plan.page.path}") for plan in app.plans]
    return drawn + [_aggregate(route, route.parts) for route in load(routes).routes if route.parts]


def _aggregate(route: Route, parts: Mapping[str, Part]) -> Graph:
    asks = {name: str(part.from_) for name, part in parts.items()}
    return graph_of(plan_of(route), route.path, asks)


def chosen(every: Iterable[Graph], wanted: str) -> list[Graph]:
    """The graphs of one page, one a method: `web:/products/{sku}`, or `/web/products/{sku}` as clients say.

    Raises:
        NoSuchPage: there is none.
    """
    every = list(every)
    found = [graph for graph in every if wanted in {graph.name, f"/{graph.name.replace(':', '', 1)}"}]
    if not found:
        names = "\n".join(dict.fromkeys(f"  {printable(graph.name)}" for graph in every))
        raise NoSuchPage(f"There is no page {printable(wanted)}: it is one of\n{names}")
    return found


def graph_of(plan: Plan, name: str, asks: Mapping[str, str] = MappingProxyType({})) -> Graph:
    """A page as it is drawn.

    Args:
        plan: of the page.
        name: by which people tell it from other pages.
        asks: what sources ask, where the types of their inputs do not tell.
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
    inputs = [Box(kind=Kind.INPUT, lines=tuple(map(_said, group.values()))) for group in groups]
    sources = [
        Box(kind=Kind.SOURCE, lines=_lines(step, asks), optional=step.source.fallback is not None)
        for step in plan.steps
    ]
    view = Box(kind=Kind.VIEW, lines=(_name(plan.view), _name(plan.answers)))
    return Graph(
        method=plan.page.method,
        name=name,
        deadline=plan.page.deadline,
        boxes=(*inputs, *sources, view),
        arrows=tuple(Arrow(start=a, end=b, optional=a in optional) for a, b in sorted(arrows)),
    )


def _groups(inputs: Iterable[Input], takers: Sequence[tuple[Input, ...]]) -> list[dict[str, Input]]:
    """What the request brings, by name: what goes to the same places is one group."""
    groups: dict[tuple[int, ...], dict[str, Input]] = {}
    for i in inputs:
        goes_to = tuple(place for place, taken in enumerate(takers) if i.name in {t.name for t in taken})
        groups.setdefault(goes_to, {})[i.name] = i
    return list(groups.values())


def _said(i: Input) -> str:
    """How a request brings it: `{in the path}`, `?in the query`, or as its body."""
    forms = {Origin.PATH: f"{{{i.name}}}", Origin.QUERY: f"?{i.name}", Origin.BODY: f"body: {i.name}"}
    return forms[i.origin]


def _lines(step: Step, asks: Mapping[str, str]) -> tuple[str, ...]:
    source = step.source
    provided = ", ".join(_name(i.type) for i in step.inputs if i.origin is Origin.PROVIDED)
    lines = (
        source.name,
        asks.get(source.name, provided),
        " · ".join(_patience(source)),
        " · ".join(_policy(source)),
    )
    return tuple(line for line in lines if line)


def _patience(source: Source) -> Iterator[str]:
    """How long the source may work, and what comes when it fails."""
    if source.timeout is not None:
        yield f"{source.timeout * 1000:g} ms"
    if source.fallback is not None:
        yield f"or {_name(source.fallback)}"


def _policy(source: Source) -> Iterator[str]:
    """What is done so that the source is seldom slow and seldom fails."""
    if source.cache is not None:
        stale = f" + {source.cache.stale:g} s stale" if source.cache.stale else ""
        yield f"cache {source.cache.ttl:g} s{stale}"
    if source.retry is not None:
        yield f"{source.retry.times} more {'try' if source.retry.times == 1 else 'tries'}"
    if source.hedge is not None:
        yield f"hedge after {source.hedge.after * 1000:g} ms"


def _name(thing: Any) -> str:
    """What people call a type or function."""
    if thing is Inbound:
        return "request"
    named = isinstance(thing, type) or inspect.isroutine(thing)
    name = thing.__qualname__.rpartition("<locals>.")[2] if named else MODULES.sub("", str(thing))
    return "a stand-in" if name == "<lambda>" else name


def mermaid(graph: Graph) -> str:
    """The graph as Mermaid's flowchart text."""
    lines = ["flowchart LR"]
    for number, box in enumerate(graph.boxes):
        opening, closing = SHAPES[box.kind]
        dashed = ":::optional" if box.optional else ""
        lines.append(f"    n{number}{opening}{'<br>'.join(map(_quoted, box.lines))}{closing}{dashed}")
    for arrow in graph.arrows:
        line = "-.->" if arrow.optional else "-->"
        lines.append(f"    n{arrow.start} {line} n{arrow.end}")
    return "\n".join([*lines, "    classDef optional stroke-dasharray: 4 4", ""])


def text(drawn: Sequence[Graph]) -> str:
    """One graph as Mermaid text; several as a Markdown page, each under its page's name."""
    if len(drawn) == 1:
        return mermaid(drawn[0])
    sections = []
    for graph in drawn:
        heading = graph.title.replace("`", "'")
        sections.append(f"## `{heading}`\n\n```mermaid\n{mermaid(graph)}```\n")
    return "\n".join(sections)


def _quoted(text: str) -> str:
    return PLAIN.sub(lambda match: f"#{ord(match[0])};", printable(text) or " ")  # it takes no empty text
