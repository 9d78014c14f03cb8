"""One shard: the owners of some buckets, with what they follow, their timelines and the news of all brands.

Each shard has all news, so that a timeline is read from one database. Whether a piece of news is written into
timelines (fan-out on write) or found by its brand (on read) is decided once, with the news itself, by the
followers that its brand has in this shard then. A follower's timeline is defined without that: the news of a
followed brand that are newer than `since`. So it is all the same when a brand crosses the limit, or when an
owner follows it meanwhile: the brand's row is locked by whoever adds news or followers of it.
"""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.errors import ConfigError
from frontispiece.stores import SqlStore
from services.feed import reading
from services.feed.ids import first_id, free_id, ids_of
from services.feed.model import BACKFILL, MAX_FOLLOWS, Kind, News, Timeline, TooManyFollows, hour_of
from services.feed.tables import ONLY_ROW, brands, follows, generations, news, readers, timelines
from shop.replay import RETENTION

MAX_DELAY: Final = 100
"""Milliseconds by which news may be later than their fact, since all ids before are taken."""

FORGOTTEN_AT_ONCE: Final = 20
"""News that are forgotten in one transaction, each with its rows in timelines."""

_IDS: Final = sa.select(news.c.id).where(
    news.c.generation == sa.bindparam("of"), news.c.id.between(sa.bindparam("first"), sa.bindparam("last"))
)
_LEAD: Final[sa.Select[Any]] = (
    sa.select(news.c.id, news.c.at, news.c.fact_id)
    .where(
        news.c.generation == sa.bindparam("of"),
        news.c.brand == sa.bindparam("brand"),
        news.c.is_fanned_out.in_([True, False]),  # so that the index has their ids in order
        news.c.id >= sa.bindparam("first"),
        news.c.at.between(sa.bindparam("begin"), sa.bindparam("end")),
        news.c.kind == Kind.ADDED,
        news.c.lead.is_(None),
    )
    .order_by(news.c.id)
    .limit(1)
)
_GENERATION: Final = sa.bindparam("of", type_=sa.Integer)
_NEW: Final = sa.bindparam("new", type_=sa.BigInteger)
_BRAND: Final = sa.bindparam("brand", type_=sa.String)
_OWNER: Final = sa.bindparam("owner", type_=sa.String)
_SINCE: Final = sa.bindparam("since", type_=sa.BigInteger)
_MORE: Final = sa.bindparam("more", type_=sa.Integer)
_ROWS: Final = ["generation", "owner", "id"]
_FAN_OUT: Final = timelines.insert().from_select(
    _ROWS,
    sa.select(_GENERATION, follows.c.owner, _NEW).where(follows.c.brand == _BRAND, follows.c.since < _NEW),
)
_BACKFILL: Final = timelines.insert().from_select(
    _ROWS,
    sa.select(news.c.generation, _OWNER, news.c.id).where(
        news.c.brand == _BRAND, news.c.is_fanned_out, news.c.id > _SINCE
    ),
)
_FOLLOWERS: Final = sa.select(follows.c.owner).where(follows.c.brand == _BRAND)
_WITHDRAW: Final = timelines.delete().where(
    timelines.c.generation == _GENERATION, timelines.c.owner.in_(_FOLLOWERS), timelines.c.id == _NEW
)
_JOIN_LINE: Final = (
    news.update()
    .where(
        news.c.generation == _GENERATION,
        (news.c.id == sa.bindparam("line")) | (news.c.lead == sa.bindparam("line")),
    )
    .values(lead=_NEW, is_fanned_out=False)
)
_DELETE: Final = news.delete().where(news.c.generation == _GENERATION, news.c.id == _NEW)
_LIVE: Final = sa.select(generations.c.current, generations.c.building)
_FOLLOWS: Final = sa.select(follows.c.brand).where(follows.c.owner == sa.bindparam("owner"))


class NoIdLeft(Exception):
    """A brand has more news in one moment than there are ids."""


