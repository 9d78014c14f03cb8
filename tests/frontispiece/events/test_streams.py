"""Streams and consumers are declared as often as services start."""

from frontispiece.events import EventSettings
from frontispiece.events.streams import declare_durable, declare_streams, durables
from tests.frontispiece.events.conftest import Added, Bus, Lost


async def test_a_changed_setting_changes_the_stream_that_is_there(
    bus: Bus, event_settings: EventSettings
) -> None:
    await bus.publish(Added(thing="a"))
    settings = event_settings.model_copy(update={"retention_days": 2})

    for _ in range(2):
        await declare_streams(bus.streams, settings)

    info = await bus.streams.stream_info("SHOP_EVENTS")
    assert (info.config.max_age, info.state.messages) == (2 * 86_400, 1)


async def test_commands_and_parked_messages_have_no_age_limit(bus: Bus) -> None:
    for stream in ("SHOP_COMMANDS", "SHOP_PARKED"):
        assert not (await bus.streams.stream_info(stream)).config.max_age


async def test_a_subject_that_another_version_of_the_service_handles_stays(bus: Bus) -> None:
    """Without it the events of that type would pass this service by for ever."""
    for data in (Added, Lost):
        (durable,) = durables("shop", "one", [data])
        await declare_durable(bus.streams, durable, ack_wait=3)

    config = (await bus.streams.consumer_info("SHOP_EVENTS", "one")).config
    assert config.filter_subjects == [Added.TYPE, Lost.TYPE]
    assert config.ack_wait == 3
