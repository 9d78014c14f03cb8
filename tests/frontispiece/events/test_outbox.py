"""The outbox: an event is stored with its change, or not at all."""

from datetime import timedelta

import pytest

from frontispiece.events import EventData
from frontispiece.stores import Database
from tests.support.outboxes import OUTBOX, Added, add, waiting


class Described(EventData, frozen=True, kw_only=True):
    TYPE = "things.store.described"

    text: str


async def test_many_events_are_added_at_once_or_none(database: Database) -> None:
    async with database.write() as tx:
        await OUTBOX.add_all(tx, [])
        await OUTBOX.add_all(tx, [(Added(number=number), "a") for number in range(2000)])
    assert await waiting(database) == list(range(2000))

    with pytest.raises(ValueError, match=r"things\.store\.described of a has 600\d+ bytes: at most 524288"):
        async with database.write() as tx:
            await OUTBOX.add_all(tx, [(Added(number=2000), "a"), (Described(text="x" * 600_000), "a")])
    assert await waiting(database) == list(range(2000))


async def test_a_deletion_spares_a_message_that_has_the_position_of_a_deleted_one(database: Database) -> None:
    first = await add(database, 1)
    async with database.write() as tx:
        await OUTBOX.delete(tx, first)
    await add(database, 2)

    async with database.write() as tx:
        await OUTBOX.delete(tx, first)  # as a relay does that read it long ago

    assert await waiting(database) == [2]


async def test_the_lag_is_what_waits_and_since_when(database: Database) -> None:
    async with database.read() as tx:
        lag = await OUTBOX.lag(tx)
    assert (lag.waiting, lag.oldest) == (0, timedelta())

    await add(database, 1, 2)

    async with database.read() as tx:
        lag = await OUTBOX.lag(tx)
    assert lag.waiting == 2
    assert timedelta() < lag.oldest < timedelta(minutes=1)
