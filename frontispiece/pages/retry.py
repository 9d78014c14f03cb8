"""Further attempts: after a failure (retry), or before there is one (hedge); both within one budget."""

import asyncio
import logging
import math
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from frontispiece.aio.inline_task import InlineTask
from frontispiece.aio.retry_budget import RetryBudget
from frontispiece.pages.idle_detector import spawn
from frontispiece.pages.source_run import SourceRun
from frontispiece.upstream import (
    InvalidResponse,
    Unreachable,
    UpstreamError,
    UpstreamServerError,
    current_call_context,
)

log = logging.getLogger(__name__)

Result = TypeVar("Result")
Call = Callable[..., Coroutine[Any, Any, Any]]

RETRYABLE = (Unreachable, UpstreamServerError, InvalidResponse)
"""Failures that another attempt may mend; a 4xx stays one, and after a timeout no time is left."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Retry:
    """How often a source is called when its upstream fails.

    Args:
        attempts: calls at most, the first one included.
        backoff: seconds before the second attempt, doubled for each further one; of them a random part is
            waited.

    Raises:
        ValueError: there is no second attempt, or `backoff` is no duration.
    """

    attempts: int = 2
    backoff: float = 0.01

    def __post_init__(self) -> None:
        if self.attempts < 2:  # noqa: PLR2004 (one attempt is no retry)
            raise ValueError(f"Retry: attempts is at least 2, not {self.attempts}")
        if not (math.isfinite(self.backoff) and self.backoff >= 0):
            raise ValueError(f"Retry: backoff is a number of seconds, not {self.backoff}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Hedge:
    """When a slow source is called a second time while the first attempt goes on; the first result counts.

    Args:
        after: seconds, such as the 95th percentile of the source's latency.

    Raises:
        ValueError: `after` is no duration.
    """

    after: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.after) and self.after >= 0):
            raise ValueError(f"Hedge: after is a number of seconds, not {self.after}")


def with_retry(call: Call, retry: Retry, budget: RetryBudget) -> Call:
    """The call, repeated when its upstream failed and the budget allows it."""

    async def attempt(*arguments: Any) -> Any:
        backoff = retry.backoff
        for left in range(retry.attempts - 1, -1, -1):
            try:
                return await call(*arguments)
            except RETRYABLE:
                if not left or not budget.withdraw():
                    raise
            _count_attempt()
            await asyncio.sleep(random.uniform(0, backoff))  # noqa: S311 (it spreads attempts, and guards nothing)
            backoff *= 2
        raise AssertionError("the last attempt returns or raises")

    return attempt


def with_hedge(call: Call, hedge: Hedge, budget: RetryBudget) -> Call:
    """The call, started a second time when it is slow; the slower of both is cancelled."""

    async def race(*arguments: Any) -> Any:
        attempts = [spawn(call(*arguments))]
        try:
            await asyncio.wait(attempts, timeout=hedge.after)
            if not attempts[0].done() and budget.withdraw():
                _count_attempt()
                attempts.append(spawn(call(*arguments)))
            return await _first_result(attempts)
        finally:
            await _cancel(attempts)

    return race


def with_budget(call: Call, budget: RetryBudget) -> Call:
    """The call, whose first attempts deposit into the budget."""

    async def first(*arguments: Any) -> Any:
        budget.deposit()
        return await call(*arguments)

    return first


async def _first_result(attempts: list[InlineTask[Result]]) -> Result:
    """The first result; the last failure when all fail; a bug at once."""
    running = set(attempts)
    while True:
        done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        ended = [each for each in attempts if each in done]
        failures = [failure for each in ended if (failure := each.exception()) is not None]
        for failure in failures:
            if not isinstance(failure, UpstreamError):
                raise failure
        for each in ended:
            if each.exception() is None:
                return each.result()
        if not running:
            raise failures[-1]


async def _cancel(attempts: list[InlineTask[Result]]) -> None:
    """Cancel the losing attempts and log unexpected errors."""
    running = [each for each in attempts if not each.done()]
    if not running:
        return
    for each in running:
        each.cancel()
    await asyncio.wait(running)
    for each in running:
        failure = None if each.cancelled() else each.exception()
        if failure is not None and not isinstance(failure, UpstreamError):
            log.error("An attempt that was not needed any more has a bug", exc_info=failure)


def _count_attempt() -> None:
    running = current_call_context.get()
    if isinstance(running, SourceRun):
        running.attempts += 1
