"""Ordering over HTTP: parse, call, answer."""

from datetime import datetime
from typing import Annotated, cast
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from kit.idempotency import IdempotencyKey, Intent
from kit.money import Money
from kit.paging import Cursor, Limit, Slice, decode_cursor, encode_cursor
from kit.problems import Problem
from kit.service import Caller, etag, scoped, tag
from services.ordering.checkout import Checkout
from services.ordering.model import Bill, Order, OrderLine, Status
from services.ordering.store import Store, sort_key
from services.ordering.upstream import Carried

router = APIRouter()


class SortKey(msgspec.Struct, array_like=True):
    """What a cursor of the list of orders holds, within what the databases can compare."""

    placed_at: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f-]{36}$")]


def _store(request: Request) -> Store:
    return cast(Store, request.app.state.store)


def _checkout(request: Request) -> Checkout:
    return cast(Checkout, request.app.state.checkout)


def _carried(request: Request, caller: Caller) -> Carried:
    """What goes with the calls to other services; what could not be a header there stays behind."""
    known = {name: request.headers.get(name, "") for name in ("x-request-id", "traceparent")}
    fit = {name: value for name, value in known.items() if value and value.isascii() and value.isprintable()}
    return Carried(identity=caller, names=fit)


Kept = Annotated[Store, Depends(_store)]


class OrderRequest(BaseModel):
    """How to order what lies in the caller's basket. What it costs is no business of the client."""

    model_config = ConfigDict(extra="forbid")

    coupon: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)] | None = (
        Field(None, description="A coupon code, when the customer has one.")
    )


class LineBody(BaseModel):
    """One article of an order, at the price of the moment when it was ordered."""

    sku: str
    name: str
    quantity: int
    unit_price: Money
    percent_off: int
    total: Money


class OrderBody(BaseModel):
    """What the caller ordered and what it costs; a `pending` order is not yet sure to be carried out."""

    id: str
    status: Status
    placed_at: datetime
    lines: list[LineBody]
    subtotal: Money
    discount: Money
    total: Money


class OrderSummary(BaseModel):
    """One order in a list."""

    id: str
    status: Status
    placed_at: datetime
    pieces: int
    total: Money


@router.post("/orders", status_code=202, dependencies=[scoped("shop")])
async def place(
    *,
    wanted: OrderRequest,
    caller: Caller,
    key: IdempotencyKey,
    checkout: Annotated[Checkout, Depends(_checkout)],
    carried: Annotated[Carried, Depends(_carried)],
    response: Response,
) -> OrderBody:
    """Order what lies in the caller's basket, at the server's prices; the same key gives the same order."""
    intent = Intent(owner=caller.subject, key=key, request=wanted.model_dump_json().encode())
    order = await checkout.place(intent, wanted.coupon or "", carried)
    response.headers.update({"Location": f"/orders/{order.id}", "ETag": etag(order.version)})
    return _order_body(order)


@router.get("/orders")
async def orders(
    caller: Caller, store: Kept, limit: Limit = 20, cursor: Cursor = None
) -> Slice[OrderSummary]:
    """The caller's orders, newest first."""
    after = None if cursor is None else msgspec.structs.astuple(decode_cursor(cursor, SortKey))
    found = await store.orders(caller.subject, limit + 1, after)
    shown = found[:limit]
    return Slice(
        items=[_summary(order) for order in shown],
        next=encode_cursor(*sort_key(shown[-1])) if len(found) > limit else None,
    )


@router.get("/orders/{order_id}")
async def order(
    order_id: str, caller: Caller, store: Kept, request: Request, response: Response
) -> OrderBody:
    """One of the caller's orders."""
    found = await store.order(_id(order_id), caller.subject)
    if found is None:
        raise _unknown()
    tag(request, response, found.version)
    return _order_body(found)


def _id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:  # no order has such an id
        raise _unknown() from None


def _unknown() -> Problem:
    return Problem(404, "order-unknown", "You have no such order.")


def _money(bill: Bill, amount: int) -> Money:
    return Money(amount=amount, currency=bill.currency)


def _line_body(bill: Bill, line: OrderLine) -> LineBody:
    return LineBody(
        sku=line.sku,
        name=line.name,
        quantity=line.quantity,
        unit_price=_money(bill, line.unit_price),
        percent_off=line.percent_off,
        total=_money(bill, line.total),
    )


def _order_body(order: Order) -> OrderBody:
    bill = order.bill
    return OrderBody(
        id=order.id,
        status=order.status,
        placed_at=order.placed_at,
        lines=[_line_body(bill, line) for line in bill.lines],
        subtotal=_money(bill, bill.subtotal),
        discount=_money(bill, bill.discount),
        total=_money(bill, bill.total),
    )


def _summary(order: Order) -> OrderSummary:
    return OrderSummary(
        id=order.id,
        status=order.status,
        placed_at=order.placed_at,
        pieces=order.bill.pieces,
        total=_money(order.bill, order.bill.total),
    )
