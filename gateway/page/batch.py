"""Loads of one key that leave as one call for many.

A batch leaves as soon as every running source of the page waits, or at its maximum size: see `activity`.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from functools import partial
from math import inf
from time import perf_counter
from typing import Any, Final, Generic, Protocol, TypeVar

from gateway.page.activity import current, looked_on, note, spawn
from gateway.page.coalesce import Ended
from gateway.page.timeline import Outcome
from gateway.page.working import Batched, Working
from gateway.upstream import Bounds, Refused, UpstreamError, current_bounds

Key = TypeVar("Key")
Value = TypeVar("Value")
UNKNOWN: Final[Any] = object()
"""Stands for the value of a key that its mapping leaves out."""

Fetched = Awaitable[Mapping[Key, Value | UpstreamError]]


class _Entry(Generic[Key, Value]):
    """A key that was asked for: it waits to leave, is away in a batch, or has a value or a failure."""

    __slots__ = ("batch", "failure", "key", "lost", "settled", "value", "wanted")

    def __init__(self, key: Key, batch: "_Batch[Key, Value]") -> None:
        self.key = key
        self.batch = batch
        self.wanted = 0
        self.settled = False
        self.lost = False
        self.value: Any = None
        self.failure: Ended | None = None


Tell = Callable[[], None]
"""Called once, when a batch is back."""


class Batch(Protocol):
    """What many loads come with."""

    @property
    def failed(self) -> bool:
        """Whether it is back, and without what some of its loads were to bring."""
        ...


class _Batch(Generic[Key, Value]):
    """Entries that leave together; it has a task once they have."""

    __slots__ = ("entries", "failed", "record", "task", "waiting")

    def __init__(self) -> None:
        self.entries: dict[Key, _Entry[Key, Value]] = {}
        self.waiting: dict[Tell, None] = {}
        self.failed = False  # be it for one key only
        self.record: Batched | None = None
        self.task: asyncio.Task[None] | None = None


class Loads(Generic[Key, Value]):
    """The loads of one object, such as a service client made for one request."""

    def __init__(
        self,
        label: str,
        fetch: Callable[[Sequence[Key]], Fetched[Key, Value]],
        max_size: int,
        max_concurrency: int,
    ) -> None:
        self._label = label
        self._fetch = fetch
        self._max_size = max_size
        self._max_concurrency = max_concurrency
        self._known: dict[Key, _Entry[Key, Value]] = {}
        self._queue: _Batch[Key, Value] = _Batch()
        self._held: deque[_Batch[Key, Value]] = deque()
        self._away: set[_Batch[Key, Value]] = set()

    def __call__(self, key: Key) -> "Load[Key, Value]":
        """Load one key: it is asked for from now on, and there when the load has been awaited."""
        return Load(self, self.entry(key))

    def entry(self, key: Key) -> _Entry[Key, Value]:
        """What is known of a key; it is asked for when that is nothing."""
        entry = self._known.get(key)
        if entry is None:
            entries = self._queue.entries
            entry = self._known[key] = entries[key] = _Entry(key, self._queue)
            if len(entries) >= self._max_size:
                self.leave()
            elif len(entries) == 1:
                self._leave_when_quiet()
        return entry

    def leave(self) -> None:
        """Ask for all keys that have gathered."""
        if self._queue.entries:  # unless they were so many that they left before
            self._held.append(self._queue)
            self._queue = _Batch()
            self._send()

    def give_up(self, entry: _Entry[Key, Value], tell: Tell) -> None:
        """One waits for this entry no more; a batch that is away ends with the last who waits for it."""
        batch = entry.batch
        entry.wanted -= 1
        batch.waiting.pop(tell, None)
        if batch.task is None:
            if not entry.wanted:
                del batch.entries[entry.key]
                self._lose(entry)
        elif not batch.waiting:
            self._end(batch)

    def end_unwanted(self) -> None:
        """End the batches that nobody waits for."""
        for batch in [self._queue, *self._held, *self._away]:
            if not batch.waiting:
                self._end(batch)

    def _leave_when_quiet(self) -> None:
        activity = current.get()
        if activity is None:
            asyncio.get_running_loop().call_soon(self.leave)
        else:
            activity.when_quiet(self)

    def _send(self) -> None:
        while self._held and len(self._away) < self._max_concurrency:
            batch = self._held.popleft()
            if not batch.entries:
                continue  # they were given up
            self._away.add(batch)
            batch.record = Batched(self._label, len(batch.entries))
            note(batch.record)
            batch.task = spawn(self._ask(batch, batch.record))
            batch.task.add_done_callback(partial(self._is_back, batch))

    def _is_back(self, batch: _Batch[Key, Value], _task: "asyncio.Task[None]") -> None:
        """A batch has ended, perhaps before it began."""
        self._away.discard(batch)
        self._send()

    def _end(self, batch: _Batch[Key, Value]) -> None:
        for entry in batch.entries.values():
            self._lose(entry)
        if batch.task is None:
            batch.entries.clear()
        elif not batch.task.cancelling():  # what it does at its end is not to be disturbed
            batch.task.cancel()

    def _lose(self, entry: _Entry[Key, Value]) -> None:
        """Whoever asks for its key from now on asks anew."""
        if not entry.settled and not entry.lost:
            entry.lost = True
            del self._known[entry.key]

    async def _ask(self, batch: _Batch[Key, Value], record: Batched) -> None:
        noted = record.calls if looked_on() else None
        current_bounds.set(Bounds(inf, noted=noted))  # not those of the source that came last
        entries = batch.entries
        values: list[Any]
        try:
            found = await self._fetch(list(entries))
            values = [found.get(key, UNKNOWN) for key in entries]
            record.outcome = Outcome.DONE
        except asyncio.CancelledError:
            if batch.task is not None and batch.task.cancelling():
                raise
            values = [RuntimeError(f"{self._label} awaited what somebody cancelled")] * len(entries)
        except Exception as failure:  # noqa: BLE001 (it is raised where each key is awaited)
            values = [failure] * len(entries)
            record.outcome = Outcome.FAILED
        finally:
            record.ended = perf_counter()
        for entry, value in zip(entries.values(), values, strict=True):
            self._settle(entry, value)
        waiting, batch.waiting = batch.waiting, {}
        for tell in waiting:
            tell()

    def _settle(self, entry: _Entry[Key, Value], value: Any) -> None:
        if value is UNKNOWN:
            value = Refused(404, kind="not-found", detail=f"there is no {entry.key}")
        entry.settled = True
        if not isinstance(value, BaseException):
            entry.value = value
            return
        entry.failure = Ended(failure=value)
        entry.batch.failed = True
        if not entry.lost:
            del self._known[entry.key]  # whoever tries again asks again


class Load(Awaitable[Value], Generic[Key, Value]):
    """One key that was asked for; await it for its value."""

    __slots__ = ("_entry", "_loads")

    def __init__(self, loads: Loads[Key, Value], entry: _Entry[Key, Value]) -> None:
        self._loads = loads
        self._entry = entry

    @property
    def failed(self) -> bool:
        """Whether it is there, as a failure."""
        return self._entry.failure is not None

    def wait(self, tell: Tell) -> Batch | None:
        """Have this called when the batch that is returned is back; None when it was back before."""
        entry = self._entry
        if entry.settled:
            return None
        if entry.lost:
            entry = self._entry = self._loads.entry(entry.key)
        entry.wanted += 1
        entry.batch.waiting[tell] = None
        return entry.batch

    def leave(self, tell: Tell) -> None:
        """Wait no more."""
        if not self._entry.settled:
            self._loads.give_up(self._entry, tell)

    def result(self) -> Value:
        """Its value, when it is there.

        Raises:
            UpstreamError: the batch failed, or this key did.
        """
        entry = self._entry
        working = current_bounds.get()
        if isinstance(working, Working) and working.noted is not None and entry.batch.record is not None:
            working.saw(entry.batch.record)
        value: Value = entry.value if entry.failure is None else entry.failure.result()
        return value

    def __await__(self) -> Generator[Any, None, Value]:
        if not self._entry.settled:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            tell = partial(_wake, waiter)
            self.wait(tell)
            try:
                yield from waiter
            finally:
                self.leave(tell)
        return self.result()


def _wake(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)
