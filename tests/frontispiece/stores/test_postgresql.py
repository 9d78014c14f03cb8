"""Notifications of a PostgreSQL channel reach who listens, also after the connection broke."""

from contextlib import aclosing

import pytest
import sqlalchemy as sa

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


async def test_a_connection_that_broke_while_nobody_used_it_is_replaced(postgres: Postgres) -> None:
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
