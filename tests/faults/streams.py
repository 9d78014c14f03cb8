"""Reading the broker's streams: what was published, and what nobody has handled."""

from collections.abc import AsyncIterator
from typing import Final

import msgspec
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import NotFoundError

from tests.faults.ledgers import Message

EVENTS: Final = "SHOP_EVENTS"


COMMANDS: Final = "SHOP_COMMANDS"


PARKED: Final = "SHOP_PARKED"


BATCH: Final = 500


class Envelope(msgspec.Struct):
    """The attributes of a CloudEvent that the checker looks at."""

    id: str
    type: str
    subject: str


async def messages(streams: JetStreamContext, stream: str) -> AsyncIterator[Message]:
    """Every message of a stream, from the first."""
    try:
        count = (await streams.stream_info(stream)).state.messages
        config = ConsumerConfig(ack_policy=AckPolicy.NONE)
        subscription = await streams.pull_subscribe(">", stream=stream, config=config)
    except NotFoundError:
        return
    while count:
        for message in await subscription.fetch(min(count, BATCH), timeout=10):
            count -= 1
            event = msgspec.json.decode(message.data, type=Envelope)
            yield Message(id=event.id, type=event.type, subject=event.subject)
    await subscription.unsubscribe()


async def unhandled(streams: JetStreamContext) -> dict[str, int]:
    """Messages that wait: commands, and events by the service that has not handled them."""
    found = {COMMANDS: (await streams.stream_info(COMMANDS)).state.messages}
    for info in await streams.consumers_info(EVENTS):
        if info.config.durable_name:
            found[f"events for {info.name}"] = (info.num_pending or 0) + (info.num_ack_pending or 0)
    return found


async def subscriptions(streams: JetStreamContext) -> dict[str, frozenset[str]]:
    """The types of the events that each service is subscribed to."""
    infos = await streams.consumers_info(EVENTS)
    return {
        info.name: frozenset(info.config.filter_subjects or [info.config.filter_subject or ""])
        for info in infos
        if info.config.durable_name
    }
