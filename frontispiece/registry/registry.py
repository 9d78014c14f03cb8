"""The registry: a bucket of NATS with the instances that run, watched by all who call them.

An instance puts itself there every `HEARTBEAT` seconds, and an empty value when it leaves. One that is silent
for `TTL` seconds has crashed, unless all are silent: then the registry is away, and the last known stay.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final
from weakref import WeakKeyDictionary

import msgspec

from frontispiece.aio import BackgroundTasks, end, periodic
from frontispiece.clocks import monotonic
from frontispiece.events import BrokerUnavailable, Entry, EventSettings, KeyValue, open_key_value
from frontispiece.registry.instance import Instance

log = logging.getLogger(__name__)

BUCKET: Final = "instances"

HEARTBEAT: Final = 2.0
"""Seconds between two signs of life of an instance."""

TTL: Final = 7.0
"""Seconds without one after which an instance has crashed: three were lost."""

SILENCE: Final = TTL / 2
"""Seconds without a sign of life of any: the registry was away, and all get the time to come back."""

LEAVE_TIMEOUT: Final = 1.0
"""Seconds that a stopping instance tries to say so."""

LEFT: Final = b""


class Registry:
    """The instances of all services as this process knows them, and those in it; see `open_registry`."""

    def __init__(self, bucket: KeyValue) -> None:
        self._bucket = bucket
        self._own: dict[str, bytes] = {}
        self._instances: dict[str, Instance] = {}
        self.seen: dict[str, float] = {}
        """The time of the last sign of life of each."""
        self._last = monotonic()
        """The time of the last one of any."""
        self._watchers: set[asyncio.Event] = set()
        self._tasks = BackgroundTasks(expected=(BrokerUnavailable,))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send signs of life and listen to others' for the duration of the block."""
        listening = asyncio.create_task(self._listen())
        try:
            async with self._tasks, periodic(self._beat, HEARTBEAT, name="heartbeats of the registry"):
                yield
        finally:
            await end(listening)

    @property
    def instances(self) -> Mapping[str, Instance]:
        """All that are known, by their keys."""
        return self._instances

    async def watch(self, service: str) -> AsyncGenerator[list[Instance], None]:
        """The instances of a service as far as they are known, then anew at each change; it never ends."""
        changed = asyncio.Event()
        self._watchers.add(changed)
        before = None
        try:
            while True:
                changed.clear()
                found = [each for each in self._instances.values() if each.service == service]
                if found != before:
                    before = found
                    yield found
                await changed.wait()
        finally:
            self._watchers.discard(changed)

    def enter(self, instance: Instance) -> None:
        """Add an instance that runs in this process; it need not be possible at once."""
        self._own[instance.key] = msgspec.json.encode(instance)
        self._tasks.start(self._bucket.put(instance.key, self._own[instance.key]))

    async def leave(self, instance: Instance) -> None:
        """Remove it: callers choose others from now on."""
        if self._own.pop(instance.key, None) is not None:
            with suppress(BrokerUnavailable, TimeoutError):  # it is silent from now on: that says the same
                await asyncio.wait_for(self._bucket.put(instance.key, LEFT), LEAVE_TIMEOUT)

    async def _beat(self) -> None:
        """Give all signs of life of this process, and forget instances that give none."""
        with suppress(BrokerUnavailable):  # the bucket's connection has logged it
            await asyncio.gather(*(self._bucket.put(key, value) for key, value in self._own.items()))
        oldest = self._last - TTL
        for key in [key for key, seen in self.seen.items() if seen < oldest]:
            log.warning("%s gives no sign of life any more", self._instances[key].address)
            self._remove(key)

    async def _listen(self) -> None:
        async for entry in self._bucket.watch():
            now = monotonic()
            if now - self._last > SILENCE:
                self.seen = dict.fromkeys(self.seen, now)
            self._last = now
            self._take(entry, now)

    def _take(self, entry: Entry, now: float) -> None:
        if entry.value == LEFT:
            self._remove(entry.key)
        elif entry.value is not None:  # what has expired may have done so while the registry was away
            try:
                instance = msgspec.json.decode(entry.value, type=Instance)
            except msgspec.MsgspecError as error:
                log.warning("the registry's entry %s cannot be read: %s", entry.key, error)
                return
            self.seen[entry.key] = now
            if self._instances.get(entry.key) != instance:
                self._instances[entry.key] = instance
                self._notify()

    def _remove(self, key: str) -> None:
        self.seen.pop(key, None)
        if self._instances.pop(key, None) is not None:
            self._notify()

    def _notify(self) -> None:
        for changed in self._watchers:
            changed.set()


class _Shared:
    """A registry with those that use it."""

    def __init__(self, settings: EventSettings) -> None:
        self.users = 0
        self.stop = asyncio.Event()
        self.opened: asyncio.Future[Registry] = asyncio.get_running_loop().create_future()
        self.task = asyncio.create_task(self._run(settings))

    async def _run(self, settings: EventSettings) -> None:
        async with open_key_value(settings, BUCKET, ttl=TTL, client="registry") as bucket:
            registry = Registry(bucket)
            async with registry.running():
                self.opened.set_result(registry)
                await self.stop.wait()


_open: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Shared]] = WeakKeyDictionary()


@asynccontextmanager
async def open_registry(url: str) -> AsyncIterator[Registry]:
    """The registry at a broker, which may be away: one connection for all of an event loop that use it."""
    of_loop = _open.setdefault(asyncio.get_running_loop(), {})
    if (shared := of_loop.get(url)) is None:
        shared = of_loop[url] = _Shared(EventSettings(url=url, prefix="registry"))
    shared.users += 1
    try:
        yield await asyncio.shield(shared.opened)
    finally:
        shared.users -= 1
        if not shared.users:
            del of_loop[url]
            shared.stop.set()
            await asyncio.wait([shared.task])
