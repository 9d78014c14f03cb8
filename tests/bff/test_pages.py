"""What clients of the real pages get from the engine besides the view."""

from functools import partial

import httpx
import msgspec
import pytest

from bff.web.app import create_app as create_web
from frontispiece.errors import ConfigError
from frontispiece.pages import AuthenticatedBffSettings, BffSettings
from frontispiece.pages.timeline import MEDIA_TYPE, PageTrace
from frontispiece.stores.valkey import BestEffortValkey
from tests.bff.troubles import DOWN, FAILING
from tests.bff.world import Shop
from tests.conftest import AppClient


@pytest.fixture
def telling(settings: BffSettings) -> BffSettings:
    """The settings of a BFF whose pages explain themselves."""
    return settings.model_copy(update={"expose_timeline": True})


async def test_departments_and_window_are_the_same_for_all_and_loaded_once(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    first = await either.get("/home", headers=reader)
    shop.stock["PEN"] = 2
    shop.percent.clear()
    second = await either.get("/home")

    once = ["types", "search"]
    assert [shop.operations.count(what) for what in once] == [1, 1]
    assert "authorization" not in shop.last("types").headers
    assert "authorization" not in shop.last("search").headers
    assert first.json() != second.json(), "what changes fast is loaded each time"


async def test_with_a_failure_now_and_then_a_page_calls_once_more(
    either: httpx.AsyncClient, shop: Shop
) -> None:
    for _ in range(10):  # as many first tries earn one more
        assert (await either.get("/search")).status_code == 200
    shop.calls.clear()
    shop.trouble["search"] = FAILING

    assert (await either.get("/search")).status_code == 502
    assert shop.operations.count("search") == 2


async def test_a_timeline_has_calls_over_grpc_too(
    telling: BffSettings, app_client: AppClient, shop: Shop
) -> None:
    async with app_client(create_web(telling)) as client:
        answer = await client.get("/products/PEN", headers={"Accept": MEDIA_TYPE})
        shop.trouble["discounts"] = DOWN
        degraded = await client.get("/products/PEN", headers={"Accept": MEDIA_TYPE})

    batches = msgspec.json.decode(answer.content, type=PageTrace).timeline.batches
    assert {batch.loader: batch.keys for batch in batches} == {
        "Catalog.load_product": 2,
        "Inventory.load_stock": 3,
        "Discounts.load_discount": 3,
        "Reviews.load_rating": 3,
    }
    calls = {batch.loader: [(c.upstream, c.method, c.answer) for c in batch.calls] for batch in batches}
    assert calls["Discounts.load_discount"] == [("discount", "gRPC", "OK")]
    assert calls["Inventory.load_stock"] == [("inventory", "GET", "200")]
    batches = msgspec.json.decode(degraded.content, type=PageTrace).timeline.batches
    assert [call.answer for b in batches for call in b.calls if call.upstream == "discount"] == [
        "unavailable"
    ]


async def test_processes_share_departments_in_valkey(
    settings: BffSettings,
    app_client: AppClient,
    shop: Shop,
    valkey_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow_valkey = partial(BestEffortValkey, timeout=30.0)  # a slow machine is not a Valkey that is gone
    monkeypatch.setattr("frontispiece.pages.settings.BestEffortValkey", slow_valkey)
    sharing = settings.model_copy(update={"cache_url": valkey_url})
    for _ in range(2):
        async with app_client(create_web(sharing)) as client:
            home = await client.get("/home")
            assert home.json()["types"] == [{"id": "pens", "name": "Pens", "count": 7}]

    assert shop.operations.count("types") == 1
    assert shop.operations.count("search") == 2, "the window is each process's own"


def test_settings_are_read_by_their_own_names(settings: BffSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (settings.expose_timeline, settings.shared_cache()) == (False, None)

    monkeypatch.setenv("BFF_EXPOSE_TIMELINE", "true")
    monkeypatch.setenv("BFF_CACHE_URL", "valkey://cache:6379/0")
    monkeypatch.setenv("SERVICES", '{"catalog": "http://catalog:8000"}')
    chosen = AuthenticatedBffSettings(signing_key=settings.signing_key, tokens=settings.tokens)

    assert chosen.expose_timeline
    assert chosen.shared_cache() is not None
    assert chosen.directory.addresses("catalog") == ("http://catalog:8000",)

    monkeypatch.setenv("BFF_EXPOSE_TIMELINE", "perhaps")
    monkeypatch.setenv("BFF_CACHE_URL", "http://cache:6379")
    with pytest.raises(ConfigError) as refusal:
        AuthenticatedBffSettings(
            directory=settings.directory, signing_key=settings.signing_key, tokens=settings.tokens
        )
    assert [fault.partition(":")[0] for fault in refusal.value.errors] == [
        "BFF_EXPOSE_TIMELINE",
        "BFF_CACHE_URL",
    ]
