"""Retry, mirror, split, shedding and an adaptive limit, at a gateway on a real socket."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from prometheus_client import generate_latest

from gateway.app import Gateway
from gateway.load import Load
from tests.conftest import MakeToken
from tests.gateway.conftest import ToldTo
from tests.support.gateways import gateway_of
from tests.support.issuer import Issuer
from tests.support.serving import Serve, client_of, nobody_there
from tests.support.stub import Answer, Exchange, Stub, answering, fine

ROUTES = """
[services]
things = { url = "registry://things" }
other = { url = "registry://other" }
gone = { url = "registry://gone" }
careful = { url = "registry://things", concurrency = { adaptive = true, min = 1, max = 1 } }
shadow = { url = "registry://gone" }

[[routes]]
path = "/retried"
methods = ["GET", "POST", "PUT"]
to = "things"
auth = "none"
retry = { attempts = 2, on = ["unavailable", "502", "503", "timeout"], each = "500ms" }

[[routes]]
path = "/mirrored"
methods = ["GET", "POST"]
to = "things"
auth = "bearer"
mirror = { to = "other:/shadow" }

[[routes]]
path = "/mirrored/gone"
to = "things"
auth = "none"
mirror = { to = "shadow" }

[[routes]]
path = "/split/{id}"
to = "things"
auth = "none"
retry = { on = ["503"] }
split = [
    { to = "other:/new/{id}", when = { header = "x-canary", is = "1" }, told = true },
    { to = "gone", when = { header = "x-canary", is = "2" } },
]

[[routes]]
path = "/low"
to = "things"
auth = "none"
priority = "low"

[[routes]]
path = "/high"
to = "things"
auth = "none"
priority = "high"

[[routes]]
path = "/critical"
to = "things"
auth = "none"
priority = "critical"

