"""What events change in the read model's tables: idempotent, since the position is stored with the change."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from itertools import groupby
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.shards import bucket_for
from frontispiece.stores import insert
from services.ordering.domain_events import BucketRemoved
from services.ordering.event_store import Recorded, Seen
from services.ordering.read_tables import COUNTED, COUNTS, Generation, generations
from services.ordering.views import OrderView, Stage, apply

PROJECTION: Final = 4
"""Of the tables' content: raised with every change of it, so that a rebuild begins anew."""

_MOVE: Final = (
    generations.update()
    .where(generations.c.name == sa.bindparam("of"))
    .values(position=sa.bindparam("to"), recorded_at=sa.bindparam("at"))
)

Totals = defaultdict[tuple[str, str, int], Counter[str]]
"""Counts by day, currency and bucket."""

Sold = Counter[tuple[str, str, int]]
"""Pieces by day, sku and bucket."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(OrderView)


async def project(
    tx: AsyncConnection, generation: Generation, seen: Seen, events: Sequence[Recorded]
) -> Seen:
    """Apply events to tables; returns what they have seen then.

    Events that they have seen already change nothing.

    Args:
        tx: a write transaction that has locked the generation.
        generation: the tables.
        seen: what they have seen.
        events: in the order of the log.

    Raises:
        MissingEvent: an event of an order comes after one that was not seen.
    """
    fresh = [recorded for recorded in events if recorded.position > seen.position]
    for removed, group in groupby(fresh, _removed):
        if removed is None:
            await _apply(tx, generation, list(group))
        else:
            await _remove(tx, generation, removed)
    if not fresh:
        return seen
    last = Seen(position=fresh[-1].position, recorded_at=fresh[-1].recorded_at)
    await store_seen(tx, generation, last)
    return last


async def store_seen(tx: AsyncConnection, generation: Generation, seen: Seen) -> None:
    """Store what tables have seen, in a write transaction that has locked the generation."""
    await tx.execute(_MOVE, {"of": generation.name, "to": seen.position, "at": seen.recorded_at})


async def _apply(tx: AsyncConnection, generation: Generation, fresh: Sequence[Recorded]) -> None:
    views = await _load(tx, generation, {recorded.order_id for recorded in fresh})
    totals: Totals = defaultdict(Counter)
    sold: Sold = Counter()
    for recorded in fresh:
        before = views.get(recorded.order_id)
        view = views[recorded.order_id] = apply(before, recorded)
        if view is not before:
            _count(totals, sold, view)
    await _save(tx, generation, views.values())
    await _add(tx, generation.totals, totals)
    await _add_sold(tx, generation.sold, sold)


def _removed(recorded: Recorded) -> int | None:
    return recorded.event.bucket if isinstance(recorded.event, BucketRemoved) else None


async def _remove(tx: AsyncConnection, generation: Generation, bucket: int) -> None:
    for table in generation.tables:
        await tx.execute(table.delete().where(table.c.bucket == bucket))


def decode_view(document: bytes) -> OrderView:
    """The view in a stored document."""
    return _decoder.decode(document)


async def _load(tx: AsyncConnection, generation: Generation, ids: Collection[str]) -> dict[str, OrderView]:
    rows = await tx.execute(_documents(generation.details), {"ids": list(ids)})
    return {id_: _decoder.decode(document) for id_, document in rows}


def _count(totals: Totals, sold: Sold, view: OrderView) -> None:
    reached = view.milestone
    if reached is None or reached.stage not in COUNTS:
        return
    day, bucket = reached.at.date().isoformat(), bucket_for(view.owner)
    of_day = totals[day, view.bill.currency, bucket]
    of_day[reached.stage] += 1
    if reached.stage is Stage.COMPLETED:
        of_day["revenue"] += view.total
    if reached.stage is Stage.PLACED:
        for line in view.bill.lines:
            sold[day, line.sku, bucket] += line.quantity


async def _save(tx: AsyncConnection, generation: Generation, views: Iterable[OrderView]) -> None:
    rows = [_rows(view) for view in views]
    await tx.execute(_upsert(tx.dialect.name, generation.summaries), [summary for summary, _ in rows])
    await tx.execute(_upsert(tx.dialect.name, generation.details), [detail for _, detail in rows])


def _rows(view: OrderView) -> tuple[dict[str, Any], dict[str, Any]]:
    bucket = bucket_for(view.owner)
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
        "bucket": bucket,
    }
    detail = {
        "id": view.id,
        "owner": view.owner,
        "version": view.version,
        "document": _encoder.encode(view),
        "bucket": bucket,
    }
    return summary, detail


async def _add(tx: AsyncConnection, table: sa.Table, totals: Totals) -> None:
    """Add counts to those of their days."""
    rows = [
        {"day": day, "currency": currency, "bucket": bucket, **{name: counts[name] for name in COUNTED}}
        for (day, currency, bucket), counts in sorted(totals.items())
    ]
    if rows:
        await tx.execute(_addition(tx.dialect.name, table, COUNTED), rows)


async def _add_sold(tx: AsyncConnection, table: sa.Table, sold: Sold) -> None:
    rows = [
        {"day": day, "sku": sku, "bucket": bucket, "pieces": pieces}
        for (day, sku, bucket), pieces in sorted(sold.items())
    ]
    if rows:
        await tx.execute(_addition(tx.dialect.name, table, ("pieces",)), rows)


# A statement is made once: to make one costs more than to run it.


@cache
def _documents(details: sa.Table) -> sa.Select[Any]:
    ids: sa.BindParameter[str] = sa.bindparam("ids", expanding=True)
    return sa.select(details.c.id, details.c.document).where(details.c.id.in_(ids))


@cache
def _addition(dialect: str, table: sa.Table, counted: tuple[str, ...]) -> sa.Insert:
    new = insert(table, dialect)
    sums = {name: table.c[name] + new.excluded[name] for name in counted}
    return new.on_conflict_do_update(index_elements=table.primary_key.columns, set_=sums)


@cache
def _upsert(dialect: str, table: sa.Table) -> sa.Insert:
    new = insert(table, dialect)
    changed = {column.name: new.excluded[column.name] for column in table.c if not column.primary_key}
    return new.on_conflict_do_update(index_elements=["id"], set_=changed)
