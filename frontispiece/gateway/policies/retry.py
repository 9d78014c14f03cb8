"""Retries of failed calls, where a second one does no harm."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from frontispiece import clocks
from frontispiece.aio import RetryBudget
from frontispiece.gateway.call import Call, Handler, Layer
from frontispiece.gateway.config.base import ConfigModel, non_empty
from frontispiece.http.dates import retry_after
from frontispiece.http.headers import IDEMPOTENT_METHODS
from frontispiece.http.messages import BodyStream, whole_or_stream
from frontispiece.units import Duration
from frontispiece.upstream import (
    InvalidResponse,
    Reply,
    TimedOut,
    Unreachable,
    UpstreamError,
    UpstreamServerError,
)

if TYPE_CHECKING:
    from frontispiece.gateway.config.route import Route
    from frontispiece.gateway.resources import TableResources

INITIAL_BACKOFF: Final = 0.025
"""Seconds before the first retry at most, doubled for each further one (Envoy's default, as the next)."""

MAX_BACKOFF: Final = 0.25
"""Seconds before any retry at most."""

MAX_RETRY_AFTER: Final = 2.0
"""Seconds: a longer `Retry-After` is passed on to the client instead."""

UNKNOWN_RETRY_AFTER: Final = 1.0
"""The `retry_after` of an `Unreachable` whose cause says nothing of when the service may be back."""

BUDGET: Final = 10.0
"""Retries that a route may make before its calls have earned any."""

Count = Callable[[str], None]
"""Counts a failure as `retried`, or by the reason why it was not."""

Budgets = defaultdict[str | None, RetryBudget]
"""By the variant of a traffic split; None without one."""

RetryOn = Literal["unavailable", "timeout", "failed", "500", "502", "503", "504"]


class Retry(ConfigModel):
    """Which failures of a route are retried, and how often."""

    attempts: Annotated[int, Field(strict=True)] = Field(
        2, ge=2, le=5, description="At most, the first one included."
    )
    on: Annotated[tuple[RetryOn, ...], non_empty()] = Field(
        ("unavailable", "502", "503"),
        description="unavailable: no connection. timeout: no response in time. failed: no valid response. "
        "Or a status that the service answers.",
    )
    per_try_timeout: Duration | None = Field(
        None, description="Of one attempt; when left out, with timeout in on, an even share of the route's."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.per_try_timeout and "timeout" not in self.on:
            raise ValueError('per_try_timeout makes timeouts that are not retried: put "timeout" into on')
        return self

    def attempt_timeout(self, timeout: timedelta) -> timedelta | None:
        """The timeout of one attempt, given the route's; None when it may use all that is left."""
        return self.per_try_timeout or (timeout / self.attempts if "timeout" in self.on else None)


def for_route(route: "Route", resources: "TableResources") -> Iterator[Layer]:
    """The layer of a route whose failed calls are retried."""
    if route.retry:
        metrics = resources.runtime.metrics
        budgets = metrics.retry_budgets[route.id] = new_budgets()
        yield retry_layer(route.retry, route.timeout, partial(metrics.retries.add, route.name), budgets)


def new_budgets() -> Budgets:
    """A budget for each variant of a traffic split: a faulty canary spends only its own."""
    return defaultdict(lambda: RetryBudget(max_balance=BUDGET, balance=BUDGET))


def retry_layer(
    policy: Retry,
    timeout: timedelta,
    count: Count,
    budgets: Budgets | None = None,
    *,
    clock: Callable[[], float] = clocks.monotonic,
    wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    chance: Callable[[float, float], float] = random.uniform,
) -> Layer:
    """Retry failed calls within the route's timeout and a budget of a tenth of all calls.

    Only idempotent calls are retried, and only while nothing of a streamed body has been read. The backoff is
    drawn from zero up to a bound that doubles ("full jitter",
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). A short `Retry-After` is
    waited for, a long one ends the attempts.
    """
    seconds = timeout.total_seconds()
    attempt_timeout = policy.attempt_timeout(timeout)
    per_try_timeout = attempt_timeout.total_seconds() if attempt_timeout else None
    budget_of = new_budgets() if budgets is None else budgets

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            budget = budget_of[call.variant]
            budget.deposit()
            until = clock() + seconds
            call.per_try_timeout = per_try_timeout
            call.body = whole_or_stream(call.body)
            for attempt in range(policy.attempts - 1):
                outcome = await _attempt(inner, call)
                if not _is_retryable(outcome, policy):
                    return _reply(outcome)
                backoff = chance(0, min(MAX_BACKOFF, INITIAL_BACKOFF * 2**attempt))
                pause = max(backoff, _retry_after(outcome))
                obstacle = _obstacle(call, pause, until - clock(), budget)
                count(obstacle or "retried")
                if obstacle is not None:
                    return _reply(outcome)
                if isinstance(outcome, Reply):
                    await outcome.release()
                await wait(pause)
            return await inner(call)

        return handle

    return layer


def _obstacle(call: Call, pause: float, left: float, budget: RetryBudget) -> str | None:
    """Why there is no further attempt after this pause, as it is counted; None when there is one."""
    if not _is_repeatable(call):
        return "not-repeatable"
    if pause > MAX_RETRY_AFTER:
        return "retry-after"
    if pause >= left:
        return "no-time"
    return None if budget.withdraw() else "no-budget"


async def _attempt(inner: Handler, call: Call) -> Reply | UpstreamError:
    try:
        return await inner(call)
    except UpstreamError as failure:
        return failure


def _reply(outcome: Reply | UpstreamError) -> Reply:
    if isinstance(outcome, UpstreamError):
        raise outcome
    return outcome


def _is_retryable(outcome: Reply | UpstreamError, policy: Retry) -> bool:
    """Whether the policy names this failure. What our own limits refuse never is: a retry would add load."""
    match outcome:
        case Reply():
            return str(outcome.status) in policy.on
        case Unreachable():
            return "unavailable" in policy.on
        case TimedOut():
            return "timeout" in policy.on
        case UpstreamServerError() | InvalidResponse():
            return "failed" in policy.on
        case _:
            return False


def _is_repeatable(call: Call) -> bool:
    if isinstance(call.body, BodyStream) and call.body.is_begun:
        return False
    return call.method in IDEMPOTENT_METHODS or call.header(b"idempotency-key") is not None


def _retry_after(outcome: Reply | UpstreamError) -> float:
    """Seconds for which the service asks to be left alone."""
    if isinstance(outcome, Unreachable):
        return outcome.retry_after if outcome.retry_after > UNKNOWN_RETRY_AFTER else 0.0
    return retry_after(outcome.header(b"retry-after")) or 0.0 if isinstance(outcome, Reply) else 0.0
