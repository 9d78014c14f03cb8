"""`GET /facts`: gives the facts of orders again, made from the log, to services that are new or lost them.

Facts come shard by shard in the order of the shards' logs. What happens afterwards is published as ever, so
whoever consumes events while it replays misses nothing; what it gets twice, it recognises by the order. An
order that moves to another shard meanwhile comes again from that one's log, at whose end it is written.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter
from msgspec import Meta
from pydantic import BaseModel

from frontispiece.service import Cursor, Limit, decode_cursor, encode_cursor, from_state, require_scope
from services.ordering.domain_events import Cancelled, Completed, Placed
from services.ordering.event_store import Recorded
from services.ordering.messages import messages_of
from services.ordering.order import fold
from services.ordering.shards import Shards
from services.ordering.tables import event_store

REPLAYED: Final = Placed, Completed, Cancelled
"""The events that the facts are made from: how an order began, and how it ended."""

Positions = dict[str, Annotated[int, Meta(ge=0, le=2**63 - 1)]]
"""The positions of the last facts given, by shard."""

router = APIRouter(dependencies=[require_scope("orders:replay")])


class Fact(BaseModel):
    """A fact, as it was published: the type of its event, and that event's data."""

    type: str
    data: dict[str, Any]


class Facts(BaseModel):
    """Up to `limit` facts, and the cursor of those after them (`null` at the end)."""

    items: list[Fact]
    next: str | None = None


@router.get("/facts")
async def facts(
    shards: Annotated[Shards, from_state("store")], limit: Limit = 100, cursor: Cursor = None
) -> Facts:
    """What was published of all orders, for services alone."""
    (positions,) = ({},) if cursor is None else decode_cursor(cursor, tuple[Positions])
    items: list[Fact] = []
    for name, shard in shards.by_name.items():
        if left := limit - len(items):
            async with shard.database.read() as tx:
                found = await event_store.read_facts(tx, positions.get(name, 0), left, REPLAYED)
            items += [_fact(happened, history) for happened, history in found]
            if found:
                positions[name] = found[-1][0].position
    return Facts(items=items, next=encode_cursor(positions) if len(items) == limit else None)


def _fact(happened: Recorded, history: Iterable[Recorded]) -> Fact:
    order = fold([recorded.event for recorded in history], order_id=happened.order_id)
    assert order is not None
    (fact,) = messages_of(order, happened.event)
    return Fact(type=fact.TYPE, data=msgspec.to_builtins(fact))
