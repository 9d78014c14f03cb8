"""A slow source that is asked a second time while its first try goes on."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from gateway.page import Hedge, Page, Retry
from gateway.page.timeline import MEDIA_TYPE
from gateway.upstream import Failed, Service, Unreachable, Upstream
from tests.gateway.page.conftest import Serve
from tests.gateway.upstream.fakes import Fake

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
    page = Page("/ware", deadline=5.0)

    @page.source(hedge=hedge, retry=retry, timeout=timeout)
    async def ware() -> str:
        return await tries()

    @page.view
    def view(ware: str) -> str:
        return ware

    return page


@pytest.fixture
def tries() -> Tries:
    return Tries()


@pytest.fixture
async def http(serve: Serve, tries: Tries) -> AsyncIterator[httpx.AsyncClient]:
    """A page whose source is asked again soon."""
    async with asyncio.timeout(20), earned(serve, page_of(tries, SOON)) as client:
        yield client


@asynccontextmanager
async def earned(serve: Serve, page: Page, tries: int = 1) -> AsyncIterator[httpx.AsyncClient]:
    """The page, that has earned so many further tries."""
    async with serve(page, explains=True) as client:
        for _ in range(10 * tries):
            assert (await client.get("/ware")).status_code == 200
        yield client


async def test_the_second_answer_counts_when_the_first_does_not_come(
    http: httpx.AsyncClient, tries: Tries
) -> None:
    tries.are(hanging, saying("second"))

    answer = await http.get("/ware")

    assert (answer.status_code, answer.json(), tries.begun) == (200, "second", 2)
    assert sorted(tries.ended) == ["CancelledError", "second"], "the page is answered when both have ended"


async def test_the_first_answer_counts_when_it_comes_first_after_all(
    http: httpx.AsyncClient, tries: Tries
) -> None:
    tries.are(after_the_second(saying("first")), hanging)

    answer = await http.get("/ware")

    assert (answer.json(), tries.begun) == ("first", 2)
    assert sorted(tries.ended) == ["CancelledError", "first"]


@pytest.mark.parametrize(("plan", "status"), [(saying("first"), 200), (failing(Unreachable("away")), 503)])
async def test_who_answers_or_fails_in_time_is_not_asked_again(
    serve: Serve, tries: Tries, plan: Plan, status: int
) -> None:
    async with earned(serve, page_of(tries, NEVER)) as http:
        tries.are(plan)
        answer = await http.get("/ware")

    assert (answer.status_code, tries.begun) == (status, 1)


async def test_a_first_try_that_fails_waits_for_the_second(http: httpx.AsyncClient, tries: Tries) -> None:
    tries.are(after_the_second(failing(Failed("it answered 500"))), after_a_failure(saying("second")))

    answer = await http.get("/ware")

    assert (answer.status_code, answer.json()) == (200, "second")
    assert tries.ended == ["Failed", "second"]


async def test_when_both_fail_the_last_failure_is_told(http: httpx.AsyncClient, tries: Tries) -> None:
    tries.are(
        after_the_second(failing(Failed("it answered 500"))), after_a_failure(failing(Unreachable("away")))
    )

    answer = await http.get("/ware")

    assert (answer.status_code, answer.json()["detail"]) == (503, "ware: away.")
    assert tries.ended == ["Failed", "Unreachable"]


async def test_an_answer_counts_though_the_other_fails_in_the_same_moment(
    http: httpx.AsyncClient, tries: Tries, caplog: pytest.LogCaptureFixture
) -> None:
    async def in_the_same_moment(_tries: Tries) -> str:
        gate.set()
        return "second"

    gate = asyncio.Event()

    async def fails(_tries: Tries) -> str:
        await gate.wait()
        raise Failed("it answered 500")

    tries.are(fails, in_the_same_moment)
    answer = await http.get("/ware")

    assert (answer.json(), tries.begun) == ("second", 2)
    assert "never retrieved" not in caplog.text


async def test_a_bug_is_told_at_once_whichever_try_has_it(http: httpx.AsyncClient, tries: Tries) -> None:
    tries.are(hanging, failing(KeyError("a bug")))

    answer = await http.get("/ware")

    assert (answer.status_code, tries.begun) == (500, 2)
    assert sorted(tries.ended) == ["CancelledError", "KeyError"]


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


async def test_at_most_a_tenth_of_slow_calls_is_made_again(serve: Serve) -> None:
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
    async with asyncio.timeout(10), earned(serve, page_of(tries, SOON, timeout=0.05)) as http:
        tries.are(hanging, hanging)
        answer = await http.get("/ware")

    assert (answer.status_code, answer.json()["source"]) == (504, "ware")
    assert tries.ended == ["CancelledError", "CancelledError"]


async def test_hedge_and_retry_share_one_budget(serve: Serve, tries: Tries) -> None:
    async with earned(serve, page_of(tries, SOON, Retry(times=5, pause=0))) as http:
        tries.are(after_the_second(failing(Failed("first"))), failing(Failed("second")), saying("third"))
        answer = await http.get("/ware")

    assert (answer.status_code, tries.begun) == (502, 2)


async def test_a_try_more_is_told_in_the_timeline(http: httpx.AsyncClient, tries: Tries) -> None:
    tries.are(hanging, saying("second"))
    answer = await http.get("/ware", headers={"Accept": MEDIA_TYPE})

    [source] = answer.json()["timeline"]["sources"]
    assert (source["attempts"], source["outcome"]) == (2, "done")


async def test_a_call_that_must_not_be_repeated_is_a_bug_of_a_source_that_is_hedged(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    transport, page = Fake(), Page("/ware", deadline=5.0)

    @page.source(hedge=SOON)
    async def order(orders: Service) -> None:
        await orders.send("POST", "/orders", type(None), body={})

    @page.view
    def view(order: None) -> str:
        return "placed"

    async with Upstream("orders", transport) as orders:
        provide = {Service: lambda inbound: orders.within(inbound.context)}
        async with serve(page, providers=provide) as http:
            assert (await http.get("/ware")).status_code == 500
    assert "NotIdempotent" in caplog.text
    assert transport.asked == []


@pytest.mark.parametrize("after", [-1, float("nan"), float("inf")])
def test_a_hedge_that_cannot_be_is_refused(after: float) -> None:
    with pytest.raises(ValueError, match="Hedge: "):
        Hedge(after=after)
