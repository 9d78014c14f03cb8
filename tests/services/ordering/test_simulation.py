"""Whatever the bus and the clock do, every order ends, paid once and delivered or holding nothing.

The saga runs against models of the services, on a bus that delivers in any order, twice, late or (twice at
most) not at all, while the clock jumps. No I/O: thousands of deliveries a second.
"""

import random
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from services.ordering.order import fold
from tests.services.ordering.simulation import DECLINED_TOKEN, FAR_COUNTRY, World

LOST = 2
"""Messages lost for good, which the bus promises not to do; every command is sent more often than that."""


class Checkout(RuleBasedStateMachine):
    """Customers, a bus and a clock, in any order."""

    faults: ClassVar[set[str]] = set()

    def __init__(self) -> None:
        super().__init__()
        self.world = World(faults=frozenset(self.faults))
        self.lost = 0

    @precondition(lambda self: len(self.world.orders) < 5)
    @rule(
        sku=st.sampled_from(["PEN", "INK"]),
        quantity=st.integers(1, 4),
        token=st.sampled_from(["tok_1", "tok_1", DECLINED_TOKEN]),
        country=st.sampled_from(["DE", "DE", FAR_COUNTRY]),
    )
    def place(self, **order: Any) -> None:
        self.world.place(**order)

    @precondition(lambda self: self.world.orders)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.world.cancel(data.draw(st.sampled_from(list(self.world.orders.values()))))

    @precondition(lambda self: self.world.bus)
    @rule(index=st.integers(0, 50), acknowledged=st.booleans())
    def deliver(self, index: int, *, acknowledged: bool) -> None:
        bus = self.world.bus
        self.world.deliver(bus[index % len(bus)], acknowledged=acknowledged)

    @precondition(lambda self: self.world.bus)
    @rule(number=st.integers(1, 12))
    def deliver_many(self, number: int) -> None:
        for _ in range(number):
            if self.world.bus:
                self.world.deliver(self.world.bus[0])

    @precondition(lambda self: self.world.bus and self.lost < LOST)
    @rule(index=st.integers(0, 50))
    def lose(self, index: int) -> None:
        self.lost += 1
        self.world.bus.pop(index % len(self.world.bus))

    @rule(seconds=st.sampled_from([1, 6, 25, 100, 1000]))
    def advance(self, seconds: int) -> None:
        self.world.advance(seconds)

    @invariant()
    def always(self) -> None:
        self.world.check_always()

    def teardown(self) -> None:
        self.world.come_to_rest()
        self.world.check_at_rest()
        for order in self.world.orders.values():
            assert fold(self.world.streams[order.id], order_id=order.id) == order


SCHEDULES = settings(
    max_examples=100, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_every_order_ends_paid_once_and_delivered_or_holding_nothing() -> None:
    run_state_machine_as_test(Checkout, settings=SCHEDULES)


def test_hundreds_of_schedules_by_chance_end_as_well() -> None:
    """Longer and more than Hypothesis can try in the time; the number that fails replays it."""
    for seed in range(300):
        world = World()
        run_by_chance(world, random.Random(seed))  # noqa: S311 (no secret)
        world.come_to_rest()
        try:
            world.check_at_rest()
        except AssertionError as failure:
            raise AssertionError(f"seed {seed}") from failure


def run_by_chance(world: World, chance: random.Random) -> None:
    lost = 0
    for _ in range(50):
        what = chance.random()
        if what < 0.1 and len(world.orders) < 5:
            token = chance.choice(["tok_1", "tok_1", "tok_1", DECLINED_TOKEN])
            country = chance.choice(["DE", "DE", "DE", FAR_COUNTRY])
            world.place(chance.choice(["PEN", "INK"]), chance.randint(1, 4), token, country)
        elif what < 0.12 and world.orders:
            world.cancel(chance.choice(list(world.orders.values())))
        elif what < 0.17:
            world.advance(chance.choice([1, 6, 25, 100, 1000]))
        elif what < 0.19 and world.bus and lost < LOST:
            lost += 1
            world.bus.remove(chance.choice(world.bus))
        elif world.bus:
            world.deliver(chance.choice(world.bus), acknowledged=chance.random() < 0.8)
        world.check_always()


@pytest.mark.parametrize(
    ("fault", "finding"),
    [
        ("oversells", "oversold"),
        ("charges_again", "charged twice"),
        ("never_resends", "an order without an end"),
    ],
)
def test_the_simulation_finds_a_fault_that_is_put_in(fault: str, finding: str) -> None:
    class Faulty(Checkout):
        faults: ClassVar[set[str]] = {fault}

    with pytest.raises(AssertionError, match=finding):
        run_state_machine_as_test(
            Faulty,
            settings=settings(
                SCHEDULES,
                max_examples=2000,
                phases=[Phase.generate],
                report_multiple_bugs=False,
                database=None,
            ),
        )
