"""An aggregate on a real gateway, in front of two services that say what a test wants."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec
import pytest

from tests.support.stub import Answer, Exchange, Header, Stub, answering
from tests.support.tables import Json, Services, route, route_table
from tests.support.world import OpenWorld, World

SERVICES: Services = {"catalog": {}, "inventory": {}, "gone": {}}

JSON = (b"content-type", b"application/json")


def aggregate(parts: str, *, path: str = "/a/{sku}", auth: str = "none", more: str = "") -> Json:
    """A route that joins these parts, which are TOML."""
    return route(path, f"{more}\n{parts}", to=None, auth=auth)


def said(content: str | bytes, *headers: Header, status: int = 200) -> Answer:
    """Answer this JSON, to the byte."""
    body = content.encode() if isinstance(content, str) else content
    return answering(status, body, JSON, *headers)


def by_target(answers: Mapping[str, Answer]) -> Answer:
    """Answer by path and query; 404 to all others."""

    async def answer(exchange: Exchange) -> None:
        target = (exchange.path + (b"?" + exchange.query if exchange.query else b"")).decode()
        missing = answering(404, b'{"type":"urn:x:unknown"}', (b"content-type", b"application/problem+json"))
        await answers.get(target, missing)(exchange)

    return answer


async def batch(exchange: Exchange) -> None:
    """Answer `{"items": [{"sku": …}]}` for every `sku` asked for, in the opposite order."""
    keys = [pair.partition("=")[2] for pair in exchange.query.decode().split("&")]
    items = [{"sku": key, "name": key.lower()} for key in reversed(keys)]
    await said(msgspec.json.encode({"items": items}))(exchange)


ITEMS = by_target({"/i/x": said("1"), "/i/y": answering(500, b"")})

PARTS = (
    'parts.product = { from = "catalog:/p/{sku}" }\n'
    'parts.stock = { from = "gone:/s", optional = true }\n'
    'parts.items = { from = "inventory:/i/{each}", each = "product.l", optional = true }'
)
"""A required part, one of a service that is nowhere, and one for each element of a list."""


Join = Callable[..., Awaitable[World]]


@pytest.fixture
def join(open_world: OpenWorld) -> Join:
    """`world = await join(parts, catalog=answer, …)`: the gateway with this aggregate at `/a/{sku}`."""

    async def join(
        parts: str,
        catalog: Answer | None = None,
        inventory: Answer | None = None,
        *,
        also: Sequence[Json] = (),
        expose_timeline: bool = False,
        **more: str,
    ) -> World:
        usual = said('{"sku":"A","n":1}')
        stubs = {"catalog": Stub(catalog or usual), "inventory": Stub(inventory or usual)}
        text = route_table(aggregate(parts, **more), *also, services=SERVICES)
        return await open_world(text, expose_timeline=expose_timeline, **stubs)

    return join
