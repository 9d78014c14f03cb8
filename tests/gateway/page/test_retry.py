"""A source that is tried again when its upstream failed, and how often at most."""

import asyncio
from collections import deque

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.budget import Budget
from gateway.page import Page, Provider, Retry
from gateway.page.timeline import MEDIA_TYPE
from gateway.upstream import (
    Failed,
    Nonsense,
    Overloaded,
    Refused,
    Reply,
    Request,
    Service,
    TimedOut,
    Unreachable,
    Upstream,
    field,
)
from tests.gateway.page.conftest import Serve
from tests.gateway.upstream.fakes import Answer, Fake, answering

AT_ONCE = Retry(pause=0)


class Wares:
    """An upstream that answers as `answers` says, one after the other; `"fine"` when it says no more."""

    def __init__(self, *answers: Exception | str) -> None:
        self.answers = deque(answers)
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        answer = self.answers.popleft() if self.answers else "fine"
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def save_up(self, http: httpx.AsyncClient, tries: int = 1) -> None:
        """Let so many further tries be earned by pages that go well."""
        for _ in range(10 * tries):
            assert (await http.get("/ware")).status_code == 200
        self.calls = 0


def page_of(
    wares: Wares, retry: Retry = AT_ONCE, *, deadline: float = 5.0, timeout: float | None = None
) -> Page:
    page = Page("/ware", deadline=deadline)

    @page.source(retry=retry, timeout=timeout)
    async def ware() -> str:
        return await wares()

    @page.view
    def view(ware: str) -> str:
        return ware

    return page


@pytest.mark.parametrize("failure", [Unreachable("away"), Failed("it answered 500"), Nonsense("no JSON")])
async def test_the_answer_of_the_second_try_is_the_pages(serve: Serve, failure: Exception) -> None:
    wares = Wares()
    async with serve(page_of(wares)) as http:
        await wares.save_up(http)
        wares.answers.extend([failure, "second"])
        answer = await http.get("/ware")

    assert (answer.status_code, answer.json(), wares.calls) == (200, "second", 2)


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (Refused(404), 404),
        (Refused(429), 429),
        (Refused(400), 502),
        (TimedOut("late"), 504),
        (Overloaded("full"), 503),
        (KeyError("a bug"), 500),
        (TimeoutError("a bug"), 500),
    ],
    ids=repr,
)
async def test_what_another_try_would_not_mend_or_only_worsen_is_not_tried_again(
    serve: Serve, failure: Exception, status: int
) -> None:
    wares = Wares()
    async with serve(page_of(wares)) as http:
        await wares.save_up(http, 3)
        wares.answers.append(failure)
        answer = await http.get("/ware")

    assert (answer.status_code, wares.calls) == (status, 1)


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_it_is_tried_at_most_as_often_as_declared(serve: Serve, times: int) -> None:
    wares = Wares()
    async with serve(page_of(wares, Retry(times=times, pause=0))) as http:
        await wares.save_up(http, 9)
        wares.answers.extend([Failed("it answered 500")] * 8 + [Nonsense("the last")] * 8)
        answer = await http.get("/ware")

    assert (answer.status_code, wares.calls) == (502, 1 + times)


async def test_nothing_is_tried_again_that_was_not_earned(serve: Serve) -> None:
    wares = Wares(Unreachable("away"))
    async with serve(page_of(wares)) as http:
        answer = await http.get("/ware")

    assert (answer.status_code, wares.calls) == (503, 1)


async def test_in_an_outage_there_is_at_most_a_tenth_more_of_calls(serve: Serve) -> None:
    wares = Wares(*[Unreachable("away")] * 2000)
    async with serve(page_of(wares, Retry(times=3, pause=0))) as http:
        answers = [await http.get("/ware") for _ in range(1000)]

    assert {answer.status_code for answer in answers} == {503}
    assert 1000 < wares.calls <= 1100


async def test_after_an_outage_single_failures_are_tried_again(serve: Serve) -> None:
    wares = Wares()
    async with serve(page_of(wares)) as http:
        await wares.save_up(http, 20)
        wares.answers.extend([Unreachable("away")] * 300)
        while wares.answers:
            await http.get("/ware")
        await wares.save_up(http)
        wares.answers.append(Unreachable("away"))
        answer = await http.get("/ware")

    assert (answer.status_code, wares.calls) == (200, 2)


