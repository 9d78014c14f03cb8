"""The resilience policies of a service in a route table; `docs/deploy.md` explains them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from frontispiece.units import Duration, UrlPath

Count = Annotated[int, Field(strict=True)]


class Policy(BaseModel):
    """A policy: frozen, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class BreakerPolicy(Policy):
    """When a service gets no requests for a while; `CircuitBreaker` has the rule."""

    failure_ratio: float = Field(
        0.5, gt=0, le=1, strict=True, description="The share of failed requests that opens it."
    )
    min_requests: Count = Field(20, ge=1, description="Fewer requests within the window never open it.")
    window: Duration = Field(timedelta(seconds=10), description="How far back requests are counted.")
    open_duration: Duration = Field(timedelta(seconds=5), description="How long no request is sent.")


MIN_LIMIT, MAX_LIMIT = 4, 200
"""The default bounds of an adaptive limit."""


class ConcurrencyPolicy(Policy):
    """How many requests a service gets at a time: a fixed number, or an adaptive one."""

    max_concurrent: Count | None = Field(None, ge=1, description="Requests at a time.")
    max_queue: Count = Field(0, ge=0, description="Further ones that wait; all others are refused.")
    adaptive: Annotated[bool, Field(strict=True)] = Field(
        False,
        description="Instead of max_concurrent: found out by the latency; see `AdaptiveLimit`.",
    )
    min_limit: Count = Field(MIN_LIMIT, ge=1, description="With adaptive: never fewer.")
    max_limit: Count = Field(MAX_LIMIT, ge=1, description="With adaptive: never more.")

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        if errors := list(self._errors()):
            raise ValueError("; ".join(errors))
        return self

    def _errors(self) -> Iterator[str]:
        bounded = (self.min_limit, self.max_limit) != (MIN_LIMIT, MAX_LIMIT)
        if self.adaptive and self.max_concurrent is not None:
            yield "max_concurrent is a fixed number: with adaptive = true, set min_limit and max_limit"
        if not self.adaptive and self.max_concurrent is None:
            yield "set max_concurrent, or adaptive = true"
        if not self.adaptive and bounded:
            yield "min_limit and max_limit are for adaptive = true: set max_concurrent"
        if self.min_limit > self.max_limit:
            yield "min_limit is more than max_limit"


class HealthPolicy(Policy):
    """Active health checks of the endpoints of a service."""

    path: UrlPath = Field(description="Responds with 200 while the endpoint is healthy.")
    interval: Duration = Field(timedelta(seconds=5), description="The time between two rounds.")
