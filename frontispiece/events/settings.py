"""Settings of events, and of the services that have them."""

from typing import Annotated, Final, Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from frontispiece.security import SigningKey
from frontispiece.settings import Directory, Settings, TokenSettings
from frontispiece.units import Matches

MAX_RETENTION_DAYS: Final = 14


class EventSettings(Settings):
    """How a service reaches the broker, and how it consumes."""

    model_config = SettingsConfigDict(env_prefix="EVENTS_")

    url: str = Field(
        description="The broker: `nats://user:password@host:4222`; servers of a cluster have commas between "
        "them."
    )
    prefix: Annotated[
        str, Matches(r"[a-z][a-z0-9_]*", "prefix: small letters, digits and _, a letter first")
    ] = Field(
        description="The first word of every type of event, and of the names of the streams.",
    )
    monitor_url: str = Field(
        "", description="The broker's monitoring address, `http://host:8222`: to see whether it syncs always."
    )
    durability: Literal["warn", "strict"] = Field(
        "warn",
        description="What happens at start when the broker acknowledges before a message is on disk: a "
        "warning, or (`strict`) a refusal to start. It is seen only with `EVENTS_MONITOR_URL`.",
    )
    replicas: int = Field(1, ge=1, le=5, description="Servers of the cluster that keep each message.")
    retention_days: float = Field(
        7,
        gt=0,
        le=MAX_RETENTION_DAYS,
        description="Days that events stay for consumers that are away; at most 14: an inbox remembers 15.",
    )
    concurrency: int = Field(
        16, ge=1, le=1000, description="Messages of one stream that a copy of a service handles at a time."
    )
    ack_wait: float = Field(
        5.0,
        ge=1,
        description="Seconds after which a message is delivered anew when the copy that handles it gives no "
        "sign of life.",
    )
    handler_timeout: float = Field(
        60.0, gt=0, description="Seconds that a handler has for a message; later it has failed."
    )
    max_deliver: int = Field(
        20, ge=1, description="Deliveries of a message that keeps failing until it is parked."
    )
    min_backoff: float = Field(
        0.1, gt=0, description="Seconds from the first failure of a message to its redelivery."
    )
    max_backoff: float = Field(
        60.0, gt=0, description="Seconds to which this delay grows, doubled by each failure."
    )


class ServiceSettings(Settings):
    """The base of the settings of a service that has events: what each reads beside its own.

    A service's class adds its fields, and its prefix:

        class InventorySettings(ServiceSettings):
            model_config = SettingsConfigDict(env_prefix="INVENTORY_")
    """

    events: EventSettings = Field(default_factory=EventSettings)
    tokens: TokenSettings = Field(default_factory=TokenSettings)


class CallingServiceSettings(ServiceSettings):
    """The settings of a service that also calls others, with tokens of its own."""

    signing_key: SigningKey = Field(
        description="Ed25519 private key in PEM, which signs the service's calls.", repr=False
    )
    directory: Directory = Field(default_factory=Directory)
