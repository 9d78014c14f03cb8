"""Loads written for one key that leave as one call for many.

A batch leaves as soon as every running source of the page waits, or at its maximum size: see `activity`.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping, Sequence
from math import inf
from time import perf_counter
from typing import Any, Generic, TypeVar, overload

from gateway.page.activity import current, looked_on, note, spawn
from gateway.page.timeline import Outcome
from gateway.page.working import Batched, Working
from gateway.upstream import Bounds, Refused, UpstreamError, current_bounds

Owner = TypeVar("Owner")
Key = TypeVar("Key")
Value = TypeVar("Value")
Result = TypeVar("Result")
Fetched = Awaitable[Mapping[Key, Value | UpstreamError]]


class Loader(Generic[Owner, Key, Value]):
    """A method that was declared with `loader`: on an object it takes one key and gives a `Load`."""

    def __init__(
        self, fetch: Callable[[Owner, Sequence[Key]], Fetched[Key, Value]], size: int, concurrency: int
    ) -> None:
        self._fetch = fetch
        self._size = size
        self._concurrency = concurrency
        self.__doc__ = fetch.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name
        self._label = f"{owner.__name__}.{name}"

    @overload
    def __get__(self, owner: None, kind: type) -> "Loader[Owner, Key, Value]": ...
    @overload
    def __get__(self, owner: Owner, kind: type) -> "Loads[Key, Value]": ...
    def __get__(self, owner: Owner | None, kind: type) -> "Loader[Owner, Key, Value] | Loads[Key, Value]":
        if owner is None:
            return self
        fetch = self._fetch

        def fetch_of_owner(keys: Sequence[Key]) -> Fetched[Key, Value]:
            return fetch(owner, keys)

        loads = Loads(self._label, fetch_of_owner, self._size, self._concurrency)
        owner.__dict__[self._name] = loads  # where it is found before this is asked again
        return loads


def loader(
    *, max_size: int = 100, max_concurrency: int = 8
) -> Callable[[Callable[[Owner, Sequence[Key]], Fetched[Key, Value]]], Loader[Owner, Key, Value]]:
    """Declare a method `fetch(keys) -> mapping` as a loader: whoever calls it loads one key.

    A value that is an `UpstreamError` fails the load of its key only; a key that the mapping leaves out fails
    as one that its service does not know (404). A key is asked for once in the life of the method's object.

    Args:
        max_size: keys in one call.
        max_concurrency: calls at the same time.
    """

    def declare(
        fetch: Callable[[Owner, Sequence[Key]], Fetched[Key, Value]],
    ) -> Loader[Owner, Key, Value]:
        return Loader(fetch, max_size, max_concurrency)

    return declare


class _Entry(Generic[Value]):
    """A key that was asked for: it waits to leave, is away in a batch, or has a value or a failure."""

    __slots__ = ("batch", "failure", "lost", "settled", "value", "waiters")

    def __init__(self) -> None:
        self.waiters: list[asyncio.Future[None]] = []
        self.batch: _Batch[Value] | None = None
        self.settled = False
        self.lost = False
        self.value: Any = None
        self.failure: BaseException | None = None

    def settle(self, value: Any) -> None:
        if isinstance(value, BaseException):
            self.failure = value
        else:
            self.value = value
        self.settled = True
        self.wake()

    def wake(self) -> None:
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(None)


class _Batch(Generic[Value]):
    """Entries that left together."""

    __slots__ = ("entries", "record", "task")

    def __init__(self, entries: Mapping[Any, _Entry[Value]], record: Batched) -> None:
        self.entries = entries
        self.record = record
        self.task: asyncio.Task[None] | None = None

    def end_if_nobody_waits(self) -> None:
        if self.task is not None and not any(entry.waiters for entry in self.entries.values()):
            self.task.cancel()


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
        self._known: dict[Key, _Entry[Value]] = {}
        self._queue: dict[Key, _Entry[Value]] = {}
        self._held: deque[dict[Key, _Entry[Value]]] = deque()
        self._away = 0

    def __call__(self, key: Key) -> "Load[Key, Value]":
        """Load one key: it is asked for from now on, and there when the load has been awaited."""
        return Load(self, key, self.entry(key))

    def entry(self, key: Key) -> _Entry[Value]:
        """What is known of a key; it is asked for when that is nothing."""
        entry = self._known.get(key)
        if entry is None:
            entry = self._known[key] = _Entry()
            if not self._queue:
                self._leave_when_quiet()
            self._queue[key] = entry
            if len(self._queue) >= self._max_size:
                self.leave()
        return entry

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for what has not left yet."""
        return any(entry.waiters for entry in self._queue.values())

    def leave(self) -> None:
        """Ask for all keys that have gathered."""
        entries, self._queue = self._queue, {}
        if not entries:
            return  # they were so many that they left before
        if self._away < self._max_concurrency:
            self._send(entries)
        else:
            self._held.append(entries)

    def _leave_when_quiet(self) -> None:
        activity = current.get()
        if activity is None:
            asyncio.get_running_loop().call_soon(self.leave)
        else:
            activity.when_quiet(self)

    def _send(self, entries: dict[Key, _Entry[Value]]) -> None:
        self._away += 1
        batch = _Batch(entries, Batched(self._label, len(entries)))
        note(batch.record)
        for entry in entries.values():
            entry.batch = batch
        batch.task = spawn(self._ask(batch))

    async def _ask(self, batch: _Batch[Value]) -> None:
        record = batch.record
        noted = record.calls if looked_on() else None
        current_bounds.set(Bounds(inf, noted=noted))  # not those of the source that came last
        try:
            found = await self._fetch(list(batch.entries))
        except asyncio.CancelledError:
            for key, entry in batch.entries.items():
                entry.lost = True
                self._known.pop(key, None)
                entry.wake()
            raise
        except BaseException as failure:  # noqa: BLE001 (it is raised where each key is awaited)
            record.outcome = Outcome.FAILED
            found = dict.fromkeys(batch.entries, failure)  # type: ignore[arg-type]  # a bug is told as it is
        else:
            record.outcome = Outcome.DONE
        finally:
            record.ended = perf_counter()
            self._away -= 1
            if self._held:
                self._send(self._held.popleft())
        for key, entry in batch.entries.items():
            entry.settle(found[key] if key in found else _unknown(key))
            if entry.failure is not None:
                self._known.pop(key, None)  # whoever tries again asks again


