"""The operators' BFF in front of services that respond."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

import respx

from frontispiece.settings import Directory
from tests.bff.operator.world import DAY, Ordering, order
from tests.support.apps import APPS, Parts
from tests.support.fuzzing import Fuzzed

USER: Final = {"id": "reader", "name": "reader", "display_name": "R.", "email": "reader@shop.test"}
GROUPINGS: Final = ("total", "day", "type", "brand", "client", "coupon")
REPORT: Final[dict[str, Any]] = {"first": DAY, "last": DAY, **{grouping: [] for grouping in GROUPINGS}}


@asynccontextmanager
async def operators(parts: Parts, callers: list[dict[str, str]]) -> AsyncIterator[Fuzzed]:
    """The BFF, with orders in two shards."""
    ordering = Ordering()
    ordering.orders = {"0": [order(1)], "1": [order(2)]}
    ordering.sold = {"0": {"PEN": 1}, "1": {"INK": 2}}
    services = {name: f"httpx+http://{name}.test" for name in ("ordering", "identity", "sales")}
    app = APPS["bff-operator"](replace(parts, directory=Directory(services=services)))
    with respx.mock(assert_all_called=False) as router:
        router.route(host="ordering.test").mock(side_effect=ordering.answer)
        router.route(host="identity.test").respond(json={"items": [USER]})
        router.route(host="sales.test").respond(json=REPORT)
        async with app.router.lifespan_context(app):
            yield Fuzzed(app=app, callers=callers, known={"day": [DAY], "cursor": ["01"]})
