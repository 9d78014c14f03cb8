"""Token introspection (RFC 7662): what the issuer says of tokens that cannot be read here."""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from frontispiece import clocks
from frontispiece.aio.expiring_cache import ExpiringCache
from frontispiece.aio.single_flight import SingleFlight
from frontispiece.gateway.auth.oidc.http import ProviderUnavailable
from frontispiece.security import MAX_TOKEN_LENGTH, InvalidToken

INACTIVE_TTL: Final = 10.0
"""Seconds for which a token that is not active is refused without asking again."""

MAX_INACTIVE: Final = 10_000
MAX_CONCURRENT: Final = 32
"""Requests in progress; tokens beyond are answered 503, so that invented ones do not flood the issuer."""

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""What RFC 6750 (2.1) lets a token be."""

Ask = Callable[[str], Awaitable[dict[str, Any]]]
"""The endpoint's JSON object about a token; raises `ProviderUnavailable`."""


class Introspection:
    """Asks the issuer about tokens: once for concurrent calls, and seldom about one that is not active."""

    def __init__(self, ask: Ask, clock: Callable[[], float] = clocks.now) -> None:
        self._ask = ask
        self._clock = clock
        self._inactive: ExpiringCache[bytes, bool] = ExpiringCache(MAX_INACTIVE, clock)
        self._requests = SingleFlight("an introspection", expected=(ProviderUnavailable,))
        self._slots = asyncio.Semaphore(MAX_CONCURRENT)

    async def claims(self, token: str) -> dict[str, Any]:
        """The members of the response about an active token.

        Raises:
            InvalidToken: it is not active, or no token at all.
            ProviderUnavailable: the issuer gives no answer, or is asked too much at the moment.
        """
        if len(token) > MAX_TOKEN_LENGTH or not _TOKEN.fullmatch(token):
            raise InvalidToken("The token is not valid: it is too long, or has characters that no token has")
        digest = hashlib.sha256(token.encode()).digest()
        if self._inactive.get(digest) is None:
            ended, _ = await self._requests.share(token, lambda: self._response(token))
            response: dict[str, Any] = ended.result()
            if response.get("active") is True:
                return response
            self._inactive.put(digest, value=True, expires_at=self._clock() + INACTIVE_TTL)
        raise InvalidToken("The token is not active")

    async def close(self) -> None:
        """Cancel what is in progress."""
        await self._requests.close()

    async def _response(self, token: str) -> dict[str, Any]:
        if self._slots.locked():
            raise ProviderUnavailable("too many tokens are introspected at the moment")
        async with self._slots:
            return await self._ask(token)
