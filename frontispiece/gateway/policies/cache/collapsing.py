"""Request collapsing: of concurrent calls for the same response, one reaches the service.

A `SingleFlight` would share a result when it is there; here callers read one body while it comes.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Final

from msgspec.structs import replace

from frontispiece import clocks
from frontispiece.aio import clone_error
from frontispiece.aio.expiring_cache import ExpiringCache
from frontispiece.gateway.call import Call, Handler, Layer
from frontispiece.gateway.config.route import Route
from frontispiece.gateway.policies.cache.config import Cache
from frontispiece.gateway.policies.cache.entry import (
    CacheRequest,
    Entry,
    Key,
    RouteKeys,
    may_collapse,
    varies_by,
)
from frontispiece.gateway.policies.cache.serving import (
    FIRST_FAILURE,
    NOT_MODIFIED,
    CollapsedReply,
    content_length,
)
from frontispiece.gateway.policies.cache.store import HttpCache
from frontispiece.gateway.policies.cache.storing import entry_of
from frontispiece.http.cache_control import explicit_lifetime, response_cache_control
from frontispiece.http.headers import joined
from frontispiece.upstream import Headers, Reply, TimedOut, UpstreamClientError, UpstreamError, field

PRIVATE_TTL: Final = 10.0
"""Seconds for which nobody waits for a response of a kind that was for one caller alone."""

MAX_PRIVATE: Final = 1024

CollapseKey = tuple[Key, bytes, bytes]
"""The cache key and the conditions of a request."""


class CollapsedRequest:
    """A request in flight with all who wait for its response; it is cancelled when the last of them leaves.

    The response is read as fast as it comes, up to `max_size` bytes, however slow its readers are.
    """

    def __init__(self, max_size: int) -> None:
        self.waiters = 1
        """Calls that wait for the response or read it, the first included; each ends with `leave`."""
        self.reply: Reply | None = None
        """The response, once its headers are there."""
        self.entry: Entry | None = None
        """Stored at the end; None when it is for the first caller alone."""
        self.is_shared = False
        """Whether other callers may have the response."""
        self.body: bytes | None = None
        """The whole body, once all of it is there; never when it is too long."""
        self.failure: BaseException | None = None
        self._max_size = max_size
        self._chunks: list[bytes] = []
        self._is_ended = False
        self._is_released = False
        self._progress = asyncio.Event()
        self._task: asyncio.Task[None]

    def start(self, fetch: Coroutine[None, None, None]) -> None:
        """Fetch in a task of its own: the first caller may leave."""

        async def run() -> None:
            try:
                await fetch
            except (Exception, asyncio.CancelledError) as failure:  # noqa: BLE001 (raised for all who wait)
                self.failure = failure
            self._is_ended = True
            self.notify()

        self._task = asyncio.create_task(run())

    async def leave(self) -> None:
        """End one waiter; after the last one the request is cancelled."""
        self.waiters -= 1
        if self.waiters > 0:
            return
        if self.body is None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])
        await self.release()

    async def release(self) -> None:
        """Release the response, once."""
        if self.reply is not None and not self._is_released:
            self._is_released = True
            await self.reply.release()

    def notify(self) -> None:
        """Wake all who wait for progress."""
        self._progress.set()
        self._progress = asyncio.Event()

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        """Return when the condition holds, or the request has ended."""
        while not (condition() or self._is_ended):
            await self._progress.wait()

    def has_begun(self) -> bool:
        """Whether the headers of the response are there."""
        return self.reply is not None

    def has_known_length(self) -> bool:
        """Whether all of the response is or will be there, so that several can read it while it comes."""
        return self.body is not None or (self.reply is not None and content_length(self.reply) is not None)

    @property
    def shares_failure(self) -> bool:
        """Whether it failed in a way that is the same for all callers."""
        return isinstance(self.failure, UpstreamError) and not isinstance(self.failure, UpstreamClientError)

    def raise_failure(self) -> None:
        """Re-raise the failure, if there was one."""
        if isinstance(self.failure, UpstreamError):
            raise clone_error(self.failure) from self.failure
        if self.failure is not None:
            raise self.failure

    async def read_body(self, reply: Reply) -> None:
        """Read the response, unless it is too long: then the first caller reads on."""
        size = 0
        async for chunk in reply.chunks():
            self._chunks.append(chunk)
            size += len(chunk)
            if size > self._max_size and not isinstance(reply.body, bytes):
                return
            self.notify()
        if isinstance(reply.body, bytes) or content_length(reply) in {None, size}:
            self.body = b"".join(self._chunks)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes; the rest of one that is too long goes to the first caller."""
        position = 0
        while True:
            while position < len(self._chunks):
                yield self._chunks[position]
                position += 1
            if self.body is not None or self._is_ended:
                break
            await self._progress.wait()
        self.raise_failure()
        if self.body is None and self.reply is not None:
            async for chunk in self.reply.chunks():
                yield chunk

    def reply_for(self, *, first: bool, headers: Headers) -> CollapsedReply:
        """A copy of the response for one waiter."""
        assert self.reply is not None, "it has begun"
        return CollapsedReply(
            status=self.reply.status,
            headers=headers,
            body=self.chunks() if self.body is None else self.body,
            release=self.leave,
            first=first,
            stored=self.entry is not None,
        )


