"""Where sessions are kept, and as whom the gateway logs people in."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from kit.sealing import Ring
from kit.settings import Settings

OFF: Final = "off"

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class SessionSettings(Settings):
    """The browser's token handler; a table without sessions needs none of it."""

    model_config = SettingsConfigDict(env_prefix="SESSION_")

    origin: str = Field(
        OFF,
        description="Where browsers reach this gateway: `https://shop.example`, or http on loopback.",
    )
    valkey_url: str = Field(
        OFF, description="The Valkey that keeps sessions: `unix://path` or `valkey://host:port/number`."
    )
    keys: list[str] = Field(
        default_factory=list,
        repr=False,
        description="What sessions are sealed with, as JSON: each 32 bytes in base64url, the newest first. "
        "An older key stays as long as sessions that it sealed last.",
    )
    client_id: str = Field("web", min_length=1, description="By which name the issuer knows this gateway.")
    client_secret: str = Field("", repr=False, description="What proves that to the issuer.")
    logout_audiences: list[str] = Field(
        ["web", "mobile"],
        description="Clients, as JSON, of whose logouts the issuer tells the gateway; its own is one anyway.",
    )
    local_seconds: float = Field(
        2,
        ge=0,
        le=60,
        description="For how long a process believes its own copy of a session before it asks Valkey again.",
    )

    @field_validator("origin")
    @classmethod
    def _is_origin(cls, origin: str) -> str:
        if origin == OFF:
            return origin
        parts = urlsplit(origin)
        if origin != f"{parts.scheme}://{parts.netloc}" or not parts.hostname or "@" in parts.netloc:
            raise ValueError("an origin is scheme, host and, if need be, port: https://shop.example")
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            raise ValueError("browsers keep the session's cookie only with https, or on loopback")
        if origin != origin.lower():
            raise ValueError("browsers write an origin in lower case")
        return origin

    @field_validator("keys")
    @classmethod
    def _are_keys(cls, keys: list[str]) -> list[str]:
        if keys:
            Ring(keys)
        return keys

    @property
    def audiences(self) -> frozenset[str]:
        """Clients of whose logouts the issuer tells this gateway."""
        return frozenset({self.client_id, *self.logout_audiences})

    def faults(self) -> Iterator[str]:
        """What a table with sessions needs and these settings lack."""
        if self.origin == OFF:
            yield "SESSION_ORIGIN: sessions need to know where browsers reach this gateway"
        if self.valkey_url == OFF:
            yield "SESSION_VALKEY_URL: sessions need a Valkey that keeps them"
        if not self.keys:
            yield "SESSION_KEYS: sessions need a key that seals them"
        if not self.client_secret:
            yield "SESSION_CLIENT_SECRET: sessions need what proves to the issuer who logs people in"
