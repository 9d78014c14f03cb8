"""The endpoints of the edge's own description: `/openapi.json`, `/docs` with its files, and `/`."""

import asyncio
import hashlib
from collections.abc import Iterator, Mapping
from functools import partial
from html import escape
from pathlib import Path
from typing import Final

import msgspec

from frontispiece.gateway.call import Call, Handler
from frontispiece.gateway.config.route import Route
from frontispiece.gateway.docs.components import Described
from frontispiece.gateway.docs.config import Docs
from frontispiece.gateway.docs.document import document
from frontispiece.gateway.files.config import OWN_PAGE_HEADERS
from frontispiece.gateway.policies.compression.config import Compression
from frontispiece.gateway.policies.compression.layer import compression_layer
from frontispiece.gateway.policies.request_validation.document import Document
from frontispiece.gateway.resources import TableResources
from frontispiece.http.accept import preferred_media_type
from frontispiece.http.etags import matches
from frontispiece.http.headers import joined
from frontispiece.http.paths import Parameter, Template
from frontispiece.http.problems import MEDIA_TYPE as PROBLEM
from frontispiece.http.problems import Problem
from frontispiece.upstream import Reply

HTML: Final = "text/html"
FOLDER: Final = Path(__file__).parent / "static"

MAX_FETCHES: Final = 4
"""Descriptions that are fetched at a time."""

MAX_WAIT: Final = 0.2
"""Seconds that a call waits for what services say now, when an earlier document is there."""

FILES: Final[Mapping[str, tuple[str, str]]] = {
    "/docs": ("index.html", "text/html; charset=utf-8"),
    "/docs/docs.js": ("docs.js", "text/javascript; charset=utf-8"),
    "/docs/docs.css": ("docs.css", "text/css; charset=utf-8"),
}


def endpoints(resources: TableResources, docs: Docs | None) -> Iterator[tuple[Template, Handler]]:
    """The paths that the edge answers itself, unless a route has them."""
    taken = {route.template.shape for route in resources.table.routes}
    if docs:
        compressed = compression_layer(Compression(codings=("gzip",)), resources.runtime.compression)
        for path, handler in _described(resources, docs):
            if (template := Template.parse(path)).shape not in taken:
                yield template, compressed(handler)
    if not any(_has_root(route.template) for route in resources.table.routes):
        yield Template.parse("/"), _root(docs)


def _has_root(template: Template) -> bool:
    first, *others = template.parts
    return not others and (isinstance(first, Parameter) or first == "")


def _described(resources: TableResources, docs: Docs) -> Iterator[tuple[str, Handler]]:
    yield "/openapi.json", _OpenApi(resources, docs).handle
    for path, (name, media_type) in FILES.items():
        yield path, partial(_file, (FOLDER / name).read_bytes(), media_type)


class _OpenApi:
    """The document, rebuilt when a service has another description."""

    def __init__(self, resources: TableResources, docs: Docs) -> None:
        self._resources = resources
        self._docs = docs
        self._of: dict[str, Document] | None = None
        self._content = b""
        self._refreshing: asyncio.Task[None] | None = None

    async def handle(self, call: Call) -> Reply:
        """The document; the one that is known while a service takes its time to describe itself."""
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = self._resources.runtime.background.start(self._refresh())
        await asyncio.wait([self._refreshing], timeout=MAX_WAIT if self._content else None)
        if not self._content:
            self._refreshing.result()  # raises what went wrong
        return await _file(self._content, "application/json", call)

    async def _refresh(self) -> None:
        documents = await self._documents()
        if self._of != documents:
            self._content = await asyncio.to_thread(self._make, documents)
            self._of = documents

    async def _documents(self) -> dict[str, Document]:
        """The descriptions of services that have one and are there."""
        table, tokens, runtime = self._resources.table, self._resources.tokens, self._resources.runtime
        routes = [route for route in table.routes if route.auth in self._docs.auth and not route.is_native]
        shown = {name for route in routes for name in _services(route)}
        some = asyncio.Semaphore(MAX_FETCHES)

        async def fetched(name: str) -> Document | None:
            if descriptors := table.services[name].grpc:
                from frontispiece.gateway.docs.grpc import description as described  # noqa: PLC0415 (an extra)

                return await asyncio.to_thread(described, descriptors)
            upstream = self._resources.upstreams[name]
            description = runtime.description(upstream, partial(tokens.gateway_authorization, name))
            async with some:
                return await description.document()

        names = sorted(shown)
        found = zip(names, await asyncio.gather(*map(fetched, names)), strict=True)
        return {name: document for name, document in found if document is not None}

    def _make(self, documents: Mapping[str, Document]) -> bytes:
        services = {name: Described(name, each) for name, each in documents.items()}
        return msgspec.json.encode(document(self._resources.table, self._docs, services))


def _services(route: Route) -> Iterator[str]:
    if route.to:
        yield route.to.service
    yield from (part.from_.service for part in (route.parts or {}).values())


async def _file(content: bytes, media_type: str, call: Call) -> Reply:
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    fields = [*OWN_PAGE_HEADERS, (b"etag", tag.encode()), (b"cache-control", b"no-cache")]
    if matches(joined(call.headers, b"if-none-match").decode("latin-1"), tag):
        return Reply(status=304, headers=fields, body=b"")
    return Reply.whole(200, content, [*fields, (b"content-type", media_type.encode())])


def _root(docs: Docs | None) -> Handler:
    """Answers browsers with a page that names the API, and all others with 404."""
    where = '<p>What it offers: <a href="/docs">the description of its API</a>.</p>' if docs else ""
    title = escape(docs.title if docs else "API")
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<h1>{title}</h1><p>This is the gateway of an API, and nothing is served at this path.</p>{where}"
        '<p>Whether it is ready: <a href="/health/ready">/health/ready</a>.</p></html>\n'
    ).encode()

    async def handle(call: Call) -> Reply:
        accept = joined(call.headers, b"accept").decode("latin-1")
        if preferred_media_type(accept, frozenset({HTML, PROBLEM}), PROBLEM) != HTML:
            raise Problem(404, "no-route", "Nothing is served at this path.", headers={"Vary": "Accept"})
        fields = [(b"content-type", b"text/html; charset=utf-8"), (b"vary", b"Accept")]
        return Reply.whole(200, page, [*OWN_PAGE_HEADERS, *fields])

    return handle
