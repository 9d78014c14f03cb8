"""Key-value buckets on the real server: what processes agree on through them, and when they see it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from frontispiece.events import (
    BrokerUnavailable,
    Entry,
    EventSettings,
    KeyExists,
    KeyValue,
    RevisionMismatch,
    open_key_value,
)
from tests.frontispiece.events.conftest import Broker


@pytest.fixture
async def colours(event_settings: EventSettings) -> AsyncIterator[KeyValue]:
    """An empty bucket."""
    async with open_key_value(event_settings, "colours") as bucket:
        yield bucket


async def following(entries: AsyncIterator[Entry]) -> tuple[str, bytes | None]:
    """The key and the value of the next entry of a watch."""
    async with asyncio.timeout(60):
        entry = await anext(entries)
    return entry.key, entry.value


async def test_a_key_has_the_value_and_the_revision_that_it_was_last_given(colours: KeyValue) -> None:
    assert await colours.get("sky") is None

    first = await colours.put("sky", b"blue")
    second = await colours.put("sky", b"grey")

    assert second > first
    assert await colours.get("sky") == Entry(key="sky", value=b"grey", revision=second)


async def test_of_two_that_change_a_revision_one_succeeds(colours: KeyValue) -> None:
    revision = await colours.create("sky", b"blue")
    await colours.update("sky", b"grey", revision)

    with pytest.raises(RevisionMismatch):
        await colours.update("sky", b"black", revision)
    with pytest.raises(KeyExists):
        await colours.create("sky", b"black")

    entry = await colours.get("sky")
    assert entry is not None
    assert entry.value == b"grey"


async def test_a_deleted_key_is_no_key_and_may_be_created_again(colours: KeyValue) -> None:
    await colours.put("sea", b"green")
    await colours.put("sky", b"blue")

    await colours.delete("sky")

    assert await colours.get("sky") is None
    await colours.create("sky", b"grey")


async def test_a_watch_gives_what_is_there_and_then_each_change(colours: KeyValue) -> None:
    await colours.put("gone", b"red")
    await colours.delete("gone")
    await colours.put("of.sky", b"blue")
    entries = colours.watch()

    assert await following(entries) == ("of.sky", b"blue")
    await colours.put("of.sea", b"green")
    assert await following(entries) == ("of.sea", b"green")
    await colours.delete("of.sky")
    assert await following(entries) == ("of.sky", None)

    of_pattern = colours.watch("of.*")
    assert await following(of_pattern) == ("of.sea", b"green")
    await colours.put("other", b"red")
    await colours.put("of.sea", b"grey")
    assert await following(of_pattern) == ("of.sea", b"grey")


async def test_a_watch_sees_a_value_expire_that_is_not_put_again(event_settings: EventSettings) -> None:
    async with open_key_value(event_settings, "colours", ttl=1.0) as colours:
        entries = colours.watch()
        await colours.put("sky", b"blue")

        assert await following(entries) == ("sky", b"blue")
        assert await following(entries) == ("sky", None)
        assert await colours.get("sky") is None


async def test_a_watch_outlives_the_broker_and_gives_what_has_changed_meanwhile(broker: Broker) -> None:
    async with open_key_value(broker.settings, "colours") as colours:
        for name in ("sea", "sky", "sun"):
            await colours.put(name, b"blue")
        entries = colours.watch()
        assert [await following(entries) for _ in range(3)] == [
            ("sea", b"blue"),
            ("sky", b"blue"),
            ("sun", b"blue"),
        ]

        await broker.kill()
        with pytest.raises(BrokerUnavailable):
            await colours.get("sky")
        await broker.start()
        async with open_key_value(broker.settings, "colours") as other:
            while True:
                try:
                    await other.put("sky", b"grey")
                    await other.delete("sea")
                    break
                except BrokerUnavailable:
                    await asyncio.sleep(0.01)

        assert {await following(entries) for _ in range(2)} == {("sky", b"grey"), ("sea", None)}
