"""Events as handlers get them, and the broker that tests share."""

import asyncio
from collections.abc import Iterator
from typing import Any, TypeVar

import nats
import sqlalchemy as sa
from nats.js.errors import ServerError

from frontispiece.events import Event, EventData, EventSettings, Outbox
from frontispiece.events.broker import Connection
from frontispiece.events.envelope import create_event, decode
from frontispiece.events.streams import declare_streams
from frontispiece.stores import Database

D = TypeVar("D", bound=EventData)

NO_BROKER = EventSettings(url="nats://127.0.0.1:1", prefix="shop")
"""The settings of a service whose broker is away."""


def event(data: D, *, subject: str, id: str | None = None, source: str | None = None) -> Event[D]:  # noqa: A002
    """An event with this data: `await handle(event(Added(thing="1"), subject="1"))`.

    Args:
        data: what happened.
        subject: id of the aggregate that it is about.
        id: by default a random UUID; the same one is a second delivery.
        source: the service that published it; by default the one in its type.
    """
    return create_event(data, source=source or data.TYPE.split(".")[1], subject=subject, id=id)


async def published(database: Database, outbox: Outbox) -> list[Event[Any]]:
    """The events in a service's outbox, in order, with data of the service's own classes."""
    classes = [data for data in _classes(EventData) if f".{outbox.source}." in data.__module__]
    async with database.read() as tx:
        bodies = await tx.scalars(sa.select(outbox.table.c.body).order_by(outbox.table.c.position))
        return [decode(body, {data.TYPE: data for data in classes}) for body in bodies]


def _classes(base: type[EventData]) -> Iterator[type[EventData]]:
    for each in base.__subclasses__():
        if hasattr(each, "TYPE"):
            yield each
        yield from _classes(each)


async def new_streams(connection: Connection, settings: EventSettings) -> None:
    """Declare the streams where `delete_streams` has deleted others: the server may be busy with that."""
    async with asyncio.timeout(60):
        while not await _are_declared(connection, settings):
            pass


async def _are_declared(connection: Connection, settings: EventSettings) -> bool:
    try:
        await declare_streams(connection.streams, settings)
    except ServerError:
        return False
    return True


async def delete_streams(url: str) -> None:
    """Delete all that earlier tests left at a NATS server."""
    async with await nats.connect(url) as connection:
        streams = connection.jetstream()
        for stream in await streams.streams_info():
            await streams.delete_stream(str(stream.config.name))
