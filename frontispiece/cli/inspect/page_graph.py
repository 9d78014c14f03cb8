"""The graphs of a project's pages as Mermaid text."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from frontispiece.cli.inspect.check import apps
from frontispiece.cli.project import Project
from frontispiece.cli.route_table import load_table
from frontispiece.errors import UserError
from frontispiece.gateway.aggregates.handler import aggregate_graph
from frontispiece.pages.app import PageApp
from frontispiece.pages.graph import Graph, graph_of
from frontispiece.terminal import printable

PLAIN = re.compile(r"[^\w /{}()?:.,=|\[\]…·+-]")
"""Characters that Mermaid may interpret inside quotes."""

SHAPES = {"input": ('(["', '"])'), "source": ('["', '"]'), "view": ('[["', '"]]')}


def graphs(project: Project, data: Path, routes: Path) -> list[Graph]:
    """The graphs of all pages of a project's apps, and of the aggregates in the route table.

    Raises:
        ConfigError: an app or the table has errors.
    """
    table = load_table(project, routes)
    drawn = []
    for name, app in apps(project, data, routes):
        for plan in app.plans if isinstance(app, PageApp) else ():
            target = f"{name}:{plan.page.path}"
            public = (r.path for r in table.routes if r.to and f"{r.to.service}:{r.target}" == target)
            drawn.append(replace(graph_of(plan, target), public=tuple(dict.fromkeys(public))))
    return drawn + [aggregate_graph(route) for route in table.routes if route.parts]


def select(graphs: Iterable[Graph], name: str) -> list[Graph]:
    """The graphs of one page, one a method, by its name `APP:PATH` or a public path, or all of an app.

    Raises:
        UserError: there is none; the message lists all.
    """
    graphs = list(graphs)
    found = [graph for graph in graphs if name in {graph.name, graph.name.partition(":")[0], *graph.public}]
    if not found:
        names = "\n".join(dict.fromkeys(f"  {printable(graph.name)}" for graph in graphs))
        raise UserError(f"There is no page {printable(name)}: it is one of\n{names}")
    return found


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


def draw(drawn: Sequence[Graph]) -> str:
    """One graph as Mermaid text; several as a Markdown page, each under its page's name."""
    if len(drawn) == 1:
        return mermaid(drawn[0])
    sections = []
    for graph in drawn:
        heading = printable(graph.title).replace("`", "'")
        sections.append(f"## `{heading}`\n\n```mermaid\n{mermaid(graph)}```\n")
    return "\n".join(sections)


def _quoted(text: str) -> str:
    return PLAIN.sub(lambda match: f"#{ord(match[0])};", printable(text) or " ")  # it takes no empty text
