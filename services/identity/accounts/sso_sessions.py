"""Single sign-on sessions: the browsers at which users are logged in."""

from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.stores import Database
from services.identity.errors import PasswordChanged
from services.identity.model import Clock, SsoSession, User, digest, new_secret
from services.identity.protocol.backchannel_logout import BackchannelLogoutOutbox
from services.identity.protocol.grants import end_grants
from services.identity.tables import codes, grants, select_record, sso_sessions, users


class SsoSessions:
    """The sessions in identity's database, which last `lifetime` seconds; every method is one transaction.

    Rows are locked in the order user, session, code, grant.
    """

    def __init__(
        self, database: Database, outbox: BackchannelLogoutOutbox, *, lifetime: float, clock: Clock
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._lifetime = lifetime
        self._clock = clock

    async def get(self, cookie: str | None) -> SsoSession | None:
        """The session of a browser's cookie, while it lasts."""
        if cookie is None:
            return None
        this = (sso_sessions.c.digest == digest(cookie)) & (sso_sessions.c.ends_at > self._clock())
        async with self._database.read() as tx:
            row = (await tx.execute(select_record(sso_sessions, SsoSession).where(this))).one_or_none()
        return None if row is None else SsoSession(**row._asdict())

    async def start(self, user: User, *, replaces: str | None) -> tuple[SsoSession, str]:
        """A new session of a user who has just been authenticated, and its cookie.

        The session of the browser's previous cookie (`replaces`) ends: its grants move to the new session
        when it was the same user's, and end when not.

        Raises:
            PasswordChanged: since the user was authenticated.
        """
        async with self._database.write() as tx:
            stored = sa.select(users.c.password_hash).where(users.c.id == user.id)
            # key_share: others write rows that refer to the user meanwhile
            locked = stored.with_for_update(key_share=True)
            if (await tx.execute(locked)).scalar_one_or_none() != user.password_hash:
                raise PasswordChanged
            session, cookie = await self._insert(tx, user.id, self._clock())
            if replaces is not None:
                await self._replace(tx, replaces, session)
        self._outbox.wake()
        return session, cookie

    async def end(self, session: SsoSession) -> None:
        """Log the browser out: the grants of its session end."""
        async with self._database.write() as tx:
            await self._end(tx, session.id)
        self._outbox.wake()

    async def change_password(self, user: User, password_hash: str, current: SsoSession) -> str:
        """Change a password: the user's sessions and grants end; `current` goes on with the returned cookie.

        Raises:
            PasswordChanged: meanwhile, or the session has ended.
        """
        same = (users.c.id == user.id) & (users.c.password_hash == user.password_hash)
        async with self._database.write() as tx:
            updated = await tx.execute(users.update().where(same).values(password_hash=password_hash))
            their_sessions = (
                sa.select(sso_sessions.c.id)
                .where(sso_sessions.c.user_id == user.id)
                .order_by(sso_sessions.c.id)
            )
            ids = (await tx.execute(their_sessions.with_for_update())).scalars().all()
            if not updated.rowcount or current.id not in ids:
                raise PasswordChanged
            for session_id in ids:
                await self._end(tx, session_id)
            # a grant may outlast the session that it came from
            await end_grants(tx, self._outbox, grants.c.user_id == user.id, self._clock())
            _, cookie = await self._insert(tx, user.id, current.auth_time)
        self._outbox.wake()
        return cookie

    async def _insert(self, tx: AsyncConnection, user_id: str, auth_time: float) -> tuple[SsoSession, str]:
        cookie = new_secret()
        session = SsoSession(
            id=new_secret(), user_id=user_id, auth_time=auth_time, ends_at=self._clock() + self._lifetime
        )
        await tx.execute(sso_sessions.insert().values(**asdict(session), digest=digest(cookie)))
        return session, cookie

    async def _replace(self, tx: AsyncConnection, cookie: str, new: SsoSession) -> None:
        query = sa.select(sso_sessions).where(sso_sessions.c.digest == digest(cookie)).with_for_update()
        old = (await tx.execute(query)).one_or_none()
        if old is None:
            return
        if old.user_id == new.user_id:
            for table in (codes, grants):
                of_old_session = table.c.sso_session_id == old.id
                await tx.execute(table.update().where(of_old_session).values(sso_session_id=new.id))
        await self._end(tx, old.id)

    async def _end(self, tx: AsyncConnection, session_id: str) -> None:
        await tx.execute(sso_sessions.delete().where(sso_sessions.c.id == session_id))
        await tx.execute(codes.delete().where(codes.c.sso_session_id == session_id))
        await end_grants(tx, self._outbox, grants.c.sso_session_id == session_id, self._clock())
