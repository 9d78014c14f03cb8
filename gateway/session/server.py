"""The Valkey that keeps sessions, and what is told when it does not answer: then there is no session."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, Self, TypeVar

import valkey.asyncio
from valkey.commands.core import AsyncScript

from kit.problems import Problem
from kit.valkey_client import client_of

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

ANSWERS_WITHIN: Final = 1.0
"""Seconds for Valkey to take a connection, and to answer; and for one of the connections to become free."""

MOST_CONNECTIONS: Final = 20

WARNS_EVERY: Final = 5.0
"""Seconds between two warnings at least: every call would have one to tell."""

FAILURES: Final = (valkey.ValkeyError, OSError)
"""What the client raises when there is no answer, or none that helps."""


class StoreUnavailable(Problem):
    """503 `session-store-unavailable`: whether there is a session cannot be found out at the moment."""

    def __init__(self) -> None:
        super().__init__(
            503,
            "session-store-unavailable",
            "Sessions cannot be reached right now.",
            headers={"Retry-After": "1"},
        )


class Server:
    """One Valkey server; made without I/O, closed with `async with`.

    Args:
        url: `unix://path`, `valkey://host:port/number` or, with TLS, `valkeys://…`.
    """

    def __init__(self, url: str) -> None:
        self.client = client_of(url, answers_within=ANSWERS_WITHIN, connections=MOST_CONNECTIONS)
        self._running: set[asyncio.Task[Any]] = set()
        self._warned_at = float("-inf")

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

        Each command has a task of its own, which nobody cancels: one that is cut off midway could leave
        its answer on the connection, for whoever asks next.

        Raises:
            StoreUnavailable: it gives no answer, or refuses.
        """
        task = asyncio.create_task(self._answer(command))
        self._running.add(task)
        task.add_done_callback(self._done)
        return await asyncio.shield(task)

    async def _answer(self, command: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            return await command()
        except FAILURES as fault:
            now = asyncio.get_running_loop().time()
            if now >= self._warned_at + WARNS_EVERY:
                self._warned_at = now
                log.warning("Valkey does not answer: %s", fault)
            raise StoreUnavailable from fault

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # is told to whoever still waits; with nobody there, it is told to nobody
