"""The cache's layer: responses from the cache where RFC 9111 allows it, and invalidation by unsafe calls."""

import logging
from collections.abc import Iterator
from typing import Final
from urllib.parse import urljoin, urlsplit

from msgspec.structs import replace

from frontispiece.gateway.call import Call, Handler, Layer
from frontispiece.gateway.config.route import Route
from frontispiece.gateway.policies.cache.collapsing import collapsing_layer
from frontispiece.gateway.policies.cache.config import Cache
from frontispiece.gateway.policies.cache.entry import (
    CacheRequest,
    Entry,
    RouteKeys,
    bypasses_cache,
    selects,
)
from frontispiece.gateway.policies.cache.serving import (
    FIRST_FAILURE,
    NOT_MODIFIED,
    OK,
    VALIDATORS,
    WITHOUT_SERVICE,
    CacheDecision,
    CollapsedReply,
    conditional_headers,
    decide,
    forwarded,
    hit,
    is_current,
    not_modified,
    reply_from,
    serves_on_error,
    validates,
)
from frontispiece.gateway.policies.cache.store import FetchStart, HttpCache
from frontispiece.gateway.policies.cache.storing import ResponseWriter
from frontispiece.gateway.resources import TableResources
from frontispiece.http.authority import normalised
from frontispiece.http.headers import READING_METHODS, SAFE_METHODS, without
from frontispiece.http.problems import Problem
from frontispiece.http.ranges import IF_RANGE, RANGE
from frontispiece.upstream import Reply, UpstreamError, field

log = logging.getLogger(__name__)

FAILURES: Final = frozenset({500, 502, 503, 504})
"""Statuses in whose place a stale response may be served (RFC 5861, 4)."""

COMPARED: Final = (b"etag", b"last-modified", b"content-length")
"""Fields of a response to HEAD that must be those of the stored response (4.3.5)."""

CLIENT_CONTROL: Final = (*VALIDATORS, RANGE, IF_RANGE, b"cache-control", b"pragma")
"""Request fields that concern only the client that sent them."""


def for_route(route: Route, resources: TableResources) -> Iterator[Layer]:
    """Responses are cached where the route says so, and invalidated by unsafe calls on any route."""
    if resources.cache is None:
        return
    if not SAFE_METHODS.issuperset(route.methods):
        yield invalidation_layer(route, resources.cache)
    if route.cache:
        yield cache_layer(route, route.cache, resources.cache)
        if route.collapse:
            yield collapsing_layer(route, route.cache, resources.cache)


def cache_layer(route: Route, policy: Cache, cache: HttpCache) -> Layer:
    """Respond from the cache, and store responses that may be."""

    def layer(inner: Handler) -> Handler:
        cached = _CachedRoute(route, policy, cache, inner).handle

        async def without_targeted(call: Call) -> Reply:
            reply = await cached(call)
            reply.headers = without(reply.headers, policy.target_names)
            return reply

        return without_targeted if policy.remove_targeted else cached

    return layer


def invalidation_layer(route: Route, cache: HttpCache) -> Layer:
    """After a successful unsafe call, purge its path and those of this origin that the response names."""

    def layer(inner: Handler) -> Handler:
        async def invalidate(call: Call) -> Reply:
            reply = await inner(call)
            if 200 <= reply.status < 400:  # noqa: PLR2004 (the bounds of success)
                for path in sorted(_outdated(route, call, reply)):
                    await cache.purge(path)
            return reply

        return lambda call: inner(call) if call.method in READING_METHODS else invalidate(call)

    return layer


def _outdated(route: Route, call: Call, reply: Reply) -> set[str]:
    path = route.template.expand(call.params)
    host = normalised(call.header(b"host") or b"", call.scheme)
    outdated = {path}
    for name in (b"location", b"content-location"):
        if value := reply.header(name):
            try:
                url = urlsplit(urljoin(f"{call.scheme}://{host.decode()}{path}", value.decode("latin-1")))
            except ValueError:  # not a URL
                continue
            netloc = normalised(url.netloc.encode("latin-1"), url.scheme)
            if (url.scheme, netloc) == (call.scheme, host):
                outdated.add(url.path)
    return outdated


