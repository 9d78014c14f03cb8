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

OURS: Final = frozenset(
    {"response_type", "response_mode", "client_id", "redirect_uri", "scope", "state", "nonce"}
    | {"code_challenge", "code_challenge_method", "request", "request_uri", "resource"}
)
"""Parameters of a login that nobody sets: its safety depends on them, or they have a setting of their own."""


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
    resource: str = Field(
        OFF, description="The API's URI, by which access tokens for us are asked for (RFC 8707)."
    )
    login_parameters: dict[str, str] = Field(
        default_factory=dict, description="What else the issuer is to be asked with for a login, as JSON."
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

    @field_validator("resource")
    @classmethod
    def _is_uri(cls, uri: str) -> str:
        if uri != OFF and (not urlsplit(uri).scheme or "#" in uri):
            raise ValueError("a resource is an absolute URI without a fragment: https://shop.example/api")
        return uri

    @field_validator("login_parameters")
    @classmethod
    def _are_not_ours(cls, parameters: dict[str, str]) -> dict[str, str]:
        if ours := OURS & parameters.keys():
            raise ValueError(f"these are not for settings to say: {', '.join(sorted(ours))}")
        return parameters

    @property
    def asked_for(self) -> dict[str, str]:
        """The parameters that say for whom access tokens are, where the issuer wants to be told."""
        return {} if self.resource == OFF else {"resource": self.resource}

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
