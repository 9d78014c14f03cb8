"""What the token endpoint gives and refuses (RFC 6749, 5)."""

import base64
import math
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import quote_plus

from gateway.oidc.errors import ProviderUnavailable, TokenRefused
from gateway.oidc.http import Answered

OK: Final = 200
REFUSALS: Final = frozenset({400, 401, 403})

UNTOLD: Final = 60.0
"""Seconds that an access token is taken to last when the issuer does not tell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokens:
    """The tokens of one login.

    Args:
        access_token: opens the shop until it expires.
        refresh_token: gets the next ones, None when the issuer gave none.
        id_token: who logged in; to be verified. None when there is none.
        expires_in: seconds that the access token lasts.
        scope: what may be done with it; None is all that was asked for.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    id_token: str | None = field(repr=False)
    expires_in: float
    scope: frozenset[str] | None

    @classmethod
    def read(cls, answered: Answered) -> Self:
        """The tokens in an answer of the token endpoint.

        Raises:
            TokenRefused: it said no.
            ProviderUnavailable: it said nothing that can be understood.
        """
        check(answered)
        said = answered.object()
        access_token, kind = _text(said, "access_token"), _text(said, "token_type")
        if not access_token or (kind or "").lower() != "bearer":
            raise ProviderUnavailable("the token endpoint gave no bearer token")
        scope = _text(said, "scope")
        return cls(
            access_token=access_token,
            refresh_token=_text(said, "refresh_token"),
            id_token=_text(said, "id_token"),
            expires_in=_seconds(said.get("expires_in", UNTOLD)),
            scope=None if scope is None else frozenset(scope.split()),
        )


def check(answered: Answered) -> None:
    """Make sure that the issuer did what it was asked.

    Raises:
        TokenRefused: it said no.
        ProviderUnavailable: it said nothing that can be understood.
    """
    if answered.status == OK:
        return
    if answered.status in REFUSALS:
        said = answered.object()
        if error := _text(said, "error"):
            raise TokenRefused(error, _text(said, "error_description") or "")
    raise ProviderUnavailable(f"the issuer answered {answered.status}")


def basic(client_id: str, client_secret: str) -> str:
    """The `Authorization` of a client (RFC 6749, 2.3.1): both are form-encoded before they are joined."""
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _text(said: dict[str, Any], name: str) -> str | None:
    value = said.get(name)
    if value is not None and not isinstance(value, str):
        raise ProviderUnavailable(f"the issuer's {name} is no text")
    return value or None


def _seconds(value: object) -> float:
    try:
        seconds = float(value) if isinstance(value, int | float | str) else math.nan
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ProviderUnavailable("the issuer's expires_in is no number of seconds")
    return seconds
