"""Whatever happens to a basket and its claims, in whichever order: no piece is lost, and none doubled."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import ClassVar, TypeVar
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from services.basket import store as module
from services.basket.events import OrderCancelled, OrderedLine, OrderPlaced
from services.basket.model import Basket, BasketChanged, BasketEmpty, BasketFull
from services.basket.store import Store
from shop.money import Money
from tests.support.clock import Calendar
from tests.support.events import event

Result = TypeVar("Result")

ARTICLES = ["PEN", "INK", "CAP", "LAMP"]
SKUS = st.sampled_from(ARTICLES)
ORDER_IDS = ["o1", "o2", "o3", "o4", "o5"]
ORDERS = st.sampled_from(ORDER_IDS)
TIMEOUT = timedelta(seconds=60)


class Order:
    """One order, as the test sees it: its claims, what it holds now, and what was ordered at last."""

    def __init__(self) -> None:
        self.claims: list[Counter[str]] = []
        self.held: Counter[str] = Counter()
        self.held_until = datetime.max.replace(tzinfo=UTC)
        self.lines: Counter[str] | None = None
        """Once it is placed or cancelled."""
        self.placed = self.cancelled = False

    def hold(self, lines: Counter[str], until: datetime) -> None:
        """Hold these lines."""
        self.held, self.held_until = lines, until


class Baskets(RuleBasedStateMachine):
    """One owner's basket with two articles at most, of five pieces at most."""

    url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = Calendar()
        self.owner = f"reader {uuid4()}"
        self.store = Store(self.url, idle=timedelta(days=30), claim_timeout=TIMEOUT, now=self.clock)
        self.run(self.store.learn(dict.fromkeys(ARTICLES, Money(amount=1000, currency="EUR"))))
        self.orders = {order_id: Order() for order_id in ORDER_IDS}
        self.versions = [0]
        self.states: dict[int, dict[str, int]] = {}
        self.balance: Counter[str] = Counter()
        """Pieces that the customer has put in, has not taken out and has not bought."""

    def teardown(self) -> None:
        self.run(self.store.__aexit__(None, None, None))
        self.runner.close()

    def run(self, call: Awaitable[Result]) -> Result:
        async def called() -> Result:
            return await call

        return self.runner.run(called())

    def basket(self) -> Basket:
        basket = self.run(self.store.basket(self.owner))
        for order in self.orders.values():
            if order.held_until <= self.clock.now:
                order.held = Counter()
        self.versions.append(basket.version)
        return basket

    def pieces(self) -> Counter[str]:
        return all_of(self.basket())

    @contextmanager
    def customers_change(self) -> Iterator[None]:
        before = self.pieces()
        yield
        self.balance.update(self.pieces())
        self.balance.subtract(before)

    @invariant()
    def no_piece_is_lost_or_doubled_and_no_two_states_have_the_same_version(self) -> None:
        basket = self.basket()
        pieces = all_of(basket)
        for order in self.orders.values():
            pieces.update(order.held)
        assert pieces == +self.balance
        assert self.states.setdefault(basket.version, basket.quantities) == basket.quantities

    @rule(sku=SKUS, quantity=st.integers(1, 5))
    def put(self, sku: str, quantity: int) -> None:
        with self.customers_change():
            try:
                basket = self.run(self.store.put(self.owner, sku, quantity))
            except BasketFull:
                return
        assert basket.quantities[sku] == quantity
        assert sku not in basket.waiting

    @rule(sku=SKUS)
    def remove(self, sku: str) -> None:
        with self.customers_change():
            basket = self.run(self.store.remove(self.owner, sku))
        assert sku not in {*basket.quantities, *basket.waiting}

    @rule()
    def empty(self) -> None:
        with self.customers_change():
            self.run(self.store.delete(self.owner))
        assert not self.pieces()

    @rule(seconds=st.sampled_from([20, 60]))
    def time_passes(self, seconds: int) -> None:
        self.clock.now += timedelta(seconds=seconds)

    @rule(order_id=ORDERS, back=st.sampled_from([1, 1, 1, 2, 3]))
    def claim(self, order_id: str, back: int) -> None:
        order, before = self.orders[order_id], self.basket()
        version = self.versions[-min(back, len(self.versions))]
        try:
            claimed = Counter(self.run(self.store.claim(self.owner, order_id, version)))
        except (BasketEmpty, BasketChanged):
            assert not order.held
            assert order.lines is None
            assert version == 0 or version != before.version
            return
        if order.lines is not None:
            assert claimed == order.lines
        elif order.held:
            assert claimed == order.held
            order.hold(claimed, self.clock.now + TIMEOUT)
        else:
            assert (version, claimed) == (before.version, Counter(before.quantities))
            order.hold(claimed, self.clock.now + TIMEOUT)
            order.claims.append(claimed)

    @rule(order_id=ORDERS)
    def release(self, order_id: str) -> None:
        self.run(self.store.release(self.owner, order_id))
        self.orders[order_id].held = Counter()

    @rule(order_id=ORDERS, which=st.integers(0, 2), times=st.integers(1, 2))
    def placed(self, order_id: str, which: int, times: int) -> None:
        order = self.orders[order_id]
        if not order.claims:
            return
        order.lines = order.lines or order.claims[which % len(order.claims)]
        data = OrderPlaced(order_id=order_id, owner=self.owner, lines=lines(order.lines))
        before = self.pieces()
        for _ in range(times):
            self.run(self.store.placed(event(data, subject=order_id)))
        if order.placed or order.cancelled:
            assert self.pieces() == before
        else:
            self.sold(order, before)
        order.placed = True

    @rule(order_id=ORDERS, which=st.integers(0, 2), restore=st.booleans(), times=st.integers(1, 2))
    def cancelled(self, order_id: str, which: int, restore: bool, times: int) -> None:  # noqa: FBT001 (drawn)
        order = self.orders[order_id]
        if not order.claims or order.cancelled:
            return
        order.lines = order.lines or order.claims[which % len(order.claims)]
        data = OrderCancelled(
            order_id=order_id, owner=self.owner, lines=lines(order.lines), restore_basket=restore
        )
        before = self.pieces()
        for _ in range(times):
            self.run(self.store.cancelled(event(data, subject=order_id)))
        back = order.lines if restore else Counter[str]()
        if order.placed:
            assert self.pieces() == before + back
            self.balance.update(back)
        else:
            self.sold(order, before, back)
        order.cancelled = True

    def sold(self, order: Order, before: Counter[str], back: Counter[str] | None = None) -> None:
        """What was ordered is no longer the customer's, unless it is `back` already.

        The customer may have taken out what an ended claim gave back: that cannot be taken out again.
        """
        assert order.lines is not None
        before = before + order.held
        after = self.pieces() - (back or Counter())
        for sku in {*before, *after, *order.lines}:
            taken = before[sku] - after[sku]
            assert 0 <= taken <= order.lines[sku]
            assert taken >= order.held[sku] if order.held[sku] <= order.lines[sku] else True
            assert taken == order.lines[sku] or sku not in self.basket().quantities or back
            self.balance[sku] -= taken - (back or Counter())[sku]
        order.held = Counter()


def all_of(basket: Basket) -> Counter[str]:
    """All that is in the basket, or waits for room in it."""
    return Counter(basket.quantities) + Counter(basket.waiting)


def lines(quantities: Counter[str]) -> tuple[OrderedLine, ...]:
    return tuple(OrderedLine(sku=sku, quantity=quantity) for sku, quantity in quantities.items())


@pytest.fixture
def _small_baskets(monkeypatch: pytest.MonkeyPatch, valkey_url: str) -> None:
    monkeypatch.setattr(module, "MAX_ARTICLES", 2)
    monkeypatch.setattr(module, "MAX_QUANTITY", 5)
    monkeypatch.setattr(Baskets, "url", valkey_url, raising=False)


@pytest.mark.usefixtures("_small_baskets")
def test_no_interleaving_of_changes_claims_and_orders_loses_or_doubles_a_piece() -> None:
    run_state_machine_as_test(
        Baskets,
        settings=settings(
            max_examples=15,
            stateful_step_count=40,
            phases=[Phase.generate],  # each step is a call to a server: shrinking would take minutes
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
