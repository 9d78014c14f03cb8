"""A shadow gets copies of calls, and nobody notices: not in time, not in the answer, not in a failure."""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, Self

from gateway.call import Call, Handler, Layer
from gateway.held import until_done
from gateway.policies.mirror import Mirror
from gateway.upstream import Reply, UpstreamError
from kit.problems import Problem

log = logging.getLogger(__name__)

MARK: Final = (b"x-mirrored", b"1")
"""Tells the shadow that this is a copy."""

SAFE: Final = frozenset({"GET", "HEAD"})

MOST: Final = 64
"""Copies of one gateway on their way at a time: others are dropped."""

MOST_READ: Final = 1024 * 1024
"""Bytes of a shadow's answer that are read, which keeps its connection; of a longer one the rest is not."""


class Shadows:
    """The copies on their way. They end with the gateway, which does not wait for them."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._running: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        running = [*self._running]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    @property
    def has_room(self) -> bool:
        """Whether there may be another one."""
        return len(self._running) < self._most

    def begin(self, work: Coroutine[Any, Any, None], held: AbstractContextManager[object]) -> None:
        """Let a copy go its own way, which holds that until it ends."""
        task = asyncio.create_task(work)
        until_done(task, held)
        self._running.add(task)
        task.add_done_callback(self._running.discard)


def copied(
    policy: Mirror,
    shadow: Handler,
    timeout: timedelta,
    shadows: Shadows,
    count: Callable[[str], None],
    chance: Callable[[], float] = random.random,
) -> Layer:
    """Send a copy of some calls to the shadow, and go on at once.

    Calls are that change nothing, unless the table says otherwise, and whose body is there already.

    Args:
        policy: which calls.
        shadow: sends them, with the `MARK`.
        timeout: of a copy, until the end of its answer.
        shadows: keep the copies on their way.
        count: is told what becomes of each: `answered`, `failed` (5xx too) or `dropped`.
        chance: numbers from 0 to below 1.
    """
    seconds = timeout.total_seconds()

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            if (
                (call.method in SAFE or policy.unsafe)
                and isinstance(call.body, bytes)
                and chance() < policy.share
            ):
                if shadows.has_room:
                    copy = replace(call, headers=[*call.headers], told=[])
                    shadows.begin(_send(shadow, copy, seconds, count), call.holds)
                else:
                    count("dropped")
            return await inner(call)

        return handle

    return layer


async def _send(shadow: Handler, copy: Call, seconds: float, count: Callable[[str], None]) -> None:
    try:
        async with asyncio.timeout(seconds):
            count("answered" if await _is_well(shadow, copy) else "failed")
    except (UpstreamError, Problem, TimeoutError) as failure:
        log.debug("the copy of request %s failed: %s", copy.request_id.decode("latin-1"), failure)
        count("failed")
    except Exception:  # a bug of ours: nobody else would tell of it
        log.exception("the copy of request %s failed", copy.request_id.decode("latin-1"))
        count("failed")


async def _is_well(shadow: Handler, copy: Call) -> bool:
    async with await shadow(copy) as reply:
        read = 0
        async for chunk in reply.chunks():
            read += len(chunk)
            if read > MOST_READ:
                break
        return reply.status < 500  # noqa: PLR2004 (the bound of a class of status)
