"""Answers that were given before are given again, as RFC 9111 has it, and forgotten when outdated."""

import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import msgspec

from gateway.cache import Entry, HttpCache, Key, Ticket
from gateway.cache.calls import READING, digest_of, forget, has_credentials, key_of, passes_by
from gateway.cache.conditional import VALIDATORS, asking_whether, has_it, not_modified, still_holds
from gateway.cache.deciding import Use, Wishes, serves_on_failure, use_of
from gateway.cache.directives import without
from gateway.cache.serving import served, whole
from gateway.cache.sharing import Shared, length_of
from gateway.cache.status import forwarded, hit
from gateway.cache.storing import Asked, entry_of, updated
from gateway.call import Call, Handler, Layer
from gateway.policies.cache import Cache
from gateway.table import Route
from gateway.upstream import Headers, Reply, UpstreamError, field
from kit.problems import Problem

OK: Final = 200
NOT_MODIFIED: Final = 304
FIRST_FAILURE: Final = 500
FAILURES: Final = frozenset({500, 502, 503, 504})
"""Answers in whose place an older one may be given (RFC 5861, 4)."""

TELLING: Final = (b"etag", b"last-modified", b"content-length")
"""Fields by which a HEAD tells whether what is kept is still the same."""

DEMANDS: Final = (*VALIDATORS, b"cache-control", b"pragma")
"""Fields of a request that are about its own client, and not about those who come later."""


def cached(route: Route, cache: HttpCache) -> Layer:
    """Give answers again that were kept, and keep those that may be."""
    assert route.cache is not None, "only routes that cache have this layer"
    policy = route.cache

    def layer(inner: Handler) -> Handler:
        return _Cached(route, policy, cache, inner).handle

    return layer


def forgetting(route: Route, cache: HttpCache) -> Layer:
    """Forget answers that a successful call on this route has outdated; the route itself keeps none."""

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            reply = await inner(call)
            if call.method not in READING:
                await forget(route.template, cache, call, reply)
            return reply

        return handle

    return layer


@dataclass(frozen=True, kw_only=True, slots=True)
class _Question:
    """One call, and what matters of it here."""

    call: Call
    key: Key
    asked: Asked
    wishes: Wishes

    @property
    def asks_for_all(self) -> bool:
        """Whether what it gets is what everybody would get."""
        return self.call.method == "GET" and not (self.asked.no_store or self.asked.credentialed)


