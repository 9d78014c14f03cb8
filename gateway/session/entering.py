"""The session that a login makes: a new one always, in the place of those that the browser had."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from gateway.oidc import Tokens
from gateway.session import cookies, store
from gateway.session.adoption import PATIENCE, Adoption
from gateway.session.background import Background
from gateway.session.record import Session
from gateway.session.refresh import Refresher, times
from gateway.session.store import Made, Store
from kit.problems import Problem

log = logging.getLogger(__name__)

PROTOCOL: Final = frozenset(
    {"iss", "sub", "aud", "azp", "exp", "iat", "nbf", "jti", "nonce", "sid", "at_hash", "c_hash", "s_hash"}
    | {"auth_time", "acr", "amr", "typ"}
)
"""Claims that are no part of anybody's profile."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """Who has logged in.

    Args:
        subject: the user.
        claims: the ID token's.
        tokens: all that the issuer gave.
        scopes: what may be done on the user's behalf.
        mark: names the login as it was begun.
        asked: when the tokens were asked for, seconds since 1970.
    """

    subject: str
    claims: Mapping[str, Any]
    tokens: Tokens
    scopes: frozenset[str]
    mark: str
    asked: float


class Entering:
    """Makes the sessions of those who have logged in.

    Args:
        store: keeps them.
        adoption: tells services what the guest was who logs in.
        refresher: gives back tokens that are not needed any more.
        background: where that goes on.
        idle: how long a session lasts without a call.
        lasts: how long it lasts whatever happens.
        clock: the time in seconds since 1970.
    """

    def __init__(
        self,
        *,
        store: Store,
        adoption: Adoption,
        refresher: Refresher,
        background: Background,
        idle: timedelta,
        lasts: timedelta,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._adoption = adoption
        self._refresher = refresher
        self._background = background
        self._idle = idle.total_seconds()
        self._lasts = lasts.total_seconds()
        self._clock = clock

    async def earlier(self, keys: Iterable[str]) -> dict[str, Session]:
        """The sessions that the browser had until now, by where they are kept."""
        found = {}
        for key in dict.fromkeys(keys):
            if (kept := await self._store.look(key)) is not None:
                found[key] = kept[0]
        return found

    async def enter(self, proof: Proof, earlier: Mapping[str, Session], request_id: bytes) -> str:
        """The id of a new session, which takes the place of earlier ones.

        Raises:
            Problem: 400 `login-failed`: the login was used before, or has ended at the issuer already.
        """
        session_id = cookies.new_id()
        key = cookies.key_of(session_id)
        session = self._session(proof, earlier.values())
        login = store.Login(
            mark=f"login {proof.mark}", issued_at=float(proof.claims["iat"]), instead_of=[*earlier]
        )
        made = await self._store.create(key, session, login)
        if made is not Made.MADE:
            log.warning(
                "a login fails: it %s", "was used before" if made is Made.USED else "has ended already"
            )
            raise Problem(
                400,
                "login-failed",
                "The login was used already, or has ended.",
                headers={"Cache-Control": "no-store"},
            )
        for before in earlier.values():
            if before.refresh_token is not None:
                giving = self._refresher.give_back(before.refresh_token)
                self._background.start("giving tokens back", giving)
        telling = self._adoption.soon(key, session, request_id)
        if telling is not None:
            await asyncio.wait({telling}, timeout=PATIENCE)
        return session_id

    def _session(self, proof: Proof, earlier: Iterable[Session]) -> Session:
        renewed, expires = times(proof.tokens, proof.asked)
        sid = proof.claims.get("sid")
        return Session(
            subject=proof.subject,
            scopes=proof.scopes,
            ends=self._clock() + self._lasts,
            idle=self._idle,
            claims={name: value for name, value in proof.claims.items() if name not in PROTOCOL},
            sid=sid if isinstance(sid, str) and sid else None,
            refresh_token=proof.tokens.refresh_token,
            renewed=renewed,
            expires=expires,
            adopts=_adopted(proof.subject, earlier) if self._adoption.has_targets else None,
        )


def _adopted(subject: str, earlier: Iterable[Session]) -> str | None:
    """The guest that somebody was before, or one whom an earlier login of theirs has left waiting."""
    for session in earlier:
        if session.is_guest:
            return session.subject
        if session.adopts is not None and session.subject == subject:
            return session.adopts
    return None
