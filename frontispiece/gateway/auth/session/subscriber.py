"""Receives the ended sessions and logins that other gateways announce."""

import asyncio
import logging
import math
from typing import TYPE_CHECKING, Any, Final

import msgspec

from frontispiece.gateway.auth.session.context import SessionContext
from frontispiece.gateway.auth.session.invalidation import CHANNEL, TIMEOUT, decode
from frontispiece.gateway.auth.session.valkey_store import StoreUnavailable

if TYPE_CHECKING:
    import valkey.asyncio

log = logging.getLogger(__name__)

PING_INTERVAL: Final = 5.0
"""Seconds of silence after which the connection is checked."""

RETRY_DELAY: Final = 0.5
"""Seconds until the next connection attempt."""


class Subscriber:
    """Receives session invalidations from Valkey while `run` does: sessions are cached only meanwhile."""

    def __init__(self, context: SessionContext) -> None:
        self._context = context
        self._warns = True

    async def run(self) -> None:
        """Receive until cancelled; reconnect to a server that is gone."""
        import valkey.asyncio  # noqa: PLC0415 (a gateway may do without)

        # The client must not reconnect by itself: messages in between would be missed without a word.
        client = valkey.asyncio.Valkey.from_url(
            self._context.settings.valkey_url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT
        )
        async with client:
            while True:
                try:
                    await self._listen(client)
                except (valkey.ValkeyError, OSError, StoreUnavailable) as error:
                    self._warn(error)
                finally:
                    self._context.cache.set_subscribed(subscribed=False)
                await asyncio.sleep(RETRY_DELAY)

    def _warn(self, error: Exception) -> None:
        if self._warns:  # once a disconnection
            log.warning("session invalidations cannot be received: %s", error)
        self._warns = False

    async def _listen(self, client: "valkey.asyncio.Valkey") -> None:
        async with client.pubsub() as pubsub:
            await pubsub.subscribe(CHANNEL)
            pinged = False
            while True:
                await self._end_expired(self._context.clock())
                message: dict[str, Any] | None = await pubsub.get_message(timeout=PING_INTERVAL)
                if message is None:
                    if pinged:
                        raise ConnectionError("no answer to a ping")
                    await pubsub.ping()
                    pinged = True
                    continue
                pinged = False
                if message["type"] == "subscribe":
                    await self._on_subscribe()
                    self._warns = True
                elif message["type"] == "message":
                    self._receive(message["data"])

    def _receive(self, data: bytes) -> None:
        try:
            message = decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            log.warning("an invalid session invalidation: %s", error)
            return
        if message.key is not None:
            self._context.end_session(message.key)
        else:
            self._context.end_login(sid=message.sid, subject=message.subject, at=message.at)

    async def _on_subscribe(self) -> None:
        context = self._context
        for logout in await context.store.logouts():  # earlier messages were missed
            context.revocations.add(sid=logout.sid, subject=logout.subject, at=logout.at)
        await self._end_expired(math.inf)
        self._context.cache.set_subscribed(subscribed=True)

    async def _end_expired(self, now: float) -> None:
        """End the streams of sessions that have expired, which nobody announces."""
        context = self._context
        for key in context.streams.expired(now):
            found = await context.store.peek(key)
            if found is None:
                context.end_session(key)
            else:
                context.streams.postpone(key, context.clock() + found[1])
