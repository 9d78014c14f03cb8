"""PostgreSQL: notifications reach who listens, and no connection outlives its use or hangs."""

import asyncio
import time
from contextlib import aclosing

import pytest
import sqlalchemy as sa

from frontispiece.http.problems import Problem
from frontispiece.stores import Database, notifications, postgresql
from tests.support.postgres import Postgres


async def notify(database: Database) -> None:
    async with database.write() as tx:
        await tx.execute(sa.text("NOTIFY news"))


async def test_a_listener_hears_each_commit_and_looks_again_after_its_connection_broke(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "RECONNECT_S", 0.01)
    async with (
        Database(postgres.new_database(), sa.MetaData()) as database,
        aclosing(notifications(database, "news")) as received,
    ):
        await anext(received)  # it listens from now on
        for _ in range(2):
            await notify(database)
            await anext(received)

        async with database.write() as tx:
            others = "datname = current_database() AND pid <> pg_backend_pid()"
            broken = sa.text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
            assert (await tx.execute(broken)).all() == [(True,)]

        await anext(received)  # it listens again
        await notify(database)
        await anext(received)


async def test_a_connection_that_broke_while_it_was_idle_is_replaced(postgres: Postgres) -> None:
    url = postgres.new_database()
    async with Database(url, sa.MetaData()) as database, Database(url, sa.MetaData()) as other:
        async with database.read() as tx:
            driver = (await tx.get_raw_connection()).driver_connection
        async with other.write() as tx:
            others = "datname = current_database() AND pid <> pg_backend_pid()"
            ended = sa.text(f"SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE {others}")
            assert (await tx.execute(ended)).all() == [(True,)]
        await database.ping()

        async with database.read() as tx:
            replaced = (await tx.get_raw_connection()).driver_connection
        assert replaced is not None
        assert replaced is not driver
        await replaced.close()
        await database.ping()


async def test_a_statement_whose_task_is_cancelled_ends_at_the_server_too(postgres: Postgres) -> None:
    async with Database(postgres.new_database(), sa.MetaData()) as database:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5), database.read() as tx:
                await tx.execute(sa.text("SELECT pg_sleep(3600)"))

        running = sa.text("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(3600)'")
        async with asyncio.timeout(60):
            while True:
                async with database.read() as tx:
                    if (await tx.execute(running)).scalar_one() == 0:
                        break


async def test_a_server_that_hangs_delays_no_other_request(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver itself would wait ten seconds for it."""
    monkeypatch.setenv("DATABASE_STATEMENT_TIMEOUT", "1")
    async with Database(postgres.new_database(), sa.MetaData()) as database:
        await database.ping()
        with postgres.suspended():
            begun = time.monotonic()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await database.ping()
            assert time.monotonic() - begun < 8

        await database.ping()
        with postgres.suspended(), pytest.raises(Problem, match="unavailable"):
            await database.ping()
