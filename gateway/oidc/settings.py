"""Which issuer the gateway believes, and what of its tokens."""

from typing import Final, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from kit.settings import Settings

OFF: Final = "off"

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

Algorithm = Literal["EdDSA", "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
"""Asymmetric ones alone: with a secret that both sides know, whoever verifies could sign as well."""


class IssuerSettings(Settings):
    """The OpenID Connect provider whose tokens prove who is calling."""

    model_config = SettingsConfigDict(env_prefix="ISSUER_")

    url: str = Field(OFF, description="The issuer's URL, as in its tokens: https, or http on loopback.")
    via: str = Field(
        OFF, description="By which base URL this gateway reaches the issuer, when that is another one."
    )
    audience: str = Field("shop", min_length=1, description="The `aud` of access tokens that are for us.")
    algorithms: list[Algorithm] = Field(
        ["EdDSA", "ES256"], min_length=1, description="By which its tokens may be signed, as JSON."
    )
    skew: float = Field(10, ge=0, le=60, description="Seconds by which its clock and ours may differ.")
    keys_every: float = Field(600, ge=1, le=86_400, description="Seconds after which its keys are read anew.")

    @field_validator("url")
    @classmethod
    def _is_secure(cls, url: str) -> str:
        if url != OFF and not is_secure(split(url)):
            raise ValueError("the issuer's URL begins with https://, or with http:// on loopback")
        return url

    @field_validator("via")
    @classmethod
    def _is_base(cls, url: str) -> str:
        if url != OFF:
            split(url)
        return url.rstrip("/")

    @property
    def is_on(self) -> bool:
        """Whether there is an issuer at all."""
        return self.url != OFF


def split(url: str) -> SplitResult:
    """The parts of a URL that may be that of an issuer.

    Raises:
        ValueError: it is none.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("this is no http(s) URL")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("the URL has no query, no fragment and no user")
    return parts


def is_secure(parts: SplitResult) -> bool:
    """Whether nobody on the way can read or change what goes there."""
    return parts.scheme == "https" or parts.hostname in LOOPBACK
