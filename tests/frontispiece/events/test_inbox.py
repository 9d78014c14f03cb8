"""The inbox: the second delivery of an event changes nothing."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from frontispiece.errors import ConfigError
from frontispiece.events import Event, EventSettings, Inbox
from frontispiece.events.inbox import PRUNE_EVERY, RETENTION
from frontispiece.stores import Database
from tests.support.events import event
from tests.support.outboxes import Added

METADATA = sa.MetaData()
INBOX = Inbox(METADATA, retention=timedelta(days=1))
COUNTS = sa.Table("counts", METADATA, sa.Column("number", sa.Integer))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, METADATA) as database:
        yield database


async def handle(database: Database, event: Event[Added]) -> None:
    async with database.write() as tx:
        await INBOX.record(tx, event)
        await tx.execute(COUNTS.insert().values(number=event.data.number))


async def counted(database: Database) -> list[int]:
    async with database.read() as tx:
        return list(await tx.scalars(sa.select(COUNTS.c.number).order_by(COUNTS.c.number)))


def test_no_stream_keeps_events_for_longer_than_an_inbox_remembers_them() -> None:
    with pytest.raises(ConfigError, match=r"EVENTS_RETENTION_DAYS: .* less than or equal to 14"):
        EventSettings(url="nats://broker", prefix="shop", retention_days=15)
    assert timedelta(days=14) < RETENTION


async def test_ids_are_stored_as_long_as_the_broker_may_deliver_and_then_deleted(database: Database) -> None:
    inbox = METADATA.tables["inbox"]
    for number in range(3):
        await handle(database, event(Added(number=number), subject="a", id=f"old-{number}"))
    async with database.write() as tx:
        old = inbox.c.id.in_(["old-0", "old-1"])
        yesterday = datetime.now(UTC) - timedelta(hours=25)
        await tx.execute(inbox.update().where(old).values(recorded_at=yesterday))

    for number in range(PRUNE_EVERY):
        await handle(database, event(Added(number=number), subject="a"))

    async with database.read() as tx:
        left = list(await tx.scalars(sa.select(inbox.c.id).where(inbox.c.id.like("old-%"))))
    assert left == ["old-2"]
