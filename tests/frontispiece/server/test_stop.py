"""A gateway stops: it says so first, refuses what is new, and finishes what is under way."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.gateway_process import Gateway, running_gateway
from tests.support.serving import servers
from tests.support.stub import Exchange, Stub
from tests.support.tables import route, route_table

ROUTES = route_table(route("/{rest:path}"), services={"things": "%s"})

LONG = "600"


class World:
    """A gateway in processes of its own, and a service behind it that streams until it is told to end."""

    def __init__(self, gateway: Gateway, things: Stub, go_on: asyncio.Event) -> None:
        self.gateway = gateway
        self.things = things
        self.go_on = go_on

    def stop(self, name: signal.Signals = signal.SIGTERM) -> None:
        """Tell the command to stop."""
        self.gateway.process.send_signal(name)

    async def ended(self) -> int:
        """The command's status, once it has ended."""
        status, printed = await asyncio.to_thread(self.gateway.end)
        assert "Traceback" not in printed
        return status

    async def until(self, path: str, status: int | None) -> None:
        """Return when this is what is answered; None is a connection that is refused."""

        def happened(answer: httpx.Response | None) -> bool:
            return (answer.status_code if answer is not None else None) == status

        await asyncio.to_thread(self.gateway.until, f"{self.gateway.url}{path}", happened)


@asynccontextmanager
async def world(folder: Path, signing_key: str, workers: int = 1, **variables: str) -> AsyncIterator[World]:
    go_on = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        await exchange.start(200)
        if exchange.path == b"/stream":
            await exchange.chunk(b"begun,")
            await go_on.wait()
        await exchange.end(b"ended")

    things = Stub(answer)
    async with servers() as serve:
        routes = ROUTES % await serve(things)
        running = running_gateway(folder, signing_key, routes, workers, **variables)
        gateway = await asyncio.to_thread(running.__enter__)
        try:
            yield World(gateway, things, go_on)
        finally:
            go_on.set()
            running.__exit__(None, None, None)


async def test_readiness_goes_off_first_while_everything_is_still_served(
    tmp_path: Path, signing_key: str
) -> None:
    async with (
        world(tmp_path, signing_key, GATEWAY_DRAIN_DELAY=LONG) as shop,
        httpx.AsyncClient(base_url=shop.gateway.url) as kept,
    ):
        assert "connection" not in (await kept.get("/one")).headers
        shop.stop()
        await shop.until("/health/ready", 503)

        said = await kept.get("/health/ready")
        assert said.json()["type"] == "urn:frontispiece:problem:stopping"
        assert said.headers["connection"] == "close"
        assert (await kept.get("/health/live")).status_code == 200
        answer = await kept.get("/two")
        assert (answer.text, answer.headers["connection"]) == ("ended", "close")

        shop.stop(signal.SIGINT)  # told a second time, it waits for nothing
        assert await shop.ended() < 0


@pytest.mark.parametrize("workers", [1, 2])
async def test_new_connections_are_refused_and_a_stream_that_runs_is_finished(
    tmp_path: Path, signing_key: str, workers: int
) -> None:
    async with (
        world(tmp_path, signing_key, workers, GATEWAY_GRACEFUL_TIMEOUT=LONG) as shop,
        httpx.AsyncClient(base_url=shop.gateway.url, timeout=30) as client,
        client.stream("GET", "/stream") as stream,
    ):
        chunks = stream.aiter_bytes()
        assert await anext(chunks) == b"begun,"
        shop.stop()
        await shop.until("/health/live", None)

        assert shop.gateway.process.poll() is None
        shop.go_on.set()
        assert b"".join([chunk async for chunk in chunks]) == b"ended"
        assert await shop.ended() == (0 if workers > 1 else -signal.SIGTERM)


@pytest.mark.parametrize("workers", [1, 2])
async def test_what_does_not_end_in_time_is_cut_off(tmp_path: Path, signing_key: str, workers: int) -> None:
    async with (
        world(tmp_path, signing_key, workers, GATEWAY_GRACEFUL_TIMEOUT="1") as shop,
        httpx.AsyncClient(base_url=shop.gateway.url, timeout=30) as client,
        client.stream("GET", "/stream") as stream,
    ):
        chunks = stream.aiter_bytes()
        assert await anext(chunks) == b"begun,"
        shop.stop()

        with pytest.raises(httpx.RemoteProtocolError):
            await anext(chunks)
        assert (await asyncio.to_thread(shop.gateway.end))[0] == (0 if workers > 1 else -signal.SIGTERM)


async def test_metrics_can_be_read_until_the_last_request_has_ended(tmp_path: Path, signing_key: str) -> None:
    async with (
        world(tmp_path, signing_key, GATEWAY_GRACEFUL_TIMEOUT=LONG) as shop,
        httpx.AsyncClient(base_url=shop.gateway.url, timeout=30) as client,
        client.stream("GET", "/stream") as stream,
    ):
        chunks = stream.aiter_bytes()  # kept: when it goes, so does the connection
        assert await anext(chunks) == b"begun,"
        shop.stop()
        await shop.until("/health/live", None)

        running = 'gateway_requests_in_flight{route="/{rest:path}"} 1.0'
        async with httpx.AsyncClient() as admin:
            assert running in (await admin.get(shop.gateway.admin[0])).text
        shop.go_on.set()
        assert await shop.ended() == -signal.SIGTERM


async def test_an_idle_connection_is_closed_after_the_timeout_of_the_settings(
    tmp_path: Path, signing_key: str
) -> None:
    async with world(tmp_path, signing_key, GATEWAY_KEEP_ALIVE_TIMEOUT="0.2") as shop:
        reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(shop.gateway.url).port)
        writer.write(b"GET /one HTTP/1.1\r\nhost: shop\r\n\r\n")

        answer = await asyncio.wait_for(reader.read(), 30)  # ends with the connection

        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" not in answer.lower()
        writer.close()
