"""Discount's database: price rules, the first responses to their creation, coupons' limits and their uses."""

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.events import Event, Inbox
from frontispiece.service import IdempotencyRecords, Intent
from frontispiece.stores import Moment, SqlStore
from services.discount.events import OrderCancelled, OrderPlaced
from services.discount.model import (
    EVERY_ARTICLE,
    MAX_PERCENT,
    NO_COUPON,
    Coupon,
    CouponUnknown,
    Discount,
    DiscountNotFound,
    OrderHasCoupon,
    Redemption,
    Terms,
    VersionOutdated,
    best,
    valid_coupon,
)

metadata = sa.MetaData()

discounts = sa.Table(
    "discounts",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("sku", sa.String(64), nullable=False),
    sa.Column("percent", sa.Integer, nullable=False),
    sa.Column("coupon", sa.String(40), nullable=False),
    sa.Column("description", sa.String(500), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.CheckConstraint(f"percent BETWEEN 1 AND {MAX_PERCENT}", name="percent_in_bounds"),
    sa.Index("discounts_by_article", "sku", "coupon"),
)

coupons = sa.Table(
    "coupons",
    metadata,
    sa.Column("code", sa.String(40), primary_key=True),
    sa.Column("uses_per_customer", sa.Integer, nullable=False),
    sa.Column("uses_in_total", sa.Integer, nullable=False),
)

redemptions = sa.Table(
    "redemptions",
    metadata,
    sa.Column("owner", sa.String(200), primary_key=True),
    sa.Column("order_id", sa.String(64), primary_key=True),
    sa.Column("coupon", sa.String(40), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Index("redemptions_of_coupon", "coupon", "owner"),
)

idempotency_records = IdempotencyRecords(metadata)
inbox = Inbox(metadata)


def _best() -> sa.Select[tuple[object, ...]]:
    """The best rules of `skus` for who has one of `coupons`."""
    table = discounts.c
    rank = sa.func.row_number().over(
        partition_by=table.sku, order_by=(table.percent.desc(), table.coupon, table.id)
    )
    applies = table.sku.in_(sa.bindparam("skus", expanding=True)) & table.coupon.in_(
        sa.bindparam("coupons", expanding=True)
    )
    ranked = sa.select(discounts, rank.label("rank")).where(applies).subquery()
    return sa.select(*(ranked.c[column.name] for column in table)).where(ranked.c.rank == 1)


_BEST = _best()


class Store(SqlStore):
    """Price rules and coupons in one database; every method is one transaction.

    Args:
        url: of the database.
        hold: how long a coupon is held for an order that is not placed.
        now: the current time.
    """

    main_table = discounts
    migrations = "services.discount.migrations"

    def __init__(
        self,
        url: str,
        *,
        hold: timedelta = timedelta(minutes=5),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(url, now=now)
        self._hold = hold

    async def add(self, rules: Iterable[Terms | Coupon]) -> None:
        """Insert rules and coupons, all or none."""
        rules = list(rules)
        limited = [asdict(coupon) for coupon in rules if isinstance(coupon, Coupon)]
        async with self.database.write() as tx:
            terms = [asdict(_new(terms)) for terms in rules if isinstance(terms, Terms)]
            await tx.execute(discounts.insert(), terms)
            if limited:
                await tx.execute(coupons.insert(), limited)

    async def discount(self, discount_id: str) -> Discount:
        """One rule.

        Raises:
            DiscountNotFound: there is no rule with this id.
        """
        async with self.database.read() as tx:
            return await _discount(tx, discount_id)

    async def best(self, skus: Sequence[str], coupon: str) -> dict[str, Discount]:
        """The best rule of each of these articles that has one, for a customer with this coupon."""
        wanted = {"skus": [*skus, EVERY_ARTICLE], "coupons": [NO_COUPON, coupon]}
        async with self.database.read() as tx:
            candidates = [Discount(**row._mapping) for row in await tx.execute(_BEST, wanted)]
        found = ((sku, best(candidates, sku)) for sku in skus)
        return {sku: discount for sku, discount in found if discount is not None}

    async def create(self, intent: Intent, terms: Terms) -> Discount:
        """Create a rule; a retry of the same intent gets the first response."""
        async with self.database.write() as tx:
            first = await idempotency_records.find(tx, intent)
            if first is not None:
                return Discount(**first)
            created = _new(terms)
            await idempotency_records.save(tx, intent, asdict(created))
            await tx.execute(discounts.insert().values(asdict(created)))
            return created

    async def update(self, discount_id: str, version: int, terms: Terms) -> Discount:
        """Change a rule; `version` is its current one.

        Raises:
            DiscountNotFound: there is no rule with this id.
            VersionOutdated: the version is another one.
        """
        async with self.database.write() as tx:
            await _check_version(tx, discount_id, version)
            changed = {**asdict(terms), "version": version + 1}
            await tx.execute(discounts.update().where(discounts.c.id == discount_id).values(**changed))
            return Discount(id=discount_id, **changed)

    async def delete(self, discount_id: str, version: int) -> None:
        """Delete a rule; `version` is its current one.

        Raises:
            DiscountNotFound: there is no rule with this id.
            VersionOutdated: the version is another one.
        """
        async with self.database.write() as tx:
            await _check_version(tx, discount_id, version)
            await tx.execute(discounts.delete().where(discounts.c.id == discount_id))

    async def put_coupon(self, coupon: Coupon) -> None:
        """Set a coupon's limits."""
        row = asdict(coupon)
        insert = self._insert(coupons).values(row)
        async with self.database.write() as tx:
            await tx.execute(insert.on_conflict_do_update(index_elements=[coupons.c.code], set_=row))

    async def redeem(self, owner: str, code: str, order_id: str) -> None:
        """Use a coupon for an order, held until it expires; repeating it is harmless.

        Raises:
            CouponUnknown: no rule has this coupon.
            CouponUsed: the customer has used it as often as one customer may.
            CouponExhausted: it has been used as often as all customers together may.
            OrderHasCoupon: another coupon is held for the order, which may yet be placed with it.
        """
        async with self.database.write() as tx:
            coupon = await self._locked_coupon(tx, code)
            mine = (redemptions.c.owner == owner) & (redemptions.c.order_id == order_id)
            earlier = (await tx.execute(sa.select(redemptions).where(mine))).one_or_none()
            if earlier is not None and earlier.state != Redemption.HELD:
                return
            await self._check_uses(tx, coupon, owner, ~mine)
            if await self._put_redemption(tx, owner, order_id, code, Redemption.HELD):
                return
            state = (await tx.execute(sa.select(redemptions.c.state).where(mine))).scalar_one()
            if state == Redemption.HELD:  # else it has ended meanwhile
                raise OrderHasCoupon

    async def check_coupon(self, owner: str, code: str) -> None:
        """Return when the customer may use a coupon for one more order now.

        Raises:
            CouponUsed: the customer has used it as often as one customer may.
            CouponExhausted: it has been used as often as all customers together may.
        """
        async with self.database.read() as tx:
            row = (await tx.execute(sa.select(coupons).where(coupons.c.code == code))).first()
            if row is not None:
                await self._check_uses(tx, Coupon(**row._mapping), owner, sa.true())

    async def placed(self, event: Event[OrderPlaced]) -> None:
        """Make the use of an order's coupon final, also when it is no longer held: the order has its price.

        Raises:
            AlreadyHandled: an earlier delivery was handled.
        """
        async with self.database.write() as tx:
            await inbox.record(tx, event)
            await self._end(tx, event.data, Redemption.PLACED)

    async def cancelled(self, event: Event[OrderCancelled]) -> None:
        """Give back the use of an order's coupon, also when the order is learnt to be placed later.

        Raises:
            AlreadyHandled: an earlier delivery was handled.
        """
        async with self.database.write() as tx:
            await inbox.record(tx, event)
            await self._end(tx, event.data, Redemption.CANCELLED)

    async def _end(self, tx: AsyncConnection, order: OrderPlaced | OrderCancelled, state: Redemption) -> None:
        if coupon := valid_coupon(order.coupon):
            await self._put_redemption(tx, order.owner, order.order_id, coupon, state)

    async def _check_uses(
        self, tx: AsyncConnection, coupon: Coupon, owner: str, counted: sa.ColumnElement[bool]
    ) -> None:
        """Compare the uses of a coupon that are counted with its limits."""
        is_held = (redemptions.c.state == Redemption.HELD) & (redemptions.c.expires_at > self._now())
        is_use = is_held | (redemptions.c.state == Redemption.PLACED)
        is_counted = (redemptions.c.coupon == coupon.code) & is_use & counted
        uses = sa.select(sa.func.count()).select_from(redemptions).where(is_counted)
        if coupon.uses_per_customer:
            coupon.check_customer((await tx.execute(uses.where(redemptions.c.owner == owner))).scalar_one())
        if coupon.uses_in_total:
            coupon.check_total((await tx.execute(uses)).scalar_one())

    async def _locked_coupon(self, tx: AsyncConnection, code: str) -> Coupon:
        """A coupon, locked so that its uses are counted one after the other."""
        row = (await tx.execute(sa.select(coupons).where(coupons.c.code == code).with_for_update())).first()
        if row is not None:
            return Coupon(**row._mapping)
        if (await tx.execute(sa.select(discounts.c.id).where(discounts.c.coupon == code).limit(1))).first():
            return Coupon(code=code)
        raise CouponUnknown

    async def _put_redemption(
        self, tx: AsyncConnection, owner: str, order_id: str, code: str, state: Redemption
    ) -> bool:
        """Store a use; False when the order has one that may not be replaced by it."""
        row = {"coupon": code, "state": state, "expires_at": self._now() + self._hold}
        insert = self._insert(redemptions).values(owner=owner, order_id=order_id, **row)
        keys = [redemptions.c.owner, redemptions.c.order_id]
        changes = redemptions.c.state != Redemption.CANCELLED
        if state is Redemption.HELD:
            is_same = (redemptions.c.coupon == code) | (redemptions.c.expires_at <= self._now())
            changes = (redemptions.c.state == Redemption.HELD) & is_same
        upsert = insert.on_conflict_do_update(index_elements=keys, set_=row, where=changes)
        return (await tx.execute(upsert.returning(redemptions.c.order_id))).first() is not None


async def _check_version(tx: AsyncConnection, discount_id: str, version: int) -> None:
    if (await _discount(tx, discount_id, locked=True)).version != version:
        raise VersionOutdated


async def _discount(tx: AsyncConnection, discount_id: str, *, locked: bool = False) -> Discount:
    query = sa.select(discounts).where(discounts.c.id == discount_id)
    row = (await tx.execute(query.with_for_update() if locked else query)).one_or_none()
    if row is None:
        raise DiscountNotFound
    return Discount(**row._mapping)


def _new(terms: Terms) -> Discount:
    return Discount(id=str(uuid.uuid4()), version=1, **asdict(terms))
