"""Results of sources in Valkey, where every process of an app finds them.

It is a help and never a condition: a Valkey that is gone, slow or full of garbage is as good as an empty one.
"""

import asyncio
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Self, cast

import msgspec
import valkey.asyncio

from gateway.upstream import Refused
from kit.valkey_client import client_of

log = logging.getLogger(__name__)

PAUSE: Final = 1.0
"""Seconds for which nobody asks a Valkey that gave no answer."""

WARNS_EVERY: Final = 10.0
"""Seconds between two warnings at least."""

MOST_CONNECTIONS: Final = 20

NO_ANSWER: Final = (valkey.ConnectionError, valkey.TimeoutError, valkey.InvalidResponse, OSError, ValueError)
"""What the client raises when it has no connection, or one to something that speaks differently."""

UNREADABLE: Final = (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError)
"""What is raised for something that is not of the type it should be, written or read."""

LONGEST_KEY: Final = 200
"""Bytes of a key beyond which its digest stands for it."""


class SharedStore:
    """One Valkey server as a cache; made without I/O, closed with `async with`. No method ever fails.

    Args:
        url: `unix://path`, `valkey://host:port/number` or, with TLS, `valkeys://…`.
        answers_within: seconds that a page waits for it.
        clock: seconds that only grow, for the pause after a failure.
        now: the time of day in seconds, for the age of what is kept.
    """

    def __init__(
        self,
        url: str,
        *,
        answers_within: float = 0.05,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client = client_of(
            url, answers_within=answers_within, connections=MOST_CONNECTIONS, again=False
        )
        self.now = now
        self._answers_within = answers_within
        self._clock = clock
        self._paused_until = float("-inf")
        self._warned_at = float("-inf")
        self._commands: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._commands:
            await asyncio.wait(self._commands)
        await self._client.aclose()

    async def get(self, key: bytes) -> bytes | None:
        """What is kept under a key; None when that is nothing, or cannot be had in time."""
        command = self._command(lambda: self._client.get(key))
        if command is None:
            return None
        await asyncio.wait([command], timeout=self._answers_within)
        if command.done():
            return cast(bytes | None, command.result())
        self._gone(f"no answer in {self._answers_within * 1000:.0f} ms")
        return None

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """What is kept under each of these keys, asked at once; None as `get` has it."""
        command = self._command(lambda: self._client.mget(keys))
        if command is not None:
            await asyncio.wait([command], timeout=self._answers_within)
            if not command.done():
                self._gone(f"no answer in {self._answers_within * 1000:.0f} ms")
            elif (found := command.result()) is not None:
                return cast(list[bytes | None], found)
        return [None] * len(keys)

    def put(self, key: bytes, content: bytes, seconds: float) -> None:
        """Keep this for so long, beginning soon: nobody waits for it."""
        lasting = max(1, round(seconds * 1000))
        self._command(lambda: self._client.set(key, content, px=lasting))

    def delete(self, key: bytes) -> None:
        """Keep nothing under a key any more, beginning soon."""
        self._command(lambda: self._client.unlink(key))

    def warn(self, what: str, *values: object) -> None:
        """Log what is wrong with the cache, unless there was a warning a moment ago."""
        if self._clock() >= self._warned_at + WARNS_EVERY:
            self._warned_at = self._clock()
            log.warning(f"the shared cache: {what}", *values)  # noqa: G004 (the values are still apart)

    def _command(self, send: Callable[[], Awaitable[Any]]) -> "asyncio.Task[Any] | None":
        """A command that is under way, None while Valkey is let alone.

        It has a task of its own, which nobody cancels: a command that is cut off midway can leave the pool
        without its connection, or with one on which that command's answer is still to come.
        """
        if self._clock() < self._paused_until:
            return None
        command = asyncio.create_task(self._answer(send))
        self._commands.add(command)
        command.add_done_callback(self._commands.discard)
        return command

    async def _answer(self, send: Callable[[], Awaitable[Any]]) -> Any:
        try:
            return await send()
        except NO_ANSWER as fault:
            self._gone(str(fault))
        except valkey.ValkeyError as fault:  # it refuses this one command
            self.warn("it refuses: %s", fault)
        return None

    def _gone(self, why: str) -> None:
        self._paused_until = self._clock() + PAUSE
        self.warn("it does not answer: %s", why)


class _Refusal(msgspec.Struct, array_like=True):
    status: int
    kind: str | None
    detail: str | None
    members: dict[str, Any]
    retry_after: str | None


class _Entry(msgspec.Struct, array_like=True):
    """`key` is the whole key, so that an answer to another question is never taken for one to this."""

    key: bytes
    loaded: float
    refusal: _Refusal | None
    value: msgspec.Raw


class Found(msgspec.Struct):
    """What another process has kept: a value or a refusal, loaded `age` seconds ago."""

    value: Any = None
    refusal: Refused | None = None
    age: float = 0.0


class Shelf:
    """The place of one source's results in a store.

    What is written was loaded at a time of day; so clocks that differ between machines lengthen or shorten
    a result's life by their difference.

    Args:
        store: where the shelf is.
        name: of the app and the source; no other source of any app on this Valkey has it.
        shape: the type of the results, which has to say all of it: what comes back is decoded by it.

    Raises:
        TypeError: results of this type cannot be written down.
    """

    def __init__(self, store: SharedStore, name: str, shape: Any) -> None:
        schema = msgspec.json.encode(msgspec.json.schema(shape), order="sorted")
        self._store = store
        self._name = name
        self._prefix = f"page:{name}:{hashlib.sha256(schema).hexdigest()[:16]}:".encode()
        self._entries = msgspec.msgpack.Decoder(_Entry)
        self._values: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(shape)
        self._encode = msgspec.msgpack.Encoder().encode

    async def get(self, key: bytes) -> Found | None:
        """What is kept of this key, None when nothing is that can be read."""
        content = await self._store.get(self._place(key))
        if content is None:
            return None
        try:
            entry = self._entries.decode(content)
            if entry.key != self._prefix + key:
                raise msgspec.ValidationError("it belongs to another key")
            value = self._values.decode(entry.value) if entry.refusal is None else None
        except UNREADABLE as fault:
            self._store.warn("what it holds of %s cannot be read: %s", self._name, fault)
            return None
        refusal = _refused(entry.refusal) if entry.refusal else None
        return Found(value=value, refusal=refusal, age=max(0.0, self._store.now() - entry.loaded))

    def put(self, key: bytes, value: Any, seconds: float) -> None:
        """Keep a value, loaded right now, for so long."""
        self._put(key, None, value, seconds)

    def put_refusal(self, key: bytes, refusal: Refused, seconds: float) -> None:
        """Keep a refusal, given right now, for so long."""
        told = _Refusal(refusal.answered, refusal.type, refusal.detail, refusal.members, refusal.retry_after)
        self._put(key, told, None, seconds)

    def delete(self, key: bytes) -> None:
        """Keep nothing of this key."""
        self._store.delete(self._place(key))

    def _put(self, key: bytes, refusal: _Refusal | None, value: Any, seconds: float) -> None:
        try:
            entry = _Entry(self._prefix + key, self._store.now(), refusal, msgspec.Raw(self._encode(value)))
            content = self._encode(entry)
        except UNREADABLE as fault:
            self._store.warn("a result of %s cannot be written: %s", self._name, fault)
            return
        self._store.put(self._place(key), content, seconds)

    def _place(self, key: bytes) -> bytes:
        if len(key) > LONGEST_KEY:
            key = b"#" + hashlib.sha256(key).digest()
        return self._prefix + key


def _refused(told: _Refusal) -> Refused:
    return Refused(
        told.status,
        kind=told.kind,
        detail=told.detail,
        members=told.members,
        retry_after=told.retry_after,
    )
