"""An overloaded process degrades its pages: it does without optional sources."""

import asyncio
from datetime import timedelta

import pytest

from frontispiece.pages import BffSettings, Cache, bff
from tests.conftest import AppClient
from tests.frontispiece.pages.conftest import AppOf
from tests.support.pages import page_of


class Load:
    """What the process says of its load, and which sources have run."""

    def __init__(self) -> None:
        self.over = False
        self.ran: list[str] = []

    def __call__(self) -> bool:
        return self.over

    async def title(self) -> str:
        self.ran.append("title")
        return "fine"

    async def stock(self, title: str) -> str:
        self.ran.append("stock")
        return f"much of the {title}"

    async def advice(self, stock: str) -> str:
        self.ran.append("advice")
        return f"buy {stock}"


@pytest.fixture
def load() -> Load:
    return Load()


async def test_optional_sources_are_not_run_while_the_process_is_overloaded(
    load: Load, app_of: AppOf, app_client: AppClient
) -> None:
    app = app_of(
        page_of(load.title, (load.stock, {"fallback": lambda: "some"}), (load.advice, {"fallback": str}))
    )
    app.skip_optional_when(load)
    async with app_client(app) as http:
        load.over = True
        degraded = await http.get("/page")
        assert load.ran == ["title"]
        load.over = False
        whole = await http.get("/page")

    assert degraded.status_code == 200
    assert degraded.json() == {"title": "fine", "stock": "some", "advice": ""}
    assert degraded.headers["page-degraded"] == "stock;reason=overloaded, advice;reason=overloaded"
    assert whole.json()["advice"] == "buy much of the fine"
    assert "page-degraded" not in whole.headers


@pytest.mark.parametrize("cache", [Cache(ttl=60), Cache(ttl=0, stale=60), Cache(ttl=0, stale_if_error=60)])
async def test_a_cached_result_is_served_instead_of_a_fallback(
    load: Load, app_of: AppOf, app_client: AppClient, cache: Cache
) -> None:
    app = app_of(page_of(load.title, (load.stock, {"fallback": str, "cache": cache})))
    app.skip_optional_when(load)
    async with app_client(app) as http:
        await http.get("/page")
        load.over = True
        answer = await http.get("/page")

    assert answer.json()["stock"] == "much of the fine"
    assert "page-degraded" not in answer.headers
    assert load.ran == ["title", "stock", "title"]


async def test_a_progressive_page_of_an_overloaded_process_ends_with_its_first_frame(
    load: Load, app_of: AppOf, app_client: AppClient
) -> None:
    app = app_of(page_of(load.title, (load.stock, {"fallback": str})))
    app.skip_optional_when(load)
    load.over = True
    async with app_client(app) as http:
        answer = await http.get("/page", headers={"Accept": "application/x-ndjson"})

    assert answer.text.splitlines() == [
        '{"view":{"title":"fine","stock":""}}',
        '{"end":{"degraded":{"stock":"overloaded"}}}',
    ]


async def test_a_bff_alone_measures_its_own_event_loop(load: Load, app_client: AppClient) -> None:
    create_app = bff("books", pages=[page_of(load.title, (load.stock, {"fallback": str}))])

    async with app_client(create_app(BffSettings(max_loop_lag=timedelta(microseconds=1)))) as http:
        async with asyncio.timeout(30):
            while "page-degraded" not in (answer := await http.get("/page")).headers:
                assert answer.json()["stock"] == "much of the fine"
                await asyncio.sleep(0)  # a page that never waits gives timers no turn
    assert answer.headers["page-degraded"] == "stock;reason=overloaded"
