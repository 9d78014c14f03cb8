"""Identity's settings, checked whole."""

import re
from typing import Annotated, Final, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from frontispiece.http import is_loopback_host
from frontispiece.security import Keyring
from frontispiece.settings import Settings, TokenSettings

MIN_SECRET_LENGTH: Final = 32
"""Characters of a client secret: attempts to guess it are not limited."""

MAX_CLIENT_ID_LENGTH: Final = 64

DAY: Final = 86_400.0

MAX_PORT: Final = 65_535

_LOOPBACK: Final = re.compile(
    r"(?P<host>http://(127\.0\.0\.1|\[::1\]))(:(?P<port>[0-9]{1,5}))?(?P<rest>([/?].*)?)"
)


def _split(uri: str) -> SplitResult:
    if not uri.isascii() or not uri.isprintable() or " " in uri or "\\" in uri:
        raise ValueError("has characters that no URI has")
    parts = urlsplit(uri)
    if "#" in uri:
        raise ValueError("has a fragment")
    if parts.username is not None or parts.password is not None:
        raise ValueError("has credentials in it")
    return parts


def _public(uri: str) -> str:
    """A URI that browsers may be redirected to.

    Raises:
        ValueError: it is http to another machine, has no host, or a scheme that any app could claim.
    """
    parts = _split(uri)
    if parts.scheme in {"http", "https"}:
        if not parts.hostname:
            raise ValueError("has no host")
        if parts.scheme == "http" and not is_loopback_host(parts.hostname):
            raise ValueError("is http to another machine: only https is safe on the way")
    elif "." not in parts.scheme:  # RFC 8252, 7.1; it also keeps out javascript: and data:
        raise ValueError("has a scheme that is no domain name in reverse")
    return uri


def _internal(uri: str) -> str:
    """A URL that this service itself calls."""
    parts = _split(uri)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("is no http or https URL")
    return uri


def _without_port(uri: str) -> str | None:
    """An http URI of this machine, by its IP address, without its port; None for any other."""
    match = _LOOPBACK.fullmatch(uri)
    if match is None or not 0 < int(match["port"] or 80) <= MAX_PORT:
        return None
    return match["host"] + match["rest"]


def _origin(uri: str) -> str:
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}".lower()


PublicUri = Annotated[str, AfterValidator(_public)]


class Client(BaseModel):
    """An OAuth client."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = Field(None, min_length=1, max_length=MAX_CLIENT_ID_LENGTH)
    secret: str | None = Field(None, min_length=MIN_SECRET_LENGTH, repr=False)
    redirect_uris: tuple[PublicUri, ...] = Field(min_length=1)
    post_logout_redirect_uris: tuple[PublicUri, ...] = ()
    backchannel_logout_uri: Annotated[str, AfterValidator(_internal)] | None = None
    dpop_bound_access_tokens: bool = False
    scopes: tuple[str, ...] | None = None
    """Those that it is granted at most, beside the standard ones; all of the user's when None."""
    resource: PublicUri | None = None
    """What its access tokens are for (RFC 8707), in place of IDENTITY_AUDIENCE."""

    @property
    def is_confidential(self) -> bool:
        """Whether it has a secret; an app on a phone cannot keep one."""
        return self.secret is not None

    def is_assured(self, redirect_uri: str, origin: str) -> bool:
        """Whether what is sent there is useless to others: it has a secret, or the host of an https URI.

        Any app can claim a private-use scheme, or listen on a port of this machine (RFC 8252, 8.6), except on
        that of the provider's own `origin`. There every script reads the code: a public client gets one
        without a question only for `scopes` of its own.
        """
        if self.is_confidential or _origin(redirect_uri) != origin:
            return self.is_confidential or redirect_uri.startswith("https:")
        return self.scopes is not None

    def has(self, resource: str | None) -> bool:
        """Whether its tokens are for this resource, if a request names one."""
        return resource is None or resource == self.resource

    def accepts(self, redirect_uri: str) -> bool:
        """Whether this is one of its redirect URIs; a public client has any loopback port (RFC 8252, 7.3)."""
        if redirect_uri in self.redirect_uris:
            return True
        portless = None if self.is_confidential else _without_port(redirect_uri)
        return portless is not None and portless in map(_without_port, self.redirect_uris)


