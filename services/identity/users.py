"""Who can log in."""

import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from kit.db import Database
from services.identity.errors import NameTaken
from services.identity.model import Clock, User, name_key
from services.identity.tables import users


class Users:
    """The users in identity's database; every method is one transaction."""

    def __init__(self, database: Database, clock: Clock = time.time) -> None:
        self._database = database
        self._clock = clock

    async def is_empty(self) -> bool:
        """Whether there is no user at all yet."""
        async with self._database.read() as tx:
            return (await tx.execute(sa.select(users.c.id).limit(1))).first() is None

    async def add(self, new: Iterable[User]) -> None:
        """Enter new users, all or none.

        Raises:
            NameTaken: one of their names is somebody's.
        """
        try:
            async with self._database.write() as tx:
                await tx.execute(users.insert(), [self._row(user) for user in new])
        except IntegrityError:
            raise NameTaken from None

    async def named(self, typed: str) -> User | None:
        """The user of this name, however it is written."""
        return await self._one(users.c.name_key == name_key(typed))

    async def of(self, user_id: str) -> User | None:
        """The user with this id."""
        return await self._one(users.c.id == user_id)

    async def rehash(self, user: User, password_hash: str) -> User:
        """The user with the same password hashed anew; unless it was changed meanwhile, which then stays."""
        same = (users.c.id == user.id) & (users.c.password_hash == user.password_hash)
        async with self._database.write() as tx:
            done = await tx.execute(users.update().where(same).values(password_hash=password_hash))
        return replace(user, password_hash=password_hash) if done.rowcount else user

    async def _one(self, condition: sa.ColumnElement[bool]) -> User | None:
        async with self._database.read() as tx:
            row = (await tx.execute(sa.select(users).where(condition))).one_or_none()
        return None if row is None else _user(row)

    def _row(self, user: User) -> dict[str, Any]:
        return {
            "id": user.id,
            "name": user.name,
            "name_key": name_key(user.name),
            "display_name": user.display_name,
            "email": user.email,
            "scopes": " ".join(sorted(user.scopes)),
            "password_hash": user.password_hash,
            "created_at": self._clock(),
        }


def _user(row: sa.Row[Any]) -> User:
    return User(
        id=row.id,
        name=row.name,
        display_name=row.display_name,
        email=row.email,
        scopes=frozenset(row.scopes.split()),
        password_hash=row.password_hash,
    )
