"""Work that is repeated while an app runs."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

log = logging.getLogger(__name__)

CANCEL_INTERVAL = 1.0
"""Seconds that a cancelled task has to end before it is cancelled again."""


@asynccontextmanager
async def periodic(
    work: Callable[[], Awaitable[object]],
    interval: float,
    *,
    name: str,
    expected: tuple[type[Exception], ...] = (),
) -> AsyncIterator[None]:
    """Repeat the work while the block runs, whether or not it succeeds; cancel it at the block's end.

        async with periodic(store.expire, 5.0, name="expiry of reservations", expected=(Problem,)):
            yield

    Args:
        work: what to repeat; it begins at once.
        interval: seconds from one end of it to its next beginning.
        name: of the work, for the log.
        expected: exceptions that are no bug; the first of several alike in a row is logged, as a warning.
    """
    task = asyncio.create_task(_repeat(work, interval, name, expected))
    try:
        yield
    finally:
        await end(task)


async def end(task: "asyncio.Task[Any]") -> None:
    """Cancel a task until it ends: `asyncio.wait_for` can swallow a cancellation before Python 3.12."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=CANCEL_INTERVAL)


async def _repeat(
    work: Callable[[], Awaitable[object]], interval: float, name: str, expected: tuple[type[Exception], ...]
) -> None:
    reported = ""
    while True:
        try:
            await work()
            reported = ""
        except expected as error:
            if (reason := str(error)) != reported:
                log.warning("%s failed: %s", name, error)
                reported = reason
        except Exception:  # a bug of one time must not end the work of all later ones
            log.exception("%s failed", name)
        await asyncio.sleep(interval)
