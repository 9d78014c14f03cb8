"""Identity's settings, checked whole."""

import ipaddress
from typing import Annotated, Final, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from kit.sealing import Ring
from kit.settings import Settings, TokenSettings

SHORTEST_SECRET: Final = 32
"""Characters of a client's secret at least: it is made by a machine, and its tries are not counted."""

MOST_IN_ID: Final = 64
"""Characters of a client's name at most."""

DAY: Final = 86_400.0


def _split(uri: str) -> SplitResult:
    if not uri.isascii() or not uri.isprintable() or " " in uri or "\\" in uri:
        raise ValueError("has characters that no URI has")
    parts = urlsplit(uri)
    if "#" in uri:
        raise ValueError("has a fragment")
    if parts.username is not None or parts.password is not None:
        raise ValueError("has credentials in it")
    return parts


def is_loopback(host: str | None) -> bool:
    """Whether what is sent to this host stays on the machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _public(uri: str) -> str:
    """An address that browsers may be sent to.

    Raises:
        ValueError: it is http to another machine, or lacks a host, or its scheme could be anybody's.
    """
    parts = _split(uri)
    if parts.scheme in {"http", "https"}:
        if not parts.hostname:
            raise ValueError("has no host")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError("is http to another machine: only https is safe on the way")
    elif "." not in parts.scheme:  # RFC 8252, 7.1; it also keeps out javascript: and data:
        raise ValueError("has a scheme that is no domain name in reverse")
    return uri


def _internal(uri: str) -> str:
    """An address that this service itself calls, inside the network or outside."""
    parts = _split(uri)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("is no http or https URL")
    return uri


PublicUri = Annotated[str, AfterValidator(_public)]


class Client(BaseModel):
    """An app by which users log in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    secret: str | None = Field(None, min_length=SHORTEST_SECRET, repr=False)
    redirect_uris: tuple[PublicUri, ...] = Field(min_length=1)
    post_logout_redirect_uris: tuple[PublicUri, ...] = ()
    backchannel_logout_uri: Annotated[str, AfterValidator(_internal)] | None = None

    @property
    def is_confidential(self) -> bool:
        """Whether it can keep a secret; an app on somebody's phone cannot."""
        return self.secret is not None


class IdentitySettings(Settings):
    """Identity's settings."""

    model_config = SettingsConfigDict(env_prefix="IDENTITY_")

    database_url: str = Field(description="SQLAlchemy URL of identity's own database.")
    issuer: str = Field(
        description="The public URL of this provider, without a slash at its end, such as "
        "`https://shop.example/identity`; https, unless its host is this machine.",
    )
    clients: dict[str, Client] = Field(
        description='The apps by which users log in, as JSON: {"web": {"secret": "…", '
        '"redirect_uris": ["https://…"], "post_logout_redirect_uris": ["https://…"], '
        '"backchannel_logout_uri": "http://…"}, …}. Without a secret a client is public.',
    )
    sealing_keys: list[str] = Field(
        description="Keys that seal the private signing keys in the database, as JSON, the newest first, "
        "each 32 bytes in base64url.",
        repr=False,
    )
    algorithm: Literal["EdDSA", "ES256"] = Field("EdDSA", description="How tokens are signed.")
    keys_last: float = Field(30 * DAY, gt=0, description="Seconds for which a key signs.")
    keys_announced: float = Field(
        3600.0, gt=0, description="Seconds for which a key is published before it signs."
    )
    audience: str = Field("shop", min_length=1, description="Whom access tokens are for.")
    access_lasts: int = Field(300, gt=0, le=3600, description="Seconds for which an access token is good.")
    refresh_lasts: float = Field(
        30 * DAY, gt=0, description="Seconds after which somebody must log in again, whatever was refreshed."
    )
    login_lasts: float = Field(
        DAY / 2, gt=0, description="Seconds for which a browser stays logged in at this provider."
    )
    argon2_memory_kib: int = Field(65_536, ge=8, description="KiB of memory that a password's hash takes.")
    argon2_passes: int = Field(3, ge=1, description="How often a password's hash goes over that memory.")
    seed: bool = Field(False, description="Whether an empty database gets the demo shop's users.")
    tokens: TokenSettings = Field(default_factory=TokenSettings)

    @field_validator("issuer")
    @classmethod
    def _is_an_issuer(cls, issuer: str) -> str:
        parts = urlsplit(_public(issuer))
        if parts.scheme not in {"http", "https"}:
            raise ValueError("is no http or https URL")
        if issuer.endswith("/") or "?" in issuer:
            raise ValueError("ends with a slash or has a query")
        return issuer

    @field_validator("clients")
    @classmethod
    def _has_clients(cls, clients: dict[str, Client]) -> dict[str, Client]:
        for name in clients:
            if not name.isascii() or not name.isprintable() or not 0 < len(name) <= MOST_IN_ID:
                raise ValueError(f"{name!r} is no client's name: 1 to {MOST_IN_ID} ASCII characters")
        return clients

    @field_validator("sealing_keys")
    @classmethod
    def _are_keys(cls, keys: list[str]) -> list[str]:
        Ring(keys)
        return keys

    @field_validator("keys_announced")
    @classmethod
    def _before_the_last_ends(cls, announced: float, info: ValidationInfo) -> float:
        if announced >= info.data.get("keys_last", float("inf")):
            raise ValueError("a key would be announced before the one before it signs")
        return announced

    @property
    def origin(self) -> str:
        """The web origin of this provider's pages."""
        parts = urlsplit(self.issuer)
        return f"{parts.scheme}://{parts.netloc}".lower()

    def at(self, path: str) -> str:
        """The public URL of one of this provider's paths."""
        return self.issuer + path