[[routes]]
path = "/careful"
to = "careful"
auth = "none"
"""


@dataclass(frozen=True, kw_only=True)
class Edge:
    """A gateway with what is behind it; behind `gone` there is nobody."""

    gateway: Gateway
    http: httpx.AsyncClient
    things: Stub
    other: Stub

    def told(self, name: str) -> list[str]:
        """The lines that operators see of this metric."""
        lines = generate_latest(self.gateway.metrics.registry).decode().splitlines()
        return sorted(
            line for line in lines if line.startswith(name) and not line.startswith(f"{name}_created")
        )


@pytest.fixture
async def edge(serve: Serve, signing_key: str, issuer: Issuer) -> AsyncIterator[Edge]:
    things, other = Stub(), Stub()
    services = {"things": await serve(things), "other": await serve(other), "gone": nobody_there()}
    gateway = gateway_of(ROUTES, services, key=signing_key, issuer=issuer, load=Load(most_calls=4))
    async with client_of(await serve(gateway)) as http:
        yield Edge(gateway=gateway, http=http, things=things, other=other)


def one_after_the_other(*answers: Answer) -> Answer:
    left = [*answers]

    async def answer(exchange: Exchange) -> None:
        await left.pop(0)(exchange)

    return answer


@pytest.mark.parametrize("fails", [answering(503, b""), answering(502, b"broken"), Exchange.until_left])
async def test_a_call_that_failed_is_tried_again_and_the_client_sees_nothing_of_it(
    edge: Edge, fails: Answer
) -> None:
    edge.things.answer = one_after_the_other(fails, fine)

    answer = await edge.http.get("/retried?a=b")

    assert (answer.status_code, answer.content) == (200, b"{}")
    first, second = edge.things.asked
    assert (first.method, first.path, first.query) == (second.method, second.path, second.query)
    assert first.all(b"x-request-id") == second.all(b"x-request-id")
    assert edge.told("gateway_retries_total") == [
        'gateway_retries_total{outcome="again",route="/retried"} 1.0'
    ]


async def test_a_call_that_may_have_changed_something_is_not_tried_again(edge: Edge) -> None:
    edge.things.answer = answering(503, b"")

    assert (await edge.http.post("/retried")).status_code == 503
    assert (await edge.http.put("/retried", content=b"read already")).status_code == 503

    assert len(edge.things.asked) == 2


async def test_the_shadow_is_told_that_it_is_one_and_gets_a_token_of_its_own(
    edge: Edge, bearer: MakeToken, told_to: ToldTo
) -> None:
    sent = {**bearer("reader"), "x-mirrored": "1"}
    edge.other.answer = answering(500, b"")

    answer = await edge.http.get("/mirrored?a=b", headers=sent)
    async with asyncio.timeout(5):
        await edge.other.begun.wait()

    assert answer.status_code == 200
    real, shadow = edge.things.last, edge.other.last
    assert (shadow.path, shadow.query) == (b"/shadow", b"a=b")
    assert (real.all(b"x-mirrored"), shadow.all(b"x-mirrored")) == ([], [b"1"])
    assert told_to(real, "things").subject == told_to(shadow, "other").subject == "reader"


async def test_no_copy_is_made_of_a_call_that_changes_something(edge: Edge, bearer: MakeToken) -> None:
    assert (await edge.http.post("/mirrored", headers=bearer("reader"))).status_code == 200
    assert (await edge.http.get("/mirrored", headers=bearer("reader"))).status_code == 200
    async with asyncio.timeout(5):
        await edge.other.begun.wait()

    assert [copy.method for copy in edge.other.asked] == ["GET"]


async def test_a_shadow_that_is_not_there_is_nobodys_business(edge: Edge) -> None:
    assert (await edge.http.get("/mirrored/gone")).status_code == 200

    unready = await edge.http.get("/health/ready")
    assert unready.json()["services"] == ["gone"]  # which a split leads to, while `shadow` gets only copies


async def test_callers_are_led_to_the_other_side_and_told_so(edge: Edge) -> None:
    stays = await edge.http.get("/split/7")
    led = await edge.http.get("/split/7", headers={"X-Canary": "1"})

    assert (edge.things.last.path, edge.other.last.path) == (b"/split/7", b"/new/7")
    assert (stays.headers.get("x-served-by"), led.headers.get("x-served-by")) == (None, "other")
    assert stays.headers["vary"] == led.headers["vary"] == "x-canary"
    assert edge.told("gateway_split_total") == [
        'gateway_split_total{route="/split/{id}",side="other:/new/{id}"} 1.0',
        'gateway_split_total{route="/split/{id}",side="things"} 1.0',
    ]


async def test_the_other_side_is_tried_again_where_it_is_and_fails_under_its_own_name(edge: Edge) -> None:
    edge.other.answer = one_after_the_other(answering(503, b""), fine)
    assert (await edge.http.get("/split/7", headers={"X-Canary": "1"})).status_code == 200
    assert len(edge.other.asked) == 2

    answer = await edge.http.get("/split/7", headers={"X-Canary": "2"})
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("gone: ")
    assert edge.things.asked == []


async def test_with_too_much_to_do_low_priorities_are_refused_first_and_health_and_critical_ones_never(
    edge: Edge,
) -> None:
    go_on = asyncio.Event()

    async def waiting(exchange: Exchange) -> None:
        await go_on.wait()
        await fine(exchange)

    edge.things.answer = waiting
    async with asyncio.timeout(10), asyncio.TaskGroup() as running:
        tasks: list[asyncio.Task[httpx.Response]] = []
        for number, refused in ((2, "/low"), (4, "/high")):
            while len(tasks) < number:
                tasks.append(running.create_task(edge.http.get("/critical")))
                await edge.things.begun.wait()
                edge.things.begun.clear()
            answer = await edge.http.get(refused)
            assert (answer.status_code, answer.json()["type"]) == (503, "urn:frontispiece:problem:shed")
            assert int(answer.headers["retry-after"]) > 0
        assert (await edge.http.get("/health/live")).status_code == 200
        assert edge.told("gateway_load_calls") == ["gateway_load_calls 4.0"]
        go_on.set()

    assert [task.result().status_code for task in tasks] == [200] * 4
    assert (await edge.http.get("/low")).status_code == 200
    assert edge.told("gateway_shed_total") == [
        'gateway_shed_total{priority="high"} 1.0',
        'gateway_shed_total{priority="low"} 1.0',
    ]


async def test_calls_above_what_a_service_bears_are_refused_and_its_limit_is_told(edge: Edge) -> None:
    go_on = asyncio.Event()

    async def waiting(exchange: Exchange) -> None:
        await go_on.wait()
        await fine(exchange)

    edge.things.answer = waiting
    async with asyncio.timeout(10), asyncio.TaskGroup() as running:
        first = running.create_task(edge.http.get("/careful"))
        await edge.things.begun.wait()
        answer = await edge.http.get("/careful")
        assert (answer.status_code, answer.json()["type"]) == (
            503,
            "urn:frontispiece:problem:upstream-overloaded",
        )
        told = [edge.told(f"gateway_concurrency_{kind}") for kind in ("limit", "used", "waiting")]
        assert told == [
            ['gateway_concurrency_limit{upstream="careful"} 1.0'],
            ['gateway_concurrency_used{upstream="careful"} 1.0'],
            ['gateway_concurrency_waiting{upstream="careful"} 0.0'],
        ]
        go_on.set()
    assert first.result().status_code == 200
