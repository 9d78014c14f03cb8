"""What one gateway tells the others: that sessions have ended."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
import valkey.asyncio

from gateway.session.server import ANSWERS_WITHIN, FAILURES

log = logging.getLogger(__name__)

CHANNEL: Final = "session-news"

PINGS_EVERY: Final = 5.0
"""Seconds of silence after which it is asked whether the server is still there."""

PAUSE: Final = 0.5
"""Seconds until the next try when it is not."""


class Ended(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One session has ended, or all of a login or else of a user whose tokens are from before `at`."""

    key: str | None = None
    sid: str | None = None
    subject: str | None = None
    at: float = 0.0


encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Ended).decode


class Lost(Exception):
    """The server does not answer any more."""


class Subscriber:
    """Hears the news for as long as `run` does.

    Args:
        url: the server's.
        hear: is told each.
        catch_up: is awaited at the beginning of each time of hearing: what happened before was not heard.
        lost: is told when one ends.
    """

    def __init__(
        self,
        url: str,
        *,
        hear: Callable[[Ended], None],
        catch_up: Callable[[], Awaitable[None]],
        lost: Callable[[], None],
    ) -> None:
        self._url = url
        self._hear = hear
        self._catch_up = catch_up
        self._lost = lost
        self._warns = True

    async def run(self) -> None:
        """Hear until cancelled; a server that is gone is waited for."""
        # It never connects anew by itself: what was told in between would be missed without a word.
        client = valkey.asyncio.Valkey.from_url(
            self._url, socket_timeout=ANSWERS_WITHIN, socket_connect_timeout=ANSWERS_WITHIN
        )
        async with client:
            while True:
                try:
                    await self._listen(client)
                except (*FAILURES, Lost) as fault:
                    self._warn(fault)
                finally:
                    self._lost()
                await asyncio.sleep(PAUSE)

    def _warn(self, fault: Exception) -> None:
        if self._warns:  # once for each time that it goes
            log.warning("the news of sessions cannot be heard: %s", fault)
        self._warns = False

    async def _listen(self, client: valkey.asyncio.Valkey) -> None:
        async with client.pubsub() as pubsub:
            await pubsub.subscribe(CHANNEL)
            asked = False
            while True:
                message: dict[str, Any] | None = await pubsub.get_message(timeout=PINGS_EVERY)
                if message is None:
                    if asked:
                        raise Lost("it has fallen silent")
                    await pubsub.ping()
                    asked = True
                    continue
                asked = False
                if message["type"] == "subscribe":
                    await self._catch_up()
                    self._warns = True
                elif message["type"] == "message":
                    self._tell(message["data"])

    def _tell(self, said: bytes) -> None:
        try:
            ended = _decode(said)
        except msgspec.MsgspecError as fault:
            log.warning("news of sessions that cannot be read: %s", fault)
            return
        self._hear(ended)
