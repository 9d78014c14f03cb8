"""The session of a call, with valid tokens: refreshed once for all calls and gateways that need them.

A refresh token is used up by its use: whoever uses a rotated one looks like a thief to the issuer, which then
ends the login. So only the holder of a lock in Valkey uses it, after reading the session under the lock.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec

from frontispiece.gateway.auth.oidc import ProviderUnavailable, TokenRefused, TokenResponse
from frontispiece.gateway.auth.session.context import SessionContext
from frontispiece.gateway.auth.session.record import SessionRecord
from frontispiece.gateway.auth.session.valkey_store import StoreUnavailable
from frontispiece.security import InvalidToken

log = logging.getLogger(__name__)

LOCK_TIMEOUT: Final = 15.0
"""Seconds after which the lock of a crashed holder ends."""

ISSUER_TIMEOUT: Final = 10.0
"""Seconds for the issuer's response: the new tokens must be stored before the lock ends."""

WAIT_TIMEOUT: Final = 6.0
"""Seconds that others wait for the lock's holder."""

FAILURE_PAUSE: Final = 1.0
"""Seconds after a failure during which the issuer is not called again."""

MAX_WRITES: Final = 3
"""Attempts to store new tokens: the old ones are used up."""


class TokenRefresher:
    """Refreshes the tokens of sessions, and revokes those that are no longer needed."""

    def __init__(self, context: SessionContext) -> None:
        self._context = context
        self._store = context.store
        self._provider = context.provider
        self._running: dict[str, asyncio.Task[SessionRecord | None]] = {}
        self._paused_until = float("-inf")

    def refresh_in_background(self, key: str) -> None:
        """Start to refresh a session's tokens, which have not expired yet."""
        if asyncio.get_running_loop().time() >= self._paused_until:
            self._start(key)

    async def refresh(self, key: str) -> SessionRecord | None:
        """The session with new tokens; None when it has ended.

        Raises:
            ProviderUnavailable: the issuer does not respond: the session stays.
            StoreUnavailable: Valkey does not answer.
        """
        return await asyncio.shield(self._start(key))

    def revoke_in_background(self, session: SessionRecord) -> None:
        """Revoke the refresh token of a session that has ended."""
        if session.refresh_token is not None:
            self._revoke(session.refresh_token)

    def _revoke(self, refresh_token: str) -> None:
        self._context.background.start(self._revoke_token(refresh_token), "revoking a refresh token")

    async def _revoke_token(self, refresh_token: str) -> None:
        try:
            await self._provider.revoke(refresh_token)
        except TokenRefused as error:
            log.warning("the issuer does not revoke a refresh token: %s", error)

    def _start(self, key: str) -> "asyncio.Task[SessionRecord | None]":
        running = self._running.get(key)
        if running is None:
            running = self._running[key] = self._context.background.start(
                self._run(key), "refreshing a session's tokens"
            )
        return running

    async def _run(self, key: str) -> SessionRecord | None:
        cache = self._context.cache
        epoch = cache.epoch
        try:
            session = await self._with_lock(key)
        finally:
            del self._running[key]
        if session is None:
            self._context.end_session(key)
        else:
            cache.put(key, session, epoch=epoch)
        return session

    async def _with_lock(self, key: str) -> SessionRecord | None:
        lock_token, pause = secrets.token_bytes(16), 0.02
        loop = asyncio.get_running_loop()
        deadline = loop.time() + WAIT_TIMEOUT
        while not await self._store.lock(key, lock_token, LOCK_TIMEOUT):
            await asyncio.sleep(pause)
            pause = min(2 * pause, 0.25)
            found = await self._store.peek(key)
            if found is None or not found[0].needs_refresh(self._context.clock()):
                return found[0] if found else None
            if loop.time() > deadline:
                raise ProviderUnavailable("another gateway still waits for the issuer's response")
        try:
            return await self._as_holder(key)
        finally:
            with suppress(StoreUnavailable):  # the lock ends by itself
                await self._store.unlock(key, lock_token)

    async def _as_holder(self, key: str) -> SessionRecord | None:
        found = await self._store.peek(key)
        if found is None or not found[0].needs_refresh(self._context.clock()):
            return found[0] if found else None
        session = found[0]
        assert session.refresh_token is not None, "without one, a session needs no refresh"
        try:
            tokens = await self._request(session.refresh_token)
            refreshed = await self._save(key, session, tokens)  # before all else: the old ones are used up
            await self._check(session, tokens)
        except (TokenRefused, InvalidToken) as error:
            if isinstance(error, TokenRefused) and error.error != "invalid_grant":
                self._paused_until = asyncio.get_running_loop().time() + FAILURE_PAUSE
                log.error("the issuer refuses to refresh tokens: %s", error)  # noqa: TRY400 (no bug of ours)
                raise ProviderUnavailable(str(error)) from None
            log.info("a session ends, its tokens are not refreshed: %s", error)
            await self._store.end(key)
            return None
        return refreshed

    async def _request(self, refresh_token: str) -> TokenResponse:
        loop = asyncio.get_running_loop()
        if loop.time() < self._paused_until:
            raise ProviderUnavailable("the issuer failed a moment ago")
        try:
            async with asyncio.timeout(ISSUER_TIMEOUT):
                return await self._provider.refresh(refresh_token)
        except (ProviderUnavailable, TimeoutError) as failure:
            self._paused_until = loop.time() + FAILURE_PAUSE
            raise ProviderUnavailable(f"no new tokens: {failure}") from failure

    async def _check(self, session: SessionRecord, tokens: TokenResponse) -> None:
        """Verify that the new tokens are the same user's (OpenID Connect Core 1.0, 12.2).

        Raises:
            InvalidToken: they are not.
        """
        if tokens.id_token is None:
            return
        try:
            claims = await self._provider.id_token(tokens.id_token, None)
        except ProviderUnavailable as failure:  # it came from the issuer itself, by a connection of ours
            log.warning("an ID token is accepted unverified: %s", failure)
            return
        if claims["sub"] != session.subject:
            raise InvalidToken("The new tokens are another user's")

    async def _save(self, key: str, session: SessionRecord, tokens: TokenResponse) -> SessionRecord | None:
        def change(current: SessionRecord) -> SessionRecord:
            return msgspec.structs.replace(
                current,
                scopes=current.scopes if tokens.scope is None else tokens.scope,
                refresh_token=tokens.refresh_token or current.refresh_token,
                refresh_at=tokens.refresh_at,
                tokens_expire_at=tokens.expires_at,
            )

        refreshed = await self._write(key, change)
        if refreshed is None and await self._store.replaced_by(key) != session.login and tokens.refresh_token:
            self._revoke(tokens.refresh_token)  # nobody else knows these
        return refreshed

    async def _write(
        self, key: str, change: Callable[[SessionRecord], SessionRecord]
    ) -> SessionRecord | None:
        for left in reversed(range(MAX_WRITES)):
            try:
                return await self._store.change(key, change)
            except StoreUnavailable:
                if not left:
                    log.error("a session's new tokens are lost: they could not be stored")  # noqa: TRY400 (logged)
                    raise
        raise AssertionError("there is at least one attempt")


