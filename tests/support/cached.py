"""A cache in front of a service that answers as the test says, at a time that the test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from gateway.cache import HttpCache
from gateway.cache.directives import http_date
from gateway.call import Call, Handler
from gateway.layers.cache import cached, forgetting
from gateway.layers.coalesce import coalesced
from gateway.table import Route
from gateway.upstream import Reply
from kit.tokens import Identity
from tests.support.waiting import until

START = 1_700_000_000.0


class Clock:
    """Shows the time of day that a test says."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now

    def date(self, later: float = 0) -> str:
        """The time, as header fields have it."""
        return http_date(self.now + later).decode()


def call(method: str = "GET", path: str = "7", query: str = "", **fields: Any) -> Call:
    """A call of `/things/{path}`; `if_none_match="..."` is a header field."""
    identity = fields.pop("identity", None)
    scheme = fields.pop("scheme", "https")
    body = fields.pop("body", b"")
    fields = {"host": "shop.example"} | fields
    return Call(
        params={"rest": path.split("/")},
        method=method,
        query=query.encode(),
        headers=[(name.replace("_", "-").encode(), value.encode()) for name, value in fields.items()],
        body=body,
        request_id=b"7",
        scheme=scheme,
        peer="192.0.2.7",
        identity=identity,
    )


USER = Identity(subject="reader", scopes=frozenset())


def reply(status: int = 200, content: bytes = b"a", **fields: Any) -> Reply:
    """An answer; `cache_control="..."` is a header field."""
    headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in fields.items()]
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

    headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in fields.items()]
    return Reply(status=200, headers=headers, body=body())


Answer = Callable[[Call], Awaitable[Reply]]


class Origin:
    """A service: tests set `answer` and look at `asked`."""

    def __init__(self) -> None:
        self.asked: list[Call] = []
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
        self.asked.append(call)
        return await self.answer(call)


class Told:
    """An answer as its client has read it."""

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
        """Whether no service was asked."""
        return "; hit" in self.cache


async def read(answer: Reply) -> Told:
    """Read an answer to its end, and let it go."""
    async with answer:
        return Told(answer.status, answer.headers, await answer.read(10**9))


class World:
    """One cached route, `/things/{rest:path}`, and its service."""

    def __init__(self, clock: Clock | None = None, *, most_bytes: int = 10**6, **policy: Any) -> None:
        self.clock = clock or Clock()
        self.origin = Origin()
        self.cache = HttpCache(most_bytes=most_bytes, now=self.clock)
        self.route = self.route_of(policy)
        self.handler: Handler = cached(self.route, self.cache)(self.origin)

    @staticmethod
    def route_of(policy: dict[str, Any], **more: Any) -> Route:
        """A route with this cache."""
        route = {"path": "/things/{rest:path}", "to": "things", "auth": "none", "cache": policy}
        return Route.model_validate(route | more)

    def coalescing(self) -> "World":
        """The same, with calls that come at once made one."""
        self.handler = cached(self.route, self.cache)(coalesced(self.route, self.cache)(self.origin))
        return self

    @property
    def writing(self) -> Handler:
        """A route of the same table that keeps nothing."""
        return forgetting(self.route, self.cache)(self.origin)

    async def get(self, path: str = "7", **fields: Any) -> Told:
        """What a client is told."""
        return await read(await self.handler(call("GET", path, **fields)))

    async def ask(self, method: str, path: str = "7", **fields: Any) -> Told:
        """The same, by another method."""
        return await read(await self.handler(call(method, path, **fields)))

    @property
    def asked(self) -> int:
        """How often the service was asked."""
        return len(self.origin.asked)

    async def is_kept(self, **fields: Any) -> bool:
        """Whether an answer with these fields serves the next call too."""
        self.origin.says(**fields)
        await self.get()
        return (await self.get()).is_hit


class Slow:
    """Answers when it is told to; `left` counts callers that went away before."""

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


async def begun(world: World, times: int, **fields: Any) -> "list[asyncio.Task[Told]]":
    """So many calls that all wait, one after the other."""
    tasks = [asyncio.create_task(world.get(**fields)) for _ in range(times)]
    await until(lambda: world.asked > 0)
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks
