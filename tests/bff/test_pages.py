"""What clients of the real pages get from the engine besides the view."""

from functools import partial

import httpx
import msgspec
import pytest

from bff.app import BffSettings
from bff.web.app import create_app as create_web
from gateway.page import SharedStore
from gateway.page.timeline import MEDIA_TYPE, Explained
from kit.faults import Faulty
from tests.bff.world import DOWN, FAILING, Shop
from tests.conftest import AppClient


@pytest.fixture
def telling(settings: BffSettings) -> BffSettings:
    """The settings of a BFF whose pages explain themselves."""
    return settings.model_copy(update={"explain": True})


async def test_home_comes_in_pieces_to_those_who_ask_so(either: httpx.AsyncClient, shop: Shop) -> None:
    shop.trouble["stocks"] = DOWN
    whole = (await either.get("/home")).json()

    answer = await either.get("/home", headers={"Accept": "application/x-ndjson"})

    first, *changes, last = (msgspec.json.decode(line) for line in answer.content.splitlines())
    seen = first["view"]
    for change in changes:
        seen = replaced(seen, change["path"].split("/")[1:], change["data"])
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert seen == whole
    assert last == {"end": {"degraded": {"stocks": "unavailable"}}}


async def test_a_page_that_has_not_changed_is_not_sent_again(either: httpx.AsyncClient, shop: Shop) -> None:
    tag = (await either.get("/products/PEN")).headers["etag"]

    assert (await either.get("/products/PEN", headers={"If-None-Match": tag})).status_code == 304
    shop.stock["PEN"] = 0
    assert (await either.get("/products/PEN", headers={"If-None-Match": tag})).status_code == 200


async def test_departments_and_window_are_the_same_for_all_and_asked_for_once(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    first = await either.get("/home", headers=reader)
    shop.stock["PEN"] = 2
    shop.percent.clear()
    second = await either.get("/home")

    once = ["types", "search"]
    assert [shop.asked.count(what) for what in once] == [1, 1]
    assert "authorization" not in shop.last("types").headers
    assert "authorization" not in shop.last("search").headers
    assert first.json() != second.json(), "what changes fast is asked for each time"


async def test_with_a_failure_now_and_then_a_page_asks_once_more(
    either: httpx.AsyncClient, shop: Shop
) -> None:
    for _ in range(10):  # as many first tries earn one more
        assert (await either.get("/search")).status_code == 200
    shop.calls.clear()
    shop.trouble["search"] = FAILING

    assert (await either.get("/search")).status_code == 502
    assert shop.asked.count("search") == 2


async def test_pages_tell_nobody_what_they_do_inside_unless_they_are_set_to(
    either: httpx.AsyncClient,
) -> None:
    answer = await either.get("/products/PEN", headers={"Accept": MEDIA_TYPE})

    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["sku"] == "PEN"


async def test_a_timeline_tells_of_every_call_over_grpc_too(
    telling: BffSettings, app_client: AppClient, shop: Shop
) -> None:
    async with app_client(create_web(telling)) as client:
        answer = await client.get("/products/PEN", headers={"Accept": MEDIA_TYPE})
        shop.trouble["discounts"] = DOWN
        degraded = await client.get("/products/PEN", headers={"Accept": MEDIA_TYPE})

    batches = msgspec.json.decode(answer.content, type=Explained).timeline.batches
    assert {batch.loader: batch.keys for batch in batches} == {
        "Catalog.product": 2,
        "Inventory.stock": 3,
        "Discounts.best": 3,
        "Reviews.rating": 3,
    }
    calls = {batch.loader: [(c.upstream, c.method, c.answer) for c in batch.calls] for batch in batches}
    assert calls["Discounts.best"] == [("discount", "gRPC", "OK")]
    assert calls["Inventory.stock"] == [("inventory", "GET", "200")]
    batches = msgspec.json.decode(degraded.content, type=Explained).timeline.batches
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
    patient = partial(SharedStore, answers_within=30.0)  # a slow machine is not a Valkey that is gone
    monkeypatch.setattr("bff.app.SharedStore", patient)
    sharing = settings.model_copy(update={"cache_url": valkey_url})
    for _ in range(2):
        async with app_client(create_web(sharing)) as client:
            home = await client.get("/home")
            assert home.json()["types"] == [{"id": "pens", "name": "Pens", "count": 7}]

    assert shop.asked.count("types") == 1
    assert shop.asked.count("search") == 2, "the window is each process's own"


def test_settings_are_read_by_their_own_names(settings: BffSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (settings.explain, settings.shared_store()) == (False, None)

    monkeypatch.setenv("BFF_EXPLAIN", "true")
    monkeypatch.setenv("BFF_CACHE_URL", "valkey://cache:6379/0")
    monkeypatch.setenv("SERVICES", '{"catalog": "http://catalog:8000"}')
    chosen = BffSettings(signing_key=settings.signing_key, tokens=settings.tokens)

    assert chosen.explain
    assert chosen.shared_store() is not None
    assert chosen.directory.address("catalog") == "http://catalog:8000"

    monkeypatch.setenv("BFF_EXPLAIN", "perhaps")
    monkeypatch.setenv("BFF_CACHE_URL", "http://cache:6379")
    with pytest.raises(Faulty) as refusal:
        BffSettings(directory=settings.directory, signing_key=settings.signing_key, tokens=settings.tokens)
    assert [fault.partition(":")[0] for fault in refusal.value.faults] == ["BFF_EXPLAIN", "BFF_CACHE_URL"]


def replaced(document: object, way: list[str], data: object) -> object:
    """The document with `data` at the end of this way through its members."""
    if not way:
        return data
    name, *rest = way
    if isinstance(document, list):
        at = int(name)
        return [replaced(item, rest, data) if i == at else item for i, item in enumerate(document)]
    assert isinstance(document, dict)
    return document | {name: replaced(document[name], rest, data)}
