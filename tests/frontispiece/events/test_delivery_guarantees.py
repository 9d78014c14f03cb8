"""Outbox, relay and inbox over a real broker: whatever fails, an event is published and applied once.

The broker's deliveries, the relays and the handlers fail as Hypothesis says. What was published is read from
the stream, what was applied from the consumer's table.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum

import nats
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from frontispiece.cli.run.nats import NatsAddresses
from frontispiece.events import AlreadyHandled, Event, OutboxMessage, Relay
from frontispiece.events.envelope import decode
from frontispiece.events.relay import Publish
from frontispiece.stores import Database
from tests.support.outboxes import INBOX, METADATA, OUTBOX, Added, BrokerAway, add

APPLIED = sa.Table("applied", METADATA, sa.Column("event", sa.String(64)))
STREAM = "THINGS"
CONSUMER = "consumer"


class Publication(Enum):
    """What becomes of a publication."""

    ACKNOWLEDGED = "acknowledged"
    LOST = "lost"  # on the way to the broker
    UNHEARD = "unheard"  # the broker has it, and its acknowledgement is lost
    KILLED = "killed"  # the relay is, before it deletes what was acknowledged


class Delivery(Enum):
    """What becomes of a delivery."""

    ACKNOWLEDGED = "acknowledged"
    FAILED = "failed"  # before the handler's commit
    UNHEARD = "unheard"  # the handler has committed, and its acknowledgement is lost


@dataclass(frozen=True)
class Schedule:
    """What happens in one example; beyond the lists nothing fails."""

    aggregates: Sequence[str]
    """Of the events that are added, one after the other."""
    publications: Sequence[Publication]
    deliveries: Sequence[Delivery]
    relays: int = 1
    deduplicated: bool = True
    """Whether the broker drops a message whose id it knows; it forgets ids after two minutes."""
    with_inbox: bool = True


@dataclass
class Ledgers:
    """What was added, published and applied."""

    added: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    published: list[tuple[str, str]] = field(default_factory=list)
    applied: Counter[str] = field(default_factory=Counter)


def violations(ledgers: Ledgers) -> list[str]:
    """What should not be: events that are lost, applied twice, or out of order in their aggregate."""
    published = {event for _, event in ledgers.published}
    added = {event for events in ledgers.added.values() for event in events}
    found = [f"{event} was not published" for event in added - published]
    found += [
        f"{event} was applied {count} times" for event in added if (count := ledgers.applied[event]) != 1
    ]
    found += [f"{event} was never added" for event in published - added]
    for aggregate, events in ledgers.added.items():
        order = dict.fromkeys(event for about, event in ledgers.published if about == aggregate)
        if [event for event in order if event in added] != [event for event in events if event in published]:
            found.append(f"{aggregate} was published in another order")
    return found


@pytest.fixture(scope="module", autouse=True)
def quick_relays() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("POLL_INTERVAL", "MAX_BACKOFF"):
            patch.setattr(f"frontispiece.events.relay.{name}", 0.05)
        yield


@pytest.fixture
async def streams(nats_server: NatsAddresses) -> AsyncIterator[JetStreamContext]:
    client = await nats.connect(nats_server.url)
    try:
        yield client.jetstream()
    finally:
        await client.close()


class Example:
    """One schedule, carried out."""

    def __init__(self, schedule: Schedule, database: Database, streams: JetStreamContext) -> None:
        self._schedule = schedule
        self._database = database
        self._streams = streams
        self._publications = iter(schedule.publications)
        self._deliveries = iter(schedule.deliveries)

    async def run(self) -> Ledgers:
        with suppress(NotFoundError):
            await self._streams.delete_stream(STREAM)
        await self._streams.add_stream(name=STREAM, subjects=["things.*.*"])
        async with self._database.write() as tx:
            await tx.execute(APPLIED.delete())
        ledgers = Ledgers()
        async with asyncio.timeout(90), self._relays(), self._consumers():
            for aggregate in self._schedule.aggregates:
                ledgers.added[aggregate] += await add(self._database, 1, subject=aggregate)
            await self._quiet()
        ledgers.published = await self._published()
        async with self._database.read() as tx:
            ledgers.applied.update(await tx.scalars(sa.select(APPLIED.c.event)))
        return ledgers

    @asynccontextmanager
    async def _relays(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self._supervise()) for _ in range(self._schedule.relays)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _supervise(self) -> None:
        """A relay; when it is killed, the next."""
        while True:
            killed = asyncio.Event()
            relay = Relay(self._database, OUTBOX, self._publisher(killed))
            running = asyncio.create_task(relay.run())
            try:
                await killed.wait()
            finally:
                running.cancel()
                await asyncio.wait([running])

    def _publisher(self, killed: asyncio.Event) -> Publish:
        async def publish(message: OutboxMessage) -> None:
            fate = next(self._publications, Publication.ACKNOWLEDGED)
            if fate is Publication.LOST:
                raise BrokerAway
            headers = {"Nats-Msg-Id": message.id} if self._schedule.deduplicated else None
            await self._streams.publish(message.broker_subject, message.body, headers=headers)
            if fate is Publication.UNHEARD:
                raise BrokerAway
            if fate is Publication.KILLED:
                killed.set()
                await asyncio.Event().wait()

        return publish

    @asynccontextmanager
    async def _consumers(self) -> AsyncIterator[None]:
        subscription = await self._streams.pull_subscribe("things.*.*", CONSUMER, stream=STREAM)

        async def consume() -> None:
            while True:
                with suppress(nats.errors.TimeoutError):
                    await asyncio.gather(*map(self._take, await subscription.fetch(8, timeout=0.5)))

        task = asyncio.create_task(consume())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _take(self, message: Msg) -> None:
        fate = next(self._deliveries, Delivery.ACKNOWLEDGED)
        if fate is Delivery.FAILED:
            await message.nak()
            return
        with suppress(AlreadyHandled):
            await self._handle(decode(message.data, {Added.TYPE: Added}))
        await (message.ack() if fate is Delivery.ACKNOWLEDGED else message.nak())

    async def _handle(self, event: Event[Added]) -> None:
        async with self._database.write() as tx:
            if self._schedule.with_inbox:
                await INBOX.record(tx, event)
            await tx.execute(APPLIED.insert().values(event=event.id))

    async def _quiet(self) -> None:
        """Return when nothing waits, neither in the outbox nor at the broker."""
        while True:
            async with self._database.read() as tx:
                waiting = (await OUTBOX.lag(tx)).waiting
            consumer = await self._streams.consumer_info(STREAM, CONSUMER)
            if not waiting and not consumer.num_pending and not consumer.num_ack_pending:
                return
            await asyncio.sleep(0.01)

    async def _published(self) -> list[tuple[str, str]]:
        count = (await self._streams.stream_info(STREAM)).state.messages
        messages = [await self._streams.get_msg(STREAM, number + 1) for number in range(count)]
        events = [decode(message.data or b"", {Added.TYPE: Added}) for message in messages]
        return [(event.subject, event.id) for event in events]


SCHEDULES = st.builds(
    Schedule,
    aggregates=st.lists(st.sampled_from("abc"), min_size=1, max_size=12),
    publications=st.lists(st.sampled_from(Publication), max_size=8),
    deliveries=st.lists(st.sampled_from(Delivery), max_size=8),
    relays=st.integers(1, 3),
    deduplicated=st.booleans(),
)


@given(schedule=SCHEDULES)
@settings(
    max_examples=15,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_every_event_is_published_in_order_and_applied_once_whatever_fails(
    schedule: Schedule, database: Database, streams: JetStreamContext
) -> None:
    assert violations(await Example(schedule, database, streams).run()) == []


async def test_without_the_inbox_a_second_delivery_is_found_to_be_applied_twice(
    database: Database, streams: JetStreamContext
) -> None:
    schedule = Schedule(["a"], [], [Delivery.UNHEARD], with_inbox=False)

    (violation,) = violations(await Example(schedule, database, streams).run())

    assert violation.endswith("was applied 2 times")


@pytest.mark.parametrize(
    ("published", "applied", "violation"),
    [
        ([("a", "2")], ["1", "2"], "1 was not published"),
        ([("a", "1"), ("a", "2")], ["2"], "1 was applied 0 times"),
        ([("a", "2"), ("a", "1")], ["1", "2"], "a was published in another order"),
        ([("a", "1"), ("a", "2"), ("a", "3")], ["1", "2"], "3 was never added"),
    ],
)
def test_what_should_not_be_is_found(
    published: list[tuple[str, str]], applied: list[str], violation: str
) -> None:
    assert violations(Ledgers({"a": ["1", "2"]}, published, Counter(applied))) == [violation]
