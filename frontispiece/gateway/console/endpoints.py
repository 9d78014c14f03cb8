"""The endpoints of the console below `/console/api/`."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from frontispiece.gateway.aggregates.handler import aggregate_graph
from frontispiece.gateway.aggregates.target_template import TargetTemplate
from frontispiece.gateway.config.route import Route
from frontispiece.gateway.config.table import Table
from frontispiece.gateway.config.target import Target
from frontispiece.gateway.config.written import to_json
from frontispiece.gateway.console.bff_calls import mounted
from frontispiece.gateway.console.request import ConsoleEndpoint, ConsoleRequest, json_reply
from frontispiece.http.messages import Reply
from frontispiece.http.problems import Problem
from frontispiece.pages.graph import Graph, graph_of
from frontispiece.telemetry.metrics import BOUNDS

if TYPE_CHECKING:
    from frontispiece.gateway.console.app import Console


async def events(console: "Console", _request: ConsoleRequest) -> Reply:
    """The figures, as they change."""
    return console.feed.watch()


async def overview(console: "Console", _request: ConsoleRequest) -> Reply:
    """What there is: services, what calls what, panels, and the bounds of durations in seconds."""
    gateway = console.gateway
    snapshot, apps = gateway.snapshot, mounted(gateway)
    called = {target.service for target in _targets(snapshot.table)}
    edges: list[dict[str, Any]] = [
        {"from": "gateway", "to": name} for name in snapshot.upstreams if name in called
    ]
    edges += [
        {"from": bff, "to": name, "uncounted": service is None}
        for bff, app in apps.items()
        for name, service in app.services.items()
    ]
    names = dict.fromkeys([*snapshot.upstreams, *(edge["to"] for edge in edges)])
    return json_reply(
        {
            "services": [{"name": name, "kind": "bff" if name in apps else "service"} for name in names],
            "edges": edges,
            "bounds": BOUNDS,
            "panels": [{"name": p.name, "title": p.title} for p in gateway.panels.values()],
            "actions": {"reload": gateway.reloader is not None, "purge": gateway.cache is not None},
        }
    )


async def routes(console: "Console", _request: ConsoleRequest) -> Reply:
    """Every route in a few words."""
    table = console.gateway.snapshot.table
    return json_reply(
        [
            {
                "id": route.id,
                "name": route.name,
                "methods": route.methods,
                "auth": route.auth.value,
                "target": _target(route),
                "priority": route.priority.value,
            }
            for route in table.routes
        ]
    )


async def route(console: "Console", request: ConsoleRequest) -> Reply:
    """One route, by its `id`: the names of its layers from the outside in, and all that the table says.

    Raises:
        Problem: 404 `no-route`.
    """
    snapshot = console.gateway.snapshot
    for each in snapshot.table.routes:
        if each.id == request.query.get("id"):
            return json_reply({"id": each.id, "layers": snapshot.layers_of(each), "table": to_json(each)})
    raise Problem(404, "no-route", "The table has no such route.")


async def pages(console: "Console", _request: ConsoleRequest) -> Reply:
    """The graphs of all pages of mounted apps, and of the table's aggregates."""
    gateway = console.gateway
    table = gateway.snapshot.table
    found = []
    for service, app in mounted(gateway).items():
        for name, page in app.compiled_pages:
            target = f"{service}:{page.plan.page.path}"
            public = [r.name for r in table.routes if r.to and f"{r.to.service}:{r.target}" == target]
            graph = graph_of(page.plan, target)
            budgets = {s.name: round(s.retry_budget.balance, 1) for s in page.sources if s.retry_budget}
            found.append(_drawn(graph, name, public) | {"retry_budgets": budgets})
    found += [_drawn(aggregate_graph(each), each.name, [each.name]) for each in table.routes if each.parts]
    return json_reply(found)


async def panel(console: "Console", request: ConsoleRequest) -> Reply:
    """What a panel shows.

    Raises:
        Problem: 404 `no-panel`, or the panel's own.
    """
    found = console.gateway.panels.get(request.params["name"])
    if found is None:
        raise Problem(404, "no-panel", "The console has no such panel.")
    return json_reply(await found.read())


async def audit(console: "Console", _request: ConsoleRequest) -> Reply:
    """The latest actions, newest first."""
    return json_reply(list(console.audit.records))


def _targets(table: Table) -> Iterator[Target | TargetTemplate]:
    """Where calls of routes, their copies, and logins lead."""
    for each in table.routes:
        yield from (*each.variants, *([each.mirror.to] if each.mirror else []))
        yield from (part.from_ for part in (each.parts or {}).values())
    yield from table.session.guest_merge if table.session else ()


def _target(route: Route) -> str:
    if route.to:
        return f"{route.to.service}:{route.target}"
    return f"{len(route.parts)} parts" if route.parts else "files"


def _drawn(graph: Graph, name: str, public: list[str]) -> dict[str, Any]:
    """A graph as JSON; `name` is that of the page among the figures."""
    return {
        "name": name,
        "title": graph.title,
        "public": list(dict.fromkeys(public)),
        "deadline": graph.deadline,
        "boxes": graph.boxes,
        "arrows": graph.arrows,
    }


ENDPOINTS: Final[Mapping[tuple[str, str], ConsoleEndpoint]] = {
    ("GET", "/console/api/events"): events,
    ("GET", "/console/api/overview"): overview,
    ("GET", "/console/api/routes"): routes,
    ("GET", "/console/api/route"): route,
    ("GET", "/console/api/pages"): pages,
    ("GET", "/console/api/panels/{name}"): panel,
    ("GET", "/console/api/audit"): audit,
}
"""By method and path."""
