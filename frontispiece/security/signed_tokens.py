"""Signed tokens in their compact form (RFC 7515, 7.1): each part is decoded once."""

import base64
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

import jwt
import msgspec

EXPIRED: Final = "The token has expired"
UNDECODABLE: Final = "The token is not valid: it cannot be decoded"

MAX_TOKEN_LENGTH: Final = 8192
"""Characters of a token; a longer one is rejected unread."""

MAX_TIMESTAMP: Final = 2**53
"""Beyond, a double is not exact to the second any more."""

_decode_json = msgspec.json.Decoder(dict[str, Any]).decode
"""Strings in it are Unicode, without half a surrogate pair, which could not be written down again."""

_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")


class InvalidToken(Exception):
    """The token is malformed, forged, expired or for another audience; the message tells the sender which."""


class SignedToken:
    """A token, of which nothing is verified yet.

    Args:
        token: its text; lenient decoders skip foreign characters, so that a token would have many forms.

    Raises:
        InvalidToken: it has another form, or is too long.
    """

    def __init__(self, token: str) -> None:
        if len(token) > MAX_TOKEN_LENGTH:
            raise InvalidToken("The token is too long")
        if (parts := _COMPACT.fullmatch(token)) is None:
            raise InvalidToken("The token is not valid: it is no JWT")
        self.encoded_header: str = parts[1]
        self._claims: str = parts[2]
        self._signature: str = parts[3]

    @cached_property
    def header(self) -> dict[str, Any]:
        """The header.

        Raises:
            InvalidToken: it is no JSON object.
        """
        return decode_object(self.encoded_header)

    @cached_property
    def unverified_claims(self) -> dict[str, Any]:
        """The claims, which anybody may have written.

        Raises:
            InvalidToken: they are no JSON object.
        """
        return decode_object(self._claims)

    def claims(self, key: Any, algorithm: str) -> dict[str, Any]:
        """The claims, signed with this key.

        Args:
            key: a public key of `cryptography`, which fits the algorithm.
            algorithm: as the caller wants it, who has compared it with the header's.

        Raises:
            InvalidToken: it has critical headers, its signature is wrong, or its claims are no JSON object.
        """
        if "crit" in self.header:
            raise InvalidToken("The token has critical headers, which are not supported")
        signed, signature = f"{self.encoded_header}.{self._claims}".encode(), _decode(self._signature)
        if not jwt.get_algorithm_by_name(algorithm).verify(signed, key, signature):
            raise InvalidToken("The token is not valid: its signature is wrong")
        return self.unverified_claims


def decode_object(encoded: str) -> dict[str, Any]:
    """The JSON object in base64url.

    Raises:
        InvalidToken: there is none.
    """
    try:
        return _decode_json(_decode(encoded))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise InvalidToken(UNDECODABLE) from None


def timestamp(claims: Mapping[str, Any], name: str) -> float:
    """A claim in seconds since 1970.

    Raises:
        InvalidToken: it is missing, no number, NaN, or beyond what a clock can show.
    """
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < MAX_TIMESTAMP:
        raise InvalidToken(f"The token has no {name}")
    return float(value)


def check_times(claims: Mapping[str, Any], now: float, skew: float) -> None:
    """Verify `exp`, `iat` and, if there is one, `nbf`.

    Args:
        claims: the token's.
        now: seconds since 1970.
        skew: tolerated clock difference, in seconds.

    Raises:
        InvalidToken: the token has expired, or is not valid yet.
    """
    if now >= timestamp(claims, "exp") + skew:
        raise InvalidToken(EXPIRED)
    valid_from = max(timestamp(claims, "iat"), timestamp(claims, "nbf") if "nbf" in claims else 0)
    if valid_from > now + skew:
        raise InvalidToken("The token is not yet valid")


def _decode(encoded: str) -> bytes:
    """The bytes in base64url; only one text stands for them.

    Raises:
        InvalidToken: it is another one, or of no bytes.
    """
    try:
        raw = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except ValueError:
        raise InvalidToken(UNDECODABLE) from None
    if base64.urlsafe_b64encode(raw).rstrip(b"=") != encoded.encode():
        raise InvalidToken(UNDECODABLE)
    return raw
