"""A service that says of itself what a test wants, and calls that fit that or not."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Any, Self

import msgspec

from frontispiece.aio.background import BackgroundTasks
from frontispiece.gateway.call import Call, Handler
from frontispiece.gateway.policies.request_validation.layer import ServiceDescription, validation_layer
from frontispiece.http.paths import Template
from frontispiece.http.problems import Problem
from frontispiece.upstream import Reply, Request, Upstream
from tests.support import calls
from tests.support.calls import headers_of

ITEM = {
    "type": "object",
    "required": ["sku", "quantity"],
    "properties": {
        "sku": {"type": "string", "pattern": "^[a-z]+$"},
        "quantity": {"type": "integer", "minimum": 1},
        "note": {"anyOf": [{"type": "string", "maxLength": 3}, {"type": "null"}]},
    },
    "additionalProperties": False,
}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "x", "version": "1"},
    "paths": {
        "/things/{thing}": {
            "parameters": [
                {"name": "thing", "in": "path", "required": True, "schema": {"type": "integer"}},
                {"$ref": "#/components/parameters/Size"},
            ],
            "get": {
                "parameters": [
                    {"name": "tag", "in": "query", "schema": {"type": "array", "items": {"type": "integer"}}},
                    {"name": "ids", "in": "query", "explode": False, "schema": {"type": "array"}},
                    {"name": "deep", "in": "query", "style": "deepObject", "required": True, "schema": {}},
                    {"name": "sure", "in": "query", "schema": {"type": "boolean"}},
                    {"name": "X-Color", "in": "header", "schema": {"enum": ["red", "blue"]}},
                    {"name": "Authorization", "in": "header", "required": True, "schema": {}},
                ]
            },
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Order"}},
                        "text/csv": {"schema": {"type": "string"}},
                    },
                }
            },
            "put": {"requestBody": {"$ref": "#/components/requestBodies/nowhere"}},
        },
        "/things/odd.{kind}": {"get": {}},
    },
    "components": {
        "parameters": {
            "Size": {"name": "size", "in": "query", "schema": {"type": "integer", "maximum": 9}},
        },
        "schemas": {
            "Order": {
                "type": "object",
                "required": ["items"],
                "properties": {"items": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}}},
            },
            "Item": ITEM,
        },
    },
}


class Service:
    """An upstream of which nothing is asked but what it says of itself."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self.fetched = 0
        self.failure: Exception | None = None
        self.hangs = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        pass

    async def send(self, request: Request) -> Reply:
        """Answer with the document."""
        assert request.target == "/openapi.json"
        self.fetched += 1
        if self.failure:
            raise self.failure
        if self.hangs:
            await asyncio.Event().wait()
        if isinstance(self.document, int):
            return Reply.whole(self.document, b"", [])
        raw = self.document if isinstance(self.document, bytes) else msgspec.json.encode(self.document)
        return Reply.whole(200, raw, [])


class World:
    """A handler that says what body reaches it, behind the layer; and the time."""

    def __init__(
        self, running: BackgroundTasks, document: Any = DOCUMENT, target: str = "/things/{id}"
    ) -> None:
        self.now = 0.0
        self.counts: Counter[str] = Counter()
        self.service = Service(document)
        upstream = Upstream("things", self.service)
        known = ServiceDescription(upstream, running, clock=lambda: self.now)
        layer = validation_layer(known, Template.parse(target), lambda what: self.counts.update([what]))
        self.handler: Handler = layer(self._echo)

    async def _echo(self, call: Call) -> Reply:
        body = call.body if isinstance(call.body, bytes) else b"".join([c async for c in call.body])
        return Reply.whole(200, body, [])

    async def violations(self, call: Call) -> list[tuple[str, str]]:
        """What is said to be wrong with a call; nothing when it passes."""
        try:
            await self.handler(call)
        except Problem as problem:
            if (problem.status, problem.kind) != (422, "invalid-request"):
                raise
            return [(".".join(error["at"]), error["message"]) for error in problem.members["errors"]]
        return []


def call(
    query: str = "",
    *,
    thing: str = "1",
    method: str = "GET",
    body: bytes | AsyncIterator[bytes] = b"",
    headers: Mapping[str, str] | None = None,
) -> Call:
    named = headers_of(**(headers or {}))
    return calls.call(method, params={"id": [thing]}, query=query.encode(), headers=named, body=body)


def post(body: bytes | AsyncIterator[bytes], kind: str = "application/json", **headers: str) -> Call:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return call(method="POST", body=body, headers={"content-type": kind, **told})
