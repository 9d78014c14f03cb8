"""How long a gateway takes to stop. Its supervisor reads this too: nothing else is imported here."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from frontispiece.settings import Settings


class ShutdownSettings(Settings):
    """Seconds of each step of a stop: unready, then no new connections, then nothing running."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    drain_delay: float = Field(
        1,
        ge=0,
        le=600,
        description="Seconds from unready until new connections are refused: as long as a load balancer in "
        "front needs to notice.",
    )
    graceful_timeout: int = Field(
        10, ge=1, le=3600, description="Seconds until running requests, streams among them, are cut off."
    )

    @property
    def seconds(self) -> float:
        """Seconds until what is left is cut off."""
        return self.drain_delay + self.graceful_timeout
