"""Sales over HTTP: parse, call, respond."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from frontispiece.http import Problem
from frontispiece.service import from_state, require_scope
from services.sales.model import Figures, Grouping, ReportTooLarge
from services.sales.store import Store
from shop.facts import rebuild_router
from shop.money import Money

router = APIRouter()
router.include_router(rebuild_router)


class FiguresBody(BaseModel):
    """The figures of one group of orders in one currency; `key` is empty for all, and where there is none."""

    key: str
    placed: int
    completed: int
    cancelled: int
    conversion: float
    pieces: int
    basket_size: float
    basket_value: Money
    captured: Money
    refunded: Money
    revenue: Money


class Report(BaseModel):
    """The figures of the orders that were placed from `first` to `last`, days in UTC, in every grouping.

    Those by type and by brand are of goods alone, without delivery.
    """

    first: str
    last: str
    total: list[FiguresBody]
    day: list[FiguresBody]
    type: list[FiguresBody]
    brand: list[FiguresBody]
    client: list[FiguresBody]
    coupon: list[FiguresBody]


@router.get("/report", dependencies=[require_scope("sales:read")])
async def report(
    store: Annotated[Store, from_state("store")],
    days: Annotated[int, Query(ge=1, le=3660, description="How many, with today.")] = 30,
) -> Report:
    """What an operator wants to know of the orders of the last days."""
    last = datetime.now(UTC).date()
    first = last - timedelta(days=days - 1)
    try:
        found = await store.report(first, last)
    except ReportTooLarge:
        detail = f"The orders of {days} days do not fit the memory of a query: request fewer days."
        raise Problem(503, "report-too-large", detail) from None
    groups = {grouping.value: [_body(each) for each in found[grouping]] for grouping in Grouping}
    return Report(first=first.isoformat(), last=last.isoformat(), **groups)


def _body(figures: Figures) -> FiguresBody:
    def of(amount: int) -> Money:
        return Money(amount=amount, currency=figures.currency)

    return FiguresBody(
        key=figures.key,
        placed=figures.placed,
        completed=figures.completed,
        cancelled=figures.cancelled,
        conversion=round(figures.conversion, 4),
        pieces=figures.pieces,
        basket_size=round(figures.basket_size, 2),
        basket_value=of(figures.basket_value),
        captured=of(figures.captured),
        refunded=of(figures.refunded),
        revenue=of(figures.revenue),
    )
