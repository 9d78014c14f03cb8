"""The connection to the broker, and whether the broker syncs before it acknowledges."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import uniform
from typing import Any, Final

import httpx

from frontispiece.clocks import monotonic
from frontispiece.events.settings import EventSettings
from frontispiece.extras import extra
from frontispiece.http.client import new_client

with extra("events"):
    from nats.aio.client import Client
    from nats.errors import Error as NatsError
    from nats.js import JetStreamContext

log = logging.getLogger(__name__)

REQUEST_TIMEOUT: Final = 5.0
"""Seconds that the broker has to answer a request or to acknowledge a message."""

MONITOR_TIMEOUT: Final = 2.0

PING_INTERVAL: Final = 10
"""Seconds between two pings; without a response to two of them the connection is taken for broken."""

CONNECT_PAUSE: Final = 0.1
"""Seconds between two attempts within `connected`."""

MIN_PAUSE: Final = 0.1
MAX_PAUSE: Final = 2.0
"""Seconds between two attempts to reach the broker."""


def backoff(failures: int, least: float, most: float) -> float:
    """Seconds until the next attempt: a bound that doubles with each failure, and a random part of it."""
    return min(most, least * 2.0 ** min(failures, 32)) * uniform(0.5, 1.0)  # noqa: S311 (spreads load)


class BrokerUnavailable(Exception):
    """The broker is away, or does not have what it must have."""


BROKER_ERRORS: Final = (BrokerUnavailable, NatsError, OSError, TimeoutError)
"""What fails when the broker is away, or refuses."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """An open connection; it is not made again when it breaks."""

    client: Client
    streams: JetStreamContext
    closed: asyncio.Event


@asynccontextmanager
async def connected(url: str, name: str) -> AsyncIterator[Connection]:
    """A connection for the duration of the block; what was published in it is sent before it ends.

    Args:
        url: of one server, or of several with commas between them.
        name: what the broker's monitoring calls it.

    Raises:
        BrokerUnavailable: there is no connection to be had.
    """
    closed = asyncio.Event()

    async def on_closed() -> None:
        closed.set()

    async def on_error(error: Exception) -> None:
        level = logging.WARNING if "permissions violation" in str(error).lower() else logging.DEBUG
        log.log(level, "%s: %s", name, error)  # the caller hears of all others

    client = Client()
    try:
        try:
            await client.connect(
                servers=[server.strip() for server in url.split(",")],
                name=name,
                allow_reconnect=False,  # a broken connection is replaced, with all that depends on it
                max_reconnect_attempts=1,
                reconnect_time_wait=CONNECT_PAUSE,  # type: ignore[arg-type]
                connect_timeout=2,
                inbox_prefix=f"_INBOX.{name}",  # so that a broker can keep others from reading its responses
                ping_interval=PING_INTERVAL,
                error_cb=on_error,
                closed_cb=on_closed,
            )
        except BROKER_ERRORS as error:
            raise BrokerUnavailable(str(client.last_error or error) or type(error).__name__) from error
        yield Connection(client=client, streams=client.jetstream(timeout=REQUEST_TIMEOUT), closed=closed)
    finally:
        try:
            await client.close()
        finally:
            if client._transport is not None:  # noqa: SLF001 (a cancelled `close` leaves it open)
                client._transport.close()  # type: ignore[no-untyped-call]  # noqa: SLF001


async def stay_connected(
    url: str,
    name: str,
    declare: Callable[[Connection], Awaitable[None]],
    serve: Callable[[Connection], Awaitable[None]],
    *,
    attempted: asyncio.Event,
) -> None:
    """Connect, and serve until the connection breaks; again and again.

    `declare` creates what is needed at the broker, on each new connection; `serve` then serves until it
    raises, when the connection breaks. `attempted` is set after each attempt that has failed.
    """
    first, warned, pause = True, "", MIN_PAUSE
    while True:
        try:
            async with connected(url, name) as connection:
                await declare(connection)
                if warned:
                    log.warning("%s: the broker is back", name)
                first, warned, began = False, "", monotonic()
                try:
                    await serve(connection)
                finally:
                    if monotonic() - began > MAX_PAUSE:  # a broker that breaks each time fills no log
                        pause = MIN_PAUSE
        except* BROKER_ERRORS as errors:
            reason = "; ".join(str(error) or type(error).__name__ for error in errors.exceptions)
            if not first and reason != warned:  # on a busy machine the first attempt may take too long
                log.warning("%s: the broker is unavailable: %s", name, reason)
                warned = reason
            first = False
        attempted.set()
        await asyncio.sleep(pause)
        pause = min(MAX_PAUSE, 2 * pause)


async def syncs_always(settings: EventSettings) -> bool | None:
    """Whether every server of the broker has a message on disk before it acknowledges it; None if not known.

    Raises:
        BrokerUnavailable: a server's monitoring endpoint gives no such answer.
    """
    if not settings.monitor_url:
        return None
    async with new_client(timeout=MONITOR_TIMEOUT) as http:
        for url in settings.monitor_url.split(","):
            try:
                response = await http.get(f"{url.strip().rstrip('/')}/jsz")
                config: dict[str, Any] = response.raise_for_status().json()["config"]
            except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError) as error:
                raise BrokerUnavailable(f"{url} does not say whether it syncs always: {error!r}") from error
            if not config.get("sync_always"):
                return False
    return True
