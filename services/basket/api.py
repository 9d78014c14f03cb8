"""Basket over HTTP: parse, call, respond."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from frontispiece.http import Problem
from frontispiece.service import Caller, ResponseBody, etag, from_state, require_scope, responds, set_etag
from services.basket.model import (
    MAX_ARTICLES,
    MAX_QUANTITY,
    ArticlesUnknown,
    Basket,
    BasketChanged,
    BasketEmpty,
    BasketFull,
)
from services.basket.store import Store
from shop.articles import Articles
from shop.money import Money

router = APIRouter(prefix="/baskets/{owner}", dependencies=[require_scope("shop", "guest")])
users = require_scope("shop")

SKU_LENGTH = 64
Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY)]


@responds(409, 422)
async def _store(store: Annotated[Store, from_state("store")]) -> AsyncIterator[Store]:
    try:
        yield store
    except BasketFull as error:
        raise Problem(409, "basket-full", str(error), max_articles=MAX_ARTICLES) from None
    except ArticlesUnknown as error:
        raise Problem(422, "article-unknown", str(error), skus=error.skus) from None
    except BasketEmpty:
        raise Problem(422, "basket-empty", "There is nothing in the basket.") from None
    except BasketChanged as error:
        raise Problem(409, "basket-changed", str(error), version=error.version) from None


@responds(404)
async def _owner(owner: Annotated[str, Path(max_length=200)], caller: Caller) -> str:
    if caller.subject != owner:
        raise Problem(404, "basket-unknown", "You have no such basket.")
    return owner


Change = Callable[[Store], Awaitable[Basket]]
ChangeBasket = Callable[[Change], Awaitable[Basket]]


@responds(502, 504)
async def _change_basket(
    request: Request,
    store: Annotated[Store, Depends(_store)],
    articles: Annotated[Articles, from_state("articles")],
) -> ChangeBasket:
    """Makes changes of baskets; catalog is asked for the articles that are not known yet."""

    async def change_basket(change: Change) -> Basket:
        try:
            return await change(store)
        except ArticlesUnknown as unknown:
            await store.learn(await articles.prices(unknown.skus, request.headers.raw))
            return await change(store)

    return change_basket


StoreDep = Annotated[Store, Depends(_store)]
ChangeBasketDep = Annotated[ChangeBasket, Depends(_change_basket)]
Owner = Annotated[str, Depends(_owner)]
Sku = Annotated[str, Path(min_length=1, max_length=SKU_LENGTH)]
OrderId = Annotated[str, Path(min_length=1, max_length=64)]


class ItemBody(BaseModel):
    """A quantity of one article."""

    model_config = ConfigDict(extra="forbid")  # a client may not say what an article costs

    sku: str = Field(min_length=1, max_length=SKU_LENGTH)
    quantity: Quantity


class LineBody(ResponseBody):
    """An article in the basket: what one piece cost when it was put in, and costs now (null: unknown)."""

    sku: str
    quantity: int
    price_when_added: Money | None
    current_price: Money | None


class QuantityOf(BaseModel):
    """A quantity of one article."""

    sku: str
    quantity: int


class BasketBody(BaseModel):
    """One owner's basket, in order of sku."""

    owner: str
    version: int = Field(description="Another one after each change; 0 while the basket is empty.")
    items: list[LineBody]
    waiting: list[QuantityOf] = Field(
        description="Given back by a checkout that ended; they come into the basket when it has room."
    )


class ClaimRequest(BaseModel):
    """The version of the basket that the customer has seen."""

    model_config = ConfigDict(extra="forbid")

    version: int = Field(ge=0, le=2**63 - 1)


class ClaimBody(BaseModel):
    """The lines that were taken out of the basket for an order."""

    order_id: str
    lines: list[QuantityOf]


class QuantityBody(BaseModel):
    """The quantity that an article is set to."""

    model_config = ConfigDict(extra="forbid")

    quantity: Quantity


