"""Feed over HTTP: parse, call, respond."""

from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from frontispiece.http import Problem
from frontispiece.service import (
    Caller,
    Cursor,
    Limit,
    Slice,
    decode_cursor,
    encode_cursor,
    from_state,
    require_scope,
    responds,
)
from services.feed.model import MAX_FOLLOWS, NEWEST, Item, Kind, TooManyFollows
from services.feed.shard import Shard
from services.feed.store import Store
from shop.articles import Articles
from shop.facts import rebuild_router
from shop.fields import SLUG
from shop.money import Money

router = APIRouter()
router.include_router(rebuild_router)
owners = require_scope("shop")

Id = Annotated[int, msgspec.Meta(ge=0, le=NEWEST)]
Brand = Annotated[str, Path(pattern=SLUG, max_length=64)]


@responds(404)
async def _shard(
    owner: Annotated[str, Path(max_length=200)], caller: Caller, store: Annotated[Store, from_state("store")]
) -> Shard:
    """The shard of an owner, who must be the caller."""
    if caller.subject != owner:
        raise Problem(404, "timeline-unknown", "You have no such timeline.")
    return store.of(owner)


ShardDep = Annotated[Shard, Depends(_shard)]


class NewsBody(BaseModel):
    """News of a brand; the prices are those of its time, null for news of stock.

    `others` is how many more articles the brand has added with a new one, in the same hour.
    """

    id: str
    kind: Kind
    brand: str
    sku: str
    at: datetime
    price: Money | None
    price_before: Money | None
    others: int


class TimelineBody(Slice[NewsBody]):
    """News of the brands that the owner follows, newest first."""

    follows: list[str] = Field(description="The brands that the owner follows, by id.")
    unread: int = Field(description="News after those that the owner has read: 100 for as many or more.")
    read_up_to: str = Field(description="The id up to which the owner has read.")


class Read(BaseModel):
    """Up to which id the owner has read."""

    up_to: str = Field(pattern="^[0-9]{1,19}$")


class Unread(BaseModel):
    """How many news the owner has not read: 100 for as many or more."""

    unread: int


class Follows(BaseModel):
    """The brands that the owner follows, by id."""

    items: list[str]


@router.get("/timelines/{owner}", dependencies=[owners])
async def timeline(owner: str, shard: ShardDep, limit: Limit = 20, cursor: Cursor = None) -> TimelineBody:
    """The owner's timeline."""
    before = None if cursor is None else decode_cursor(cursor, tuple[Id])[0]
    found = await shard.timeline(owner, limit, before)
    return TimelineBody(
        items=[_body(item) for item in found.items],
        next=encode_cursor(found.items[-1].id) if found.more else None,
        follows=list(found.follows),
        unread=found.unread,
        read_up_to=str(found.read_up_to),
    )


@router.put("/timelines/{owner}/read", dependencies=[owners])
async def mark_read(owner: str, read: Read, shard: ShardDep) -> Unread:
    """Mark all news up to an id as read; it never goes back."""
    await shard.mark_read(owner, int(read.up_to))
    return Unread(unread=(await shard.timeline(owner, 1)).unread)


@router.get("/follows/{owner}", dependencies=[owners])
async def followed(owner: str, shard: ShardDep) -> Follows:
    """The brands that the owner follows."""
    return Follows(items=await shard.follows(owner))


@router.put("/follows/{owner}/{brand}", dependencies=[owners])
@responds(404, 409)
async def follow(
    owner: str, brand: Brand, shard: ShardDep, articles: Annotated[Articles, from_state("articles")]
) -> Follows:
    """Follow a brand that catalog has; the news of its last days are in the timeline at once."""
    if not await articles.has_brand(brand):
        raise Problem(404, "brand-unknown", "There is no such brand.")
    try:
        await shard.follow(owner, brand)
    except TooManyFollows as error:
        raise Problem(409, "too-many-follows", str(error), max_follows=MAX_FOLLOWS) from None
    return Follows(items=await shard.follows(owner))


@router.delete("/follows/{owner}/{brand}", dependencies=[owners])
async def unfollow(owner: str, brand: Brand, shard: ShardDep) -> Follows:
    """Follow a brand no more: its news leave the timeline."""
    await shard.unfollow(owner, brand)
    return Follows(items=await shard.follows(owner))


def _body(item: Item) -> NewsBody:
    return NewsBody(
        id=str(item.id),
        kind=item.kind,
        brand=item.brand,
        sku=item.sku,
        at=item.at,
        price=_money(item.amount, item.currency),
        price_before=_money(item.amount_before, item.currency),
        others=item.others,
    )


def _money(amount: int | None, currency: str | None) -> Money | None:
    return None if amount is None or currency is None else Money(amount=amount, currency=currency)
