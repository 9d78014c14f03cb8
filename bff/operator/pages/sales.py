"""The figures of the last days."""

from typing import Annotated

from msgspec import Meta

from bff.operator.clients import Sales, SalesReport
from frontispiece.pages import Page

Days = Annotated[int, Meta(ge=1, le=3660)]

page = Page("/sales", deadline=4.0)


@page.source()
async def report(sales: Sales, days: Days = 30) -> SalesReport:
    """The figures, in every grouping."""
    return await sales.report(days)


@page.view
def screen(report: SalesReport) -> SalesReport:
    """The figures."""
    return report
