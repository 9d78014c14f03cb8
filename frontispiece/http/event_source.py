"""Server-sent events (HTML Living Standard, 9.2)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerSentEvent:
    """One event.

    Args:
        id: what a client that reconnects sends as `Last-Event-ID`; of the latest event that had one.
        event: its type.
        data: one line where it is sent, such as JSON.
    """

    id: str
    event: str
    data: bytes

    def encode(self) -> bytes:
        """The event as it is sent."""
        return b"id: %s\nevent: %s\ndata: %s\n\n" % (self.id.encode(), self.event.encode(), self.data)


async def read_events(chunks: AsyncIterator[bytes]) -> AsyncIterator[ServerSentEvent]:
    """The events of a body, each as soon as it is complete; comments and retry times are passed over."""
    name, data, last_id = "message", list[str](), ""
    async for line in _lines(chunks):
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield ServerSentEvent(id=last_id, event=name, data="\n".join(data).encode())
            name, data = "message", []
        elif field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif field == "id" and "\0" not in value:
            last_id = value


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).replace(b"\r\n", b"\n").split(b"\n")
        for line in lines:
            yield line.decode("utf-8", "replace")
