"""What becomes of a message that is not handled: it is delivered again, later and later, and then parked."""

import asyncio
import itertools
import json
import logging
from contextlib import AsyncExitStack
from functools import partial

import pytest
from nats.aio.msg import Msg
from nats.errors import TimeoutError as BrokerTimeout

from frontispiece.aio import BackgroundTasks
from frontispiece.events import Event, EventSettings, Messaging, Reject, consumer, delivery
from frontispiece.events.envelope import encode
from frontispiece.events.streams import declare_durable, durables
from frontispiece.http import Problem
from tests.frontispiece.events.conftest import Add, Added, Bus, Handled
from tests.support.events import event

EVENTS, COMMANDS, PARKED = "SHOP_EVENTS", "SHOP_COMMANDS", "SHOP_PARKED"


async def test_a_message_whose_handler_fails_is_delivered_again(
    bus: Bus, event_settings: EventSettings, caplog: pytest.LogCaptureFixture
) -> None:
    handled = Handled(ValueError("first"), OSError("second"), TimeoutError("third"))

    async with Messaging(event_settings, service="one", handlers={Added: handled}):
        published = await bus.publish(Added(thing="a"))

        assert await handled.next(4) == [published] * 4
        await bus.all_acknowledged(EVENTS, "one")

    assert "one: shop.store.added failed, delivery 1: ValueError('first')" in caplog.text


async def test_the_delay_grows_with_each_failure(bus: Bus, event_settings: EventSettings) -> None:
    times: list[float] = []
    handled = Handled(*[ValueError()] * 4)

    async def note(failing: Event[Added]) -> None:
        times.append(asyncio.get_running_loop().time())
        await handled(failing)

    settings = event_settings.model_copy(update={"min_backoff": 0.1, "max_backoff": 0.2})
    async with Messaging(settings, service="one", handlers={Added: note}):
        await bus.publish(Added(thing="a"))
        await handled.next(5)

    delays = [after - before for before, after in itertools.pairwise(times)]
    assert all(delay >= bound / 2 for delay, bound in zip(delays, (0.1, 0.2, 0.2, 0.2), strict=True))
    assert sum(delays) < 60


async def test_a_message_that_keeps_failing_is_parked_and_others_go_on(
    bus: Bus, event_settings: EventSettings, caplog: pytest.LogCaptureFixture
) -> None:
    others = Handled()

    async def fail_for_a(failing: Event[Added]) -> None:
        if failing.data.thing == "a":
            raise ValueError("never\nwith a")
        await others(failing)

    settings = event_settings.model_copy(update={"max_deliver": 3})
    async with Messaging(settings, service="one", handlers={Added: fail_for_a}):
        published = await bus.publish(Added(thing="a"), **{"Nats-Msg-Id": "7", "Colour": "red"})
        await bus.publish(Added(thing="b"))
        assert await others.things(1) == ["b"]
        parked = await bus.parked()
        await bus.all_acknowledged(EVENTS, "one")

    assert parked.reason == r"ValueError('never\nwith a')"
    assert (parked.consumer, parked.deliveries, parked.subject) == ("one", 3, Added.TYPE)
    assert parked.headers == {"Nats-Msg-Id": "7", "Colour": "red"}
    assert parked.body == encode(published)
    assert [record.levelno for record in caplog.records if "is parked" in record.message] == [logging.ERROR]


async def test_a_message_that_the_broker_did_not_take_for_parking_is_parked_later_for_the_same_reason(
    bus: Bus, event_settings: EventSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    handled = Handled(ValueError("never"))

    async def away(*_arguments: object) -> None:
        monkeypatch.undo()
        raise BrokerTimeout

    settings = event_settings.model_copy(update={"max_deliver": 1, "ack_wait": 1})
    monkeypatch.setattr(delivery, "park", away)
    async with Messaging(settings, service="one", handlers={Added: handled}):
        await bus.publish(Added(thing="a"))
        parked = await bus.parked()

    assert (parked.reason, parked.deliveries, len(handled.events)) == ("ValueError('never')", 2, 1)


async def test_a_message_that_the_handler_rejects_is_parked_at_once(
    bus: Bus, event_settings: EventSettings
) -> None:
    handled = Handled(Reject("there is no thing ä"))

    async with Messaging(event_settings, service="store", handlers={Add: handled}):
        await bus.publish(Add(thing="a"))
        parked = await bus.parked()
        await bus.all_acknowledged(COMMANDS, "store")

    assert (parked.reason, parked.deliveries, len(handled.events)) == (r"there is no thing \xe4", 1, 1)
    assert (await bus.streams.stream_info(COMMANDS)).state.messages == 0


def with_version(version: int) -> bytes:
    document = json.loads(encode(event(Added(thing="a"), subject="a")))
    document["dataschema"] = f"urn:frontispiece:schema:{Added.TYPE}:{version}"
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("subject", "body", "reason"),
    [
        ("shop.store.added", with_version(2), "shop.store.added has version 2: known up to 1"),
        ("shop.store.added", b"\xff", "not a CloudEvent"),
        ("shop.store.added", b"", "not a CloudEvent"),
        (
            "shop.commands.store.add",
            with_version(1),
            "was published to shop.commands.store.add",
        ),
        ("shop.commands.store.sell", encode(event(Add(thing="a"), subject="a")), "was published to"),
    ],
)
async def test_a_message_that_cannot_be_understood_is_parked_and_never_handled(
    bus: Bus, event_settings: EventSettings, subject: str, body: bytes, reason: str
) -> None:
    handled = Handled()

    async with Messaging(event_settings, service="store", handlers={Added: handled, Add: handled}):
        await bus.publish_body(subject, body)
        parked = await bus.parked()

    assert reason in parked.reason
    assert (parked.body, parked.subject, handled.events) == (body, subject, [])


