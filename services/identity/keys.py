"""The keys that tokens are signed with, and how one follows another.

A key is published before it signs, so that everybody has it in time, and after it signed, until what it
signed is over. The key that signs is the newest whose time has come: it goes on while no other's has.
"""

import base64
import hashlib
import json
import logging
import time
from dataclasses import dataclass
from typing import Any, Final, Literal

import jwt
import sqlalchemy as sa
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.db import Database
from kit.sealing import NotSealed, Ring
from services.identity.errors import KeyLost
from services.identity.model import Clock
from services.identity.tables import signing_keys

log = logging.getLogger(__name__)

Algorithm = Literal["EdDSA", "ES256"]
PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey

PURPOSE: Final = b"signing key"

LOOKED_AT: Final = 8
"""How often, within the time that a key is announced, each process looks whether there is a new one."""

LOOKED_EVERY: Final = 60.0
"""Seconds between two looks at most."""

LATE: Final = 60.0
"""Seconds beyond the end of what it signed for which a key stays published: clocks differ."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SigningKey:
    """A key that may sign, from its time on."""

    kid: str
    algorithm: str
    public: dict[str, str]
    private: PrivateKey
    signs_from: float


class Keys:
    """The signing keys in identity's database, one after another.

    Several processes may have the same: whoever finds first that a next key is due makes it.

    Args:
        database: where they are kept.
        ring: seals their private halves.
        algorithm: of keys that are made from now on.
        last: seconds for which a key signs.
        announced: seconds for which a key is published before it signs.
        signed_lasts: seconds for which the longest of what a key signs is good.
        clock: the time in seconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        ring: Ring,
        *,
        algorithm: Algorithm,
        last: float,
        announced: float,
        signed_lasts: float,
        clock: Clock = time.time,
    ) -> None:
        self._database = database
        self._ring = ring
        self._algorithm = algorithm
        self._last = last
        self._announced = announced
        self._signed_lasts = signed_lasts
        self._clock = clock
        self._keys: list[SigningKey] = []
        self._look_at = 0.0

    @property
    def max_age(self) -> int:
        """Seconds for which what is published may be kept: who asks again then knows a new key in time."""
        return int(self._announced / 2)

    async def signing(self) -> SigningKey:
        """The key that signs at this moment."""
        keys = await self.published()
        now = self._clock()
        return next((key for key in reversed(keys) if key.signs_from <= now), keys[0])

    async def published(self) -> list[SigningKey]:
        """All keys that somebody may need, the oldest first."""
        now = self._clock()
        if now >= self._look_at:
            self._keys = await self._looked_up(now)
            self._look_at = now + min(LOOKED_EVERY, self._announced / LOOKED_AT)
        return self._keys

    async def _looked_up(self, now: float) -> list[SigningKey]:
        query = sa.select(signing_keys).order_by(signing_keys.c.number)
        async with self._database.read() as tx:
            rows = (await tx.execute(query)).all()
        if not rows or self._is_due(rows[-1], now) or _is_over(rows[0], now):
            async with self._database.write() as tx:
                if self._database.dialect == "postgresql":  # SQLite has one writer at a time anyway
                    await tx.execute(sa.text("SELECT pg_advisory_xact_lock(727171)"))
                rows = (await tx.execute(query)).all()
                await self._follow(tx, rows[-1] if rows else None, now)
                await tx.execute(signing_keys.delete().where(signing_keys.c.published_until <= now))
                rows = (await tx.execute(query)).all()
        return [self._opened(row) for row in rows]

    def _is_due(self, newest: sa.Row[Any], now: float) -> bool:
        """Whether the newest key needs a next one."""
        if newest.signs_from > now:
            return False  # it is only announced yet
        over = newest.signs_until - self._announced <= now
        return bool(over or newest.algorithm != self._algorithm)

    async def _follow(self, tx: AsyncConnection, newest: sa.Row[Any] | None, now: float) -> None:
        if newest is None:
            await tx.execute(signing_keys.insert().values(**self._made(1, now, now)))
        elif self._is_due(newest, now):
            planned = newest.signs_until if newest.algorithm == self._algorithm else now
            begins = max(planned, now + self._announced)
            until = {"signs_until": begins, "published_until": begins + self._signed_lasts + LATE}
            before = signing_keys.c.number == newest.number
            await tx.execute(signing_keys.update().where(before).values(**until))
            await tx.execute(signing_keys.insert().values(**self._made(newest.number + 1, now, begins)))
            log.info("The next signing key signs in %.0f s", begins - now)

    def _made(self, number: int, now: float, begins: float) -> dict[str, Any]:
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
            "sealed": self._ring.seal(pem, PURPOSE),
            "created_at": now,
            "signs_from": begins,
            "signs_until": begins + self._last,
        }

    def _opened(self, row: sa.Row[Any]) -> SigningKey:
        try:
            pem = self._ring.open(row.sealed, PURPOSE)
        except NotSealed as fault:
            raise KeyLost(f"no key in IDENTITY_SEALING_KEYS opens signing key {row.kid}: {fault}") from None
        private = serialization.load_pem_private_key(pem, None)
        assert isinstance(private, PrivateKey)
        return SigningKey(
            kid=row.kid,
            algorithm=row.algorithm,
            public=row.public,
            private=private,
            signs_from=row.signs_from,
        )


def _is_over(oldest: sa.Row[Any], now: float) -> bool:
    return oldest.published_until is not None and bool(now >= oldest.published_until)


def _thumbprint(public: dict[str, Any]) -> str:
    """The `kid` of a public key: its thumbprint (RFC 7638)."""
    needed = {name: public[name] for name in ("crv", "kty", "x", "y") if name in public}
    canonical = json.dumps(needed, sort_keys=True, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).decode().rstrip("=")


def signed(key: SigningKey, claims: dict[str, Any], kind: str) -> str:
    """A token of these claims, whose `typ` says what kind it is."""
    return jwt.encode(claims, key.private, algorithm=key.algorithm, headers={"typ": kind, "kid": key.kid})
