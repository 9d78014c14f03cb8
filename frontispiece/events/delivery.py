"""One delivery of a message: decoded, handled, and acknowledged, redelivered or parked."""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, Final

from cachetools import LRUCache

from frontispiece.aio import spare_time
from frontispiece.events.broker import BROKER_ERRORS, backoff
from frontispiece.events.envelope import (
    AlreadyHandled,
    Event,
    EventData,
    Handler,
    Reject,
    broker_subject,
    decode,
)
from frontispiece.events.parking import REPLAY_FOR, park
from frontispiece.events.settings import EventSettings
from frontispiece.extras import extra
from frontispiece.http import Problem
from frontispiece.telemetry.metrics import Counter

with extra("events"):
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

if TYPE_CHECKING:
    from frontispiece.telemetry.spans import Tracing

log = logging.getLogger(__name__)

Pause = Callable[[float], Awaitable[None]]
"""Waits for so many seconds."""

ENDED: Final = "no copy of the service finished it: each ended before"
"""The reason for parking a message that has had all its deliveries, when no failure of it is remembered."""

MAX_REASONS: Final = 1000
"""Remembered reasons of messages whose parking failed."""

STORE_PROBLEMS: Final = "store-"
"""How the kinds of problems begin that the service's own store has."""


class Deliveries:
    """Handles what is delivered to a service; `counter` counts the outcomes.

    Args:
        handlers: by the data that they handle.
        tracing: the service's traces; None when they are off.
    """

    def __init__(
        self,
        settings: EventSettings,
        service: str,
        handlers: Mapping[type[EventData], Handler[Any]],
        tracing: "Tracing | None",
    ) -> None:
        self._settings = settings
        self._service = service
        self._handlers = {data.TYPE: handler for data, handler in handlers.items()}
        self._types = {data.TYPE: data for data in handlers}
        self._types_by_subject = {broker_subject(data): data.TYPE for data in handlers}
        self._tracing = tracing
        self._reasons: LRUCache[tuple[str, int], str] = LRUCache(MAX_REASONS)
        """The reasons of messages whose parking failed, by their position: their redelivery parks them."""
        self.counter = Counter(
            "events_deliveries",
            "Deliveries of messages, by outcome.",
            "service",
            "type",
            "outcome",
        )

    async def take(self, message: Msg, streams: JetStreamContext, pause: Pause) -> None:
        """Handle a message, once requests leave time for it, and tell the broker what became of it.

        When the broker does not hear of it, it delivers the message again.

        `streams` are of the connection that it came by; `pause` waits, and makes room for another message
        meanwhile.
        """
        try:
            await spare_time()
            outcome = await self._outcome(message, streams, pause)
        except asyncio.CancelledError:
            with suppress(*BROKER_ERRORS):  # another copy need not wait until this one is taken for dead
                await message.nak()
            raise
        except BROKER_ERRORS as error:
            log.debug("%s: %s is not acknowledged: %r", self._service, message.subject, error)
            outcome = "unacknowledged"
        known = self._types_by_subject.get(message.subject, "unknown")
        self.counter.add(self._service, known, outcome)

    async def _outcome(self, message: Msg, streams: JetStreamContext, pause: Pause) -> str:
        """Handle a message: acknowledge it, have it redelivered, or park it.

        Raises:
            Error: of the broker's client, and what else `BROKER_ERRORS` lists.
        """
        about = message.metadata
        try:
            if about.num_delivered > self._settings.max_deliver:
                raise Reject(self._reasons.pop(_position(message), ENDED))  # noqa: TRY301 (as any other)
            failure = await self._handle(message, pause)
        except Reject as rejection:
            return await self._park(message, streams, str(rejection))
        except AlreadyHandled:
            await message.ack()
            return "duplicate"
        if failure is None:
            await message.ack()
            return "handled"
        where = f"{self._service}: {message.subject} failed, delivery {about.num_delivered}: {failure!r}"
        if about.num_delivered == self._settings.max_deliver:
            return await self._park(message, streams, repr(failure))
        log.warning("%s", where, exc_info=failure if about.num_delivered == 1 else None)
        await message.nak(self._backoff(about.num_delivered))
        return "failed"

    async def _handle(self, message: Msg, pause: Pause) -> Exception | None:
        """Call the handler; returns what it raised.

        Raises:
            Reject: the message cannot be understood, or the handler refused it.
            AlreadyHandled: by an earlier delivery.
        """
        if (message.headers or {}).get(REPLAY_FOR, self._service) != self._service:
            raise AlreadyHandled
        event = decode(message.data, self._types)
        if broker_subject(self._types[event.type]) != message.subject:
            raise Reject(f"{event.type} was published to {message.subject}")
        try:
            with self._span(message.subject, event):
                await self._call(event, pause)
        except (Reject, AlreadyHandled):
            raise
        except Exception as failure:  # noqa: BLE001 (whatever a handler raises is this message's failure)
            return failure
        return None

    async def _call(self, event: Event[Any], pause: Pause) -> None:
        """Call the handler; while the service's own store is unavailable, wait instead of failing.

        The store may be one shard of several: messages for the others are handled meanwhile.
        """
        for attempt in itertools.count(1):
            try:
                async with asyncio.timeout(self._settings.handler_timeout):
                    await self._handlers[event.type](event)
            except Problem as problem:
                if not problem.kind.startswith(STORE_PROBLEMS):
                    raise
                await pause(self._backoff(attempt))
            else:
                return

    def _span(self, subject: str, event: Event[Any]) -> AbstractContextManager[object]:
        if self._tracing is None:
            return nullcontext()
        attributes = {
            "messaging.system": "nats",
            "messaging.operation.type": "process",
            "messaging.destination.name": subject,
            "messaging.message.id": event.id,
        }
        return self._tracing.consuming(f"process {subject}", event.traceparent, attributes)

    async def _park(self, message: Msg, streams: JetStreamContext, reason: str) -> str:
        try:
            await park(streams, self._settings.prefix, message, reason)
        except BROKER_ERRORS:
            self._reasons[_position(message)] = reason  # it is redelivered, and not handled then
            raise
        log.error("%s: %s is parked: %s", self._service, message.subject, reason)
        return "parked"

    def _backoff(self, failures: int) -> float:
        return backoff(failures - 1, self._settings.min_backoff, self._settings.max_backoff)


def _position(message: Msg) -> tuple[str, int]:
    about = message.metadata
    return about.stream, about.sequence.stream
