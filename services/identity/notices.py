"""Back-channel logout: clients are told of the end of what they were granted, sooner or later.

OpenID Connect Back-Channel Logout 1.0. A notice is written in the transaction of the ending that it tells of,
and sent again until the client has taken it, for longer than an access token lasts.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

import httpx
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.db import Database
from kit.problems import Problem
from services.identity.errors import IdentityError
from services.identity.model import Clock, new_secret
from services.identity.tables import notices

log = logging.getLogger(__name__)

Sign = Callable[[sa.Row[Any]], Awaitable[str]]
"""Makes the logout token of a notice."""

GIVEN_UP_AFTER: Final = 600.0
"""Seconds for which a notice is sent again."""

LONGEST_PAUSE: Final = 60.0
ANSWERED_WITHIN: Final = 5.0
LEASE: Final = 15.0
"""Seconds for which a notice is left to the process that is sending it."""

AT_ONCE: Final = 20
"""How many notices are sent at the same time."""

LOOKED_FOR_EVERY: Final = 5.0
"""Seconds between two looks for notices that another process has left."""


class Notices:
    """What clients are still to be told.

    Args:
        database: where it is kept.
        addresses: where clients want to be told, by client; the others are not told.
        sign: makes a notice's token, at the moment it is sent.
        client: sends it.
        clock: the time in seconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        addresses: Mapping[str, str],
        *,
        sign: Sign,
        client: httpx.AsyncClient,
        clock: Clock = time.time,
    ) -> None:
        self._database = database
        self._addresses = addresses
        self._sign = sign
        self._client = client
        self._clock = clock
        self._woken = asyncio.Event()

    async def add(self, tx: AsyncConnection, ended: Iterable[sa.Row[Any]]) -> None:
        """Write down that these grants have ended, in the transaction that ends them."""
        now = self._clock()
        rows = [
            {
                "id": new_secret(),
                "client_id": grant.client_id,
                "user_id": grant.user_id,
                "sid": grant.sid,
                "created_at": now,
                "due_at": now,
            }
            for grant in ended
            if grant.client_id in self._addresses
        ]
        if rows:
            await tx.execute(notices.insert(), rows)

    def wake(self) -> None:
        """Have what was added sent at once."""
        self._woken.set()

    async def run(self) -> None:
        """Send what is due, for ever."""
        while True:
            self._woken.clear()
            try:
                pause = await self.deliver()
            except (Problem, IdentityError) as fault:  # the notices are kept: they only come later
                log.warning("Logout notices wait: %s", fault)
                pause = LOOKED_FOR_EVERY
            await _first_of(self._woken, pause)

    async def deliver(self) -> float:
        """Send what is due, all of it once; returns the seconds until there may be more."""
        while claimed := await self._claim():
            await asyncio.gather(*(self._send(notice) for notice in claimed))
        async with self._database.read() as tx:
            next_due = (await tx.execute(sa.select(sa.func.min(notices.c.due_at)))).scalar()
        return LOOKED_FOR_EVERY if next_due is None else min(LOOKED_FOR_EVERY, next_due - self._clock())

    async def _claim(self) -> list[sa.Row[Any]]:
        """Some of what is due, which until the lease ends is nobody else's."""
        now = self._clock()
        due = sa.select(notices).where(notices.c.due_at <= now).order_by(notices.c.due_at).limit(AT_ONCE)
        async with self._database.read() as tx:
            if (await tx.execute(due.limit(1))).first() is None:
                return []
        async with self._database.write() as tx:
            rows = (await tx.execute(due.with_for_update(skip_locked=True))).all()
            mine = notices.c.id.in_([row.id for row in rows])
            await tx.execute(notices.update().where(mine).values(due_at=now + LEASE))
            return list(rows)

    async def _send(self, notice: sa.Row[Any]) -> None:
        fault = await self._post(notice)
        this = notices.c.id == notice.id
        pause = min(2.0**notice.tries, LONGEST_PAUSE)
        again_at = self._clock() + pause
        again = fault is not None and again_at < notice.created_at + GIVEN_UP_AFTER
        later = notices.update().where(this).values(due_at=again_at, tries=notice.tries + 1)
        async with self._database.write() as tx:
            await tx.execute(later if again else notices.delete().where(this))
        if fault is not None and not again:
            log.warning("%s was never told of the end of %s: %s", notice.client_id, notice.sid, fault)

    async def _post(self, notice: sa.Row[Any]) -> str | None:
        """What kept the client from taking the notice; None when it took it."""
        address = self._addresses.get(notice.client_id)
        if address is None:
            return "it wants to be told no longer"
        form = {"logout_token": await self._sign(notice)}
        try:
            async with asyncio.timeout(ANSWERED_WITHIN):
                answer = await self._client.post(address, data=form)
        except (TimeoutError, httpx.HTTPError) as fault:
            return str(fault) or type(fault).__name__
        return None if answer.is_success else f"it answered {answer.status_code}"


async def _first_of(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(max(seconds, 0)):
            await event.wait()
    except TimeoutError:
        pass
