"""The registry: a bucket of NATS with the instances that run, watched by all who call them.

An instance has a key, `<service>.<number>`: who may write there says a broker's permissions. It is put there
every `HEARTBEAT` seconds, and at once when it enters or leaves. One that is silent for `TTL` seconds has
crashed, unless all are silent: then the registry is away, and those that were known last stay.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Final
from weakref import WeakKeyDictionary

import msgspec

from frontispiece.aio import end, periodic
from frontispiece.clocks import monotonic
from frontispiece.events import BrokerUnavailable, EventSettings, KeyValue, open_key_value
from frontispiece.registry.instance import Instance

log = logging.getLogger(__name__)

BUCKET: Final = "instances"

HEARTBEAT: Final = 2.0
"""Seconds between two heartbeats of an instance."""

TTL: Final = 7.0
"""Seconds without one after which an instance has crashed: three were lost."""

SILENCE: Final = TTL / 2
"""Seconds without any heartbeat: the registry was away, and all instances get this time to come back."""

LEAVE_TIMEOUT: Final = 1.0
"""Seconds that a stopping instance tries to say so."""

LEFT: Final = b""
"""The value of an instance that has left."""

_decode = msgspec.json.Decoder(Instance).decode


class Registry:
    """The instances of all services as this process knows them, and those in it; see `open_registry`."""

    def __init__(self, bucket: KeyValue) -> None:
        self._bucket = bucket
        self._own: dict[Instance, str] = {}
        """The instances in this process, with their keys."""
        self._changed = asyncio.Event()
        """Set when an instance of this process has entered."""
        self._known: dict[str, Instance] = {}
        """All instances, by key."""
        self.seen: dict[str, float] = {}
        """The time of the last heartbeat of each, by key."""
        self._last = monotonic()
        """The time of the last one of any."""
        self._watchers: set[asyncio.Event] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send heartbeats and listen to those of others for the duration of the block."""
        listening = asyncio.create_task(self._listen())
        try:
            async with periodic(self._beat, 0, name="heartbeats of the registry"):
                yield
        finally:
            await end(listening)

    @property
    def instances(self) -> list[Instance]:
        """All that are known; of two at one address the one that entered last."""
        return [*{(each.service, each.address): each for each in self._known.values()}.values()]

    async def watch(self, service: str) -> AsyncGenerator[list[Instance], None]:
        """The instances of a service as far as they are known, then anew at each change; it never ends."""
        changed = asyncio.Event()
        self._watchers.add(changed)
        before = None
        try:
            while True:
                changed.clear()
                found = [each for each in self.instances if each.service == service]
                if found != before:
                    before = found
                    yield found
                await changed.wait()
        finally:
            self._watchers.discard(changed)

    def enter(self, instance: Instance) -> None:
        """Add an instance that runs in this process; it need not be possible at once."""
        self._own[instance] = f"{instance.service}.{secrets.token_hex(8)}"
        self._changed.set()

    async def leave(self, instance: Instance) -> None:
        """Remove it: callers choose others from now on."""
        key = self._own.pop(instance)
        with suppress(TimeoutError):  # if it is silent from now on, that says the same
            await asyncio.wait_for(self._put(key, LEFT), LEAVE_TIMEOUT)

    async def _put(self, key: str, value: bytes) -> None:
        with suppress(BrokerUnavailable):  # the bucket's connection has logged it
            await self._bucket.put(key, value)

    async def _beat(self) -> None:
        """Send heartbeats, forget instances that send none, and wait until the next ones are due."""
        self._changed.clear()
        own = self._own.items()
        await asyncio.gather(*(self._put(key, msgspec.json.encode(instance)) for instance, key in own))
        oldest = self._last - TTL
        for key in [key for key, seen in self.seen.items() if seen < oldest]:
            if instance := self._known.get(key):  # not there where its entry could not be read
                log.warning("%s at %s gives no sign of life any more", instance.service, instance.address)
            self._take(key, None)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), HEARTBEAT)

    async def _listen(self) -> None:
        async for entry in self._bucket.watch():
            now = monotonic()
            if now - self._last > SILENCE:
                self.seen = dict.fromkeys(self.seen, now)
            self._last = now
            if entry.value is not None:  # what has expired may have done so while the registry was away
                self.seen[entry.key] = now
                self._take(entry.key, self._instance(entry.key, entry.value))

    def _instance(self, key: str, value: bytes) -> Instance | None:
        """The instance in an entry, of the service that its key names; None for one that has left."""
        if value == LEFT:
            return None
        try:
            return replace(_decode(value), service=key.rpartition(".")[0])
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            log.warning("the registry's entry %s cannot be read: %s", key, error)
            return self._known.get(key)

    def _take(self, key: str, instance: Instance | None) -> None:
        before = self._known.pop(key, None)
        if instance:
            self._known[key] = instance
        else:
            self.seen.pop(key, None)
        if instance != before:
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
        shared = of_loop[url] = _Shared(EventSettings(url=url, prefix="registry", replicas=1))
    shared.users += 1
    try:
        yield await asyncio.shield(shared.opened)
    finally:
        shared.users -= 1
        if not shared.users:
            del of_loop[url]
            shared.stop.set()
            await asyncio.wait([shared.task])
