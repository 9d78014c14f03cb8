"""Shipping over HTTP: parse, call, respond."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from frontispiece.http import Problem
from frontispiece.service import Caller, ResponseBody, from_state, responds, set_etag
from services.shipping.model import TARIFF_VERSION, CountryNotServed, Method, Shipment, Status, quotes
from services.shipping.store import Store
from shop.fields import COUNTRY, NO_NUL

router = APIRouter()

OrderId = Annotated[str, Field(min_length=1, max_length=36, pattern=NO_NUL)]
StoreDep = Annotated[Store, from_state("store")]


class QuoteBody(ResponseBody):
    """The price of sending the pieces by one method, and the working days that it takes."""

    method: Method
    amount: int = Field(description="In minor units.")
    currency: str
    days: int


class TrackingEventBody(ResponseBody):
    """A state that a shipment has reached, and when."""

    status: Status
    at: datetime


class ShipmentBody(ResponseBody):
    """The shipment of one of the caller's orders; `tracking` begins with the oldest event."""

    order_id: str
    id: str
    method: str
    status: Status
    reason: str = Field(description="Of a refusal; else empty.")
    tracking_code: str
    tracking: list[TrackingEventBody]


class ShipmentBatch(BaseModel):
    """The requested orders' shipments, in the order of the request, and the orders without one."""

    items: list[ShipmentBody]
    unknown: list[str]


@router.get("/quotes")
@responds(304, 422)
async def quote(
    country: Annotated[str, Query(pattern=COUNTRY, description="ISO 3166-1 alpha-2.")],
    pieces: Annotated[int, Query(ge=1, le=100_000_000)],
    request: Request,
    response: Response,
) -> list[QuoteBody]:
    """The price of each method, to a country that the shop ships to."""
    try:
        found = quotes(country, pieces)
    except CountryNotServed as error:
        raise Problem(422, "country-not-served", str(error), country=country) from None
    set_etag(request, response, TARIFF_VERSION)
    return [QuoteBody.of(each) for each in found]


@router.get("/shipments/{order_id}")
@responds(304, 404)
async def shipment(
    order_id: Annotated[OrderId, Path()],
    caller: Caller,
    store: StoreDep,
    request: Request,
    response: Response,
) -> ShipmentBody:
    """The shipment of one of the caller's orders."""
    found = (await store.shipments([order_id], caller.subject)).get(order_id)
    if found is None:
        raise Problem(404, "shipment-unknown", "None of your orders with this id has a shipment.")
    set_etag(request, response, found.version)
    return ShipmentBody.of(found)


@router.get("/shipments")
async def shipment_batch(
    order_id: Annotated[list[OrderId], Query(min_length=1, max_length=100)], caller: Caller, store: StoreDep
) -> ShipmentBatch:
    """The shipments of up to 100 of the caller's orders."""
    found: dict[str, Shipment] = await store.shipments(order_id, caller.subject)
    return ShipmentBatch(
        items=[ShipmentBody.of(found[wanted]) for wanted in order_id if wanted in found],
        unknown=[wanted for wanted in order_id if wanted not in found],
    )
