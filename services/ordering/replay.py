"""The facts of orders once more, made from the log for a service that lacks them: it is new, or it lost them.

Facts come order by order, oldest order first, each order with all that has been published of it so far.
What happens to an order afterwards is published as ever, so whoever consumes events while it replays misses
nothing; what it gets twice, it recognises by the order.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Request
from msgspec import Meta
from pydantic import BaseModel

from frontispiece.events import EventData
from frontispiece.service import Cursor, Limit, decode_cursor, encode_cursor, require_scope
from services.ordering.domain_events import Cancelled, Completed, Placed
from services.ordering.event_store import Recorded
from services.ordering.messages import messages_of
from services.ordering.order import Order, fold
from services.ordering.tables import event_store

REPLAYED: Final = Placed, Completed, Cancelled
"""What the facts are made of: how an order began, and how it ended."""

Position = Annotated[int, Meta(ge=0, le=2**63 - 1)]

router = APIRouter(dependencies=[require_scope("orders:replay")])


class Fact(BaseModel):
    """A fact, as it was published: the type of its event, and that event's data."""

    type: str
    data: dict[str, Any]


class Facts(BaseModel):
    """The facts of up to `limit` orders, and the cursor of the orders after them (`null` at the end)."""

    items: list[Fact]
    next: str | None = None


@router.get("/facts")
async def facts(request: Request, limit: Limit = 100, cursor: Cursor = None) -> Facts:
    """What was published of all orders, for services alone."""
    (after,) = (0,) if cursor is None else decode_cursor(cursor, tuple[Position])
    async with request.app.state.store.database.read() as tx:
        events = await event_store.read_orders(tx, after, limit)
    begun = [recorded.position for recorded in events if recorded.version == 1]
    return Facts(
        items=[
            Fact(type=fact.TYPE, data=msgspec.to_builtins(fact))
            for order_id, history in groupby(events, lambda recorded: recorded.order_id)
            for fact in _facts(order_id, history)
        ],
        next=encode_cursor(max(begun)) if len(begun) == limit else None,
    )


def _facts(order_id: str, history: Iterable[Recorded]) -> Iterable[EventData]:
    order: Order | None = None
    for recorded in history:
        order = fold([recorded.event], order, order_id)
        if order is not None and isinstance(recorded.event, REPLAYED):
            yield from messages_of(order, recorded.event)
