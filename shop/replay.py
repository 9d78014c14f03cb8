"""`GET /facts`: gives what a service has published again, to services that are new or have lost it.

What is published meanwhile is not missed by a service that consumes events while it reads this; what it gets
twice, it recognises by the id.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Request
from msgspec import Meta
from pydantic import BaseModel

from frontispiece.events import FactLog
from frontispiece.service import Cursor, Limit, decode_cursor, encode_cursor, require_scope

RETENTION: Final = timedelta(days=30)
"""How long facts are stored: older news interest nobody."""

Position = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Fact(BaseModel):
    """A fact, as it was published: id, type, time and data of its event."""

    id: str
    type: str
    time: datetime
    data: dict[str, Any]


class Facts(BaseModel):
    """Up to `limit` facts, oldest first, and the cursor of those after them (`null` at the end)."""

    items: list[Fact]
    next: str | None = None


def replay_router(log: FactLog) -> APIRouter:
    """`GET /facts`, for an app with its database in `app.state.store`.

    Args:
        log: of that database.
    """
    router = APIRouter(dependencies=[require_scope("facts:replay")])

    @router.get("/facts")
    async def facts(request: Request, limit: Limit = 100, cursor: Cursor = None) -> Facts:
        """What was published in the last 30 days, for services alone."""
        (after,) = (0,) if cursor is None else decode_cursor(cursor, tuple[Position])
        async with request.app.state.store.database.read() as tx:
            found = await log.read(tx, after, limit)
        return Facts(
            items=[Fact.model_validate(msgspec.json.decode(body)) for _, body in found],
            next=encode_cursor(found[-1][0]) if len(found) == limit else None,
        )

    return router
