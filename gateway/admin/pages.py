"""What the admin port tells and does."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl

import msgspec

from gateway.admin.shown import shown
from gateway.layers.metrics import Metrics
from gateway.reload import Outcome, Reloader
from gateway.serving import Serving
from gateway.upstream import Reply
from kit.problems import Problem
from kit.tokens import Signer

NO_STORE: Final = (b"cache-control", b"no-store")
"""What is told here is true at this moment only."""


class Operated(Protocol):
    """A gateway, as its operators see it."""

    metrics: Metrics
    signer: Signer
    serving: Serving
    reloader: Reloader | None


Page = Callable[[Operated, bytes], Awaitable[Reply]]
"""Answers a request with this query."""


async def routes(gateway: Operated, _query: bytes) -> Reply:
    """The table that serves, with every policy."""
    return _json(shown(gateway.serving.table))


async def upstreams(gateway: Operated, _query: bytes) -> Reply:
    """Every service: its addresses, their health, its breaker and limits, and the calls under way."""
    return _json({name: upstream.state() for name, upstream in gateway.serving.upstreams.items()})


async def jwks(gateway: Operated, _query: bytes) -> Reply:
    """The key by which services in any language verify the gateway's internal tokens (RFC 7517)."""
    return _json({"keys": [gateway.signer.jwk]}, kind=b"application/jwk-set+json")


async def reload(gateway: Operated, _query: bytes) -> Reply:
    """Read the table anew and serve it.

    Raises:
        Problem: 422 `table-faulty`, with every fault; the table before goes on to serve.
    """
    if gateway.reloader is None:
        raise Problem(404, "no-table-file", "This gateway has no file to read its table from.")
    reloaded = await gateway.reloader.reload("POST /admin/reload")
    if reloaded.outcome is Outcome.FAULTY:
        detail = "The route table is faulty: the one before goes on to serve."
        raise Problem(422, "table-faulty", detail, faults=list(reloaded.faults))
    return _json({"outcome": reloaded.outcome, "routes": len(gateway.serving.table.routes)})


async def purge(gateway: Operated, query: bytes) -> Reply:
    """Throw out of the cache what is kept of a path, or under a tag, or all.

    Raises:
        Problem: 404 `no-cache`; 400 `purge-unclear`.
    """
    cache: Any = getattr(gateway, "cache", None)
    if cache is None:
        raise Problem(404, "no-cache", "This gateway has no cache.")
    match parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        case [("path", path)] if path.startswith("/"):
            done = cache.purge(path)
        case [("tag", tag)] if tag:
            done = cache.purge_tag(tag)
        case [("all", "" | "true")]:
            done = cache.clear()
        case _:
            raise Problem(400, "purge-unclear", "Say one of ?path=/…, ?tag=… and ?all.")
    count = await done if inspect.isawaitable(done) else done
    return _json({"purged": count if isinstance(count, int) else None})


def _json(content: object, *, kind: bytes = b"application/json") -> Reply:
    return Reply.whole(HTTPStatus.OK, msgspec.json.encode(content), [(b"content-type", kind), NO_STORE])


PAGES: Final[Mapping[str, tuple[str, Page]]] = {
    "/admin/routes": ("GET", routes),
    "/admin/upstreams": ("GET", upstreams),
    "/admin/jwks": ("GET", jwks),
    "/admin/reload": ("POST", reload),
    "/admin/cache": ("DELETE", purge),
}
"""By path, and the one method that each has; GET answers HEAD as well."""