async def test_while_the_store_is_unavailable_a_message_waits_and_is_not_parked(
    bus: Bus, event_settings: EventSettings
) -> None:
    handled = Handled(*[Problem(503, "store-unavailable")] * 5)

    settings = event_settings.model_copy(update={"max_deliver": 1})
    async with Messaging(settings, service="one", handlers={Added: handled}):
        await bus.publish(Added(thing="a"))
        await handled.next(6)
        await bus.all_acknowledged(EVENTS, "one")

    assert (await bus.streams.stream_info(PARKED)).state.messages == 0


async def test_messages_that_wait_for_a_shard_take_no_room_of_those_for_others(
    bus: Bus, event_settings: EventSettings
) -> None:
    others, is_back = Handled(), asyncio.Event()

    async def handle(added: Event[Added]) -> None:
        if added.data.thing.startswith("away") and not is_back.is_set():
            raise Problem(503, "store-unavailable")
        await others(added)

    settings = event_settings.model_copy(update={"concurrency": 2})
    async with Messaging(settings, service="one", handlers={Added: handle}):
        for number in range(5):
            await bus.publish(Added(thing=f"away-{number}"))
        await bus.publish(Added(thing="b"))
        assert await others.things(1) == ["b"]

        is_back.set()
        assert sorted(await others.things(5)) == [f"away-{number}" for number in range(5)]
        await bus.all_acknowledged(EVENTS, "one")


async def test_a_message_that_takes_long_is_not_delivered_to_another_copy_even_while_its_own_stops(
    bus: Bus, event_settings: EventSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = event_settings.model_copy(update={"ack_wait": 2})
    signs, other = asyncio.Semaphore(0), Handled()
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def in_progress(message: Msg) -> None:
        await show_progress(message)
        signs.release()

    async def longer_than_the_broker_waits() -> None:
        for _ in range(4):  # three of them are its wait
            await signs.acquire()

    async def handle(_event: Event[Added]) -> None:
        begun.set()
        await may_end.wait()

    async def end() -> None:
        await longer_than_the_broker_waits()
        may_end.set()

    show_progress = Msg.in_progress
    monkeypatch.setattr(Msg, "in_progress", in_progress)
    monkeypatch.setattr(consumer, "BackgroundTasks", partial(BackgroundTasks, shutdown_timeout=60))
    async with AsyncExitStack() as stack:
        async with Messaging(settings, service="one", handlers={Added: handle}):
            await bus.publish(Added(thing="a"))
            await begun.wait()
            await stack.enter_async_context(Messaging(settings, service="one", handlers={Added: other}))
            await longer_than_the_broker_waits()
            ending = asyncio.create_task(end())
        await ending
        await bus.all_acknowledged(EVENTS, "one")

    assert other.events == []


async def test_a_handler_that_does_not_come_to_an_end_has_failed(
    bus: Bus, event_settings: EventSettings
) -> None:
    handled = Handled()

    async def hang_once(event: Event[Added]) -> None:
        await handled(event)
        if len(handled.events) == 1:
            await asyncio.Event().wait()

    settings = event_settings.model_copy(update={"handler_timeout": 0.05})
    async with Messaging(settings, service="one", handlers={Added: hang_once}):
        await bus.publish(Added(thing="a"))
        await handled.next(2)
        await bus.all_acknowledged(EVENTS, "one")


async def test_a_message_whose_copy_ends_each_time_is_parked(bus: Bus, event_settings: EventSettings) -> None:
    """As if a message took the process along that handles it."""
    handled = Handled()
    settings = event_settings.model_copy(update={"max_deliver": 2})
    (durable,) = durables("shop", "one", [Added])
    await declare_durable(bus.streams, durable, ack_wait=1)
    await bus.publish(Added(thing="a"))
    subscription = await bus.streams.pull_subscribe_bind("one", EVENTS)
    for _ in range(2):
        (message,) = await subscription.fetch(1, timeout=10)
        await message.nak()

    async with Messaging(settings, service="one", handlers={Added: handled}):
        parked = await bus.parked()

    assert parked.reason == "no copy of the service finished it: each ended before"
    assert (parked.deliveries, handled.events) == (3, [])
