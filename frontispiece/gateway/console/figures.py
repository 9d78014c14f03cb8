"""The figures of one gateway as the console shows them: rows by section and name, in JSON.

A row has no member that is zero or empty. `buckets` counts durations between the bounds that
`telemetry/metrics.py` has; `seconds` is all of them together. Of two rows, a console makes rates.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from frontispiece.gateway.config.route import Route
from frontispiece.gateway.observability.metrics import DISCONNECTED, PASSED_ON, RouteStats
from frontispiece.gateway.observability.upstream_metrics import UpstreamStats
from frontispiece.gateway.policies.load_shedding import MAX_LIMIT
from frontispiece.gateway.runtime import Runtime
from frontispiece.telemetry.metrics import Durations

if TYPE_CHECKING:
    from frontispiece.gateway.console.bff_calls import BffCalls
    from frontispiece.gateway.edge import Gateway

LabelCounts = Mapping[tuple[str, ...], int]
Row = dict[str, Any]
Figures = dict[str, dict[str, Row]]
"""Rows by section (`routes`, `upstreams`, `calls`, `pages`, `clients`, `process`) and name (routes: id)."""

ROWS_AT_A_TIME: Final = 100
"""Routes whose rows are made before calls go on."""

COLUMNS: Final = {4: "refused", 5: "errors", DISCONNECTED: "left"}
"""How a row calls the calls of a class of status; others are calls alone."""


class FiguresReader:
    """Reads the figures; the row of a route without new calls is the one that it had before."""

    def __init__(self, gateway: "Gateway", calls: "BffCalls") -> None:
        self._gateway = gateway
        self._calls = calls
        self._routes: dict[str, tuple[object, Row]] = {}
        self._done = _Done(gateway.runtime)

    async def read(self) -> Figures:
        """The figures of this moment; calls go on meanwhile. Not to be called concurrently."""
        routes = await self._route_rows()
        gateway, metrics = self._gateway, self._gateway.runtime.metrics
        failures = _by_first(metrics.upstreams.failures.counts)
        return {
            "routes": routes,
            "upstreams": {
                name: {
                    **_upstream_row(metrics.upstreams.by_name[name], failures.get(name, {})),
                    **(state := upstream.state()),
                    "opened": state.get("breaker", {}).get("opened", 0),
                }
                for name, upstream in gateway.snapshot.upstreams.items()
            },
            "calls": {
                name: _upstream_row(calls, {"failed": calls.errors} if calls.errors else {})
                for name, calls in self._calls.counts.items()
            },
            "pages": self._page_rows(),
            "clients": {
                name: {"calls": calls} for name, calls in gateway.runtime.client_usage.by_client().items()
            },
            "process": {"gateway": self._process_row()},
        }

    async def _route_rows(self) -> dict[str, Row]:
        metrics = self._gateway.runtime.metrics
        self._done.index()
        bounds = self._bounds()
        rows: dict[str, Row] = {}
        routes = self._gateway.snapshot.table.routes
        names = Counter(route.name for route in routes)
        for number, route in enumerate(routes):
            if number % ROWS_AT_A_TIME == ROWS_AT_A_TIME - 1:
                await asyncio.sleep(0)
            stats, bound, shared = metrics.routes.get(route.name), bounds.get(route.id), names[route.name] > 1
            state = stats and (stats.in_flight, [d.count for d in stats.durations.values()], bound, shared)
            before, row = self._routes.get(route.id, (None, {}))
            if state != before:
                did = self._done.of(route.name)
                row = _route_row(route, stats, did, bound, shared=shared) if stats else {}
                self._routes[route.id] = state, row
            rows[route.id] = row
        return rows

    def _bounds(self) -> Mapping[str, Row]:
        """How many calls a route may have at a time and retries may be made now, by the id of the route."""
        runtime = self._gateway.runtime
        bounds: defaultdict[str, Row] = defaultdict(dict)
        for load in runtime.overload.routes if runtime.overload else ():
            if load.limit < MAX_LIMIT:
                bounds[load.name]["limit"] = round(load.limit)
        for route, budgets in runtime.metrics.retry_budgets.items():
            if budgets:
                least = min(budget.balance for budget in budgets.values())
                bounds[route]["retry_budget"] = round(least, 1)
        return bounds

    def _page_rows(self) -> dict[str, Row]:
        """Of each page, what became of its optional and of its cached sources."""
        metrics = self._gateway.runtime.metrics
        rows: dict[str, Row] = {}
        for kind, counted in ("degraded", metrics.degraded), ("cache", metrics.source_cache):
            for (page, source), counts in counted.items():
                if counts:
                    rows.setdefault(page, {}).setdefault(source, {})[kind] = dict(counts)
        return rows

    def _process_row(self) -> Row:
        gateway, runtime = self._gateway, self._gateway.runtime
        reloads = gateway.reloader.reloads.counts if gateway.reloader else {}
        return {
            "lag": round(runtime.loop_lag.sustained, 3),
            "in_flight": gateway.snapshot.calls,
            "max_in_flight": runtime.overload.max_in_flight if runtime.overload else None,
            "routes": len(gateway.snapshot.table.routes),
            "shed": {priority: count for (priority,), count in runtime.metrics.shed.counts.items()},
            "cache": runtime.cache.usage() if gateway.cache else None,
            "reloads": {outcome: count for (outcome,), count in reloads.items()},
        }


class _Done:
    """What layers did to the calls of each route, by an index of the counters' labels."""

    def __init__(self, runtime: Runtime) -> None:
        metrics = runtime.metrics
        self._counters = {
            "rate_limit:counted here alone": metrics.rate_limit_fallbacks,
            "idempotency": metrics.idempotency,
            "cache": runtime.cache.outcomes,
            "mirror": metrics.mirrored,
            "traffic_split": metrics.splits,
            "retry": metrics.retries,
            "": metrics.problems,
        }
        self._indexed = dict.fromkeys(self._counters, 0)
        """How many labels of each counter are known: a new one comes last."""
        self._labels: defaultdict[str, list[tuple[str, LabelCounts, tuple[str, ...]]]] = defaultdict(list)

    def index(self) -> None:
        """Find what has been counted for the first time."""
        for layer, counter in self._counters.items():
            for labels in islice(counter.counts, self._indexed[layer], None):
                route, *outcome = labels
                name = ":".join([layer or layer_of(outcome[0]), *outcome])
                self._labels[route].append((name, counter.counts, labels))
            self._indexed[layer] = len(counter.counts)

    def of(self, route: str) -> Row:
        """The counts of a route, by `layer:outcome`."""
        return {name: counts[labels] for name, counts, labels in self._labels.get(route, ())}


