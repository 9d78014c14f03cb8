"""Basket over HTTP: parse, call, answer."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from kit.problems import Problem
from kit.service import Caller, etag, scoped, tag
from services.basket.model import MOST_ARTICLES, MOST_PIECES, Basket, Full
from services.basket.store import Store, Unavailable

router = APIRouter(prefix="/baskets/{owner}", dependencies=[scoped("shop", "guest")])
users = scoped("shop")

SKU_LENGTH = 64
Quantity = Annotated[int, Field(ge=1, le=MOST_PIECES)]


async def _store(request: Request) -> AsyncIterator[Store]:
    store: Store = request.app.state.store
    try:
        yield store
    except Unavailable as fault:
        raise Problem(
            503, "store-unavailable", "Baskets cannot be reached right now.", headers={"Retry-After": "1"}
        ) from fault
    except Full as fault:
        raise Problem(409, "basket-full", str(fault), most=MOST_ARTICLES) from None


def _owner(owner: Annotated[str, Path(max_length=200)], caller: Caller) -> str:
    if caller.subject != owner:
        raise Problem(404, "basket-unknown", "You have no such basket.")
    return owner


Kept = Annotated[Store, Depends(_store)]
Owner = Annotated[str, Depends(_owner)]
Sku = Annotated[str, Path(min_length=1, max_length=SKU_LENGTH)]


class ItemBody(BaseModel):
    """So many pieces of one article."""

    model_config = ConfigDict(extra="forbid")  # a client may not say what an article costs

    sku: str = Field(min_length=1, max_length=SKU_LENGTH)
    quantity: Quantity


class BasketBody(BaseModel):
    """What one owner means to buy, in order of sku."""

    owner: str
    items: list[ItemBody]


class QuantityBody(BaseModel):
    """How many pieces there are to be, however many there were."""

    model_config = ConfigDict(extra="forbid")

    quantity: Quantity


class MergeRequest(BaseModel):
    """What another basket holds."""

    model_config = ConfigDict(extra="forbid")

    items: list[ItemBody] = Field(max_length=MOST_ARTICLES)


@router.get("")
async def basket(owner: Owner, store: Kept, request: Request, response: Response) -> BasketBody:
    """The caller's basket; one that was never filled is empty."""
    found = await store.basket(owner)
    tag(request, response, found.version)
    return _body(found)


@router.delete("", status_code=204)
async def empty(owner: Owner, store: Kept) -> None:
    """Forget the basket; repeating it is harmless."""
    await store.delete(owner)


@router.put("/items/{sku}")
async def put_item(
    owner: Owner, sku: Sku, wanted: QuantityBody, store: Kept, response: Response
) -> BasketBody:
    """Have so many pieces of one article; repeating it is harmless."""
    return _changed(await store.put(owner, sku, wanted.quantity), response)


@router.delete("/items/{sku}")
async def remove_item(owner: Owner, sku: Sku, store: Kept, response: Response) -> BasketBody:
    """Have none of one article; repeating it is harmless."""
    return _changed(await store.remove(owner, sku), response)


@router.post("/merge", dependencies=[users])
async def merge(owner: Owner, other: MergeRequest, store: Kept, response: Response) -> BasketBody:
    """Have the larger quantity of each article of two baskets; repeating it is harmless."""
    lines = [(item.sku, item.quantity) for item in other.items]
    return _changed(await store.merge(owner, lines), response)


@router.post("/adoption", dependencies=[users])
async def adopt(owner: Owner, caller: Caller, store: Kept, response: Response) -> BasketBody:
    """Take over the basket of the guest that the caller was until now; repeating it is harmless.

    Of each article the larger quantity counts; what finds no room stays with the guest.
    """
    if caller.adopts is None:
        raise Problem(403, "no-guest", "The token names no guest whose basket this could be.")
    return _changed(await store.adopt(owner, caller.adopts), response)


def _changed(kept: Basket, response: Response) -> BasketBody:
    response.headers["ETag"] = etag(kept.version)
    return _body(kept)


def _body(held: Basket) -> BasketBody:
    items = [ItemBody(sku=sku, quantity=quantity) for sku, quantity in held.pieces.items()]
    return BasketBody(owner=held.owner, items=items)
