"""The server in front of a gateway. Its supervisor reads these settings, too: nothing else is imported."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from frontispiece.settings import Settings


class ServerSettings(Settings):
    """Seconds of an idle connection and of each step of a stop: unready, no new connections, none left."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    keep_alive_timeout: float = Field(
        75,
        gt=0,
        le=3600,
        description="Seconds for which a client connection stays open between two requests: longer than a "
        "load balancer in front keeps idle connections, so that no request meets a closing one.",
    )
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
    def stop_seconds(self) -> float:
        """Seconds until what is left is cut off."""
        return self.drain_delay + self.graceful_timeout
