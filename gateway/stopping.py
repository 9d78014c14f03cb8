"""How a gateway stops: it says so, then refuses what is new, and finishes what is under way."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from kit.settings import Settings


class StopSettings(Settings):
    """How long each step of a stop takes, in seconds."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    stop_notice: float = Field(
        1,
        ge=0,
        le=600,
        description="From readiness going off until new connections are refused: as long as a balancer in "
        "front needs to notice.",
    )
    stops_within: int = Field(
        10, ge=1, le=3600, description="Running requests, streams among them, then have so long to finish."
    )

    @property
    def seconds(self) -> float:
        """How long a stop takes at most, until what is left is cut off."""
        return self.stop_notice + self.stops_within
