"""Users, logins and grants: the rules, without I/O."""

import base64
import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from services.identity.errors import Unsuitable

Clock = Callable[[], float]
"""The time in seconds since 1970."""

OPENID: Final = "openid"
OFFLINE: Final = "offline_access"
ABOUT: Final = (OPENID, "profile", "email", OFFLINE)
"""Scopes that anybody may have: they say what a client learns, and for how long."""

SHOP: Final = ("shop", "catalog:write", "stock:write", "discount:write")
"""Scopes that say what may be done; a client gets of them what its user has."""

NEW_USERS: Final = ("shop",)
"""What somebody may do who has registered."""

MOST_IN_NAME: Final = 64
MOST_IN_EMAIL: Final = 254
SHORTEST_PASSWORD: Final = 8
LONGEST_PASSWORD: Final = 128

_NAME = re.compile(r"[\w.+@-]+")
_EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f]{1,64}@[^\s@\x00-\x1f\x7f.]+(\.[^\s@\x00-\x1f\x7f.]+)+")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    """Somebody who can log in.

    Args:
        id: the subject of tokens; it never changes.
        name: by which the user logs in.
        display_name: as others see it.
        email: not verified.
        scopes: what the user may do in the shop.
        password_hash: argon2id, with its own salt and cost.
    """

    id: str
    name: str
    display_name: str
    email: str
    scopes: frozenset[str]
    password_hash: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """A browser at which somebody has logged in."""

    id: str
    user_id: str
    auth_time: float
    ends_at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What a client asks for on behalf of somebody, as far as it is kept until it comes with its code."""

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    nonce: str | None
    challenge: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """What one client may do on behalf of one user, from one authorization on.

    Args:
        sid: its name in tokens; each grant has its own.
        ends_at: when all that came of it is over, however often it was refreshed.
    """

    sid: str
    user_id: str
    client_id: str
    scopes: tuple[str, ...]
    auth_time: float
    ends_at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """A grant, with what its client gets at this moment: a refresh token, and the nonce that it sent."""

    grant: Grant
    refresh: str | None
    nonce: str | None = None


def new_secret() -> str:
    """256 random bits in base64url."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """SHA-256 in hex: of a secret of 256 random bits this is enough to keep, as nobody can guess it."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def user_name(typed: str) -> str:
    """The user name that somebody typed, in the one form that it is shown in.

    Raises:
        Unsuitable: it is none.
    """
    name = unicodedata.normalize("NFKC", typed).strip()
    if not _NAME.fullmatch(name) or len(name) > MOST_IN_NAME:
        raise Unsuitable(
            f"A user name has up to {MOST_IN_NAME} letters and digits, and of signs only . _ - + and @."
        )
    return name


def name_key(typed: str) -> str:
    """What two user names have in common that are one: case and width make no difference."""
    folded = unicodedata.normalize("NFKC", typed).strip().casefold()
    return unicodedata.normalize("NFKC", folded)


def display_name(typed: str) -> str:
    """A name to be shown, of one line.

    Raises:
        Unsuitable: it is none.
    """
    name = " ".join(unicodedata.normalize("NFC", typed).split())
    if not name.isprintable() or not 0 < len(name) <= MOST_IN_NAME:
        raise Unsuitable(f"Your name has up to {MOST_IN_NAME} characters.")
    return name


def email_address(typed: str) -> str:
    """An address that mail could go to.

    Raises:
        Unsuitable: it is none.
    """
    address = typed.strip()
    if len(address) > MOST_IN_EMAIL or not _EMAIL.fullmatch(address):
        raise Unsuitable("This is no mail address.")
    return address


def password_of(typed: str) -> str:
    """A password in the one form that is hashed: keyboards write the same letter in several ways.

    NIST SP 800-63B, 5.1.1.2: every character is allowed and Unicode is normalised.
    """
    return unicodedata.normalize("NFKC", typed)


def new_password(typed: str, name: str) -> str:
    """A password that somebody chooses; nothing is asked of it but to be long and not the user's name.

    NIST SP 800-63B, 5.1.1.2: no rules of composition.

    Raises:
        Unsuitable: it is too short, too long or the user's name.
    """
    password = password_of(typed)
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise Unsuitable(f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters.")
    if name_key(password) == name_key(name):
        raise Unsuitable("The user name is no password.")
    return password


def granted(asked: Iterable[str], allowed: Iterable[str]) -> tuple[str, ...]:
    """Of the scopes asked for, in their order, those that anybody may have and those that are allowed."""
    possible = {*ABOUT, *allowed}
    return tuple(scope for scope in dict.fromkeys(asked) if scope in possible)


def proves(verifier: str, challenge: str) -> bool:
    """Whether this is what the challenge was made from (RFC 7636, S256)."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(made, challenge.encode())
