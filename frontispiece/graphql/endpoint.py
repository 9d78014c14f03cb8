"""A graph as an endpoint: from a request to a reply. graphql-core is imported by the first request."""

import asyncio
from collections.abc import AsyncIterator
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec

from frontispiece.extras import extra
from frontispiece.graphql.fields import compiled_fields
from frontispiece.graphql.graph import Graph
from frontispiece.graphql.request import GraphRequest, Media, media_types, read_body, read_query
from frontispiece.http.asgi import Receive, Scope, Send
from frontispiece.http.etags import matches
from frontispiece.http.problems import Problem
from frontispiece.pages.api import ApiParts
from frontispiece.pages.endpoint import SkipOptional, read_in_time
from frontispiece.pages.request import PageRequest
from frontispiece.pages.response import degraded
from frontispiece.pages.usage import Usage
from frontispiece.upstream import Headers, Reply, now

if TYPE_CHECKING:
    from frontispiece.graphql.engine import Engine, Operation, Single, Stream
    from frontispiece.graphql.errors import Refused

BAD_REQUEST: Final = 400
NOT_MODIFIED: Final = 304

SINGLE: Final = (Media.RESPONSE, Media.JSON)
"""The media types of responses in one part."""

SEVERAL: Final = (Media.MULTIPART, Media.EVENTS)
"""Those of responses in several."""


