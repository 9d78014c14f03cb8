"""What is read of orders over HTTP: lists, orders as they are or were, and their progress."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Header, Query, Request, Response
from msgspec import Meta
from pydantic import AwareDatetime

from frontispiece.http import Problem
from frontispiece.service import (
    Caller,
    Cursor,
    EventStream,
    Limit,
    MinPosition,
    Slice,
    decode_cursor,
    from_state,
    responds,
    set_etag,
    slice_of,
)
from services.ordering.order_ids import as_stored
from services.ordering.queries import Queries
from services.ordering.read_store import Summary
from services.ordering.schemas import OrderBody, OrderSummary, order_body, order_summary
from services.ordering.views import FINAL
from shop.fields import NO_LINE_END

router = APIRouter()

PlacedAt = Annotated[datetime, Meta(tz=True)]
OrderId = Annotated[str, Meta(pattern="^([0-9]{1,19}|[0-9a-f-]{36})$" + NO_LINE_END)]
QueriesDep = Annotated[Queries, from_state("queries")]

MAX_VERSION_LENGTH: Final = 19
"""Digits of 2**63 - 1."""

RETRY_AFTER: Final = {"Retry-After": "1"}
"""The header of a response that is not current yet."""


At = Annotated[
    AwareDatetime | None, Query(description="The order as it was at this time (RFC 3339); now when left out.")
]


@router.get("/orders")
@responds(202, headers={202: ["Retry-After"]})
async def orders(
    *,
    caller: Caller,
    queries: QueriesDep,
    min_position: MinPosition,
    response: Response,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Slice[OrderSummary]:
    """The caller's orders, newest first; 202 when the list has not seen `min-position` yet."""
    after = None if cursor is None else decode_cursor(cursor, tuple[PlacedAt, OrderId])
    found = await queries.orders(caller.subject, limit + 1, after, min_position=min_position)
    if not found.is_current:
        _set_outdated(response)
    return slice_of(found.orders, limit, body=order_summary, sort_key=sort_key)


@router.get("/orders/{order_id}", response_model=OrderBody)
@responds(202, 304, 404, headers={202: ["Retry-After"]})
async def order(
    *,
    order_id: str,
    caller: Caller,
    queries: QueriesDep,
    min_position: MinPosition,
    request: Request,
    response: Response,
    at: At = None,
) -> OrderBody | Response:
    """One of the caller's orders; 202 with what is known when it has not seen `min-position` yet."""
    id_ = known_id(order_id)
    if at is not None:
        view, is_current = await queries.order_at(id_, caller.subject, at), True
    else:
        found = await queries.order(id_, caller.subject, min_position=min_position)
        view, is_current = found.order, found.is_current
    if view is None:
        raise unknown()
    if is_current:
        set_etag(request, response, view.version)
    else:
        _set_outdated(response)
    return order_body(view)


@router.get("/orders/{order_id}/events", response_class=EventStream, status_code=200)
@responds(204, 404)
async def events(
    order_id: str,
    caller: Caller,
    queries: QueriesDep,
    last_event_id: Annotated[
        str | None, Header(description="`id` of the last event that was received: those after it are sent.")
    ] = None,
) -> Response:
    """The progress of one of the caller's orders as server-sent events, until it is completed or cancelled.

    Each event is named after the stage that the order came to. 204 when there will be none any more.
    """
    id_, after_version = known_id(order_id), _version(last_event_id)
    view = await queries.order_at(id_, caller.subject)
    if view is None:
        raise unknown()
    if view.stage in FINAL and view.timeline[-1].version <= after_version:
        return Response(status_code=204)  # a browser stops reconnecting
    return EventStream(await queries.progress(id_, caller.subject, after_version))


def known_id(text: str) -> str:
    """The id of an order, as it is stored.

    Raises:
        Problem: 404 when no order has such an id.
    """
    if (id_ := as_stored(text)) is None:
        raise unknown()
    return id_


def unknown() -> Problem:
    """The problem for a caller who has no such order."""
    return Problem(404, "order-unknown", "You have no such order.")


def _version(last_event_id: str | None) -> int:
    if not last_event_id:
        return 0
    is_number = last_event_id.isascii() and last_event_id.isdigit()
    if not is_number or len(last_event_id) > MAX_VERSION_LENGTH:
        raise Problem(422, "last-event-id-invalid", "Last-Event-ID is not the id of an event of this stream.")
    return int(last_event_id)


def _set_outdated(response: Response) -> None:
    response.status_code = 202
    response.headers.update(RETRY_AFTER)


def sort_key(summary: Summary) -> tuple[datetime, str]:
    """What a list of orders is sorted by, the greatest first."""
    return summary.placed_at, summary.id
