"""What one service says of itself at `/openapi.json`: fetched when first asked for, and now and then again.

What was read once counts until there is something newer: a service that does not answer, or says nonsense
for a while, changes nothing.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any, Final

from gateway.match import Matcher, NoRoute, Pattern, WrongMethod
from gateway.openapi.document import Document, Faulty
from gateway.openapi.operation import Operation
from gateway.path import Template
from gateway.running import Running
from gateway.upstream import Request, Upstream, UpstreamError

log = logging.getLogger(__name__)

TARGET: Final = "/openapi.json"

LONGEST: Final = 5 * 1024 * 1024
"""Bytes of a document."""

FETCHED_WITHIN: Final = 2.0

FRESH: Final = 300.0
"""Seconds until a document is fetched anew, while the old one is in use."""

PAUSE: Final = 5.0
"""Seconds until the next try after one that failed."""

OK: Final = 200


class NotKnown(Exception):
    """What the service takes here cannot be found out; the message says why."""


class _Entry:
    """One operation, read when it is first called."""

    def __init__(self, document: Document, operation: dict[str, Any], common: list[Any]) -> None:
        self._what = document, operation, common
        self._read: Operation | str | None = None

    def operation(self) -> Operation:
        """The operation.

        Raises:
            NotKnown: it cannot be read.
        """
        if self._read is None:
            try:
                self._read = Operation.of(*self._what)
            except Faulty as fault:
                self._read = str(fault)
        if isinstance(self._read, str):
            raise NotKnown(self._read)
        return self._read


class Description:
    """The operations of one service.

    Args:
        upstream: the service.
        running: fetches for whoever does not wait for it.
        clock: seconds that only grow.
    """

    def __init__(self, upstream: Upstream, running: Running, clock: Callable[[], float] = monotonic) -> None:
        self.upstream = upstream
        self._running = running
        self._clock = clock
        self._known: Matcher[_Entry] | None = None
        self._next = float("-inf")
        """When it is fetched again."""
        self._fetching: asyncio.Task[None] | None = None
        self._why = ""

    async def operation(
        self, method: str, segments: Sequence[str]
    ) -> tuple[Operation, Mapping[str, Sequence[str]]] | None:
        """What is described at this path, and what stands for its placeholders; None when nothing is.

        Raises:
            NotKnown: there is no description, or none that can be read.
        """
        if self._clock() >= self._next and self._fetching is None:
            self._fetching = self._running.start(self._fetch())
        if self._known is None and self._fetching is not None:
            await asyncio.wait([self._fetching])
        if self._known is None:
            raise NotKnown(self._why or "it was not read to its end")
        try:
            match = self._known.match(method, "", segments)
        except (NoRoute, WrongMethod):
            return None
        return match.goal.operation(), match.params

    async def _fetch(self) -> None:
        self._next = self._clock() + PAUSE
        try:
            self._known = self._read(await self._content())
            self._next = self._clock() + FRESH
        except (UpstreamError, Faulty) as fault:
            self._why = str(fault)
            log.warning("%s: its description cannot be had: %s", self.upstream.name, fault)
        finally:
            self._fetching = None

    async def _content(self) -> bytes:
        request = Request(
            method="GET",
            target=TARGET,
            headers=[(b"accept", b"application/json")],
            timeout=FETCHED_WITHIN,
        )
        try:
            async with asyncio.timeout(FETCHED_WITHIN), await self.upstream.send(request) as reply:
                if reply.status != OK:
                    raise Faulty(f"it answered {reply.status} at {TARGET}")
                return await reply.read(LONGEST)
        except TimeoutError:
            raise Faulty(f"it took longer than {FETCHED_WITHIN:g} s") from None

    def _read(self, content: bytes) -> Matcher[_Entry]:
        document = Document(content)
        entries = []
        for path, method, operation, common in document.operations():
            try:
                template = Template.parse(path)
            except ValueError as fault:
                log.warning("%s: a path of its description is passed over: %s", self.upstream.name, fault)
                continue
            pattern = Pattern(template=template, methods=(method,))
            entries.append((pattern, _Entry(document, operation, common)))
        return Matcher(entries)
