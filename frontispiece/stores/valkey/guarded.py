"""The guard around a Valkey: bounded waiting, and a pause after a failure in which no command is sent."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Self, TypeVar

from frontispiece import clocks
from frontispiece.aio import BackgroundTasks
from frontispiece.stores.valkey.client import valkey_client

if TYPE_CHECKING:
    from valkey.commands.core import AsyncScript

log = logging.getLogger(__name__)

Result = TypeVar("Result")
Command = Callable[[], Awaitable[Result]]

FAILURE_PAUSE: Final = 1.0
"""Seconds after a failure during which no command is sent; then a single one finds out whether it is over."""

WARNING_INTERVAL: Final = 10.0
"""Seconds between two warnings at least."""


class ValkeyUnavailable(Exception):
    """Valkey gave no response in time, refused the command, or failed a moment ago."""


class GuardedValkey:
    """One Valkey server; made without I/O, closed with `async with`.

    Args:
        url: see `ValkeyUrl`.
        timeout: seconds that a command may take.
        max_connections: connections at a time.
        retry: see `valkey_client`.
        failure_pause: seconds after a failure during which no command is sent; 0 for none.
        name: in the log.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float,
        max_connections: int = 50,
        retry: bool = True,
        failure_pause: float = FAILURE_PAUSE,
        name: str = "Valkey",
        clock: Callable[[], float] = clocks.monotonic,
    ) -> None:
        self.client = valkey_client(url, timeout=timeout, max_connections=max_connections, retry=retry)
        self._timeout = timeout
        self._failure_pause = failure_pause
        self._name = name
        self._clock = clock
        self._paused_until: float | None = None
        self._probing = False
        self._warned_at = float("-inf")
        self._commands = BackgroundTasks(expected=(ValkeyUnavailable,))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._commands.close()
        await self.client.aclose()

    def script(self, text: str) -> "AsyncScript":
        """A Lua script, to be run by a command; nothing is sent yet."""
        return self.client.register_script(text)

    async def run(self, command: Command[Result]) -> Result:
        """The result of a command.

        Raises:
            ValkeyUnavailable: there is none in time.
        """
        task = self.start(command)
        done, _ = await asyncio.wait([task], timeout=self._timeout)
        if not done:
            self._trip(f"no answer in {self._timeout * 1000:.0f} ms")
            raise ValkeyUnavailable
        return task.result()

    def start(self, command: Command[Result]) -> "asyncio.Task[Result]":
        """Send a command in the background; its failure is logged.

        It has a task of its own, which is not cancelled while the client is in use: a command cut off midway
        can leave the pool without its connection, or with one on which its response is still to come.

        Raises:
            ValkeyUnavailable: a command failed a moment ago.
        """
        if self._paused_until is not None:
            if self._probing or self._clock() < self._paused_until:
                raise ValkeyUnavailable
            self._probing = True
        return self._commands.start(self._run(command))

    async def _run(self, command: Command[Result]) -> Result:
        import valkey  # noqa: PLC0415 (the client has checked that the extra is installed)

        try:
            result = await command()
        except (  # no connection, or one to a server of another protocol
            valkey.ConnectionError,
            valkey.TimeoutError,
            valkey.InvalidResponse,
            OSError,
            ValueError,
        ) as error:
            self._trip(str(error))
            raise ValkeyUnavailable from error
        except valkey.ValkeyError as error:  # it refuses this one command
            self.warn("%s refuses a command: %s", self._name, error)
            raise ValkeyUnavailable from error
        finally:
            self._probing = False
        if self._paused_until is not None:
            self._paused_until = None
            log.info("%s answers again", self._name)
        return result

    def _trip(self, reason: str) -> None:
        if self._failure_pause:
            self._paused_until = self._clock() + self._failure_pause
        self.warn("%s does not answer: %s", self._name, reason)

    def warn(self, message: str, *values: object) -> None:
        """Log a warning about this Valkey, at most once in `WARNING_INTERVAL`."""
        now = self._clock()
        if now >= self._warned_at + WARNING_INTERVAL:
            self._warned_at = now
            log.warning(message, *values)
