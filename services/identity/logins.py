"""Browsers at which somebody is logged in."""

import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.db import Database
from services.identity.errors import Changed
from services.identity.grants import end_grants
from services.identity.model import Clock, Login, User, digest, new_secret
from services.identity.notices import Notices
from services.identity.tables import codes, grants, logins, users


class Logins:
    """The logins in identity's database; every method is one transaction.

    Rows are locked in the order user, login, code, grant.

    Args:
        database: where they are kept.
        notices: what clients are told of an end.
        lasts: seconds for which a login lasts.
        clock: the time in seconds since 1970.
    """

    def __init__(
        self, database: Database, notices: Notices, *, lasts: float, clock: Clock = time.time
    ) -> None:
        self._database = database
        self._notices = notices
        self._lasts = lasts
        self._clock = clock

    async def of(self, cookie: str | None) -> Login | None:
        """The login that a browser's cookie proves, while it lasts."""
        if cookie is None:
            return None
        mine = (logins.c.digest == digest(cookie)) & (logins.c.ends_at > self._clock())
        async with self._database.read() as tx:
            row = (await tx.execute(sa.select(logins).where(mine))).one_or_none()
        return None if row is None else _login(row)

    async def start(self, user: User, *, replaces: str | None) -> tuple[Login, str]:
        """A login of somebody who has just proved to be this user, and the cookie that proves it from now on.

        What the browser's cookie until now (`replaces`) stands for ends: it goes on in the new login when it
        was the same user's, and is over when not.

        Raises:
            Changed: the user's password is another than that which was proved.
        """
        async with self._database.write() as tx:
            kept = sa.select(users.c.password_hash).where(users.c.id == user.id)
            # without the key: rows that refer to the user are written by others meanwhile
            locked = kept.with_for_update(key_share=True)
            if (await tx.execute(locked)).scalar_one_or_none() != user.password_hash:
                raise Changed
            login, cookie = await self._enter(tx, user.id, self._clock())
            if replaces is not None:
                await self._replace(tx, replaces, login)
        self._notices.wake()
        return login, cookie

    async def end(self, login: Login) -> None:
        """Log the browser out: all that was granted from it ends."""
        async with self._database.write() as tx:
            await self._end(tx, login.id)
        self._notices.wake()

    async def change_password(self, user: User, password_hash: str, here: Login) -> str:
        """Give a user another password; all logins and all grants end, and `here` goes on under a new cookie.

        Raises:
            Changed: the password was changed meanwhile, or the login ended.
        """
        same = (users.c.id == user.id) & (users.c.password_hash == user.password_hash)
        async with self._database.write() as tx:
            done = await tx.execute(users.update().where(same).values(password_hash=password_hash))
            theirs = sa.select(logins.c.id).where(logins.c.user_id == user.id).order_by(logins.c.id)
            ids = (await tx.execute(theirs.with_for_update())).scalars().all()
            if not done.rowcount or here.id not in ids:
                raise Changed
            for login_id in ids:
                await self._end(tx, login_id)
            # a grant may outlast the login that it came from
            await end_grants(tx, self._notices, grants.c.user_id == user.id, self._clock())
            _, cookie = await self._enter(tx, user.id, here.auth_time)
        self._notices.wake()
        return cookie

    async def _enter(self, tx: AsyncConnection, user_id: str, auth_time: float) -> tuple[Login, str]:
        cookie = new_secret()
        login = Login(
            id=new_secret(), user_id=user_id, auth_time=auth_time, ends_at=self._clock() + self._lasts
        )
        row = {"id": login.id, "user_id": user_id, "auth_time": auth_time, "ends_at": login.ends_at}
        await tx.execute(logins.insert().values(**row, digest=digest(cookie)))
        return login, cookie

    async def _replace(self, tx: AsyncConnection, cookie: str, new: Login) -> None:
        query = sa.select(logins).where(logins.c.digest == digest(cookie)).with_for_update()
        old = (await tx.execute(query)).one_or_none()
        if old is None:
            return
        if old.user_id == new.user_id:
            for table in (codes, grants):
                mine = table.c.login_id == old.id
                await tx.execute(table.update().where(mine).values(login_id=new.id))
        await self._end(tx, old.id)

    async def _end(self, tx: AsyncConnection, login_id: str) -> None:
        await tx.execute(logins.delete().where(logins.c.id == login_id))
        await tx.execute(codes.delete().where(codes.c.login_id == login_id))
        await end_grants(tx, self._notices, grants.c.login_id == login_id, self._clock())


def _login(row: sa.Row[Any]) -> Login:
    return Login(id=row.id, user_id=row.user_id, auth_time=row.auth_time, ends_at=row.ends_at)
