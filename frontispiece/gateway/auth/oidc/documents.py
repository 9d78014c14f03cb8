"""Documents of the issuer: its metadata (OpenID Connect Discovery 1.0) and its tokens (RFC 6749, 5)."""

import math
from dataclasses import dataclass, field
from typing import Any, Final, Self

from frontispiece.gateway.auth.oidc.http import ProviderUnavailable, Response, TokenRefused
from frontispiece.gateway.auth.oidc.settings import is_secure, split


@dataclass(frozen=True, kw_only=True, slots=True)
class Metadata:
    """The issuer's endpoints, by their public URLs.

    Args:
        iss_in_response: whether authorization responses have an `iss` (RFC 9207).
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None = None
    revocation_endpoint: str | None = None
    introspection_endpoint: str | None = None
    iss_in_response: bool = False

    @classmethod
    def read(cls, document: dict[str, Any], issuer: str) -> Self:
        """The metadata in a discovery document.

        Raises:
            ProviderUnavailable: the issuer differs, or an endpoint is missing or insecure.
        """
        if document.get("issuer") != issuer:
            raise ProviderUnavailable(f"the discovery document of {issuer} is of another issuer")

        def optional(name: str) -> str | None:
            return _url(document.get(name), name)

        def required(name: str) -> str:
            if (found := optional(name)) is None:
                raise ProviderUnavailable(f"the issuer's document has no {name}")
            return found

        return cls(
            issuer=issuer,
            authorization_endpoint=required("authorization_endpoint"),
            token_endpoint=required("token_endpoint"),
            jwks_uri=required("jwks_uri"),
            end_session_endpoint=optional("end_session_endpoint"),
            revocation_endpoint=optional("revocation_endpoint"),
            introspection_endpoint=optional("introspection_endpoint"),
            iss_in_response=document.get("authorization_response_iss_parameter_supported") is True,
        )


def _url(value: object, name: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ProviderUnavailable(f"the issuer's {name} is no URL")
    try:
        parts = split(value.partition("?")[0])  # an endpoint may have a query of its own
    except ValueError as error:
        raise ProviderUnavailable(f"the issuer's {name}: {error}") from error
    if not is_secure(parts):
        raise ProviderUnavailable(f"the issuer's {name} is not https")
    return value


OK: Final = 200
REFRESH_BEFORE: Final = 30.0
"""Seconds before their expiry at which tokens are refreshed, but not before half of their lifetime."""

OAUTH_ERRORS: Final = frozenset({400, 401, 403})

DEFAULT_EXPIRES_IN: Final = 60.0
"""Seconds, where the issuer leaves `expires_in` out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenResponse:
    """The tokens of one login.

    Args:
        id_token: not verified yet; None when the issuer gave none.
        refresh_at: when the refresh token is to be used, seconds since 1970.
        scope: the granted scopes; None when they are those that were requested.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    id_token: str | None = field(repr=False)
    refresh_at: float
    expires_at: float
    scope: frozenset[str] | None

    @classmethod
    def read(cls, response: Response, requested_at: float) -> Self:
        """The tokens in the response to a request that was sent at this moment.

        Raises:
            TokenRefused: the response is an OAuth error.
            ProviderUnavailable: the response is invalid.
        """
        raise_for_error(response)
        document = response.json()
        access_token, token_type = _text(document, "access_token"), _text(document, "token_type")
        if not access_token or (token_type or "").lower() != "bearer":
            raise ProviderUnavailable("the token endpoint gave no bearer token")
        scope = _text(document, "scope")
        lifetime = _seconds(document.get("expires_in", DEFAULT_EXPIRES_IN))
        return cls(
            access_token=access_token,
            refresh_token=_text(document, "refresh_token"),
            id_token=_text(document, "id_token"),
            refresh_at=requested_at + max(lifetime - REFRESH_BEFORE, lifetime / 2),
            expires_at=requested_at + lifetime,
            scope=None if scope is None else frozenset(scope.split()),
        )


def raise_for_error(response: Response) -> None:
    """Return when the status is 200.

    Raises:
        TokenRefused: the response is an OAuth error.
        ProviderUnavailable: the response is invalid.
    """
    if response.status == OK:
        return
    if response.status in OAUTH_ERRORS:
        document = response.json()
        if error := _text(document, "error"):
            raise TokenRefused(error, _text(document, "error_description") or "")
    raise ProviderUnavailable(f"the issuer responded with {response.status}")


def _text(document: dict[str, Any], name: str) -> str | None:
    value = document.get(name)
    if value is not None and not isinstance(value, str):
        raise ProviderUnavailable(f"the issuer's {name} is no string")
    return value or None


def _seconds(value: object) -> float:
    try:
        seconds = float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ProviderUnavailable("the issuer's expires_in is no number of seconds")
    return seconds
