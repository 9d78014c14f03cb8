"""The cache of one gateway: its entries in memory and in Valkey, their purges and refreshes."""

import itertools
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager
from typing import Final, NamedTuple, Self

from prometheus_client.core import GaugeMetricFamily, Metric

from frontispiece import clocks
from frontispiece.aio import SingleFlight
from frontispiece.gateway.policies.cache.backends import (
    EncodedBodies,
    MemoryEntry,
    MemoryStore,
    ValkeyCacheStore,
)
from frontispiece.gateway.policies.cache.config import MAX_BYTES
from frontispiece.gateway.policies.cache.entry import ALL, CacheRequest, Entry, Group, Key, VaryKey, path_key
from frontispiece.http.paths import AmbiguousPath, Parameter, Template, segments_of
from frontispiece.stores.valkey import BestEffortValkey
from frontispiece.telemetry.metrics import Counter
from frontispiece.upstream import Headers

LOCAL_TTL: Final = 2.0
"""Seconds for which a process with a Valkey uses its own copy without looking there."""

MAX_PURGES: Final = 10_000
"""Purges that are remembered for responses in flight."""

_ANY_PATH = Template((Parameter("rest", takes_rest=True),))


class FetchStart(NamedTuple):
    """When a request was sent: in seconds since the epoch, and after which purge."""

    requested: float
    purge: int


class HttpCache:
    """Made without I/O; used with `async with`.

    Args:
        max_bytes: of all entries in memory together.
        valkey: shared with other gateways, None for none. It is opened and closed here.
        now: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        max_bytes: int = MAX_BYTES,
        valkey: BestEffortValkey | None = None,
        now: Callable[[], float] = clocks.now,
    ) -> None:
        self.now = now
        self.outcomes = Counter(
            "gateway_cache",
            "Calls on routes that cache, by where the response came from.",
            "route",
            "outcome",
        )
        self._max_bytes = max_bytes
        self._memory = MemoryStore(max_bytes)
        self._valkey = valkey
        self._remote = ValkeyCacheStore(valkey) if valkey else None
        self._purge_numbers = itertools.count(1)
        self._last_purge = 0
        self._purges: OrderedDict[Group, int] = OrderedDict()
        self._forgotten_purge = 0
        """A request sent before this purge may have missed one that is no longer remembered."""
        self._refreshes = SingleFlight("the cache")

    async def __aenter__(self) -> Self:
        if self._valkey:
            await self._valkey.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._refreshes.close()
        if self._valkey:
            await self._valkey.__aexit__(*exc)

    def collect(self) -> Iterator[Metric]:
        """The cache's metrics."""
        yield from self.outcomes.collect()
        yield GaugeMetricFamily("gateway_cache_bytes", "Bytes of all entries.", value=self._memory.size)
        yield GaugeMetricFamily("gateway_cache_entries", "Stored responses.", value=len(self._memory))

    def usage(self) -> dict[str, int]:
        """What is stored in this process, as an object for JSON."""
        return {"entries": len(self._memory), "bytes": self._memory.size, "max_bytes": self._max_bytes}

    async def find(self, request: CacheRequest) -> Entry | None:
        """The entry for a request; with credentials only a public one."""
        key, headers = request.key, request.call.headers
        local = next((each for each in self._memory.variants(key) if each.entry.serves(request)), None)
        if self._remote is None:
            entry = local.entry if local else None
        else:
            entry = await self._find_newest(self._remote, key, headers, local)
            if entry is not None and not entry.serves(request):
                entry = None
        if entry is not None:
            self._memory.touch(key, entry)
        return entry

    def variants(self, key: Key) -> list[Entry]:
        """The entries of a key that this process has."""
        return [each.entry for each in self._memory.variants(key)]

    def stored(self, key: Key, vary: VaryKey) -> Entry | None:
        """The entry that this process has for requests of this kind."""
        return next((entry for entry in self.variants(key) if entry.vary == vary), None)

    async def _find_newest(
        self, remote_store: ValkeyCacheStore, key: Key, headers: Headers, local: MemoryEntry | None
    ) -> Entry | None:
        """The local entry or a newer remote one, as far as it was not purged at any gateway."""
        if local is not None and self.now() < local.checked + LOCAL_TTL:
            return local.entry
        entry = local.entry if local else None
        start = self.fetch_start()
        remote, valid = await remote_store.find(key, headers, entry)
        if entry is not None and not valid:
            self._memory.remove(key, entry.vary)
            local = entry = None
        if remote is not None and (entry is None or remote.received > entry.received):
            if not self._was_purged(remote, start):
                self._memory.put(key, remote, self.now())
                return remote
        elif local is not None:
            local.checked = self.now()
        return entry

    def fetch_start(self) -> FetchStart:
        """Taken before a request is sent: a response that is purged meanwhile is not stored."""
        return FetchStart(self.now(), self._last_purge)

    def put(self, key: Key, entry: Entry, start: FetchStart) -> bool:
        """Store an entry; False when it was purged while it was in flight."""
        if self._was_purged(entry, start):
            return False
        self._memory.put(key, entry, self.now())
        if self._remote and entry.complete_length is None:
            self._remote.put(key, entry, entry.useful_for(self.now()))
        return True

    def remove(self, key: Key, entry: Entry) -> None:
        """Remove an entry that is outdated, or must not be stored any more."""
        self._memory.remove(key, entry.vary)
        if self._remote:
            self._remote.remove(key, entry)

    def encoded(self, key: Key, entry: Entry) -> EncodedBodies | None:
        """The encoded forms of an entry's body; None when the entry is not in memory."""
        return self._memory.encoded(key, entry)

    async def purge(self, path: str) -> int:
        """Remove all entries of a public path, whatever the query; returns how many this process had."""
        return self._purge(("path", _normalised(path)))

    async def purge_tag(self, tag: str) -> int:
        """Remove all entries with this tag; returns how many this process had."""
        return self._purge(("tag", tag))

    async def clear(self) -> int:
        """Remove all entries; returns how many this process had."""
        return self._purge(ALL)

    def refresh(
        self,
        key: Key,
        entry: Entry,
        fetch: Callable[[], Awaitable[None]],
        lease: AbstractContextManager[object],
    ) -> None:
        """Fetch an entry anew in the background, unless that is being done; the lease is held meanwhile."""
        self._refreshes.start_detached((key, entry.vary), fetch, lease)

    def _purge(self, group: Group) -> int:
        self._last_purge = self._purges[group] = next(self._purge_numbers)
        self._purges.move_to_end(group)
        if len(self._purges) > MAX_PURGES:
            _, self._forgotten_purge = self._purges.popitem(last=False)
        if self._remote:
            self._remote.purge(group)
        return self._memory.remove_group(group)

    def _was_purged(self, entry: Entry, start: FetchStart) -> bool:
        if start.purge == self._last_purge:
            return False
        latest = max(self._forgotten_purge, *(self._purges.get(group, 0) for group in entry.groups))
        return latest > start.purge


def _normalised(path: str) -> str:
    """A path as it is in keys."""
    raw = path.partition("?")[0]
    try:
        return path_key(_ANY_PATH.expand({"rest": segments_of(raw.encode())}))
    except AmbiguousPath:  # no route has it, so nothing of it is stored
        return raw
