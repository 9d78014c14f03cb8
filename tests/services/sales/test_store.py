"""The columns: facts in any order and number of deliveries, kills, and the figures made of them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import date
from pathlib import Path
from random import Random

import pytest

from frontispiece.events import EventSettings
from frontispiece.security import issuers, private_key
from frontispiece.settings import Directory, TokenSettings
from services.sales.app import SalesSettings, create_app
from services.sales.columns import Columns
from services.sales.model import Figures, Grouping
from services.sales.store import Store
from tests.conftest import internal_bearer
from tests.services.sales.facts import order
from tests.support.apps import NOWHERE
from tests.support.events import event
from tests.support.killing import killed_after
from tests.support.serving import client_of, servers

MAY = date(2026, 5, 1), date(2026, 5, 31)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store(tmp_path / "columns") as store:
        await store.opened()
        yield store


async def test_a_new_folder_is_its_owners_alone(tmp_path: Path, open_umask: None) -> None:
    async with Store(tmp_path / "columns"):
        assert (tmp_path / "columns").stat().st_mode & 0o777 == 0o700


async def test_facts_in_any_order_and_number_make_the_same_rows(store: Store, tmp_path: Path) -> None:
    facts = [fact for number in range(12) for fact in order(number)]
    straight = Columns(tmp_path / "straight")
    straight.apply(facts)

    deliveries = [*facts, *facts]
    Random(7).shuffle(deliveries)  # noqa: S311
    await asyncio.gather(*(store.happened(event(fact, subject="an order")) for fact in deliveries))

    assert await store.read(Columns.rows) == straight.rows()
    straight.close()


async def test_figures_are_of_what_was_placed_in_the_days_and_money_that_was_given_back_is_no_revenue(
    store: Store,
) -> None:
    for number in range(6):  # 0 and 3 are completed, 1 and 4 cancelled, 2 and 5 not at an end
        await store.write(lambda columns, number=number: columns.apply(order(number)))  # type: ignore[misc]

    report = await store.report(*MAY)

    [total] = report[Grouping.TOTAL]
    counts = {"placed": 6, "completed": 2, "cancelled": 2, "pieces": 5}
    money = {"captured": 2 * (1090 + 2090), "refunded": 1090 + 2090}
    assert asdict(total) == {"key": "", "currency": "EUR", **counts, **money}
    assert (total.revenue, total.conversion, total.basket_size, total.basket_value) == (
        3180,
        1 / 3,
        2.5,
        1590,
    )
    assert revenue(report[Grouping.DAY]) == {"2026-05-01": 3180, "2026-05-02": 0, "2026-05-03": 0}
    assert revenue(report[Grouping.TYPE]) == {"pens": 1200, "inks": 1000}
    assert revenue(report[Grouping.BRAND]) == {"quill": 2200}
    assert revenue(report[Grouping.CLIENT]) == {"web/1.4.0": 2090, "mobile/2.0.0": 1090}
    assert revenue(report[Grouping.COUPON]) == {"INK20": 1090, "": 2090}
    assert await store.report(date(2026, 6, 1), date(2026, 6, 2)) == {grouping: [] for grouping in Grouping}


def revenue(figures: list[Figures]) -> dict[str, int]:
    return {each.key: each.revenue for each in figures}


async def test_an_order_whose_end_came_first_is_counted_once_it_is_known_when_it_was_placed(
    store: Store,
) -> None:
    placed, completed = order(0)
    await store.happened(event(completed, subject="order-0"))
    before = (await store.report(*MAY))[Grouping.TOTAL]
    await store.happened(event(placed, subject="order-0"))

    assert before == []
    assert revenue((await store.report(*MAY))[Grouping.TOTAL]) == {"": 1090}


async def test_a_killed_process_has_lost_nothing_of_what_it_had_acknowledged(tmp_path: Path) -> None:
    last = killed_after(20, "tests.services.sales.facts", str(tmp_path / "columns"))
    everything = Columns(tmp_path / "everything")
    everything.apply(fact for number in range(last + 1) for fact in order(number))

    async with Store(tmp_path / "columns") as store:
        await store.opened()
        found = await store.read(Columns.rows)
    assert set(everything.rows()) <= set(found)
    everything.close()


async def test_what_a_killed_process_left_beside_its_files_goes_with_the_next_start_or_rebuild(
    tmp_path: Path,
) -> None:
    for name in ("database-0.tmp", "database-1.tmp"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "spilled").touch()

    async with Store(tmp_path) as store:
        await store.opened()
        assert not (tmp_path / "database-1.tmp").exists()
        async with store.rebuilding():
            pass

    assert names_in(tmp_path) == {"current", "database-1", "lock"}


def names_in(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


@pytest.mark.parametrize("content", [b"junk" * 5000, b"", None])
async def test_a_broken_file_is_moved_aside_and_its_database_is_new(
    tmp_path: Path, content: bytes | None
) -> None:
    (tmp_path / "current").write_text("database-3")
    if content is not None:
        (tmp_path / "database-3").write_bytes(content)

    async with Store(tmp_path) as store:
        await store.opened()
        assert not store.is_complete
        async with store.rebuilding() as write:
            await write(lambda columns: columns.apply(order(0)))

    if content:
        assert (tmp_path / "broken-3").read_bytes() == content
    async with Store(tmp_path) as store:
        await store.opened()
        assert store.is_complete
        assert len(await store.read(Columns.rows)) == 2


async def test_a_folder_that_names_no_file_of_its_own_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "current").write_text("../elsewhere")

    async with Store(tmp_path) as store:
        await store.opened()
        assert not store.is_complete


async def test_a_report_that_does_not_fit_the_memory_is_refused_with_a_hint(
    tmp_path: Path, event_settings: EventSettings, signing_key: str
) -> None:
    columns = Columns(tmp_path / "database-0")
    columns.apply(order(0))
    columns.close()
    tokens = TokenSettings(issuers=issuers([("gateway", private_key(signing_key))]))
    settings = SalesSettings(
        folder=tmp_path,
        memory=2,
        signing_key=signing_key,
        directory=Directory(services={"ordering": f"http://{NOWHERE}"}),
        events=event_settings,
        tokens=tokens,
    )
    app = create_app(settings)
    async with servers() as serve, client_of(await serve(app)) as client:
        await app.state.store.opened()
        response = await client.get(
            "/report", headers=internal_bearer(signing_key, "sales")("o", "sales:read")
        )

    assert (response.status_code, response.json()["type"].rpartition(":")[2]) == (503, "report-too-large")
    assert "request fewer days" in response.json()["detail"]
