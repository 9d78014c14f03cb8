"""The session that a login creates: always a new one, in place of those that the browser had."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final

from frontispiece.gateway.auth.oidc import TokenResponse
from frontispiece.gateway.auth.session import cookies
from frontispiece.gateway.auth.session.context import SessionContext
from frontispiece.gateway.auth.session.guest_merge import TIMEOUT, GuestMerge
from frontispiece.gateway.auth.session.record import SessionRecord
from frontispiece.gateway.auth.session.refresh import TokenRefresher
from frontispiece.gateway.auth.session.valkey_store import Created
from frontispiece.http.problems import Problem

log = logging.getLogger(__name__)

TOKEN_CLAIMS: Final = frozenset(
    {"iss", "aud", "azp", "exp", "iat", "nbf", "jti", "nonce", "sid", "at_hash", "c_hash", "s_hash", "typ"}
)
"""Claims about the ID token, not about the user and the login."""


class SessionCreator:
    """Creates the sessions of users."""

    def __init__(self, context: SessionContext, merge: GuestMerge, refresher: TokenRefresher) -> None:
        self._context = context
        self._merge = merge
        self._refresher = refresher

    async def previous(self, keys: Iterable[str]) -> dict[str, SessionRecord]:
        """The sessions that the browser had until now, by their store keys."""
        found = {}
        for key in dict.fromkeys(keys):
            if (session := await self._context.store.peek(key)) is not None:
                found[key] = session[0]
        return found

    async def create(
        self,
        login_id: str,
        claims: Mapping[str, Any],
        tokens: TokenResponse,
        *,
        previous: Mapping[str, SessionRecord],
        request_id: bytes,
    ) -> str:
        """The id of a new session, which replaces the previous ones.

        `previous` are the sessions that the browser had, by their store keys.

        Raises:
            Problem: 400 `login-failed`: the login was used before, or has ended at the issuer.
        """
        session_id = cookies.new_session_id()
        key = cookies.store_key(session_id)
        session = self._record(claims, tokens, previous.values())
        created = await self._context.store.create(
            key,
            session,
            login_id=login_id,
            replaces=[old for old, record in previous.items() if not _waits(record, session)],
        )
        if created is not Created.CREATED:
            log.warning("a login fails: it %s", "was used before" if created is Created.USED else "has ended")
            raise Problem(
                400,
                "login-failed",
                "The login was used already, or has ended.",
                headers={"Cache-Control": "no-store"},
            )
        for replaced in previous.values():
            if replaced.login != session.login:
                self._refresher.revoke_in_background(replaced)
        merging = self._merge.start(key, session, request_id)
        if merging is not None:
            await asyncio.wait({merging}, timeout=TIMEOUT)
        return session_id

    def _record(
        self, claims: Mapping[str, Any], tokens: TokenResponse, previous: Iterable[SessionRecord]
    ) -> SessionRecord:
        config = self._context.config
        sid = claims.get("sid")
        return SessionRecord(
            subject=claims["sub"],
            scopes=frozenset(config.scopes) if tokens.scope is None else tokens.scope,
            ends_at=self._context.clock() + config.absolute_timeout.total_seconds(),
            idle_timeout=config.idle_timeout.total_seconds(),
            claims={name: value for name, value in claims.items() if name not in TOKEN_CLAIMS},
            sid=sid if isinstance(sid, str) and sid else None,
            issued_at=float(claims["iat"]),
            refresh_token=tokens.refresh_token,
            refresh_at=tokens.refresh_at,
            tokens_expire_at=tokens.expires_at,
            merged_guest=_guest_of(claims["sub"], previous) if self._merge.has_targets else None,
        )


def _waits(previous: SessionRecord, session: SessionRecord) -> bool:
    """Whether a guest is merged only after another one, with a later call."""
    merged = session.merged_guest
    return previous.is_guest and merged is not None and merged != previous.subject


def _guest_of(subject: str, previous: Iterable[SessionRecord]) -> str | None:
    """The guest before the login, or one that an earlier login of the same user has not merged yet."""
    for session in previous:
        if session.is_guest:
            return session.subject
        if session.merged_guest is not None and session.subject == subject:
            return session.merged_guest
    return None
