"""Loads of single keys that leave as one call for many.

A batch is dispatched as soon as every running source of the page waits (see `idle_detector`), or at its
maximum size.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
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
UNKNOWN: Final[Any] = object()
"""Stands for the value of a key that its mapping leaves out."""

Fetched = Awaitable[Mapping[Key, Value | UpstreamError]]
Callback = Callable[[], None]
"""Called once, when a batch has its results."""


class LoadBatch(Struct, Generic[Key, Value], eq=False):
    """Loads that are dispatched together, by key; it has a task once it is dispatched."""

    loads: "dict[Key, PendingLoad[Key, Value]]" = {}
    callbacks: dict[Callback, None] = {}
    failed: bool = False
    """Whether it is done and some load of it failed."""
    record: BatchRecord | None = None
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
    _loads: "dict[Key, PendingLoad[Key, Value]]" = {}
    _open: LoadBatch[Key, Value] | None = None
    _queue: deque[LoadBatch[Key, Value]] = field(default_factory=deque)
    _dispatched: set[LoadBatch[Key, Value]] = set()
    _starting: bool = False

    def __call__(self, key: Key) -> "PendingLoad[Key, Value]":
        """Load one key: await what is returned for its value. A key is loaded once, unless it failed."""
        load = self._loads.get(key)
        if load is None:
            load = self._loads[key] = PendingLoad(self, key)
        elif load.batch is not None:
            return load
        batch = load.batch = self._open or self._open_batch()  # it is new, or was abandoned
        batch.loads[key] = load
        if len(batch.loads) >= self._max_size:
            self.dispatch()
        return load

    def dispatch(self) -> None:
        """Start the batch that has collected keys, as soon as there may be another call."""
        batch, self._open = self._open, None
        if batch is not None:  # it may have reached its maximum size before
            self._queue.append(batch)
            self._start_queued()

    def release(self, load: "PendingLoad[Key, Value]", callback: Callback) -> None:
        """Stop waiting for a load; a batch without waiters is cancelled."""
        load.waiters -= 1
        batch = load.batch
        if batch is None:
            return
        batch.callbacks.pop(callback, None)
        if batch.task is None:
            if not load.waiters:
                del batch.loads[load.key]
                load.batch = None
        elif not batch.callbacks:
            self._cancel(batch)

    def cancel_abandoned(self) -> None:
        """Cancel the batches without waiters."""
        if self._open is not None and not self._open.callbacks:
            self._cancel(self._open)
        for batch in [*self._queue, *self._dispatched]:
            if not batch.callbacks:
                self._cancel(batch)

    def _open_batch(self) -> LoadBatch[Key, Value]:
        batch = self._open = LoadBatch()
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
            if not batch.loads:
                continue  # all of them were released
            self._dispatched.add(batch)
            batch.record = record = BatchRecord(self._label, len(batch.loads))
            detector, context = current_detector.get(), UNTRACED
            if detector is not None and detector.batch_records is not None:
                detector.batch_records.append(record)
                context = CallContext(inf, recorded_calls=record.calls)
            batch.task = spawn(self._run(batch, record, context))
        self._starting = False

    def _cancel(self, batch: LoadBatch[Key, Value]) -> None:
        """Cancel a batch; its unsettled loads are dispatched anew when they are awaited again."""
        for load in batch.loads.values():
            if not load.settled:
                load.batch = None
        if batch.task is None:
            batch.loads.clear()
        elif not batch.task.cancelling():  # its cleanup is not to be disturbed
            batch.task.cancel()

    async def _run(self, batch: LoadBatch[Key, Value], record: BatchRecord, context: CallContext) -> None:
        current_call_context.set(context)  # not that of the source that happened to complete the batch
        keys, loads = list(batch.loads), list(batch.loads.values())
        values: list[Any]
        try:
            found = await self._fetch(keys)
            values = list(map(found.get, keys, repeat(UNKNOWN)))
            record.outcome = DONE
        except asyncio.CancelledError:
            if batch.task is not None and batch.task.cancelling():
                raise
            values = [RuntimeError(f"{self._label} awaited something that was cancelled")] * len(keys)
        except Exception as failure:  # noqa: BLE001 (raised where each load is awaited)
            values = [failure] * len(keys)
            record.outcome = TraceOutcome.FAILED
        finally:
            record.ended = perf_counter()
            self._dispatched.discard(batch)
            if self._queue:
                self._start_queued()
        for load, value in zip(loads, values, strict=True):
            if load.batch is batch:  # and not in a later one, for this was cancelled
                load.settled = True
                if value is UNKNOWN or isinstance(value, BaseException):
                    self._fail(load, batch, value)
                else:
                    load.value = value
        callbacks, batch.callbacks = batch.callbacks, {}
        for callback in callbacks:
            callback()

    def _fail(self, load: "PendingLoad[Key, Value]", batch: LoadBatch[Key, Value], failure: Any) -> None:
        if failure is UNKNOWN:
            failure = UpstreamClientError(404, kind="not-found", detail=f"there is no {load.key}")
        load.failure = FlightResult(failure=failure, expected=(UpstreamError,))
        batch.failed = True
        del self._loads[load.key]  # the next load of this key fetches it again


class PendingLoad(Struct, Generic[Key, Value], eq=False):
    """The load of one key; await it for the value.

    It has a `batch` from the start, and none while it is abandoned: its batch was cancelled, or it had no
    waiters before it was dispatched.
    """

    loader: BatchLoader[Key, Value]
    key: Key
    batch: LoadBatch[Key, Value] | None = None
    waiters: int = 0
    settled: bool = False
    value: Any = None
    failure: FlightResult | None = None

    def subscribe(self, callback: Callback) -> LoadBatch[Key, Value]:
        """Have this called once the batch that is returned is done; only for a load that is not settled."""
        batch = self.batch or self.loader(self.key).batch
        assert batch is not None
        self.waiters += 1
        batch.callbacks[callback] = None
        return batch

    def release(self, callback: Callback) -> None:
        """Wait no more."""
        if not self.settled:
            self.loader.release(self, callback)

    def result(self) -> Value:
        """The value of a settled load.

        Raises:
            UpstreamError: the batch failed, or this key did.
        """
        running = current_call_context.get()
        if isinstance(running, SourceRun) and running.recorded_calls is not None and self.batch is not None:
            assert self.batch.record is not None
            running.record_batch(self.batch.record)
        value: Value = self.value if self.failure is None else self.failure.result()
        return value

    def __await__(self) -> Generator[Any, None, Value]:
        if not self.settled:
            waiter: Signal[None] = Signal(loop=asyncio.get_running_loop())
            callback = partial(_wake, waiter)
            self.subscribe(callback)
            try:
                yield from waiter
            finally:
                self.release(callback)
        return self.result()


def _wake(waiter: Signal[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
