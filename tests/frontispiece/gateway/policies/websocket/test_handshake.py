"""A handshake is a call like any other: the same layers, and refusals that say why."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Response

from frontispiece.security import Verifier
from frontispiece.settings import TokenSettings
from tests.conftest import MakeToken
from tests.frontispiece.gateway.policies.websocket.conftest import World
from tests.support.serving import client_of
from tests.support.sockets import opened, refused
from tests.support.tables import errors_of, route
from tests.support.waiting import until

PROBLEM = "urn:frontispiece:problem:"


def problem_of(answer: Response) -> tuple[int, str]:
    """The status and the kind of a problem."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.body is not None
    return answer.status_code, json.loads(answer.body)["type"].removeprefix(PROBLEM)


async def test_forged_headers_are_removed_and_the_gateway_s_own_are_sent(world: World) -> None:
    forged = {"X-Forwarded-For": "9.9.9.9", "X-Internal-Token": "x", "Authorization": "Basic x", "X-A": "1"}
    async with opened(world.url, "/rooms/7", additional_headers={**forged, "X-Request-Id": "r-1"}) as socket:
        assert socket.response is not None
        assert socket.response.headers["x-request-id"] == "r-1"

    headers = world.chat.headers
    assert headers.get_all("x-forwarded-for") == ["127.0.0.1"]
    assert headers["x-forwarded-host"] == world.url.removeprefix("http://")
    assert (headers["x-request-id"], headers["x-a"]) == ("r-1", "1")
    assert "traceparent" in headers
    assert not {"authorization", "x-internal-token"} & {name.lower() for name in headers}


async def test_the_service_chooses_the_subprotocol(world: World) -> None:
    async with opened(world.url, "/rooms/7", subprotocols=["v1", "v2"]) as socket:
        assert socket.subprotocol == "v2"
    async with opened(world.url, "/rooms/7") as socket:
        assert socket.subprotocol is None


async def test_only_callers_with_a_token_pass_and_the_service_gets_their_identity(
    world: World, bearer: MakeToken, token_settings: TokenSettings
) -> None:
    assert problem_of(await refused(world.url, "/mine"))[0] == 401
    less = await refused(world.url, "/mine", additional_headers=bearer("reader", "other"))
    assert problem_of(less) == (403, "scope-missing")
    assert not world.chat.requests

    async with opened(world.url, "/mine", additional_headers=bearer("reader", "shop")):
        pass
    (token,) = world.chat.headers.get_all("authorization")
    assert Verifier(token_settings, "chat").caller(token).subject == "reader"
    assert world.metric("gateway_auth_total", scheme="bearer", outcome="passed") == 1


async def test_with_passthrough_credentials_reach_the_service(world: World) -> None:
    async with opened(world.url, "/own", additional_headers={"Authorization": "Basic x", "Cookie": "a=b"}):
        pass
    headers = world.chat.headers
    assert (headers["authorization"], headers["cookie"]) == ("Basic x", "a=b")
    assert "x-internal-token" in headers


async def test_there_are_at_most_as_many_as_the_route_allows(world: World) -> None:
    async with opened(world.url, "/few"):
        assert world.metric("gateway_websocket_open", route="/few") == 1
        assert problem_of(await refused(world.url, "/few")) == (503, "too-many-websockets")
    await until(lambda: world.metric("gateway_websocket_open", route="/few") == 0)
    async with opened(world.url, "/few"):
        pass


async def test_a_refusal_of_the_service_is_passed_on(world: World) -> None:
    headers = Headers({"Content-Type": "text/plain", "X-Why": "full", "Content-Length": "4"})
    world.chat.refusal = Response(HTTPStatus.CONFLICT, "Conflict", headers, b"full")

    answer = await refused(world.url, "/rooms/7")

    assert (answer.status_code, answer.body, answer.headers["x-why"]) == (409, b"full", "full")


async def test_a_401_of_the_service_has_a_challenge(world: World) -> None:
    headers = Headers({"Content-Length": "0"})
    world.chat.refusal = Response(HTTPStatus.UNAUTHORIZED, "Unauthorized", headers, b"")

    answer = await refused(world.url, "/rooms/7")

    assert (answer.status_code, answer.headers.get("www-authenticate")) == (401, "Bearer")


async def test_no_redirect_is_followed(world: World) -> None:
    headers = Headers({"Location": f"{world.services['chat']}/elsewhere", "Content-Length": "0"})
    world.chat.refusal = Response(HTTPStatus.FOUND, "Found", headers, b"")

    assert problem_of(await refused(world.url, "/rooms/7")) == (502, "upstream-invalid-response")
    assert len(world.chat.requests) == 1


async def test_an_unreachable_service_is_a_503_and_counts_for_no_connection(world: World) -> None:
    for _ in range(2):
        assert problem_of(await refused(world.url, "/gone")) == (503, "upstream-unavailable")
    assert world.metric("gateway_websocket_open", route="/gone") == 0


async def test_a_service_that_does_not_respond_in_time_is_a_504(world: World) -> None:
    async with silent_service(world):
        assert problem_of(await refused(world.url, "/late")) == (504, "upstream-timeout")


@asynccontextmanager
async def silent_service(world: World) -> AsyncIterator[tuple[asyncio.Event, asyncio.Event]]:
    """Replaces `chat` by a server that never responds; set when it was called, and when its caller left."""
    called, left = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        called.set()
        await reader.read()
        left.set()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        table = world.gateway.snapshot.table
        chat = table.services["chat"].model_copy(update={"url": (f"http://{host}:{port}",)})
        await world.gateway.serve_table(
            table.model_copy(update={"services": {**table.services, "chat": chat}})
        )
        yield called, left


async def test_a_client_that_leaves_during_its_handshake_frees_the_service(world: World) -> None:
    async with asyncio.timeout(60), silent_service(world) as (called, left):
        client = asyncio.ensure_future(refused(world.url, "/rooms/7"))
        await called.wait()
        client.cancel()
        await left.wait()


async def test_an_upgrade_on_other_routes_is_ignored(world: World) -> None:
    for path in ["/plain", "/nowhere", "/rooms/%2e%2e"]:
        upgrade_headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        async with client_of(world.url) as http:
            plain = await http.get(path)
            upgrade = await http.get(path, headers=upgrade_headers)
        assert upgrade.status_code == plain.status_code, path
        assert upgrade.status_code != 101, path


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            "websocket = { max_connections = 0 }",
            "max_connections: must be greater than or equal to 1",
        ),
        ("websocket = { other = 1 }", "other: unknown key"),
        ("websocket = {}\ncompression = {}", "websocket does not go with compression"),
        ("websocket = {}\nvalidate_requests = true", "websocket does not go with validate_requests"),
        ("websocket = {}\ncache = {}", "websocket does not go with cache"),
        ('websocket = {}\nmethods = ["POST"]', "websocket needs GET among the methods"),
    ],
)
def test_an_invalid_websocket_is_refused(more: str, message: str) -> None:
    errors = errors_of(route(more=more))
    assert any(message in error for error in errors), errors


def test_a_service_without_websockets_is_refused() -> None:
    url = "h2://chat:8000"
    assert errors_of(route(websocket={}), services={"things": url}) == [
        f"route 1 (/a): websocket: it is not spoken at {url}, only at http://, https:// and app://"
    ]