class _Cached:
    """The cache of one route."""

    def __init__(self, route: Route, policy: Cache, cache: HttpCache, inner: Handler) -> None:
        self._route = route
        self._policy = policy
        self._cache = cache
        self._inner = inner
        self._digest = digest_of(route)

    async def handle(self, call: Call) -> Reply:
        """Answer from what is kept, or ask the service."""
        if call.method not in READING:
            reply = await self._passed(call, b"method")
            await forget(self._route.template, self._cache, call, reply)
            return reply
        if passes_by(call):
            return await self._passed(call, b"bypass")
        wishes = Wishes.of(call.headers)
        key = key_of(self._route.template, self._digest, call)
        credentialed = has_credentials(call)
        found = await self._cache.find(key, call.headers, credentialed=credentialed)
        asked = Asked(
            headers=call.headers, path=key.path, credentialed=credentialed, no_store=wishes.no_store
        )
        one = _Question(call=call, key=key, asked=asked, wishes=wishes)
        if found.entry is None:
            return await self._missed(one, b"vary-miss" if found.others else b"uri-miss")
        return await self._found(one, found.entry)

    async def _passed(self, call: Call, why: bytes) -> Reply:
        self._count("bypass")
        reply = await self._inner(call)
        reply.headers.append(forwarded(why))
        return reply

    async def _found(self, one: _Question, entry: Entry) -> Reply:
        now = self._cache.now()
        use = use_of(entry, one.wishes, now)
        if use is Use.FRESH:
            self._count("hit")
            return served(one.call, entry, now, hit(entry, now))
        if use is Use.STALE or use is Use.REFRESHED:
            self._count("stale")
            if use is Use.REFRESHED:
                self._refresh(one, entry)
            return served(one.call, entry, now, hit(entry, now, detail=b"stale"))
        return await self._validated(one, entry, b"request" if use is Use.DEMANDED else b"stale")

    async def _missed(self, one: _Question, why: bytes) -> Reply:
        self._count("miss")
        _refuse_to_ask(one)
        call = one.call
        takes_whole = call.method == "GET" and (self._policy.public or not one.asked.credentialed)
        if takes_whole:  # a 304 for one who has it already could be kept for nobody else
            call = dataclasses.replace(call, headers=without(call.headers, VALIDATORS))
        ticket = self._cache.ticket()
        reply = await self._inner(call)
        return await self._kept(one, reply, ticket, why, decides=takes_whole)

    async def _validated(self, one: _Question, entry: Entry, why: bytes) -> Reply:
        """Ask the service for what it has now, unless it is what is kept."""
        _refuse_to_ask(one)
        ticket = self._cache.ticket()
        call = dataclasses.replace(one.call, headers=asking_whether(entry, one.call.headers))
        try:
            reply = await self._inner(call)
        except (UpstreamError, Problem) as failure:
            if isinstance(failure, Problem) and failure.status not in FAILURES:
                raise
            if not serves_on_failure(entry, one.wishes, self._cache.now()):
                raise
            return self._instead(one, entry, why, None)
        if reply.status in FAILURES and serves_on_failure(entry, one.wishes, self._cache.now()):
            await reply.release()
            return self._instead(one, entry, why, reply.status)
        if reply.status == NOT_MODIFIED:
            await reply.release()
            if still_holds(entry, reply.headers):
                return self._renewed(one, entry, reply, ticket, why)
            self._cache.drop(one.key, entry)
            return await self._missed(one, why)
        self._count("miss")
        if one.call.method == "HEAD":
            self._compare(one, entry, reply)
        return await self._kept(one, reply, ticket, why, decides=True, instead_of=entry)

    def _instead(self, one: _Question, entry: Entry, why: bytes, status: int | None) -> Reply:
        """An old answer, for there is no newer one."""
        self._count("stale")
        return served(one.call, entry, self._cache.now(), forwarded(why, status, detail=b"stale-if-error"))

    def _renewed(self, one: _Question, entry: Entry, reply: Reply, ticket: Ticket, why: bytes) -> Reply:
        """The kept answer, which still holds, as the service tells of it now (4.3.4)."""
        self._count("revalidated")
        headers = updated(entry.headers, reply.headers)
        age = [(b"age", told)] if (told := reply.header(b"age")) else []
        renewed = self._entry(one, entry.status, [*headers, *age], ticket)
        now = self._cache.now()
        stored = False
        if renewed.vary != entry.vary if renewed else not one.asked.no_store:
            self._cache.drop(one.key, entry)
        if renewed is not None:
            renewed = whole(renewed, entry.body)
            stored = self._cache.keep(one.key, renewed, ticket)
        else:  # it is for nobody else from now on
            renewed = msgspec.structs.replace(entry, headers=headers, received=now, initial_age=0.0)
        return served(one.call, renewed, now, forwarded(why, NOT_MODIFIED, stored=stored))

    def _compare(self, one: _Question, entry: Entry, reply: Reply) -> None:
        """Forget a kept answer that is not what HEAD tells of now (4.3.5)."""
        if reply.status == OK and any(
            reply.header(name) not in {None, field(entry.headers, name)} for name in TELLING
        ):
            self._cache.drop(one.key, entry)

    async def _kept(
        self,
        one: _Question,
        reply: Reply,
        ticket: Ticket,
        why: bytes,
        *,
        decides: bool,
        instead_of: Entry | None = None,
    ) -> Reply:
        """The answer, being kept on its way if it may be.

        Args:
            one: what was asked.
            reply: the answer.
            ticket: from before it was asked for.
            why: the service was asked.
            decides: whether it is found out here if the client has it already.
            instead_of: what was kept until now.
        """
        status, headers = reply.status, reply.headers
        stored = one.call.method == "GET" and self._keep(one, reply, ticket)
        if instead_of and not stored and status < FIRST_FAILURE and one.asks_for_all:
            self._cache.drop(one.key, instead_of)
        joined = isinstance(reply, Shared) and not reply.first
        reply.headers = [*headers, forwarded(why, status, stored=stored, joined=joined)]
        if not (decides and status == OK and has_it(one.call.headers, headers, self._cache.now())):
            return reply
        async with reply:
            if stored and not isinstance(reply.body, bytes):
                async for _ in reply.body:
                    pass
        return Reply(status=NOT_MODIFIED, headers=not_modified(reply.headers), body=b"")

    def _entry(self, one: _Question, status: int, headers: Headers, ticket: Ticket) -> Entry | None:
        received = self._cache.now()
        return entry_of(
            one.asked, status, headers, self._policy, requested=ticket.requested, received=received
        )

    def _keep(self, one: _Question, reply: Reply, ticket: Ticket) -> bool:
        """Keep the answer, now or when all of it has passed; whether that is possible."""
        if isinstance(reply, Shared):
            return reply.kept
        entry = self._entry(one, reply.status, reply.headers, ticket)
        if entry is None:
            return False
        length = length_of(reply)
        if isinstance(reply.body, bytes):
            fits = len(reply.body) <= self._policy.largest and length in {None, len(reply.body)}
            return fits and self._cache.keep(one.key, whole(entry, reply.body), ticket)
        if length is not None and length > self._policy.largest:
            return False
        reply.body = self._copied(one.key, entry, reply.body, ticket, length)
        return True

    async def _copied(
        self, key: Key, entry: Entry, body: AsyncIterator[bytes], ticket: Ticket, length: int | None
    ) -> AsyncIterator[bytes]:
        """The body as it comes; what has come to its end is kept, and nothing that broke off (3.3)."""
        chunks: list[bytes] = []
        size = 0
        async for chunk in body:
            size += len(chunk)
            if size <= self._policy.largest:
                chunks.append(chunk)
            else:
                chunks.clear()
            yield chunk
        if size <= self._policy.largest and length in {None, size}:
            self._cache.keep(key, whole(entry, b"".join(chunks)), ticket)

    def _refresh(self, one: _Question, entry: Entry) -> None:
        """Ask for a newer one while nobody waits for it."""
        call = dataclasses.replace(
            one.call, method="GET", headers=without(one.call.headers, DEMANDS), told=[]
        )
        asked = dataclasses.replace(one.asked, no_store=False)
        later = dataclasses.replace(one, call=call, asked=asked, wishes=Wishes.of(call.headers))

        async def refresh() -> None:
            async with await self._validated(later, entry, b"stale") as reply:
                if not isinstance(reply.body, bytes):
                    async for _ in reply.body:
                        pass

        self._cache.begin(one.key, entry, refresh, call.holds)

    def _count(self, outcome: str) -> None:
        self._cache.outcomes.add(self._route.name, outcome)


def _refuse_to_ask(one: _Question) -> None:
    if one.wishes.only_kept:
        raise Problem(504, "not-cached", "There is no kept answer, and none other was wanted.")
