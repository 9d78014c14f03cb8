"""OpenID Connect Back-Channel Logout 1.0: clients are notified of ended grants, by an outbox.

A notification is written in the transaction that ends the grant, and sent again until the client accepts it,
for longer than an access token is valid.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

import httpx
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.http import Problem
from frontispiece.stores import Database
from services.identity.errors import IdentityError
from services.identity.model import Clock, new_secret
from services.identity.tables import logout_notifications as notifications

log = logging.getLogger(__name__)

Sign = Callable[[sa.Row[Any]], Awaitable[str]]
"""Makes the logout token of a notification."""

GIVE_UP_AFTER: Final = 600.0
"""Seconds for which a notification is retried, at least: as long as an access token of the grant is valid."""

MAX_BACKOFF: Final = 60.0
TIMEOUT: Final = 5.0
LEASE: Final = 15.0
"""Seconds for which a notification belongs to the process that sends it."""

BATCH_SIZE: Final = 20
"""Notifications sent at a time."""

POLL_INTERVAL: Final = 5.0
"""Seconds between two looks for notifications that another process has left."""


class BackchannelLogoutOutbox:
    """The notifications that are still to be sent.

    Args:
        database: identity's.
        uris: the clients' back-channel logout URIs, by client; other clients are not notified.
        sign: makes a notification's token, when it is sent.
        client: sends it.
        max_token_lifetime: the longest lifetime of an access token, in seconds.
    """

    def __init__(
        self,
        database: Database,
        uris: Mapping[str, str],
        *,
        sign: Sign,
        client: httpx.AsyncClient,
        clock: Clock,
        max_token_lifetime: float = 0.0,
    ) -> None:
        self._database = database
        self._uris = uris
        self._sign = sign
        self._client = client
        self._clock = clock
        self._give_up_after = max(GIVE_UP_AFTER, max_token_lifetime + MAX_BACKOFF)
        self._woken = asyncio.Event()

    async def add(self, tx: AsyncConnection, ended: Iterable[sa.Row[Any]]) -> None:
        """Add notifications of these ended grants, in the transaction that ends them."""
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
            if grant.client_id in self._uris
        ]
        if rows:
            await tx.execute(notifications.insert(), rows)

    def wake(self) -> None:
        """Send new notifications at once."""
        self._woken.set()

    async def run(self) -> None:
        """Send due notifications, for ever."""
        while True:
            self._woken.clear()
            try:
                pause = await self.deliver()
            except (Problem, IdentityError) as error:  # the notifications are stored: they only come later
                log.warning("Logout notifications wait: %s", error)
                pause = POLL_INTERVAL
            with suppress(TimeoutError):
                async with asyncio.timeout(max(pause, 0)):
                    await self._woken.wait()

    async def deliver(self) -> float:
        """Send every due notification once; returns the seconds until the next may be due."""
        while claimed := await self._claim():
            await asyncio.gather(*(self._send(notification) for notification in claimed))
        async with self._database.read() as tx:
            next_due = (await tx.execute(sa.select(sa.func.min(notifications.c.due_at)))).scalar()
        return POLL_INTERVAL if next_due is None else min(POLL_INTERVAL, next_due - self._clock())

    async def _claim(self) -> list[sa.Row[Any]]:
        """Some due notifications, which belong to this process until the lease ends."""
        now = self._clock()
        due = (
            sa.select(notifications)
            .where(notifications.c.due_at <= now)
            .order_by(notifications.c.due_at)
            .limit(BATCH_SIZE)
        )
        async with self._database.read() as tx:
            if (await tx.execute(due.limit(1))).first() is None:
                return []
        async with self._database.write() as tx:
            rows = (await tx.execute(due.with_for_update(skip_locked=True))).all()
            claimed = notifications.c.id.in_([row.id for row in rows])
            await tx.execute(notifications.update().where(claimed).values(due_at=now + LEASE))
            return list(rows)

    async def _send(self, notification: sa.Row[Any]) -> None:
        failure = await self._post(notification)
        this = notifications.c.id == notification.id
        retry_at = self._clock() + min(2.0**notification.attempts, MAX_BACKOFF)
        retry = failure is not None and retry_at < notification.created_at + self._give_up_after
        later = notifications.update().where(this).values(due_at=retry_at, attempts=notification.attempts + 1)
        async with self._database.write() as tx:
            await tx.execute(later if retry else notifications.delete().where(this))
        if failure is not None and not retry:
            client_id, sid = notification.client_id, notification.sid
            log.warning("%s was never notified of the end of %s: %s", client_id, sid, failure)

    async def _post(self, notification: sa.Row[Any]) -> str | None:
        """Why the client has not accepted the notification; None when it has."""
        uri = self._uris.get(notification.client_id)
        if uri is None:
            return "it has no back-channel logout URI any more"
        form = {"logout_token": await self._sign(notification)}
        try:
            async with asyncio.timeout(TIMEOUT):
                response = await self._client.post(uri, data=form)
        except (TimeoutError, httpx.HTTPError) as error:
            return str(error) or type(error).__name__
        return None if response.is_success else f"it responded with {response.status_code}"