@pytest.mark.parametrize("its_own", [False, True])
async def test_no_try_begins_after_its_time(serve: Serve, its_own: bool) -> None:  # noqa: FBT001 (a case)
    wares, deadline = Wares(), 5.0 if its_own else 0.05
    page = page_of(wares, Retry(times=9, pause=1e9), deadline=deadline, timeout=0.05 if its_own else None)
    async with asyncio.timeout(10), serve(page) as http:
        await wares.save_up(http, 9)
        wares.answers.append(Unreachable("away"))
        answer = await http.get("/ware")

    assert (answer.status_code, answer.json()["source"], wares.calls) == (504, "ware", 1)


async def test_a_try_that_hangs_is_ended_with_its_source(serve: Serve) -> None:
    page, tries = Page("/ware", deadline=5.0), Wares()
    ended = asyncio.Event()

    @page.source(retry=AT_ONCE, timeout=0.05)
    async def ware() -> str:
        if await tries() == "hangs":
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
        return "fine"

    @page.view
    def view(ware: str) -> str:
        return ware

    async with asyncio.timeout(10), serve(page) as http:
        await tries.save_up(http)
        tries.answers.extend([Unreachable("away"), "hangs"])
        answer = await http.get("/ware")

    assert (answer.status_code, tries.calls) == (504, 2)
    assert ended.is_set()


async def test_tries_are_told_in_the_timeline(serve: Serve) -> None:
    wares = Wares()
    async with serve(page_of(wares), explains=True) as http:
        await wares.save_up(http)
        wares.answers.append(Failed("it answered 500"))
        answer = await http.get("/ware", headers={"Accept": MEDIA_TYPE})

    [source] = answer.json()["timeline"]["sources"]
    assert (source["attempts"], source["outcome"]) == (2, "done")


KEYED = ((b"idempotency-key", b"k-1"),)


def order_page(headers: tuple[tuple[bytes, bytes], ...]) -> Page:
    """A page that places an order, and would do so again."""
    page = Page("/ware", deadline=5.0)

    @page.source(retry=AT_ONCE)
    async def order(orders: Service) -> None:
        await orders.send("POST", "/orders", type(None), body={}, headers=headers)

    @page.view
    def view(order: None) -> str:
        return "placed"

    return page


async def test_a_call_that_must_not_be_repeated_is_a_bug_of_a_source_that_is_tried_again(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    transport = Fake()
    orders = orders_of(Upstream("orders", transport))
    async with serve(order_page(()), providers=orders) as http:
        answer = await http.get("/ware")

    assert answer.status_code == 500
    assert "NotIdempotent" in caplog.text
    assert transport.asked == []


async def test_a_call_whose_key_makes_it_idempotent_is_sent_again(serve: Serve) -> None:
    transport, wares = Fake(), Wares()
    orders = orders_of(Upstream("orders", transport))
    async with serve(order_page(KEYED), providers=orders) as http:
        await wares.save_up(http)
        transport.asked.clear()
        transport.answer = first(answering(500), answering(200))
        answer = await http.get("/ware")

    assert (answer.status_code, answer.json()) == (200, "placed")
    assert [field(request.headers, b"idempotency-key") for request in transport.asked] == [b"k-1", b"k-1"]


def orders_of(orders: Upstream) -> dict[type, Provider]:
    return {Service: lambda inbound: orders.within(inbound.context)}


def first(*answers: Answer) -> Answer:
    """Answer as these, one after the other."""
    left = deque(answers)

    async def answer(request: Request) -> Reply:
        return await left.popleft()(request)

    return answer


@given(st.lists(st.booleans(), max_size=600))
def test_a_budget_never_gives_more_than_a_tenth_of_what_it_is_given(moves: list[bool]) -> None:
    budget = Budget()
    first = extra = 0
    for earns in moves:
        if earns:
            budget.earn()
            first += 1
        else:
            extra += budget.spend()
        assert extra <= first / 10


@given(st.integers(0, 3000), st.integers(0, 40))
def test_a_budget_saves_up_no_more_than_ten(earned: int, wanted: int) -> None:
    budget = Budget()
    for _ in range(earned):
        budget.earn()

    assert sum(budget.spend() for _ in range(wanted)) == min(earned // 10, wanted, 10)


@pytest.mark.parametrize("bad", [{"times": 0}, {"times": -1}, {"pause": -0.1}, {"pause": float("nan")}])
def test_a_retry_that_cannot_be_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="Retry: "):
        Retry(**bad)  # type: ignore[arg-type]  # some are no numbers of tries
