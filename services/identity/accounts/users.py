"""The users."""

from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from frontispiece.stores import Database
from services.identity.errors import InvalidAccountData
from services.identity.model import Clock, User, name_key
from services.identity.tables import select_record, users

NAME_TAKEN: Final = "This user name is taken."


class Users:
    """The users in identity's database; every method is one transaction."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def is_empty(self) -> bool:
        """Whether there is no user."""
        async with self._database.read() as tx:
            return (await tx.execute(sa.select(users.c.id).limit(1))).first() is None

    async def add(self, new: Iterable[User]) -> None:
        """Add users, all or none.

        Raises:
            InvalidAccountData: one of their names exists.
        """
        try:
            async with self._database.write() as tx:
                await tx.execute(users.insert(), [self._row(user) for user in new])
        except IntegrityError:
            raise InvalidAccountData(NAME_TAKEN) from None

    async def named(self, name: str) -> User | None:
        """The user with this name, however it is written."""
        return await self._one(users.c.name_key == name_key(name))

    async def with_email(self, email: str, limit: int) -> list[User]:
        """Users with this mail address, which several may have."""
        query = select_record(users, User).where(users.c.email == email).order_by(users.c.id).limit(limit)
        async with self._database.read() as tx:
            return [_user(row) for row in await tx.execute(query)]

    async def get(self, user_id: str) -> User | None:
        """The user with this id."""
        return await self._one(users.c.id == user_id)

    async def rehash(self, user: User, password_hash: str) -> User:
        """The user with a new hash of the same password, unless the password was changed meanwhile."""
        same = (users.c.id == user.id) & (users.c.password_hash == user.password_hash)
        async with self._database.write() as tx:
            updated = await tx.execute(users.update().where(same).values(password_hash=password_hash))
        return replace(user, password_hash=password_hash) if updated.rowcount else user

    async def _one(self, condition: sa.ColumnElement[bool]) -> User | None:
        async with self._database.read() as tx:
            row = (await tx.execute(select_record(users, User).where(condition))).one_or_none()
        return None if row is None else _user(row)

    def _row(self, user: User) -> dict[str, Any]:
        return {
            **asdict(user),
            "name_key": name_key(user.name),
            "scopes": " ".join(sorted(user.scopes)),
            "created_at": self._clock(),
        }


def _user(row: sa.Row[Any]) -> User:
    return User(**{**row._asdict(), "scopes": frozenset(row.scopes.split())})
