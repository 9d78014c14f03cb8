"""What a table may ask for around a service; `docs/deploy.md` shows it to those who write tables."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.duration import Duration

Count = Annotated[int, Field(strict=True)]


class Policy(BaseModel):
    """A policy: frozen, and closed to names that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class BreakerPolicy(Policy):
    """When a service is left alone for a while; the rule is told at `Breaker`."""

    share: float = Field(0.5, gt=0, le=1, strict=True, description="Of all calls, as many as open it failed.")
    calls: Count = Field(20, ge=1, description="Fewer calls than this within the window never open it.")
    window: Duration = Field(timedelta(seconds=10), description="How far back calls are counted.")
    pause: Duration = Field(timedelta(seconds=5), description="How long no call is let through.")


LEAST, MOST = 4, 200
"""Between which numbers an adaptive limit moves where a table does not say."""


class ConcurrencyPolicy(Policy):
    """How many calls a service gets at a time: always as many, or what it turns out to bear."""

    calls: Count | None = Field(None, ge=1, description="At most so many at a time.")
    queue: Count = Field(0, ge=0, description="So many more wait for their turn; all others are refused.")
    adaptive: Annotated[bool, Field(strict=True)] = Field(
        False, description="Instead of calls: as many as are answered about as fast as few; see `Gradient`."
    )
    min: Count = Field(LEAST, ge=1, description="With adaptive: so many are always let through.")
    max: Count = Field(MOST, ge=1, description="With adaptive: more are never.")

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if faults := list(self._between_keys()):
            raise ValueError("; ".join(faults))
        return self

    def _between_keys(self) -> Iterator[str]:
        bounded = (self.min, self.max) != (LEAST, MOST)
        if self.adaptive and self.calls is not None:
            yield "calls is for a fixed number: with adaptive = true, set min and max"
        if not self.adaptive and self.calls is None:
            yield "say how many calls, or adaptive = true"
        if not self.adaptive and bounded:
            yield "min and max are for adaptive = true: set calls"
        if self.min > self.max:
            yield "min is more than max"


class HealthPolicy(Policy):
    """How the addresses of a service are asked whether they are well."""

    path: str = Field(pattern=r"^/[!-~]*$", description="Answers 200 where all is well.")
    every: Duration = Field(timedelta(seconds=5), description="The time between two rounds.")