class MergeRequest(BaseModel):
    """The items of another basket."""

    model_config = ConfigDict(extra="forbid")

    items: list[ItemBody] = Field(max_length=MAX_ARTICLES)


@router.get("")
@responds(304)
async def get_basket(owner: Owner, store: StoreDep, request: Request, response: Response) -> BasketBody:
    """The caller's basket; empty when there is none."""
    body = _body(await store.basket(owner))
    set_etag(request, response, _content_version(body))
    return body


@router.delete("", status_code=204, response_class=Response)
async def delete_basket(owner: Owner, store: StoreDep) -> None:
    """Delete the basket; repeating it is harmless."""
    await store.delete(owner)


@router.put("/items/{sku}")
@responds(headers={200: ["ETag"]})
async def put_item(
    owner: Owner, sku: Sku, body: QuantityBody, change_basket: ChangeBasketDep, response: Response
) -> BasketBody:
    """Set the quantity of one article; repeating it is harmless."""
    return _changed(await change_basket(lambda store: store.put(owner, sku, body.quantity)), response)


@router.delete("/items/{sku}")
@responds(headers={200: ["ETag"]})
async def remove_item(owner: Owner, sku: Sku, store: StoreDep, response: Response) -> BasketBody:
    """Remove one article; repeating it is harmless."""
    return _changed(await store.remove(owner, sku), response)


@router.post("/merge", dependencies=[users])
@responds(headers={200: ["ETag"]})
async def merge(
    owner: Owner, other: MergeRequest, change_basket: ChangeBasketDep, response: Response
) -> BasketBody:
    """Merge another basket, by the larger quantity of each article; repeating it is harmless."""
    lines = [(item.sku, item.quantity) for item in other.items]
    return _changed(await change_basket(lambda store: store.merge(owner, lines)), response)


@router.post("/adoption", dependencies=[users])
@responds(403, headers={200: ["ETag"]})
async def adopt(owner: Owner, caller: Caller, store: StoreDep, response: Response) -> BasketBody:
    """Merge the basket of the guest session that the caller has just left; repeating it is harmless.

    Of each article the larger quantity counts; articles beyond the limit stay in the guest's basket.
    """
    if caller.merged_guest is None:
        raise Problem(403, "no-guest", "The token names no guest whose basket this could be.")
    return _changed(await store.adopt(owner, caller.merged_guest), response)


@router.put("/claims/{order_id}", dependencies=[users])
async def claim(owner: Owner, order_id: OrderId, body: ClaimRequest, store: StoreDep) -> ClaimBody:
    """Take all lines out of the basket for an order, if the basket has this version.

    A repetition gets the same lines. They are given back unless the order is placed within
    `BASKET_CLAIM_TIMEOUT`.
    """
    quantities = await store.claim(owner, order_id, body.version)
    return ClaimBody(order_id=order_id, lines=_quantities(quantities))


@router.delete("/claims/{order_id}", dependencies=[users])
@responds(headers={200: ["ETag"]})
async def release(owner: Owner, order_id: OrderId, store: StoreDep, response: Response) -> BasketBody:
    """Give the lines of a claim back to the basket; repeating it is harmless.

    They are added to what is in the basket by now. A claim whose order is placed stays as it is.
    """
    return _changed(await store.release(owner, order_id), response)


def _changed(basket: Basket, response: Response) -> BasketBody:
    body = _body(basket)
    response.headers["ETag"] = etag(_content_version(body))
    return body


def _body(basket: Basket) -> BasketBody:
    return BasketBody(
        owner=basket.owner,
        version=basket.version,
        items=[LineBody.of(line) for line in basket.lines],
        waiting=_quantities(basket.waiting),
    )


def _quantities(quantities: Mapping[str, int]) -> list[QuantityOf]:
    return [QuantityOf(sku=sku, quantity=quantity) for sku, quantity in quantities.items()]


def _content_version(body: BasketBody) -> int:
    """For the entity tag: it changes with the basket's version, and with current prices."""
    return int.from_bytes(hashlib.sha256(body.model_dump_json().encode()).digest()[:8])
