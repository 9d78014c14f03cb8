"""Basket's database: in Valkey, changed by `scripts/`, which say what is kept."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import quote

import msgspec

from frontispiece.events import AlreadyHandled, Event
from frontispiece.http import Problem
from frontispiece.stores import GuardedValkey, ValkeyUnavailable
from services.basket.events import OrderCancelled, OrderPlaced, PriceChanged, ProductRemoved
from services.basket.model import (
    MAX_ARTICLES,
    MAX_QUANTITY,
    ArticlesUnknown,
    Basket,
    BasketChanged,
    BasketEmpty,
    BasketFull,
    Line,
    combine,
)
from shop.money import Money

SCRIPTS = {
    path.stem: path.read_text(encoding="utf-8") for path in Path(__file__).with_name("scripts").glob("*.lua")
}

TIMEOUT = 3.0
"""Seconds that a command may take, the wait for one of the connections included."""

MAX_CONNECTIONS = 20

REMEMBERED = timedelta(days=14)
"""How long the end of a claim and a handled event are remembered: longer than the broker keeps events."""

PRICES = "basket-prices"
"""The key of the copies of prices."""

Result = TypeVar("Result")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Reply(msgspec.Struct, array_like=True):
    """What the script returns."""

    outcome: str
    version: str
    lines: list[tuple[str, int, str, str]]
    waiting: list[tuple[str, int]]
    result: list[tuple[str, int, str]]
    """The claimed lines, or those of articles that are not known."""


class Store:
    """Baskets and claims in one Valkey server; made without I/O, closed with `async with`.

    Every method is atomic and may be repeated; each raises a `Problem`, 503 `store-unavailable`, when the
    server does not respond.

    Args:
        url: `unix://path`, `valkey://host:port/number` or, with TLS, `valkeys://…`.
        idle: how long a basket lives after its last change.
        claim_timeout: how long a claim is held before its lines are given back.
        now: the current time.
    """

    def __init__(
        self,
        url: str,
        *,
        idle: timedelta,
        claim_timeout: timedelta = timedelta(minutes=1),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._valkey = GuardedValkey(
            url, timeout=TIMEOUT, max_connections=MAX_CONNECTIONS, failure_pause=0, name="the baskets' Valkey"
        )
        self._script = self._valkey.script(SCRIPTS["basket"] + SCRIPTS["operations"])
        self._prices_script = self._valkey.script(SCRIPTS["prices"])
        self._idle = idle
        self._claim_timeout = claim_timeout
        self._now = now

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._valkey.__aexit__(*exc)

    async def ping(self) -> None:
        """Return when the server responds."""
        await self._send(self._valkey.client.ping)

    async def basket(self, owner: str) -> Basket:
        """An owner's basket; an empty one when there is none."""
        return _basket(owner, await self._run("read", owner))

    async def put(self, owner: str, sku: str, quantity: int) -> Basket:
        """Set the quantity of one article.

        Raises:
            BasketFull: the article is new, and the basket is full.
            ArticlesUnknown: no price is known of it.
        """
        return await self._change(owner, [(sku, quantity)])

    async def remove(self, owner: str, sku: str) -> Basket:
        """Remove one article."""
        return await self._change(owner, [(sku, 0)])

    async def merge(self, owner: str, lines: Iterable[tuple[str, int]]) -> Basket:
        """Set each article to the larger of its two quantities.

        Raises:
            BasketFull: both together have too many articles; nothing was changed.
            ArticlesUnknown: of some no price is known; nothing was changed.
        """
        return await self._change(owner, list(combine(lines).items()), keep_larger=True)

    async def adopt(self, owner: str, guest: str) -> Basket:
        """Merge a guest's basket into the owner's; the articles beyond the limit stay in the guest's."""
        return _basket(owner, await self._run("adopt", owner, key=_key("basket", guest)))

    async def delete(self, owner: str) -> None:
        """Empty an owner's basket, if there is one."""
        await self._run("delete", owner)

    async def claim(self, owner: str, order_id: str, version: int) -> dict[str, int]:
        """Take all lines out of the basket for an order; returns their quantities by sku.

        An order that has claimed before gets the lines of then, unless they were given back.

        Raises:
            BasketEmpty: there are no lines.
            BasketChanged: the basket's version is another one.
        """
        reply = await self._run("claim", owner, order=order_id, version=str(version))
        if reply.outcome == "empty":
            raise BasketEmpty
        if reply.outcome == "changed":
            raise BasketChanged(int(reply.version))
        return {sku: quantity for sku, quantity, _ in sorted(reply.result)}

    async def release(self, owner: str, order_id: str) -> Basket:
        """Give the lines of a claim back to the basket, unless its order is placed."""
        return _basket(owner, await self._run("release", owner, order=order_id))

    async def learn(self, prices: Mapping[str, Money]) -> None:
        """Keep copies of prices that catalog was asked for; an event of catalog replaces them."""
        lines = [part for sku, price in prices.items() for part in (sku, 0, _text(price))]
        if lines:
            await self._put_prices(lines)

    async def price_changed(self, event: Event[PriceChanged]) -> None:
        """Keep a copy of a price, unless a later one is known."""
        changed = event.data
        price = Money(amount=changed.amount, currency=changed.currency)
        await self._put_prices([changed.sku, changed.version, _text(price)])

    async def product_removed(self, event: Event[ProductRemoved]) -> None:
        """Forget a price, unless a later one is known: the article can no longer be put into a basket."""
        await self._put_prices([event.data.sku, event.data.version, ""])

    async def _put_prices(self, arguments: list[str | int]) -> None:
        await self._send(lambda: self._prices_script([PRICES], arguments))

    async def placed(self, event: Event[OrderPlaced]) -> None:
        """Make a claim final; lines that were given back are taken out again, as far as they are there.

        Raises:
            AlreadyHandled: an earlier delivery was handled.
        """
        await self._handle("placed", event)

    async def cancelled(self, event: Event[OrderCancelled]) -> None:
        """End a claim; with `restore_basket` the order's lines come back, once.

        Raises:
            AlreadyHandled: an earlier delivery was handled.
        """
        await self._handle("cancelled", event, restore=event.data.restore_basket)

    async def _handle(
        self, operation: str, event: Event[OrderPlaced] | Event[OrderCancelled], **arguments: Any
    ) -> None:
        order = event.data
        inbox_key = _key("basket-inbox", event.source, event.id)
        lines = [(line.sku, line.quantity) for line in order.lines]
        reply = await self._run(
            operation, order.owner, inbox_key, order=order.order_id, lines=lines, **arguments
        )
        if reply.outcome == "handled":
            raise AlreadyHandled(event.id)

    async def _change(self, owner: str, lines: list[tuple[str, int]], *, keep_larger: bool = False) -> Basket:
        reply = await self._run("change", owner, lines=lines, keep_larger=keep_larger)
        if reply.outcome == "full":
            raise BasketFull
        if reply.outcome == "unknown":
            raise ArticlesUnknown(tuple(sku for sku, _, _ in reply.result))
        return _basket(owner, reply)

    async def _run(self, operation: str, owner: str, key: str = "", **arguments: Any) -> _Reply:
        limits = {
            "articles": MAX_ARTICLES,
            "quantity": MAX_QUANTITY,
            "now": _microseconds(self._now() - EPOCH),
            "claim": _microseconds(self._claim_timeout),
            "remember_ms": _microseconds(REMEMBERED) // 1000,
            "idle_ms": _microseconds(self._idle) // 1000,
        }
        order_key = _key("basket-order", owner, str(arguments.get("order", "")))
        keys = [_key("basket", owner), _key("basket-claims", owner), PRICES, key, order_key]
        encoded: list[str | bytes] = [
            operation,
            msgspec.msgpack.encode(arguments),
            msgspec.msgpack.encode(limits),
        ]
        packed: bytes = await self._send(lambda: self._script(keys, encoded))
        return msgspec.msgpack.decode(packed, type=_Reply)

    async def _send(self, command: Callable[[], Awaitable[Result]]) -> Result:
        try:
            return await self._valkey.run(command)
        except ValkeyUnavailable as error:
            raise Problem(
                503, "store-unavailable", "Baskets cannot be reached right now.", headers={"Retry-After": "1"}
            ) from error


def _key(kind: str, *names: str) -> str:
    return ":".join((kind, *(quote(name, safe="") for name in names)))


def _microseconds(time: timedelta) -> int:
    return time // timedelta(microseconds=1)


def _basket(owner: str, reply: _Reply) -> Basket:
    waiting: Counter[str] = Counter()
    for sku, quantity in reply.waiting:
        waiting[sku] += quantity
    lines = (
        Line(sku=sku, quantity=quantity, price_when_added=_money(price), current_price=_money(current))
        for sku, quantity, price, current in sorted(reply.lines)
    )
    return Basket(
        owner=owner, lines=tuple(lines), version=int(reply.version), waiting=dict(sorted(waiting.items()))
    )


def _text(price: Money) -> str:
    return f"{price.amount} {price.currency}"


def _money(text: str) -> Money | None:
    amount, _, currency = text.partition(" ")
    return Money(amount=int(amount), currency=currency) if amount else None
