"""What must hold when a run has come to rest, whatever was killed: pure functions over the ledgers.

Each yields a sentence for each violation.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Final

from tests.faults.ledgers import Ledgers

ENDS: Final = {"completed", "cancelled"}
ONCE: Final = ("placed", "confirmed", "completed", "cancelled")


def violations(ledgers: Ledgers) -> list[str]:
    """All that is wrong; empty when every invariant holds."""
    return [violation for check in CHECKS for violation in check(ledgers)]


def every_accepted_order_ends(ledgers: Ledgers) -> Iterator[str]:
    """An accepted order is in the log, for the total that the customer saw; every order ends once."""
    for accepted in ledgers.accepted:
        order = ledgers.orders.get(accepted.order_id)
        if order is None:
            yield f"order {accepted.order_id} was accepted and is lost"
        elif (order.total, order.currency) != (accepted.total, accepted.currency):
            agreed, charged = f"{accepted.total} {accepted.currency}", f"{order.total} {order.currency}"
            yield f"order {order.id} was accepted for {agreed} and is one for {charged}"
    for order in ledgers.orders.values():
        ends = [fact for fact in order.facts if fact in ENDS]
        if not ends:
            yield f"order {order.id} has not ended: {', '.join(order.facts)}"
        elif len(ends) > 1:
            yield f"order {order.id} has ended as {' and '.join(ends)}"


def no_basket_is_bought_twice(ledgers: Ledgers) -> Iterator[str]:
    """A basket becomes one sale, also when its customer presses again with a new key after a failure."""
    sold = Counter(
        (order.owner, order.basket_version) for order in ledgers.orders.values() if order.is_completed
    )
    for (owner, version), count in sold.items():
        if count > 1:
            yield f"{owner} has bought basket {version} {count} times"


def captures_equal_completed_orders(ledgers: Ledgers) -> Iterator[str]:
    """The acquirer has taken the money of completed orders, each once and for its sum, and holds no other."""
    operations: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for operation in ledgers.operations:
        operations[operation.reference][operation.kind] += 1
        order = ledgers.orders.get(operation.reference)
        if order is None:
            yield f"the acquirer has a {operation.kind} for {operation.reference}, which is no order"
        elif (operation.amount, operation.currency) != (order.total, order.currency):
            yield f"order {order.id}: {operation.kind} of {operation.amount}, not of {order.total}"
    for order in ledgers.orders.values():
        of_order = operations[order.id]
        taken, returned = of_order["capture"], of_order["refund"]
        if order.is_completed and (taken, returned) != (1, 0):
            yield f"order {order.id} is completed: {taken} captures and {returned} refunds"
        if not order.is_completed and taken != returned:
            yield f"order {order.id} is not completed: {taken} captures and {returned} refunds"
        if (held := of_order["authorise"] - taken - of_order["void"]) != 0:
            yield f"order {order.id}: {held} authorisations are neither captured nor void"


def stock_is_conserved(ledgers: Ledgers) -> Iterator[str]:
    """What was sold and what is left is what there was, and never was more sold than there is."""
    sold: Counter[str] = Counter()
    for order in ledgers.orders.values():
        if order.is_completed:
            sold.update(order.lines)
    for sku, stock in ledgers.stock.items():
        if sold[sku] + stock.on_hand != stock.start:
            yield f"{sku}: {sold[sku]} sold and {stock.on_hand} left of {stock.start}"
        if stock.reserved:
            yield f"{sku}: {stock.reserved} are reserved, and no order is open"
    for sku in sold.keys() - ledgers.stock.keys():
        yield f"{sku}: {sold[sku]} sold, of an article without stock"
    if ledgers.lowest < 0:
        yield f"{-ledgers.lowest} units more than there were of an article were reserved or sold"


def every_fact_is_published(ledgers: Ledgers) -> Iterator[str]:
    """What happened to an order was published, as one event; nothing waits, and nothing was given up."""
    ids: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for message in ledgers.published:
        ids[message.subject, message.type].add(message.id)
    for order in ledgers.orders.values():
        for fact in ONCE:
            count = len(ids[order.id, f"shop.ordering.{fact}"])
            if count != order.facts.count(fact):
                yield f"order {order.id}: {fact} {order.facts.count(fact)} times, published as {count} events"
    for service, waiting in ledgers.outboxes.items():
        if waiting:
            yield f"{service}: {waiting} events wait to be published"
    for name, waiting in ledgers.unhandled.items():
        if waiting:
            yield f"{name}: {waiting} messages wait to be handled"
    for parked in ledgers.parked:
        yield f"parked: {parked}"


def every_event_is_applied(ledgers: Ledgers) -> Iterator[str]:
    """A service has handled each event that it is subscribed to; that it did so once, the others say."""
    for name, consumer in ledgers.consumers.items():
        wanted = {message.id: message for message in ledgers.published if message.type in consumer.types}
        for missing in wanted.keys() - consumer.handled:
            message = wanted[missing]
            yield f"{name} has not handled {message.type} of {message.subject}"


def the_read_model_equals_a_fresh_projection(ledgers: Ledgers) -> Iterator[str]:
    """The tables that are read have the rows that the log gives."""
    for table in sorted(ledgers.read_model.keys() | ledgers.projection.keys()):
        rows, expected = (Counter(of.get(table, ())) for of in (ledgers.read_model, ledgers.projection))
        if rows != expected:
            yield (
                f"{table}: {(rows - expected).total()} rows are not in a fresh projection, "
                f"{(expected - rows).total()} of its rows are missing"
            )


def nothing_is_sent_twice(ledgers: Ledgers) -> Iterator[str]:
    """A customer gets each mail and each push at most once."""
    for key, count in Counter(ledgers.notifications).items():
        if count > 1:
            yield f"{key} was sent {count} times"


CHECKS: Final[tuple[Callable[[Ledgers], Iterator[str]], ...]] = (
    every_accepted_order_ends,
    no_basket_is_bought_twice,
    captures_equal_completed_orders,
    stock_is_conserved,
    every_fact_is_published,
    every_event_is_applied,
    the_read_model_equals_a_fresh_projection,
    nothing_is_sent_twice,
)
