"""The calls of clients' versions: counted by route, day by day, and shown at the admin port."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
import valkey

from frontispiece.gateway.admin import AdminSettings
from frontispiece.gateway.observability.client_usage import RETENTION_DAYS, ClientUsage
from frontispiece.gateway.observability.clients import MAX_OTHERS, ClientLabel
from frontispiece.stores.valkey import GuardedValkey
from tests.support.serving import Serve, client_of
from tests.support.tables import route, route_table
from tests.support.world import OpenWorld, World

ROUTES = route_table(
    route("/a"),
    route("/a", methods=["PUT"]),
    route("/refused", auth="bearer"),
    route("/down", to="gone"),
)
KNOWN = ["web", "mobile"]
LONG = 30.0
"""Seconds for Valkey: the machine may be busy."""


@pytest.fixture
def slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frontispiece.gateway.runtime.USAGE_TIMEOUT", LONG)


def row(route: str, client: str, calls: int, day: date | None = None) -> dict[str, Any]:
    name, _, version = client.partition("/")
    day = day or datetime.now(UTC).date()
    return {"route": route, "client": name, "version": version, "day": day.isoformat(), "calls": calls}


async def call(world: World, path: str, client: str | None, method: str = "GET") -> int:
    headers = {} if client is None else {"X-Client": client}
    return (await world.http.request(method, path, headers=headers)).status_code


async def usage_at(serve: Serve, world: World, query: str = "") -> httpx.Response:
    """What the admin port answers."""
    async with client_of(await serve(world.gateway.admin_app(AdminSettings()))) as admin:
        return await admin.get(f"/client-usage{query}")


async def test_calls_are_counted_by_route_client_and_version_whatever_becomes_of_them(
    open_world: OpenWorld, serve: Serve
) -> None:
    world = await open_world(ROUTES, known_clients=KNOWN)

    for path, client, method in (
        ("/a", "web/1.3.0", "GET"),
        ("/a", "web/1.3.0", "PUT"),
        ("/a", "mobile/1.0.0", "GET"),
        ("/a", "<script>", "GET"),
        ("/a", None, "GET"),
        ("/nowhere", "web/1.3.0", "GET"),
        ("/refused", "web/1.3.0", "GET"),
        ("/down", "web/1.3.0", "GET"),
    ):
        await call(world, path, client, method)

    assert sorted(world.metrics("gateway_client_requests_total{")) == [
        'gateway_client_requests_total{client="mobile",route="/a",version="1.0.0"} 1.0',
        'gateway_client_requests_total{client="unknown",route="/a",version="unknown"} 1.0',
        'gateway_client_requests_total{client="web",route="/a",version="1.3.0"} 2.0',
        'gateway_client_requests_total{client="web",route="/down",version="1.3.0"} 1.0',
        'gateway_client_requests_total{client="web",route="/refused",version="1.3.0"} 1.0',
    ]
    answer = await usage_at(serve, world)
    assert answer.json() == [
        row("/a", "mobile/1.0.0", 1),
        row("/a", "unknown/unknown", 1),
        row("/a", "web/1.3.0", 2),
        row("/down", "web/1.3.0", 1),
        row("/refused", "web/1.3.0", 1),
    ]


async def test_a_version_of_a_known_client_is_counted_whatever_others_have_sent_before(
    open_world: OpenWorld, serve: Serve
) -> None:
    world = await open_world(ROUTES, known_clients=KNOWN)
    for n in range(70):
        await call(world, "/a", f"junk{n}/1.0.{n}")

    await call(world, "/a", "web/1.3.0")

    rows = (await usage_at(serve, world)).json()
    assert row("/a", "web/1.3.0", 1) in rows
    assert len(rows) == 1 + MAX_OTHERS + 1


async def test_a_service_sees_which_client_calls(open_world: OpenWorld) -> None:
    world = await open_world(ROUTES, known_clients=KNOWN)

    assert await call(world, "/a", "web/1.3.0") == 200

    (request,) = world.things.requests
    assert request.all(b"x-client") == [b"web/1.3.0"]


async def test_gateways_with_a_valkey_count_together_and_no_longer_than_days_are_kept(
    open_world: OpenWorld, serve: Serve, valkey_url: str, slow_machine: None
) -> None:
    first, second = [await open_world(ROUTES, known_clients=KNOWN, valkey_url=valkey_url) for _ in range(2)]
    for world in (first, second, second):
        assert await call(world, "/a", "web/1.3.0") == 200

    await usage_at(serve, first)
    answer = await usage_at(serve, second, "?days=1")
    again = await usage_at(serve, second, "?days=1")

    assert answer.json() == again.json() == [row("/a", "web/1.3.0", 3)]
    with valkey.Valkey.from_url(valkey_url) as client:
        (key,) = client.keys("client-usage:*")
        assert 0 < client.ttl(key) <= timedelta(days=RETENTION_DAYS).total_seconds()


async def test_what_was_counted_last_is_in_valkey_when_a_gateway_has_stopped(
    valkey_url: str,
) -> None:
    async with GuardedValkey(valkey_url, timeout=LONG) as guarded:
        usage = ClientUsage(guarded)
        async with usage.flushing():
            usage.counts("/a")[ClientLabel("web", "1.3.0")] += 5

        assert await ClientUsage(guarded).by_day(1) == [row("/a", "web/1.3.0", 5)]


async def test_without_its_valkey_a_gateway_answers_and_counts_and_the_admin_port_says_so(
    open_world: OpenWorld, serve: Serve
) -> None:
    world = await open_world(ROUTES, known_clients=KNOWN, valkey_url="valkey://127.0.0.1:1/0")

    assert [await call(world, "/a", "web/1.3.0") for _ in range(3)] == [200, 200, 200]

    answer = await usage_at(serve, world)
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:frontispiece:problem:usage-unavailable")
    assert world.metric("gateway_client_requests_total", route="/a", client="web", version="1.3.0") == 3


async def test_counts_wait_for_a_valkey_that_is_away_and_stay_with_their_day(valkey_url: str) -> None:
    today = date(2030, 1, 1)
    label = ClientLabel("web", "1.3.0")
    async with GuardedValkey(valkey_url, timeout=LONG, failure_pause=0) as guarded:
        usage = ClientUsage(guarded, lambda: today)
        counts = usage.counts("/a")
        away = valkey.ConnectionError("gone")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(guarded.client, "pipeline", lambda **_: (_ for _ in ()).throw(away))
            counts[label] += 2
            async with usage.flushing():
                pass
        today = date(2030, 1, 2)
        counts[label] += 1

        assert await usage.by_day(2) == [
            row("/a", "web/1.3.0", 2, date(2030, 1, 1)),
            row("/a", "web/1.3.0", 1, date(2030, 1, 2)),
        ]


async def test_days_that_are_over_long_ago_are_forgotten_without_a_valkey_too() -> None:
    today = date(2030, 1, 1)
    usage = ClientUsage(today=lambda: today)
    usage.counts("/a")[ClientLabel("web", "1.3.0")] += 2
    assert len(await usage.by_day(1)) == 1

    today = date(2030, 3, 31)
    assert await usage.by_day(RETENTION_DAYS) == [row("/a", "web/1.3.0", 2, date(2030, 1, 1))]
    today = date(2030, 4, 1)
    assert await usage.by_day(RETENTION_DAYS + 1) == []


@pytest.mark.parametrize("query", ["?days=0", "?days=91", "?days=a", "?days=", "?day=1", "?days=1&days=2"])
async def test_days_that_are_not_clear_are_refused(open_world: OpenWorld, serve: Serve, query: str) -> None:
    answer = await usage_at(serve, await open_world(ROUTES, known_clients=KNOWN), query)

    assert (answer.status_code, answer.json()["type"]) == (400, "urn:frontispiece:problem:days-unclear")
