"""Work that goes on when the call that began it has ended, and has an end when the gateway has one."""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import AbstractContextManager
from typing import Any, Final, Self, TypeVar

from gateway.held import until_done
from gateway.upstream import ClientLeft, UpstreamError
from kit.problems import Problem

log = logging.getLogger(__name__)

Result = TypeVar("Result")

EXPECTED: Final = (Problem, UpstreamError, ClientLeft)
"""What is told to whoever still waits; with nobody there, it is told to nobody."""

PATIENCE: Final = 5.0
"""Seconds that the gateway's end waits for what still goes on; then it is cancelled."""


class Running:
    """Tasks that are kept until they are done; whoever began one hears of its failure, if still there."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=PATIENCE)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    def start(
        self, work: Coroutine[Any, Any, Result], held: AbstractContextManager[object] | None = None
    ) -> asyncio.Task[Result]:
        """Begin some work, which holds that until it is done."""
        task = asyncio.create_task(work)
        if held is not None:
            until_done(task, held)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        failure = None if task.cancelled() else task.exception()
        if failure is not None and not isinstance(failure, EXPECTED):
            log.error("work for a call failed", exc_info=failure)
