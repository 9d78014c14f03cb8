"""Callers of services and BFFs: the gateway's key in a test, and the internal tokens that it signs."""

import json

from frontispiece.security import Identity, Signer, issuers, new_signing_key, private_key
from frontispiece.settings import TokenSettings


class Identities:
    """The gateway's signing key, the settings by which services accept its tokens, and the tokens."""

    def __init__(self) -> None:
        self.signing_key: str = new_signing_key()
        """Ed25519 private key in PEM."""
        self.tokens = TokenSettings(issuers=issuers([("gateway", private_key(self.signing_key))]))
        """The settings of apps that accept its tokens."""

    @property
    def variables(self) -> dict[str, str]:
        """The variables of apps that sign with the key and accept its tokens."""
        trusted = {name: issuer.model_dump(mode="json") for name, issuer in self.tokens.issuers.items()}
        key = self.signing_key
        return {
            "BFF_SIGNING_KEY": key,
            "GATEWAY_SIGNING_KEY": key,
            "TOKEN_ISSUERS": json.dumps(trusted),
        }

    def bearer(
        self, audience: str, subject: str, *scopes: str, merged_guest: str | None = None
    ) -> dict[str, str]:
        """The Authorization header of a call to the app `audience` for a user with these scopes.

        `merged_guest` is the guest that the user was before the login, if one was.
        """
        caller = Identity(subject=subject, scopes=frozenset(scopes), client="web", merged_guest=merged_guest)
        authorization = Signer(self.signing_key, "gateway").authorization(caller, audience)
        return {"Authorization": authorization.decode()}
