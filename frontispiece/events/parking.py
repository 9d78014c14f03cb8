"""Parked messages: those that could not be handled wait in a stream of their own for a person."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from frontispiece.errors import UserError
from frontispiece.events.envelope import MAX_BODY_BYTES
from frontispiece.events.streams import PARKED, StreamNames
from frontispiece.extras import extra

with extra("events"):
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext
    from nats.js.api import RawStreamMsg
    from nats.js.errors import NotFoundError

MESSAGE_ID: Final = "Nats-Msg-Id"
REASON: Final = "Parked-Reason"
CONSUMER: Final = "Parked-Consumer"
SUBJECT: Final = "Parked-Subject"
DELIVERIES: Final = "Parked-Deliveries"
ORIGINAL: Final = "Original-"
"""The prefix of the names of headers that the message had."""

REPLAY_FOR: Final = "Replay-For"
"""The consumer that a replayed message is for: others have had it."""

MAX_REASON: Final = 1000
"""Characters of a reason."""

MAX_HEADER_BYTES: Final = 48 * 1024
"""The limit of headers that a message had: the broker takes 64 KiB of headers in all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parked:
    """A parked message.

    Args:
        number: its position in the stream of parked messages.
        consumer: the service that could not handle it.
        subject: that it was published to.
        body: the CloudEvent, or what came in its place.
    """

    number: int
    time: datetime | None
    consumer: str
    reason: str
    deliveries: int
    subject: str
    headers: Mapping[str, str]
    body: bytes


async def park(streams: JetStreamContext, prefix: str, message: Msg, reason: str) -> None:
    """Park a delivered message, and end its deliveries; parked twice within minutes it is parked once.

    Of one that is larger than any outbox publishes only the beginning is kept: with the headers of its
    parking the broker might not take it, and would close the connection.

    Raises:
        Error: the broker did not take it; it will be redelivered.
    """
    about = message.metadata
    if len(message.data) > MAX_BODY_BYTES:
        reason = f"only {MAX_BODY_BYTES} of {len(message.data)} bytes are kept: {reason}"
    headers = _originals(message) | {
        REASON: _header(reason),
        CONSUMER: about.consumer,
        SUBJECT: message.subject,
        DELIVERIES: str(about.num_delivered),
        MESSAGE_ID: f"{about.consumer} {about.stream} {about.sequence.stream}",
    }
    name = message.subject.rpartition(".")[2]
    await streams.publish(
        f"{prefix}.{PARKED}.{about.consumer}.{name}", message.data[:MAX_BODY_BYTES], headers=headers
    )
    await message.term()


def _originals(message: Msg) -> dict[str, str]:
    """The headers that a message had, as far as there is room for them."""
    copied, room = {}, MAX_HEADER_BYTES
    for name, value in (message.headers or {}).items():
        room -= len(f"{ORIGINAL}{name}: {value}\r\n".encode())
        if room >= 0:
            copied[f"{ORIGINAL}{name}"] = value
    return copied


def _header(reason: str) -> str:
    """A text as a header can have it: one line of ASCII."""
    return " ".join(reason.split()).encode("ascii", "backslashreplace").decode()[:MAX_REASON]


async def parked_messages(streams: JetStreamContext, prefix: str) -> AsyncIterator[Parked]:
    """Every parked message, the oldest first."""
    stream = StreamNames.of(prefix).parked
    number = 0
    while True:
        try:
            found = await streams.get_msg(stream, seq=number + 1, next=True, subject=f"{prefix}.>")
        except NotFoundError:
            return
        assert found.seq is not None
        number = found.seq
        yield _parked(found)


async def replay(streams: JetStreamContext, prefix: str, number: int) -> Parked:
    """Publish a parked message anew, for the service that could not handle it, and remove it from the parked.

    Raises:
        UserError: there is none with this number.
    """
    parked = await _find(streams, prefix, number)
    stream = StreamNames.of(prefix).parked
    replayed = {MESSAGE_ID: f"replay {stream} {number}", REPLAY_FOR: parked.consumer}
    await streams.publish(parked.subject, parked.body, headers={**parked.headers, **replayed})
    await streams.delete_msg(stream, number)
    return parked


async def drop(streams: JetStreamContext, prefix: str, number: int) -> Parked:
    """Remove a parked message for good.

    Raises:
        UserError: there is none with this number.
    """
    parked = await _find(streams, prefix, number)
    await streams.delete_msg(StreamNames.of(prefix).parked, number)
    return parked


async def _find(streams: JetStreamContext, prefix: str, number: int) -> Parked:
    try:
        return _parked(await streams.get_msg(StreamNames.of(prefix).parked, seq=number))
    except NotFoundError:
        raise UserError(f"there is no parked message {number}") from None


def _parked(message: RawStreamMsg) -> Parked:
    headers = message.headers or {}
    assert message.seq is not None
    return Parked(
        number=message.seq,
        time=message.time,
        consumer=headers.get(CONSUMER, ""),
        reason=headers.get(REASON, ""),
        deliveries=int(headers.get(DELIVERIES, "0")),
        subject=headers.get(SUBJECT, ""),
        headers={
            name.removeprefix(ORIGINAL): value for name, value in headers.items() if name.startswith(ORIGINAL)
        },
        body=message.data or b"",
    )
