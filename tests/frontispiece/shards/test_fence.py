"""The fence decides where a bucket is changed, whatever the map of who changes it says."""

import asyncio

import pytest

from frontispiece.events import EventSettings, open_key_value
from frontispiece.http import Problem
from frontispiece.shards import Router, ShardMap, open_router
from frontispiece.shards.fence import NotHandedOver
from frontispiece.shards.router import BUCKET, map_key, publish
from tests.frontispiece.shards.conftest import World, fence
from tests.support.waiting import until as eventually

FIRST = ShardMap.even(["0", "1"])
HERE = 5
"""A bucket of shard 0."""


async def hand_over(world: World, epoch: int, source: str = "0", target: str = "1") -> None:
    """Move the bucket without its rows, up to the commit that decides."""
    async with world.databases[target].write() as tx:
        await fence.admit(tx, [HERE])
        await fence.receive(tx, [HERE], epoch, source)
    async with world.databases[source].write() as tx:
        until = await fence.fence(tx, [HERE], epoch, 60)
    async with world.databases[source].write() as tx:
        await fence.hand_over(tx, [HERE], until, epoch, target)


async def test_a_change_goes_to_the_shard_that_has_its_bucket(world: World) -> None:
    await world.add("a", HERE)
    await world.add("b", 1000)

    assert (await world.names("0"), await world.names("1")) == (["a"], ["b"])


async def test_a_change_by_an_old_map_goes_to_where_the_bucket_is_now(world: World) -> None:
    await hand_over(world, 2)  # whoever moved it was killed then: no other knows of it

    await world.add("a", HERE)
    await world.add("b", HERE, router=Router(FIRST, world.databases, fence))

    assert (await world.names("0"), await world.names("1")) == ([], ["a", "b"])


async def test_the_way_goes_on_from_shard_to_shard(world: World) -> None:
    await hand_over(world, 2)
    await world.add("a", HERE)
    await hand_over(world, 3, "1", "0")

    await world.add("b", HERE, router=Router(FIRST, world.databases, fence))
    await world.add("c", HERE)

    assert (await world.names("0"), await world.names("1")) == (["b", "c"], ["a"])


async def test_a_bucket_that_is_coming_in_is_changed_where_it_still_is(world: World) -> None:
    await hand_over(world, 2)
    await world.add("a", HERE)
    await hand_over(world, 3, "1", "0")
    await world.add("b", HERE)
    async with world.databases["1"].write() as tx:
        await fence.admit(tx, [HERE])
        await fence.receive(tx, [HERE], 4, "0")

    await world.add("c", HERE, router=Router(FIRST.with_moved([HERE], "1", 2), world.databases, fence))

    assert (await world.names("0"), await world.names("1")) == (["b", "c"], ["a"])


async def test_a_change_waits_for_a_fence_and_is_refused_with_a_clear_retry(world: World) -> None:
    async with world.databases["0"].write() as tx:
        until = await fence.fence(tx, [HERE], 2, 60)
    with pytest.raises(Problem) as refused:
        await world.add("a", HERE)

    waiting = asyncio.create_task(world.add("b", HERE))
    async with world.databases["0"].write() as tx:
        await fence.unfence(tx, [HERE], until)
    await waiting

    assert (refused.value.status, refused.value.kind) == (503, "bucket-moving")
    assert refused.value.headers["Retry-After"] == "1"
    assert await world.names("0") == ["b"]


async def test_the_fence_of_a_mover_that_is_gone_ends_and_it_hands_nothing_over_then(world: World) -> None:
    async with world.databases["0"].write() as tx:
        until = await fence.fence(tx, [HERE], 2, 0.0)

    await world.add("a", HERE)

    with pytest.raises(NotHandedOver):
        async with world.databases["0"].write() as tx:
            await fence.hand_over(tx, [HERE], until, 2, "1")
    assert await world.names("0") == ["a"]


async def test_the_shards_themselves_say_where_buckets_are_when_the_broker_has_no_map(world: World) -> None:
    await hand_over(world, 2)

    router = await open_router(world.databases, fence, FIRST)

    assert router.map == FIRST.with_moved([HERE], "1", 2)


async def test_a_shard_restored_from_an_older_copy_leaves_its_buckets_where_they_have_moved(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await hand_over(world, 2)
    await world.add("a", HERE)
    before = {"state": "open", "epoch": 1, "peer": None}
    async with world.databases["0"].write() as tx:
        await tx.execute(fence.table.update().where(fence.table.c.bucket == HERE).values(before))

    await open_router(world.databases, fence, FIRST)

    async with world.databases["0"].read() as tx:
        assert HERE not in set(await tx.scalars(fence.owned))
    assert "Shard 0 is as it was before it gave buckets 5 to shard 1" in caplog.text


async def test_all_processes_see_a_new_map(world: World, event_settings: EventSettings) -> None:
    await hand_over(world, 2)
    newer = FIRST.with_moved([HERE], "1", 2)
    other = Router(FIRST, world.databases, fence)

    async with (
        world.router.following(event_settings, "things"),
        other.following(event_settings, "things"),
        open_key_value(event_settings, BUCKET) as kv,
    ):
        await publish(kv, "things", newer)
        await publish(kv, "things", FIRST)  # of one that starts with what it knows
        await eventually(lambda: world.router.map == other.map == newer)

        await kv.delete(map_key("things"))

        async with asyncio.timeout(60):
            while (entry := await kv.get(map_key("things"))) is None:
                pass
        assert entry.value == newer.encode(), "those that run publish it again"
