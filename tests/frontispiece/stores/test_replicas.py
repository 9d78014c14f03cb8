"""Reads from replicas of a real PostgreSQL server: who has written reads it, and none that lags is used."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import pytest
import sqlalchemy as sa

from frontispiece.errors import ConfigError
from frontispiece.http.problems import Problem
from frontispiece.settings import TokenSettings
from frontispiece.stores import Database
from services.catalog.app import CatalogSettings
from services.catalog.app import create_app as create_catalog
from tests.conftest import AppClient, internal_bearer
from tests.services.catalog.goods import fields
from tests.support.events import NO_BROKER
from tests.support.postgres import Postgres, running_postgres

NOTES = sa.Table("notes", sa.MetaData(), sa.Column("text", sa.Text))
SERVER = sa.text("SELECT current_setting('data_directory')")


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Postgres, Postgres, Postgres]]:
    """A primary and two replicas."""
    with running_postgres() as primary, primary.replica() as first, primary.replica() as second:
        yield primary, first, second


@pytest.fixture
async def database(
    servers: tuple[Postgres, Postgres, Postgres], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Database]:
    monkeypatch.setenv("DATABASE_STATEMENT_TIMEOUT", "2")
    primary, *replicas = servers
    url = primary.new_database()
    urls = [replica.url_at(primary, url) for replica in replicas]
    async with asyncio.timeout(60), Database(url, NOTES.metadata, replicas=urls) as database:
        yield database


async def where(database: Database, min_position: int | None = 0) -> str:
    """The folder of the server that a read goes to."""
    async with database.read(min_position) as tx:
        return str((await tx.execute(SERVER)).scalar_one())


async def until_used(database: Database, *servers: Postgres, min_position: int = 0) -> None:
    """Return when reads go to these servers, in turn, and no other."""
    wanted, used = {str(server.folder) for server in servers}, set[str]()
    while used != wanted:
        await asyncio.sleep(0.02)
        with suppress(Problem):  # what is under way to a server that hangs is a 503 in time
            used = {await where(database, min_position) for _ in range(3)}


@asynccontextmanager
async def stands_still(server: Postgres, *, replays: bool = True) -> AsyncIterator[None]:
    """A replica answers, but replays nothing; or, without `replays`, it does not even answer."""
    if not replays:
        with server.suspended():
            yield
        return
    with server.connect("postgres") as connection:
        connection.execute("SELECT pg_wal_replay_pause()")
        yield
        connection.execute("SELECT pg_wal_replay_resume()")


async def write(database: Database, text: str) -> int:
    async with database.write() as tx:
        await tx.execute(NOTES.insert(), {"text": text})
    position = await database.position()
    assert position is not None
    return position


async def read(database: Database, min_position: int | None) -> list[str]:
    async with database.read(min_position) as tx:
        return list((await tx.execute(sa.select(NOTES.c.text))).scalars())


async def test_reads_take_turns_at_the_replicas_and_writes_are_read_at_once(
    servers: tuple[Postgres, Postgres, Postgres], database: Database
) -> None:
    primary, first, second = servers
    await until_used(database, first, second)

    for text in "abcdefghij":
        assert text in await read(database, await write(database, text))

    assert await where(database, None) == str(primary.folder)
    async with database.read(0) as tx:
        with pytest.raises(sa.exc.DBAPIError, match="read-only"):
            await tx.execute(NOTES.insert(), {"text": "no"})


async def test_a_write_that_no_replica_has_is_read_from_the_primary(
    servers: tuple[Postgres, Postgres, Postgres], database: Database
) -> None:
    primary, first, second = servers
    await until_used(database, first, second)

    async with stands_still(first), stands_still(second):
        position = await write(database, "new")
        assert await where(database) != str(primary.folder), "who names no position may read what is older"
        assert await where(database, position) == str(primary.folder)
        assert "new" in await read(database, position)


@pytest.mark.parametrize("replays", [True, False])
async def test_a_replica_that_lags_or_hangs_is_left_out_and_comes_back(
    *,
    servers: tuple[Postgres, Postgres, Postgres],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    replays: bool,
) -> None:
    monkeypatch.setenv("DATABASE_MAX_REPLICA_LAG", "0.5")
    monkeypatch.setenv("DATABASE_STATEMENT_TIMEOUT", "1")
    caplog.set_level(logging.INFO)
    primary, first, second = servers
    url = primary.new_database()
    urls = [replica.url_at(primary, url) for replica in (first, second)]
    async with asyncio.timeout(60), Database(url, NOTES.metadata, replicas=urls) as database:
        while caplog.text.count(" serves reads") < len(urls):  # noqa: ASYNC110
            await asyncio.sleep(0.02)

        async with stands_still(first, replays=replays):
            await write(database, "it has not seen this")
            await until_used(database, second)
            while f"{first.folder.parent.name}%2Fdata lags or is away" not in caplog.text:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await until_used(database, first, second)


async def test_while_the_primary_is_away_replicas_go_on_and_writes_are_refused(
    servers: tuple[Postgres, Postgres, Postgres], database: Database
) -> None:
    primary, first, second = servers
    await until_used(database, first, second)
    position = await write(database, "before")
    await until_used(database, first, second, min_position=position)

    with primary.suspended():
        assert await read(database, position) == ["before"]
        await database.ping()
        with pytest.raises(Problem, match="unavailable"):
            await write(database, "meanwhile")

    await write(database, "after")
    assert await read(database, None) == ["before", "after"]


async def test_a_service_says_the_position_of_a_write_and_reads_by_it(
    *,
    servers: tuple[Postgres, Postgres, Postgres],
    app_client: AppClient,
    token_settings: TokenSettings,
    signing_key: str,
) -> None:
    """By its HTTP API: catalog's, which has replicas."""
    primary, *replicas = servers
    url = primary.new_database()
    app = create_catalog(
        CatalogSettings(
            database_url=url,
            replica_urls=[replica.url_at(primary, url) for replica in replicas],
            events=NO_BROKER,
            tokens=token_settings,
        )
    )
    writer = internal_bearer(signing_key, "catalog")("clerk", "catalog:write")
    async with app_client(app) as http:
        await until_used(app.state.store.database, *replicas)
        async with stands_still(replicas[0]), stands_still(replicas[1]):
            written = await http.put("/products/PEN", json=fields(), headers=writer)
            position = written.headers["Position"]
            old = await http.get("/products/PEN")
            by_header = await http.get("/products/PEN", headers={"Min-Position": position})
            by_query = await http.get("/products", params={"sku": "PEN", "min-position": position})

    assert (written.status_code, old.status_code, by_header.status_code) == (201, 404, 200)
    assert [each["sku"] for each in by_query.json()["items"]] == ["PEN"]


async def test_a_replica_that_cannot_be_reached_costs_nothing(postgres: Postgres) -> None:
    url = postgres.new_database()
    away = "postgresql+psycopg://postgres@/any?host=/nowhere"
    async with Database(url, NOTES.metadata, replicas=[away]) as database:
        assert await read(database, await write(database, "here")) == ["here"]


def test_replicas_are_those_of_postgresql() -> None:
    with pytest.raises(ConfigError, match="PostgreSQL"):
        Database("sqlite:///any.db", NOTES.metadata, replicas=["sqlite:///other.db"])
