"""A fan-out: one part read for each element of a list, each by itself or all by few calls."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from msgspec import Raw

from gateway.aggregate.asking import Asking
from gateway.aggregate.parts import Batch, Part
from gateway.aggregate.reading import LIST, at, elements, kind, text
from gateway.aggregate.references import EACH, Placeholder
from gateway.aggregate.shape import Shape
from gateway.page.working import falls_short
from gateway.upstream import Nonsense, Refused, UpstreamError

AT_ONCE = 10
"""Calls of one fan-out that are made at the same time."""

GONE = frozenset({404, 410})
"""What is said of an element that is no more: the list goes on without it."""

MAX_KEYS = 8000
"""The longest text of keys in one call, in characters."""

Found = dict[str, Any]
Read = Callable[[], Awaitable[Found]]
Values = Mapping[Placeholder, str]

_ELEMENT = Placeholder(EACH)


class Fan:
    """Reads the elements of one part."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._shape = Shape.of(part)

    async def read(self, asking: Asking, keys: list[str], values: Values) -> list[Any]:
        """What is shown of the elements that there are, in the order of their keys.

        Raises:
            UpstreamError: an element of a required part failed, or every one of an optional part.
        """
        wanted = list(dict.fromkeys(keys))
        reads = (
            self._batches(asking, wanted, values)
            if self._part.batch
            else self._singly(asking, wanted, values)
        )
        found, failures = await _all(reads, tolerant=self._part.optional)
        if failures and not found:
            raise failures[0]
        if failures:
            falls_short(failures[0].reason)
        return [found[key] for key in keys if key in found]

    def _singly(self, asking: Asking, keys: Iterable[str], values: Values) -> Iterator[Read]:
        address, passed = self._part.from_, asking.passed_on(self._part.query)

        def read(key: str) -> Read:
            async def one() -> Found:
                target = address.target({**values, _ELEMENT: key}, passed)
                try:
                    said = await asking.ask(address.service, target)
                except Refused as refusal:
                    if refusal.answered in GONE:
                        return {}
                    raise
                return {key: self._shape.apply(said) if self._shape else said}

            return one

        return map(read, keys)

    def _batches(self, asking: Asking, keys: Iterable[str], values: Values) -> Iterator[Read]:
        batch, address = self._part.batch, self._part.from_
        assert batch is not None
        passed = asking.passed_on(self._part.query)

        def read(chunk: list[str]) -> Read:
            async def several() -> Found:
                target = address.target(values, [*passed, *((batch.key, key) for key in chunk)])
                said = await asking.ask(address.service, target)
                return self._told_apart(batch, said, frozenset(chunk))

            return several

        return map(read, _chunks(keys, batch.max))

    def _told_apart(self, batch: Batch, said: Raw, asked: frozenset[str]) -> Found:
        """The items of one answer that were asked for, by their keys."""
        items = at(said, batch.items.split(".") if batch.items else (), "its answer")
        if kind(items) != LIST:
            raise Nonsense("its answer has no list of items")
        found = {}
        for item in elements(items):
            key = text(item, batch.by.split("."), "an item of its answer")
            if key in asked:
                found[key] = self._shape.apply(item) if self._shape else item
        return found


def _chunks(keys: Iterable[str], most: int) -> Iterator[list[str]]:
    chunk: list[str] = []
    length = 0
    for key in keys:
        more = len(quote(key, safe=""))
        if len(chunk) == most or (chunk and length + more > MAX_KEYS):
            yield chunk
            chunk, length = [], 0
        chunk.append(key)
        length += more
    if chunk:
        yield chunk


async def _all(reads: Iterable[Read], *, tolerant: bool) -> tuple[Found, list[UpstreamError]]:
    """What all found, and how some failed; where failures are not tolerated, the first one ends all."""
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
            for _ in range(min(AT_ONCE, len(waiting))):
                group.create_task(work())
    except BaseExceptionGroup as group_failed:
        raise _gravest(group_failed) from None
    return found, failures


def _gravest(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """A bug before a failed upstream: several calls may fail in the same moment."""
    bugs = [failure for failure in failures.exceptions if not isinstance(failure, UpstreamError)]
    return (bugs or list(failures.exceptions))[0]
