"""The issuer's public keys: a JSON Web Key Set (RFC 7517), cached, and read anew for an unknown key id."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from weakref import WeakMethod

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from frontispiece import clocks
from frontispiece.aio.single_flight import SingleFlight
from frontispiece.gateway.auth.oidc.http import MAX_BYTES, ProviderUnavailable, json_object
from frontispiece.gateway.policies.rate_limit.buckets import SECOND, Buckets
from frontispiece.gateway.policies.rate_limit.config import Limit
from frontispiece.security import InvalidToken, is_roca_weak

log = logging.getLogger(__name__)

PublicKey = EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey
Clock = Callable[[], float]

MAX_KEYS: Final = 100
"""A larger set is refused."""

MIN_RSA_BITS: Final = 2048
"""RFC 7518, 3.3."""

ALGORITHMS: Final = {
    ("OKP", "Ed25519"): frozenset({"EdDSA"}),
    ("EC", "P-256"): frozenset({"ES256"}),
    ("EC", "P-384"): frozenset({"ES384"}),
    ("EC", "P-521"): frozenset({"ES512"}),
    ("RSA", None): frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
}
"""The algorithms that a key fits, by its `kty` and `crv`; there is no symmetric one among them."""

MAX_AGE: Final = 86_400.0
"""Seconds for which keys are valid that cannot be read again."""

READS_A_MINUTE: Final = 5
"""Of the keys, for unknown ones: tokens with invented key ids cause no more."""

FAILURE_PAUSE: Final = 1.0
"""Seconds after a failure during which the issuer is not called again."""

MAX_KID_LENGTH: Final = 256


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key of the issuer, for these algorithms and no others, whatever a token's header says."""

    id: str | None
    algorithms: frozenset[str]
    public: PublicKey
    thumbprint: str
    """The key's material: another key under the same id has another thumbprint."""


def read_jwks(document: dict[str, Any], allowed: Collection[str]) -> list[VerificationKey]:
    """The keys that verify signatures by an allowed algorithm; others and malformed ones are skipped.

    Raises:
        ProviderUnavailable: the document is no key set.
    """
    members = document.get("keys")
    if not isinstance(members, list) or len(members) > MAX_KEYS:
        raise ProviderUnavailable("the issuer's key set has no list of keys, or too long a one")
    return list(_usable(members, frozenset(allowed)))


def _usable(members: list[Any], allowed: frozenset[str]) -> Iterator[VerificationKey]:
    for member in members:
        if not isinstance(member, dict):
            continue
        if (algorithms := _algorithms(member) & allowed) and (public := _public(member, min(algorithms))):
            kid = member.get("kid")
            material = "|".join(str(member.get(name)) for name in ("kty", "crv", "x", "y", "n", "e"))
            yield VerificationKey(kid if isinstance(kid, str) else None, algorithms, public, material)


def _algorithms(member: dict[str, Any]) -> frozenset[str]:
    operations = member.get("key_ops", ["verify"])
    if member.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return frozenset()
    kty, crv = member.get("kty"), member.get("crv")
    if not isinstance(kty, str) or not isinstance(crv, str | None):
        return frozenset()
    fit = ALGORITHMS.get((kty, None if kty == "RSA" else crv), frozenset())
    alg = member.get("alg")
    if alg is None or (alg == "Ed25519" and crv == "Ed25519"):  # its name since RFC 9864
        return fit
    return fit & {alg} if isinstance(alg, str) else frozenset()


