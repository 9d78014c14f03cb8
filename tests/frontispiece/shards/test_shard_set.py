"""Shards that are away at the start, or come back as they were once."""

import shutil
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from frontispiece.errors import ConfigError
from frontispiece.events import EventSettings, open_key_value
from frontispiece.http import Problem
from frontispiece.shards import ShardSet, open_router
from frontispiece.shards.router import BUCKET, publish
from frontispiece.stores import Database
from tests.frontispiece.shards.conftest import World, fence, metadata
from tests.frontispiece.shards.test_fence import FIRST, HERE, hand_over
from tests.support.absence import database_away, file_away, rename
from tests.support.postgres import Postgres
from tests.support.waiting import until


@pytest.fixture
def second_is_away(request: pytest.FixtureRequest, urls: list[str]) -> AbstractContextManager[None]:
    """The second shard cannot be opened for the duration of the block."""
    if urls[1].startswith("sqlite"):
        return file_away(urls[1])
    return database_away(request.getfixturevalue("postgres"), urls[1])


@asynccontextmanager
async def opened(urls: list[str]) -> AsyncIterator[tuple[ShardSet[Database], World]]:
    """Two shards as a service opens them."""
    databases = {str(name): Database(url, metadata) for name, url in enumerate(urls)}

    async def prepare(name: str) -> None:
        await world.router.settle(name)

    async with ShardSet("things", databases, prepare) as shards:
        world = World(databases, await open_router(databases, fence, FIRST))
        yield shards, world


async def test_a_shard_that_is_away_at_the_start_is_taken_in_when_it_comes(
    urls: list[str], second_is_away: AbstractContextManager[None], caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(urls) as (_, world):
        await hand_over(world, 2)
        await world.add("moved", HERE)
    with second_is_away:
        context = opened(urls)
        shards, world = await context.__aenter__()
        await world.add("a", 6)
        with pytest.raises(Problem) as refusal:
            await world.add("b", HERE)

        assert (refusal.value.status, refusal.value.headers["Retry-After"]) == (503, "1")
        assert "shard 1" in str(await shards.ping())
        assert "things starts without its shard 1" in caplog.text
    await shards.all_open()
    await world.add("b", HERE)

    assert (await world.names("0"), await world.names("1")) == (["a"], ["moved", "b"])
    assert await shards.ping() is None
    assert world.router.map == FIRST.with_moved([HERE], "1", 2)
    await context.__aexit__(None, None, None)


async def test_an_older_copy_of_a_shard_has_nothing_that_it_gave_away_to_one_that_is_away(
    tmp_path: Path, event_settings: EventSettings
) -> None:
    urls = [f"sqlite:///{tmp_path}/{name}.db" for name in "01"]
    async with opened(urls) as (_, world):
        await world.add("a", HERE)
    shutil.copy(tmp_path / "0.db", tmp_path / "copy.db")
    async with opened(urls) as (_, world), open_key_value(event_settings, BUCKET) as kv:
        await hand_over(world, 2)
        await publish(kv, "things", FIRST.with_moved([HERE], "1", 2))
    shutil.copy(tmp_path / "copy.db", tmp_path / "0.db")

    with file_away(urls[1]):
        async with opened(urls) as (_, world), world.router.following(event_settings, "things"):
            async with world.databases["0"].read() as tx:
                assert HERE not in set(await tx.scalars(fence.owned))
            with pytest.raises(Problem, match="unavailable"):
                await world.add("b", HERE)
            await world.add("c", 6)
    async with opened(urls) as (_, world), world.router.following(event_settings, "things"):
        await world.add("b", HERE)
        assert (await world.names("0"), await world.names("1")) == (["a", "c"], ["b"])


async def test_shards_that_are_all_older_than_the_map_serve_what_they_have(
    tmp_path: Path, event_settings: EventSettings
) -> None:
    urls = [f"sqlite:///{tmp_path}/{name}.db" for name in "01"]
    async with open_key_value(event_settings, BUCKET) as kv:
        await publish(kv, "things", FIRST.with_moved([HERE], "1", 7))
    async with opened(urls) as (_, world), world.router.following(event_settings, "things"):
        await until(lambda: world.router.map == replace(FIRST, epoch=8))
        await world.add("a", HERE)
        assert await world.names("0") == ["a"]


async def test_without_a_map_a_service_does_not_start_while_a_shard_is_away(
    urls: list[str], second_is_away: AbstractContextManager[None]
) -> None:
    with second_is_away, pytest.raises(Problem, match="unavailable"):
        async with opened(urls):
            pass


async def test_a_set_of_which_no_shard_is_there_does_not_start(urls: list[str]) -> None:
    gone = {name: Database("postgresql+psycopg://nobody@/gone?host=/nowhere", metadata) for name in "01"}

    with pytest.raises(Problem):
        await ShardSet("things", gone).__aenter__()
    async with ShardSet("things", {**gone, "2": Database(urls[0], metadata)}) as shards:
        assert "shard 0" in str(await shards.ping())


async def test_a_shard_that_comes_and_is_another_one_stays_away(
    urls: list[str], second_is_away: AbstractContextManager[None], caplog: pytest.LogCaptureFixture
) -> None:
    attempts: list[str] = []

    async def refuse(name: str) -> None:
        attempts.append(name)
        raise ConfigError(["it has the owners of others"])

    databases = {str(name): Database(url, metadata) for name, url in enumerate(urls)}
    with second_is_away:
        context = ShardSet("things", databases, refuse)
        await context.__aenter__()
    await until(lambda: len(attempts) > 1)
    with pytest.raises(Problem):
        databases["1"].read()
    await context.__aexit__(None, None, None)

    assert caplog.text.count("its shard 1 stays away: it has the owners of others") == 1


async def test_a_shard_that_is_replaced_by_an_older_copy_while_others_serve_is_noticed(
    postgres: Postgres, event_settings: EventSettings, caplog: pytest.LogCaptureFixture
) -> None:
    with postgres.database("") as url, postgres.database("") as other:
        name = str(make_url(url).database)
        async with opened([url, other]):
            pass
        with postgres.connect("postgres") as server:
            server.execute(f"CREATE DATABASE {name}_copy TEMPLATE {name}")
        async with opened([url, other]) as (_, world), world.router.following(event_settings, "things"):
            await hand_over(world, 2)
            await world.add("a", HERE)
            await until(lambda: world.router.map.epoch == 2)

            rename(postgres, name, f"{name}_lost")
            rename(postgres, f"{name}_copy", name)

            await until(lambda: "Shard 0 is as it was before it gave buckets 5 to shard 1" in caplog.text)
            async with world.databases["0"].read() as tx:
                assert HERE not in set(await tx.scalars(fence.owned))
            await world.add("b", HERE)
            assert await world.names("1") == ["a", "b"]
