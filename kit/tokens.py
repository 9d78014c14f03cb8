"""Bearer tokens: signed with Ed25519, verified by everyone who receives one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

from kit.settings import TokenSettings

ALGORITHM = "EdDSA"


class InvalidToken(Exception):
    """The token is not one of ours, or not any more; the message says why in words for its sender."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """Who is calling, as a verified token says."""

    subject: str
    scopes: frozenset[str]
    token: str


class Verifier:
    """Tells true tokens from false ones."""

    def __init__(self, settings: TokenSettings) -> None:
        self._settings = settings

    def verify(self, token: str) -> Identity:
        """The identity a token proves.

        Raises:
            InvalidToken: wrong signature, algorithm, issuer or audience; expired; not yet valid; incomplete.
        """
        try:
            claims = jwt.decode(
                token,
                self._settings.public_key,
                algorithms=[ALGORITHM],
                issuer=self._settings.issuer,
                audience=self._settings.audience,
                options={"require": ["exp", "iat", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise InvalidToken("The token has expired") from None
        except jwt.PyJWTError as fault:
            raise InvalidToken(f"The token is not valid: {fault}") from None
        return Identity(
            subject=claims["sub"], scopes=frozenset(str(claims.get("scope", "")).split()), token=token
        )


def sign(
    *, private_key: str, subject: str, scopes: Iterable[str], lifetime: timedelta, settings: TokenSettings
) -> str:
    """A token for one subject, valid from now for `lifetime`; `private_key` is Ed25519 in PEM."""
    now = datetime.now(UTC)
    claims = {
        "iss": settings.issuer,
        "aud": settings.audience,
        "sub": subject,
        "scope": " ".join(sorted(scopes)),
        "iat": now,
        "exp": now + lifetime,
    }
    return jwt.encode(claims, private_key, algorithm=ALGORITHM)