def _public(member: dict[str, Any], algorithm: str) -> PublicKey | None:
    public_members = {name: value for name, value in member.items() if name not in {"d", "p", "q"}}
    try:
        key = jwt.PyJWK(public_members, algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        return None
    if isinstance(key, RSAPublicKey):
        return key if key.key_size >= MIN_RSA_BITS and not is_roca_weak(key.public_numbers().n) else None
    return key if isinstance(key, EllipticCurvePublicKey | Ed25519PublicKey) else None


class JwksFile:
    """A key set in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: tuple[int, int, int] | None = None

    def has_changed(self) -> bool:
        """Whether the file is another than that which was read last."""
        return self._version() != self._read

    async def read(self) -> dict[str, Any]:
        """The document.

        Raises:
            ProviderUnavailable: the file is missing, too large, or no JSON object.
        """
        self._read = self._version()
        try:
            content = await asyncio.to_thread(self._content)
        except OSError as error:
            raise ProviderUnavailable(f"{self._path} cannot be read: {error}") from error
        if len(content) > MAX_BYTES:
            raise ProviderUnavailable(f"{self._path} has more than {MAX_BYTES} bytes")
        return json_object(content)

    def _content(self) -> bytes:
        with self._path.open("rb") as file:
            return file.read(MAX_BYTES + 1)

    def _version(self) -> tuple[int, int, int] | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_ino, stat.st_mtime_ns, stat.st_size


class KeySet:
    """The issuer's keys in memory."""

    def __init__(
        self, fetch: Callable[[], Awaitable[list[VerificationKey]]], clock: Clock = clocks.monotonic
    ) -> None:
        self._fetch = fetch
        self._reads = SingleFlight(
            "the issuer's keys", expected=(ProviderUnavailable,), failure_pause=FAILURE_PAUSE, clock=clock
        )
        self._clock = clock
        limit = Limit.model_validate({"rate": f"{READS_A_MINUTE}/minute", "by": "route"})
        self._budget = Buckets(limit, lambda: int(clock() * SECOND))
        self._keys: list[VerificationKey] = []
        self._read_at: float | None = None
        self._on_removed: list[WeakMethod[Callable[[frozenset[str]], None]]] = []

    def on_removed(self, callback: Callable[[frozenset[str]], None]) -> None:
        """Call this method with the thumbprints of the remaining keys whenever a key has been removed.

        Its object is not kept alive.
        """
        self._on_removed.append(WeakMethod(callback))

    async def key(self, kid: str | None, algorithm: str) -> VerificationKey:
        """The key with this id for this algorithm; without an id, the only key for the algorithm.

        Raises:
            InvalidToken: the issuer has no such key.
            ProviderUnavailable: the keys cannot be read.
        """
        if (found := self._find(kid, algorithm)) is not None:
            return found
        for _ in range(2):  # a read in progress may have begun before the key was in the set
            fresh = not self._reads.in_progress(None)
            if fresh and self._is_valid and self._budget.acquire(None)[0] < 0:
                if isinstance(failure := self._reads.last_failure(None), ProviderUnavailable):
                    raise ProviderUnavailable(failure.reason)
                break
            await self.refresh()
            if (found := self._find(kid, algorithm)) is not None:
                return found
            if fresh:
                break
        raise InvalidToken("The token is signed with an unknown key")

    async def refresh(self) -> None:
        """Read the keys.

        Raises:
            ProviderUnavailable: they cannot be read; the keys in memory stay valid.
        """
        ended, _ = await self._reads.share(None, self._read, detached=True)
        ended.result()

    async def close(self) -> None:
        """Cancel a read in progress."""
        await self._reads.close()

    @property
    def _is_valid(self) -> bool:
        return self._read_at is not None and self._clock() - self._read_at < MAX_AGE

    def _find(self, kid: str | None, algorithm: str) -> VerificationKey | None:
        if not self._is_valid:
            return None
        fit = [key for key in self._keys if algorithm in key.algorithms and kid in {None, key.id}]
        return fit[0] if len(fit) == 1 else None

    async def _read(self) -> None:
        keys = await self._fetch()
        removed = _thumbprints(self._keys) - _thumbprints(keys)
        self._keys, self._read_at = keys, self._clock()
        if removed:
            log.info("%d of the issuer's keys were removed, %d remain", len(removed), len(keys))
            for reference in self._on_removed:
                if (callback := reference()) is not None:
                    callback(_thumbprints(keys))


def _thumbprints(keys: Iterable[VerificationKey]) -> frozenset[str]:
    return frozenset(key.thumbprint for key in keys)
