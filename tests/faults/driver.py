"""One run: customers, the monkey, rest, and the ledgers."""

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from nats.errors import Error as NatsError
from sqlalchemy.exc import SQLAlchemyError

from frontispiece.cli.run.scaling import scale
from tests.faults.checker import violations
from tests.faults.customers import Customer, Notes
from tests.faults.ledgers import Ledgers
from tests.faults.monkey import Action, Fault, Monkey, plan
from tests.faults.moving import MOVER, Mover, customers_and_buckets
from tests.faults.reading import Reader
from tests.faults.shop import Shop
from tests.support.customers import add_customers
from tests.support.shop import PROJECT

CUSTOMERS: Final = 16

VICTIMS: Final = (
    "ordering",
    "payment",
    "inventory",
    "shipping",
    "notification",
    "acquirer",
    "basket",
    "NATS",
)

POSTGRESQL: Final = "PostgreSQL"

MAX_REFUSAL: Final = 1.0
"""Seconds that a move of buckets may have an order refused."""

SAMPLING: Final = 0.1
"""Seconds between two looks at the stock."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run does.

    Args:
        orders: how many are to be accepted.
        kills: how often the monkey strikes.
        seed: of everything that is chosen.
        interval: seconds between two strikes, on average.
        rest: seconds that the shop has to come to rest.
        victims: whom the monkey may hit.
        actions: what it may do to them.
        moved: how many buckets of orders move meanwhile.
        and_back: whether they move back, too, before they move for good.
        instances: how many of ordering run.
    """

    orders: int
    kills: int
    seed: int
    interval: float
    rest: float
    victims: Sequence[str] = VICTIMS
    actions: Collection[Action] = tuple(Action)
    moved: int = 0
    and_back: bool = False
    instances: int = 1

    @property
    def faults(self) -> list[Fault]:
        """Of the monkey."""
        return plan(self.seed, self.victims, self.kills, self.interval, self.actions)

    @property
    def pause(self) -> float:
        """Seconds between two orders of a customer, so that the load lasts as long as the monkey."""
        return self.kills * self.interval * CUSTOMERS / self.orders


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a run.

    Args:
        plan: of the run.
        faults: that were carried out.
        notes: of the customers.
        unsettled: what was still under way when the time for coming to rest was over.
        ledgers: at the end.
        violations: of what must hold.
        seconds: that the load lasted, and that the shop took to come to rest.
    """

    plan: Plan
    faults: Sequence[Fault]
    notes: Notes
    unsettled: dict[str, int]
    ledgers: Ledgers
    violations: Sequence[str]
    seconds: tuple[float, float]

    def report(self) -> Iterator[str]:
        """Lines for a terminal."""
        yield from map(str, self.faults)
        ends = Counter(order.facts[-1] for order in self.ledgers.orders.values())
        load, rest = self.seconds
        yield f"responses: {dict(sorted(self.notes.responses.items()))}"
        yield f"ordering refused an order for {self.notes.refused:.2f} s at most"
        late, latest = self.notes.late, self.notes.latest
        yield f"orders that failed at first: {late}, each accepted {latest:.2f} s later at most"
        yield f"{len(self.notes.accepted)} orders accepted in {load:.1f} s; all orders: {dict(ends)}"
        yield f"{len(self.ledgers.published)} events published; at rest {rest:.1f} s after the last order"
        kinds = Counter(operation.kind for operation in self.ledgers.operations)
        yield f"the acquirer's ledger: {dict(kinds)}; mails and pushes: {len(self.ledgers.notifications)}"
        yield f"inboxes that were compared: {', '.join(sorted(self.ledgers.consumers))}"
        for name, count in self.unsettled.items():
            yield f"NOT AT REST: {name}: {count}"
        for violation in self.violations:
            yield f"VIOLATION: {violation}"
        yield f"seed {self.plan.seed}: {len(self.violations)} violations"


async def drive(shop: Shop, plan: Plan) -> Outcome:
    """Carry a plan out in a running shop."""
    reader = Reader(shop.data, shop.nats_url)
    names, buckets = customers_and_buckets(CUSTOMERS, plan.moved)
    mover = Mover(shop.data, buckets)
    await add_customers(shop.data, names)
    at_start = await reader.stock()
    skus = sorted(sku for sku, (on_hand, _) in at_start.items() if on_hand)
    assert PROJECT.login is not None
    notes = Notes()
    monkey = Monkey(
        plan.faults,
        lambda victim: mover.pid if victim == MOVER else shop.pid_of(victim, len(monkey.carried_out)),
        lambda victim: victim == MOVER and mover.is_done,
    )
    if plan.instances > 1:
        scale(shop.data, {"ordering": plan.instances})
        while len(shop.instances("ordering")) < plan.instances:  # noqa: ASYNC110 (another thread starts them)
            await asyncio.sleep(SAMPLING)
    watch = StockWatch(reader)
    watching = asyncio.create_task(watch.run())
    begun = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(monkey.run())
        if plan.moved:
            tasks.create_task(mover.run(and_back=plan.and_back))
        for number, name in enumerate(names):
            customer = Customer(name, shop.url, PROJECT.login, skus, notes, plan.seed + number)
            share = len(range(number, plan.orders, CUSTOMERS))
            tasks.create_task(customer.shop(share, plan.pause))
    ordered = time.monotonic()
    unsettled = await rest(reader, plan.rest)
    rested = time.monotonic()
    watching.cancel()
    ledgers = await reader.ledgers(notes.accepted, at_start, watch.lowest)
    found = violations(ledgers)
    if plan.moved and notes.refused > MAX_REFUSAL:
        found.append(f"an order was refused for {notes.refused:.2f} s while buckets moved")
    return Outcome(
        plan=plan,
        faults=monkey.carried_out,
        notes=notes,
        unsettled=unsettled,
        ledgers=ledgers,
        violations=found,
        seconds=(ordered - begun, rested - ordered),
    )


class StockWatch:
    """Looks at the stock again and again while orders are carried out."""

    def __init__(self, reader: Reader) -> None:
        self.lowest = 0
        """The lowest number of available units that was seen of any article, or zero."""
        self._reader = reader

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            with suppress(SQLAlchemyError):  # the database is being started again
                self.lowest = min(self.lowest, await self._reader.lowest())
            await asyncio.sleep(SAMPLING)


async def rest(reader: Reader, seconds: float) -> dict[str, int]:
    """What is still under way when the shop is at rest: nothing, unless the time for that is over."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            unsettled = await reader.unsettled()
        except (SQLAlchemyError, NatsError, OSError) as error:  # a server is being started again
            unsettled = {repr(error): 1}
        if not unsettled or time.monotonic() > deadline:
            return unsettled
        await asyncio.sleep(0.2)
