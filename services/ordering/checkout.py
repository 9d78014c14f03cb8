"""From a basket to a confirmed order, one step after the other, each of them harmless to repeat.

What a client means to order once (its Idempotency-Key) has one order id, always the same. Its steps:

1. the basket is read and priced, and the order written down as pending with its lines and a reservation key
   of its own; from then on neither what the basket holds nor what things cost matters;
2. inventory sets the pieces aside under that key, and the reservation is noted in the order;
3. inventory takes the pieces of the noted reservation off the shelf;
4. the order is confirmed, and what was ordered leaves the basket.

Guaranteed, whenever a step fails or the process dies, and however many tries with the same key run at once:
there is one order, its pieces are sold once, and a later try carries on where the last one stopped, with the
lines and prices of the first. A reservation that has ended meanwhile is made anew. When stock does not
suffice, the pending order is forgotten, and the same key may be tried again with what the basket then holds.

Left to the checkout saga: an order that nobody tries again stays pending, and is shown as such, even when its
pieces are sold already. The basket may stay full when step 4 stops half-way. And when two tries with one key
run at once while stock runs out or comes in, one of them may leave a reservation behind that no order knows;
it ends by itself after `HELD_SECONDS`.
"""

import logging
from collections.abc import Sequence
from typing import Final

from kit.idempotency import Intent
from kit.problems import Problem
from services.ordering.clients import Clients, Discount, OutOfStock
from services.ordering.model import (
    Bill,
    Item,
    MixedCurrencies,
    Order,
    Status,
    TooExpensive,
    UnknownArticles,
    price,
)
from services.ordering.store import Store, in_progress
from services.ordering.upstream import Carried

log = logging.getLogger(__name__)

HELD_SECONDS: Final = 300
"""How long pieces stay set aside for an order that stops half-way."""

STEPS: Final = 8
"""Most steps of one try: enough to make an ended reservation anew, too few to do so for ever."""


class Checkout:
    """Places orders."""

    def __init__(self, store: Store, clients: Clients) -> None:
        self._store = store
        self._clients = clients

    async def place(self, intent: Intent, coupon: str, carried: Carried) -> Order:
        """The confirmed order of this intent, made now or before; `coupon` is empty for none.

        Raises:
            Problem: 422 `basket-empty`, `coupon-invalid`, `order-too-large` or `idempotency-key-reused`;
                409 `article-unknown`, `currencies-mixed`, `out-of-stock` or `request-in-progress`;
                502, 503 or 504 when a service that is needed fails.
        """
        order = await self._store.find(intent) or await self._start(intent, coupon, carried)
        for _ in range(STEPS):
            if order.status is Status.CONFIRMED:
                return order
            step = self._set_aside if order.reservation_id is None else self._sell
            order = await step(order, carried)
        raise Problem(
            502, "upstream-failed", "inventory ends every reservation at once.", service="inventory"
        )

    async def _start(self, intent: Intent, coupon: str, carried: Carried) -> Order:
        if items := await self._clients.basket.items(intent.owner, carried):
            return await self._store.start(intent, await self._bill(items, coupon, carried))
        if other := await self._store.find(intent):  # another try with this key has just emptied the basket
            return other
        raise Problem(422, "basket-empty", "There is nothing in the basket.")

    async def _bill(self, items: Sequence[Item], coupon: str, carried: Carried) -> Bill:
        skus = [item.sku for item in items]
        articles = await self._clients.catalog.articles(skus, carried)
        sold = [sku for sku in skus if sku in articles]
        discounts = await self._clients.discounts.best(sold, coupon, carried)
        try:
            bill = price(items, articles, {sku: best.percent for sku, best in discounts.items()})
        except UnknownArticles as fault:
            raise Problem(409, "article-unknown", str(fault), skus=fault.skus) from None
        except MixedCurrencies as fault:
            raise Problem(409, "currencies-mixed", str(fault)) from None
        except TooExpensive as fault:
            raise Problem(422, "order-too-large", str(fault)) from None
        if coupon and not _used(coupon, [discounts[sku] for sku in sold if sku in discounts]):
            raise Problem(422, "coupon-invalid", "The coupon takes nothing off this basket.")
        return bill

    async def _set_aside(self, order: Order, carried: Carried) -> Order:
        try:
            reservation_id = await self._clients.inventory.reserve(
                order.reservation_key, _items(order), HELD_SECONDS, carried
            )
        except OutOfStock as fault:
            # Another try with this key may have been luckier and noted its reservation: then that one counts.
            if other := await self._store.withdraw(order):
                return other
            raise Problem(409, "out-of-stock", str(fault), lines=fault.lines) from None
        return _still_there(await self._store.hold(order, reservation_id))

    async def _sell(self, order: Order, carried: Carried) -> Order:
        assert order.reservation_id is not None
        if not await self._clients.inventory.commit(order.reservation_id, carried):
            return _still_there(await self._store.renew(order))
        confirmed = _still_there(await self._store.confirm(order))
        await self._take_out_of_basket(order, carried)
        return confirmed

    async def _take_out_of_basket(self, order: Order, carried: Carried) -> None:
        """Only what lies there as it was ordered: what came or changed since then stays."""
        ordered = _items(order)
        basket = self._clients.basket
        try:
            held = await basket.items(order.owner, carried)
            if all(item in ordered for item in held):
                await basket.clear(order.owner, carried)
                return
            for item in held:
                if item in ordered:
                    await basket.remove(order.owner, item.sku, carried)
        except Problem as fault:  # the order stands; a basket that stays full can be emptied by its owner
            log.warning("The basket of order %s stays as it is: %s", order.id, fault)


def _used(coupon: str, discounts: Sequence[Discount]) -> bool:
    return any(best.coupon.casefold() == coupon.casefold() for best in discounts)


def _items(order: Order) -> list[Item]:
    return [Item(sku=line.sku, quantity=line.quantity) for line in order.bill.lines]


def _still_there(order: Order | None) -> Order:
    if order is None:  # another try with the same key found too little in stock and has withdrawn the order
        raise in_progress()
    return order
