"""When a call is tried again."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gateway.duration import Duration
from gateway.policies import Part
from gateway.policies.several import SOME

Reason = Literal["unavailable", "timeout", "failed", "500", "502", "503", "504"]


class Retry(Part):
    """How a route's calls are tried again when their service failed."""

    attempts: Annotated[int, Field(strict=True)] = Field(
        2, ge=2, le=5, description="How many tries there are at most, the first one included."
    )
    on: Annotated[tuple[Reason, ...], SOME] = Field(
        ("unavailable", "502", "503"),
        description="unavailable: no connection. timeout: no answer in a try's time. failed: no usable one. "
        "Or a status that the service answered.",
    )
    each: Duration | None = Field(
        None,
        description="The time of one try, which ends as a timeout; with timeout in on, else, "
        "an even share of the route's.",
    )

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        if self.each and "timeout" not in self.on:
            raise ValueError('each makes timeouts that nobody tries again: put "timeout" into on')
        return self

    def time_of_each(self, timeout: timedelta) -> timedelta | None:
        """How long one try may take on a route with this timeout; None when it has all that is left."""
        return self.each or (timeout / self.attempts if "timeout" in self.on else None)
