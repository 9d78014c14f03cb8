"""New tokens for a session, got once however many calls and gateways need them.

A refresh token is used up by its use: whoever uses one that was rotated before looks like a thief to the
issuer, which then ends the login. So only the holder of a lock in Valkey asks, with what it reads under it.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec

from gateway.oidc import Provider, ProviderUnavailable, TokenRefused, Tokens
from gateway.session.background import Background
from gateway.session.copies import Copies
from gateway.session.record import Session
from gateway.session.server import StoreUnavailable
from gateway.session.store import Store
from kit.tokens import InvalidToken

log = logging.getLogger(__name__)

LOCKED: Final = 15.0
"""Seconds after which the lock of somebody who crashed ends by itself."""

ASKS: Final = 10.0
"""Seconds for the issuer's answer: what it gives is to be kept before the lock ends."""

WAITS: Final = 6.0
"""Seconds for which others wait for what the lock's holder gets."""

PAUSE: Final = 1.0
"""Seconds for which an issuer that gave no answer is not asked again."""

WRITES: Final = 3
"""How often it is tried to keep new tokens: the old ones are worth nothing any more."""

EARLY: Final = 30.0
"""Seconds before their end at which tokens are renewed; but never before half of their life is over."""


def times(tokens: Tokens, now: float) -> tuple[float, float]:
    """When it is time to renew tokens that were asked for at this moment, and when they expire."""
    return now + max(tokens.expires_in - EARLY, tokens.expires_in / 2), now + tokens.expires_in


class Refresher:
    """Gets new tokens.

    Args:
        store: keeps sessions.
        copies: what this process believes of them.
        provider: gives tokens.
        background: where it goes on when whoever asked has left.
        clock: the time in seconds since 1970.
    """

    def __init__(
        self,
        store: Store,
        copies: Copies,
        provider: Provider,
        background: Background,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._copies = copies
        self._provider = provider
        self._background = background
        self._clock = clock
        self._running: dict[str, asyncio.Task[Session | None]] = {}
        self._asks_again = float("-inf")

    def soon(self, key: str) -> None:
        """Begin to renew a session's tokens, which are good for a while still."""
        if asyncio.get_running_loop().time() >= self._asks_again:
            self._begun(key)

    async def now(self, key: str) -> Session | None:
        """The session with tokens that are good; None when it has ended by that.

        Raises:
            ProviderUnavailable: the issuer gives no answer: the session stays.
            StoreUnavailable: Valkey does not.
        """
        return await asyncio.shield(self._begun(key))

    def _begun(self, key: str) -> "asyncio.Task[Session | None]":
        running = self._running.get(key)
        if running is None:
            running = self._running[key] = self._background.start("renewing a session", self._run(key))
        return running

    async def _run(self, key: str) -> Session | None:
        as_of = self._copies.dropped
        try:
            session = await self._renewed(key)
        finally:
            del self._running[key]
        if session is None:
            self._copies.drop(key)
        else:
            self._copies.put(key, session, as_of=as_of)
        return session

    async def _renewed(self, key: str) -> Session | None:
        word, pause = secrets.token_bytes(16), 0.02
        loop = asyncio.get_running_loop()
        until = loop.time() + WAITS
        while not await self._store.lock(key, word, LOCKED):
            await asyncio.sleep(pause)
            pause = min(2 * pause, 0.25)
            found = await self._store.look(key)
            if found is None or found[0].is_fresh(self._clock()):
                return found[0] if found else None
            if loop.time() > until:
                raise ProviderUnavailable("another gateway has waited for the issuer's answer for long")
        try:
            return await self._as_holder(key)
        finally:
            with suppress(StoreUnavailable):  # it ends by itself
                await self._store.unlock(key, word)

    async def _as_holder(self, key: str) -> Session | None:
        found = await self._store.look(key)
        if found is None or found[0].is_fresh(self._clock()):
            return found[0] if found else None
        session, asked = found[0], self._clock()
        assert session.refresh_token is not None, "without one, a session is always fresh"
        try:
            tokens = await self._asked(session.refresh_token)
            renewed = await self._kept(key, tokens, asked)  # before all else: the old ones are used up
            await self._check(session, tokens)
        except (TokenRefused, InvalidToken) as refusal:
            if isinstance(refusal, TokenRefused) and refusal.error != "invalid_grant":
                self._asks_again = asyncio.get_running_loop().time() + PAUSE
                log.error("the issuer renews no tokens for this gateway: %s", refusal)  # noqa: TRY400 (no bug of ours)
                raise ProviderUnavailable(str(refusal)) from None
            log.info("a session ends, for its tokens are not renewed: %s", refusal)
            await self._store.end(key)
            return None
        return renewed

    async def _asked(self, refresh_token: str) -> Tokens:
        loop = asyncio.get_running_loop()
        if loop.time() < self._asks_again:
            raise ProviderUnavailable("the issuer gave no answer a moment ago")
        try:
            async with asyncio.timeout(ASKS):
                return await self._provider.refresh(refresh_token)
        except (ProviderUnavailable, TimeoutError) as failure:
            self._asks_again = loop.time() + PAUSE
            raise ProviderUnavailable(f"no new tokens: {failure}") from failure

    async def _check(self, session: Session, tokens: Tokens) -> None:
        """Make sure that these are the same user's tokens still (OpenID Connect Core 1.0, 12.2).

        Raises:
            InvalidToken: they are not.
        """
        if tokens.id_token is None:
            return
        try:
            claims = await self._provider.id_token(tokens.id_token, None)
        except ProviderUnavailable as failure:  # it came from the issuer itself, by a connection of ours
            log.warning("an ID token is taken unverified: %s", failure)
            return
        if claims["sub"] != session.subject:
            raise InvalidToken("The new tokens are another user's")

    async def _kept(self, key: str, tokens: Tokens, asked: float) -> Session | None:
        renewed, expires = times(tokens, asked)

        def change(session: Session) -> Session:
            return msgspec.structs.replace(
                session,
                scopes=session.scopes if tokens.scope is None else tokens.scope,
                refresh_token=tokens.refresh_token or session.refresh_token,
                renewed=renewed,
                expires=expires,
            )

        session = await self._written(key, change)
        if session is None and tokens.refresh_token:  # ended meanwhile: nobody else knows these
            self._background.start("giving tokens back", self.give_back(tokens.refresh_token))
        return session

    async def _written(self, key: str, change: Callable[[Session], Session]) -> Session | None:
        for left in reversed(range(WRITES)):
            try:
                return await self._store.change(key, change)
            except StoreUnavailable:
                if not left:
                    log.error("new tokens of a session are lost: they could not be kept")  # noqa: TRY400 (told already)
                    raise
        raise AssertionError("there is at least one try")

    async def give_back(self, refresh_token: str) -> None:
        """Tell the issuer that a login's tokens are not needed any more, as best as can be."""
        try:
            await self._provider.revoke(refresh_token)
        except TokenRefused as refusal:
            log.warning("the issuer does not take a token back: %s", refusal)
