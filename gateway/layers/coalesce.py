"""Of calls that ask for the same at the same time, one reaches the service."""

import asyncio
from typing import Final

from cachetools import TTLCache

from gateway.cache import Entry, HttpCache, Key
from gateway.cache.calls import digest_of, has_credentials, key_of, passes_by
from gateway.cache.deciding import Wishes
from gateway.cache.directives import control_of, joined
from gateway.cache.entry import told_lifetime
from gateway.cache.flight import Flight
from gateway.cache.sharing import Shared, length_of
from gateway.cache.storing import Asked, entry_of
from gateway.cache.vary import said_in, varies_by
from gateway.call import Call, Handler, Layer
from gateway.policies.cache import Cache
from gateway.table import Route
from gateway.upstream import Reply, TimedOut, field

NOT_MODIFIED: Final = 304
FIRST_FAILURE: Final = 500

ALONE: Final = 10.0
"""Seconds for which nobody waits for an answer of a kind that was for one caller alone."""

MOST_ALONE: Final = 1024

Place = tuple[Key, bytes, bytes]


def coalesced(route: Route, cache: HttpCache) -> Layer:
    """Ask once for calls that come at once; each has its own answer where it is not for everybody."""
    assert route.cache is not None, "only routes that cache may coalesce"
    policy = route.cache

    def layer(inner: Handler) -> Handler:
        return _Coalesced(route, policy, cache, inner).handle

    return layer


class _Coalesced:
    """The calls of one route that are under way."""

    def __init__(self, route: Route, policy: Cache, cache: HttpCache, inner: Handler) -> None:
        self._template = route.template
        self._digest = digest_of(route)
        self._seconds = route.timeout.total_seconds()
        self._policy = policy
        self._cache = cache
        self._inner = inner
        self._flights: dict[Place, Flight] = {}
        self._alone: TTLCache[Place, bool] = TTLCache(MOST_ALONE, ALONE)

    async def handle(self, call: Call) -> Reply:
        """Ask the service, or wait for what it says to somebody else."""
        wishes = Wishes.of(call.headers)
        if call.method != "GET" or passes_by(call) or wishes.no_store or wishes.wants_news:
            return await self._inner(call)
        place = self._place(call)
        if place in self._alone:
            return await self._inner(call)
        flight = self._flights.get(place)
        if flight is None or flight.given_up:
            return await self._first(place, call)
        return await self._joined(flight, call) or await self._inner(call)

    def _place(self, call: Call) -> Place:
        asking = joined(call.headers, b"if-none-match"), joined(call.headers, b"if-modified-since")
        return key_of(self._template, self._digest, call), *asking

    async def _first(self, place: Place, call: Call) -> Reply:
        flight = self._flights[place] = Flight(self._policy.largest)
        flight.enter()
        flight.start(lambda: self._fly(place, flight, call))
        try:
            await flight.until(lambda: flight.begun)
            if not flight.begun:
                flight.fail()
            assert flight.reply is not None, "it has begun"
            if not flight.for_all:
                return flight.reply
            return self._copy(flight, first=True, headers=list(flight.reply.headers))
        except BaseException:
            await flight.leave()
            raise

    async def _fly(self, place: Place, flight: Flight, call: Call) -> None:
        ticket = self._cache.ticket()
        try:
            flight.reply = reply = await self._inner(call)
            flight.entry = self._entry(call, reply, ticket.requested)
            flight.for_all = flight.entry is not None or self._holds_for_all(call, reply)
            if not flight.for_all and reply.status < FIRST_FAILURE:
                self._alone[place] = True
            flight.begun = True
            flight.tell()
            if flight.for_all and await flight.fill(reply):
                await flight.let_go()
                if flight.entry is not None:
                    self._cache.keep(place[0], flight.kept(), ticket)
        finally:
            if self._flights.get(place) is flight:
                del self._flights[place]

    def _entry(self, call: Call, reply: Reply, requested: float) -> Entry | None:
        """What is kept of an answer that others may have: it is fresh, short, and need not be validated."""
        length = len(reply.body) if isinstance(reply.body, bytes) else length_of(reply) or 0
        if length > self._policy.largest:
            return None
        path = self._template.expand(call.params)
        asked = Asked(headers=call.headers, path=path, credentialed=has_credentials(call), no_store=False)
        received = self._cache.now()
        entry = entry_of(
            asked, reply.status, reply.headers, self._policy, requested=requested, received=received
        )
        return entry if entry and not entry.validates and entry.left(received) > 0 else None

    def _holds_for_all(self, call: Call, reply: Reply) -> bool:
        """Whether it says, to everybody, that what they have got is fresh again."""
        control = control_of(reply.headers)
        if reply.status != NOT_MODIFIED or field(reply.headers, b"set-cookie") is not None:
            return False
        if any(name in control for name in ("no-cache", "no-store", "private")):
            return False
        if has_credentials(call) and not self._policy.public:
            return False
        told = told_lifetime(control, reply.headers, self._cache.now())
        return bool(self._policy.ttl) if told is None else told > 0

    async def _joined(self, flight: Flight, call: Call) -> Reply | None:
        """What the service says to somebody else, if it is for this call too."""
        flight.enter()
        reply = None
        try:
            async with asyncio.timeout(self._seconds):
                await flight.until(lambda: flight.begun)
                if flight.begun and self._is_for(flight, call):
                    await flight.until(lambda: flight.is_known_length)
                    reply = self._copied_for(flight)
            if not flight.begun and flight.shares_failure():
                flight.fail()
        except TimeoutError:
            if not flight.begun:
                raise TimedOut(f"no answer in {self._seconds:g} s") from None
        finally:
            if reply is None:
                await flight.leave()
        return reply

    def _is_for(self, flight: Flight, call: Call) -> bool:
        if not flight.for_all or flight.reply is None:
            return False
        if flight.entry is not None:
            names = frozenset(name for name, _ in flight.entry.vary)
            same = said_in(call.headers, names) == flight.entry.vary
            return same and (flight.entry.public or not has_credentials(call))
        return not varies_by(flight.reply.headers) and (self._policy.public or not has_credentials(call))

    def _copied_for(self, flight: Flight) -> Reply | None:
        if flight.failure is not None or not flight.is_known_length:
            return None
        assert flight.reply is not None, "it has begun"
        headers = list(flight.entry.headers if flight.entry else flight.reply.headers)
        if flight.entry:
            headers.append((b"age", b"%d" % flight.entry.age(self._cache.now())))
        return self._copy(flight, first=False, headers=headers)

    def _copy(self, flight: Flight, *, first: bool, headers: list[tuple[bytes, bytes]]) -> Shared:
        assert flight.reply is not None, "it has begun"
        return Shared(
            status=flight.reply.status,
            headers=headers,
            body=flight.whole if flight.complete else flight.read(),
            release=flight.leave,
            first=first,
            kept=flight.entry is not None,
        )
