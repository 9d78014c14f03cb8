"""Access tokens: who is calling with one, found out once and known until it expires."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol
from weakref import ref

from cachetools import LRUCache

from gateway.oidc.claims import ACCESS, Claims, Proof, audience, instant, text
from gateway.oidc.keys import Keys
from gateway.oidc.settings import IssuerSettings
from kit.tokens import GUEST, Identity, InvalidToken

MOST_KNOWN: Final = 20_000
"""How many verdicts are kept at the same time; beyond, the one unseen for longest is forgotten."""

LONGEST_SUBJECT: Final = 255
"""Characters of a subject at most (OpenID Connect Core 1.0, 2)."""

OF_OTHERS: Final = ("at_hash", "c_hash", "events")
"""Claims that only ID tokens and logout tokens have."""


class Revocations(Protocol):
    """Knows whose tokens count no more although they have not expired."""

    def is_revoked(self, sid: str | None, subject: str, issued_at: float) -> bool:
        """Whether a token of this login, or of this user from before a logout of all, is worth nothing."""
        ...


class NothingRevoked:
    """No token ends before it expires."""

    def is_revoked(self, sid: str | None, subject: str, issued_at: float) -> bool:  # noqa: ARG002 (whatever it is)
        """Whether it is: never."""
        return False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found out of a true token."""

    identity: Identity
    ends: float
    sid: str | None
    key: str
    """The thumbprint of the key that it was signed with."""


class AccessTokens:
    """Tells true access tokens from false ones, and keeps what it found true until that expires.

    Args:
        settings: which issuer's tokens, for which audience.
        proof: verifies what all tokens of the issuer have in common.
        keys: those of the issuer; with one that goes, the verdicts on its tokens go.
        revocations: knows whose tokens count no more.
        clock: the time in seconds since 1970.
    """

    def __init__(
        self,
        settings: IssuerSettings,
        proof: Proof,
        keys: Keys,
        *,
        revocations: Revocations | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._audience = settings.audience
        self._skew = settings.skew
        self._proof = proof
        self._revocations = revocations or NothingRevoked()
        self._clock = clock
        self._verdicts: LRUCache[bytes, Verdict] = LRUCache(MOST_KNOWN)
        keys.when_gone(partial(_only_of, ref(self)))  # keys are there for longer than this

    def known(self, token: str) -> Identity | None:
        """Whom a token proves that was verified before; None when that is to be found out."""
        verdict = self._verdicts.get(_digest(token))
        return verdict.identity if verdict is not None and self._clock() < verdict.ends else None

    async def identity(self, token: str) -> Identity:
        """Whom a token proves: whole, unchanged, for this audience, not expired and not revoked.

        Raises:
            InvalidToken: nobody.
            ProviderUnavailable: it cannot be found out.
        """
        if (known := self.known(token)) is not None:
            return known
        proven = await self._proof.of(token, ACCESS)
        claims = proven.claims
        self._check(claims)
        identity = _identity(claims)
        sid = text(claims, "sid")
        if self._revocations.is_revoked(sid, identity.subject, instant(claims, "iat")):
            raise InvalidToken("The token was revoked")
        ends = instant(claims, "exp") + self._skew
        self._verdicts[_digest(token)] = Verdict(identity, ends, sid, proven.key.thumbprint)
        return identity

    def drop(self, *, sid: str | None = None, subject: str | None = None) -> None:
        """Forget what was found out of the tokens of this login, or of this user."""
        self._keep(
            lambda verdict: (
                not (
                    (sid is not None and verdict.sid == sid)
                    or (subject is not None and verdict.identity.subject == subject)
                )
            )
        )

    def only_of(self, thumbprints: frozenset[str]) -> None:
        """Forget what was found out of tokens that were signed with any other key."""
        self._keep(lambda verdict: verdict.key in thumbprints)

    def _keep(self, stays: Callable[[Verdict], bool]) -> None:
        for digest in [digest for digest, verdict in self._verdicts.items() if not stays(verdict)]:
            del self._verdicts[digest]

    def _check(self, claims: Claims) -> None:
        if self._audience not in audience(claims):
            raise InvalidToken("The token is for another audience")
        if any(name in claims for name in OF_OTHERS):
            raise InvalidToken("The token is of another kind")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _identity(claims: Claims) -> Identity:
    subject = text(claims, "sub")
    if subject is None or len(subject) > LONGEST_SUBJECT or subject.startswith(GUEST):
        raise InvalidToken("The token has no subject that can be a user's")
    return Identity(
        subject=subject,
        scopes=_scopes(claims),
        client=text(claims, "client_id") or text(claims, "azp") or "",
    )


def _scopes(claims: Claims) -> frozenset[str]:
    """`scope` is a text (RFC 9068), `scp` a list at some providers."""
    given = claims.get("scope", claims.get("scp", ""))
    every = given if isinstance(given, list) else str(given).split()
    return frozenset(each for each in every if isinstance(each, str))


def _only_of(access: "ref[AccessTokens]", thumbprints: frozenset[str]) -> None:
    if (known := access()) is not None:
        known.only_of(thumbprints)
