"""The acquirer's database: the payments, and the ledger of all operations that were carried out."""

from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.stores import Moment, SqlStore
from services.acquirer.model import (
    Declines,
    KeyReused,
    Kind,
    Operation,
    OperationRequest,
    Payment,
    Status,
    carry_out,
    is_repetition,
)

metadata = sa.MetaData()

payments = sa.Table(
    "payments",
    metadata,
    sa.Column("reference", sa.String(64), primary_key=True),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
)

ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("key", sa.String(200), nullable=False, unique=True),
    sa.Column("reference", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("approved", sa.Boolean, nullable=False),
    sa.Column("reason", sa.String(64), nullable=False),
    sa.Column("at", Moment, nullable=False),
)

_LOCKED = sa.select(payments).where(payments.c.reference == sa.bindparam("of")).with_for_update()
_CHANGE = payments.update().where(payments.c.reference == sa.bindparam("of"))
_ENTRY = ledger.insert().returning(ledger.c.sequence)
_OF_KEY = sa.select(ledger).where(ledger.c.key == sa.bindparam("of"))


class Store(SqlStore):
    """Payments and the ledger in one database; every method is one transaction."""

    main_table = ledger
    migrations = "services.acquirer.migrations"

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(url, **options)
        self._insertion = self._insert(payments).on_conflict_do_nothing()

    async def carry_out(self, request: OperationRequest, declines: Declines) -> Operation:
        """Carry out an operation; the same key again gets the operation that it got first.

        Raises:
            NotAllowed: not in this state of the payment.
            KeyReused: the key came with another operation before.
        """
        async with self.database.write() as tx:
            payment = await self._locked(tx, request.reference)
            first = await _operation(tx, request.key)
            if first is not None:
                if not is_repetition(first, request):
                    raise KeyReused(f"{request.key} came with another operation before.")
                return first
            changed, reason = carry_out(payment, request, declines)
            row = {name: value for name, value in asdict(request).items() if name != "token"}
            row |= {"approved": not reason, "reason": reason, "at": self._now()}
            try:
                sequence = await tx.scalar(_ENTRY, row)
            except IntegrityError:  # under another reference, whose lock is another one
                raise KeyReused(f"{request.key} came with another operation before.") from None
            await tx.execute(_CHANGE, asdict(changed) | {"of": request.reference})
            return Operation(sequence=sequence, **row)

    async def operation(self, key: str) -> Operation | None:
        """The operation that was carried out under a key; None when there is none."""
        async with self.database.read() as tx:
            return await _operation(tx, key)

    async def operations(self, limit: int, after: int = 0) -> list[Operation]:
        """The ledger in its order, beginning after the operation with this sequence number."""
        query = sa.select(ledger).where(ledger.c.sequence > after).order_by(ledger.c.sequence).limit(limit)
        async with self.database.read() as tx:
            return [_of(row) for row in await tx.execute(query)]

    async def _locked(self, tx: AsyncConnection, reference: str) -> Payment:
        """The payment under a reference, a new one if need be; others wait until this transaction ends."""
        new = Payment(reference=reference, status=Status.NEW, amount=0, currency="")
        await tx.execute(self._insertion, asdict(new))
        row = (await tx.execute(_LOCKED, {"of": reference})).one()
        return Payment(**{**row._mapping, "status": Status(row.status)})


async def _operation(tx: AsyncConnection, key: str) -> Operation | None:
    row = (await tx.execute(_OF_KEY, {"of": key})).one_or_none()
    return None if row is None else _of(row)


def _of(row: sa.Row[Any]) -> Operation:
    return Operation(**{**row._mapping, "kind": Kind(row.kind)})
