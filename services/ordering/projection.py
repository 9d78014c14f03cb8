"""What events change in the read model's tables: idempotent, since the position is stored with the change."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from services.ordering.event_store import Recorded
from services.ordering.read_tables import COUNTS, Generation, generations
from services.ordering.views import MissingEvent, OrderView, Stage, apply

PROJECTION: Final = 1
"""Of the tables' content: raised with every change of it, so that a rebuild begins anew."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(OrderView)


async def project(
    tx: AsyncConnection, generation: Generation, position: int, events: Sequence[Recorded]
) -> int:
    """Apply events to tables that have seen those up to a position; returns their new position.

    Events that they have seen already change nothing.

    Args:
        tx: a write transaction that has locked the generation.
        generation: the tables.
        position: theirs.
        events: in the order of the log.

    Raises:
        MissingEvent: there are events between the position and the first of these.
    """
    fresh = [recorded for recorded in events if recorded.position > position]
    if not fresh:
        return position
    if fresh[0].position != position + 1:
        raise MissingEvent(f"event {fresh[0].position} of the log came after event {position}")
    views = await _load(tx, generation, {recorded.order_id for recorded in fresh})
    totals: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for recorded in fresh:
        before = views.get(recorded.order_id)
        view = views[recorded.order_id] = apply(before, recorded)
        if view is not before:
            _count(totals, view)
    await _save(tx, generation, views.values())
    await _add(tx, generation.totals, totals)
    last = fresh[-1].position
    await tx.execute(generations.update().where(generations.c.name == generation.name).values(position=last))
    return last


def decode_view(document: bytes) -> OrderView:
    """The view in a stored document."""
    return _decoder.decode(document)


async def _load(tx: AsyncConnection, generation: Generation, ids: Collection[str]) -> dict[str, OrderView]:
    details = generation.details.c
    rows = await tx.execute(sa.select(details.id, details.document).where(details.id.in_(ids)))
    return {id_: _decoder.decode(document) for id_, document in rows}


def _count(totals: defaultdict[tuple[str, str], Counter[str]], view: OrderView) -> None:
    reached = view.milestone
    if reached is None or reached.stage not in COUNTS:
        return
    of_day = totals[reached.at.date().isoformat(), view.bill.currency]
    of_day[reached.stage] += 1
    if reached.stage is Stage.COMPLETED:
        of_day["revenue"] += view.total


async def _save(tx: AsyncConnection, generation: Generation, views: Iterable[OrderView]) -> None:
    rows = [_rows(view) for view in views]
    await tx.execute(_upsert(tx, generation.summaries), [summary for summary, _ in rows])
    await tx.execute(_upsert(tx, generation.details), [detail for _, detail in rows])


def _rows(view: OrderView) -> tuple[dict[str, Any], dict[str, Any]]:
    summary = {
        "id": view.id,
        "owner": view.owner,
        "placed_at": view.placed_at,
        "status": view.status,
        "stage": view.stage,
        "reason": view.reason,
        "pieces": view.bill.pieces,
        "total": view.total,
        "currency": view.bill.currency,
        "is_stuck": bool(view.stuck),
    }
    detail = {
        "id": view.id,
        "owner": view.owner,
        "version": view.version,
        "document": _encoder.encode(view),
    }
    return summary, detail


async def _add(
    tx: AsyncConnection, table: sa.Table, totals: defaultdict[tuple[str, str], Counter[str]]
) -> None:
    """Add counts to those of their days."""
    counted = (*COUNTS, "revenue")
    rows = [
        {"day": day, "currency": currency, **{name: counts[name] for name in counted}}
        for (day, currency), counts in sorted(totals.items())
    ]
    if not rows:
        return
    insert = _insert(tx, table)
    sums = {name: table.c[name] + insert.excluded[name] for name in counted}
    await tx.execute(insert.on_conflict_do_update(index_elements=["day", "currency"], set_=sums), rows)


def _upsert(tx: AsyncConnection, table: sa.Table) -> sa.Insert:
    insert = _insert(tx, table)
    changed = {column.name: insert.excluded[column.name] for column in table.c if not column.primary_key}
    return insert.on_conflict_do_update(index_elements=["id"], set_=changed)


def _insert(tx: AsyncConnection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if tx.dialect.name == "postgresql" else sqlite.insert(table)
