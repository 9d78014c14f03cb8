"""Trying again: after a failure (retry), or before there is one (hedge); both within one budget."""

import asyncio
import logging
import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from gateway.budget import Budget
from gateway.page.activity import spawn
from gateway.page.working import Working
from gateway.upstream import Failed, Nonsense, Unreachable, UpstreamError, current_bounds

log = logging.getLogger(__name__)

Result = TypeVar("Result")
Work = Callable[..., Awaitable[Any]]

WORTH_ANOTHER = (Unreachable, Failed, Nonsense)
"""Failures that another try may mend; a refusal stays one, and what timed out has used up its time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Retry:
    """How a source is tried again when its upstream failed.

    Args:
        times: how often at most, beside the first try.
        pause: seconds before the first new try, doubled for each further one; a random part of it is waited.

    Raises:
        ValueError: there is nothing to try, or no such pause.
    """

    times: int = 1
    pause: float = 0.01

    def __post_init__(self) -> None:
        if self.times < 1:
            raise ValueError(f"Retry: times is at least 1, not {self.times}")
        if not (math.isfinite(self.pause) and self.pause >= 0):
            raise ValueError(f"Retry: pause is a number of seconds, not {self.pause}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Hedge:
    """How a slow source is asked a second time while the first try goes on; the first answer counts.

    Args:
        after: seconds, such as what 95 of 100 calls take at most.

    Raises:
        ValueError: there is no such moment.
    """

    after: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.after) and self.after >= 0):
            raise ValueError(f"Hedge: after is a number of seconds, not {self.after}")


def retried(work: Work, retry: Retry, budget: Budget) -> Work:
    """The same work, tried again when its upstream failed and the budget allows it."""

    async def attempt(**arguments: Any) -> Any:
        pause = retry.pause
        for left in range(retry.times, -1, -1):
            try:
                return await work(**arguments)
            except WORTH_ANOTHER:
                if not left or not budget.spend():
                    raise
            _count_attempt()
            await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 (it spreads tries, and guards nothing)
            pause *= 2
        raise AssertionError("the last try returns or raises")

    return attempt


def hedged(work: Work, hedge: Hedge, budget: Budget) -> Work:
    """The same work, begun a second time when it has not answered in time; the other one is then ended."""

    async def race(**arguments: Any) -> Any:
        tries = [spawn(work(**arguments))]
        try:
            await asyncio.wait(tries, timeout=hedge.after)
            if not tries[0].done() and budget.spend():
                _count_attempt()
                tries.append(spawn(work(**arguments)))
            return await _first_good(tries)
        finally:
            await _end(tries)

    return race


def earning(work: Work, budget: Budget) -> Work:
    """The same work, each of whose first tries earns a part of another."""

    async def first(**arguments: Any) -> Any:
        budget.earn()
        return await work(**arguments)

    return first


async def _first_good(tries: list["asyncio.Task[Result]"]) -> Result:
    """The first result; the last failure when all fail; a bug at once."""
    running = set(tries)
    while True:
        done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        ended = [each for each in tries if each in done]
        failures = [failure for each in ended if (failure := each.exception()) is not None]
        for failure in failures:
            if not isinstance(failure, UpstreamError):
                raise failure
        for each in ended:
            if each.exception() is None:
                return each.result()
        if not running:
            raise failures[-1]


async def _end(tries: list["asyncio.Task[Result]"]) -> None:
    """End those that still run; nobody wants to know how."""
    running = [each for each in tries if not each.done()]
    if not running:
        return
    for each in running:
        each.cancel()
    await asyncio.wait(running)
    for each in running:
        failure = None if each.cancelled() else each.exception()
        if failure is not None and not isinstance(failure, UpstreamError):
            log.error("A try that was not needed any more has a bug", exc_info=failure)


def _count_attempt() -> None:
    working = current_bounds.get()
    if isinstance(working, Working):
        working.attempts += 1
