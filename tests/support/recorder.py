"""An upstream that keeps every byte it is sent, and clients that send whatever bytes a test says."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

import httptools

from frontispiece.server.sockets import address, bound

FEW = 4096
"""Bytes that the kernel takes at once."""

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: text/plain\r\n\r\nhi"


@dataclass
class Recorded:
    """One request as a strict parser reads it."""

    line: bytes = b""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    complete: bool = False

    def all(self, name: bytes) -> list[bytes]:
        """Every value of a header, in order."""
        return [value for known, value in self.headers if known.lower() == name]


class Recorder:
    """What has been asked, over all connections, and the bytes of each."""

    def __init__(self) -> None:
        self.requests: list[Recorded] = []
        self.bytes: list[bytearray] = []
        self.errors: list[str] = []


class _Connection(asyncio.Protocol):
    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._parser = httptools.HttpRequestParser(self)
        self._bytes = bytearray()
        recorder.bytes.append(self._bytes)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._bytes += data
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as fault:
            self._recorder.errors.append(repr(fault))
            self._transport.close()

    def on_message_begin(self) -> None:
        self._recorder.requests.append(Recorded())

    def on_url(self, url: bytes) -> None:
        self._recorder.requests[-1].line += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._recorder.requests[-1].headers.append((name, value))

    def on_headers_complete(self) -> None:
        request = self._recorder.requests[-1]
        request.line = self._parser.get_method() + b" " + request.line

    def on_body(self, body: bytes) -> None:
        self._recorder.requests[-1].body += body

    def on_message_complete(self) -> None:
        self._recorder.requests[-1].complete = True
        self._transport.write(ANSWER)


@asynccontextmanager
async def recording() -> AsyncIterator[tuple[Recorder, str]]:
    """An upstream and its address."""
    recorder = Recorder()
    sock = bound()
    url = f"http://{address(sock)}"
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(recorder), sock=sock)
    async with server:
        yield recorder, url


@asynccontextmanager
async def connected(
    url: str, sent: bytes = b""
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a server, which finds the few bytes that are sent there when it accepts it."""
    parts = urlsplit(url)
    sock = socket.create_connection((parts.hostname, parts.port))  # at once: it does not wait for the server
    sock.sendall(sent)
    reader, writer = await asyncio.open_connection(sock=sock)
    try:
        yield reader, writer
    finally:
        writer.close()


async def everything(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the connection is closed, or reset by a server that leaves something unread."""
    come = b""
    with suppress(ConnectionResetError):
        while piece := await reader.read(1 << 16):
            come += piece
    return come


async def said(url: str, *pieces: bytes) -> bytes:
    """All that a server answers to these bytes until it closes the connection, which it has to."""
    first = b"".join(pieces[:1])
    start, rest = first[:FEW], (first[FEW:], *pieces[1:])
    async with asyncio.timeout(60), connected(url, start) as (reader, writer):
        for piece in rest:
            writer.write(piece)
            await writer.drain()
        return await everything(reader)


def statuses(answers: bytes) -> list[int]:
    """The statuses of the answers that follow one another in these bytes."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)]
