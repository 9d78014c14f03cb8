"""A watch of a key-value bucket: a push consumer that lives as long as its entries are read."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from frontispiece.events.broker import BrokerUnavailable, Connection
from frontispiece.extras import extra

with extra("events"):
    from nats.aio.msg import Msg
    from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

HEARTBEAT: Final = 2.0
"""Seconds without a change after which the broker shows that it still has the watch."""

LOST: Final = 2.5 * HEARTBEAT
"""Seconds without any sign after which a watch is lost, and begins anew."""

ABANDONED: Final = 30.0
"""Seconds after which the broker forgets a watch whose process is gone."""

OPERATION: Final = "KV-Operation"
MARKER: Final = "Nats-Marker-Reason"
STATUS: Final = "Status"
LAST_CONSUMER: Final = "Nats-Last-Consumer"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A key as it was at a revision.

    Args:
        key: words of letters, digits, `-`, `_`, `/` and `=`, joined by dots.
        value: None when the key was deleted or has expired.
        revision: of the bucket, raised by each change of any key.
    """

    key: str
    value: bytes | None
    revision: int


class Watch:
    """A consumer of the broker's that lives as long as `entries` runs."""

    def __init__(self, connection: Connection, stream: str, prefix: str, pattern: str) -> None:
        self._connection = connection
        self._stream = stream
        self._prefix = prefix
        self._pattern = pattern
        self._messages: asyncio.Queue[Msg | None] = asyncio.Queue()
        self._delivered = 0
        """Messages that this consumer has delivered."""

    async def entries(self) -> AsyncGenerator[Entry | None, None]:
        """The newest entry of each key, deleted ones, too; then None, once; then each change.

        Raises:
            BrokerUnavailable: the broker has lost the consumer, or a message of it is lost.
        """
        client = self._connection.client
        inbox = client.new_inbox()
        subscription = await client.subscribe(inbox, cb=self._messages.put)
        closed = asyncio.create_task(self._end_when_closed())
        try:
            async with aclosing(self._entries(inbox)) as entries:
                async for entry in entries:
                    yield entry
        finally:
            closed.cancel()
            if not client.is_closed:
                await subscription.unsubscribe()

    async def _entries(self, inbox: str) -> AsyncGenerator[Entry | None, None]:
        config = ConsumerConfig(
            deliver_subject=inbox,
            filter_subject=self._prefix + self._pattern,
            deliver_policy=DeliverPolicy.LAST_PER_SUBJECT,
            ack_policy=AckPolicy.NONE,
            idle_heartbeat=HEARTBEAT,
            inactive_threshold=ABANDONED,
            mem_storage=True,
            num_replicas=1,
        )
        info = await self._connection.streams.add_consumer(self._stream, config)
        is_complete = not info.num_pending and not (info.delivered and info.delivered.consumer_seq)
        if is_complete:
            yield None
        while True:
            message = await self._next()
            if message is None:
                continue
            yield self._entry(message)
            if not is_complete and message.metadata.num_pending == 0:
                is_complete = True
                yield None

    async def _next(self) -> Msg | None:
        """The next message; None when it is a heartbeat."""
        try:
            async with asyncio.timeout(LOST):
                message = await self._messages.get()
        except TimeoutError:
            raise BrokerUnavailable("the broker has lost a watch") from None
        if message is None:
            raise BrokerUnavailable("the connection is broken")
        headers = message.headers or {}
        is_heartbeat = STATUS in headers
        if not is_heartbeat:
            self._delivered += 1
        number = int(headers.get(LAST_CONSUMER, 0)) if is_heartbeat else message.metadata.sequence.consumer
        if number != self._delivered:
            raise BrokerUnavailable("a message of a watch is lost")
        return None if is_heartbeat else message

    def _entry(self, message: Msg) -> Entry:
        is_gone = any(header in (message.headers or ()) for header in (OPERATION, MARKER))
        return Entry(
            key=message.subject.removeprefix(self._prefix),
            value=None if is_gone else message.data,
            revision=message.metadata.sequence.stream,
        )

    async def _end_when_closed(self) -> None:
        await self._connection.closed.wait()
        self._messages.put_nowait(None)
