"""What a rebuild of the read model promises, on SQLite and on PostgreSQL."""

import asyncio

import pytest
import sqlalchemy as sa

from frontispiece.aio import periodic
from services.ordering.read_tables import GENERATIONS, generations
from services.ordering.rebuild import Progress, TablesDiffer
from services.ordering.rebuild_lock import RebuildRunning, rebuild_lock
from tests.services.ordering.orders import ORDER_ID, PLACED
from tests.services.ordering.reading import CANCELLED, Reading, order_id
from tests.support.waiting import until


async def test_the_other_tables_become_live_with_the_same_rows(reading: Reading) -> None:
    end = await reading.append_orders(range(6))
    await reading.catch_up()
    before = await reading.rows("blue")
    progress = await reading.rebuild()

    assert (progress.began, progress.position) == (0, end)
    assert await reading.states() == {"blue": ("retired", end), "green": ("live", end)}
    assert await reading.rows("green") == before
    await reading.rebuild()
    assert await reading.states() == {"blue": ("live", end), "green": ("retired", end)}


async def test_while_it_runs_the_live_tables_serve_and_follow_the_log(reading: Reading) -> None:
    await reading.append_orders(range(6))
    await reading.catch_up()
    seen = []

    async def place_and_read(number: int) -> None:
        await reading.append(order_id(number), 0, [PLACED])
        await reading.catch_up()
        seen.append(await reading.store.order(order_id(number)))

    tasks: set[asyncio.Task[None]] = set()

    def report(progress: Progress) -> None:
        if len(tasks) < 3:
            tasks.add(asyncio.create_task(place_and_read(100 + len(tasks))))

    await reading.new_rebuild().run(report)
    await asyncio.gather(*tasks)
    await reading.catch_up()

    assert [view is not None for view in seen] == [True] * 3
    await reading.rebuild()  # finds that nothing was lost at the switch
    assert len(await reading.store.orders(100, owner="reader")) == 9


async def test_a_killed_one_goes_on_where_it_was_and_one_of_other_code_begins_anew(reading: Reading) -> None:
    await reading.append_orders(range(6))
    await reading.catch_up()

    def die(progress: Progress) -> None:
        if progress.position >= 20:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await reading.new_rebuild().run(die)
    with pytest.raises(InterruptedError):
        await reading.new_rebuild(7).run(die)
    assert (await reading.states())["green"] == ("building", 27)
    assert (await reading.rebuild()).began == 27

    with pytest.raises(InterruptedError):
        await reading.new_rebuild().run(die)
    async with reading.store.database.write() as tx:
        await tx.execute(generations.update().where(generations.c.name == "blue").values(projection=0))
    assert (await reading.rebuild()).began == 0


async def test_tables_that_differ_are_named_and_stay_live_until_the_difference_is_accepted(
    reading: Reading,
) -> None:
    await reading.append_orders(range(6))
    await reading.catch_up()
    blue = GENERATIONS["blue"].summaries
    async with reading.store.database.write() as tx:
        await tx.execute(blue.update().where(blue.c.id == order_id(1)).values(total=1))
        await tx.execute(blue.delete().where(blue.c.id == order_id(3)))

    with pytest.raises(TablesDiffer, match=f"{blue.name}: {order_id(1)}, {order_id(3)}. {blue.name} stays"):
        await reading.rebuild()
    assert (await reading.states())["blue"][0] == "live"
    await reading.rebuild(accept_differences=True)
    assert (await reading.states())["green"][0] == "live"
    assert len(await reading.store.orders(100, owner="reader")) == 6


@pytest.mark.parametrize("table", ["details", "totals"])
async def test_a_difference_in_any_table_is_found(reading: Reading, table: str) -> None:
    await reading.append_orders(range(2))
    await reading.catch_up()
    column = {"details": "version", "totals": "revenue"}[table]
    async with reading.store.database.write() as tx:
        await tx.execute(getattr(GENERATIONS["blue"], table).update().values({column: 77}))

    with pytest.raises(TablesDiffer):
        await reading.rebuild()


async def test_tables_of_another_version_of_the_projection_are_replaced_though_they_differ(
    reading: Reading,
) -> None:
    await reading.append_orders(range(2))
    await reading.catch_up()
    async with reading.store.database.write() as tx:
        await tx.execute(GENERATIONS["blue"].summaries.update().values(total=1))
        await tx.execute(generations.update().values(projection=0))
    await reading.rebuild()

    assert (await reading.states())["green"][0] == "live"


async def test_one_runs_at_a_time(reading: Reading) -> None:
    await reading.append(ORDER_ID, 0, CANCELLED)
    async with rebuild_lock(reading.store.database):
        with pytest.raises(RebuildRunning):
            await reading.rebuild()
    await reading.rebuild()


async def test_it_and_starting_projectors_leave_one_live_set(reading: Reading) -> None:
    await reading.append_orders(range(4))

    async def start() -> None:
        await reading.store.initialise()
        await reading.catch_up(reading.new_projector())

    await asyncio.gather(start(), reading.rebuild(), start())
    async with reading.store.database.read() as tx:
        query = sa.select(sa.func.count()).where(generations.c.state == "live")
        assert await tx.scalar(query.select_from(generations)) == 1
    await reading.catch_up()
    await reading.rebuild()


async def test_without_a_running_copy_of_ordering_it_brings_the_live_tables_along(reading: Reading) -> None:
    end = await reading.append_orders(range(6))
    await reading.rebuild()

    assert await reading.states() == {"blue": ("retired", end), "green": ("live", end)}


@pytest.mark.parametrize("later", [0, 20], ids=["behind", "past-it-again"])
async def test_a_log_restored_from_a_backup_is_noticed_and_a_rebuild_makes_its_orders_seen(
    reading: Reading, later: int, caplog: pytest.LogCaptureFixture
) -> None:
    await reading.append_orders(range(6))
    await reading.catch_up()
    events = reading.events.events
    async with reading.database.write() as tx:  # the backup
        await tx.execute(events.delete().where(events.c.position > 30))
    for number in range(100, 101 + later):
        await reading.append(order_id(number), 0, [PLACED])
    shard = reading.shards.by_name["0"]

    async with periodic(reading.projector.run, 60, name="projection"):
        await until(lambda: reading.projector.fault is not None)
        assert "shard 0 waits for `front orders rebuild`" in str(await shard.ping())
        assert "waits for `front orders rebuild`" in caplog.text
        assert not await reading.projector.wait_for(31, 0.01)
        assert (await reading.projector.lag()).events == 31 + later
        with pytest.raises(InterruptedError):
            await reading.new_rebuild().run(_die)
        await reading.rebuild()
        assert await reading.projector.wait_for(31 + later, 60)
    assert await shard.ping() is None
    assert await reading.store.order(order_id(100 + later)) is not None
    await reading.rebuild()  # which would find a difference


def _die(_: Progress) -> None:
    raise InterruptedError
