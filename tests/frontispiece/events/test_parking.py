"""Parked messages are listed, replayed for the service that could not handle them, or dropped."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from frontispiece.errors import UserError
from frontispiece.events import EventSettings, Messaging, Reject
from frontispiece.events.parking import Parked, drop, parked_messages, replay
from tests.frontispiece.events.conftest import Add, Added, Bus, Handled


async def numbers(bus: Bus) -> list[int]:
    return [parked.number async for parked in parked_messages(bus.streams, bus.PREFIX)]


async def until_parked(bus: Bus, count: int) -> None:
    async with asyncio.timeout(60):
        while len(await numbers(bus)) < count:
            pass


async def test_a_replayed_event_reaches_the_service_that_rejected_it_and_no_other(
    bus: Bus, event_settings: EventSettings
) -> None:
    one, another = Handled(Reject("not yet")), Handled()

    async with (
        Messaging(event_settings, service="one", handlers={Added: one}),
        Messaging(event_settings, service="another", handlers={Added: another}),
    ):
        published = await bus.publish(Added(thing="a"), **{"Nats-Msg-Id": "1"})
        parked = await bus.parked()
        replayed = await replay(bus.streams, bus.PREFIX, parked.number)
        assert await one.next(2) == [published, published]
        await bus.publish(Added(thing="b"))
        assert await another.things(2) == ["a", "b"]

    assert replayed == parked
    assert await numbers(bus) == []


async def test_a_replayed_command_is_in_its_work_queue_again(bus: Bus, event_settings: EventSettings) -> None:
    handled = Handled(Reject("not yet"))

    async with Messaging(event_settings, service="store", handlers={Add: handled}):
        published = await bus.publish(Add(thing="a"))
        await replay(bus.streams, bus.PREFIX, (await bus.parked()).number)

        assert await handled.next(2) == [published, published]


async def test_parked_messages_are_listed_in_order_and_one_is_dropped(
    bus: Bus, event_settings: EventSettings
) -> None:
    async with Messaging(event_settings, service="one", handlers={Added: Handled(*[Reject("no")] * 3)}):
        for count in (1, 2, 3):
            await bus.publish(Added(thing="a"))
            await until_parked(bus, count)

    assert await numbers(bus) == [1, 2, 3]
    await drop(bus.streams, bus.PREFIX, 2)
    assert await numbers(bus) == [1, 3]


@pytest.mark.parametrize(
    ("body", "headers"),
    [(b"x" * (1024 * 1024 - 200), {}), (b"x", {f"H{number}": "v" * 1000 for number in range(62)})],
)
async def test_a_message_for_which_the_broker_has_no_room_with_more_headers_is_parked_in_part(
    bus: Bus, event_settings: EventSettings, body: bytes, headers: dict[str, str]
) -> None:
    """Otherwise the broker would close the connection of the service, and deliver it again for ever."""
    handled = Handled()
    async with Messaging(event_settings, service="one", handlers={Added: handled}):
        await bus.publish_body(Added.TYPE, body, **headers)
        parked = await bus.parked()
        await bus.publish(Added(thing="a"))
        assert await handled.things(1) == ["a"]
        await bus.all_acknowledged("SHOP_EVENTS", "one")

    assert parked.deliveries == 1
    assert body.startswith(parked.body)
    assert parked.headers.items() <= headers.items()
    assert ("bytes are kept" in parked.reason) == (parked.body != body)


@pytest.mark.parametrize("act", [replay, drop])
async def test_a_number_that_is_not_parked_is_refused(
    bus: Bus, act: Callable[..., Awaitable[Parked]]
) -> None:
    with pytest.raises(UserError, match="there is no parked message 7"):
        await act(bus.streams, bus.PREFIX, 7)
