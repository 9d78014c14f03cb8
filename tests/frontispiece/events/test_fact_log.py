"""What a service has published is stored for a time."""

from datetime import timedelta

import sqlalchemy as sa

from frontispiece.events import FactLog, Outbox
from frontispiece.events.fact_log import PRUNE_EVERY
from frontispiece.stores import Database
from tests.support.outboxes import Added

METADATA = sa.MetaData()
FACTS = FactLog(METADATA, {Added}, retention=timedelta(0))
OUTBOX = Outbox(METADATA, source="store", log=FACTS)


async def test_facts_are_read_in_their_order_and_forgotten_when_they_are_old(database_url: str) -> None:
    async with Database(database_url, METADATA) as database:
        for number in range(1, PRUNE_EVERY):
            async with database.write() as tx:
                await OUTBOX.add(tx, Added(number=number), subject="a")
        async with database.read() as tx:
            first = await FACTS.read(tx, after=0, limit=3)
            rest = await FACTS.read(tx, after=first[-1][0], limit=PRUNE_EVERY)
        async with database.write() as tx:
            await OUTBOX.add(tx, Added(number=PRUNE_EVERY), subject="a")
        async with database.read() as tx:
            left = await FACTS.read(tx, after=0, limit=PRUNE_EVERY)

    assert [f'"number":{number}'.encode() in body for number, (_, body) in enumerate(first, 1)] == [True] * 3
    assert len(rest) == PRUNE_EVERY - 4
    assert len(left) < PRUNE_EVERY
