"""Loads of single keys that leave as one call for many.

A batch is dispatched as soon as every running source of the page waits (see `idle_detector`), or at its
maximum size.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping, Sequence
from functools import partial
from itertools import repeat
from math import inf
from time import perf_counter
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct, field

from frontispiece.aio.inline_task import InlineTask, Signal
from frontispiece.aio.single_flight import FlightResult
from frontispiece.pages.idle_detector import current_detector, spawn
from frontispiece.pages.source_run import BatchRecord, SourceRun
from frontispiece.pages.timeline import DONE, TraceOutcome
from frontispiece.upstream import CallContext, UpstreamClientError, UpstreamError, current_call_context

Key = TypeVar("Key")
Value = TypeVar("Value")
UNTRACED: Final = CallContext(inf)
"""Of the calls of a batch, when nobody records them."""
UNKNOWN: Final[Any] = KeyError()
"""Stands for the value of a key that its mapping leaves out: an exception, as all that is no value is."""

Fetched = Awaitable[Mapping[Key, Value | UpstreamError]]
Callback = Callable[[], None]
"""Called once, when a batch has its results."""


class LoadBatch(Struct, Generic[Key, Value], eq=False):
    """Keys that are loaded together; it has a task once it is dispatched."""

    record: BatchRecord
    keys: dict[Key, None] = {}
    """All but those that were abandoned."""
    has_abandoned: bool = False
    """Whether it was cancelled, or nobody waited any more for some of its keys before it was dispatched."""
    waiters: "dict[Callback, Sequence[PendingLoad[Key, Value]]]" = {}
    """Who waits, and for which loads, perhaps of other batches, too."""
    settled: bool = False
    """Whether its keys have their values or failures."""
    values: dict[Key, Any] = {}
    failures: dict[Key, FlightResult] = {}
    task: InlineTask[None] | None = None


class BatchLoader(Struct, Generic[Key, Value], eq=False):
    """The loads of one object, such as a service's client bound to one request."""

    _label: str
    """Names the loader in timelines."""
    _fetch: Callable[[Sequence[Key]], Fetched[Key, Value]]
    """Gets the values of many keys."""
    _max_size: int
    """Keys in one call."""
    _max_concurrency: int
    """Calls at the same time."""
    _detach: Callable[[], object] | None
    """Has the object refer to this loader no more; None once it does not."""
    _batches: dict[Key, LoadBatch[Key, Value]] = {}
    """The batch of each key that is loaded, or was, unless it failed."""
    _open: LoadBatch[Key, Value] | None = None
    _queue: deque[LoadBatch[Key, Value]] = field(default_factory=deque)
    _dispatched: set[LoadBatch[Key, Value]] = set()
    _starting: bool = False

    def load(self, key: Key) -> "PendingLoad[Key, Value]":
        """Load one key: await what is returned for its value. A key is loaded once, unless it failed."""
        batch = self._batches.get(key)
        if batch is None:
            batch = self._batches[key] = self._open or self._open_batch()
            batch.keys[key] = None
            if len(batch.keys) >= self._max_size:
                self.dispatch()
        return PendingLoad(self, key, batch)

    def dispatch(self) -> None:
        """Start the batch that has collected keys, as soon as there may be another call."""
        batch, self._open = self._open, None
        if batch is not None:  # it may have reached its maximum size before
            self._queue.append(batch)
            self._start_queued()

    def release(self, batch: LoadBatch[Key, Value], callback: Callback) -> None:
        """Wait no more: what nobody waits for is not sent, and a batch without waiters is cancelled."""
        released = batch.waiters.pop(callback, ())
        if batch.task is not None:
            if not batch.waiters and not batch.settled:
                self._cancel(batch)
            return
        awaited = {load.key for loads in batch.waiters.values() for load in loads if load.batch is batch}
        self._abandon(batch, {load.key for load in released if load.batch is batch} - awaited)

    def close(self) -> None:
        """End of the page: cancel the batches without waiters; with none at work, forget its object."""
        batches = [*self._queue, *self._dispatched]
        if self._open is not None:
            batches.append(self._open)
        for batch in batches:
            if not batch.waiters:
                self._cancel(batch)
        if not batches:  # else the garbage collector has to find the circle
            self._batches.clear()
            if self._detach is not None:
                self._detach()
                self._detach = None

    def _open_batch(self) -> LoadBatch[Key, Value]:
        batch = self._open = LoadBatch(BatchRecord(self._label))
        detector = current_detector.get()
        if detector is None:
            asyncio.get_running_loop().call_soon(self.dispatch)
        else:
            detector.on_idle(self)
        return batch

    def _start_queued(self) -> None:
        if self._starting:  # further up in the stack, by a batch that never waited
            return
        self._starting = True
        while self._queue and len(self._dispatched) < self._max_concurrency:
            batch = self._queue.popleft()
            if not batch.keys:
                continue  # all of them were released
            self._dispatched.add(batch)
            record = batch.record
            record.keys, record.began = len(batch.keys), perf_counter()
            detector, context = current_detector.get(), UNTRACED
            if detector is not None and detector.batch_records is not None:
                detector.batch_records.append(record)
                context = CallContext(inf, recorded_calls=record.calls)
            batch.task = spawn(self._run(batch, context))
        self._starting = False

    def _cancel(self, batch: LoadBatch[Key, Value]) -> None:
        self._abandon(batch, [*batch.keys])
        if batch.task is not None and not batch.task.cancelling():  # its cleanup is not to be disturbed
            batch.task.cancel()

    def _abandon(self, batch: LoadBatch[Key, Value], keys: Iterable[Key]) -> None:
        """Take keys out of a batch; they are loaded anew when they are awaited again."""
        batch.has_abandoned = True
        for key in keys:
            batch.keys.pop(key, None)
            self._batches.pop(key, None)

    async def _run(self, batch: LoadBatch[Key, Value], context: CallContext) -> None:
        current_call_context.set(context)  # not that of the source that happened to complete the batch
        keys, record = batch.keys, batch.record
        try:
            found = await self._fetch([*keys])
            batch.values = dict(zip(keys, map(found.get, keys, repeat(UNKNOWN)), strict=True))
            record.outcome = DONE
        except asyncio.CancelledError:
            if batch.task is not None and batch.task.cancelling():
                raise
            bug = RuntimeError(f"{self._label} awaited something that was cancelled")
            batch.values = dict.fromkeys(keys, bug)
        except Exception as failure:  # noqa: BLE001 (raised where each load is awaited)
            batch.values = dict.fromkeys(keys, failure)
            record.outcome = TraceOutcome.FAILED
        finally:
            record.ended = perf_counter()
            self._dispatched.discard(batch)
            if self._queue:
                self._start_queued()
        for kind in {*map(type, batch.values.values())}:  # few, of many values
            if issubclass(kind, BaseException):
                self._fail(batch)
                break
        batch.settled = True
        waiters, batch.waiters = [*batch.waiters], {}
        del batch, keys  # this frame stands in the tracebacks of their failures
        while waiters:
            waiters.pop(0)()  # which none of its names refers to, either

    def _fail(self, batch: LoadBatch[Key, Value]) -> None:
        """Note which keys have failed; the next load of such a key fetches it again."""
        for key, value in batch.values.items():
            if not isinstance(value, BaseException):
                continue
            failure = value
            if value is UNKNOWN:
                failure = UpstreamClientError(404, kind="not-found", detail=f"there is no {key}")
            batch.failures[key] = FlightResult(failure=failure, expected=(UpstreamError,))
            if self._batches.get(key) is batch:  # and not a later one, for this was cancelled
                del self._batches[key]


