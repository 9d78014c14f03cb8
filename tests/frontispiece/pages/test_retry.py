"""A source that is tried again when its upstream failed, and how often at most."""

import asyncio
from collections import deque
from typing import Any

import httpx
import pytest

from frontispiece.pages import Hedge, Page, Provider, Retry
from frontispiece.upstream import (
    Overloaded,
    Reply,
    Request,
    Service,
    TimedOut,
    Unreachable,
    Upstream,
    UpstreamClientError,
    field,
)
from tests.frontispiece.pages.conftest import Serve
from tests.frontispiece.upstream.fakes import Fake
from tests.support.calls import Answer, answering
from tests.support.pages import ware_page

AT_ONCE = Retry(backoff=0)


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
    async def ware() -> str:
        return await wares()

    return ware_page(ware, deadline=deadline, retry=retry, timeout=timeout)


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (UpstreamClientError(404), 404),
        (UpstreamClientError(429), 429),
        (UpstreamClientError(400), 502),
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


async def test_nothing_is_tried_again_that_was_not_earned(serve: Serve) -> None:
    wares = Wares(Unreachable("away"))
    async with serve(page_of(wares)) as http:
        answer = await http.get("/ware")

    assert (answer.status_code, wares.calls) == (503, 1)


@pytest.mark.parametrize("its_own", [False, True])
async def test_no_try_begins_after_its_time(serve: Serve, its_own: bool) -> None:  # noqa: FBT001 (a case)
    wares, deadline = Wares(), 5.0 if its_own else 0.05
    page = page_of(
        wares, Retry(attempts=10, backoff=1e9), deadline=deadline, timeout=0.05 if its_own else None
    )
    async with asyncio.timeout(30), serve(page) as http:
        await wares.save_up(http, 9)
        wares.answers.append(Unreachable("away"))
        answer = await http.get("/ware")

    assert (answer.status_code, answer.json()["source"], wares.calls) == (504, "ware", 1)


async def test_a_try_that_hangs_is_ended_with_its_source(serve: Serve) -> None:
    tries, ended = Wares(), asyncio.Event()

    async def ware() -> str:
        if await tries() == "hangs":
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
        return "fine"

    page = ware_page(ware, retry=AT_ONCE, timeout=0.05)
    async with asyncio.timeout(30), serve(page) as http:
        await tries.save_up(http)
        tries.answers.extend([Unreachable("away"), "hangs"])
        answer = await http.get("/ware")

    assert (answer.status_code, tries.calls) == (504, 2)
    assert ended.is_set()


KEYED = ((b"idempotency-key", b"k-1"),)


def order_page(headers: tuple[tuple[bytes, bytes], ...] = (), **policy: Any) -> Page:
    """A page that places an order, and would do so again."""

    async def ware(orders: Service) -> str:
        await orders.send("POST", "/orders", type(None), body={}, headers=headers)
        return "placed"

    return ware_page(ware, **policy)


@pytest.mark.parametrize("policy", [{"retry": AT_ONCE}, {"hedge": Hedge(after=60)}], ids=["retry", "hedge"])
async def test_a_call_that_must_not_be_repeated_is_a_bug_of_a_source_with_retry_or_hedge(
    serve: Serve, caplog: pytest.LogCaptureFixture, policy: dict[str, Any]
) -> None:
    transport = Fake()
    orders = orders_of(Upstream("orders", transport))
    async with serve(order_page(**policy), providers=orders) as http:
        answer = await http.get("/ware")

    assert answer.status_code == 500
    assert "NotIdempotent" in caplog.text
    assert transport.requests == []


async def test_a_call_whose_key_makes_it_idempotent_is_sent_again(serve: Serve) -> None:
    transport, wares = Fake(), Wares()
    orders = orders_of(Upstream("orders", transport))
    async with serve(order_page(KEYED, retry=AT_ONCE), providers=orders) as http:
        await wares.save_up(http)
        transport.requests.clear()
        transport.answer = first(answering(500), answering(200))
        answer = await http.get("/ware")

    assert (answer.status_code, answer.json()) == (200, "placed")
    assert [field(request.headers, b"idempotency-key") for request in transport.requests] == [b"k-1", b"k-1"]


def orders_of(orders: Upstream) -> dict[type, Provider]:
    return {Service: lambda inbound: orders.within(inbound.context)}


def first(*answers: Answer) -> Answer:
    """Answer as these, one after the other."""
    left = deque(answers)

    async def answer(request: Request) -> Reply:
        return await left.popleft()(request)

    return answer


@pytest.mark.parametrize("bad", [{"attempts": 1}, {"backoff": -0.1}, {"backoff": float("nan")}])
def test_a_retry_that_cannot_be_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="Retry: "):
        Retry(**bad)  # type: ignore[arg-type]  # some are floats
