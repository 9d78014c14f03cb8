"""The envelope of events and commands: CloudEvents 1.0 in JSON.

`dataschema` names the type and the version of `data`: `urn:frontispiece:schema:things.store.added:1`.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Final, Generic, Literal, TypeVar
from uuid import uuid4

import msgspec

from frontispiece import telemetry

SCHEMA: Final = "urn:frontispiece:schema:"
COMMANDS: Final = "commands"

MAX_BODY_BYTES: Final = 512 * 1024
"""Half of what a broker takes by default: an event that it refuses would stop its aggregate for ever."""

_TYPE: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){2}")


class Reject(Exception):
    """A message can never be handled: a handler raises this, and it is parked at once with this text."""


class AlreadyHandled(Exception):
    """An event was handled before: a handler raises this, and this delivery is acknowledged."""


class EventData(msgspec.Struct, frozen=True, kw_only=True):
    """The data of an event: what has happened, in the past tense, published to all who consume its type.

    A consumer declares a class of its own with the publisher's `TYPE` and only the fields that it reads. A
    new field has a default; any other change is a new `VERSION`, which consumers learn before publishers
    send it.

        class Added(EventData, frozen=True, kw_only=True):
            TYPE = "things.store.added"

            thing: str
            quantity: int
    """

    TYPE: ClassVar[str]
    """`<prefix>.<service>.<name>`."""

    VERSION: ClassVar[int] = 1
    """The newest version that this class can decode, and the one that it encodes."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        name = getattr(cls, "TYPE", None)
        if name is not None and not _TYPE.fullmatch(name):
            raise TypeError(f"{cls.__name__}.TYPE is {name!r}: write <prefix>.<service>.<name> in lower case")


class CommandData(EventData, frozen=True, kw_only=True):
    """The data of a command: exactly one copy of the service in its `TYPE` carries it out (a work queue)."""


D = TypeVar("D", bound=EventData)


@dataclass(frozen=True, kw_only=True, slots=True)
class Event(Generic[D]):
    """An event or a command in its envelope.

    Args:
        id: unique together with `source`; the same on each delivery.
        source: the service that published it.
        type: `TYPE` of its data.
        subject: id of the aggregate that it is about; events of one aggregate are published in order.
        time: when it happened.
        version: `VERSION` of its data, as published.
        traceparent: of the span in which it was published (W3C trace context).
        data: what happened.
    """

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    version: int
    traceparent: str | None
    data: D


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The envelope as JSON has it."""

    specversion: Literal["1.0"]
    id: Annotated[str, msgspec.Meta(min_length=1)]
    source: Annotated[str, msgspec.Meta(min_length=1)]
    type: str
    subject: str
    time: Annotated[datetime, msgspec.Meta(tz=True)]
    datacontenttype: Literal["application/json"] = msgspec.field()
    dataschema: str
    traceparent: str | None = None
    data: msgspec.Raw


def create_event(
    data: D,
    *,
    source: str,
    subject: str,
    id: str | None = None,  # noqa: A002 (as CloudEvents has it)
) -> Event[D]:
    """A new event, within the current trace.

    The subject is the id of the aggregate that it is about; its own id is a random UUID by default.
    """
    event_id = id or str(uuid4())
    return Event(
        id=event_id,
        source=source,
        type=data.TYPE,
        subject=subject,
        time=datetime.now(UTC),
        version=data.VERSION,
        traceparent=_published(data, event_id),
        data=data,
    )


def _published(data: EventData, event_id: str) -> str | None:
    """The traceparent of a span for the publication of this data, or of an unsampled request; else None."""
    if not telemetry.is_on():
        return None
    from opentelemetry.trace import SpanKind  # noqa: PLC0415 (only with traces)

    from frontispiece.telemetry.span import child_span, unsampled_traceparent  # noqa: PLC0415 (the same)

    destination = broker_subject(type(data))
    about = {
        "messaging.system": "nats",
        "messaging.operation.type": "send",
        "messaging.destination.name": destination,
        "messaging.message.id": event_id,
    }
    span = child_span(f"publish {destination}", about, SpanKind.PRODUCER)
    if span is None:
        return unsampled_traceparent()
    span.end()
    return span.traceparent


def broker_subject(data: type[EventData]) -> str:
    """The subject that data of this type is published to.

    It is its type; that of a command is `<prefix>.commands.<service>.<name>`.
    """
    if issubclass(data, CommandData):
        prefix, service, name = data.TYPE.split(".")
        return f"{prefix}.{COMMANDS}.{service}.{name}"
    return data.TYPE


def encode(event: Event[Any]) -> bytes:
    """The event as a CloudEvent in JSON."""
    envelope = CloudEvent(
        specversion="1.0",
        id=event.id,
        source=event.source,
        type=event.type,
        subject=event.subject,
        time=event.time,
        datacontenttype="application/json",
        dataschema=f"{SCHEMA}{event.type}:{event.version}",
        traceparent=event.traceparent,
        data=msgspec.Raw(msgspec.json.encode(event.data)),
    )
    return msgspec.json.encode(envelope)


def decode(body: bytes, types: Mapping[str, type[EventData]]) -> Event[Any]:
    """The event in a CloudEvent.

    Raises:
        Reject: it is no CloudEvent of ours, or its data is of an unknown type, of a newer version than known,
            or unlike its type.
    """
    try:
        envelope = msgspec.json.decode(body, type=CloudEvent)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Reject(f"not a CloudEvent: {error}") from error
    data_type = types.get(envelope.type)
    if data_type is None:
        raise Reject(f"unknown type {envelope.type}")
    version = _version(envelope)
    if version > data_type.VERSION:
        raise Reject(f"{envelope.type} has version {version}: known up to {data_type.VERSION}")
    try:
        data = msgspec.json.decode(envelope.data, type=data_type)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Reject(f"{envelope.type} of version {version} is unlike its type: {error}") from error
    return Event(
        id=envelope.id,
        source=envelope.source,
        type=envelope.type,
        subject=envelope.subject,
        time=envelope.time,
        version=version,
        traceparent=envelope.traceparent,
        data=data,
    )


def _version(envelope: CloudEvent) -> int:
    """The version in `dataschema`.

    Raises:
        Reject: it names none, or another type.
    """
    name, _, version = envelope.dataschema.removeprefix(SCHEMA).rpartition(":")
    if name != envelope.type or not re.fullmatch(r"[1-9][0-9]{0,8}", version):
        raise Reject(f"dataschema {envelope.dataschema!r} names no version of {envelope.type}")
    return int(version)


Handler = Callable[[Event[D]], Awaitable[None]]
"""Handles one delivery of an event; returning acknowledges it.

The same event may be redelivered, late, in any order, and to several copies of a service at once. So
calls to others come first and carry an idempotency key, and ONE write transaction follows: `Inbox.record`,
the change, `Outbox.add`. An exception means redelivery with a growing delay; `Reject` parks the message at
once.
"""
