"""How a gateway stops: it says so, refuses what is new, and finishes what is under way."""

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import SettingsConfigDict

from gateway.duration import Duration, duration
from kit.settings import Settings

Notice = Annotated[timedelta, BeforeValidator(duration), Field(ge=timedelta(0), le=timedelta(minutes=10))]


class StopSettings(Settings):
    """How long each step of a stop takes."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    stop_notice: Notice = Field(
        timedelta(seconds=1),
        description="From readiness going off until new connections are refused: as long as a balancer in "
        "front needs to notice.",
    )
    stops_within: Duration = Field(
        timedelta(seconds=10), description="After that, running requests have so long to finish."
    )