class Load(Generic[Key, Value]):
    """One key that was asked for; await it for its value."""

    __slots__ = ("_entry", "_key", "_loads")

    def __init__(self, loads: Loads[Key, Value], key: Key, entry: _Entry[Value]) -> None:
        self._loads = loads
        self._key = key
        self._entry = entry

    def __await__(self) -> Generator[Any, None, Value]:
        entry = self._entry
        while not entry.settled:
            if entry.lost:
                entry = self._entry = self._loads.entry(self._key)
            yield from self._wait(entry)
        working = current_bounds.get()
        if isinstance(working, Working) and entry.batch is not None and working.noted is not None:
            working.saw(entry.batch.record)
        if entry.failure is not None:
            raise entry.failure
        value: Value = entry.value
        return value

    def _wait(self, entry: _Entry[Value]) -> Generator[Any, None, None]:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry.waiters.append(waiter)
        try:
            yield from waiter
        finally:
            entry.waiters.remove(waiter)
            if waiter.cancelled() and entry.batch is not None:
                entry.batch.end_if_nobody_waits()


def _unknown(key: object) -> Refused:
    return Refused(404, kind="not-found", detail=f"there is no {key}")


async def gather(awaitables: Iterable[Awaitable[Result]]) -> list[Result]:
    """All results, in order; the first failure ends what still runs. What it starts belongs to its source.

    Raises:
        Exception: whatever the first of them raised.
    """
    begun = [a if isinstance(a, Load) else spawn(a) for a in awaitables]
    tasks = [task for task in begun if isinstance(task, asyncio.Task)]
    try:
        if tasks:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in tasks:
                if task.done():
                    task.result()
        return [await each for each in begun]
    finally:
        if running := [task for task in tasks if not task.done()]:
            for task in running:
                task.cancel()
            await asyncio.wait(running)