class IdentitySettings(Settings):
    """Identity's settings."""

    model_config = SettingsConfigDict(env_prefix="IDENTITY_")

    database_url: str = Field(description="SQLAlchemy URL of identity's own database.")
    issuer: str = Field(
        description="The public URL of this provider, without a slash at its end, such as "
        "`https://shop.example/identity`; https, unless its host is this machine."
    )
    clients: dict[str, Client] = Field(
        description='The OAuth clients, as JSON: {"web": {"secret": "…", '
        '"redirect_uris": ["https://…"], "post_logout_redirect_uris": ["https://…"], '
        '"backchannel_logout_uri": "http://…", "name": "…"}, …}. Without a secret a client is public; pages '
        "call it by its name, or else by its client id. One with `dpop_bound_access_tokens` gets no token "
        "without a DPoP proof; one with `scopes` gets no others, the standard ones excepted. Tokens of one "
        "with `resource`, a URI, are for that alone (RFC 8707)."
    )
    encryption_keys: list[str] = Field(
        description="Keys that encrypt the private signing keys in the database, as JSON, the newest first, "
        "each 32 bytes in base64url.",
        repr=False,
    )
    algorithm: Literal["EdDSA", "ES256"] = Field("EdDSA", description="The algorithm that signs tokens.")
    key_lifetime: float = Field(30 * DAY, gt=0, description="Seconds for which a key signs.")
    key_prepublish: float = Field(
        3600.0, gt=0, description="Seconds for which a key is published before it signs."
    )
    audience: str = Field("shop", min_length=1, description="The `aud` of access tokens.")
    access_token_lifetime: int = Field(
        300, gt=0, le=3600, description="Lifetime of access tokens and ID tokens, in seconds."
    )
    refresh_token_lifetime: float = Field(
        30 * DAY, gt=0, description="Absolute lifetime of a grant, in seconds, however often it is refreshed."
    )
    dpop_nonce_lifetime: float = Field(
        0.0, ge=0, description="Seconds for which a nonce for DPoP proofs is accepted; with 0 none is needed."
    )
    sso_session_lifetime: float = Field(
        DAY / 2, gt=0, description="Lifetime of a browser's single sign-on session, in seconds."
    )
    argon2_memory_cost: int = Field(65_536, ge=8, description="Memory of one argon2id hash, in KiB.")
    argon2_time_cost: int = Field(3, ge=1, description="Iterations of one argon2id hash.")
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

    @field_validator("seed")
    @classmethod
    def _is_no_production(cls, seed: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 (pydantic's)
        if seed and str(info.data.get("issuer", "")).lower().startswith("https:"):
            raise ValueError("adds demo users, whose password is public: not with an https issuer")
        return seed

    @field_validator("clients")
    @classmethod
    def _has_clients(cls, clients: dict[str, Client]) -> dict[str, Client]:
        for name in clients:
            if not name.isascii() or not name.isprintable() or not 0 < len(name) <= MAX_CLIENT_ID_LENGTH:
                raise ValueError(f"{name!r} is no client id: 1 to {MAX_CLIENT_ID_LENGTH} ASCII characters")
        return clients

    @field_validator("encryption_keys")
    @classmethod
    def _are_keys(cls, keys: list[str]) -> list[str]:
        Keyring(keys)
        return keys

    @field_validator("key_prepublish")
    @classmethod
    def _is_shorter(cls, announced: float, info: ValidationInfo) -> float:
        if announced >= info.data.get("key_lifetime", float("inf")):
            raise ValueError("is not shorter than IDENTITY_KEY_LIFETIME")
        return announced

    @property
    def backchannel_logout_uris(self) -> dict[str, str]:
        """The clients that are notified of logouts, by client id."""
        uris = {client_id: client.backchannel_logout_uri for client_id, client in self.clients.items()}
        return {client_id: uri for client_id, uri in uris.items() if uri is not None}

    @property
    def origin(self) -> str:
        """The web origin of the provider's pages."""
        return _origin(self.issuer)

    def audience_of(self, client_id: str) -> str:
        """The `aud` of a client's access tokens."""
        return self.clients[client_id].resource or self.audience

    def at(self, path: str) -> str:
        """The public URL of a path."""
        return self.issuer + path
