"""A client of progressive pages: reads frames as they come, and makes of them what the page shows."""

import re
from collections.abc import AsyncIterator
from typing import Any

import msgspec

LINES = "application/x-ndjson"
EVENTS = "text/event-stream"

Frame = dict[str, Any]


async def frames(chunks: AsyncIterator[bytes], media_type: str) -> AsyncIterator[Frame]:
    """Each frame as soon as it is there whole; nothing may be left at the end."""
    pending = b""
    end = b"\n" if media_type == LINES else b"\n\n"
    async for chunk in chunks:
        pending += chunk
        while end in pending:
            one, pending = pending.split(end, 1)
            yield read(one + end, media_type)
    assert pending == b""


def read(content: bytes, media_type: str) -> Frame:
    """The one frame that is written here."""
    if media_type == LINES:
        (line,) = content.splitlines()
        frame: Frame = msgspec.json.decode(line)
        return frame
    ((name, data),) = events(content.decode())
    frame = msgspec.json.decode(data)
    assert name in frame
    return frame


def events(text: str) -> list[tuple[str, str]]:
    """Name and data of all events of a stream (HTML Living Standard, 9.2.6)."""
    found = []
    name, data = "", list[str]()
    for line in re.split("\r\n|\n|\r", text.removeprefix("\ufeff"))[:-1]:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                found.append((name or "message", "\n".join(data)))
            name, data = "", []
        elif field == "event":
            name = value
        elif field == "data":
            data.append(value)
    return found


def replaced(document: Any, pointer: str, data: Any) -> Any:
    """The document with this where the JSON Pointer (RFC 6901) leads; it has to lead to something."""
    if not pointer:
        return data
    first, *rest = pointer.removeprefix("/").split("/")
    below = "".join(f"/{part}" for part in rest)
    if isinstance(document, list):
        at = int(first)
        return [*document[:at], replaced(document[at], below, data), *document[at + 1 :]]
    key = first.replace("~1", "/").replace("~0", "~")
    assert key in document
    return {each: replaced(old, below, data) if each == key else old for each, old in document.items()}


def shown(told: list[Frame]) -> tuple[Any, Frame]:
    """What a page shows after all frames, and what the last one says."""
    first, *changes, last = told
    document = first["view"]
    for change in changes:
        assert change.keys() == {"path", "data", "source"}
        document = replaced(document, change["path"], change["data"])
    end: Frame = last["end"]
    return document, end