class SessionManager:
    """Finds sessions, and has their tokens refreshed."""

    def __init__(self, context: SessionContext, refresher: TokenRefresher) -> None:
        self._context = context
        self._refresher = refresher

    async def get(self, key: str) -> SessionRecord | None:
        """The session of a call, whose idle timeout restarts; None when it has ended.

        Raises:
            ProviderUnavailable: its tokens have expired, and the issuer does not respond.
            StoreUnavailable: Valkey does not answer.
        """
        now, cache = self._context.clock(), self._context.cache
        session = cache.get(key)
        if session is None or now >= session.ends_at or session.tokens_expired(now):
            epoch = cache.epoch
            session = await self._context.store.find(key)
            if session is None:
                return None
            cache.put(key, session, epoch=epoch)
        return await self._refreshed(key, session) if session.needs_refresh(now) else session

    async def peek(self, key: str) -> tuple[SessionRecord, float] | None:
        """The session and the seconds that are left of it; its idle timeout does not restart.

        Raises:
            ProviderUnavailable: its tokens have expired, and the issuer does not respond.
            StoreUnavailable: Valkey does not answer.
        """
        found = await self._context.store.peek(key)
        if found is None:
            self._context.end_session(key)
            return None
        session, left = found
        if session.needs_refresh(self._context.clock()):
            refreshed = await self._refreshed(key, session)
            return (refreshed, left) if refreshed else None
        return session, left

    async def _refreshed(self, key: str, session: SessionRecord) -> SessionRecord | None:
        if session.tokens_expired(self._context.clock()):
            return await self._refresher.refresh(key)
        self._refresher.refresh_in_background(key)
        return session
