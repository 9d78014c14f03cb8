"""A cache in front of a service that responds as the test says, at a time that the test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from frontispiece.gateway.call import Call, Handler
from frontispiece.gateway.config.route import Route
from frontispiece.gateway.policies.cache.collapsing import collapsing_layer
from frontispiece.gateway.policies.cache.config import Cache
from frontispiece.gateway.policies.cache.layer import cache_layer, invalidation_layer
from frontispiece.gateway.policies.cache.store import HttpCache
from frontispiece.security import Identity
from frontispiece.upstream import Reply
from tests.support import calls
from tests.support.calls import headers_of
from tests.support.clock import START, Clock
from tests.support.waiting import until


def call(method: str = "GET", path: str = "7", query: str = "", **fields: Any) -> Call:
    """A call of `/things/{path}`; `if_none_match="..."` is a header field."""
    identity = fields.pop("identity", None)
    scheme = fields.pop("scheme", "https")
    body = fields.pop("body", b"")
    fields = {"host": "shop.example"} | fields
    return calls.call(
        method,
        params={"rest": path.split("/")},
        query=query.encode(),
        headers=headers_of(**fields),
        body=body,
        scheme=scheme,
        identity=identity,
    )


USER = Identity(subject="reader", scopes=frozenset())


def reply(status: int = 200, content: bytes = b"a", **fields: Any) -> Reply:
    """An answer; `cache_control="..."` is a header field."""
    headers = headers_of(**fields)
    if status == 304:
        return Reply(status=304, headers=headers, body=b"")
    return Reply.whole(status, content, headers)


def streamed(*chunks: bytes, failure: Exception | None = None, **fields: Any) -> Reply:
    """An answer whose body comes in chunks, and may break off."""

    async def body() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk
            await asyncio.sleep(0)
        if failure is not None:
            raise failure

    headers = headers_of(**fields)
    return Reply(status=200, headers=headers, body=body())


Answer = Callable[[Call], Awaitable[Reply]]


class Origin:
    """A service: tests set `answer` and look at `requests`."""

    def __init__(self) -> None:
        self.requests: list[Call] = []
        self.answer: Answer = self.always(reply)

    @staticmethod
    def always(make: Callable[[], Reply]) -> Answer:
        """Answer every call alike."""

        async def answer(_call: Call) -> Reply:
            return make()

        return answer

    def says(self, status: int = 200, content: bytes = b"a", **fields: Any) -> None:
        """Answer every call so from now on."""
        self.answer = self.always(lambda: reply(status, content, **fields))

    async def __call__(self, call: Call) -> Reply:
        self.requests.append(call)
        return await self.answer(call)


class Received:
    """A response as its client has read it."""

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.status = status
        self.headers = {name.decode(): value.decode() for name, value in headers}
        self.body = body

    @property
    def cache(self) -> str:
        """What the cache says of itself."""
        return self.headers["cache-status"]

    @property
    def is_hit(self) -> bool:
        """Whether no request was sent."""
        return "; hit" in self.cache


async def read(answer: Reply) -> Received:
    """Read an answer to its end, and let it go."""
    async with answer:
        return Received(answer.status, answer.headers, await answer.read(10**9))


class World:
    """One cached route, `/things/{rest:path}`, and its service."""

    def __init__(self, clock: Clock | None = None, *, max_bytes: int = 10**6, **policy: Any) -> None:
        self.clock = clock or Clock(START)
        self.origin = Origin()
        self.cache = HttpCache(max_bytes=max_bytes, now=self.clock)
        self.route = self.route_of(policy)
        self.handler: Handler = self.behind_cache(self.origin)

    def behind_cache(self, inner: Handler) -> Handler:
        """The layers of the route around a handler."""
        cached = cache_layer(self.route, self.policy, self.cache)(inner)
        return invalidation_layer(self.route, self.cache)(cached)

    @staticmethod
    def route_of(policy: dict[str, Any], **more: Any) -> Route:
        """A route with this cache."""
        route = {"path": "/things/{rest:path}", "to": "things", "auth": "none", "cache": policy}
        return Route.model_validate(route | more)

    @property
    def policy(self) -> Cache:
        """The route's cache."""
        assert self.route.cache is not None, "route_of has one"
        return self.route.cache

    def collapsing(self) -> "World":
        """The same, with calls that come at once made one."""
        collapsing = collapsing_layer(self.route, self.policy, self.cache)
        self.handler = self.behind_cache(collapsing(self.origin))
        return self

    @property
    def writing(self) -> Handler:
        """A route of the same table that keeps nothing."""
        return invalidation_layer(self.route, self.cache)(self.origin)

    async def get(self, path: str = "7", **fields: Any) -> Received:
        """The response that a client gets."""
        return await read(await self.handler(call("GET", path, **fields)))

    async def store(self, status: int = 200, content: bytes = b"a", **fields: Any) -> Received:
        """Have the service respond so from now on, and get it once."""
        self.origin.says(status, content, **fields)
        return await self.get()

    async def ask(self, method: str, path: str = "7", **fields: Any) -> Received:
        """The same, by another method."""
        return await read(await self.handler(call(method, path, **fields)))

    @property
    def requests(self) -> int:
        """How many requests the service got."""
        return len(self.origin.requests)

    async def is_stored(self, **fields: Any) -> bool:
        """Whether an answer with these fields serves the next call too."""
        await self.store(**fields)
        return (await self.get()).is_hit


class Slow:
    """Answers when `go` is set; `left` counts callers that went away before."""

    def __init__(self, make: Callable[[], Reply]) -> None:
        self.go = asyncio.Event()
        self.left = 0
        self._make = make

    async def __call__(self, _call: Call) -> Reply:
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.left += 1
            raise
        return self._make()


def slow(world: World, make: Callable[[], Reply] | None = None) -> Slow:
    """Have the service of this world wait."""
    world.origin.answer = answer = Slow(make or (lambda: reply(200, b"a", cache_control="max-age=60")))
    return answer


async def begun(world: World, times: int, **fields: Any) -> "list[asyncio.Task[Received]]":
    """So many calls that all wait, one after the other."""
    tasks = [asyncio.create_task(world.get(**fields)) for _ in range(times)]
    await until(lambda: world.requests > 0)
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks
