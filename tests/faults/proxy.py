"""A TCP proxy before NATS that drops, doubles and delays messages, as no network should and some do."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Final
from urllib.parse import urlsplit

WITH_PAYLOAD: Final = (b"PUB", b"HPUB", b"MSG", b"HMSG")
"""Operations that carry a message; the last number of their line is the length of what follows."""

END: Final = b"\r\n"


class Mishap(Enum):
    """What becomes of a message."""

    PASSED = "passed"
    DROPPED = "dropped"
    DOUBLED = "doubled"
    DELAYED = "delayed"


@dataclass(frozen=True, kw_only=True)
class Mishaps:
    """The share of messages that meet with each, and how long a delay may be, in seconds.

    Later messages overtake a delayed one.
    """

    dropped: float = 0.0
    doubled: float = 0.0
    delayed: float = 0.0
    max_delay: float = 0.5

    def draw(self, random: Random) -> Mishap:
        """What becomes of the next message."""
        weights = {
            Mishap.DROPPED: self.dropped,
            Mishap.DOUBLED: self.doubled,
            Mishap.DELAYED: self.delayed,
            Mishap.PASSED: 1 - self.dropped - self.doubled - self.delayed,
        }
        return random.choices(list(weights), list(weights.values()))[0]


class Proxy:
    """Between clients and a server.

    Args:
        server: the server's URL.
        mishaps: what happens to messages, in both directions.
        seed: of the choice.
    """

    def __init__(self, server: str, mishaps: Mishaps, seed: int = 0) -> None:
        self._server = urlsplit(server)
        self._mishaps = mishaps
        self._random = Random(seed)  # noqa: S311 (it must be replayed)
        self._connections: set[asyncio.Task[None]] = set()
        self.counts: Counter[str] = Counter()
        """Messages by what became of them."""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Listen for the duration of the block; gives the URL for clients."""
        listener = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        credentials, at, _ = self._server.netloc.rpartition("@")
        try:
            yield f"{self._server.scheme}://{credentials}{at}127.0.0.1:{port}"
        finally:
            listener.close()
            for connection in self._connections:
                connection.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connect(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                upstream = await asyncio.open_connection(self._server.hostname, self._server.port)
                try:
                    await self._relay((reader, writer), upstream)
                finally:
                    upstream[1].close()
        finally:
            self._connections.discard(task)
            writer.close()

    async def _relay(
        self, client: tuple[StreamReader, StreamWriter], server: tuple[StreamReader, StreamWriter]
    ) -> None:
        """Pass frames on in both directions until one side ends."""
        directions = [
            asyncio.create_task(self._pass_on(client[0], server[1])),
            asyncio.create_task(self._pass_on(server[0], client[1])),
        ]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for direction in directions:
                direction.cancel()
            await asyncio.gather(*directions, return_exceptions=True)

    async def _pass_on(self, reader: StreamReader, writer: StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while True:
            line = await reader.readuntil(END)
            operation, *arguments = line.split()
            if operation.upper() not in WITH_PAYLOAD:
                writer.write(line)
            else:
                frame = line + await reader.readexactly(int(arguments[-1]) + len(END))
                mishap = self._mishaps.draw(self._random)
                self.counts[mishap.value] += 1
                if mishap is Mishap.DELAYED:
                    delay = self._random.uniform(0, self._mishaps.max_delay)
                    loop.call_later(delay, _write, writer, frame)
                elif mishap is not Mishap.DROPPED:
                    writer.write(frame * (2 if mishap is Mishap.DOUBLED else 1))
            await writer.drain()


def _write(writer: StreamWriter, frame: bytes) -> None:
    if not writer.is_closing():
        writer.write(frame)