class Shard(SqlStore):
    """One database of feed; every method is one transaction, unless it says otherwise.

    Args:
        url: of the database.
        limit: the followers of a brand up to which its news are fanned out on write.
        place: the buckets whose owners it has; a database with others is refused.
        now: the current time.
    """

    main_table = follows
    migrations = "services.feed.migrations"

    def __init__(
        self,
        url: str,
        *,
        limit: int,
        place: str = "all",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(url, now=now)
        self._limit = limit
        self._place = place
        change = self._insert(brands).values(brand=_BRAND, followers=_MORE)
        change = change.on_conflict_do_update(
            index_elements=[brands.c.brand], set_={"followers": brands.c.followers + _MORE}
        )
        self._change = change.returning(brands.c.followers)
        add = self._insert(news).on_conflict_do_nothing(index_elements=["generation", "fact_id"])
        self._add = add.returning(news.c.id)
        self.is_complete = False
        """Whether its news were ever rebuilt; those of a new database are only what came since."""

    async def __aenter__(self) -> Self:
        """Open it.

        Raises:
            ConfigError: the database has another place among the shards.
        """
        await super().__aenter__()
        try:
            await self._take_place()
        except BaseException:
            await self.database.__aexit__(None, None, None)
            raise
        return self

    async def _take_place(self) -> None:
        first = {"id": ONLY_ROW, "current": 1, "is_complete": False, "place": self._place}
        async with self.database.write() as tx:
            await tx.execute(self._insert(generations).values(first).on_conflict_do_nothing())
            row = (await tx.execute(sa.select(generations))).one()
        if row.place != self._place:
            url = self.database.engine.url.render_as_string()
            other = f"{url} has the owners of the buckets {row.place}, not of {self._place}"
            raise ConfigError([f"FEED_SHARDS: {other}"])
        self.is_complete = row.is_complete and row.building is None

    async def follows(self, owner: str) -> list[str]:
        """The brands that an owner follows, by id."""
        async with self.database.read() as tx:
            return sorted(await tx.scalars(_FOLLOWS, {"owner": owner}))

    async def follow(self, owner: str, brand: str) -> None:
        """Follow a brand; again, it changes nothing.

        Raises:
            TooManyFollows: the owner follows as many others as one may.
        """
        now = self._now()
        since = first_id(now - BACKFILL)
        async with self.database.write() as tx:
            await self._locked(tx, brand)
            others = set(await tx.scalars(_FOLLOWS, {"owner": owner}))
            if brand in others:
                return
            if len(others) >= MAX_FOLLOWS:
                raise TooManyFollows(f"You follow {MAX_FOLLOWS} brands.")
            await tx.execute(follows.insert().values(owner=owner, brand=brand, since=since))
            await self._locked(tx, brand, more=1)
            await tx.execute(_BACKFILL, {"owner": owner, "brand": brand, "since": since})
            # what was there before somebody followed anything is not new to them
            reader = self._insert(readers).values(owner=owner, read_up_to=first_id(now))
            await tx.execute(reader.on_conflict_do_nothing())

    async def unfollow(self, owner: str, brand: str) -> None:
        """Follow a brand no more; again, it changes nothing."""
        async with self.database.write() as tx:
            await self._locked(tx, brand)
            of = (follows.c.owner == owner) & (follows.c.brand == brand)
            if (await tx.execute(follows.delete().where(of))).rowcount == 0:
                return
            await self._locked(tx, brand, more=-1)
            of_brand = sa.select(news.c.generation, news.c.id).where(
                news.c.brand == brand, news.c.is_fanned_out
            )
            key = sa.tuple_(timelines.c.generation, timelines.c.id)
            await tx.execute(timelines.delete().where(timelines.c.owner == owner, key.in_(of_brand)))

    async def _locked(self, tx: AsyncConnection, brand: str, *, more: int = 0) -> int:
        """The followers of a brand after this change; others that lock it wait for the transaction."""
        followers: int = (await tx.execute(self._change, {"brand": brand, "more": more})).scalar_one()
        return followers

    async def add(self, new: News, *, only: int | None = None) -> None:
        """Add news; again, it changes nothing.

        Args:
            new: the news.
            only: the generation that gets it; by default all that get what happens now.
        """
        if new.at < self._now() - RETENTION:
            return
        async with self.database.write() as tx:
            followers = await self._locked(tx, new.brand)
            live = (await tx.execute(_LIVE)).one()
            for generation in [only] if only is not None else filter(None, live):
                await self._add_to(tx, generation, new, is_fanned_out=followers <= self._limit)

    async def _add_to(self, tx: AsyncConnection, generation: int, new: News, *, is_fanned_out: bool) -> None:
        new_id = await self._free_id(tx, generation, new)
        line = await self._line(tx, generation, new) if new.kind is Kind.ADDED else None
        is_first = line is None or (new.at, new.fact_id) < (line.at, line.fact_id)  # whatever came first here
        lead = None if line is None or is_first else line.id
        is_fanned_out = is_fanned_out and is_first
        of = {"generation": generation, "id": new_id, "is_fanned_out": is_fanned_out, "lead": lead}
        if (await tx.execute(self._add, {**asdict(new), **of})).first() is None:
            return
        if line is not None and is_first:
            await tx.execute(_WITHDRAW, {"of": generation, "brand": new.brand, "new": line.id})
            await tx.execute(_JOIN_LINE, {"of": generation, "line": line.id, "new": new_id})
        if is_fanned_out:
            await tx.execute(_FAN_OUT, {"of": generation, "brand": new.brand, "new": new_id})

    async def _line(self, tx: AsyncConnection, generation: int, new: News) -> sa.Row[Any] | None:
        """The news of the article that leads the line of an hour; None when there is none yet."""
        begin = hour_of(new.at)
        end = begin + timedelta(hours=1, microseconds=-1)
        of = {"of": generation, "brand": new.brand, "first": first_id(begin), "begin": begin, "end": end}
        row: sa.Row[Any] | None = (await tx.execute(_LEAD, of)).one_or_none()
        return row

    async def _free_id(self, tx: AsyncConnection, generation: int, new: News) -> int:
        """An id of the news' moment; of the next millisecond that has one, when an import has filled it."""
        for later in range(MAX_DELAY):
            ids = ids_of(new.at + timedelta(milliseconds=later), new.brand)
            of_ids = {"of": generation, "first": ids[0], "last": ids[-1]}
            found = free_id(ids, new.fact_id, set(await tx.scalars(_IDS, of_ids)))
            if found is not None:
                return found
        raise NoIdLeft(f"{new.brand} has too many news at {new.at}.")

    async def timeline(self, owner: str, limit: int, before: int | None = None) -> Timeline:
        """The newest news of an owner, or those that are older than an id."""
        async with self.database.read() as tx:
            return await reading.timeline(tx, owner, limit, before)

    async def mark_read(self, owner: str, up_to: int) -> None:
        """Set up to which id an owner has read; it never goes back, nor beyond now."""
        read = self._insert(readers).values(owner=owner, read_up_to=min(up_to, first_id(self._now())))
        further = read.on_conflict_do_update(
            index_elements=[readers.c.owner],
            set_={"read_up_to": read.excluded.read_up_to},
            where=readers.c.read_up_to < read.excluded.read_up_to,
        )
        async with self.database.write() as tx:
            await tx.execute(further)

    async def begin_rebuild(self) -> int:
        """The generation that a rebuild is to fill; that of one that was killed, with what it has."""
        begun = sa.func.coalesce(generations.c.building, generations.c.current + 1)
        async with self.database.write() as tx:
            begin = generations.update().values(building=begun).returning(generations.c.building)
            generation: int = (await tx.execute(begin)).scalar_one()
            return generation

    async def end_rebuild(self, generation: int) -> None:
        """Let a generation serve from now on; nothing, when another copy of the service has done it."""
        serve = generations.update().values(current=generation, building=None, is_complete=True)
        async with self.database.write() as tx:
            await tx.execute(serve.where(generations.c.building == generation))
        self.is_complete = True

    async def forget(self) -> bool:
        """Delete some news that are too old or of a former generation; whether there may be more."""
        live = sa.select(generations.c.current).union_all(
            sa.select(generations.c.building).where(generations.c.building.is_not(None))
        )
        oldest = first_id(self._now() - RETENTION)
        old = sa.select(news.c.generation, news.c.id, news.c.brand).where(
            (news.c.id < oldest) | news.c.generation.not_in(live)
        )
        async with self.database.read() as tx:
            rows = (await tx.execute(old.limit(FORGOTTEN_AT_ONCE))).all()
        for row in rows:
            async with self.database.write() as tx:
                await self._locked(tx, row.brand)
                await tx.execute(_WITHDRAW, {"of": row.generation, "brand": row.brand, "new": row.id})
                await tx.execute(_DELETE, {"of": row.generation, "new": row.id})
        return len(rows) == FORGOTTEN_AT_ONCE
