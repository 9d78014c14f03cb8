"""Whose session it is, as both calls and `/user` know it: found, not ended, with tokens that are good."""

import time
from collections.abc import Callable

from gateway.session.copies import Copies
from gateway.session.record import Session
from gateway.session.refresh import Refresher
from gateway.session.store import Store


class Keeper:
    """Finds sessions and keeps them going.

    Args:
        store: keeps them.
        copies: what this process still believes of them.
        refresher: renews their tokens.
        clock: the time in seconds since 1970.
    """

    def __init__(
        self,
        store: Store,
        copies: Copies,
        refresher: Refresher,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._copies = copies
        self._refresher = refresher
        self._clock = clock

    async def session(self, key: str) -> Session | None:
        """The session of a call, which prolongs it; None when it has ended.

        Raises:
            ProviderUnavailable: its tokens have expired, and the issuer gives no answer.
            StoreUnavailable: it cannot be found out.
        """
        now = self._clock()
        session = self._copies.get(key)
        if session is None or now >= session.ends or not session.is_good(now):
            as_of = self._copies.dropped
            session = await self._store.find(key)
            if session is None:
                return None
            self._copies.put(key, session, as_of=as_of)
        return session if session.is_fresh(now) else await self._renewed(key, session)

    async def look(self, key: str) -> tuple[Session, float] | None:
        """The same for somebody who only asks: it is not prolonged; and how many seconds are left of it.

        Raises:
            ProviderUnavailable: its tokens have expired, and the issuer gives no answer.
            StoreUnavailable: it cannot be found out.
        """
        found = await self._store.look(key)
        if found is None:
            self._copies.drop(key)
            return None
        session, left = found
        if not session.is_fresh(self._clock()):
            renewed = await self._renewed(key, session)
            return (renewed, left) if renewed else None
        return session, left

    async def _renewed(self, key: str, session: Session) -> Session | None:
        if session.is_good(self._clock()):
            self._refresher.soon(key)
            return session
        return await self._refresher.now(key)
