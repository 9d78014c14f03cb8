"""Payment's database: the payments, and the ledger of what the acquirer said it carried out."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.events import Event, EventData, Inbox, Outbox
from frontispiece.stores import Moment, SqlStore
from services.payment.model import Kind, LedgerEntry, Outcome, Payment, Status

metadata = sa.MetaData()

payments = sa.Table(
    "payments",
    metadata,
    sa.Column("order_id", sa.String(36), primary_key=True),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("token", sa.String(68), nullable=False),  # stands for a card; no card's number comes in here
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("reason", sa.String(64), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)

ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("key", sa.String(64), nullable=False, unique=True),  # the acquirer's ledger has the same one
    sa.Column("order_id", sa.String(36), nullable=False, index=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("approved", sa.Boolean, nullable=False),
    sa.Column("reason", sa.String(64), nullable=False),
    sa.Column("at", Moment, nullable=False),
)

outbox = Outbox(metadata, source="payment")
inbox = Inbox(metadata)

_PAYMENT = sa.select(payments).where(payments.c.order_id == sa.bindparam("of"))
_CHANGE = payments.update().where(
    payments.c.order_id == sa.bindparam("of"), payments.c.version == sa.bindparam("was")
)
_ENTRY = ledger.insert()


class Changed(Exception):
    """Another copy has changed the payment since it was read: the message has to be delivered again."""


class Store(SqlStore):
    """Payments and their ledger in one database; every method is one transaction."""

    main_table = payments
    migrations = "services.payment.migrations"

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(url, **options)
        self._insertion = self._insert(payments).on_conflict_do_nothing()

    async def begin(self, payment: Payment) -> Payment:
        """Store a payment unless its order has one; returns the one that the order has."""
        async with self.database.write() as tx:
            await tx.execute(self._insertion, asdict(payment))
            begun = await _payment(tx, payment.order_id)
            assert begun is not None
            return begun

    async def payment(self, order_id: str) -> Payment | None:
        """The payment of an order; None when there is none."""
        async with self.database.read() as tx:
            return await _payment(tx, order_id)

    async def settle(
        self,
        event: Event[Any],
        before: Payment,
        payment: Payment,
        outcomes: Sequence[Outcome],
        fact: EventData,
    ) -> None:
        """Store what has become of a payment, with the fact that tells of it, and that the event is handled.

        Raises:
            AlreadyHandled: the event was.
            Changed: the payment is no longer as it was `before`.
        """
        change = asdict(payment) | {"of": before.order_id, "was": before.version}
        async with self.database.write() as tx:
            await inbox.record(tx, event)
            result = await tx.execute(_CHANGE, change)
            if result.rowcount == 0:
                raise Changed(f"The payment of {before.order_id} was changed meanwhile.")
            if outcomes:
                common = {"order_id": payment.order_id, "at": self._now()}
                await tx.execute(_ENTRY, [asdict(outcome) | common for outcome in outcomes])
            await outbox.add(tx, fact, subject=payment.order_id)

    async def entries(self, limit: int, after: int = 0) -> list[LedgerEntry]:
        """The ledger in its order, beginning after the entry with this sequence number."""
        query = sa.select(ledger).where(ledger.c.sequence > after).order_by(ledger.c.sequence).limit(limit)
        async with self.database.read() as tx:
            rows = await tx.execute(query)
            return [LedgerEntry(**{**row._mapping, "kind": Kind(row.kind)}) for row in rows]


async def _payment(tx: AsyncConnection, order_id: str) -> Payment | None:
    row = (await tx.execute(_PAYMENT, {"of": order_id})).one_or_none()
    return None if row is None else Payment(**{**row._mapping, "status": Status(row.status)})
