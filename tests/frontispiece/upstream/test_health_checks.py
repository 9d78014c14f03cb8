"""Active health checks: addresses that say they are not well get no calls."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from frontispiece.registry import Instance
from frontispiece.upstream import Reply, Request, TimedOut, Unreachable
from frontispiece.upstream.config import HealthPolicy
from frontispiece.upstream.health_check import MAX_BODY
from frontispiece.upstream.load_balancer import CONSECUTIVE_FAILURES, LoadBalancer
from tests.frontispiece.upstream.fakes import Fake, ask, hanging, settled, streaming
from tests.support.calls import Answer, answering, raising
from tests.support.clock import Clock

POLICY = HealthPolicy.model_validate({"path": "/health/ready?deep=1", "interval": "5s"})


class Checked(Fake):
    """A transport whose health is answered apart from all else."""

    def __init__(self) -> None:
        super().__init__()
        self.health: Answer = answering(200)
        self.checks: list[Request] = []

    async def send(self, request: Request) -> Reply:
        if not request.target.startswith("/health"):
            return await super().send(request)
        self.checks.append(request)
        return await self.health(request)


@pytest.fixture
def a() -> Checked:
    return Checked()


@pytest.fixture
def b() -> Checked:
    return Checked()


@pytest.fixture
async def two(a: Checked, b: Checked, clock: Clock) -> AsyncIterator[LoadBalancer]:
    async with LoadBalancer({"a": a, "b": b}, health=POLICY, clock=clock, service="things") as two:
        await two.check_all()
        yield two


async def calls(balanced: LoadBalancer, *fakes: Fake) -> list[int]:
    """How many of some calls each address gets."""
    before = [len(fake.requests) for fake in fakes]
    for _ in range(20):
        await ask(balanced)
    return [len(fake.requests) - requested for fake, requested in zip(fakes, before, strict=True)]


async def endless(_request: Request) -> Reply:
    async def chunks() -> AsyncIterator[bytes]:
        while True:
            yield b" " * MAX_BODY

    return Reply(status=200, headers=[], body=chunks())


async def broken_off(_request: Request) -> Reply:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"{"
        raise TimedOut("no answer in 2 s")

    return Reply(status=200, headers=[], body=chunks())


async def test_every_address_is_checked_at_once_and_then_in_rounds(a: Checked, b: Checked) -> None:
    third = asyncio.Event()

    async def count(_request: Request) -> Reply:
        if min(len(a.checks), len(b.checks)) == 3:
            third.set()
        return Reply(status=200, headers=[], body=b"")

    a.health = b.health = count
    policy = POLICY.model_copy(update={"interval": timedelta(milliseconds=1)})
    async with asyncio.timeout(30), LoadBalancer({"a": a, "b": b}, health=policy) as two:
        await third.wait()

        assert (a.checks[0].method, a.checks[0].target) == ("GET", POLICY.path)
        assert two.outstanding == {"a": 0, "b": 0}


@pytest.mark.parametrize(
    "health",
    [
        *(answering(status) for status in (204, 302, 404, 500, 503)),
        raising(Unreachable("no connection could be made")),
        raising(TimedOut("no answer in 2 s")),
        endless,
        broken_off,
    ],
)
async def test_an_unhealthy_address_gets_no_calls_until_it_responds_with_200(
    a: Checked,
    b: Checked,
    two: LoadBalancer,
    clock: Clock,
    health: Answer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    a.health = health
    assert min(await calls(two, a, b)) > 0
    await two.check_all()
    assert await calls(two, a, b) == [0, 20]
    assert "things at a is unhealthy" in caplog.messages

    clock.advance(1000)
    await two.check_all()
    assert await calls(two, a, b) == [0, 20], "time alone does not bring it back"

    a.health = streaming
    await two.check_all()
    assert min(await calls(two, a, b)) > 0


async def test_an_address_that_does_not_respond_in_time_is_unhealthy(a: Checked) -> None:
    b = Checked()
    a.health = hanging
    policy = HealthPolicy.model_validate({"path": "/health", "interval": "20ms"})

    async with LoadBalancer({"a": a, "b": b}, health=policy) as two:
        await two.check_all()
        assert await calls(two, a, b) == [0, 20]


async def test_a_bug_in_a_check_is_logged_and_does_not_end_the_checks(
    a: Checked, b: Checked, two: LoadBalancer, caplog: pytest.LogCaptureFixture
) -> None:
    a.health = raising(ZeroDivisionError())
    await two.check_all()
    assert await calls(two, a, b) == [0, 20]
    assert "a could not be checked" in caplog.text

    a.health = answering(200)
    await two.check_all()
    assert min(await calls(two, a, b)) > 0


async def test_an_ejected_address_gets_no_probe_while_it_is_unhealthy(
    a: Checked, b: Checked, two: LoadBalancer, clock: Clock
) -> None:
    a.answer = answering(500)
    while len(a.requests) < CONSECUTIVE_FAILURES:
        await ask(two)
    a.health = answering(503)
    await two.check_all()
    clock.advance(60)
    assert await calls(two, a, b) == [0, 20]

    a.answer = a.health = answering(200)
    await two.check_all()
    assert min(await calls(two, a, b)) > 0


async def test_an_address_that_has_left_is_not_unhealthy(
    b: Checked, two: LoadBalancer, caplog: pytest.LogCaptureFixture
) -> None:
    async def leave(_request: Request) -> Reply:
        await two.update([Instance(address="a")])
        raise Unreachable("there is no connection")

    b.health = leave
    await two.check_all()
    assert caplog.messages == []


async def test_health_checks_end_with_the_balancer(a: Checked, b: Checked) -> None:
    before = asyncio.all_tasks()

    async with asyncio.timeout(30), LoadBalancer({"a": a, "b": b}, health=POLICY):
        a.health = b.health = hanging
        assert len(asyncio.all_tasks() - before) == 1
        await settled()

    assert asyncio.all_tasks() == before
    assert not a.open
