"""One Valkey, and what is known of whether it answers: who asks it has to do without for a while when not."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, Self, TypeVar

import valkey.asyncio
from valkey.commands.core import AsyncScript

from kit.valkey_client import client_of

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

OFF: Final = "off"

PAUSE: Final = 1.0
"""Seconds for which nobody asks a Valkey that gave no answer; then one call finds out whether it does."""

WARNS_EVERY: Final = 10.0
"""Seconds between two warnings at least."""

MOST_CONNECTIONS: Final = 50

FAILURES: Final = (valkey.ValkeyError, OSError)
"""What the client raises when there is no answer, or none that helps."""


class Away(Exception):
    """Valkey gives no answer, or gave none a moment ago."""


class Shared:
    """One Valkey server, made without I/O, closed with `async with`.

    Args:
        url: `unix://path`, `valkey://host:port/number` or, with TLS, `valkeys://…`.
        answers_within: seconds that a call waits for it.
        clock: seconds that only grow.
    """

    def __init__(
        self, url: str, *, answers_within: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.client = client_of(url, answers_within=answers_within, connections=MOST_CONNECTIONS)
        self._answers_within = answers_within
        self._clock = clock
        self._away_until: float | None = None
        self._trying = False
        self._warned_at = float("-inf")
        self._running: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._running:
            await asyncio.wait(self._running)
        await self.client.aclose()

    def script(self, text: str) -> AsyncScript:
        """A script that runs on the server; nothing is sent yet."""
        return self.client.register_script(text)

    async def ask(self, command: Callable[[], Awaitable[Answer]]) -> Answer:
        """What the server answers.

        Raises:
            Away: it does not, in time.
        """
        if self._away_until is not None:
            if self._trying or self._clock() < self._away_until:
                raise Away
            self._trying = True
        task = asyncio.create_task(self._answer(command))
        self._running.add(task)
        task.add_done_callback(self._done)
        # A command that is cut off midway could leave its answer on the connection, for whoever asks next.
        done, _ = await asyncio.wait([task], timeout=self._answers_within)
        if not done:
            self._gone(f"no answer in {self._answers_within * 1000:.0f} ms")
            raise Away
        return task.result()

    async def _answer(self, command: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            answer = await command()
        except FAILURES as fault:
            self._gone(str(fault))
            raise Away from fault
        finally:
            self._trying = False
        if self._away_until is not None:
            self._away_until = None
            log.info("Valkey answers again")
        return answer

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # is told to whoever still waits; with nobody there, it is told to nobody

    def _gone(self, why: str) -> None:
        now = self._clock()
        self._away_until = now + PAUSE
        if now >= self._warned_at + WARNS_EVERY:
            self._warned_at = now
            log.warning("Valkey does not answer: %s", why)
