"""What goes on while nobody waits for it, and has an end when the gateway has one."""

import asyncio
import logging
from collections.abc import Coroutine
from functools import partial
from typing import Any, Final, TypeVar

from kit.problems import Problem

log = logging.getLogger(__name__)

Result = TypeVar("Result")

PATIENCE: Final = 6.0
"""Seconds that the gateway's end waits for what still goes on: longer than the issuer has for an answer."""


class Background:
    """Tasks that are kept until they are done, and whose failures are logged."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, what: str, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Begin some work; `what` names it in the log when it fails."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(partial(self._done, what))
        return task

    async def close(self) -> None:
        """Wait for what goes on, and for what that begins, but not for long."""
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE
        while self._running:
            _, late = await asyncio.wait(self._running, timeout=max(0.0, until - loop.time()))
            for task in late:
                task.cancel()

    def _done(self, what: str, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if task.cancelled():
            return
        failure = task.exception()
        if isinstance(failure, Problem):
            log.warning("%s failed: %s", what, failure)
        elif failure is not None:
            log.error("%s failed", what, exc_info=failure)