def changes(before: Figures, now: Figures) -> Figures:
    """The rows that differ, and None for those that are gone; a section without any is left out."""
    found: dict[str, dict[str, Any]] = {}
    for section, rows in now.items():
        old = before.get(section, {})
        changed: dict[str, Any] = {
            n: row for n, row in rows.items() if (o := old.get(n)) is not row and o != row
        }
        changed |= dict.fromkeys(old.keys() - rows.keys())
        if changed:
            found[section] = changed
    return found


def _route_row(route: Route, stats: RouteStats, did: Row, bound: Row | None, *, shared: bool) -> Row:
    """The row of a route; where others share its name, what is counted by name is of all of them."""
    row: Counter[str] = Counter()
    methods = {*route.methods, "HEAD"} if "GET" in route.methods else route.methods
    own = {key: spent for key, spent in stats.durations.items() if not shared or key[0] in methods}
    for (_, status), durations in own.items():
        row["calls"] += durations.count
        if (name := COLUMNS.get(status)) is not None:
            row[name] += durations.count
    further = {"did": did} if did else {}
    found = _row(row, stats.in_flight, own.values()) | further | (bound or {})
    of_all = [name for name in ("in_flight", "did") if shared and name in found]
    return found | ({"of_all_methods": of_all} if of_all else {})


def _upstream_row(stats: UpstreamStats, failures: Mapping[str, int]) -> Row:
    calls = {"calls": stats.requests, "errors": sum(failures.values())}
    row = _row(calls, stats.in_flight, [stats.durations])
    return row | ({"reasons": dict(failures)} if failures else {})


def _row(counts: Mapping[str, int], in_flight: int, durations: Iterable[Durations]) -> Row:
    row: Row = {name: count for name, count in {**counts, "in_flight": in_flight}.items() if count}
    if counts.get("calls"):
        every = list(durations)
        row["buckets"] = [sum(each) for each in zip(*(d.buckets for d in every), strict=True)]
        row["seconds"] = round(sum(d.sum for d in every), 4)
    return row


def _by_first(counts: Mapping[tuple[str, ...], int]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (first, second), count in counts.items():
        found.setdefault(first, {})[second] = count
    return found


SERVICE: Final = "service"
"""Stands for what is behind all layers, for failures of services, of files, and of aggregates."""

_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "cors": ("origin-refused",),
    "body_limit": ("body-too-large",),
    "load_shedding": ("overloaded",),
    "auth": (
        "claim-missing",
        "cookie-duplicated",
        "cross-site",
        "csrf-header-missing",
        "dpop-proof-invalid",
        "insufficient-user-authentication",
        "login-failed",
        "scope-missing",
        "session-missing",
        "token-invalid",
        "token-missing",
    ),
    "rate_limit": ("rate-limited",),
    "idempotency": (
        "idempotency-key-invalid",
        "idempotency-key-missing",
        "idempotency-key-reused",
        "idempotency-unavailable",
        "request-in-progress",
    ),
    "request_validation": ("invalid-request", "validation-unavailable"),
    "cache": ("not-cached",),
    "timeout": ("body-too-slow", "upstream-timeout"),
}

_LAYERS: Final = {kind: layer for layer, kinds in _KINDS.items() for kind in kinds}


def layer_of(kind: str) -> str:
    """The layer that refuses with a kind of problem; `service` for what comes from behind all of them."""
    return SERVICE if kind == PASSED_ON else _LAYERS.get(kind, SERVICE)
