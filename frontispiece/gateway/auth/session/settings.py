"""Where sessions are stored, and this gateway's registration at the issuer."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from frontispiece.http.loopback import is_loopback_host
from frontispiece.security import Keyring
from frontispiece.settings import Settings
from frontispiece.stores.valkey import OFF, ValkeyUrl

SEE: Final = " (docs/identity.md, Your own identity provider)"
"""Where its settings are explained."""


class SessionSettings(Settings):
    """Sessions of browsers; a table without `[session]` needs none of it."""

    model_config = SettingsConfigDict(env_prefix="SESSION_")

    origin: str = Field(
        OFF, description="The gateway's web origin: `https://www.example`, or http on loopback."
    )
    valkey_url: ValkeyUrl = Field(
        OFF, description="The Valkey with the sessions: `unix://path` or `valkey://host:port/number`."
    )
    encryption_keys: list[str] = Field(
        default_factory=list,
        repr=False,
        description="Keys that encrypt sessions, as JSON: each 32 bytes in base64url, the newest first. "
        "Keep an older key as long as sessions last that it encrypted.",
    )
    client_id: str = Field("web", min_length=1, description="The gateway's client id at the issuer.")
    client_secret: str = Field("", repr=False, description="The gateway's client secret at the issuer.")
    logout_audiences: list[str] = Field(
        ["web", "mobile", "mobile-web", "agent"],
        description="Client ids, as JSON, whose back-channel logouts are accepted, beside the gateway's own.",
    )
    local_cache_ttl: float = Field(
        2, ge=0, le=60, description="Seconds for which a process uses its local copy of a session."
    )

    @field_validator("origin")
    @classmethod
    def _is_origin(cls, origin: str) -> str:
        return origin if origin == OFF else valid_origin(origin)

    @field_validator("encryption_keys")
    @classmethod
    def _are_keys(cls, keys: list[str]) -> list[str]:
        if keys:
            Keyring(keys)
        return keys

    @property
    def audiences(self) -> frozenset[str]:
        """The clients whose back-channel logouts are accepted."""
        return frozenset({self.client_id, *self.logout_audiences})

    def errors(self) -> Iterator[str]:
        """What a table with `[session]` needs and these settings lack."""
        if self.origin == OFF:
            yield f"SESSION_ORIGIN: [session] needs the gateway's web origin{SEE}"
        if self.valkey_url == OFF:
            yield f"SESSION_VALKEY_URL: [session] needs a Valkey{SEE}"
        if not self.encryption_keys:
            how = "make one with `openssl rand 32 | base64 | tr '+/' '-_'`"
            yield f"SESSION_ENCRYPTION_KEYS: [session] needs a key that encrypts sessions: {how}{SEE}"
        if not self.client_secret:
            yield f"SESSION_CLIENT_SECRET: [session] needs the gateway's client secret at the issuer{SEE}"


def valid_origin(origin: str) -> str:
    """The web origin, as browsers write it.

    Raises:
        ValueError: it is none.
    """
    parts = urlsplit(origin)
    if origin != f"{parts.scheme}://{parts.netloc}" or not parts.hostname or "@" in parts.netloc:
        raise ValueError("an origin is scheme, host and, if need be, port: https://www.example")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback_host(parts.hostname)):
        raise ValueError("browsers store the session cookie only with https, or on loopback")
    if origin != origin.lower():
        raise ValueError("browsers write an origin in lower case")
    return origin
