"""Bearer tokens: signed with Ed25519, verified by everyone who receives one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

from kit.problems import Problem
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
            reason = str(fault).replace('"', "'")  # it is quoted in a header
            raise InvalidToken(f"The token is not valid: {reason}") from None
        return Identity(
            subject=claims["sub"], scopes=frozenset(str(claims.get("scope", "")).split()), token=token
        )

    def caller(self, authorization: str | None) -> Identity:
        """The identity that an `Authorization` header proves.

        Raises:
            Problem: 401, with the challenge of RFC 6750 that says what is wrong.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Problem(
                401, "token-missing", "This needs a bearer token.", headers={"WWW-Authenticate": "Bearer"}
            )
        try:
            return self.verify(token.strip())
        except InvalidToken as fault:
            challenge = f'Bearer error="invalid_token", error_description="{fault}"'
            raise Problem(
                401, "token-invalid", f"{fault}.", headers={"WWW-Authenticate": challenge}
            ) from None


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
