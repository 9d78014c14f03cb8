"""Internal tokens of the gateway: each service gets one that is for it alone."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from frontispiece.aio.expiring_cache import ExpiringCache
from frontispiece.security import ANONYMOUS, Identity, Signer
from frontispiece.security.internal_tokens import CACHE_SIZE
from frontispiece.upstream import Authorization

INTERNAL_TOKEN: Final = b"x-internal-token"
"""The header by which the gateway identifies itself to a service that verifies the client's credentials."""


class InternalTokenIssuer:
    """Issues internal tokens for the services of one table.

    Args:
        signer: signs the tokens; None for a table that identifies no caller.
        audiences: each service's `aud`, by its name in the table.
        clock: the time in seconds since 1970.
    """

    def __init__(
        self, signer: Signer | None, audiences: Mapping[str, str], clock: Callable[[], float] = time.time
    ) -> None:
        self._signer = signer
        self._audiences = audiences
        self._cache: ExpiringCache[tuple[Identity, str], bytes] = ExpiringCache(CACHE_SIZE, clock)

    def authorization(self, identity: Identity, service: str) -> bytes:
        """The `Authorization` of a call for this caller to this service."""
        value = self._cache.get((identity, service))
        if value is None:
            assert self._signer is not None, "a table that identifies callers is refused without a key"
            value, renew_at = self._signer.sign(identity, self._audiences[service])
            self._cache.put((identity, service), value, renew_at)
        return value

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
