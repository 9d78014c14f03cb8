"""The service behind all candidates: it answers from memory, far faster than any of them can ask.

    /small  /big            bodies to pass through
    /part/{name}            a part of a page
    /hang                   never answers
    /product/{name}         names a brand: /brand/{name}
    /list                   50 ids: /items/{id}, or several at once, /items?id=a&id=b
    /requests               how many requests it had until now; asking that does not count

It reads GET requests without bodies and nothing else. `python -m bench.upstream PORT DELAY` answers
everything after DELAY seconds.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import parse_qs

import uvloop

from bench.data import BIG, LISTED, SMALL, brand, filled, part, product

END = b"\r\n\r\n"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
MAX_CACHED = 10_000
"""Answers that are cached by their target."""


def answer(content: bytes) -> bytes:
    """A whole response with a JSON body."""
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    return head.encode() + content


def _made(content: Any) -> bytes:
    return answer(json.dumps(content).encode())


PLAIN: dict[str, Callable[[], bytes]] = {
    "/small": lambda: answer(filled(SMALL)),
    "/big": lambda: answer(filled(BIG)),
    "/list": lambda: _made({"ids": LISTED}),
    "/health/ready": lambda: _made({}),
}


def response(target: str) -> bytes:
    """The response to a request for this target."""
    path, _, query = target.partition("?")
    if plain := PLAIN.get(path):
        return plain()
    kind, _, name = path.removeprefix("/").partition("/")
    if kind == "items" and not name:
        return _made({"items": [part(wanted) for wanted in parse_qs(query).get("id", [])]})
    if kind in {"part", "items"}:
        return _made(part(name))
    if kind == "product":
        return _made(product(name))
    if kind == "brand":
        return _made(brand(name))
    return answer(filled(SMALL)) if kind == "any" else NOT_FOUND


class Service:
    """What all connections share: answers by target, and the count."""

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.requests = 0
        self._cached: dict[bytes, bytes] = {}

    def answer(self, target: bytes) -> bytes | None:
        """The response to a request, None when it hangs."""
        if target == b"/requests":
            return _made({"requests": self.requests})
        self.requests += 1
        known = self._cached.get(target)
        if known is None:
            if target == b"/hang":
                return None
            known = response(target.decode("latin-1"))
            if len(self._cached) < MAX_CACHED:
                self._cached[target] = known
        return known


class Connection(asyncio.Protocol):
    """One persistent connection."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._rest = b""
        self._transport: asyncio.Transport
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for answers."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        if self._rest:
            data = self._rest + data
        begin = 0
        while (end := data.find(END, begin)) >= 0:
            self._respond(data[data.index(b" ", begin) + 1 : data.index(b" HTTP/1.1\r\n", begin)])
            begin = end + len(END)
        self._rest = data[begin:]

    def _respond(self, target: bytes) -> None:
        content = self._service.answer(target)
        if content is None:
            return
        if self._service.delay and target != b"/requests":
            self._loop.call_later(self._service.delay, self._transport.write, content)
        else:
            self._transport.write(content)


async def serve(port: int, delay: float) -> asyncio.Server:
    """A server on loopback that is listening."""
    service = Service(delay)
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Connection(service), "127.0.0.1", port, backlog=4096)


async def main() -> None:
    """Serve until the process is ended."""
    port, delay = sys.argv[1:]
    async with await serve(int(port), float(delay)) as server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
