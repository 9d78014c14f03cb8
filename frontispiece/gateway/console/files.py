"""The files of the console: its page, scripts and styles, without any data in them."""

import asyncio
from http import HTTPStatus
from pathlib import Path
from typing import Final

from frontispiece.gateway.files.config import CONTENT_SECURITY_POLICY
from frontispiece.http.messages import Headers, Reply
from frontispiece.http.problems import Problem

PAGE: Final = "/console"
STATIC: Final = "/console/static/"
FOLDER: Final = Path(__file__).parent / "static"

MEDIA_TYPES: Final = {
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".svg": b"image/svg+xml",
}

HEADERS: Final[Headers] = [
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-cache"),
]
"""Everything is of the page's own origin, nothing is inline, and no other page may frame it."""


def is_file(path: str) -> bool:
    """Whether a path is one of the console's files, or would be one."""
    return path in {PAGE, f"{PAGE}/"} or path.startswith(STATIC)


async def file(path: str) -> Reply:
    """The file at a path, or where the page is.

    Raises:
        Problem: 404 `no-route`.
    """
    if path == f"{PAGE}/":
        return Reply.whole(HTTPStatus.PERMANENT_REDIRECT, b"", [*HEADERS, (b"location", PAGE.encode())])
    return await asyncio.to_thread(_read, "index.html" if path == PAGE else path.removeprefix(STATIC))


def _read(name: str) -> Reply:
    files = {each.relative_to(FOLDER).as_posix(): each for each in FOLDER.rglob("*") if each.is_file()}
    if name not in files or (media_type := MEDIA_TYPES.get(files[name].suffix)) is None:
        raise Problem(404, "no-route", "The console has no such file.")
    return Reply.whole(HTTPStatus.OK, files[name].read_bytes(), [*HEADERS, (b"content-type", media_type)])
