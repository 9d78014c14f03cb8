"""What transports over the network promise where the address is none of a service."""

import asyncio

import pytest

from frontispiece.upstream import InvalidResponse, Unreachable
from frontispiece.upstream.transports.http1 import Http1Transport
from frontispiece.upstream.transports.httpx import HttpxTransport
from tests.frontispiece.upstream.peer import get
from tests.support.serving import nobody_there, raw_server

on_the_network = pytest.mark.parametrize("kind", [Http1Transport, HttpxTransport])
Kind = type[Http1Transport] | type[HttpxTransport]


@on_the_network
async def test_an_address_without_a_listener_is_unreachable(kind: Kind) -> None:
    async with kind(nobody_there()) as transport:
        with pytest.raises(Unreachable, match="no connection"):
            await transport.send(get())


@on_the_network
@pytest.mark.parametrize("sent_bytes", [b"", b"hello?\r\n\r\n", b"HTTP/1.1 200 OK\r\nbroken\r\n\r\n"])
async def test_what_is_no_http_is_invalid(kind: Kind, sent_bytes: bytes) -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent_bytes)

    async with raw_server(talk) as url, kind(url) as transport:
        with pytest.raises(InvalidResponse):
            await transport.send(get())
