"""Internal tokens of the gateway: each service gets one that is for it alone."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from frontispiece.security import ANONYMOUS, Identity, Signer
from frontispiece.upstream import Authorization

INTERNAL_TOKEN: Final = b"x-internal-token"
"""The header by which the gateway identifies itself to a service that verifies the client's credentials."""


class InternalTokenIssuer:
    """Issues internal tokens for the services of one table.

    Args:
        signer: signs the tokens; None for a table that identifies no caller.
    """

    def __init__(self, signer: Signer | None, audiences: Mapping[str, str]) -> None:
        self._signer = signer
        self._audiences = audiences

    def authorization(self, identity: Identity, service: str) -> bytes:
        """The `Authorization` of a call for this caller to this service."""
        assert self._signer is not None, "a table that identifies callers is refused without a key"
        return self._signer.authorization(identity, self._audiences[service])

    def of(self, identity: Identity | None) -> Authorization | None:
        """`authorization` for one caller; None on routes that identify no caller."""
        return None if identity is None else partial(self.authorization, identity)

    def gateway_authorization(self, service: str) -> bytes | None:
        """The `Authorization` of a call of the gateway's own, for no user; None without a key."""
        return None if self._signer is None else self.authorization(ANONYMOUS, service)

    def gateway_token(self, service: str) -> bytes | None:
        """The value of `INTERNAL_TOKEN` for this service: a token without a user; None without a key."""
        authorization = self.gateway_authorization(service)
        return None if authorization is None else authorization.removeprefix(b"Bearer ")
