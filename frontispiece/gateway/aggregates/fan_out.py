"""A fan-out: one part is read for each element of a list, by a call each or by batches."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from msgspec import Raw

from frontispiece.gateway.aggregates.config import Batch, Part
from frontispiece.gateway.aggregates.json_select import LIST, Selection, at, elements, kind, text
from frontispiece.gateway.aggregates.request import AggregateRequest
from frontispiece.gateway.aggregates.target_template import EACH, Placeholder
from frontispiece.pages.source_run import mark_degraded
from frontispiece.upstream import InvalidResponse, UpstreamClientError, UpstreamError

MAX_CONCURRENT = 10
"""Concurrent calls of one fan-out."""

MISSING = frozenset({404, 410})
"""Statuses of an element that does not exist any more: it is left out."""

MAX_KEYS = 8000
"""Characters of all keys in one batch."""

Found = dict[str, Any]
Read = Callable[[], Awaitable[Found]]
Values = Mapping[Placeholder, str]

_ELEMENT = Placeholder(EACH)


class FanOut:
    """Reads the elements of one part."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._selection = Selection.of(part)

    async def read(self, request: AggregateRequest, keys: list[str], values: Values) -> list[Any]:
        """The selected fields of the elements that exist, in the order of their keys.

        Raises:
            UpstreamError: an element of a required part failed, or every one of an optional part.
        """
        wanted = list(dict.fromkeys(keys))
        reads = (
            self._batches(request, wanted, values)
            if self._part.batch
            else self._singly(request, wanted, values)
        )
        found, failures = await _all(reads, tolerant=self._part.optional)
        if failures and not found:
            raise failures[0]
        if failures:
            mark_degraded(failures[0].reason)
        return [found[key] for key in keys if key in found]

    def _singly(self, request: AggregateRequest, keys: Iterable[str], values: Values) -> Iterator[Read]:
        address, query = self._part.from_, request.forwarded_query(self._part.query)

        def read(key: str) -> Read:
            async def one() -> Found:
                target = address.target({**values, _ELEMENT: key}, query)
                try:
                    raw = await request.get_json(address.service, target)
                except UpstreamClientError as refusal:
                    if refusal.upstream_status in MISSING:
                        return {}
                    raise
                return {key: self._selection.apply(raw) if self._selection else raw}

            return one

        return map(read, keys)

    def _batches(self, request: AggregateRequest, keys: Iterable[str], values: Values) -> Iterator[Read]:
        batch, address = self._part.batch, self._part.from_
        assert batch is not None
        name = quote(batch.key, safe="") + "="
        query = request.forwarded_query(self._part.query)

        def read(chunk: list[str]) -> Read:
            async def several() -> Found:
                target = address.target(values, [*query, *(name + quote(key, safe="") for key in chunk)])
                raw = await request.get_json(address.service, target)
                return self._by_key(batch, raw, frozenset(chunk))

            return several

        return map(read, _chunks(keys, batch.max))

    def _by_key(self, batch: Batch, raw: Raw, keys: frozenset[str]) -> Found:
        """The requested items of one batch, by their keys."""
        items = at(raw, batch.items.split(".") if batch.items else (), "its answer")
        if kind(items) != LIST:
            raise InvalidResponse("its answer has no list of items")
        found = {}
        for item in elements(items):
            key = text(item, batch.by.split("."), "an item of its answer")
            if key in keys:
                found[key] = self._selection.apply(item) if self._selection else item
        return found


def _chunks(keys: Iterable[str], max_keys: int) -> Iterator[list[str]]:
    chunk: list[str] = []
    length = 0
    for key in keys:
        more = len(quote(key, safe=""))
        if len(chunk) == max_keys or (chunk and length + more > MAX_KEYS):
            yield chunk
            chunk, length = [], 0
        chunk.append(key)
        length += more
    if chunk:
        yield chunk


async def _all(reads: Iterable[Read], *, tolerant: bool) -> tuple[Found, list[UpstreamError]]:
    """All results, and the failures where they are tolerated; else the first failure cancels the rest."""
    waiting = deque(reads)
    found: Found = {}
    failures: list[UpstreamError] = []

    async def work() -> None:
        while waiting:
            read = waiting.popleft()
            try:
                found.update(await read())
            except UpstreamError as failure:
                if not tolerant:
                    raise
                failures.append(failure)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(MAX_CONCURRENT, len(waiting))):
                group.create_task(work())
    except BaseExceptionGroup as group_failed:  # several calls may fail in the same moment: a bug goes first
        raise min(group_failed.exceptions, key=lambda each: isinstance(each, UpstreamError)) from None
    return found, failures
