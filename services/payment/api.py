"""Payment over HTTP: parse, call, respond."""

import re
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from frontispiece.http import Problem
from frontispiece.service import (
    Caller,
    Cursor,
    Limit,
    ResponseBody,
    Slice,
    decode_cursor,
    from_state,
    require_scope,
    responds,
    set_etag,
    slice_of,
)
from services.payment.model import Kind, Payment, Status
from services.payment.store import Store
from shop.money import Money

ORDER_ID: Final = re.compile(r"[0-9A-Fa-f-]{1,36}")
"""A number; of orders from before they had these, a UUID."""

router = APIRouter()

READ_ALL = "payments:read"

StoreDep = Annotated[Store, from_state("store")]


class PaymentBody(BaseModel):
    """The payment of one order; `reason` says why it was declined."""

    order_id: str
    status: Status
    amount: Money
    reason: str


class EntryBody(ResponseBody):
    """What the acquirer carried out, under the key that its ledger has, too."""

    sequence: int
    key: str
    order_id: str
    kind: Kind
    amount: int
    currency: str
    approved: bool
    reason: str
    at: datetime


@router.get("/payments/{order_id}")
@responds(304, 404)
async def payment(
    order_id: str, caller: Caller, store: StoreDep, request: Request, response: Response
) -> PaymentBody:
    """The payment of one of the caller's orders; of any, with the scope `payments:read`."""
    found = await store.payment(_id(order_id))
    if found is None or not found.owner or not _may_read(found, caller):
        raise _unknown()
    set_etag(request, response, found.version)
    return PaymentBody(
        order_id=found.order_id,
        status=found.status,
        amount=Money(amount=found.amount, currency=found.currency),
        reason=found.reason,
    )


@router.get("/ledger", dependencies=[require_scope(READ_ALL)])
async def ledger(store: StoreDep, cursor: Cursor = None, limit: Limit = 100) -> Slice[EntryBody]:
    """What the acquirer carried out, in the order in which payment learned of it."""
    (after,) = (0,) if cursor is None else decode_cursor(cursor, tuple[int])
    entries = await store.entries(limit + 1, after)
    return slice_of(entries, limit, body=EntryBody.of, sort_key=lambda each: (each.sequence,))


def _id(text: str) -> str:
    if not ORDER_ID.fullmatch(text):
        raise _unknown()
    return text.lower()


def _unknown() -> Problem:
    return Problem(404, "payment-unknown", "You have no order with such a payment.")


def _may_read(payment: Payment, caller: Caller) -> bool:
    return payment.owner == caller.subject or READ_ALL in caller.scopes
