"""What a timeline has, on both databases and by each strategy: the news of the followed brands, each once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa

from frontispiece.errors import ConfigError
from frontispiece.shards import ids_at
from services.feed.model import BACKFILL, MAX_FOLLOWS, Kind, TooManyFollows
from services.feed.shard import Shard
from services.feed.store import Store
from services.feed.tables import news, timelines
from shop.replay import RETENTION
from tests.services.feed.news import OWNERS, START, everything, new, open_store, skus
from tests.support.clock import Calendar
from tests.support.killing import killed_after
from tests.support.postgres import Postgres

BRANDS = ("quill", "inkwell", "nib")
EVERY_WAY = pytest.mark.parametrize(
    ("database_url", "limit"),
    [("sqlite", 0), ("sqlite", 2), ("sqlite", 10**9), ("postgresql", 2)],
    indirect=["database_url"],
)
"""All is found on read; a brand's third follower changes its strategy; all is fanned out on write."""


@pytest.fixture
def tables() -> str:
    return "feed"


@pytest.fixture
async def shard(limit: int, database_url: str, clock: Calendar) -> AsyncIterator[Shard]:
    clock.now = START
    async with Shard(database_url, limit=limit, now=clock) as shard:
        yield shard


@EVERY_WAY
async def test_a_timeline_is_the_news_of_the_followed_brands_whatever_the_strategy(
    shard: Shard, clock: Calendar
) -> None:
    """Each step is compared with a model that has neither strategies nor tables."""
    random = Random(4)  # noqa: S311
    all_news: list[tuple[datetime, str, str]] = []
    follows: dict[tuple[str, str], datetime] = {}
    read: dict[str, datetime] = {}
    for number in range(60):
        clock.now = START + timedelta(hours=4 * number)
        owner, brand = random.choice(OWNERS[:4]), random.choice(BRANDS)
        match random.choice(("add", "add", "follow", "follow", "unfollow", "read")):
            case "add":
                all_news.append((clock.now, brand, f"PEN-{number}"))
                for _ in range(2):
                    await shard.add(new(number, brand, clock.now))
            case "follow":
                follows.setdefault((owner, brand), clock.now - BACKFILL)
                read.setdefault(owner, clock.now)
                await shard.follow(owner, brand)
            case "unfollow":
                follows.pop((owner, brand), None)
                await shard.unfollow(owner, brand)
            case "read" if items := await everything(shard, owner):
                read[owner] = max(read[owner], items[0].at)
                await shard.mark_read(owner, items[0].id)
        for each in {owner, random.choice(OWNERS[:4])}:
            seen = [
                (at, sku)
                for at, of, sku in reversed(all_news)
                if (each, of) in follows and at >= follows[each, of]
            ]
            assert await skus(shard, each) == [sku for _, sku in seen]
            unread = (await shard.timeline(each, 1)).unread
            assert unread == sum(at > read[each] for at, _ in seen)
        assert await shard.follows(owner) == sorted(of for each, of in follows if each == owner)


@EVERY_WAY
async def test_follows_that_are_made_while_a_brand_crosses_the_limit_lose_and_double_nothing(
    shard: Shard,
) -> None:
    async def follow() -> None:
        for owner in OWNERS:
            await shard.follow(owner, "quill")

    async def add(numbers: range) -> None:
        for number in numbers:
            await shard.add(new(number, at=START - timedelta(hours=1)))

    await asyncio.gather(follow(), add(range(12)), add(range(6, 18)))

    for owner in OWNERS:
        assert sorted(await skus(shard, owner)) == sorted(f"PEN-{number}" for number in range(18))


@EVERY_WAY
async def test_a_rebuild_makes_the_same_timelines_while_news_come_and_forgets_the_old_ones(
    shard: Shard,
) -> None:
    for owner in OWNERS[:3]:
        await shard.follow(owner, "quill")
        await shard.add(new(len(owner)))
    for number in range(12):
        await shard.add(new(number))
    before = {owner: await everything(shard, owner) for owner in OWNERS[:4]}

    generation = await shard.begin_rebuild()
    for number in range(8):
        await shard.add(new(number), only=generation)
    assert await everything(shard, OWNERS[0]) == before[OWNERS[0]], "the old ones serve"
    await shard.follow(OWNERS[3], "quill")
    await shard.add(new(12))
    for number in range(12):
        await shard.add(new(number), only=generation)
    await shard.end_rebuild(generation)

    for owner in OWNERS[:3]:
        latest, *others = await everything(shard, owner)
        assert (latest.sku, others) == ("PEN-12", before[owner])
    assert await skus(shard, OWNERS[3]) == await skus(shard, OWNERS[0])
    while await shard.forget():
        pass
    async with shard.database.read() as tx:
        of = [set(await tx.scalars(sa.select(table.c.generation))) for table in (news, timelines)]
    assert of[0] == {generation}
    assert of[1] <= {generation}


