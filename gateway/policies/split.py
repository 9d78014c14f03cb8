"""Who gets a part of a route's calls."""

from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from gateway.aggregate.parts import Yes
from gateway.policies import Part
from gateway.policies.several import SOME
from gateway.policies.target import Target

ALL: Final = 100.0
"""Weights are parts of this."""

NEVER_SEEN: Final = frozenset(
    {"authorization", "cookie", "connection", "host", "te", "transfer-encoding", "upgrade"}
)
"""Fields that are nobody's to choose by: credentials, and what concerns one connection only."""


def _may_choose(name: str) -> str:
    if name.lower() in NEVER_SEEN:
        raise ValueError(f"nobody is told apart by {name}: choose by a header of your own")
    return name.lower()


class When(Part):
    """Calls that carry this header."""

    header: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$"), AfterValidator(_may_choose)]
    equals: str = Field(alias="is", pattern=r"^[ -~]*$", description="Its whole value.")


class Choice(Part):
    """One other side of a route, and who is led there."""

    to: Target = Field(description='"service" or "service:/path/{name}": the other side.')
    weight: Annotated[float, Field(strict=True)] = Field(
        0.0,
        ge=0,
        le=ALL,
        description="So many of a hundred callers; the others stay where the route leads.",
    )
    when: When | None = Field(None, description="Calls with this header, whatever the weights.")
    told: Yes = Field(False, description="Whether its answers name the service, in x-served-by.")

    @model_validator(mode="after")
    def _leads_somebody(self) -> Self:
        if not self.weight and not self.when:
            raise ValueError("nobody is led there: give it a weight, or when")
        return self


def _shares(choices: tuple[Choice, ...]) -> tuple[Choice, ...]:
    if (together := sum(choice.weight for choice in choices)) > ALL:
        raise ValueError(f"the weights are {together:g} together: they are parts of {ALL:g}")
    return choices


Split = Annotated[tuple[Choice, ...], SOME, AfterValidator(_shares)]
