"""DPoP (RFC 9449): a client that proves that it has a key gets tokens that are useless without that key."""

from collections.abc import Mapping
from typing import Final

from fastapi import Request

from frontispiece.security import DPOP_ALGORITHMS, DpopNonces, DpopProof, InvalidProof, Keyring, verify_proof
from frontispiece.stores import Database, insert
from services.identity.errors import OAuthError
from services.identity.model import Clock
from services.identity.settings import IdentitySettings
from services.identity.tables import dpop_proofs

ALGORITHMS: Final = " ".join(DPOP_ALGORITHMS)


class Dpop:
    """Verifies proofs, each of which is accepted once by all processes with this database."""

    def __init__(
        self, settings: IdentitySettings, database: Database, keyring: Keyring, clock: Clock
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._nonces = DpopNonces(keyring, settings.dpop_nonce_lifetime, clock)

    async def proof(
        self, request: Request, path: str, *, access_token: str | None = None
    ) -> DpopProof | None:
        """The proof of a request to this path of the issuer; None without one.

        Args:
            request: the request.
            path: of the endpoint.
            access_token: the token that the proof must be for, if the request has one.

        Raises:
            OAuthError: `invalid_dpop_proof`, or `use_dpop_nonce` with a nonce in `DPoP-Nonce`.
        """
        fields = request.headers.getlist("dpop")
        if not fields:
            return None
        if len(fields) > 1:
            raise self.refusal("A request has one proof.", access_token=access_token)
        url = self._settings.at(path)
        try:
            proof = verify_proof(
                fields[0], method=request.method, url=url, now=self._clock(), access_token=access_token
            )
        except InvalidProof as error:
            raise self.refusal(f"{error}.", access_token=access_token) from None
        if self._settings.dpop_nonce_lifetime and not self._nonces.is_valid(proof.nonce):
            nonce = {"DPoP-Nonce": self._nonces.new()}
            raise self.refusal(
                "The proof needs this nonce.", "use_dpop_nonce", access_token=access_token, headers=nonce
            )
        if not await self._is_new(proof):
            raise self.refusal("The proof was used before.", access_token=access_token)
        return proof

    def refusal(
        self,
        description: str,
        error: str = "invalid_dpop_proof",
        *,
        access_token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> OAuthError:
        """400 at the token endpoint; with an access token 401 and a challenge (RFC 9449, 5 and 7.1)."""
        if access_token is None:
            return OAuthError(error, description, headers=headers)
        challenge = f'DPoP error="{error}", error_description="{description}", algs="{ALGORITHMS}"'
        return OAuthError(
            error, description, status=401, headers={**(headers or {}), "WWW-Authenticate": challenge}
        )

    async def _is_new(self, proof: DpopProof) -> bool:
        row = {"id": proof.id, "expires_at": proof.expires_at}
        adding = insert(dpop_proofs, self._database.dialect).values(**row).on_conflict_do_nothing()
        async with self._database.write() as tx:
            return (await tx.execute(adding.returning(dpop_proofs.c.id))).first() is not None
