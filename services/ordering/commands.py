"""What a customer does with orders: place one, cancel one.

Placing prices what the customer has seen, and answers at once; the saga does the rest. One Idempotency-Key of
a customer has one order id, which is stored before all else. The steps until the order is stored are
harmless to repeat, and what they hold (the basket's lines, a use of the coupon) is given back on its own when
no order comes of it.
"""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from frontispiece.http import Problem
from frontispiece.service import Intent
from services.ordering.clients import Clients, Discount
from services.ordering.domain_events import Address, Delivery, Placed
from services.ordering.event_store import Conflict
from services.ordering.model import (
    Bill,
    Item,
    MixedCurrencies,
    TooExpensive,
    UnknownArticles,
    price,
)
from services.ordering.order import Cancel, Command, KeyReused, Place, TooLate
from services.ordering.shards import Shards
from services.ordering.store import Written
from shop.money import MAX_AMOUNT, Money

log = logging.getLogger(__name__)

PICKUP: Final = "pickup"
"""The method of orders that customers come for; it costs nothing."""

First = TypeVar("First")
Second = TypeVar("Second")


@dataclass(frozen=True, kw_only=True, slots=True)
class Purchase:
    """What a customer wants to order: a basket as they have seen it, for the total that they have seen.

    `coupon` is empty for none, `client` where it is not known, `store` unless the method is `PICKUP`.
    """

    basket_version: int
    total: Money
    coupon: str
    method: str
    address: Address
    store: str
    payment_token: str
    client: str


class Commands:
    """Places and cancels orders."""

    def __init__(self, shards: Shards) -> None:
        self._shards = shards

    async def place(self, intent: Intent, purchase: Purchase, clients: Clients) -> Written:
        """The order of this intent, placed now or before.

        Raises:
            Problem: 409 `basket-changed`, `total-changed`, `article-unknown` or `currencies-mixed`; 422
                `basket-empty`, `coupon-invalid`, `coupon-used`, `order-has-coupon`, `country-not-served`,
                `method-unknown`, `store-unknown`, `order-too-large` or `idempotency-key-reused`; 502, 503 or
                504 when a service that is needed fails. Nothing is ordered then.
        """
        id_, is_known = await self._shards.reserve_id(intent)
        if is_known and (found := await self._find(id_, intent)) is not None:
            return found
        try:
            items = await clients.baskets.claim(intent.owner, id_, purchase.basket_version)
            placed = await self._price(intent, items, purchase, clients)
            if purchase.coupon:
                await clients.discounts.redeem(purchase.coupon, id_)
        except Problem:
            if (found := await self._find(id_, intent)) is not None:  # another attempt was faster
                return found
            await _release(intent.owner, id_, clients)
            raise
        try:
            return await self._execute(id_, intent.owner, Place(placed=placed))
        except KeyReused:
            raise _key_reused() from None

    async def cancel(self, id_: str, owner: str) -> Written:
        """Cancel an owner's order; repeating it is harmless.

        Raises:
            Problem: 404 `order-unknown`; 409 `order-confirmed` when it is too late.
        """
        found = await self._shards.find(id_, owner)
        if found is None:
            raise Problem(404, "order-unknown", "You have no such order.")
        try:
            return await self._execute(id_, owner, Cancel())
        except TooLate:
            raise Problem(
                409, "order-confirmed", "The order is confirmed, and can no longer be cancelled."
            ) from None

    async def _execute(self, id_: str, owner: str, command: Command) -> Written:
        try:
            return await self._shards.execute(id_, owner, command)
        except Conflict:
            raise Problem(
                409,
                "request-in-progress",
                "Others are changing this order. Try again.",
                headers={"Retry-After": "1"},
            ) from None

    async def _find(self, id_: str, intent: Intent) -> Written | None:
        found = await self._shards.find(id_, intent.owner)
        if found is not None and found.order.digest != intent.digest:
            raise _key_reused()
        return found

    async def _price(
        self, intent: Intent, items: Sequence[Item], purchase: Purchase, clients: Clients
    ) -> Placed:
        bill, (delivery, currency) = await _all(
            _bill(items, purchase.coupon, clients), _delivery(items, purchase, clients)
        )
        if currency not in {None, bill.currency}:
            raise Problem(409, "currencies-mixed", "Delivery is priced in another currency than the goods.")
        placed = Placed(
            owner=intent.owner,
            digest=intent.digest,
            currency=bill.currency,
            lines=bill.lines,
            coupon=purchase.coupon,
            basket_version=purchase.basket_version,
            delivery=delivery,
            payment_token=purchase.payment_token,
            placed_at=datetime.now(UTC),
            client=purchase.client,
        )
        amount = bill.total + delivery.amount
        if amount > MAX_AMOUNT:
            raise Problem(422, "order-too-large", "These articles cost more than one order may.")
        total = Money(amount=amount, currency=bill.currency)
        if total != purchase.total:
            raise Problem(
                409, "total-changed", "The order would cost another amount.", total=total.model_dump()
            )
        return placed


async def _bill(items: Sequence[Item], coupon: str, clients: Clients) -> Bill:
    skus = [item.sku for item in items]
    articles, discounts = await _all(clients.catalog.articles(skus), clients.discounts.best(skus, coupon))
    try:
        bill = price(items, articles, {sku: best.percent for sku, best in discounts.items()})
    except UnknownArticles as error:
        raise Problem(409, "article-unknown", str(error), skus=error.skus) from None
    except MixedCurrencies as error:
        raise Problem(409, "currencies-mixed", str(error)) from None
    except TooExpensive as error:
        raise Problem(422, "order-too-large", str(error)) from None
    if coupon and not _is_used(coupon, list(discounts.values())):
        raise Problem(422, "coupon-invalid", "The coupon takes nothing off this basket.")
    return bill


async def _delivery(
    items: Sequence[Item], purchase: Purchase, clients: Clients
) -> tuple[Delivery, str | None]:
    """The delivery, and the currency of its price; None where it costs nothing."""
    method, address = purchase.method, purchase.address
    if method == PICKUP:
        pickup = await clients.pickup.offer(purchase.store)
        return Delivery(method=method, address=address, amount=0, pickup=pickup), None
    pieces = sum(item.quantity for item in items)
    quoted = await clients.shipping.quote(address.country, pieces, method)
    if quoted is None:
        raise Problem(422, "method-unknown", "There is no such delivery to this country.")
    return Delivery(method=method, address=address, amount=quoted.amount), quoted.currency


async def _all(
    first: Coroutine[Any, Any, First], second: Coroutine[Any, Any, Second]
) -> tuple[First, Second]:
    """The results of both, run at once; the first failure cancels the other and is raised."""
    try:
        async with asyncio.TaskGroup() as tasks:
            both = tasks.create_task(first), tasks.create_task(second)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return both[0].result(), both[1].result()


async def _release(owner: str, id_: str, clients: Clients) -> None:
    try:
        await clients.baskets.release(owner, id_)
    except Problem as error:  # the claim ends on its own
        log.warning("The basket of %s is not given back yet: %s", id_, error)


def _is_used(coupon: str, discounts: Sequence[Discount]) -> bool:
    return any(best.coupon.casefold() == coupon.casefold() for best in discounts)


def _key_reused() -> Problem:
    return Problem(422, "idempotency-key-reused", "This Idempotency-Key came with another request before.")
