"""What a table may ask for around a service; `docs/deploy.md` shows it to those who write tables."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

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


class ConcurrencyPolicy(Policy):
    """How many calls a service gets at a time."""

    calls: Count = Field(ge=1, description="At most so many at a time.")
    queue: Count = Field(0, ge=0, description="So many more wait for their turn; all others are refused.")


class HealthPolicy(Policy):
    """How the addresses of a service are asked whether they are well."""

    path: str = Field(pattern=r"^/[!-~]*$", description="Answers 200 where all is well.")
    every: Duration = Field(timedelta(seconds=5), description="The time between two rounds.")
