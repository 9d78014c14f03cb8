"""Inventory over HTTP: parse, call, answer."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, Field

from kit.idempotency import IdempotencyKey, Intent
from kit.problems import Problem
from kit.service import Caller, etag, expected_version, public, scoped, tag
from services.inventory.model import BelowReserved, Line, NotHeld, OutOfStock, Reservation, Status, Stock
from services.inventory.store import Store

router = APIRouter()

Sku = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
ReservationId = Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$")]


def _store(request: Request) -> Store:
    return cast(Store, request.app.state.store)


Kept = Annotated[Store, Depends(_store)]


class StockBody(BaseModel):
    """Pieces of one article: on the shelf, set aside, and still to be had."""

    sku: str
    on_hand: int
    reserved: int
    available: int


class StockBatch(BaseModel):
    """The articles asked for, in the order they were asked for, and those nobody knows."""

    items: list[StockBody]
    unknown: list[str]


class Count(BaseModel):
    """A new count of the pieces on the shelf."""

    on_hand: int = Field(ge=0, le=1_000_000_000)


class LineBody(BaseModel):
    """So many pieces of one article."""

    sku: Sku
    quantity: int = Field(ge=1, le=1_000_000)


class ReservationRequest(BaseModel):
    """What to set aside, and for how long."""

    lines: list[LineBody] = Field(min_length=1, max_length=100)
    lasts_seconds: int = Field(900, ge=1, le=86_400)


class ReservationBody(BaseModel):
    """Pieces set aside for the caller until a moment."""

    id: str
    status: Status
    lines: list[LineBody]
    expires_at: datetime


@router.get("/stock/{sku}")
@public
async def stock(sku: Sku, store: Kept, request: Request, response: Response) -> StockBody:
    """The stock of one article."""
    level = (await store.levels([sku])).get(sku)
    if level is None:
        raise _unknown(sku)
    tag(request, response, level.version)
    return _stock_body(level)


@router.get("/stock")
@public
async def stock_batch(
    sku: Annotated[list[Sku], Query(min_length=1, max_length=100)], store: Kept
) -> StockBatch:
    """The stock of up to 100 articles."""
    levels = await store.levels(sku)
    return StockBatch(
        items=[_stock_body(levels[wanted]) for wanted in sku if wanted in levels],
        unknown=[wanted for wanted in sku if wanted not in levels],
    )


@router.put("/stock/{sku}", dependencies=[scoped("stock:write")])
async def count_stock(
    sku: Sku, count: Count, store: Kept, response: Response, if_match: Annotated[str | None, Header()] = None
) -> StockBody:
    """Set the count of an article; a new article needs no `If-Match`, a known one does."""
    known = (await store.levels([sku])).get(sku)
    version = None if known is None and if_match is None else expected_version(if_match)
    try:
        level = await store.count(sku, count.on_hand, version)
    except BelowReserved as fault:
        raise Problem(409, "below-reserved", str(fault)) from None
    if level is None:
        raise Problem(412, "version-outdated", "Somebody changed this stock since you read it.")
    response.status_code = 201 if version is None else 200
    response.headers["ETag"] = etag(level.version)
    return _stock_body(level)


@router.post("/reservations", status_code=201, dependencies=[scoped("shop")])
async def reserve(
    wanted: ReservationRequest, caller: Caller, key: IdempotencyKey, store: Kept, response: Response
) -> ReservationBody:
    """Set pieces aside, all lines or none."""
    intent = Intent(owner=caller.subject, key=key, request=wanted.model_dump_json().encode())
    lines = [Line(sku=line.sku, quantity=line.quantity) for line in wanted.lines]
    try:
        held = await store.reserve(intent, lines, timedelta(seconds=wanted.lasts_seconds))
    except OutOfStock as fault:
        missing = [asdict(shortage) for shortage in fault.shortages]
        raise Problem(409, "out-of-stock", "There is not enough of everything.", lines=missing) from None
    response.headers.update({"Location": f"/reservations/{held.id}", "ETag": etag(held.version)})
    return _reservation_body(held)


@router.get("/reservations/{reservation_id}")
async def reservation(
    reservation_id: ReservationId, caller: Caller, store: Kept, request: Request, response: Response
) -> ReservationBody:
    """One of the caller's reservations."""
    held = _found(await store.reservation(reservation_id, caller.subject))
    tag(request, response, held.version)
    return _reservation_body(held)


@router.delete("/reservations/{reservation_id}", status_code=204)
async def release(reservation_id: ReservationId, caller: Caller, store: Kept) -> None:
    """Give the pieces back; repeating it is harmless."""
    try:
        _found(await store.release(reservation_id, caller.subject))
    except NotHeld as fault:
        raise _ended(fault) from None


@router.post("/reservations/{reservation_id}/commit")
async def commit(
    reservation_id: ReservationId, caller: Caller, store: Kept, response: Response
) -> ReservationBody:
    """Take the pieces off the shelf for good; repeating it is harmless."""
    try:
        sold = _found(await store.commit(reservation_id, caller.subject))
    except NotHeld as fault:
        raise _ended(fault) from None
    response.headers["ETag"] = etag(sold.version)
    return _reservation_body(sold)


def _stock_body(level: Stock) -> StockBody:
    return StockBody(sku=level.sku, on_hand=level.on_hand, reserved=level.reserved, available=level.available)


def _reservation_body(held: Reservation) -> ReservationBody:
    lines = [LineBody(sku=line.sku, quantity=line.quantity) for line in held.lines]
    return ReservationBody(id=held.id, status=held.status, lines=lines, expires_at=held.expires_at)


def _found(held: Reservation | None) -> Reservation:
    if held is None:
        raise Problem(404, "reservation-unknown", "You have no such reservation.")
    return held


def _unknown(sku: str) -> Problem:
    return Problem(404, "article-unknown", f"There is no article {sku}.", sku=sku)


def _ended(fault: NotHeld) -> Problem:
    status = 410 if fault.status is Status.EXPIRED else 409
    return Problem(status, f"reservation-{fault.status}", str(fault))
