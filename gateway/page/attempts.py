"""Trying again: after a failure (retry), or before there is one (hedge); both within one budget.

A budget that grows with the calls themselves keeps a service that is down from being asked twice as often as
one that is up. The rule is Finagle's (https://twitter.github.io/finagle/guide/Clients.html, "Retries"): every
first try earns a part of a retry; a part of a tenth is at most 10 % more calls.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from gateway.page.activity import spawn
from gateway.page.working import Working
from gateway.upstream import Failed, Nonsense, Unreachable, UpstreamError, current_bounds

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
    """

    times: int = 1
    pause: float = 0.01


@dataclass(frozen=True, kw_only=True, slots=True)
class Hedge:
    """How a slow source is asked a second time while the first try goes on; the first answer counts.

    Args:
        after: seconds, such as what 95 of 100 calls take at most.
    """

    after: float


class Budget:
    """Extra tries that may be made: `share` of the first ones, at most `most` of them saved up."""

    def __init__(self, share: float = 0.1, most: float = 10.0) -> None:
        self._share = share
        self._most = most
        self._saved = 0.0

    def earn(self) -> None:
        """There is a first try."""
        self._saved = min(self._most, self._saved + self._share)

    def spend(self) -> bool:
        """Whether there may be another try, which is then taken off."""
        if self._saved < 1 - 1e-9:  # ten tenths are one, however they are added up
            return False
        self._saved -= 1
        return True


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
            for each in tries:
                each.cancel()
            await asyncio.wait(tries)

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
        for each in done:
            failure = each.exception()
            if failure is None:
                return each.result()
            if not running or not isinstance(failure, UpstreamError):
                raise failure


def _count_attempt() -> None:
    working = current_bounds.get()
    if isinstance(working, Working):
        working.attempts += 1