class _CachedRoute:
    """The cache of one route."""

    def __init__(self, route: Route, policy: Cache, cache: HttpCache, inner: Handler) -> None:
        self._name = route.name
        self._policy = policy
        self._cache = cache
        self._inner = inner
        self._keys = RouteKeys(route)
        self._writer = ResponseWriter(policy, cache)

    async def handle(self, call: Call) -> Reply:
        """Respond from the cache, or call the service."""
        if call.method not in SAFE_METHODS or bypasses_cache(call):
            self._count("bypass")
            reply = await self._inner(call)
            reply.headers.append(forwarded(b"bypass" if call.method in SAFE_METHODS else b"method"))
            return reply
        request = CacheRequest.of(call, self._keys)
        entry = await self._cache.find(request)
        if entry is None:
            return await self._on_miss(request, self._why_missing(request))
        return await self._on_hit(request, entry)

    def _why_missing(self, request: CacheRequest) -> bytes:
        """Why no stored response serves a request, in a word of RFC 9211."""
        variants = self._cache.variants(request.key)
        if any(selects(request.call.headers, entry.vary) and entry.complete_length for entry in variants):
            return b"partial"
        return b"vary-miss" if variants else b"uri-miss"

    async def _on_hit(self, request: CacheRequest, entry: Entry) -> Reply:
        now = self._cache.now()
        decision = decide(entry, request.control, now)
        if entry.complete_length is not None and decision not in WITHOUT_SERVICE:
            return await self._on_miss(request, b"stale")
        match decision:
            case CacheDecision.FRESH:
                return self._serve(request, entry, "hit", hit(entry, now))
            case CacheDecision.REVALIDATE:
                return await self._revalidate(request, entry, b"stale")
            case CacheDecision.MUST_REVALIDATE:
                return await self._revalidate(request, entry, b"request")
            case CacheDecision.STALE_WHILE_REVALIDATE:
                self._refresh(request, entry)
        return self._serve(request, entry, "stale", hit(entry, now, detail=b"stale"))

    async def _on_miss(self, request: CacheRequest, reason: bytes) -> Reply:
        self._count("miss")
        _check_may_forward(request)
        call = request.call
        is_for_all = self._policy.public or not request.credentialed
        fetches_whole = call.method == "GET" and is_for_all and not request.has_range
        if fetches_whole:  # a 304 for this client could be stored for no other
            call = replace(call, headers=without(call.headers, VALIDATORS))
        start = self._cache.fetch_start()
        reply = await self._inner(call)
        return await self._store(request, reply, start, reason, validate=fetches_whole)

    async def _revalidate(self, request: CacheRequest, entry: Entry, reason: bytes) -> Reply:
        """Ask the service for its response unless it is this entry."""
        _check_may_forward(request)
        start = self._cache.fetch_start()
        call = replace(request.call, headers=conditional_headers(entry, request.call.headers))
        try:
            reply = await self._inner(call)
        except (UpstreamError, Problem) as failure:
            if isinstance(failure, Problem) and failure.status not in FAILURES:
                raise
            if not serves_on_error(entry, request.control, self._cache.now()):
                raise
            return self._serve_stale(request, entry, reason, None)
        if reply.status in FAILURES and serves_on_error(entry, request.control, self._cache.now()):
            await reply.release()
            return self._serve_stale(request, entry, reason, reply.status)
        if reply.status == NOT_MODIFIED:
            await reply.release()
            if validates(reply.headers, entry):
                updated, stored = self._writer.freshen(request, entry, reply.headers, start)
                cache_status = forwarded(reason, NOT_MODIFIED, stored=stored)
                return self._serve(request, updated, "revalidated", cache_status)
            self._cache.remove(request.key, entry)
            return await self._on_miss(request, reason)
        self._count("miss")
        if request.call.method == "HEAD" and reply.status == OK and _differs(reply, entry):
            self._cache.remove(request.key, entry)
        return await self._store(request, reply, start, reason, validate=True, replaces=entry)

    def _serve_stale(self, request: CacheRequest, entry: Entry, reason: bytes, status: int | None) -> Reply:
        """The stale entry, because the service failed with this status, or without any."""
        return self._serve(request, entry, "stale", forwarded(reason, status, detail=b"stale-if-error"))

    async def _store(
        self,
        request: CacheRequest,
        reply: Reply,
        start: FetchStart,
        reason: bytes,
        *,
        validate: bool,
        replaces: Entry | None = None,
    ) -> Reply:
        """The service's response, which is stored on its way if it may be.

        Args:
            request: the client's.
            reply: the response.
            start: from before the call was sent.
            reason: why it was sent.
            validate: whether a client that has the response already gets a 304 here.
            replaces: the entry until now.
        """
        status, headers = reply.status, reply.headers
        stored_reply = self._writer.store(request, reply, start) if request.call.method == "GET" else None
        stored = stored_reply is not None
        if replaces and not stored and status < FIRST_FAILURE and _is_representative(request):
            self._cache.remove(request.key, replaces)
        collapsed = isinstance(reply, CollapsedReply) and not reply.first
        reply = stored_reply or reply
        reply.headers = [*headers, forwarded(reason, status, stored=stored, collapsed=collapsed)]
        if not (validate and status == OK and is_current(request.call.headers, headers, self._cache.now())):
            return reply
        async with reply:
            if stored:
                await _drain(reply)
        return not_modified(reply.headers)

    def _refresh(self, request: CacheRequest, entry: Entry) -> None:
        """Fetch a newer response in the background."""
        headers = without(request.call.headers, CLIENT_CONTROL)
        call = replace(request.call, method="GET", headers=headers, response_headers=[])
        background = CacheRequest.of(call, self._keys)

        async def refresh() -> None:
            try:
                async with await self._revalidate(background, entry, b"stale") as reply:
                    await _drain(reply)
            except (UpstreamError, Problem) as failure:
                log.warning("%s: a cached response could not be refreshed: %s", entry.path, failure)

        self._cache.refresh(request.key, entry, refresh, call.lease)

    def _serve(
        self, request: CacheRequest, entry: Entry, outcome: str, cache_status: tuple[bytes, bytes]
    ) -> Reply:
        """What is stored."""
        self._count(outcome)
        encoded = self._cache.encoded(request.key, entry)
        return reply_from(entry, request, self._cache.now(), cache_status, encoded)

    def _count(self, outcome: str) -> None:
        self._cache.outcomes.add(self._name, outcome)


async def _drain(reply: Reply) -> None:
    async for _ in reply.chunks():
        pass


def _differs(reply: Reply, entry: Entry) -> bool:
    """Whether an entry is outdated by what a response to HEAD says (4.3.5)."""
    return any(reply.header(name) not in {None, field(entry.headers, name)} for name in COMPARED)


def _is_representative(request: CacheRequest) -> bool:
    """Whether its response is what any other call would get."""
    return request.call.method == "GET" and not ("no-store" in request.control or request.credentialed)


def _check_may_forward(request: CacheRequest) -> None:
    if "only-if-cached" in request.control:
        raise Problem(504, "not-cached", "There is no cached response, and only-if-cached forbids another.")