class GraphEndpoint:
    """Serves one graph.

    Raises:
        ConfigError: some field cannot work; every error is listed.
    """

    methods = ("GET", "POST")

    def __init__(self, graph: Graph, parts: ApiParts) -> None:
        self.graph = graph
        self.path = graph.path
        self.deadline = graph.deadline
        self.skip_optional: SkipOptional | None = None
        self._fields = compiled_fields(graph, parts)
        self.pages = [field.page for field in self._fields]
        self.usage = Usage(f"{parts.app}:{graph.path}")
        self._parts = parts
        self._loading = asyncio.Lock()

    @cached_property
    def engine(self) -> "Engine":
        """Carries out operations."""
        with extra("graphql"):
            from frontispiece.graphql.engine import Engine  # noqa: PLC0415 (apps start faster without)
        return Engine(self.graph, self._fields, self._parts, self.usage)

    def check(self) -> None:
        """Check the schema and the persisted operations.

        Raises:
            ConfigError: one of them cannot work.
            MissingExtra: GraphQL is not installed.
        """
        _ = self.engine

    async def load(self, request: PageRequest) -> tuple["Engine", PageRequest]:
        """The engine, and the request, whose deadline is extended by the time that the engine took.

        A thread makes it: graphql-core takes a while to import, and other requests are served meanwhile.
        """
        began = now()
        if "engine" not in self.__dict__:
            async with self._loading:
                await asyncio.to_thread(self.check)
            request = request.until(request.context.deadline + now() - began)
        return self.engine, request

    async def reply(self, request: PageRequest, body: bytes | AsyncIterator[bytes]) -> Reply:
        """The response, which begins within the deadline.

        Raises:
            Problem: the request is refused.
        """
        is_get = request.method != "POST"  # or HEAD
        accepted = media_types(request.header("accept"))
        request = self._parts.identify(request)
        wanted = (
            read_query(request.query)
            if is_get
            else read_body(request, await read_in_time(body, request.context.deadline))
        )
        return await self._respond(wanted, request, accepted, is_get=is_get)

    async def _respond(
        self, wanted: GraphRequest, request: PageRequest, accepted: list[Media], *, is_get: bool
    ) -> Reply:
        engine, request = await self.load(request)
        from frontispiece.graphql.errors import Refused  # noqa: PLC0415 (it is imported by now)

        try:
            operation = engine.prepare(wanted)
        except Refused as refused:
            return _refusal(refused, next((media for media in accepted if media in SINGLE), Media.RESPONSE))
        if is_get and operation.is_mutation:
            raise Problem(405, "method-not-allowed", "A mutation is a POST.", headers={"Allow": "POST"})
        media = next(iter(_offered(operation, accepted)), None)
        if media is None:
            detail = "This operation is not served in a media type that is accepted."
            raise Problem(406, "graphql-not-acceptable", detail)
        skip = self.skip_optional is not None and self.skip_optional()
        if media in SEVERAL:
            payloads = engine.stream(operation, request, skip_optional=skip)
            return _stream(payloads, media)
        result = await engine.single(operation, request, skip_optional=skip)
        return self._single(result, request, media, is_get=is_get)

    def _single(self, result: "Single", request: PageRequest, media: Media, *, is_get: bool) -> Reply:
        content = msgspec.json.encode(result.payload)
        was_run = "data" in result.payload
        headers: Headers = [(b"content-type", f"{media}; charset=utf-8".encode()), (b"vary", b"accept")]
        if result.run.degraded:
            headers.append((b"page-degraded", degraded(result.run.degraded).encode()))
        status = 200 if was_run or media is Media.JSON else BAD_REQUEST
        if not is_get or "errors" in result.payload:
            headers.append((b"cache-control", b"no-store"))
            return Reply.whole(status, content, headers)
        tag = f'"{sha256(content).hexdigest()[:24]}"'
        headers += [(b"etag", tag.encode()), (b"cache-control", self._cache_control(result).encode())]
        if (known := request.header("if-none-match")) is not None and matches(known, tag):
            return Reply(status=NOT_MODIFIED, headers=headers, body=b"")
        return Reply.whole(status, content, headers)

    def _cache_control(self, result: "Single") -> str:
        """How long caches may reuse a response: as long as every field's own cache may reuse its result."""
        fields = [place.field for place in result.run.places.values()]
        caches = [field.declared.source.cache for field in fields]
        if any(field.knows_caller for field in fields):
            return "private, no-cache"
        lifetimes = [cache.ttl for cache in caches if cache is not None]
        if not lifetimes or len(lifetimes) < len(caches) or result.run.degraded:
            return "no-cache"
        return f"public, max-age={int(min(lifetimes))}"

    async def websocket(self, request: PageRequest, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a WebSocket with the protocol `graphql-transport-ws`."""
        engine, request = await self.load(self._parts.identify(request))
        from frontispiece.graphql.websocket import serve  # noqa: PLC0415 (it is imported by now)

        await serve(engine, request, scope, receive, send, self.deadline)


def _stream(payloads: "Stream", media: Media) -> Reply:
    """The response in several parts."""
    from frontispiece.graphql import increments  # noqa: PLC0415 (apps start faster without)

    frames = increments.multipart(payloads) if media is Media.MULTIPART else increments.events(payloads)

    async def release() -> None:
        await frames.aclose()
        await payloads.aclose()

    headers: Headers = [
        (b"content-type", increments.CONTENT_TYPES[media].encode()),
        (b"cache-control", b"no-store"),
        (b"vary", b"accept"),
    ]
    return Reply(status=200, headers=headers, body=frames, release=release)


def _offered(operation: "Operation", accepted: list[Media]) -> list[Media]:
    """The accepted media types in which an operation is served, the best first."""
    if operation.is_subscription:
        return [media for media in accepted if media is Media.EVENTS]
    served: list[Media] = [media for media in accepted if media in SINGLE or media in SEVERAL]
    if operation.document.is_incremental:
        served.sort(key=lambda media: media not in SEVERAL)
    return served


def _refusal(refused: "Refused", media: Media) -> Reply:
    """The response to an operation that is not carried out."""
    content = msgspec.json.encode({"errors": refused.formatted})
    headers = [(b"content-type", f"{media}; charset=utf-8".encode()), (b"cache-control", b"no-store")]
    return Reply.whole(200 if media is Media.JSON else BAD_REQUEST, content, headers)
