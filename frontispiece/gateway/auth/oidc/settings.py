"""The issuer whose tokens the gateway accepts."""

from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from frontispiece.errors import ConfigError
from frontispiece.http.loopback import is_loopback_host
from frontispiece.settings import Settings

OFF: Final = "off"
DISCOVERY: Final = "discovery"

WELL_KNOWN: Final = "/.well-known/openid-configuration"


Algorithm = Literal["EdDSA", "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
"""Asymmetric ones only: whoever verifies with a shared secret could sign as well."""

RESERVED: Final = frozenset(
    {"response_type", "response_mode", "client_id", "redirect_uri", "scope", "state", "nonce"}
    | {"code_challenge", "code_challenge_method", "request", "request_uri", "resource"}
)
"""Login parameters that no setting may change: the login's safety depends on them, or they have a setting."""


class IssuerSettings(Settings):
    """The OpenID provider whose tokens identify callers."""

    model_config = SettingsConfigDict(env_prefix="ISSUER_")

    jwks: str = Field(
        OFF,
        description="The URL or file of the issuer's key set. Without discovery, bearer routes work, "
        "logins do not; a file is read again when it changes.",
    )
    url: str = Field(
        OFF,
        validate_default=True,
        description="The issuer's URL, the `iss` of its tokens: https, or http on loopback; any `iss` with "
        "`ISSUER_JWKS`.",
    )
    backend_url: str = Field(
        OFF, description="The base URL by which this gateway reaches the issuer, when it is another one."
    )
    audience: str = Field("api", min_length=1, description="The `aud` of access tokens for this API.")
    algorithms: list[Algorithm] = Field(
        ["EdDSA", "ES256"], min_length=1, description="The accepted signature algorithms, as JSON."
    )
    resource: str = Field(OFF, description="The API's URI, sent when access tokens are requested (RFC 8707).")
    login_parameters: dict[str, str] = Field(
        default_factory=dict, description="Further parameters of the authorization request, as JSON."
    )
    clock_skew: float = Field(
        10, ge=0, le=60, description="Tolerated clock difference between issuer and gateway, in seconds."
    )
    require_at_jwt: bool = Field(
        False,
        description="Whether access tokens must have the `typ` header `at+jwt` (RFC 9068), which ID tokens "
        "never have.",
    )
    require_dpop: bool = Field(
        False, description="Whether access tokens must be bound to a key of the client (DPoP, RFC 9449)."
    )
    max_token_lifetime: float = Field(
        86_400,
        ge=60,
        le=2_592_000,
        description="Seconds from the `iat` to the `exp` of an access token, at most; ended logins are "
        "remembered as long.",
    )
    introspection: str = Field(
        OFF,
        description="Where tokens that are no JWTs are verified (RFC 7662): a URL, or `discovery` for the "
        "issuer's own endpoint.",
    )
    introspection_client_id: str = Field("", description="The gateway's client id for introspection.")
    introspection_client_secret: str = Field(
        "", repr=False, validate_default=True, description="The gateway's secret for it."
    )
    introspection_cache_ttl: float = Field(
        60, ge=0, le=3600, description="Seconds for which an active token is not introspected again."
    )
    jwks_refresh_interval: float = Field(
        600, ge=1, le=86_400, description="Seconds between two reads of the issuer's key set."
    )

    @field_validator("jwks")
    @classmethod
    def _is_key_set(cls, jwks: str) -> str:
        if jwks == OFF:
            return jwks
        if (path := _file(jwks)) is None:
            if not is_secure(split(jwks.partition("?")[0])):
                raise ValueError("a key set is at https://…, http:// on loopback, or in a file")
        elif not path.is_file():
            raise ValueError(f"there is no file {path}: name one, or leave ISSUER_JWKS out, for discovery")
        return jwks

    @field_validator("url")
    @classmethod
    def _is_issuer(cls, url: str, info: ValidationInfo) -> str:
        if info.data.get("jwks", OFF) != OFF:
            if url in {OFF, ""}:
                raise ValueError("ISSUER_JWKS needs it: the `iss` of the tokens")
        elif url != OFF and not is_secure(split(url)):
            raise ValueError("the issuer's URL begins with https://, or with http:// on loopback")
        return url

    @field_validator("introspection")
    @classmethod
    def _is_endpoint(cls, introspection: str, info: ValidationInfo) -> str:
        if introspection == DISCOVERY and info.data.get("jwks", OFF) != OFF:
            raise ValueError("with ISSUER_JWKS there is no discovery: write the endpoint's URL")
        if introspection not in {OFF, DISCOVERY} and not is_secure(split(introspection)):
            raise ValueError("an endpoint is at https://…, or http:// on loopback")
        return introspection

    @field_validator("introspection_client_secret")
    @classmethod
    def _is_client(cls, secret: str, info: ValidationInfo) -> str:
        if info.data.get("introspection", OFF) != OFF and not (
            secret and info.data["introspection_client_id"]
        ):
            raise ValueError("introspection needs the client's id and secret")
        return secret

    @field_validator("backend_url")
    @classmethod
    def _is_base(cls, url: str) -> str:
        if url != OFF:
            split(url)
        return url.rstrip("/")

    @field_validator("resource")
    @classmethod
    def _is_uri(cls, uri: str) -> str:
        if uri != OFF and (not urlsplit(uri).scheme or "#" in uri):
            raise ValueError("a resource is an absolute URI without a fragment: https://www.example/api")
        return uri

    @field_validator("login_parameters")
    @classmethod
    def _are_not_reserved(cls, parameters: dict[str, str]) -> dict[str, str]:
        if reserved := RESERVED & parameters.keys():
            raise ValueError(f"reserved: {', '.join(sorted(reserved))}")
        return parameters

    @property
    def token_parameters(self) -> dict[str, str]:
        """The parameters that name the API, at issuers that give access tokens by `resource`."""
        return {} if self.resource == OFF else {"resource": self.resource}

    def to_backend(self, url: str) -> str:
        """The URL by which this gateway reaches a public one of the issuer's (`ISSUER_BACKEND_URL`)."""
        issuer = self.url.rstrip("/")
        if self.backend_url == OFF or not (url == issuer or url.startswith((f"{issuer}/", f"{issuer}?"))):
            return url
        return self.backend_url + url.removeprefix(issuer)

    @property
    def revocation_retention(self) -> float:
        """Seconds after the end of a login for which a token of it could be accepted."""
        return self.max_token_lifetime + 2 * self.clock_skew

    @property
    def discovery_url(self) -> str:
        """The URL of the discovery document, by which this gateway reaches it."""
        return self.to_backend(self.url.rstrip("/") + WELL_KNOWN)

    @property
    def jwks_file(self) -> Path | None:
        """The file with the key set; None when it is at a URL."""
        return None if self.jwks == OFF else _file(self.jwks)

    @property
    def is_on(self) -> bool:
        """Whether there is an issuer at all."""
        return self.url != OFF

    @property
    def has_discovery(self) -> bool:
        """Whether the issuer's endpoints are discovered: a login needs them."""
        return self.is_on and self.jwks == OFF


class FurtherIssuer(IssuerSettings):
    """Another issuer of access tokens, with the keys of `ISSUER_*`; none is read from the environment."""

    model_config = SettingsConfigDict(env_prefix="", extra="forbid")

    @classmethod
    def read_variables(cls) -> dict[str, Any]:
        """Nothing."""
        return {}

    @classmethod
    def read(cls, written: object) -> object:
        """The settings in a JSON object; what is none is for the caller to refuse.

        Raises:
            ValueError: they have errors.
        """
        if not isinstance(written, dict):
            return written
        try:
            return cls(**written)
        except ConfigError as error:
            raise ValueError("; ".join(error.errors)) from None


def _file(jwks: str) -> Path | None:
    if jwks.startswith("file://"):
        return Path(unquote(urlsplit(jwks).path))
    return None if "://" in jwks else Path(jwks)


def split(url: str) -> SplitResult:
    """The parts of an issuer's URL.

    Raises:
        ValueError: it is not http(s), or has a query, a fragment or a user.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("this is no http(s) URL: write https://issuer.example")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("the URL has no query, no fragment and no user")
    return parts


def is_secure(parts: SplitResult) -> bool:
    """Whether nobody on the way can read or change the traffic."""
    return parts.scheme == "https" or is_loopback_host(parts.hostname)
