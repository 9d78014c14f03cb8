"""Streams and WebSockets end with the login of their caller, at every gateway."""

import httpx
import pytest

from tests.support.browser import Browser
from tests.support.serving import client_of
from tests.support.sessions import ORIGIN, SESSION, World, log_in, until
from tests.support.sockets import SocketService, ending, opened, url_of
from tests.support.stub import Exchange

LOGOUT = f"{ORIGIN}/web/session/logout"


async def endless(exchange: Exchange) -> None:
    """The answer to a call whose end is not known."""
    await exchange.start(200, (b"content-type", b"text/event-stream"))
    await exchange.chunk(b"data: 1\n\n")
    await exchange.until_left()


async def twins(world: World) -> tuple[Browser, str, dict[str, str]]:
    """A browser that has logged in, another gateway, and the headers of its calls there."""
    browser = world.browser(await world.gateway())
    await log_in(browser)
    return (
        browser,
        await world.gateway(),
        {"Cookie": f"{SESSION}={browser.cookie(ORIGIN, SESSION)}", "X-CSRF": "1", "Origin": ORIGIN},
    )


async def test_a_logout_breaks_streams_off(world: World) -> None:
    browser, other, headers = await twins(world)
    world.things.answer = endless
    async with client_of(other) as http, http.stream("GET", "/web/mine", headers=headers) as answer:
        chunks = answer.aiter_bytes()
        assert await anext(chunks) == b"data: 1\n\n"
        stream = world.things.last
        await browser.fetch(LOGOUT, method="POST")
        with pytest.raises(httpx.RemoteProtocolError):
            await anext(chunks)
    await until(stream.ended.is_set)


async def test_a_logout_closes_websockets(world: World) -> None:
    chat = SocketService()
    async with chat.serving() as server:
        world.services["chat"] = url_of(server)
        browser, other, headers = await twins(world)
        async with opened(other, "/web/chat", additional_headers=headers) as socket:
            await browser.fetch(LOGOUT, method="POST")
            assert await ending(socket) == (1008, "the login has ended")
        assert await ending(await chat.came.get()) == (1008, "the login has ended")


async def test_a_login_that_the_issuer_ends_takes_the_streams_of_its_tokens_along(world: World) -> None:
    gateway = await world.gateway()
    world.things.answer = endless
    ended, stays = (world.issuer.bearer("reader", "shop", sid=sid) for sid in ("one", "two"))
    async with (
        client_of(gateway) as http,
        http.stream("GET", "/phone", headers=ended) as answer,
        http.stream("GET", "/phone", headers=stays),
    ):
        form = {"logout_token": world.issuer.logout_token(sid="one")}
        assert (await http.post("/web/session/backchannel-logout", data=form)).status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            await answer.aread()
        first, second = world.things.requests
        await until(first.ended.is_set)
        assert not second.ended.is_set()
