"""Inventory over HTTP: parse, call, respond."""

from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from frontispiece.http import Problem
from frontispiece.service import (
    Caller,
    IdempotencyKey,
    IfMatch,
    Intent,
    ResponseBody,
    etag,
    expected_version,
    from_state,
    public,
    require_scope,
    responds,
    set_etag,
)
from services.inventory.model import BelowReserved, Line, NotHeld, OutOfStock, Reservation, Status
from services.inventory.store import Store
from shop.fields import SKU

router = APIRouter()

Sku = Annotated[str, Field(pattern=SKU)]
ReservationId = Annotated[str, Field(pattern=r"^[0-9a-f-]{1,36}$")]


@responds(409, 410)
async def _store(store: Annotated[Store, from_state("store")]) -> AsyncIterator[Store]:
    try:
        yield store
    except NotHeld as error:
        status = 410 if error.status is Status.EXPIRED else 409
        raise Problem(status, f"reservation-{error.status}", str(error)) from None


StoreDep = Annotated[Store, Depends(_store)]


class StockBody(ResponseBody):
    """Units of one article."""

    sku: str
    on_hand: int
    reserved: int
    available: int


class StockBatch(BaseModel):
    """The requested articles, in the order of the request, and the unknown skus."""

    items: list[StockBody]
    unknown: list[str]


class Count(BaseModel):
    """A new count of the units on hand."""

    on_hand: int = Field(ge=0, le=1_000_000_000)


class LineBody(ResponseBody):
    """A quantity of one article."""

    sku: Sku
    quantity: int = Field(ge=1, le=1_000_000)


class ReservationRequest(BaseModel):
    """The lines to reserve, and for how long."""

    lines: list[LineBody] = Field(min_length=1, max_length=100)
    ttl_seconds: int = Field(900, ge=1, le=86_400)


class ReservationBody(ResponseBody):
    """Units reserved for the caller until `expires_at`."""

    id: str
    status: Status
    lines: list[LineBody]
    expires_at: datetime


@router.get("/stock/{sku}")
@public
@responds(304, 404)
async def stock(sku: Sku, store: StoreDep, request: Request, response: Response) -> StockBody:
    """The stock of one article."""
    level = (await store.levels([sku])).get(sku)
    if level is None:
        raise Problem(404, "article-unknown", f"There is no article {sku}.", sku=sku)
    set_etag(request, response, level.version)
    return StockBody.of(level)


@router.get("/stock")
@public
async def stock_batch(
    sku: Annotated[list[Sku], Query(min_length=1, max_length=100)], store: StoreDep
) -> StockBatch:
    """The stock of up to 100 articles."""
    levels = await store.levels(sku)
    return StockBatch(
        items=[StockBody.of(levels[wanted]) for wanted in sku if wanted in levels],
        unknown=[wanted for wanted in sku if wanted not in levels],
    )


@router.put("/stock/{sku}", dependencies=[require_scope("stock:write")])
@responds(201, headers={200: ["ETag"], 201: ["ETag"]})
async def count_stock(
    sku: Sku,
    count: Count,
    store: StoreDep,
    response: Response,
    if_match: IfMatch,
) -> StockBody:
    """Set the count of an article; one that exists needs `If-Match`."""
    stored = (await store.levels([sku])).get(sku)
    version = expected_version(if_match, stored.version if stored else None)
    try:
        level = await store.count(sku, count.on_hand, version)
    except BelowReserved as error:
        raise Problem(409, "below-reserved", str(error)) from None
    if level is None:
        raise Problem(412, "version-outdated", "Another writer changed this stock since you read it.")
    response.status_code = 201 if version is None else 200
    response.headers["ETag"] = etag(level.version)
    return StockBody.of(level)


@router.post("/reservations", status_code=201, dependencies=[require_scope("shop")])
@responds(headers={201: ["ETag", "Location"]})
async def reserve(
    body: ReservationRequest, caller: Caller, key: IdempotencyKey, store: StoreDep, response: Response
) -> ReservationBody:
    """Reserve all lines or none."""
    intent = Intent(owner=caller.subject, key=key, request=body.model_dump_json().encode())
    lines = [Line(sku=line.sku, quantity=line.quantity) for line in body.lines]
    try:
        reserved = await store.reserve(intent, lines, timedelta(seconds=body.ttl_seconds))
    except OutOfStock as error:
        missing = [asdict(shortage) for shortage in error.shortages]
        raise Problem(409, "out-of-stock", "There is not enough of everything.", lines=missing) from None
    response.headers.update({"Location": f"/reservations/{reserved.id}", "ETag": etag(reserved.version)})
    return ReservationBody.of(reserved)


@router.get("/reservations/{reservation_id}")
@responds(304, 404)
async def reservation(
    reservation_id: ReservationId, caller: Caller, store: StoreDep, request: Request, response: Response
) -> ReservationBody:
    """One of the caller's reservations."""
    found = _found(await store.reservation(reservation_id, caller.subject))
    set_etag(request, response, found.version)
    return ReservationBody.of(found)


@router.delete("/reservations/{reservation_id}", status_code=204, response_class=Response)
@responds(404)
async def release(reservation_id: ReservationId, caller: Caller, store: StoreDep) -> None:
    """Release the units; repeating it is harmless."""
    _found(await store.release(reservation_id, caller.subject))


@router.post("/reservations/{reservation_id}/commit")
@responds(404, headers={200: ["ETag"]})
async def commit(
    reservation_id: ReservationId, caller: Caller, store: StoreDep, response: Response
) -> ReservationBody:
    """Take the units out of stock; repeating it is harmless."""
    committed = _found(await store.commit(reservation_id, caller.subject))
    response.headers["ETag"] = etag(committed.version)
    return ReservationBody.of(committed)


def _found(reservation: Reservation | None) -> Reservation:
    if reservation is None:
        raise Problem(404, "reservation-unknown", "You have no such reservation.")
    return reservation
