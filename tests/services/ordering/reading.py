"""A log of orders and the read model beside it, each in a database of its own."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Final, Self

import sqlalchemy as sa

from services.ordering.domain_events import (
    Authorised,
    CancellationStarted,
    Cancelled,
    Captured,
    Committed,
    Completed,
    Confirmed,
    Declined,
    OrderEvent,
    Reason,
    Released,
    Reserved,
    ShipmentCreated,
    Step,
    StepStarted,
)
from services.ordering.order import Order
from services.ordering.projector import Projector
from services.ordering.read_tables import GENERATIONS, generations
from services.ordering.rebuild import Progress, Rebuild
from services.ordering.shards import Shards
from services.ordering.tables import event_store
from tests.services.ordering.orders import ORDER_ID, PLACED, one_shard
from tests.support.events import NO_BROKER

COMPLETED: Final[Sequence[OrderEvent]] = (
    PLACED,
    StepStarted(step=Step.RESERVE),
    Reserved(),
    StepStarted(step=Step.AUTHORISE),
    Authorised(),
    Confirmed(),
    StepStarted(step=Step.COMMIT),
    StepStarted(step=Step.CREATE_SHIPMENT),
    Committed(),
    ShipmentCreated(shipment_id="s-1", tracking_code="TRACK-1"),
    StepStarted(step=Step.CAPTURE),
    Captured(amount=1090),
    Completed(),
)
CANCELLED: Final[Sequence[OrderEvent]] = (
    PLACED,
    StepStarted(step=Step.RESERVE),
    Reserved(),
    StepStarted(step=Step.AUTHORISE),
    Declined(reason="insufficient-funds"),
    CancellationStarted(reason=Reason.PAYMENT_DECLINED),
    StepStarted(step=Step.RELEASE),
    Released(),
    Cancelled(reason=Reason.PAYMENT_DECLINED),
)


def order_id(number: int) -> str:
    return f"{number:08x}{ORDER_ID[8:]}"


class Reading:
    """A shard with all buckets: the log, its projector and the read model; opened with `async with`."""

    def __init__(self, log_url: str, read_url: str) -> None:
        self._databases = one_shard(log_url, read_url)
        self.shards = Shards(self._databases, NO_BROKER)
        (shard,) = self.shards.by_name.values()
        self.events = event_store
        self.database = shard.database
        self.store = shard.read_store
        self.projector = shard.projector
        self.follower = shard.follower

    async def __aenter__(self) -> Self:
        await self.shards.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.shards.__aexit__(*exc)

    def of_another_process(self) -> "Reading":
        """The same databases by connections of their own."""
        (databases,) = self._databases.values()
        return Reading(databases.database_url, databases.read_database_url)

    async def load(self, id_: str) -> tuple[Order | None, int]:
        async with self.database.read() as tx:
            return await self.events.load(tx, id_)

    def new_projector(self) -> Projector:
        """That of another copy of ordering."""
        return Projector(self.database, self.events, self.store)

    def new_rebuild(self, batch: int = 10) -> Rebuild:
        return Rebuild(self.database, self.events, self.store, batch=batch)

    async def append(self, id_: str, version: int, events: Sequence[OrderEvent]) -> int:
        async with self.database.write() as tx:
            return await self.events.append(tx, id_, version, events)

    async def append_orders(self, numbers: Iterable[int]) -> int:
        """Complete those with even numbers, cancel the others, all at once; returns the last position."""
        streams = {order_id(number): COMPLETED if number % 2 == 0 else CANCELLED for number in numbers}
        position = 0
        for version in range(len(COMPLETED)):
            for id_, stream in streams.items():
                if version < len(stream):
                    position = await self.append(id_, version, stream[version : version + 1])
        return position

    async def catch_up(self, projector: Projector | None = None, limit: int = 7) -> None:
        while await (projector or self.projector).advance(limit):
            pass

    async def rebuild(self, batch: int = 10, *, accept_differences: bool = False) -> Progress:
        rebuild = self.new_rebuild(batch)
        return await rebuild.run(lambda _: None, accept_differences=accept_differences)

    async def states(self) -> dict[str, tuple[str, int]]:
        """The state and the position of each set of tables."""
        async with self.store.database.read() as tx:
            return {row.name: (row.state, row.position) for row in await tx.execute(sa.select(generations))}

    async def rows(self, generation: str = "blue") -> list[list[Any]]:
        """All rows of a set of tables."""
        async with self.store.database.read() as tx:
            return [
                sorted(map(tuple, await tx.execute(sa.select(table))))
                for table in GENERATIONS[generation].tables
            ]

    async def totals(self) -> list[dict[str, Any]]:
        return [asdict(total) for total in await self.store.totals("2000-01-01")]
