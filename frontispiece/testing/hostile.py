"""Requests that no gateway may pass on: framing that two readers could take differently, and odd paths.

The kinds are those of RFC 9112 (sections 3, 5, 6 and 11.2) and RFC 3986 (section 6.2.2).
"""

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

TIMEOUT: Final = 60.0
"""Seconds in which a server has to close the connection after a refusal."""

POST: Final = b"POST %PATH% HTTP/1.1\r\nHost: front.test\r\n"
GET: Final = b"GET %PATH% HTTP/1.1\r\nHost: front.test\r\n"
LAST: Final = b"0\r\n\r\n"
FOLLOWING: Final = b"GET %PATH%/smuggled HTTP/1.1\r\nHost: front.test\r\nConnection: close\r\n\r\n"
"""Follows each request on its connection: a second answer to it would be a smuggled one."""

_FRAMING: Final[Mapping[str, bytes]] = {
    "CL.TE": POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n" + LAST,
    "TE.CL": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n1\r\nZ\r\n" + LAST,
    "the same length twice": POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nZ",
    "two lengths": POST + b"Content-Length: 1\r\nContent-Length: 70\r\n\r\nZ",
    "a list of lengths": POST + b"Content-Length: 1, 1\r\n\r\nZ",
    "a length with a sign": POST + b"Content-Length: +1\r\n\r\nZ",
    "a length in hexadecimal": POST + b"Content-Length: 0x1\r\n\r\nZ",
    "an empty length": POST + b"Content-Length: \r\n\r\n",
    "a negative length": POST + b"Content-Length: -1\r\n\r\n",
    "a length beyond all numbers": POST + b"Content-Length: 99999999999999999999999\r\n\r\nZ",
    "a folded field": GET + b"X-A: a\r\n b\r\n\r\n",
    "a folded coding": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + LAST,
    "a folded length": POST + b"Content-Length:\r\n 1\r\n\r\nZ",
    "a space before the first field": b"GET %PATH% HTTP/1.1\r\n X-A: a\r\nHost: front.test\r\n\r\n",
    "bare LF everywhere": b"GET %PATH% HTTP/1.1\nHost: front.test\n\n",
    "a bare LF after a field": GET + b"X-A: b\nX-B: c\r\n\r\n",
    "a bare LF as the end": GET + b"\n",
    "a bare CR in a field": GET + b"X-A: b\rX-B: c\r\n\r\n",
    "a space before the colon": GET + b"X-A : b\r\n\r\n",
    "a space before the coding's colon": POST + b"Transfer-Encoding : chunked\r\n\r\n" + LAST,
    "NUL in a value": GET + b"X-A: a\0b\r\n\r\n",
    "NUL in a name": GET + b"X-A\0: ab\r\n\r\n",
    "a control character in a value": GET + b"X-A: a\x01b\r\n\r\n",
    "a line without a colon": GET + b"X-A\r\n\r\n",
    "a field without a name": GET + b": a\r\n\r\n",
    "a coding that is not chunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n" + LAST,
    "a quoted coding": POST + b'Transfer-Encoding: "chunked"\r\n\r\n' + LAST,
    "a vertical tab before the coding": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + LAST,
    "a tab after the coding": POST + b"Transfer-Encoding: chunked\t\r\n\r\n" + LAST,
    "two codings": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + LAST,
    "the coding twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + LAST,
    "another coding inside": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + LAST,
    "another coding outside": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n" + LAST,
    "a coding in HTTP/1.0": b"POST %PATH% HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + LAST,
    "an upgrade with a body": POST
    + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc"
    + FOLLOWING,
    "an upgrade with chunks": POST
    + b"Connection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n"
    + LAST,
    "HTTP/0.9": b"GET %PATH%\r\n\r\n",
    "HTTP/1.2": b"GET %PATH% HTTP/1.2\r\nHost: front.test\r\n\r\n",
    "HTTP/2 without a word before": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/2.0 in words": b"GET %PATH% HTTP/2.0\r\nHost: front.test\r\n\r\n",
    "a tunnel": b"CONNECT front.test:80 HTTP/1.1\r\nHost: front.test\r\n\r\n" + FOLLOWING,
    "an authority as the target": b"GET front.test:80 HTTP/1.1\r\nHost: front.test\r\n\r\n",
    "an asterisk as the target": b"OPTIONS * HTTP/1.1\r\nHost: front.test\r\n\r\n",
    "another scheme": b"GET file://%PATH% HTTP/1.1\r\nHost: front.test\r\n\r\n",
    "a user in the target": b"GET http://front.test@evil.test%PATH% HTTP/1.1\r\nHost: front.test\r\n\r\n",
    "a fragment in the target": b"GET %PATH%#b HTTP/1.1\r\nHost: front.test\r\n\r\n",
    "a fragment behind a query": b"GET %PATH%?b=c#d&e=f HTTP/1.1\r\nHost: front.test\r\n\r\n",
    "a fragment in an address": b"GET http://front.test%PATH%#b HTTP/1.1\r\nHost: front.test\r\n\r\n",
    "a space in the target": b"GET %PATH% b HTTP/1.1\r\nHost: front.test\r\n\r\n",
    "bytes beyond ASCII in the target": b"GET %PATH%/\xff HTTP/1.1\r\nHost: front.test\r\n\r\n",
    "a method that is no token": b"GET: %PATH% HTTP/1.1\r\nHost: front.test\r\n\r\n",
    "no host": b"GET %PATH% HTTP/1.1\r\n\r\n",
    "two hosts": GET + b"Host: inside.test\r\n\r\n",
    "a host with a path": b"GET %PATH% HTTP/1.1\r\nHost: front.test/inside\r\n\r\n",
    "a list of hosts": b"GET %PATH% HTTP/1.1\r\nHost: front.test, inside.test\r\n\r\n",
    "a host with a user": b"GET %PATH% HTTP/1.1\r\nHost: a@front.test\r\n\r\n",
}

