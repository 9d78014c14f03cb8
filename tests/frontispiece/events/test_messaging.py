"""Publish/subscribe and work queues over a real broker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from nats.aio.client import Client
from prometheus_client import CollectorRegistry

from frontispiece.aio import BackgroundTasks
from frontispiece.errors import ConfigError
from frontispiece.events import (
    AlreadyHandled,
    CommandData,
    Event,
    EventData,
    EventSettings,
    Messaging,
    broker,
    consumer,
)
from frontispiece.events.broker import BrokerUnavailable
from tests.frontispiece.events.conftest import Add, Added, Bus, Handled
from tests.support.events import NO_BROKER
from tests.support.waiting import until

EVENTS, COMMANDS = "SHOP_EVENTS", "SHOP_COMMANDS"


async def test_an_event_goes_to_one_copy_of_a_service(bus: Bus, event_settings: EventSettings) -> None:
    handled = Handled()

    async with (
        Messaging(event_settings, service="one", handlers={Added: handled}),
        Messaging(event_settings, service="one", handlers={Added: handled}),
    ):
        for number in range(20):
            await bus.publish(Added(thing=str(number)))
        await bus.all_acknowledged(EVENTS, "one")

    assert sorted(int(each.data.thing) for each in handled.events) == list(range(20))


async def test_two_copies_share_a_work_queue(bus: Bus, event_settings: EventSettings) -> None:
    both, handled = asyncio.Barrier(2), Handled()

    async def together(command: Event[Add]) -> None:
        await both.wait()  # neither copy goes on unless the other has a command, too
        await handled(command)

    settings = event_settings.model_copy(update={"concurrency": 1})
    async with (
        Messaging(settings, service="store", handlers={Add: together}),
        Messaging(settings, service="store", handlers={Add: together}),
    ):
        for number in range(10):
            await bus.publish(Add(thing=str(number)))

        assert sorted(await handled.things(10), key=int) == [str(number) for number in range(10)]
        await bus.all_acknowledged(COMMANDS, "store")

    assert (await bus.streams.stream_info(COMMANDS)).state.messages == 0


async def test_what_is_published_before_a_service_first_starts_or_while_it_is_away_is_delivered_later(
    bus: Bus, event_settings: EventSettings
) -> None:
    handled = Handled()
    await bus.publish(Added(thing="before"))
    await bus.publish(Add(thing="before"))

    for _ in range(2):
        async with Messaging(event_settings, service="store", handlers={Added: handled, Add: handled}):
            assert len(await handled.next(2)) == 2
        await bus.publish(Added(thing="away"))
        await bus.publish(Add(thing="away"))

    assert {(each.type, each.data.thing) for each in handled.events} == {
        (data.TYPE, thing) for data in (Added, Add) for thing in ("before", "away")
    }


async def test_a_request_for_messages_that_is_lost_is_made_again(
    bus: Bus, event_settings: EventSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    handled, publish, requests = Handled(), Client.publish, 0

    async def lose_the_first(client: Client, subject: str, *arguments: Any, **options: Any) -> None:
        nonlocal requests
        if ".MSG.NEXT." in subject:
            requests += 1
        if requests != 1:
            await publish(client, subject, *arguments, **options)

    monkeypatch.setattr(Client, "publish", lose_the_first)
    monkeypatch.setattr(consumer, "LOST", 0.2)
    async with Messaging(event_settings, service="one", handlers={Added: handled}):
        await until(lambda: requests == 2)
        await bus.publish(Added(thing="a"))

        assert await handled.things(1) == ["a"]


async def test_no_more_messages_are_handled_at_a_time_than_configured(
    bus: Bus, event_settings: EventSettings
) -> None:
    running, most, done, full = 0, 0, asyncio.Semaphore(0), asyncio.Event()

    async def count(_event: Event[Added]) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 3:
            full.set()
        await full.wait()
        running -= 1
        done.release()

    settings = event_settings.model_copy(update={"concurrency": 3})
    for number in range(30):
        await bus.publish(Added(thing=str(number)))
    async with Messaging(settings, service="one", handlers={Added: count}), asyncio.timeout(60):
        for _ in range(30):
            await done.acquire()

    assert most == 3


async def test_the_outcomes_of_deliveries_are_counted_and_what_was_handled_already_is_acknowledged(
    bus: Bus, event_settings: EventSettings
) -> None:
    handled = Handled(ValueError("once"), AlreadyHandled())
    registry = CollectorRegistry()

    async with Messaging(event_settings, service="one", handlers={Added: handled}) as messaging:
        for collector in messaging.collectors:
            registry.register(collector)
        await bus.publish(Added(thing="a"))
        await handled.next(2)
        await bus.publish(Added(thing="b"))
        await bus.all_acknowledged(EVENTS, "one")

    labels = {"service": "one", "type": Added.TYPE}
    for outcome in ("failed", "duplicate", "handled"):
        assert registry.get_sample_value("events_deliveries_total", {**labels, "outcome": outcome}) == 1


async def test_how_far_a_service_is_behind_is_measured(bus: Bus, event_settings: EventSettings) -> None:
    handled, registry = Handled(), CollectorRegistry()
    begun, finish = asyncio.Event(), asyncio.Event()

    async def wait(event: Event[Added]) -> None:
        begun.set()
        await finish.wait()
        await handled(event)

    settings = event_settings.model_copy(update={"concurrency": 2})
    async with Messaging(settings, service="one", handlers={Added: wait}):
        for number in range(5):
            await bus.publish(Added(thing=str(number)))
        await begun.wait()
        async with Messaging(settings, service="one", handlers={Added: wait}) as another:
            for collector in another.collectors:
                registry.register(collector)
            labels = {"service": "one", "stream": EVENTS}
            await until(lambda: registry.get_sample_value("events_consumer_pending", labels) is not None)
            pending = registry.get_sample_value("events_consumer_pending", labels)
            unacknowledged = registry.get_sample_value("events_consumer_unacknowledged", labels)
            finish.set()
            await handled.next(5)

    assert pending is not None
    assert unacknowledged is not None
    assert (pending + unacknowledged, unacknowledged >= 2) == (5, True)


async def test_a_message_that_is_being_handled_when_a_service_stops_is_finished(
    bus: Bus, event_settings: EventSettings
) -> None:
    begun, finish = asyncio.Event(), asyncio.Event()

    async def wait(_event: Event[Added]) -> None:
        begun.set()
        await finish.wait()

    async with Messaging(event_settings, service="one", handlers={Added: wait}):
        await bus.publish(Added(thing="a"))
        await begun.wait()
        asyncio.get_running_loop().call_soon(finish.set)

    await bus.all_acknowledged(EVENTS, "one")


async def test_a_message_that_is_not_finished_in_time_when_a_service_stops_goes_to_another_copy_at_once(
    bus: Bus, event_settings: EventSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    handled, settings = Handled(), event_settings.model_copy(update={"ack_wait": 100})
    monkeypatch.setattr(consumer, "BackgroundTasks", partial(BackgroundTasks, shutdown_timeout=0.1))

    async def hang(event: Event[Added]) -> None:
        await handled(event)
        await asyncio.Event().wait()

    async with Messaging(settings, service="one", handlers={Added: hang}):
        published = await bus.publish(Added(thing="a"))
        await handled.next()
    async with Messaging(settings, service="one", handlers={Added: handled}):
        assert await handled.next() == [published]


class Foreign(EventData, frozen=True, kw_only=True):
    TYPE = "other.store.added"


class Add2(CommandData, frozen=True, kw_only=True):
    TYPE = "shop.store.add"


def test_handlers_that_do_not_fit_are_all_refused(event_settings: EventSettings) -> None:
    handlers: dict[type[EventData], Any] = dict.fromkeys([Foreign, Add, Add2], Handled())

    with pytest.raises(ConfigError) as refusal:
        Messaging(event_settings, service="one", handlers=handlers)

    assert refusal.value.errors == [
        "Foreign: other.store.added does not begin with EVENTS_PREFIX, shop",
        "Add: shop.store.add is a command for store, not for one",
        "Add2: shop.store.add is a command for store, not for one",
        "Add2: shop.store.add has a handler already",
    ]


async def test_a_cancellation_that_the_client_s_library_swallows_does_not_keep_a_service_from_ending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connecting = asyncio.Event()

    @asynccontextmanager
    async def connected(*_arguments: object) -> AsyncIterator[None]:
        is_first = not connecting.is_set()
        connecting.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if is_first:  # as of `asyncio.wait_for`, when a connection is refused at the same time
                raise BrokerUnavailable("refused") from None
            raise
        yield

    monkeypatch.setattr(broker, "connected", connected)

    async with asyncio.timeout(60), Messaging(NO_BROKER, service="one", handlers={Added: Handled()}):
        await connecting.wait()
