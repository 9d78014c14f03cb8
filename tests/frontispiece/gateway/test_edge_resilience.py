"""Retry, mirror, split, shedding and an adaptive limit, at a gateway on a real socket."""

import asyncio

import httpx
import pytest

from frontispiece.gateway.policies.load_shedding import OverloadMonitor
from tests.conftest import MakeToken
from tests.frontispiece.conftest import IdentityIn
from tests.support.stub import Answer, Exchange, answering, fine, waiting
from tests.support.tables import route, route_table
from tests.support.world import OpenWorld, World

ROUTES = route_table(
    route(
        "/retried",
        methods=["GET", "POST", "PUT"],
        retry={"attempts": 2, "on": ["unavailable", "502", "503"]},
    ),
    route("/late", retry={"attempts": 2, "on": ["timeout"], "per_try_timeout": "500ms"}),
    route("/mirrored", auth="bearer", methods=["GET", "POST"], mirror={"to": "other:/shadow"}),
    route(
        "/split/{id}",
        retry={"on": ["503"]},
        split=[
            {
                "to": "other:/new/{id}",
                "when": {"header": "x-canary", "equals": "1"},
                "served_by_header": True,
            },
            {"to": "gone", "when": {"header": "x-canary", "equals": "2"}},
        ],
    ),
    route("/low", priority="low"),
    route("/high", priority="high"),
    route("/critical", priority="critical"),
    route("/careful", to="careful"),
    services={
        "careful": {
            "url": "registry://things",
            "concurrency": {"adaptive": True, "min_limit": 1, "max_limit": 1},
        },
    },
)


@pytest.fixture
async def edge(open_world: OpenWorld) -> World:
    return await open_world(ROUTES, load=OverloadMonitor(max_in_flight=4))


def one_after_the_other(*answers: Answer) -> Answer:
    left = [*answers]

    async def answer(exchange: Exchange) -> None:
        await left.pop(0)(exchange)

    return answer


@pytest.mark.parametrize("fails", [answering(503, b""), answering(502, b"broken")])
async def test_a_failed_call_is_retried_unnoticed_by_the_client(edge: World, fails: Answer) -> None:
    edge.things.answer = one_after_the_other(fails, fine)

    answer = await edge.http.get("/retried?a=b")

    assert (answer.status_code, answer.content) == (200, b"{}")
    first, second = edge.things.requests
    assert (first.method, first.path, first.query) == (second.method, second.path, second.query)
    assert first.all(b"x-request-id") == second.all(b"x-request-id")
    assert edge.metric("gateway_retries_total", outcome="retried", route="/retried") == 1


async def test_each_try_has_a_timeout_of_its_own(edge: World) -> None:
    edge.things.answer = Exchange.until_left

    assert (await edge.http.get("/late")).status_code == 504
    assert edge.metric("gateway_retries_total", outcome="retried", route="/late") == 1


async def test_a_copy_is_marked_and_has_a_token_for_the_shadow(
    edge: World, bearer: MakeToken, identity_in: IdentityIn
) -> None:
    sent = {**bearer("reader"), "x-mirrored": "1"}
    edge.other.answer = answering(500, b"")

    answer = await edge.http.get("/mirrored?a=b", headers=sent)
    async with asyncio.timeout(60):
        await edge.other.begun.wait()

    assert answer.status_code == 200
    real, shadow = edge.things.last, edge.other.last
    assert (shadow.path, shadow.query) == (b"/shadow", b"a=b")
    assert (real.all(b"x-mirrored"), shadow.all(b"x-mirrored")) == ([], [b"1"])
    assert identity_in(real, "things").subject == identity_in(shadow, "other").subject == "reader"


async def test_a_variant_gets_its_calls_and_its_name_is_in_the_response(edge: World) -> None:
    edge.other.answer = answering(200, b"", (b"x-served-by", b"pod-7"))
    stays = await edge.http.get("/split/7")
    led = await edge.http.get("/split/7", headers={"X-Canary": "1"})

    assert (edge.things.last.path, edge.other.last.path) == (b"/split/7", b"/new/7")
    assert [each.headers.get_list("x-served-by") for each in (stays, led)] == [[], ["other"]]
    assert stays.headers["vary"] == led.headers["vary"] == "x-canary"
    for variant in ("other:/new/{id}", "things"):
        assert edge.metric("gateway_split_total", route="/split/{id}", variant=variant) == 1


async def test_a_variant_is_retried_itself_and_fails_under_its_own_name(edge: World) -> None:
    edge.other.answer = one_after_the_other(answering(503, b""), fine)
    assert (await edge.http.get("/split/7", headers={"X-Canary": "1"})).status_code == 200
    assert len(edge.other.requests) == 2

    answer = await edge.http.get("/split/7", headers={"X-Canary": "2"})
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("gone: ")
    assert edge.things.requests == []


async def test_under_load_low_priorities_are_refused_first_and_critical_ones_and_health_never(
    edge: World,
) -> None:
    go_on = asyncio.Event()
    edge.things.answer = waiting(go_on)
    async with asyncio.timeout(60), asyncio.TaskGroup() as running:
        tasks: list[asyncio.Task[httpx.Response]] = []
        for number, refused in ((2, "/low"), (4, "/high")):
            while len(tasks) < number:
                tasks.append(running.create_task(edge.http.get("/critical")))
                await edge.things.begun.wait()
                edge.things.begun.clear()
            answer = await edge.http.get(refused)
            assert (answer.status_code, answer.json()["type"]) == (503, "urn:frontispiece:problem:overloaded")
            assert int(answer.headers["retry-after"]) > 0
        assert (await edge.http.get("/health/live")).status_code == 200
        assert edge.metric("gateway_load_calls") == 4
        assert edge.metric("gateway_load_lag_seconds") is not None
        go_on.set()

    assert [task.result().status_code for task in tasks] == [200] * 4
    assert (await edge.http.get("/low")).status_code == 200
    assert [edge.metric("gateway_shed_total", priority=name) for name in ("high", "low")] == [1, 1]


async def test_calls_above_the_adaptive_limit_are_refused_and_the_metrics_show_it(edge: World) -> None:
    go_on = asyncio.Event()
    edge.things.answer = waiting(go_on)
    async with asyncio.timeout(60), asyncio.TaskGroup() as running:
        first = running.create_task(edge.http.get("/careful"))
        await edge.things.begun.wait()
        answer = await edge.http.get("/careful")
        assert (answer.status_code, answer.json()["type"]) == (
            503,
            "urn:frontispiece:problem:upstream-overloaded",
        )
        kinds = [f"gateway_concurrency_{kind}" for kind in ("limit", "used", "waiting")]
        assert [edge.metric(kind, upstream="careful") for kind in kinds] == [1, 1, 0]
        go_on.set()
    assert first.result().status_code == 200
