"""Bound access tokens (DPoP, RFC 9449): what a call has to prove, and what it is told when it does not."""

from collections.abc import Sequence
from typing import Final

from frontispiece import clocks
from frontispiece.aio.expiring_cache import ExpiringCache
from frontispiece.gateway.auth.oidc import AccessToken
from frontispiece.gateway.call import Call
from frontispiece.gateway.config.route import Route
from frontispiece.http.problems import Problem
from frontispiece.security import DPOP_ALGORITHMS, InvalidProof, InvalidToken, quotable, verify_proof

HEADER: Final = b"dpop"

MAX_PROOFS: Final = 100_000
"""Proofs that are remembered, so that none is accepted twice."""


class ProofVerifier:
    """Verifies clients' proofs that they have the key of a token, each for one call.

    Args:
        origins: those of the gateway, which proofs have to be for: a `Host` alone proves nothing, for a proof
            that was sent to somebody else's server names that server.
    """

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = origins
        self._used: ExpiringCache[str, bool] = ExpiringCache(MAX_PROOFS, clocks.now)

    def check(self, route: Route, call: Call, token: AccessToken) -> None:
        """Return when a call on this route has a new proof by the key that its token is bound to.

        Raises:
            Problem: 401 `dpop-proof-invalid`.
        """
        try:
            self._check(route, call, token)
        except InvalidProof as error:
            raise _challenge("dpop-proof-invalid", "invalid_dpop_proof", error) from None

    def _check(self, route: Route, call: Call, token: AccessToken) -> None:
        proofs = [value for name, value in call.headers if name == HEADER]
        if len(proofs) != 1:
            raise InvalidProof("The request has no DPoP proof, or several")
        proof = verify_proof(
            proofs[0].decode("latin-1"),
            method=call.method,
            url=self._origin(call) + route.template.expand(call.params),
            now=clocks.now(),
            access_token=(call.header(b"authorization") or b"").partition(b" ")[2].strip().decode("latin-1"),
        )
        if proof.jkt != token.jkt:
            raise InvalidProof("The proof is by another key than the token's")
        if self._used.get(proof.id) is not None:
            raise InvalidProof("The proof was used before")
        self._used.put(proof.id, value=True, expires_at=proof.expires_at)

    def _origin(self, call: Call) -> str:
        if not self._origins:
            raise InvalidProof("No proof is accepted: GATEWAY_ORIGINS does not say what proofs are for")
        called = f"{call.scheme}://{(call.header(b'host') or b'').decode('latin-1').lower()}"
        return called if called in self._origins else self._origins[0]


def bound_token_problem(error: InvalidToken) -> Problem:
    """401 `token-invalid` with the challenge of RFC 9449 (7.1)."""
    return _challenge("token-invalid", "invalid_token", error)


def _challenge(kind: str, code: str, error: Exception) -> Problem:
    algorithms = " ".join(DPOP_ALGORITHMS)
    value = f'DPoP error="{code}", error_description="{quotable(error)}", algs="{algorithms}"'
    return Problem(401, kind, f"{error}.", headers={"WWW-Authenticate": value})
