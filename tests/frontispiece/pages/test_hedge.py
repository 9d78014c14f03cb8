"""A slow source that is called a second time while its first try goes on."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from frontispiece.pages import Hedge, Page, Retry
from frontispiece.upstream import Unreachable, UpstreamServerError
from tests.frontispiece.pages.conftest import Serve
from tests.support.pages import ware_page

SOON = Hedge(after=0.001)
NEVER = Hedge(after=3600)

Plan = Callable[["Tries"], Awaitable[str]]


class Tries:
    """What each try of a source does, in their order; every further one is `"fine"` at once."""

    def __init__(self) -> None:
        self.plans: list[Plan] = []
        self.begun = 0
        self.ended: list[str] = []
        self.second = asyncio.Event()
        """Set when a second try begins."""

    async def __call__(self) -> str:
        number = self.begun
        self.begun += 1
        if number == 1:
            self.second.set()
        if number >= len(self.plans):
            return "fine"
        try:
            answer = await self.plans[number](self)
        except BaseException as failure:
            self.ended.append(type(failure).__name__)
            raise
        self.ended.append(answer)
        return answer

    def are(self, *plans: Plan) -> None:
        """From now on tries do so."""
        self.plans = list(plans)
        self.begun = 0
        self.ended.clear()
        self.second.clear()


def saying(answer: str) -> Plan:
    async def say(_tries: Tries) -> str:
        return answer

    return say


def failing(failure: Exception) -> Plan:
    async def fail(_tries: Tries) -> str:
        raise failure

    return fail


async def hanging(_tries: Tries) -> str:
    return await asyncio.Future[str]()


def after_the_second(plan: Plan) -> Plan:
    """Do so once a second try has begun, and had its turn."""

    async def wait(tries: Tries) -> str:
        await tries.second.wait()
        await asyncio.sleep(0)
        return await plan(tries)

    return wait


def after_a_failure(plan: Plan) -> Plan:
    """Do so once the other try has failed."""

    async def wait(tries: Tries) -> str:
        while not tries.ended:  # noqa: ASYNC110 (what is waited for has no event)
            await asyncio.sleep(0)
        return await plan(tries)

    return wait


def page_of(tries: Tries, hedge: Hedge, retry: Retry | None = None, timeout: float | None = None) -> Page:
    async def ware() -> str:
        return await tries()

    return ware_page(ware, hedge=hedge, retry=retry, timeout=timeout)


@pytest.fixture
def tries() -> Tries:
    return Tries()


@pytest.fixture
async def http(serve: Serve, tries: Tries) -> AsyncIterator[httpx.AsyncClient]:
    """A page whose source is called again soon."""
    async with asyncio.timeout(20), earned(serve, page_of(tries, SOON)) as client:
        yield client


@asynccontextmanager
async def earned(serve: Serve, page: Page, tries: int = 1) -> AsyncIterator[httpx.AsyncClient]:
    """The page, that has earned so many further tries."""
    async with serve(page) as client:
        for _ in range(10 * tries):
            assert (await client.get("/ware")).status_code == 200
        yield client


FAILING = failing(UpstreamServerError("it answered 500"))
RACES: dict[str, tuple[Plan, Plan, int, list[str]]] = {
    "the first hangs": (hanging, saying("second"), 200, ["CancelledError", "second"]),
    "the first comes after all": (
        after_the_second(saying("first")),
        hanging,
        200,
        ["CancelledError", "first"],
    ),
    "the first fails": (
        after_the_second(FAILING),
        after_a_failure(saying("second")),
        200,
        ["UpstreamServerError", "second"],
    ),
    "both fail": (
        after_the_second(FAILING),
        after_a_failure(failing(Unreachable("away"))),
        503,
        ["Unreachable", "UpstreamServerError"],
    ),
    "the second has a bug": (hanging, failing(KeyError("a bug")), 500, ["CancelledError", "KeyError"]),
}


@pytest.mark.parametrize("race", RACES)
async def test_the_first_result_counts_and_else_the_last_failure(
    http: httpx.AsyncClient, tries: Tries, race: str
) -> None:
    one, other, status, ended = RACES[race]
    tries.are(one, other)

    answer = await http.get("/ware")

    assert (answer.status_code, tries.begun) == (status, 2)
    assert sorted(tries.ended) == ended, "the page is answered when both have ended"
    if status == 200:
        assert answer.json() in ended


@pytest.mark.parametrize(("plan", "status"), [(saying("first"), 200), (failing(Unreachable("away")), 503)])
async def test_an_attempt_that_ends_in_time_is_not_hedged(
    serve: Serve, tries: Tries, plan: Plan, status: int
) -> None:
    async with earned(serve, page_of(tries, NEVER)) as http:
        tries.are(plan)
        answer = await http.get("/ware")

    assert (answer.status_code, tries.begun) == (status, 1)


async def test_a_bug_at_the_end_of_a_try_that_lost_is_logged(
    http: httpx.AsyncClient, tries: Tries, caplog: pytest.LogCaptureFixture
) -> None:
    async def cleans_up_badly(_tries: Tries) -> str:
        try:
            return await hanging(tries)
        finally:
            raise KeyError("a bug")

    tries.are(cleans_up_badly, saying("second"))
    answer = await http.get("/ware")

    assert (answer.status_code, answer.json()) == (200, "second")
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], KeyError)


async def test_at_most_a_tenth_of_slow_calls_is_hedged(serve: Serve) -> None:
    begun = 0

    async def slow(_tries: Tries) -> str:
        nonlocal begun
        begun += 1
        for _ in range(5):
            await asyncio.sleep(0)
        return "slow"

    tries = Tries()
    async with serve(page_of(tries, Hedge(after=0))) as http:
        for _ in range(200):
            tries.are(slow, slow)
            assert (await http.get("/ware")).json() == "slow"

    assert 200 < begun <= 220


async def test_both_tries_end_with_the_time_of_their_source(serve: Serve, tries: Tries) -> None:
    async with asyncio.timeout(30), earned(serve, page_of(tries, SOON, timeout=0.3)) as http:
        tries.are(hanging, hanging)
        answer = await http.get("/ware")

    assert (answer.status_code, answer.json()["source"]) == (504, "ware")
    assert tries.ended == ["CancelledError", "CancelledError"]


@pytest.mark.parametrize("after", [-1, float("nan"), float("inf")])
def test_a_hedge_that_cannot_be_is_refused(after: float) -> None:
    with pytest.raises(ValueError, match="Hedge: "):
        Hedge(after=after)
