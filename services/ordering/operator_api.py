"""What an operator reads of orders over HTTP, shard by shard: the caller joins what the shards say."""

from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel

from frontispiece.http import Problem
from frontispiece.service import (
    Cursor,
    Limit,
    ResponseBody,
    Slice,
    decode_cursor,
    encode_cursor,
    from_state,
    require_scope,
    responds,
    slice_of,
)
from services.ordering.read_api import OrderId, PlacedAt, sort_key
from services.ordering.read_store import Summary
from services.ordering.schemas import OrderSummary, order_summary
from services.ordering.shard import Shard
from services.ordering.shards import Shards

MAX_SKUS: Final = 100

router = APIRouter(dependencies=[require_scope("orders:read")])

ShardsDep = Annotated[Shards, from_state("store")]
Day = Annotated[date, Query(description="In UTC.")]


class ShardNames(BaseModel):
    """The names of all shards."""

    items: list[str]


class OperatorOrder(OrderSummary):
    """One order, the id of its customer, and the cursor of what comes after it."""

    owner: str
    cursor: str


class SoldBody(ResponseBody):
    """How many pieces of a product were ordered."""

    sku: str
    pieces: int


class SoldProducts(BaseModel):
    """Products and how often they were ordered, most pieces first."""

    items: list[SoldBody]


@router.get("/shards")
async def names(shards: ShardsDep) -> ShardNames:
    """The shards."""
    return ShardNames(items=list(shards.by_name))


@router.get("/shards/{shard}/orders")
@responds(404)
async def orders(
    shard: str, shards: ShardsDep, day: Day, limit: Limit = 20, cursor: Cursor = None
) -> Slice[OperatorOrder]:
    """The orders of a shard that were placed on a day, newest first.

    The cursor of an order is the same for all shards: each gives what comes after it, whichever has it.
    """
    found = _shard(shards, shard)
    after = None if cursor is None else decode_cursor(cursor, tuple[PlacedAt, OrderId])
    rows = await found.read_store.orders(limit + 1, after, day=day, buckets=await found.buckets())
    return slice_of(rows, limit, body=_body, sort_key=sort_key)


@router.get("/shards/{shard}/products")
@responds(404)
async def products(
    shard: str,
    shards: ShardsDep,
    day: Day,
    sku: Annotated[
        list[str] | None, Query(max_length=MAX_SKUS, description="Only these, whatever the limit.")
    ] = None,
    limit: Limit = 20,
) -> SoldProducts:
    """The products that were ordered most at a shard on a day, or these."""
    found = _shard(shards, shard)
    rows = await found.read_store.sold(
        day, await found.buckets(), limit=None if sku else limit, skus=sku or None
    )
    return SoldProducts(items=[SoldBody.of(row) for row in rows])


@router.get("/customers/{owner}/orders")
async def customers_orders(
    owner: str, shards: ShardsDep, limit: Limit = 20, cursor: Cursor = None
) -> Slice[OperatorOrder]:
    """A customer's orders, newest first: one shard has them all."""
    after = None if cursor is None else decode_cursor(cursor, tuple[PlacedAt, OrderId])
    shard = await shards.of(owner)
    rows = await shard.read_store.orders(limit + 1, after, owner=owner)
    return slice_of(rows, limit, body=_body, sort_key=sort_key)


def _shard(shards: Shards, name: str) -> Shard:
    if (shard := shards.by_name.get(name)) is None:
        raise Problem(404, "shard-unknown", "There is no such shard.")
    return shard


def _body(summary: Summary) -> OperatorOrder:
    cursor = encode_cursor(*sort_key(summary))
    return OperatorOrder(**order_summary(summary).model_dump(), owner=summary.owner, cursor=cursor)