class PendingLoad(Struct, Generic[Key, Value], eq=False):
    """The load of one key; await it for the value."""

    loader: BatchLoader[Key, Value]
    key: Key
    batch: LoadBatch[Key, Value]

    def renewed(self) -> LoadBatch[Key, Value]:
        """Its batch, which is another if its key was abandoned and is loaded after all."""
        if self.key not in self.batch.keys:
            self.batch = self.loader.load(self.key).batch
        return self.batch

    @property
    def has_failed(self) -> bool:
        """Whether it is settled and has no value."""
        return self.key in self.batch.failures

    def result(self) -> Value:
        """The value of a settled load.

        Raises:
            UpstreamError: the batch failed, or this key did.
        """
        failure = self.batch.failures.get(self.key)
        value: Value = self.batch.values[self.key] if failure is None else failure.result()
        return value

    def __await__(self) -> Generator[Any, None, Value]:
        batch = self.renewed() if self.batch.has_abandoned else self.batch
        running = current_call_context.get()
        if isinstance(running, SourceRun) and running.recorded_calls is not None:
            running.record_batches([batch.record])
        if not batch.settled:
            waiter: Signal[None] = Signal(loop=asyncio.get_running_loop())
            callback = partial(_wake, waiter)
            batch.waiters[callback] = (self,)
            try:
                yield from waiter
            except BaseException:  # it was cancelled
                self.loader.release(batch, callback)
                raise
        return self.result()


def _wake(waiter: Signal[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
