"""The entries of one gateway: found, kept, purged, and counted."""

import asyncio
import itertools
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager
from typing import Any, Final, NamedTuple, Self

from prometheus_client.core import GaugeMetricFamily, Metric

from gateway.cache.entry import Entry
from gateway.cache.memory import Held, Memory
from gateway.cache.second import Second
from gateway.cache.vary import said_in
from gateway.held import until_done
from gateway.page.shared_cache import SharedStore
from gateway.path import AmbiguousPath, Parameter, Template, segments_of
from gateway.upstream import Headers, UpstreamError
from kit.metrics import Counter
from kit.problems import Problem

log = logging.getLogger(__name__)

BELIEVED: Final = 2.0
"""Seconds for which a process that has a second level uses its own copy before it looks there again."""

MOST_REMEMBERED: Final = 10_000
"""How many purges are remembered for answers that are under way."""

MOST_BYTES: Final = 64 * 1024 * 1024

_ANY = Template((Parameter("rest", takes_rest=True),))


class Key(NamedTuple):
    """What a request asks for, without what it says of itself.

    Args:
        host: which services are told, and may answer by.
        scheme: the same.
        path: public, percent-encoded.
        query: as it came.
        route: tells apart what different tables make of the same request.
    """

    host: bytes
    scheme: str
    path: str
    query: bytes
    route: str


class Ticket(NamedTuple):
    """The moment in which an answer was asked for: in seconds, and between which purges."""

    requested: float
    number: int


class Found(NamedTuple):
    """What there is for a request; `others` tells whether there are answers for requests that differ."""

    entry: Entry | None
    others: bool


class HttpCache:
    """Made without I/O; used with `async with`.

    Args:
        most_bytes: of all entries together.
        store: the second level, None for none. It is opened and closed here.
        now: the time of day in seconds.
    """

    def __init__(
        self,
        *,
        most_bytes: int = MOST_BYTES,
        store: SharedStore | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.now = now
        self.outcomes = Counter(
            "gateway_cache", "Calls on routes that cache, by where the answer came from.", "route", "outcome"
        )
        self._memory = Memory(most_bytes)
        self._store = store
        self._second = Second(store) if store else None
        self._numbers = itertools.count(1)
        self._last = 0
        self._purges: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._forgotten = 0
        """Whoever asked before this number may have missed a purge that is no longer remembered."""
        self._tasks: dict[tuple[object, ...], asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        if self._store:
            await self._store.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._store:
            await self._store.__aexit__(*exc)

    def collect(self) -> Iterator[Metric]:
        """What operators watch."""
        yield from self.outcomes.collect()
        yield GaugeMetricFamily("gateway_cache_bytes", "Bytes of all entries.", value=self._memory.size)
        yield GaugeMetricFamily("gateway_cache_entries", "Answers kept.", value=len(self._memory))

    async def find(self, key: Key, headers: Headers, *, credentialed: bool) -> Found:
        """What is kept for such a request: of those with credentials, only what is public."""
        held = self._own(key, headers, credentialed=credentialed)
        if self._second is not None:
            entry = await self._compared(self._second, key, headers, held)
            if entry is not None and credentialed and not entry.public:
                entry = None
        else:
            entry = held.entry if held else None
        if entry is None:
            return Found(None, next(self._memory.variants(key), None) is not None)
        self._memory.use(key, entry)
        return Found(entry, others=True)

    def _own(self, key: Key, headers: Headers, *, credentialed: bool) -> Held | None:
        for held in self._memory.variants(key):
            entry = held.entry
            if entry.vary and said_in(headers, frozenset(name for name, _ in entry.vary)) != entry.vary:
                continue
            if entry.public or not credentialed:
                return held
        return None

    async def _compared(self, second: Second, key: Key, headers: Headers, held: Held | None) -> Entry | None:
        """The entry, its copy here being compared with what other gateways have and have purged."""
        if held is not None and self.now() < held.checked + BELIEVED:
            return held.entry
        known = held.entry if held else None
        ticket = self.ticket()
        theirs, believed = await second.find(key, key.path, headers, known)
        if known is not None and not believed:
            self._memory.remove(key, known.vary)
            held = known = None
        if theirs is not None and (known is None or theirs.received > known.received):
            if not self._was_purged(theirs, ticket):
                self._memory.put(key, theirs, self.now())
                return theirs
        elif held is not None:
            held.checked = self.now()
        return known

    def ticket(self) -> Ticket:
        """Taken before an answer is asked for: what is purged meanwhile is not kept afterwards."""
        return Ticket(self.now(), self._last)

    def keep(self, key: Key, entry: Entry, ticket: Ticket) -> bool:
        """Keep an entry, unless it was purged while it was under way; whether it is kept."""
        if self._was_purged(entry, ticket):
            return False
        self._memory.put(key, entry, self.now())
        if self._second:
            self._second.put(key, entry, entry.useful_for(self.now()))
        return True

    def drop(self, key: Key, entry: Entry) -> None:
        """Keep this entry no longer: it is outdated, or must not be kept any more."""
        self._memory.remove(key, entry.vary)
        if self._second:
            self._second.remove(key, entry)

    async def purge(self, path: str) -> int:
        """Keep nothing of a public path, whatever the query; how many entries there were in this process."""
        plain = _plain(path)
        self._note("path", plain)
        if self._second:
            self._second.mark_path(plain)
        return self._memory.remove_path(plain)

    async def purge_tag(self, tag: str) -> int:
        """Keep nothing with this tag; how many entries there were in this process."""
        self._note("tag", tag)
        if self._second:
            self._second.mark_tag(tag)
        return self._memory.remove_tag(tag)

    async def clear(self) -> int:
        """Keep nothing; how many entries there were in this process."""
        self._note("all", "")
        if self._second:
            self._second.mark_all()
        return self._memory.clear()

    def begin(
        self,
        key: Key,
        entry: Entry,
        work: Callable[[], Coroutine[Any, Any, None]],
        held: AbstractContextManager[object],
    ) -> None:
        """Have this entry fetched anew while nobody waits for it, unless that is under way.

        Args:
            key: what is asked for.
            entry: what is kept of it.
            work: fetches it.
            held: until that is done.
        """
        place = (key, entry.vary)
        if place in self._tasks:
            return
        task = asyncio.create_task(_quietly(key, work))
        until_done(task, held)
        self._tasks[place] = task
        task.add_done_callback(lambda _: self._tasks.pop(place, None))

    def _note(self, kind: str, name: str) -> None:
        self._last = self._purges[kind, name] = next(self._numbers)
        self._purges.move_to_end((kind, name))
        if len(self._purges) > MOST_REMEMBERED:
            _, self._forgotten = self._purges.popitem(last=False)

    def _was_purged(self, entry: Entry, ticket: Ticket) -> bool:
        if ticket.number == self._last:
            return False
        names = [("all", ""), ("path", entry.path), *(("tag", tag) for tag in entry.tags)]
        latest = max(self._forgotten, *(self._purges.get(name, 0) for name in names))
        return latest > ticket.number


async def _quietly(key: Key, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    try:
        await work()
    except (UpstreamError, Problem) as failure:
        log.warning("%s: a kept answer could not be refreshed: %s", key.path, failure)


def _plain(path: str) -> str:
    """A path as keys have it."""
    raw = path.partition("?")[0]
    try:
        return _ANY.expand({"rest": segments_of(raw.encode())})
    except AmbiguousPath:  # nothing is served there, so nothing is kept
        return raw
