"""Key-value buckets of JetStream: what processes must agree on, and see change at once."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final, TypeVar

from frontispiece.aio import end
from frontispiece.events.broker import (
    BROKER_ERRORS,
    MIN_PAUSE,
    BrokerUnavailable,
    Connection,
    stay_connected,
)
from frontispiece.events.kv_watch import Entry, Watch
from frontispiece.events.settings import EventSettings
from frontispiece.events.streams import declare_stream
from frontispiece.extras import extra

with extra("events"):
    from nats.js.api import StorageType, StreamConfig
    from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError
    from nats.js.kv import KeyValue as Bucket

log = logging.getLogger(__name__)

MIN_MARKER_TTL: Final = 1.0
"""The shortest lifetime, in seconds, of the marker that the broker leaves for an expired key."""

T = TypeVar("T")


class KeyExists(Exception):
    """The key has a value already."""


class RevisionMismatch(Exception):
    """The key was changed meanwhile: read it again and decide anew."""


@asynccontextmanager
async def open_key_value(
    settings: EventSettings, bucket: str, *, ttl: float | None = None, client: str | None = None
) -> AsyncIterator["KeyValue"]:
    """A bucket for the duration of the block; it is made when it is not there.

    The broker may be away, at the start and at any time: then watches wait, and all other calls fail.

        async with open_key_value(settings, "colours") as colours:
            revision = await colours.put("sky", b"blue")
            await colours.update("sky", b"grey", revision)

    Args:
        settings: of the broker.
        bucket: its name within the project.
        ttl: seconds after which a value expires, unless it is put again.
        client: what the broker's monitoring calls the connection; it stands in `_INBOX.<client>`, too.
    """
    opened = KeyValue(settings, bucket, ttl)
    connecting = asyncio.create_task(opened.connect(client or bucket))
    try:
        yield opened
    finally:
        await end(connecting)


class KeyValue:
    """An open bucket; see `open_key_value`."""

    def __init__(self, settings: EventSettings, bucket: str, ttl: float | None) -> None:
        self._url = settings.url
        name = f"{settings.prefix}_{bucket}"
        self._stream = f"KV_{name}"
        self._prefix = f"$KV.{name}."
        self._name = name
        self._config = StreamConfig(
            name=self._stream,
            subjects=[f"{self._prefix}>"],
            storage=StorageType.MEMORY if ttl else StorageType.FILE,  # what expires may be lost, too
            num_replicas=settings.replicas,
            max_msgs_per_subject=1,
            max_age=ttl,
            allow_rollup_hdrs=True,
            allow_msg_ttl=True,
            subject_delete_marker_ttl=max(ttl, MIN_MARKER_TTL) if ttl else None,
            deny_delete=True,
        )
        self._connection: Connection | None = None
        self._attempted = asyncio.Event()
        self._is_connected = asyncio.Event()

    async def get(self, key: str) -> Entry | None:
        """A key's entry; None when it has no value.

        Raises:
            BrokerUnavailable: the broker does not answer.
        """
        try:
            found = await self._answer(lambda bucket: bucket.get(key))
        except KeyNotFoundError:
            return None
        if found.value is None or found.revision is None:
            return None
        return Entry(key=key, value=found.value, revision=found.revision)

    async def put(self, key: str, value: bytes) -> int:
        """Set a key's value; returns its revision.

        Raises:
            BrokerUnavailable: it is not known whether the value is set.
        """
        return await self._answer(lambda bucket: bucket.put(key, value))

    async def create(self, key: str, value: bytes) -> int:
        """Set the value of a key that has none; returns its revision.

        Raises:
            KeyExists: it has one.
            BrokerUnavailable: it is not known whether the value is set.
        """
        try:
            return await self._answer(lambda bucket: bucket.create(key, value))
        except KeyWrongLastSequenceError:
            raise KeyExists(key) from None

    async def update(self, key: str, value: bytes, revision: int) -> int:
        """Set a key's value where it is still at a revision; returns the new one.

        Raises:
            RevisionMismatch: it is at another.
            BrokerUnavailable: it is not known whether the value is set.
        """
        try:
            return await self._answer(lambda bucket: bucket.update(key, value, revision))
        except KeyWrongLastSequenceError:
            raise RevisionMismatch(key) from None

    async def delete(self, key: str) -> None:
        """Delete a key, whether or not it has a value.

        Raises:
            BrokerUnavailable: it is not known whether the key is deleted.
        """
        await self._answer(lambda bucket: bucket.delete(key))

    async def watch(self, pattern: str = ">") -> AsyncGenerator[Entry, None]:
        """The present entries, then each change; it never ends.

        While the broker is away nothing comes; afterwards comes what has changed meanwhile.

        Args:
            pattern: of keys, `*` for one word and `>` for all that follow.
        """
        known: dict[str, int] = {}
        """The revisions of the keys that have a value, as far as they were given."""
        while True:
            await self._is_connected.wait()
            try:
                async with aclosing(self._changes(await self._connected(), pattern, known)) as changes:
                    async for entry in changes:
                        yield entry
            except BROKER_ERRORS as error:
                log.debug("a watch of %s ended: %s", self._name, error)
                await asyncio.sleep(MIN_PAUSE)

    async def connect(self, client: str) -> None:
        """Stay connected until cancelled."""
        await stay_connected(self._url, client, self._declare, self._serve, attempted=self._attempted)

    async def _changes(
        self, connection: Connection, pattern: str, known: dict[str, int]
    ) -> AsyncGenerator[Entry, None]:
        """The changes since `known`, which is brought up to date, until the connection breaks."""
        await self._declare(connection)  # someone may have deleted it
        missing: set[str] | None = set(known)
        async with aclosing(Watch(connection, self._stream, self._prefix, pattern).entries()) as entries:
            async for entry in entries:
                if entry is None:  # all that is present was seen
                    for key in missing or ():
                        yield Entry(key=key, value=None, revision=known.pop(key))
                    missing = None
                    continue
                if missing is not None:
                    missing.discard(entry.key)
                before = known.pop(entry.key, None)
                if entry.value is not None:
                    known[entry.key] = entry.revision
                if before != known.get(entry.key):
                    yield entry

    async def _declare(self, connection: Connection) -> None:
        await declare_stream(connection.streams, self._config)

    async def _serve(self, connection: Connection) -> None:
        self._connection = connection
        self._attempted.set()
        self._is_connected.set()
        try:
            await connection.closed.wait()
            raise BrokerUnavailable("the connection is broken")
        finally:
            self._connection = None
            self._is_connected.clear()

    async def _connected(self) -> Connection:
        await self._attempted.wait()
        if self._connection is None:
            raise BrokerUnavailable("the broker is away")
        return self._connection

    async def _answer(self, call: Callable[[Bucket], Coroutine[Any, Any, T]]) -> T:
        """The response of the broker to a call.

        Raises:
            KeyNotFoundError, KeyWrongLastSequenceError: an answer, too.
            BrokerUnavailable: it gives none.
        """
        connection = await self._connected()
        bucket = Bucket(
            name=self._name, stream=self._stream, pre=self._prefix, js=connection.streams, direct=False
        )
        answer = asyncio.create_task(call(bucket))
        closed = asyncio.create_task(connection.closed.wait())
        try:
            await asyncio.wait([answer, closed], return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise BrokerUnavailable("the connection is broken")
            return await answer
        except (KeyNotFoundError, KeyWrongLastSequenceError):
            raise
        except BROKER_ERRORS as error:
            raise BrokerUnavailable(str(error) or type(error).__name__) from error
        finally:
            answer.cancel()
            closed.cancel()
