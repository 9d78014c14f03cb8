import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.pickup.maintenance import REPEATED, Maintenance
from services.pickup.shards import Shards
from services.pickup.store import Shard
from tests.services.pickup.mover import move_store, move_unit
from tests.services.pickup.test_model import LATITUDES, LONGITUDES
from tests.services.pickup.world import (
    BERLIN,
    EVERYWHERE,
    SYDNEY,
    everything,
    nearest,
    opened,
    scattered,
    store,
)
from tests.support.shop import ROOT

STORES = scattered()
IDS = sorted(each.id for each in STORES)


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
async def shards(urls: Mapping[str, str]) -> AsyncIterator[Shards]:
    async with opened(urls, STORES) as shards:
        yield shards


@pytest.fixture
def files(tmp_path: Path) -> Mapping[str, str]:
    """Two shards on SQLite, for what the databases have no part in."""
    return {name: f"sqlite:///{tmp_path}/{name}.db" for name in "01"}


@pytest.fixture
async def on_files(files: Mapping[str, str]) -> AsyncIterator[Shards]:
    async with opened(files, STORES) as shards:
        yield shards


@pytest.fixture(scope="module")
def query(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Finds ids in shards of SQLite that stay open for all examples."""
    folder: Path = tmp_path_factory.mktemp("shards")
    with asyncio.Runner() as runner:
        context = opened({name: f"sqlite:///{folder}/{name}.db" for name in "012"}, STORES)
        shards = runner.run(context.__aenter__())

        def find(**wanted: Any) -> list[str]:
            return [each.store.id for each in runner.run(shards.near(**wanted)).found]

        yield find
        runner.run(context.__aexit__(None, None, None))


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    latitude=LATITUDES,
    longitude=LONGITUDES,
    metres=st.sampled_from([10_000.0, 1_000.0, 50_000.0, 2e6, 2.1e7]),
    stock=st.sampled_from([0, 1, 3]),
    limit=st.integers(1, 200),
)
def test_a_query_finds_exactly_what_a_look_at_every_store_finds(
    query: Any, latitude: float, longitude: float, metres: float, stock: int, limit: int
) -> None:
    found = query(latitude=latitude, longitude=longitude, metres=metres, stock=stock, limit=limit)

    assert found == nearest(STORES, latitude, longitude, metres, stock=stock)[:limit]


async def test_a_query_touches_only_the_shards_that_its_radius_meets(
    on_files: Shards, monkeypatch: pytest.MonkeyPatch
) -> None:
    touched: list[str] = []

    def counting(name: str, near: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **keywords: Any) -> Any:
            touched.append(name)
            return near(*args, **keywords)

        return counted

    homes = {unit.shard: unit for unit in await Maintenance(on_files).units()}
    assert homes.keys() == {"0", "1"}, "both have their share"
    for name, shard in on_files.shards.items():
        monkeypatch.setattr(shard, "near", counting(name, shard.near))
    for place in (BERLIN, SYDNEY, (90.0, 0.0), (0.0, 180.0)):
        touched.clear()
        nearby = await on_files.near(*place, 10_000, limit=400)
        assert set(touched) == set(nearby.shards)
        assert len(set(touched)) == 1
    touched.clear()
    await on_files.near(0, 0, 2.1e7, limit=400)
    assert set(touched) == {"0", "1"}


async def test_a_cell_that_many_look_at_splits_and_the_shards_keep_about_the_same_load(
    on_files: Shards,
) -> None:
    before = await Maintenance(on_files).units()
    for _ in range(60):
        await on_files.near(*BERLIN, 500, limit=1)
    await Maintenance(on_files).maintain()
    after = await Maintenance(on_files).units()

    assert len(after) > len(before)
    assert sum(unit.stores for unit in after) == len(STORES)
    loads = [sum(unit.load for unit in after if unit.shard == name) for name in "01"]
    assert max(loads) <= 0.7 * sum(loads)
    assert await everything(on_files) == IDS


async def killed_after(steps: int, shards: Shards, work: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Do the first transactions of some work, and no more."""
    left = steps

    def counting(shard: Shard) -> None:
        write = shard.database.write

        @asynccontextmanager
        async def counted() -> AsyncIterator[Any]:
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1
            async with write() as tx:
                yield tx

        shard.database.write = counted  # type: ignore[method-assign]

    for shard in shards.shards.values():
        counting(shard)
    try:
        await work()
    except Killed:
        return


async def test_a_move_leaves_no_gap_and_no_double_wherever_its_process_is_killed(
    urls: Mapping[str, str], shards: Shards
) -> None:
    """The other process, `shards`, goes on with the map that it knows."""
    for move in (move_store, move_unit):
        for steps in (1, 2):  # of three
            async with opened(urls) as killed:
                await killed_after(steps, killed, partial(move, killed))
            assert await everything(shards) == IDS, f"before anybody finishes it, after {steps} steps"
            async with opened(urls) as next_process:
                await Maintenance(next_process).recover()
                assert await everything(next_process) == IDS
                assert not [unit for unit in await Maintenance(next_process).units() if unit.moving_to]
            assert await everything(shards) == IDS

    found = await shards.find("5")
    assert found is not None
    assert found.version == 3, "each move that was begun was finished"
    assert found in [each.store for each in (await shards.near(*BERLIN, 100, limit=5)).found]


async def test_a_process_that_is_killed_while_it_moves_stores_and_units_leaves_all_of_them(
    files: Mapping[str, str], on_files: Shards
) -> None:
    command = [sys.executable, "-m", "tests.services.pickup.mover", json.dumps(files)]
    for moves in (1, 4):
        mover = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
        assert mover.stdout is not None
        for _ in range(moves):
            assert await mover.stdout.readline() == b"moved\n"
            assert await everything(on_files) == IDS, "while it moves"
        mover.kill()
        await mover.wait()
        assert await everything(on_files) == IDS, "after it was killed"
    await Maintenance(on_files).recover()

    assert await everything(on_files) == IDS
    assert not [unit for unit in await Maintenance(on_files).units() if unit.moving_to]


async def test_a_store_that_moves_to_and_fro_is_found_once_by_every_query_meanwhile(shards: Shards) -> None:
    stops = [SYDNEY, BERLIN]
    running = asyncio.Event()

    async def travel() -> None:
        for version, (latitude, longitude) in enumerate(stops, 2):
            moved = replace(STORES[5], latitude=latitude, longitude=longitude, version=version)
            assert await shards.change(moved)
        for unit in [unit for unit in await Maintenance(shards).units() if unit.stores][:3]:
            await Maintenance(shards).move(unit, "1" if unit.shard == "0" else "0")
        running.set()

    async def watch() -> int:
        number = 0
        while not running.is_set():
            assert await everything(shards) == IDS
            number += 1
        return number

    _, watched = await asyncio.gather(travel(), watch())
    assert watched > 1


async def test_what_repeats_a_store_that_has_left_is_forgotten_later(
    files: Mapping[str, str], on_files: Shards
) -> None:
    await on_files.change(replace(STORES[5], latitude=SYDNEY[0], longitude=SYDNEY[1], version=2))
    rows = [row for shard in on_files.shards.values() for row in await shard.find("5")]
    assert len(rows) == 2
    assert rows[0].left_at is not None or rows[1].left_at is not None
    left_at = next(row.left_at for row in rows if row.left_at is not None)
    async with Shards(files, now=lambda: left_at + REPEATED + timedelta(seconds=1)) as later:
        await Maintenance(later).recover()

    assert len([row for shard in on_files.shards.values() for row in await shard.find("5")]) == 1


async def test_what_repeats_a_store_that_has_left_says_nothing_that_is_no_longer_so(on_files: Shards) -> None:
    moved = replace(STORES[5], latitude=SYDNEY[0], longitude=SYDNEY[1], version=2)
    for changed in (moved, replace(moved, stock=0, version=3)):
        assert await on_files.change(changed)

    nearby = await on_files.near(*SYDNEY, EVERYWHERE, stock=1, limit=10_000)
    assert sorted([*(each.store.id for each in nearby.found), "5"]) == IDS


async def test_a_lookup_of_an_unknown_store_changes_no_map(
    on_files: Shards, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await on_files.find("5")
    monkeypatch.delattr(Shard, "claims")  # the map can be loaded no more

    assert await on_files.find("nobody") is None


async def test_of_two_concurrent_changes_of_a_store_one_is_refused(on_files: Shards) -> None:
    changed = [replace(STORES[5], name=name, version=2) for name in ("Early", "Late")]
    changed.append(replace(changed[0], latitude=SYDNEY[0], longitude=SYDNEY[1]))

    outcomes = await asyncio.gather(*map(on_files.change, changed))

    assert sum(outcomes) == 1
    assert await on_files.find("5") == changed[outcomes.index(True)]


async def test_a_few_stores_come_with_the_first_query_and_none_before(urls: Mapping[str, str]) -> None:
    async with Shards(urls, first_stores=50) as shards:
        await Maintenance(shards).maintain()
        assert [await shard.claims() for shard in shards.shards.values()] == [[], []]
        assert len(await everything(shards)) == 50
        assert await shards.add([store("51", *BERLIN), store("7", *BERLIN)]) == 1
    async with Shards(urls, first_stores=50) as again:
        assert len(await everything(again)) == 51
