"""A handshake is a call like any other: the same layers, and refusals that say why."""

import asyncio
import json
from http import HTTPStatus

import httpx
import pytest
from websockets.datastructures import Headers
from websockets.http11 import Response

from kit.settings import TokenSettings
from kit.tokens import Verifier
from tests.conftest import MakeToken
from tests.gateway.websocket.conftest import World
from tests.support.sockets import opened, refused
from tests.support.waiting import until

PROBLEM = "urn:frontispiece:problem:"


def told(answer: Response) -> tuple[int, str]:
    """The status and the kind of a problem."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.body is not None
    return answer.status_code, json.loads(answer.body)["type"].removeprefix(PROBLEM)


async def test_path_and_query_lead_to_the_service_as_the_route_says(world: World) -> None:
    async with opened(world.url, "/rooms/a%20b;c?since=4&x=%2F"):
        pass

    assert world.chat.asked[-1].path == "/inner/a%20b;c?since=4&x=%2F"


async def test_the_service_is_told_of_the_client_but_not_what_the_client_says_of_itself(world: World) -> None:
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


async def test_nothing_is_compressed(world: World) -> None:
    async with opened(world.url, "/rooms/7", compression="deflate") as socket:
        assert socket.response is not None
        assert "sec-websocket-extensions" not in socket.response.headers
    assert "sec-websocket-extensions" not in world.chat.headers


async def test_only_who_has_a_token_passes_and_the_service_is_told_who_it_is(
    world: World, bearer: MakeToken, token_settings: TokenSettings
) -> None:
    assert told(await refused(world.url, "/mine"))[0] == 401
    less = await refused(world.url, "/mine", additional_headers=bearer("reader", "other"))
    assert told(less) == (403, "scope-missing")
    assert not world.chat.asked

    async with opened(world.url, "/mine", additional_headers=bearer("reader", "shop")):
        pass
    (token,) = world.chat.headers.get_all("authorization")
    assert Verifier(token_settings, "chat").caller(token).subject == "reader"
    assert world.metric("gateway_auth_total", scheme="bearer", outcome="passed") == 1


async def test_where_credentials_are_the_services_own_business_they_pass(world: World) -> None:
    async with opened(world.url, "/own", additional_headers={"Authorization": "Basic x", "Cookie": "a=b"}):
        pass
    headers = world.chat.headers
    assert (headers["authorization"], headers["cookie"]) == ("Basic x", "a=b")
    assert "x-internal-token" in headers


async def test_a_limit_counts_handshakes_and_other_calls_together(world: World) -> None:
    async with opened(world.url, "/limited"):
        pass
    refusal = await refused(world.url, "/limited")
    assert told(refusal) == (429, "rate-limited")
    assert int(refusal.headers["retry-after"]) > 0
    async with httpx.AsyncClient(base_url=world.url) as http:
        assert (await http.get("/limited")).status_code == 429


async def test_there_are_no_more_than_the_route_allows_until_one_ends(world: World) -> None:
    async with opened(world.url, "/few"):
        assert world.metric("gateway_websocket_open", route="/few") == 1
        assert told(await refused(world.url, "/few")) == (503, "too-many-websockets")
    await until(lambda: world.metric("gateway_websocket_open", route="/few") == 0)
    async with opened(world.url, "/few"):
        pass


async def test_a_refusal_of_the_service_is_passed_on(world: World) -> None:
    headers = Headers({"Content-Type": "text/plain", "X-Why": "full", "Content-Length": "4"})
    world.chat.refusal = Response(HTTPStatus.CONFLICT, "Conflict", headers, b"full")

    answer = await refused(world.url, "/rooms/7")

    assert (answer.status_code, answer.body, answer.headers["x-why"]) == (409, b"full", "full")


async def test_no_redirect_is_followed(world: World) -> None:
    headers = Headers({"Location": f"{world.services['chat']}/elsewhere", "Content-Length": "0"})
    world.chat.refusal = Response(HTTPStatus.FOUND, "Found", headers, b"")

    assert told(await refused(world.url, "/rooms/7")) == (502, "upstream-nonsense")
    assert len(world.chat.asked) == 1


async def test_a_service_that_is_away_is_told_and_takes_no_place(world: World) -> None:
    for _ in range(2):
        assert told(await refused(world.url, "/gone")) == (503, "upstream-unavailable")
    assert world.metric("gateway_websocket_open", route="/gone") == 0


async def test_a_service_that_does_not_answer_in_time_is_not_waited_for(world: World) -> None:
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(never, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        await lead_to(world, f"http://{host}:{port}")
        assert told(await refused(world.url, "/brief")) == (504, "upstream-timeout")


async def lead_to(world: World, url: str) -> None:
    """Have the service somewhere else."""
    table = world.gateway.serving.table
    services = {**table.services, "chat": table.services["chat"].model_copy(update={"url": (url,)})}
    await world.gateway.serve_table(table.model_copy(update={"services": services}))


async def test_a_client_that_leaves_during_its_handshake_frees_the_service(world: World) -> None:
    asked, freed = asyncio.Event(), asyncio.Event()

    async def watch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await reader.read()
        freed.set()
        writer.close()

    async with await asyncio.start_server(watch, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        await lead_to(world, f"http://{host}:{port}")
        client = asyncio.ensure_future(refused(world.url, "/rooms/7"))
        await asked.wait()
        client.cancel()
        async with asyncio.timeout(10):
            await freed.wait()


@pytest.mark.parametrize("path", ["/plain", "/nowhere", "/rooms/%2e%2e"])
async def test_elsewhere_an_upgrade_is_answered_as_if_nothing_had_been_proposed(
    world: World, path: str
) -> None:
    asked = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    async with httpx.AsyncClient(base_url=world.url) as http:
        plain = await http.get(path)
        upgrade = await http.get(path, headers=asked)
    assert upgrade.status_code == plain.status_code
    assert upgrade.status_code != 101


async def test_other_calls_on_the_route_are_answered_as_without_it(world: World) -> None:
    world.chat.refusal = Response(HTTPStatus.OK, "OK", Headers({"Content-Length": "5"}), b"plain")
    async with httpx.AsyncClient(base_url=world.url) as http:
        answer = await http.get("/rooms/7")
    assert (answer.status_code, answer.text) == (200, "plain")
