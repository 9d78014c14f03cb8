"""Work that is repeated while an app runs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

log = logging.getLogger(__name__)

CANCEL_INTERVAL = 1.0
"""Seconds that a cancelled task has to end before it is cancelled again."""


class periodic:  # noqa: N801 (it reads like `contextlib.suppress`)
    """Repeats the work while the block runs, whether or not it succeeds; cancels it at the block's end.

        async with periodic(store.expire, 5.0, name="expiry of reservations", expected=(Problem,)):
            yield

    One block may follow another.

    Args:
        work: what to repeat; it begins at once.
        interval: seconds from one end of it to its next beginning.
        name: of the work, for the log.
        expected: exceptions that are no bug; the first of several alike in a row is logged, as a warning.
    """

    def __init__(
        self,
        work: Callable[[], Awaitable[object]],
        interval: float,
        *,
        name: str,
        expected: tuple[type[Exception], ...] = (),
    ) -> None:
        self._work = work
        self._interval = interval
        self._name = name
        self._expected = expected

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._repeat())

    async def __aexit__(self, *_exc: object) -> None:
        await end(self._task)

    async def _repeat(self) -> None:
        reported = ""
        while True:
            try:
                await self._work()
                reported = ""
            except self._expected as error:
                if (reason := str(error)) != reported:
                    log.warning("%s failed: %s", self._name, error)
                    reported = reason
            except Exception:  # a bug of one time must not end the work of all later ones
                log.exception("%s failed", self._name)
            await asyncio.sleep(self._interval)


async def end(task: "asyncio.Task[Any]") -> None:
    """Cancel a task until it ends: `asyncio.wait_for` can swallow a cancellation before Python 3.12."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=CANCEL_INTERVAL)
