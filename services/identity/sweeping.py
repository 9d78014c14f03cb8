"""What is over goes: no table grows for ever."""

import sqlalchemy as sa

from kit.db import Database
from services.identity.tables import attempts, codes, grants, logins
from services.identity.throttle import WINDOW

KEPT_CODES = 600.0
"""Seconds beyond its end for which a code is known, should it come again."""

KEPT_GRANTS = 86_400.0
"""Seconds beyond its end for which a grant is known, should a browser come to log out of it."""


async def sweep(database: Database, now: float) -> None:
    """Delete what nobody can ask for any more."""
    over: tuple[tuple[sa.Table, sa.ColumnElement[bool]], ...] = (
        (logins, logins.c.ends_at <= now),
        (codes, codes.c.ends_at <= now - KEPT_CODES),
        (grants, grants.c.ends_at <= now - KEPT_GRANTS),
        (grants, grants.c.ended_at <= now - KEPT_GRANTS),
        (attempts, attempts.c.since <= now - WINDOW),
    )
    for table, condition in over:  # each by itself: none holds the locks of another
        async with database.write() as tx:
            await tx.execute(table.delete().where(condition))
