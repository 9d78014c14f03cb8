"""On whose behalf services are called: each is told it by a token that is for it alone."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from gateway.upstream import Authorization
from kit.tokens import NOBODY, Identity, Signer

INTERNAL_TOKEN: Final = b"x-internal-token"
"""Proves that a call came through the gateway to a service that looks at the client's credentials itself."""


class Behalf:
    """Signs for whoever was found to be calling.

    Args:
        signer: makes the tokens, each once while it lasts.
        audiences: for whom they are, by the names that services have in the table.
    """

    def __init__(self, signer: Signer, audiences: Mapping[str, str]) -> None:
        self._signer = signer
        self._audiences = audiences

    def authorization(self, identity: Identity, service: str) -> bytes:
        """The `Authorization` of a call to this service of the table."""
        return self._signer.authorization(identity, self._audiences[service])

    def of(self, identity: Identity | None) -> Authorization | None:
        """The same for all the calls that are made for one; None when who is calling was not asked."""
        return None if identity is None else partial(self.authorization, identity)

    def vouching(self, service: str) -> bytes:
        """The `INTERNAL_TOKEN` of a call to this service: it tells of the gateway, and of nobody else."""
        return self.authorization(NOBODY, service).removeprefix(b"Bearer ")
