"""A call whose service failed is tried again, where that does no harm."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from gateway.budget import Budget
from gateway.call import Call, Handler, Layer
from gateway.policies.retry import Retry
from gateway.upstream import Failed, Nonsense, Reply, TimedOut, Unreachable, UpstreamError
from gateway.upstream.bounds import IDEMPOTENT

FIRST_PAUSE: Final = 0.025
"""Seconds before the first new try at most; doubled for each further one (Envoy's default, as the next)."""

LONGEST_PAUSE: Final = 0.25
"""Seconds before any of them at most."""

LONGEST_WISH: Final = 2.0
"""A service that wants to be left alone for longer is: its client is told instead."""

NO_WISH: Final = 1.0
"""What `Unreachable` says when nobody knows when another try has a chance."""

SAVED: Final = 10.0
"""Further tries that a route may make before its calls have earned any."""

Count = Callable[[str], None]
"""Counts what becomes of a failure: `again`, or why not."""


def again(
    policy: Retry,
    timeout: timedelta,
    count: Count,
    *,
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    chance: Callable[[float, float], float] = random.uniform,
) -> Layer:
    """Try a failed call again, within its time and a budget of a tenth of all calls.

    Only calls are that mean the same when they come twice, and whose body nobody has begun to read. Pauses
    are drawn from all that is between nothing and a bound that doubles ("full jitter",
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). What a service says in
    `Retry-After` is kept when that is short, and ends the tries when it is not.

    Args:
        policy: what is tried again, and how often.
        timeout: of the whole call.
        count: is told of each failure.
        clock: seconds since some moment.
        wait: waits so many seconds.
        chance: any number between two.
    """
    seconds = timeout.total_seconds()
    each = time_of_each.total_seconds() if (time_of_each := policy.time_of_each(timeout)) else None
    verdicts = _Verdicts(chance)

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            budget = verdicts.budgets[call.side]
            budget.earn()
            until = clock() + seconds
            call.seconds = each
            if not isinstance(call.body, bytes):
                call.body = _Body(call.body)
            for attempt in range(policy.attempts - 1):
                outcome = await _outcome(inner, call)
                if not _matters(outcome, policy):
                    return _given(outcome)
                pause, verdict = verdicts.on(call, outcome, attempt, until - clock())
                count(verdict)
                if pause is None:
                    return _given(outcome)
                if isinstance(outcome, Reply):
                    await outcome.release()
                await wait(pause)
            return await inner(call)

        return handle

    return layer


class _Verdicts:
    """Says what becomes of the failures of one route."""

    def __init__(self, chance: Callable[[float, float], float]) -> None:
        self._chance = chance
        self.budgets: defaultdict[str | None, Budget] = defaultdict(lambda: Budget(most=SAVED, saved=SAVED))
        """One for each side of a split: a faulty canary uses up only its own."""

    def on(
        self, call: Call, outcome: Reply | UpstreamError, attempt: int, left: float
    ) -> tuple[float | None, str]:
        """Seconds until the next try, None for none; and the name of this verdict."""
        if not _may_be_repeated(call):
            return None, "not-repeatable"
        wish = _wish(outcome)
        if wish > LONGEST_WISH:
            return None, "left-alone"
        pause = max(wish, self._chance(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)))
        if pause >= left:
            return None, "no-time"
        if not self.budgets[call.side].spend():
            return None, "no-budget"
        return pause, "again"


class _Body:
    """A body as it comes, which knows whether somebody has begun to read it."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self.begun = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        self.begun = True
        return await anext(self._chunks)


async def _outcome(inner: Handler, call: Call) -> Reply | UpstreamError:
    try:
        return await inner(call)
    except UpstreamError as failure:
        return failure


def _given(outcome: Reply | UpstreamError) -> Reply:
    if isinstance(outcome, UpstreamError):
        raise outcome
    return outcome


def _matters(outcome: Reply | UpstreamError, policy: Retry) -> bool:
    """Whether the table wants it tried again. What our own limits refuse is not: it would add to the load."""
    match outcome:
        case Reply():
            return str(outcome.status) in policy.on
        case Unreachable():
            return "unavailable" in policy.on
        case TimedOut():
            return "timeout" in policy.on
        case Failed() | Nonsense():
            return "failed" in policy.on
        case _:
            return False


def _may_be_repeated(call: Call) -> bool:
    if isinstance(call.body, _Body) and call.body.begun:
        return False
    return call.method in IDEMPOTENT or call.header(b"idempotency-key") is not None


def _wish(outcome: Reply | UpstreamError) -> float:
    """For how many seconds the service wants to be left alone."""
    if isinstance(outcome, Unreachable):
        return outcome.retry_after if outcome.retry_after > NO_WISH else 0.0
    told = outcome.header(b"retry-after") if isinstance(outcome, Reply) else None
    if told is None:
        return 0.0
    if told.isdigit():
        return float(told)
    try:
        moment = parsedate_to_datetime(told.decode("latin-1"))
    except ValueError:  # it says nothing that RFC 9110 (10.2.3) knows
        return 0.0
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