def collapsing_layer(route: Route, policy: Cache, cache: HttpCache) -> Layer:
    """Make one request of concurrent calls; each makes its own where the response is not for all."""
    return lambda inner: _Collapsing(route, policy, cache, inner).handle


class _Collapsing:
    """The requests of one route that are in flight."""

    def __init__(self, route: Route, policy: Cache, cache: HttpCache, inner: Handler) -> None:
        self._keys = RouteKeys(route)
        self._timeout = route.timeout.total_seconds()
        self._policy = policy
        self._cache = cache
        self._inner = inner
        self._requests: dict[CollapseKey, CollapsedRequest] = {}
        self._private: ExpiringCache[CollapseKey, bool] = ExpiringCache(MAX_PRIVATE, clocks.monotonic)

    async def handle(self, call: Call) -> Reply:
        """Call the service, or wait for what it responds to another call."""
        if not may_collapse(call):
            return await self._inner(call)
        request = CacheRequest.of(call, self._keys)
        if "no-store" in request.control or "no-cache" in request.control:
            return await self._inner(call)
        key = request.key, joined(call.headers, b"if-none-match"), joined(call.headers, b"if-modified-since")
        if self._private.get(key):
            return await self._inner(call)
        running = self._requests.get(key)
        if running is None or running.waiters == 0:  # all have left: it is being cancelled
            return await self._lead(key, request)
        return await self._follow(running, request) or await self._inner(call)

    async def _lead(self, key: CollapseKey, request: CacheRequest) -> Reply:
        running = self._requests[key] = CollapsedRequest(self._policy.max_body_size)
        running.start(self._fetch(key, running, request))
        try:
            await running.wait_for(running.has_begun)
            if running.reply is None:
                running.raise_failure()
            assert running.reply is not None, "it has begun"
            if not running.is_shared:
                return running.reply
            return running.reply_for(first=True, headers=[*running.reply.headers])
        except BaseException:
            await running.leave()
            raise

    async def _fetch(self, key: CollapseKey, running: CollapsedRequest, request: CacheRequest) -> None:
        start = self._cache.fetch_start()
        try:
            reply = await self._inner(request.call)
            running.entry = self._entry(request, reply, start.requested)
            running.is_shared = running.entry is not None or self._is_shared_validation(request, reply)
            if not running.is_shared and reply.status < FIRST_FAILURE:
                self._private.put(key, True, clocks.monotonic() + PRIVATE_TTL)
            running.reply = reply
            running.notify()
            if running.is_shared:
                await running.read_body(reply)
            if running.entry is not None and running.body is not None:
                entry = replace(running.entry, body=running.body)
                self._cache.put(key[0], entry, start)
            if running.body is not None:
                await running.release()
        finally:
            if self._requests.get(key) is running:
                del self._requests[key]

    def _entry(self, request: CacheRequest, reply: Reply, requested: float) -> Entry | None:
        """The entry of a response that others may have: fresh, short, and usable without validation."""
        length = len(reply.body) if isinstance(reply.body, bytes) else content_length(reply)
        if length and length > self._policy.max_body_size:
            return None
        received = self._cache.now()
        entry = entry_of(
            request, reply.status, reply.headers, self._policy, requested=requested, received=received
        )
        return entry if entry and not entry.must_validate and entry.remaining(received) > 0 else None

    def _is_shared_validation(self, request: CacheRequest, reply: Reply) -> bool:
        """Whether a 304 may be shared with every waiting caller."""
        control = response_cache_control(reply.headers, self._policy.target_names)
        if reply.status != NOT_MODIFIED or field(reply.headers, b"set-cookie") is not None:
            return False
        is_private = any(name in control for name in ("no-cache", "no-store", "private"))
        if is_private or (request.credentialed and not self._policy.public):
            return False
        lifetime = explicit_lifetime(control, reply.headers, self._cache.now())
        return bool(self._policy.ttl) if lifetime is None else lifetime > 0

    async def _follow(self, running: CollapsedRequest, request: CacheRequest) -> Reply | None:
        """The response to another call, if it is for this one too."""
        running.waiters += 1
        reply = None
        try:
            async with asyncio.timeout(self._timeout):
                await running.wait_for(running.has_begun)
                if self._is_for(running, request):
                    await running.wait_for(running.has_known_length)
                    reply = self._copy(running)
            if running.reply is None and running.shares_failure:
                running.raise_failure()
        except TimeoutError:
            if running.reply is None:
                raise TimedOut(f"no answer in {self._timeout:g} s") from None
        finally:
            if reply is None:
                await running.leave()
        return reply

    def _is_for(self, running: CollapsedRequest, request: CacheRequest) -> bool:
        if not running.is_shared or running.reply is None:
            return False
        if (entry := running.entry) is not None:
            return entry.serves(request)
        return not varies_by(running.reply.headers) and (self._policy.public or not request.credentialed)

    def _copy(self, running: CollapsedRequest) -> Reply | None:
        if running.failure is not None or not running.has_known_length():
            return None
        assert running.reply is not None, "it has begun"
        headers = list(running.entry.headers if running.entry else running.reply.headers)
        if running.entry:
            headers.append((b"age", b"%d" % running.entry.age(self._cache.now())))
        return running.reply_for(first=False, headers=headers)
