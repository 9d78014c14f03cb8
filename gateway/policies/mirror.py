"""Who gets a copy of calls."""

from typing import Annotated

from pydantic import Field

from gateway.aggregate.parts import Yes
from gateway.policies import Part
from gateway.policies.target import Target


class Mirror(Part):
    """A shadow that gets copies of a route's calls, and whose answers nobody gets."""

    to: Target = Field(description='"service" or "service:/path/{name}": the shadow.')
    share: Annotated[float, Field(strict=True)] = Field(
        1.0, gt=0, le=1, description="Of all calls that can be copied, so many are."
    )
    unsafe: Yes = Field(False, description="Whether calls that change something are copied as well.")
