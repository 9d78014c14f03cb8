"""An aggregate on a real gateway, in front of two services that say what a test wants."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import httpx
import msgspec
import pytest

from tests.gateway.conftest import OpenGateway
from tests.support.serving import Serve, nobody_there
from tests.support.stub import Answer, Exchange, Header, Stub, answering

SERVICES = """
[services.catalog]
url = "registry://catalog"
[services.inventory]
url = "registry://inventory"
[services.gone]
url = "registry://gone"
"""

JSON = (b"content-type", b"application/json")


def route(parts: str, *, path: str = "/a/{sku}", auth: str = "none", more: str = "") -> str:
    """A table with one aggregate."""
    return f'{SERVICES}\n[[routes]]\npath = "{path}"\nauth = "{auth}"\n{more}\n{parts}\n'


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


@dataclass(frozen=True, kw_only=True)
class World:
    """A client of the gateway, and the services behind; behind `gone` there is nobody."""

    http: httpx.AsyncClient
    catalog: Stub
    inventory: Stub


Join = Callable[..., Awaitable[World]]


@pytest.fixture
def join(serve: Serve, open_gateway: OpenGateway) -> Join:
    """`world = await join(parts, catalog=answer, …)`: the gateway with this aggregate at `/a/{sku}`."""

    async def join(
        parts: str,
        catalog: Answer | None = None,
        inventory: Answer | None = None,
        *,
        explains: bool = False,
        **more: str,
    ) -> World:
        stubs = {
            name: Stub(answer or said('{"sku":"A","n":1}'))
            for name, answer in (("catalog", catalog), ("inventory", inventory))
        }
        urls = {name: await serve(stub) for name, stub in stubs.items()}
        table = route(parts, **more)
        http = await open_gateway(table, explains=explains, gone=nobody_there(), **urls)
        return World(http=http, **stubs)

    return join
