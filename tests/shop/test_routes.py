"""What of the shop's services its route table shows to the world."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

from services.identity.api import ENDPOINTS
from tests.support.shop import ROOT

ROUTES: list[dict[str, Any]] = tomllib.loads((ROOT / "gateway" / "routes.toml").read_text())["routes"]
OF_THE_INSIDE = re.compile(r".*:(/health.*|/openapi\.json|/docs.*|/redoc|.*:path\}.*)")


def targets(node: object) -> Iterator[str]:
    """Every `service:/path` in a route, wherever it stands."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name in {"to", "from"}:
                yield value
            yield from targets(value)


def test_no_route_leads_to_the_health_or_the_description_of_a_service() -> None:
    everywhere = [target for route in ROUTES for target in targets(route)]

    assert len(everywhere) > 40
    assert [target for target in everywhere if OF_THE_INSIDE.fullmatch(target)] == []


def test_the_routes_to_identity_are_its_endpoints() -> None:
    routed = {
        (method, route["path"], route["to"])
        for route in ROUTES
        for method in route.get("methods", ["GET"])
        if route.get("to", "").startswith("identity:")
    }

    assert routed == {(method, f"/identity{path}", f"identity:{path}") for method, path, _ in ENDPOINTS}
