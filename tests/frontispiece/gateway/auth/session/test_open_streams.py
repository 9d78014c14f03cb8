"""Streams and WebSockets end with the login of their caller, at every gateway."""

import asyncio
import logging
from contextlib import AsyncExitStack, suppress
from time import time
from typing import Any

import httpx
import pytest
from valkey.asyncio import Valkey
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from frontispiece.gateway.auth.session import subscriber
from frontispiece.gateway.auth.session.invalidation import CHANNEL
from tests.support.browser import Browser
from tests.support.serving import client_of
from tests.support.sessions import ORIGIN, SESSION, World, log_in, until
from tests.support.sockets import SocketService, ending, opened, url_of
from tests.support.stub import Exchange
from tests.support.waiting import until_still

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


async def test_a_logout_closes_websockets_whatever_was_announced_before(world: World, valkey: Valkey) -> None:
    chat = SocketService()
    async with chat.serving() as server:
        world.services["chat"] = url_of(server)
        browser, other, headers = await twins(world)
        async with opened(other, "/web/chat", additional_headers=headers) as socket:
            for message in (b"{", b'{"key":"\xff"}'):
                await valkey.publish(CHANNEL, message)
            await browser.fetch(LOGOUT, method="POST")
            assert await ending(socket) == (1008, "the login has ended")
        assert await ending(await chat.came.get()) == (1008, "the login has ended")


@pytest.mark.parametrize("path", ["/web/mine", "/web/chat"])
async def test_a_logout_waits_for_no_client_that_does_not_read(world: World, path: str) -> None:
    sent = 0

    async def flood(exchange: Exchange) -> None:
        nonlocal sent
        await exchange.start()
        while sent < 1000:
            await exchange.chunk(b"x" * 100_000)
            sent += 1

    async def shout(socket: ServerConnection) -> None:
        nonlocal sent
        with suppress(ConnectionClosed):
            while True:
                await socket.send(b"x" * 50_000)
                sent += 1

    chat = SocketService()
    chat.talk = shout
    async with chat.serving() as server:
        world.services["chat"] = url_of(server)
        browser, other, headers = await twins(world)
        world.things.answer = flood
        async with client_of(other) as http, AsyncExitStack() as reading:
            if path == "/web/chat":
                socket = opened(other, path, additional_headers=headers, max_queue=1, close_timeout=0)
                await reading.enter_async_context(socket)
                ended = (await chat.came.get()).wait_closed
            else:
                await reading.enter_async_context(http.stream("GET", path, headers=headers))
                ended = world.things.last.ended.wait  # type: ignore[assignment]
            await until_still(lambda: sent)
            async with asyncio.timeout(30):  # a client that does not read is cut off after 60 s
                await browser.fetch(LOGOUT, method="POST")
                await ended()


async def test_the_streams_of_a_session_end_when_it_expires(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(subscriber, "PING_INTERVAL", 1.0)
    browser, other, headers = await twins(world)
    world.things.answer = endless
    await world.change(browser, idle_timeout=0.001)  # from the next call on
    async with client_of(other) as http, http.stream("GET", "/web/mine", headers=headers) as answer:
        with pytest.raises(httpx.RemoteProtocolError):
            await answer.aread()
    assert "a response ends with the login or token of its caller" in caplog.messages


@pytest.mark.parametrize(
    ("ended", "stays", "logout"),
    [
        ({"sid": "one"}, {"sid": "two"}, {"sid": "one"}),
        ({"iat": -20}, {"iat": 0}, {"sub": "reader", "iat": -10}),
    ],
    ids=["of one login", "of the user before now"],
)
async def test_what_the_issuer_ends_takes_the_streams_of_its_tokens_along_and_no_others(
    world: World, ended: dict[str, Any], stays: dict[str, Any], logout: dict[str, Any]
) -> None:
    gateway = await world.gateway()
    world.things.answer = endless
    now = int(time())
    old, new, logout = (
        {name: value + now if name == "iat" else value for name, value in claims.items()}
        for claims in (ended, stays, logout)
    )
    first, second = (world.issuer.bearer("reader", "shop", **claims) for claims in (old, new))
    async with (
        client_of(gateway) as http,
        http.stream("GET", "/phone", headers=first) as answer,
        http.stream("GET", "/phone", headers=second),
    ):
        form = {"logout_token": world.issuer.logout_token(**logout)}
        assert (await http.post("/web/session/backchannel-logout", data=form)).status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            await answer.aread()
        one, other = world.things.requests
        await until(one.ended.is_set)
        assert not other.ended.is_set()
