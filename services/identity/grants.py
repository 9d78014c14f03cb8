"""What clients were granted: codes, and families of refresh tokens.

A refresh token names its family and itself: `family.token`. Of a family only those tokens are kept that may
come; any other that names the family was used before, and somebody has a copy of it (RFC 9700, 4.14).
"""

import logging
import time
from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.db import Database
from services.identity.errors import Refused
from services.identity.model import OFFLINE, Clock, Given, Grant, Login, Wanted, digest, new_secret, proves
from services.identity.notices import Notices
from services.identity.tables import codes, grants, logins, refresh_tokens

log = logging.getLogger(__name__)

CODE_LASTS: Final = 60.0
"""Seconds within which a code must be used."""

GRACE: Final = 10.0
"""Seconds within which a refresh token may come again, because its answer was lost."""


class Grants:
    """The grants in identity's database; every method is one transaction.

    Args:
        database: where they are kept.
        notices: what clients are told of an end.
        lasts: seconds after which a grant ends, however often it was refreshed.
        clock: the time in seconds since 1970.
    """

    def __init__(
        self, database: Database, notices: Notices, *, lasts: float, clock: Clock = time.time
    ) -> None:
        self._database = database
        self._notices = notices
        self._lasts = lasts
        self._clock = clock

    async def code(self, login: Login, wanted: Wanted) -> str | None:
        """A code that stands for what is wanted; None when the login has ended meanwhile."""
        code = new_secret()
        row = {
            "digest": digest(code),
            "login_id": login.id,
            "user_id": login.user_id,
            "auth_time": login.auth_time,
            "client_id": wanted.client_id,
            "redirect_uri": wanted.redirect_uri,
            "scopes": " ".join(wanted.scopes),
            "nonce": wanted.nonce,
            "challenge": wanted.challenge,
            "ends_at": self._clock() + CODE_LASTS,
        }
        async with self._database.write() as tx:
            still = sa.select(logins.c.id).where(logins.c.id == login.id).with_for_update()
            if (await tx.execute(still)).first() is None:
                return None
            await tx.execute(codes.insert().values(**row))
        return code

    async def redeem(
        self, code: str, client_id: str, *, redirect_uri: str, verifier: str, refreshed: bool
    ) -> Given:
        """What a code stands for; its client gets a refresh token if it always does, or asked for one.

        A code that comes again ends what came of it the first time (RFC 6749, 4.1.2).

        Raises:
            Refused: the code is not this client's, is over or was used, or one of its bounds is not met.
        """
        async with self._database.write() as tx:
            kept = sa.select(codes).where(codes.c.digest == digest(code)).with_for_update()
            row = (await tx.execute(kept)).one_or_none()
            if row is None or row.client_id != client_id:
                raise _invalid("The code is not known here.")
            if row.sid is None:
                self._check(row, redirect_uri, verifier)
                return await self._grant(tx, row, refreshed=refreshed)
            await end_grants(tx, self._notices, grants.c.sid == row.sid, self._clock())
        log.warning("A code of %s came again: what came of it has ended", client_id)
        self._notices.wake()
        raise _invalid("The code was used before.")

    async def refresh(self, token: str, client_id: str, scopes: Iterable[str]) -> Given:
        """The grant of a refresh token, and the token that takes its place.

        Within the grace, and until a successor is used, a token may come again: its answer may have been
        lost. Beyond, somebody has a copy of it: the family ends.

        Raises:
            Refused: the token is not this client's, is over, or was used before; or one of the scopes, to
                which the client wants to narrow the grant for once, is not part of it.
        """
        family, _, _ = token.partition(".")
        now = self._clock()
        async with self._database.write() as tx:
            kept = sa.select(grants).where(grants.c.family == digest(family)).with_for_update()
            row = (await tx.execute(kept)).one_or_none()
            if row is None or row.client_id != client_id or row.ended_at is not None or now >= row.ends_at:
                raise _invalid("The refresh token is not good, or not any more.")
            if not {*scopes} <= {*row.scopes.split()}:
                raise Refused("invalid_scope", "The scope has more in it than was granted.")
            if await _comes_rightly(tx, row.sid, token, now):
                return Given(grant=_grant(row), refresh=await _next_token(tx, row.sid, family))
            await end_grants(tx, self._notices, grants.c.sid == row.sid, now)
        log.warning("A refresh token of %s came again: its family has ended", client_id)
        self._notices.wake()
        raise _invalid("The refresh token was used before.")

    async def revoke(self, token: str, client_id: str) -> None:
        """End the family of a refresh token, if it is one of this client's."""
        family, _, _ = token.partition(".")
        mine = (grants.c.family == digest(family)) & (grants.c.client_id == client_id)
        async with self._database.write() as tx:
            await end_grants(tx, self._notices, mine, self._clock())
        self._notices.wake()

    async def end(self, sid: str) -> None:
        """End one grant."""
        async with self._database.write() as tx:
            await end_grants(tx, self._notices, grants.c.sid == sid, self._clock())
        self._notices.wake()

    async def alive(self, sid: str) -> Grant | None:
        """The grant of this name, while it lasts."""
        row = await self._row(sid)
        if row is None or row.ended_at is not None or self._clock() >= row.ends_at:
            return None
        return _grant(row)

    async def owner(self, sid: str) -> str | None:
        """The user whose grant this is, or was not long ago."""
        row = await self._row(sid)
        return None if row is None else str(row.user_id)

    async def _row(self, sid: str) -> sa.Row[Any] | None:
        async with self._database.read() as tx:
            return (await tx.execute(sa.select(grants).where(grants.c.sid == sid))).one_or_none()

    def _check(self, row: sa.Row[Any], redirect_uri: str, verifier: str) -> None:
        if self._clock() >= row.ends_at:
            raise _invalid("The code is over.")
        if redirect_uri != row.redirect_uri:
            raise _invalid("The code was sent to another redirect URI.")
        if not proves(verifier, row.challenge):
            raise _invalid("The code verifier does not fit the challenge.")

    async def _grant(self, tx: AsyncConnection, code: sa.Row[Any], *, refreshed: bool) -> Given:
        grant = Grant(
            sid=new_secret(),
            user_id=code.user_id,
            client_id=code.client_id,
            scopes=tuple(code.scopes.split()),
            auth_time=code.auth_time,
            ends_at=self._clock() + self._lasts,
        )
        family = new_secret() if refreshed or OFFLINE in grant.scopes else None
        row = {
            "sid": grant.sid,
            "login_id": code.login_id,
            "user_id": grant.user_id,
            "client_id": grant.client_id,
            "scopes": code.scopes,
            "auth_time": grant.auth_time,
            "ends_at": grant.ends_at,
            "family": family and digest(family),
        }
        await tx.execute(grants.insert().values(**row))
        await tx.execute(codes.update().where(codes.c.digest == code.digest).values(sid=grant.sid))
        token = await _next_token(tx, grant.sid, family) if family else None
        return Given(grant=grant, refresh=token, nonce=code.nonce)


