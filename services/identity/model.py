"""Users, single sign-on sessions and grants: the rules, without I/O."""

import base64
import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

from services.identity.errors import InvalidAccountData

Clock = Callable[[], float]
"""The time in seconds since 1970."""

OPENID: Final = "openid"
OFFLINE_ACCESS: Final = "offline_access"
STANDARD_SCOPES: Final = (OPENID, "profile", "email", OFFLINE_ACCESS)
"""Scopes that every user may grant: what a client learns, and for how long."""

SHOP_SCOPES: Final = (
    "shop",
    "catalog:write",
    "stock:write",
    "discount:write",
    "payments:read",
    "faults:write",
    "data:rebuild",
    "sales:read",
    "stores:write",
    "orders:read",
    "users:read",
)
"""Scopes that are permissions; a client gets those that its user has."""

NEW_USER_SCOPES: Final = ("shop",)

MAX_NAME_LENGTH: Final = 64
MAX_EMAIL_LENGTH: Final = 254
MIN_PASSWORD_LENGTH: Final = 8
MAX_PASSWORD_LENGTH: Final = 128

_NAME = re.compile(r"[\w.+@-]+")
_EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f]{1,64}@[^\s@\x00-\x1f\x7f.]+(\.[^\s@\x00-\x1f\x7f.]+)+")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    """A user.

    Args:
        id: the `sub` of tokens; it never changes.
        name: the user name.
        display_name: as others see it.
        email: not verified.
        scopes: the user's permissions in the shop.
        password_hash: argon2id, with its own salt and cost.
    """

    id: str
    name: str
    display_name: str
    email: str
    scopes: frozenset[str]
    password_hash: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SsoSession:
    """A browser at which a user is logged in."""

    id: str
    user_id: str
    auth_time: float
    ends_at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestedGrant:
    """What a client requests for a user; it is stored with the authorization code.

    Args:
        dpop_jkt: the thumbprint of the key that the code's tokens must be bound to (RFC 9449, 10).
    """

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    nonce: str | None
    code_challenge: str
    dpop_jkt: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """What one client may do for one user since one authorization.

    Args:
        sid: its id in tokens.
        ends_at: its absolute end, however often it is refreshed.
    """

    sid: str
    user_id: str
    client_id: str
    scopes: tuple[str, ...]
    auth_time: float
    ends_at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Presenter:
    """Who presents a code or a refresh token.

    Args:
        client_id: the client.
        is_confidential: whether it was authenticated by a secret.
        jkt: the thumbprint of the key that it has proved to have, if any (RFC 9449).
    """

    client_id: str
    is_confidential: bool
    jkt: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class IssuedGrant:
    """A grant with the refresh token for its client, if any, and the nonce of the client's request."""

    grant: Grant
    refresh_token: str | None
    nonce: str | None = None


def new_secret() -> str:
    """256 random bits in base64url."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """SHA-256 in hex: enough to store a secret of 256 random bits, which nobody can guess."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def user_name(text: str) -> str:
    """A user name in its normal form.

    Raises:
        InvalidAccountData: it is invalid.
    """
    name = unicodedata.normalize("NFKC", text).strip()
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME_LENGTH:
        raise InvalidAccountData(
            f"A user name has up to {MAX_NAME_LENGTH} letters and digits, and of signs only . _ - + and @."
        )
    return name


def name_key(text: str) -> str:
    """The unique key of a user name: case and width make no difference."""
    folded = unicodedata.normalize("NFKC", text).strip().casefold()
    return unicodedata.normalize("NFKC", folded)


def display_name(text: str) -> str:
    """A name of one line.

    Raises:
        InvalidAccountData: it is empty, too long, or not printable.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name.isprintable() or not 0 < len(name) <= MAX_NAME_LENGTH:
        raise InvalidAccountData(f"Your name has up to {MAX_NAME_LENGTH} characters.")
    return name


def email_address(text: str) -> str:
    """A mail address.

    Raises:
        InvalidAccountData: it is invalid.
    """
    address = text.strip()
    if len(address) > MAX_EMAIL_LENGTH or not _EMAIL.fullmatch(address):
        raise InvalidAccountData("This is no mail address.")
    return address


def normalize_password(text: str) -> str:
    """The form that is hashed: keyboards encode the same letter in several ways.

    NIST SP 800-63B, 5.1.1.2: every character is allowed and Unicode is normalised.
    """
    return unicodedata.normalize("NFKC", text)


@cache
def _common_passwords() -> frozenset[str]:
    """30,000 passwords that many use, and so anybody tries first, in small letters: read when needed."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415 (memory that few processes need)

    return frozenset(FREQUENCY_LISTS["passwords"])


def new_password(text: str, name: str) -> str:
    """A new password; there are no rules of composition (NIST SP 800-63B, 5.1.1.2).

    Raises:
        InvalidAccountData: it is too short, too long, the user's name, or common in any case.
    """
    password = normalize_password(text)
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
        raise InvalidAccountData(f"A password has {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters.")
    if name_key(password) == name_key(name):
        raise InvalidAccountData("The user name is no password.")
    if name_key(password) in _common_passwords():
        raise InvalidAccountData("Many use this password, so it is tried first. Please choose another.")
    return password


def grantable(requested: Iterable[str], allowed: Iterable[str]) -> tuple[str, ...]:
    """The requested scopes, in their order, that are standard ones or allowed."""
    possible = {*STANDARD_SCOPES, *allowed}
    return tuple(scope for scope in dict.fromkeys(requested) if scope in possible)


def matches_challenge(verifier: str, challenge: str) -> bool:
    """Whether the code challenge was made from this verifier (RFC 7636, S256)."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    expected = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(expected, challenge.encode())
