"""A timeline as it is read: what was fanned out to its owner, and what is found by the brands, merged."""

from dataclasses import fields
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from services.feed.model import MAX_UNREAD, NEWEST, Item, Kind, Timeline
from services.feed.tables import follows, generations, news, readers, timelines


class _CrossJoin(sa.Join):
    """A join that SQLite works out from the left: of itself it would look at all news for the brands' few."""

    inherit_cache = True


@compiles(_CrossJoin)
def _cross_join(join: _CrossJoin, compiler: SQLCompiler, **how: Any) -> str:
    return f"{compiler.process(join.left, **how)} CROSS JOIN {compiler.process(join.right, **how)}"


_CURRENT: Final = sa.select(generations.c.current).scalar_subquery()
_OWNER: Final = sa.bindparam("owner", type_=sa.String)
_READ_UP_TO: Final = sa.func.coalesce(
    sa.select(readers.c.read_up_to).where(readers.c.owner == _OWNER).scalar_subquery(), 0
)

_WRITTEN: Final = sa.select(timelines.c.id).where(
    timelines.c.generation == _CURRENT, timelines.c.owner == _OWNER
)
_FOUND: Final = (
    sa.select(news.c.id)
    .select_from(_CrossJoin(follows, news, sa.true()))
    .where(
        news.c.brand == follows.c.brand,
        follows.c.owner == _OWNER,
        news.c.generation == _CURRENT,
        sa.not_(news.c.is_fanned_out),
        news.c.lead.is_(None),
        news.c.id > follows.c.since,
    )
)


def _newest(ids: sa.Select[Any], id_: sa.ColumnElement[int]) -> sa.Select[Any]:
    return ids.where(id_ < sa.bindparam("before")).order_by(id_.desc()).limit(sa.bindparam("limit"))


def _unread(ids: sa.Select[Any], id_: sa.ColumnElement[int]) -> sa.ScalarSelect[int]:
    some = ids.where(id_ > _READ_UP_TO).limit(MAX_UNREAD).subquery()
    return sa.select(sa.func.count()).select_from(some).scalar_subquery()


_NEWEST: Final = sa.union_all(
    sa.select(_newest(_WRITTEN, timelines.c.id).subquery()), sa.select(_newest(_FOUND, news.c.id).subquery())
).subquery()
_members = news.alias("members")
_OTHERS: Final = (
    sa.select(sa.func.count())
    .where(_members.c.generation == news.c.generation, _members.c.lead == news.c.id)
    .scalar_subquery()
    .label("others")
)
_ITEMS: Final = (
    sa.select(*(news.c[field.name] for field in fields(Item) if field.name != "others"), _OTHERS)
    .join(_NEWEST, _NEWEST.c.id == news.c.id)
    .where(news.c.generation == _CURRENT)
    .order_by(news.c.id.desc())
    .limit(sa.bindparam("limit"))
)
_STATE: Final = sa.select(
    _READ_UP_TO.label("read_up_to"),
    (_unread(_WRITTEN, timelines.c.id) + _unread(_FOUND, news.c.id)).label("unread"),
)

_FOLLOWS: Final = sa.select(follows.c.brand).where(follows.c.owner == _OWNER)


async def timeline(tx: AsyncConnection, owner: str, limit: int, before: int | None) -> Timeline:
    """The newest news of an owner, or those that are older than an id."""
    state = (await tx.execute(_STATE, {"owner": owner})).one()
    wanted = {"owner": owner, "before": NEWEST if before is None else before, "limit": limit + 1}
    items = [Item(**{**row._mapping, "kind": Kind(row.kind)}) for row in await tx.execute(_ITEMS, wanted)]
    return Timeline(
        items=tuple(items[:limit]),
        follows=tuple(sorted(await tx.scalars(_FOLLOWS, {"owner": owner}))),
        more=len(items) > limit,
        read_up_to=state.read_up_to,
        unread=min(state.unread, MAX_UNREAD),
    )