@EVERY_WAY
async def test_news_are_forgotten_after_thirty_days(shard: Shard, clock: Calendar) -> None:
    await shard.follow("reader", "quill")
    for number in range(30):
        await shard.add(new(number))
    clock.now = START + RETENTION + timedelta(seconds=20, milliseconds=1)
    while await shard.forget():
        pass
    await shard.add(new(3))

    assert await skus(shard, "reader") == [f"PEN-{number}" for number in range(29, 20, -1)]
    async with shard.database.read() as tx:
        rows = set(await tx.scalars(sa.select(timelines.c.id)))
        assert rows <= set(await tx.scalars(sa.select(news.c.id)))


@EVERY_WAY
@pytest.mark.parametrize("seed", [1, 2])
async def test_what_a_brand_adds_in_an_hour_is_one_line_in_whichever_order_it_comes(
    shard: Shard, clock: Calendar, seed: int
) -> None:
    clock.now = START
    await shard.follow("reader", "quill")
    for number in Random(seed).sample(range(30), 60, counts=[2] * 30):  # noqa: S311 (each fact comes twice)
        await shard.add(replace(new(number, at=START + timedelta(minutes=number)), kind=Kind.ADDED))
    await shard.add(new(30, at=START + timedelta(minutes=31)))
    await shard.add(replace(new(31, "nib", START + timedelta(minutes=32)), kind=Kind.ADDED))
    await shard.add(replace(new(32, at=START + timedelta(minutes=61)), kind=Kind.ADDED))

    found = await everything(shard, "reader")
    assert [(item.sku, item.others) for item in found] == [("PEN-32", 0), ("PEN-30", 0), ("PEN-0", 29)]
    assert (await shard.timeline("reader", 1)).unread == 3


async def test_an_import_may_add_more_news_in_a_moment_than_it_has_ids(
    tmp_path: Path, clock: Calendar
) -> None:
    clock.now = START
    async with Shard(f"sqlite:///{tmp_path}/feed.db", limit=0, now=clock) as shard:
        await shard.follow("reader", "quill")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("services.feed.shard.ids_of", lambda moment, _brand: ids_at(moment)[:4])
            for number in range(10):
                await shard.add(new(number, at=START))

        found = await everything(shard, "reader")

    assert sorted(item.sku for item in found) == sorted(f"PEN-{number}" for number in range(10))
    assert len({item.id for item in found}) == 10


async def test_one_may_follow_two_hundred_brands(tmp_path: Path) -> None:
    async with Shard(f"sqlite:///{tmp_path}/feed.db", limit=0) as shard:
        for number in range(MAX_FOLLOWS):
            await shard.follow("reader", f"brand-{number}")
        await shard.follow("reader", "brand-0")

        with pytest.raises(TooManyFollows):
            await shard.follow("reader", "one-more")


async def test_a_database_with_the_owners_of_other_buckets_is_refused(tmp_path: Path) -> None:
    async with open_store(tmp_path):
        pass

    with pytest.raises(ConfigError, match="has the owners of the buckets 0-511, not of 0-1023"):
        async with open_store(tmp_path, ("0",)):
            pass


@pytest.mark.parametrize("work", ["add", "rebuild"])
async def test_nothing_is_lost_or_doubled_when_the_service_is_killed(work: str, tmp_path: Path) -> None:
    number = killed_after(4, "tests.services.feed.news", str(tmp_path), work)
    count = 20 if work == "rebuild" else number + 2

    async with open_store(tmp_path) as store:
        if work == "add":  # the broker delivers again what was not acknowledged
            for each in range(count):
                for shard in store.shards.values():
                    await shard.add(new(each))
        else:
            async with store.rebuilding() as write:
                await write([new(each) for each in range(count)])
            assert store.is_complete
        for owner in OWNERS:
            found = await skus(store.of(owner), owner)
            assert found == [f"PEN-{each}" for each in reversed(range(count))]


async def test_feed_is_ready_while_one_of_its_shards_is_away(tmp_path: Path, postgres: Postgres) -> None:
    urls = {"0": f"sqlite:///{tmp_path}/0.db", "1": postgres.new_database()}
    async with Store(urls, limit=4) as store:
        with postgres.suspended():
            await store.ping()
