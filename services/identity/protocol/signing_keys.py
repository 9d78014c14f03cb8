"""The signing keys and their rotation.

A key is published before it signs, so that every client knows it in time, and afterwards, until the last
token that it signed has expired. The signing key is the newest whose time has come; it goes on until
another's has.
"""

import base64
import hashlib
import json
import logging
from dataclasses import dataclass
from typing import Any, Final, Literal

import jwt
import sqlalchemy as sa
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.security import DecryptionError, Keyring
from frontispiece.stores import Database
from services.identity.errors import KeyUnreadable
from services.identity.model import Clock
from services.identity.tables import signing_keys

log = logging.getLogger(__name__)

Algorithm = Literal["EdDSA", "ES256"]
PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey

PURPOSE: Final = b"signing key"

READS_PER_PREPUBLISH: Final = 8
"""How often each process reads the keys while a new one is published but does not sign yet."""

MAX_READ_INTERVAL: Final = 60.0
"""Seconds between two reads."""

RETIREMENT_MARGIN: Final = 60.0
"""Seconds for which a key stays published after its last token has expired: clocks differ."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SigningKey:
    """A key that signs from a moment on."""

    kid: str
    algorithm: str
    public: dict[str, str]
    private: PrivateKey
    signs_from: float


class SigningKeys:
    """The keys in identity's database; the first process to find that a next key is due makes it.

    Args:
        database: identity's.
        keyring: encrypts private keys.
        algorithm: of new keys.
        lifetime: seconds for which a key signs.
        prepublish: seconds for which a key is published before it signs.
        max_token_lifetime: the longest lifetime of a token, in seconds.
    """

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        *,
        algorithm: Algorithm,
        lifetime: float,
        prepublish: float,
        max_token_lifetime: float,
        clock: Clock,
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._algorithm = algorithm
        self._lifetime = lifetime
        self._prepublish = prepublish
        self._max_token_lifetime = max_token_lifetime
        self._clock = clock
        self._keys: list[SigningKey] = []
        self._read_again_at = 0.0

    @property
    def max_age(self) -> int:
        """Seconds for which clients may cache the key set and still know a new key in time."""
        return int(self._prepublish / 2)

    async def signing(self) -> SigningKey:
        """The key that signs now."""
        keys = await self.published()
        now = self._clock()
        return next((key for key in reversed(keys) if key.signs_from <= now), keys[0])

    async def sign(self, claims: dict[str, Any], typ: str) -> str:
        """A token with these claims."""
        key = await self.signing()
        return jwt.encode(claims, key.private, algorithm=key.algorithm, headers={"typ": typ, "kid": key.kid})

    async def published(self) -> list[SigningKey]:
        """All keys that a client may need, the oldest first."""
        now = self._clock()
        if now >= self._read_again_at:
            self._keys = await self._read(now)
            self._read_again_at = now + min(MAX_READ_INTERVAL, self._prepublish / READS_PER_PREPUBLISH)
        return self._keys

    async def _read(self, now: float) -> list[SigningKey]:
        query = sa.select(signing_keys).order_by(signing_keys.c.number)
        async with self._database.read() as tx:
            rows = (await tx.execute(query)).all()
        if not rows or self._is_due(rows[-1], now) or _is_retired(rows[0], now):
            async with self._database.write() as tx:
                if self._database.dialect == "postgresql":  # SQLite has one writer at a time anyway
                    await tx.execute(sa.text("SELECT pg_advisory_xact_lock(727171)"))
                rows = (await tx.execute(query)).all()
                await self._rotate(tx, rows[-1] if rows else None, now)
                await tx.execute(signing_keys.delete().where(signing_keys.c.published_until <= now))
                rows = (await tx.execute(query)).all()
        return [self._decrypt(row) for row in rows]

    def _is_due(self, newest: sa.Row[Any], now: float) -> bool:
        """Whether the next key is due."""
        if newest.signs_from > now:
            return False  # it is only prepublished yet
        expired = newest.signs_until - self._prepublish <= now
        return bool(expired or newest.algorithm != self._algorithm)

    async def _rotate(self, tx: AsyncConnection, newest: sa.Row[Any] | None, now: float) -> None:
        if newest is None:
            await tx.execute(signing_keys.insert().values(**self._new(1, now, now)))
        elif self._is_due(newest, now):
            planned = newest.signs_until if newest.algorithm == self._algorithm else now
            signs_from = max(planned, now + self._prepublish)
            published_until = signs_from + self._max_token_lifetime + RETIREMENT_MARGIN
            until = {"signs_until": signs_from, "published_until": published_until}
            previous = signing_keys.c.number == newest.number
            await tx.execute(signing_keys.update().where(previous).values(**until))
            await tx.execute(signing_keys.insert().values(**self._new(newest.number + 1, now, signs_from)))
            log.info("The next signing key signs in %.0f s", signs_from - now)

    def _new(self, number: int, now: float, signs_from: float) -> dict[str, Any]:
        private: PrivateKey
        if self._algorithm == "EdDSA":
            private = Ed25519PrivateKey.generate()
            public = OKPAlgorithm.to_jwk(private.public_key(), as_dict=True)
        else:
            private = ec.generate_private_key(ec.SECP256R1())
            public = ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        kid = _thumbprint(public)
        return {
            "number": number,
            "kid": kid,
            "algorithm": self._algorithm,
            "public": {**public, "kid": kid, "use": "sig", "alg": self._algorithm},
            "encrypted": self._keyring.encrypt(pem, PURPOSE),
            "created_at": now,
            "signs_from": signs_from,
            "signs_until": signs_from + self._lifetime,
        }

    def _decrypt(self, row: sa.Row[Any]) -> SigningKey:
        try:
            pem = self._keyring.decrypt(row.encrypted, PURPOSE)
        except DecryptionError as error:
            raise KeyUnreadable(
                f"no key in IDENTITY_ENCRYPTION_KEYS decrypts signing key {row.kid}: {error}"
            ) from None
        private = serialization.load_pem_private_key(pem, None)
        assert isinstance(private, PrivateKey)
        return SigningKey(
            kid=row.kid,
            algorithm=row.algorithm,
            public=row.public,
            private=private,
            signs_from=row.signs_from,
        )


def _is_retired(oldest: sa.Row[Any], now: float) -> bool:
    return oldest.published_until is not None and bool(now >= oldest.published_until)


def _thumbprint(public: dict[str, Any]) -> str:
    """The `kid` of a public key: its thumbprint (RFC 7638)."""
    required = {name: public[name] for name in ("crv", "kty", "x", "y") if name in public}
    canonical = json.dumps(required, sort_keys=True, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).decode().rstrip("=")
