"""An overloaded gateway answers pages and aggregates without their optional parts."""

import pytest

from frontispiece.gateway.policies.load_shedding import OverloadMonitor
from tests.frontispiece.gateway.aggregates.test_counted import MOUNTED
from tests.support.stub import Stub, answering
from tests.support.tables import part, route, route_table
from tests.support.world import OpenWorld


@pytest.mark.parametrize("path", ["/page", "/aggregate"])
async def test_optional_parts_are_not_requested_while_the_gateway_is_overloaded(
    open_world: OpenWorld, path: str
) -> None:
    things = Stub(answering(200, b"{}", (b"content-type", b"application/json")))
    parts = {"a": part("things:/a"), "b": part("things:/b", optional=True)}
    routes = route_table(route("/page", to="shelf:/home"), route("/aggregate", parts=parts))
    overload = OverloadMonitor(adaptive=True)
    world = await open_world(routes, shelf=MOUNTED, things=things, load=overload)

    overload.degrade()
    degraded = await world.http.get(path)

    assert degraded.status_code == 200
    assert degraded.headers["page-degraded"].endswith(";reason=overloaded")
    assert "/b" not in things.paths