async def end_grants(
    tx: AsyncConnection, notices: Notices, which: sa.ColumnElement[bool], now: float
) -> None:
    """End those of these grants that have not ended, and write down that their clients are to be told."""
    going_on = which & grants.c.ended_at.is_(None) & (grants.c.ends_at > now)
    query = sa.select(grants).where(going_on).order_by(grants.c.sid).with_for_update()
    ended = (await tx.execute(query)).all()
    sids = [grant.sid for grant in ended]
    await tx.execute(grants.update().where(grants.c.sid.in_(sids)).values(ended_at=now))
    await tx.execute(refresh_tokens.delete().where(refresh_tokens.c.sid.in_(sids)))
    await notices.add(tx, ended)


async def _comes_rightly(tx: AsyncConnection, sid: str, token: str, now: float) -> bool:
    """Whether the token may come at this moment; the grant's lock is held."""
    this, others = refresh_tokens.c.digest == digest(token), refresh_tokens.c.sid == sid
    row = (await tx.execute(sa.select(refresh_tokens).where(this & others))).one_or_none()
    if row is None:
        return False
    if row.good_until is not None:
        return bool(now < row.good_until)
    await tx.execute(refresh_tokens.delete().where(others & ~this))  # the one before it, and its siblings
    await tx.execute(refresh_tokens.update().where(this).values(good_until=now + GRACE))
    return True


async def _next_token(tx: AsyncConnection, sid: str, family: str) -> str:
    token = f"{family}.{new_secret()}"
    await tx.execute(refresh_tokens.insert().values(digest=digest(token), sid=sid))
    return token


def _grant(row: sa.Row[Any]) -> Grant:
    return Grant(
        sid=row.sid,
        user_id=row.user_id,
        client_id=row.client_id,
        scopes=tuple(row.scopes.split()),
        auth_time=row.auth_time,
        ends_at=row.ends_at,
    )


def _invalid(description: str) -> Refused:
    return Refused("invalid_grant", description)
