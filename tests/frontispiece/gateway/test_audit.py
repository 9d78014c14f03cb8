"""What `front check` says of tables that serve but mostly should not."""

from typing import Any

import pytest

from frontispiece.gateway.config.audit import audit
from tests.support.tables import Json, parsed, route

LIMIT = {"rate": "5/second", "by": "address"}
SESSION = {"rate_limit": LIMIT}


def sound(path: str = "/x", **changed: Any) -> Json:
    """A route in order, but for what is changed; None leaves a key out."""
    return route(path, **{"timeout": "3s", "rate_limit": LIMIT, **changed})


def found(*routes: Json, **sections: Any) -> list[str]:
    """Each finding's severity and place."""
    findings = audit(parsed(*routes, **sections))
    return [f"{finding.severity} {finding.place}" for finding in findings]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_route_for_writes_without_authentication_is_a_warning(method: str) -> None:
    [finding] = audit(parsed(sound(methods=["GET", method])))

    assert (finding.severity, finding.place) == ("warning", "route 1 (/x)")
    assert method in finding.reason
    assert "auth" in finding.reason


@pytest.mark.parametrize(
    ("changed", "session", "expected"),
    [
        ({"rate_limit": None}, SESSION, "warning route 1 (/x)"),
        ({"timeout": None}, SESSION, "warning route 1 (/x)"),
        ({"timeout": "121s"}, SESSION, "warning route 1 (/x)"),
        ({"auth": "passthrough"}, SESSION, "info route 1 (/x)"),
        ({"auth": "bearer", "cors": {"origins": ["*"]}}, SESSION, "warning route 1 (/x)"),
        ({"auth": "bearer", "cache": {}}, SESSION, "warning route 1 (/x)"),
        ({"auth": "session", "cache": {"public": True}}, SESSION, "info route 1 (/x)"),
        ({}, {}, "warning session"),
        ({}, {**SESSION, "absolute_timeout": "31d"}, "warning session"),
    ],
)
def test_each_of_these_is_one_finding(changed: dict[str, Any], session: Json, expected: str) -> None:
    assert found(sound(**changed), session=session) == [expected]


@pytest.mark.parametrize(
    "changed",
    [
        {"timeout": "2m"},
        {"cors": {"origins": ["*"]}},
        {"auth": "session", "cors": {"origins": ["https://shop.test"], "credentials": True}},
        {"cache": {}},
    ],
)
def test_these_are_none(changed: dict[str, Any]) -> None:
    assert found(sound(**changed), session=SESSION) == []


def test_findings_come_in_the_tables_order_and_say_their_place() -> None:
    worse = sound("/y", rate_limit=None, methods=["POST"])

    assert found(sound(), worse, session={}) == [
        "warning session",
        "warning route 2 (/y)",
        "warning route 2 (/y)",
    ]