_PATHS: Final = [
    b"%PATH%/..%2f..%2fadmin",
    b"%PATH%/%2e%2e/admin",
    b"%PATH%/../admin",
    b"%PATH%/.%2e/x",
    b"%PATH%/./x",
    b"/%PATH%/a",
    b"%PATH%//a",
    b"%PATH%/..;/admin",
    b"%PATH%/..;x=1/admin",
    b"%PATH%/%2e%2e%3b/admin",
    b"%PATH%/a%00.png",
    b"%PATH%/%0d%0aX-A:%20b",
    b"%PATH%/a%5cb",
    b"%PATH%/a\\b",
    b"%PATH%/%c0%ae%c0%ae/x",
    b"%PATH%/%e0%80%af",
    b"%PATH%/%ff",
    b"%PATH%/%zz",
    b"%PATH%/%",
]


def hostile_requests(path: str) -> dict[str, bytes]:
    """Requests whose framing is ambiguous or invalid, for this path, by what is wrong with them."""
    return {name: _filled(request + FOLLOWING, path) for name, request in _FRAMING.items()}


def hostile_paths(path: str) -> list[bytes]:
    """Request targets below this path that could lead elsewhere behind a gateway."""
    return [_filled(target, path) for target in _PATHS]


async def send_hostile_requests(url: str, path: str) -> list[str]:
    """Send each to a running gateway; what it did not refuse, a line each: `"two hosts: 200"`.

    Args:
        url: of the gateway, with http.
        path: of a route that anybody may GET and POST; requests for paths below it are no route's or its own.
    """
    requests = hostile_requests(path)
    for target in hostile_paths(path):
        line = b"GET " + target + b" HTTP/1.1\r\nHost: front.test\r\nConnection: close\r\n\r\n"
        requests[target.decode("latin-1")] = line
    accepted = []
    for name, request in requests.items():
        statuses = re.findall(rb"HTTP/1\.1 (\d{3}) ", await _answers(url, request))
        if len(statuses) != 1 or statuses[0] not in {b"400", b"501", b"505"}:
            accepted.append(f"{name}: {b' '.join(statuses).decode() or 'no answer'}")
    return accepted


async def _answers(url: str, request: bytes) -> bytes:
    """All that comes until the server closes the connection, or resets it with something unread."""
    parts = urlsplit(url)
    answers = b""
    async with asyncio.timeout(TIMEOUT):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            with suppress(ConnectionError):
                writer.write(request)
                await writer.drain()
                while piece := await reader.read(1 << 16):
                    answers += piece
        finally:
            writer.close()
    return answers


def _filled(text: bytes, path: str) -> bytes:
    return text.replace(b"%PATH%", path.encode())
