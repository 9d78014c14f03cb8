"""A page in frames: the view once all required sources are done, then what each optional one changes.

Frames, as lines of JSON (`application/x-ndjson`) or as server-sent events named after their first member:

- `{"view": …}`: the view, with fallbacks where optional sources are still missing;
- `{"path": "/stock", "data": …, "source": "stocks"}`: the new value at a JSON Pointer (RFC 6901; empty for
  the whole view); a source that changes nothing has no such frame;
- `{"end": {"degraded": {"ratings": "timeout"}}}`: the page is complete; these are the sources that failed,
  and why. After a bug on the way, it is `{"end": {"problem": …}}`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

from frontispiece.http.problems import internal
from frontispiece.pages.compiled import CompiledPage
from frontispiece.pages.executor import Run

log = logging.getLogger(__name__)

NDJSON = "application/x-ndjson"
EVENTS = "text/event-stream"

Encode = Callable[[dict[str, Any]], bytes]


def ndjson(frame: dict[str, Any]) -> bytes:
    """A frame as a line."""
    return msgspec.json.encode(frame) + b"\n"


def event(frame: dict[str, Any]) -> bytes:
    """A frame as a server-sent event (HTML Living Standard, 9.2)."""
    return b"event: %b\ndata: %b\n\n" % (next(iter(frame)).encode(), msgspec.json.encode(frame))


ENCODERS: dict[str, Encode] = {NDJSON: ndjson, EVENTS: event}


class Progress:
    """A run whose view is sent before it has ended."""

    def __init__(
        self, page: CompiledPage, run: Callable[[Callable[[str, Any], None]], Run], encode: Encode
    ) -> None:
        self._page = page
        self._path = page.plan.page.path
        self._encode = encode
        self._ended = False
        self._settled: asyncio.Queue[tuple[str, Any] | None] = asyncio.Queue()
        self.run = run(lambda name, value: self._settled.put_nowait((name, value)))
        self._values: dict[str, Any] = dict(self.run.values)
        self._running = asyncio.create_task(self.run.finish())
        self._running.add_done_callback(lambda _: self._settled.put_nowait(None))

    async def begin(self) -> bytes:
        """The first frame: the view with every required source in it.

        Raises:
            SourceFailed: a required source failed.
        """
        required = {source.name for source in self._page.sources if source.declared.fallback is None}
        while required - self._values.keys():
            if not await self._next():
                self._end()
        for source in self._page.sources:
            if source.declared.fallback is not None and source.name not in self._values:
                self._values[source.name] = source.declared.fallback()
        self._document_sent = self._document()
        return self._encode({"view": self._document_sent})

    async def frames(self, first: bytes, request_id: str | None) -> AsyncIterator[bytes]:
        """The first frame, the change of each optional source as it settles, and the end."""
        yield first
        try:
            while name := await self._next():
                document = self._document()
                change = difference(self._document_sent, document)
                self._document_sent = document
                if change is not None:
                    path, data = change
                    yield self._encode({"path": path, "data": data, "source": name})
            self._end()
        except Exception:  # a bug: the client has the status already, so the last frame reports it
            log.exception("%s failed after its view had begun", self._path)
            problem = msgspec.Raw(internal(request_id).body(request_id))
            yield self._encode({"end": {"problem": problem}})
        else:
            yield self._encode({"end": {"degraded": self.run.degraded}})

    async def close(self) -> None:
        """Cancel what still runs."""
        self._running.cancel()
        await asyncio.wait([self._running])
        failure = None if self._ended or self._running.cancelled() else self._running.exception()
        if failure is not None:
            log.error("%s failed after its client had disconnected", self._path, exc_info=failure)

    def _end(self) -> None:
        """Re-raise the failure of the run, if there is one.

        Raises:
            Exception: the failure.
        """
        self._ended = True
        self._running.result()

    async def _next(self) -> str | None:
        """The name of the next source to settle, whose result is taken over; None when all have."""
        settled = await self._settled.get()
        if settled is None:
            return None
        name, value = settled
        self._values[name] = value
        return name

    def _document(self) -> Any:
        return _plain.decode(msgspec.json.encode(self._page.view(self._values)))


_plain = msgspec.json.Decoder(float_hook=msgspec.Raw)  # floats stay as they were written, to the digit


def difference(before: Any, after: Any, path: str = "") -> tuple[str, Any] | None:
    """The smallest part of a document that contains every change, as a JSON Pointer and its new value."""
    if _same(before, after):
        return None
    changes: list[tuple[str, Any, Any]] = []
    if isinstance(before, dict) and isinstance(after, dict) and list(before) == list(after):
        members = ((k.replace("~", "~0").replace("/", "~1"), before[k], after[k]) for k in after)
        changes = [(name, old, new) for name, old, new in members if not _same(old, new)]
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        changes = [(str(at), old, new) for at, (old, new) in pairs if not _same(old, new)]
    if len(changes) == 1:
        name, old, new = changes[0]
        return difference(old, new, f"{path}/{name}")
    return path, after


def _same(one: Any, other: Any) -> bool:
    """Whether both are the same JSON: to Python, 1, 1.0 and true are equal."""
    return msgspec.json.encode(one) == msgspec.json.encode(other)
