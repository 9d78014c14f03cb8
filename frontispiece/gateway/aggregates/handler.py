"""The innermost handler of an aggregate: the endpoint of a page that is compiled from its parts.

Each part is a source, what it reads are its inputs.
"""

import inspect
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from msgspec import Raw

from frontispiece.gateway.aggregates.config import Part
from frontispiece.gateway.aggregates.fan_out import FanOut
from frontispiece.gateway.aggregates.json_select import Selection, keys, text
from frontispiece.gateway.aggregates.request import AggregateRequest, pairs_of
from frontispiece.gateway.aggregates.target_template import EACH, Placeholder
from frontispiece.gateway.call import Call, Handler
from frontispiece.gateway.config.route import Route
from frontispiece.gateway.resources import TableResources
from frontispiece.http.paths import decode_segment
from frontispiece.pages import Page
from frontispiece.pages.endpoint import Endpoint
from frontispiece.pages.graph import Graph, graph_of
from frontispiece.pages.plan import Plan, plans
from frontispiece.pages.request import by_name
from frontispiece.upstream import Context, Reply, Unreachable, now

Work = Callable[..., Coroutine[Any, Any, "PartResult"]]


@dataclass(frozen=True, slots=True)
class PartResult:
    """A part's response as it came (None for fallbacks and lists), and what is shown of it."""

    raw: Raw | None
    value: Any


def aggregate(route: Route, resources: TableResources) -> Handler:
    """Joins the responses of a route's parts into one."""
    endpoint = Endpoint(
        plan_of(route),
        {AggregateRequest: lambda inbound: inbound},
        app="gateway",
        expose_timeline=resources.runtime.expose_timeline,
    )
    if resources.runtime.overload:
        endpoint.skip_optional = resources.runtime.overload.degrades
    resources.runtime.metrics.track_page(route.name, endpoint.compiled)
    seconds = route.timeout.total_seconds()
    takes_query = any(part.query for part in (route.parts or {}).values())

    async def handle(call: Call) -> Reply:
        request = AggregateRequest(
            headers=call.headers,
            fields=by_name(call.headers),
            path={name: decode_segment(values[0]) for name, values in call.params.items()},
            query={},
            query_pairs=pairs_of(call.query.decode("latin-1")) if takes_query and call.query else {},
            context=Context.of(call.headers, now() + seconds, resources.tokens.of(call.identity)),
            upstreams=resources.upstreams,
        )
        reply = await endpoint.reply(request, b"")
        names = {name for name, _ in reply.headers}
        if b"cache-control" not in names:  # which timelines and streamed responses have: nobody caches them
            reply.headers += request.cache_headers.headers(
                degraded=b"page-degraded" in names, personal=call.identity is not None
            )
        return reply

    return handle


def plan_of(route: Route) -> Plan:
    """The plan of the page that answers a route with parts."""
    (plan,) = plans([_page(route, route.parts or {})], {AggregateRequest})
    return plan


def aggregate_graph(route: Route) -> Graph:
    """The graph of what answers a route with parts."""
    targets = {name: str(part.from_) for name, part in (route.parts or {}).items()}
    return graph_of(plan_of(route), route.path, targets)


def _page(route: Route, parts: Mapping[str, Part]) -> Page:
    page = Page(route.path, deadline=route.timeout.total_seconds())
    request_input = _free({*parts, *route.template.names})
    for name, part in parts.items():
        work = _fan_out(part, request_input) if part.each else _single(part, request_input)
        reads = {p.name: PartResult if p.path else str for p in [*part.from_.placeholders, *part.reads]}
        reads.pop(EACH, None)
        page.source(
            name=name,
            timeout=part.timeout.total_seconds() if part.timeout else None,
            fallback=partial(PartResult, None, part.effective_fallback) if part.optional else None,
        )(_typed(work, {**reads, request_input: AggregateRequest}, PartResult))
    page.view(_typed(_view(parts), dict.fromkeys(parts, PartResult), dict[str, Any]))
    return page


def _free(taken: Collection[str]) -> str:
    """The name of the input that is the request's `AggregateRequest`: one that nothing else has."""
    name = "request"
    while name in taken:
        name += "_"
    return name


def _single(part: Part, request_input: str) -> Work:
    address, selection = part.from_, Selection.of(part)
    placeholders = tuple(address.placeholders)

    async def work(**inputs: Any) -> PartResult:
        request: AggregateRequest = inputs[request_input]
        passed = request.forwarded_query(part.query) if part.query else ()
        raw = await request.get_json(address.service, address.target(_values(placeholders, inputs), passed))
        return PartResult(raw, selection.apply(raw) if selection else raw)

    return work


def _fan_out(part: Part, request_input: str) -> Work:
    each = part.each
    assert each is not None
    fan = FanOut(part)
    placeholders = tuple(p for p in part.from_.placeholders if p.name != EACH)

    async def work(**inputs: Any) -> PartResult:
        wanted = keys(_raw(each, inputs), each.path, each.field)
        return PartResult(None, await fan.read(inputs[request_input], wanted, _values(placeholders, inputs)))

    return work


def _values(placeholders: Iterable[Placeholder], inputs: Mapping[str, Any]) -> dict[Placeholder, str]:
    return {p: text(_raw(p, inputs), p.path, p.field) if p.path else inputs[p.name] for p in placeholders}


def _raw(placeholder: Placeholder, inputs: Mapping[str, Any]) -> Raw:
    result: PartResult = inputs[placeholder.name]
    if result.raw is None:
        raise Unreachable(f"it cannot be asked without {placeholder.name}, which did not answer")
    return result.raw


def _view(parts: Iterable[str]) -> Callable[..., dict[str, Any]]:
    names = tuple(parts)

    def view(**results: PartResult) -> dict[str, Any]:
        """One member for each part."""
        return {name: results[name].value for name in names}

    return view


def _typed(function: Callable[..., Any], inputs: Mapping[str, Any], returns: Any) -> Callable[..., Any]:
    """The function with these parameters: a page reads its edges off them."""
    function.__annotations__ = {**inputs, "return": returns}
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # what `inspect` looks at first
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind)
            for name, kind in inputs.items()
        ],
        return_annotation=returns,
    )
    return function
