"""Kept answers as clients get them."""

from typing import Final

import msgspec

from gateway.cache.conditional import has_it, not_modified
from gateway.cache.entry import Entry
from gateway.call import Call
from gateway.upstream import Reply, field

OK: Final = 200
NO_CONTENT: Final = 204
NOT_MODIFIED: Final = 304


def whole(entry: Entry, body: bytes) -> Entry:
    """The entry with its body."""
    return msgspec.structs.replace(entry, body=body)


def served(call: Call, entry: Entry, now: float, status: tuple[bytes, bytes]) -> Reply:
    """A kept answer as this client gets it: 304 when it has it already (4.3.2)."""
    headers = [*entry.headers, (b"age", b"%d" % entry.age(now)), status]
    if entry.status == OK and has_it(call.headers, entry.headers, entry.received):
        return Reply(status=NOT_MODIFIED, headers=not_modified(headers), body=b"")
    if entry.status != NO_CONTENT and field(entry.headers, b"content-length") is None:
        headers.append((b"content-length", b"%d" % len(entry.body)))
    return Reply(status=entry.status, headers=headers, body=entry.body if call.method == "GET" else b"")
